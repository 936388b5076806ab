//! How a job is going: `status.json`, replaced whole at every change of state and at most once a second while it prints.

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
    /// While waiting: ids of jobs, `slot GROUP` or `retry 2 at TIME`.
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
