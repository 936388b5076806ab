//! `state import`

use super::door::Door;
use super::export::counted;
use super::paint::Paint;
use super::progress::{advance, bar, bytes_bar};
use crate::domain::text;
use crate::error::{Kind, Result};
use crate::ops::Workspace;
use crate::ops::import::{self, ImportReport, MergeReport, Refusal};
use crate::ops::search;
use crate::ops::transcript::{self, TranscriptsReport};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Take in an export of state, a beads ledger (.beads/issues.jsonl), JSON lines as add takes them, a Markdown file, or a
/// folder of them.
///
/// Importing the same again changes nothing; a source that has changed updates its record. A broken line is told and the
/// rest goes in. An export is merged: what is not here yet comes in, and an empty store becomes a replica of its workspace.
///
/// With --transcripts the folder holds what an agent's host kept of its sessions (~/.claude/projects, ~/.codex/sessions,
/// ~/.gemini/tmp): each session of this project comes in with the handoff that it would have left.
///
/// JSON: {"added"?, "updated"?, "unchanged"?, "kinds"?: {KIND: N}, "rejected"?: [{"file", "line", "why"}], "links_left_out"?:
/// [TEXT]}; of an export {"events", "new", "known", "ahead", "left_out": [{"file", "line", "why"}]}; with --restore {"store",
/// "workspace", "events"}; with --transcripts {"sessions", "handoffs", "updated", "unchanged", "skipped": [{"file", "why"}]}
#[derive(clap::Args)]
pub(super) struct ImportArgs {
    /// A file or a folder.
    path: PathBuf,
    /// Take everything or, if any line is broken, nothing.
    #[arg(long)]
    strict: bool,
    /// The file is a backup, from which the store is made: there must be none, or an empty one.
    #[arg(long, conflicts_with = "strict")]
    restore: bool,
    /// The folder holds transcripts of agents' sessions.
    #[arg(long, conflicts_with_all = ["strict", "restore"])]
    transcripts: bool,
    /// With --transcripts: sessions of other projects too.
    #[arg(long, requires = "transcripts")]
    all_projects: bool,
}

impl ImportArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        if self.restore {
            return restore(door, &self.path);
        }
        let workspace = door.writing()?;
        if self.transcripts {
            return transcripts(door, &workspace, &self);
        }
        let bytes = bytes_bar(door, "events");
        let merged = import::merge(&workspace, &self.path, self.strict, &|done, total| advance(&bytes, done, total))?;
        bytes.finish_and_clear();
        match merged {
            Some(report) => {
                catch_up(door, &workspace, usize::try_from(report.new).unwrap_or(usize::MAX))?;
                door.report(&report, print_merge)
            }
            None => records(door, &workspace, &self),
        }
    }
}

fn records(door: &mut Door, workspace: &Workspace, args: &ImportArgs) -> Result<()> {
    let records = bar(door, "records");
    let progress = |done: usize, total: usize| advance(&records, done as u64, total as u64);
    let report = import::import(workspace, &args.path, args.strict, &progress)?;
    records.finish_and_clear();
    catch_up(door, workspace, report.added + report.updated)?;
    door.report(&report, print)
}

fn transcripts(door: &mut Door, workspace: &Workspace, args: &ImportArgs) -> Result<()> {
    let files = bar(door, "transcripts");
    let progress = |done: usize, total: usize| advance(&files, done as u64, total as u64);
    let report = transcript::import(workspace, &args.path, args.all_projects, &progress)?;
    files.finish_and_clear();
    catch_up(door, workspace, report.sessions + report.handoffs + report.updated)?;
    door.report(&report, print_transcripts)
}

fn restore(door: &mut Door, path: &Path) -> Result<()> {
    let workspace = match door.writing() {
        Err(error) if error.kind == Kind::NoStore => door.new_workspace(None),
        found => found?,
    };
    let bytes = bytes_bar(door, "backup");
    let report = import::restore(&workspace, path, &|done, total| advance(&bytes, done, total))?;
    bytes.finish_and_clear();
    catch_up(door, &workspace, usize::try_from(report.events).unwrap_or(usize::MAX))?;
    door.report(&report, |out, paint, report| {
        let store = text::display(&report.store.display().to_string()).into_owned();
        let _ = writeln!(out, "{} restored to {}", counted(report.events, "event"), paint.bold(&store));
        let _ = writeln!(out, "{}", paint.dim("its export is byte by byte what the backup holds"));
        let _ = writeln!(out, "Next: state resume --store {store}");
    })
}

/// Brings the index up to date at once if much has come in.
fn catch_up(door: &Door, workspace: &Workspace, changed: usize) -> Result<()> {
    if changed > search::TAIL_MAX {
        let index = bar(door, "index");
        search::catch_up(workspace, &|done, total| advance(&index, done as u64, total as u64))?;
        index.finish_and_clear();
    }
    Ok(())
}

/// How many refusals are told one by one.
const TOLD_MAX: usize = 10;

fn print(out: &mut String, paint: Paint, report: &ImportReport) {
    let kinds: Vec<String> = report.kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let _ = writeln!(out, "{} added{kinds}, {} updated, {} unchanged", report.added, report.updated, report.unchanged);
    print_refusals(out, paint, &report.rejected);
    for link in report.links_left_out.iter().take(TOLD_MAX) {
        let _ = writeln!(out, "{}", paint.dim(&text::display(&format!("left out the link {link}"))));
    }
    if report.links_left_out.len() > TOLD_MAX {
        let _ = writeln!(out, "and {} more links left out", report.links_left_out.len() - TOLD_MAX);
    }
    let _ = writeln!(out, "Next: state resume, state ready, state search WORDS");
}

fn print_transcripts(out: &mut String, paint: Paint, report: &TranscriptsReport) {
    let (sessions, handoffs) = (counted(report.sessions as u64, "session"), counted(report.handoffs as u64, "handoff"));
    let _ = writeln!(out, "{sessions}, {handoffs} added, {} updated, {} unchanged", report.updated, report.unchanged);
    for skipped in report.skipped.iter().take(TOLD_MAX) {
        let told = format!("left out {}: {}", skipped.file.display(), skipped.why);
        let _ = writeln!(out, "{}", paint.dim(&text::display(&told)));
    }
    if report.skipped.len() > TOLD_MAX {
        let more = report.skipped.len() - TOLD_MAX;
        let _ = writeln!(out, "and {more} more left out: state import --transcripts --json lists them");
    }
    let _ = writeln!(out, "Next: state resume, state list sessions --all, state search WORDS");
}

fn print_merge(out: &mut String, paint: Paint, report: &MergeReport) {
    let _ = writeln!(out, "{}: {} new, {} known", counted(report.events, "event"), report.new, report.known);
    print_refusals(out, paint, &report.left_out);
    if report.ahead > 0 {
        let told = format!(
            "{} left out: this machine's clock is more than a day behind theirs; import again once it has caught up",
            counted(report.ahead, "event")
        );
        let _ = writeln!(out, "{}", paint.warn(&told));
    }
    let _ = writeln!(out, "Next: state resume, state list conflicts");
}

fn print_refusals(out: &mut String, paint: Paint, refusals: &[Refusal]) {
    for refusal in refusals.iter().take(TOLD_MAX) {
        let line = if refusal.line > 0 { format!(":{}", refusal.line) } else { String::new() };
        let told = format!("{}{line}: {}", refusal.file.display(), refusal.why);
        let _ = writeln!(out, "{}", paint.warn(&text::display(&format!("left out {told}"))));
    }
    if refusals.len() > TOLD_MAX {
        let more = refusals.len() - TOLD_MAX;
        let _ = writeln!(out, "and {more} more lines left out: state import --json lists them");
    }
}
