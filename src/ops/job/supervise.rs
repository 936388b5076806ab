//! The supervisor's side: the job is looked after by the layer below, and the ledger is told.

use super::{dir, settle, told};
use crate::domain::id::Uid;
use crate::domain::job::{Exit, Status, Tell};
use crate::domain::record::Record;
use crate::domain::{field, text};
use crate::error::Result;
use crate::ops::Workspace;
use crate::process::job::{self, Post, Recorder, World};
use crate::store::{Registers, View, Writer};
use serde_json::{Value, json};

/// So many matched lines are kept.
const MATCHED_MAX: usize = 10;

/// Looks after a job until it has ended.
///
/// # Errors
/// As [`job::supervise`]. What the ledger cannot be told is read from the job's files by whoever comes by.
pub fn supervise(workspace: &Workspace, id: &str) -> Result<Exit> {
    let dir = dir(workspace, id);
    let post = Post::from_stdin(&dir)?;
    let uid = dir.spec()?.and_then(|spec| spec.uid);
    let world = World { clock: workspace.store.clock, seed: workspace.store.seed };
    job::supervise(post, world, Ledger { workspace: workspace.clone(), id: id.to_owned(), uid })
}

struct Ledger {
    workspace: Workspace,
    id: String,
    uid: Option<Uid>,
}

impl Ledger {
    /// By its short id only if nothing else is known: by a merge that may have become another's.
    fn record(&self, view: &View) -> Result<Option<Record>> {
        match self.uid {
            Some(uid) => Ok(view.record(uid)?.filter(Record::is_visible)),
            None => Ok(super::find(view, &self.id).ok()),
        }
    }

    /// Changes the record while it is open.
    fn change(&self, change: impl FnOnce(&mut Writer, &Record) -> Result<()>) {
        self.add(|writer, job| if job.is_live() { change(writer, job) } else { Ok(()) });
    }

    /// Changes the record, also when somebody was quicker to tell its end. A store that is busy or gone is no reason to stop
    /// a job.
    fn add(&self, change: impl FnOnce(&mut Writer, &Record) -> Result<()>) {
        let _ = self.workspace.change(|writer| match self.record(writer)? {
            Some(job) => {
                settle::as_its_session(writer, &job);
                change(writer, &job)
            }
            None => Ok(()),
        });
    }
}

impl Recorder for Ledger {
    fn started(&mut self, status: &Status) {
        let what = if status.external { "is awaited" } else { "runs" };
        self.change(|writer, job| {
            writer.because(format!("{} {what}: {}", job.id(), job.title()));
            writer.put(job.uid, Registers::from([(field::STATUS.to_owned(), json!("running"))])).map(drop)
        });
    }

    fn matched(&mut self, line: &str, left_out: u64) {
        let more = if left_out > 0 { format!(" ({left_out} left out before)") } else { String::new() };
        let line = text::truncate_tokens(&text::clean_line(line), 100) + &more;
        self.add(|writer, job| {
            let mut lines: Vec<Value> = job.get(field::MATCHED).and_then(Value::as_array).cloned().unwrap_or_default();
            lines.push(json!(line));
            lines.drain(..lines.len().saturating_sub(MATCHED_MAX));
            writer.because(format!("{} says: {line}", job.id()));
            writer.put(job.uid, Registers::from([(field::MATCHED.to_owned(), json!(lines))]))?;
            let is_told = job.is_live() && job.text(field::TELL) == Some(Tell::Progress.name());
            if is_told { told::unread(writer, job.uid) } else { Ok(()) }
        });
    }

    fn odd(&mut self, what: &str) {
        self.change(|writer, job| {
            writer.because(format!("{} {what}: {}", job.id(), job.title()));
            writer.put(job.uid, Registers::from([(field::ODD.to_owned(), json!(what))]))?;
            told::unread(writer, job.uid)
        });
    }

    fn orphaned(&mut self, id: &str) {
        settle::arm(&self.workspace, &dir(&self.workspace, id));
    }

    fn ended(&mut self, exit: &Exit) {
        let Ok(Some(job)) = self.workspace.read(|view| self.record(view)) else { return };
        settle::end_all(&self.workspace, &[(job, Box::new(exit.clone()))]);
    }
}
