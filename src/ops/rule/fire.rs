//! Outbox to jobs.

use super::Told;
use super::kept::{self, Kept, Row};
use super::note::{self, Noted};
use crate::domain::record::Record;
use crate::domain::{field, text};
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::ops::job::Plan;
use crate::store::{View, Writer};

/// So many jobs are started by one command; the next one goes on.
const FIRED_MAX: usize = 100;

/// Does what follows from a committed change: says what was held back, and starts what is to be started. Nothing here
/// fails: what cannot be started now is left to the next process.
pub fn follow(workspace: &Workspace, noted: Noted) {
    workspace.rules.tell(noted.held);
    if noted.has_rows {
        drain(workspace, true);
    }
}

/// Whether something is left to be started, by a process that was killed say.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn is_due(view: &View) -> Result<bool> {
    Ok(!kept::outbox(view)?.is_empty())
}

/// Starts what others have left. What cannot be started is not this command's concern.
pub fn settle(workspace: &Workspace) {
    drain(workspace, false);
}

/// Starts what is in the outbox.
pub(super) fn drain(workspace: &Workspace, is_told: bool) {
    if workspace.rules.off || workspace.program.is_none() {
        return;
    }
    let (me, now) = (kept::owner(workspace), workspace.now());
    let (mut stuck, mut fired): (Vec<Row>, usize) = (Vec::new(), 0);
    while fired < FIRED_MAX {
        let Ok(rows) = workspace.read(kept::outbox) else { return };
        let Some(row) = rows.into_iter().find(|row| !stuck.contains(row) && !row.is_of_another(me.as_deref(), now))
        else {
            return;
        };
        if let Err(error) = fire(workspace, &row).or_else(|error| give_up(workspace, &row, error)) {
            if is_told {
                postpone(workspace, &row, &error);
            }
            stuck.push(row);
        }
        fired += 1;
    }
}

/// One transaction takes the row out and makes the job. Whoever finds the row gone was not the first, or the rule was dropped.
fn fire(workspace: &Workspace, row: &Row) -> Result<()> {
    let mut plan = None;
    let made = workspace.store.write(|writer| {
        let Some(kept) = taken(writer, row)? else { return Ok(None) };
        writer.act_as(row.session, &row.actor);
        let there = workspace.at(kept.run.cwd.as_deref().unwrap_or(&kept.root));
        let plan = plan.insert(Plan::of(&there, kept.run)?);
        let (job, _) = plan.make(writer, &there, &row.trail)?;
        kept::change(writer, row.rule, |kept| {
            kept.fired += 1;
            kept.last = Some(job.uid);
        })?;
        // That a job begins is an event too.
        Ok(Some((kept.id, job, note::note(writer, workspace)?)))
    });
    match (made, plan) {
        (Ok(Some((rule, job, noted))), Some(plan)) => {
            workspace.rules.tell([started(rule, row, &job)]);
            workspace.rules.tell(noted.held);
            // One that could not be launched is armed by whoever comes by.
            let _ = plan.launch(workspace, job.id());
            Ok(())
        }
        (Err(error), plan) => {
            plan.into_iter().for_each(Plan::abandon);
            Err(error)
        }
        (Ok(_), _) => Ok(()),
    }
}

/// The rule of a row that is taken out; none if another process was quicker, or nothing is to be started any more.
fn taken(writer: &mut Writer, row: &Row) -> Result<Option<Kept>> {
    if !kept::take(writer, row)? || row.replica != writer.meta().replica {
        return Ok(None);
    }
    let kept = kept::rules(writer)?.into_iter().find(|kept| kept.uid == row.rule);
    let is_standing = kept.as_ref().map(|kept| kept.standing(writer)).transpose()?.flatten().is_some();
    Ok(kept.filter(|_| is_standing))
}

fn started(rule: String, row: &Row, job: &Record) -> Told {
    let name = job.text(field::LABEL).or_else(|| job.text(field::COMMAND)).map(text::clean_line);
    Told { rule, job: Some(job.id().to_owned()), name, because: row.because.clone(), held: None }
}

/// What can never be started is taken out, and the rule says why; the error comes back if it can be tried again.
fn give_up(workspace: &Workspace, row: &Row, error: Error) -> Result<()> {
    if !matches!(error.kind, Kind::Usage | Kind::NotFound | Kind::Conflict) {
        return Err(error);
    }
    let mut told = None;
    workspace.store.write(|writer| {
        if kept::take(writer, row)? {
            kept::change(writer, row.rule, |kept| told = Some(note::hold(kept, &row.because, error.to_string())))?;
        }
        Ok(())
    })?;
    workspace.rules.tell(told);
    Ok(())
}

/// What cannot be started now stays in the outbox.
fn postpone(workspace: &Workspace, row: &Row, error: &Error) {
    let rules = workspace.read(kept::rules).unwrap_or_default();
    let rule = rules.into_iter().find(|kept| kept.uid == row.rule).map(|kept| kept.id).unwrap_or_default();
    let held = Some(format!("{error}; the next command tries again"));
    workspace.rules.tell([Told { rule, job: None, name: None, because: row.because.clone(), held }]);
}
