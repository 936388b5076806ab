//! `wait`: until jobs have ended.

use super::report::JobReport;
use super::{dir, settle, told};
use crate::domain::job::Exit;
use crate::domain::record::Record;
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::process::job::{JobDir, wait_for_end};
use crate::store::View;
use serde::Serialize;
use std::time::{Duration, Instant};

/// What to wait for.
#[derive(Clone, Debug, Default)]
pub struct WaitInput {
    /// Jobs; all open ones of this session if there are none.
    pub ids: Vec<String>,
    /// One is enough.
    pub any: bool,
    /// How long.
    pub patience: Option<Duration>,
}

/// The report of `wait`.
#[derive(Clone, Debug, Serialize)]
pub struct WaitReport {
    /// The jobs that were waited for, as they are now.
    pub jobs: Vec<JobReport>,
    /// Whether the time was over before that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
}

/// Lines of the output of one that did not end well.
const LINES: usize = 10;

/// Waits. The caller judges how they ended.
///
/// # Errors
/// `NotFound` for an unknown job; or as the store says.
pub fn wait(workspace: &Workspace, input: &WaitInput) -> Result<WaitReport> {
    super::settle(workspace);
    let jobs = workspace.read(|view| {
        let named: Vec<Record> = input.ids.iter().map(|id| super::find(view, id)).collect::<Result<_>>()?;
        if named.is_empty() {
            return Err(Error::new(Kind::Usage, "nothing to wait for").hint("state wait j-4kq; state list jobs"));
        }
        Ok(named)
    })?;
    let dirs: Vec<JobDir> = jobs.iter().map(|job| dir(workspace, job.id())).collect();
    let until = input.patience.and_then(|patience| Instant::now().checked_add(patience));
    let mut over;
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let free = wait_for_end(&dirs, input.any, left)?;
        over = free.iter().filter(|index| dirs[**index].exit().is_ok_and(|exit| exit.is_some())).count();
        let is_enough = over == dirs.len() || input.any && over > 0;
        if is_enough || left.is_some_and(|left| left.is_zero()) || free.is_empty() {
            break;
        }
        // Lost, or waiting for somebody to look after it again.
        super::settle(workspace);
        if dirs.iter().all(|dir| !dir.is_alive().unwrap_or(false) && dir.exit().is_ok_and(|exit| exit.is_none())) {
            break;
        }
    }
    let is_enough = over == dirs.len() || input.any && over > 0;
    told_at_once(workspace, &jobs, &dirs).map(|jobs| WaitReport { jobs, timed_out: !is_enough })
}

/// The jobs as they are now. Their ends are written and told in one transaction, often together with their supervisors'.
fn told_at_once(workspace: &Workspace, jobs: &[Record], dirs: &[JobDir]) -> Result<Vec<JobReport>> {
    let exit = |(job, dir): (_, &JobDir)| Some((job, dir.exit().ok()??));
    let ended: Vec<(&Record, Exit)> = jobs.iter().zip(dirs).filter_map(exit).collect();
    let told = workspace.store.write(|writer| {
        ended.iter().try_for_each(|(job, exit)| settle::end(writer, job, exit))?;
        told::forget(writer, &ended.iter().map(|(job, _)| job.uid).collect::<Vec<_>>())?;
        report(writer, workspace, jobs)
    });
    // Where the store cannot be written they are told again.
    told.or_else(|_| workspace.read(|view| report(view, workspace, jobs)))
}

fn report(view: &View, workspace: &Workspace, jobs: &[Record]) -> Result<Vec<JobReport>> {
    let now = jobs.iter().map(|job| Ok(view.record(job.uid)?.unwrap_or_else(|| job.clone())));
    let now: Vec<Record> = now.collect::<Result<_>>()?;
    JobReport::all(view, workspace, &now, |job| if job.status() == "ok" { 1 } else { LINES })
}
