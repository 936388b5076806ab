//! The secondary index of a record: the terms under which the store lists it, and its order within each.
//!
//! One mechanism serves every list: a term is a word like `status:task:open`, its postings are sorted by `order`, and a
//! listing reads them from the front. So no command scans all records, and a new list is a new term here.

use super::record::Record;
use super::{field, id::Uid, kind};

/// What the terms of a record depend on beyond the record itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// A live record that it needs, or a live blocker, holds it up.
    pub blocked: bool,
    /// Another live record has the same key and says something else.
    pub conflicted: bool,
}

/// The terms of one record with its order in each: lower comes first.
#[must_use]
pub fn terms(record: &Record, facts: Facts) -> Vec<(String, u64)> {
    let recency = u64::MAX - record.updated.hlc;
    // Of what is not to be seen an export must know all the same that it is private.
    let mut terms: Vec<_> = record.flag(field::PRIVATE).then(|| (PRIVATE.to_owned(), recency)).into_iter().collect();
    let Some(birth) = record.birth.as_ref().filter(|_| record.is_visible()) else { return terms };
    terms.push((kind_term(record.kind()), recency));
    terms.push((status_term(record.kind(), record.status()), urgency(record)));
    terms.extend(record.tags().map(|tag| (tag_term(tag), recency)));
    terms.extend(record.elements(field::REF).map(|(reference, _)| (path_term(path_of(reference)), recency)));
    terms.extend(record.links().map(|(kind, to)| (incoming_term(to, kind), birth.stamp.hlc)));
    terms.extend(birth.session.map(|session| (session_term(session), recency)));
    terms.extend(record.claims().into_iter().map(|session| (claim_term(session), recency)));
    if let Some(key) = record.text(field::KEY) {
        terms.push((key_term(key), key_order(record, birth.stamp.hlc)));
    }
    if let Some(branch) = record.text(field::BRANCH) {
        terms.push((branch_term(branch, record.kind()), recency));
    }
    if kind::find(record.kind()).is_none() {
        terms.push((NEWER.to_owned(), recency));
    }
    if facts.conflicted {
        terms.push((CONFLICTS.to_owned(), recency));
    }
    terms.extend(queue_term(record, facts));
    terms
}

/// Open tasks stand in exactly one of the three queues.
fn queue_term(record: &Record, facts: Facts) -> Option<(String, u64)> {
    if record.kind() != kind::TASK || record.status() != "open" {
        return None;
    }
    Some(match (facts.blocked, record.get(field::DEFER).and_then(serde_json::Value::as_u64)) {
        (true, _) => (BLOCKED.to_owned(), urgency(record)),
        (false, Some(until)) => (DEFERRED.to_owned(), until),
        (false, None) => (READY.to_owned(), urgency(record)),
    })
}

/// Priority first, then what was touched last. Clock values fit into 60 bits until the year 2527, and none of their bits
/// may be lost: where the clock stands still or was set back, only the last ones tell what came later.
fn urgency(record: &Record) -> u64 {
    record.priority() << 60 | ((1 << 60) - 1_u64).saturating_sub(record.updated.hlc)
}

/// The part of the order under a status that says how long a record was not touched: lower is later.
#[must_use]
pub fn staleness(order: u64) -> u64 {
    order & ((1 << 60) - 1)
}

/// Live records first, oldest first; then the ended ones, newest first: however often a key was superseded, what holds is
/// found at the front.
fn key_order(record: &Record, born: u64) -> u64 {
    if record.is_live() { born.min(KEY_ORDER_ENDED - 1) } else { u64::MAX - born.min(KEY_ORDER_ENDED - 1) }
}

/// The path in a reference register's name, without its lines.
fn path_of(reference: &str) -> &str {
    match reference.rsplit_once(':') {
        Some((path, lines)) if lines.bytes().all(|b| b.is_ascii_digit() || b == b'-') => path,
        _ => reference,
    }
}

/// Open tasks that nothing holds up, most urgent first.
pub const READY: &str = "ready";
/// Open tasks with a defer-until time, earliest first.
pub const DEFERRED: &str = "deferred";
/// Open tasks that something holds up, most urgent first.
pub const BLOCKED: &str = "blocked";
/// Live records whose key another live record contradicts, newest first.
pub const CONFLICTS: &str = "conflicts";
/// Records that never leave the machine.
pub const PRIVATE: &str = "private";
/// Records of kinds that only a newer version knows.
pub const NEWER: &str = "newer";

/// All visible records of a kind, newest first.
#[must_use]
pub fn kind_term(kind: &str) -> String {
    format!("kind:{kind}")
}

/// The records of a kind in a status, most urgent first.
#[must_use]
pub fn status_term(kind: &str, status: &str) -> String {
    format!("status:{kind}:{status}")
}

/// The records with a tag, newest first.
#[must_use]
pub fn tag_term(tag: &str) -> String {
    format!("tag:{tag}")
}

/// The records that refer to a path, newest first.
#[must_use]
pub fn path_term(path: &str) -> String {
    format!("path:{path}")
}

/// The records that link to `target` with links of type `kind`, oldest first.
#[must_use]
pub fn incoming_term(target: Uid, kind: &str) -> String {
    format!("to:{target}:{kind}")
}

/// The beginning of the terms of all records that link to `target`.
#[must_use]
pub fn incoming_of(target: Uid) -> String {
    format!("to:{target}:")
}

/// The records that a session made, newest first.
#[must_use]
pub fn session_term(session: Uid) -> String {
    format!("session:{session}")
}

/// The records that a session claims, newest first.
#[must_use]
pub fn claim_term(session: Uid) -> String {
    format!("claim:{session}")
}

/// In the order under a key, ended records have this or more.
pub const KEY_ORDER_ENDED: u64 = 1 << 63;

/// The records with a key: live ones oldest first, then ended ones newest first.
#[must_use]
pub fn key_term(key: &str) -> String {
    format!("key:{key}")
}

/// The records of a kind made on a branch, newest first.
#[must_use]
pub fn branch_term(branch: &str, kind: &str) -> String {
    format!("branch:{kind}:{branch}")
}
