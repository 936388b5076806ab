//! Folding: how an event that was appended changes the views, in the same transaction.

use super::tables::{self, Row};
use super::writer::Writer;
use super::{damaged, damaged_by, refused};
use crate::domain::event::Event;
use crate::domain::id::{self, Uid};
use crate::domain::record::Record;
use crate::domain::terms::{self, Facts};
use crate::domain::{field, fold, kind};
use crate::error::Result;
use redb::ReadableTableMetadata;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Terms of a record with its order in each.
type Terms = BTreeSet<(String, u64)>;

impl Writer {
    /// Folds the last `count` events that were appended into a record that they all touch; returns that record.
    /// The first few events of a record stand for it; from then on the folded record is kept.
    pub(super) fn fold(&mut self, uid: Uid, count: usize) -> Result<Record> {
        let row = self.row(uid)?;
        let is_few = row.as_ref().is_none_or(|row| !row.positions().is_empty());
        let mut positions = row.as_ref().map(|row| row.positions().to_vec()).unwrap_or_default();
        let held = row.map(|row| self.record_of(uid, row)).transpose()?;
        let record = self.folded(held.as_ref(), uid, count)?;
        let before = self.terms_around(held.as_ref(), &record)?;
        positions.extend(self.last(count).iter().map(|(position, _)| *position));
        if is_few && positions.len() <= Row::FEW && record.alias.is_none() {
            self.insert_row(uid, &Row::Few(positions))?;
        } else {
            self.insert_history(uid, &positions)?;
            self.insert_row(uid, &Row::Folded(Box::new(record.clone())))?;
        }
        self.move_postings(&before, &record)?;
        Ok(record)
    }

    fn last(&self, count: usize) -> &[(u64, Event)] {
        &self.view.pending[self.view.pending.len().saturating_sub(count)..]
    }

    fn folded(&self, held: Option<&Record>, uid: Uid, count: usize) -> Result<Record> {
        let mut record = held.cloned().unwrap_or_else(|| Record::unborn(uid));
        for (position, event) in self.last(count) {
            fold::apply(&mut record, event, *position);
        }
        let birth = |record: &Record| record.birth.as_ref().map(|birth| (birth.stamp, birth.id.clone()));
        if record.birth.is_some() && held.and_then(birth) != birth(&record) {
            self.take_id(&mut record)?;
        }
        Ok(record)
    }

    fn insert_history(&self, uid: Uid, positions: &[u64]) -> Result<()> {
        let mut history = self.txn()?.open_table(tables::HISTORY).map_err(damaged_by)?;
        for position in positions {
            history.insert((uid.as_u128(), *position), ()).map_err(refused)?;
        }
        Ok(())
    }

    fn insert_row(&self, uid: Uid, row: &Row) -> Result<()> {
        let bytes = row.encode().map_err(|e| damaged("a record", e))?;
        let mut records = self.txn()?.open_table(tables::RECORDS).map_err(damaged_by)?;
        records.insert(uid.as_u128(), bytes.as_slice()).map_err(refused)?;
        Ok(())
    }

    /// Takes the short id of a new record. If another record has it already, which only a merge can bring about, the
    /// one that was born earlier has it, whatever the order of arrival, and the other goes by its full id.
    fn take_id(&self, record: &mut Record) -> Result<()> {
        let Some(birth) = &record.birth else { return Ok(()) };
        let short = birth.id.clone();
        let holder = self.id(&short)?.filter(|holder| *holder != record.uid);
        let holder = holder.map(|holder| self.record(holder)).transpose()?.flatten();
        record.alias = None;
        match holder {
            Some(holder) if born_first(&holder, record) => self.give_alias(record),
            Some(mut holder) => {
                self.give_alias(&mut holder)?;
                let few = self.row(holder.uid)?.map(|row| row.positions().to_vec()).unwrap_or_default();
                self.insert_history(holder.uid, &few)?;
                self.insert_row(holder.uid, &Row::Folded(Box::new(holder)))?;
                self.insert_id(&short, record.uid)
            }
            None => self.insert_id(&short, record.uid),
        }
    }

    fn give_alias(&self, record: &mut Record) -> Result<()> {
        let full = record.uid.short(kind::prefix(record.kind()), id::FULL_LEN);
        self.insert_id(&full, record.uid)?;
        record.alias = Some(full);
        Ok(())
    }

    fn insert_id(&self, id: &str, uid: Uid) -> Result<()> {
        self.txn()?.open_table(tables::IDS).map_err(damaged_by)?.insert(id, uid.as_u128()).map_err(refused)?;
        Ok(())
    }

    /// The current terms of every record whose terms this change may touch; the changed one first, because the others'
    /// terms are derived from its postings.
    fn terms_around(&self, before: Option<&Record>, after: &Record) -> Result<Vec<(Uid, Terms)>> {
        let mut uids = BTreeSet::new();
        if before.is_some_and(Record::is_live) != after.is_live() {
            self.each(&terms::incoming_term(after.uid, field::link::NEEDS), |dependent| {
                uids.insert(dependent.uid);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        for record in before.into_iter().chain([after]) {
            uids.extend(record.linked(field::link::BLOCKS));
            self.add_key_sharers(record, &mut uids)?;
        }
        uids.remove(&after.uid);
        let own = (after.uid, before.map(|before| self.terms_of(before)).transpose()?.unwrap_or_default());
        let others = uids.into_iter().map(|uid| Ok((uid, self.current_terms(uid)?)));
        std::iter::once(Ok(own)).chain(others).collect()
    }

    /// Only live records contradict each other, and they come first.
    fn add_key_sharers(&self, record: &Record, uids: &mut BTreeSet<Uid>) -> Result<()> {
        let Some(key) = record.text(field::KEY) else { return Ok(()) };
        self.scan(&terms::key_term(key), |order, uid| {
            if order >= terms::KEY_ORDER_ENDED {
                return Ok(ControlFlow::Break(()));
            }
            uids.insert(uid);
            Ok(ControlFlow::Continue(()))
        })
    }

    fn current_terms(&self, uid: Uid) -> Result<Terms> {
        self.record(uid)?.map_or_else(|| Ok(Terms::new()), |record| self.terms_of(&record))
    }

    fn terms_of(&self, record: &Record) -> Result<Terms> {
        let facts = if record.is_visible() { self.facts(record)? } else { Facts::default() };
        Ok(terms::terms(record, facts).into_iter().collect())
    }

    fn move_postings(&mut self, before: &[(Uid, Terms)], changed: &Record) -> Result<()> {
        for (uid, old) in before {
            let new = if *uid == changed.uid { self.terms_of(changed)? } else { self.current_terms(*uid)? };
            for (term, order) in old.difference(&new) {
                let key = (self.number_of(term)?, *order, uid.as_u128());
                self.txn()?.open_table(tables::LISTS).map_err(damaged_by)?.remove(key).map_err(refused)?;
            }
            for (term, order) in new.difference(old) {
                let key = (self.number_of(term)?, *order, uid.as_u128());
                self.txn()?.open_table(tables::LISTS).map_err(damaged_by)?.insert(key, ()).map_err(refused)?;
            }
        }
        Ok(())
    }

    /// The number of a term, which gets the next one when it is first met.
    fn number_of(&mut self, term: &str) -> Result<u32> {
        if let Some(number) = self.numbers.get(term) {
            return Ok(*number);
        }
        let number = match self.term_number(term)? {
            Some(number) => number,
            None => self.new_number(term)?,
        };
        self.numbers.insert(term.to_owned(), number);
        Ok(number)
    }

    fn new_number(&self, term: &str) -> Result<u32> {
        let mut terms = self.txn()?.open_table(tables::TERMS).map_err(damaged_by)?;
        let number = u32::try_from(terms.len().map_err(damaged_by)?).map_err(|e| damaged("the table of terms", e))?;
        terms.insert(term, number).map_err(refused)?;
        Ok(number)
    }
}

fn born_first(one: &Record, other: &Record) -> bool {
    let stamp = |record: &Record| record.birth.as_ref().map(|birth| birth.stamp);
    stamp(one) < stamp(other)
}
