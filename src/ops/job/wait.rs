//! `wait`: until jobs have ended.

use super::report::JobReport;
use super::told::Seen;
use super::{OPEN, dir_of, elsewhere, is_of_here, settle, told};
use crate::domain::job::Exit;
use crate::domain::record::Record;
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::process::job::{JobDir, Standing, wait_for_end};
use crate::store::View;
use serde::Serialize;
use std::time::{Duration, Instant};

/// What to wait for.
#[derive(Clone, Debug, Default)]
pub struct WaitInput {
    /// Jobs, at least one.
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
/// `NotFound` for an unknown job; `Conflict` for one that runs on another machine; or as the store says.
pub fn wait(workspace: &Workspace, input: &WaitInput) -> Result<WaitReport> {
    super::settle(workspace);
    let (jobs, dirs) = workspace.read(|view| {
        let named: Vec<Record> = input.ids.iter().map(|id| super::find(view, id)).collect::<Result<_>>()?;
        let dirs: Vec<JobDir> = named.iter().map(|job| dir_of(view, workspace, job)).collect();
        // What has no directory here would never be seen to end.
        let is_away = |(job, dir): &(&Record, &JobDir)| job.is_live() && !is_of_here(view, job) && !dir.path().is_dir();
        if let Some((job, _)) = named.iter().zip(&dirs).find(is_away) {
            return Err(elsewhere(job));
        }
        if named.is_empty() {
            return Err(Error::new(Kind::Usage, "nothing to wait for").hint("state wait j-4kq; state list jobs"));
        }
        Ok((named, dirs))
    })?;
    let until = input.patience.and_then(|patience| Instant::now().checked_add(patience));
    let is_enough = || has_enough(&dirs, input.any);
    let mut awaited = dirs.clone();
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let free = wait_for_end(&awaited, input.any, left)?;
        if free.is_empty() || is_enough() || left.is_some_and(|left| left.is_zero()) {
            break;
        }
        // Lost, or waiting for somebody to look after it again.
        super::settle(workspace);
        // What nobody looks after even now would be free again at once, and for ever.
        awaited.retain(|dir| dir.is_alive().unwrap_or(false));
        if awaited.is_empty() || is_enough() {
            break;
        }
    }
    if dirs.iter().any(|dir| dir.exit().is_ok_and(|exit| exit.is_none())) {
        super::settle(workspace);
    }
    let jobs = told_at_once(workspace, &jobs, &dirs)?;
    let over = jobs.iter().filter(|job| !OPEN.contains(&job.status.as_str())).count();
    Ok(WaitReport { timed_out: over < jobs.len() && !(input.any && over > 0), jobs })
}

/// The jobs as they are now. Their ends are written and told in one transaction, often together with their supervisors'.
fn told_at_once(workspace: &Workspace, jobs: &[Record], dirs: &[JobDir]) -> Result<Vec<JobReport>> {
    let exit = |(job, dir): (&Record, &JobDir)| Some((job.clone(), Box::new(dir.exit().ok()??)));
    let ended: Vec<(Record, Box<Exit>)> = jobs.iter().zip(dirs).filter_map(exit).collect();
    let told = workspace.change(|writer| {
        let mine = settle::end_each(writer, workspace, &ended)?;
        let now = current(writer, jobs)?;
        told::forget(writer, workspace, &now.iter().filter(|job| !job.is_live()).map(Seen::from).collect::<Vec<_>>())?;
        Ok((report(writer, workspace, &now)?, mine))
    });
    match told {
        Ok((reports, mine)) => {
            settle::notify_of(workspace, &mine);
            Ok(reports)
        }
        // Where the store cannot be written they are told again.
        Err(_) => workspace.read(|view| report(view, workspace, &current(view, jobs)?)),
    }
}

fn current(view: &View, jobs: &[Record]) -> Result<Vec<Record>> {
    jobs.iter().map(|job| Ok(view.record(job.uid)?.unwrap_or_else(|| job.clone()))).collect()
}

fn report(view: &View, workspace: &Workspace, jobs: &[Record]) -> Result<Vec<JobReport>> {
    JobReport::all(view, workspace, jobs, |job| if job.status() == "ok" { 1 } else { LINES })
}

/// Whether there is nothing more to wait for.
fn has_enough(dirs: &[JobDir], any: bool) -> bool {
    let is_over = |dir: &&JobDir| matches!(dir.standing(), Ok(Standing::Over(_) | Standing::Gone));
    let over = dirs.iter().filter(is_over).count();
    over == dirs.len() || any && over > 0
}
