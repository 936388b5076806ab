//! `demo`: a store of its own with the ledger of a public project as its agents kept it, and a handoff of one of them.

use super::{Workspace, add, batch, import, init, search};
use crate::error::Result;
use crate::store::files;
use serde::Serialize;
use std::path::PathBuf;

/// See fixtures/demo for source and licence.
const LEDGER: &str = include_str!("../../fixtures/demo/ledger.jsonl");
/// What one of its sessions left.
const HANDOFF: &str = include_str!("../../fixtures/demo/handoff.md");

/// The report of `demo`.
#[derive(Clone, Debug, Serialize)]
pub struct DemoReport {
    /// Where its store is.
    pub store: PathBuf,
    /// How many records came in from the ledger.
    pub added: usize,
    /// The id of the handoff.
    pub handoff: String,
}

/// Fills the store of `workspace`, which is created.
///
/// # Errors
/// `Refused` if the place cannot be written.
pub fn demo(workspace: &Workspace) -> Result<DemoReport> {
    files::create_private_dir(&workspace.place.cwd)?;
    init::init(workspace)?;
    let ledger = workspace.place.cwd.join("ledger.jsonl");
    files::write_atomic(&ledger, LEDGER.as_bytes())?;
    let report = import::import(workspace, &ledger, false, &|_, _| {})?;
    let add::AddReport { records, .. } = batch::add_text(workspace, HANDOFF)?;
    search::catch_up(workspace, &|_, _| {})?;
    let handoff = records.into_iter().next().map(|made| made.record.id).unwrap_or_default();
    Ok(DemoReport { store: workspace.store.dir().to_owned(), added: report.added, handoff })
}
