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
//! | [`process`] | the world outside: git facts, identities, changes of files; jobs below the ledger in `process/job` |
//! | [`ops`] | what users can do, one file a verb's noun: input struct in, report struct out |
//! | [`cli`] | the door for people and agents with a shell |
//! | [`hook`] | the door for the events of agents' hosts; never fails |
//! | [`mcp`] | the door for agents' tools |
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
//! 8. The end of a job is written before its lock is free, and told once; nothing about it is guessed.
//!
//! # As a library
//!
//! **Open.** A [`Workspace`](ops::Workspace) is a place and somebody in it; it holds nothing open, so keep it as long as
//! you like. Clock and random bits come from you.
//!
//! ```
//! use state::ops::workspace::{Environment, Workspace};
//! use state::process::identity::Identity;
//!
//! # fn main() -> state::error::Result<()> {
//! let folder = tempfile::tempdir().expect("a temporary folder");
//! let environment = || Environment {
//!     store: Some(folder.path().join("store")), // `None`: where `state` itself would find it
//!     state_dir: None,
//!     cwd: folder.path().to_owned(),
//!     identity: Identity { session: "example".into(), actor: "me".into(), process: None },
//!     clock: chrono::Utc::now,
//!     seed: [7; 16],
//!     command: "example".into(),
//!     program: None,
//! };
//! assert!(Workspace::open(environment()).is_err()); // there is none yet
//! Workspace::place(environment()).store.init()?;
//! let workspace = Workspace::open(environment())?;
//! assert!(workspace.store.exists());
//! # Ok(())
//! # }
//! ```
//!
//! **Append.** What users can do is a function in [`ops`], an input in and a report out. Below that, all that one closure
//! does is one transaction: durable when [`Workspace::write`](ops::Workspace::write) returns, or not at all.
//!
//! ```
//! use state::domain::draft::Draft;
//! use state::ops::add::{AddInput, add};
//! use state::store::Registers;
//! # use state::ops::workspace::{Environment, Workspace};
//! # use state::process::identity::Identity;
//! # fn environment(dir: &std::path::Path) -> Environment {
//! #     let identity = Identity { session: "example".into(), actor: "me".into(), process: None };
//! #     Environment {
//! #         store: Some(dir.join("store")),
//! #         state_dir: None,
//! #         cwd: dir.to_owned(),
//! #         identity,
//! #         clock: chrono::Utc::now,
//! #         seed: [7; 16],
//! #         command: "example".into(),
//! #         program: None,
//! #     }
//! # }
//! # fn main() -> state::error::Result<()> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # Workspace::place(environment(folder.path())).store.init()?;
//! # let workspace = Workspace::open(environment(folder.path()))?;
//! let draft = Draft { kind: "finding".into(), title: "The lock is per process".into(), ..Draft::default() };
//! let added = add(&workspace, &AddInput { draft, over: Vec::new() })?;
//! assert!(added.records[0].record.id.starts_with("f-"));
//!
//! let note = workspace.write(|writer| {
//!     writer.because("note what was measured");
//!     writer.create("note", Registers::from([("title".into(), "64 writers, worst wait 0.2 s".into())]))
//! })?;
//! let refused = workspace.write(|writer| {
//!     writer.put(note.uid, Registers::from([("title".into(), "never to be seen".into())]))?;
//!     Err::<(), _>(state::error::Error::usage("on second thoughts"))
//! });
//! assert!(refused.is_err());
//! assert_eq!(workspace.read(|view| view.record(note.uid))?.expect("it is there").title(), note.title());
//! # Ok(())
//! # }
//! ```
//!
//! **Read.** One closure sees one state, whatever others write meanwhile; lists are read from the front of a term.
//!
//! ```
//! use state::domain::terms;
//! use state::ops::resolve;
//! use state::store::Registers;
//! # use state::ops::workspace::{Environment, Workspace};
//! # use state::process::identity::Identity;
//! # fn environment(dir: &std::path::Path) -> Environment {
//! #     let identity = Identity { session: "example".into(), actor: "me".into(), process: None };
//! #     Environment {
//! #         store: Some(dir.join("store")),
//! #         state_dir: None,
//! #         cwd: dir.to_owned(),
//! #         identity,
//! #         clock: chrono::Utc::now,
//! #         seed: [7; 16],
//! #         command: "example".into(),
//! #         program: None,
//! #     }
//! # }
//! # fn main() -> state::error::Result<()> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # Workspace::place(environment(folder.path())).store.init()?;
//! # let workspace = Workspace::open(environment(folder.path()))?;
//! for title in ["first", "second"] {
//!     workspace.write(|writer| writer.create("task", Registers::from([("title".into(), title.into())])))?;
//! }
//! let (tasks, same) = workspace.read(|view| {
//!     let tasks = view.first(terms::READY, 10)?;
//!     let same = resolve::record(view, tasks[0].id())?; // as a person would type it
//!     Ok((tasks, same))
//! })?;
//! assert_eq!((tasks.len(), same.title()), (2, "second")); // what was touched last comes first
//! # Ok(())
//! # }
//! ```
//!
//! **Search.** Any text is a query; what was written a moment ago is found, index or not.
//!
//! ```
//! use state::ops::search::{SearchInput, search};
//! use state::store::Registers;
//! # use state::ops::workspace::{Environment, Workspace};
//! # use state::process::identity::Identity;
//! # fn environment(dir: &std::path::Path) -> Environment {
//! #     let identity = Identity { session: "example".into(), actor: "me".into(), process: None };
//! #     Environment {
//! #         store: Some(dir.join("store")),
//! #         state_dir: None,
//! #         cwd: dir.to_owned(),
//! #         identity,
//! #         clock: chrono::Utc::now,
//! #         seed: [7; 16],
//! #         command: "example".into(),
//! #         program: None,
//! #     }
//! # }
//! # fn main() -> state::error::Result<()> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # Workspace::place(environment(folder.path())).store.init()?;
//! # let workspace = Workspace::open(environment(folder.path()))?;
//! workspace.write(|writer| {
//!     writer.create("finding", Registers::from([("title".into(), "The lock is per process".into())]))
//! })?;
//! let input = SearchInput { text: "process locks kind:finding".into(), limit: 10, ..SearchInput::default() };
//! let found = search(&workspace, &input)?;
//! assert_eq!(found.hits[0].record.title, "The lock is per process");
//! assert!(found.hits[0].snippet.contains("[lock]"));
//! # Ok(())
//! # }
//! ```
//!
//! **Resume.** The briefing of the next session, never over its budget of tokens.
//!
//! ```
//! use state::ops::resume::{ResumeInput, resume};
//! use state::store::Registers;
//! # use state::ops::workspace::{Environment, Workspace};
//! # use state::process::identity::Identity;
//! # fn environment(dir: &std::path::Path) -> Environment {
//! #     let identity = Identity { session: "example".into(), actor: "me".into(), process: None };
//! #     Environment {
//! #         store: Some(dir.join("store")),
//! #         state_dir: None,
//! #         cwd: dir.to_owned(),
//! #         identity,
//! #         clock: chrono::Utc::now,
//! #         seed: [7; 16],
//! #         command: "example".into(),
//! #         program: None,
//! #     }
//! # }
//! # fn main() -> state::error::Result<()> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # Workspace::place(environment(folder.path())).store.init()?;
//! # let workspace = Workspace::open(environment(folder.path()))?;
//! workspace.write(|writer| {
//!     writer.create("decision", Registers::from([("title".into(), "Refresh tokens rotate on use".into())]))
//! })?;
//! let briefing = resume(&workspace, &ResumeInput { budget: 500, ..ResumeInput::default() })?;
//! assert!(briefing.text.contains("Refresh tokens rotate on use") && briefing.tokens <= 500);
//! # Ok(())
//! # }
//! ```
//!
//! **Subscribe.** Positions only grow, so a reader that remembers the last one it has seen misses nothing and sees nothing
//! twice, however long it was away. Some positions may be empty (`doctor --prune`), so remember what you saw, do not count.
//!
//! ```
//! use state::store::Registers;
//! # use state::ops::workspace::{Environment, Workspace};
//! # use state::process::identity::Identity;
//! # fn environment(dir: &std::path::Path) -> Environment {
//! #     let identity = Identity { session: "example".into(), actor: "me".into(), process: None };
//! #     Environment {
//! #         store: Some(dir.join("store")),
//! #         state_dir: None,
//! #         cwd: dir.to_owned(),
//! #         identity,
//! #         clock: chrono::Utc::now,
//! #         seed: [7; 16],
//! #         command: "example".into(),
//! #         program: None,
//! #     }
//! # }
//! # fn main() -> state::error::Result<()> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # Workspace::place(environment(folder.path())).store.init()?;
//! # let workspace = Workspace::open(environment(folder.path()))?;
//! let note = |title: &str| {
//!     workspace.write(|writer| writer.create("note", Registers::from([("title".into(), title.into())])))
//! };
//! let (mut seen, mut heard) = (0, Vec::new()); // keep `seen` wherever it survives you
//! for title in ["one", "two", "three"] {
//!     note(title)?;
//!     for (position, event) in workspace.read(|view| view.events(seen + 1..))? {
//!         let title = event.put().and_then(|put| put.set.get("title")?.as_str());
//!         heard.extend(title.map(str::to_owned));
//!         seen = position;
//!     }
//! }
//! assert_eq!(heard, ["example", "one", "two", "three"]); // the session that began is an event too
//! assert!(workspace.read(|view| view.events(seen + 1..))?.is_empty());
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make plain files"))]

pub mod cli;
pub mod domain;
pub mod error;
pub mod hook;
pub mod index;
pub mod mcp;
pub mod ops;
pub mod process;
pub mod store;
