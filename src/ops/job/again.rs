//! `run --again`: what a job was to do, for another run of it.

use super::needs::is_met_by;
use super::{RunInput, Trial, dir_of};
use crate::domain::job::{After, Verdict};
use crate::domain::record::Record;
use crate::domain::{field, kind};
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::store::View;

/// The job that is done again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// Its id.
    pub id: String,
    /// Its key, which the new one has too, though it does not keep it from running.
    pub key: Option<String>,
    /// It ended with the session that started it.
    pub with_session: bool,
}

/// The input of [`super::run`] for the same job anew. What it waited for and has come is left out, and all of it with
/// `has_needs`: the new one says itself what it waits for. Values of its environment were never kept, and [`super::run`]
/// asks for them.
///
/// # Errors
/// `NotFound` if what it was to do is not kept any more; `Conflict` if it has not ended, or if what it waited for can never
/// come.
pub fn again(workspace: &Workspace, id: &str, has_needs: bool) -> Result<RunInput> {
    super::settle(workspace);
    workspace.read(|view| {
        let job = super::find(view, id)?;
        if job.is_live() {
            return Err(Error::conflict(format!("{} has not ended: it is {}", job.id(), job.status()))
                .hint(format!("state wait {}", job.id())));
        }
        let mut spec = dir_of(view, workspace, &job).spec()?.ok_or_else(|| not_kept(&job))?;
        let mut after = std::mem::take(&mut spec.after);
        after.retain(|_| !has_needs);
        let speculative = spec.speculative.take();
        let original = |path: &std::path::Path| match &speculative {
            Some(made) => made.original(path),
            None => path.to_owned(),
        };
        let cwd = Some(original(&spec.cwd));
        spec.results = spec.results.iter().map(|path| original(path)).collect();
        let scratch = speculative.as_ref().is_some_and(|made| made.scratch.is_some());
        Ok(RunInput {
            cwd,
            after: still_needed(view, workspace, &job, after)?,
            task: task(view, &job)?,
            trial: Trial { speculative: speculative.is_some(), reversible: speculative.is_some(), scratch },
            again: Some(Again {
                id: job.id().to_owned(),
                key: job.text(field::KEY).map(str::to_owned),
                with_session: spec.session.take().is_some(),
            }),
            spec,
            ..RunInput::default()
        })
    })
}

fn not_kept(job: &Record) -> Error {
    let command = job.text(field::COMMAND).unwrap_or("CMD");
    Error::new(Kind::NotFound, format!("the files of {} are not here any more, and with them how it was run", job.id()))
        .hint(format!("its command: state run -- {command}"))
}

/// The needs that are still open. What has come is no need any more.
fn still_needed(view: &View, workspace: &Workspace, job: &Record, after: Vec<After>) -> Result<Vec<String>> {
    let mut open = Vec::new();
    for need in after {
        let other = super::find(view, &need.id).map_err(|error| {
            error.hint(format!("{} waited for it; say what it is to wait for now: --after ID", job.id()))
        })?;
        match dir_of(view, workspace, &other).exit()?.map(|exit| need.verdict(&exit)) {
            Some(Verdict::Met) => {}
            None if other.is_live() => open.push(need.to_string()),
            None if is_met_by(&need, other.status()) => {}
            Some(Verdict::Never) | None => return Err(never(job, &other, &need)),
        }
    }
    Ok(open)
}

fn never(job: &Record, other: &Record, need: &After) -> Error {
    let message = format!("{} waited for {need}, and {} ended {}", job.id(), other.id(), other.status());
    Error::conflict(message)
        .hint(format!("first state run --again {0}, then --after with its new id; or --after {0}:any", other.id()))
}

/// The task that it was for, if that is still there.
fn task(view: &View, job: &Record) -> Result<Option<String>> {
    for uid in job.linked(field::link::RESULT_OF) {
        if let Some(task) = view.record(uid)?.filter(|task| task.is_visible() && task.kind() != kind::JOB) {
            return Ok(Some(task.id().to_owned()));
        }
    }
    Ok(None)
}
