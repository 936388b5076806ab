//! Nothing matched: why, and what is near.
//!
//! Each part that narrows the query is left out in turn and what would be found without it is counted. Only if no word
//! of the query occurs at all are words replaced by similar ones. All of it costs a bounded number of searches
//! ([`TRIES_MAX`]), and none where something was found.

use super::groups::{Group, groups, is_text, only_words, words_of};
use super::hits;
use super::parts::{self, Part, Role, joined};
use super::values;
use crate::domain::id::Uid;
use crate::domain::kind::{self, KINDS};
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::{field, terms, text};
use crate::error::Result;
use crate::index::{self, Hits, Index, Page};
use crate::ops::report::Line;
use crate::store::View;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::cell::Cell;
use std::collections::BTreeSet;

/// One reason why nothing matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There is no record but sessions.
    Empty,
    /// A filter is too narrow beside the rest.
    Filter,
    /// No record at all has the value that a filter asks for.
    Value,
    /// All that matches was changed at another time.
    Time,
    /// All that matches is excluded.
    Without,
    /// A phrase does not occur as such.
    Phrase,
    /// Each of several parts is too narrow.
    Together,
    /// A word occurs nowhere.
    Word,
    /// What matches was undone.
    Undone,
}

/// A reason, with what there would be without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// What kind of reason.
    pub cause: Cause,
    /// The part of the query that it is about, as typed; of what was undone the id.
    pub part: String,
    /// How many records match without it.
    pub found: usize,
    /// Whether there are more than that.
    pub capped: bool,
    /// The query that finds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Similar values or words, nearest first; of what was undone the title.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
}

impl Why {
    /// The reason in words, with its part as typed, the number of what would be found, and what leads there; `None` of a
    /// store that is empty and of what was undone, which each door says in its own way.
    #[must_use]
    pub fn told(&self, part: &str, found: &str, rest: &str) -> Option<String> {
        let near = if self.near.is_empty() { String::new() } else { format!("; near: {}", self.near.join(", ")) };
        Some(match self.cause {
            Cause::Empty | Cause::Undone => return None,
            Cause::Value if self.found == 0 => format!("no record has {part}{near}"),
            Cause::Value => format!("no record has {part}{near}; {found} without it{rest}"),
            Cause::Phrase => format!("{part} does not occur as such; its words do, {found}{rest}"),
            Cause::Filter | Cause::Time | Cause::Without => format!("{found} without {part}{rest}"),
            Cause::Together => format!("{found} without all of {part}{rest}"),
            Cause::Word => format!("{} occurs nowhere{near}", text::quoted(&self.part)),
        })
    }
}

/// Why nothing matches.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Nothing {
    /// The reasons, the one first without which least is found.
    pub why: Vec<Why>,
    /// The first records that the first reason keeps away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<Line>,
    /// The query with misspelt words or values corrected, whose hits are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

impl Nothing {
    /// Leaves out what matters least; whether there was anything to leave out.
    pub fn shorten(&mut self) -> bool {
        self.near.pop().map(|_| ()).or_else(|| self.why.pop().map(|_| ())).is_some()
    }
}

/// Searches that explaining may take.
const TRIES_MAX: usize = 16;

/// With so many records outside the index a search is slow, so that only [`TRIES_SLOW`] are made.
const BEHIND_SLOW: usize = 2000;

/// See [`BEHIND_SLOW`].
const TRIES_SLOW: usize = 4;

/// A longer text is no query that somebody typed, and is not explained part by part.
const EXPLAINED_BYTES_MAX: usize = 4096;

/// Records named as near.
const NEAR_MAX: usize = 3;

/// Words that are looked at one by one.
const WORDS_MAX: usize = 8;

/// Finds the words that are like one.
type Similar<'a> = &'a dyn Fn(&str) -> Result<Vec<String>>;

/// Who looks for the reasons, and how often it still may search.
pub(super) struct Look<'a> {
    view: &'a View,
    index: &'a Index,
    now: DateTime<Utc>,
    tries: Cell<usize>,
    similar: Similar<'a>,
}

/// What is known so far.
#[derive(Default)]
struct Found {
    why: Vec<Why>,
    /// The hits of the reason without which least is found.
    nearest: Vec<Uid>,
    least: Option<usize>,
    /// Parts by their place, and what they probably should be.
    corrections: Vec<(usize, String)>,
}

impl Found {
    fn add(&mut self, why: Why, hits: &Hits) {
        if hits.total > 0 && self.least.is_none_or(|least| hits.total < least) {
            self.least = Some(hits.total);
            self.nearest = hits.hits.iter().map(|hit| hit.uid).take(NEAR_MAX).collect();
        }
        self.why.push(why);
    }
}

impl<'a> Look<'a> {
    pub(super) fn new(
        (view, index): (&'a View, &'a Index),
        (now, behind): (DateTime<Utc>, usize),
        similar: Similar<'a>,
    ) -> Self {
        let tries = if behind > BEHIND_SLOW { TRIES_SLOW } else { TRIES_MAX };
        Self { view, index, now, tries: Cell::new(tries), similar }
    }

    /// The reasons why a query matches nothing.
    pub(super) fn explain(&self, text: &str) -> Result<Nothing> {
        if self.is_empty()? {
            let why = Why::new(Cause::Empty, String::new(), (&Hits::default(), None));
            return Ok(Nothing { why: vec![why], ..Nothing::default() });
        }
        if text.len() > EXPLAINED_BYTES_MAX {
            return Ok(Nothing::default());
        }
        let parts = parts::parts(text, self.now);
        let mut found = Found::default();
        for group in groups(&parts) {
            self.without(&parts, &group, &mut found)?;
        }
        self.together(&parts, &mut found)?;
        self.words(&parts, &mut found)?;
        self.undone(text, &parts, &mut found)?;
        found.why.sort_by_key(|why| if why.found == 0 { usize::MAX } else { why.found });
        let instead = self.corrected(&parts, &found.corrections)?;
        let near = if instead.is_some() { Vec::new() } else { self.lines(&found.nearest)? };
        Ok(Nothing { why: found.why, near, instead })
    }

    /// Whether there is no record but sessions, which come by themselves.
    fn is_empty(&self) -> Result<bool> {
        let kinds = KINDS.iter().filter(|kind| kind.name != kind::SESSION).map(|kind| terms::kind_term(kind.name));
        for term in kinds.chain([terms::NEWER.to_owned()]) {
            if self.view.count(&term, 1)? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a query finds; nothing if it asks for nothing or too many were tried.
    fn search(&self, text: &str) -> Result<Hits> {
        let query = Query::parse(text, self.now);
        if query.is_nothing() || self.tries.get() == 0 {
            return Ok(Hits::default());
        }
        self.tries.set(self.tries.get() - 1);
        let page = Page { limit: 2 * NEAR_MAX, offset: 0, now: self.now, related: &[] };
        Ok(hits(self.view, self.index, &query, page)?.0)
    }

    /// Leaves a group of parts out, and says what that finds.
    fn without(&self, parts: &[Part], group: &Group, found: &mut Found) -> Result<()> {
        let loosened = group.loosened(parts);
        let hits = self.search(&loosened)?;
        let label = group.label(parts);
        if group.cause == Cause::Filter && (loosened.is_empty() || self.search(&label)?.total == 0) {
            let near = self.near_values(parts, group, (found, &hits))?;
            found.add(Why { near, ..Why::new(Cause::Value, label, (&hits, Some(loosened))) }, &hits);
        } else if hits.total > 0 {
            found.add(Why::new(group.cause, label, (&hits, Some(loosened))), &hits);
        }
        Ok(())
    }

    /// Filters like those of a group, the nearest one noted as its correction.
    fn near_values(&self, parts: &[Part], group: &Group, (found, hits): (&mut Found, &Hits)) -> Result<Vec<String>> {
        let met: Vec<Uid> = hits.hits.iter().map(|hit| hit.uid).collect();
        let mut all = Vec::new();
        for place in &group.places {
            let Role::Filter(filter) = &parts[*place].role else { continue };
            let near = values::near(self.view, filter, &met)?;
            found.corrections.extend(near.first().map(|first| (*place, first.clone())));
            all.extend(near);
        }
        Ok(all)
    }

    /// Leaves all that narrows out, if no single part was too narrow.
    fn together(&self, parts: &[Part], found: &mut Found) -> Result<()> {
        let narrowing: Vec<&Part> = parts.iter().filter(|part| part.is_narrowing()).collect();
        if narrowing.len() < 2 || found.least.is_some() {
            return Ok(());
        }
        let loosened = only_words(parts);
        let hits = self.search(&loosened)?;
        if hits.total > 0 {
            found.add(Why::new(Cause::Together, joined(narrowing), (&hits, Some(loosened))), &hits);
        }
        Ok(())
    }

    /// Tells which words occur nowhere: all of them if not one was found, else some of a phrase.
    fn words(&self, parts: &[Part], found: &mut Found) -> Result<()> {
        let none_occurs = self.search(&only_words(parts))?.total == 0;
        for (place, part) in parts.iter().enumerate().filter(|(_, part)| is_text(part)).take(WORDS_MAX) {
            for word in words_of(part).take(WORDS_MAX) {
                if !none_occurs && (part.role == Role::Word || self.occurs(word)?) {
                    continue;
                }
                let near = (self.similar)(word)?;
                if let Some(best) = near.first() {
                    correct(&mut found.corrections, (place, part), (word, best));
                }
                let why = Why::new(Cause::Word, word.to_owned(), (&Hits::default(), None));
                found.why.push(Why { near, ..why });
            }
        }
        Ok(())
    }

    /// Whether a word is found anywhere; assumed where there were too many tries to know.
    fn occurs(&self, word: &str) -> Result<bool> {
        Ok(self.tries.get() == 0 || self.search(word)?.total > 0)
    }

    /// The query with its corrections, if that finds something.
    fn corrected(&self, parts: &[Part], corrections: &[(usize, String)]) -> Result<Option<String>> {
        if corrections.is_empty() {
            return Ok(None);
        }
        let mut parts = parts.to_vec();
        for (place, text) in corrections {
            parts[*place].text.clone_from(text);
        }
        let text = joined(&parts);
        // Corrections come last, and one try is always left for them.
        self.tries.set(self.tries.get().max(1));
        Ok((self.search(&text)?.total > 0).then_some(text))
    }

    fn lines(&self, uids: &[Uid]) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for uid in uids {
            if let Some(record) = self.view.record(*uid)? {
                lines.push(Line::of(self.view, &record, self.now)?);
            }
        }
        Ok(lines)
    }

    /// Names records that would match and were undone lately, or whose id is a word of the query.
    fn undone(&self, text: &str, parts: &[Part], found: &mut Found) -> Result<()> {
        let named = parts.iter().filter_map(|part| self.view.id(&part.text.to_lowercase()).transpose());
        let named = named.collect::<Result<BTreeSet<Uid>>>()?;
        let query = Query::parse(text, self.now);
        let mut told = 0;
        for uid in named.iter().copied().chain(self.changed_lately()?) {
            let Some((record, body)) = self.view.record_and_body(uid)? else { continue };
            let is_named = named.contains(&uid);
            if told == NEAR_MAX || !is_undone(&record) || !is_named && !has_match(&query, &record, &body) {
                continue;
            }
            let known = found.why.iter().any(|why| why.cause == Cause::Undone && why.part == record.id());
            if !known {
                told += 1;
                let why = Why::new(Cause::Undone, record.id().to_owned(), (&Hits::default(), None));
                found.why.push(Why { found: 1, near: vec![record.title().to_owned()], ..why });
            }
        }
        Ok(())
    }

    /// The records that the last events touched, latest first.
    fn changed_lately(&self) -> Result<Vec<Uid>> {
        let next = self.view.next_position();
        let events = self.view.events(next.saturating_sub(LATELY)..next)?;
        let mut seen = BTreeSet::new();
        let touched = events.into_iter().rev().flat_map(|(_, event)| event.touches);
        Ok(touched.filter(|uid| seen.insert(*uid)).collect())
    }
}

/// Events among which undone records are looked for.
const LATELY: u64 = 200;

fn is_undone(record: &Record) -> bool {
    record.birth.is_some() && record.flag(field::GONE) && record.get(field::ERASED).is_none()
}

/// Whether a word of the query occurs in a record.
fn has_match(query: &Query, record: &Record, body: &str) -> bool {
    let plain = |text: &str| text.replace(['[', ']'], " ");
    index::snippet(query, &plain(record.title()), &plain(body)).contains('[')
}

impl Why {
    fn new(cause: Cause, part: String, (hits, query): (&Hits, Option<String>)) -> Self {
        let query = query.filter(|_| hits.total > 0);
        Self { cause, part, found: hits.total, capped: hits.capped, query, near: Vec::new() }
    }
}

/// Notes that `word` of a part should be `best`, beside what else is wrong in it.
fn correct(corrections: &mut Vec<(usize, String)>, (place, part): (usize, &Part), (word, best): (&str, &str)) {
    match corrections.iter_mut().find(|(at, _)| *at == place) {
        Some((_, text)) => *text = text.replacen(word, best, 1),
        None => corrections.push((place, part.text.replacen(word, best, 1))),
    }
}

#[cfg(test)]
mod tests;
