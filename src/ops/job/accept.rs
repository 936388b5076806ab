//! What is said to speculative work: yes, and its result is there; no, and it is as if it had never been.

use super::report::JobReport;
use super::{dir_of, speculative, told};
use crate::domain::job::{Decision, Exit, Outcome, Spec, Speculative};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::process::job::clean_up;
use crate::store::{Registers, Writer};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The report of `accept`.
#[derive(Clone, Debug, Serialize)]
pub struct AcceptReport {
    /// The job.
    pub job: JobReport,
    /// The paths that it changed, relative to the top of the tree.
    pub changed: Vec<String>,
}

/// So many paths are named in an error.
const NAMED_MAX: usize = 10;

/// Brings the result of a speculative job into the tree that it was made from, all of it or nothing.
///
/// # Errors
/// `Usage` for what is not speculative; `Conflict` if that was decided before, if it did not end well, or if the tree has
/// changed in the same places, which names them; `CheckFailed` if it has not ended; `NotFound`.
pub fn accept(workspace: &Workspace, id: &str) -> Result<AcceptReport> {
    super::settle(workspace);
    let (job, dir) = super::find_with_dir(workspace, id)?;
    let _decides = dir.lock_decision()?;
    let (job, report) = JobReport::current(workspace, job, 0)?;
    check(&job, &report)?;
    let spec = dir.spec()?.ok_or_else(|| files_are_elsewhere(&job))?;
    let changed = match &spec.speculative {
        Some(made) => take_over(workspace, &job, &spec, made)?,
        None => Vec::new(),
    };
    let job = workspace.write(|writer| speculative::decide(writer, job.uid, Decision::Accepted))?;
    // What stays of the copy is found by doctor.
    let _ = spec.speculative.as_ref().map(speculative::remove_scratch);
    told::tell(workspace, &[(&job).into()]);
    workspace.read(|view| Ok(AcceptReport { job: JobReport::of(view, workspace, &job, 0)?, changed }))
}

fn check(job: &Record, report: &JobReport) -> Result<()> {
    let id = job.id();
    speculative::check_undecided(job)?;
    if job.is_live() {
        let usual = report.usual.as_ref().map(|usual| format!(", usually {usual}")).unwrap_or_default();
        return Err(
            Error::new(Kind::CheckFailed, format!("{id} is {}{usual}", job.status())).hint(format!("state wait {id}"))
        );
    }
    if job.status() != "ok" {
        return Err(Error::conflict(format!("{id} ended {}: only what ended well is accepted", job.status()))
            .hint(format!("state show {id}")));
    }
    Ok(())
}

fn files_are_elsewhere(job: &Record) -> Error {
    Error::new(Kind::NotFound, format!("the files of {} are not here", job.id()))
        .hint("what it did is on the machine, and in the store, where it ran")
}

/// The difference that the job made, applied to the tree. What is there already stays: a second try ends the first one.
fn take_over(workspace: &Workspace, job: &Record, spec: &Spec, made: &Speculative) -> Result<Vec<String>> {
    let tree = speculative::original(workspace, made)?;
    let declared = speculative::declared(&made.root, &made.original(&spec.cwd), &with_original_results(spec, made));
    let now = tree.tree(&declared)?;
    let Some(scratch) = &made.scratch else { return Ok(shown(&tree.differing(&made.tree, &now)?)) };
    if !scratch.is_dir() {
        return Err(Error::new(Kind::NotFound, format!("the tree that {} made is gone", job.id()))
            .hint(format!("state run --again {}", job.id())));
    }
    let after = tree.tree_of_copy(scratch, &made.tree, &declared)?;
    let changed = tree.differing(&made.tree, &after)?;
    let missing: BTreeSet<PathBuf> = tree.differing(&now, &after)?.into_iter().collect();
    let wanted: Vec<PathBuf> = changed.iter().filter(|path| missing.contains(*path)).cloned().collect();
    if !wanted.is_empty() {
        let only = (wanted.len() < changed.len()).then_some(&wanted[..]);
        tree.apply(&made.tree, &after, only).map_err(|error| {
            let moved = tree.differing(&made.tree, &now).unwrap_or_default();
            let moved: Vec<&PathBuf> = wanted.iter().filter(|path| moved.contains(path)).collect();
            does_not_fit(job, scratch, &moved, error)
        })?;
    }
    Ok(shown(&changed))
}

/// The specification with results where they are in the tree, not in the copy.
fn with_original_results(spec: &Spec, made: &Speculative) -> Spec {
    Spec { results: spec.results.iter().map(|path| made.original(path)).collect(), ..spec.clone() }
}

fn does_not_fit(job: &Record, scratch: &Path, moved: &[&PathBuf], error: Error) -> Error {
    if error.kind != Kind::Conflict {
        return error;
    }
    let id = job.id();
    let why = if moved.is_empty() {
        error.message
    } else {
        format!("changed here meanwhile: {}", named(moved.iter().map(|path| path.as_path())))
    };
    Error::conflict(format!("{id} does not fit any more, so nothing was changed; {why}"))
        .hint(format!("what it made stays in {}; or anew: state run --again {id}", scratch.display()))
}

fn named<'a>(paths: impl ExactSizeIterator<Item = &'a Path>) -> String {
    let count = paths.len();
    let names: Vec<String> = paths.take(NAMED_MAX).map(|path| text::clean_line(&path.display().to_string())).collect();
    let more = if count > NAMED_MAX { format!(" and {} more", count - NAMED_MAX) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// Takes back what a speculative job did that has ended: its cleanup runs, its copy goes, and in place the tree's hash is
/// compared. If the cleanup fails it is to be asked again.
///
/// # Errors
/// `CheckFailed` if the cleanup fails; or if the tree is not what it was, which names the paths: more than that cleanup is
/// not known here, so it counts as dropped; `Conflict` if somebody else was quicker to decide.
pub(super) fn discard(workspace: &Workspace, job: &Record, exit: Option<&Exit>) -> Result<Record> {
    let dir = workspace.read(|view| Ok(dir_of(view, workspace, job)))?;
    let _decides = dir.lock_decision()?;
    workspace.read(|view| speculative::check_undecided(&view.record(job.uid)?.unwrap_or_else(|| job.clone())))?;
    let mut different = Ok(());
    // Of a job whose directory is gone nothing is known that could be taken back; its copy is found by doctor.
    if let Some(spec) = dir.spec()?
        && let Some(made) = spec.speculative.clone()
    {
        if exit.is_none_or(needs_cleanup) {
            clean(&spec, &made)?;
        }
        speculative::remove_scratch(&made)?;
        if made.scratch.is_none() {
            different = compare(workspace, &spec, &made);
        }
    }
    let dropped = workspace.write(|writer| {
        drop_results(writer, job)?;
        let job = speculative::decide(writer, job.uid, Decision::Dropped)?;
        if let Err(error) = &different {
            writer.because(error.message.clone());
        }
        Ok(job)
    })?;
    different.map(|()| dropped)
}

/// The artifacts that it left are not wanted either.
fn drop_results(writer: &mut Writer, job: &Record) -> Result<()> {
    let mut artifacts = Vec::new();
    writer.each(&terms::incoming_term(job.uid, field::link::RESULT_OF), |record| {
        artifacts.extend((record.kind() == kind::ARTIFACT && record.is_live()).then_some(record.uid));
        Ok(ControlFlow::Continue(()))
    })?;
    for artifact in artifacts {
        let reason = format!("{} was dropped", job.id());
        let set = [(field::STATUS.to_owned(), json!("dropped")), (field::REASON.to_owned(), json!(reason))];
        writer.put(artifact, Registers::from(set))?;
    }
    Ok(())
}

/// Whether something ran and its supervisor did not clean up after it.
fn needs_cleanup(exit: &Exit) -> bool {
    let is_cleaned = |outcome| matches!(outcome, Outcome::Timeout | Outcome::Idle | Outcome::Killed);
    match exit.attempts.last() {
        Some(last) => !is_cleaned(last.outcome),
        None => exit.outcome == Outcome::Lost,
    }
}

fn clean(spec: &Spec, made: &Speculative) -> Result<()> {
    let mut spec = spec.clone();
    if !spec.cwd.is_dir() {
        spec.cwd = made.original(&spec.cwd);
    }
    match clean_up(&spec)? {
        None => Ok(()),
        Some(how) => Err(Error::new(Kind::CheckFailed, format!("the cleanup of {} failed: {how}", spec.id))
            .hint(format!("when it can succeed: state drop {}", spec.id))),
    }
}

fn compare(workspace: &Workspace, spec: &Spec, made: &Speculative) -> Result<()> {
    let tree = speculative::original(workspace, made)?;
    let now = tree.tree(&speculative::declared(&made.root, &spec.cwd, spec))?;
    if now == made.tree {
        return Ok(());
    }
    // Nothing keeps git from tidying up a tree that no commit has.
    let Ok(paths) = tree.differing(&made.tree, &now) else {
        let message = format!("{} is dropped, but the tree is not as before it: {now}, not {}", spec.id, made.tree);
        return Err(Error::new(Kind::CheckFailed, message).hint("git has forgotten the old one: git status"));
    };
    let named = named(paths.iter().map(PathBuf::as_path));
    Err(Error::new(Kind::CheckFailed, format!("{} is dropped, but not as before it: {named}", spec.id))
        .hint(format!("what differs: git diff {}", made.tree)))
}
