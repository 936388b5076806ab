//! What can be saved of a store that cannot be read: counted, or written as an export that a new store takes in.

use crate::domain::event::{Change, Event};
use crate::domain::id::Uid;
use crate::domain::{field, snapshot::Stands};
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::store::{self, Salvage, Store, files};
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What can be saved.
#[derive(Clone, Debug, Serialize)]
pub struct SalvageReport {
    /// The events that can be read.
    pub events: usize,
    /// The records that they create.
    pub records: usize,
    /// The ranges of log positions that can be read through the tables; the rest was found in the raw file.
    pub positions: Vec<(u64, u64)>,
    /// How many events the log had that cannot be read; absent if nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
    /// Where they were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Records whose long body cannot be read.
    pub bodies_lost: usize,
}

/// Says what can be saved.
pub(super) fn account(workspace: &Workspace) -> Result<SalvageReport> {
    Ok(report(&workspace.store.salvage()?))
}

fn report(salvage: &Salvage) -> SalvageReport {
    let folded: u64 = salvage.events.iter().filter_map(Stands::of).map(|stands| stands.count()).sum();
    let held = salvage.events.len() as u64 + folded;
    SalvageReport {
        events: salvage.events.len(),
        records: salvage.records(),
        positions: salvage.positions.clone(),
        lost: salvage.next_position.map(|next| (next - 1).saturating_sub(held)),
        file: None,
        bodies_lost: 0,
    }
}

/// Writes every readable event to `file` in the form of `export`: a header, then one event a line.
///
/// # Errors
/// `Conflict` if the file exists, `Corrupt` if nothing can be read, `Refused` if the disk does not take it.
pub fn salvage(workspace: &Workspace, file: &Path) -> Result<SalvageReport> {
    let file = workspace.place.cwd.join(file);
    if file.exists() {
        return Err(Error::new(Kind::Conflict, format!("{} exists", file.display())).hint("name a file that does not"));
    }
    let salvage = workspace.store.salvage()?;
    if salvage.events.is_empty() {
        return Err(store::nothing_left(&workspace.store));
    }
    let mut report = report(&salvage);
    let project = salvage.workspace.unwrap_or_else(|| Uid::new(workspace.now(), [0; 10]).to_string());
    let mut lines = json!({"state": "export", "version": 1, "workspace": project}).to_string();
    for event in salvage.events {
        let event = with_body(&workspace.store, event, &mut report.bodies_lost);
        let line = serde_json::to_string(&event).map_err(|e| Error::usage("an event is not JSON").because(e))?;
        lines.push('\n');
        lines.push_str(&line);
    }
    lines.push('\n');
    files::write_atomic(&file, lines.as_bytes())?;
    report.file = Some(file);
    Ok(report)
}

/// The event with the text of its long body in it, as an export has it.
fn with_body(store: &Store, mut event: Event, lost: &mut usize) -> Event {
    let Some(name) = store::blob_of(&event).map(str::to_owned) else { return event };
    let Change::Put(put) = &mut event.change else { return event };
    if let Ok(text) = store.blob(&name) {
        put.set.insert(field::BODY.to_owned(), text.into());
    } else {
        *lost += 1;
        put.set.remove(field::BODY);
    }
    event
}
