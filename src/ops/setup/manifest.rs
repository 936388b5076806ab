//! What was installed where, and what was there before: kept outside of every repository, so that it can be taken back.

use super::leftover;
use super::plan::resolved;
use crate::domain::digest::sha256_hex;
use crate::error::{Error, Kind, Result};
use crate::store::files;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

const FILE: &str = "manifest.json";
const BACKUPS: &str = "backups";
const VERSION: u32 = 1;

/// All that `setup` knows of earlier runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The version of this form.
    version: u32,
    /// Paths under which the program was installed.
    #[serde(default)]
    pub(super) programs: Vec<String>,
    /// Folders that were made for the manifest.
    #[serde(default)]
    pub(super) dirs: Vec<PathBuf>,
    /// The files in which something of ours is.
    #[serde(default)]
    pub(super) files: Vec<Entry>,
}

/// A file in which something of ours is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Where it is, links followed.
    pub(super) path: PathBuf,
    /// The hosts for which it was written, with the repository if it was for one: `codex in /home/me/pay`.
    pub(super) users: Vec<String>,
    /// The digest of what it held without ours, which is among the backups; absent if it did not exist.
    pub(super) before: Option<String>,
    /// Folders that were made for it, outermost first.
    #[serde(default)]
    pub(super) dirs: Vec<PathBuf>,
    /// The digest of what we left.
    pub(super) left: String,
}

impl Manifest {
    /// Reads the manifest; there need not be one.
    pub(super) fn load(kept: &Path) -> Result<Self> {
        let path = kept.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), error)),
        };
        let mut manifest: Self = serde_json::from_str(&text).map_err(|error| damaged(&path).because(error))?;
        if manifest.version > VERSION {
            return Err(Error::new(Kind::Refused, format!("{} was written by a newer state", path.display()))
                .hint("run setup with the newer one"));
        }
        for entry in &mut manifest.files {
            // What was a file or a folder can be a link by now.
            entry.path = resolved(&entry.path);
        }
        Ok(manifest)
    }

    /// What is known of a file.
    pub(super) fn entry(&self, path: &Path) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.path == path)
    }

    /// Puts an entry in the place of the one for the same file.
    pub(super) fn put(&mut self, entry: Entry) {
        self.forget(&entry.path);
        self.files.push(entry);
    }

    /// Removes what is known of a file.
    pub(super) fn forget(&mut self, path: &Path) {
        self.files.retain(|entry| entry.path != path);
    }

    /// Writes the manifest; one without files goes.
    pub(super) fn save(&mut self, kept: &Path) -> Result<()> {
        if self.files.is_empty() {
            return match std::fs::remove_file(kept.join(FILE)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::io(format!("cannot remove {}", kept.join(FILE).display()), error))
                }
                _ => Ok(()),
            };
        }
        self.version = VERSION;
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::usage("the list of what is installed cannot be written").because(error))?;
        write(&kept.join(FILE), text.as_bytes())
    }
}

/// Whether there is a manifest.
pub(super) fn is_there(kept: &Path) -> bool {
    kept.join(FILE).exists()
}

/// The folder of the backups.
pub(super) fn backups(kept: &Path) -> PathBuf {
    kept.join(BACKUPS)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    files::write_atomic_as(leftover::PREFIX, path, |file| {
        file.write_all(bytes).map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
    })
}

/// The folders at and above `path` that do not exist, outermost first.
pub(super) fn missing_dirs(path: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> = path.ancestors().take_while(|dir| !dir.exists()).map(Path::to_owned).collect();
    missing.reverse();
    missing
}

/// Removes folders, the last one first, up to one that is not empty.
pub(super) fn remove_empty<'a>(dirs: impl DoubleEndedIterator<Item = &'a PathBuf>) {
    for dir in dirs.rev() {
        // One that holds something else stays.
        let _ = std::fs::remove_dir(dir);
    }
}

/// Keeps a content under its digest, and returns that.
pub(super) fn back_up(kept: &Path, bytes: &[u8]) -> Result<String> {
    let digest = sha256_hex(bytes);
    let path = backup_path(kept, &digest);
    if !path.exists() {
        write(&path, bytes)?;
    }
    Ok(digest)
}

/// Where a content is kept.
pub(super) fn backup_path(kept: &Path, digest: &str) -> PathBuf {
    backups(kept).join(digest)
}

/// A content that is kept, if it is what its name says.
pub(super) fn backup(kept: &Path, digest: &str) -> Option<Vec<u8>> {
    std::fs::read(backup_path(kept, digest)).ok().filter(|bytes| sha256_hex(bytes) == digest)
}

fn damaged(path: &Path) -> Error {
    Error::new(Kind::Conflict, format!("{} cannot be read", path.display()))
        .hint("move it elsewhere; setup then goes by what stands in the files of the hosts")
}
