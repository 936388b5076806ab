//! Notes to somebody: a session, whoever works on a branch or on a task. Shown to the receiver once.
//!
//! A note to a session or a task is linked to it; one to a branch, which is no record, is tagged with its name. That it was
//! shown is this machine's own knowledge, not the log's.

use super::{Workspace, link, resolve, session};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::{Error, Kind, Result};
use crate::process::git::Repository;
use crate::store::{Registers, View, Writer};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::Path;

/// How many unread notes are looked at.
const NOTES_MAX: usize = 20;
/// What the tag of a note to a branch begins with.
const BRANCH_TAG: &str = "to:";

fn told_name(note: Uid) -> String {
    format!("told/{note}")
}

fn branch_tag(branch: &str) -> String {
    field::tag(&format!("{BRANCH_TAG}{}", text::clean_line(branch)))
}

/// Addresses a note to a session, a task, or a branch.
///
/// # Errors
/// `Usage` if it is no note or the receiver is of another kind, `NotFound` if nothing has that name.
pub fn address(writer: &mut Writer, note: Uid, to: &str, cwd: &Path) -> Result<()> {
    let record = super::add::reread(writer, note)?;
    if record.kind() != kind::NOTE {
        return Err(
            Error::usage(format!("a {} is addressed to nobody", record.kind())).hint("state add note \"…\" --to NAME")
        );
    }
    let receiver = match session::named(writer, to)?.or(begun(writer, to)?) {
        Some(session) => Ok(session),
        None => resolve::record(writer, to),
    };
    match receiver {
        Ok(receiver) if [kind::SESSION, kind::TASK].contains(&receiver.kind()) => {
            link::connect(writer, note, field::link::TO, receiver.uid)
        }
        Ok(other) => Err(Error::usage(format!("{} is a {}, which reads no notes", other.id(), other.kind()))
            .hint("a session, a task or a branch does: state list sessions")),
        Err(error) if error.kind != Kind::NotFound => Err(error),
        Err(_) if is_branch(to, cwd) => {
            writer.put(note, Registers::from([(branch_tag(to), json!(true))]))?;
            Ok(())
        }
        Err(_) => Err(Error::new(Kind::NotFound, format!("no session, task or branch {}", text::quoted(to)))
            .hint("state list sessions, git branch")),
    }
}

/// A session that only its host has told of has no record yet.
fn begun(writer: &mut Writer, name: &str) -> Result<Option<Record>> {
    let Some(activity) = writer.activity(name) else { return Ok(None) };
    let (me, actor) = (writer.session(), writer.actor().to_owned());
    let session = session::of_activity(writer, &activity)?;
    writer.act_as(me, &actor);
    writer.record(session)
}

fn is_branch(name: &str, cwd: &Path) -> bool {
    Repository::around(cwd).is_some_and(|repository| repository.has_branch(name))
}

/// The live notes of others to the session that acts, to its branch, or to the tasks that it holds, which nobody was shown.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn unread(view: &View, workspace: &Workspace) -> Result<Vec<Record>> {
    let me = session::current(view, workspace)?;
    let mut lists = Vec::new();
    if let Some(me) = &me {
        lists.push(terms::incoming_term(me.uid, field::link::TO));
        let tasks = session::tasks(view, me, NOTES_MAX)?;
        lists.extend(tasks.into_iter().map(|task| terms::incoming_term(task, field::link::TO)));
    }
    if let Some(branch) = &workspace.place.branch {
        lists.push(terms::tag_term(&format!("{BRANCH_TAG}{branch}")));
    }
    let me = me.map(|me| me.uid);
    let mut found: Vec<Record> = Vec::new();
    for list in lists {
        view.each(&list, |note| {
            let is_mine = me.is_some() && note.birth.as_ref().is_some_and(|birth| birth.session == me);
            let is_known = found.iter().any(|known| known.uid == note.uid);
            if note.is_live() && !is_mine && !is_known && view.local(&told_name(note.uid))?.is_none() {
                found.push(note);
            }
            Ok(if found.len() < NOTES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    Ok(found)
}

/// Remembers that notes were shown, where the store can be written: else they are shown again.
pub fn tell(workspace: &Workspace, notes: &[Uid]) {
    if notes.is_empty() {
        return;
    }
    let now = workspace.now().timestamp_millis().to_be_bytes();
    // A note shown twice is better than one never shown.
    let _ = workspace.store.write(|writer| notes.iter().try_for_each(|note| writer.set_local(&told_name(*note), &now)));
}
