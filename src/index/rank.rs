//! The order of hits: the text decides, then modest factors on the best of them.
//!
//! The **text** score is BM25 (k1 1.2, b 0.75) over one field in which the title counts three times and names (id, key, tags,
//! the components of paths) and body once, which is BM25F without a list of postings for each field. A sentence is searched
//! for without its function words. On the best [`FACTORED`] come: **near**, for words of the query that stand near each
//! other; **context**, for short records between records that match (a turn of a conversation, a note among notes of the
//! same hour); recency, kind, and whether a record is over or no longer holds.
//!
//! # What each gives
//!
//! Hit at 1/5/10/20 in percent. *Changes* is `search_dev` (211 titles of issues, the commit that names them), *bodies* is made
//! of `scale/commits` (900 subjects; the bodies and paths of 24,000 commits of 22 projects), *ledgers* of `beads` (500
//! titles; the texts of 1,000 issues, some of them twice with one name, so that 93 is the most). SQLite's FTS5 with porter
//! stemming has 70.6/91.0/95.3/98.6 on changes.
//!
//! | | changes | bodies | ledgers |
//! |---|---|---|---|
//! | all | 74.9/92.4/96.7/98.1 | 60.2/78.6/83.9/88.7 | 67.4/88.0/91.8/93.2 |
//! | title once | 75.4/92.4/94.3/98.1 | 60.2/78.1/84.3/88.9 | 67.2/88.2/91.8/93.2 |
//! | without names | 76.8/93.8/96.7/98.6 | 56.4/72.9/77.7/82.2 | 67.4/88.0/91.8/93.2 |
//! | with function words | 73.5/92.4/96.2/98.1 | 59.0/77.7/83.2/88.7 | 66.8/88.4/92.2/93.4 |
//! | without near | 71.6/92.9/96.2/98.1 | 60.1/77.8/84.1/88.8 | 67.4/88.4/92.0/93.4 |
//! | without context | 75.4/92.4/96.2/98.6 | 60.7/78.0/83.4/88.3 | 67.8/87.4/91.6/93.2 |
//!
//! (The last five rows were measured with paths whole and 200 re-ranked; that costs up to half a point either way.) Names
//! pay where the text lacks them and cost where it has them; context pays at 5 to 20 and costs half a point at 1. Recency,
//! kind, ended, void and related cannot be measured on these sets (all documents are old notes): they are small and
//! move only what is nearly equal.
//!
//! Tried and dropped: pseudo-relevance feedback as re-ranking (5 records, 10 terms: changes 71.1 to 68.7 and bodies 55.8 to
//! 53.8 at 1, nothing gained at 20; with a tenth of the weight nothing at all), a factor for the share of the query's words
//! that match (73.0 against 73.9 at 1, then 70.6), k1 of 0.6 to 2 and b of 0.3 to 0.9 (b 0.5: changes +2, bodies -1 at 1),
//! nearness as a saturated sum over all pairs (bodies -1 at 1), the IDF that is nothing for words in half of all records
//! (bodies and ledgers -1 at 5), paths whole beside their components, a table of abbreviations, terms without the whole
//! identifier (-2 on both).

use super::reader::Found;
use super::schema::{Facts, Standing, Worth};
use super::tail::Matched;
use super::{Document, Page};
use crate::domain::id::Uid;
use chrono::{DateTime, Utc};
use std::cmp::Reverse;
use tantivy::DocAddress;

/// The factors apply to so many of the best by text.
pub(super) const FACTORED: usize = 100;

/// A record changed just now gains this much, one changed long ago nothing.
const RECENCY_GAIN: f32 = 0.25;

/// After so many days half of that is left.
const RECENCY_HALF_DAYS: f32 = 30.0;

/// What a record is worth that came to its end: how something was done is asked for nearly as often as what is to be done.
const ENDED: f32 = 0.9;

/// What one is worth that no longer holds.
const VOID: f32 = 0.6;

/// What one is worth that the present work is about, or that is linked to it.
const RELATED: f32 = 1.1;

/// The share of a neighbour's score that a record without any length of its own gains.
const CONTEXT_GAIN: f32 = 0.5;

/// A record of this many bytes stands for itself: its neighbours add nothing.
const CONTEXT_BYTES: u64 = 250;

/// Neighbours are at most so many log positions away.
const CONTEXT_REACH: u64 = 1;

/// Where a match is.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Index(DocAddress),
    Tail(Uid),
}

/// A match of either side.
pub(super) struct Candidate {
    pub source: Source,
    text: f32,
    near: f32,
    facts: Facts,
    updated: i64,
    /// Whether it is among [`Page::related`].
    pub is_related: bool,
    /// The score that orders it, and how it came about.
    pub score: f32,
    pub parts: Vec<(&'static str, f32)>,
}

impl Candidate {
    pub(super) fn of_index(found: &Found) -> Self {
        let Found { address, score, near, facts, updated } = *found;
        Self {
            source: Source::Index(address),
            text: score,
            near,
            facts,
            updated,
            is_related: false,
            score,
            parts: Vec::new(),
        }
    }

    pub(super) fn of_tail(document: &Document, matched: &Matched) -> Self {
        let (score, near, updated) = (matched.score, matched.near, document.updated.timestamp_millis());
        let source = Source::Tail(document.uid);
        Self {
            source,
            text: score,
            near,
            facts: Facts::of(document),
            updated,
            is_related: false,
            score,
            parts: Vec::new(),
        }
    }

    /// Scores within a hundredth of a percent are equal: sums depend on their order in the last digits.
    fn order(&self) -> Reverse<(i64, i64, u64)> {
        #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a float is below a hundred")]
        let rounded = if self.score > 0.0 { (f64::from(self.score).ln() * 1e4).round() as i64 } else { i64::MIN };
        Reverse((rounded, self.updated, self.facts.place))
    }

    /// The score of its own words.
    fn own(&self) -> f32 {
        self.text + self.near
    }

    /// How much of a neighbour's score it gains: a short record is understood from what stands around it.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no precision")]
    fn openness(&self) -> f32 {
        CONTEXT_GAIN * (1.0 - self.facts.size.min(CONTEXT_BYTES) as f32 / CONTEXT_BYTES as f32)
    }

    fn apply_factors(&mut self, context: f32, now: DateTime<Utc>) {
        let own = self.own();
        let (near, context) = (own / self.text, 1.0 + self.openness() * context / own);
        let parts = [("near", near), ("context", context), ("recency", recency(self.updated, now))];
        self.parts.extend(parts);
        self.parts.push(("kind", kind_factor(self.facts.worth)));
        let standing = match self.facts.standing {
            Standing::Live => None,
            Standing::Done => Some(("ended", ENDED)),
            Standing::Void => Some(("void", VOID)),
        };
        self.parts.extend(standing);
        self.parts.extend(self.is_related.then_some(("related", RELATED)));
        self.score = self.parts.iter().map(|(_, factor)| factor).product();
    }
}

/// For each candidate the best score of its neighbours in the log.
fn contexts(candidates: &[Candidate]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_unstable_by_key(|at| candidates[*at].facts.place);
    let mut contexts = vec![0.0; candidates.len()];
    for (at, one) in order.iter().enumerate() {
        for other in &order[at + 1..] {
            if candidates[*other].facts.place - candidates[*one].facts.place > CONTEXT_REACH {
                break;
            }
            for (a, b) in [(*one, *other), (*other, *one)] {
                contexts[a] = candidates[b].own().max(contexts[a]);
            }
        }
    }
    contexts
}

/// The page of all candidates of a query with words.
pub(super) fn by_score(mut candidates: Vec<Candidate>, page: &Page<'_>) -> Vec<Candidate> {
    candidates.sort_by_key(Candidate::order);
    let best = candidates.len().min(FACTORED);
    for candidate in &mut candidates {
        candidate.parts.push(("text", candidate.text));
    }
    let contexts = contexts(&candidates[..best]);
    for (candidate, context) in candidates.iter_mut().zip(contexts) {
        candidate.apply_factors(context, page.now);
    }
    candidates[..best].sort_by_key(Candidate::order);
    candidates.into_iter().skip(page.offset).take(page.limit).collect()
}

/// The page of all candidates of a query without words: newest first.
pub(super) fn by_time(mut candidates: Vec<Candidate>, page: &Page<'_>) -> Vec<Candidate> {
    candidates.sort_by_key(|candidate| Reverse((candidate.updated, candidate.facts.place)));
    candidates.into_iter().skip(page.offset).take(page.limit).collect()
}

#[expect(clippy::cast_precision_loss, reason = "days need no precision")]
fn recency(updated: i64, now: DateTime<Utc>) -> f32 {
    let days = now.timestamp_millis().saturating_sub(updated).max(0) as f32 / 86_400_000.0;
    1.0 + RECENCY_GAIN * (-days / RECENCY_HALF_DAYS).exp2()
}

/// What was learned and settled answers a search more often than what was merely noted or automatic.
fn kind_factor(worth: Worth) -> f32 {
    match worth {
        Worth::More => 1.1,
        Worth::Less => 0.85,
        Worth::Plain => 1.0,
    }
}
