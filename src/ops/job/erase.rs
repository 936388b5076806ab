//! What of a record that is erased stands in files: the output of a job, the copy of a result, what a rule runs.

use super::{dir_of, speculative, told};
use crate::domain::job::Decision;
use crate::domain::record::Record;
use crate::domain::{field, kind};
use crate::error::{Error, Kind, Result};
use crate::ops::{Workspace, rule};

/// Whether the files of a record can go.
///
/// # Errors
/// `Conflict` for a job that has not ended, which would write on, or that nobody has decided about: what it did would stay.
pub(in crate::ops) fn check(record: &Record) -> Result<()> {
    let id = record.id();
    if record.kind() != kind::JOB {
        return Ok(());
    }
    if record.is_live() {
        return Err(Error::conflict(format!("{id} has not ended")).hint(format!("state wait {id}, or state drop {id}")));
    }
    if speculative::decision(record) == Some(Decision::Undecided) {
        return Err(Error::conflict(format!("{id} is speculative, and nobody has decided about it"))
            .hint(format!("state accept {id}, or state drop {id}")));
    }
    Ok(())
}

/// Removes the files, and what this machine knows of the record besides.
///
/// # Errors
/// `Busy` if somebody looks after the job after all; `Refused` if they cannot be removed; as the store says.
pub(in crate::ops) fn remove(workspace: &Workspace, record: &Record) -> Result<()> {
    match record.kind() {
        kind::JOB => {
            if !workspace.read(|view| Ok(dir_of(view, workspace, record)))?.erase()? {
                return Err(Error::new(Kind::Busy, format!("{} is being written", record.id()))
                    .hint("run the same command again"));
            }
            told::forget_job(workspace, record.uid)?;
        }
        kind::ARTIFACT => remove_copy(workspace, record)?,
        kind::RULE => rule::forget(workspace, record.uid)?,
        _ => {}
    }
    Ok(())
}

/// A copy lies in the directory of the job that the artifact is a result of. One from elsewhere may name anything.
fn remove_copy(workspace: &Workspace, artifact: &Record) -> Result<()> {
    let kept: Vec<&str> = artifact.text(field::KEPT).unwrap_or_default().split('/').collect();
    let ["jobs", _, "results", file] = kept.as_slice() else { return Ok(()) };
    if file.starts_with('.') {
        return Ok(());
    }
    let dirs = workspace.read(|view| {
        let makers = artifact.linked(field::link::RESULT_OF).map(|uid| view.record(uid)).collect::<Result<Vec<_>>>()?;
        let makers = makers.into_iter().flatten().filter(|maker| maker.kind() == kind::JOB);
        Ok(makers.map(|job| dir_of(view, workspace, &job)).collect::<Vec<_>>())
    })?;
    for path in dirs.iter().map(|dir| dir.path().join("results").join(file)) {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(format!("cannot remove {}", path.display()), error));
            }
            _ => {}
        }
    }
    Ok(())
}
