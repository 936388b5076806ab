//! `link`: a typed edge between two records, or its removal.

use super::report::Line;
use super::{Workspace, resolve};
use crate::domain::field;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{terms, text};
use crate::error::{Error, Result};
use crate::store::{Registers, View, Writer};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// What to link.
#[derive(Clone, Debug)]
pub struct LinkInput {
    /// The record that the link belongs to.
    pub from: String,
    /// The type of the link.
    pub kind: String,
    /// The record that it points to.
    pub to: String,
    /// Remove instead of add.
    pub remove: bool,
}

/// The report of `link`.
#[derive(Clone, Debug, Serialize)]
pub struct LinkReport {
    /// The record that the link belongs to.
    pub from: Line,
    /// The type of the link.
    pub kind: String,
    /// The record that it points to.
    pub to: Line,
    /// Whether it was removed.
    pub removed: bool,
    /// Whether anything is different now.
    pub changed: bool,
}

/// How far a cycle is searched for.
const CYCLE_NODES_MAX: usize = 100_000;

/// Adds or removes a link.
///
/// # Errors
/// `NotFound`, `Usage` for a link to itself, `Conflict` for a cycle, named in full.
pub fn link(workspace: &Workspace, input: &LinkInput) -> Result<LinkReport> {
    workspace.write(|writer| {
        let (from, to) = (resolve::record(writer, &input.from)?, resolve::record(writer, &input.to)?);
        let held = from.get(&field::link_to(&input.kind, to.uid)).is_some();
        let kind = if input.remove && held { input.kind.clone() } else { kind(&input.kind)? };
        let register = field::link_to(&kind, to.uid);
        let changed = from.get(&register).is_some() == input.remove;
        if input.remove && changed {
            writer.put(from.uid, Registers::from([(register, Value::Null)]))?;
        } else if changed {
            connect(writer, from.uid, &kind, to.uid)?;
        }
        let verb = if input.remove { "unlink" } else { "link" };
        writer.because(format!("{verb} {} {kind} {}", from.id(), to.id()));
        let now = writer.now();
        let from = super::add::reread(writer, from.uid)?;
        Ok(LinkReport {
            from: Line::of(writer, &from, now)?,
            to: Line::of(writer, &to, now)?,
            kind,
            removed: input.remove,
            changed,
        })
    })
}

/// Other words for the types.
const SYNONYMS: [(&str, &str); 8] = [
    ("requires", field::link::NEEDS),
    ("depends-on", field::link::NEEDS),
    ("depends", field::link::NEEDS),
    ("blocked-by", field::link::NEEDS),
    ("part-of", field::link::PARENT),
    ("child-of", field::link::PARENT),
    ("replaces", field::link::SUPERSEDES),
    ("related", field::link::RELATES),
];

/// A link type that this program knows. Records of others may have further ones, which are read and kept, and can be removed.
///
/// # Errors
/// `Usage` with the types that there are.
pub fn kind(text: &str) -> Result<String> {
    let kind = text::clean_line(text);
    if field::link::ALL.contains(&kind.as_str()) {
        return Ok(kind);
    }
    let synonym = SYNONYMS.iter().find(|(word, _)| *word == kind.replace('_', "-")).map(|(_, kind)| *kind);
    let error = Error::usage(format!("no link type '{kind}'; types: {}", field::link::ALL.join(", ")));
    Err(match synonym.or_else(|| text::nearest(&kind, field::link::ALL, 2)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error,
    })
}

/// Makes a link unless it is there. Its type may be one of another program.
///
/// # Errors
/// `Usage` for a link to itself, `Conflict` for a cycle.
pub fn connect(writer: &mut Writer, from: Uid, kind: &str, to: Uid) -> Result<()> {
    if kind.is_empty() || kind.contains(|c: char| c.is_whitespace() || c == '/' || c == ':') {
        return Err(Error::usage(format!("'{}' is not a link type", text::clean_line(kind))));
    }
    let record = super::add::reread(writer, from)?;
    let register = field::link_to(kind, to);
    if record.get(&register).is_some() {
        return Ok(());
    }
    if from == to {
        return Err(Error::usage(format!("{} cannot be linked to itself", record.id())));
    }
    if field::link::ACYCLIC.contains(&kind)
        && let Some(path) = path(writer, kind, to, from)?
    {
        let names: Vec<&str> = path.iter().map(Record::id).collect();
        return Err(Error::conflict(format!(
            "{} {kind} {} would close a cycle: {} already leads back",
            record.id(),
            names.first().unwrap_or(&"?"),
            names.join(" -> "),
        )));
    }
    writer.put(from, Registers::from([(register, json!(true))]))?;
    Ok(())
}

/// The chain of records from `start` to `goal` along links of this type, if there is one.
fn path(view: &View, kind: &str, start: Uid, goal: Uid) -> Result<Option<Vec<Record>>> {
    let mut came_from: BTreeMap<Uid, Option<Uid>> = BTreeMap::from([(start, None)]);
    let mut queue = vec![start];
    while let Some(uid) = queue.pop() {
        if uid == goal {
            return chain(view, &came_from, goal).map(Some);
        }
        if came_from.len() > CYCLE_NODES_MAX {
            break;
        }
        for next in next(view, kind, uid)? {
            came_from.entry(next).or_insert_with(|| {
                queue.push(next);
                Some(uid)
            });
        }
    }
    Ok(None)
}

/// What a record waits for or leads to. `needs` and `blocks` say the same from two ends, so they form one graph.
fn next(view: &View, kind: &str, uid: Uid) -> Result<Vec<Uid>> {
    use field::link::{BLOCKS, NEEDS};
    let Some(record) = view.record(uid)? else { return Ok(Vec::new()) };
    let (along, against) = match kind {
        NEEDS => (NEEDS, Some(BLOCKS)),
        BLOCKS => (BLOCKS, Some(NEEDS)),
        other => (other, None),
    };
    let mut found: Vec<Uid> = record.linked(along).collect();
    if let Some(against) = against {
        view.scan(&terms::incoming_term(uid, against), |_, source| {
            found.push(source);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(found)
}

fn chain(view: &View, came_from: &BTreeMap<Uid, Option<Uid>>, goal: Uid) -> Result<Vec<Record>> {
    let mut uids = vec![goal];
    while let Some(Some(previous)) = uids.last().and_then(|uid| came_from.get(uid)) {
        uids.push(*previous);
    }
    uids.reverse();
    uids.into_iter().filter_map(|uid| view.record(uid).transpose()).collect()
}
