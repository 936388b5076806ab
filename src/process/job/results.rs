//! The files that a success leaves: there, and hashed while they are what the job made.

use crate::domain::digest::RunningDigest;
use crate::domain::job::ResultFile;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

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

/// The declared results, each relative to `cwd`; the first that is not there as a reason.
pub(super) fn collect(cwd: &Path, declared: &[PathBuf]) -> Result<Vec<ResultFile>, String> {
    let collect = |path: &PathBuf| match hash_file(&cwd.join(path)) {
        Ok((sha256, bytes)) => Ok(ResultFile { path: path.clone(), sha256, bytes }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("result {} is missing", path.display())),
        Err(error) => Err(format!("result {} cannot be read: {error}", path.display())),
    };
    declared.iter().map(collect).collect()
}
