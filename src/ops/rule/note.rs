//! Which rules wait for what a transaction has changed, and what has led to it.

use super::kept::{self, Kept, Row};
use super::{Rules, Told};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::rule::TRAIL_MAX;
use crate::domain::{field, kind, text};
use crate::error::Result;
use crate::ops::{Workspace, undo};
use crate::store::{View, Writer};
use serde_json::Value;

/// What [`note`] found, for [`super::follow`] after the commit.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// There are rows in the outbox.
    pub(super) has_rows: bool,
    /// What was held back.
    pub(super) held: Vec<Told>,
}

/// Columns of an event in words.
const WORDS_COLUMNS: usize = 100;

/// A record that has come into a status.
struct Event {
    /// Replica and sequence.
    key: String,
    words: String,
    trail: Vec<String>,
}

/// Puts a row into the outbox for each rule that waits for what this transaction has changed. To be called last, before the
/// commit. Where there are no rules it is one look-up.
///
/// # Errors
/// As the store says.
pub fn note(writer: &mut Writer, workspace: &Workspace) -> Result<Noted> {
    if workspace.rules.off || writer.is_untouched() {
        return Ok(Noted::default());
    }
    let mut rules = kept::rules(writer)?;
    if rules.is_empty() {
        return Ok(Noted::default());
    }
    let (mut rows, mut held): (Vec<Row>, Vec<Told>) = (Vec::new(), Vec::new());
    for (uid, seq) in writer.changed(field::STATUS) {
        let Some(record) = writer.record(uid)?.filter(Record::is_visible) else { continue };
        let waiting: Vec<&mut Kept> = rules.iter_mut().filter(|kept| waits_for(kept, &record)).collect();
        if waiting.is_empty() || has_same_status(writer, &record)? {
            continue;
        }
        let event = Event::of(writer, &workspace.rules, &record, seq)?;
        for kept in waiting {
            if kept.standing(writer)?.is_some() {
                match answer(kept, &event, writer) {
                    Ok(row) => rows.push(row),
                    Err(told) => held.push(told),
                }
            }
        }
    }
    if !held.is_empty() {
        kept::keep_rules(writer, &rules)?;
    }
    if !rows.is_empty() {
        let owner = kept::owner(workspace);
        for row in &mut rows {
            row.owner.clone_from(&owner);
        }
        kept::put(writer, rows)?;
    }
    Ok(Noted { has_rows: !kept::outbox(writer)?.is_empty(), held })
}

fn waits_for(kept: &Kept, record: &Record) -> bool {
    let Some(on) = kept.on().filter(|_| kept.uid != record.uid) else { return false };
    if record.kind() != kind::JOB {
        return on.is_record(record.kind(), record.status());
    }
    let is_silent = record.get(field::RULES) == Some(&Value::Bool(false));
    let name = record.text(field::LABEL).or_else(|| record.text(field::COMMAND)).unwrap_or_default();
    !is_silent && (on.is_job(name, record.status()) || on.is_record(kind::JOB, record.status()))
}

/// Whether the record had its status before this transaction.
fn has_same_status(writer: &Writer, record: &Record) -> Result<bool> {
    let before = undo::record_before(writer, record.uid, writer.first_position())?;
    Ok(before.is_visible() && before.status() == record.status())
}

/// The row, or why there is none.
fn answer(kept: &mut Kept, event: &Event, writer: &Writer) -> Result<Row, Told> {
    let trail = match follow_on(&event.trail, kept, &event.words) {
        Ok(trail) => trail,
        Err(why) => return Err(hold(kept, &event.words, why)),
    };
    Ok(Row {
        rule: kept.uid,
        event: event.key.clone(),
        because: event.words.clone(),
        trail,
        replica: writer.meta().replica,
        session: writer.session(),
        actor: writer.actor().to_owned(),
        owner: None,
        at: writer.now(),
    })
}

/// Notes that a rule was held back.
pub(super) fn hold(kept: &mut Kept, words: &str, why: String) -> Told {
    kept.held = Some((words.to_owned(), why.clone()));
    Told { rule: kept.id.clone(), job: None, name: None, because: words.to_owned(), held: Some(why) }
}

/// The trail of what a rule starts because of an event that has a trail itself.
fn follow_on(trail: &[String], kept: &Kept, words: &str) -> Result<Vec<String>, String> {
    if trail.iter().any(|cause| rule_of(cause) == kept.id) {
        return Err("it has led to this event itself, a loop".to_owned());
    }
    longer(trail, kept, words)
}

/// The trail with one more cause.
pub(super) fn longer(trail: &[String], kept: &Kept, words: &str) -> Result<Vec<String>, String> {
    if trail.len() >= TRAIL_MAX {
        return Err(format!("{TRAIL_MAX} rules in a row have led to this event"));
    }
    Ok(trail.iter().cloned().chain([format!("{}: {words}", kept.id)]).collect())
}

fn rule_of(cause: &str) -> &str {
    cause.split_once(':').map_or(cause, |(rule, _)| rule)
}

impl Event {
    fn of(writer: &Writer, rules: &Rules, record: &Record, seq: u64) -> Result<Self> {
        let name = record.text(field::LABEL).unwrap_or_else(|| record.title());
        let name = if record.kind() == kind::JOB { text::clean_line(name) + " " } else { String::new() };
        let words = format!("{} {} {name}{}", record.kind(), record.id(), record.status());
        Ok(Self {
            key: format!("{}:{seq}", writer.meta().replica.0),
            words: text::truncate_width(&words, WORDS_COLUMNS),
            // What happens to a job is due to what it runs for, whoever comes by and says it.
            trail: if record.kind() == kind::JOB { trail(record) } else { trail_of_change(writer, rules, record)? },
        })
    }
}

/// The trail of the job that makes the change, or of one that the record is a result of: whoever comes by and sees that a
/// job has ended keeps its results.
fn trail_of_change(view: &View, rules: &Rules, record: &Record) -> Result<Vec<String>> {
    let mut longest = of_job(view, rules.job.as_deref())?;
    for uid in record.linked(field::link::RESULT_OF) {
        let trail = of_record(view, uid)?;
        longest = if trail.len() > longest.len() { trail } else { longest };
    }
    Ok(longest)
}

/// Why a job runs, the last cause last.
#[must_use]
pub(in crate::ops) fn trail(job: &Record) -> Vec<String> {
    let causes = job.get(field::TRAIL).and_then(Value::as_array).into_iter().flatten();
    causes.filter_map(Value::as_str).map(text::clean_line).take(TRAIL_MAX).collect()
}

/// The trail of the job that this process is a part of; it goes on in the jobs that it starts.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn inherited(view: &View, workspace: &Workspace) -> Result<Vec<String>> {
    of_job(view, workspace.rules.job.as_deref())
}

fn of_job(view: &View, id: Option<&str>) -> Result<Vec<String>> {
    let uid: Option<Uid> = id.map(|id| view.id(id)).transpose()?.flatten();
    uid.map_or_else(|| Ok(Vec::new()), |uid| of_record(view, uid))
}

fn of_record(view: &View, uid: Uid) -> Result<Vec<String>> {
    let job = view.record(uid)?.filter(|job| job.kind() == kind::JOB);
    Ok(job.as_ref().map(trail).unwrap_or_default())
}
