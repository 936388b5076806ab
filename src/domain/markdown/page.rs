//! A record as a Markdown file of its own, written for people and read back without loss.
//!
//! Front matter holds what is not text; the heading is the title; then comes the body; then, behind a mark, links to the
//! files of other records, which are for reading only: the front matter names them too. A digest in the front matter tells
//! whether anybody has edited the file.

use super::matter::{self, FENCE};
use crate::domain::digest;
use crate::domain::id::Uid;
use crate::domain::text::{clean_body, clean_line};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The first entry of a record's front matter.
const RECORD: &str = "state: record";
/// The first entry of the index's front matter.
const INDEX: &str = "state: index";
/// The line behind the body.
const MARK: &str = "<!-- state: links -->";
/// The entry that tells whether the file was edited.
const DIGEST: &str = "digest: ";
/// The order in which the entries are written.
const ORDER: [&str; 19] = [
    "state", "id", "uid", "kind", "status", "priority", "tags", "key", "created", "updated", "actor", "session",
    "branch", "worktree", "private", "defer", "reason", "links", "refs",
];

/// A record as a file shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What is not text.
    pub front: Front,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Whether the file is not as it was written.
    pub is_edited: bool,
}

/// What the front matter holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Front {
    /// `record`.
    pub state: String,
    /// Its short id.
    pub id: String,
    /// Its permanent identity.
    pub uid: Option<Uid>,
    /// The name of its kind.
    pub kind: String,
    /// One of the kind's statuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// 0 (most urgent) to 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u64>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<DateTime<Utc>>,
    /// Who made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub actor: String,
    /// The id of the session that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The branch that it was made on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The worktree that it was made in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    /// It never leaves the machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Not ready before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defer: Option<DateTime<Utc>>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Links from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<PageLink>,
    /// The files that it points to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<PageReference>,
    /// Everything else that it holds, by register name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, Value>,
}

/// A link of a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageLink {
    /// Its type.
    pub kind: String,
    /// The id of the other record.
    pub id: String,
    /// The title of the other record, for the reader.
    pub title: String,
    /// The file of the other record, from the folder that holds all.
    #[serde(skip)]
    pub path: String,
}

/// A pointer to a file: `path:from-to` alone, or with what was there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "ReferenceEntry", into = "ReferenceEntry")]
pub struct PageReference {
    /// `path`, `path:line` or `path:from-to`.
    pub path: String,
    /// The hash of the lines.
    pub hash: Option<String>,
    /// The commit that was checked out.
    pub commit: Option<String>,
    /// Whether it is to be read first.
    pub entry: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ReferenceEntry {
    Path(String),
    Whole {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        entry: bool,
    },
}

impl From<ReferenceEntry> for PageReference {
    fn from(entry: ReferenceEntry) -> Self {
        match entry {
            ReferenceEntry::Path(path) => Self { path, ..Self::default() },
            ReferenceEntry::Whole { path, hash, commit, entry } => Self { path, hash, commit, entry },
        }
    }
}

impl From<PageReference> for ReferenceEntry {
    fn from(PageReference { path, hash, commit, entry }: PageReference) -> Self {
        let is_bare = hash.is_none() && commit.is_none() && !entry;
        if is_bare { Self::Path(path) } else { Self::Whole { path, hash, commit, entry } }
    }
}

impl Page {
    /// The text of the file.
    #[must_use]
    pub fn render(&self) -> String {
        let front = Front { state: "record".to_owned(), ..self.front.clone() };
        // A struct of texts, numbers and lists is always JSON.
        let entries =
            serde_json::to_value(&front).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
        let (front, rest) = (matter::render(&entries, &ORDER), self.render_text());
        let digest = digest_of([FENCE, "\n", &front, FENCE, "\n", &rest]);
        format!("{FENCE}\n{front}{DIGEST}{digest}\n{FENCE}\n{rest}")
    }

    fn render_text(&self) -> String {
        let mut text = format!("\n# {}\n", self.title);
        if !self.body.is_empty() {
            text.extend(["\n", &self.body, "\n"]);
        }
        // A body that holds the mark needs a later one.
        if !self.front.links.is_empty() || self.body.lines().any(is_mark) {
            text.extend(["\n", MARK, "\n\n"]);
            for link in &self.front.links {
                text.extend(["- ", &link.kind, " [", &escaped(&link.title), "](../", &link.path, ")\n"]);
            }
        }
        text
    }

    /// Reads a file; `None` if it is none of ours.
    ///
    /// # Errors
    /// What is wrong with it, in lower case.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some((front, rest)) = split(text, RECORD) else { return Ok(None) };
        let entries = matter::parse(front.lines()).map_err(|line| format!("line {}: no entry", line + 1))?;
        // As written, because sixteen hex digits may read as a number.
        let written = text.lines().find_map(|line| line.strip_prefix(DIGEST)).unwrap_or_default();
        let is_edited = written != digest_without(text);
        let front = serde_json::from_value(Value::Object(entries)).map_err(|error| format!("front matter: {error}"))?;
        let rest = rest.trim_start();
        let (heading, body) = rest.split_once('\n').unwrap_or((rest, ""));
        let title = heading.strip_prefix('#').filter(|title| title.starts_with([' ', '\t', '\r']) || title.is_empty());
        let title = clean_line(title.ok_or("it has no heading, which is the title")?);
        Ok(Some(Self { front, title, body: clean_body(above_mark(body)), is_edited }))
    }
}

/// Whether a text is the index of a folder of such files, or begins like one.
#[must_use]
pub fn is_index(text: &str) -> bool {
    split(text, INDEX).is_some()
}

/// Whether a text is the file of a record, or begins like one.
#[must_use]
pub fn is_record(text: &str) -> bool {
    split(text, RECORD).is_some()
}

/// The text of an index: what it says below its front matter.
#[must_use]
pub fn index(text: &str) -> String {
    format!("{FENCE}\n{INDEX}\n{FENCE}\n\n{text}")
}

/// A title as the text of a Markdown link.
#[must_use]
pub fn escaped(title: &str) -> String {
    title.chars().fold(String::with_capacity(title.len()), |mut text, c| {
        if matches!(c, '[' | ']' | '\\') {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

/// Front matter that begins with this entry, and what is below it.
fn split<'a>(text: &'a str, first: &str) -> Option<(&'a str, &'a str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let start = at;
        at += line.len();
        let line = line.trim_end();
        match number {
            0 if line != FENCE => return None,
            1 if line != first => return None,
            2.. if line == FENCE => return Some((&text[text.find('\n')? + 1..start], &text[at..])),
            _ => {}
        }
    }
    None
}

fn is_mark(line: &str) -> bool {
    line.trim_end() == MARK
}

/// What stands before the last mark.
fn above_mark(text: &str) -> &str {
    let (mut at, mut end) = (0, text.len());
    for line in text.split_inclusive('\n') {
        if is_mark(line) {
            end = at;
        }
        at += line.len();
    }
    &text[..end]
}

fn digest_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut running = digest::RunningDigest::default();
    parts.into_iter().for_each(|part| running.update(part.as_bytes()));
    running.hex()[..16].to_owned()
}

/// The digest of a text without the line that holds it.
fn digest_without(text: &str) -> String {
    let mut is_found = false;
    digest_of(text.split_inclusive('\n').filter(|line| {
        let is_it = !is_found && line.starts_with(DIGEST);
        is_found |= is_it;
        !is_it
    }))
}

#[cfg(test)]
mod tests;
