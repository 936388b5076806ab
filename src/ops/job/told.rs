//! Which ends of jobs nobody was told yet.
//!
//! An end is told once: to the session that started the job, or, if that is gone, to the next one that looks. The list is
//! this machine's own knowledge, kept in the transaction that ends the job. What is told of a job that runs (it takes long,
//! a line was found) is in the same list, and an end that comes meanwhile is not told by that.

use crate::domain::field;
use crate::domain::id::Uid;
use crate::domain::job::Tell;
use crate::domain::record::Record;
use crate::error::Result;
use crate::ops::Workspace;
use crate::ops::session::{self, Standing};
use crate::store::{View, Writer};
use std::collections::BTreeMap;

/// What [`field::TELL`] says of a job whose end is told only to who asks.
const ASKED: &str = Tell::Asked.name();
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
    /// Only who asks is told.
    is_quiet: bool,
}

impl Item {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (job, owner) = (Uid::parse(words.next()?)?, words.next()?);
        let status = words.next()?.to_owned();
        Some(Self { job, owner: Uid::parse(owner), status, is_quiet: words.next() == Some(ASKED) })
    }

    fn line(&self) -> String {
        let owner = self.owner.map_or("-".to_owned(), |owner| owner.to_string());
        let quiet = if self.is_quiet { format!(" {ASKED}") } else { String::new() };
        format!("{} {owner} {}{quiet}", self.job, self.status)
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
    let is_quiet = record.text(field::TELL) == Some(ASKED);
    entries.push(Item { job, owner, status: record.status().to_owned(), is_quiet });
    keep(writer, &entries)
}

/// The jobs of which somebody is still to be told, without being asked.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn unread_jobs(view: &View) -> Result<Vec<Uid>> {
    Ok(list(view)?.into_iter().filter(|item| !item.is_quiet).map(|item| item.job).collect())
}

/// The jobs, oldest news first, that this session should be told of: its own, and those of sessions that are gone; `asked`
/// also those that are told only to who asks.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn news(view: &View, workspace: &Workspace, asked: bool) -> Result<Vec<Record>> {
    let mut items = list(view)?;
    items.retain(|item| asked || !item.is_quiet);
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let mut audience = Audience::of(view, workspace)?;
    let mut found = Vec::new();
    for item in items {
        if found.len() < NEWS_MAX && audience.includes(view, workspace, item.owner)? {
            found.extend(view.record(item.job)?.filter(Record::is_visible));
        }
    }
    Ok(found)
}

/// Whose news this session is told, each owner looked up once.
struct Audience {
    me: Option<Uid>,
    known: BTreeMap<Option<Uid>, bool>,
}

impl Audience {
    fn of(view: &View, workspace: &Workspace) -> Result<Self> {
        let me = session::current(view, workspace)?.map(|session| session.uid);
        Ok(Self { me, known: BTreeMap::new() })
    }

    fn includes(&mut self, view: &View, workspace: &Workspace, owner: Option<Uid>) -> Result<bool> {
        if let Some(known) = self.known.get(&owner) {
            return Ok(*known);
        }
        let is_for_me = owner.is_some() && owner == self.me || !is_there(view, workspace, owner)?;
        self.known.insert(owner, is_for_me);
        Ok(is_for_me)
    }
}

fn is_there(view: &View, workspace: &Workspace, session: Option<Uid>) -> Result<bool> {
    let Some(session) = session.map(|uid| view.record(uid)).transpose()?.flatten() else { return Ok(false) };
    Ok(session::standing(view, &session, workspace.now())? == Standing::Active)
}

/// Remembers what was told, where the store can be written: else it is told again. The owner of a job that is at work is
/// told all the same if it was another who looked.
pub fn tell(workspace: &Workspace, seen: &[Seen]) {
    if seen.is_empty() {
        return;
    }
    let is_news = |items: Vec<Item>| items.iter().any(|item| seen.iter().any(|seen| seen.is(item)));
    if !workspace.read(|view| Ok(is_news(list(view)?))).unwrap_or(false) {
        return;
    }
    // An end told twice is better than one never told.
    let _ = workspace.store.write(|writer| forget(writer, workspace, seen));
}

/// What was seen is no news any more for this session.
pub(super) fn forget(writer: &mut Writer, workspace: &Workspace, seen: &[Seen]) -> Result<()> {
    let mut audience = Audience::of(writer, workspace)?;
    let (mut kept, mut count) = (Vec::new(), 0);
    for item in list(writer)? {
        count += 1;
        if !seen.iter().any(|seen| seen.is(&item)) || !audience.includes(writer, workspace, item.owner)? {
            kept.push(item);
        }
    }
    if kept.len() == count { Ok(()) } else { keep(writer, &kept) }
}

/// A job that is gone is nobody's news.
///
/// # Errors
/// As the store says.
pub(super) fn forget_job(workspace: &Workspace, job: Uid) -> Result<()> {
    if !workspace.read(|view| Ok(list(view)?.iter().any(|item| item.job == job)))? {
        return Ok(());
    }
    workspace.store.write(|writer| {
        let mut items = list(writer)?;
        items.retain(|item| item.job != job);
        keep(writer, &items)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_came_meanwhile_is_not_told_by_what_was_shown_before() {
        let uid = Uid::from_u128(7);
        let entry = |status: &str| Item { job: uid, owner: None, status: status.into(), is_quiet: status == "lost" };
        let seen = Seen { job: uid, status: "running".into() };
        assert!(seen.is(&entry("running")) && !seen.is(&entry("ok")));
        for entry in [entry("ok"), Item { owner: Some(uid), ..entry("lost") }] {
            let parsed = Item::parse(&entry.line()).unwrap();
            assert_eq!((parsed.job, parsed.owner), (entry.job, entry.owner));
            assert_eq!((parsed.status, parsed.is_quiet), (entry.status, entry.is_quiet));
        }
        assert!(Item::parse("").is_none() && Item::parse("x y z").is_none());
    }
}
