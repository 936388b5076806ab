//! What is said to who asks for a job that runs: what to do meanwhile, and that it is too soon to ask again.

use super::report::JobReport;
use crate::domain::field;
use crate::domain::id::Uid;
use crate::domain::job::Asked;
use crate::domain::record::Record;
use crate::error::Result;
use crate::ops::report::Line;
use crate::ops::{Workspace, ready};
use crate::process::job::JobDir;
use crate::store::View;

/// Whether this session was told when to look again, it is not that late, and nothing was printed since. If not, it is
/// noted that it is told now.
pub(super) fn is_too_soon(workspace: &Workspace, dir: &JobDir, job: &JobReport) -> bool {
    let Some(look_again) = job.look_again.filter(|_| job.status == "running" && job.remarks.is_empty()) else {
        return false;
    };
    let (session, bytes) = (workspace.identity.session.clone(), job.bytes);
    if dir.asked().is_some_and(|asked| asked.is_too_soon(&session, bytes, workspace.now())) {
        return true;
    }
    dir.note_asked(&Asked { session, bytes, look_again });
    false
}

/// The best ready task that is not the one that the job is for: what needs that one is not ready.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub(super) fn meanwhile(view: &View, workspace: &Workspace, job: &Record) -> Result<Option<Line>> {
    let now = workspace.now();
    let served: Vec<Uid> = job.linked(field::link::RESULT_OF).collect();
    let best = ready::candidates(view, now, served.len() + 1)?;
    let other = best.into_iter().find(|task| !served.contains(&task.uid));
    other.map(|task| Line::of(view, &task, now)).transpose()
}
