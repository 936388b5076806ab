//! Small JSON files that are replaced whole.

use crate::error::{Error, Kind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// More is no file of ours.
const JSON_BYTES_MAX: u64 = 16 << 20;

/// Whether a file must survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Synced with its name before the call returns.
    Synced,
    /// Whole or old after a crash of the process; after a power cut it may be old.
    Whole,
}

/// Replaces the file at `path`, readable by the user alone.
pub(super) fn write_json(path: &Path, value: &impl Serialize, durability: Durability) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = serde_json::to_vec(value).map_err(io::Error::other)?;
    bytes.push(b'\n');
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!(".tmp-{}-{number}", std::process::id()));
    let written = write_synced(&temporary, &bytes, durability).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    if durability == Durability::Synced { sync_dir(path.parent().unwrap_or(Path::new("."))) } else { Ok(()) }
}

/// Writes a file of a directory that nobody knows of yet, so that no rename is needed. Its content is durable when it
/// returns, and so is its name on the file systems that there are: they keep the names of a new file that is synced.
pub(super) fn write_first_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(value).map_err(io::Error::other)?;
    bytes.push(b'\n');
    write_synced(path, &bytes, Durability::Synced)
}

fn write_synced(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    // A file of that name was left by a killed process that had our pid.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    if durability == Durability::Synced { file.sync_all() } else { Ok(()) }
}

/// Makes names created in `dir` durable, as far as the file system can.
fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// The value in the file at `path`; `None` if there is no such file.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, JSON_BYTES_MAX), &mut bytes).map_err(cannot)?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Error::new(Kind::Corrupt, format!("cannot understand {}", path.display())).because(error))
}

/// Whether a file is not there, nor perhaps its directory.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
