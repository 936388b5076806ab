//! The files that a success leaves: there, and hashed while they are what the job made.

use super::dir::JobDir;
use crate::domain::digest::RunningDigest;
use crate::domain::job::{ResultFile, Spec};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Larger results are hashed where they are, and not kept.
const KEPT_BYTES_MAX: u64 = 256 << 20;

/// Hash (64 hex digits) and length of a file; of a directory those of the list of all files in it, with their hashes.
/// Symbolic links within a directory are taken by what they say, not followed.
///
/// # Errors
/// What the system says.
pub fn hash_file(path: &Path) -> io::Result<(String, u64)> {
    let mut digest = RunningDigest::default();
    let bytes = if fs::metadata(path)?.is_dir() { take_dir(path, &mut digest)? } else { take_file(path, &mut digest)? };
    Ok((digest.hex(), bytes))
}

fn take_file(path: &Path, digest: &mut RunningDigest) -> io::Result<u64> {
    // Asked first: whoever opens a FIFO waits until somebody writes.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut file = File::open(path)?;
    let (mut buffer, mut bytes) = (vec![0; 64 << 10], 0);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(count) => {
                digest.update(&buffer[..count]);
                bytes += u64::try_from(count).unwrap_or(0);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn take_dir(path: &Path, digest: &mut RunningDigest) -> io::Result<u64> {
    use std::os::unix::ffi::OsStrExt;
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut total = 0;
    for entry in entries {
        let (hash, bytes) = if entry.file_type()?.is_symlink() {
            (crate::domain::digest::sha256_hex(fs::read_link(entry.path())?.as_os_str().as_bytes()), 0)
        } else {
            hash_file(&entry.path())?
        };
        digest.update(entry.file_name().as_bytes());
        digest.update(b"\0");
        digest.update(hash.as_bytes());
        digest.update(b"\n");
        total += bytes;
    }
    Ok(total)
}

/// The declared results, hashed while they are what the job made, each with a copy in the job's directory; the first that
/// is not there as a reason.
pub(super) fn collect(dir: &JobDir, spec: &Spec) -> Result<Vec<ResultFile>, String> {
    let collect = |(number, path): (usize, &PathBuf)| {
        let kept = keep(dir, number, &spec.cwd.join(path));
        // What is hashed is what is kept: the file may change meanwhile.
        let hashed = hash_file(&kept.as_ref().map_or_else(|| spec.cwd.join(path), |kept| dir.path().join(kept)));
        match hashed {
            Ok((sha256, bytes)) => Ok(ResultFile { path: path.clone(), sha256, bytes, kept }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("result {} is missing", path.display()))
            }
            Err(error) => Err(format!("result {} cannot be read: {error}", path.display())),
        }
    };
    spec.results.iter().enumerate().map(collect).collect()
}

/// Copies a result; `None` if it is no file, too large, or the disk has no room: then its hash is all that is known.
fn keep(dir: &JobDir, number: usize, path: &Path) -> Option<PathBuf> {
    let metadata = fs::metadata(path).ok().filter(|metadata| metadata.is_file() && metadata.len() <= KEPT_BYTES_MAX)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned())?;
    let kept = Path::new("results").join(format!("{number}-{}", name.chars().take(100).collect::<String>()));
    let copy = dir.path().join(&kept);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir.results_path());
    let copied = made.and_then(|()| fs::copy(path, &copy)).and_then(|bytes| {
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))?;
        File::open(&copy)?.sync_all().map(|()| bytes)
    });
    if copied.as_ref().is_ok_and(|bytes| *bytes <= KEPT_BYTES_MAX.max(metadata.len())) {
        return Some(kept);
    }
    // Half a copy is none.
    let _ = fs::remove_file(&copy);
    None
}
