//! Sessions that are over get their end and, where they wrote none, their handoff.
//!
//! Done by whoever comes next, since a killed session cannot: at the start of a session, at the end of one, and by `resume`.

use crate::domain::activity::Activity;
use crate::domain::field;
use crate::domain::id::Uid;
use crate::error::Result;
use crate::ops::session::{self, SILENCE_MINUTES_MAX};
use crate::ops::{Workspace, handoff};
use crate::process::process_id::ProcessId;
use chrono::TimeDelta;

/// Settles the sessions that are over; returns whether records were made. What cannot be settled now is left to the next.
pub fn settle(workspace: &Workspace) -> bool {
    let mut has_written = false;
    for activity in workspace.store.activities().all() {
        if is_over(workspace, &activity)
            && let Ok(wrote) = end(workspace, &activity)
        {
            workspace.store.activities().forget(&activity.session);
            has_written |= wrote;
        }
    }
    has_written
}

/// Whether a session has ended, or its process has, or nobody has heard of it for long.
fn is_over(workspace: &Workspace, activity: &Activity) -> bool {
    let process = activity.process.as_deref().and_then(ProcessId::parse);
    let is_alive = process.as_ref().and_then(ProcessId::is_alive);
    let is_silent = || {
        let silent = activity.seen_at.map(|seen| workspace.now() - seen);
        silent.is_none_or(|silent| silent > TimeDelta::minutes(SILENCE_MINUTES_MAX))
    };
    activity.end.is_some() || is_alive.map_or_else(is_silent, |is_alive| !is_alive)
}

fn end(workspace: &Workspace, activity: &Activity) -> Result<bool> {
    // A session that neither asked nor said anything has nothing to hand off, and no record to end.
    if activity.request.is_none() && activity.last_message.is_none() {
        return Ok(false);
    }
    let session = workspace.store.write(|writer| session::end_of_activity(writer, activity))?;
    handoff::leave(workspace, session, &with_files(workspace, session, activity)?)?;
    Ok(true)
}

/// Brings the handoff of the session that acts up to date.
pub(super) fn leave_own(workspace: &Workspace) -> Result<bool> {
    let Some(activity) = workspace.store.activities().of(&workspace.identity.session) else { return Ok(false) };
    if activity.request.is_none() && activity.last_message.is_none() {
        return Ok(false);
    }
    let session = workspace.store.write(|writer| session::of_activity(writer, &activity))?;
    Ok(handoff::leave(workspace, session, &with_files(workspace, session, &activity)?)?.is_some())
}

/// With the files that the session's record refers to as edited.
fn with_files(workspace: &Workspace, session: Uid, activity: &Activity) -> Result<Activity> {
    let files = workspace.read(|view| {
        let session = view.record(session)?;
        let edited = session.iter().flat_map(|session| session.elements(field::REF));
        Ok(edited.filter(|(_, value)| value.get("edited").is_some()).map(|(path, _)| path.to_owned()).collect())
    })?;
    Ok(Activity { files, ..activity.clone() })
}
