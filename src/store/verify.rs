//! Whether the views say what the log says: the whole log is folded afresh and compared, table by table.
//!
//! Reads only, in short transactions, so that nobody waits. If somebody writes meanwhile, the comparison starts over; the
//! last attempt is made in one transaction. Blocked and conflicted are worked out anew here, not asked of the [`View`].

mod replay;

use super::Store;
use super::tables;
use super::view::{Txn, View};
use super::{damaged, damaged_by};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::terms::{self, Facts};
use crate::domain::{digest, field, kind};
use crate::error::Result;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};
use replay::{Folded, Replay, next_history};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

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
                let (events, records) = (replay.events, replay.records.len());
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
        let table = read(view)?.open_table(tables::LISTS).map_err(damaged_by)?;
        for (term, order) in self.expected(record) {
            self.postings += 1;
            let key = view.term_number(&term)?.map(|number| (number, order, record.uid.as_u128()));
            let is_there = key.map(|key| table.get(key)).transpose().map_err(damaged_by)?.flatten().is_some();
            if !is_there {
                self.tell(format!("lists: {} is not under {term}", record.id()));
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
        let missing = (meta.next_position - 1).saturating_sub(replay.events);
        if missing != meta.pruned {
            self.tell(format!("log: {missing} positions are missing, {} were pruned", meta.pruned));
        }
        let newest = replay.records.values().map(|folded| folded.record.updated.hlc).max().unwrap_or(0);
        if meta.hlc < newest {
            self.tell("counters: the clock is behind the newest event".to_owned());
        }
        let events = replay.records.values().filter(|folded| !folded.is_few()).map(|folded| folded.history.0).sum();
        let (records, ids) = (replay.records.len() as u64, replay.ids.len() as u64);
        let expected = [replay.events, records, ids, self.postings, events, replay.commits];
        let names = ["log", "records", "ids", "lists", "history", "commits"];
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
        let table = txn.open_table(tables::LISTS).map_err(damaged_by)?;
        if table.len().map_err(damaged_by)? == self.postings {
            return Ok(());
        }
        let mut names = HashMap::new();
        for row in txn.open_table(tables::TERMS).map_err(damaged_by)?.iter().map_err(damaged_by)? {
            let (term, number) = row.map_err(damaged_by)?;
            names.insert(number.value(), term.value().to_owned());
        }
        for row in table.iter().map_err(damaged_by)? {
            let (number, order, uid) = row.map_err(damaged_by)?.0.value();
            let (term, uid) = (names.get(&number).cloned().unwrap_or_default(), Uid::from_u128(uid));
            let record = replay.records.get(&uid).map(|folded| &folded.record);
            if record.is_none_or(|record| !self.expected(record).contains(&(term.clone(), order))) {
                self.tell(format!("lists: {} is left behind under {term}", record.map_or("?", Record::id)));
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
        txn.open_table(tables::LISTS).map_err(damaged_by)?.len().map_err(damaged_by)?,
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
