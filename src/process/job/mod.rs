//! Background jobs below the ledger: a directory, a lock, and one supervisor process for each job.
//!
//! The supervisor holds the lock of the directory for its life; nothing else says that a job is looked after. Lock free
//! and `exit.json`: over. Lock free, started, no `exit.json`: lost. Lock free and never started: whoever comes by arms it
//! again. Dependents wait on the locks of what they need, groups have a lock a slot, so that a crash frees all of them.
//!
//! | file | what it is |
//! |---|---|
//! | `dir` | the directory's files, and what they say together: [`Standing`] |
//! | `launch` | making the directory, starting the supervisor: [`prepare`], [`rearm`], [`Armed::start`] |
//! | `post` | the supervisor's side of that: it takes the lock over and lets go of everything else: [`Post`] |
//! | `supervise` | its work from the first wait to the exit record: [`supervise`] |
//! | `needs`, `slots` | waiting for other jobs, waiting for a slot |
//! | `attempt`, `leader` | one run of the command: limits, stopping, what it leaves behind |
//! | `elsewhere`, `shell` | work that runs elsewhere; poll and cleanup commands |
//! | `ears` | the one place where a supervisor waits: pipe, control, session, mail of its threads |
//! | `capture`, `output` | writing output into capped files; reading it: [`Follow`], [`tail`] |
//! | `matches`, `results` | lines that patterns find; declared files hashed and kept |
//! | `notify` | telling somebody outside of the end: [`notify`] |
//! | `terminal` | whether a failed command missed a terminal |
//! | `lock` | a lock that is free as soon as it is let go of |
//! | `control` | what a supervisor can be told: [`send`] |
//! | `members` | processes found by identity, when no parent is left: [`living`], [`end_group`] |
//! | `recorder` | what the ledger is told: [`Recorder`] |
//!
//! A supervisor waits in `poll(2)` and copies through one buffer. Threads only block on locks and on the child, so that
//! it stays small: 200 of them are nothing.
//!
//! Does not know: the store. What the ledger is told goes through [`Recorder`].

mod attempt;
mod capture;
mod control;
mod dir;
mod ears;
mod elsewhere;
mod files;
mod launch;
mod leader;
mod lock;
mod matches;
mod members;
mod needs;
mod notify;
mod output;
mod post;
mod recorder;
mod results;
mod shell;
mod slots;
mod supervise;
mod terminal;
#[cfg(test)]
mod tests;
mod wait;

pub use control::{Command, send};
pub use dir::{JobDir, REMOVED_PREFIX, STILL_RUN, Standing};
pub use launch::{Armed, Starting, Supervisor, prepare, rearm};
pub use members::{JOB_VARIABLE, end_group, living};
pub use notify::{notify, terminal};
pub use output::{Follow, Moment, Piece, Tail, moments, tail};
pub use post::Post;
pub use recorder::Recorder;
pub use results::hash_file;
pub use shell::clean_up;
pub use supervise::{World, supervise};
pub use wait::{stop_patience, wait_for_end};
