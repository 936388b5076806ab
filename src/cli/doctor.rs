//! `state doctor`

use super::door::Door;
use super::paint::Paint;
use super::progress::{bar, tell};
use crate::domain::{text, when};
use crate::error::Result;
use crate::ops::doctor::{self, Check, DoctorInput, DoctorReport, SalvageReport, SecretsReport, State, bytes};
use crate::ops::prune::{self, PruneInput, PruneReport};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Check the store: where it is and why, log against views, index, blobs, files, permissions, space, clock.
///
/// Says of each check what it means and which command mends it. Exit 0 if nothing is wrong, 1 if something is, 4 if the
/// store cannot be read; then it says what can be saved. Nothing here changes what the log says, but --prune, which folds
/// old history: the final states stay, how they came about does not, and show --at and undo no longer reach there; files of
/// jobs that ended before go with it, but those that somebody may still ask for.
///
/// JSON: {"store", "readable", "checks": [{"name", "state": "ok|warning|wrong", "text", "fix"?}], "fixed"?: [TEXT],
/// "left"?: [TEXT], "salvage"?: SALVAGED}
/// With --salvage: SALVAGED = {"events", "records", "positions": [[FROM, TO]], "lost"?, "file"?, "bodies_lost"}
/// With --prune: {"before", "applied", "events": [BEFORE, AFTER], "bytes": [BEFORE, AFTER], "records", "repeats",
/// "examples": [ID], "jobs": {"directories", "bytes", "kept"?: {REASON: COUNT}, "examples"?: [ID]}}
/// With --secrets: {"events", "records", "found", "places": [{"id", "secret": KIND, "field", "line", "live"}]}
#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct DoctorArgs {
    /// Leave out what takes time with the size of the store: pages, views, blobs, checksums of the index.
    #[arg(long)]
    quick: bool,
    /// Make anew what is derived, remove own leftovers, correct permissions.
    #[arg(long, conflicts_with = "quick")]
    fix: bool,
    /// Write every event that can still be read to a new file, which state import takes into a new store.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "fix"])]
    salvage: Option<PathBuf>,
    /// Look for secrets in what records say and in their history; exit 1 if there are any. Takes about 10 s a million events.
    #[arg(long, conflicts_with_all = ["quick", "fix", "salvage", "prune"])]
    secrets: bool,
    /// Fold the history of what ended long ago into one event a record, and repeated changes into the last of them; remove
    /// the output of jobs that ended then.
    #[arg(long, requires = "older", conflicts_with_all = ["quick", "fix", "salvage"])]
    prune: bool,
    /// Prune only what was last changed longer ago than this: 90d, 12w.
    #[arg(long, value_name = "TIME", requires = "prune")]
    older: Option<String>,
    /// Say what --prune would do, and change nothing.
    #[arg(long, requires = "prune")]
    dry_run: bool,
}

impl DoctorArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        if let Some(older) = &self.older {
            return self.prune(door, older);
        }
        if self.secrets {
            return secrets(door);
        }
        let (workspace, steps) = (door.workspace()?, bar(door, ""));
        if let Some(file) = &self.salvage {
            let report = doctor::salvage(&workspace, file)?;
            return door.report(&report, print_salvaged);
        }
        let input = DoctorInput { quick: self.quick, fix: self.fix };
        let report = doctor::doctor(&workspace, input, &|what, done, total| tell(&steps, what, done, total))?;
        steps.finish_and_clear();
        door.report(&report, print)?;
        let verdict = report.verdict();
        if verdict.is_err() {
            // The report is the answer, whatever the exit code.
            door.finish()?;
        }
        verdict
    }

    fn prune(&self, door: &mut Door, older: &str) -> Result<()> {
        let (workspace, steps) = (door.workspace()?, bar(door, ""));
        let before = door.now() - when::parse_duration(older)?;
        let input = PruneInput { before, dry_run: self.dry_run };
        let report = prune::prune(&workspace, input, &|what, done, total| tell(&steps, what, done, total))?;
        steps.finish_and_clear();
        let again = format!("state doctor --prune --older {older}");
        door.report(&report, |out, paint, report| print_pruned(out, paint, report, &again))
    }
}

fn secrets(door: &mut Door) -> Result<()> {
    let (workspace, steps) = (door.workspace()?, bar(door, ""));
    let report = doctor::secrets(&workspace, &|what, done, total| tell(&steps, what, done, total))?;
    steps.finish_and_clear();
    door.report(&report, print_secrets)?;
    let verdict = report.verdict();
    if verdict.is_err() {
        door.finish()?;
    }
    verdict
}

fn print_secrets(out: &mut String, paint: Paint, report: &SecretsReport) {
    let none = if report.found == 0 { "No secrets" } else { "Secrets" };
    let _ = writeln!(out, "{}", paint.bold(&format!("{none} in {} events of the log", report.events)));
    for place in &report.places {
        let when = if place.live { "" } else { "  (only in its history)" };
        let line = format!("{}  {}  {} line {}{when}", place.id, place.secret, place.field, place.line);
        let _ = writeln!(out, "{}", text::display(&line));
    }
    if report.places.len() < report.found {
        let _ = writeln!(out, "… and {} more", report.found - report.places.len());
    }
}

fn print(out: &mut String, paint: Paint, report: &DoctorReport) {
    for line in &report.fixed {
        let _ = writeln!(out, "{}", paint.bold(&text::display(&format!("mended: {line}"))));
    }
    for line in &report.left {
        let _ = writeln!(out, "{}", paint.warn(&text::display(line)));
    }
    for check in &report.checks {
        print_check(out, paint, check);
    }
    if let Some(salvage) = &report.salvage {
        print_salvage(out, paint, salvage);
    }
}

fn print_check(out: &mut String, paint: Paint, check: &Check) {
    let line = text::display(&format!("{}: {}", check.name, check.text)).into_owned();
    let _ = match check.state {
        State::Ok => writeln!(out, "ok       {}", paint.dim(&line)),
        State::Warning => writeln!(out, "{}  {line}", paint.warn("warning")),
        State::Wrong => writeln!(out, "{}    {line}", paint.warn("wrong")),
    };
    if let Some(fix) = &check.fix {
        let _ = writeln!(out, "         -> {}", text::display(fix));
    }
}

fn print_salvage(out: &mut String, paint: Paint, salvage: &SalvageReport) {
    if salvage.events == 0 {
        let line =
            "Nothing of it can be read. A backup is the way: state import --restore BACKUP (of state export --backup)";
        let _ = writeln!(out, "{}", paint.bold(line));
        return;
    }
    let line = format!("Can be saved: {}", counted(salvage));
    let _ = writeln!(out, "{}\n{}", paint.bold(&line), ranges(salvage));
    let _ = writeln!(out, "Next: state doctor --salvage FILE; in a new store: state import FILE");
}

fn counted(salvage: &SalvageReport) -> String {
    let lost = match salvage.lost {
        Some(0) => String::new(),
        Some(lost) => format!("; {lost} events are lost"),
        None => "; how much is lost cannot be told".to_owned(),
    };
    let bodies = match salvage.bodies_lost {
        0 => String::new(),
        lost => format!("; {lost} long bodies are lost"),
    };
    format!("{} events, {} records{lost}{bodies}", salvage.events, salvage.records)
}

fn ranges(salvage: &SalvageReport) -> String {
    const SHOWN: usize = 8;
    let shown = salvage.positions.iter().take(SHOWN).map(|(from, to)| format!("@{from}-@{to}"));
    let more = if salvage.positions.len() > SHOWN { ", …" } else { "" };
    match salvage.positions.len() {
        0 => "found in the raw bytes of the file; its tables cannot be read".to_owned(),
        _ => format!("through the tables {}{more}; the rest from the raw bytes", shown.collect::<Vec<_>>().join(", ")),
    }
}

fn print_salvaged(out: &mut String, paint: Paint, salvage: &SalvageReport) {
    let file = salvage.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    let file = text::display(&file);
    let _ = writeln!(out, "{}", paint.bold(&format!("Saved in {file}: {}", counted(salvage))));
    let _ = writeln!(out, "Next: in a new store, state import {file}");
}

fn print_pruned(out: &mut String, paint: Paint, report: &PruneReport, again: &str) {
    let (events, size) = (report.events, report.bytes);
    let verb = if report.applied { "Pruned" } else { "Would prune" };
    if report.jobs.directories > 0 || !report.jobs.kept.is_empty() {
        print_pruned_jobs(out, paint, report);
    }
    if events.0 == events.1 && report.jobs.directories > 0 {
        if !report.applied {
            let _ = writeln!(out, "Next: {again}");
        }
        return;
    }
    if events.0 == events.1 {
        let _ = writeln!(out, "Nothing to prune before {}.", report.before.format("%Y-%m-%d %H:%M"));
        return;
    }
    let line = format!(
        "{verb} what was last changed before {}: {} events become {}, {} of log become {}",
        report.before.format("%Y-%m-%d %H:%M"),
        events.0,
        events.1,
        bytes(size.0),
        bytes(size.1)
    );
    let _ = writeln!(out, "{}", paint.bold(&line));
    let _ = writeln!(out, "{} ended records keep one event; {} repeated changes go", report.records, report.repeats);
    if !report.examples.is_empty() {
        let _ = writeln!(out, "among them {}", report.examples.join(", "));
    }
    if !report.applied {
        let _ = writeln!(out, "Next: {again}");
    }
}

fn print_pruned_jobs(out: &mut String, paint: Paint, report: &PruneReport) {
    let jobs = &report.jobs;
    let verb = if report.applied { "Removed" } else { "Would remove" };
    let what = if jobs.directories == 1 { "ended job" } else { "ended jobs" };
    let line = format!("{verb} output and files of {} {what}, {}", jobs.directories, bytes(jobs.bytes));
    let _ = writeln!(out, "{}", paint.bold(&line));
    if !jobs.examples.is_empty() {
        let _ = writeln!(out, "among them {}", jobs.examples.join(", "));
    }
    for (why, count) in &jobs.kept {
        let _ = writeln!(out, "{count} stay: {why}");
    }
}
