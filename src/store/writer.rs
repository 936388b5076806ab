//! Writing: events are made, folded into the views at once, and committed once.
//!
//! A writer lives inside one transaction. Each [`Writer::put`] makes an event with the next stamp and folds it, so that
//! later steps of the same command see its effect; nothing is on disk before [`Store::write`](super::Store::write) commits.

use super::blob::BLOB_BYTES_MIN;
use super::masking::Masking;
use super::tables;
use super::view::{Txn, View};
use super::{damaged_by, refused};
use crate::domain::clock::{self, ReplicaId, Stamp};
use crate::domain::event::{Change, CommitId, Create, Event, Extra, Put};
use crate::domain::id::{self, Uid};
use crate::domain::record::Record;
use crate::domain::snapshot::Stands;
use crate::domain::{digest, field, kind};
use crate::error::{Error, Kind, Result};
use chrono::{DateTime, Utc};
use redb::WriteTransaction;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;

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
    pub(super) masking: Masking,
    /// The numbers of terms that this transaction has met.
    pub(super) numbers: HashMap<String, u32>,
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
            masking: Masking::default(),
            numbers: HashMap::new(),
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

    /// The person or agent that acts.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Whether nothing was changed yet.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.view.pending.is_empty() && !self.local_changed
    }

    /// Says in one line why this transaction is made; `log` shows it.
    pub fn because(&mut self, why: impl Into<String>) {
        self.why = Some(self.masking.text(why.into()));
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
        let set = self.masked(set);
        self.event(Put { uid, create: Some(create), set, extra: BTreeMap::new() }, at)
    }

    /// Creates a record as of an earlier wall time and changes it as of a later one, at the price of little more than one.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn create_and_put(
        &mut self,
        uid: Uid,
        kind: &str,
        (set, at): (Registers, DateTime<Utc>),
        (change, changed_at): (Registers, DateTime<Utc>),
    ) -> Result<Record> {
        let create = Create { kind: kind.to_owned(), id: self.free_id(kind, uid)?, extra: Extra::new() };
        let (set, change) = (self.masked(set), self.masked(change));
        let born = self.make(Put { uid, create: Some(create), set, extra: BTreeMap::new() }, at)?;
        let changed = self.make(Put { uid, create: None, set: change, extra: BTreeMap::new() }, changed_at)?;
        let position = self.view.meta.next_position;
        self.append_run(vec![(position, born), (position + 1, changed)])
    }

    /// Sets registers of a record.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn put(&mut self, uid: Uid, set: Registers) -> Result<Record> {
        self.put_at(uid, set, self.now)
    }

    /// Sets registers as of an earlier wall time, which an import knows.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn put_at(&mut self, uid: Uid, set: Registers, at: DateTime<Utc>) -> Result<Record> {
        let set = self.masked(set);
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

    pub(super) fn txn(&self) -> Result<&WriteTransaction> {
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

    pub(super) fn event(&mut self, put: Put, at: DateTime<Utc>) -> Result<Record> {
        let event = self.make(put, at)?;
        self.append_run(vec![(self.view.meta.next_position, event)])
    }

    fn make(&mut self, mut put: Put, at: DateTime<Utc>) -> Result<Event> {
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
        Ok(event)
    }

    fn move_long_body(&self, put: &mut Put) -> Result<()> {
        let Some(Value::String(body)) = put.set.get_mut(field::BODY) else { return Ok(()) };
        if body.len() > BLOB_BYTES_MIN {
            let (name, len) = (self.view.blobs.write(body)?, body.len());
            put.set.insert(field::BODY.to_owned(), json!({"blob": name, "len": len}));
        }
        Ok(())
    }

    /// Takes in an event of another replica, or of an export, unless the log has it. Returns whether it was new.
    ///
    /// # Errors
    /// `Corrupt` or `Refused` as the store says.
    pub fn merge(&mut self, mut event: Event) -> Result<bool> {
        let Stamp { hlc, replica } = event.stamp;
        if self.is_known(replica, event.seq)? {
            return Ok(false);
        }
        if replica == self.view.meta.replica {
            // Somebody has seen more of this replica than it knows itself: it was set back, and must not go on counting.
            self.become_new_replica()?;
        }
        self.see(replica, event.seq, event.seq)?;
        for (replica, first, last) in Stands::of(&event).unwrap_or_default().ranges {
            if replica != self.view.meta.replica {
                self.see(replica, first, last)?;
            }
        }
        if let Change::Put(put) = &mut event.change {
            self.move_long_body(put)?;
        }
        self.view.meta.hlc = self.view.meta.hlc.max(hlc);
        self.append_at(self.view.meta.next_position, event)?;
        Ok(true)
    }

    /// Makes the store one of another workspace, which it can become only while its log is empty.
    ///
    /// # Errors
    /// `Conflict` if there are events.
    pub fn adopt_workspace(&mut self, workspace: &str) -> Result<()> {
        if self.view.meta.next_position > 1 {
            return Err(Error::new(Kind::Conflict, "the store already belongs to a workspace"));
        }
        workspace.clone_into(&mut self.view.meta.workspace);
        self.local_changed = true;
        Ok(())
    }

    /// A copied or restored store is another replica: else two stores would give the same sequence to different events.
    pub(super) fn bind(&mut self, here: &str) -> Result<()> {
        env!("CARGO_PKG_VERSION").clone_into(&mut self.view.meta.written_by);
        if self.view.meta.binding == here {
            return Ok(());
        }
        here.clone_into(&mut self.view.meta.binding);
        self.become_new_replica()
    }

    /// From now on events are made under another identity; those made so far stay known.
    pub(super) fn become_new_replica(&mut self) -> Result<()> {
        let (old, next) = (self.view.meta.replica, self.view.meta.next_seq);
        if next > 1 {
            self.see(old, 1, next - 1)?;
        }
        let now = self.now.timestamp_micros().to_be_bytes();
        let bits = digest::sha256_u64(&[&self.seed[..], &old.0.to_be_bytes(), &now].concat());
        self.view.meta.replica = ReplicaId(bits);
        self.view.meta.next_seq = 1;
        self.commit = 1;
        Ok(())
    }

    /// Notes that the log has the events `first..=last` of another replica; ranges that touch become one.
    pub(super) fn see(&self, replica: ReplicaId, first: u64, last: u64) -> Result<()> {
        let (mut start, mut end) = (first, last);
        while let Some((other, until)) = self.seen_before(replica, end.saturating_add(1))? {
            if until.saturating_add(1) < start {
                break;
            }
            (start, end) = (start.min(other), end.max(until));
            let mut seen = self.txn()?.open_table(tables::SEEN).map_err(damaged_by)?;
            seen.remove((replica.0, other)).map_err(refused)?;
        }
        let mut seen = self.txn()?.open_table(tables::SEEN).map_err(damaged_by)?;
        seen.insert((replica.0, start), end).map_err(refused)?;
        Ok(())
    }

    /// Puts an event at a position that no earlier one reached, and folds it into all that it touches.
    pub(super) fn append_at(&mut self, position: u64, event: Event) -> Result<()> {
        self.view.meta.next_position = position + 1;
        let touches = event.touches.clone();
        self.view.pending.push((position, event));
        touches.into_iter().try_for_each(|uid| self.fold(uid, 1).map(|_| ()))
    }

    /// Puts events that all touch the same one record, and folds them into it together.
    pub(super) fn append_run(&mut self, run: Vec<(u64, Event)>) -> Result<Record> {
        let nothing = || super::damaged("a record", "it vanished while it was written");
        let (last, event) = run.last().ok_or_else(nothing)?;
        let (count, uid) = (run.len(), event.touches[0]);
        self.view.meta.next_position = last + 1;
        self.view.pending.extend(run);
        self.fold(uid, count)
    }

    /// Writes the log rows, the transactions' rows and the counters; what is left to do is to commit.
    pub(super) fn finish(mut self) -> Result<WriteTransaction> {
        if let Some((_, event)) = self.view.pending.first_mut().filter(|_| self.why.is_some() || self.undoes.is_some())
        {
            event.why = self.why.take();
            event.undoes = self.undoes.take();
        }
        self.write_log()?;
        self.write_commits()?;
        let Txn::Write(txn) = self.view.txn else {
            return Err(Error::new(Kind::Refused, "this transaction only reads"));
        };
        super::write_meta(&txn, &self.view.meta)?;
        Ok(*txn)
    }

    fn write_log(&self) -> Result<()> {
        let mut log = self.txn()?.open_table(tables::LOG).map_err(damaged_by)?;
        for (position, event) in &self.view.pending {
            log.insert(position, self.view.packer.pack(event)?.as_slice()).map_err(refused)?;
        }
        Ok(())
    }

    /// A merge, or a rewrite, brings several transactions at once, or the rest of one whose beginning is there.
    fn write_commits(&self) -> Result<()> {
        let mut open = self.last_commit()?;
        let mut commits = self.txn()?.open_table(tables::COMMITS).map_err(damaged_by)?;
        for (position, event) in &self.view.pending {
            let first = match open {
                Some((id, first)) if id == event.commit_id() => first,
                _ => *position,
            };
            open = Some((event.commit_id(), first));
            commits.insert(first, position - first + 1).map_err(refused)?;
        }
        Ok(())
    }

    /// The transaction at the end of the log: its identity and the position of its first event.
    fn last_commit(&self) -> Result<Option<(CommitId, u64)>> {
        let before = self.view.pending.first().map_or(self.view.meta.next_position, |(position, _)| *position);
        let Some((first, _)) = self.commits_before(before, 1)?.pop() else { return Ok(None) };
        Ok(self.view.event(first)?.map(|event| (event.commit_id(), first)))
    }
}
