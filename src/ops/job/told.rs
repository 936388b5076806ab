//! Which ends of jobs nobody was told yet.
//!
//! An end is told once: to the session that started the job, or, if that is gone, to the next one that looks. The list is
//! this machine's own knowledge, kept in the transaction that ends the job. What is told of a job that runs (it takes long,
//! a line was found) is in the same list, and an end that comes meanwhile is not told by that.

use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::error::Result;
use crate::ops::Workspace;
use crate::ops::session::{self, Standing};
use crate::store::{View, Writer};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What [`crate::domain::field::TELL`] says of a job whose end is told only to who asks.
pub const ASKED: &str = "asked";
const LIST: &str = "unread-jobs";
/// More than so many unread ends are a stuck machine; the oldest are forgotten, their records stay.
const UNREAD_MAX: usize = 10_000;

/// More are not told at once; the others come next.
const NEWS_MAX: usize = 200;

/// News of a job: who is to be told, and how it stood.
#[derive(Clone, Debug)]
struct Item {
    job: Uid,
    owner: Option<Uid>,
    status: String,
}

impl Item {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (job, owner) = (Uid::parse(words.next()?)?, words.next()?);
        Some(Self { job, owner: Uid::parse(owner), status: words.next()?.to_owned() })
    }

    fn line(&self) -> String {
        let owner = self.owner.map_or("-".to_owned(), |owner| owner.to_string());
        format!("{} {owner} {}", self.job, self.status)
    }
}

/// A job as somebody was shown it.
#[derive(Clone, Debug)]
pub struct Seen {
    job: Uid,
    status: String,
}

impl From<&Record> for Seen {
    fn from(job: &Record) -> Self {
        Self { job: job.uid, status: job.status().to_owned() }
    }
}

impl Seen {
    fn is(&self, entry: &Item) -> bool {
        self.job == entry.job && self.status == entry.status
    }
}

fn list(view: &View) -> Result<Vec<Item>> {
    let bytes = view.local(LIST)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).lines().filter_map(Item::parse).collect())
}

fn keep(writer: &mut Writer, entries: &[Item]) -> Result<()> {
    let last = &entries[entries.len().saturating_sub(UNREAD_MAX)..];
    let text = last.iter().map(Item::line).collect::<Vec<_>>().join("\n");
    writer.set_local(LIST, text.as_bytes())
}

/// How a job stands now, its end say, is news from now on.
pub(super) fn unread(writer: &mut Writer, job: Uid) -> Result<()> {
    let Some(record) = writer.record(job)? else { return Ok(()) };
    let owner = record.birth.as_ref().and_then(|birth| birth.session);
    let mut entries = list(writer)?;
    entries.retain(|entry| entry.job != job);
    entries.push(Item { job, owner, status: record.status().to_owned() });
    keep(writer, &entries)
}

/// The jobs of which somebody is still to be told.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn unread_jobs(view: &View) -> Result<Vec<Uid>> {
    Ok(list(view)?.into_iter().map(|entry| entry.job).collect())
}

/// The jobs, oldest news first, that this session should be told of: its own, and those of sessions that are gone.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn news(view: &View, workspace: &Workspace) -> Result<Vec<Record>> {
    let entries = list(view)?;
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let me = session::current(view, workspace)?.map(|session| session.uid);
    let mut for_me: BTreeMap<Option<Uid>, bool> = BTreeMap::new();
    let mut found = Vec::new();
    for item in entries {
        if let Entry::Vacant(unknown) = for_me.entry(item.owner) {
            unknown.insert(item.owner.is_some() && item.owner == me || !is_there(view, workspace, item.owner)?);
        }
        if for_me[&item.owner] && found.len() < NEWS_MAX {
            found.extend(view.record(item.job)?.filter(Record::is_visible));
        }
    }
    Ok(found)
}

fn is_there(view: &View, workspace: &Workspace, session: Option<Uid>) -> Result<bool> {
    let Some(session) = session.map(|uid| view.record(uid)).transpose()?.flatten() else { return Ok(false) };
    Ok(session::standing(view, &session, workspace.now())? == Standing::Active)
}

/// Remembers what was told, where the store can be written: else it is told again.
pub fn tell(workspace: &Workspace, seen: &[Seen]) {
    if seen.is_empty() {
        return;
    }
    let is_news = |entries: Vec<Item>| entries.iter().any(|entry| seen.iter().any(|seen| seen.is(entry)));
    if !workspace.read(|view| Ok(is_news(list(view)?))).unwrap_or(false) {
        return;
    }
    // An end told twice is better than one never told.
    let _ = workspace.store.write(|writer| forget(writer, seen));
}

/// What was seen is no news any more.
pub(super) fn forget(writer: &mut Writer, seen: &[Seen]) -> Result<()> {
    let mut entries = list(writer)?;
    let count = entries.len();
    entries.retain(|entry| !seen.iter().any(|seen| seen.is(entry)));
    if entries.len() == count { Ok(()) } else { keep(writer, &entries) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_came_meanwhile_is_not_told_by_what_was_shown_before() {
        let uid = Uid::from_u128(7);
        let entry = |status: &str| Item { job: uid, owner: None, status: status.into() };
        let seen = Seen { job: uid, status: "running".into() };
        assert!(seen.is(&entry("running")) && !seen.is(&entry("ok")));
        for entry in [entry("ok"), Item { owner: Some(uid), ..entry("lost") }] {
            let parsed = Item::parse(&entry.line()).unwrap();
            assert_eq!((parsed.job, parsed.owner, parsed.status), (entry.job, entry.owner, entry.status));
        }
        assert!(Item::parse("").is_none() && Item::parse("x y z").is_none());
    }
}
