//! `import`: a beads ledger, our own JSON lines, or a folder of Markdown notes and handoffs.
//!
//! Imported records get their identity from the workspace and their origin, so importing again finds them; the digest of
//! what came in is kept with them, so an unchanged source changes nothing, not even what was edited here since. The work
//! is committed in batches, so that nobody waits; a kill in between is mended by importing again.

use super::add::{self, AddReport};
use super::{Workspace, batch, parts};
use crate::domain::beads;
use crate::domain::digest;
use crate::domain::draft::{Draft, Rejected};
use crate::domain::id::Uid;
use crate::domain::{field, kind, markdown, text};
use crate::error::{Error, Result};
use crate::store::{Registers, View, Writer};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The report of `import`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportReport {
    /// Records that are new.
    pub added: usize,
    /// Records whose source had changed.
    pub updated: usize,
    /// Records whose source is as it was.
    pub unchanged: usize,
    /// How many came in, by kind.
    pub kinds: BTreeMap<String, usize>,
    /// Lines or files that could not be taken.
    pub rejected: Vec<Refusal>,
    /// Links whose target is nowhere, or that would close a cycle: `FROM kind TO: why`.
    pub links_left_out: Vec<String>,
}

/// Something that could not be taken.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// Records a transaction: about 30 ms with the lock held.
const BATCH: usize = 200;
/// A source file beyond this is refused.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Folders are read this deep.
const DEPTH_MAX: usize = 12;

/// Imports a file or a folder. `progress` is told how many of how many records are in.
///
/// # Errors
/// `Usage` if nothing there can be read as a source, or, with `strict`, if any line is broken; nothing is changed then.
pub fn import(
    workspace: &Workspace,
    path: &Path,
    strict: bool,
    progress: &dyn Fn(usize, usize),
) -> Result<ImportReport> {
    let mut report = ImportReport::default();
    let mut source = read(path, &mut report)?;
    if let Source::Drafts(drafts) = &mut source {
        drafts.retain(|draft| is_takable(path, draft, &mut report));
    }
    if strict && let Some(first) = report.rejected.first() {
        let more = report.rejected.len() - 1;
        let at = if first.line > 0 { format!(" line {}", first.line) } else { String::new() };
        let message = format!("{}{at}: {} ({more} more); nothing was imported", first.file.display(), first.why);
        return Err(Error::usage(message));
    }
    match source {
        Source::Own(text) => {
            let AddReport { records, .. } = batch::add_text(workspace, &text)?;
            report.added = records.len();
            for made in records {
                *report.kinds.entry(made.record.kind).or_default() += 1;
            }
        }
        Source::Drafts(drafts) => take(workspace, drafts, &mut report, progress)?,
    }
    Ok(report)
}

enum Source {
    /// Drafts with origins.
    Drafts(Vec<Draft>),
    /// A text of the form that `add -` takes.
    Own(String),
}

/// Whether a draft is one that can be kept; if not, it is reported.
fn is_takable(path: &Path, draft: &Draft, report: &mut ImportReport) -> bool {
    let Err(error) = parts::title(&draft.title).and_then(|_| parts::body(&draft.body)) else { return true };
    let name = draft.label.as_deref().unwrap_or(&draft.title);
    let why = format!("{}: {error}", text::truncate_width(&text::clean_line(name), 60));
    report.rejected.push(Refusal { file: path.to_owned(), line: 0, why });
    false
}

fn read(path: &Path, report: &mut ImportReport) -> Result<Source> {
    if path.is_dir() {
        let drafts = read_folder(path, report)?;
        return if drafts.is_empty() && report.rejected.is_empty() {
            Err(Error::usage(format!("no Markdown files in {}", path.display())))
        } else {
            Ok(Source::Drafts(drafts))
        };
    }
    let text = read_text(path)?;
    if is_markdown(path) {
        return Ok(Source::Drafts(markdown_drafts(&text, &name_of(path))?));
    }
    if !beads::looks_like_beads(&text) {
        return Ok(Source::Own(text));
    }
    let parsed = beads::parse(&text);
    report.rejected.extend(parsed.rejected.into_iter().map(|Rejected { line, why }| Refusal {
        file: path.to_owned(),
        line,
        why,
    }));
    Ok(Source::Drafts(parsed.drafts))
}

fn read_text(path: &Path) -> Result<String> {
    let cannot = |e| Error::usage(format!("cannot read {}", path.display())).because(e);
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(Error::usage(format!("{} is neither a file nor a folder", path.display())));
    }
    let size = metadata.len();
    if size > FILE_BYTES_MAX {
        return Err(Error::usage(format!("{} has {} MiB, 512 are the limit", path.display(), size / 1024 / 1024)));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    if bytes.contains(&0) {
        return Err(Error::usage(format!("{} is not a text", path.display())));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_markdown(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["md", "markdown", "txt"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read_folder(root: &Path, report: &mut ImportReport) -> Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|e| Error::usage(format!("cannot read {}", folder.display())).because(e))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let hidden = name_of(&path).starts_with('.');
            if path.is_dir() && !path.is_symlink() && !hidden && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if path.is_file() && is_markdown(&path) {
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                match read_text(&path).and_then(|text| markdown_drafts(&text, &name)) {
                    Ok(found) => drafts.extend(found),
                    Err(error) => report.rejected.push(Refusal { file: path, line: 0, why: error.to_string() }),
                }
            }
        }
    }
    Ok(drafts)
}

/// A file is one record, and a handoff's items are records of their own that were found in it.
fn markdown_drafts(text: &str, name: &str) -> Result<Vec<Draft>> {
    let parsed = markdown::parse(text)?;
    let has_items = parsed.items.iter().any(|item| item.kind == kind::TASK);
    let label = format!("file/{}", name.replace(char::is_whitespace, "_"));
    let head = Draft {
        kind: if has_items || parsed.kind == kind::SUMMARY { parsed.kind } else { kind::NOTE.to_owned() },
        title: parsed.title,
        body: parsed.body,
        tags: parsed.tags,
        refs: parsed.references,
        key: Some(label.clone()),
        label: Some(label.clone()),
        origin: Some(format!("markdown:{name}")),
        ..Draft::default()
    };
    let items = if has_items { parsed.items } else { Vec::new() };
    let items = items.into_iter().enumerate().map(|(at, mut item)| {
        item.origin = Some(format!("markdown:{name}#{}", at + 1));
        item.about = None;
        item.links.push(crate::domain::draft::DraftLink { kind: field::link::FOUND_IN.to_owned(), to: label.clone() });
        item
    });
    Ok(std::iter::once(head).chain(items).collect())
}

/// A draft with its identity and the links that have a target.
struct Planned {
    draft: Draft,
    uid: Uid,
    digest: String,
    links: Vec<(String, Uid)>,
}

fn take(
    workspace: &Workspace,
    drafts: Vec<Draft>,
    report: &mut ImportReport,
    progress: &dyn Fn(usize, usize),
) -> Result<()> {
    let mut planned = workspace.read(|view| Ok(plan(view, drafts, report)))?;
    planned.sort_by_key(|planned| planned.draft.updated_at);
    keep_newest(&mut planned);
    let total = planned.len();
    for (at, batch) in planned.chunks(BATCH).enumerate() {
        workspace.write(|writer| {
            let before = report.added + report.updated;
            for planned in batch {
                take_one(writer, workspace, planned, report)?;
            }
            writer.because(format!("import {} records", report.added + report.updated - before));
            Ok(())
        })?;
        progress((at * BATCH + batch.len()).min(total), total);
    }
    Ok(())
}

/// A source that names a record twice means the newest; else importing it again would change it again.
fn keep_newest(planned: &mut Vec<Planned>) {
    let mut seen = BTreeSet::new();
    planned.reverse();
    planned.retain(|planned| seen.insert(planned.uid));
    planned.reverse();
}

fn plan(view: &View, drafts: Vec<Draft>, report: &mut ImportReport) -> Vec<Planned> {
    let workspace = view.meta().workspace.clone();
    let uids: Vec<Uid> = drafts.iter().map(|draft| identity(&workspace, draft)).collect();
    let labels: BTreeMap<String, Uid> =
        drafts.iter().zip(&uids).filter_map(|(draft, uid)| Some((draft.label.clone()?, *uid))).collect();
    let mut graph = Graph::default();
    let mut planned = Vec::new();
    for (draft, uid) in drafts.into_iter().zip(uids) {
        let mut links = Vec::new();
        for (kind, to) in wanted_links(&draft) {
            let target = match labels.get(&to) {
                Some(target) => Some(*target),
                None => super::resolve::record(view, &to).ok().map(|record| record.uid),
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
struct Graph(BTreeMap<(String, Uid), Vec<Uid>>);

impl Graph {
    fn take(&mut self, from: Uid, kind: &str, to: Uid) -> bool {
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
    let later = updated_at > created_at;
    if !later {
        set.extend(end.clone());
    }
    writer.create_as(planned.uid, &planned.draft.kind, set, created_at)?;
    if later {
        writer.put_at(planned.uid, end, updated_at)?;
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
