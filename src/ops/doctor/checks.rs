//! What the store says of itself: pages, format, log against views, blobs, index, clock.

use super::disk::{self, some};
use super::{Check, FIX, Findings, Progress, Remedy, State, bytes};
use crate::domain::event::Event;
use crate::domain::id::Uid;
use crate::error::{Error, Kind, Result, quietly};
use crate::ops::search::{self, TAIL_MAX};
use crate::ops::{Workspace, erase};
use crate::store::{self, FOLD, FORMAT, Meta};
use chrono::{DateTime, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Events read a transaction.
const CHUNK: u64 = 1_000;
/// The clock of the log may be so far ahead of the wall.
const AHEAD_SECONDS: i64 = 60;

pub(super) fn examine(workspace: &Workspace, quick: bool, progress: Progress<'_>, findings: &mut Findings) {
    let opened = quietly(|| workspace.read(|view| Ok((view.meta().clone(), view.next_position()))));
    let (meta, next) = match opened.unwrap_or_else(|| Err(unreadable())) {
        Ok(opened) => opened,
        Err(error) if error.kind == Kind::Busy => {
            findings.tell(Check::new("lock", State::Warning, error.to_string()).fix("run state doctor again"));
            return;
        }
        Err(error) => return refuse(findings, &error),
    };
    findings.ok("lock", "free");
    if !quick {
        progress("pages", 0, 0);
        match workspace.store.verify_pages() {
            Err(error) if error.kind != Kind::Busy => return refuse(findings, &error),
            _ => findings.ok("pages", "every page is what was written"),
        }
    }
    match workspace.store.meta() {
        Ok(held) => format(&held, findings),
        Err(error) => return refuse(findings, &error),
    }
    clock(workspace, &meta, findings);
    size(workspace, next, findings);
    if !quick {
        views(workspace, progress, findings);
        blobs(workspace, next, progress, findings);
    }
    index(workspace, next - 1, quick, findings);
}

fn unreadable() -> Error {
    Error::new(Kind::Corrupt, "the store is damaged: a page is not what was written")
}

fn refuse(findings: &mut Findings, error: &Error) {
    findings.is_unreadable = true;
    let check = Check::new("store", State::Wrong, error.to_string());
    findings.tell(check.fix("state doctor --salvage FILE, then state import FILE into a new store"));
}

fn format(meta: &Meta, findings: &mut Findings) {
    let text = format!("{}.{}, last written by state {}", meta.format, meta.fold, meta.written_by);
    if meta.format > FORMAT || meta.fold > FOLD {
        let text = format!("{text}; this program writes {FORMAT}.{FOLD}, so it only reads here");
        findings.tell(Check::new("format", State::Warning, text).fix(format!("use state {}", meta.written_by)));
    } else if (meta.format, meta.fold) < (FORMAT, FOLD) {
        let text = format!("{text}; this program reads it, and writes {FORMAT}.{FOLD}");
        findings.remedies.push(Remedy::Refold);
        findings.tell(Check::new("format", State::Warning, text).fix(FIX));
    } else {
        findings.ok("format", text);
    }
}

fn clock(workspace: &Workspace, meta: &Meta, findings: &mut Findings) {
    let newest = i64::try_from(meta.hlc >> 16).ok().and_then(DateTime::from_timestamp_millis);
    let ahead = newest.map(|newest| newest - workspace.now()).unwrap_or_default();
    if ahead > TimeDelta::seconds(AHEAD_SECONDS) {
        let text = format!(
            "the newest event is {} ahead of this machine's clock, which was set back, or another's is wrong; order is kept",
            span(ahead)
        );
        findings
            .tell(Check::new("clock", State::Warning, text).fix("set this machine's clock, if it is the wrong one"));
    } else {
        findings.ok("clock", "with the newest event");
    }
}

fn span(delta: TimeDelta) -> String {
    match delta.num_minutes() {
        minutes if minutes < 120 => format!("{minutes} minutes"),
        minutes if minutes < 48 * 60 => format!("{} hours", minutes / 60),
        minutes => format!("{} days", minutes / 60 / 24),
    }
}

fn size(workspace: &Workspace, next: u64, findings: &mut Findings) {
    let dir = workspace.store.dir();
    let blobs = disk::entries(&dir.join("blobs")).len();
    let [database, index, blob_bytes] =
        [store::location::DATABASE, "index", "blobs"].map(|part| bytes(size_of(&dir.join(part))));
    let text = format!("database {database}, index {index}, {blobs} blobs {blob_bytes}; log up to @{}", next - 1);
    findings.ok("size", text);
}

fn size_of(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => disk::entries(path).iter().map(|path| size_of(path)).sum(),
        Ok(found) => found.len(),
        Err(_) => 0,
    }
}

fn views(workspace: &Workspace, progress: Progress<'_>, findings: &mut Findings) {
    progress("log and views", 0, 0);
    let verdict = match quietly(|| workspace.store.verify()).unwrap_or_else(|| Err(unreadable())) {
        Ok(verdict) => verdict,
        Err(error) if error.kind == Kind::Busy => {
            return findings.tell(Check::new("views", State::Warning, error.to_string()).fix("run state doctor again"));
        }
        Err(error) => return refuse(findings, &error),
    };
    let (log, rest): (Vec<String>, Vec<String>) =
        verdict.differences.into_iter().partition(|difference| difference.starts_with("log:"));
    // What a blob lacks, its own check tells; no fold brings it back.
    let derived: Vec<String> = rest.into_iter().filter(|difference| !difference.starts_with("bodies:")).collect();
    if log.is_empty() {
        findings.ok("log", format!("{} events make {} records", verdict.events, verdict.records));
    } else {
        let text = format!("the log itself is damaged, which no command mends: {}", some(&log));
        findings.tell(
            Check::new("log", State::Wrong, text)
                .fix("state doctor --salvage FILE keeps the rest; a backup (state export --backup) has it all"),
        );
    }
    if derived.is_empty() {
        return findings.ok("views", "say what the log says");
    }
    let text = format!("say something else than the log: {}", some(&derived));
    let check = Check::new("views", State::Wrong, text);
    if log.is_empty() {
        findings.remedies.push(Remedy::Refold);
        findings.tell(check.fix(FIX));
    } else {
        findings.tell(check.fix("only with a whole log; see there"));
    }
}

/// What the log says about blobs and erasures.
#[derive(Default)]
struct Named {
    blobs: BTreeMap<String, (u64, Uid)>,
    erased: BTreeSet<Uid>,
}

impl Named {
    fn take(&mut self, position: u64, event: &Event) {
        let Some(put) = event.put() else { return };
        if let Some(name) = store::blob_of(event) {
            self.blobs.insert(name.to_owned(), (position, put.uid));
        }
        if erase::is_mark(event) {
            self.erased.insert(put.uid);
        }
    }
}

fn blobs(workspace: &Workspace, next: u64, progress: Progress<'_>, findings: &mut Findings) {
    let (mut named, mut from) = (Named::default(), 1);
    while from < next {
        let to = (from + CHUNK).min(next);
        // What cannot be read was told by the check of the log.
        let events = quietly(|| workspace.read(|view| view.events(from..to))).and_then(Result::ok).unwrap_or_default();
        for (position, event) in &events {
            named.take(*position, event);
        }
        from = to;
    }
    let (total, mut lost) = (named.blobs.len(), Vec::new());
    for (done, (name, (position, uid))) in named.blobs.iter().enumerate() {
        progress("blobs", done, total);
        if let Err(error) = workspace.store.blob(name) {
            lost.push(format!("the body of {} (@{position}): {error}", id(workspace, *uid)));
        }
    }
    if lost.is_empty() {
        findings.ok("blobs", format!("{total} are named and whole"));
    } else {
        let text = format!("long bodies are lost: {}", some(&lost));
        let fix = "a backup (state export --backup) has them, and so has another copy of the store's blobs/";
        findings.tell(Check::new("blobs", State::Wrong, text).fix(fix));
    }
    stray_blobs(workspace, &named, next, findings);
    erased(workspace, &named, findings);
}

fn id(workspace: &Workspace, uid: Uid) -> String {
    let record = workspace.read(|view| view.record(uid)).ok().flatten();
    record.map_or_else(|| "?".to_owned(), |record| record.id().to_owned())
}

fn stray_blobs(workspace: &Workspace, named: &Named, next: u64, findings: &mut Findings) {
    let held = disk::entries(&workspace.store.dir().join("blobs")).into_iter();
    let strays: Vec<_> =
        held.filter(|path| disk::is_blob(&disk::name(path)) && !named.blobs.contains_key(&disk::name(path))).collect();
    let old: BTreeSet<String> =
        strays.iter().filter(|path| disk::is_old(path, workspace.now())).map(|path| disk::name(path)).collect();
    if strays.is_empty() {
        return findings.ok("stray-blobs", "none");
    }
    let size = bytes(strays.iter().map(|path| size_of(path)).sum());
    let text = format!("{} blobs that no event names, {size}, {} of them old", strays.len(), old.len());
    let check = Check::new("stray-blobs", State::Warning, text);
    if old.is_empty() {
        return findings.tell(check.fix("none is older than an hour: look again later"));
    }
    findings.remedies.push(Remedy::Discard(old, next));
    findings.tell(check.fix(FIX));
}

/// An erasure that was interrupted, or text that another replica sent after it.
fn erased(workspace: &Workspace, named: &Named, findings: &mut Findings) {
    let holds = |uid: &&Uid| {
        let looked = workspace.read(|view| {
            let events = view.history(**uid)?.into_iter().map(|position| view.event(position));
            Ok(events.collect::<Result<Vec<_>>>()?.iter().flatten().any(|event| erase::holds_text(event, **uid)))
        });
        looked.unwrap_or(false)
    };
    let left: Vec<String> = named.erased.iter().filter(holds).map(|uid| id(workspace, *uid)).collect();
    if left.is_empty() {
        return findings.ok("erased", format!("{} records, nothing left of their text", named.erased.len()));
    }
    let text = format!("the log still holds text of erased records: {}", some(&left));
    let fix = format!("state erase {0} --confirm {0}", left[0]);
    findings.tell(Check::new("erased", State::Wrong, text).fix(fix));
}

fn index(workspace: &Workspace, last: u64, quick: bool, findings: &mut Findings) {
    let index = workspace.index();
    let is_there = workspace.store.dir().join("index").exists();
    let held = index.coverage();
    let believed = workspace.read(|view| search::believed(view, &index)).ok().flatten();
    let covered = believed.as_ref().map_or(0, |covered| covered.position);
    let behind = last.saturating_sub(covered);
    let damage = if quick || held.is_none() { None } else { index.verify().err() };
    let (state, text) = match (held, believed) {
        (None, _) if is_there => {
            (State::Wrong, "cannot be read or is of another version; search reads the log".to_owned())
        }
        (Some(_), _) if damage.is_some() => (State::Wrong, damage.map(|error| error.to_string()).unwrap_or_default()),
        (Some(_), None) if last > 0 => {
            (State::Warning, "is of another log or history; search reads the log".to_owned())
        }
        _ if behind > TAIL_MAX as u64 => {
            (State::Warning, format!("covers @{covered} of @{last}; search reads the rest"))
        }
        (None, _) => return findings.ok("index", format!("not built yet; search reads the {last} events")),
        _ => return findings.ok("index", format!("covers @{covered} of @{last}, checksums right")),
    };
    findings.remedies.push(Remedy::Reindex);
    findings.tell(Check::new("index", state, text).fix(FIX));
}
