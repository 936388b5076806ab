//! `undo`: append the inverse of a transaction.
//!
//! A register goes back to what it held before, but only if nothing newer has set it since; what was created becomes
//! invisible. The log keeps both. Without an argument it takes back this session's last change that still stands.
//! A claim comes back only with the status that it belongs to.

use super::report::Line;
use super::{Workspace, add, edit, session};
use crate::domain::event::{CommitId, Event, Put};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, fold, kind};
use crate::error::{Error, Kind, Result};
use crate::store::{Registers, View, Writer};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The report of `undo`.
#[derive(Clone, Debug, Serialize)]
pub struct UndoReport {
    /// The log position of the transaction that was taken back.
    pub position: u64,
    /// Why it had been made.
    pub why: String,
    /// The records that changed back.
    pub records: Vec<Line>,
    /// Registers that something newer has set, which stay: `ID register`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
}

/// How many transactions are looked through for this session's last one.
const SEARCHED_MAX: usize = 10_000;

/// Takes a transaction back: the one at `position`, or this session's last.
///
/// # Errors
/// `NotFound` if there is none, `Conflict` if nothing of it stands any more.
pub fn undo(workspace: &Workspace, position: Option<u64>) -> Result<UndoReport> {
    workspace.write(|writer| {
        let (position, count) = match position {
            Some(position) => containing(writer, position)?,
            None => last_own(writer, workspace)?,
        };
        let events = events(writer, position, count)?;
        let first = events.first().ok_or_else(|| nothing(position))?;
        let (id, why) = (first.commit_id(), first.why.clone().unwrap_or_default());
        if has_facts(writer, &events)? {
            return Err(Error::conflict(format!("@{position} ({why}) has happened, and cannot be taken back"))
                .hint("state drop ID ends a job"));
        }
        let (inverse, kept) = inverse(writer, position, &events)?;
        if inverse.is_empty() {
            return Err(Error::conflict(format!("nothing of @{position} ({why}) stands any more"))
                .hint("if it was undone: state log shows that change, and undoing it brings this one back"));
        }
        writer.undoing(id);
        let mut records = Vec::new();
        for (uid, set) in inverse {
            let record = writer.put_as_is(uid, set)?;
            records.push(Line::of(writer, &record, writer.now())?);
        }
        writer.because(format!("undo @{position}: {why}"));
        Ok(UndoReport { position, why, records, kept })
    })
}

fn nothing(position: u64) -> Error {
    Error::new(Kind::NotFound, format!("no change @{position}")).hint("state log shows the positions")
}

/// The transaction that holds a log position.
fn containing(view: &View, position: u64) -> Result<(u64, u64)> {
    let found = view.commits_before(position.saturating_add(1), 1)?;
    found.into_iter().find(|(first, count)| position < first + count).ok_or_else(|| nothing(position))
}

fn events(view: &View, position: u64, count: u64) -> Result<Vec<Event>> {
    Ok(view.events(position..position + count)?.into_iter().map(|(_, event)| event).collect())
}

/// This session's last transaction that is neither an undo nor undone, and of which something stands.
fn last_own(writer: &Writer, workspace: &Workspace) -> Result<(u64, u64)> {
    let none = || {
        Error::new(Kind::NotFound, "this session has changed nothing that could be undone")
            .hint("to take back another session's change: state log, then state undo @POSITION")
    };
    let me = session::current(writer, workspace)?.ok_or_else(none)?.uid;
    let mut undone: Vec<CommitId> = Vec::new();
    for (first, count) in writer.commits_before(u64::MAX, SEARCHED_MAX)? {
        let Some(event) = writer.event(first)? else { continue };
        if undone.contains(&event.commit_id()) {
            // An undo that was undone itself takes nothing back.
            continue;
        }
        if let Some(undoes) = event.undoes {
            undone.push(undoes);
        } else if event.session == Some(me) {
            let events = events(writer, first, count)?;
            if !has_facts(writer, &events)? && !inverse(writer, first, &events)?.0.is_empty() {
                return Ok((first, count));
            }
        }
    }
    Err(none())
}

/// Registers of a job that say what happened, not what somebody meant.
const FACTS: [&str; 4] = [field::STATUS, field::MATCHED, field::ODD, field::SPECULATIVE];

/// Whether an event tells what happened to a job: processes ran, and files were changed.
fn is_fact(put: &Put, record: &Record) -> bool {
    record.kind() == kind::JOB && (put.create.is_some() || FACTS.iter().any(|name| put.set.contains_key(*name)))
}

fn has_facts(writer: &Writer, events: &[Event]) -> Result<bool> {
    for put in events.iter().filter_map(Event::put) {
        if is_fact(put, &add::reread(writer, put.uid)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

type Inverse = BTreeMap<Uid, Registers>;

/// The registers to set, by record, and the names of those that something newer has set.
fn inverse(writer: &Writer, position: u64, events: &[Event]) -> Result<(Inverse, Vec<String>)> {
    let (mut inverse, mut kept) = (Inverse::new(), Vec::new());
    for event in events.iter().rev() {
        let Some(put) = event.put() else { continue };
        let now = add::reread(writer, put.uid)?;
        let is_undone = now.flag(field::GONE) && !put.set.contains_key(field::GONE);
        // What a session did to itself (began, moved, took a focus) is not what was asked for.
        let is_own_session = now.kind() == kind::SESSION && event.session == Some(put.uid);
        // The text is gone for good, so nothing would come back but the look of it.
        let is_erasure = put.set.contains_key(field::ERASED);
        if is_undone || is_own_session || is_erasure {
            continue;
        }
        let before = record_before(writer, put.uid, position)?;
        let set = inverse.entry(put.uid).or_default();
        if put.create.is_some() {
            set.insert(field::GONE.to_owned(), json!(true));
            continue;
        }
        for name in put.set.keys() {
            let stands = now.registers.get(name).is_some_and(|register| now.stamp_of(register) == event.stamp);
            if stands {
                set.insert(name.clone(), value_before(writer, &before, name)?);
            } else if !set.contains_key(name) {
                kept.push(format!("{} {name}", now.id()));
            }
        }
    }
    for (uid, set) in &mut inverse {
        settle_claims(&add::reread(writer, *uid)?, set);
    }
    inverse.retain(|_, set| !set.is_empty());
    Ok((inverse, kept))
}

/// Claims stand with the status `active` and end with it; one never comes back under a status that somebody set since.
fn settle_claims(now: &Record, set: &mut Registers) {
    let status = set.get(field::STATUS).map_or(Some(now.status()), Value::as_str);
    let (is_active, is_restored) = (status == Some("active"), set.contains_key(field::STATUS));
    if !is_active || !is_restored {
        set.retain(|name, value| value.is_null() || !name.starts_with(field::CLAIM));
    }
    if !is_active && is_restored {
        edit::release(now, set);
    }
}

fn value_before(writer: &Writer, before: &Record, name: &str) -> Result<Value> {
    if name == field::BODY {
        let body = writer.body(before)?;
        return Ok(if body.is_empty() { Value::Null } else { json!(body) });
    }
    Ok(before.get(name).cloned().unwrap_or(Value::Null))
}

/// The record as it was before a log position.
///
/// # Errors
/// `Corrupt` if the log cannot be read.
pub fn record_before(view: &View, uid: Uid, position: u64) -> Result<Record> {
    let mut record = Record::unborn(uid);
    for at in view.history(uid)?.into_iter().take_while(|at| *at < position) {
        replay(view, &mut record, at)?;
    }
    Ok(record)
}

/// Folds the event at a position into a record; its body stays in the log, as in the views.
///
/// # Errors
/// `Corrupt` if the log cannot be read.
pub fn replay(view: &View, record: &mut Record, position: u64) -> Result<()> {
    if let Some(event) = view.event(position)? {
        fold::apply(record, &event, position);
    }
    Ok(())
}
