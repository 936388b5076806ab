//! What hooks note of a session while it runs, so that its handoff can be written if it never writes one.
//!
//! Kept on this machine only, one a session, until the handoff is written. Every text is short and has passed the masking
//! of secrets before it comes here.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What is known of a session from its host's events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Activity {
    /// The name of the session, `claude:6d1e…`.
    pub session: String,
    /// `claude`, `codex`, `gemini`, `opencode`, `cursor`, `copilot`.
    pub host: String,
    /// The process whose end is the session's end, as `PID:START:BOOT`, if it is known.
    pub process: Option<String>,
    /// The branch that it worked on last.
    pub branch: Option<String>,
    /// The worktree that it worked in last.
    pub worktree: String,
    /// The root of that worktree; empty if an earlier version noted it.
    pub root: String,
    /// The path of the transcript, if the host names one.
    pub transcript: Option<String>,
    /// The first thing that was asked for.
    pub request: Option<String>,
    /// The last thing that was asked for, if it is another.
    pub last_request: Option<String>,
    /// When something was asked for last.
    pub asked_at: Option<DateTime<Utc>>,
    /// What the agent said last.
    pub last_message: Option<String>,
    /// When the agent said it.
    pub said_at: Option<DateTime<Utc>>,
    /// Background work that was under way at the last stop.
    pub background: Vec<Background>,
    /// Files that were edited, relative to the worktree, the last one last.
    pub files: Vec<String>,
    /// The word that the host gave for the end; absent while it runs, and for ever if it was killed.
    pub end: Option<String>,
    /// When the last of its events came.
    pub seen_at: Option<DateTime<Utc>>,
}

impl Activity {
    /// All texts of people and agents in it.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let said = [&self.request, &self.last_request, &self.last_message].into_iter().flatten();
        let background = self.background.iter().flat_map(|one| [&one.what, &one.kind]);
        said.chain(&self.files).chain(background).chain([&self.session]).map(String::as_str)
    }
}

/// Something that runs, or is planned, beside the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Background {
    /// The host's id.
    pub id: String,
    /// `shell`, `subagent`, `monitor`, `cron` or another word of the host.
    pub kind: String,
    /// What it is, or the command.
    pub what: String,
    /// `running` or another word of the host.
    pub status: String,
}
