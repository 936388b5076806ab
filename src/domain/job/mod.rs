//! What a background job is: what to do (`spec.json`), how it is going (`status.json`), how it ended (`exit.json`).
//!
//! The three are files of the job's directory and outlive the binary that wrote them: each carries [`VERSION`], unknown
//! fields are ignored, missing ones have defaults. `status.json` is documented for anybody to read.

mod after;
mod exit;
pub mod measure;
mod speculative;
mod status;
#[cfg(test)]
mod tests;

pub use after::{After, Verdict, Want};
pub use exit::{Attempt, Exit, Group, Member, Outcome, ResultFile};
pub use speculative::{Decision, Speculative};
pub use status::{State, Status};

use super::id::Uid;
use super::text::quoted;
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

/// The version of the three files.
pub const VERSION: u32 = 1;
/// Bytes of output that are kept if nobody says otherwise.
pub const OUTPUT_BYTES_DEFAULT: u64 = 64 << 20;
/// Less than this would hold neither a beginning nor an end.
pub const OUTPUT_BYTES_MIN: u64 = 4 << 10;
/// Bytes of a command with all its arguments; the system passes on little more.
pub const COMMAND_BYTES_MAX: usize = 2 << 20;
/// Attempts after the first.
pub const RETRIES_MAX: u32 = 100;
/// Slots of a group.
pub const SLOTS_MAX: u32 = 256;
/// The first pause between two attempts.
pub const BACKOFF_DEFAULT: Duration = Duration::from_secs(2);
/// The longest pause between two attempts, before jitter.
pub const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// What to do. Values of environment variables are not part of it: they are never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// [`VERSION`] of who wrote it.
    pub version: u32,
    /// The short id that the record was born with, also the name of the directory.
    pub id: String,
    /// The record. A short id can come to be another record's by a merge, so that this says whose the directory is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// What people call it; estimates are made of jobs with the same label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Program and arguments; empty for an external job.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// It runs elsewhere; here its end is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// Absolute directory of command, poll, cleanup and results.
    pub cwd: PathBuf,
    /// Names of the variables that were given for this job alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Absolute path of the file that it reads; nothing if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin: Option<PathBuf>,
    /// Milliseconds that an attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Milliseconds that an attempt may be silent. Silent is not hung, so there is none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u64>,
    /// Attempts after a failed one, at most [`RETRIES_MAX`].
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// Milliseconds before the second attempt, [`BACKOFF_DEFAULT`] if absent; doubled for each further one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_ms: Option<u64>,
    /// What must have ended before it starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
    /// How many of its group may run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<Slots>,
    /// Bytes of output to keep, [`OUTPUT_BYTES_DEFAULT`] if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes_max: Option<u64>,
    /// Files that a success leaves, relative to `cwd`; one that is missing makes it a failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<PathBuf>,
    /// Regular expressions; lines of output that one of them finds become events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// Shell command that runs when it was killed or ran out of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<String>,
    /// The process, `PID:START:BOOT`, whose end ends this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// It is not meant to end: ending by itself is a failure.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub service: bool,
    /// Milliseconds that whoever asked for it expects it to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_ms: Option<u64>,
    /// Milliseconds after which it is told that it takes long, from earlier runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_ms: Option<u64>,
    /// Milliseconds of silence after which that is told, from earlier runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_ms: Option<u64>,
    /// What of it is told to its session without being asked.
    #[serde(skip_serializing_if = "Tell::is_default")]
    pub tell: Tell,
    /// Shell command that runs once when it has ended; [`BELL`] for the terminal of whoever asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<String>,
    /// The terminal whose bell is rung.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<PathBuf>,
    /// It is done before anybody has said that it is wanted: what it does can be taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speculative: Option<Speculative>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Who asked for a running job last, and what was to be seen then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The session.
    pub session: String,
    /// Bytes that it had printed.
    pub bytes: u64,
    /// When it was told to look again.
    pub look_again: DateTime<Utc>,
}

impl Asked {
    /// Whether the same session asks again before its time, and there is nothing new.
    #[must_use]
    pub fn is_too_soon(&self, session: &str, bytes: u64, now: DateTime<Utc>) -> bool {
        self.session == session && self.bytes == bytes && now < self.look_again
    }
}

/// What [`Spec::notify`] says to ring the bell of the terminal.
pub const BELL: &str = "bell";

/// What of a job is told to its session without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tell {
    /// Its end, and what is odd about it.
    #[default]
    Done,
    /// The lines that its patterns find, too.
    Progress,
    /// Nothing.
    Asked,
}

impl Tell {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    fn is_default(&self) -> bool {
        *self == Self::Done
    }

    /// The stable word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Progress => "progress",
            Self::Asked => "asked",
        }
    }
}

/// How the end of work elsewhere becomes known, besides a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct External {
    /// Shell command that is asked again and again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
    /// Absolute path of a file whose appearance is the end. Its first word, if a number, is the exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<PathBuf>,
}

/// Success of the command means that the work has ended; its last line, if a number, is the work's exit code, 0 if not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Poll {
    /// Given to `sh -c`.
    pub command: String,
    /// Milliseconds from one answer to the next question.
    pub every_ms: u64,
}

/// A group of jobs of which only some run at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slots {
    /// The group's name: letters, digits, `.`, `_`, `-`; 64 at most, no dot first.
    pub group: String,
    /// How many may run, 1 to [`SLOTS_MAX`].
    pub count: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Spec {
    /// Whether it can be done at all, before anything is made of it.
    ///
    /// # Errors
    /// `Usage`: no command, zero slots, too many retries, a group without a usable name, a pattern that is none, limits
    /// of no length, options that contradict each other.
    pub fn check(&self) -> Result<()> {
        self.check_words()?;
        let no_command = self.command.first().is_none_or(|program| program.trim().is_empty());
        if no_command && self.external.is_none() {
            return Err(Error::usage("no command to run").hint("write it after `--`: state run -- make test"));
        }
        if self.external.is_some() && !self.command.is_empty() {
            return Err(
                Error::usage("an external job has no command here").hint("leave out `--external` to run it here")
            );
        }
        if self.service && self.timeout_ms.is_some() {
            return Err(Error::usage("a service never ends, so it has no timeout").hint("leave out one of the two"));
        }
        self.check_numbers()?;
        self.check_slots()?;
        self.matches.iter().try_for_each(|pattern| check_pattern(pattern))
    }

    fn check_words(&self) -> Result<()> {
        let texts = self.command.iter().chain(&self.cleanup).chain(&self.label);
        let texts =
            texts.chain(self.external.iter().filter_map(|external| external.poll.as_ref()).map(|poll| &poll.command));
        let bytes = texts.map(String::len).fold(0, usize::saturating_add);
        if self.has_nul() {
            return Err(Error::usage("no command, name or path can hold a NUL byte")
                .hint("put it into a file, and use `--stdin`"));
        }
        if bytes > COMMAND_BYTES_MAX {
            let (said, most) = (measure::print_size(bytes as u64), measure::print_size(COMMAND_BYTES_MAX as u64));
            return Err(Error::usage(format!("a command of {said}: at most {most} can be kept"))
                .hint("put it into a script, or what it reads into a file for `--stdin`"));
        }
        Ok(())
    }

    /// No text or path that the system is given can hold one.
    fn has_nul(&self) -> bool {
        let external = self.external.as_ref();
        let poll = external.and_then(|external| external.poll.as_ref()).map(|poll| &poll.command);
        let marker = external.and_then(|external| external.marker.as_ref());
        let texts = self.command.iter().chain(&self.label).chain(&self.cleanup).chain(&self.notify).chain(&self.env);
        let paths = self.results.iter().chain(&self.stdin).chain(&self.terminal).chain(marker).chain([&self.cwd]);
        let mut all = texts.chain(poll).chain(&self.session).map(AsRef::<OsStr>::as_ref);
        all.any(holds_nul) || paths.map(AsRef::<OsStr>::as_ref).any(holds_nul)
    }

    fn check_numbers(&self) -> Result<()> {
        if self.retries > RETRIES_MAX {
            return Err(Error::usage(format!("{} retries are too many", self.retries))
                .hint(format!("{RETRIES_MAX} is the most; something that is to run for ever is a `--service`")));
        }
        if self.timeout_ms == Some(0) || self.idle_timeout_ms == Some(0) {
            return Err(Error::usage("a limit of no time would end the job before it began"));
        }
        if self.expect_ms == Some(0) {
            return Err(Error::usage("nothing takes no time").hint("--expect 20m"));
        }
        if self.external.as_ref().and_then(|external| external.poll.as_ref()).is_some_and(|poll| poll.every_ms == 0) {
            return Err(Error::usage("polling without a pause").hint("write `--every 30s`"));
        }
        if self.output_bytes_max.is_some_and(|bytes| bytes < OUTPUT_BYTES_MIN) {
            return Err(Error::usage(format!("keep at least {} of output", measure::print_size(OUTPUT_BYTES_MIN))));
        }
        Ok(())
    }

    fn check_slots(&self) -> Result<()> {
        let Some(Slots { group, count }) = &self.slots else { return Ok(()) };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if group.is_empty() || group.len() > 64 || group.starts_with('.') || !group.chars().all(plain) {
            return Err(Error::usage(format!("not a group's name: {}", quoted(group)))
                .hint("use up to 64 letters, digits, `.`, `_` and `-`"));
        }
        if !(1..=SLOTS_MAX).contains(count) {
            return Err(Error::usage(format!("{count} slots: nothing could ever be planned with that"))
                .hint(format!("write 1 to {SLOTS_MAX}")));
        }
        Ok(())
    }

    /// Bytes of output to keep.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.output_bytes_max.unwrap_or(OUTPUT_BYTES_DEFAULT).max(OUTPUT_BYTES_MIN)
    }

    /// The pause after a failed attempt, the first is 1: doubled each time, a quarter more or less by `random`.
    #[must_use]
    pub fn pause_after(&self, attempt: u32, random: u64) -> Duration {
        let first = self.backoff_ms.map_or(BACKOFF_DEFAULT, Duration::from_millis);
        let doubled = first.saturating_mul(1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        let capped = measure::millis(doubled.min(BACKOFF_MAX));
        Duration::from_millis(capped - capped / 4 + random % (capped / 2 + 1))
    }
}

fn holds_nul(text: &OsStr) -> bool {
    text.as_encoded_bytes().contains(&0)
}

/// Bytes that a compiled pattern may take.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;

fn check_pattern(pattern: &str) -> Result<()> {
    regex::bytes::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build().map(drop).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::usage(format!("not a pattern: {}: {last}", quoted(pattern)))
    })
}
