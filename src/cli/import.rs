//! `state import`

use super::door::Door;
use super::paint::Paint;
use crate::domain::text;
use crate::error::Result;
use crate::ops::import::{self, ImportReport};
use crate::ops::search;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Take in a beads ledger (.beads/issues.jsonl), JSON lines as add takes them, a Markdown file, or a folder of them.
///
/// Importing the same again changes nothing; a source that has changed updates its record. A broken line is told and the
/// rest goes in.
///
/// JSON: {"added", "updated", "unchanged", "kinds": {KIND: N}, "rejected": [{"file", "line", "why"}], "links_left_out": [TEXT]}
#[derive(clap::Args)]
pub(super) struct ImportArgs {
    /// A file or a folder.
    path: PathBuf,
    /// Take everything or, if any line is broken, nothing.
    #[arg(long)]
    strict: bool,
}

impl ImportArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let records = bar(door, "records");
        let report =
            import::import(&workspace, &self.path, self.strict, &|done, total| advance(&records, done, total))?;
        records.finish_and_clear();
        if report.added + report.updated > search::TAIL_MAX {
            let index = bar(door, "index");
            search::catch_up(&workspace, &|done, total| advance(&index, done, total))?;
            index.finish_and_clear();
        }
        door.report(&report, print)
    }
}

/// A bar on stderr, hidden where nobody watches.
fn bar(door: &Door, what: &'static str) -> ProgressBar {
    if !door.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0).with_prefix(what);
    match ProgressStyle::with_template("{prefix:>8} {wide_bar} {pos}/{len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn advance(bar: &ProgressBar, done: usize, total: usize) {
    bar.set_length(total as u64);
    bar.set_position(done as u64);
}

/// How many refusals are told one by one.
const TOLD_MAX: usize = 10;

fn print(out: &mut String, paint: Paint, report: &ImportReport) {
    let kinds: Vec<String> = report.kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let _ = writeln!(out, "{} added{kinds}, {} updated, {} unchanged", report.added, report.updated, report.unchanged);
    for refusal in report.rejected.iter().take(TOLD_MAX) {
        let line = if refusal.line > 0 { format!(":{}", refusal.line) } else { String::new() };
        let told = format!("{}{line}: {}", refusal.file.display(), refusal.why);
        let _ = writeln!(out, "{}", paint.warn(&text::display(&format!("left out {told}"))));
    }
    if report.rejected.len() > TOLD_MAX {
        let _ = writeln!(
            out,
            "and {} more lines left out: state import --json lists them",
            report.rejected.len() - TOLD_MAX
        );
    }
    for link in report.links_left_out.iter().take(TOLD_MAX) {
        let _ = writeln!(out, "{}", paint.dim(&text::display(&format!("left out the link {link}"))));
    }
    if report.links_left_out.len() > TOLD_MAX {
        let _ = writeln!(out, "and {} more links left out", report.links_left_out.len() - TOLD_MAX);
    }
    let _ = writeln!(out, "Next: state resume, state ready, state search WORDS");
}
