//! Secrets in an old store: in what records say now, and in what their history holds. Read from the log in chunks, never shown.

use super::Progress;
use crate::domain::digest;
use crate::domain::event::Event;
use crate::domain::id::Uid;
use crate::domain::{field, secret};
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::store::{View, blob_of};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Positions of the log that are read at once.
const CHUNK: u64 = 500;
/// So many places are listed; all are counted.
const PLACES_MAX: usize = 1_000;

/// One secret in one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretPlace {
    /// The record.
    pub id: String,
    /// What the secret is.
    pub secret: &'static str,
    /// The register that has it, `title`.
    pub field: String,
    /// Its line there, from 1.
    pub line: usize,
    /// Whether the record says it now; else only its history does.
    pub live: bool,
}

/// The report of `doctor --secrets`.
#[derive(Clone, Debug, Serialize)]
pub struct SecretsReport {
    /// How many positions of the log were read.
    pub events: u64,
    /// How many records hold a secret.
    pub records: usize,
    /// How many secrets there are, each counted once a record.
    pub found: usize,
    /// Where they are, by record; at most 1,000.
    pub places: Vec<SecretPlace>,
}

impl SecretsReport {
    /// Nothing, or `CheckFailed` if there are secrets.
    ///
    /// # Errors
    /// As said.
    pub fn verdict(&self) -> Result<()> {
        let Some(first) = self.places.first() else { return Ok(()) };
        let count = if self.found == 1 { "1 secret".to_owned() } else { format!("{} secrets", self.found) };
        Err(Error::new(
            Kind::CheckFailed,
            format!("{count} in {} record{}", self.records, if self.records == 1 { "" } else { "s" }),
        )
        .hint(format!("state erase {} removes the record's text for ever, its history too", first.id)))
    }
}

/// Where a secret was met first, or last if that is what the record says now.
struct Met {
    field: String,
    line: usize,
    live: bool,
}

/// By record, kind and hash of the secret.
type Places = BTreeMap<(Uid, &'static str, String), Met>;

/// Looks through the whole log. Takes about 10 s a million events; others read and write meanwhile.
///
/// # Errors
/// As the store says.
pub fn secrets(workspace: &Workspace, progress: Progress<'_>) -> Result<SecretsReport> {
    let last = workspace.read(|view| Ok(view.next_position() - 1))?;
    let (mut places, mut next) = (Places::new(), 1);
    while next <= last {
        let to = last.min(next + CHUNK - 1);
        workspace.read(|view| {
            for (position, event) in view.events(next..=to)? {
                look(workspace, view, (position, &event), &mut places)?;
            }
            Ok(())
        })?;
        next = to + 1;
        let shown = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        progress("looking for secrets", shown(to), shown(last));
    }
    workspace.read(|view| report(view, last, places))
}

fn look(workspace: &Workspace, view: &View, (position, event): (u64, &Event), places: &mut Places) -> Result<()> {
    let Some(put) = event.put() else { return Ok(()) };
    let record = view.record(put.uid)?;
    let why = event.why.as_ref().map(|why| (WHY.to_owned(), json!(why)));
    for (name, value) in put.set.iter().map(|(name, value)| (name.clone(), value.clone())).chain(why) {
        let is_body = name == field::BODY;
        let live = record.as_ref().is_some_and(|record| {
            if is_body { record.body_position() == Some(position) } else { record.get(&name) == Some(&value) }
        });
        let value = match blob_of(event).filter(|_| is_body) {
            Some(blob) => Value::String(workspace.store.blob(blob)?),
            None => value,
        };
        look_in(&name, &value, |kind, text, line| {
            let key = (put.uid, kind, digest::sha256_hex(text.as_bytes()));
            let met = places.entry(key).or_insert_with(|| Met { field: name.clone(), line, live });
            if live && !met.live {
                *met = Met { field: name.clone(), line, live };
            }
        });
    }
    Ok(())
}

/// Tells each secret of a register, in its value or its name: kind, text and line.
fn look_in(name: &str, value: &Value, mut tell: impl FnMut(&'static str, &str, usize)) {
    secret::each_in_value(name, value, &mut |found, _, text| {
        if found.kind != secret::PRIVATE_KIND {
            let line = text[..found.range.start].matches('\n').count() + 1;
            tell(found.kind, &text[found.range.clone()], line);
        }
    });
    for found in secret::find(name) {
        tell(found.kind, &name[found.range.clone()], 1);
    }
}

/// The line of a transaction repeats the title of a record, and is erased with it.
const WHY: &str = "why";

fn report(view: &View, events: u64, mut places: Places) -> Result<SecretsReport> {
    let held = places.iter().filter(|(_, met)| met.field != WHY);
    let held: BTreeSet<String> = held.map(|((_, _, hash), _)| hash.clone()).collect();
    places.retain(|(_, _, hash), met| met.field != WHY || !held.contains(hash));
    let found = places.len();
    let mut records: Vec<Uid> = places.keys().map(|(uid, ..)| *uid).collect();
    records.dedup();
    let mut listed = Vec::new();
    for ((uid, secret, _), met) in places.into_iter().take(PLACES_MAX) {
        let id = view.record(uid)?.map_or_else(|| uid.to_string(), |record| record.id().to_owned());
        let field = secret::mask(&met.field).into_owned();
        listed.push(SecretPlace { id, secret, field, line: met.line, live: met.live });
    }
    Ok(SecretsReport { events, records: records.len(), found, places: listed })
}
