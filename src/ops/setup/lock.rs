//! One run of `setup` at a time: what it read is what it changes, and what it notes down is all that there is.
//!
//! The lock is a file beside the manifest. It goes with the manifest, and so do the folders that were made for both; who waited
//! for a lock that is gone takes the next one.

use super::manifest::{self, remove_empty};
use crate::error::{Error, Kind, Result};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

const FILE: &str = "lock";
/// A run takes milliseconds.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How often the lock may be gone when it is had at last.
const TRIES_MAX: usize = 100;

/// The lock, held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    kept: PathBuf,
    /// Folders that were made for the manifest, outermost first.
    pub(super) dirs: Vec<PathBuf>,
    /// Holds the lock until it is closed.
    _file: File,
}

impl Lock {
    /// Waits for the lock beside the manifest in `kept`.
    ///
    /// # Errors
    /// `Busy` if another run does not end, `Refused` if the folder cannot be written.
    pub(super) fn take(kept: &Path) -> Result<Self> {
        let fail = |error| Error::io(format!("cannot lock {}", kept.display()), error);
        let (path, mut dirs) = (kept.join(FILE), Vec::new());
        for _ in 0..TRIES_MAX {
            dirs.extend(manifest::missing_dirs(kept));
            let file = match open(&path) {
                // Another run has just taken the folder away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => wait(opened.map_err(fail)?).map_err(fail)?.ok_or_else(busy)?,
            };
            if is_at(&file, &path) {
                let mut lock = Self { kept: kept.to_owned(), dirs: Vec::new(), _file: file };
                lock.adopt(&dirs);
                return Ok(lock);
            }
        }
        Err(busy())
    }

    /// Adds folders that go with the manifest.
    pub(super) fn adopt(&mut self, dirs: &[PathBuf]) {
        self.dirs.extend_from_slice(dirs);
        self.dirs.sort();
        self.dirs.dedup();
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if manifest::is_there(&self.kept) {
            return;
        }
        // What cannot be removed harms nobody; backups of what was edited by hand stay, and with them the folders.
        let _ = std::fs::remove_file(self.kept.join(FILE));
        remove_empty([self.kept.clone(), manifest::backups(&self.kept)].iter());
        remove_empty(self.dirs.iter());
    }
}

fn open(path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(Path::new("/")))?;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The file when it is locked; `None` if it does not come to that.
fn wait(file: File) -> io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => return Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (send, receive) = mpsc::channel();
    // Nobody listens any more if it took too long.
    std::thread::spawn(move || drop(send.send(file.lock().map(|()| file))));
    receive.recv_timeout(WAIT_MAX).ok().transpose()
}

/// Whether the file is still the one with this name.
fn is_at(file: &File, path: &Path) -> bool {
    let name = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().ok().map(name) == path.metadata().ok().map(name)
}

fn busy() -> Error {
    Error::new(Kind::Busy, "another setup is at work").hint("nothing was changed: run the same command again")
}
