//! The world outside the store: the git repository around a directory, the processes that act, files that change.
//!
//! Facts about git are read from its files, because starting `git` costs 3 ms and every command needs them. What cannot
//! be read is absent, never an error: a memory must answer in a broken repository too.
//!
//! Does not know: the store, the index, what a record is. Environment variables come in through a lookup.

pub mod caller;
pub mod detach;
pub mod git;
pub mod identity;
pub mod job;
pub mod process_id;
pub mod surroundings;
pub mod watch;
pub mod worktree;
