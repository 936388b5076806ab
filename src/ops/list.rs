//! `list`: every list there is, by one word and filters.

use super::report::Line;
use super::{Workspace, handoff, session};
use crate::domain::id::Uid;
use crate::domain::kind::{self, KINDS};
use crate::domain::record::Record;
use crate::domain::{field, terms, text};
use crate::error::{Error, Result};
use crate::store::View;
use serde::Serialize;
use std::ops::ControlFlow;

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ListInput {
    /// A kind's plural, or one of [`WORDS`]; `tasks` if absent.
    pub word: Option<String>,
    /// Only with all of these tags.
    pub tags: Vec<String>,
    /// Only in this status.
    pub status: Option<String>,
    /// Only made on this branch.
    pub branch: Option<String>,
    /// Only that refer to a path with this beginning.
    pub path: Option<String>,
    /// Ended ones too.
    pub all: bool,
    /// At most so many.
    pub limit: usize,
    /// Skip so many.
    pub offset: usize,
}

/// A record of a list, and for sessions how they stand.
#[derive(Clone, Debug, Serialize)]
pub struct ListLine {
    /// The record.
    #[serde(flatten)]
    pub record: Line,
    /// Sessions only: active, ended, crashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<session::Standing>,
    /// Made by this program from what a session left behind.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
    /// Conflicts only: the ids that say something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradicts: Vec<String>,
}

impl ListLine {
    /// The record with one word for how it stands: of a session that ended without a word, the record does not know it.
    #[must_use]
    pub fn told(&self) -> Line {
        let status = self.standing.map_or(self.record.status.as_str(), |standing| standing.word());
        Line { status: status.to_owned(), ..self.record.clone() }
    }

    /// What is said behind it, in brackets.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let auto = self.auto.then(|| "auto".to_owned());
        let others = self.contradicts.join(", ");
        let contradicts = (!others.is_empty()).then(|| format!("contradicts {others}"));
        auto.into_iter().chain(contradicts).collect()
    }
}

/// The report of `list`.
#[derive(Clone, Debug, Serialize)]
pub struct ListReport {
    /// What is listed.
    pub word: String,
    /// The records in the list's order.
    pub records: Vec<ListLine>,
    /// How many match in all, counted up to [`COUNT_MAX`].
    pub total: usize,
}

impl ListReport {
    /// What an empty list says.
    #[must_use]
    pub fn nothing(&self) -> String {
        match self.word.as_str() {
            "mine" => "You hold no tasks.".to_owned(),
            "active" | "in-progress" => "Nobody works on a task.".to_owned(),
            "kinds" => "Nothing is recorded yet.".to_owned(),
            "blocked" | "deferred" => format!("No {} tasks.", self.word),
            word => format!("No {}.", text::clean_line(word)),
        }
    }
}

/// Totals stop here.
pub const COUNT_MAX: usize = 1000;

/// The lists that are not of one kind, with what they show.
pub const WORDS: [(&str, &str); 6] = [
    ("mine", "what this session has claimed"),
    ("active", "tasks that are worked on"),
    ("blocked", "open tasks that something holds up"),
    ("deferred", "open tasks for later"),
    ("conflicts", "records whose key another live one contradicts"),
    ("kinds", "everything live, kind by kind"),
];

/// Lists records.
///
/// # Errors
/// `Usage` for an unknown word, with the words that there are.
pub fn list(workspace: &Workspace, input: &ListInput) -> Result<ListReport> {
    let now = workspace.now();
    let word = input.word.clone().unwrap_or_else(|| "tasks".to_owned());
    workspace.read(|view| {
        let sources = sources(view, workspace, &word, input)?;
        let mut page = Page { records: Vec::new(), total: 0 };
        for term in &sources.terms {
            page.gather(view, term, (input, &sources))?;
        }
        let records = page.records.iter().map(|record| line(view, record, &word, now)).collect::<Result<_>>()?;
        Ok(ListReport { word, records, total: page.total })
    })
}

/// Where a list reads from, and what it keeps.
struct Sources {
    terms: Vec<String>,
    live_only: bool,
    kind: Option<&'static str>,
}

struct Page {
    records: Vec<Record>,
    total: usize,
}

fn sources(view: &View, workspace: &Workspace, word: &str, input: &ListInput) -> Result<Sources> {
    let plain = |term: &str| Sources { terms: vec![term.to_owned()], live_only: false, kind: None };
    Ok(match word {
        "mine" => match session::current(view, workspace)? {
            Some(session) => plain(&terms::claim_term(session.uid)),
            None => Sources { terms: Vec::new(), live_only: true, kind: None },
        },
        "active" | "in-progress" => plain(&terms::status_term(kind::TASK, "active")),
        "blocked" => plain(terms::BLOCKED),
        "deferred" => plain(terms::DEFERRED),
        "conflicts" => plain(terms::CONFLICTS),
        "kinds" => Sources {
            terms: KINDS.iter().map(|row| terms::kind_term(row.name)).chain([terms::NEWER.to_owned()]).collect(),
            live_only: !input.all,
            kind: None,
        },
        other => of_kind(other, input)?,
    })
}

fn of_kind(word: &str, input: &ListInput) -> Result<Sources> {
    let row = kind::find(word).ok_or_else(|| unknown(word))?;
    let terms = match &input.status {
        Some(status) => vec![terms::status_term(row.name, super::parts::status(row, status)?)],
        None if input.all || row.name == kind::SESSION => vec![terms::kind_term(row.name)],
        None => {
            // What is worked on comes before what waits.
            let live = row.statuses.iter().rev().filter(|status| !row.ended.contains(status));
            live.map(|status| terms::status_term(row.name, status)).collect()
        }
    };
    Ok(Sources { terms, live_only: false, kind: Some(row.name) })
}

fn unknown(word: &str) -> Error {
    let kinds = KINDS.iter().filter(|row| !row.planned).map(|row| row.plural);
    let words: Vec<&str> = kinds.chain(WORDS.iter().map(|(word, _)| *word)).collect();
    let error = Error::usage(format!("no list '{}'; lists: {}", text::clean_line(word), words.join(", ")));
    match text::nearest(word, words.iter().copied(), 2) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error,
    }
}

impl Page {
    /// Reads on past the page only to count, and only up to the cap.
    fn gather(&mut self, view: &View, term: &str, (input, sources): (&ListInput, &Sources)) -> Result<()> {
        let filtered = is_filtered(input) || sources.live_only;
        view.scan(term, |_, uid| {
            let wanted = self.records.len() < input.limit && self.total >= input.offset;
            let record = if wanted || filtered {
                view.record(uid)?.filter(|record| keeps(record, input, sources))
            } else {
                None
            };
            match record {
                Some(record) if wanted => self.records.push(record),
                None if wanted || filtered => return Ok(ControlFlow::Continue(())),
                _ => {}
            }
            self.total += 1;
            Ok(if self.total < COUNT_MAX.max(input.offset.saturating_add(input.limit)) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })
    }
}

fn is_filtered(input: &ListInput) -> bool {
    !input.tags.is_empty() || input.branch.is_some() || input.path.is_some() || input.status.is_some()
}

fn keeps(record: &Record, input: &ListInput, sources: &Sources) -> bool {
    let tagged = input.tags.iter().all(|tag| record.get(&field::tag(tag.trim_start_matches('#'))).is_some());
    let branch = input.branch.as_deref().is_none_or(|branch| record.text(field::BRANCH) == Some(branch));
    let path =
        input.path.as_deref().is_none_or(|path| record.elements(field::REF).any(|(held, _)| held.starts_with(path)));
    let status = input.status.as_deref().is_none_or(|status| record.status() == status);
    let kind = sources.kind.is_none_or(|kind| record.kind() == kind);
    tagged && branch && path && status && kind && (record.is_live() || !sources.live_only)
}

fn line(view: &View, record: &Record, word: &str, now: chrono::DateTime<chrono::Utc>) -> Result<ListLine> {
    let is_session = record.kind() == kind::SESSION;
    let contradicting = if word == "conflicts" { view.contradicting(record, 5)? } else { Vec::new() };
    Ok(ListLine {
        record: Line::of(view, record, now)?,
        standing: if is_session { Some(session::standing(view, record, now)?) } else { None },
        auto: handoff::is_auto(record),
        contradicts: contradicting.iter().map(|other| other.id().to_owned()).collect(),
    })
}

/// The id of a record by its uid, for reports that name others.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn id_of(view: &View, uid: Uid) -> Result<String> {
    Ok(view.record(uid)?.map_or_else(|| "?".to_owned(), |record| record.id().to_owned()))
}
