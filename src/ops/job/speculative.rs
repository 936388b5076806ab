//! Speculative work: done before anybody has said that it is wanted, so that on *yes* its result is there at once.
//!
//! It runs in a scratch worktree, which a *no* removes, or in place with a cleanup command, after which the hash of the tree
//! must be what it was. What is neither declared nor kept by git (ignored files, the world outside) is the promise of who
//! said `--reversible`.

use crate::domain::id::Uid;
use crate::domain::job::{Decision, Spec, Speculative};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::process::worktree::{self, Worktree};
use crate::store::files::TEMPORARY_PREFIX;
use crate::store::{Registers, View, Writer};
use serde_json::{Value, json};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder of the store that holds the copies in which speculative jobs run.
pub const SCRATCH_FOLDER: &str = "scratch";
/// The tag under which those are found that nobody has decided about.
const UNDECIDED_TAG: &str = "jobs:undecided";

/// Whether a job is speculative, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// It is.
    pub speculative: bool,
    /// Whoever asks for it promises that it does nothing that cannot be taken back.
    pub reversible: bool,
    /// In a copy of the tree, though it has a cleanup command.
    pub scratch: bool,
}

/// What was made for a job that does not exist yet.
#[derive(Debug, Default)]
pub(super) struct Begun {
    speculative: Option<Speculative>,
}

impl Begun {
    /// Removes what was made, for the job came to nothing.
    pub(super) fn abandon(self) {
        // What stays is found by doctor: no job names it.
        let _ = self.speculative.as_ref().map(remove_scratch);
    }

    /// What the record says of it.
    pub(super) fn registers(spec: &Spec) -> Registers {
        if spec.speculative.is_some() { decided(Decision::Undecided) } else { Registers::new() }
    }
}

/// Takes the tree's hash, makes the copy, and lets the job run there.
///
/// # Errors
/// `Usage` if a condition is not met; `Refused` if git does not work.
pub(super) fn begin(workspace: &Workspace, spec: &mut Spec, trial: Trial) -> Result<Begun> {
    check(spec, trial)?;
    let cwd = std::fs::canonicalize(&spec.cwd)
        .map_err(|error| Error::usage(format!("cannot go to {}", spec.cwd.display())).because(error))?;
    let tree = around(workspace, &cwd).map_err(|error| match error.kind {
        Kind::Usage => no_way_back(spec, &error.message),
        _ => error,
    })?;
    let is_in_scratch = trial.scratch || spec.cleanup.is_none();
    check_tree(&tree, is_in_scratch)?;
    let root = tree.root().to_owned();
    let before = tree.tree(&declared(&root, &cwd, spec))?;
    let common_dir = tree.common_dir().to_owned();
    let mut speculative = Speculative { root, tree: before, scratch: None, common_dir };
    if is_in_scratch {
        let scratch = reserve(workspace)?;
        speculative.scratch = Some(scratch.clone());
        if let Err(error) = move_into(&tree, &scratch, &cwd, (spec, &speculative)) {
            let _ = remove_scratch(&speculative);
            return Err(error);
        }
    }
    spec.speculative = Some(speculative.clone());
    Ok(Begun { speculative: Some(speculative) })
}

fn check(spec: &Spec, trial: Trial) -> Result<()> {
    if !trial.speculative {
        return Err(
            Error::usage("--reversible and --scratch say how to be --speculative").hint("add it, or leave them out")
        );
    }
    if !trial.reversible {
        return Err(Error::usage("speculative work must be such that it can be taken back")
            .hint("say so with --reversible; what it changes is thrown away on a no"));
    }
    if spec.external.is_some() {
        return Err(Error::usage("work elsewhere cannot be taken back from here").hint("leave out --speculative"));
    }
    if spec.service {
        return Err(
            Error::usage("a service never ends well, so there is nothing to accept").hint("leave out one of the two")
        );
    }
    Ok(())
}

fn no_way_back(spec: &Spec, message: &str) -> Error {
    let how = if spec.cleanup.is_some() {
        "the hash of git's tree tells whether --cleanup took back everything"
    } else {
        "a scratch worktree needs one, and there is no --cleanup either"
    };
    Error::usage(format!("--speculative: {message}; {how}")).hint("in a git repository, or without --speculative")
}

fn check_tree(tree: &Worktree, is_in_scratch: bool) -> Result<()> {
    let refused = |what: &str| Error::usage(format!("--speculative: {what}"));
    if tree.has_submodules()? {
        return Err(refused("the repository has submodules, and their files are not part of its tree"));
    }
    if is_in_scratch && !tree.has_commit()? {
        return Err(refused("a scratch worktree needs a commit, and there is none yet")
            .hint("commit once, or give --cleanup CMD and run in place"));
    }
    if is_in_scratch && tree.is_sparse()? {
        return Err(refused("the checkout is sparse, and a scratch worktree would not be")
            .hint("give --cleanup CMD, and it runs in place"));
    }
    Ok(())
}

/// The worktree around a directory.
pub(super) fn around(workspace: &Workspace, dir: &Path) -> Result<Worktree> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let store = workspace.store.absolute_dir();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = store.join(format!("{TEMPORARY_PREFIX}{}-tree{number}", std::process::id()));
    Worktree::around(dir, &store, &temporary)
}

/// The worktree that a job was made from.
pub(super) fn original(workspace: &Workspace, made: &Speculative) -> Result<Worktree> {
    let tree = around(workspace, &made.root).ok().filter(|tree| tree.root() == made.root);
    tree.ok_or_else(|| {
        Error::new(Kind::NotFound, format!("the worktree {} is not there any more", made.root.display()))
    })
}

/// The declared results, relative to the top: they count though git ignores them.
pub(super) fn declared(root: &Path, cwd: &Path, spec: &Spec) -> Vec<PathBuf> {
    let inside = |path: &PathBuf| Some(plain(&cwd.join(path)).strip_prefix(root).ok()?.to_owned());
    spec.results.iter().filter_map(inside).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
        plain
    })
}

/// A directory of its own for a copy.
fn reserve(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.store.absolute_dir().join(SCRATCH_FOLDER);
    let fail = |error| Error::io(format!("cannot make a scratch worktree in {}", folder.display()), error);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(fail)?;
    let folder = std::fs::canonicalize(&folder).map_err(fail)?;
    let pid = std::process::id();
    for number in 0..u32::MAX {
        let path = folder.join(format!("try-{pid}-{number}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(fail(error)),
        }
    }
    Err(fail(io::Error::other("every name is taken")))
}

fn move_into(tree: &Worktree, scratch: &Path, cwd: &Path, (spec, made): (&mut Spec, &Speculative)) -> Result<()> {
    tree.copy_to(scratch, &made.tree)?;
    let inside = cwd.strip_prefix(tree.root()).unwrap_or(Path::new(""));
    spec.cwd = scratch.join(inside);
    // A directory without files is none for git.
    std::fs::create_dir_all(&spec.cwd).map_err(|error| Error::io("cannot fill the scratch worktree", error))?;
    for result in spec.results.iter_mut().filter(|result| result.is_absolute()) {
        if let Ok(inside) = result.strip_prefix(tree.root()) {
            *result = scratch.join(inside);
        }
    }
    Ok(())
}

/// Removes the copy, however much of it is there.
pub(super) fn remove_scratch(speculative: &Speculative) -> Result<()> {
    match &speculative.scratch {
        Some(scratch) => worktree::remove_copy(scratch, Some(&speculative.common_dir)),
        None => Ok(()),
    }
}

/// The registers that say what was decided.
fn decided(decision: Decision) -> Registers {
    let tag = if decision == Decision::Undecided { json!(true) } else { Value::Null };
    Registers::from([(field::SPECULATIVE.to_owned(), json!(decision.name())), (field::tag(UNDECIDED_TAG), tag)])
}

/// Writes down what was decided about a job.
///
/// # Errors
/// As [`check_undecided`].
pub(super) fn decide(writer: &mut Writer, job: Uid, decision: Decision) -> Result<Record> {
    if let Some(record) = writer.record(job)? {
        check_undecided(&record)?;
    }
    let record = writer.put(job, decided(decision))?;
    writer.because(format!("{} {}: {}", decision.name(), record.id(), record.title()));
    Ok(record)
}

/// Whether a job is still to be decided about.
///
/// # Errors
/// `Usage` if it is not speculative; `Conflict` if it was decided before.
pub(super) fn check_undecided(job: &Record) -> Result<()> {
    let id = job.id();
    match decision(job) {
        None => Err(Error::usage(format!("{id} is not speculative: what it did is done"))),
        Some(Decision::Accepted) => Err(Error::conflict(format!("{id} was accepted before"))),
        Some(Decision::Dropped) => {
            Err(Error::conflict(format!("{id} was dropped: nothing of it is left"))
                .hint(format!("state run --again {id}")))
        }
        Some(Decision::Undecided) => Ok(()),
    }
}

/// What was decided about a job; `None` if it is not speculative.
#[must_use]
pub fn decision(job: &Record) -> Option<Decision> {
    let all = [Decision::Undecided, Decision::Accepted, Decision::Dropped];
    let word = job.text(field::SPECULATIVE)?;
    all.into_iter().find(|decision| decision.name() == word)
}

/// The speculative jobs of this machine that have ended and wait for a yes or no, newest first, at most `limit`.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn undecided(view: &View, limit: usize) -> Result<Vec<Record>> {
    let mut jobs = super::first_of_here(view, &terms::tag_term(UNDECIDED_TAG), limit)?;
    jobs.retain(|job| job.kind() == kind::JOB && remark(view, job).is_some());
    Ok(jobs)
}

/// What is to be said of an ended job that waits for a yes or no.
pub(super) fn remark(view: &View, job: &Record) -> Option<String> {
    if job.is_live() || decision(job) != Some(Decision::Undecided) || !super::settle::is_of_here(view, job) {
        return None;
    }
    let id = job.id();
    Some(if job.status() == "ok" {
        format!("ended ok: state accept {id}, or state drop {id}")
    } else {
        format!("ended {}: state drop {id} takes back what it did", text::clean_line(job.status()))
    })
}
