//! Background jobs in the ledger: what runs, what came of it, and who was told.
//!
//! The truth of a job is in its directory (`STORE/jobs/ID`, see [`crate::process::job`]); its record says the same for
//! lists, search and the next session. Whoever comes by brings the record up to date (`settle`), so that a supervisor which
//! was killed, or could not write to a busy store, loses nothing.
//!
//! | file | what it does |
//! |---|---|
//! | `run` | makes the record and the directory, starts the supervisor |
//! | `checks` | what cannot be run so, or not here |
//! | `needs` | what it waits for |
//! | `supervise` | the supervisor's side: what it tells the ledger |
//! | `settle` | brings records up to date with directories; arms what nobody looks after |
//! | `report`, `words`, `follow` | a job as the doors show it, in words, its output as it comes |
//! | `wait`, `stop` | waiting for the end, bringing it about |
//! | `again` | the same job anew |
//! | `speculative`, `accept` | work before a yes or no; what either does |
//! | `usual`, `asked` | how long such jobs take, who asks again too soon |
//! | `erase` | what of an erased record stands in files |
//! | `told` | which ends a session was not told yet |
//!
//! Does not know: processes, signals, pipes.

mod accept;
mod again;
mod asked;
mod checks;
pub(super) mod erase;
mod follow;
mod needs;
mod report;
mod run;
mod settle;
pub mod speculative;
mod stop;
mod supervise;
pub mod told;
mod usual;
mod wait;
mod words;

pub use crate::process::job::JOB_VARIABLE;
pub use accept::{AcceptReport, accept};
pub use again::{Again, again};
pub use follow::{follow, path};
pub(super) use needs::needed_all;
pub use report::{JobReport, JobsReport, list};
pub(super) use run::{Name, Plan};
pub use run::{RunInput, RunReport, run};
pub use settle::settle;
pub(super) use settle::{first_of_here, is_of_here};
pub use speculative::{SCRATCH_FOLDER, Trial};
pub use stop::{Outcome, end};
pub use supervise::supervise;
pub use wait::{WaitInput, WaitReport, wait};
pub use words::Manner;

use super::{Workspace, resolve};
use crate::domain::id::looks_like_id;
use crate::domain::kind;
use crate::domain::record::Record;
use crate::error::{Error, Result};
use crate::process::job::JobDir;
use crate::store::View;

/// The statuses of jobs that have not ended.
pub(super) const OPEN: [&str; 2] = ["waiting", "running"];

/// The name of a directory that is never there.
const NOWHERE: &str = ".elsewhere";

/// The directory with the name of a job: the id that it was born with. What is no such id names one that is never there.
pub(super) fn dir(workspace: &Workspace, name: &str) -> JobDir {
    let name = if name.starts_with("j-") && looks_like_id(name) { name } else { NOWHERE };
    JobDir::new(workspace.store.dir().join("jobs").join(name))
}

/// The directory of a job that is of here, or came with a copy of the store; else one that is never there. A record of
/// another machine may have the id of a job of this one.
pub(super) fn dir_of(view: &View, workspace: &Workspace, job: &Record) -> JobDir {
    let own = dir(workspace, name(job));
    if is_of_here(view, job) || names(&own, job) { own } else { dir(workspace, NOWHERE) }
}

/// The name of a job's directory. Its id may be another by now.
pub(super) fn name(job: &Record) -> &str {
    job.birth.as_ref().map_or_else(|| job.id(), |birth| &birth.id)
}

fn names(dir: &JobDir, job: &Record) -> bool {
    dir.spec().is_ok_and(|spec| spec.is_some_and(|spec| spec.uid == Some(job.uid)))
}

/// The job that a directory with this name belongs to.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub(super) fn owner(view: &View, workspace: &Workspace, name: &str) -> Result<Option<Record>> {
    let by_id = view.id(name)?.map(|uid| view.record(uid)).transpose()?.flatten();
    let is_owner = |job: &Record| job.kind() == kind::JOB && self::name(job) == name && is_of_here(view, job);
    if by_id.as_ref().is_some_and(is_owner) {
        return Ok(by_id);
    }
    let uid = dir(workspace, name).spec().ok().flatten().and_then(|spec| spec.uid);
    uid.map(|uid| view.record(uid)).transpose().map(Option::flatten)
}

/// That a job is out of reach.
pub(super) fn elsewhere(job: &Record) -> Error {
    Error::conflict(format!("{} runs on another machine, or from another copy of the store", job.id()))
        .hint(format!("wait for it and end it where it was started; state show {} says what is known here", job.id()))
}

/// Whether every word names a job.
///
/// # Errors
/// `NotFound`; `Usage` if some do and others do not.
pub fn are_jobs(workspace: &Workspace, words: &[String]) -> Result<bool> {
    let kinds = workspace.read(|view| {
        let kinds = words.iter().map(|word| Ok(resolve::record(view, word)?.kind() == kind::JOB));
        kinds.collect::<Result<Vec<bool>>>()
    })?;
    if kinds.iter().any(|is_job| *is_job != kinds[0]) {
        return Err(Error::usage("jobs and other records do not end together").hint("one command for each"));
    }
    Ok(kinds.first().copied().unwrap_or(false))
}

/// The job of an id or key, and its directory.
///
/// # Errors
/// As [`find`], or as the store says.
fn find_with_dir(workspace: &Workspace, word: &str) -> Result<(Record, JobDir)> {
    workspace.read(|view| {
        let job = find(view, word)?;
        let dir = dir_of(view, workspace, &job);
        Ok((job, dir))
    })
}

/// The job of an id or key.
///
/// # Errors
/// `NotFound`; `Usage` if it is something else.
pub fn find(view: &View, word: &str) -> Result<Record> {
    let record = resolve::record(view, word)?;
    if record.kind() == kind::JOB {
        return Ok(record);
    }
    Err(Error::usage(format!("{} is a {}, no job", record.id(), record.kind())).hint("state list jobs"))
}
