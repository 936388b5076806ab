//! An export of another replica, or of an earlier time, is merged: the log becomes the set union of both.
//!
//! Events are the same if replica and sequence are; a store without events takes the workspace of the export over. No
//! session of the importer is made, so that an import into an empty store exports the same bytes again.

use super::lines::{Line, Lines};
use super::{Refusal, refuse_broken};
use crate::domain::event::Event;
use crate::error::{Error, Result};
use crate::ops::Workspace;
use crate::ops::export::Progress;
use crate::ops::export::format::Header;
use crate::store::Writer;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The report of an import of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MergeReport {
    /// How many events the file has.
    pub events: u64,
    /// How many were not here.
    pub new: u64,
    /// How many were here already.
    pub known: u64,
    /// How many were left out because this machine's clock is more than a day behind theirs.
    pub ahead: u64,
    /// Lines that are no events.
    pub left_out: Vec<Refusal>,
}

/// Events a transaction: about 25 ms with the lock held.
const BATCH_EVENTS: usize = 1_000;
/// Bytes of bodies a transaction.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// A transaction of the source is kept together up to so many events.
const TOGETHER_EVENTS_MAX: usize = 5_000;
/// Events further ahead of this machine's clock would make everything written here look old.
const AHEAD_HOURS_MAX: i64 = 24;

/// Merges an export or a backup; `None` if the file is neither. `progress` is told how many of how many bytes are in.
///
/// # Errors
/// `Conflict` for another workspace's export unless the store is empty; with `strict`, `Usage` if any line is broken, and
/// nothing is changed; `Corrupt` for a damaged backup.
pub fn merge(workspace: &Workspace, path: &Path, strict: bool, progress: Progress<'_>) -> Result<Option<MergeReport>> {
    let Some(lines) = Lines::open(path)? else { return Ok(None) };
    if lines.is_backup {
        Lines::check(lines, &|_, _| {})?;
    } else if strict {
        refuse_broken(&broken(lines, path)?)?;
    }
    let Some(lines) = Lines::open(path)? else { return Ok(None) };
    take(workspace, lines, path, progress).map(Some)
}

fn broken(mut lines: Lines, path: &Path) -> Result<Vec<Refusal>> {
    let mut broken = Vec::new();
    while let Some((line, event)) = lines.next()? {
        broken.extend(event.err().map(|why| Refusal { file: path.to_owned(), line, why }));
    }
    Ok(broken)
}

/// Merges what is left of an export.
pub(super) fn take(
    workspace: &Workspace,
    mut lines: Lines,
    path: &Path,
    progress: Progress<'_>,
) -> Result<MergeReport> {
    let mut merge = Merge { path: path.to_owned(), takes_future: false, report: MergeReport::default(), held: None };
    let mut batch = merge.batch(&mut lines)?;
    workspace.store.write(|writer| {
        merge.takes_future = admit(writer, &lines.header, path)?;
        merge.put(writer, std::mem::take(&mut batch))
    })?;
    loop {
        progress(lines.consumed(), lines.size);
        let batch = merge.batch(&mut lines)?;
        if batch.is_empty() {
            return Ok(merge.report);
        }
        workspace.store.write(|writer| merge.put(writer, batch))?;
    }
}

/// Lets an export of this workspace in, and any into a store without events, which becomes one of that workspace.
/// Returns whether the store was empty.
fn admit(writer: &mut Writer, header: &Header, path: &Path) -> Result<bool> {
    let is_empty = writer.next_position() == 1;
    if writer.meta().workspace == header.workspace {
        return Ok(is_empty);
    }
    if !is_empty {
        return Err(Error::conflict(format!(
            "{} is of another workspace ({}), and this store has a history of its own ({})",
            path.display(),
            &header.workspace[..8.min(header.workspace.len())],
            &writer.meta().workspace[..8.min(writer.meta().workspace.len())],
        ))
        .hint("give it a store of its own: state init --store DIR, then state import FILE --store DIR"));
    }
    writer.adopt_workspace(&header.workspace)?;
    Ok(true)
}

/// A merge in progress.
struct Merge {
    path: PathBuf,
    /// Into an empty store even what seems to be of tomorrow goes: there is nothing here that it could outshine.
    takes_future: bool,
    report: MergeReport,
    /// The first event of the next batch.
    held: Option<Box<Event>>,
}

impl Merge {
    /// The next events, whole transactions unless they are very long; empty at the end.
    fn batch(&mut self, lines: &mut Lines) -> Result<Vec<Event>> {
        let (mut batch, mut bytes): (Vec<Event>, usize) = (Vec::new(), 0);
        loop {
            let event = match self.held.take() {
                Some(event) => event,
                None => match lines.next()? {
                    None => return Ok(batch),
                    Some(line) => match self.event(line) {
                        Some(event) => event,
                        None => continue,
                    },
                },
            };
            let is_full = batch.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES;
            let is_together = batch.last().is_some_and(|last| last.commit_id() == event.commit_id());
            if is_full && (!is_together || batch.len() >= TOGETHER_EVENTS_MAX) {
                self.held = Some(event);
                return Ok(batch);
            }
            bytes += event.body_len();
            batch.push(*event);
        }
    }

    fn event(&mut self, (line, event): Line) -> Option<Box<Event>> {
        match event {
            Ok(event) => Some(event),
            Err(why) => {
                self.report.left_out.push(Refusal { file: self.path.clone(), line, why });
                None
            }
        }
    }

    fn put(&mut self, writer: &mut Writer, batch: Vec<Event>) -> Result<()> {
        for event in batch {
            self.report.events += 1;
            if writer.is_known(event.stamp.replica, event.seq)? {
                self.report.known += 1;
            } else if !self.takes_future && is_ahead(&event, writer.now()) {
                self.report.ahead += 1;
            } else {
                self.report.new += u64::from(writer.merge(event)?);
            }
        }
        Ok(())
    }
}

fn is_ahead(event: &Event, now: DateTime<Utc>) -> bool {
    let millis = i64::try_from(event.stamp.hlc >> 16).unwrap_or(i64::MAX);
    millis > (now + TimeDelta::hours(AHEAD_HOURS_MAX)).timestamp_millis()
}
