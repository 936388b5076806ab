//! `state search`

use super::door::Door;
use super::paint::Paint;
use crate::domain::{text, when};
use crate::error::Result;
use crate::ops::search::{self, Found, SearchInput, SearchReport};
use chrono::{DateTime, Utc};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

/// Find records. Any word may match, rank decides; nothing that you type is an error.
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
    #[arg(long, default_value_t = 10)]
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
        let (now, explain, shown) = (door.now(), self.explain, self.offset + report.hits.len());
        door.report(&report, |out, paint, report| {
            for note in &report.notes {
                let _ = writeln!(out, "{}", paint.dim(&text::display(note)));
            }
            if report.hits.is_empty() {
                let _ = writeln!(
                    out,
                    "Nothing found for '{}'. Everything there is: state list kinds",
                    text::display(&input.text)
                );
            }
            for found in &report.hits {
                hit(out, paint, found, (now, explain));
            }
            more(out, report, &input, shown);
        })
    }
}

/// The arguments of a `search` with its flags before its words, however they were typed, and every other word that begins
/// with a hyphen (`-without`, `--no-verify`) as a word to look for. Other commands stay as they are.
pub(super) fn flags_first(args: &[OsString], command: &clap::Command) -> Vec<OsString> {
    let Some(search) = command.find_subcommand("search") else { return args.to_vec() };
    let flags: Vec<&clap::Arg> = command.get_arguments().chain(search.get_arguments()).collect();
    let verb = verb_at(args, &flags);
    if args.get(verb).is_none_or(|word| word != "search") {
        return args.to_vec();
    }
    let (mut known, mut words) = (args[..=verb].to_vec(), Vec::new());
    let mut rest = args[verb + 1..].iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            words.extend(rest.by_ref().cloned());
        } else if let Some(values) = values_of(word, &flags) {
            known.push(word.clone());
            known.extend(rest.by_ref().take(values).cloned());
        } else {
            words.push(word.clone());
        }
    }
    if !words.is_empty() {
        known.push("--".into());
    }
    known.extend(words);
    known
}

/// Where the verb stands: behind the flags that all verbs have.
fn verb_at(args: &[OsString], flags: &[&clap::Arg]) -> usize {
    let mut at = 1;
    while let Some(values) = args.get(at).and_then(|word| values_of(word, flags)) {
        at += 1 + values;
    }
    at
}

/// How many further arguments a flag takes; `None` for what is no flag of ours.
fn values_of(word: &OsStr, flags: &[&clap::Arg]) -> Option<usize> {
    let word = word.to_str()?;
    if ["-h", "--help"].contains(&word) {
        return Some(0);
    }
    let (name, value) =
        word.strip_prefix("--")?.split_once('=').map_or((&word[2..], None), |(name, value)| (name, Some(value)));
    let flag = flags.iter().find(|flag| flag.get_long() == Some(name))?;
    Some(usize::from(flag.get_action().takes_values() && value.is_none()))
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
            text::display(&input.text)
        );
    }
}
