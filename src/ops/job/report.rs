//! A job as every door shows it: what its record says, and what its files say now.

use super::told::Seen;
use super::usual::Usuals;
use super::{OPEN, asked, dir_of, settle, speculative, told};
use crate::domain::estimate::{Estimate, SHORT_MS};
use crate::domain::job::measure::print_size;
use crate::domain::job::{Attempt, Decision, Exit, Group, ResultFile, State, Status};
use crate::domain::record::Record;
use crate::domain::{field, kind, secret, terms, text};
use crate::error::Result;
use crate::ops::report::Line;
use crate::ops::{Workspace, rule};
use crate::process::job::{JobDir, tail};
use crate::store::View;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// A job.
#[derive(Clone, Debug, Serialize)]
pub struct JobReport {
    /// Its id.
    pub id: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `waiting`, `running`, or how it ended: `ok`, `failed`, `timeout`, `idle`, `killed`, `skipped`, `missing`, `lost`.
    pub status: String,
    /// Its command line, with secrets masked.
    pub command: String,
    /// When it was asked for.
    pub created: DateTime<Utc>,
    /// Why it runs, if a rule has started it: `r-4kq: job j-3 lint ok`, the last cause first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// Since when it is what it is now: waits, runs, or is over.
    pub since: DateTime<Utc>,
    /// Milliseconds that the last attempt took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// The exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// Why it ended so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The attempt that runs, or how many there were; the first is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// All attempts, if there was more than one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// The process that leads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What such jobs usually take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<Estimate>,
    /// When to look again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_again: Option<DateTime<Utc>>,
    /// Whether the same session asked before, and was told when to look again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked_too_soon: bool,
    /// Of one that runs and was asked for: the best task to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meanwhile: Option<Line>,
    /// What is odd: it takes long, is silent for longer than ever, wants a terminal, left processes behind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The last lines of its output, cleaned and with secrets masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<String>,
    /// Bytes that it printed.
    pub bytes: u64,
    /// Lines that its patterns found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<String>,
    /// The files that it was to leave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ResultFile>,
    /// Processes of it that still run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<Group>,
    /// The id of the job that it does again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// Of speculative work: `undecided`, `accepted` or `dropped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speculative: Option<String>,
    /// Of speculative work that is undecided: the copy of the tree that it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch: Option<PathBuf>,
    /// Its directory: `status.json`, `exit.json`, `output/`.
    pub path: PathBuf,
}

/// The report of `list jobs`.
#[derive(Clone, Debug, Serialize)]
pub struct JobsReport {
    /// The jobs.
    pub jobs: Vec<JobReport>,
    /// How many there are in all, as far as was counted.
    pub total: usize,
}

/// Lines of output in a list, of one that did not end well.
const LIST_LINES: usize = 1;
/// Columns of a shown line.
const LINE_COLUMNS: usize = 200;
/// Lines that the longest private key has.
const KEY_LINES: usize = 120;
/// The most that is counted.
const COUNT_MAX: usize = 1000;

/// The open jobs and the last ended ones; with `is_new` only ends that this session was not told yet. Told by that.
///
/// # Errors
/// As the store says.
pub fn list(workspace: &Workspace, is_new: bool, limit: usize) -> Result<JobsReport> {
    super::settle(workspace);
    let (report, shown) = workspace.read(|view| {
        let news = told::news(view, workspace, true)?;
        let (jobs, total) = if is_new { (news.clone(), news.len()) } else { all(view, limit)? };
        let shown: Vec<Seen> = jobs.iter().filter(|job| news.contains(job)).map(Seen::from).collect();
        let lines = |job: &Record| if job.status() == "ok" { 0 } else { LIST_LINES };
        let jobs = JobReport::all(view, workspace, &jobs, lines)?;
        Ok((JobsReport { jobs, total }, shown))
    })?;
    told::tell(workspace, &shown);
    Ok(report)
}

fn all(view: &View, limit: usize) -> Result<(Vec<Record>, usize)> {
    let mut jobs = Vec::new();
    for status in OPEN.iter().rev() {
        jobs.extend(view.first(&terms::status_term(kind::JOB, status), limit)?);
    }
    let undecided = speculative::undecided(view, limit)?;
    let last = view.first(&terms::kind_term(kind::JOB), limit)?;
    let is_listed = |job: &Record| job.is_live() || undecided.iter().any(|other| other.uid == job.uid);
    let last: Vec<Record> = last.into_iter().filter(|job| !is_listed(job)).collect();
    jobs.extend(undecided);
    jobs.extend(last);
    jobs.truncate(limit);
    Ok((jobs, view.count(&terms::kind_term(kind::JOB), COUNT_MAX)?))
}

impl JobReport {
    /// What is known of a job, with the last `lines` lines of its output.
    ///
    /// # Errors
    /// As the store says.
    pub fn of(view: &View, workspace: &Workspace, job: &Record, lines: usize) -> Result<Self> {
        Ok(Self::beside((view, workspace), job, lines, Usuals::default().of(view, job)?))
    }

    /// A job as it is by now, and what is known of it.
    ///
    /// # Errors
    /// As the store says.
    pub(super) fn current(workspace: &Workspace, job: Record, lines: usize) -> Result<(Record, Self)> {
        workspace.read(|view| {
            let job = view.record(job.uid)?.unwrap_or(job);
            let report = Self::of(view, workspace, &job, lines)?;
            Ok((job, report))
        })
    }

    /// What is known of several, each with as many lines as `lines` says.
    ///
    /// # Errors
    /// As the store says.
    pub fn all(
        view: &View,
        workspace: &Workspace,
        jobs: &[Record],
        lines: impl Fn(&Record) -> usize,
    ) -> Result<Vec<Self>> {
        let mut usuals = Usuals::default();
        jobs.iter().map(|job| Ok(Self::beside((view, workspace), job, lines(job), usuals.of(view, job)?))).collect()
    }

    fn beside((view, workspace): (&View, &Workspace), job: &Record, lines: usize, usual: Option<Estimate>) -> Self {
        let dir = dir_of(view, workspace, job);
        let (status, exit) = (dir.status().ok().flatten(), dir.exit().ok().flatten());
        let text = |name: &str| job.text(name).map(str::to_owned);
        let number = |name: &str| job.get(name).and_then(Value::as_u64);
        let now = workspace.now();
        let mut report = Self {
            id: job.id().to_owned(),
            label: text(field::LABEL),
            status: job.status().to_owned(),
            command: text(field::COMMAND).unwrap_or_default(),
            created: job.birth.as_ref().map_or(job.updated_at, |birth| birth.at),
            because: rule::trail(job).into_iter().rev().collect(),
            since: job.updated_at,
            took_ms: number(field::TOOK),
            code: job.get(field::CODE).and_then(Value::as_i64),
            reason: text(field::REASON),
            attempt: exit.as_ref().and_then(|exit| u32::try_from(exit.attempts.len()).ok()).filter(|count| *count > 1),
            attempts: Vec::new(),
            waits_for: Vec::new(),
            pid: None,
            usual,
            look_again: None,
            asked_too_soon: false,
            meanwhile: None,
            remarks: Vec::new(),
            tail: last_lines(&dir, lines),
            bytes: exit.as_ref().map_or(0, |exit| exit.bytes),
            matched: strings(job.get(field::MATCHED)),
            results: exit.as_ref().map(|exit| exit.results.clone()).unwrap_or_default(),
            left_behind: None,
            again: text(field::AGAIN),
            speculative: text(field::SPECULATIVE),
            scratch: scratch(&dir, job),
            path: dir.path().to_owned(),
        };
        match (job.is_live(), status, exit) {
            (true, Some(status), None) => report.runs(&status, now),
            (is_live, _, Some(exit)) => {
                if is_live {
                    report.settle(&exit);
                }
                report.ended(&exit);
            }
            _ => {}
        }
        report.remarks.extend(speculative::remark(view, job));
        report.remarks.extend(pruned(view, &dir, job));
        report
    }

    /// As [`JobReport::of`], for a session that asks for this job: it may ask too soon.
    ///
    /// # Errors
    /// As [`JobReport::of`].
    pub fn asked(view: &View, workspace: &Workspace, job: &Record, lines: usize) -> Result<Self> {
        let report = Self::of(view, workspace, job, lines)?;
        let asked_too_soon = asked::is_too_soon(workspace, &dir_of(view, workspace, job), &report);
        let meanwhile = if job.is_live() { asked::meanwhile(view, workspace, job)? } else { None };
        Ok(Self { asked_too_soon, meanwhile, ..report })
    }

    /// Whether it was over before anybody could have waited for it.
    #[must_use]
    pub fn was_short(&self) -> bool {
        self.status == "ok" && self.took_ms.is_some_and(|took| took < SHORT_MS)
    }

    fn runs(&mut self, status: &Status, now: DateTime<Utc>) {
        self.since = status.since;
        self.waits_for.clone_from(&status.waits_for);
        self.pid = status.pid;
        self.attempt = Some(status.attempt).filter(|attempt| *attempt > 1);
        self.bytes = status.bytes;
        // The ledger may not have been told, and a pause between two attempts is no news to it.
        let [waiting, running] = OPEN;
        if status.state == State::Waiting { waiting } else { running }.clone_into(&mut self.status);
        if self.status != "running" {
            return;
        }
        let since = |time: DateTime<Utc>| (now - time).to_std().unwrap_or(Duration::ZERO);
        if let Some(usual) = &self.usual {
            self.look_again = Some(usual.look_again(status.since, now));
            if usual.is_late(since(status.since)) {
                self.remarks.push(format!("takes long: usually {usual}"));
            }
            if usual.is_too_silent(since(status.last_output.unwrap_or(status.since))) {
                self.remarks.push("silent for longer than ever".to_owned());
            }
        }
        if status.wants_terminal {
            self.remarks.push("it wants a terminal, and has none".to_owned());
        }
    }

    /// What a ledger that cannot be written at this moment, on a full disk or a read-only mount, does not say yet.
    fn settle(&mut self, exit: &Exit) {
        (self.status, self.since) = (exit.outcome.name().to_owned(), exit.ended_at);
        (self.code, self.reason) = (exit.code.map(i64::from), exit.why().map(|why| text::clean_line(&why)));
        self.took_ms = exit.duration().and_then(|took| u64::try_from(took.num_milliseconds()).ok());
    }

    fn ended(&mut self, exit: &Exit) {
        self.left_behind = exit.left_behind.as_ref().and_then(crate::process::job::living);
        if self.left_behind.is_some() {
            self.remarks.push(format!("processes of it still run: state drop {}", self.id));
        }
        if exit.attempts.len() > 1 {
            self.attempts = exit.attempts.iter().map(shown).collect();
        }
        if exit.wanted_terminal {
            self.remarks.push("by its last words it wanted a terminal, which no job has".to_owned());
        }
        if exit.cut > 0 {
            let [cut, all] = [exit.cut, exit.bytes].map(print_size);
            self.remarks.push(format!("{cut} of its {all} of output are not kept"));
        }
        if let Some(lost) = &exit.output_lost {
            self.remarks.push(text::clean_line(lost));
        }
    }
}

/// An attempt whose reason, which may be in anybody's words, is a line without secrets.
fn shown(attempt: &Attempt) -> Attempt {
    let reason = attempt.reason.as_deref().map(|reason| text::clean_line(&secret::mask(reason)));
    Attempt { reason, ..attempt.clone() }
}

fn scratch(dir: &JobDir, job: &Record) -> Option<PathBuf> {
    (speculative::decision(job)? == Decision::Undecided).then_some(())?;
    dir.spec().ok()??.speculative?.scratch
}

/// Why an ended job has no output any more.
fn pruned(view: &View, dir: &JobDir, job: &Record) -> Option<String> {
    if job.is_live() || dir.path().is_dir() {
        return None;
    }
    let is_here = settle::is_of_here(view, job);
    Some(if is_here { "its output was pruned" } else { "its output is on another machine" }.to_owned())
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let lines = value.and_then(Value::as_array).into_iter().flatten();
    lines.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The last lines of output as they may be shown: text from outside.
fn last_lines(dir: &JobDir, lines: usize) -> Vec<String> {
    if lines == 0 {
        return Vec::new();
    }
    // A key is known by its first line.
    let tail = tail(dir, lines + KEY_LINES);
    let text = String::from_utf8_lossy(&tail.bytes).into_owned();
    let clean = secret::mask(&text);
    let clean = clean.lines().map(text::clean_line).filter(|line| !line.is_empty());
    let shown: Vec<String> = clean.map(|line| text::truncate_width(&line, LINE_COLUMNS)).collect();
    shown[shown.len().saturating_sub(lines)..].to_vec()
}
