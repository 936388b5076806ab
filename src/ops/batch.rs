//! `add -` and `add FILE`: a Markdown handoff or summary, a JSON record, or JSON lines, as one transaction or not at all.

use super::add::{self, AddReport, Created, Labels, Outcome};
use super::{Workspace, address, edit, link, resolve};
use crate::domain::draft::Draft;
use crate::domain::id::Uid;
use crate::domain::{field, kind};
use crate::domain::{markdown, secret};
use crate::error::{Error, Result};
use crate::store::Writer;

/// Makes all records of a text.
///
/// # Errors
/// `Usage` with the line of the first error; nothing is added then.
pub fn add_text(workspace: &Workspace, text: &str) -> Result<AddReport> {
    add_texts(workspace, text, false)
}

/// As [`add_text`]; none of the records ever leaves the machine.
///
/// # Errors
/// As [`add_text`].
pub fn add_private_text(workspace: &Workspace, text: &str) -> Result<AddReport> {
    add_texts(workspace, text, true)
}

fn add_texts(workspace: &Workspace, text: &str, private: bool) -> Result<AddReport> {
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        None => Err(Error::usage("there is nothing to add: the text is empty")),
        Some('{' | '[') => {
            let mut drafts = json_drafts(text)?;
            for (_, draft) in &mut drafts {
                draft.private |= private;
            }
            add_drafts(workspace, &drafts)
        }
        Some(_) => add_markdown(workspace, &secret::strip_private(text), private),
    }
}

/// A draft and the line where it begins, from 1.
type Placed = (usize, Draft);

/// One record, an array of records, or one record a line.
fn json_drafts(text: &str) -> Result<Vec<Placed>> {
    if text.trim_start().starts_with('[') {
        let drafts: Vec<Draft> = serde_json::from_str(text).map_err(|e| bad_json(e.line(), &e))?;
        if drafts.is_empty() {
            return Err(Error::usage("there is nothing to add: the list is empty"));
        }
        return Ok(drafts.into_iter().enumerate().map(|(at, draft)| (at + 1, draft)).collect());
    }
    match serde_json::from_str::<Draft>(text) {
        Ok(draft) => return Ok(vec![(1, draft)]),
        Err(error) if !is_json_lines(text) => return Err(bad_json(error.line(), &error)),
        Err(_) => {}
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| serde_json::from_str(line).map(|draft| (at + 1, draft)).map_err(|e| bad_json(at + 1, &e)))
        .collect()
}

/// Whether each line stands for itself: one record may also be spread over many lines.
fn is_json_lines(text: &str) -> bool {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .all(|line| line.trim_start().starts_with('{') || is_complete(line))
        && text.trim().lines().count() > 1
}

fn is_complete(line: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
}

fn bad_json(line: usize, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let why = text.split(" at line ").next().unwrap_or("").to_owned();
    Error::usage(format!("line {line}: not a record: {why}; nothing was added"))
        .hint(r#"as {"kind":"task","title":"…","body":"…","tags":["a"],"needs":["ID"]}"#)
}

fn at_line(line: usize, mut error: Error) -> Error {
    error.message = format!("line {line}: {}; nothing was added", error.message);
    error
}

/// A batch of more records holds the lock for longer than others should have to guess why.
const ANNOUNCED_MIN: usize = 250;

/// More remarks on a batch nobody reads.
const REMARKS_MAX: usize = 10;

fn add_drafts(workspace: &Workspace, drafts: &[Placed]) -> Result<AddReport> {
    let mut announcing = workspace.clone();
    if drafts.len() > ANNOUNCED_MIN {
        announcing.store.command = format!("{} ({} records at once)", announcing.store.command, drafts.len());
    }
    announcing.write(|writer| {
        let made = create_all(writer, workspace, drafts)?;
        let mut labels = Labels::new();
        for ((line, draft), created) in drafts.iter().zip(&made) {
            if let Some(label) = &draft.label
                && labels.insert(label.clone(), created.uid).is_some()
            {
                return Err(at_line(*line, Error::usage(format!("the label '{label}' is used twice"))));
            }
        }
        for ((line, draft), created) in drafts.iter().zip(&made) {
            add::link_draft(writer, created.uid, draft, &labels).map_err(|e| at_line(*line, e))?;
            if let Some(to) = &draft.to {
                address::address(writer, created.uid, to, &workspace.place.cwd).map_err(|e| at_line(*line, e))?;
            }
        }
        let mut report = finish(writer, made)?;
        report.remarks = drafts.iter().flat_map(|(_, draft)| add::remarks(draft, &workspace.place)).collect();
        report.remarks.truncate(REMARKS_MAX);
        Ok(report)
    })
}

/// Lists show what was touched last first: of equals the first of a batch is to be on top, so it is made last. Among
/// records with keys the order says what takes the place of what, and stays.
fn create_all(writer: &mut Writer, workspace: &Workspace, drafts: &[Placed]) -> Result<Vec<Created>> {
    let mut create = |(line, draft): &Placed| {
        add::create_unlinked(writer, &workspace.place, draft).map_err(|error| at_line(*line, error))
    };
    if drafts.iter().any(|(_, draft)| draft.key.is_some()) {
        return drafts.iter().map(create).collect();
    }
    let reversed: Result<Vec<Created>> = drafts.iter().rev().map(&mut create).collect();
    match reversed {
        Ok(mut made) => {
            made.reverse();
            Ok(made)
        }
        // Nothing of it stays; what is told is the first error of the text.
        Err(last) => Err(drafts.iter().map(create).find_map(Result::err).unwrap_or(last)),
    }
}

fn add_markdown(workspace: &Workspace, text: &str, private: bool) -> Result<AddReport> {
    let parsed = markdown::parse(text)?;
    // It would be taken for the last handoff, and hide the real one.
    if !parsed.is_structured && parsed.items.is_empty() && parsed.kind == kind::HANDOFF {
        return Err(Error::usage("the text has no heading, so it is no handoff; nothing was added")
            .hint("a single finding is state add finding \"WHAT YOU LEARNED\"; a handoff has headings such as ## Done, ## Next"));
    }
    workspace.write(|writer| {
        let head = Draft {
            kind: parsed.kind.clone(),
            title: parsed.title.clone(),
            body: parsed.body.clone(),
            refs: parsed.references.clone(),
            entries: parsed.entries.clone(),
            tags: parsed.tags.clone(),
            key: parsed.key.clone(),
            private,
            ..Draft::default()
        };
        let head = add::create(writer, &workspace.place, &head, &Labels::new())?;
        let mut made = vec![head];
        for item in &parsed.items {
            let item = Draft { private, ..item.clone() };
            let known =
                item.about.as_deref().or_else(|| leading_key(&item.title)).map(|word| about(writer, word, &item));
            made.push(match known.transpose()?.flatten() {
                Some(created) => created,
                None => add::create(writer, &workspace.place, &item, &Labels::new())?,
            });
        }
        // Lists show what was touched last first: of equals the first item is to be on top.
        for item in made[1..].iter().rev() {
            link::connect(writer, item.uid, field::link::FOUND_IN, made[0].uid)?;
        }
        finish(writer, made)
    })
}

/// The key with which an item may begin, as `bd-12: wait for CI`.
fn leading_key(title: &str) -> Option<&str> {
    let (word, _) = title.split_once(':')?;
    (word.contains(['-', '/']) && !word.contains(char::is_whitespace)).then_some(word)
}

/// An item about an existing record sets its status; `None` if the id names nothing here and the item stands for itself.
fn about(writer: &mut Writer, id: &str, item: &Draft) -> Result<Option<Created>> {
    let Ok(record) = resolve::record(writer, id) else { return Ok(None) };
    let row = kind::find(record.kind());
    let status = item.status.as_deref().filter(|status| row.is_some_and(|row| row.statuses.contains(status)));
    if let Some(status) = status.filter(|status| record.is_live() && *status != record.status()) {
        writer.put(record.uid, edit::into_status(&record, status))?;
    }
    Ok(Some(Created { uid: record.uid, outcome: Outcome::Updated, others: Vec::new() }))
}

fn finish(writer: &mut Writer, made: Vec<Created>) -> Result<AddReport> {
    let uids: Vec<Uid> = made.iter().map(|created| created.uid).collect();
    let records = made.into_iter().map(|created| created.report(writer)).collect::<Result<Vec<_>>>()?;
    if let (Some(first), Some(uid)) = (records.first(), uids.first()) {
        let title = add::reread(writer, *uid)?.title().to_owned();
        let more = if uids.len() > 1 { format!(" and {} more", uids.len() - 1) } else { String::new() };
        writer.because(format!("add {} {}{more}: {title}", first.record.kind, first.record.id));
    }
    Ok(AddReport { records, near: Vec::new(), remarks: Vec::new() })
}
