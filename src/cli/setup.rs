//! `state setup`

use super::door::Door;
use super::paint::Paint;
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::setup::{self, Action, Change, FileReport, Host, HostsReport, Scope, SetupInput, SetupReport, State};
use std::fmt::Write as _;

/// Put state into an agent's host: hooks, MCP server, skill, and a short block of instructions.
///
/// Hosts: claude, codex, gemini, opencode, cursor, copilot. Foreign bytes stay as they are; --remove restores each file. A file that
/// cannot be parsed, or whose markers are damaged, stops the command before anything is written. --check exits 1 if something
/// is missing, changed, or runs a program at another path.
///
/// JSON: {"host", "title", "scope", "action", "applied", "program", "files": [{"path", "parts": [TEXT],
/// "state": "installed|missing|changed|moved", "program"?, "change": "create|edit|delete|none", "diff"?, "backup"?,
/// "shared"?}], "next": [TEXT]}
/// With --list: {"hosts": [{"name", "title", "found"?, "user", "project", "basis"}]}
#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct SetupArgs {
    /// The host: claude, codex, gemini, opencode, cursor, copilot.
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    host: Option<String>,
    /// Write your own files, for all projects; this is the default.
    #[arg(long, conflicts_with = "project")]
    user: bool,
    /// Write the files of this repository instead.
    #[arg(long, conflicts_with = "list")]
    project: bool,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take everything out again.
    #[arg(long)]
    remove: bool,
    /// Only say whether all is there.
    #[arg(long, conflicts_with_all = ["remove", "dry_run"])]
    check: bool,
    /// Say which hosts are here, and what is installed.
    #[arg(long, conflicts_with_all = ["user", "dry_run", "remove", "check"])]
    list: bool,
}

impl SetupArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let Some(host) = &self.host else {
            return door.report(&setup::list(&door.process)?, print_list);
        };
        let action = match (self.remove, self.check) {
            (true, _) => Action::Remove,
            (_, true) => Action::Check,
            _ => Action::Install,
        };
        let scope = if self.project { Scope::Project } else { Scope::User };
        let input = SetupInput { host: Host::named(host)?, scope, action, dry_run: self.dry_run };
        let report = setup::setup(&door.process, input)?;
        door.report(&report, print)?;
        let verdict = report.verdict();
        if verdict.as_ref().is_err_and(is_answer) {
            // The report is the answer, whatever the exit code.
            door.finish()?;
        }
        verdict
    }
}

fn is_answer(error: &Error) -> bool {
    error.kind == crate::error::Kind::CheckFailed
}

fn print(out: &mut String, paint: Paint, report: &SetupReport) {
    for file in &report.files {
        print_file(out, paint, report, file);
    }
    let done = match (report.action, report.applied) {
        ("check", _) => return,
        _ if report.files.iter().all(|file| file.change == Change::None) => "nothing to change",
        (_, false) => "dry run, nothing written",
        ("remove", true) => "removed",
        _ => "installed",
    };
    let _ = writeln!(out, "{}", paint.bold(&format!("{}, {}: {done}", report.title, report.scope)));
    for step in &report.next {
        let _ = writeln!(out, "- {}", text::display(step));
    }
}

fn print_file(out: &mut String, paint: Paint, report: &SetupReport, file: &FileReport) {
    let path = file.path.display().to_string();
    if report.action == "check" {
        let what = match (file.state, &file.program) {
            (State::Installed, _) => paint.dim("ok      "),
            (State::Missing, _) => paint.warn("missing "),
            (State::Changed, _) => paint.warn("changed "),
            (State::Moved, _) => paint.warn("moved   "),
        };
        let other = file.program.as_ref().map(|program| format!(" runs {program}")).unwrap_or_default();
        let line = format!("{path} ({}){other}", file.parts.join(", "));
        let _ = writeln!(out, "{what} {}", text::display(&line));
        return;
    }
    if let Some(other) = &file.shared {
        let _ = writeln!(out, "{}", paint.dim(&text::display(&format!("{path} stays: it serves {other} too"))));
    }
    let lines = file.diff.as_ref().map_or(0, |diff| diff.lines().count().saturating_sub(3));
    let is_all_ours = file.parts.iter().any(|part| ["skill", "plugin", "rule"].contains(part));
    if file.change == Change::Delete || (file.change == Change::Create && is_all_ours) {
        let verb = if file.change == Change::Create { "new file" } else { "delete" };
        let line = format!("{verb}: {path} ({}, {lines} lines)", file.parts.join(", "));
        let _ = writeln!(out, "{}", paint.bold(&text::display(&line)));
    } else {
        print_diff(out, paint, file);
    }
    if let Some(backup) = &file.backup {
        let line = format!("{path} was edited by hand; as it was: {}", backup.display());
        let _ = writeln!(out, "{}", paint.warn(&text::display(&line)));
    }
}

/// A file can be one line of a megabyte.
const LINE_COLUMNS: usize = 200;

fn print_diff(out: &mut String, paint: Paint, file: &FileReport) {
    for line in file.diff.iter().flat_map(|diff| diff.lines()) {
        let shown = text::display(&text::truncate_width(line, LINE_COLUMNS)).into_owned();
        let _ = match line.as_bytes().first() {
            Some(b'+') => writeln!(out, "{}", paint.bold(&shown)),
            Some(b'-') => writeln!(out, "{}", paint.warn(&shown)),
            _ => writeln!(out, "{}", paint.dim(&shown)),
        };
    }
}

fn print_list(out: &mut String, paint: Paint, report: &HostsReport) {
    for host in &report.hosts {
        let found = host.found.as_ref().map_or_else(|| "not found".to_owned(), |path| path.display().to_string());
        let line =
            format!("{:<9} user: {:<9} project: {:<9} {} ({found})", host.name, host.user, host.project, host.basis);
        let line = text::display(&line).into_owned();
        let _ = writeln!(out, "{}", if host.found.is_some() { line } else { paint.dim(&line) });
    }
    let _ = writeln!(out, "Next: state setup HOST --dry-run");
}
