//! Which directories of ended jobs go: their output, their files, not their records.

use super::Workspace;
use crate::domain::id::Uid;
use crate::domain::job::{Decision, Exit};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms};
use crate::error::Result;
use crate::ops::job::{self, speculative, told};
use crate::process::job::{JobDir, living};
use crate::store::View;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

/// Directories looked at in one read.
const CHUNK: usize = 200;
/// Jobs that the report names.
const EXAMPLES_MAX: usize = 10;

/// What `doctor --prune` does about jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PrunedJobs {
    /// Directories of ended jobs that go; their records stay.
    pub directories: usize,
    /// Bytes of their files.
    pub bytes: u64,
    /// How many that are as old stay, by the reason: `unread`, `undecided`, `awaited`, `linked`, `left processes`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<&'static str, usize>,
    /// The ids of some of those that go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// What is to be done about one directory.
enum Verdict {
    Goes,
    Stays(&'static str),
    /// It has not ended, or not long ago, or nobody knows it.
    IsNotMeant,
}

/// The jobs whose directories go, and the report of it.
pub(super) fn plan(workspace: &Workspace, before: DateTime<Utc>) -> Result<(Vec<String>, PrunedJobs)> {
    let (mut doomed, mut report) = (Vec::new(), PrunedJobs::default());
    for chunk in ids(workspace).chunks(CHUNK) {
        for (id, verdict) in chunk.iter().zip(judge(workspace, chunk, before)?) {
            match verdict {
                Verdict::IsNotMeant => {}
                Verdict::Stays(why) => *report.kept.entry(why).or_default() += 1,
                Verdict::Goes => {
                    report.bytes += size(job::dir(workspace, id).path());
                    doomed.push(id.clone());
                }
            }
        }
    }
    report.directories = doomed.len();
    report.examples = doomed.iter().take(EXAMPLES_MAX).cloned().collect();
    Ok((doomed, report))
}

/// Removes the directories. Each is judged again, for somebody may have linked the job since.
pub(super) fn carry_out(workspace: &Workspace, doomed: &[String], before: DateTime<Utc>) -> Result<()> {
    for chunk in doomed.chunks(CHUNK) {
        for (id, verdict) in chunk.iter().zip(judge(workspace, chunk, before)?) {
            if matches!(verdict, Verdict::Goes) {
                job::dir(workspace, id).remove()?;
            }
        }
    }
    Ok(())
}

fn judge(workspace: &Workspace, ids: &[String], before: DateTime<Utc>) -> Result<Vec<Verdict>> {
    workspace.read(|view| {
        let judge = Judge { workspace, before, awaited: awaited(view)?, unread: unread(view)? };
        ids.iter().map(|id| judge.verdict(view, id)).collect()
    })
}

/// Those of whose end somebody is still to be told.
fn unread(view: &View) -> Result<BTreeSet<Uid>> {
    Ok(told::unread_jobs(view)?.into_iter().collect())
}

/// The names of the directories of jobs, in order.
fn ids(workspace: &Workspace) -> Vec<String> {
    let entries = fs::read_dir(workspace.store.dir().join("jobs")).into_iter().flatten().flatten();
    let mut ids: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    ids.retain(|id| id.starts_with("j-"));
    ids.sort_unstable();
    ids
}

/// The ids that open jobs wait for.
fn awaited(view: &View) -> Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    for status in job::OPEN {
        view.each(&terms::status_term(kind::JOB, status), |open| {
            let needs =
                open.get(field::AFTER).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            ids.extend(needs.map(|need| need.split(':').next().unwrap_or(need).to_owned()));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(ids)
}

/// What is known of all jobs when one is judged.
struct Judge<'a> {
    workspace: &'a Workspace,
    before: DateTime<Utc>,
    awaited: BTreeSet<String>,
    unread: BTreeSet<Uid>,
}

impl Judge<'_> {
    fn verdict(&self, view: &View, id: &str) -> Result<Verdict> {
        let Some(job) = job::owner(view, self.workspace, id)? else { return Ok(Verdict::IsNotMeant) };
        let Ok(Some(exit)) = exit(&job::dir(self.workspace, id)) else { return Ok(Verdict::IsNotMeant) };
        if job.is_live() || exit.ended_at >= self.before {
            return Ok(Verdict::IsNotMeant);
        }
        Ok(self.keeps(view, &job, &exit)?.map_or(Verdict::Goes, Verdict::Stays))
    }

    /// Why a job that ended long ago keeps its files.
    fn keeps(&self, view: &View, job: &Record, exit: &Exit) -> Result<Option<&'static str>> {
        if self.unread.contains(&job.uid) {
            return Ok(Some("unread"));
        }
        if job.is_visible() && speculative::decision(job) == Some(Decision::Undecided) {
            return Ok(Some("undecided"));
        }
        if self.awaited.contains(job::name(job)) {
            return Ok(Some("awaited"));
        }
        if is_linked(view, job)? {
            return Ok(Some("linked"));
        }
        let lives = exit.left_behind.as_ref().and_then(living).is_some();
        Ok(lives.then_some("left processes"))
    }
}

/// How it ended; `None` while it lives.
fn exit(dir: &JobDir) -> Result<Option<Exit>> {
    if dir.is_alive()? { Ok(None) } else { dir.exit() }
}

/// Whether a record links to it, or it to one that has not ended. Results that were dropped hold nothing.
fn is_linked(view: &View, job: &Record) -> Result<bool> {
    for (_, uid) in job.links() {
        if view.record(uid)?.is_some_and(|other| other.is_live()) {
            return Ok(true);
        }
    }
    let mut sources: Vec<Uid> = Vec::new();
    view.scan_terms(&terms::incoming_of(job.uid), |uid| {
        sources.push(uid);
        Ok(ControlFlow::Continue(()))
    })?;
    for uid in sources {
        let is_unwanted = |other: &Record| other.kind() == kind::ARTIFACT && other.status() == "dropped";
        if view.record(uid)?.is_some_and(|other| other.is_visible() && !is_unwanted(&other)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Bytes of all files below a directory.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}
