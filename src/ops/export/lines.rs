//! The log as lines: read in chunks with the lock released between them, written without it.

use super::format::Header;
use super::{ExportInput, ExportReport, Progress, Workspace};
use crate::domain::event::{CommitId, Event};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, fold, terms};
use crate::error::{Error, Result};
use crate::store::View;
use std::collections::HashSet;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

/// Events a chunk: about 10 ms with the lock held.
const CHUNK_EVENTS: usize = 1_000;
/// A chunk with so many bytes of bodies is full too.
const CHUNK_BYTES: usize = 1024 * 1024;
/// Events read at a time, so that a chunk of long bodies does not grow far beyond its size.
const STEP: u64 = 50;

/// Why an export stopped.
pub(super) enum Failure {
    /// The store could not be read, or what was asked for is not there.
    Store(Error),
    /// The output could not be written.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// The error of an export to this file.
    pub(super) fn about(self, path: &Path) -> Error {
        match self {
            Self::Store(error) => error,
            Self::Output(error) => Error::io(format!("cannot write {}", path.display()), error),
        }
    }
}

/// Writes the header and all events up to the end that the log has now.
pub(super) fn write(
    workspace: &Workspace,
    input: ExportInput,
    out: &mut dyn Write,
    progress: Progress<'_>,
) -> Result<ExportReport, Failure> {
    let (header, last) = workspace.read(|view| Ok((Header::of(&view.meta().workspace), view.next_position() - 1)))?;
    if input.since > last {
        let message = format!("position @{} is not in this log, which ends at @{last}", input.since);
        let error = Error::usage(message).hint("positions belong to one store: state log shows those of this one");
        return Err(Failure::Store(error));
    }
    let mut report = ExportReport { since: input.since, position: last, ..ExportReport::default() };
    let mut lines = Vec::new();
    push_line(&mut lines, &header)?;
    put(&lines, out, &mut report)?;
    let mut next = input.since + 1;
    while next <= last {
        lines.clear();
        next = workspace.read(|view| {
            let chunk = Chunk::read(view, next, last)?;
            let withheld = if input.private { Withheld::default() } else { Withheld::of(view, &chunk)? };
            chunk.write(view, &withheld, &mut lines, &mut report)?;
            Ok(chunk.next)
        })?;
        put(&lines, out, &mut report)?;
        progress(next - 1 - input.since, last - input.since);
    }
    out.flush().map_err(Failure::Output)?;
    Ok(report)
}

fn put(lines: &[u8], out: &mut dyn Write, report: &mut ExportReport) -> Result<(), Failure> {
    report.bytes += lines.len() as u64;
    out.write_all(lines).map_err(Failure::Output)
}

fn push_line(lines: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<()> {
    serde_json::to_writer(&mut *lines, value).map_err(|e| Error::usage("an event is not JSON").because(e))?;
    lines.push(b'\n');
    Ok(())
}

/// Some events in a row, up to the end of a transaction.
struct Chunk {
    events: Vec<(u64, Event)>,
    /// The position behind them.
    next: u64,
}

impl Chunk {
    fn read(view: &View, from: u64, last: u64) -> Result<Self> {
        let (mut events, mut next, mut bytes): (Vec<(u64, Event)>, u64, usize) = (Vec::new(), from, 0);
        while next <= last {
            let to = last.min(next + STEP - 1);
            for (position, event) in view.events(next..=to)? {
                let is_full = events.len() >= CHUNK_EVENTS || bytes >= CHUNK_BYTES;
                let in_transaction = events.last().is_some_and(|(_, held)| held.commit_id() == event.commit_id());
                if is_full && !in_transaction {
                    return Ok(Self { events, next: position });
                }
                bytes += event.body_len();
                events.push((position, event));
            }
            next = to + 1;
        }
        Ok(Self { events, next })
    }

    fn write(
        self: &Chunk,
        view: &View,
        withheld: &Withheld,
        lines: &mut Vec<u8>,
        report: &mut ExportReport,
    ) -> Result<()> {
        for (position, event) in &self.events {
            if withheld.is_about(event) {
                report.withheld += 1;
                continue;
            }
            report.events += 1;
            report.records += u64::from(event.put().is_some_and(|put| put.create.is_some()));
            match complete(view, *position, event, withheld)? {
                Some(complete) => push_line(lines, &complete)?,
                None => push_line(lines, event)?,
            }
        }
        Ok(())
    }
}

/// The event as it goes out, if that is not as it is: with its text, and without a reason that names what is withheld.
fn complete(view: &View, position: u64, event: &Event, withheld: &Withheld) -> Result<Option<Event>> {
    let is_elsewhere = event.put().and_then(|put| put.set.get(field::BODY)).is_some_and(serde_json::Value::is_object);
    let names_private = event.why.is_some() && withheld.commits.contains(&key(event.commit_id()));
    if !is_elsewhere && !names_private {
        return Ok(None);
    }
    let mut complete = event.clone();
    if names_private {
        complete.why = None;
    }
    if let (true, crate::domain::event::Change::Put(put)) = (is_elsewhere, &mut complete.change) {
        let mut record = Record::unborn(put.uid);
        fold::apply(&mut record, event, position);
        put.set.insert(field::BODY.to_owned(), view.body(&record)?.into());
    }
    Ok(Some(complete))
}

/// What of a chunk does not leave the machine.
#[derive(Default)]
struct Withheld {
    records: HashSet<Uid>,
    /// The transactions with an event about such a record.
    commits: HashSet<(u64, u64)>,
}

fn key(commit: CommitId) -> (u64, u64) {
    (commit.replica.0, commit.seq)
}

impl Withheld {
    fn of(view: &View, chunk: &Chunk) -> Result<Self> {
        let mut withheld = Self::default();
        view.scan(terms::PRIVATE, |_, uid| {
            withheld.records.insert(uid);
            Ok(ControlFlow::Continue(()))
        })?;
        let about = chunk.events.iter().filter(|(_, event)| withheld.is_about(event));
        let commits = about.map(|(_, event)| key(event.commit_id())).collect();
        Ok(Self { commits, ..withheld })
    }

    fn is_about(&self, event: &Event) -> bool {
        !self.records.is_empty() && event.touches.iter().any(|uid| self.records.contains(uid))
    }
}
