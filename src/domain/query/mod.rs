//! The query: any text is one, whatever a person or an agent pastes.
//!
//! Free words (any may match), `"phrases"` (all must; beside free words they only count more than any word, because pasted
//! sentences have quotes too), `-word` and `-"phrase"` (none may), and filters `kind:` `status:` `tag:` `path:` `by:` `branch:`
//! `key:` `since:` `before:`, several of one kind meaning any of them, `-tag:x` excluding.
//! Kinds have their plurals too. Times are relative (`7d`, `3h`, `2w`, `yesterday`, `last-week`) or absolute (`2026-11-21`,
//! `2026-11`, RFC 3339); a value with spaces is quoted (`by:"Claude Code"`).
//!
//! `sort:new` puts the newest first. Rank then no longer tells a good match from a poor one, so every word must match.
//!
//! A quote opens a phrase only after a space; within a word, as in pasted code, it separates. What looks like a filter and
//! is none, such as `std::fs` or `since:never`, is text. Parsing never fails: what could not be taken as meant is told in
//! [`Query::notes`]. A parsed query written with `Display` is read as the same query.

mod part;
#[cfg(test)]
mod tests;

use super::text::quoted;
use super::{kind, when};
use chrono::{DateTime, SecondsFormat, Utc};
use part::{Part, has_word, pieces, split};
use std::fmt::{self, Display, Formatter};

/// More words, phrases or filters than this are left out, which is noted.
pub const PARTS_MAX: usize = 64;

/// What a filter looks at. `status:live` and `status:ended` judge whether the record is over, not its literal status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// The kind's name.
    Kind,
    /// The status.
    Status,
    /// One of the tags.
    Tag,
    /// The beginning of one of the paths.
    Path,
    /// The session or the actor.
    By,
    /// The git branch.
    Branch,
    /// The stable name.
    Key,
}

impl Facet {
    /// All of them, in the order of help.
    pub const ALL: [Self; 7] = [Self::Kind, Self::Status, Self::Tag, Self::Path, Self::By, Self::Branch, Self::Key];

    /// The word before the colon.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Status => "status",
            Self::Tag => "tag",
            Self::Path => "path",
            Self::By => "by",
            Self::Branch => "branch",
            Self::Key => "key",
        }
    }

    /// How a value is compared: lower case except in paths, which lose a leading `./`.
    #[must_use]
    pub fn normalize(self, value: &str) -> String {
        match self {
            Self::Path => value.trim_start_matches("./").to_owned(),
            _ => value.to_lowercase(),
        }
    }
}

/// A wanted or unwanted property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What it looks at.
    pub facet: Facet,
    /// What is wanted there, normalized.
    pub value: String,
}

/// A parsed query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Free words, as written.
    pub words: Vec<String>,
    /// Quoted texts, all of which must occur.
    pub phrases: Vec<String>,
    /// Words and texts that must not occur.
    pub without: Vec<String>,
    /// Of each facet named here a record needs one.
    pub filters: Vec<Filter>,
    /// None of these may be true of a record.
    pub excluded: Vec<Filter>,
    /// Changed at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Changed before this time.
    pub before: Option<DateTime<Utc>>,
    /// Whether the newest come first whatever the rank; the words are then among the phrases.
    pub newest: bool,
    /// What the writer of the query should know about how it was taken, one line each.
    pub notes: Vec<String>,
}

/// The parts of a query's text as they are written: words, quoted texts, filters. Joined by spaces they are the same query.
#[must_use]
pub fn parts(text: &str) -> Vec<&str> {
    split(text).into_iter().map(|part| part.source).collect()
}

impl Query {
    /// Reads any text as a query; relative times count back from `now`.
    #[must_use]
    pub fn parse(text: &str, now: DateTime<Utc>) -> Self {
        let mut query = Self::default();
        let mut left_out = 0;
        for part in split(text) {
            if query.len() < PARTS_MAX {
                query.take(&part, now);
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            query.notes.push(format!("only the first {PARTS_MAX} words are searched for, {left_out} are left out"));
        }
        if query.newest {
            let words = std::mem::take(&mut query.words);
            query.phrases.splice(..0, words);
        }
        if query.is_nothing() {
            query.notes.push("there is no word to search for in this".to_owned());
        }
        query
    }

    /// A query of free words only, for callers that have text which was not written as a query.
    #[must_use]
    pub fn of_words(text: &str) -> Self {
        let words = text.split_whitespace().filter(|word| has_word(word)).take(PARTS_MAX);
        Self { words: words.map(str::to_owned).collect(), ..Self::default() }
    }

    /// Whether there is nothing in it to search for or filter by: it matches nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has words or phrases, so that there are scores; else the newest come first.
    #[must_use]
    pub fn is_ranked(&self) -> bool {
        !self.words.is_empty() || !self.phrases.is_empty()
    }

    fn len(&self) -> usize {
        let times = usize::from(self.since.is_some()) + usize::from(self.before.is_some());
        let texts = self.words.len() + self.phrases.len() + self.without.len();
        texts + self.filters.len() + self.excluded.len() + times + usize::from(self.newest)
    }

    fn take(&mut self, part: &Part, now: DateTime<Utc>) {
        if self.take_filter(part, now) {
            return;
        }
        let pieces = pieces(&part.text);
        let room = PARTS_MAX - self.len();
        if part.negated {
            self.without.extend(Some(pieces.join(" ")).filter(|text| has_word(text)));
        } else if part.quoted {
            self.phrases.extend(Some(part.text.clone()).filter(|text| has_word(text)));
        } else {
            self.words.extend(pieces.into_iter().filter(|word| has_word(word)).take(room).map(str::to_owned));
        }
    }

    /// Takes a part as a filter if it is one.
    fn take_filter(&mut self, part: &Part, now: DateTime<Utc>) -> bool {
        let Some((name, value)) = part.text.split_once(':').filter(|_| !part.quoted) else { return false };
        let value = value.replace('"', "");
        if value.is_empty() {
            return false;
        }
        let name = name.to_ascii_lowercase();
        if !part.negated && (name == "since" || name == "before") {
            return self.take_time(&name, &value, now);
        }
        if !part.negated && name == "sort" {
            return self.take_sort(&value);
        }
        let Some(facet) = Facet::ALL.into_iter().find(|facet| facet.name() == name) else { return false };
        let value = if facet == Facet::Kind { self.kind_name(&value) } else { facet.normalize(&value) };
        let filters = if part.negated { &mut self.excluded } else { &mut self.filters };
        filters.push(Filter { facet, value });
        true
    }

    fn take_time(&mut self, name: &str, value: &str, now: DateTime<Utc>) -> bool {
        let Ok(time) = when::parse_time(value, now) else {
            let value = quoted(value);
            self.notes
                .push(format!("{name}: {value} is not a time such as 7d or 2026-11-21, so it is searched for as text"));
            return false;
        };
        // Any of several is enough, so the widest holds.
        if name == "since" {
            self.since = Some(self.since.map_or(time, |since| since.min(time)));
        } else {
            self.before = Some(self.before.map_or(time, |before| before.max(time)));
        }
        true
    }

    fn take_sort(&mut self, value: &str) -> bool {
        match value.to_ascii_lowercase().as_str() {
            "new" | "newest" | "recent" => self.newest = true,
            "best" | "rank" => self.newest = false,
            _ => {
                let value = quoted(value);
                self.notes.push(format!("sort: {value} is neither `new` nor `best`, so it is searched for as text"));
                return false;
            }
        }
        true
    }

    /// The name of a kind by any of its words; an unknown one may be a newer version's and is kept.
    fn kind_name(&mut self, value: &str) -> String {
        let value = value.to_lowercase();
        if let Some(kind) = kind::find(&value) {
            return kind.name.to_owned();
        }
        self.notes.push(format!("no kind is called {} here", quoted(&value)));
        value
    }
}

impl Display for Query {
    /// The query as text; of a query made by [`Query::parse`] the same is read from it again.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let time =
            |name: &str, time: DateTime<Utc>| format!("{name}:{}", time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let words = self.words.iter().cloned();
        let phrases = self.phrases.iter().map(|text| format!("\"{text}\""));
        let without = self.without.iter().map(|text| format!("-\"{text}\""));
        let filters = self.filters.iter().map(Filter::to_string);
        let excluded = self.excluded.iter().map(|filter| format!("-{filter}"));
        let times = self.since.map(|at| time("since", at)).into_iter().chain(self.before.map(|at| time("before", at)));
        let sort = self.newest.then(|| "sort:new".to_owned());
        let parts = words.chain(phrases).chain(without).chain(filters).chain(excluded).chain(times).chain(sort);
        f.write_str(&parts.collect::<Vec<_>>().join(" "))
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (name, value) = (self.facet.name(), self.value.as_str());
        match value {
            // Only a path can be empty: `./`.
            "" => write!(f, "{name}:./"),
            _ if value.contains(char::is_whitespace) => write!(f, "{name}:\"{value}\""),
            _ => write!(f, "{name}:{value}"),
        }
    }
}
