//! Reading: one consistent look at log and views, from a read transaction or inside a write.

use super::activity::Activities;
use super::blob::Blobs;
use super::pack::Packer;
use super::tables::{self, Meta, Row};
use super::{Store, damaged, damaged_by};
use crate::domain::activity::Activity;
use crate::domain::event::Event;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::terms::{self, Facts};
use crate::domain::{field, fold, kind};
use crate::error::Result;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use std::ops::{Bound, ControlFlow};

/// Terms read at a time.
const TERMS_CHUNK: usize = 256;

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

pub(super) use with_table;

/// A consistent look at the store.
pub struct View {
    pub(super) txn: Txn,
    pub(super) blobs: Blobs,
    activities: Activities,
    pub(super) meta: Meta,
    /// Events of this transaction that are not in the log table yet, in the order of their positions.
    pub(super) pending: Vec<(u64, Event)>,
    pub(super) packer: Packer,
}

impl View {
    pub(super) fn new(txn: Txn, store: &Store, meta: Meta) -> Self {
        Self {
            txn,
            blobs: store.blobs(),
            activities: store.activities(),
            meta,
            pending: Vec::new(),
            packer: Packer::default(),
        }
    }

    /// What hooks noted of a session by its name; not a part of the store's truth.
    #[must_use]
    pub fn activity(&self, session: &str) -> Option<Activity> {
        self.activities.of(session)
    }

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
    /// `Corrupt` if the row, or the event that it stands for, cannot be decoded.
    pub fn record(&self, uid: Uid) -> Result<Option<Record>> {
        self.row(uid)?.map(|row| self.record_of(uid, row)).transpose()
    }

    pub(super) fn record_of(&self, uid: Uid, row: Row) -> Result<Record> {
        match row {
            Row::Folded(record) => Ok(*record),
            Row::Few(positions) => {
                let mut record = Record::unborn(uid);
                for position in positions {
                    fold::apply(&mut record, &self.event_of_record(position)?, position);
                }
                Ok(record)
            }
        }
    }

    pub(super) fn row(&self, uid: Uid) -> Result<Option<Row>> {
        with_table!(self, tables::RECORDS, |table| {
            let row = table.get(uid.as_u128()).map_err(damaged_by)?;
            row.map(|row| Row::decode(row.value()).map_err(|e| damaged("a record", e))).transpose()
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
    /// `Corrupt` if the tables cannot be read, or what the visitor returns.
    pub fn scan(&self, term: &str, mut visit: impl FnMut(u64, Uid) -> Result<ControlFlow<()>>) -> Result<()> {
        let Some(number) = self.term_number(term)? else { return Ok(()) };
        self.scan_list(number, &mut visit).map(|_| ())
    }

    /// Visits the records of all terms that start with `prefix`, in the order of the terms, until the visitor breaks.
    ///
    /// # Errors
    /// `Corrupt` if the tables cannot be read, or what the visitor returns.
    pub fn scan_terms(&self, prefix: &str, mut visit: impl FnMut(Uid) -> Result<ControlFlow<()>>) -> Result<()> {
        let mut after = None;
        loop {
            let chunk = self.terms_from(prefix, after.as_deref())?;
            for (_, number) in &chunk {
                if self.scan_list(*number, &mut |_, uid| visit(uid))?.is_break() {
                    return Ok(());
                }
            }
            match chunk.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    pub(super) fn term_number(&self, term: &str) -> Result<Option<u32>> {
        with_table!(self, tables::TERMS, |table| {
            Ok(table.get(term).map_err(damaged_by)?.map(|number| number.value()))
        })
    }

    /// Some terms that start with `prefix`, the first ones after `after`.
    fn terms_from(&self, prefix: &str, after: Option<&str>) -> Result<Vec<(String, u32)>> {
        let from = after.map_or(Bound::Included(prefix), Bound::Excluded);
        with_table!(self, tables::TERMS, |table| {
            let mut found = Vec::new();
            for row in table.range::<&str>((from, Bound::Unbounded)).map_err(damaged_by)?.take(TERMS_CHUNK) {
                let (term, number) = row.map_err(damaged_by)?;
                if !term.value().starts_with(prefix) {
                    break;
                }
                found.push((term.value().to_owned(), number.value()));
            }
            Ok(found)
        })
    }

    fn scan_list(
        &self,
        number: u32,
        visit: &mut impl FnMut(u64, Uid) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let (mut from, mut size) = (Bound::Included((number, 0, 0)), 16);
        loop {
            let chunk = self.list_chunk(number, from, size)?;
            for (order, uid) in &chunk {
                if visit(*order, Uid::from_u128(*uid))?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            match chunk.last() {
                Some((order, uid)) if chunk.len() == size => from = Bound::Excluded((number, *order, *uid)),
                _ => return Ok(ControlFlow::Continue(())),
            }
            size = (size * 4).min(1024);
        }
    }

    fn list_chunk(&self, number: u32, from: Bound<(u32, u64, u128)>, size: usize) -> Result<Vec<(u64, u128)>> {
        let to = Bound::Included((number, u64::MAX, u128::MAX));
        with_table!(self, tables::LISTS, |table| {
            let rows = table.range((from, to)).map_err(damaged_by)?.take(size);
            rows.map(|row| {
                let (_, order, uid) = row.map_err(damaged_by)?.0.value();
                Ok((order, uid))
            })
            .collect()
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
