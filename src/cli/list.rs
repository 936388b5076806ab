//! `state list` and `state ready`

use super::door::Door;
use super::job;
use super::paint::{self, Paint};
use super::watch;
use crate::domain::kind::KINDS;
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::job::{self as jobs, JobsReport};
use crate::ops::list::{self, ListInput, ListReport};
use crate::ops::ready::{self, ReadyReport};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// Every list: tasks, findings, sessions, mine, conflicts, and more.
///
/// Live ones: what is worked on first, then most urgent, then newest.
///
/// WORD is a kind (tasks, blockers, findings, decisions, notes, handoffs, summaries, artifacts, sessions, checkpoints, jobs, rules) or
/// mine, active, blocked, deferred, conflicts, kinds (everything).
///
/// JSON: {"word", "records": [RECORD + {"standing"?, "auto"?, "contradicts"?}], "total"}; RECORD is {"id", "kind", "status",
/// "title", "priority"?, "tags"?, "key"?, "branch"?, "actor"?, "blocked_by"?, "claimed_by"?, "defer"?, "created", "updated"}
#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// What to list; tasks if absent.
    word: Option<String>,
    /// Only with this tag; again for several.
    #[arg(long)]
    tag: Vec<String>,
    /// Only in this status.
    #[arg(long)]
    status: Option<String>,
    /// Only made on this branch.
    #[arg(long)]
    branch: Option<String>,
    /// Only that refer to a path that begins so.
    #[arg(long)]
    path: Option<String>,
    /// Ended ones too, newest first.
    #[arg(long)]
    all: bool,
    /// At most so many.
    #[arg(long, short = 'n', default_value_t = 30)]
    limit: usize,
    /// Skip so many: the next page.
    #[arg(long, default_value_t = 0)]
    offset: usize,
    /// Jobs whose end this session was not told yet.
    #[arg(long)]
    new: bool,
    /// Of jobs: show them again whenever one changes, until Ctrl-C. Meanwhile file rules work.
    #[arg(long, conflicts_with_all = ["new", "offset"])]
    watch: bool,
}

impl ListArgs {
    /// With filters jobs are records like others.
    fn is_of_jobs(&self) -> bool {
        let is_plain = self.tag.is_empty() && self.status.is_none() && self.branch.is_none() && self.path.is_none();
        self.word.as_deref() == Some("jobs") && is_plain && self.offset == 0
    }

    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.workspace()?;
        if self.watch {
            if !self.is_of_jobs() {
                return Err(Error::usage("only jobs are watched").hint("state list jobs --watch"));
            }
            return watch::jobs(door, &workspace, self.limit);
        }
        if self.new || self.is_of_jobs() {
            let report = jobs::list(&workspace, self.new, self.limit)?;
            let now = door.now();
            return door.report(&report, |out, paint, report| print_jobs(out, paint, report, (now, self.new)));
        }
        let input = ListInput {
            word: self.word,
            tags: self.tag,
            status: self.status,
            branch: self.branch,
            path: self.path,
            all: self.all,
            limit: self.limit,
            offset: self.offset,
        };
        let report = list::list(&workspace, &input)?;
        let (now, offset) = (door.now(), input.offset);
        door.report(&report, |out, paint, report| print_list(out, paint, report, (now, offset)))
    }
}

pub(super) fn print_jobs(out: &mut String, paint: Paint, report: &JobsReport, (now, is_new): (DateTime<Utc>, bool)) {
    report.jobs.iter().for_each(|held| job::print(out, paint, held, now));
    let more = report.total.saturating_sub(report.jobs.len());
    match (report.jobs.is_empty(), more) {
        (true, _) if is_new => out.push_str("no job has ended that you were not told of\n"),
        (true, _) => out.push_str("no jobs: state run -- CMD\n"),
        (false, 0) => {}
        (false, _) => {
            let _ = writeln!(out, "{more} more: state list jobs -n {}", report.total);
        }
    }
}

fn print_list(out: &mut String, paint: Paint, report: &ListReport, (now, offset): (DateTime<Utc>, usize)) {
    if report.records.is_empty() && report.total > 0 {
        let _ = writeln!(out, "{} in all, none of them on this page: state list {}", report.total, report.word);
        return;
    }
    if report.records.is_empty() {
        let kinds: Vec<&str> = KINDS.iter().filter(|row| !row.planned).map(|row| row.plural).collect();
        let _ = writeln!(
            out,
            "{} Lists: {}, {}",
            report.nothing(),
            kinds.join(", "),
            list::WORDS.map(|(word, _)| word).join(", ")
        );
    }
    for listed in &report.records {
        let mut line = paint::line(paint, &listed.told(), now);
        for remark in listed.remarks() {
            let _ = write!(line, " {}", paint.warn(&format!("({remark})")));
        }
        let _ = writeln!(out, "{line}");
    }
    let shown = offset.saturating_add(report.records.len());
    if report.total > shown && !report.records.is_empty() {
        let plus = if report.total >= list::COUNT_MAX { "+" } else { "" };
        let _ = writeln!(out, "{shown} of {}{plus}; more: state list {} --offset {shown}", report.total, report.word);
    }
}

/// What can be worked on now, best first, and why.
///
/// Open, held up by nothing, not deferred; most urgent first, then what was touched last.
///
/// JSON: {"records": [RECORD + {"reason"}], "total", "blocked"}
#[derive(clap::Args)]
pub(super) struct ReadyArgs {
    /// At most so many.
    #[arg(long, short = 'n', default_value_t = 15)]
    limit: usize,
}

impl ReadyArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let report = ready::ready(&door.workspace()?, self.limit)?;
        let now = door.now();
        door.report(&report, |out, paint, report| print_ready(out, paint, report, now))
    }
}

fn print_ready(out: &mut String, paint: Paint, report: &ReadyReport, now: DateTime<Utc>) {
    for task in &report.records {
        let _ = writeln!(out, "{}  {}", paint::line(paint, &task.record, now), paint.dim(&text::display(&task.reason)));
    }
    let blocked =
        if report.blocked > 0 { format!(" {} held up: state list blocked.", report.blocked) } else { String::new() };
    if report.records.is_empty() && report.total == 0 {
        let _ = writeln!(out, "Nothing is ready.{blocked} Begin something: state start \"WHAT YOU DO\"");
        return;
    }
    let shown = report.records.len();
    if report.total > shown {
        let _ = writeln!(out, "{shown} of {}; more: state ready -n {}", report.total, shown.max(1) * 2);
    }
    let _ = writeln!(out, "Take the first: state start --next.{blocked}");
}
