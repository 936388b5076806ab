//! `search`: the records that a text is about; the index where it is, the log for what it has not seen yet.
//!
//! The index is never believed blindly: its coverage (log identity, position, hash of the event there) must fit this log,
//! else all records are read as if none were indexed, and a rebuild is started. What changed since its position is the tail.
//!
//! What a hit tells is in `found`, how much of its text in `layers`, and what is said when there is none in `nothing`.

mod catch_up;
mod found;
mod groups;
mod hits;
mod layers;
mod nothing;
mod parts;
mod values;

pub use catch_up::{catch_up, keep_up, reindex};
pub use found::Found;
pub(super) use hits::believed;
pub use hits::{hits, quick_hits};
pub use layers::{Layer, Tokens};
pub use nothing::{Cause, Nothing, Why};

use super::{Workspace, session};
use crate::domain::id::Uid;
use crate::domain::query::{Filter, Query};
use crate::domain::record::Record;
use crate::domain::terms;
use crate::error::Result;
use crate::index::{DEPTH_MAX, Hits, Page};
use crate::store::View;
use chrono::{DateTime, Utc};
use nothing::Look;
use serde::Serialize;
use std::ops::ControlFlow;

/// What to search.
#[derive(Clone, Debug, Default)]
pub struct SearchInput {
    /// Words, phrases and filters.
    pub text: String,
    /// At most so many hits.
    pub limit: usize,
    /// Skip so many.
    pub offset: usize,
    /// How much of each hit's text.
    pub layer: Layer,
    /// Whether to say what the query was taken as.
    pub explain: bool,
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
    /// The offset of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    /// How many hits of this page were left out to stay within a budget.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut: usize,
    /// What of the query was not understood as it may have been meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the query was taken as, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// Why nothing matches, and what is near; hits beside it are those of the corrected query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing: Option<Nothing>,
    /// How many changed records the index has not seen yet.
    pub behind: usize,
    /// The place after the last hit of the page.
    #[serde(skip)]
    end: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A query as it was understood.
#[derive(Clone, Debug, Serialize)]
pub struct Taken {
    /// Any of them may occur.
    pub words: Vec<String>,
    /// All of them must occur.
    pub phrases: Vec<String>,
    /// None of them may occur.
    pub without: Vec<String>,
    /// `kind:finding` and so on: of each name one must hold.
    pub filters: Vec<String>,
    /// None of them may hold.
    pub excluded: Vec<String>,
    /// Changed at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Changed before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<DateTime<Utc>>,
}

impl Taken {
    fn new(query: &Query) -> Self {
        let told = |filters: &[Filter]| filters.iter().map(parts::written).collect();
        Self {
            words: query.words.clone(),
            phrases: query.phrases.clone(),
            without: query.without.clone(),
            filters: told(&query.filters),
            excluded: told(&query.excluded),
            since: query.since,
            before: query.before,
        }
    }
}

/// More changed records than this start a catch-up of the index.
pub const TAIL_MAX: usize = 256;

/// Finds records, and where nothing matches says why.
///
/// # Errors
/// As the store says; never because of the query.
pub fn search(workspace: &Workspace, input: &SearchInput) -> Result<SearchReport> {
    let now = workspace.now();
    let mut query = Query::parse(&input.text, now);
    workspace.read(|view| {
        let index = workspace.index();
        let related = related(view, workspace)?;
        let page = Page { limit: input.limit, offset: input.offset, now, related: &related };
        let (mut found, behind) = hits(view, &index, &query, page)?;
        let notes = std::mem::take(&mut query.notes);
        let mut nothing = None;
        if found.total == 0 {
            let similar = |word: &str| hits::similar(view, &index, word);
            let explained = Look::new((view, &index), (now, behind), &similar).explain(&input.text)?;
            if let Some(corrected) = &explained.instead {
                query = Query::parse(corrected, now);
                found = hits(view, &index, &query, page)?.0;
            }
            nothing = Some(explained);
        }
        let (total, capped) = counted(&found, input);
        let end = input.offset.saturating_add(found.hits.len());
        let taken = input.explain.then(|| Taken::new(&query));
        let hits = found::all(view, workspace, (&query, &found.hits), (input.layer, now))?;
        let next = (!found.hits.is_empty() && (end < total || capped) && end < DEPTH_MAX).then_some(end);
        Ok(SearchReport { hits, total, capped, next, cut: 0, notes, taken, nothing, behind, end })
    })
}

/// Records that count as linked to the focus.
const RELATED_MAX: usize = 30;

/// What this session works on, and what is linked to it either way.
fn related(view: &View, workspace: &Workspace) -> Result<Vec<Uid>> {
    let session = session::current(view, workspace)?;
    let focus = session.as_ref().and_then(session::focus);
    let Some(focus) = focus else { return Ok(Vec::new()) };
    let mut related = vec![focus];
    related.extend(view.record(focus)?.iter().flat_map(Record::links).map(|(_, uid)| uid));
    view.scan_terms(&terms::incoming_of(focus), |uid| {
        related.push(uid);
        Ok(if related.len() < RELATED_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(related)
}

/// The total and whether there are more: never less than what was shown, and exact where the end was seen.
fn counted(found: &Hits, input: &SearchInput) -> (usize, bool) {
    let shown = if found.hits.is_empty() { 0 } else { input.offset.saturating_add(found.hits.len()) };
    let ended = found.capped && shown >= found.total && found.hits.len() < input.limit && shown < DEPTH_MAX;
    (found.total.max(shown), found.capped && !ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Hit;

    fn counted_of(shown: usize, (total, capped): (usize, bool), (offset, limit): (usize, usize)) -> (usize, bool) {
        let hit = Hit { uid: Uid::from_u128(1), score: 1.0, parts: Vec::new() };
        let found = Hits { hits: vec![hit; shown], total, capped };
        counted(&found, &SearchInput { limit, offset, ..SearchInput::default() })
    }

    #[test]
    fn a_total_is_never_less_than_what_was_shown() {
        assert_eq!(counted_of(10, (1000, true), (0, 10)), (1000, true));
        assert_eq!(counted_of(10, (1000, true), (1500, 10)), (1510, true));
        assert_eq!(counted_of(7, (1000, true), (1500, 10)), (1507, false));
        assert_eq!(counted_of(0, (1000, true), (9000, 10)), (1000, true));
        assert_eq!(counted_of(3, (3, false), (0, 10)), (3, false));
        assert_eq!(counted_of(0, (3, false), (0, 0)), (3, false));
    }
}
