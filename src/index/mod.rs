//! Full-text search over records: a tantivy index, derived from the log, and the tail of what changed since.
//!
//! The index is never the truth. Its commit says how far into which log it reaches ([`Coverage`]); the caller hands
//! [`Index::search`] the records changed since then as a [`Tail`], and the result is as if they were indexed. When the
//! index is missing, broken, of another version or of another log, [`Index::coverage`] is `None` or the search fails
//! with an error for which [`is_unreadable`] holds: the caller then searches with all records as the tail, which is
//! right and slow, and has the index rebuilt. So a write never waits for tantivy, and a search never depends on it.
//!
//! How text becomes terms is in `tokenizer`, what a query means in `plan`, how it is scored in `score`, `near` and `rank`, where
//! the measurements stand; words like a misspelt one are found in `spelling`; `reader`, `tail` and `writer` do what they are
//! called. All that is searched for words is one field, see `schema::texts`.
//!
//! Texts are not kept here but in the log, from which a snippet is made: a quarter of the index's bytes.
//!
//! Does not know: the store, the log, the fold, the clock. Documents, positions and the time come in as arguments.

mod directory;
mod failure;
mod fold;
mod near;
mod part;
mod plan;
mod rank;
mod reader;
mod request;
mod schema;
mod score;
mod snippet;
mod spelling;
mod stop_words;
mod tail;
#[cfg(test)]
mod tests;
mod tokenizer;
mod word;
mod writer;

pub use failure::is_unreadable;

use crate::domain::id::Uid;
use crate::domain::query::Query;
use crate::error::Result;
use chrono::{DateTime, Utc};
use plan::Plan;
use rank::{Candidate, Source};
use reader::Opened;
use score::Statistics;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tail::{Matched, Scan};
use tantivy::TantivyError;

/// Totals are counted up to this; what lies beyond is "1,000+".
pub const TOTAL_MAX: usize = 1000;

/// Hits cannot be asked for beyond this place.
pub const DEPTH_MAX: usize = 10_000;

/// What is searched of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its permanent identity.
    pub uid: Uid,
    /// Its short id.
    pub id: String,
    /// The name of its kind.
    pub kind: String,
    /// One of the kind's statuses.
    pub status: String,
    /// Whether it is not over.
    pub live: bool,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Its stable name.
    pub key: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The paths that it refers to.
    pub paths: Vec<String>,
    /// The session that made it, in the form by which people name sessions.
    pub session: Option<String>,
    /// The person or agent that made it.
    pub actor: String,
    /// The git branch that it was made on.
    pub branch: Option<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it last changed.
    pub updated: DateTime<Utc>,
    /// The position of its first event in the log: what was written just before and after it is its context.
    pub place: u64,
}

/// One line of a record's body or title, about 160 characters at most, the words of `query` in brackets.
#[must_use]
pub fn snippet(query: &Query, title: &str, body: &str) -> String {
    snippet::snippet(&Plan::new(query), title, body)
}

/// How far into which log an index reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The identity of the log.
    pub log: String,
    /// The position of the last event that it takes into account.
    pub position: u64,
    /// The hash of that event, so that another history of the same length is noticed.
    pub hash: u64,
}

/// A record that changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its identity.
    pub uid: Uid,
    /// What it is now; `None` if it is gone.
    pub document: Option<Document>,
}

/// The records changed since an index was written.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'a> {
    /// What the index covered when the tail was put together; `None` leaves the index alone: the tail is everything.
    pub base: Option<&'a Coverage>,
    /// The changed records as they are now.
    pub documents: &'a [Document],
    /// All changed records, those included that are gone.
    pub changed: &'a BTreeSet<Uid>,
}

/// Which hits are wanted, and when.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// At most so many.
    pub limit: usize,
    /// After so many.
    pub offset: usize,
    /// The time against which recency is judged.
    pub now: DateTime<Utc>,
    /// What the work is about now and what is linked to it.
    pub related: &'a [Uid],
}

/// A record that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its identity.
    pub uid: Uid,
    /// The score that orders the hits; 0 if the query has no words.
    pub score: f32,
    /// The factors whose product the score is.
    pub parts: Vec<(&'static str, f32)>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    /// The wanted page, best first.
    pub hits: Vec<Hit>,
    /// How many there are in all, at most [`TOTAL_MAX`].
    pub total: usize,
    /// Whether there are more than `total`.
    pub capped: bool,
}

/// The index in a directory, which need not exist. It is opened for every call and closed after it.
#[derive(Clone, Debug)]
pub struct Index {
    dir: PathBuf,
}

impl Index {
    /// The index in `dir`. Beside it, writers use `DIR.lock`, `DIR.new` and `DIR.old`.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// How far it says that it reaches; `None` if it is missing, unreadable or of another version. That its files are whole
    /// shows when it is searched.
    #[must_use]
    pub fn coverage(&self) -> Option<Coverage> {
        failure::guard(|| reader::coverage(&self.dir)).ok()
    }

    /// Compares the checksums of all files, which takes time with the size of the index.
    ///
    /// # Errors
    /// [`is_unreadable`] holds if it is missing or damaged.
    pub fn verify(&self) -> Result<()> {
        failure::guard(|| reader::verify(&self.dir))
    }

    /// The records that match `query`, best first, or newest first if it has no words.
    ///
    /// # Errors
    /// Only one for which [`is_unreadable`] holds; with a tail without base none.
    pub fn search(&self, query: &Query, tail: &Tail<'_>, page: Page<'_>) -> Result<Hits> {
        let plan = Plan::new(query);
        if query.is_nothing() || query.is_ranked() && !plan.is_ranked() {
            return Ok(Hits::default());
        }
        let search = Search { plan: &plan, tail, page };
        failure::guard(|| {
            let index = tail.base.map(|base| Opened::open(&self.dir, base)).transpose()?;
            search.run(index.as_ref()).map_err(failure::reading)
        })
    }

    /// Words that occur and that `word`, which does not, may be a slip or the beginning of: best first, a few at most. Which
    /// records they are in is not looked at.
    ///
    /// # Errors
    /// Only one for which [`is_unreadable`] holds; with a tail without base none.
    pub fn similar(&self, word: &str, tail: &Tail<'_>) -> Result<Vec<String>> {
        failure::guard(|| spelling::similar(&self.dir, word, tail).map_err(failure::reading))
    }

    /// Applies changes and commits them as covering the log up to `to`; waits until all of it is on disk and merged.
    ///
    /// # Errors
    /// `Busy` if another process writes; `Refused` if the disk does; [`is_unreadable`] if there is no sound index to go
    /// on from; the first error of `changed`. What was committed before stays.
    pub fn update(&self, to: &Coverage, changed: &mut dyn Iterator<Item = Result<Change>>) -> Result<()> {
        failure::guard(|| writer::update(&self.dir, to, changed))
    }

    /// Builds an index of all records and puts it in the place of the present one, whose readers are not disturbed.
    ///
    /// # Errors
    /// `Busy` if another process writes; `Refused` if the disk does; the first error of `all`. The present index stays.
    pub fn rebuild(&self, to: &Coverage, all: &mut dyn Iterator<Item = Result<Change>>) -> Result<()> {
        failure::guard(|| writer::rebuild(&self.dir, to, all))
    }

    /// Waits until nobody writes the index.
    ///
    /// # Errors
    /// `Refused` if the lock file cannot be opened.
    pub fn wait_for_writer(&self) -> Result<()> {
        writer::wait(&self.dir)
    }
}

fn uid_of(source: Source, index: Option<&Opened>) -> tantivy::Result<Uid> {
    match (source, index) {
        (Source::Tail(uid), _) => Ok(uid),
        (Source::Index(address), Some(index)) => index.uid(address),
        (Source::Index(_), None) => Err(TantivyError::InternalError("a hit of no index".to_owned())),
    }
}

/// One search.
struct Search<'a> {
    plan: &'a Plan<'a>,
    tail: &'a Tail<'a>,
    page: Page<'a>,
}

impl Search<'_> {
    fn run(&self, index: Option<&Opened>) -> tantivy::Result<Hits> {
        let scan = Scan::new(self.plan, self.tail.documents);
        let (_, fields) = schema::schema();
        let mut statistics = Statistics { plan: self.plan, fields: &fields, counts: scan.counts.clone() };
        if let Some(index) = index {
            index.add_to(&mut statistics)?;
        }
        let in_tail = scan.matches(self.plan, &statistics)?;
        let mut total = in_tail.len();
        let of_tail = |matched: Matched| Candidate::of_tail(&self.tail.documents[matched.number], &matched);
        let mut candidates: Vec<Candidate> = in_tail.into_iter().map(of_tail).collect();
        if let Some(index) = index {
            let (found, matching) = index.matches(&statistics, &self.hidden(), self.reach())?;
            total += matching;
            candidates.extend(found.iter().map(Candidate::of_index));
        }
        if !self.page.related.is_empty() {
            for candidate in &mut candidates {
                candidate.is_related = self.page.related.contains(&uid_of(candidate.source, index)?);
            }
        }
        let hit = |Candidate { source, score, parts, .. }| Ok(Hit { uid: uid_of(source, index)?, score, parts });
        let hits = self.page_of(candidates).into_iter().map(hit).collect::<tantivy::Result<_>>()?;
        Ok(Hits { hits, total: total.min(TOTAL_MAX), capped: total > TOTAL_MAX })
    }

    /// The records whose indexed form is out of date.
    fn hidden(&self) -> BTreeSet<Uid> {
        self.tail.documents.iter().map(|document| document.uid).chain(self.tail.changed.iter().copied()).collect()
    }

    /// How many of the index's hits are needed, and up to which number they are counted.
    fn reach(&self) -> (usize, usize) {
        let last = self.page.offset.saturating_add(self.page.limit).min(DEPTH_MAX);
        (last.max(rank::FACTORED), TOTAL_MAX)
    }

    fn page_of(&self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        if self.plan.is_by_score() {
            rank::by_score(candidates, &self.page)
        } else {
            rank::by_time(candidates, &self.page)
        }
    }
}
