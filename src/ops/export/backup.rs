//! A backup: everything in one compressed file that is known to be whole by its last line.

use super::format::Trailer;
use super::lines;
use super::{ExportInput, ExportReport, Progress, Workspace};
use crate::domain::digest::RunningDigest;
use crate::error::{Error, Result};
use crate::store::files;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The level of zstd at which compressing is not slower than reading the log.
const LEVEL: i32 = 3;

/// Writes a backup to a file, which appears when it is whole and durable. Others may write meanwhile: it holds the log up
/// to where it was at the beginning.
///
/// # Errors
/// As [`super::export`].
pub fn backup(workspace: &Workspace, path: &Path, progress: Progress<'_>) -> Result<ExportReport> {
    let report = files::write_atomic_with(path, |file| {
        let cannot = |error| Error::io(format!("cannot write {}", path.display()), error);
        let packed = zstd::Encoder::new(file, LEVEL).map_err(cannot)?;
        let mut out = Digesting { inner: packed, digest: RunningDigest::default() };
        let input = ExportInput { since: 0, private: true };
        let report = lines::write(workspace, input, &mut out, progress).map_err(|failure| failure.about(path))?;
        let bytes = end(out, report.events).map_err(cannot)?;
        Ok(ExportReport { bytes, ..report })
    })?;
    Ok(ExportReport { file: Some(path.to_owned()), ..report })
}

/// Writes the last line and returns the size of the file.
fn end(out: Digesting<zstd::Encoder<'_, &mut File>>, events: u64) -> io::Result<u64> {
    let mut packed = out.inner;
    serde_json::to_writer(&mut packed, &Trailer::of(events, out.digest.hex()))?;
    packed.write_all(b"\n")?;
    Ok(packed.finish()?.metadata()?.len())
}

/// The digest of an export of everything in the store, as a backup of it would have it.
///
/// # Errors
/// As [`super::export`].
pub fn digest(workspace: &Workspace) -> Result<String> {
    let mut out = Digesting { inner: io::sink(), digest: RunningDigest::default() };
    super::export(workspace, ExportInput { since: 0, private: true }, &mut out, &|_, _| {})?;
    Ok(out.digest.hex())
}

/// Passes on what is written, and takes its digest.
struct Digesting<W> {
    inner: W,
    digest: RunningDigest,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.digest.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
