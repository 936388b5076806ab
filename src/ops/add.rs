//! `add`: one record from its parts. Also what every other maker of records calls.
//!
//! A key decides what a second record means: same content, the same record (one more source); same session, the new one
//! supersedes; another session, both stay and are a conflict.

use super::report::Line;
use super::workspace::Place;
use super::{Workspace, address, edit, handoff, link, parts, resolve, search, stale};
use crate::domain::draft::Draft;
use crate::domain::id::Uid;
use crate::domain::kind::{self, Kind};
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::{field, terms, text, when};
use crate::error::{Error, Result};
use crate::index::Page;
use crate::store::{Registers, Writer};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// What to add.
#[derive(Clone, Debug, Default)]
pub struct AddInput {
    /// The record.
    pub draft: Draft,
    /// Records that this one supersedes.
    pub over: Vec<String>,
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A new record.
    Added,
    /// The same key and content were there already: this session is one more source.
    Same,
    /// A new record that supersedes this session's earlier one with the same key.
    Superseded,
    /// A new record whose key another session's record contradicts.
    Conflict,
    /// An existing record whose status was set.
    Updated,
}

/// One made record.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// The record.
    #[serde(flatten)]
    pub record: Line,
    /// What became of the draft.
    pub outcome: Outcome,
    /// The ids of records that it superseded, contradicts, or is the same as.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}

impl Made {
    /// What became of it in words; `contradicts` says it of a contradiction with others, whose ids it gets.
    #[must_use]
    pub fn told(&self, contradicts: impl FnOnce(&str) -> String) -> String {
        let others = self.others.join(", ");
        match self.outcome {
            Outcome::Added => "added".to_owned(),
            Outcome::Updated => format!("is {}", self.record.status),
            Outcome::Same => "says the same already: nothing new, one more source".to_owned(),
            Outcome::Superseded => format!("added, {others} superseded"),
            Outcome::Conflict => contradicts(&others),
        }
    }
}

/// Tasks by what becomes of them, everything else by kind, in the order of first mention: `2 done, 1 next, 1 decision`.
#[must_use]
pub fn counts(lines: &[Line]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for line in lines {
        let word = match (line.kind.as_str(), line.status.as_str()) {
            (kind::TASK, "open") => "next",
            (kind::TASK, "active") => "in progress",
            (kind::TASK, status) => status,
            (other, _) => other,
        };
        match counts.iter_mut().find(|(held, _)| *held == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// The report of `add`.
#[derive(Clone, Debug, Serialize)]
pub struct AddReport {
    /// What was made.
    pub records: Vec<Made>,
    /// Of a single finding or decision: the live ones that say something similar.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<Line>,
    /// What is odd about the references given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// How many similar records are named.
const NEAR_MAX: usize = 3;

/// Adds one record.
///
/// # Errors
/// `Usage` for a bad draft, `NotFound` for an unknown id, `Conflict` for a cycle; nothing is added then.
pub fn add(workspace: &Workspace, input: &AddInput) -> Result<AddReport> {
    let mut report = add_alone(workspace, input)?;
    if let Some(made) =
        report.records.first().filter(|made| [kind::FINDING, kind::DECISION].contains(&made.record.kind.as_str()))
    {
        // The record is durable: what fails from here on must not look as if it were not.
        report.near = near(workspace, &made.record).unwrap_or_default();
    }
    Ok(report)
}

/// The live findings and decisions that a search for the title finds beside the record itself.
fn near(workspace: &Workspace, record: &Line) -> Result<Vec<Line>> {
    let now = workspace.now();
    let mut query = Query::of_words(&record.title);
    query.filters = Query::parse("kind:finding kind:decision status:live", now).filters;
    workspace.read(|view| {
        let page = Page { limit: NEAR_MAX + 1, offset: 0, now, related: &[] };
        let (hits, _) = search::hits(view, &workspace.index(), &query, page)?;
        let mut found = Vec::new();
        for hit in hits.hits {
            if let Some(other) = view.record(hit.uid)?.filter(|other| other.id() != record.id) {
                found.push(Line::of(view, &other, now)?);
            }
        }
        found.truncate(NEAR_MAX);
        Ok(found)
    })
}

fn add_alone(workspace: &Workspace, input: &AddInput) -> Result<AddReport> {
    workspace.write(|writer| {
        let mut made = create(writer, &workspace.place, &input.draft, &Labels::new())?;
        for old in &input.over {
            let old = resolve::record(writer, old)?;
            supersede(writer, made.uid, &old)?;
            made.others.push(old.id().to_owned());
            made.outcome = Outcome::Superseded;
        }
        let record = reread(writer, made.uid)?;
        writer.because(format!("add {} {}: {}", record.kind(), record.id(), record.title()));
        let remarks = remarks(&input.draft, &workspace.place);
        Ok(AddReport { records: vec![made.report(writer)?], near: Vec::new(), remarks })
    })
}

/// What is odd about the references of a draft.
#[must_use]
pub fn remarks(draft: &Draft, place: &Place) -> Vec<String> {
    stale::remarks(draft.refs.iter().chain(&draft.entries), place)
}

/// The records of a batch by the labels of their drafts.
pub type Labels = BTreeMap<String, Uid>;

/// A draft that has become a record.
pub struct Created {
    /// The record.
    pub uid: Uid,
    /// What became of the draft.
    pub outcome: Outcome,
    /// The ids of the others involved.
    pub others: Vec<String>,
}

impl Created {
    /// Its report, after all of its links are made.
    ///
    /// # Errors
    /// `Corrupt` if the store cannot be read.
    pub fn report(self, writer: &Writer) -> Result<Made> {
        let record = reread(writer, self.uid)?;
        Ok(Made { record: Line::of(writer, &record, writer.now())?, outcome: self.outcome, others: self.others })
    }
}

/// The record as this transaction has left it.
///
/// # Errors
/// `Corrupt` if it is not there.
pub fn reread(writer: &Writer, uid: Uid) -> Result<Record> {
    writer
        .record(uid)?
        .ok_or_else(|| Error::new(crate::error::Kind::Corrupt, "a record that was just written is missing"))
}

/// Makes the record of a draft, with its links, by the rules of keys.
///
/// # Errors
/// As [`add`].
pub fn create(writer: &mut Writer, place: &Place, draft: &Draft, labels: &Labels) -> Result<Created> {
    let created = create_unlinked(writer, place, draft)?;
    link_draft(writer, created.uid, draft, labels)?;
    if let Some(to) = &draft.to {
        address::address(writer, created.uid, to, &place.cwd)?;
    }
    Ok(created)
}

/// Makes the record of a draft by the rules of keys, without its links.
///
/// # Errors
/// As [`add`].
pub fn create_unlinked(writer: &mut Writer, place: &Place, draft: &Draft) -> Result<Created> {
    let row = addable(&draft.kind)?;
    let set = registers(writer, place, draft, row)?;
    let created = match set.get(field::KEY).and_then(|key| key.as_str()).map(str::to_owned) {
        Some(key) => create_keyed(writer, row, set, &key)?,
        None => plain(writer.create(row.name, set)?.uid),
    };
    if row.name == kind::HANDOFF {
        handoff::replace(writer, created.uid)?;
    }
    Ok(created)
}

fn plain(uid: Uid) -> Created {
    Created { uid, outcome: Outcome::Added, others: Vec::new() }
}

fn create_keyed(writer: &mut Writer, row: &Kind, set: Registers, key: &str) -> Result<Created> {
    let mut held = writer.first(&terms::key_term(key), 50)?;
    held.retain(|record| record.is_live() && record.kind() == row.name);
    for record in &held {
        if is_same(writer, record, &set)? {
            return note_source(writer, record);
        }
    }
    let me = writer.session();
    let (own, foreign): (Vec<Record>, Vec<Record>) =
        held.into_iter().partition(|record| record.birth.as_ref().is_some_and(|birth| birth.session == me));
    let uid = writer.create(row.name, set)?.uid;
    for old in &own {
        supersede(writer, uid, old)?;
    }
    let outcome = match (foreign.is_empty(), own.is_empty()) {
        (false, _) => Outcome::Conflict,
        (true, false) => Outcome::Superseded,
        (true, true) => Outcome::Added,
    };
    Ok(Created { uid, outcome, others: own.iter().chain(&foreign).map(|record| record.id().to_owned()).collect() })
}

fn is_same(writer: &Writer, record: &Record, set: &Registers) -> Result<bool> {
    let text = |name: &str| set.get(name).and_then(|value| value.as_str()).unwrap_or("").to_owned();
    Ok(record.title() == text(field::TITLE) && writer.body(record)? == text(field::BODY))
}

/// The same said again: kept once, with one more source if another session said it.
fn note_source(writer: &mut Writer, record: &Record) -> Result<Created> {
    let by = record.birth.as_ref().and_then(|birth| birth.session);
    if let Some(session) = writer.session().filter(|session| Some(*session) != by) {
        let name = format!("{}{session}", field::ALSO);
        if record.get(&name).is_none() {
            writer.put(record.uid, Registers::from([(name, json!(true))]))?;
        }
    }
    Ok(Created { uid: record.uid, outcome: Outcome::Same, others: vec![record.id().to_owned()] })
}

/// Records that `new` takes the place of `old`: the link, and the status where the kind has it.
///
/// # Errors
/// `Conflict` if that would close a cycle.
pub fn supersede(writer: &mut Writer, new: Uid, old: &Record) -> Result<()> {
    let row = kind::find(old.kind());
    let Some(status) = row.and_then(|row| ["superseded", "dropped"].into_iter().find(|s| row.statuses.contains(s)))
    else {
        return Err(Error::conflict(format!("{} is a {}, which nothing supersedes", old.id(), old.kind())));
    };
    link::connect(writer, new, field::link::SUPERSEDES, old.uid)?;
    if old.is_live() {
        writer.put(old.uid, edit::into_status(old, status))?;
    }
    Ok(())
}

fn addable(name: &str) -> Result<&'static Kind> {
    match kind::find(name) {
        Some(row) if row.addable => Ok(row),
        Some(row) if row.planned => Err(Error::usage(format!("a {} cannot be added yet", row.name))),
        Some(row) => Err(Error::usage(format!("a {} is not added by hand", row.name)).hint(match row.name {
            kind::SESSION => "a session begins with its first command; name it with --session or STATE_SESSION",
            kind::JOB => "state run -- COMMAND",
            kind::RULE => "state run --on EVENT -- COMMAND",
            _ => "state checkpoint NAME STEP",
        })),
        None => {
            let names: Vec<&str> = kind::KINDS.iter().filter(|row| row.addable).map(|row| row.name).collect();
            let error = Error::usage(format!("no kind '{}'; kinds: {}", text::clean_line(name), names.join(", ")));
            Err(match text::nearest(name, names.iter().copied(), 2) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error,
            })
        }
    }
}

/// Checks and cleans the parts of a draft.
///
/// # Errors
/// `Usage` for what cannot be kept.
pub fn registers(writer: &Writer, place: &Place, draft: &Draft, row: &Kind) -> Result<Registers> {
    let mut set = Registers::new();
    let mut put = |name: &str, value: serde_json::Value| set.insert(name.to_owned(), value);
    put(field::TITLE, json!(parts::title(&draft.title)?));
    let body = parts::body(&draft.body)?;
    if !body.is_empty() {
        put(field::BODY, json!(body));
    }
    if let Some(name) = &draft.status {
        put(field::STATUS, json!(parts::status(row, name)?));
    }
    if let Some(level) = draft.priority {
        put(field::PRIORITY, json!(parts::priority(u64::from(level))?));
    }
    if let Some(key) = &draft.key {
        put(field::KEY, json!(parts::key(key)?));
    }
    if let Some(until) = &draft.defer {
        put(field::DEFER, json!(when::parse_future(until, writer.now())?.timestamp_millis()));
    }
    if draft.private {
        put(field::PRIVATE, json!(true));
    }
    if let Some(branch) = draft.branch.as_ref().or(place.branch.as_ref()) {
        put(field::BRANCH, json!(text::clean_line(branch)));
    }
    put(field::WORKTREE, json!(place.worktree));
    for tag in &draft.tags {
        put(&field::tag(&parts::tag(tag)?), json!(true));
    }
    for reference in &draft.refs {
        let (name, value) = stale::register(reference, place)?;
        put(&name, value);
    }
    for reference in &draft.entries {
        let (name, value) = stale::entry_register(reference, place)?;
        put(&name, value);
    }
    if let Some(reason) = &draft.reason {
        put(field::REASON, json!(text::clean_line(reason)));
    }
    // Masked here too: a key is looked up, and a body compared, as they are kept.
    Ok(writer.masked(set))
}

/// Makes the links of a draft; `labels` are those of its batch.
///
/// # Errors
/// `NotFound` for an unknown target, `Conflict` for a cycle.
pub fn link_draft(writer: &mut Writer, uid: Uid, draft: &Draft, labels: &Labels) -> Result<()> {
    let needs = draft.needs.iter().map(|to| (field::link::NEEDS, to.as_str()));
    let parent = draft.parent.iter().map(|to| (field::link::PARENT, to.as_str()));
    let links = draft.links.iter().map(|link| (link.kind.as_str(), link.to.as_str()));
    for (kind, to) in needs.chain(parent).chain(links) {
        let target = match labels.get(to) {
            Some(target) => *target,
            None => resolve::record(writer, to)?.uid,
        };
        link::connect(writer, uid, &link::kind(kind)?, target)?;
    }
    Ok(())
}
