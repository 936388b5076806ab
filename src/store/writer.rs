//! Writing: events are made, folded into the views at once, and committed once.
//!
//! A writer lives inside one transaction. Each [`Writer::put`] makes an event with the next stamp and folds it, so that
//! later steps of the same command see its effect; nothing is on disk before [`Store::write`](super::Store::write) commits.

use super::blob::BLOB_BYTES_MIN;
use super::tables;
use super::view::{Txn, View};
use super::{damaged_by, refused};
use crate::domain::clock::{self, Stamp};
use crate::domain::event::{self, Change, CommitId, Create, Event, Extra, Put};
use crate::domain::id::{self, Uid};
use crate::domain::record::Record;
use crate::domain::terms::{self, Facts};
use crate::domain::{field, fold, kind};
use crate::error::{Error, Kind, Result};
use chrono::{DateTime, Utc};
use redb::WriteTransaction;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Deref};

/// Values for registers, by name.
pub type Registers = BTreeMap<String, Value>;

/// One write in progress. Reads go through it as through any [`View`].
pub struct Writer {
    pub(super) view: View,
    now: DateTime<Utc>,
    seed: [u8; 16],
    commit: u64,
    session: Option<Uid>,
    actor: String,
    why: Option<String>,
    undoes: Option<CommitId>,
    local_changed: bool,
    merging: bool,
}

impl Deref for Writer {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

impl Writer {
    pub(super) fn new(view: View, now: DateTime<Utc>, seed: [u8; 16]) -> Self {
        let commit = view.meta.next_seq;
        Self {
            view,
            now,
            seed,
            commit,
            session: None,
            actor: String::new(),
            why: None,
            undoes: None,
            local_changed: false,
            merging: false,
        }
    }

    /// Names who makes the events that follow.
    pub fn act_as(&mut self, session: Option<Uid>, actor: &str) {
        self.session = session;
        actor.clone_into(&mut self.actor);
    }

    /// The wall clock of this transaction.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The session that acts.
    #[must_use]
    pub fn session(&self) -> Option<Uid> {
        self.session
    }

    /// Whether nothing was changed yet.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.view.pending.is_empty() && !self.local_changed
    }

    /// Says in one line why this transaction is made; `log` shows it.
    pub fn because(&mut self, why: impl Into<String>) {
        self.why = Some(why.into());
    }

    /// Marks this transaction as taking another one back.
    pub fn undoing(&mut self, commit: CommitId) {
        self.undoes = Some(commit);
    }

    /// Creates a record of a kind with these registers.
    ///
    /// # Errors
    /// `Corrupt` or `Refused` as the store says.
    pub fn create(&mut self, kind: &str, set: Registers) -> Result<Record> {
        self.create_as(self.reserve(), kind, set, self.now)
    }

    /// The identity of the next record, for one that must know itself before it exists.
    #[must_use]
    pub fn reserve(&self) -> Uid {
        Uid::new(self.now, self.random())
    }

    /// Creates a record under a reserved identity.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn create_reserved(&mut self, uid: Uid, kind: &str, set: Registers) -> Result<Record> {
        self.create_as(uid, kind, set, self.now)
    }

    /// Creates a record under a known identity as of an earlier wall time, which an import knows.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn create_as(&mut self, uid: Uid, kind: &str, set: Registers, at: DateTime<Utc>) -> Result<Record> {
        let create = Create { kind: kind.to_owned(), id: self.free_id(kind, uid)?, extra: Extra::new() };
        self.event(Put { uid, create: Some(create), set, extra: BTreeMap::new() }, at)
    }

    /// Sets registers of a record.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn put(&mut self, uid: Uid, set: Registers) -> Result<Record> {
        self.event(Put { uid, create: None, set, extra: BTreeMap::new() }, self.now)
    }

    /// Sets registers as of an earlier wall time, which an import knows.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn put_at(&mut self, uid: Uid, set: Registers, at: DateTime<Utc>) -> Result<Record> {
        self.event(Put { uid, create: None, set, extra: BTreeMap::new() }, at)
    }

    /// Keeps bytes of this machine's own, outside the log.
    ///
    /// # Errors
    /// `Refused` if the disk does not take it.
    pub fn set_local(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.txn()?.open_table(tables::LOCAL).map_err(damaged_by)?.insert(name, bytes).map_err(refused)?;
        self.local_changed = true;
        Ok(())
    }

    fn txn(&self) -> Result<&WriteTransaction> {
        match &self.view.txn {
            Txn::Write(txn) => Ok(txn),
            Txn::Read(_) => Err(Error::new(Kind::Refused, "this transaction only reads")),
        }
    }

    /// Bits that no other event has: the process's seed mixed with the event's own place.
    fn random(&self) -> [u8; 10] {
        let mut hash = Sha256::new_with_prefix(self.seed);
        hash.update(self.view.meta.replica.0.to_be_bytes());
        hash.update(self.view.meta.next_seq.to_be_bytes());
        let mut bits = [0; 10];
        bits.copy_from_slice(&hash.finalize()[..10]);
        bits
    }

    fn free_id(&self, kind: &str, uid: Uid) -> Result<String> {
        let prefix = kind::prefix(kind);
        for len in id::SHORT_LEN..=id::FULL_LEN {
            let id = uid.short(prefix, len);
            if self.id(&id)?.is_none() {
                return Ok(id);
            }
        }
        Err(Error::new(Kind::Refused, "no free id was found for a new record").hint("run the same command again"))
    }

    fn event(&mut self, mut put: Put, at: DateTime<Utc>) -> Result<Record> {
        self.move_long_body(&mut put)?;
        let uid = put.uid;
        let meta = &mut self.view.meta;
        meta.hlc = clock::tick(meta.hlc, self.now);
        let event = Event {
            stamp: Stamp { hlc: meta.hlc, replica: meta.replica },
            seq: meta.next_seq,
            at,
            commit: self.commit,
            session: self.session,
            actor: self.actor.clone(),
            why: None,
            undoes: None,
            touches: vec![uid],
            change: Change::Put(put),
            extra: BTreeMap::new(),
        };
        meta.next_seq += 1;
        self.append(&event)?;
        self.record(uid)?.ok_or_else(|| super::damaged("a record", "it vanished while it was written"))
    }

    /// Takes an event of another replica in, unless it is known; returns whether it was new. (Stand-in.)
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn merge(&mut self, mut event: Event) -> Result<bool> {
        if self.is_known(event.stamp.replica, event.seq)? {
            return Ok(false);
        }
        if let Change::Put(put) = &mut event.change {
            self.move_long_body(put)?;
        }
        let meta = &mut self.view.meta;
        meta.hlc = meta.hlc.max(event.stamp.hlc);
        if meta.replica == event.stamp.replica {
            meta.next_seq = meta.next_seq.max(event.seq + 1);
        }
        let seen = format!("merged/{}/{}", event.stamp.replica, event.seq);
        self.set_local(&seen, &[])?;
        self.merging = true;
        self.append(&event)?;
        Ok(true)
    }

    /// Makes this store one of another workspace, while nothing is in its log. (Stand-in.)
    ///
    /// # Errors
    /// `Conflict` if the log holds anything.
    pub fn adopt_workspace(&mut self, workspace: &str) -> Result<()> {
        if self.view.meta.next_position > 1 {
            return Err(Error::conflict("a store with events keeps its workspace"));
        }
        workspace.clone_into(&mut self.view.meta.workspace);
        self.local_changed = true;
        Ok(())
    }

    fn move_long_body(&self, put: &mut Put) -> Result<()> {
        let Some(Value::String(body)) = put.set.get_mut(field::BODY) else { return Ok(()) };
        if body.len() > BLOB_BYTES_MIN {
            let (name, len) = (self.view.blobs.write(body)?, body.len());
            put.set.insert(field::BODY.to_owned(), json!({"blob": name, "len": len}));
        }
        Ok(())
    }

    fn append(&mut self, event: &Event) -> Result<()> {
        let position = self.view.meta.next_position;
        self.view.meta.next_position += 1;
        self.view.pending.push(event.clone());
        for uid in &event.touches {
            self.txn()?
                .open_table(tables::HISTORY)
                .map_err(damaged_by)?
                .insert((uid.as_u128(), position), ())
                .map_err(refused)?;
            self.fold(*uid, position, event)?;
        }
        Ok(())
    }

    fn fold(&self, uid: Uid, position: u64, event: &Event) -> Result<()> {
        let held = self.record(uid)?;
        let mut record = held.clone().unwrap_or_else(|| Record::unborn(uid));
        fold::apply(&mut record, &event.with_body_at(position));
        if held.as_ref().is_none_or(|held| held.birth.is_none()) && record.birth.is_some() {
            self.take_id(&mut record)?;
        }
        let before = self.terms_around(held.as_ref(), &record)?;
        let row = rmp_serde::to_vec_named(&record).map_err(|e| super::damaged("a record", e))?;
        self.txn()?
            .open_table(tables::RECORDS)
            .map_err(damaged_by)?
            .insert(uid.as_u128(), row.as_slice())
            .map_err(refused)?;
        self.move_postings(&before)
    }

    /// Takes the short id of a new record. If another record has it already, which only a merge can bring about, the
    /// earlier one keeps it and the other goes by its full id.
    fn take_id(&self, record: &mut Record) -> Result<()> {
        let (uid, short) = (record.uid, record.id().to_owned());
        let full = uid.short(kind::prefix(record.kind()), id::FULL_LEN);
        match self.id(&short)? {
            Some(holder) if holder != uid => {
                record.alias = Some(full.clone());
                self.insert_id(&full, uid)
            }
            _ => self.insert_id(&short, uid),
        }
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
        // The changed record first: whether the others are blocked or contradicted is read from its postings.
        uids.remove(&after.uid);
        let ordered = std::iter::once(after.uid).chain(uids);
        ordered.map(|uid| Ok((uid, self.current_terms(uid)?))).collect()
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
        let Some(record) = self.record(uid)? else { return Ok(Terms::new()) };
        let facts = if record.is_visible() { self.facts(&record)? } else { Facts::default() };
        Ok(terms::terms(&record, facts).into_iter().collect())
    }

    fn move_postings(&self, before: &[(Uid, Terms)]) -> Result<()> {
        for (uid, old) in before {
            let new = self.current_terms(*uid)?;
            let mut postings = self.txn()?.open_table(tables::POSTINGS).map_err(damaged_by)?;
            for (term, order) in old.difference(&new) {
                postings.remove(tables::posting_key(term, Some((*order, *uid))).as_slice()).map_err(refused)?;
            }
            for (term, order) in new.difference(old) {
                postings.insert(tables::posting_key(term, Some((*order, *uid))).as_slice(), ()).map_err(refused)?;
            }
        }
        Ok(())
    }

    /// Writes the log rows, the transaction's row and the counters; what is left to do is to commit.
    pub(super) fn finish(mut self) -> Result<WriteTransaction> {
        let first = self.view.meta.next_position - self.view.pending.len() as u64;
        if let Some(event) = self.view.pending.first_mut().filter(|_| !self.merging) {
            event.why = self.why.take();
            event.undoes = self.undoes.take();
        }
        let Txn::Write(txn) = self.view.txn else {
            return Err(Error::new(Kind::Refused, "this transaction only reads"));
        };
        {
            let mut log = txn.open_table(tables::LOG).map_err(damaged_by)?;
            for (position, event) in (first..).zip(&self.view.pending) {
                let bytes = event::encode(event).map_err(|e| super::damaged("an event", e))?;
                log.insert(position, bytes.as_slice()).map_err(refused)?;
            }
            if !self.view.pending.is_empty() {
                let mut commits = txn.open_table(tables::COMMITS).map_err(damaged_by)?;
                let mut position = first;
                for run in self.view.pending.chunk_by(|one, next| one.commit_id() == next.commit_id()) {
                    commits.insert(position, run.len() as u64).map_err(refused)?;
                    position += run.len() as u64;
                }
            }
        }
        super::write_meta(&txn, &self.view.meta)?;
        Ok(*txn)
    }
}

type Terms = BTreeSet<(String, u64)>;
