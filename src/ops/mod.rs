//! What users can do: one file a verb's noun, each a function from an input struct to a report struct.
//!
//! The only layer that touches several others. Doors parse an input, call one function here and print its report; the
//! report's serde form is the documented `--json`. Every change runs in one transaction with a one-line reason.
//!
//! Does not know: argument syntax, colours, protocols.

pub mod add;
pub mod address;
pub mod batch;
pub mod block;
pub mod checkpoint;
pub mod demo;
pub mod doctor;
pub mod done;
pub mod edit;
pub mod erase;
pub mod eval;
pub mod export;
pub mod handoff;
pub mod hook;
pub mod import;
pub mod init;
pub mod job;
pub mod link;
pub mod list;
pub mod log;
pub mod parts;
pub mod prime;
pub mod prune;
pub mod ready;
pub mod report;
pub mod resolve;
pub mod resume;
pub mod rule;
pub mod search;
pub mod session;
pub mod setup;
pub mod show;
pub mod stale;
pub mod start;
pub mod transcript;
pub mod undo;
pub mod workspace;

pub use workspace::Workspace;
