//! A store is made from a backup: checked whole before anything is changed, compared with it afterwards.

use super::lines::{Lines, damaged};
use super::merge;
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::ops::export::{Progress, backup};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The report of `import --restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// Where the store is.
    pub store: PathBuf,
    /// The identity of the project, as in the backup.
    pub workspace: String,
    /// How many events it has.
    pub events: u64,
}

/// Makes the store of `workspace`, which must not exist or be empty, from a backup. `progress` is told how many of how
/// many bytes are in.
///
/// # Errors
/// `Corrupt` for a damaged backup, `Conflict` if the store has events: nothing is changed then.
pub fn restore(workspace: &Workspace, path: &Path, progress: Progress<'_>) -> Result<RestoreReport> {
    let lines = backup_at(path)?;
    let (header, trailer) = (lines.header.clone(), lines.check(progress)?);
    if workspace.store.exists() {
        let events = workspace.read(|view| Ok(view.next_position() - 1))?;
        refuse_filled(workspace, path, events)?;
    } else {
        workspace.store.init()?;
    }
    let report = merge::take(workspace, backup_at(path)?, path, progress)?;
    if backup::digest(workspace)? != trailer.sha256 {
        return Err(Error::new(
            Kind::Corrupt,
            format!("the restored store in {} is not what the backup says", workspace.store.dir().display()),
        )
        .hint("somebody may have written to it meanwhile: restore into another directory with --store DIR"));
    }
    Ok(RestoreReport { store: workspace.store.dir().to_owned(), workspace: header.workspace, events: report.new })
}

fn backup_at(path: &Path) -> Result<Lines> {
    match Lines::open(path)? {
        Some(lines) if lines.is_backup => Ok(lines),
        Some(_) => Err(Error::usage(format!("{} is an export, not a backup", path.display()))
            .hint(format!("state import {}", path.display()))),
        None if path.is_file() => Err(damaged(path, "it does not begin like one")),
        None => Err(Error::usage(format!("{} is not a file", path.display()))),
    }
}

fn refuse_filled(workspace: &Workspace, path: &Path, events: u64) -> Result<()> {
    if events == 0 {
        return Ok(());
    }
    let (store, path) = (workspace.store.dir().display(), path.display());
    Err(Error::conflict(format!("the store in {store} has {events} events of its own")).hint(format!(
        "restore beside it: state import --restore {path} --store DIR; or merge what it lacks: state import {path}"
    )))
}
