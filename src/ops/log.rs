//! `log`: the diary of transactions, or every change of one record.

use super::list::id_of;
use super::undo;
use super::{Workspace, resolve};
use crate::domain::event::Event;
use crate::domain::field;
use crate::domain::record::Record;
use crate::error::Result;
use crate::store::View;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// One transaction.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The log position of its first event, as `undo @142` takes it.
    pub position: u64,
    /// When, by its maker's clock.
    pub at: DateTime<Utc>,
    /// The id of the session that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Who made it.
    pub actor: String,
    /// Why, in one line.
    pub why: String,
    /// How many events it has.
    pub events: u64,
    /// Of one record: what changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// One register that changed.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Its name.
    pub field: String,
    /// What it held.
    pub from: Value,
    /// What it holds.
    pub to: Value,
}

/// The report of `log`.
#[derive(Clone, Debug, Serialize)]
pub struct LogReport {
    /// The record, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Newest first.
    pub entries: Vec<Entry>,
    /// Whether older ones exist.
    pub more: bool,
}

/// The newest transactions, or those that touch a record, at most `limit`, older than position `before`.
///
/// # Errors
/// `NotFound` for an unknown record.
pub fn log(workspace: &Workspace, word: Option<&str>, limit: usize, before: Option<u64>) -> Result<LogReport> {
    let before = before.unwrap_or(u64::MAX);
    workspace.read(|view| match word {
        Some(word) => of_record(view, &resolve::record(view, word)?, limit, before),
        None => diary(view, limit, before),
    })
}

fn diary(view: &View, limit: usize, before: u64) -> Result<LogReport> {
    let mut commits = view.commits_before(before, limit.saturating_add(1))?;
    let more = commits.len() > limit;
    commits.truncate(limit);
    let mut entries = Vec::new();
    for (position, events) in commits {
        if let Some(event) = view.event(position)? {
            entries.push(entry(view, position, &event, events)?);
        }
    }
    Ok(LogReport { id: None, entries, more })
}

fn entry(view: &View, position: u64, event: &Event, events: u64) -> Result<Entry> {
    Ok(Entry {
        position,
        at: event.at,
        session: event.session.map(|uid| id_of(view, uid)).transpose()?,
        actor: event.actor.clone(),
        why: event.why.clone().unwrap_or_default(),
        events,
        changes: Vec::new(),
    })
}

fn of_record(view: &View, record: &Record, limit: usize, before: u64) -> Result<LogReport> {
    let (mut entries, mut held) = (Vec::new(), Record::unborn(record.uid));
    for position in view.history(record.uid)?.into_iter().filter(|position| *position < before) {
        let Some(event) = view.event(position)? else { continue };
        let first = view.commits_before(position + 1, 1)?.into_iter().next().map_or(position, |(first, _)| first);
        let why = view.event(first)?.and_then(|event| event.why);
        let mut entry = Entry { why: why.unwrap_or_default(), ..entry(view, first, &event, 1)? };
        entry.changes = changes(view, &held, &event)?;
        undo::replay(view, &mut held, position)?;
        entries.push(entry);
    }
    let more = entries.len() > limit;
    entries.reverse();
    entries.truncate(limit);
    Ok(LogReport { id: Some(record.id().to_owned()), entries, more })
}

fn changes(view: &View, held: &Record, event: &Event) -> Result<Vec<Change>> {
    let Some(put) = event.put() else {
        let what = Change { field: "(a change of a newer state)".to_owned(), from: Value::Null, to: Value::Null };
        return Ok(vec![what]);
    };
    let mut changes = Vec::new();
    for (name, to) in &put.set {
        let from = if name == field::BODY {
            Value::String(view.body(held)?)
        } else {
            held.get(name).cloned().unwrap_or_default()
        };
        changes.push(Change { field: readable(view, name)?, from, to: to.clone() });
    }
    Ok(changes)
}

/// Uids in register names become the ids that people know.
fn readable(view: &View, name: &str) -> Result<String> {
    match name.rsplit_once('/') {
        Some((head, uid)) => match crate::domain::id::Uid::parse(uid) {
            Some(uid) => Ok(format!("{head}/{}", id_of(view, uid)?)),
            None => Ok(name.to_owned()),
        },
        None => Ok(name.to_owned()),
    }
}
