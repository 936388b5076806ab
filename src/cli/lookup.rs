//! `state show` and `state log`

use super::door::Door;
use super::job;
use super::paint::Paint;
use super::rule;
use crate::domain::{field, text, when};
use crate::error::{Error, Result};
use crate::ops::job as jobs;
use crate::ops::log::{self, Entry, LogReport};
use crate::ops::report::{AUTO, Full, LinkEnd};
use crate::ops::show;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::fmt::Write as _;

/// Show records in full, now or as they were.
///
/// Body, links both ways, references and whether they still stand.
///
/// Of a job, --path is the directory with its output and its status.json, which anybody may read: it is replaced whole, and
/// fields are only added. {"version": 1, "id", "state": "waiting" | "running" | "ended", "external"?, "attempt", "pid", "pgid",
/// "process", "supervisor", "since", "last_output", "bytes", "waits_for"?, "wants_terminal", "ending"?}
///
/// JSON: {"records": [RECORD + {"body", "links": [{"kind", "id", "title", "status"}], "backlinks", "refs": [{"path",
/// "state", "commit"?}], "stale", "session"?, "worktree"?, "private", "reason"?, "undone", "erased"?, "conflicts"?, "more"?, "job"?, "rule"?}],
/// "at"?}; "job" and "rule" as in state run --help
#[derive(clap::Args)]
pub(super) struct ShowArgs {
    /// Ids, unique prefixes or keys.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// How it was then: a time (2026-11-21, 14:00, 3d) or a log position (@142).
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Of one job: its output as it comes, until it ends.
    #[arg(long, short, conflicts_with_all = ["at", "path"])]
    follow: bool,
    /// With -f: before each line the time at which it came.
    #[arg(long, requires = "follow")]
    times: bool,
    /// Of one job: only the path of its directory.
    #[arg(long, conflicts_with = "at")]
    path: bool,
}

impl ShowArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        if self.follow || self.path {
            return self.one_job(door);
        }
        let report = show::show(&door.workspace()?, &self.ids, self.at.as_deref())?;
        let now = door.now();
        door.report(&report, |out, paint, report| {
            for (at, record) in report.records.iter().enumerate() {
                out.push_str(if at > 0 { "\n" } else { "" });
                if let Some(held) = record.job.as_ref().filter(|held| held.asked_too_soon) {
                    let _ = writeln!(out, "{}", held.nothing_new(now));
                    continue;
                }
                print_full(out, paint, &record.record, now);
                if let Some(held) = &record.job {
                    job::print_full(out, paint, held, now);
                }
                if let Some(held) = &record.rule {
                    rule::print_full(out, paint, held);
                }
            }
        })
    }

    fn one_job(self, door: &mut Door) -> Result<()> {
        let [id] = self.ids.as_slice() else {
            return Err(Error::usage("--follow and --path are for one job").hint("state show j-4kq -f"));
        };
        let workspace = door.workspace()?;
        if self.path {
            let path = jobs::path(&workspace, id)?;
            return door.report(&serde_json::json!({"path": path}), |out, _, _| {
                let _ = writeln!(out, "{}", path.display());
            });
        }
        let say = &mut |text: &str| super::write_all(std::io::stdout().lock(), text);
        let held = jobs::follow(&workspace, id, self.times, say)?;
        let mut end = String::new();
        job::print_line(&mut end, door.paint, &held, door.now());
        // Not a part of the output.
        super::write_all(std::io::stderr().lock(), &end).map(drop)
    }
}

fn print_full(out: &mut String, paint: Paint, record: &Full, now: DateTime<Utc>) {
    let line = &record.line;
    let priority = line.priority.map(|priority| format!(" p{priority}")).unwrap_or_default();
    let undone = if record.undone { " (undone)" } else { "" };
    let unknown = if crate::domain::kind::find(&line.kind).is_none() { " (newer kind)" } else { "" };
    let _ = writeln!(out, "{} {}", paint.id(&line.id), paint.bold(&text::display(&line.title)));
    let _ = writeln!(out, "{}{unknown} {}{priority}{undone}", line.kind, line.status);
    let mut facts = vec![format!("made {} by {}", when::ago(line.created, now), text::display(&line.actor))];
    facts.extend(record.session.as_ref().map(|session| format!("in {session}")));
    facts.extend(line.branch.as_ref().map(|branch| format!("on {}", text::display(branch))));
    facts.extend(
        record
            .worktree
            .as_ref()
            .filter(|name| !name.is_empty())
            .map(|name| format!("worktree {}", text::display(name))),
    );
    facts.push(format!("changed {}", when::ago(line.updated, now)));
    let _ = writeln!(out, "{}", paint.dim(&facts.join(", ")));
    print_facts(out, paint, record);
    for link in &record.links {
        let _ = writeln!(out, "{}", link_line(paint, &link.kind, link));
    }
    for link in &record.backlinks {
        let _ = writeln!(out, "{}", link_line(paint, &format!("<- {}", link.kind), link));
    }
    for link in &record.conflicts {
        let _ = writeln!(out, "{}", paint.warn(&link_line(paint, "contradicts", link)));
    }
    if record.stale {
        let _ = writeln!(out, "{}", paint.warn("stale: a file that it refers to has changed since"));
    }
    for reference in &record.refs {
        let _ = writeln!(out, "ref {}{}", text::display(&reference.path), paint.warn(reference.state.remark()));
    }
    if !record.body.trim().is_empty() {
        let _ = writeln!(out, "\n{}", text::display(record.body.trim_end()));
    }
}

fn print_facts(out: &mut String, paint: Paint, record: &Full) {
    let line = &record.line;
    let mut say = |name: &str, value: &str| {
        let _ = writeln!(out, "{name} {}", text::display(value));
    };
    if let Some(key) = &line.key {
        say("key", key);
    }
    if !line.tags.is_empty() {
        say("tags", &line.tags.join(", "));
    }
    if !line.blocked_by.is_empty() {
        say("waits for", &line.blocked_by.join(", "));
    }
    if let Some(session) = &line.claimed_by {
        say("claimed by", session);
    }
    if let Some(until) = line.defer {
        say("not before", &until.format("%Y-%m-%d %H:%M UTC").to_string());
    }
    if let Some(at) = record.erased {
        say("erased on", &at.format("%Y-%m-%d").to_string());
    }
    if record.private {
        say("private:", "never leaves this machine");
    }
    if let Some(reason) = &record.reason {
        say("because:", reason);
    }
    if record.is_auto() {
        let _ = writeln!(out, "{}", paint.dim(AUTO));
    }
    // The trail of a job is told below.
    let told = ["digest", field::AUTO, field::TRAIL];
    for (name, value) in record.more.iter().filter(|(name, _)| !told.contains(&name.as_str())) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = writeln!(out, "{}", paint.dim(&text::display(&format!("{name} {value}"))));
    }
}

fn link_line(paint: Paint, kind: &str, link: &LinkEnd) -> String {
    format!("{kind} {} {} {}", paint.id(&link.id), text::display(&link.title), paint.dim(&format!("({})", link.status)))
}

/// The diary of changes, newest first; or every change of one record.
///
/// JSON: {"id"?, "entries": [{"position", "at", "session"?, "actor", "why", "events", "changes"?: [{"field", "from", "to"}]}],
/// "more"}
#[derive(clap::Args)]
pub(super) struct LogArgs {
    /// A record.
    id: Option<String>,
    /// At most so many.
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Only those before this position: the next page.
    #[arg(long, value_name = "@POSITION")]
    before: Option<String>,
}

impl LogArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let before = self.before.as_deref().map(position).transpose()?;
        let report = log::log(&door.workspace()?, self.id.as_deref(), self.limit, before)?;
        let now = door.now();
        door.report(&report, |out, paint, report| print_log(out, paint, report, now))
    }
}

/// A log position as `@142` or `142`.
///
/// # Errors
/// `Usage` for anything else.
pub(super) fn position(word: &str) -> Result<u64> {
    let digits = word.strip_prefix('@').unwrap_or(word);
    digits.parse().map_err(|_| {
        Error::usage(format!("'{}' is not a log position", text::display(word))).hint("as @142; state log shows them")
    })
}

fn print_log(out: &mut String, paint: Paint, report: &LogReport, now: DateTime<Utc>) {
    if report.entries.is_empty() && !report.more {
        let _ = writeln!(out, "Nothing was changed yet.");
    }
    for entry in &report.entries {
        print_entry(out, paint, entry, now);
    }
    if let Some(last) = report.entries.last().filter(|_| report.more) {
        let id = report.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let _ = writeln!(out, "more: state log{id} --before @{}", last.position);
    }
}

fn print_entry(out: &mut String, paint: Paint, entry: &Entry, now: DateTime<Utc>) {
    let position = format!("@{}", entry.position);
    let who = entry.session.as_deref().unwrap_or("-");
    let _ = writeln!(
        out,
        "{position:<6} {:>5}  {}  {}",
        when::age(entry.at, now),
        paint.dim(&format!("{who} {}", text::display(&entry.actor))),
        text::display(&entry.why)
    );
    for change in &entry.changes {
        let line = format!("{}: {} -> {}", change.field, short(&change.from), short(&change.to));
        let _ = writeln!(out, "               {}", text::display(&line));
    }
}

/// A value on one short line.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => return "-".to_owned(),
        Value::String(text) => text::clean_line(text),
        other => other.to_string(),
    };
    if text.is_empty() { "-".to_owned() } else { text::truncate_width(&text, 60) }
}
