//! The shapes that every door prints: a record as a line of a list, and in full.
//!
//! Times are RFC 3339 in UTC, ids short ids, absent fields left out. Fields are only ever added.

use super::stale;
use super::{session, workspace::Place};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, kind, terms};
use crate::error::Result;
use crate::store::View;
use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A record as one line of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its short id.
    pub id: String,
    /// The name of its kind.
    pub kind: String,
    /// One of the kind's statuses.
    pub status: String,
    /// One line.
    pub title: String,
    /// 0 (most urgent) to 4; tasks and blockers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u64>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The branch that it was made on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub actor: String,
    /// Live records that hold it up: their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
    /// The id of the session that has claimed it and is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
    /// Not ready before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defer: Option<DateTime<Utc>>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it last changed.
    pub updated: DateTime<Utc>,
}

/// How many blockers a line names.
const BLOCKERS_MAX: usize = 5;

impl Line {
    /// The line of a record as the view shows it.
    ///
    /// # Errors
    /// `Corrupt` if the store cannot be read.
    pub fn of(view: &View, record: &Record, now: DateTime<Utc>) -> Result<Self> {
        let is_task = record.kind() == kind::TASK;
        let blockers = if is_task && record.is_live() { view.blockers(record, BLOCKERS_MAX)? } else { Vec::new() };
        let holder = if record.status() == "active" && is_task { session::holder(view, record, now)? } else { None };
        let birth = record.birth.as_ref();
        Ok(Self {
            id: record.id().to_owned(),
            kind: record.kind().to_owned(),
            status: record.status().to_owned(),
            title: record.title().to_owned(),
            priority: (is_task || record.kind() == kind::BLOCKER).then(|| record.priority()),
            tags: record.tags().map(str::to_owned).collect(),
            key: record.text(field::KEY).map(str::to_owned),
            branch: record.text(field::BRANCH).map(str::to_owned),
            actor: birth.map(|birth| birth.actor.clone()).unwrap_or_default(),
            blocked_by: blockers.iter().map(|blocker| blocker.id().to_owned()).collect(),
            claimed_by: holder.map(|session| session.id().to_owned()),
            defer: record.deferred_until().filter(|until| *until > now),
            // As they are kept: a record just written still has what the clock said.
            created: birth.map_or(record.updated_at, |birth| birth.at).trunc_subsecs(3),
            updated: record.updated_at.trunc_subsecs(3),
        })
    }
}

/// The other end of a link.
#[derive(Clone, Debug, Serialize)]
pub struct LinkEnd {
    /// The type of the link.
    pub kind: String,
    /// The id of the other record.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
}

/// A pointer to a file, and whether the file still says the same.
#[derive(Clone, Debug, Serialize)]
pub struct Reference {
    /// `path`, `path:line` or `path:from-to`, relative to the worktree's root.
    pub path: String,
    /// `fresh`, `changed`, `missing`, or `unknown` if no hash was taken.
    pub state: stale::State,
    /// Whether it is to be read first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub entry: bool,
    /// The commit that was checked out when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A record in full.
#[derive(Clone, Debug, Serialize)]
pub struct Full {
    /// Its line.
    #[serde(flatten)]
    pub line: Line,
    /// Markdown.
    pub body: String,
    /// Links from it.
    pub links: Vec<LinkEnd>,
    /// Links to it.
    pub backlinks: Vec<LinkEnd>,
    /// The files that it points to.
    pub refs: Vec<Reference>,
    /// Whether any of them has changed since.
    pub stale: bool,
    /// The session that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The worktree that it was made in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    /// Never leaves the machine.
    pub private: bool,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its creation was undone.
    pub undone: bool,
    /// When its text was erased for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<DateTime<Utc>>,
    /// Live records with the same key that say something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<LinkEnd>,
    /// Everything else that it holds, by register name: origin, checkpoint steps and data, what newer versions wrote.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, Value>,
}

/// What is said of a record that nobody wrote.
pub const AUTO: &str = "made by state from the session's traces";

/// How many incoming links are shown.
const BACKLINKS_MAX: usize = 50;

impl Full {
    /// Whether it was made from what a session left behind.
    #[must_use]
    pub fn is_auto(&self) -> bool {
        self.more.get(field::AUTO).is_some_and(|value| *value == true)
    }

    /// Everything about a record.
    ///
    /// # Errors
    /// `Corrupt` if the store cannot be read.
    pub fn of(view: &View, record: &Record, place: &Place, now: DateTime<Utc>) -> Result<Self> {
        let refs = stale::references(record, place);
        let made_by = record.birth.as_ref().and_then(|birth| birth.session);
        let contradicting = view.contradicting(record, BLOCKERS_MAX)?;
        Ok(Self {
            line: Line::of(view, record, now)?,
            body: view.body(record)?,
            links: record.links().map(|(kind, uid)| end(view, kind, uid)).collect::<Result<_>>()?,
            backlinks: backlinks(view, record.uid)?,
            stale: refs.iter().any(|reference| reference.state.is_stale()),
            refs,
            session: made_by.map(|uid| view.record(uid)).transpose()?.flatten().map(|session| session.id().to_owned()),
            worktree: record.text(field::WORKTREE).map(str::to_owned),
            private: record.flag(field::PRIVATE),
            reason: record.text(field::REASON).map(str::to_owned),
            undone: record.flag(field::GONE),
            erased: record.get(field::ERASED).and_then(Value::as_i64).and_then(DateTime::from_timestamp_millis),
            conflicts: contradicting.iter().map(|other| end_of("contradicts", other)).collect(),
            more: more(record),
        })
    }
}

fn end(view: &View, kind: &str, uid: Uid) -> Result<LinkEnd> {
    Ok(match view.record(uid)? {
        Some(record) => end_of(kind, &record),
        None => LinkEnd { kind: kind.to_owned(), id: "?".to_owned(), title: String::new(), status: String::new() },
    })
}

fn end_of(kind: &str, record: &Record) -> LinkEnd {
    LinkEnd {
        kind: kind.to_owned(),
        id: record.id().to_owned(),
        title: record.title().to_owned(),
        status: record.status().to_owned(),
    }
}

fn backlinks(view: &View, uid: Uid) -> Result<Vec<LinkEnd>> {
    let mut found = Vec::new();
    view.scan_terms(&terms::incoming_of(uid), |source| {
        if let Some(record) = view.record(source)? {
            found.extend(record.links().filter(|(_, to)| *to == uid).map(|(kind, _)| end_of(kind, &record)));
        }
        Ok(if found.len() < BACKLINKS_MAX {
            std::ops::ControlFlow::Continue(())
        } else {
            std::ops::ControlFlow::Break(())
        })
    })?;
    Ok(found)
}

/// The registers that have no field of their own in [`Full`].
fn more(record: &Record) -> BTreeMap<String, Value> {
    const ELEMENTS: [&str; 4] = [field::TAG, field::LINK, field::REF, field::CLAIM];
    let shown = |name: &str| {
        field::NAMED.contains(&name) || name == field::ERASED || ELEMENTS.iter().any(|prefix| name.starts_with(prefix))
    };
    let rest = record.registers.iter().filter(|(name, register)| !shown(name) && !register.value.is_null());
    rest.map(|(name, register)| (name.clone(), register.value.clone())).collect()
}
