//! `search`: the records that a text is about; the index where it is, the log for what it has not seen yet.
//!
//! The index is never believed blindly: its coverage (log identity, position, hash of the event there) must fit this log,
//! else all records are read as if none were indexed, and a rebuild is started. What changed since its position is the tail.

mod catch_up;
mod hits;

pub use catch_up::{catch_up, keep_up, reindex};
pub(super) use hits::believed;
pub use hits::hits;

use super::report::Line;
use super::{Workspace, stale};
use crate::domain::query::Query;
use crate::error::Result;
use crate::index::{self, Page};
use serde::Serialize;
use std::collections::BTreeMap;

/// What to search.
#[derive(Clone, Debug, Default)]
pub struct SearchInput {
    /// Words, phrases and filters.
    pub text: String,
    /// At most so many hits.
    pub limit: usize,
    /// Skip so many.
    pub offset: usize,
}

/// A found record.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The record.
    pub record: Line,
    /// A fragment with the matched words in brackets.
    pub snippet: String,
    /// Higher is better; comparable within one answer only.
    pub score: f32,
    /// Whether a file that it refers to has changed since.
    pub stale: bool,
    /// The parts of the score.
    pub parts: BTreeMap<String, f32>,
}

/// The report of `search`.
#[derive(Clone, Debug, Serialize)]
pub struct SearchReport {
    /// The hits, best first.
    pub hits: Vec<Found>,
    /// How many match in all.
    pub total: usize,
    /// Whether the total stopped counting.
    pub capped: bool,
    /// What of the query was not understood as it may have been meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How many changed records the index has not seen yet.
    pub behind: usize,
}

/// More changed records than this start a catch-up of the index.
pub const TAIL_MAX: usize = 256;

/// Finds records.
///
/// # Errors
/// As the store says; never because of the query.
pub fn search(workspace: &Workspace, input: &SearchInput) -> Result<SearchReport> {
    let now = workspace.now();
    let query = Query::parse(&input.text, now);
    workspace.read(|view| {
        let page = Page { limit: input.limit, offset: input.offset, now };
        let (hits, behind) = hits(view, &workspace.index(), &query, page)?;
        let mut found = Vec::new();
        for hit in hits.hits {
            let Some((record, body)) = view.record_and_body(hit.uid)? else { continue };
            found.push(Found {
                stale: stale::references(&record, &workspace.place).iter().any(|reference| reference.state.is_stale()),
                record: Line::of(view, &record, now)?,
                snippet: index::snippet(&query, record.title(), &body),
                score: hit.score,
                parts: hit.parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect(),
            });
        }
        Ok(SearchReport { hits: found, total: hits.total, capped: hits.capped, notes: query.notes.clone(), behind })
    })
}
