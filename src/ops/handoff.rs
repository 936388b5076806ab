//! The handoff of a session that wrote none: one record, made of what hooks and transcript hold, replaced by a real one.
//!
//! It is keyed `auto/SESSION`, belongs to that session, and is written as that session: whoever calls this need not be it,
//! and does not begin to act by it.

use super::workspace::Place;
use super::{Workspace, add, transcript};
use crate::domain::activity::Activity;
use crate::domain::draft::Draft;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::transcript::{Story, compose, is_trivial};
use crate::domain::{field, kind, secret, terms};
use crate::error::{Error, Kind, Result};
use crate::store::{Registers, View, Writer};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;

/// Of the records that a session touched last, so many are looked at for a handoff.
const READ_MAX: usize = 300;
/// Handoffs with the same key that are looked at.
const KEYED_MAX: usize = 50;
/// Why an automatic handoff ends.
const REPLACED: &str = "replaced by a real one";

/// Whether a record was made by `state` itself.
#[must_use]
pub fn is_auto(record: &Record) -> bool {
    record.flag(field::AUTO)
}

/// Leaves a handoff for a session that wrote none since it was asked for something last, and returns its id if anything
/// was written. A transcript that is missing or cannot be read is done without.
///
/// # Errors
/// `NotFound` if there is no such session, or as the store says.
pub fn leave(workspace: &Workspace, session: Uid, activity: &Activity) -> Result<Option<String>> {
    let path = activity.transcript.as_deref().map(Path::new);
    let story = path.and_then(|path| transcript::read(path).ok()).unwrap_or_default();
    // Whoever comes next may be in another worktree.
    let root = Some(Path::new(&activity.root)).filter(|root| root.is_absolute()).unwrap_or(&workspace.place.root);
    let story = transcript::within(story, root).with_texts(&masked);
    let Some(draft) = compose(activity, &story) else { return Ok(None) };
    let is_trivial = is_trivial(activity, &story);
    let asked_at = activity.asked_at.max(story.asked_at);
    workspace.change(|writer| {
        let session = writer
            .record(session)?
            .filter(|record| record.kind() == kind::SESSION)
            .ok_or_else(|| Error::new(Kind::NotFound, "there is no such session to leave a handoff for"))?;
        let actor = if activity.host.is_empty() { born_by(&session) } else { activity.host.clone() };
        writer.act_as(Some(session.uid), &actor);
        put(
            writer,
            workspace,
            &Automatic { session: &session, draft: &draft, is_trivial, asked_at, at: activity.seen_at, past: None },
        )
    })
}

/// Text is shortened when the handoff is composed, and half a secret is not known for one.
pub(super) fn masked(text: &str) -> String {
    secret::mask(text).into_owned()
}

fn born_by(session: &Record) -> String {
    session.birth.as_ref().map(|birth| birth.actor.clone()).unwrap_or_default()
}

/// What is to be left, and for whom.
pub(super) struct Automatic<'a> {
    /// Its record.
    pub session: &'a Record,
    /// The handoff.
    pub draft: &'a Draft,
    /// Whether nothing in it is worth hiding another for.
    pub is_trivial: bool,
    /// When the session was asked for something last.
    pub asked_at: Option<DateTime<Utc>>,
    /// As of when it is written, if not now.
    pub at: Option<DateTime<Utc>>,
    /// When it was over, if that is long ago.
    pub past: Option<DateTime<Utc>>,
}

/// Writes an automatic handoff, brings the one that is there up to date, or leaves the field to a real one. The writer
/// acts as the session already.
pub(super) fn put(writer: &mut Writer, workspace: &Workspace, auto: &Automatic) -> Result<Option<String>> {
    let held = last(writer, auto.session, auto.past.is_none())?;
    if let Some(real) = real_since(writer, auto.session.uid, auto.asked_at)? {
        let live = held.filter(Record::is_live);
        return live.map_or(Ok(None), |held| supersede(writer, real.uid, &held).map(|()| None));
    }
    let mut set = registers(writer, workspace, auto)?;
    let at = auto.past.or(auto.at).unwrap_or(writer.now());
    let record = match held {
        Some(held) if is_same(writer, &held, auto.draft)? => return Ok(None),
        Some(held) => writer.put_at(held.uid, changes(&held, set), at)?,
        None => {
            if let Some(newer) = auto.past.map(|past| newer(writer, auto.session, past)).transpose()?.flatten() {
                set.insert(field::STATUS.to_owned(), json!("superseded"));
                set.insert(field::REASON.to_owned(), json!(format!("{} is newer", newer.id())));
            }
            writer.create_as(writer.reserve(), kind::HANDOFF, set, at)?
        }
    };
    writer.because(format!("automatic handoff {}: {}", record.id(), record.title()));
    Ok(Some(record.id().to_owned()))
}

/// A real handoff of the session that acts takes the place of its automatic one.
pub(super) fn replace(writer: &mut Writer, real: Uid) -> Result<()> {
    let Some(session) = writer.session().map(|uid| writer.record(uid)).transpose()?.flatten() else { return Ok(()) };
    match last(writer, &session, true)? {
        Some(held) if held.uid != real => supersede(writer, real, &held),
        _ => Ok(()),
    }
}

fn supersede(writer: &mut Writer, real: Uid, held: &Record) -> Result<()> {
    writer.because(format!("{} {REPLACED}", held.id()));
    add::supersede(writer, real, held)?;
    writer.put(held.uid, Registers::from([(field::REASON.to_owned(), json!(REPLACED))]))?;
    Ok(())
}

fn key(session: &Record) -> String {
    format!("auto/{}", session.title().replace(char::is_whitespace, "-"))
}

/// The automatic handoff of a session, one that holds before one that does not.
fn last(view: &View, session: &Record, is_live: bool) -> Result<Option<Record>> {
    let own = |record: &Record| record.birth.as_ref().is_some_and(|birth| birth.session == Some(session.uid));
    let held = view.first(&terms::key_term(&key(session)), KEYED_MAX)?;
    Ok(held.into_iter().find(|record| {
        record.kind() == kind::HANDOFF && is_auto(record) && own(record) && (record.is_live() || !is_live)
    }))
}

/// A handoff that holds and was left on the same branch after `past`: an older one that comes in late must not seem newer.
fn newer(view: &View, session: &Record, past: DateTime<Utc>) -> Result<Option<Record>> {
    let branch = session.text(field::BRANCH);
    let held = view.first(&terms::kind_term(kind::HANDOFF), KEYED_MAX)?;
    Ok(held.into_iter().find(|record| {
        let is_there = branch.is_none() || record.text(field::BRANCH).is_none_or(|other| Some(other) == branch);
        let is_substantial = !record.flag(field::TRIVIAL);
        record.is_live() && is_there && is_substantial && record.birth.as_ref().is_some_and(|birth| birth.at > past)
    }))
}

/// A handoff that the session wrote itself at `since` or later.
fn real_since(view: &View, session: Uid, since: Option<DateTime<Utc>>) -> Result<Option<Record>> {
    let (mut found, mut read) = (None, 0);
    view.each(&terms::session_term(session), |record| {
        read += 1;
        let is_later = record.birth.as_ref().is_some_and(|birth| since.is_none_or(|since| birth.at >= since));
        if record.kind() == kind::HANDOFF && record.is_live() && !is_auto(&record) && is_later {
            found = Some(record);
        }
        let is_enough = found.is_some() || read >= READ_MAX;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

fn is_same(view: &View, held: &Record, draft: &Draft) -> Result<bool> {
    Ok(held.title() == draft.title && view.body(held)? == draft.body)
}

/// All registers of the handoff, as its session would have written them where it was.
fn registers(writer: &Writer, workspace: &Workspace, auto: &Automatic) -> Result<Registers> {
    let row = kind::find(kind::HANDOFF).ok_or_else(|| Error::usage("no kind 'handoff'"))?;
    let (session, here) = (auto.session, &workspace.place);
    let word = |name: &str| session.text(name).map(str::to_owned);
    let place = Place {
        cwd: here.root.clone(),
        branch: word(field::BRANCH),
        worktree: word(field::WORKTREE).unwrap_or_else(|| here.worktree.clone()),
        ..here.clone()
    };
    let draft = Draft { key: Some(key(session)), ..auto.draft.clone() };
    let mut set = add::registers(writer, &place, &draft, row)?;
    set.insert(field::AUTO.to_owned(), json!(true));
    if auto.is_trivial {
        set.insert(field::TRIVIAL.to_owned(), json!(true));
    }
    if auto.past.is_some() || place.worktree != here.worktree {
        forget_content(&mut set);
    }
    Ok(set)
}

/// What a file holds now says nothing about what it held then, or elsewhere.
pub(super) fn forget_content(set: &mut Registers) {
    for (_, value) in set.iter_mut().filter(|(name, _)| name.starts_with(field::REF)) {
        value["hash"] = Value::Null;
        value["commit"] = Value::Null;
    }
}

/// What differs from the record: references that are no longer meant go.
fn changes(held: &Record, mut set: Registers) -> Registers {
    if held.flag(field::TRIVIAL) {
        set.entry(field::TRIVIAL.to_owned()).or_insert(Value::Null);
    }
    for (path, _) in held.elements(field::REF) {
        set.entry(format!("{}{path}", field::REF)).or_insert(Value::Null);
    }
    set.retain(|name, value| held.get(name) != Some(value));
    set
}

/// What a story is worth as a handoff, and whether it is trivial; nothing else is known of its session.
pub(super) fn of_story(story: &Story) -> Option<(Draft, bool)> {
    let activity = Activity { host: story.meta.host.clone(), ..Activity::default() };
    Some((compose(&activity, story)?, is_trivial(&activity, story)))
}
