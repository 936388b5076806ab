//! `search`: the records that a text is about; the index where it is, the log for what it has not seen yet.
//!
//! The index is never believed blindly: its coverage (log identity, position, hash of the event there) must fit this log,
//! else all records are read as if none were indexed, and a rebuild is started. What changed since its position is the tail.

use super::Workspace;
use super::report::Line;
use super::{list::id_of, stale};
use crate::domain::digest;
use crate::domain::id::Uid;
use crate::domain::query::Query;
use crate::domain::{field, terms};
use crate::error::{Kind, Result};
use crate::index::{self, Change, Coverage, Document, Hits, Index, Page, Tail};
use crate::process::detach;
use crate::store::{View, files};
use serde::Serialize;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::Path;

/// What to search.
#[derive(Clone, Debug, Default)]
pub struct SearchInput {
    /// Words, phrases and filters.
    pub text: String,
    /// At most so many hits.
    pub limit: usize,
    /// Skip so many.
    pub offset: usize,
}

/// A found record.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The record.
    pub record: Line,
    /// A fragment with the matched words in brackets.
    pub snippet: String,
    /// Higher is better; comparable within one answer only.
    pub score: f32,
    /// Whether a file that it refers to has changed since.
    pub stale: bool,
    /// The parts of the score.
    pub parts: BTreeMap<String, f32>,
}

/// The report of `search`.
#[derive(Clone, Debug, Serialize)]
pub struct SearchReport {
    /// The hits, best first.
    pub hits: Vec<Found>,
    /// How many match in all.
    pub total: usize,
    /// Whether the total stopped counting.
    pub capped: bool,
    /// What of the query was not understood as it may have been meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How many changed records the index has not seen yet.
    pub behind: usize,
}

/// More changed records than this start a catch-up of the index.
pub const TAIL_MAX: usize = 256;

/// Finds records.
///
/// # Errors
/// As the store says; never because of the query.
pub fn search(workspace: &Workspace, input: &SearchInput) -> Result<SearchReport> {
    let now = workspace.now();
    let query = Query::parse(&input.text, now);
    workspace.read(|view| {
        let page = Page { limit: input.limit, offset: input.offset, now };
        let (hits, behind) = hits(view, &workspace.index(), &query, page)?;
        let mut found = Vec::new();
        for hit in hits.hits {
            let Some((record, body)) = view.record_and_body(hit.uid)? else { continue };
            found.push(Found {
                stale: stale::references(&record, &workspace.place).iter().any(|reference| reference.state.is_stale()),
                record: Line::of(view, &record, now)?,
                snippet: index::snippet(&query, record.title(), &body),
                score: hit.score,
                parts: hit.parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect(),
            });
        }
        Ok(SearchReport { hits: found, total: hits.total, capped: hits.capped, notes: query.notes.clone(), behind })
    })
}

/// The hits of a query and how far the index is behind; a doubtful index is left aside.
///
/// # Errors
/// As the store says.
pub fn hits(view: &View, index: &Index, query: &Query, page: Page) -> Result<(Hits, usize)> {
    match hits_on(view, index, believed(view, index)?.as_ref(), (query, page)) {
        Err(error) if index::is_unreadable(&error) => hits_on(view, index, None, (query, page)),
        other => other,
    }
}

/// Searches the index as it covers the log up to `base`, with the rest as tail; without base everything is the tail.
fn hits_on(
    view: &View,
    index: &Index,
    base: Option<&Coverage>,
    (query, page): (&Query, Page),
) -> Result<(Hits, usize)> {
    let changed = changed_since(view, base.map_or(0, |base| base.position))?;
    let mut names = SessionNames::new();
    let documents =
        changed.iter().filter_map(|uid| document(view, *uid, &mut names).transpose()).collect::<Result<Vec<_>>>()?;
    let tail = Tail { base, documents: &documents, changed: &changed };
    Ok((index.search(query, &tail, page)?, changed.len()))
}

/// How far the index covers this log; `None` if there is none that fits it.
pub(super) fn believed(view: &View, index: &Index) -> Result<Option<Coverage>> {
    let Some(held) = index.coverage() else { return Ok(None) };
    let fits = held.position > 0 && held.position < view.next_position() && held == coverage(view, held.position)?;
    Ok(fits.then_some(held))
}

/// What an index that covers the log up to `position` says of itself.
fn coverage(view: &View, position: u64) -> Result<Coverage> {
    let hash = view.event_bytes(position)?.map_or(0, |bytes| digest::sha256_u64(&bytes));
    Ok(Coverage { log: view.meta().replica.to_string(), position, hash })
}

/// Log positions read at a time, so that memory stays small.
const CHUNK: u64 = 2000;

/// The records that events after `position` touch. From the beginning that is all of them, those of newer
/// kinds included.
fn changed_since(view: &View, position: u64) -> Result<BTreeSet<Uid>> {
    let mut changed = BTreeSet::new();
    if position == 0 {
        view.scan_terms(&terms::kind_term(""), |uid| {
            changed.insert(uid);
            Ok(ControlFlow::Continue(()))
        })?;
        return Ok(changed);
    }
    let mut from = position + 1;
    while from < view.next_position() {
        let to = (from + CHUNK).min(view.next_position());
        changed.extend(view.events(from..to)?.into_iter().flat_map(|(_, event)| event.touches));
        from = to;
    }
    Ok(changed)
}

/// The short ids of sessions that were met.
type SessionNames = BTreeMap<Uid, String>;

/// What the index holds of a record; nothing if it is not to be seen.
fn document(view: &View, uid: Uid, names: &mut SessionNames) -> Result<Option<Document>> {
    let Some((record, body)) = view.record_and_body(uid)?.filter(|(record, _)| record.is_visible()) else {
        return Ok(None);
    };
    let Some(birth) = &record.birth else { return Ok(None) };
    Ok(Some(Document {
        uid,
        id: record.id().to_owned(),
        kind: record.kind().to_owned(),
        status: record.status().to_owned(),
        live: record.is_live(),
        title: record.title().to_owned(),
        body,
        key: record.text(field::KEY).map(str::to_owned),
        tags: record.tags().map(str::to_owned).collect(),
        paths: record.elements(field::REF).map(|(path, _)| path.to_owned()).collect(),
        session: birth.session.map(|session| session_name(view, session, names)).transpose()?,
        actor: birth.actor.clone(),
        branch: record.text(field::BRANCH).map(str::to_owned),
        created: birth.at,
        updated: record.updated_at,
    }))
}

fn session_name(view: &View, session: Uid, names: &mut SessionNames) -> Result<String> {
    Ok(match names.entry(session) {
        Entry::Occupied(name) => name.get().clone(),
        Entry::Vacant(place) => place.insert(id_of(view, session)?).clone(),
    })
}

/// Starts a detached catch-up if the index is missing, doubtful or far behind. Failing to is no failure of the command.
pub fn keep_up(workspace: &Workspace, program: &Path) {
    let behind = workspace.read(|view| {
        let covered = believed(view, &workspace.index())?.map_or(0, |covered| covered.position);
        Ok(view.next_position() - covered)
    });
    if behind.is_ok_and(|behind| behind > TAIL_MAX as u64) && files::is_writable(workspace.store.dir()) {
        detach::spawn(program, &[OsStr::new("catch-up"), OsStr::new("--store"), workspace.store.dir().as_os_str()]);
    }
}

/// Records that one step of a catch-up takes in: bounds its memory and the time that it holds the read lock.
const STEP: usize = 500;

/// Brings the index up to the end of the log; `progress` is told how many of how many records are in.
///
/// Only one at a time: who finds another at it leaves the work to that one. An index with a wrong checksum is built anew, so
/// that damage does not outlast the next catch-up. Returns whether anything was done.
///
/// # Errors
/// As the store or the index's disk says.
pub fn catch_up(workspace: &Workspace, progress: &dyn Fn(usize, usize)) -> Result<bool> {
    let index = workspace.index();
    let is_sound = index.verify().is_ok();
    let (base, target, changed) = workspace.read(|view| {
        let base = if is_sound { believed(view, &index)? } else { None };
        let target = coverage(view, view.next_position() - 1)?;
        let changed = changed_since(view, base.as_ref().map_or(0, |base| base.position))?;
        Ok((base, target, changed))
    })?;
    if target.position == 0 || base.as_ref() == Some(&target) {
        return Ok(false);
    }
    let uids: Vec<Uid> = changed.into_iter().collect();
    let chunks = || Chunks { workspace, uids: &uids, next: 0, ready: Vec::new().into_iter(), progress };
    let done = match base {
        Some(_) => index.update(&target, &mut chunks()),
        None => index.rebuild(&target, &mut chunks()),
    };
    match done {
        Err(error) if error.kind == Kind::Busy => Ok(false),
        Err(error) if index::is_unreadable(&error) => rebuild(workspace, &target, progress),
        other => other.map(|()| true),
    }
}

/// Builds the index anew from all records.
fn rebuild(workspace: &Workspace, target: &Coverage, progress: &dyn Fn(usize, usize)) -> Result<bool> {
    let uids: Vec<Uid> = workspace.read(|view| changed_since(view, 0))?.into_iter().collect();
    let mut chunks = Chunks { workspace, uids: &uids, next: 0, ready: Vec::new().into_iter(), progress };
    workspace.index().rebuild(target, &mut chunks).map(|()| true)
}

/// How often a rebuild waits for another process to finish with the index.
const WAITS_MAX: usize = 10;

/// Builds the index anew from all records, whatever state it is in, after whoever writes it now has finished.
///
/// # Errors
/// As the store or the index's disk says; `Busy` if others keep writing it.
pub fn reindex(workspace: &Workspace, progress: &dyn Fn(usize, usize)) -> Result<()> {
    let mut waits = 0;
    loop {
        let target = workspace.read(|view| coverage(view, view.next_position() - 1))?;
        match rebuild(workspace, &target, progress) {
            Err(error) if error.kind == Kind::Busy && waits < WAITS_MAX => workspace.index().wait_for_writer()?,
            done => return done.map(|_| ()),
        }
        waits += 1;
    }
}

/// The documents of changed records, read from the store a step at a time.
///
/// A record that changes between two steps is indexed newer than the position says; the next catch-up takes it again.
struct Chunks<'a> {
    workspace: &'a Workspace,
    uids: &'a [Uid],
    next: usize,
    ready: std::vec::IntoIter<Change>,
    progress: &'a dyn Fn(usize, usize),
}

impl Chunks<'_> {
    fn fill(&mut self) -> Result<()> {
        let step = &self.uids[self.next..(self.next + STEP).min(self.uids.len())];
        let changes = self.workspace.read(|view| {
            let mut names = SessionNames::new();
            let change = |uid: &Uid| Ok(Change { uid: *uid, document: document(view, *uid, &mut names)? });
            step.iter().map(change).collect::<Result<Vec<_>>>()
        })?;
        self.next += step.len();
        self.ready = changes.into_iter();
        (self.progress)(self.next, self.uids.len());
        Ok(())
    }
}

impl Iterator for Chunks<'_> {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.len() == 0
            && self.next < self.uids.len()
            && let Err(error) = self.fill()
        {
            return Some(Err(error));
        }
        self.ready.next().map(Ok)
    }
}
