//! Background jobs in the ledger: what runs, what came of it, and who was told.
//!
//! The truth of a job is in its directory (`STORE/jobs/ID`, see [`crate::process::job`]); its record says the same for
//! lists, search and the next session. Whoever comes by brings the record up to date (`settle`), so that a supervisor which
//! was killed, or could not write to a busy store, loses nothing.
//!
//! | file | what it does |
//! |---|---|
//! | `run` | makes the record and the directory, starts the supervisor |
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
pub(super) mod erase;
mod follow;
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

pub use crate::process::job::{JOB_VARIABLE, VALUES_VARIABLE};
pub use accept::{AcceptReport, accept};
pub use again::{Again, again};
pub use follow::{follow, path};
pub use report::{JobReport, JobsReport, list};
pub(super) use run::{Plan, needed};
pub use run::{RunInput, RunReport, run};
pub(super) use settle::is_of_here;
pub use settle::settle;
pub use speculative::{SCRATCH_FOLDER, Trial};
pub use stop::{Outcome, end, finish, stop};
pub use supervise::supervise;
pub use wait::{WaitInput, WaitReport, wait};
pub use words::{Manner, SHORT, clock};

use super::{Workspace, resolve};
use crate::domain::kind;
use crate::domain::record::Record;
use crate::error::{Error, Result};
use crate::process::job::JobDir;
use crate::store::View;

/// The statuses of jobs that have not ended.
pub(super) const OPEN: [&str; 2] = ["waiting", "running"];

/// The directory of a job.
pub(super) fn dir(workspace: &Workspace, id: &str) -> JobDir {
    JobDir::new(workspace.store.dir().join("jobs").join(id))
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

/// Whether a job that has not ended can be ended from here.
///
/// # Errors
/// `Conflict` for one that runs on another machine.
fn check_is_here(view: &View, job: &Record) -> Result<()> {
    if job.is_live() && !is_of_here(view, job) {
        return Err(Error::conflict(format!("{} runs on another machine", job.id()))
            .hint("wait for it or end it there; here its end shows when that store's events have been imported"));
    }
    Ok(())
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
