//! Matching a query against the index where it is believed, and the log for what it has not seen yet.

use crate::domain::id::Uid;
use crate::domain::query::Query;
use crate::domain::{digest, field, terms};
use crate::error::Result;
use crate::index::{self, Coverage, Document, Hits, Index, Page, Tail};
use crate::ops::list::id_of;
use crate::store::View;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// The hits of a query and how far the index is behind; a doubtful index is left aside.
///
/// # Errors
/// As the store says.
pub fn hits(view: &View, index: &Index, query: &Query, page: Page) -> Result<(Hits, usize)> {
    with_tail(view, index, |tail| Ok((index.search(query, tail, page)?, tail.changed.len())))
}

/// Log positions that the index has not seen and that [`quick_hits`] looks at all the same.
const FEW: u64 = 100;

/// As [`hits`], for a suggestion that must cost little: what the index has not seen counts only while it is little.
///
/// # Errors
/// As the store says.
pub fn quick_hits(view: &View, index: &Index, query: &Query, page: Page<'_>) -> Result<Hits> {
    let base = believed(view, index)?;
    let unseen = view.next_position() - base.as_ref().map_or(0, |base| base.position);
    if unseen <= FEW {
        return Ok(hits(view, index, query, page)?.0);
    }
    let Some(base) = base else { return Ok(Hits::default()) };
    let tail = Tail { base: Some(&base), documents: &[], changed: &BTreeSet::new() };
    match index.search(query, &tail, page) {
        Err(error) if index::is_unreadable(&error) => Ok(Hits::default()),
        found => found,
    }
}

/// The words most like `word` that occur, best first; none if it occurs itself.
///
/// # Errors
/// As the store says.
pub(super) fn similar(view: &View, index: &Index, word: &str) -> Result<Vec<String>> {
    with_tail(view, index, |tail| index.similar(word, tail))
}

/// Looks with the records that the index has not seen; if it cannot be read, with all records.
fn with_tail<T>(view: &View, index: &Index, look: impl Fn(&Tail<'_>) -> Result<T>) -> Result<T> {
    let looked = |base: Option<&Coverage>| {
        let changed = changed_since(view, base.map_or(0, |base| base.position))?;
        let mut names = SessionNames::new();
        let documents = changed.iter().filter_map(|uid| document(view, *uid, &mut names).transpose());
        let documents = documents.collect::<Result<Vec<_>>>()?;
        look(&Tail { base, documents: &documents, changed: &changed })
    };
    match looked(believed(view, index)?.as_ref()) {
        Err(error) if index::is_unreadable(&error) => looked(None),
        other => other,
    }
}

/// How far the index covers this log; `None` if there is none that fits it.
pub(in crate::ops) fn believed(view: &View, index: &Index) -> Result<Option<Coverage>> {
    let Some(held) = index.coverage() else { return Ok(None) };
    let fits = held.position > 0 && held.position < view.next_position() && held == coverage(view, held.position)?;
    Ok(fits.then_some(held))
}

/// What an index that covers the log up to `position` says of itself.
pub(super) fn coverage(view: &View, position: u64) -> Result<Coverage> {
    let hash = view.event_bytes(position)?.map_or(0, |bytes| digest::sha256_u64(&bytes));
    Ok(Coverage { log: view.meta().replica.to_string(), position, hash })
}

/// Log positions read at a time, so that memory stays small.
const CHUNK: u64 = 2000;

/// The records that events after `position` touch. From the beginning that is all of them, those of newer
/// kinds included.
pub(super) fn changed_since(view: &View, position: u64) -> Result<BTreeSet<Uid>> {
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
pub(super) type SessionNames = BTreeMap<Uid, String>;

/// What the index holds of a record; nothing if it is not to be seen.
pub(super) fn document(view: &View, uid: Uid, names: &mut SessionNames) -> Result<Option<Document>> {
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
        place: view.history(uid)?.first().copied().unwrap_or(0),
    }))
}

fn session_name(view: &View, session: Uid, names: &mut SessionNames) -> Result<String> {
    Ok(match names.entry(session) {
        Entry::Occupied(name) => name.get().clone(),
        Entry::Vacant(place) => place.insert(id_of(view, session)?).clone(),
    })
}
