//! Which open tasks the next session will probably turn to: a sum of few factors, each a fact of the log.
//!
//! The floor is how long before the last activity a task was touched; the other factors move it. Reads are bounded: the
//! lists are scanned without reading records, and at most about 120 records are read, whatever the size of the store.
//!
//! # What each factor gives
//!
//! Share of the judged issues in the first 5/10/20 (11 cases of `resume_dev`), of what was touched next between these
//! cases' ledgers (10 pairs), and of what was closed next in four other ledgers (37 moments). Weights are round; chosen by
//! case left out, `resume_dev` gives 71.9/80.9/87.3.
//!
//! | order | judged | touched next | other ledgers |
//! |---|---|---|---|
//! | last update alone | 56.2/77.3/90.9 | 33.1/60.8/85.3 | 33.5/48.1/69.2 |
//! | all factors | 80.1/84.5/89.1 | 51.6/59.9/88.6 | 47.5/61.6/94.0 |
//! | without priority | 65.3/86.4/90.9 | 31.6/57.7/83.9 | 35.7/49.0/69.3 |
//! | without being named | 68.0/72.4/89.1 | 49.9/59.9/88.6 | 47.5/61.6/94.0 |
//! | without being freed | 80.1/84.5/89.1 | 51.6/59.9/88.6 | 46.9/61.6/94.0 |
//! | with messages and gates like tasks | 80.1/84.5/89.1 | 52.2/61.6/86.3 | 47.5/61.6/94.0 |
//!
//! Named in briefings of 300/500/1,000/1,500 tokens, of the judged issues (by the filler of worth per token, which stops at
//! some 650): 89.1/89.1/97.0/97.0; without priority 90.9/90.9/100/100; without being named 77.0/89.1/97.0/97.0; without
//! being freed 89.1/89.1/97.0/97.0. The most urgent ready tasks, as before, named 42.5 at any budget. What is missed is a part
//! of one cluster of nine that nobody had touched for six days.
//!
//! Tried and dropped, because they gave nothing beside priority or helped one ledger and hurt another: epics up, siblings
//! and parents of what was just finished, links to what was touched last, the size of the burst a task was made in, bugs up,
//! blocked ones down, what was found in a finished task down, an age since creation. `BEGUN` and `BRANCH` cannot be measured
//! there (imported ledgers have neither sessions nor branches): they are small and stand for what was declared.

use super::gather::Gatherer;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, when};
use crate::error::Result;
use crate::ops::Workspace;
use crate::store::View;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// For each step of priority above the default. The unit is one e-fold of the age in hours.
const PRIORITY: f64 = 0.5;
/// Named in the last handoff or the last messages.
const NAMED: f64 = 2.0;
/// What it needed was just finished, and nothing else holds it up.
const FREED: f64 = 0.5;
/// In progress.
const BEGUN: f64 = 0.5;
/// Made on the branch that is checked out.
const BRANCH: f64 = 0.5;
/// Not work to turn to: mail, gates, and what is put off.
const ASIDE: f64 = -1.0;

/// A session turns to about so many of the tasks that are open when it begins.
const TURNED_TO: f64 = 4.0;
/// How sharply these fall on the tasks in front: a task's part goes with the exponential of so much of its score. The two
/// were fitted to the same data; a part of a whole beat a probability by score alone, because somebody must turn to
/// something also where all is old.
const SHARPNESS: f64 = 0.5;
/// No task is certain.
const WORTH_MAX: f64 = 0.95;

/// Tags of ledgers for what stands among the tasks and is none.
const NO_WORK: [&str; 3] = ["message", "merge-request", "gate"];
/// The tag of a message in a ledger.
const MESSAGE: &str = "message";

/// How many postings of a list are looked at.
const SCAN_MAX: usize = 1000;
/// How many tasks are read because they were touched last, and because they are most urgent.
const RECENT_MAX: usize = 45;
const URGENT_MAX: usize = 15;
/// How many of the newest tasks are read besides, where not all open ones could be seen.
const NEWEST_MAX: usize = 15;
/// How many records are read for what tasks need.
const NEEDED_MAX: usize = 40;
/// How many needs of one task are looked at.
const NEEDS_MAX: usize = 4;
/// How many messages are read, and how many words of a text are looked up.
const MESSAGES_MAX: usize = 3;
const WORDS_MAX: usize = 40;
/// Messages older than this, against the last activity, name nothing that is still awaited.
const MESSAGE_HOURS_MAX: i64 = 48;
/// How long ago, against the last activity, is "just finished".
const FREED_HOURS_MAX: i64 = 4;

/// A task that the next session may turn to.
pub(super) struct Likely {
    /// The task.
    pub(super) record: Record,
    /// The sum of the factors: higher is likelier.
    pub(super) score: f64,
    /// The probability that the next session turns to it.
    pub(super) worth: f64,
    /// What speaks for and against it.
    pub(super) reasons: Vec<String>,
    /// The id of what holds it up.
    pub(super) waits_for: Option<String>,
    /// The id of what was just finished and had held it up.
    pub(super) freed_by: Option<String>,
}

/// Tasks, the likeliest first.
pub(super) struct Ranking {
    pub(super) tasks: Vec<Likely>,
    /// How many tasks are open or in progress, the ranked ones included; counting stops.
    pub(super) open: usize,
}

/// The open tasks in the order in which the next session will probably turn to them, as far as a briefing looks.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn order(view: &View, workspace: &Workspace, now: DateTime<Utc>) -> Result<Vec<Record>> {
    let ranking = likely(&Gatherer::new(view, workspace, true, now))?;
    Ok(ranking.tasks.into_iter().map(|task| task.record).collect())
}

/// Ranks the open tasks.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub(super) fn likely(gatherer: &Gatherer<'_>) -> Result<Ranking> {
    let open = Open::scan(gatherer.view)?;
    let last_activity = last_activity(gatherer)?;
    let mut ranker =
        Ranker { gatherer, last_activity, waiting: &open.waiting, named: BTreeMap::new(), needed: BTreeMap::new() };
    ranker.read_names()?;
    let mut tasks = Vec::new();
    for uid in candidates(&open, ranker.named.keys().copied()) {
        if let Some(task) = gatherer.view.record(uid)?.filter(|task| task.kind() == kind::TASK && task.is_live()) {
            tasks.push(ranker.rank(task)?);
        }
    }
    tasks.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.record.updated.cmp(&a.record.updated)));
    share_worth(&mut tasks);
    Ok(Ranking { tasks, open: open.tasks.len() })
}

fn share_worth(tasks: &mut [Likely]) {
    let best = tasks.first().map_or(0.0, |task| task.score);
    let part = |task: &Likely| (SHARPNESS * (task.score - best)).exp();
    let whole: f64 = tasks.iter().map(part).sum();
    for task in tasks {
        task.worth = (TURNED_TO * part(task) / whole).min(WORTH_MAX);
    }
}

/// An open task as the lists show it without reading it: how long untouched, and its identity. In order of urgency.
type Posting = (u64, Uid);

struct Open {
    tasks: Vec<Posting>,
    waiting: BTreeSet<Uid>,
    /// The newest tasks whether open or not, where the lists are too long to see all open ones.
    newest: Vec<Uid>,
}

impl Open {
    fn scan(view: &View) -> Result<Self> {
        let mut tasks: Vec<Posting> = Vec::new();
        for status in ["active", "open"] {
            let most = tasks.len() + SCAN_MAX;
            view.scan(&terms::status_term(kind::TASK, status), |order, uid| {
                tasks.push((terms::staleness(order), uid));
                Ok(until(tasks.len() >= most))
            })?;
        }
        let mut waiting = BTreeSet::new();
        view.scan(terms::BLOCKED, |_, uid| {
            waiting.insert(uid);
            Ok(until(waiting.len() >= SCAN_MAX))
        })?;
        let mut newest = Vec::new();
        if tasks.len() >= SCAN_MAX {
            view.scan(&terms::kind_term(kind::TASK), |_, uid| {
                newest.push(uid);
                Ok(until(newest.len() >= NEWEST_MAX))
            })?;
        }
        Ok(Self { tasks, waiting, newest })
    }
}

fn until(is_enough: bool) -> ControlFlow<()> {
    if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// What is worth reading: touched last, most urgent, or named.
fn candidates(open: &Open, named: impl Iterator<Item = Uid>) -> BTreeSet<Uid> {
    let mut recent = open.tasks.clone();
    recent.sort_unstable();
    let urgent = open.tasks.iter().take(URGENT_MAX);
    let seen = recent.iter().take(RECENT_MAX).chain(urgent).map(|(_, uid)| *uid);
    seen.chain(open.newest.iter().copied()).chain(named).collect()
}

/// When a task was touched last, ended ones included.
fn last_activity(gatherer: &Gatherer<'_>) -> Result<DateTime<Utc>> {
    let newest = gatherer.view.first(&terms::kind_term(kind::TASK), 1)?;
    Ok(newest.first().map_or(gatherer.now, |task| task.updated_at.min(gatherer.now)))
}

struct Ranker<'a> {
    gatherer: &'a Gatherer<'a>,
    last_activity: DateTime<Utc>,
    waiting: &'a BTreeSet<Uid>,
    /// Who is named, and the id of the record that does.
    named: BTreeMap<Uid, String>,
    /// What tasks need, as far as it was read.
    needed: BTreeMap<Uid, Option<Record>>,
}

impl Ranker<'_> {
    fn rank(&mut self, task: Record) -> Result<Likely> {
        let (waits_for, freed_by) = self.needs(&task)?;
        let age = (self.last_activity - task.updated_at).as_seconds_f64().max(0.0) / 3600.0;
        let mut factors =
            vec![((1.0 / (1.0 + age)).ln(), format!("touched {}", when::ago(task.updated_at, self.gatherer.now)))];
        factors.extend(self.named.get(&task.uid).map(|id| (NAMED, format!("named in {id}"))));
        factors.extend(freed_by.iter().map(|id| (FREED, format!("free since {id}"))));
        factors.extend(waits_for.iter().map(|id| (0.0, format!("waits for {id}"))));
        factors.extend(self.declared(&task));
        let (weights, reasons): (Vec<f64>, Vec<String>) = factors.into_iter().unzip();
        Ok(Likely { record: task, score: weights.iter().sum(), worth: 0.0, reasons, waits_for, freed_by })
    }

    /// What the task says of itself.
    fn declared(&self, task: &Record) -> Vec<(f64, String)> {
        let mut factors = Vec::new();
        let priority = task.priority();
        if priority != field::PRIORITY_DEFAULT {
            factors.push((PRIORITY * steps_above_default(priority), format!("p{priority}")));
        }
        if task.status() == "active" {
            factors.push((BEGUN, "in progress".to_owned()));
        }
        let branch = self.gatherer.workspace.place.branch.as_deref();
        if branch.is_some() && task.text(field::BRANCH) == branch {
            factors.push((BRANCH, "made on this branch".to_owned()));
        }
        if self.is_aside(task) {
            factors.push((ASIDE, "no work for now".to_owned()));
        }
        factors
    }

    fn is_aside(&self, task: &Record) -> bool {
        let is_put_off = task.deferred_until().is_some_and(|until| until > self.gatherer.now);
        is_put_off || task.tags().any(|tag| NO_WORK.contains(&tag))
    }

    /// What holds a task up, or else what held it up until just now.
    fn needs(&mut self, task: &Record) -> Result<(Option<String>, Option<String>)> {
        let is_waiting = self.waiting.contains(&task.uid);
        let mut freed: Option<Record> = None;
        for uid in task.linked(field::link::NEEDS).take(NEEDS_MAX) {
            let Some(needed) = self.needed(uid)? else { continue };
            if needed.is_live() {
                return Ok((Some(needed.id().to_owned()), None));
            }
            if self.last_activity - needed.updated_at < TimeDelta::hours(FREED_HOURS_MAX) {
                freed = freed.into_iter().chain([needed]).max_by_key(|needed| needed.updated);
            }
        }
        if is_waiting {
            let blocking = self.gatherer.view.first(&terms::incoming_term(task.uid, field::link::BLOCKS), 1)?;
            let live = blocking.iter().find(|blocker| blocker.is_live());
            return Ok((Some(live.map_or("others", Record::id).to_owned()), None));
        }
        Ok((None, freed.map(|needed| needed.id().to_owned())))
    }

    fn needed(&mut self, uid: Uid) -> Result<Option<Record>> {
        if !self.needed.contains_key(&uid) {
            if self.needed.len() >= NEEDED_MAX {
                return Ok(None);
            }
            self.needed.insert(uid, self.gatherer.view.record(uid)?);
        }
        Ok(self.needed.get(&uid).cloned().flatten())
    }

    /// Finds whom the last handoff and the last messages name.
    fn read_names(&mut self) -> Result<()> {
        let view = self.gatherer.view;
        if let Some(handoff) = self.gatherer.last_handoff()? {
            view.scan(&terms::incoming_term(handoff.uid, field::link::FOUND_IN), |_, uid| {
                self.named.entry(uid).or_insert_with(|| handoff.id().to_owned());
                Ok(until(self.named.len() >= WORDS_MAX))
            })?;
            self.read_text(&handoff)?;
        }
        for message in view.first(&terms::tag_term(MESSAGE), MESSAGES_MAX)? {
            if self.last_activity - message.updated_at < TimeDelta::hours(MESSAGE_HOURS_MAX) {
                self.read_text(&message)?;
            }
        }
        Ok(())
    }

    fn read_text(&mut self, record: &Record) -> Result<()> {
        let text = format!("{} {}", record.title(), self.gatherer.view.body(record)?);
        for word in words(&text) {
            if let Some(uid) = called(self.gatherer.view, word)?.filter(|uid| *uid != record.uid) {
                self.named.entry(uid).or_insert_with(|| record.id().to_owned());
            }
        }
        Ok(())
    }
}

fn steps_above_default(priority: u64) -> f64 {
    let steps = i32::try_from(field::PRIORITY_DEFAULT).unwrap_or(0) - i32::try_from(priority).unwrap_or(0);
    f64::from(steps)
}

/// The words of a text that may be ids or keys, the first few.
fn words(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let words = text.split(|c| !is_part(c)).map(|word| word.trim_matches(['.', '-', '/']));
    let mut found = BTreeSet::new();
    for word in words.filter(|word| word.contains('-') && word.len() < 64) {
        if found.len() < WORDS_MAX {
            found.insert(word);
        }
    }
    found
}

/// The record that goes by this id or key.
fn called(view: &View, word: &str) -> Result<Option<Uid>> {
    let mut found = view.id(word)?;
    if found.is_none() {
        view.scan(&terms::key_term(word), |_, uid| {
            found = Some(uid);
            Ok(ControlFlow::Break(()))
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
