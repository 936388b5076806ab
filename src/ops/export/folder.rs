//! The records as a folder of Markdown files: to read, to keep beside the code, and to import again.
//!
//! A record is one file in the folder of its kind; `index.md` lists them all, and marks the folder as ours. Only what
//! differs is written, so that a second export into the same folder is quick and shows in git what has changed.

use super::pages::{self, Shown};
use super::{Progress, Workspace};
use crate::domain::id::Uid;
use crate::domain::kind::{self, KINDS};
use crate::domain::markdown::page;
use crate::domain::terms;
use crate::error::{Error, Result};
use crate::store::files;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The report of `export --markdown`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FolderReport {
    /// The folder.
    pub folder: PathBuf,
    /// How many records are in it.
    pub records: usize,
    /// How many of them, by kind.
    pub kinds: BTreeMap<String, usize>,
    /// How many private records were left out.
    pub withheld: usize,
    /// How many files are new or different.
    pub written: usize,
    /// How many files of former exports are gone.
    pub removed: usize,
}

/// Records read at a time.
const CHUNK: usize = 200;
/// The file that lists all others.
const INDEX: &str = "index.md";

/// Writes the folder, which must be empty, missing, or one that an export made.
///
/// # Errors
/// `Conflict` if something else is there, `Refused` if it cannot be written, or as the store says.
pub fn export_to_folder(
    workspace: &Workspace,
    folder: &Path,
    private: bool,
    progress: Progress<'_>,
) -> Result<FolderReport> {
    take_folder(folder)?;
    let mut report = FolderReport { folder: folder.to_owned(), ..FolderReport::default() };
    let mut listed = Vec::new();
    let uids = workspace.read(visible)?;
    for (at, chunk) in uids.chunks(CHUNK).enumerate() {
        let pages = workspace.read(|view| pages::pages(view, chunk, private))?;
        report.withheld += chunk.len() - pages.len();
        for (shown, text) in pages {
            report.written += usize::from(put(folder, &shown.path, &text)?);
            listed.push(shown);
        }
        progress(((at * CHUNK) + chunk.len()) as u64, uids.len() as u64);
    }
    report.records = listed.len();
    for shown in &listed {
        *report.kinds.entry(shown.kind.clone()).or_default() += 1;
    }
    put(folder, INDEX, &index(&workspace.place.project, &listed))?;
    let kept: BTreeSet<&str> = listed.iter().map(|shown| shown.path.as_str()).collect();
    report.removed = remove_others(folder, &kept)?;
    files::sync_all_below(folder)?;
    Ok(report)
}

/// Makes the folder ours, before anything is written into it: an export that is killed can be made again.
fn take_folder(folder: &Path) -> Result<()> {
    let cannot = |e| Error::io(format!("cannot read {}", folder.display()), e);
    files::create_private_dir(folder)?;
    let index = folder.join(INDEX);
    if fs::read_to_string(&index).is_ok_and(|text| page::is_index(&text)) {
        return Ok(());
    }
    if fs::read_dir(folder).map_err(cannot)?.next().is_some() {
        let message = format!("{} holds other files than an export's", folder.display());
        return Err(Error::conflict(message).hint("name a folder that is empty or does not exist"));
    }
    files::write_atomic(&index, page::index("# Unfinished\n").as_bytes())
}

/// Every record that is to be seen, kind by kind, newest first.
fn visible(view: &crate::store::View) -> Result<Vec<Uid>> {
    let mut uids = Vec::new();
    view.scan_terms(&terms::kind_term(""), |uid| {
        uids.push(uid);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(uids)
}

/// Writes a file if it is not as it should be; returns whether it was written.
fn put(folder: &Path, path: &str, text: &str) -> Result<bool> {
    let path = folder.join(path);
    if fs::read(&path).is_ok_and(|held| held == text.as_bytes()) {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        files::create_private_dir(parent)?;
    }
    files::write_whole(&path, text.as_bytes()).map(|()| true)
}

/// Removes the files of records that are no longer there or have another name now. Whatever else is there stays.
fn remove_others(folder: &Path, kept: &BTreeSet<&str>) -> Result<usize> {
    let mut removed = 0;
    for kind in entries(folder) {
        let Some(name) =
            kind.file_name().and_then(|name| name.to_str()).filter(|_| kind.is_dir() && !kind.is_symlink())
        else {
            continue;
        };
        for path in entries(&kind) {
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            let is_kept = kept.contains(format!("{name}/{file}").as_str());
            if !is_kept && fs::read_to_string(&path).is_ok_and(|text| page::is_record(&text)) {
                fs::remove_file(&path).map_err(|e| Error::io(format!("cannot remove {}", path.display()), e))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// The list of all records: by kind in the order of the table of kinds, what holds before what has ended.
fn index(project: &str, listed: &[Shown]) -> String {
    let mut text = format!("# {project}\n\nA record is a file. `state import DIR` brings them back.\n");
    let known = KINDS.iter().map(|kind| kind.name);
    let newer: BTreeSet<&str> = listed.iter().map(|shown| shown.kind.as_str()).collect();
    let newer = newer.into_iter().filter(|name| kind::find(name).is_none());
    for name in known.chain(newer) {
        let of_kind: Vec<&Shown> = listed.iter().filter(|shown| shown.kind == name).collect();
        if of_kind.is_empty() {
            continue;
        }
        let (live, ended): (Vec<&Shown>, Vec<&Shown>) = of_kind.iter().partition(|shown| shown.is_live);
        let _ =
            write!(text, "\n## {} ({})\n\n", capital(kind::find(name).map_or(name, |kind| kind.plural)), of_kind.len());
        for shown in live.into_iter().chain(ended) {
            let title = page::escaped(&shown.title);
            let _ = writeln!(text, "- [{} {title}]({}) {}", shown.id, shown.path, shown.remark);
        }
    }
    page::index(&text)
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
