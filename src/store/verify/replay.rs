//! The log, folded afresh in memory.

use crate::domain::clock::{ReplicaId, Stamp};
use crate::domain::event::{CommitId, Event};
use crate::domain::id::{self, Uid};
use crate::domain::record::Record;
use crate::domain::{digest, field, fold, kind};
use crate::error::Result;
use crate::store::View;
use crate::store::tables::Row;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// Events read a transaction.
const EVENTS_CHUNK: usize = 1_000;

/// The log, folded up to a position.
#[derive(Default)]
pub(super) struct Replay {
    /// The last position that is folded.
    pub(super) position: u64,
    pub(super) events: u64,
    pub(super) records: BTreeMap<Uid, Folded>,
    /// Every id and alias.
    pub(super) ids: BTreeMap<String, Uid>,
    /// The events that were met, by replica and sequence.
    pub(super) met: HashSet<(ReplicaId, u64)>,
    pub(super) commits: u64,
    /// The transaction at the end: identity, positions of its first and its last event.
    pub(super) open: Option<(CommitId, u64, u64)>,
    pub(super) differences: Vec<String>,
}

/// A record and what else the log says about it.
pub(super) struct Folded {
    pub(super) record: Record,
    /// The digest of its body.
    pub(super) body: Option<String>,
    /// Number and running digest of the positions of its events.
    pub(super) history: (u64, u64),
}

impl Folded {
    /// Whether its row is the positions of its few events.
    pub(super) fn is_few(&self) -> bool {
        self.history.0 <= Row::FEW as u64 && self.record.alias.is_none()
    }
}

pub(super) fn next_history((count, sum): (u64, u64), position: u64) -> (u64, u64) {
    (count + 1, sum.wrapping_mul(0x100_0000_01b3).wrapping_add(position))
}

impl Replay {
    /// Folds the next chunk of the log; returns whether there is more.
    pub(super) fn advance(&mut self, view: &View) -> Result<bool> {
        let end = view.next_position();
        let rows = view.log_rows(self.position + 1, EVENTS_CHUNK)?;
        let is_last = rows.len() < EVENTS_CHUNK;
        for (position, event) in rows {
            match event {
                Ok(event) => self.take(view, position, &event)?,
                Err(error) => self.differences.push(format!("log: @{position} cannot be decoded: {error}")),
            }
            self.position = position;
            self.events += 1;
        }
        if is_last {
            self.position = end - 1;
            self.settle_ids();
        }
        Ok(!is_last)
    }

    fn take(&mut self, view: &View, position: u64, event: &Event) -> Result<()> {
        let (replica, seq) = (event.stamp.replica, event.seq);
        if !self.met.insert((replica, seq)) {
            self.differences.push(format!("log: @{position} repeats event {seq} of {replica}"));
        }
        if !view.is_known(replica, seq)? {
            self.differences.push(format!("seen: event {seq} of {replica} at @{position} is not known"));
        }
        let commit = event.commit_id();
        match &mut self.open {
            Some((open, _, last)) if *open == commit => *last = position,
            _ => {
                self.close_commit(view)?;
                self.open = Some((commit, position, position));
            }
        }
        event.touches.iter().for_each(|uid| self.fold(*uid, position, event));
        Ok(())
    }

    /// Compares the transaction that has ended with its row.
    pub(super) fn close_commit(&mut self, view: &View) -> Result<()> {
        let Some((_, first, last)) = self.open.take() else { return Ok(()) };
        self.commits += 1;
        if view.commits_before(first + 1, 1)? != [(first, last - first + 1)] {
            self.differences.push(format!("commits: the events from @{first} to @{last} are not one row"));
        }
        Ok(())
    }

    fn fold(&mut self, uid: Uid, position: u64, event: &Event) {
        let fresh = || Folded { record: Record::unborn(uid), body: None, history: (0, 0) };
        let held = self.records.entry(uid).or_insert_with(fresh);
        fold::apply(&mut held.record, event, position);
        held.history = next_history(held.history, position);
        if held.record.body_position() == Some(position) {
            held.body = event.put().and_then(|put| put.set.get(field::BODY)).and_then(body_digest);
        } else if held.record.get(field::BODY).is_none() {
            held.body = None;
        }
    }

    /// Of the records that were given one short id, the one that was born first has it; the others go by their full ids.
    fn settle_ids(&mut self) {
        self.ids.clear();
        let births =
            self.records.values().filter_map(|folded| folded.record.birth.as_ref().map(|birth| (birth, folded)));
        let mut ordered: Vec<(Stamp, Uid)> = births.map(|(birth, folded)| (birth.stamp, folded.record.uid)).collect();
        ordered.sort_unstable();
        for (_, uid) in ordered {
            let Some(Folded { record, .. }) = self.records.get_mut(&uid) else { continue };
            record.alias = None;
            if self.ids.contains_key(record.id()) {
                record.alias = Some(uid.short(kind::prefix(record.kind()), id::FULL_LEN));
            }
            self.ids.insert(record.id().to_owned(), uid);
        }
    }
}

/// The digest of a body as an event holds it: the text, or the name of its blob, which is its digest.
fn body_digest(value: &Value) -> Option<String> {
    let blob = value.get("blob").and_then(Value::as_str).map(str::to_owned);
    blob.or_else(|| value.as_str().map(|text| digest::sha256_hex(text.as_bytes())))
}
