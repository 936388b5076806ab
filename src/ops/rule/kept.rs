//! What this machine alone knows of rules: two local rows, both lists, both small.

use crate::domain::clock::ReplicaId;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::rule::On;
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::ops::job::RunInput;
use crate::process::process_id::ProcessId;
use crate::store::{View, Writer};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const RULES: &str = "rules";
const OUTBOX: &str = "rules-outbox";
/// All rules are looked at when something changes.
pub(super) const RULES_MAX: usize = 200;
/// More rows than this are a machine on which nothing can be started; the oldest stay.
const ROWS_MAX: usize = 1000;

/// After so long a row is anybody's, whatever its owner does.
const OWNED_MAX: TimeDelta = TimeDelta::seconds(10);

/// What a rule runs, and what has become of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Its record.
    pub(super) uid: Uid,
    /// The short id of that, which trails name.
    pub(super) id: String,
    /// What it waits for, as text.
    pub(super) on: String,
    /// The store that it was made in: a copy of it is another one, and runs nothing.
    pub(super) replica: ReplicaId,
    /// Below it are the files of a `file` rule.
    pub(super) root: PathBuf,
    /// What it runs.
    pub(super) run: RunInput,
    /// How often it did.
    #[serde(default)]
    pub(super) fired: u64,
    /// The job that it started last.
    #[serde(default)]
    pub(super) last: Option<Uid>,
    /// Why it was held back last: the event, and the reason.
    #[serde(default)]
    pub(super) held: Option<(String, String)>,
}

/// A job that is to be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    /// The rule.
    pub(super) rule: Uid,
    /// With the rule the key of the row: the event by replica and sequence, or a burst of changed files.
    pub(super) event: String,
    /// The event in words: `job j-3 lint ok`.
    pub(super) because: String,
    /// The trail of the job, this event included.
    pub(super) trail: Vec<String>,
    /// Where it happened.
    pub(super) replica: ReplicaId,
    /// In which session; the job's end is told to it.
    pub(super) session: Option<Uid>,
    /// By whom.
    pub(super) actor: String,
    /// The process that has put it here, and is about to start it and to say so.
    #[serde(default)]
    pub(super) owner: Option<String>,
    /// When it was put here.
    #[serde(default)]
    pub(super) at: DateTime<Utc>,
}

impl Row {
    /// Whether it is left to its owner: that lives, and has had it for a moment only.
    pub(super) fn is_of_another(&self, me: Option<&str>, now: DateTime<Utc>) -> bool {
        let owner = self.owner.as_deref().filter(|owner| Some(*owner) != me).and_then(ProcessId::parse);
        let is_fresh = (now - self.at).abs() < OWNED_MAX;
        is_fresh && owner.is_some_and(|owner| owner.is_alive() == Some(true))
    }
}

/// This process as the owner of rows; none for a library, which starts nothing.
pub(super) fn owner(workspace: &Workspace) -> Option<String> {
    let of = |_| ProcessId::of(std::process::id()).map(|process| process.to_string());
    workspace.program.as_ref().and_then(of)
}

impl Kept {
    /// What it waits for; `None` for what a newer version wrote.
    pub(super) fn on(&self) -> Option<On> {
        On::parse(&self.on).ok()
    }

    /// Its record, if it stands and was made in this very store.
    pub(super) fn standing(&self, view: &View) -> Result<Option<Record>> {
        if self.replica != view.meta().replica {
            return Ok(None);
        }
        Ok(view.record(self.uid)?.filter(Record::is_live))
    }
}

/// All rules that were made here, dropped ones too. One read, and no more where there are none.
pub(super) fn rules(view: &View) -> Result<Vec<Kept>> {
    list(view, RULES)
}

pub(super) fn keep_rules(writer: &mut Writer, rules: &[Kept]) -> Result<()> {
    keep(writer, RULES, rules)
}

/// Changes what is kept of one rule.
pub(super) fn change(writer: &mut Writer, rule: Uid, change: impl FnOnce(&mut Kept)) -> Result<()> {
    let mut all = rules(writer)?;
    if let Some(kept) = all.iter_mut().find(|kept| kept.uid == rule) {
        change(kept);
    }
    keep_rules(writer, &all)
}

/// Forgets what a rule runs.
///
/// # Errors
/// As the store says.
pub fn forget(workspace: &Workspace, rule: Uid) -> Result<()> {
    if !workspace.read(rules)?.iter().any(|kept| kept.uid == rule) {
        return Ok(());
    }
    workspace.store.write(|writer| {
        let mut all = rules(writer)?;
        all.retain(|kept| kept.uid != rule);
        keep_rules(writer, &all)
    })
}

/// The rows, oldest first.
pub(super) fn outbox(view: &View) -> Result<Vec<Row>> {
    list(view, OUTBOX)
}

/// Puts rows into the outbox, those of a rule and event that are there already left out.
pub(super) fn put(writer: &mut Writer, rows: Vec<Row>) -> Result<()> {
    let mut all = outbox(writer)?;
    for row in rows {
        let is_new = !all.iter().any(|held| (held.rule, &held.event) == (row.rule, &row.event));
        if is_new && all.len() < ROWS_MAX {
            all.push(row);
        }
    }
    keep(writer, OUTBOX, &all)
}

/// Takes a row out; whether it was there.
pub(super) fn take(writer: &mut Writer, row: &Row) -> Result<bool> {
    let mut all = outbox(writer)?;
    let before = all.len();
    all.retain(|held| (held.rule, &held.event) != (row.rule, &row.event));
    if all.len() == before {
        return Ok(false);
    }
    keep(writer, OUTBOX, &all).map(|()| true)
}

/// A list that a newer version wrote, or that is broken, is an empty one: nothing is started rather than the wrong thing.
fn list<T: DeserializeOwned>(view: &View, name: &str) -> Result<Vec<T>> {
    let bytes = view.local(name)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

fn keep<T: Serialize>(writer: &mut Writer, name: &str, list: &[T]) -> Result<()> {
    let bytes = serde_json::to_vec(list).map_err(|e| Error::new(Kind::Refused, "a rule cannot be kept").because(e))?;
    writer.set_local(name, &bytes)
}
