//! `import --transcripts`: the sessions that a host has kept become sessions here, each with the handoff that it would have left.
//!
//! A session is found again by its name, so that importing again changes nothing and a transcript that grew brings its
//! handoff up to date. Subagents are part of the sessions that called them.

use super::{read, within};
use crate::domain::digest;
use crate::domain::draft::Draft;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::text::clean_line;
use crate::domain::transcript::Story;
use crate::domain::{field, kind};
use crate::error::{Error, Result};
use crate::ops::handoff::{self, Automatic};
use crate::ops::workspace::Place;
use crate::ops::{Workspace, session, stale};
use crate::store::{Registers, Writer};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Folders are read this deep.
const DEPTH_MAX: usize = 12;
/// A transaction takes no more after this long, so that others get in.
const HELD_MAX: TimeDelta = TimeDelta::milliseconds(30);
/// The longest name of a session, in characters; longer ones are cut as those of acting sessions are.
const NAME_CHARS_MAX: usize = 128;

/// The report of `import --transcripts`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TranscriptsReport {
    /// Sessions that are new here.
    pub sessions: usize,
    /// Handoffs that were made.
    pub handoffs: usize,
    /// Handoffs that were brought up to date.
    pub updated: usize,
    /// Transcripts that are here already, as they are.
    pub unchanged: usize,
    /// Transcripts that were not taken.
    pub skipped: Vec<Skipped>,
}

/// A transcript that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub why: String,
}

/// A transcript that is to be taken.
struct Past {
    name: String,
    place: Place,
    story: Story,
    draft: Draft,
    is_trivial: bool,
    file: PathBuf,
    /// When it began, and when its last line was written.
    times: (DateTime<Utc>, DateTime<Utc>),
}

/// Takes in the transcripts below a folder, oldest first; those of other projects only with `all_projects`. `progress` is
/// told how many of how many files are done.
///
/// # Errors
/// `Usage` if there is no such folder or no transcript in it, or as the store says.
pub fn import(
    workspace: &Workspace,
    dir: &Path,
    all_projects: bool,
    progress: &dyn Fn(usize, usize),
) -> Result<TranscriptsReport> {
    let mut report = TranscriptsReport::default();
    let files = files(dir, &mut report)?;
    let mut found = Vec::new();
    for (done, file) in files.iter().enumerate() {
        match past(workspace, file, all_projects) {
            Ok(past) => found.push(past),
            Err(why) => report.skipped.push(Skipped { file: file.clone(), why }),
        }
        progress(done + 1, files.len());
    }
    found.sort_by(|one, other| (one.times.1, &one.name, &one.file).cmp(&(other.times.1, &other.name, &other.file)));
    let found = once_each(found, &mut report);
    let mut rest = found.as_slice();
    while !rest.is_empty() {
        let taken = workspace.store.write(|writer| take_batch(writer, workspace, rest, &mut report))?;
        rest = &rest[taken..];
    }
    Ok(report)
}

/// Of several files of one session only the last tells how it stands. The order stays: oldest first.
fn once_each(found: Vec<Past>, report: &mut TranscriptsReport) -> Vec<Past> {
    let mut last: HashMap<String, usize> = HashMap::new();
    last.extend(found.iter().enumerate().map(|(at, past)| (past.name.clone(), at)));
    let mut kept = Vec::new();
    for (at, past) in found.into_iter().enumerate() {
        if last.get(&past.name) == Some(&at) {
            kept.push(past);
        } else {
            let why = format!("a later file tells of the same session, {}", past.name);
            report.skipped.push(Skipped { file: past.file, why });
        }
    }
    kept
}

/// The files below a folder that may be transcripts.
fn files(dir: &Path, report: &mut TranscriptsReport) -> Result<Vec<PathBuf>> {
    let cannot = |e| Error::usage(format!("cannot read {}", dir.display())).because(e);
    let mut found = Vec::new();
    let mut folders = vec![(std::fs::read_dir(dir).map_err(cannot)?, 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in folder.flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            let is_subagents = entry.file_name() == "subagents";
            if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) && depth < DEPTH_MAX && !is_subagents {
                match std::fs::read_dir(&path) {
                    Ok(inner) => folders.push((inner, depth + 1)),
                    Err(e) => report.skipped.push(Skipped { why: format!("cannot be read: {e}"), file: path }),
                }
            } else if kind.is_ok_and(|kind| kind.is_file()) && path.extension().is_some_and(|end| end == "jsonl") {
                found.push(path);
            }
        }
    }
    if found.is_empty() && report.skipped.is_empty() {
        return Err(Error::usage(format!("no transcripts (*.jsonl) in {}", dir.display()))
            .hint("hosts keep them in ~/.claude/projects, ~/.codex/sessions, ~/.gemini/tmp"));
    }
    found.sort();
    Ok(found)
}

/// What is to be taken of a file, or why it is not.
fn past(workspace: &Workspace, file: &Path, all_projects: bool) -> std::result::Result<Past, String> {
    let story = read(file).map_err(|error| error.to_string())?;
    if story.meta.subagent {
        return Err("a subagent's, which is part of another session".to_owned());
    }
    let (host, id) = (story.meta.host.clone(), story.meta.session.clone());
    let id = id.map(|id| clean_line(&id)).filter(|id| !id.is_empty() && !host.is_empty());
    let id = id.ok_or("no transcript of an agent's session")?;
    let name: String = format!("{host}:{id}").chars().take(NAME_CHARS_MAX).collect();
    if name == workspace.identity.session {
        return Err("the session that runs this command".to_owned());
    }
    let place = place_of(workspace, &story, all_projects)?;
    let story = within(story, &place.root).with_texts(&handoff::masked);
    let (started, ended) = story.started.zip(story.ended).ok_or("no line in it tells its time")?;
    // Whatever a line says of its time: it was written before now, and after computers began to count.
    let possible = |at: DateTime<Utc>| at.clamp(DateTime::UNIX_EPOCH, workspace.now());
    let times = (possible(started), possible(ended));
    let (draft, is_trivial) = handoff::of_story(&story).ok_or("nothing was asked or done in it")?;
    Ok(Past { name, place, story, draft, is_trivial, file: file.to_owned(), times })
}

/// Where the session was, if that is in this project.
fn place_of(workspace: &Workspace, story: &Story, all_projects: bool) -> std::result::Result<Place, String> {
    let here = &workspace.place;
    let Some(cwd) = &story.meta.cwd else {
        return if all_projects { Ok(here.clone()) } else { Err("it does not say which project it is of".to_owned()) };
    };
    let real = std::fs::canonicalize(cwd).unwrap_or_else(|_| PathBuf::from(cwd));
    let there = Place::around(&real);
    let is_same_repository = there.git_common.is_some() && there.git_common == here.git_common;
    if is_same_repository {
        return Ok(there);
    }
    // A worktree that is gone was beside, or in, the one that the repository is named for.
    let main = here.git_common.as_deref().and_then(Path::parent);
    let root = [Some(here.root.as_path()), main].into_iter().flatten().find(|root| real.starts_with(root));
    match root {
        Some(root) if there.git_common.is_none() || !real.exists() => {
            Ok(Place { root: root.to_owned(), ..here.clone() })
        }
        _ if all_projects => Ok(there),
        _ => Err(format!("of another project: {cwd}")),
    }
}

/// Takes as many as a transaction should; returns how many.
fn take_batch(
    writer: &mut Writer,
    workspace: &Workspace,
    rest: &[Past],
    report: &mut TranscriptsReport,
) -> Result<usize> {
    let (begun, before, mut taken) = (workspace.now(), report.sessions, 0);
    for past in rest {
        take(writer, workspace, past, report)?;
        taken += 1;
        if workspace.now() - begun > HELD_MAX {
            break;
        }
    }
    writer.because(format!("import {} sessions from transcripts", report.sessions - before));
    Ok(taken)
}

fn take(writer: &mut Writer, workspace: &Workspace, past: &Past, report: &mut TranscriptsReport) -> Result<()> {
    let host = &past.story.meta.host;
    let held = session::named(writer, &past.name)?;
    let is_new = held.is_none();
    let session = match held {
        Some(held) => held,
        None => create(writer, past)?,
    };
    writer.act_as(Some(session.uid), host);
    let elsewhere = Workspace { place: past.place.clone(), ..workspace.clone() };
    let auto = Automatic {
        session: &session,
        draft: &past.draft,
        is_trivial: past.is_trivial,
        asked_at: past.story.asked_at,
        at: None,
        past: Some(past.times.1),
    };
    let written = handoff::put(writer, &elsewhere, &auto)?.is_some();
    match (is_new, written) {
        (true, _) => {
            report.sessions += 1;
            report.handoffs += usize::from(written);
        }
        (false, true) => report.updated += 1,
        (false, false) => report.unchanged += 1,
    }
    Ok(())
}

/// The record of a session as it would be had it acted here: begun, and ended.
fn create(writer: &mut Writer, past: &Past) -> Result<Record> {
    let (started, ended) = past.times;
    let key = session::key(&past.name);
    let hash = digest::sha256_u64(format!("{}\n{key}", writer.meta().workspace).as_bytes());
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&hash.to_be_bytes());
    let uid = Uid::new(started, bits);
    writer.act_as(Some(uid), &past.story.meta.host);
    let mut set = Registers::from([
        (field::TITLE.to_owned(), json!(past.name)),
        (field::KEY.to_owned(), json!(key)),
        (field::WORKTREE.to_owned(), json!(past.place.worktree)),
    ]);
    // The branch of today says nothing about that of then.
    set.extend(past.story.meta.branch.as_ref().map(|branch| (field::BRANCH.to_owned(), json!(clean_line(branch)))));
    for reference in past.draft.entries.iter().chain(&past.draft.refs) {
        set.extend(stale::register(reference, &Place { cwd: past.place.root.clone(), ..past.place.clone() }).ok());
    }
    handoff::forget_content(&mut set);
    let end = Registers::from([(field::STATUS.to_owned(), json!("ended"))]);
    writer.create_and_put(uid, kind::SESSION, (set, started), (end, ended))
}
