//! Reading the log through a view: events, histories, transactions, bodies, and which events of others are known.

use super::tables::{self, Row};
use super::view::{Txn, View, with_table};
use super::{damaged, damaged_by};
use crate::domain::clock::ReplicaId;
use crate::domain::event::Event;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, fold};
use crate::error::Result;
use redb::ReadableTable;
use std::ops::RangeBounds;

impl View {
    /// The event at a log position.
    ///
    /// # Errors
    /// `Corrupt` if it cannot be decoded.
    pub fn event(&self, position: u64) -> Result<Option<Event>> {
        if let Ok(at) = self.pending.binary_search_by_key(&position, |(position, _)| *position) {
            return Ok(Some(self.pending[at].1.clone()));
        }
        with_table!(self, tables::LOG, |table| {
            table.get(position).map_err(damaged_by)?.map(|row| self.packer.unpack(row.value())).transpose()
        })
    }

    /// The bytes of an event in the log, which tell it from any other.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn event_bytes(&self, position: u64) -> Result<Option<Vec<u8>>> {
        with_table!(self, tables::LOG, |table| {
            Ok(table.get(position).map_err(damaged_by)?.map(|row| row.value().to_vec()))
        })
    }

    /// The events at some positions, in order. Pruned positions are missing.
    ///
    /// # Errors
    /// `Corrupt` if one cannot be decoded.
    pub fn events(&self, positions: impl RangeBounds<u64>) -> Result<Vec<(u64, Event)>> {
        with_table!(self, tables::LOG, |table| {
            let rows = table.range(positions).map_err(damaged_by)?;
            rows.map(|row| {
                let (position, bytes) = row.map_err(damaged_by)?;
                Ok((position.value(), self.packer.unpack(bytes.value())?))
            })
            .collect()
        })
    }

    /// The first `limit` events from a position on.
    pub(super) fn first_events(&self, from: u64, limit: usize) -> Result<Vec<(u64, Event)>> {
        self.log_rows(from, limit)?.into_iter().map(|(position, event)| Ok((position, event?))).collect()
    }

    /// As [`View::first_events`], going on after an event that cannot be decoded.
    pub(super) fn log_rows(&self, from: u64, limit: usize) -> Result<Vec<(u64, Result<Event>)>> {
        with_table!(self, tables::LOG, |table| {
            let rows = table.range(from..).map_err(damaged_by)?.take(limit);
            rows.map(|row| {
                let (position, bytes) = row.map_err(damaged_by)?;
                Ok((position.value(), self.packer.unpack(bytes.value())))
            })
            .collect()
        })
    }

    /// The log positions of the events that touch a record, oldest first.
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read.
    pub fn history(&self, uid: Uid) -> Result<Vec<u64>> {
        if let Some(Row::Few(positions)) = self.row(uid)? {
            return Ok(positions);
        }
        let uid = uid.as_u128();
        with_table!(self, tables::HISTORY, |table| {
            let rows = table.range((uid, 0)..=(uid, u64::MAX)).map_err(damaged_by)?;
            rows.map(|row| row.map(|(key, _)| key.value().1).map_err(damaged_by)).collect()
        })
    }

    /// Whether the log has, or had, an event.
    ///
    /// # Errors
    /// `Corrupt` if the table cannot be read.
    pub fn is_known(&self, replica: ReplicaId, seq: u64) -> Result<bool> {
        if replica == self.meta.replica {
            return Ok(seq < self.meta.next_seq);
        }
        Ok(self.seen_before(replica, seq)?.is_some_and(|(_, last)| seq <= last))
    }

    /// The range of known events of a replica that begins at `seq` or next before it.
    pub(super) fn seen_before(&self, replica: ReplicaId, seq: u64) -> Result<Option<(u64, u64)>> {
        with_table!(self, tables::SEEN, |table| {
            let mut rows = table.range((replica.0, 0)..=(replica.0, seq)).map_err(damaged_by)?;
            let row = rows.next_back().transpose().map_err(damaged_by)?;
            Ok(row.map(|(key, last)| (key.value().1, last.value())))
        })
    }

    /// The newest transactions before log position `before`: position of the first event and number of positions.
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

    /// A record and its body, which often are one event.
    ///
    /// # Errors
    /// As [`View::record`] and [`View::body`].
    pub fn record_and_body(&self, uid: Uid) -> Result<Option<(Record, String)>> {
        let Some(row) = self.row(uid)? else { return Ok(None) };
        let Row::Few(positions) = row else {
            let record = self.record_of(uid, row)?;
            let body = self.body(&record)?;
            return Ok(Some((record, body)));
        };
        let (mut record, mut body) = (Record::unborn(uid), String::new());
        for position in positions {
            let event = self.event_of_record(position)?;
            fold::apply(&mut record, &event, position);
            if record.body_position() == Some(position) {
                body = self.body_of(&event)?;
            }
        }
        let has_body = record.body_position().is_some();
        Ok(Some((record, if has_body { body } else { String::new() })))
    }

    pub(super) fn event_of_record(&self, position: u64) -> Result<Event> {
        self.event(position)?.ok_or_else(|| damaged("the log", "the event of a record is missing"))
    }

    fn body_at(&self, position: u64) -> Result<String> {
        self.body_of(&self.event_of_record(position)?)
    }

    fn body_of(&self, event: &Event) -> Result<String> {
        let value = event.put().and_then(|put| put.set.get(field::BODY));
        match value.and_then(|value| value.get("blob")).and_then(serde_json::Value::as_str) {
            Some(name) => self.blobs.read(name),
            None => Ok(value.and_then(serde_json::Value::as_str).unwrap_or("").to_owned()),
        }
    }
}
