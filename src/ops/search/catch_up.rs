//! Keeping the index up to date: a detached child takes in what changed, or builds it anew.

use super::TAIL_MAX;
use super::hits::{SessionNames, believed, changed_since, coverage, document};
use crate::domain::id::Uid;
use crate::error::{Kind, Result};
use crate::index::{self, Change, Coverage};
use crate::ops::Workspace;
use crate::process::detach;
use crate::store::files;
use std::ffi::OsStr;
use std::path::Path;

/// Starts a detached catch-up if the index is missing, doubtful or far behind, which a search may have found out already
/// (`is_behind`). Failing to is no failure of the command.
pub fn keep_up(workspace: &Workspace, program: &Path, is_behind: bool) {
    if (is_behind || is_far_behind(workspace)) && files::is_writable(workspace.store.dir()) {
        detach::spawn(program, &[OsStr::new("catch-up"), OsStr::new("--store"), workspace.store.dir().as_os_str()]);
    }
}

fn is_far_behind(workspace: &Workspace) -> bool {
    let behind = workspace.read(|view| {
        let covered = believed(view, &workspace.index())?.map_or(0, |covered| covered.position);
        Ok(view.next_position() - covered)
    });
    behind.is_ok_and(|behind| behind > TAIL_MAX as u64)
}

/// Records that one step of a catch-up takes in: bounds its memory and the time that it holds the read lock.
const STEP: usize = 500;

/// Brings the index up to the end of the log; `progress` is told how many of how many records are in.
///
/// Only one at a time: who finds another at it leaves the work to that one. An index with a wrong checksum is built anew, so
/// that damage does not outlast the next catch-up. Returns whether anything was done.
///
/// # Errors
/// As the store or the index's disk says.
pub fn catch_up(workspace: &Workspace, progress: &dyn Fn(usize, usize)) -> Result<bool> {
    let index = workspace.index();
    let is_sound = index.verify().is_ok();
    let (base, target, changed) = workspace.read(|view| {
        let base = if is_sound { believed(view, &index)? } else { None };
        let target = coverage(view, view.next_position() - 1)?;
        let changed = changed_since(view, base.as_ref().map_or(0, |base| base.position))?;
        Ok((base, target, changed))
    })?;
    if target.position == 0 || base.as_ref() == Some(&target) {
        return Ok(false);
    }
    let uids: Vec<Uid> = changed.into_iter().collect();
    let chunks = || Chunks { workspace, uids: &uids, next: 0, ready: Vec::new().into_iter(), progress };
    let done = match base {
        Some(_) => index.update(&target, &mut chunks()),
        None => index.rebuild(&target, &mut chunks()),
    };
    match done {
        Err(error) if error.kind == Kind::Busy => Ok(false),
        Err(error) if index::is_unreadable(&error) => rebuild(workspace, &target, progress),
        other => other.map(|()| true),
    }
}

/// Builds the index anew from all records.
fn rebuild(workspace: &Workspace, target: &Coverage, progress: &dyn Fn(usize, usize)) -> Result<bool> {
    let uids: Vec<Uid> = workspace.read(|view| changed_since(view, 0))?.into_iter().collect();
    let mut chunks = Chunks { workspace, uids: &uids, next: 0, ready: Vec::new().into_iter(), progress };
    workspace.index().rebuild(target, &mut chunks).map(|()| true)
}

/// How often a rebuild waits for another process to finish with the index.
const WAITS_MAX: usize = 10;

/// Builds the index anew from all records, whatever state it is in, after whoever writes it now has finished.
///
/// # Errors
/// As the store or the index's disk says; `Busy` if others keep writing it.
pub fn reindex(workspace: &Workspace, progress: &dyn Fn(usize, usize)) -> Result<()> {
    let mut waits = 0;
    loop {
        let target = workspace.read(|view| coverage(view, view.next_position() - 1))?;
        match rebuild(workspace, &target, progress) {
            Err(error) if error.kind == Kind::Busy && waits < WAITS_MAX => workspace.index().wait_for_writer()?,
            done => return done.map(|_| ()),
        }
        waits += 1;
    }
}

/// The documents of changed records, read from the store a step at a time.
///
/// A record that changes between two steps is indexed newer than the position says; the next catch-up takes it again.
struct Chunks<'a> {
    workspace: &'a Workspace,
    uids: &'a [Uid],
    next: usize,
    ready: std::vec::IntoIter<Change>,
    progress: &'a dyn Fn(usize, usize),
}

impl Chunks<'_> {
    fn fill(&mut self) -> Result<()> {
        let step = &self.uids[self.next..(self.next + STEP).min(self.uids.len())];
        let changes = self.workspace.read(|view| {
            let mut names = SessionNames::new();
            let change = |uid: &Uid| Ok(Change { uid: *uid, document: document(view, *uid, &mut names)? });
            step.iter().map(change).collect::<Result<Vec<_>>>()
        })?;
        self.next += step.len();
        self.ready = changes.into_iter();
        (self.progress)(self.next, self.uids.len());
        Ok(())
    }
}

impl Iterator for Chunks<'_> {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.len() == 0
            && self.next < self.uids.len()
            && let Err(error) = self.fill()
        {
            return Some(Err(error));
        }
        self.ready.next().map(Ok)
    }
}
