//! `state search`

use super::door::Door;
use super::paint::Paint;
use crate::domain::{text, when};
use crate::error::Result;
use crate::ops::search::{self, Found, SearchInput, SearchReport};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// Find records by words, phrases and filters.
///
/// Any word may match, rank decides; nothing that you type is an error.
///
/// Filters: kind:finding status:open tag:auth path:src/auth branch:main by:claude since:7d before:2026-01-31,
/// "a phrase", -without. Status also takes live and ended.
///
/// JSON: {"hits": [{"record": RECORD, "snippet", "score", "stale", "parts"}], "total", "capped", "notes"?, "behind"}
#[derive(clap::Args)]
pub(super) struct SearchArgs {
    /// What to look for.
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    /// At most so many hits.
    #[arg(long, short = 'n', default_value_t = 10)]
    limit: usize,
    /// Skip so many hits: the next page.
    #[arg(long, default_value_t = 0)]
    offset: usize,
    /// Show the parts of each score.
    #[arg(long)]
    explain: bool,
}

impl SearchArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let input = SearchInput { text: self.words.join(" "), limit: self.limit, offset: self.offset };
        let report = search::search(&workspace, &input)?;
        let (now, explain, shown) = (door.now(), self.explain, self.offset.saturating_add(report.hits.len()));
        door.report(&report, |out, paint, report| {
            for note in report.notes.iter().take(NOTES_MAX) {
                let _ = writeln!(out, "{}", paint.dim(&told(note)));
            }
            if report.hits.is_empty() {
                let _ =
                    writeln!(out, "Nothing found for '{}'. Everything there is: state list kinds", told(&input.text));
            }
            for found in &report.hits {
                hit(out, paint, found, (now, explain));
            }
            more(out, report, &input, shown);
        })
    }
}

/// Notes on a query that are worth reading.
const NOTES_MAX: usize = 5;

/// What was typed, on one line that fits a terminal.
fn told(text: &str) -> String {
    text::truncate_width(&text::clean_line(text), 120)
}

fn hit(out: &mut String, paint: Paint, found: &Found, (now, explain): (DateTime<Utc>, bool)) {
    let record = &found.record;
    let stale = if found.stale { paint.warn(" (its file changed since)") } else { String::new() };
    let status =
        if ["open", "live"].contains(&record.status.as_str()) { String::new() } else { format!(" {}", record.status) };
    let _ = writeln!(
        out,
        "{} {:>5}  {} {}{stale}",
        paint.id(&format!("{:<8}", record.id)),
        when::age(record.updated, now),
        paint.dim(&format!("{}{status}", record.kind)),
        paint.bold(&text::display(&record.title)),
    );
    let plain = found.snippet.replace(['[', ']'], "");
    if !found.snippet.is_empty() && plain.trim() != record.title.trim() {
        let _ = writeln!(out, "           {}", paint.matches(&text::display(&found.snippet)));
    }
    if explain {
        let parts: Vec<String> = found.parts.iter().map(|(name, part)| format!("{name} {part:.2}")).collect();
        let _ = writeln!(out, "           {} = {}", format_args!("{:.2}", found.score), parts.join(", "));
    }
}

fn more(out: &mut String, report: &SearchReport, input: &SearchInput, shown: usize) {
    if report.total > shown && !report.hits.is_empty() {
        let plus = if report.capped { "+" } else { "" };
        let _ = writeln!(
            out,
            "{} of {}{plus}; more: state search --offset {shown} {}",
            shown,
            report.total,
            told(&input.text)
        );
    }
}
