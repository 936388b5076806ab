//! A job in words, the same for every door.

use super::report::JobReport;
use crate::domain::job::measure::coarse_span;
use crate::domain::{text, when};
use chrono::{DateTime, Local, Utc};
use std::time::Duration;

/// What is said of a job that need not have been one.
pub const SHORT: &str = "short enough to run directly";

/// The same to the second.
pub(super) fn clock_with_seconds(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%H:%M:%S").to_string()
}

/// Columns of a name.
const NAME_COLUMNS: usize = 120;

/// A time of today, as the clock on the wall has it.
#[must_use]
pub fn clock(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%H:%M").to_string()
}

impl JobReport {
    /// Label or command, in a line.
    #[must_use]
    pub fn name(&self) -> String {
        text::truncate_width(&text::clean_line(self.label.as_deref().unwrap_or(&self.command)), NAME_COLUMNS)
    }

    /// How it stands, without its name: `running for 12s; usually 2m; look again 11:42`.
    #[must_use]
    pub fn facts(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut facts = match self.status.as_str() {
            "waiting" => self.waiting(),
            "running" => self.running(now),
            _ => self.over(now),
        };
        facts.extend(self.attempt.map(|attempt| format!("attempt {attempt}")));
        facts
    }

    fn waiting(&self) -> Vec<String> {
        match self.waits_for.as_slice() {
            [] => vec!["not started yet".to_owned()],
            waits_for => vec![format!("for {}", text::clean_line(&waits_for.join(", ")))],
        }
    }

    fn running(&self, now: DateTime<Utc>) -> Vec<String> {
        let since = (now - self.since).to_std().unwrap_or_default();
        let mut facts = vec![format!("for {}", coarse_span(since))];
        facts.extend(self.usual.as_ref().map(|usual| format!("usually {usual}")));
        facts.extend(self.look_again.map(|at| format!("look again {}", clock(at))));
        facts
    }

    fn over(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut facts = self.ending();
        facts.push(when::ago(self.since, now));
        facts
    }

    /// How it ended, without when.
    #[must_use]
    pub fn ending(&self) -> Vec<String> {
        let mut facts = Vec::new();
        facts.extend(self.code.filter(|code| *code != 0).map(|code| format!("exit {code}")));
        facts.extend(self.reason.as_ref().map(|reason| text::display(reason).into_owned()));
        facts.extend(self.took_ms.map(|ms| format!("took {}", coarse_span(Duration::from_millis(ms)))));
        facts
    }
}
