//! `export`: the log as text, whole or since a position; as a backup; as a folder of Markdown.
//!
//! # The format, version 1
//!
//! JSON lines in UTF-8, each ended by one line feed. The first line says what this is:
//!
//! ```json
//! {"state":"export","version":1,"workspace":"019b3c2e5d7a7c0f8e1d2c3b4a596877"}
//! ```
//!
//! Every further line is one event, in the order of the log, as [`crate::domain::event::Event`] is written by serde:
//! `stamp` (`hlc`: milliseconds since 1970 in the upper 48 bits, a counter below; `replica`: 16 hex digits), `seq`, `at`
//! (milliseconds), `commit`, then `session`, `actor`, `why`, `undoes` where they are set, `touches`, `change`, and whatever
//! a newer version wrote. Records and sessions are 32 hex digits. A long body, which the store keeps in a file of its own,
//! stands here as the text that it is.
//!
//! Nothing in it depends on the store that wrote it (its replica, its clock, its positions), so that an import into an
//! empty store exports the same bytes again. A change of this format gets another version and an answer to both; fields
//! are only ever added to events. What a version does not know, it writes as it came, behind what it knows, in the order of
//! the names.
//!
//! A backup is such an export with everything private in it, compressed by zstd, and a last line by which it is known to
//! be whole: `{"state":"end","events":N,"sha256":"…"}`, the digest of all bytes before that line.
//!
//! # What stays here
//!
//! Events about records that are private now, unless they are asked for, and the reason of a transaction in which there is
//! such an event, because it names titles. How many is said.

pub mod backup;
mod folder;
pub mod format;
mod lines;
pub mod pages;

pub use folder::{FolderReport, export_to_folder};

use super::Workspace;
use crate::error::{Error, Result};
use crate::store::files;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What to export.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportInput {
    /// Only the events after this log position; 0 means all.
    pub since: u64,
    /// Private records too.
    pub private: bool,
}

/// The report of `export`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The file, unless the export went to standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// How many events are in it.
    pub events: u64,
    /// How many records are created by them.
    pub records: u64,
    /// How many events about private records were left out.
    pub withheld: u64,
    /// Its size.
    pub bytes: u64,
    /// The log position that it starts after.
    pub since: u64,
    /// The last log position that it covers: the `since` of the next one.
    pub position: u64,
}

/// Told how many of how many log positions are done.
pub type Progress<'a> = &'a dyn Fn(u64, u64);

/// Writes the log to `out`, which is buffered here; `None` if nobody reads it any more.
///
/// # Errors
/// `Usage` for a position that is not in the log; as the store says; `Refused` if `out` cannot be written.
pub fn export(
    workspace: &Workspace,
    input: ExportInput,
    out: &mut dyn Write,
    progress: Progress<'_>,
) -> Result<Option<ExportReport>> {
    match lines::write(workspace, input, out, progress) {
        Ok(report) => Ok(Some(report)),
        Err(lines::Failure::Store(error)) => Err(error),
        Err(lines::Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        Err(lines::Failure::Output(error)) => Err(Error::io("the export cannot be written", error)),
    }
}

/// Writes the log to a file, which appears when it is whole and durable.
///
/// # Errors
/// As [`export`].
pub fn export_to_file(
    workspace: &Workspace,
    input: ExportInput,
    path: &Path,
    progress: Progress<'_>,
) -> Result<ExportReport> {
    let report = files::write_atomic_with(path, |file| {
        lines::write(workspace, input, file, progress).map_err(|failure| failure.about(path))
    })?;
    Ok(ExportReport { file: Some(path.to_owned()), ..report })
}
