//! From what a person types to the record that is meant: an id, a unique prefix of one, or a key.

use crate::domain::id;
use crate::domain::record::Record;
use crate::domain::{kind, terms, text};
use crate::error::{Error, Kind, Result};
use crate::store::View;

/// How many candidates an ambiguous word lists.
const CANDIDATES_MAX: usize = 8;

/// The record that `word` names. A stored id beats any prefix match; a live record beats an ended one with the same key.
///
/// # Errors
/// `NotFound` with the nearest id, `Conflict` with the candidates if several match.
pub fn record(view: &View, word: &str) -> Result<Record> {
    let word = word.trim();
    if let Some(uid) = view.id(word)? {
        return view.record(uid)?.ok_or_else(|| unknown(view, word));
    }
    let keyed = by_key(view, word)?;
    let found = if keyed.is_empty() { by_prefix(view, &word.to_lowercase())? } else { keyed };
    match <[Record; 1]>::try_from(found) {
        Ok([record]) => Ok(record),
        Err(none) if none.is_empty() => Err(unknown(view, word)),
        Err(several) => Err(ambiguous(word, &several)),
    }
}

fn by_key(view: &View, word: &str) -> Result<Vec<Record>> {
    let mut found = view.first(&terms::key_term(word), CANDIDATES_MAX)?;
    if found.iter().any(Record::is_live) {
        found.retain(Record::is_live);
    } else {
        // The newest of those that have ended.
        found.truncate(1);
    }
    Ok(found)
}

fn by_prefix(view: &View, word: &str) -> Result<Vec<Record>> {
    if !id::looks_like_id(word) {
        return Ok(Vec::new());
    }
    let uids = view.ids_from(word, CANDIDATES_MAX)?;
    uids.into_iter().filter_map(|(_, uid)| view.record(uid).transpose()).collect()
}

fn ambiguous(word: &str, found: &[Record]) -> Error {
    let candidates: Vec<String> = found.iter().map(|record| format!("{} ({})", record.id(), record.title())).collect();
    Error::conflict(format!("'{word}' means several records: {}", candidates.join(", "))).hint("type more of the id")
}

fn unknown(view: &View, word: &str) -> Error {
    let error = Error::new(Kind::NotFound, format!("no record '{word}'"));
    match nearest(view, word) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint("ids and keys: state list, or state search WORDS"),
    }
}

/// The nearest id that shares at least the kind and one more character, else the nearest with the same rest.
fn nearest(view: &View, word: &str) -> Option<String> {
    let heads = word.chars().next().into_iter().chain(kind::KINDS.iter().map(|kind| kind.prefix));
    let rest = word.split_once('-').map_or(word, |(_, rest)| rest);
    let mut ids = Vec::new();
    for (at, head) in heads.enumerate() {
        let shared: String = rest.chars().take(if at == 0 { 1 } else { 2 }).collect();
        ids.extend(view.ids_from(&format!("{head}-{shared}"), 500).ok()?.into_iter().map(|(id, _)| id));
    }
    text::nearest(word, ids.iter().map(String::as_str), 2).map(str::to_owned)
}
