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
        kind::ARTIFACT => {
            if let Some(kept) = record.text(field::KEPT) {
                remove_copy(workspace, kept)?;
            }
        }
        kind::RULE => rule::forget(workspace, record.uid)?,
        _ => {}
    }
    Ok(())
}

/// A copy lies in the directory of its job; a record from elsewhere may name anything.
fn remove_copy(workspace: &Workspace, kept: &str) -> Result<()> {
    let parts: Vec<&str> = kept.split('/').collect();
    let ["jobs", job, "results", name] = parts.as_slice() else { return Ok(()) };
    if [job, name].iter().any(|part| part.starts_with('.')) {
        return Ok(());
    }
    let path = workspace.store.dir().join("jobs").join(job).join("results").join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}
