//! A bar on stderr for work that may be long, hidden where nobody watches.

use super::door::Door;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts `what`: records, events, files.
pub(super) fn bar(door: &Door, what: &'static str) -> ProgressBar {
    styled(door, "{prefix:>14} {wide_bar} {pos}/{len} {eta}").with_prefix(what)
}

/// A bar that counts bytes of a file.
pub(super) fn bytes_bar(door: &Door, what: &'static str) -> ProgressBar {
    styled(door, "{prefix:>14} {wide_bar} {bytes}/{total_bytes} {eta}").with_prefix(what)
}

fn styled(door: &Door, template: &str) -> ProgressBar {
    if !door.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Shows how far the work is.
pub(super) fn advance(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
    if total == 0 {
        bar.tick();
    }
}

/// Shows which step of a command is at work, and how far it is.
pub(super) fn tell(bar: &ProgressBar, what: &'static str, done: usize, total: usize) {
    bar.set_prefix(what);
    advance(bar, done as u64, total as u64);
}
