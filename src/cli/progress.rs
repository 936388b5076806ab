//! A bar on stderr for work that may be long, hidden where nobody watches.

use super::door::Door;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts `what`: records, events, files.
pub(super) fn bar(door: &Door, what: &'static str) -> ProgressBar {
    styled(door, what, "{prefix:>8} {wide_bar} {pos}/{len} {eta}")
}

/// A bar that counts bytes of a file.
pub(super) fn bytes_bar(door: &Door, what: &'static str) -> ProgressBar {
    styled(door, what, "{prefix:>8} {wide_bar} {bytes}/{total_bytes} {eta}")
}

fn styled(door: &Door, what: &'static str, template: &str) -> ProgressBar {
    if !door.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0).with_prefix(what);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Shows how far the work is.
pub(super) fn advance(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}
