//! Bringing the end of a job about: killing one, or saying how one ended that runs elsewhere.

use super::report::JobReport;
use super::{accept, elsewhere, is_of_here, speculative, told};
use crate::domain::field;
use crate::domain::job::{Decision, Exit};
use crate::domain::record::Record;
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::process::job::{Command, JobDir, STILL_RUN, end_group, living, send, stop_patience, wait_for_end};
use crate::store::Registers;
use serde_json::json;
use std::path::PathBuf;

/// Lines of the output that are shown.
const LINES: usize = 5;

/// How jobs are to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By a kill.
    Dropped,
    /// They have ended elsewhere.
    Done {
        /// The exit code.
        code: i32,
        /// Files that they left.
        results: Vec<PathBuf>,
    },
}

/// Ends jobs, one after the other, also when one of them cannot be; with why not.
///
/// # Errors
/// If none of them could be ended, why: `Conflict` if it has ended, which says how, or runs on another machine; `CheckFailed`
/// if not everything was taken back; `Usage` if what runs here is said to be done; `NotFound`; `Busy` if it does not end.
pub fn end(
    workspace: &Workspace,
    ids: &[String],
    how: &Outcome,
    why: Option<&str>,
) -> Result<(Vec<JobReport>, Option<Error>)> {
    let (mut ended, mut refused): (Vec<JobReport>, Option<Error>) = (Vec::new(), None);
    for id in ids {
        let one = match how {
            Outcome::Dropped => stop(workspace, id, why),
            Outcome::Done { code, results } => finish(workspace, id, *code, results.clone(), why),
        };
        match (one, &mut refused) {
            (Ok(report), _) => ended.push(report),
            (Err(error), Some(first)) => first.message = format!("{}; {}", first.message, error.message),
            (Err(error), none) => *none = Some(error),
        }
    }
    match refused {
        Some(error) if ended.is_empty() => Err(error),
        refused => Ok((ended, refused)),
    }
}

/// Kills a job with all its processes, also those that it left behind when it ended. What a speculative one did is taken
/// back, also when it has ended.
///
/// # Errors
/// `Conflict` if it has ended and nothing of it runs, which says how, or runs on another machine; `CheckFailed` if not
/// everything was taken back; `NotFound`; `Busy` if it does not end.
fn stop(workspace: &Workspace, id: &str, why: Option<&str>) -> Result<JobReport> {
    super::settle(workspace);
    let (job, dir) = super::find_with_dir(workspace, id)?;
    let mut exit = dir.exit()?;
    let was_over = exit.is_some() || !job.is_live();
    if !was_over {
        let command = Command::Stop { kill: false, why: why.map(str::to_owned) };
        if !send(&dir, &command)? {
            return Err(nobody(workspace, &job));
        }
        await_end(&job, &dir)?;
        super::settle(workspace);
        exit = dir.exit()?;
    }
    if speculative::decision(&job) == Some(Decision::Undecided) {
        end_left_behind(&job, exit.as_ref())?;
        accept::discard(workspace, &job, exit.as_ref())?;
    } else if was_over {
        end_rest(&job, exit.as_ref())?;
        note_rest_is_gone(workspace, &job)?;
    }
    shown(workspace, &job)
}

/// What an ended job left behind; an error if that is nothing.
fn end_rest(job: &Record, exit: Option<&Exit>) -> Result<()> {
    if end_left_behind(job, exit)? {
        return Ok(());
    }
    Err(is_over(job, exit))
}

/// How it ended; one whose files are gone tells it by its record.
fn is_over(job: &Record, exit: Option<&Exit>) -> Error {
    let reason = || job.text(field::REASON).map(|reason| format!(": {reason}")).unwrap_or_default();
    let how = exit.map_or_else(|| format!("{}{}", job.status(), reason()), ToString::to_string);
    let decided = speculative::decision(job).map(|decision| format!(", and {}", decision.name())).unwrap_or_default();
    Error::conflict(format!("{} is over: {how}{decided}", job.id())).hint(format!("state show {}", job.id()))
}

/// A lost job says why it is lost, and what became of its processes.
fn note_rest_is_gone(workspace: &Workspace, job: &Record) -> Result<()> {
    let Some(why) = job.text(field::REASON).and_then(|reason| reason.strip_suffix(STILL_RUN)) else { return Ok(()) };
    let reason = format!("{why}; what still ran of it was killed");
    workspace.write(|writer| {
        writer.because(format!("drop {}: {}", job.id(), job.title()));
        writer.put(job.uid, Registers::from([(field::REASON.to_owned(), json!(reason))])).map(drop)
    })
}

/// Ends what an ended job left behind; `false` if that is nothing.
fn end_left_behind(job: &Record, exit: Option<&Exit>) -> Result<bool> {
    let Some(group) = exit.and_then(|exit| exit.left_behind.as_ref()).and_then(living) else { return Ok(false) };
    match end_group(&group) {
        None => Ok(true),
        Some(rest) => {
            Err(Error::new(Kind::Busy, format!("{} processes of {} do not die", rest.members.len(), job.id())))
        }
    }
}

/// Why nobody listens: it is not here, or at this moment nobody looks after it.
fn nobody(workspace: &Workspace, job: &Record) -> Error {
    match workspace.read(|view| Ok(is_of_here(view, job))) {
        Ok(false) => elsewhere(job),
        _ => Error::new(Kind::Busy, format!("nobody looks after {} at the moment", job.id()))
            .hint("run the same command again"),
    }
}

fn await_end(job: &Record, dir: &JobDir) -> Result<()> {
    wait_for_end(std::slice::from_ref(dir), false, Some(stop_patience(dir)))?;
    if dir.is_alive()? {
        return Err(
            Error::new(Kind::Busy, format!("{} does not end", job.id())).hint(format!("state show {}", job.id()))
        );
    }
    Ok(())
}

/// Says how work elsewhere has ended.
///
/// # Errors
/// `Usage` if the job runs here; `Conflict` if it has ended or is awaited on another machine; else as `stop`.
fn finish(workspace: &Workspace, id: &str, code: i32, results: Vec<PathBuf>, why: Option<&str>) -> Result<JobReport> {
    super::settle(workspace);
    let (job, dir) = super::find_with_dir(workspace, id)?;
    let exit = dir.exit()?;
    if exit.is_some() || !job.is_live() {
        return Err(is_over(&job, exit.as_ref()));
    }
    if !job.flag(field::EXTERNAL) {
        return Err(Error::usage(format!("{} runs here, and ends by itself", job.id())).hint("state drop kills it"));
    }
    let results = results.into_iter().map(|path| workspace.place.cwd.join(path)).collect();
    if !send(&dir, &Command::Report { code, results, why: why.map(str::to_owned) })? {
        return Err(nobody(workspace, &job));
    }
    await_end(&job, &dir)?;
    super::settle(workspace);
    shown(workspace, &job)
}

fn shown(workspace: &Workspace, job: &Record) -> Result<JobReport> {
    let (job, report) = JobReport::current(workspace, job.clone(), LINES)?;
    told::tell(workspace, &[(&job).into()]);
    Ok(report)
}
