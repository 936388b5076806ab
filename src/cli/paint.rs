//! Colour and the shapes of lines that several verbs print.

use crate::domain::text;
use crate::domain::when;
use crate::ops::report::Line;
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// Escape sequences, or nothing where colour is not wanted.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    pub(super) on: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// What a reader looks for first.
    pub(super) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What can be skipped.
    pub(super) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// An id.
    pub(super) fn id(self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// What wants attention.
    pub(super) fn warn(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// `[word]` in a snippet, painted instead of bracketed on a terminal.
    pub(super) fn matches(self, snippet: &str) -> String {
        if self.on { snippet.replace('[', "\u{1b}[1m").replace(']', "\u{1b}[0m") } else { snippet.to_owned() }
    }
}

/// A record as one line: id, age, what it is, title.
pub(super) fn line(paint: Paint, record: &Line, now: DateTime<Utc>) -> String {
    let mut line = format!("{} {:>5}  ", paint.id(&format!("{:<8}", record.id)), when::age(record.updated, now));
    if let Some(priority) = record.priority {
        let _ = write!(line, "p{priority} ");
    }
    if record.kind != "task" {
        let _ = write!(line, "{} ", paint.dim(&record.kind));
    }
    let usual = ["open", "live"].contains(&record.status.as_str());
    if !usual {
        let _ = write!(line, "{} ", paint.dim(&record.status));
    }
    line.push_str(&text::display(&record.title));
    if !record.tags.is_empty() {
        let _ = write!(
            line,
            " {}",
            paint.dim(&record.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" "))
        );
    }
    if !record.blocked_by.is_empty() {
        let _ = write!(line, " {}", paint.warn(&format!("(waits for {})", record.blocked_by.join(", "))));
    }
    if let Some(session) = &record.claimed_by {
        let _ = write!(line, " {}", paint.dim(&format!("({session} is on it)")));
    }
    if let Some(until) = record.defer {
        let _ = write!(line, " {}", paint.dim(&format!("(not before {})", until.format("%Y-%m-%d %H:%M"))));
    }
    line
}

/// Ids with commas.
pub(super) fn ids(records: &[Line]) -> String {
    records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>().join(", ")
}
