//! `block`: something stands in the way of a record; a blocker that can be ended.

use super::report::Line;
use super::{Workspace, add, link, parts, resolve};
use crate::domain::{field, kind};
use crate::error::{Error, Result};
use crate::store::Registers;
use serde::Serialize;
use serde_json::json;

/// The report of `block`.
#[derive(Clone, Debug, Serialize)]
pub struct BlockReport {
    /// The new blocker.
    pub blocker: Line,
    /// What it holds up.
    pub blocks: Line,
}

/// Makes a blocker that holds up `word`.
///
/// # Errors
/// `NotFound`; `Conflict` if the record has ended.
pub fn block(workspace: &Workspace, word: &str, why: &str) -> Result<BlockReport> {
    workspace.write(|writer| {
        let held = resolve::record(writer, word)?;
        if !held.is_live() || held.kind() != kind::TASK {
            let state = if held.is_live() { format!("a {}", held.kind()) } else { held.status().to_owned() };
            return Err(Error::conflict(format!("{} is {state}: only an open task can be blocked", held.id())));
        }
        let mut set = Registers::from([
            (field::TITLE.to_owned(), json!(parts::title(why)?)),
            (field::PRIORITY.to_owned(), json!(held.priority())),
            (field::WORKTREE.to_owned(), json!(workspace.place.worktree)),
        ]);
        set.extend(workspace.place.branch.iter().map(|branch| (field::BRANCH.to_owned(), json!(branch))));
        let blocker = writer.create(kind::BLOCKER, set)?;
        link::connect(writer, blocker.uid, field::link::BLOCKS, held.uid)?;
        writer.because(format!("block {} by {}: {}", held.id(), blocker.id(), blocker.title()));
        let now = writer.now();
        Ok(BlockReport {
            blocker: Line::of(writer, &blocker, now)?,
            blocks: Line::of(writer, &add::reread(writer, held.uid)?, now)?,
        })
    })
}
