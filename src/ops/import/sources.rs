//! What can be imported as records: ledgers, our own JSON lines, Markdown files and folders of them.

use super::pages::PageFile;
use super::{ImportReport, Refusal};
use crate::domain::draft::{Draft, DraftLink, Rejected};
use crate::domain::markdown::{self, page};
use crate::domain::{beads, field, kind};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A source file beyond this is refused.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Folders are read this deep.
const DEPTH_MAX: usize = 12;

/// What a file or folder holds.
pub(super) enum Source {
    /// Drafts with origins, and the pages of exported records.
    Records(Vec<Draft>, Vec<PageFile>),
    /// A text of the form that `add -` takes.
    Own(String),
}

/// Reads a file or a folder; what cannot be read of it is reported.
pub(super) fn read(path: &Path, report: &mut ImportReport) -> Result<Source> {
    if path.is_dir() {
        let found = read_folder(path, report)?;
        return if found.drafts.is_empty() && found.pages.is_empty() && !found.has_index && report.rejected.is_empty() {
            Err(Error::usage(format!("no Markdown files in {}", path.display())))
        } else {
            Ok(Source::Records(found.drafts, found.pages))
        };
    }
    let text = read_text(path)?;
    if is_markdown(path) {
        let mut found = Found::default();
        found.take(path, &text, &name_of(path))?;
        return Ok(Source::Records(found.drafts, found.pages));
    }
    if !beads::looks_like_beads(&text) {
        return Ok(Source::Own(text));
    }
    let parsed = beads::parse(&text);
    report.rejected.extend(parsed.rejected.into_iter().map(|Rejected { line, why }| Refusal {
        file: path.to_owned(),
        line,
        why,
    }));
    Ok(Source::Records(parsed.drafts, Vec::new()))
}

fn read_text(path: &Path) -> Result<String> {
    let cannot = |e| Error::usage(format!("cannot read {}", path.display())).because(e);
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(Error::usage(format!("{} is neither a file nor a folder", path.display())));
    }
    let size = metadata.len();
    if size > FILE_BYTES_MAX {
        return Err(Error::usage(format!("{} has {} MiB, 512 are the limit", path.display(), size / 1024 / 1024)));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    if bytes.contains(&0) {
        return Err(Error::usage(format!("{} is not a text", path.display())));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_markdown(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["md", "markdown", "txt"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What Markdown files hold.
#[derive(Default)]
struct Found {
    drafts: Vec<Draft>,
    pages: Vec<PageFile>,
    /// Whether there was the index of an export.
    has_index: bool,
}

impl Found {
    fn take(&mut self, path: &Path, text: &str, name: &str) -> Result<()> {
        if page::is_index(text) {
            self.has_index = true;
        } else if let Some(page) = page::Page::parse(text).map_err(Error::usage)? {
            self.pages.push(PageFile { file: path.to_owned(), page });
        } else {
            self.drafts.extend(markdown_drafts(text, name)?);
        }
        Ok(())
    }
}

fn read_folder(root: &Path, report: &mut ImportReport) -> Result<Found> {
    let mut found = Found::default();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|e| Error::usage(format!("cannot read {}", folder.display())).because(e))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let hidden = name_of(&path).starts_with('.');
            if path.is_dir() && !path.is_symlink() && !hidden && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if path.is_file() && is_markdown(&path) {
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                let taken = read_text(&path).and_then(|text| found.take(&path, &text, &name));
                if let Err(error) = taken {
                    report.rejected.push(Refusal { file: path, line: 0, why: error.to_string() });
                }
            }
        }
    }
    Ok(found)
}

/// A file is one record, and a handoff's items are records of their own that were found in it.
fn markdown_drafts(text: &str, name: &str) -> Result<Vec<Draft>> {
    let parsed = markdown::parse(text)?;
    let has_items = parsed.items.iter().any(|item| item.kind == kind::TASK);
    let label = format!("file/{}", name.replace(char::is_whitespace, "_"));
    let head = Draft {
        kind: if has_items || parsed.kind == kind::SUMMARY { parsed.kind } else { kind::NOTE.to_owned() },
        title: parsed.title,
        body: parsed.body,
        tags: parsed.tags,
        refs: parsed.references,
        entries: parsed.entries,
        key: Some(label.clone()),
        label: Some(label.clone()),
        origin: Some(format!("markdown:{name}")),
        ..Draft::default()
    };
    let items = if has_items { parsed.items } else { Vec::new() };
    let items = items.into_iter().enumerate().map(|(at, mut item)| {
        item.origin = Some(format!("markdown:{name}#{}", at + 1));
        item.about = None;
        item.links.push(DraftLink { kind: field::link::FOUND_IN.to_owned(), to: label.clone() });
        item
    });
    Ok(std::iter::once(head).chain(items).collect())
}
