//! Bringing the records of jobs up to date with their directories.
//!
//! Every end is written once: the record is read again in the transaction that ends it. What was never started and has
//! nobody to look after it is armed again; what was started and lost its supervisor is lost, and nothing is guessed.

use super::{OPEN, dir, dir_of, name};
use crate::domain::job::{Exit, Outcome, ResultFile, VERSION};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::Result;
use crate::ops::{Workspace, link, rule};
use crate::process::job::{self as process, JobDir, Standing, Supervisor, rearm};
use crate::store::{Registers, View, Writer};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

/// So many open jobs are looked at by whoever comes by.
const OPEN_MAX: usize = 500;
/// So many records are read for those that are of here.
const READ_MAX: usize = 5000;
/// Texts of results up to this length are bodies too.
const TEXT_BYTES_MAX: u64 = 16 << 10;

/// Ends the records of jobs that have ended, and arms those that nobody looks after. Nothing here fails: what cannot be
/// settled now is left to the next.
pub fn settle(workspace: &Workspace) {
    let Ok((open, is_due)) = workspace.read(|view| Ok((open(view, workspace)?, rule::is_due(view)?))) else { return };
    if is_due {
        rule::settle(workspace);
    }
    let mut ended = Vec::new();
    for open in open {
        match standing(workspace, &open) {
            Some(Found::Ended(exit)) => ended.push((open.job, exit)),
            Some(Found::Unarmed) if open.is_of_here => arm(workspace, &open.dir),
            // In a copy of the store it would run twice.
            Some(Found::Unarmed) | None => {}
        }
    }
    end_all(workspace, &ended);
}

/// Ends the records of jobs, where the store can be written, and says so to whoever is to be notified: whose write it is
/// does both, so that it is done once.
pub(super) fn end_all(workspace: &Workspace, ended: &[(Record, Box<Exit>)]) {
    if ended.is_empty() {
        return;
    }
    let written = workspace.change(|writer| end_each(writer, workspace, ended));
    notify_of(workspace, &written.unwrap_or_default());
}

/// Ends the records of jobs; the ends that were not written before.
pub(super) fn end_each<'a>(
    writer: &mut Writer,
    workspace: &Workspace,
    ended: &'a [(Record, Box<Exit>)],
) -> Result<Vec<&'a (Record, Box<Exit>)>> {
    let mut mine = Vec::new();
    for each in ended {
        if end(writer, workspace, &each.0, &each.1)? {
            mine.push(each);
        }
    }
    Ok(mine)
}

/// Says so to whoever is to be notified.
pub(super) fn notify_of(workspace: &Workspace, ended: &[&(Record, Box<Exit>)]) {
    for (job, exit) in ended {
        process::notify(&dir(workspace, name(job)), exit);
    }
}

/// A job that has not ended, as far as the ledger knows.
struct Open {
    job: Record,
    dir: JobDir,
    is_of_here: bool,
}

/// The open jobs whose directories are here, or should be.
fn open(view: &View, workspace: &Workspace) -> Result<Vec<Open>> {
    let mut found = Vec::new();
    for status in OPEN {
        found.extend(first_of(view, &terms::status_term(kind::JOB, status), OPEN_MAX, |job| {
            let (dir, is_of_here) = (dir_of(view, workspace, &job), is_of_here(view, &job));
            (is_of_here || dir.path().is_dir()).then_some(Open { job, dir, is_of_here })
        })?);
    }
    Ok(found)
}

/// The first jobs of a term that were started from this store: those of others do not count against the limit.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub(in crate::ops) fn first_of_here(view: &View, term: &str, limit: usize) -> Result<Vec<Record>> {
    first_of(view, term, limit, |job| is_of_here(view, &job).then_some(job))
}

fn first_of<T>(view: &View, term: &str, limit: usize, pick: impl Fn(Record) -> Option<T>) -> Result<Vec<T>> {
    let (mut found, mut read) = (Vec::new(), 0);
    view.each(term, |job| {
        read += 1;
        found.extend(pick(job));
        let is_enough = read >= READ_MAX || found.len() >= limit;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

enum Found {
    Ended(Box<Exit>),
    Unarmed,
}

/// What is to be done about a job; nothing while it lives.
fn standing(workspace: &Workspace, Open { job, dir, is_of_here }: &Open) -> Option<Found> {
    // What is alive needs nothing, so that its files are not read.
    if dir.is_alive().ok()? {
        return None;
    }
    match dir.standing().ok()? {
        Standing::Alive(_) => None,
        Standing::Gone => is_of_here.then(|| Found::Ended(Box::new(gone(job, workspace.now())))),
        Standing::Over(exit) => Some(Found::Ended(exit)),
        Standing::Lost(_) => dir.record_lost(workspace.now()).ok()?.map(|exit| Found::Ended(Box::new(exit))),
        Standing::Unarmed(_) => Some(Found::Unarmed),
    }
}

/// The end of a job of this machine whose directory was removed. One that came from another is that one's matter.
fn gone(job: &Record, now: DateTime<Utc>) -> Exit {
    let reason = Some("its directory was removed".to_owned());
    let id = name(job).to_owned();
    Exit { version: VERSION, id, outcome: Outcome::Lost, reason, ended_at: now, ..Exit::default() }
}

/// Whether a job was started from this store.
pub(in crate::ops) fn is_of_here(view: &View, job: &Record) -> bool {
    job.birth.as_ref().is_some_and(|birth| birth.stamp.replica == view.meta().replica)
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
    vec!["--store".into(), workspace.store.absolute_dir().into(), "supervise".into(), id.into()]
}

/// Writes the end of a job into its record; `false` if that was done before.
fn end(writer: &mut Writer, workspace: &Workspace, job: &Record, exit: &Exit) -> Result<bool> {
    let Some(job) = writer.record(job.uid)?.filter(Record::is_live) else { return Ok(false) };
    as_its_session(writer, &job);
    writer.because(format!("{} {}: {}", job.id(), exit, job.title()));
    writer.put_at(job.uid, registers(exit), exit.ended_at)?;
    for result in &exit.results {
        keep(writer, workspace, &job, result)?;
    }
    super::told::unread(writer, job.uid)?;
    Ok(true)
}

/// A result is an artifact; a short text is its body, so that it is found.
fn keep(writer: &mut Writer, workspace: &Workspace, job: &Record, result: &ResultFile) -> Result<()> {
    let mut set = Registers::from([
        (field::TITLE.to_owned(), json!(text::clean_line(&result.path.display().to_string()))),
        (field::SHA256.to_owned(), json!(result.sha256)),
        (field::BYTES.to_owned(), json!(result.bytes)),
    ]);
    if let Some(kept) = &result.kept {
        let path = Path::new("jobs").join(name(job)).join(kept);
        let content =
            if result.bytes <= TEXT_BYTES_MAX { fs::read(workspace.store.dir().join(&path)) } else { Ok(Vec::new()) };
        let body = content.ok().and_then(|content| String::from_utf8(content).ok()).filter(|body| !body.contains('\0'));
        set.extend(body.filter(|body| !body.is_empty()).map(|body| (field::BODY.to_owned(), json!(body))));
        set.insert(field::KEPT.to_owned(), json!(path));
    }
    let artifact = writer.create(kind::ARTIFACT, set)?;
    link::connect(writer, artifact.uid, field::link::RESULT_OF, job.uid)
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
    set.extend(exit.why().map(|reason| (field::REASON.to_owned(), json!(text::clean_line(&reason)))));
    if let Some(took) = exit.duration().filter(|_| exit.outcome == Outcome::Ok || exit.code.is_some()) {
        set.insert(field::TOOK.to_owned(), json!(took.num_milliseconds().max(0)));
        set.insert(field::SILENCE.to_owned(), json!(exit.silence_ms));
    }
    set
}
