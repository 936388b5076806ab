//! What of a record that is erased stands in files: the output of a job, the copy of a result, what a rule runs.

use super::{dir, told};
use crate::domain::record::Record;
use crate::domain::{field, kind};
use crate::error::{Error, Result};
use crate::ops::{Workspace, rule};

/// Whether the files of a record can go.
///
/// # Errors
/// `Conflict` for a job that has not ended: it would write on.
pub(in crate::ops) fn check(record: &Record) -> Result<()> {
    if record.kind() == kind::JOB && record.is_live() {
        return Err(Error::conflict(format!("{} has not ended", record.id()))
            .hint(format!("state wait {0}, or state drop {0}", record.id())));
    }
    Ok(())
}

/// Removes the files, and what this machine knows of the record besides.
///
/// # Errors
/// `Refused` if they cannot be removed; as the store says.
pub(in crate::ops) fn remove(workspace: &Workspace, record: &Record) -> Result<()> {
    match record.kind() {
        kind::JOB => {
            dir(workspace, record.id()).remove()?;
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
