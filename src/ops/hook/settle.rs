//! Sessions that are over get their end and, where they wrote none, their handoff; those that only rest get the handoff.
//!
//! Done by whoever comes next, since a killed session cannot: at the start of a session, at the end of one, and by `resume`.

use crate::domain::activity::Activity;
use crate::domain::field;
use crate::domain::id::Uid;
use crate::error::{Kind, Result};
use crate::ops::session::{self, SILENCE_MINUTES_MAX};
use crate::ops::{Workspace, handoff};
use crate::process::process_id::ProcessId;
use chrono::{DateTime, TimeDelta, Utc};
use std::cmp::Reverse;

/// Only so many sessions are settled at once, for no longer than this: somebody waits for the briefing. The others are left
/// to the next caller.
const SETTLED_MAX: usize = 8;
const TIME_MAX: TimeDelta = TimeDelta::milliseconds(250);

/// How a session stands that is to be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// It is over.
    Over,
    /// Its process goes on without it, and it may yet be taken up: it leaves a handoff and does not end.
    Idle,
}

/// Settles sessions that are over, those of this place and the last ones first; returns whether records were made. What
/// cannot be settled now is left to the next.
pub fn settle(workspace: &Workspace) -> bool {
    let begun = workspace.now();
    let (mut has_written, mut settled) = (false, 0);
    for (activity, rest) in due(workspace, begun) {
        match leave(workspace, &activity, rest) {
            Ok(wrote) => {
                has_written |= wrote;
                settled += 1;
            }
            // The store is no freer for the next one.
            Err(error) if matches!(error.kind, Kind::Busy | Kind::Refused) => break,
            Err(_) => {}
        }
        if settled >= SETTLED_MAX || workspace.now() - begun > TIME_MAX {
            break;
        }
    }
    has_written
}

fn due(workspace: &Workspace, now: DateTime<Utc>) -> Vec<(Activity, Rest)> {
    let all = workspace.store.activities().all(now);
    let rests: Vec<Option<Rest>> = all.iter().map(|activity| rest(workspace, activity, &all)).collect();
    let mut due: Vec<_> = all.into_iter().zip(rests).filter_map(|(activity, rest)| Some((activity, rest?))).collect();
    let place = &workspace.place;
    due.sort_by_key(|(activity, _)| {
        let is_here = activity.worktree == place.worktree && activity.branch == place.branch;
        Reverse((is_here, activity.seen_at))
    });
    due
}

/// Whether a session has ended, or its process has, or nobody has heard of it for long.
fn rest(workspace: &Workspace, activity: &Activity, all: &[Activity]) -> Option<Rest> {
    let process = activity.process.as_deref().and_then(ProcessId::parse);
    let is_alive = process.as_ref().and_then(ProcessId::is_alive);
    let silent = activity.seen_at.map(|seen| workspace.now() - seen);
    let is_silent = silent.is_none_or(|silent| silent > TimeDelta::minutes(SILENCE_MINUTES_MAX));
    match is_alive {
        _ if activity.end.is_some() => Some(Rest::Over),
        Some(false) => Some(Rest::Over),
        None => is_silent.then_some(Rest::Over),
        Some(true) => (is_silent || is_left(workspace, activity, all)).then_some(Rest::Idle),
    }
}

/// Whether it was answered, and its process has turned to another session since.
fn is_left(workspace: &Workspace, activity: &Activity, all: &[Activity]) -> bool {
    let acting = &workspace.identity;
    let is_acting =
        activity.session != acting.session && acting.process.as_ref().map(ToString::to_string) == activity.process;
    let is_later = |other: &Activity| {
        other.session != activity.session && other.process == activity.process && other.seen_at > activity.seen_at
    };
    activity.said_at >= activity.asked_at && (is_acting || all.iter().any(is_later))
}

fn leave(workspace: &Workspace, activity: &Activity, rest: Rest) -> Result<bool> {
    let activities = workspace.store.activities();
    if has_nothing(activity) {
        // It has no record to end either.
        if rest == Rest::Over {
            activities.forget(activity);
        }
        return Ok(false);
    }
    let session = workspace.change(|writer| match rest {
        Rest::Over => session::end_of_activity(writer, activity),
        Rest::Idle => session::of_activity(writer, activity),
    })?;
    handoff::leave(workspace, session, &with_files(workspace, session, activity)?)?;
    activities.keep(activity);
    Ok(true)
}

/// A session that neither asked, said nor edited anything has nothing to hand off.
fn has_nothing(activity: &Activity) -> bool {
    activity.request.is_none() && activity.last_message.is_none() && activity.files.is_empty()
}

/// Brings the handoff of the session that acts up to date.
pub(super) fn leave_own(workspace: &Workspace) -> Result<bool> {
    let Some(activity) = workspace.store.activities().of(&workspace.identity.session) else { return Ok(false) };
    if has_nothing(&activity) {
        return Ok(false);
    }
    let session = workspace.change(|writer| session::of_activity(writer, &activity))?;
    Ok(handoff::leave(workspace, session, &with_files(workspace, session, &activity)?)?.is_some())
}

/// With the files that the session's record refers to as edited, before those of which the order is known.
fn with_files(workspace: &Workspace, session: Uid, activity: &Activity) -> Result<Activity> {
    let mut files: Vec<String> = workspace.read(|view| {
        let session = view.record(session)?;
        let edited = session.iter().flat_map(|session| session.elements(field::REF));
        Ok(edited.filter(|(_, value)| value.get("edited").is_some()).map(|(path, _)| path.to_owned()).collect())
    })?;
    files.retain(|file| !activity.files.contains(file));
    files.extend(activity.files.iter().cloned());
    Ok(Activity { files, ..activity.clone() })
}
