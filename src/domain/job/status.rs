//! How a job is going: `status.json`, replaced whole at every change of state and at most once a second while it prints.
//!
//! `state show ID --path` prints the directory that it is in. It is there for anybody to read, with these promises: it is
//! never half written (a reader sees the old file or the new one); it stays where it is, also when the job is over, until
//! the job is pruned; fields are added but neither removed nor given another meaning without a new `version`; whoever
//! reads it must ignore what it does not know, and take what is absent as its default.
//!
//! | field | what it says |
//! |---|---|
//! | `version` | 1 |
//! | `id` | the short id |
//! | `state` | `waiting` (see `waits_for`), `running`, `ended` (`exit.json` beside it says how) |
//! | `external` | true if it runs elsewhere; else absent |
//! | `attempt` | the attempt that runs or ran last, from 1; 0: never started |
//! | `pid`, `pgid`, `process` | the command's process while it runs, its group (the same number), and the process for all time: `PID:START:BOOT`, the start in clock ticks since boot; else null |
//! | `supervisor` | who looks after it, written the same way |
//! | `since` | when it came into this state, RFC 3339 |
//! | `last_output`, `bytes` | when it printed last, or null, and how much in all: up to a second old |
//! | `waits_for` | while waiting: ids of jobs, `slot GROUP` or `retry 2 at 14:03:12 UTC`; else absent |
//! | `wants_terminal` | it was stopped because it reads from or writes to a terminal that it made itself. A job has no terminal and an empty input: a command that opens `/dev/tty` fails, and `wanted_terminal` in `exit.json` says so |
//! | `ending` | it is being ended: why; else absent |
//!
//! It says what its supervisor knew last. That this still lives is told by nothing but the lock: the file `lock` beside it
//! is locked (`flock`) for as long. Lock free, started and no `exit.json`: the job is lost.

use super::VERSION;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How a job is going. Whether anybody still looks after it, only the lock tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// [`VERSION`] of who wrote it.
    pub version: u32,
    /// The short id.
    pub id: String,
    /// What it is doing.
    pub state: State,
    /// It runs elsewhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// The number of the attempt that runs or ran last, from 1; 0: never started.
    pub attempt: u32,
    /// The process of the command, while it runs.
    pub pid: Option<u32>,
    /// Its process group: the same number.
    pub pgid: Option<u32>,
    /// The same process for all time, `PID:START:BOOT`.
    pub process: Option<String>,
    /// Who looks after it, `PID:START:BOOT`.
    pub supervisor: Option<String>,
    /// When it came into this state.
    pub since: DateTime<Utc>,
    /// When it last printed something.
    pub last_output: Option<DateTime<Utc>>,
    /// Bytes that it printed.
    pub bytes: u64,
    /// While waiting: ids of jobs, `slot GROUP` or `retry 2 at 14:03:12 UTC`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// It was stopped because it wants to read from, or write to, a terminal.
    pub wants_terminal: bool,
    /// It is being ended, with the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// For other jobs, for a slot, or between two attempts.
    #[default]
    Waiting,
    /// Here or elsewhere.
    Running,
    /// `exit.json` says how.
    Ended,
}

impl Status {
    /// Of a job that nothing was done for yet.
    #[must_use]
    pub fn new(id: &str, now: DateTime<Utc>) -> Self {
        Self { version: VERSION, id: id.to_owned(), since: now, ..Self::default() }
    }

    /// Whether a command of it was started here: then its end is lost if nobody looked after it.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.attempt > 0 && !self.external
    }
}
