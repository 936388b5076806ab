//! Reading: one consistent look at log and views, from a read transaction or inside a write.

use super::blob::Blobs;
use super::tables::{self, Meta};
use super::{damaged, damaged_by};
use crate::domain::clock::ReplicaId;
use crate::domain::event::{self, Event};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::terms::{self, Facts};
use crate::domain::{field, kind};
use crate::error::Result;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use std::ops::{ControlFlow, RangeBounds};

/// The transaction below a view.
pub(super) enum Txn {
    Read(ReadTransaction),
    Write(Box<WriteTransaction>),
}

/// Runs the same body on the table of either transaction.
macro_rules! with_table {
    ($view:expr, $table:expr, |$name:ident| $body:expr) => {
        match &$view.txn {
            Txn::Read(txn) => {
                let $name = txn.open_table($table).map_err(damaged_by)?;
                $body
            }
            Txn::Write(txn) => {
                let $name = txn.open_table($table).map_err(damaged_by)?;
                $body
            }
        }
    };
}

/// A consistent look at the store.
pub struct View {
    pub(super) txn: Txn,
    pub(super) blobs: Blobs,
    pub(super) meta: Meta,
    /// Events of this transaction that are not in the log table yet; their positions follow the log's.
    pub(super) pending: Vec<Event>,
}

impl View {
    /// Versions, identities and counters.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The position that the next event gets; all smaller ones from 1 are in the log.
    #[must_use]
    pub fn next_position(&self) -> u64 {
        self.meta.next_position
    }

    /// A record by its permanent identity.
    ///
    /// # Errors
    /// `Corrupt` if the row cannot be decoded.
    pub fn record(&self, uid: Uid) -> Result<Option<Record>> {
        with_table!(self, tables::RECORDS, |table| {
            let row = table.get(uid.as_u128()).map_err(damaged_by)?;
            row.map(|row| rmp_serde::from_slice(row.value()).map_err(|e| damaged("a record", e))).transpose()
        })
    }

    /// Up to `limit` ids that start with `prefix`, in order.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn ids_from(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Uid)>> {
        with_table!(self, tables::IDS, |table| {
            let mut found = Vec::new();
            for row in table.range(prefix..).map_err(damaged_by)?.take(limit) {
                let (id, uid) = row.map_err(damaged_by)?;
                if !id.value().starts_with(prefix) {
                    break;
                }
                found.push((id.value().to_owned(), Uid::from_u128(uid.value())));
            }
            Ok(found)
        })
    }

    /// The record with exactly this short id.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn id(&self, id: &str) -> Result<Option<Uid>> {
        with_table!(self, tables::IDS, |table| {
            Ok(table.get(id).map_err(damaged_by)?.map(|uid| Uid::from_u128(uid.value())))
        })
    }

    /// Visits the postings of a term in order, until the visitor breaks.
    ///
    /// Postings are read in chunks, so that the visitor may read and write the store meanwhile.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read, or what the visitor returns.
    pub fn scan(&self, term: &str, mut visit: impl FnMut(u64, Uid) -> Result<ControlFlow<()>>) -> Result<()> {
        self.scan_keys(&tables::posting_key(term, None), |key| match tables::posting_rest(key) {
            Some((order, uid)) => visit(order, uid),
            None => Ok(ControlFlow::Continue(())),
        })
    }

    /// Visits the records of all terms that start with `prefix`, in the order of the terms, until the visitor breaks.
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read, or what the visitor returns.
    pub fn scan_terms(&self, prefix: &str, mut visit: impl FnMut(Uid) -> Result<ControlFlow<()>>) -> Result<()> {
        self.scan_keys(prefix.as_bytes(), |key| match tables::posting_rest(key) {
            Some((_, uid)) => visit(uid),
            None => Ok(ControlFlow::Continue(())),
        })
    }

    fn scan_keys(&self, prefix: &[u8], mut visit: impl FnMut(&[u8]) -> Result<ControlFlow<()>>) -> Result<()> {
        let (mut from, mut size) = (prefix.to_vec(), 16);
        loop {
            let chunk = self.posting_chunk(prefix, &from, size)?;
            for key in &chunk {
                if visit(key)?.is_break() {
                    return Ok(());
                }
            }
            match chunk.into_iter().next_back() {
                Some(mut last) => {
                    last.push(0);
                    from = last;
                }
                None => return Ok(()),
            }
            size = (size * 4).min(1024);
        }
    }

    fn posting_chunk(&self, prefix: &[u8], from: &[u8], size: usize) -> Result<Vec<Vec<u8>>> {
        with_table!(self, tables::POSTINGS, |table| {
            let mut chunk = Vec::new();
            for row in table.range(from..).map_err(damaged_by)?.take(size) {
                let (key, _) = row.map_err(damaged_by)?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                chunk.push(key.value().to_vec());
            }
            Ok(chunk)
        })
    }

    /// The first `limit` records of a term.
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read.
    pub fn first(&self, term: &str, limit: usize) -> Result<Vec<Record>> {
        let mut found = Vec::new();
        self.each(term, |record| {
            found.push(record);
            Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        found.truncate(limit);
        Ok(found)
    }

    /// Visits the records of a term in order, until the visitor breaks.
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read, or what the visitor returns.
    pub fn each(&self, term: &str, mut visit: impl FnMut(Record) -> Result<ControlFlow<()>>) -> Result<()> {
        self.scan(term, |_, uid| match self.record(uid)? {
            Some(record) => visit(record),
            None => Ok(ControlFlow::Continue(())),
        })
    }

    /// How many postings a term has, counting at most `cap`.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn count(&self, term: &str, cap: usize) -> Result<usize> {
        let mut count = 0;
        self.scan(term, |_, _| {
            count += 1;
            Ok(if count < cap { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(count)
    }

    /// The event at a log position.
    ///
    /// # Errors
    /// `Corrupt` if it cannot be decoded.
    pub fn event(&self, position: u64) -> Result<Option<Event>> {
        let first_pending = self.meta.next_position - self.pending.len() as u64;
        if position >= first_pending {
            return Ok(usize::try_from(position - first_pending).ok().and_then(|i| self.pending.get(i)).cloned());
        }
        self.event_bytes(position)?.map(|bytes| event::decode(&bytes).map_err(|e| damaged("an event", e))).transpose()
    }

    /// The encoded event at a log position.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn event_bytes(&self, position: u64) -> Result<Option<Vec<u8>>> {
        with_table!(self, tables::LOG, |table| {
            Ok(table.get(position).map_err(damaged_by)?.map(|row| row.value().to_vec()))
        })
    }

    /// The events at some positions, in order.
    ///
    /// # Errors
    /// `Corrupt` if one cannot be decoded.
    pub fn events(&self, positions: impl RangeBounds<u64>) -> Result<Vec<(u64, Event)>> {
        with_table!(self, tables::LOG, |table| {
            let mut events = Vec::new();
            for row in table.range(positions).map_err(damaged_by)? {
                let (position, bytes) = row.map_err(damaged_by)?;
                let event = event::decode(bytes.value()).map_err(|e| damaged("an event", e))?;
                events.push((position.value(), event));
            }
            Ok(events)
        })
    }

    /// The log positions of the events that touch a record, oldest first.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn history(&self, uid: Uid) -> Result<Vec<u64>> {
        let uid = uid.as_u128();
        with_table!(self, tables::HISTORY, |table| {
            let rows = table.range((uid, 0)..=(uid, u64::MAX)).map_err(damaged_by)?;
            rows.map(|row| row.map(|(key, _)| key.value().1).map_err(damaged_by)).collect()
        })
    }

    /// The newest transactions before log position `before`: position of the first event and number of events.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn commits_before(&self, before: u64, limit: usize) -> Result<Vec<(u64, u64)>> {
        with_table!(self, tables::COMMITS, |table| {
            let rows = table.range(..before).map_err(damaged_by)?.rev().take(limit);
            rows.map(|row| row.map(|(key, count)| (key.value(), count.value())).map_err(damaged_by)).collect()
        })
    }

    /// The Markdown body of a record, empty if it has none.
    ///
    /// # Errors
    /// `Corrupt` if the log or the blob that holds it cannot be read.
    pub fn body(&self, record: &Record) -> Result<String> {
        match record.body_position() {
            Some(position) => self.body_at(position),
            None => Ok(record.text(field::BODY).unwrap_or("").to_owned()),
        }
    }

    fn body_at(&self, position: u64) -> Result<String> {
        let event =
            self.event(position)?.ok_or_else(|| damaged("the log", "the event that holds a body is missing"))?;
        let value = event.put().and_then(|put| put.set.get(field::BODY));
        match value.and_then(|value| value.get("blob")).and_then(serde_json::Value::as_str) {
            Some(name) => self.blobs.read(name),
            None => Ok(value.and_then(serde_json::Value::as_str).unwrap_or("").to_owned()),
        }
    }

    /// Whether the log holds this event. (Stand-in.)
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read.
    pub fn is_known(&self, replica: ReplicaId, seq: u64) -> Result<bool> {
        let is_own = replica == self.meta.replica && seq < self.meta.next_seq;
        Ok(is_own || self.local(&format!("merged/{replica}/{seq}"))?.is_some())
    }

    /// Bytes of this machine's own, not part of the log.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn local(&self, name: &str) -> Result<Option<Vec<u8>>> {
        with_table!(self, tables::LOCAL, |table| {
            Ok(table.get(name).map_err(damaged_by)?.map(|row| row.value().to_vec()))
        })
    }

    /// What the terms of a record depend on beyond itself.
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read.
    pub fn facts(&self, record: &Record) -> Result<Facts> {
        let blocked = record.kind() == kind::TASK && record.is_live() && !self.blockers(record, 1)?.is_empty();
        Ok(Facts { blocked, conflicted: !self.contradicting(record, 1)?.is_empty() })
    }

    /// The live records that hold a record up: what it needs and what blocks it, at most `limit`.
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read.
    pub fn blockers(&self, record: &Record, limit: usize) -> Result<Vec<Record>> {
        let mut found = Vec::new();
        for uid in record.linked(field::link::NEEDS) {
            found.extend(self.record(uid)?.filter(Record::is_live));
        }
        self.each(&terms::incoming_term(record.uid, field::link::BLOCKS), |blocker| {
            if blocker.is_live() && !found.iter().any(|held: &Record| held.uid == blocker.uid) {
                found.push(blocker);
            }
            Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        found.truncate(limit);
        Ok(found)
    }

    /// The live records of its kind with the same key that say something else, at most `limit`.
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read.
    pub fn contradicting(&self, record: &Record, limit: usize) -> Result<Vec<Record>> {
        let (Some(key), true) = (record.text(field::KEY), record.is_live()) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        self.each(&terms::key_term(key), |other| {
            if other.uid == record.uid {
                return Ok(ControlFlow::Continue(()));
            }
            // Live ones come first; inside a write only the record itself may not stand in its place yet.
            if !other.is_live() {
                return Ok(ControlFlow::Break(()));
            }
            if other.kind() == record.kind() && !self.same_content(record, &other)? {
                found.push(other);
            }
            Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(found)
    }

    /// Whether two records say the same: title and body.
    ///
    /// # Errors
    /// `Corrupt` if a body cannot be read.
    pub fn same_content(&self, one: &Record, other: &Record) -> Result<bool> {
        Ok(one.title() == other.title() && self.body(one)? == self.body(other)?)
    }
}
