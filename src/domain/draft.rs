//! A record that somebody wants: what `add`, JSON lines, handoffs and importers have in common.
//!
//! Drafts refer to each other by `label` within one batch, and to existing records by id or key. Only `ops` resolves them.

use super::event::Extra;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One wanted record. In JSON every field but `kind` and `title` may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a record as {\"kind\": …}")]
pub struct Draft {
    /// The name of its kind.
    pub kind: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// One of the kind's statuses; absent means the first.
    pub status: Option<String>,
    /// 0 (most urgent) to 4.
    pub priority: Option<u8>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// A stable name, unique among live records of a kind unless they contradict each other.
    pub key: Option<String>,
    /// `path`, `path:line` or `path:from-to`.
    pub refs: Vec<String>,
    /// References to files that are to be read first.
    pub entries: Vec<String>,
    /// Typed links to labels, ids or keys.
    pub links: Vec<DraftLink>,
    /// Short for links of type `needs`.
    pub needs: Vec<String>,
    /// Short for a link of type `parent`.
    pub parent: Option<String>,
    /// Of a note: the session, task or branch that it is shown to once.
    pub to: Option<String>,
    /// Never leaves the machine.
    pub private: bool,
    /// Not ready before this time: RFC 3339, a date, or `3d`.
    pub defer: Option<String>,
    /// How other drafts of the batch refer to this one.
    pub label: Option<String>,
    /// An existing record, by id or key, that this item is about: its status is set, nothing is created.
    pub about: Option<String>,
    /// The branch that it belongs to, instead of the current one.
    pub branch: Option<String>,
    /// Where it came from, `beads:bd-1`: importing the same origin again changes nothing.
    #[serde(skip)]
    pub origin: Option<String>,
    /// What the source had beyond our fields.
    #[serde(skip)]
    pub source: Extra,
    /// When the source says it was made.
    #[serde(skip)]
    pub created_at: Option<DateTime<Utc>>,
    /// When the source says it last changed.
    #[serde(skip)]
    pub updated_at: Option<DateTime<Utc>>,
    /// Who the source says made it.
    #[serde(skip)]
    pub actor: Option<String>,
    /// Why it ended, in the source's words.
    #[serde(skip)]
    pub reason: Option<String>,
}

/// A link of a draft.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftLink {
    /// Its type, one of [`crate::domain::field::link::ALL`] or another word.
    pub kind: String,
    /// The label, id or key that it points to.
    pub to: String,
}

/// A line of an input that could not be taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Counted from 1.
    pub line: usize,
    /// Lower case, without the line number.
    pub why: String,
}
