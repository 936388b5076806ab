//! `import`: a beads ledger, our own JSON lines, or a folder of Markdown notes and handoffs.
//!
//! Imported records get their identity from the workspace and their origin, so importing again finds them; the digest of
//! what came in is kept with them, so an unchanged source changes nothing, not even what was edited here since. The work
//! is committed in batches, so that nobody waits; a kill in between is mended by importing again.
//!
//! What `export` wrote comes back otherwise: an export or a backup is merged event by event ([`merge`], [`restore`]), and a
//! folder of exported files makes the records that they were (`pages.rs`).

mod drafts;
mod lines;
mod merge;
mod pages;
mod restore;
mod sources;

pub use merge::{MergeReport, merge};
pub use restore::{RestoreReport, restore};

use super::add::AddReport;
use super::{Workspace, batch, parts};
use crate::domain::draft::Draft;
use crate::domain::id::Uid;
use crate::domain::text;
use crate::error::{Error, Result};
use serde::Serialize;
use sources::Source;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The report of `import`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportReport {
    /// Records that are new.
    pub added: usize,
    /// Records whose source had changed.
    pub updated: usize,
    /// Records whose source is as it was.
    pub unchanged: usize,
    /// How many came in, by kind.
    pub kinds: BTreeMap<String, usize>,
    /// Lines or files that could not be taken.
    pub rejected: Vec<Refusal>,
    /// Links whose target is nowhere, or that would close a cycle: `FROM kind TO: why`.
    pub links_left_out: Vec<String>,
}

/// Something that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// Imports a file or a folder. `progress` is told how many of how many records are in.
///
/// # Errors
/// `Usage` if nothing there can be read as a source, or, with `strict`, if any line is broken; nothing is changed then.
pub fn import(
    workspace: &Workspace,
    path: &Path,
    strict: bool,
    progress: &dyn Fn(usize, usize),
) -> Result<ImportReport> {
    let workspace = &workspace.without_rules();
    let mut report = ImportReport::default();
    let mut source = sources::read(path, &mut report)?;
    if let Source::Records(drafts, pages) = &mut source {
        drafts.retain(|draft| is_takable(path, draft, &mut report));
        pages.retain(|page| pages::is_takable(page, &mut report));
    }
    if strict {
        refuse_broken(&report.rejected)?;
    }
    match source {
        Source::Own(text) => {
            let AddReport { records, .. } = batch::add_text(workspace, &text)?;
            report.added = records.len();
            for made in records {
                *report.kinds.entry(made.record.kind).or_default() += 1;
            }
        }
        Source::Records(drafts, pages) => {
            pages::take(workspace, pages, &mut report, progress)?;
            if !drafts.is_empty() {
                drafts::take(workspace, drafts, &mut report, progress)?;
            }
        }
    }
    Ok(report)
}

/// Takes drafts with an origin in, and returns the identity of each.
///
/// # Errors
/// As the store says.
pub(super) fn drafts(workspace: &Workspace, drafts: Vec<Draft>) -> Result<(Vec<Uid>, ImportReport)> {
    let workspace = &workspace.without_rules();
    let mut report = ImportReport::default();
    let uids = workspace.read(|view| Ok(drafts::identities(view, &drafts)))?;
    drafts::take(workspace, drafts, &mut report, &|_, _| {})?;
    Ok((uids, report))
}

/// Whether a draft is one that can be kept; if not, it is reported.
fn is_takable(path: &Path, draft: &Draft, report: &mut ImportReport) -> bool {
    let Err(error) = parts::title(&draft.title).and_then(|_| parts::body(&draft.body)) else { return true };
    let name = draft.label.as_deref().unwrap_or(&draft.title);
    let why = format!("{}: {error}", text::truncate_width(&text::clean_line(name), 60));
    report.rejected.push(Refusal { file: path.to_owned(), line: 0, why });
    false
}

/// With `--strict` one broken line is enough.
fn refuse_broken(rejected: &[Refusal]) -> Result<()> {
    let Some(first) = rejected.first() else { return Ok(()) };
    let at = if first.line > 0 { format!(" line {}", first.line) } else { String::new() };
    let more = rejected.len() - 1;
    Err(Error::usage(format!("{}{at}: {} ({more} more); nothing was imported", first.file.display(), first.why)))
}
