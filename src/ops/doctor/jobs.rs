//! Jobs: whether directories and records go together, whether somebody looks after what runs, what crashes left.

use super::disk::{entries, is_abandoned, name, some};
use super::{Check, FIX, Findings, Remedy, State};
use crate::domain::job::Decision;
use crate::domain::record::Record;
use crate::domain::{kind, terms};
use crate::error::{Kind, Result};
use crate::ops::Workspace;
use crate::ops::job::{self, SCRATCH_FOLDER, speculative};
use crate::process::git::Repository;
use crate::process::job::{JobDir, REMOVED_PREFIX, Standing};
use crate::process::worktree::copies_below;
use crate::store::View;
use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What was found about the directories.
#[derive(Default)]
struct Found {
    /// How many belong to records.
    known: usize,
    /// Left by a crash; nothing was done in them.
    left: Vec<PathBuf>,
    /// With a past, but without a record.
    strange: Vec<String>,
    /// Nobody looks after these jobs.
    unattended: Vec<String>,
    /// The files of these jobs are not what was written.
    damaged: Vec<String>,
    /// Others than the owner can look into these.
    open: Vec<PathBuf>,
    /// Open records of this store without a directory.
    gone: Vec<String>,
    /// The copies that undecided jobs need, and those of them that are gone.
    needed: BTreeSet<PathBuf>,
    lacking: Vec<String>,
}

pub(super) fn examine(workspace: &Workspace, findings: &mut Findings) {
    let mut found = Found::default();
    let dirs = entries(&workspace.store.dir().join("jobs"));
    let looked = workspace.read(|view| {
        dirs.iter().try_for_each(|path| found.take(view, workspace, path))?;
        found.take_open(view, workspace)
    });
    match looked {
        Ok(()) => {
            found.tell(findings);
            scratch(workspace, &found, findings);
        }
        // Which the check of the lock has told.
        Err(error) if error.kind == Kind::Busy => {}
        Err(error) => findings.tell(Check::new("jobs", State::Warning, format!("cannot be looked at: {error}"))),
    }
}

impl Found {
    fn take(&mut self, view: &View, workspace: &Workspace, path: &Path) -> Result<()> {
        let id = name(path);
        if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.mode() & 0o077 != 0) {
            self.open.push(path.to_owned());
        }
        if id.starts_with(REMOVED_PREFIX) {
            self.left.push(path.to_owned());
        } else if id.starts_with("j-") {
            match job::owner(view, workspace, &id)? {
                Some(job) => self.known(view, workspace, &job),
                None => self.unknown(workspace, path),
            }
        }
        Ok(())
    }

    fn known(&mut self, view: &View, workspace: &Workspace, job: &Record) {
        self.known += 1;
        let dir = job::dir(workspace, job::name(job));
        if job.is_live() && matches!(dir.standing(), Ok(Standing::Lost(_) | Standing::Unarmed(_))) {
            self.unattended.push(job.id().to_owned());
        }
        if dir.spec().is_err() || dir.status().is_err() || dir.exit().is_err() {
            self.damaged.push(job.id().to_owned());
        }
        let is_undecided = job.is_visible() && speculative::decision(job) == Some(Decision::Undecided);
        if !job::is_of_here(view, job) || !is_undecided && !dir.is_alive().unwrap_or(true) {
            return;
        }
        let scratch = dir.spec().ok().flatten().and_then(|spec| spec.speculative).and_then(|made| made.scratch);
        if let Some(scratch) = scratch {
            if !scratch.is_dir() {
                self.lacking.push(job.id().to_owned());
            }
            self.needed.insert(scratch);
        }
    }

    /// A job that is just being made has a directory before it has a record.
    fn unknown(&mut self, workspace: &Workspace, path: &Path) {
        let dir = JobDir::new(path);
        match dir.standing() {
            Ok(Standing::Unarmed(_)) if is_abandoned(path, None, workspace.now()) => self.left.push(path.to_owned()),
            Ok(Standing::Unarmed(_) | Standing::Gone) => {}
            _ => self.strange.push(name(path)),
        }
    }

    fn take_open(&mut self, view: &View, workspace: &Workspace) -> Result<()> {
        for status in job::OPEN {
            view.each(&terms::status_term(kind::JOB, status), |job| {
                if job::is_of_here(view, &job) && !job::dir(workspace, job::name(&job)).path().is_dir() {
                    self.gone.push(job.id().to_owned());
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }

    fn tell(&self, findings: &mut Findings) {
        let before = findings.checks.len();
        let mut warn = |text: String, fix: &str| findings.tell(Check::new("jobs", State::Warning, text).fix(fix));
        if !self.strange.is_empty() {
            warn(format!("no record knows of {}", some(&self.strange)), "look at them; nothing here removes them");
        }
        if !self.unattended.is_empty() {
            warn(format!("nobody looks after {}", some(&self.unattended)), "state list jobs says what became of them");
        }
        if !self.damaged.is_empty() {
            warn(
                format!("files cannot be read of {}", some(&self.damaged)),
                "state show ID has what the ledger knows, and where they are",
            );
        }
        if !self.gone.is_empty() {
            warn(format!("the directory is gone of {}", some(&self.gone)), "state list jobs says that they are lost");
        }
        if !self.left.is_empty() {
            let names: Vec<String> = self.left.iter().map(|path| name(path)).collect();
            warn(format!("left by processes that were killed: {}", some(&names)), FIX);
        }
        findings.remedies.extend(self.left.iter().cloned().map(Remedy::Remove));
        if !self.open.is_empty() {
            let names: Vec<String> = self.open.iter().map(|path| name(path)).collect();
            let text = format!("others than the owner can look into {}", some(&names));
            findings.tell(Check::new("jobs", State::Wrong, text).fix(FIX));
        }
        findings.remedies.extend(self.open.iter().map(|path| Remedy::Chmod(path.clone(), 0o700)));
        if findings.checks.len() == before {
            let what = if self.known == 1 { "directory" } else { "directories" };
            findings.ok("jobs", format!("{} {what}, none without a record", self.known));
        }
    }
}

/// Copies of the tree in which speculative jobs ran that are not there any more.
fn scratch(workspace: &Workspace, found: &Found, findings: &mut Findings) {
    let folder = workspace.store.dir().join(SCRATCH_FOLDER);
    let folder = fs::canonicalize(&folder).unwrap_or(folder);
    let common = workspace.place.git_common.clone();
    let kept_by_git = common.iter().flat_map(|common| copies_below(common, &folder));
    let all: BTreeSet<PathBuf> = entries(&folder).into_iter().chain(kept_by_git).collect();
    let left = all.into_iter().filter(|path| !found.needed.contains(path) && is_left(path, workspace));
    let left: Vec<PathBuf> = left.collect();
    if !found.lacking.is_empty() {
        let text = format!("the tree that it made is gone of {}", some(&found.lacking));
        findings.tell(Check::new("scratch", State::Warning, text).fix("state run --again ID, or state drop ID"));
    }
    if left.is_empty() {
        if found.lacking.is_empty() {
            findings.ok("scratch", format!("{} copies of the tree, each of a job", found.needed.len()));
        }
        return;
    }
    let names: Vec<String> = left.iter().map(|path| name(path)).collect();
    let text = format!("of no job that waits for a yes or no: {}", some(&names));
    findings.tell(Check::new("scratch", State::Warning, text).fix(FIX));
    for path in left {
        let own = Repository::around(&path).filter(|found| found.worktree_root.as_ref() == Some(&path));
        let common = own.map(|found| found.common_dir).or_else(|| common.clone());
        findings.remedies.push(Remedy::RemoveCopy(path, common));
    }
}

/// Whether nobody is just making it: its name tells who did.
fn is_left(path: &Path, workspace: &Workspace) -> bool {
    let pid = name(path).split('-').nth(1).and_then(|pid| pid.parse().ok());
    !path.exists() || is_abandoned(path, pid, workspace.now())
}
