//! How a job ended: `exit.json`, written once, before anything else is told of the end.

use crate::domain::secret::mask;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// How a job ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exit {
    /// [`VERSION`](super::VERSION) of who wrote it.
    pub version: u32,
    /// The short id.
    pub id: String,
    /// In a word.
    pub outcome: Outcome,
    /// The exit code of the last attempt; none if a signal ended it, or nothing ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why, where the outcome does not say it all: one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the first attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When the last one ended; of a lost job when that was noticed.
    pub ended_at: DateTime<Utc>,
    /// All attempts, the first one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Bytes that it printed.
    pub bytes: u64,
    /// Bytes of these that were not kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut: u64,
    /// Why some output could not be kept: `output lost from byte N: no space left on device`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_lost: Option<String>,
    /// It failed, and its last lines say that it wanted a terminal, which no job has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wanted_terminal: bool,
    /// Processes of it that went on when its command had ended. They are not touched unless somebody asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<Group>,
    /// The declared results of a success.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ResultFile>,
    /// Lines that its patterns found.
    #[serde(skip_serializing_if = "is_zero")]
    pub matches: u64,
    /// Milliseconds of its longest silence within an attempt.
    #[serde(skip_serializing_if = "is_zero")]
    pub silence_ms: u64,
}

/// How a job ended, in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Exit code 0, and all results are there.
    Ok,
    /// Another exit code, a signal that nobody here sent, or a missing result.
    Failed,
    /// It took too long.
    Timeout,
    /// It was silent for too long.
    Idle,
    /// Somebody, or the end of its session, ended it.
    Killed,
    /// What it waited for can never come.
    Skipped,
    /// It could not be started: no such command, not executable, no such directory.
    Missing,
    /// Nobody looked after it when it ended.
    #[default]
    Lost,
}

/// One run of the command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// In a word.
    pub outcome: Outcome,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why, where the outcome does not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Processes that one supervisor started and that still run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// The short id of the job, which all of them have in their environment as `STATE_JOB`.
    pub id: String,
    /// The process of the command, `PID:START:BOOT`; its pid is the number of the group.
    pub leader: String,
    /// The supervisor, `PID:START:BOOT`; its pid is the number of the session.
    pub supervisor: String,
    /// Those that run.
    pub members: Vec<Member>,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    /// `PID:START:BOOT`.
    pub process: String,
    /// The first bytes of the program's name.
    pub command: String,
}

/// A file that a job left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultFile {
    /// As it was declared.
    pub path: PathBuf,
    /// 64 hex digits of its content.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// The copy that is kept, relative to the job's directory; none of a directory, or of a file that is too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The signals that end commands most often; their numbers are the same on all systems.
fn name_of(signal: i32) -> &'static str {
    match signal {
        1 => ", SIGHUP",
        2 => ", SIGINT",
        6 => ", SIGABRT",
        9 => ", SIGKILL",
        11 => ", SIGSEGV",
        13 => ", SIGPIPE",
        15 => ", SIGTERM",
        _ => "",
    }
}

impl Outcome {
    /// The stable word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Idle => "idle",
            Self::Killed => "killed",
            Self::Skipped => "skipped",
            Self::Missing => "missing",
            Self::Lost => "lost",
        }
    }

    /// Whether another attempt could end better. What was killed was not wanted, and what is missing stays so.
    #[must_use]
    pub fn is_retried(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Idle)
    }
}

impl Exit {
    /// How long the last attempt took.
    #[must_use]
    pub fn duration(&self) -> Option<TimeDelta> {
        self.attempts.last().map(|attempt| attempt.ended_at.signed_duration_since(attempt.started_at))
    }

    /// Why it ended so, without secrets: the reason, or the signal that nobody here sent.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let signal = || self.signal.filter(|_| self.outcome == Outcome::Failed && self.code.is_none());
        let reason = self.reason.as_deref().map(|reason| mask(reason).into_owned());
        reason.or_else(|| signal().map(|signal| format!("signal {signal}{}", name_of(signal))))
    }
}

/// As a phrase, with secrets masked: `ok`, `failed with exit code 2`, `killed: its session ended`.
impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phrase(f, self.outcome, self.reason.as_deref(), (self.code, self.signal))
    }
}

/// The same of one attempt.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phrase(f, self.outcome, self.reason.as_deref(), (self.code, self.signal))
    }
}

fn phrase(
    f: &mut fmt::Formatter<'_>,
    outcome: Outcome,
    reason: Option<&str>,
    (code, signal): (Option<i32>, Option<i32>),
) -> fmt::Result {
    f.write_str(outcome.name())?;
    match (reason, code, signal) {
        (Some(reason), ..) => write!(f, ": {}", mask(reason)),
        (None, Some(code), _) if outcome == Outcome::Failed => write!(f, " with exit code {code}"),
        (None, None, Some(signal)) if outcome == Outcome::Failed => write!(f, " by signal {signal}"),
        _ => Ok(()),
    }
}
