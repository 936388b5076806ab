//! Sessions: who acts, since when, and whether they are still there.
//!
//! A session is a record keyed `session/NAME`. It begins with its first change and ends by `done s-…`. Whether one that did
//! not end is still there is judged by the reader: its process, if one is known, else its last activity.

use super::Workspace;
use crate::domain::activity::Activity;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, kind, terms};
use crate::error::Result;
use crate::process::process_id::ProcessId;
use crate::store::{Registers, View, Writer};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use std::ops::ControlFlow;

/// A session that was silent for longer is taken to be gone, and its claims with it.
pub const SILENCE_MINUTES_MAX: i64 = 30;

/// Why a session ended whose host never said so.
pub const CRASHED: &str = "crashed";

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It acts.
    Active,
    /// It said that it was done.
    Ended,
    /// Neither: its process is gone, or it has been silent for too long.
    Crashed,
}

impl Standing {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Crashed => "crashed",
        }
    }
}

/// The key of the session of a name.
#[must_use]
pub fn key(name: &str) -> String {
    format!("session/{name}")
}

fn local_name(session: Uid) -> String {
    format!("seen/{session}")
}

/// The record of this process's session, if it has begun.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn current(view: &View, workspace: &Workspace) -> Result<Option<Record>> {
    named(view, &workspace.identity.session)
}

/// The record of the session of a name, if it has begun.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn named(view: &View, name: &str) -> Result<Option<Record>> {
    let mut found = None;
    view.each(&terms::key_term(&key(name)), |record| {
        // Anybody may give such a key to something else.
        found = Some(record).filter(|record| record.kind() == kind::SESSION);
        Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

/// The task that the session started last, whatever became of it.
#[must_use]
pub fn focus(session: &Record) -> Option<Uid> {
    session.text(field::FOCUS).and_then(Uid::parse)
}

/// The session's focus, then the tasks that it claims, at most `max` of these.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn tasks(view: &View, session: &Record, max: usize) -> Result<Vec<Uid>> {
    let mut tasks: Vec<Uid> = focus(session).into_iter().collect();
    tasks.extend(view.first(&terms::claim_term(session.uid), max)?.iter().map(|task| task.uid));
    tasks.dedup();
    Ok(tasks)
}

/// Makes the writer act as this process's session; creates it, or wakes it if it had ended. A session that has moved, to
/// another branch or into another process, says so.
///
/// # Errors
/// As the store says.
pub fn begin(writer: &mut Writer, workspace: &Workspace) -> Result<Uid> {
    let actor = workspace.identity.actor.as_str();
    writer.act_as(None, actor);
    let session = if let Some(session) = current(writer, workspace)? {
        writer.act_as(Some(session.uid), actor);
        wake(writer, workspace, &session)?;
        session.uid
    } else {
        let session = writer.reserve();
        writer.act_as(Some(session), actor);
        writer.create_reserved(session, kind::SESSION, birth(workspace))?;
        session
    };
    writer.act_as(Some(session), actor);
    Ok(session)
}

fn wake(writer: &mut Writer, workspace: &Workspace, session: &Record) -> Result<()> {
    let mut set = whereabouts(workspace);
    if !session.is_live() {
        set.insert(field::STATUS.to_owned(), json!("active"));
        set.insert(field::REASON.to_owned(), Value::Null);
    }
    if workspace.identity.process.is_none() && process(session).and_then(|process| process.is_alive()) == Some(false) {
        set.insert(field::PROCESS.to_owned(), Value::Null);
    }
    set.retain(|name, value| session.get(name).unwrap_or(&Value::Null) != value);
    if !set.is_empty() {
        writer.put(session.uid, set)?;
    }
    Ok(())
}

fn birth(workspace: &Workspace) -> Registers {
    let name = &workspace.identity.session;
    let mut set = whereabouts(workspace);
    set.insert(field::TITLE.to_owned(), json!(name));
    set.insert(field::KEY.to_owned(), json!(key(name)));
    set
}

fn whereabouts(workspace: &Workspace) -> Registers {
    let mut set = Registers::from([(field::WORKTREE.to_owned(), json!(workspace.place.worktree))]);
    set.extend(workspace.place.branch.iter().map(|branch| (field::BRANCH.to_owned(), json!(branch))));
    let process = workspace.identity.process.as_ref();
    set.extend(process.map(|process| (field::PROCESS.to_owned(), json!(process.to_string()))));
    set
}

/// The record of the session that hooks told of, made as of its first request if it has none.
///
/// # Errors
/// As the store says.
pub fn of_activity(writer: &mut Writer, activity: &Activity) -> Result<Uid> {
    if let Some(session) = named(writer, &activity.session)? {
        return Ok(session.uid);
    }
    let uid = writer.reserve();
    let mut set = Registers::from([
        (field::TITLE.to_owned(), json!(activity.session)),
        (field::KEY.to_owned(), json!(key(&activity.session))),
        (field::WORKTREE.to_owned(), json!(activity.worktree)),
    ]);
    set.extend(activity.branch.iter().map(|branch| (field::BRANCH.to_owned(), json!(branch))));
    set.extend(activity.process.iter().map(|process| (field::PROCESS.to_owned(), json!(process))));
    writer.act_as(Some(uid), &activity.host);
    writer.because(format!("{} was here", activity.session));
    let at = activity.asked_at.or(activity.seen_at).unwrap_or(writer.now());
    writer.create_as(uid, kind::SESSION, set, at)?;
    Ok(uid)
}

/// As [`of_activity`], for a session that is over: it ends as of when it was heard of last.
///
/// # Errors
/// As the store says.
pub fn end_of_activity(writer: &mut Writer, activity: &Activity) -> Result<Uid> {
    let uid = of_activity(writer, activity)?;
    let is_live = writer.record(uid)?.is_some_and(|session| session.is_live());
    if is_live {
        let reason = activity.end.as_deref().unwrap_or(CRASHED);
        let set =
            Registers::from([(field::STATUS.to_owned(), json!("ended")), (field::REASON.to_owned(), json!(reason))]);
        writer.act_as(Some(uid), &activity.host);
        writer.because(format!("{} is over: {reason}", activity.session));
        writer.put_at(uid, set, activity.seen_at.unwrap_or(writer.now()))?;
    }
    Ok(uid)
}

/// Notes that the session acts now, and where. Its claims stay live by that.
///
/// # Errors
/// As the store says.
pub fn renew(writer: &mut Writer, session: Uid) -> Result<()> {
    let now = writer.now().timestamp_millis();
    writer.set_local(&local_name(session), &now.to_be_bytes())
}

/// When the session acted last.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn last_seen(view: &View, session: &Record) -> Result<DateTime<Utc>> {
    let bytes = view.local(&local_name(session.uid))?.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    let seen = bytes.and_then(|bytes| DateTime::from_timestamp_millis(i64::from_be_bytes(bytes)));
    let heard = view.activity(session.title()).and_then(|activity| activity.seen_at);
    Ok(seen.max(heard).unwrap_or(session.updated_at).max(session.updated_at))
}

/// The process in which the session was last.
fn process(session: &Record) -> Option<ProcessId> {
    session.text(field::PROCESS).and_then(ProcessId::parse)
}

/// Whether the session works beside this one: its process, another one than ours, is known to be alive.
#[must_use]
pub fn is_beside(workspace: &Workspace, session: &Record) -> bool {
    let other = process(session).filter(|process| Some(process) != workspace.identity.process.as_ref());
    session.is_live() && other.and_then(|process| process.is_alive()) == Some(true)
}

/// Whether the session is still there.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn standing(view: &View, session: &Record, now: DateTime<Utc>) -> Result<Standing> {
    if !session.is_live() {
        let is_crashed = session.text(field::REASON) == Some(CRASHED);
        return Ok(if is_crashed { Standing::Crashed } else { Standing::Ended });
    }
    if process(session).and_then(|process| process.is_alive()) == Some(false) {
        return Ok(Standing::Crashed);
    }
    let silent = now - last_seen(view, session)?;
    Ok(if silent > TimeDelta::minutes(SILENCE_MINUTES_MAX) { Standing::Crashed } else { Standing::Active })
}

/// The session that holds a task: the earliest claim of a session that is still there.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn holder(view: &View, task: &Record, now: DateTime<Utc>) -> Result<Option<Record>> {
    for uid in task.claims() {
        if let Some(session) = view.record(uid)?
            && standing(view, &session, now)? == Standing::Active
        {
            return Ok(Some(session));
        }
    }
    Ok(None)
}
