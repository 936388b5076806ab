//! What is known: findings, decisions and whatever else the table of kinds gives a place here, those about the focus first.

use super::gather::{Gatherer, section, with_body};
use super::{Item, Section};
use crate::domain::kind::{self, KINDS, Kind};
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::{field, terms, text};
use crate::error::Result;
use crate::index::Page;
use crate::ops::{ready, search};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// How many known records are offered to the budget.
const KNOWN_MAX: usize = 12;
/// Tokens of a body in its longer form, and in its shorter one.
const BODY_TOKENS: [usize; 2] = [160, 60];
/// What is about the focus is worth so much.
const WORTH_FOCUS: f64 = 0.8;
/// What is only recent is worth less, and the less the older it is.
const WORTH_RECENT: f64 = 0.35;

/// A record that is known.
pub(super) struct Known {
    /// The title of the section that it belongs to.
    pub(super) title: &'static str,
    pub(super) record: Record,
    pub(super) is_about_focus: bool,
    /// The references that no longer hold, each with a remark.
    pub(super) stale: Vec<String>,
    /// Whether it was told before, among what is wrong.
    pub(super) is_told: bool,
    why: &'static str,
    worth: f64,
}

impl Gatherer<'_> {
    /// The live records of what a briefing lists, best first, at most a dozen a section.
    pub(super) fn known(&self, focus: Option<&Record>) -> Result<Vec<Known>> {
        let mut known: Vec<Known> = Vec::new();
        let about = focus.map(|focus| self.about(focus)).transpose()?.unwrap_or_default();
        for (title, rows) in by_title() {
            let here = |record: &Record| rows.iter().any(|row| row.name == record.kind());
            let start = known.len();
            for (record, why) in about.iter().filter(|(record, _)| here(record)) {
                known.push(self.judged(title, record.clone(), (why, WORTH_FOCUS)));
            }
            for record in self.recent(&rows)? {
                let count = known.len() - start;
                if count < KNOWN_MAX && !known.iter().any(|known| known.record.uid == record.uid) {
                    #[expect(clippy::cast_precision_loss, reason = "at most a dozen")]
                    let worth = WORTH_RECENT / (1.0 + count as f64 / 4.0);
                    known.push(self.judged(title, record, ("recent", worth)));
                }
            }
        }
        Ok(known)
    }

    fn judged(&self, title: &'static str, record: Record, (why, worth): (&'static str, f64)) -> Known {
        let is_about_focus = worth >= WORTH_FOCUS;
        Known { title, stale: self.stale_references(&record), record, is_about_focus, is_told: false, why, worth }
    }

    fn recent(&self, rows: &[&Kind]) -> Result<Vec<Record>> {
        let mut recent = Vec::new();
        for row in rows {
            recent.extend(self.view.first(&terms::status_term(row.name, row.statuses[0]), KNOWN_MAX)?);
        }
        recent.sort_by_key(|record| std::cmp::Reverse(record.updated));
        Ok(recent)
    }

    /// Live records that hang on the focus or that a search for it finds, and why they are told.
    pub(super) fn about(&self, focus: &Record) -> Result<Vec<(Record, &'static str)>> {
        let mut found: Vec<(Record, &'static str)> = Vec::new();
        let is_told = |record: &Record| kind::find(record.kind()).is_some_and(is_listed) && record.is_live();
        self.view.scan_terms(&terms::incoming_of(focus.uid), |uid| {
            if let Some(record) = self.view.record(uid)?.filter(is_told) {
                found.push((record, "linked to the focus"));
            }
            Ok(if found.len() < KNOWN_MAX / 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        for (_, uid) in focus.links().take(KNOWN_MAX) {
            found.extend(self.view.record(uid)?.filter(is_told).map(|record| (record, "linked to the focus")));
        }
        for record in self.like(focus)? {
            if is_told(&record) && !found.iter().any(|(known, _)| known.uid == record.uid) {
                found.push((record, "like the focus"));
            }
        }
        found.truncate(KNOWN_MAX);
        Ok(found)
    }

    /// What a search for the words of a record finds among what is known.
    fn like(&self, record: &Record) -> Result<Vec<Record>> {
        let kinds: Vec<String> =
            KINDS.iter().filter(|row| is_listed(row)).map(|row| format!("kind:{}", row.name)).collect();
        let mut query = Query::of_words(record.title());
        query.filters = Query::parse(&kinds.join(" "), self.now).filters;
        let page = Page { limit: KNOWN_MAX / 2, offset: 0, now: self.now, related: &[] };
        let found = search::quick_hits(self.view, &self.workspace.index(), &query, page)?;
        let records = found.hits.into_iter().map(|hit| self.view.record(hit.uid));
        Ok(records.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The sections of what is known, with a count of what was not read.
    pub(super) fn known_sections(&self, known: &[Known]) -> Result<Vec<Section>> {
        let mut sections = Vec::new();
        for (title, rows) in by_title() {
            let mut total = 0;
            for row in &rows {
                total += self.view.count(&terms::status_term(row.name, row.statuses[0]), ready::COUNT_MAX)?;
            }
            let here: Vec<&Known> = known.iter().filter(|known| known.title == title).collect();
            let untold = here.iter().filter(|known| !known.is_told);
            let items: Vec<Item> = untold.map(|known| self.known_item(known)).collect::<Result<_>>()?;
            let more = rows.iter().map(|row| row.plural).collect::<Vec<_>>().join(", ");
            let left_out = total.saturating_sub(here.len());
            sections.push(section(title, items, left_out, &format!("state list {more}")));
        }
        Ok(sections)
    }

    pub(super) fn known_item(&self, known: &Known) -> Result<Item> {
        let record = &known.record;
        let branch =
            record.text(field::BRANCH).filter(|branch| Some(*branch) != self.workspace.place.branch.as_deref());
        let branch = branch.map(|branch| format!(" [{}]", text::clean_line(branch))).unwrap_or_default();
        let stale = known.stale.first().map(|stale| format!(" ({stale})")).unwrap_or_default();
        let line = format!("{} {}{branch}{stale}", record.id(), Self::title(record));
        // What is only recent is not worth more, and cutting texts takes time.
        let lengths = if known.is_about_focus { &BODY_TOKENS[..] } else { &BODY_TOKENS[1..] };
        let forms = with_body(&line, &self.view.body(record)?, lengths);
        Ok(Item::forms(Some(record.id()), forms).worth(known.worth).why(known.why.to_owned()))
    }
}

/// Whether records of a kind are listed as known. Tasks and blockers have places of their own.
fn is_listed(row: &Kind) -> bool {
    row.briefing.is_some() && row.name != kind::TASK && row.name != kind::BLOCKER
}

fn by_title() -> BTreeMap<&'static str, Vec<&'static Kind>> {
    let mut by_title: BTreeMap<&str, Vec<&Kind>> = BTreeMap::new();
    for row in KINDS.iter().filter(|row| is_listed(row)) {
        by_title.entry(row.briefing.unwrap_or_default()).or_default().push(row);
    }
    by_title
}
