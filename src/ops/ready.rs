//! `ready`: what can be worked on now, best first, and why it is ready.
//!
//! Priority first, then what was touched last. Three sources: open tasks that nothing holds up, deferred ones whose time has
//! come, and started ones whose session is gone.

use super::Workspace;
use super::report::Line;
use super::session;
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, when};
use crate::error::Result;
use crate::store::View;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::ops::ControlFlow;

/// A task that can be worked on.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyLine {
    /// The task.
    #[serde(flatten)]
    pub record: Line,
    /// Why it is ready.
    pub reason: String,
}

/// The report of `ready`.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyReport {
    /// The tasks, best first.
    pub records: Vec<ReadyLine>,
    /// How many are ready in all, at most [`COUNT_MAX`].
    pub total: usize,
    /// How many open tasks are held up, at most [`COUNT_MAX`].
    pub blocked: usize,
}

/// Counts stop here.
pub const COUNT_MAX: usize = 1000;
/// How many deferred or abandoned tasks are looked at.
const SPECIAL_MAX: usize = 500;

/// The tasks that can be worked on.
///
/// # Errors
/// As the store says.
pub fn ready(workspace: &Workspace, limit: usize) -> Result<ReadyReport> {
    let now = workspace.now();
    workspace.read(|view| {
        let special = special(view, now)?.len();
        Ok(ReadyReport {
            records: best(view, now, limit)?,
            total: (view.count(terms::READY, COUNT_MAX)? + special).min(COUNT_MAX),
            blocked: view.count(terms::BLOCKED, COUNT_MAX)?,
        })
    })
}

/// The best ready tasks, at most `limit`.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn best(view: &View, now: DateTime<Utc>, limit: usize) -> Result<Vec<ReadyLine>> {
    candidates(view, now, limit)?
        .into_iter()
        .map(|task| Ok(ReadyLine { reason: reason(view, &task, now)?, record: Line::of(view, &task, now)? }))
        .collect()
}

/// The records of the best ready tasks, at most `limit`.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn candidates(view: &View, now: DateTime<Utc>, limit: usize) -> Result<Vec<Record>> {
    let mut tasks = view.first(terms::READY, limit)?;
    tasks.extend(special(view, now)?);
    tasks.sort_by_key(|task| (task.priority(), std::cmp::Reverse(task.updated)));
    tasks.truncate(limit);
    Ok(tasks)
}

/// Deferred tasks whose time has come, and started ones whose session is gone.
fn special(view: &View, now: DateTime<Utc>) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    let now_ms = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    view.scan(terms::DEFERRED, |until, uid| {
        if until > now_ms || found.len() >= SPECIAL_MAX {
            return Ok(ControlFlow::Break(()));
        }
        found.extend(view.record(uid)?);
        Ok(ControlFlow::Continue(()))
    })?;
    let mut seen = 0;
    view.each(&terms::status_term(kind::TASK, "active"), |task| {
        seen += 1;
        if session::holder(view, &task, now)?.is_none() && view.blockers(&task, 1)?.is_empty() {
            found.push(task);
        }
        Ok(if seen < SPECIAL_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

/// Why a task is ready, in a few words.
fn reason(view: &View, task: &Record, now: DateTime<Utc>) -> Result<String> {
    if task.status() == "active" {
        return abandoned(view, task, now);
    }
    if let Some(until) = task.deferred_until() {
        return Ok(format!("deferred until {}", when::ago(until, now)));
    }
    let mut freed: Option<Record> = None;
    for uid in task.linked(field::link::NEEDS) {
        let needed = view.record(uid)?;
        freed = freed.into_iter().chain(needed).max_by_key(|record| record.updated);
    }
    Ok(match freed {
        Some(needed) => format!("free since {} {}", needed.id(), needed.status()),
        None => "needs nothing".to_owned(),
    })
}

fn abandoned(view: &View, task: &Record, now: DateTime<Utc>) -> Result<String> {
    let Some(session) = task.claims().into_iter().next_back() else {
        return Ok("started, claimed by nobody".to_owned());
    };
    let Some(session) = view.record(session)? else { return Ok("started by an unknown session".to_owned()) };
    let seen = session::last_seen(view, &session)?;
    Ok(format!("started, {} left it {}", session.id(), when::ago(seen, now)))
}
