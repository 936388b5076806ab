//! Drafts with an origin become records: found again by it, changed only if the source has changed.

use super::{ImportReport, Refusal};
use crate::domain::digest;
use crate::domain::draft::Draft;
use crate::domain::id::Uid;
use crate::domain::{field, kind};
use crate::error::{Error, Result};
use crate::ops::{Workspace, add, resolve};
use crate::store::{Registers, View, Writer};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Records of a folder read or written together.
pub(super) const BATCH: usize = 200;
/// A transaction takes no more records after this long, so that others get in; large ones cost less a record.
const HELD_MAX: TimeDelta = TimeDelta::milliseconds(30);
/// Nor more than so many, whatever the clock says.
const BATCH_MAX: usize = 2_000;

/// A draft with its identity and the links that have a target.
struct Planned {
    draft: Draft,
    uid: Uid,
    digest: String,
    links: Vec<(String, Uid)>,
}

/// Takes all drafts in, a batch a transaction.
pub(super) fn take(
    workspace: &Workspace,
    drafts: Vec<Draft>,
    report: &mut ImportReport,
    progress: &dyn Fn(usize, usize),
) -> Result<()> {
    let mut planned = workspace.read(|view| Ok(plan(view, drafts, report)))?;
    planned.sort_by_key(|planned| planned.draft.updated_at);
    keep_newest(&mut planned);
    let total = planned.len();
    let mut rest = planned.as_slice();
    while !rest.is_empty() {
        let taken = workspace.write(|writer| take_batch(writer, workspace, rest, report))?;
        rest = &rest[taken..];
        progress(total - rest.len(), total);
    }
    Ok(())
}

/// Takes as many as a transaction should; returns how many.
fn take_batch(
    writer: &mut Writer,
    workspace: &Workspace,
    planned: &[Planned],
    report: &mut ImportReport,
) -> Result<usize> {
    let (begun, before, mut taken) = (workspace.now(), report.added + report.updated, 0);
    for planned in planned.iter().take(BATCH_MAX) {
        take_one(writer, workspace, planned, report)?;
        taken += 1;
        if workspace.now() - begun > HELD_MAX {
            break;
        }
    }
    writer.because(format!("import {} records", report.added + report.updated - before));
    Ok(taken)
}

/// A source that names a record twice means the newest; else importing it again would change it again.
fn keep_newest(planned: &mut Vec<Planned>) {
    let mut seen = BTreeSet::new();
    planned.reverse();
    planned.retain(|planned| seen.insert(planned.uid));
    planned.reverse();
}

fn plan(view: &View, drafts: Vec<Draft>, report: &mut ImportReport) -> Vec<Planned> {
    let uids = identities(view, &drafts);
    let labels: BTreeMap<String, Uid> =
        drafts.iter().zip(&uids).filter_map(|(draft, uid)| Some((draft.label.clone()?, *uid))).collect();
    let mut graph = Graph::default();
    let mut planned = Vec::new();
    for (draft, uid) in drafts.into_iter().zip(uids) {
        let mut links = Vec::new();
        for (kind, to) in wanted_links(&draft) {
            let target = match labels.get(&to) {
                Some(target) => Some(*target),
                None => resolve::record(view, &to).ok().map(|record| record.uid),
            };
            let why = match target {
                Some(target) if graph.take(uid, &kind, target) => {
                    links.push((kind, target));
                    continue;
                }
                Some(_) => "would close a cycle",
                None => "no such record",
            };
            report
                .links_left_out
                .push(format!("{} {kind} {to}: {why}", draft.label.as_deref().unwrap_or(&draft.title)));
        }
        let digest = digest::sha256_hex(format!("{draft:?}").as_bytes())[..16].to_owned();
        planned.push(Planned { draft, uid, digest, links });
    }
    planned
}

fn wanted_links(draft: &Draft) -> Vec<(String, String)> {
    let links = draft.links.iter().map(|link| (link.kind.clone(), link.to.clone()));
    let needs = draft.needs.iter().map(|to| (field::link::NEEDS.to_owned(), to.clone()));
    let parent = draft.parent.iter().map(|to| (field::link::PARENT.to_owned(), to.clone()));
    links.chain(needs).chain(parent).collect()
}

/// The identities that drafts get here.
pub(super) fn identities(view: &View, drafts: &[Draft]) -> Vec<Uid> {
    drafts.iter().map(|draft| identity(&view.meta().workspace, draft)).collect()
}

/// The same origin in the same workspace is the same record, on every machine.
fn identity(workspace: &str, draft: &Draft) -> Uid {
    let origin = draft.origin.as_deref().unwrap_or(&draft.title);
    let hash = digest::sha256_u64(format!("{workspace}\n{origin}").as_bytes());
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&hash.to_be_bytes());
    Uid::new(draft.created_at.unwrap_or(DateTime::UNIX_EPOCH), bits)
}

/// The acyclic links of one import, to refuse those that would close a cycle.
#[derive(Default)]
pub(super) struct Graph(BTreeMap<(String, Uid), Vec<Uid>>);

impl Graph {
    /// Takes a link, unless it would close a cycle.
    pub(super) fn take(&mut self, from: Uid, kind: &str, to: Uid) -> bool {
        if from == to || (field::link::ACYCLIC.contains(&kind) && self.leads(kind, to, from)) {
            return false;
        }
        self.0.entry((kind.to_owned(), from)).or_default().push(to);
        true
    }

    fn leads(&self, kind: &str, start: Uid, goal: Uid) -> bool {
        let (mut seen, mut queue) = (BTreeSet::from([start]), vec![start]);
        while let Some(uid) = queue.pop() {
            if uid == goal {
                return true;
            }
            let next = self.0.get(&(kind.to_owned(), uid)).into_iter().flatten();
            queue.extend(next.filter(|next| seen.insert(**next)));
        }
        false
    }
}

fn take_one(writer: &mut Writer, workspace: &Workspace, planned: &Planned, report: &mut ImportReport) -> Result<()> {
    let held = writer.record(planned.uid)?;
    let is_undone = held.as_ref().is_some_and(|held| !held.is_visible());
    if !is_undone && held.as_ref().is_some_and(|held| held.text(DIGEST) == Some(&planned.digest)) {
        report.unchanged += 1;
        return Ok(());
    }
    let draft = &planned.draft;
    let (set, end) = match registers(writer, workspace, planned) {
        Ok(parts) => parts,
        Err(error) => {
            let file = PathBuf::from(draft.origin.clone().unwrap_or_default());
            report.rejected.push(Refusal { file, line: 0, why: error.to_string() });
            return Ok(());
        }
    };
    let (session, actor) = (writer.session(), draft.actor.clone().unwrap_or_else(|| workspace.identity.actor.clone()));
    writer.act_as(session, &actor);
    let created_at = draft.created_at.unwrap_or(writer.now());
    let updated_at = draft.updated_at.unwrap_or(created_at);
    if held.is_some() {
        let back = is_undone.then(|| (field::GONE.to_owned(), Value::Null));
        writer.put_at(planned.uid, set.into_iter().chain(end).chain(back).collect(), updated_at)?;
        if is_undone { report.added += 1 } else { report.updated += 1 }
    } else {
        create(writer, planned, (set, end), (created_at, updated_at))?;
        report.added += 1;
        *report.kinds.entry(draft.kind.clone()).or_default() += 1;
    }
    writer.act_as(session, &workspace.identity.actor);
    Ok(())
}

/// Born when the source says; what came later is a second event, so that `show --at` tells the past.
fn create(
    writer: &mut Writer,
    planned: &Planned,
    (mut set, end): (Registers, Registers),
    (created_at, updated_at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    let kind = &planned.draft.kind;
    if updated_at > created_at {
        writer.create_and_put(planned.uid, kind, (set, created_at), (end, updated_at))?;
    } else {
        set.extend(end);
        writer.create_as(planned.uid, kind, set, created_at)?;
    }
    Ok(())
}

/// The register that holds the digest of the source.
const DIGEST: &str = "digest";

/// What a record is born with, and what it became until its last update.
fn registers(writer: &Writer, workspace: &Workspace, planned: &Planned) -> Result<(Registers, Registers)> {
    let draft = &planned.draft;
    let row = kind::find(&draft.kind).ok_or_else(|| Error::usage(format!("no kind '{}'", draft.kind)))?;
    let mut set = add::registers(writer, &workspace.place, draft, row)?;
    set.remove(field::BRANCH);
    set.remove(field::WORKTREE);
    set.extend(draft.origin.iter().map(|origin| (field::ORIGIN.to_owned(), json!(origin))));
    if !draft.source.is_empty() {
        set.insert(field::SOURCE.to_owned(), json!(draft.source));
    }
    set.extend(planned.links.iter().map(|(kind, to)| (field::link_to(kind, *to), json!(true))));
    let mut end = Registers::from([(DIGEST.to_owned(), json!(planned.digest))]);
    for name in [field::STATUS, field::REASON] {
        end.extend(set.remove(name).map(|value: Value| (name.to_owned(), value)));
    }
    Ok((set, end))
}
