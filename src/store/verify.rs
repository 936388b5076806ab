//! Whether the views say what the log says: the whole log is folded afresh and compared, table by table.
//!
//! Reads only, in short transactions, so that nobody waits. If somebody writes meanwhile, the comparison starts over; the
//! last attempt is made in one transaction. Blocked and conflicted are worked out anew here, not asked of the [`View`].

use super::Store;
use super::tables;
use super::view::{Txn, View};
use super::{damaged, damaged_by};
use crate::domain::clock::ReplicaId;
use crate::domain::event::{self, CommitId, Event};
use crate::domain::id::{self, Uid};
use crate::domain::record::Record;
use crate::domain::snapshot::Stands;
use crate::domain::terms::{self, Facts};
use crate::domain::{digest, field, fold, kind};
use crate::error::Result;
use redb::{ReadTransaction, ReadableTableMetadata};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Events read a transaction.
const EVENTS_CHUNK: u64 = 1_000;
/// Records compared a transaction.
const RECORDS_CHUNK: usize = 500;
/// How often the comparison starts over because somebody wrote; the last attempt keeps the lock.
const ATTEMPTS: usize = 5;
/// More differences than this are not listed.
const DIFFERENCES_MAX: usize = 100;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many events the log has.
    pub events: u64,
    /// How many records they make.
    pub records: usize,
    /// Where views and log disagree, as short sentences; at most 100.
    pub differences: Vec<String>,
}

impl Verdict {
    /// Whether log and views agree.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Store {
    /// Folds the whole log afresh and compares it with every view.
    ///
    /// # Errors
    /// `Busy`, or `Corrupt` if the file cannot be read at all; what disagrees is in the verdict.
    pub fn verify(&self) -> Result<Verdict> {
        let mut replay = Replay::default();
        while self.read(|view| replay.advance(view))? {}
        let mut chunk = RECORDS_CHUNK;
        for attempt in 1..=ATTEMPTS {
            if attempt == ATTEMPTS {
                chunk = usize::MAX;
            }
            if let Some(differences) = self.compare(&mut replay, chunk)? {
                let (events, records) = (replay.position, replay.records.len());
                return Ok(Verdict { events, records, differences });
            }
        }
        Err(damaged("the store", "the log grew inside a transaction"))
    }

    /// What differs; `None` if somebody wrote meanwhile.
    fn compare(&self, replay: &mut Replay, chunk: usize) -> Result<Option<Vec<String>>> {
        let (mut comparison, mut from) = (None::<Comparison>, Bound::Unbounded);
        loop {
            let step = self.read(|view| {
                if comparison.is_none() {
                    while replay.advance(view)? {}
                } else if replay.position + 1 != view.next_position() {
                    return Ok(Step::Moved);
                }
                let comparison = comparison.get_or_insert_with(|| Comparison::of(replay));
                match comparison.records(view, replay, from, chunk)? {
                    Some(last) => Ok(Step::More(last)),
                    None => comparison.whole(view, replay).map(|()| Step::Finished),
                }
            })?;
            match step {
                Step::More(last) => from = Bound::Excluded(last),
                Step::Moved => return Ok(None),
                Step::Finished => return Ok(comparison.map(|comparison| comparison.differences)),
            }
        }
    }
}

enum Step {
    More(Uid),
    Moved,
    Finished,
}

/// The log, folded up to a position.
#[derive(Default)]
struct Replay {
    /// The last position that is folded.
    position: u64,
    records: BTreeMap<Uid, Folded>,
    ids: BTreeMap<String, Uid>,
    /// The last sequence of each replica.
    sequences: BTreeMap<ReplicaId, u64>,
    /// Positions without an event, and sequences that no event has; a snapshot must stand for each.
    gaps: (u64, BTreeSet<(ReplicaId, u64)>),
    stood_for: BTreeSet<(ReplicaId, u64)>,
    commits: u64,
    /// The transaction at the end: identity, position of its first event, span of its positions.
    open: Option<(CommitId, u64, u64)>,
    differences: Vec<String>,
}

/// A record and what else the log says about it.
struct Folded {
    record: Record,
    /// The digest of its body.
    body: Option<String>,
    /// Number and running digest of the positions of its events.
    history: (u64, u64),
}

fn next_history((count, sum): (u64, u64), position: u64) -> (u64, u64) {
    (count + 1, sum.wrapping_mul(0x100_0000_01b3).wrapping_add(position))
}

impl Replay {
    /// Folds the next chunk of the log; returns whether there is more.
    fn advance(&mut self, view: &View) -> Result<bool> {
        let end = view.next_position();
        for position in (self.position + 1..end).take(usize::try_from(EVENTS_CHUNK).unwrap_or(1)) {
            match view.event_bytes(position)?.map(|bytes| event::decode(&bytes)) {
                Some(Ok(event)) => self.take(view, position, &event)?,
                Some(Err(error)) => self.differences.push(format!("log: @{position} cannot be decoded: {error}")),
                None => self.gaps.0 += 1,
            }
            self.position = position;
        }
        Ok(self.position + 1 < end)
    }

    fn take(&mut self, view: &View, position: u64, event: &Event) -> Result<()> {
        let last = self.sequences.insert(event.stamp.replica, event.seq).unwrap_or(0);
        if event.seq <= last {
            self.differences.push(format!("log: @{position} has sequence {} after {last}", event.seq));
        }
        self.gaps.1.extend((last + 1..event.seq).map(|seq| (event.stamp.replica, seq)));
        for (replica, first, last) in Stands::of(event).unwrap_or_default().ranges {
            self.stood_for.extend((first..=last).map(|seq| (replica, seq)));
        }
        let commit = event.commit_id();
        match &mut self.open {
            Some((open, first, span)) if *open == commit => *span = position - *first + 1,
            _ => {
                self.close_commit(view)?;
                self.open = Some((commit, position, 1));
            }
        }
        event.touches.iter().for_each(|uid| self.fold(*uid, position, event));
        Ok(())
    }

    /// Compares the transaction that has ended with its row.
    fn close_commit(&mut self, view: &View) -> Result<()> {
        let Some((_, first, count)) = self.open.take() else { return Ok(()) };
        self.commits += 1;
        if view.commits_before(first + 1, 1)? != [(first, count)] {
            self.differences.push(format!("commits: the {count} events from @{first} are not one row"));
        }
        Ok(())
    }

    fn fold(&mut self, uid: Uid, position: u64, event: &Event) {
        let fresh = || Folded { record: Record::unborn(uid), body: None, history: (0, 0) };
        let held = self.records.entry(uid).or_insert_with(fresh);
        let unborn = held.record.birth.is_none();
        fold::apply(&mut held.record, &event.with_body_at(position));
        held.history = next_history(held.history, position);
        if held.record.body_position() == Some(position) {
            held.body = event.put().and_then(|put| put.set.get(field::BODY)).and_then(body_digest);
        } else if held.record.get(field::BODY).is_none() {
            held.body = None;
        }
        if unborn && held.record.birth.is_some() {
            let full = uid.short(kind::prefix(held.record.kind()), id::FULL_LEN);
            let short = held.record.id().to_owned();
            if self.ids.get(&short).is_some_and(|holder| *holder != uid) {
                held.record.alias = Some(full.clone());
                self.ids.insert(full, uid);
            } else {
                self.ids.insert(short, uid);
            }
        }
    }
}

/// The digest of a body as an event holds it: the text, or the name of its blob, which is its digest.
fn body_digest(value: &Value) -> Option<String> {
    let blob = value.get("blob").and_then(Value::as_str).map(str::to_owned);
    blob.or_else(|| value.as_str().map(|text| digest::sha256_hex(text.as_bytes())))
}

/// The folded log against the views at one position.
struct Comparison {
    blocked: BTreeSet<Uid>,
    conflicted: BTreeSet<Uid>,
    postings: u64,
    differences: Vec<String>,
}

impl Comparison {
    fn of(replay: &Replay) -> Self {
        let differences = replay.differences.iter().take(DIFFERENCES_MAX).cloned().collect();
        Self { blocked: blocked(replay), conflicted: conflicted(replay), postings: 0, differences }
    }

    fn tell(&mut self, difference: String) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(difference);
        }
    }

    /// Compares up to `chunk` records; the last of them if there may be more.
    fn records(&mut self, view: &View, replay: &Replay, from: Bound<Uid>, chunk: usize) -> Result<Option<Uid>> {
        let mut last = None;
        for (uid, folded) in replay.records.range((from, Bound::Unbounded)).take(chunk) {
            self.record(view, folded)?;
            last = Some(*uid);
        }
        Ok(if chunk == usize::MAX { None } else { last })
    }

    fn record(&mut self, view: &View, folded: &Folded) -> Result<()> {
        let (id, uid) = (folded.record.id(), folded.record.uid);
        match view.record(uid) {
            Ok(Some(held)) if held == folded.record => {}
            Ok(Some(held)) => self.tell(format!("records: {id} differs in {}", difference(&held, &folded.record))),
            Ok(None) => self.tell(format!("records: {id} is missing")),
            Err(error) => self.tell(format!("records: {id}: {error}")),
        }
        let history = view.history(uid)?.into_iter().fold((0, 0), next_history);
        if history != folded.history {
            self.tell(format!("history: {id} has {} events, the log {}", history.0, folded.history.0));
        }
        if folded.record.birth.is_some() && view.id(id)? != Some(uid) {
            self.tell(format!("ids: {id} does not lead to its record"));
        }
        match view.body(&folded.record) {
            Ok(body) if folded.body.as_ref().is_none_or(|digest| digest::sha256_hex(body.as_bytes()) == *digest) => {}
            Ok(_) => self.tell(format!("bodies: the body of {id} is not the one of the log")),
            Err(error) => self.tell(format!("bodies: {id}: {error}")),
        }
        self.terms(view, &folded.record)
    }

    fn expected(&self, record: &Record) -> BTreeSet<(String, u64)> {
        let (blocked, conflicted) = (self.blocked.contains(&record.uid), self.conflicted.contains(&record.uid));
        terms::terms(record, Facts { blocked, conflicted }).into_iter().collect()
    }

    fn terms(&mut self, view: &View, record: &Record) -> Result<()> {
        let table = read(view)?.open_table(tables::POSTINGS).map_err(damaged_by)?;
        for (term, order) in self.expected(record) {
            self.postings += 1;
            let key = tables::posting_key(&term, Some((order, record.uid)));
            if table.get(key.as_slice()).map_err(damaged_by)?.is_none() {
                self.tell(format!("postings: {} is not under {term}", record.id()));
            }
        }
        Ok(())
    }

    /// What no single record shows: counters, and rows that should not be there.
    fn whole(&mut self, view: &View, replay: &mut Replay) -> Result<()> {
        let known = replay.differences.len();
        replay.close_commit(view)?;
        replay.differences.drain(known..).for_each(|difference| self.tell(difference));
        let meta = view.meta();
        let dropped =
            replay.stood_for.iter().filter(|(replica, _)| *replica == meta.replica).map(|(_, seq)| *seq).max();
        let last = replay.sequences.get(&meta.replica).copied().max(dropped);
        let sequence = last.map_or(1, |last| last + 1);
        let (missing, unseen) = &replay.gaps;
        if *missing != replay.stood_for.len() as u64 || !unseen.is_subset(&replay.stood_for) {
            self.tell(format!("log: {missing} events are missing, {} of them folded", replay.stood_for.len()));
        }
        if meta.next_seq != sequence {
            self.tell(format!("counters: the next sequence is {}, the log says {sequence}", meta.next_seq));
        }
        let newest = replay.records.values().map(|folded| folded.record.updated.hlc).max().unwrap_or(0);
        if meta.hlc < newest {
            self.tell("counters: the clock is behind the newest event".to_owned());
        }
        let events = replay.records.values().map(|folded| folded.history.0).sum();
        let (records, ids) = (replay.records.len() as u64, replay.ids.len() as u64);
        let expected = [replay.position - replay.gaps.0, records, ids, self.postings, events, replay.commits];
        let names = ["log", "records", "ids", "postings", "history", "commits"];
        for ((name, expected), held) in names.into_iter().zip(expected).zip(sizes(read(view)?)?) {
            if held != expected {
                self.tell(format!("{name}: {held} rows, the log makes {expected}"));
            }
        }
        self.left_behind(view, replay)
    }

    /// Postings that no record has any more.
    fn left_behind(&mut self, view: &View, replay: &Replay) -> Result<()> {
        let txn = read(view)?;
        let table = txn.open_table(tables::POSTINGS).map_err(damaged_by)?;
        if table.len().map_err(damaged_by)? == self.postings {
            return Ok(());
        }
        for row in table.range::<&[u8]>(..).map_err(damaged_by)? {
            let (key, _) = row.map_err(damaged_by)?;
            let (order, uid) = tables::posting_rest(key.value()).unwrap_or((0, Uid::from_u128(0)));
            let term = String::from_utf8_lossy(&key.value()[..key.value().len().saturating_sub(25)]).into_owned();
            let record = replay.records.get(&uid).map(|folded| &folded.record);
            if record.is_none_or(|record| !self.expected(record).contains(&(term.clone(), order))) {
                self.tell(format!("postings: {} is left behind under {term}", record.map_or("?", Record::id)));
            }
        }
        Ok(())
    }
}

fn read(view: &View) -> Result<&ReadTransaction> {
    match &view.txn {
        Txn::Read(txn) => Ok(txn),
        Txn::Write(_) => Err(damaged("a verification", "it runs inside a write")),
    }
}

/// The number of rows of log, records, ids, postings, history and commits.
fn sizes(txn: &ReadTransaction) -> Result<[u64; 6]> {
    Ok([
        txn.open_table(tables::LOG).map_err(damaged_by)?.len().map_err(damaged_by)?,
        txn.open_table(tables::RECORDS).map_err(damaged_by)?.len().map_err(damaged_by)?,
        txn.open_table(tables::IDS).map_err(damaged_by)?.len().map_err(damaged_by)?,
        txn.open_table(tables::POSTINGS).map_err(damaged_by)?.len().map_err(damaged_by)?,
        txn.open_table(tables::HISTORY).map_err(damaged_by)?.len().map_err(damaged_by)?,
        txn.open_table(tables::COMMITS).map_err(damaged_by)?.len().map_err(damaged_by)?,
    ])
}

/// The names of what differs between two states of a record.
fn difference(held: &Record, folded: &Record) -> String {
    let names: BTreeSet<&String> = held.registers.keys().chain(folded.registers.keys()).collect();
    let mut differing: Vec<&str> = names
        .into_iter()
        .filter(|name| held.registers.get(*name) != folded.registers.get(*name))
        .map(String::as_str)
        .collect();
    let rest = [
        ("birth", held.birth != folded.birth),
        ("alias", held.alias != folded.alias),
        ("updated", (held.updated, held.updated_at) != (folded.updated, folded.updated_at)),
    ];
    differing.extend(rest.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name));
    differing.join(", ")
}

/// The live tasks that need something live or that a live record blocks.
fn blocked(replay: &Replay) -> BTreeSet<Uid> {
    let is_live = |uid: Uid| replay.records.get(&uid).is_some_and(|folded| folded.record.is_live());
    let is_task = |uid: Uid| replay.records.get(&uid).is_some_and(|folded| folded.record.kind() == kind::TASK);
    let mut blocked = BTreeSet::new();
    for record in replay.records.values().map(|folded| &folded.record) {
        if record.linked(field::link::NEEDS).any(is_live) {
            blocked.insert(record.uid);
        }
        if record.is_live() {
            blocked.extend(record.linked(field::link::BLOCKS));
        }
    }
    blocked.retain(|uid| is_live(*uid) && is_task(*uid));
    blocked
}

/// The live records that share kind and key with a live one that says something else.
fn conflicted(replay: &Replay) -> BTreeSet<Uid> {
    let mut sharers: BTreeMap<(&str, &str), Vec<&Folded>> = BTreeMap::new();
    for folded in replay.records.values().filter(|folded| folded.record.is_live()) {
        if let Some(key) = folded.record.text(field::KEY) {
            sharers.entry((folded.record.kind(), key)).or_default().push(folded);
        }
    }
    let content = |folded: &Folded| (folded.record.title().to_owned(), folded.body.clone().unwrap_or_default());
    let differ = |group: &Vec<&Folded>| group.iter().map(|folded| content(folded)).collect::<BTreeSet<_>>().len() > 1;
    sharers.into_values().filter(differ).flatten().map(|folded| folded.record.uid).collect()
}

#[cfg(test)]
mod tests;
