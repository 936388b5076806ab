//! Mending: what is derived is made anew, own leftovers go, modes are put right. The log stays as it is.

use super::{Progress, Remedy};
use crate::error::{Error, Result};
use crate::ops::{Workspace, search};
use crate::process::worktree::remove_copy;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Applies remedies; returns what was mended and what could not be, a line each.
pub(super) fn apply(
    workspace: &Workspace,
    remedies: Vec<Remedy>,
    progress: Progress<'_>,
) -> (Vec<String>, Vec<String>) {
    let (mut fixed, mut left) = (Vec::new(), Vec::new());
    for remedy in remedies {
        let what = describe(&remedy);
        match mend(workspace, remedy, progress) {
            Ok(()) => fixed.push(what),
            Err(error) => left.push(format!("not {what}: {error}")),
        }
    }
    (fixed, left)
}

fn describe(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Refold => "views folded from the log again".to_owned(),
        Remedy::Reindex => "index built from the records again".to_owned(),
        Remedy::Remove(path) | Remedy::RemoveCopy(path, _) => format!("removed {}", path.display()),
        Remedy::Chmod(path, mode) => format!("set {} to {mode:03o}", path.display()),
        Remedy::Discard(names, _) => format!("removed {} blobs that no event names", names.len()),
    }
}

fn mend(workspace: &Workspace, remedy: Remedy, progress: Progress<'_>) -> Result<()> {
    match remedy {
        Remedy::Refold => {
            workspace.store.rewrite(&mut |_, event| Ok(Some(event)), &|done, total| progress("views", done, total))
        }
        Remedy::Reindex => search::reindex(workspace, &|done, total| progress("index", done, total)),
        Remedy::Remove(path) => {
            remove(&path).map_err(|error| Error::io(format!("cannot remove {}", path.display()), error))
        }
        Remedy::RemoveCopy(path, common) => remove_copy(&path, common.as_deref()),
        Remedy::Chmod(path, mode) => fs::set_permissions(&path, Permissions::from_mode(mode))
            .map_err(|error| Error::io(format!("cannot change {}", path.display()), error)),
        Remedy::Discard(names, from) => workspace.store.discard_blobs(names, from).map(|_| ()),
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}
