//! `show`: records in full, now or as they were.

use super::job::told::Seen;
use super::job::{self, JobReport};
use super::report::Full;
use super::rule::RuleReport;
use super::{Workspace, resolve, undo};
use crate::domain::record::Record;
use crate::domain::{field, kind, when};
use crate::error::{Error, Kind, Result};
use crate::store::View;
use serde::Serialize;

/// A record, and what a job does now.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The record.
    #[serde(flatten)]
    pub record: Full,
    /// Jobs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobReport>,
    /// Rules only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleReport>,
}

/// The report of `show`.
#[derive(Clone, Debug, Serialize)]
pub struct ShowReport {
    /// The records, in the order asked for.
    pub records: Vec<Shown>,
    /// The time or position that they are shown at, if not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Shows records; `at` is a time, or a log position as `@142`.
///
/// # Errors
/// `NotFound`, also if a record did not exist then; `Usage` for a time that cannot be read.
pub fn show(workspace: &Workspace, words: &[String], at: Option<&str>) -> Result<ShowReport> {
    let now = workspace.now();
    let until = at.map(|at| moment(at, now)).transpose()?;
    if words.iter().any(|word| word.starts_with("j-")) {
        job::settle(workspace);
    }
    let mut jobs = Vec::new();
    let report = workspace.read(|view| {
        let mut records = Vec::new();
        for word in words {
            let record = resolve::record(view, word)?;
            let record = match &until {
                Some(until) => record_at(view, &record, until)?,
                None => record,
            };
            let is_job = record.kind() == kind::JOB && until.is_none();
            let job = is_job.then(|| JobReport::asked(view, workspace, &record, JOB_LINES)).transpose()?;
            jobs.extend(job.is_some().then(|| Seen::from(&record)));
            let is_rule = record.kind() == kind::RULE && until.is_none();
            let rule = is_rule.then(|| RuleReport::of(view, &record)).transpose()?;
            let mut record = Full::of(view, &record, &workspace.place, now)?;
            if job.is_some() {
                // The others are said better beside it.
                record.more.retain(|name, _| name == field::COMMAND);
            }
            records.push(Shown { record, job, rule });
        }
        Ok(ShowReport { records, at: at.map(str::to_owned) })
    })?;
    job::told::tell(workspace, &jobs);
    Ok(report)
}

/// Lines of output of a job.
const JOB_LINES: usize = 20;

/// A moment in the log.
enum Moment {
    Position(u64),
    Time(chrono::DateTime<chrono::Utc>),
}

fn moment(text: &str, now: chrono::DateTime<chrono::Utc>) -> Result<Moment> {
    match text.strip_prefix('@') {
        Some(position) => position
            .parse()
            .map(Moment::Position)
            .map_err(|_| Error::usage(format!("'{text}' is not a log position")).hint("as @142; state log shows them")),
        None => when::parse_time(text, now).map(Moment::Time),
    }
}

fn record_at(view: &View, record: &Record, until: &Moment) -> Result<Record> {
    let mut then = Record::unborn(record.uid);
    for position in view.history(record.uid)? {
        let past = match until {
            Moment::Position(last) => position <= *last,
            Moment::Time(time) => view.event(position)?.is_some_and(|event| event.at <= *time),
        };
        if past {
            undo::replay(view, &mut then, position)?;
        }
    }
    if then.birth.is_none() {
        return Err(Error::new(Kind::NotFound, format!("{} did not exist then", record.id()))
            .hint(format!("its history: state log {}", record.id())));
    }
    Ok(then)
}
