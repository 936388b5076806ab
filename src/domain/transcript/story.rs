//! What is left of a session: what was asked, what was done, what is open, where it stopped.

use super::{Meta, Todo};
use crate::domain::activity::Background;
use chrono::{DateTime, Utc};

/// What a transcript tells of its session. Every text is as the transcript has it: data, to be cleaned before use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// Whose session it is, and where.
    pub meta: Meta,
    /// The time of the first line.
    pub started: Option<DateTime<Utc>>,
    /// The time of the last line.
    pub ended: Option<DateTime<Utc>>,
    /// The first request of a person.
    pub request: Option<String>,
    /// The last one, if it is another.
    pub last_request: Option<String>,
    /// When something was asked for last.
    pub asked_at: Option<DateTime<Utc>>,
    /// What the agent said last.
    pub message: Option<String>,
    /// When it said so.
    pub said_at: Option<DateTime<Utc>>,
    /// Why the host could not go on after that.
    pub trouble: Option<String>,
    /// What the host kept at the last compaction.
    pub summary: Option<String>,
    /// Commits in order.
    pub commits: Vec<Commit>,
    /// Edited files, relative to the session's directory if they are in it, the last one last.
    pub files: Vec<String>,
    /// Those of them that no later commit took in.
    pub uncommitted: Vec<String>,
    /// Commands that matter, each as it ended last, in the order of these ends.
    pub commands: Vec<Command>,
    /// To-dos that are not over, in the agent's order.
    pub todos: Vec<Todo>,
    /// Background work that was not over.
    pub background: Vec<Background>,
    /// What was begun and has no end: it was under way when the session was killed.
    pub under_way: Vec<String>,
}

/// A commit that the agent made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Its hash, if the output told it.
    pub hash: Option<String>,
    /// The first line of its message.
    pub subject: String,
}

/// A command and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// One line, without what only trims its output.
    pub line: String,
    /// Whether it passed, if that is known.
    pub passed: Option<bool>,
    /// The line of its output that says most.
    pub told: String,
}

impl Story {
    /// The same with files relative to `root`, wherever in it the session's directory is.
    #[must_use]
    pub fn within(mut self, root: &str) -> Self {
        let base = self.meta.cwd.clone().unwrap_or_default();
        for file in self.files.iter_mut().chain(&mut self.uncommitted) {
            *file = relative(&absolute(file, &base), root);
        }
        self
    }
}

fn absolute(file: &str, base: &str) -> String {
    if file.starts_with('/') || base.is_empty() {
        file.to_owned()
    } else {
        format!("{}/{file}", base.trim_end_matches('/'))
    }
}

/// A path below `base` without it; any other as it is.
pub(super) fn relative(file: &str, base: &str) -> String {
    let base = base.trim_end_matches('/');
    match file.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')) {
        Some(inside) if !base.is_empty() && !inside.is_empty() => inside.to_owned(),
        _ => file.to_owned(),
    }
}
