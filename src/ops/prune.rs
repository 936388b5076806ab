//! `doctor --prune`: old history folded into snapshots, so that a store does not grow with every touch for ever.
//!
//! A plan first, from reads alone; then one rewrite of the log that carries it out, unless the log was rewritten between.
//! A record that ended long ago, and to which nothing live is tied, keeps one event with its final state. Of repeated
//! changes of the same registers by one session only the last stays. Nothing that a reader of the present sees changes;
//! what is lost is how those records came to be what they are. Of jobs that ended as long ago the files go, unless somebody
//! may still ask for them; their records stay.

mod jobs;
mod plan;

pub use jobs::PrunedJobs;

use super::Workspace;
use super::doctor::Progress;
use crate::domain::digest;
use crate::domain::event::{self, Event};
use crate::error::{Error, Result};
use crate::ops::search;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// What to prune.
#[derive(Clone, Copy, Debug)]
pub struct PruneInput {
    /// Only what was last changed before.
    pub before: DateTime<Utc>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// The report of `doctor --prune`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Only what was last changed before.
    pub before: DateTime<Utc>,
    /// Whether it was done.
    pub applied: bool,
    /// Events in the log before and after.
    pub events: (u64, u64),
    /// Bytes of those events, before and after; tables and index add to them.
    pub bytes: (u64, u64),
    /// Ended records whose history folds into one event.
    pub records: usize,
    /// Repeated changes that go, of other records.
    pub repeats: usize,
    /// The ids of some of the records.
    pub examples: Vec<String>,
    /// Files of jobs that go.
    pub jobs: PrunedJobs,
}

/// What becomes of one event.
struct Fate {
    /// The digest of the event that was planned for: another one there means that somebody rewrote the log.
    digest: u64,
    /// What takes its place.
    becomes: Option<Event>,
}

/// Log positions and what becomes of the events there; all others stay.
type Fates = BTreeMap<u64, Fate>;

/// Folds old history, or says what that would do.
///
/// # Errors
/// As the store says; `Conflict` if the log is rewritten by somebody else between plan and deed.
pub fn prune(workspace: &Workspace, input: PruneInput, progress: Progress<'_>) -> Result<PruneReport> {
    let (fates, mut report) = plan::plan(workspace, input, progress)?;
    let (doomed, jobs) = jobs::plan(workspace, input.before)?;
    report.jobs = jobs;
    if input.dry_run || fates.is_empty() && doomed.is_empty() {
        return Ok(report);
    }
    report.applied = true;
    if !fates.is_empty() {
        let mut edit = |position, event| carry_out(&fates, position, event);
        workspace.store.rewrite(&mut edit, &|done, total| progress("log", done, total))?;
    }
    // Files last: of a rewrite that is refused nothing must be gone.
    jobs::carry_out(workspace, &doomed, input.before)?;
    if !fates.is_empty() {
        // The event up to which the index reached may be gone, and then it is not believed any more.
        search::catch_up(workspace, &|done, total| progress("index", done, total))?;
    }
    Ok(report)
}

fn carry_out(fates: &Fates, position: u64, event: Event) -> Result<Option<Event>> {
    match fates.get(&position) {
        None => Ok(Some(event)),
        Some(fate) if fate.digest == digest_of(&event)?.0 => Ok(fate.becomes.clone()),
        Some(_) => Err(Error::conflict("the log was rewritten meanwhile; nothing was changed").hint("run it again")),
    }
}

/// Digest and size of an event as the log holds it.
fn digest_of(event: &Event) -> Result<(u64, u64)> {
    let bytes = event::encode(event).map_err(|e| Error::usage("an event cannot be encoded").because(e))?;
    Ok((digest::sha256_u64(&bytes), bytes.len() as u64))
}
