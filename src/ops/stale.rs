//! References to files: taken with a hash of the lines, told as stale when these lines no longer stand there.

use super::report;
use super::workspace::Place;
use crate::domain::digest;
use crate::domain::field;
use crate::domain::record::Record;
use crate::domain::reference::Reference;
use crate::domain::text;
use crate::error::Result;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Component, Path, PathBuf};

/// Files beyond this are referred to without a hash.
const HASHED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// In the value of a reference's register: `true` if the file is to be read first.
pub const ENTRY: &str = "entry";

/// Whether what a reference points to still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The same lines are there.
    Fresh,
    /// Other lines are there.
    Changed,
    /// The file is gone.
    Missing,
    /// No hash was taken: the file was not there or too large.
    Unknown,
}

impl State {
    /// Whether a reader should not trust what was said about these lines.
    #[must_use]
    pub fn is_stale(self) -> bool {
        matches!(self, Self::Changed | Self::Missing)
    }

    /// The remark behind a path, empty if all is well.
    #[must_use]
    pub fn remark(self) -> &'static str {
        match self {
            Self::Fresh | Self::Unknown => "",
            Self::Changed => " (changed since)",
            Self::Missing => " (file is gone)",
        }
    }
}

/// The register of a reference as typed in `place`: its name and its value.
///
/// # Errors
/// `Usage` if the text is not `path`, `path:line` or `path:from-to`.
pub fn register(text: &str, place: &Place) -> Result<(String, Value)> {
    let mut reference: Reference = text.parse()?;
    reference.path = relative(&reference.path, place);
    let hash = hash(&place.root.join(&reference.path), reference.lines);
    let value = json!({"hash": hash, "commit": place.commit});
    Ok((format!("{}{reference}", field::REF), value))
}

/// As [`register`], for a file that is to be read first.
///
/// # Errors
/// As [`register`].
pub fn entry_register(text: &str, place: &Place) -> Result<(String, Value)> {
    let (name, mut value) = register(text, place)?;
    value[ENTRY] = json!(true);
    Ok((name, value))
}

/// As [`register`], for a file that was edited: no hash, because it is about to change again.
///
/// # Errors
/// As [`register`].
pub fn edited_register(text: &str, place: &Place) -> Result<(String, Value)> {
    let path = relative(&text.parse::<Reference>()?.path, place);
    Ok((format!("{}{path}", field::REF), json!({"edited": true})))
}

/// Whether a reference, by what its register holds, is to be read first.
#[must_use]
pub fn is_entry(value: &Value) -> bool {
    value.get(ENTRY).and_then(Value::as_bool).unwrap_or(false)
}

/// A path typed in a subdirectory, as seen from the root of the worktree.
fn relative(path: &str, place: &Place) -> String {
    let full = normal(&place.cwd.join(path));
    match full.strip_prefix(normal(&place.root)) {
        Ok(inside) if !inside.as_os_str().is_empty() => inside.to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

/// Without `.` and `..`, by the text alone: the file need not exist.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut done, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                done.pop();
            }
            other => done.push(other),
        }
        done
    })
}

/// The hash of the lines, or of the whole file.
fn hash(path: &Path, lines: Option<(u32, u32)>) -> Option<String> {
    let size = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    if size > HASHED_BYTES_MAX {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let part = match lines {
        Some((from, to)) => {
            let (skip, take) = (from.saturating_sub(1) as usize, (to - from.min(to)) as usize + 1);
            let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').skip(skip).take(take).collect();
            lines.join(&b'\n')
        }
        None => bytes,
    };
    Some(digest::sha256_hex(&part)[..16].to_owned())
}

/// What is odd about references that were just given, as typed in `place`: files that are not there, lines beyond the end.
#[must_use]
pub fn remarks<'a>(texts: impl Iterator<Item = &'a String>, place: &Place) -> Vec<String> {
    texts.filter_map(|text| remark(text, place)).collect()
}

fn remark(text: &str, place: &Place) -> Option<String> {
    let reference: Reference = text.parse().ok()?;
    let path = relative(&reference.path, place);
    let file = place.root.join(&path);
    let shown = text::clean_line(&path);
    if !file.exists() {
        return Some(format!("{shown} is not there"));
    }
    let (_, last) = reference.lines?;
    let size = std::fs::metadata(&file).ok().filter(std::fs::Metadata::is_file)?.len();
    let bytes = if size > HASHED_BYTES_MAX { return None } else { std::fs::read(&file).ok()? };
    let count = bytes.split_inclusive(|byte| *byte == b'\n').count();
    let plural = if count == 1 { "" } else { "s" };
    (last as usize > count).then(|| format!("{shown} has {count} line{plural}"))
}

/// The references of a record, judged by the files of this worktree.
#[must_use]
pub fn references(record: &Record, place: &Place) -> Vec<report::Reference> {
    record
        .elements(field::REF)
        .map(|(path, value)| report::Reference {
            // Older stores and other replicas may hold what a terminal or a model must not see raw.
            path: text::display(path).into_owned(),
            state: state(path, value, place),
            entry: is_entry(value),
            commit: value.get("commit").and_then(Value::as_str).map(str::to_owned),
        })
        .collect()
}

/// Whether the lines of one reference still stand there; `value` is what its register holds.
#[must_use]
pub fn state(path: &str, value: &Value, place: &Place) -> State {
    let (Some(taken), Ok(reference)) = (value.get("hash").and_then(Value::as_str), path.parse::<Reference>()) else {
        return State::Unknown;
    };
    let file = place.root.join(&reference.path);
    match hash(&file, reference.lines) {
        Some(now) if now == taken => State::Fresh,
        Some(_) => State::Changed,
        None if file.exists() => State::Unknown,
        None => State::Missing,
    }
}
