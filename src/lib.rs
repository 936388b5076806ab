//! `state`: the durable memory and work ledger of coding agents.
//!
//! A session ends, crashes or is compacted; the next one resumes in seconds. Every change is an event appended to a log,
//! the current state is a fold of the log, and everything else (views, index, briefing) reads it. One mechanism gives
//! atomicity, history, undo, time travel and crash recovery.
//!
//! # Map
//!
//! Imports run down only; `tests/it/tidy.rs` holds that.
//!
//! | module | what it is |
//! |---|---|
//! | `main.rs` | parse, run, exit code; the only reader of environment, clock and randomness |
//! | [`error`] | one error: kind, message, hint, cause; imports nothing |
//! | [`domain`] | pure types and rules: event, fold, record, kind, query, text; a new kind is one row in `domain/kind.rs` |
//! | [`store`] | the truth: log and views in redb, lock, blobs, discovery |
//! | [`index`] | derived: tantivy, tokenizer, and the tail of what it has not seen; never imports the store |
//! | [`process`] | the world outside: git facts, identities, detached children |
//! | [`ops`] | what users can do, one file a verb's noun: input struct in, report struct out |
//! | [`cli`] | the door of this program; others (MCP, hooks, web) will stand beside it |
//!
//! # Promises
//!
//! 1. An acknowledged write is never lost; one that is not acknowledged left nothing behind.
//! 2. Nobody waits for a daemon, and nobody holds the store: open late, one transaction, close early.
//! 3. Cost is flat: no command scans all records.
//! 4. The index is never the truth: in any doubt it is left aside and rebuilt.
//! 5. Any two replicas that saw the same events show the same state.
//! 6. An unreadable input costs one clear error, never data.
//! 7. stdout is the product.
//!
//! # As a library
//!
//! ```
//! use state::domain::draft::Draft;
//! use state::ops::add::{AddInput, add};
//! use state::ops::resume::{ResumeInput, resume};
//! use state::ops::search::{SearchInput, search};
//! use state::ops::workspace::{Environment, Workspace};
//! use state::process::identity::Identity;
//!
//! # fn main() -> state::error::Result<()> {
//! let folder = tempfile::tempdir().expect("a temporary folder");
//! let environment = |store: &std::path::Path| Environment {
//!     store: Some(store.join("store")),
//!     state_dir: None,
//!     cwd: store.to_owned(),
//!     identity: Identity { session: "example".into(), actor: "me".into(), process: None },
//!     clock: chrono::Utc::now,
//!     seed: [7; 16],
//!     command: "example".into(),
//! };
//! Workspace::place(environment(folder.path())).store.init()?;
//! let workspace = Workspace::open(environment(folder.path()))?;
//!
//! let draft = Draft { kind: "finding".into(), title: "The lock is per process".into(), ..Draft::default() };
//! let added = add(&workspace, &AddInput { draft, over: Vec::new() })?;
//!
//! let found = search(&workspace, &SearchInput { text: "process locks".into(), limit: 10, offset: 0 })?;
//! assert_eq!(found.hits[0].record.id, added.records[0].record.id);
//!
//! let events = workspace.read(|view| view.events(1..))?;
//! assert_eq!(events.last().expect("an event").1.why, None); // the transaction's reason is on its first event
//!
//! let briefing = resume(&workspace, &ResumeInput { budget: 500, all_branches: false })?;
//! assert!(briefing.text.contains("The lock is per process") && briefing.tokens <= 500);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make plain files"))]

pub mod cli;
pub mod domain;
pub mod error;
pub mod index;
pub mod ops;
pub mod process;
pub mod store;
