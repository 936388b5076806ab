//! `state export`

use super::door::Door;
use super::paint::Paint;
use super::progress::{advance, bar};
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::export::{self, ExportInput, ExportReport, FolderReport};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The whole log as JSON lines, a backup, or a folder of Markdown files; each comes back by import.
///
/// A line is an event, in the order of the log; the first line says which workspace it is. Importing it into an empty store
/// and exporting that gives the same bytes; importing it into another replica merges the two. Private records stay here
/// unless asked for. On standard output nothing but the export is printed, and the report goes to standard error.
///
/// A backup holds everything, private records too, and is known to be whole. Others may write meanwhile.
///
/// A folder of Markdown has a file a record, to read, edit and import again: what was edited changes the record, unless that
/// has changed here meanwhile. Exporting into it again renews it.
///
/// JSON: {"file"?, "events"?, "records", "withheld", "bytes"?, "since"?, "position"?, "folder"?, "kinds"?: {KIND: N},
/// "written"?, "removed"?}, the last four of --markdown
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct ExportArgs {
    /// Write to this file, which appears when it is whole, instead of standard output.
    #[arg(long, short, value_name = "FILE", group = "target")]
    output: Option<PathBuf>,
    /// Write a backup to this file; state import --restore FILE brings it back.
    #[arg(long, value_name = "FILE", group = "target")]
    backup: Option<PathBuf>,
    /// Write the records as Markdown files into this folder, which is empty, missing, or such an export.
    #[arg(long, value_name = "DIR", group = "target")]
    markdown: Option<PathBuf>,
    /// Only what came after this log position, which the last export told.
    #[arg(long, value_name = "POSITION", conflicts_with_all = ["backup", "markdown"])]
    since: Option<String>,
    /// Private records too.
    #[arg(long)]
    private: bool,
}

impl ExportArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let since = self.since.as_deref().map(super::lookup::position).transpose()?.unwrap_or(0);
        if let Some(folder) = &self.markdown {
            return to_folder(door, folder, self.private);
        }
        let (workspace, input) = (door.workspace()?, ExportInput { since, private: self.private });
        let events = bar(door, "events");
        let progress = |done, total| advance(&events, done, total);
        let report = match (&self.output, &self.backup) {
            (Some(path), _) => export::export_to_file(&workspace, input, path, &progress)?,
            (_, Some(path)) => export::backup::backup(&workspace, path, &progress)?,
            _ => {
                let report = export::export(&workspace, input, &mut std::io::stdout().lock(), &progress)?;
                events.finish_and_clear();
                return report.map_or(Ok(()), |report| tell(door, &report));
            }
        };
        events.finish_and_clear();
        let is_backup = self.backup.is_some();
        door.report(&report, |out, paint, report| print(out, paint, report, is_backup))
    }
}

fn to_folder(door: &mut Door, folder: &Path, private: bool) -> Result<()> {
    let workspace = door.workspace()?;
    let files = bar(door, "files");
    let report = export::export_to_folder(&workspace, folder, private, &|done, total| advance(&files, done, total))?;
    files.finish_and_clear();
    door.report(&report, print_folder)
}

fn print_folder(out: &mut String, paint: Paint, report: &FolderReport) {
    let kinds: Vec<String> = report.kinds.iter().map(|(kind, n)| format!("{n} {}", text::display(kind))).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let folder = shown(&report.folder);
    let _ = writeln!(out, "{}{kinds} in {}", counted(report.records as u64, "record"), paint.bold(&folder));
    let _ = writeln!(out, "{} written, {} removed, the others are as they were", report.written, report.removed);
    if report.withheld > 0 {
        let told = format!("{} left out; --private takes them in", counted(report.withheld as u64, "private record"));
        let _ = writeln!(out, "{}", paint.warn(&told));
    }
    let _ = writeln!(out, "Begin with {folder}/index.md; to bring them back: state import {folder}");
}

/// The export was the answer; what there is to say about it goes to stderr.
fn tell(door: &Door, report: &ExportReport) -> Result<()> {
    let mut told = String::new();
    if door.is_json() {
        told = serde_json::to_string(report).map_err(|e| Error::usage("the report is not JSON").because(e))? + "\n";
    } else {
        print(&mut told, Paint { on: false }, report, false);
    }
    super::write_all(std::io::stderr().lock(), &told).map(|_| ())
}

fn print(out: &mut String, paint: Paint, report: &ExportReport, is_backup: bool) {
    let what = format!("{} of {}", counted(report.events, "event"), counted(report.records, "new record"));
    let place = report.file.as_deref().map(shown).unwrap_or_default();
    let to = if place.is_empty() { String::new() } else { format!(" to {}", paint.bold(&place)) };
    let _ = writeln!(out, "{what} written{to} ({})", size(report.bytes));
    if report.withheld > 0 {
        let told =
            format!("{} about private records left out; --private takes them in", counted(report.withheld, "event"));
        let _ = writeln!(out, "{}", paint.warn(&told));
    }
    if is_backup {
        let _ = writeln!(out, "To bring it back: state import --restore {place} --store DIR");
    } else {
        let _ = writeln!(out, "Next time only what is new: state export --since {}", report.position);
    }
}

fn shown(path: &Path) -> String {
    text::display(&path.display().to_string()).into_owned()
}

/// `1,204 events`, `1 event`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(number))
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} bytes"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_made_for_reading() {
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(1_204, "event"), "1,204 events");
        assert_eq!(counted(1_000_000, "event"), "1,000,000 events");
        assert_eq!([size(0), size(1_204), size(2_150_000)], ["0 bytes", "1.2 kB", "2.1 MB"]);
    }
}
