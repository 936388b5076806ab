//! Bringing the records of jobs up to date with their directories.
//!
//! Every end is written once: the record is read again in the transaction that ends it. What was never started and has
//! nobody to look after it is armed again; what was started and lost its supervisor is lost, and nothing is guessed.

use super::{OPEN, dir};
use crate::domain::job::{Exit, Outcome};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::Result;
use crate::ops::Workspace;
use crate::process::job::{JobDir, Standing, Supervisor, rearm};
use crate::store::{Registers, View, Writer};
use serde_json::json;
use std::ffi::OsString;

/// So many open jobs are looked at by whoever comes by.
const OPEN_MAX: usize = 500;

/// Ends the records of jobs that have ended, and arms those that nobody looks after. Nothing here fails: what cannot be
/// settled now is left to the next.
pub fn settle(workspace: &Workspace) {
    let Ok(open) = workspace.read(open) else { return };
    let mut ended = Vec::new();
    for job in open {
        match standing(workspace, &job) {
            Some(Found::Ended(exit)) => ended.push((job, exit)),
            Some(Found::Unarmed(dir)) => arm(workspace, &dir),
            None => {}
        }
    }
    if !ended.is_empty() {
        let _ = workspace.store.write(|writer| ended.iter().try_for_each(|(job, exit)| end(writer, job, exit)));
    }
}

fn open(view: &View) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    for status in OPEN {
        found.extend(view.first(&terms::status_term(kind::JOB, status), OPEN_MAX)?);
    }
    Ok(found)
}

enum Found {
    Ended(Box<Exit>),
    Unarmed(JobDir),
}

/// What is to be done about a job; nothing while it lives, or if it was made on another machine.
fn standing(workspace: &Workspace, job: &Record) -> Option<Found> {
    let dir = dir(workspace, job.id());
    // What is alive needs nothing, so that its files are not read.
    if dir.is_alive().ok()? {
        return None;
    }
    match dir.standing().ok()? {
        Standing::Alive(_) | Standing::Gone => None,
        Standing::Over(exit) => Some(Found::Ended(exit)),
        Standing::Lost(_) => dir.record_lost(workspace.now()).ok()?.map(|exit| Found::Ended(Box::new(exit))),
        Standing::Unarmed(_) => Some(Found::Unarmed(dir)),
    }
}

/// Starts a supervisor for a job that has none.
pub(super) fn arm(workspace: &Workspace, dir: &JobDir) {
    let Ok(Some(armed)) = rearm(dir, workspace.now()) else { return };
    let id = dir.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(program) = &workspace.program {
        // Whoever comes by next tries again.
        let _ = armed.launch(&Supervisor { program, args: &arguments(workspace, &id) }, &[]);
    }
}

/// The arguments of a supervisor.
pub(super) fn arguments(workspace: &Workspace, id: &str) -> Vec<OsString> {
    let store = workspace.store.dir();
    let store = std::path::absolute(store).unwrap_or_else(|_| store.to_owned());
    vec!["--store".into(), store.into(), "supervise".into(), id.into()]
}

/// Writes the end of a job into its record, once.
pub(super) fn end(writer: &mut Writer, job: &Record, exit: &Exit) -> Result<()> {
    let Some(job) = writer.record(job.uid)?.filter(Record::is_live) else { return Ok(()) };
    as_its_session(writer, &job);
    writer.because(format!("{} {}: {}", job.id(), exit, job.title()));
    writer.put_at(job.uid, registers(exit), exit.ended_at)?;
    super::told::unread(writer, job.uid)
}

/// What a supervisor writes, it writes as the session that started the job.
pub(super) fn as_its_session(writer: &mut Writer, job: &Record) {
    if let Some(birth) = &job.birth {
        writer.act_as(birth.session, &birth.actor);
    }
}

fn registers(exit: &Exit) -> Registers {
    let mut set = Registers::from([
        (field::STATUS.to_owned(), json!(exit.outcome.name())),
        (field::ENDED.to_owned(), json!(exit.ended_at.timestamp_millis())),
    ]);
    set.extend(exit.code.map(|code| (field::CODE.to_owned(), json!(code))));
    set.extend(exit.reason.as_ref().map(|reason| (field::REASON.to_owned(), json!(text::clean_line(reason)))));
    if let Some(took) = exit.duration().filter(|_| exit.outcome == Outcome::Ok || exit.code.is_some()) {
        set.insert(field::TOOK.to_owned(), json!(took.num_milliseconds().max(0)));
        set.insert(field::SILENCE.to_owned(), json!(exit.silence_ms));
    }
    set
}
