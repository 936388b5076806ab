//! `done` and `drop`: the two ends of a record, and what they set free.

use super::ready::{self, ReadyLine};
use super::report::Line;
use super::session::{self, Standing};
use super::{Workspace, add, resolve};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::{Error, Result};
use crate::store::{Registers, View, Writer};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is finished.
    Done,
    /// It is not wanted any more.
    Drop,
}

/// What to end.
#[derive(Clone, Debug)]
pub struct EndInput {
    /// Ids or keys.
    pub ids: Vec<String>,
    /// Which end.
    pub end: End,
    /// Why, in one line.
    pub message: Option<String>,
}

/// The report of `done` and `drop`.
#[derive(Clone, Debug, Serialize)]
pub struct EndReport {
    /// The ended records.
    pub records: Vec<Line>,
    /// Tasks that are ready now and were not before.
    pub freed: Vec<Line>,
    /// Tasks that waited for these and still wait for others.
    pub waiting: Vec<Line>,
    /// The best ready tasks.
    pub next: Vec<ReadyLine>,
    /// Who was at work on what was ended, other than the one who ended it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    /// Live blockers that hold up nothing any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<Line>,
}

/// A session that holds a record.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// The id of the record.
    pub id: String,
    /// The id of the session.
    pub session: String,
    /// How the session stands.
    pub standing: Standing,
}

/// How many blockers are looked at.
const BLOCKERS_MAX: usize = 20;
/// How many tasks are suggested.
const NEXT: usize = 3;

/// Ends records.
///
/// # Errors
/// `NotFound`, or `Conflict` for a record that has ended already or has no such end; then nothing changes.
pub fn end(workspace: &Workspace, input: &EndInput) -> Result<EndReport> {
    workspace.write(|writer| {
        let mut ended = Vec::new();
        let (mut dependents, mut held) = (BTreeMap::new(), Vec::new());
        for word in &input.ids {
            let record = resolve::record(writer, word)?;
            for dependent in dependents_of(writer, &record)? {
                dependents.insert(dependent.uid, dependent);
            }
            held.extend(held_by_another(writer, &record)?);
            ended.push(end_one(writer, &record, input)?);
        }
        writer.because(reason(&ended, input));
        let report = report(writer, &ended, dependents.into_values().collect())?;
        Ok(EndReport { held, ..report })
    })
}

/// The living session that holds a record, unless it is the one that acts.
fn held_by_another(writer: &Writer, record: &Record) -> Result<Option<Held>> {
    let holder = session::holder(writer, record, writer.now())?.filter(|holder| Some(holder.uid) != writer.session());
    Ok(holder.map(|holder| Held {
        id: record.id().to_owned(),
        session: holder.id().to_owned(),
        standing: Standing::Active,
    }))
}

/// The live blockers of ended records that hold up no other live task.
fn idle_blockers(view: &View, ended: &[Record]) -> Result<Vec<Record>> {
    let mut found: Vec<Record> = Vec::new();
    for record in ended {
        view.each(&terms::incoming_term(record.uid, field::link::BLOCKS), |blocker| {
            found.extend(Some(blocker).filter(|blocker| blocker.is_live() && blocker.kind() == kind::BLOCKER));
            Ok(if found.len() < BLOCKERS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    found.sort_by_key(|blocker| blocker.uid);
    found.dedup_by_key(|blocker| blocker.uid);
    let mut idle = Vec::new();
    for blocker in found {
        if dependents_of(view, &blocker)?.is_empty() {
            idle.push(blocker);
        }
    }
    Ok(idle)
}

fn reason(ended: &[Record], input: &EndInput) -> String {
    let verb = if input.end == End::Done { "done" } else { "drop" };
    let ids: Vec<&str> = ended.iter().map(Record::id).collect();
    let why = input.message.clone().or_else(|| ended.first().map(|record| record.title().to_owned()));
    format!("{verb} {}: {}", ids.join(" "), text::clean_line(&why.unwrap_or_default()))
}

fn end_one(writer: &mut Writer, record: &Record, input: &EndInput) -> Result<Record> {
    let status = end_status(record, input.end)?;
    let mut set = Registers::from([(field::STATUS.to_owned(), json!(status))]);
    set.extend(input.message.iter().map(|why| (field::REASON.to_owned(), json!(text::clean_line(why)))));
    set.extend(record.elements(field::CLAIM).map(|(session, _)| (format!("{}{session}", field::CLAIM), Value::Null)));
    writer.put(record.uid, set)
}

fn end_status(record: &Record, end: End) -> Result<&'static str> {
    let (id, name) = (record.id(), record.kind());
    let row = kind::find(name)
        .ok_or_else(|| Error::conflict(format!("{id} is a {name} of a newer state, which this one cannot end")))?;
    if record.flag(field::GONE) {
        return Err(Error::conflict(format!("{id} was undone, there is nothing to end")));
    }
    if !record.is_live() {
        return Err(Error::conflict(format!("{id} is already {}", record.status())).hint(format!("state show {id}")));
    }
    let status = match end {
        End::Done => row.done,
        End::Drop => row.statuses.iter().find(|status| **status == "dropped").copied(),
    };
    status.ok_or_else(|| match end {
        End::Done => Error::conflict(format!("{id} is a {name}, which is never done"))
            .hint(format!("if it no longer holds: state drop {id} -m WHY")),
        End::Drop => {
            Error::conflict(format!("{id} is a {name}, which cannot be dropped")).hint(format!("state done {id}"))
        }
    })
}

/// The live tasks that wait for a record: they need it, or it blocks them.
fn dependents_of(view: &View, record: &Record) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    view.each(&terms::incoming_term(record.uid, field::link::NEEDS), |dependent| {
        found.push(dependent);
        Ok(ControlFlow::Continue(()))
    })?;
    for uid in record.linked(field::link::BLOCKS) {
        found.extend(view.record(uid)?);
    }
    found.retain(|dependent| dependent.is_live() && dependent.kind() == kind::TASK);
    Ok(found)
}

fn report(writer: &Writer, ended: &[Record], dependents: Vec<Record>) -> Result<EndReport> {
    let now = writer.now();
    let mut report = EndReport {
        records: Vec::new(),
        freed: Vec::new(),
        waiting: Vec::new(),
        next: Vec::new(),
        held: Vec::new(),
        blockers: Vec::new(),
    };
    for record in ended {
        report.records.push(Line::of(writer, &add::reread(writer, record.uid)?, now)?);
    }
    for dependent in dependents {
        if ended.iter().any(|record| record.uid == dependent.uid) {
            continue;
        }
        let line = Line::of(writer, &dependent, now)?;
        if line.blocked_by.is_empty() { report.freed.push(line) } else { report.waiting.push(line) }
    }
    report.next = ready::best(writer, now, NEXT)?;
    for blocker in idle_blockers(writer, ended)? {
        report.blockers.push(Line::of(writer, &blocker, now)?);
    }
    Ok(report)
}
