//! `eval`: plumbing that measures search and briefing on judged data, through the code that users' commands run.
//!
//! A folder of data holds JSON lines, plain (`docs.jsonl`) or packed (`docs.jsonl.xz`); `search` and `resume` say which.
//! Every store that a measurement needs is made in a temporary folder and thrown away.

pub mod resume;
pub mod search;

use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::store::files;
use lzma_rust2::XzReader;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Opens a text file of the data, or the packed one beside it (`docs.jsonl.xz` for `docs.jsonl`).
///
/// # Errors
/// `NotFound` if there is neither; `Refused` if it cannot be read.
fn open(path: &Path) -> Result<Box<dyn Read>> {
    let packed = PathBuf::from(format!("{}.xz", path.display()));
    if let Ok(file) = File::open(path) {
        let is_packed = path.extension().is_some_and(|extension| extension == "xz");
        return Ok(if is_packed { Box::new(XzReader::new(BufReader::new(file), true)) } else { Box::new(file) });
    }
    let file = File::open(&packed).map_err(|e| {
        let kind = if e.kind() == ErrorKind::NotFound { Kind::NotFound } else { Kind::Refused };
        Error::new(kind, format!("{} is not there, or cannot be read, nor the same packed (.xz)", path.display()))
            .because(e)
            .hint("the folder must hold the data that --help describes")
    })?;
    Ok(Box::new(XzReader::new(BufReader::new(file), true)))
}

/// The lines of a file of JSON lines.
///
/// # Errors
/// As [`open`]; `Usage` for a line that is not what it should be, with its number.
fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let mut values = Vec::new();
    for (number, line) in BufReader::new(open(path)?).lines().enumerate() {
        let line = line.map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
        if line.trim().is_empty() {
            continue;
        }
        let value = serde_json::from_str(&line).map_err(|e| {
            Error::usage(format!("{}: line {} is not as described", path.display(), number + 1)).because(e)
        })?;
        values.push(value);
    }
    Ok(values)
}

/// Where a measurement makes its stores; removed with them when it is dropped.
pub struct Folder<'a> {
    path: PathBuf,
    open: &'a dyn Fn(&Path) -> Workspace,
}

impl<'a> Folder<'a> {
    /// Makes a folder in which `open` gives the workspace of a store directory.
    ///
    /// # Errors
    /// `Refused` if it cannot be made.
    pub fn create(path: PathBuf, open: &'a dyn Fn(&Path) -> Workspace) -> Result<Self> {
        files::create_private_dir(&path)?;
        Ok(Self { path, open })
    }

    /// The workspace of a store of this name, which need not exist.
    fn workspace(&self, name: &str) -> Workspace {
        (self.open)(&self.path.join(name))
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        // What cannot be removed from a temporary folder is the system's to remove.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
