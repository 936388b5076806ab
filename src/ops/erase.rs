//! `erase`: the text of a record, gone for good from log, views, index and blobs. The one exception to append-only.
//!
//! Two steps: an ordinary event marks the record as erased, which other replicas see too, then the log is rewritten with
//! every text of the record left out of every event, and what is derived from it is made anew. The events stay, so that
//! history counts and replicas agree on what they have seen. Repeating it does what an interrupted one left.

use super::doctor::Progress;
use super::{Workspace, handoff, job, resolve, search};
use crate::domain::event::{Change, CommitId, Event};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::snapshot::Stands;
use crate::domain::{field, kind, text};
use crate::error::{Error, Kind, Result};
use crate::store::{self, Registers, View};
use serde::Serialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What stands where a text was.
pub const ERASED: &str = "(erased)";

/// Registers that hold no text of the record; all others go.
const KEPT: [&str; 6] = [field::STATUS, field::PRIORITY, field::PRIVATE, field::DEFER, field::GONE, field::ERASED];
/// Sets of registers whose names and values hold no text of the record.
const KEPT_SETS: [&str; 2] = [field::LINK, field::CLAIM];
/// Registers that the mark clears; the names of others could say what was in them.
const CLEARED: [&str; 13] = [
    field::BODY,
    field::KEY,
    field::REASON,
    field::SOURCE,
    field::ORIGIN,
    field::DATA,
    field::LABEL,
    field::COMMAND,
    field::MATCHED,
    field::ON,
    field::TRAIL,
    field::KEPT,
    field::SHA256,
];

/// A text of the record that is shorter is not sought in other records: it would be found everywhere.
const SOUGHT_CHARS_MIN: usize = 12;
/// How often the log is gone over because somebody changed the record meanwhile.
const ROUNDS_MAX: usize = 5;

/// What to erase.
#[derive(Clone, Debug)]
pub struct EraseInput {
    /// Its id, a unique prefix, or its key.
    pub id: String,
    /// Its id once more; without it nothing is changed.
    pub confirm: Option<String>,
}

/// The report of `erase`.
#[derive(Clone, Debug, Serialize)]
pub struct EraseReport {
    /// The record.
    pub id: String,
    /// Whether its text is gone now.
    pub erased: bool,
    /// How many events hold text of it.
    pub events: usize,
    /// How many blobs hold its bodies alone.
    pub blobs: usize,
    /// Other records that quote its title.
    pub quoted_in: Vec<String>,
    /// Where else the text may be.
    pub elsewhere: Vec<String>,
}

/// Says what erasing a record would do, or does it if its id is given once more.
///
/// # Errors
/// `NotFound` for an unknown id; `Usage` if the confirmation names another record; as the store says.
pub fn erase(workspace: &Workspace, input: &EraseInput, progress: Progress<'_>) -> Result<EraseReport> {
    let plan = workspace.read(|view| Plan::of(view, &resolve::record(view, &input.id)?))?;
    let Some(confirm) = &input.confirm else { return plan.report(workspace, false) };
    if *confirm != plan.id {
        return Err(Error::usage(format!("--confirm {confirm} does not name {}", plan.id))
            .hint(format!("after a look at it (state show {0}): state erase {0} --confirm {0}", plan.id)));
    }
    let (noted, doomed) = workspace.read(|view| {
        let record = record(view, plan.uid)?;
        job::erase::check(&record)?;
        Ok((session_of(view, &record)?, record))
    })?;
    job::erase::remove(workspace, &doomed)?;
    mark(workspace, &plan)?;
    // The text of a handoff would come back with its session.
    workspace.store.activities().forget_kept();
    plan.forget_notes(workspace, noted.as_deref());
    let mut report = plan.report(workspace, true)?;
    for _ in 0..ROUNDS_MAX {
        let now = workspace.read(|view| Plan::of(view, &record(view, plan.uid)?))?;
        let done = now.apply(workspace, progress)?;
        report.quoted_in = quoted_in(workspace, &done)?;
        report.blobs += done.removed;
        if workspace.read(|view| Plan::of(view, &record(view, plan.uid)?))?.is_done() {
            search::reindex(workspace, &|done, total| progress("index", done, total))?;
            return Ok(report);
        }
    }
    Err(Error::new(Kind::Busy, format!("{} is being changed all the time", report.id))
        .hint("run the same command again"))
}

fn record(view: &View, uid: Uid) -> Result<Record> {
    view.record(uid)?.ok_or_else(|| Error::new(Kind::NotFound, "the record is gone"))
}

/// The name of the session whose notes made the record, or that it is.
fn session_of(view: &View, record: &Record) -> Result<Option<String>> {
    let of_handoff = || record.birth.as_ref().filter(|_| handoff::is_auto(record)).and_then(|birth| birth.session);
    let session = if record.kind() == kind::SESSION { Some(record.uid) } else { of_handoff() };
    let session = session.map(|uid| view.record(uid)).transpose()?.flatten();
    Ok(session.map(|session| session.title().to_owned()))
}

/// Marks the record as erased with an ordinary event, unless it is.
fn mark(workspace: &Workspace, plan: &Plan) -> Result<()> {
    workspace.write(|writer| {
        let record = record(writer, plan.uid)?;
        if record.get(field::ERASED).is_some() && record.title() == ERASED {
            return Ok(());
        }
        let mut set: Registers = CLEARED.into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
        set.retain(|name, _| record.get(name).is_some());
        set.insert(field::TITLE.to_owned(), json!(ERASED));
        set.insert(field::ERASED.to_owned(), json!(writer.now().timestamp_millis()));
        writer.put(record.uid, set)?;
        writer.because(format!("erase {}", record.id()));
        Ok(())
    })
}

/// What of a log is to be rewritten.
struct Plan {
    uid: Uid,
    id: String,
    /// The transactions that change the record: their reasons quote it.
    commits: Vec<CommitId>,
    /// Titles and other short texts that it ever had, long enough to be sought elsewhere.
    sought: BTreeSet<String>,
    events: usize,
    blobs: BTreeSet<String>,
    /// Whether a reason still stands in one of the transactions.
    has_reasons: bool,
}

/// What a rewrite met.
#[derive(Default)]
struct Met {
    /// Blobs that events of the record named.
    own: BTreeSet<String>,
    /// Blobs that events of others name.
    others: BTreeSet<String>,
    quoting: BTreeSet<Uid>,
    last: u64,
    removed: usize,
}

impl Plan {
    fn of(view: &View, record: &Record) -> Result<Self> {
        let mut plan = Self {
            uid: record.uid,
            id: record.id().to_owned(),
            commits: Vec::new(),
            sought: BTreeSet::new(),
            events: 0,
            blobs: BTreeSet::new(),
            has_reasons: false,
        };
        for position in view.history(record.uid)? {
            let Some(event) = view.event(position)? else { continue };
            plan.events += usize::from(holds_text(&event, record.uid));
            plan.blobs.extend(store::blob_of(&event).map(str::to_owned));
            plan.sought.extend(short_texts(&event));
            if !is_mark(&event) {
                plan.commits.push(event.commit_id());
            }
            for (first, _) in view.commits_before(position + 1, 1)? {
                let why = view.event(first)?.filter(|_| !is_mark(&event)).and_then(|event| event.why);
                plan.has_reasons |= why.is_some_and(|why| why != ERASED);
            }
        }
        Ok(plan)
    }

    fn is_done(&self) -> bool {
        self.events == 0 && !self.has_reasons
    }

    fn report(&self, workspace: &Workspace, erased: bool) -> Result<EraseReport> {
        let mut met = Met::default();
        if !erased {
            self.scan(workspace, &mut met)?;
        }
        Ok(EraseReport {
            id: self.id.clone(),
            erased,
            events: self.events,
            blobs: if erased { 0 } else { self.blobs.difference(&met.others).count() },
            quoted_in: quoted_in(workspace, &met)?,
            elsewhere: ELSEWHERE.map(str::to_owned).to_vec(),
        })
    }

    /// Forgets what hooks noted of the session, and whatever else they noted that quotes the record.
    fn forget_notes(&self, workspace: &Workspace, session: Option<&str>) {
        let activities = workspace.store.activities();
        if let Some(session) = session {
            activities.erase(session);
        }
        let quotes = |text: &str| self.sought.iter().any(|sought| text.contains(sought.as_str()));
        let quoting = activities.all(workspace.now()).into_iter().filter(|activity| activity.texts().any(quotes));
        quoting.for_each(|activity| activities.erase(&activity.session));
        workspace.store.forget_hook_failures(&|line| quotes(line));
    }

    /// Looks at every event, in short reads.
    fn scan(&self, workspace: &Workspace, met: &mut Met) -> Result<()> {
        const CHUNK: u64 = 1_000;
        let (mut from, end) = (1, workspace.read(|view| Ok(view.next_position()))?);
        while from < end {
            let to = (from + CHUNK).min(end);
            let events = workspace.read(|view| view.events(from..to))?;
            for (position, event) in &events {
                self.meet(*position, event, met);
            }
            from = to;
        }
        Ok(())
    }

    fn meet(&self, position: u64, event: &Event, met: &mut Met) {
        met.last = met.last.max(position);
        let is_own = event.touches.contains(&self.uid);
        let blobs = if is_own { &mut met.own } else { &mut met.others };
        blobs.extend(store::blob_of(event).map(str::to_owned));
        if !is_own && self.is_quoted_by(event) {
            met.quoting.extend(event.touches.iter().copied());
        }
    }

    fn is_quoted_by(&self, event: &Event) -> bool {
        let Some(put) = event.put() else { return false };
        let mut texts = put.set.values().filter_map(Value::as_str);
        texts.any(|text| self.sought.iter().any(|sought| text.contains(sought.as_str())))
    }

    /// Rewrites the log without the text, then removes the blobs that only this record named.
    fn apply(&self, workspace: &Workspace, progress: Progress<'_>) -> Result<Met> {
        let met = RefCell::new(Met::default());
        workspace.store.rewrite(
            &mut |position, event| {
                self.meet(position, &event, &mut met.borrow_mut());
                Ok(Some(self.without_text(event)))
            },
            &|done, total| progress("log", done, total),
        )?;
        let mut met = met.into_inner();
        let alone: BTreeSet<String> =
            met.own.union(&self.blobs).filter(|name| !met.others.contains(*name)).cloned().collect();
        met.removed = workspace.store.discard_blobs(alone, met.last + 1)?.len();
        Ok(met)
    }

    fn without_text(&self, mut event: Event) -> Event {
        let is_mark = is_mark(&event);
        if let Some(why) = &mut event.why {
            if self.commits.contains(&CommitId { replica: event.stamp.replica, seq: event.commit }) && !is_mark {
                ERASED.clone_into(why);
            }
            for sought in &self.sought {
                *why = why.replace(sought.as_str(), ERASED);
            }
        }
        if event.touches.contains(&self.uid) {
            strip(&mut event, self.uid);
        }
        event
    }
}

/// Whether a register may stay: its name and value hold no text of the record.
fn is_kept(name: &str, value: &Value) -> bool {
    KEPT.contains(&name)
        || KEPT_SETS.iter().any(|prefix| name.starts_with(prefix))
        || name == field::TITLE && value == ERASED
        || value.is_null() && CLEARED.contains(&name)
}

/// Leaves the text out of an event about the record.
fn strip(event: &mut Event, uid: Uid) {
    let alone = event.touches == [uid];
    let mut stands = Stands::of(event);
    match &mut event.change {
        Change::Put(put) if put.uid == uid => {
            put.set.retain(|name, value| is_kept(name, value));
            put.extra.clear();
            if let Some(create) = &mut put.create {
                create.extra.clear();
            }
            if let Some(stands) = &mut stands {
                stands.stamps.retain(|name, _| put.set.contains_key(name));
            }
        }
        Change::Unknown { value, .. } if alone => *value = Value::Null,
        _ => {}
    }
    if alone {
        event.extra.clear();
        if let Some(stands) = stands {
            stands.put_into(event);
        }
    }
}

/// Whether an event marks its record as erased.
#[must_use]
pub fn is_mark(event: &Event) -> bool {
    event.put().and_then(|put| put.set.get(field::ERASED)).is_some_and(|at| !at.is_null())
}

/// Whether an event holds text of this record.
#[must_use]
pub fn holds_text(event: &Event, uid: Uid) -> bool {
    let mut stripped = event.clone();
    strip(&mut stripped, uid);
    stripped != *event
}

/// The texts of one line in an event that are long enough to be sought elsewhere.
fn short_texts(event: &Event) -> Vec<String> {
    let Some(put) = event.put() else { return Vec::new() };
    let lines = [field::TITLE, field::KEY, field::REASON].into_iter().filter_map(|name| put.set.get(name)?.as_str());
    lines.filter(|line| line.chars().count() >= SOUGHT_CHARS_MIN && *line != ERASED).map(str::to_owned).collect()
}

fn quoted_in(workspace: &Workspace, met: &Met) -> Result<Vec<String>> {
    workspace.read(|view| {
        let records = met.quoting.iter().map(|uid| view.record(*uid));
        let ids = records.collect::<Result<Vec<_>>>()?.into_iter().flatten();
        Ok(ids.map(|record| text::clean_line(record.id())).collect())
    })
}

/// Where no command of this store reaches.
const ELSEWHERE: [&str; 6] = [
    "backups made by state export --backup before now, and copies of the store's directory",
    "files made by state export",
    "other replicas that took the events in: erase it there too",
    "the git history, if the text came from a file or went into one",
    "transcripts and logs of the agents that saw it",
    "what hooks note of sessions that still run, if these speak of it (activity/ in the store)",
];
