//! `add`: any record, or a whole handoff or batch, as a tool.

use super::call::Call;
use super::tools::{Harm, Verb};
use super::{cut, print, schema};
use crate::domain::draft::{Draft, DraftLink};
use crate::domain::{kind, text};
use crate::error::{Error, Result};
use crate::ops::add::{self, AddInput, AddReport, Made};
use crate::ops::batch;
use crate::ops::report::Line;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;

/// More records are told as counts and ids.
const LINES_MAX: usize = 3;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Add {
    /// task, blocker, finding, decision, note, handoff, summary, artifact
    kind: Option<String>,
    title: Option<String>,
    /// Markdown
    body: Option<String>,
    /// Alone: a Markdown handoff (## Done, Next, Blockers, Findings, Decisions, Read first) or JSON lines
    text: Option<String>,
    #[schemars(skip)]
    status: Option<String>,
    /// 0 (urgent) to 4
    priority: Option<u8>,
    #[serde(deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    tags: Vec<String>,
    /// Stable name, as auth/lock
    key: Option<String>,
    /// src/a.rs:10-40
    #[serde(deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    refs: Vec<String>,
    #[serde(deserialize_with = "schema::words")]
    #[schemars(skip)]
    entries: Vec<String>,
    /// Ids to be done before
    #[serde(deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    needs: Vec<String>,
    parent: Option<String>,
    /// As relates:t-4kq21.
    #[serde(deserialize_with = "schema::words")]
    #[schemars(skip)]
    links: Vec<String>,
    /// Ids it replaces
    #[serde(deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    over: Vec<String>,
    /// Of a note: session, task or branch
    to: Option<String>,
    /// Not before 3d, 2026-12-01
    #[schemars(skip)]
    defer: Option<String>,
    #[schemars(skip)]
    private: Option<bool>,
}

impl Verb for Add {
    const NAME: &'static str = "add";
    const ABOUT: &'static str = "Add a finding, decision, task, blocker or note, or a whole handoff as text; all or nothing. \
        At discovery, self-contained: what, where, why.";
    const HARM: Harm = Harm::Undoable;

    fn run(self, call: &Call) -> Result<String> {
        let report = if let Some(text) = self.whole_text()? {
            let add = if self.private == Some(true) { batch::add_private_text } else { batch::add_text };
            add(&call.writing()?, &text)?
        } else {
            let input = self.input()?;
            add::add(&call.writing()?, &input)?
        };
        let text = text::display(&print(&report)).into_owned();
        Ok(cut::part(&text, (0, cut::budget(None)), |_| "list {\"word\":\"kinds\"}".to_owned()))
    }
}

impl Add {
    /// The whole text, if there is one and nothing beside it that would be lost.
    fn whole_text(&self) -> Result<Option<String>> {
        let Some(text) = &self.text else { return Ok(None) };
        let beside = self.beside_text();
        if !beside.is_empty() {
            let beside = beside.join(", ");
            return Err(Error::usage(format!("text stands alone: a single record has {beside}; nothing was added"))
                .hint("give either text, or kind, title and the rest; in JSON lines each record has its own; private is for all"));
        }
        if text.len() > crate::ops::parts::TEXT_BYTES_MAX {
            let limit = crate::ops::parts::TEXT_BYTES_MAX / 1024 / 1024;
            return Err(Error::usage(format!("the text has {} bytes, {limit} MiB are the limit", text.len())));
        }
        Ok(Some(text.clone()))
    }

    /// What is given and would be lost beside a text.
    fn beside_text(&self) -> Vec<&'static str> {
        let is_text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let all = [
            ("kind", is_text(&self.kind)),
            ("title", is_text(&self.title)),
            ("body", is_text(&self.body)),
            ("status", is_text(&self.status)),
            ("priority", self.priority.is_some()),
            ("tags", !self.tags.is_empty()),
            ("key", is_text(&self.key)),
            ("refs", !self.refs.is_empty()),
            ("entries", !self.entries.is_empty()),
            ("needs", !self.needs.is_empty()),
            ("parent", is_text(&self.parent)),
            ("links", !self.links.is_empty()),
            ("over", !self.over.is_empty()),
            ("to", is_text(&self.to)),
            ("defer", is_text(&self.defer)),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }

    fn input(self) -> Result<AddInput> {
        let example = "add {\"kind\":\"finding\",\"title\":\"WHAT YOU LEARNED\",\"body\":\"HOW, WHERE\"}";
        let missing = |what: &str| Error::usage(format!("the {what} is missing; nothing was added")).hint(example);
        let kind = self.kind.ok_or_else(|| missing("kind"))?;
        let links = self.links.iter().map(|link| {
            let (kind, to) = link.split_once(':').ok_or_else(|| {
                Error::usage(format!("'{}' is not a link", text::clean_line(link))).hint("as relates:t-4kq21")
            })?;
            Ok(DraftLink { kind: kind.to_owned(), to: to.to_owned() })
        });
        let draft = Draft {
            links: links.collect::<Result<_>>()?,
            kind: kind::find(&kind).map_or(kind, |row| row.name.to_owned()),
            title: self.title.ok_or_else(|| missing("title"))?,
            body: self.body.unwrap_or_default(),
            status: self.status,
            priority: self.priority,
            tags: self.tags,
            key: self.key,
            refs: self.refs,
            entries: self.entries,
            needs: self.needs,
            to: self.to,
            parent: self.parent,
            private: self.private.unwrap_or(false),
            defer: self.defer,
            ..Draft::default()
        };
        Ok(AddInput { draft, over: self.over })
    }
}

fn print(report: &AddReport) -> String {
    if report.records.len() > LINES_MAX {
        return print_many(&report.records) + &print::lines(&report.remarks);
    }
    let mut out = String::new();
    for made in &report.records {
        let record = &made.record;
        let _ = writeln!(out, "{} {}: {}", record.id, word(made), text::clean_line(&record.title));
        if !record.blocked_by.is_empty() {
            let _ = writeln!(out, "waits for {}", record.blocked_by.join(", "));
        }
    }
    let near = report.near.iter().map(|near| format!("{} {}", near.id, text::clean_line(&near.title)));
    let near: Vec<String> = near.collect();
    if !near.is_empty() {
        let _ = writeln!(out, "near: {}", near.join("; "));
    }
    out + &print::lines(&report.remarks)
}

fn word(made: &Made) -> String {
    made.told(|others| {
        let (id, all) = (&made.record.id, made.others.iter().chain([&made.record.id]).collect::<Vec<_>>());
        let drop = cut::call("update", &json!({"do": "drop", "ids": made.others, "reason": "WHY"}));
        let over = cut::call("add", &json!({"kind": made.record.kind, "title": "...", "over": all}));
        format!("added, but {others} says otherwise under the same key as {id}; settle: {drop}, or {over}")
    })
}

/// A batch in few lines: how many of which kind, and their ids; for a handoff, all hang on the first.
fn print_many(made: &[Made]) -> String {
    let lines: Vec<Line> = made.iter().map(|made| made.record.clone()).collect();
    let is_handoff = [kind::HANDOFF, kind::SUMMARY].contains(&lines[0].kind.as_str());
    let (head, rest) = lines.split_at(usize::from(is_handoff));
    match head.first() {
        Some(head) => format!("{}: {}, all linked\n{}\n", head.id, add::counts(rest), print::ids(rest)),
        None => format!("{} added: {}\n{}\n", rest.len(), add::counts(rest), print::ids(rest)),
    }
}
