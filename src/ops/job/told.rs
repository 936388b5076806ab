//! Which ends of jobs nobody was told yet.
//!
//! An end is told once: to the session that started the job, or, if that is gone, to the next one that looks. The list is
//! this machine's own knowledge, kept in the transaction that ends the job.

use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::error::Result;
use crate::ops::Workspace;
use crate::ops::session::{self, Standing};
use crate::store::{View, Writer};

/// What [`crate::domain::field::TELL`] says of a job whose end is told only to who asks.
pub const ASKED: &str = "asked";
const LIST: &str = "unread-jobs";
/// More than so many unread ends are a stuck machine; the oldest are forgotten, their records stay.
const UNREAD_MAX: usize = 10_000;

fn list(view: &View) -> Result<Vec<Uid>> {
    let bytes = view.local(LIST)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).lines().filter_map(Uid::parse).collect())
}

fn keep(writer: &mut Writer, uids: &[Uid]) -> Result<()> {
    let last = &uids[uids.len().saturating_sub(UNREAD_MAX)..];
    let text = last.iter().map(Uid::to_string).collect::<Vec<_>>().join("\n");
    writer.set_local(LIST, text.as_bytes())
}

/// The end of a job is news from now on.
pub(super) fn unread(writer: &mut Writer, job: Uid) -> Result<()> {
    let mut uids = list(writer)?;
    uids.retain(|uid| *uid != job);
    uids.push(job);
    keep(writer, &uids)
}

/// The ended jobs of which somebody is still to be told.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn unread_jobs(view: &View) -> Result<Vec<Uid>> {
    list(view)
}

/// The ended jobs, oldest first, that this session should be told of: its own, and those of sessions that are gone.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn news(view: &View, workspace: &Workspace) -> Result<Vec<Record>> {
    let uids = list(view)?;
    if uids.is_empty() {
        return Ok(Vec::new());
    }
    let me = session::current(view, workspace)?.map(|session| session.uid);
    let mut found = Vec::new();
    for uid in uids {
        let Some(job) = view.record(uid)?.filter(Record::is_visible) else { continue };
        let owner = job.birth.as_ref().and_then(|birth| birth.session);
        let is_mine = owner.is_some() && owner == me;
        if is_mine || !is_there(view, workspace, owner)? {
            found.push(job);
        }
    }
    Ok(found)
}

fn is_there(view: &View, workspace: &Workspace, session: Option<Uid>) -> Result<bool> {
    let Some(session) = session.map(|uid| view.record(uid)).transpose()?.flatten() else { return Ok(false) };
    Ok(session::standing(view, &session, workspace.now())? == Standing::Active)
}

/// Remembers that ends were told, where the store can be written: else they are told again.
pub fn tell(workspace: &Workspace, jobs: &[Uid]) {
    if jobs.is_empty() {
        return;
    }
    let is_news = workspace.read(|view| Ok(list(view)?.iter().any(|uid| jobs.contains(uid))));
    if !is_news.unwrap_or(false) {
        return;
    }
    // An end told twice is better than one never told.
    let _ = workspace.store.write(|writer| forget(writer, jobs));
}

/// These ends are no news any more.
pub(super) fn forget(writer: &mut Writer, jobs: &[Uid]) -> Result<()> {
    let mut uids = list(writer)?;
    let count = uids.len();
    uids.retain(|uid| !jobs.contains(uid));
    if uids.len() == count { Ok(()) } else { keep(writer, &uids) }
}
