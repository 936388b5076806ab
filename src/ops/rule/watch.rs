//! `file` rules: they hear of changes while somebody watches.
//!
//! One process of a store at a time hears for all rules, held by a lock; another one goes on when it is gone. A burst of
//! changes is one event. While the last job of a rule runs, a change is remembered, and is an event after it.
//!
//! Who wrote a file cannot be known. What changes while a job of a `file` rule runs may be due to that job, so its trail
//! goes on: a job that changes what its own rule watches ends after [`TRAIL_MAX`](crate::domain::rule::TRAIL_MAX) rounds.

use super::kept::{self, Kept, Row};
use super::{Told, fire, note};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, text};
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::process::watch::{Burst, Watch};
use crate::store::{View, location};
use chrono::{DateTime, Utc};
use globset::GlobMatcher;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// The lock of the process that hears of files.
pub const WATCH_LOCK: &str = "watch.lock";
/// How late the system may tell of a change.
const SLACK: Duration = Duration::from_millis(100);
/// Columns of a path in words.
const PATH_COLUMNS: usize = 80;

/// Hears of changes, and starts what waits for them.
#[derive(Debug)]
pub struct Watcher {
    workspace: Workspace,
    watch: Watch,
    lock: Option<File>,
    rules: Vec<FileRule>,
    /// What has changed while the store was busy, and since when.
    heard: Option<(DateTime<Utc>, Burst)>,
    /// By rule: an event that waits for the end of its last job.
    pending: BTreeMap<Uid, Change>,
    bursts: u64,
}

#[derive(Debug)]
struct FileRule {
    kept: Kept,
    root: PathBuf,
    glob: GlobMatcher,
    /// The job that it started last.
    last: Option<Record>,
}

#[derive(Debug)]
struct Change {
    words: String,
    trail: Vec<String>,
}

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    /// `Refused` if the system watches nothing more; or as the store says.
    pub fn over(workspace: &Workspace) -> Result<Self> {
        let watch = Watch::over(workspace.store.dir(), location::DATABASE)?;
        let workspace = workspace.clone();
        let (rules, pending) = (Vec::new(), BTreeMap::new());
        let mut watcher = Self { workspace, watch, lock: None, rules, heard: None, pending, bursts: 0 };
        watcher.look_up()?;
        Ok(watcher)
    }

    /// The ids of the rules that this process hears for; none while another one does.
    #[must_use]
    pub fn hears_for(&self) -> Vec<&str> {
        let rules = self.rules.iter().filter(|_| self.lock.is_some());
        rules.map(|rule| rule.kept.id.as_str()).collect()
    }

    /// Waits for a change, so long at most, and starts what waits for it.
    ///
    /// # Errors
    /// As [`Watcher::over`]; `Busy` is over with the next call.
    pub fn next(&mut self, patience: Duration) -> Result<()> {
        let burst = self.watch.next(patience)?;
        self.hear(burst);
        self.look_up()?;
        let heard = self.heard.take();
        if self.lock.is_some() {
            if let Some((began, burst)) = heard {
                self.remember(began, &burst);
            }
            self.fire()?;
        }
        Ok(())
    }

    fn hear(&mut self, burst: Burst) {
        let began = self.workspace.now() - burst.lasted - SLACK;
        match &mut self.heard {
            None => self.heard = Some((began, burst)),
            Some((_, heard)) => heard.join(burst),
        }
    }

    /// The rules as they are now.
    fn look_up(&mut self) -> Result<()> {
        self.rules = self.workspace.read(file_rules)?;
        if !self.rules.is_empty() && self.lock.is_none() && !self.workspace.rules.off {
            self.lock = take_lock(&self.workspace)?;
        }
        let standing: Vec<Uid> = self.rules.iter().map(|rule| rule.kept.uid).collect();
        self.pending.retain(|rule, _| standing.contains(rule));
        let roots: Vec<PathBuf> = self.rules.iter().map(|rule| rule.root.clone()).collect();
        self.watch.set_roots(if self.lock.is_some() { &roots } else { &[] })
    }

    fn remember(&mut self, began: DateTime<Utc>, burst: &Burst) {
        let jobs = self.rules.iter().filter_map(|rule| rule.last.as_ref()).filter(|job| ran_at(job, began));
        let trail = jobs.map(note::trail).max_by_key(Vec::len).unwrap_or_default();
        for rule in &self.rules {
            if let Some(words) = rule.words(burst) {
                self.pending.insert(rule.kept.uid, Change { words, trail: trail.clone() });
            }
        }
    }

    fn fire(&mut self) -> Result<()> {
        let idle: Vec<&FileRule> =
            self.rules.iter().filter(|rule| !rule.last.as_ref().is_some_and(Record::is_live)).collect();
        for rule in idle {
            if let Some(change) = self.pending.get(&rule.kept.uid) {
                self.bursts += 1;
                start(&self.workspace, &rule.kept, (change, self.bursts))?;
                self.pending.remove(&rule.kept.uid);
            }
        }
        Ok(())
    }
}

impl FileRule {
    /// What a burst means to the rule, in words.
    fn words(&self, burst: &Burst) -> Option<String> {
        let below = burst.paths.iter().filter_map(|path| path.strip_prefix(&self.root).ok());
        let found: Vec<_> = below.filter(|path| self.glob.is_match(path)).collect();
        match found.as_slice() {
            [] => burst.is_cut.then(|| "many files changed".to_owned()),
            [first, rest @ ..] => {
                let first = text::truncate_width(&text::clean_line(&first.display().to_string()), PATH_COLUMNS);
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                Some(format!("file {first}{more}"))
            }
        }
    }
}

/// Whether a job had not ended before that.
fn ran_at(job: &Record, time: DateTime<Utc>) -> bool {
    job.is_live() || job.get(field::ENDED).and_then(Value::as_i64).is_some_and(|at| at >= time.timestamp_millis())
}

fn file_rules(view: &View) -> Result<Vec<FileRule>> {
    let mut found = Vec::new();
    for kept in kept::rules(view)? {
        let Some(glob) = kept.on().and_then(|on| on.paths()) else { continue };
        if kept.standing(view)?.is_none() {
            continue;
        }
        let last = kept.last.map(|job| view.record(job)).transpose()?.flatten();
        // Events bear real paths.
        let root = kept.root.canonicalize().unwrap_or_else(|_| kept.root.clone());
        found.push(FileRule { kept, root, glob, last });
    }
    Ok(found)
}

fn take_lock(workspace: &Workspace) -> Result<Option<File>> {
    let path = workspace.store.dir().join(WATCH_LOCK);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
    Ok(file.try_lock().is_ok().then_some(file))
}

/// Through the outbox, so that it is started even if this process is killed now.
fn start(workspace: &Workspace, kept: &Kept, (change, burst): (&Change, u64)) -> Result<()> {
    let Change { words, trail } = change;
    let mut held: Option<Told> = None;
    workspace.store.write(|writer| match note::longer(trail, kept, words) {
        Ok(trail) => {
            let event = format!("file:{}:{burst}", writer.now().timestamp_micros());
            let (session, actor) = maker(writer, kept)?;
            let replica = writer.meta().replica;
            let (owner, at, because) = (kept::owner(workspace), writer.now(), words.clone());
            let row = Row { rule: kept.uid, event, because, trail, replica, session, actor, owner, at };
            kept::put(writer, vec![row])
        }
        Err(why) => kept::change(writer, kept.uid, |kept| held = Some(note::hold(kept, words, why))),
    })?;
    workspace.rules.tell(held);
    fire::drain(workspace, true);
    Ok(())
}

/// Nobody is known to have changed a file: the job is that of the rule's maker.
fn maker(view: &View, kept: &Kept) -> Result<(Option<Uid>, String)> {
    let birth = view.record(kept.uid)?.and_then(|rule| rule.birth);
    let birth = birth.ok_or_else(|| Error::new(Kind::NotFound, format!("{} is gone", kept.id)))?;
    Ok((birth.session, birth.actor))
}
