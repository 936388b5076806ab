//! A bar on stderr for work that takes a while, hidden where nobody watches.

use super::door::Door;
use indicatif::{ProgressBar, ProgressStyle};

/// One bar for all the steps of a command.
pub(super) struct Steps(ProgressBar);

impl Steps {
    pub(super) fn of(door: &Door) -> Self {
        if !door.shows_progress() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        Self(match ProgressStyle::with_template("{prefix:>14} {wide_bar} {pos}/{len} {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    /// Shows what is being done, and how much of it is.
    pub(super) fn tell(&self, what: &'static str, done: usize, total: usize) {
        self.0.set_prefix(what);
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
        if total == 0 {
            self.0.tick();
        }
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
