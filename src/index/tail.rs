//! The tail: records changed since the index was written, matched and scored from their text.
//!
//! With no index at all the tail is everything; that is slow for many records and right for any number.

use super::plan::{Counts, Phrase, Plan, TermNumber, holds};
use super::schema::{self, SEARCHED};
use super::score::Statistics;
use super::{Document, tokenizer};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::query::Bm25Weight;
use tantivy::tokenizer::TextAnalyzer;

/// The tail as a plan sees it.
pub(super) struct Scan<'a> {
    documents: &'a [Document],
    scanned: Vec<Scanned>,
    /// Its share of the statistics.
    pub counts: Counts,
}

/// What was found in one document.
struct Scanned {
    /// Terms in each searched field.
    lengths: [u32; SEARCHED],
    /// The terms of the plan that occur, with their positions in each field.
    found: Vec<(TermNumber, [Vec<u32>; SEARCHED])>,
}

impl Scanned {
    fn new(plan: &Plan<'_>, analyzer: &mut TextAnalyzer, document: &Document) -> Self {
        let mut scanned = Self { lengths: [0; SEARCHED], found: Vec::new() };
        if plan.terms.is_empty() {
            return scanned;
        }
        for (place, text) in schema::texts(document).iter().enumerate() {
            tokenizer::for_each_term(analyzer, text, |token| {
                scanned.lengths[place] += 1;
                if let Some(number) = plan.number(&token.text) {
                    scanned.add(number, place, u32::try_from(token.position).unwrap_or(u32::MAX));
                }
            });
        }
        scanned
    }

    fn add(&mut self, number: TermNumber, place: usize, position: u32) {
        let at = self.found.iter().position(|(found, _)| *found == number).unwrap_or_else(|| {
            self.found.push((number, Default::default()));
            self.found.len() - 1
        });
        self.found[at].1[place].push(position);
    }

    fn positions(&self, number: TermNumber, place: usize) -> &[u32] {
        self.found.iter().find(|(found, _)| *found == number).map_or(&[], |(_, positions)| &positions[place])
    }

    fn has(&self, number: TermNumber) -> bool {
        self.found.iter().any(|(found, _)| *found == number)
    }

    /// How often a phrase occurs in a field.
    fn frequency(&self, phrase: &Phrase, place: usize) -> u32 {
        let Some(((first, number), rest)) = phrase.split_first() else { return 0 };
        let follows = |start: u32| {
            rest.iter().all(|(offset, number)| {
                let at = u32::try_from(offset - first).ok().and_then(|distance| start.checked_add(distance));
                at.is_some_and(|at| self.positions(*number, place).binary_search(&at).is_ok())
            })
        };
        let count = self.positions(*number, place).iter().filter(|start| follows(**start)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn has_phrase(&self, phrase: &Phrase) -> bool {
        (0..SEARCHED).any(|place| self.frequency(phrase, place) > 0)
    }

    fn matches(&self, plan: &Plan<'_>) -> bool {
        let words = plan.any.is_empty() || !plan.phrases.is_empty() || plan.any.iter().any(|number| self.has(*number));
        words
            && plan.phrases.iter().all(|phrase| self.has_phrase(phrase))
            && !plan.without.iter().any(|phrase| self.has_phrase(phrase))
    }
}

impl<'a> Scan<'a> {
    /// Reads all documents once.
    pub(super) fn new(plan: &Plan<'_>, documents: &'a [Document]) -> Self {
        let mut analyzer = tokenizer::analyzer_for(plan.terms.iter().map(String::as_str));
        let scanned: Vec<Scanned> =
            documents.iter().map(|document| Scanned::new(plan, &mut analyzer, document)).collect();
        let mut counts = Counts { document_frequency: vec![[0; SEARCHED]; plan.terms.len()], ..Counts::default() };
        for document in &scanned {
            counts.documents += 1;
            for place in 0..SEARCHED {
                counts.tokens[place] += u64::from(document.lengths[place]);
                for (number, positions) in &document.found {
                    counts.document_frequency[*number][place] += u64::from(!positions[place].is_empty());
                }
            }
        }
        Self { documents, scanned, counts }
    }

    /// The matching documents by their place in the slice, with their text scores: 0 if the query has no words.
    pub(super) fn matches(&self, plan: &Plan<'_>, statistics: &Statistics<'_>) -> tantivy::Result<Vec<(usize, f32)>> {
        let single = plan.any.iter().map(|number| vec![(0, *number)]);
        let scored: Vec<Phrase> = single.chain(plan.phrases.iter().cloned()).collect();
        let weights = scored.iter().map(|phrase| statistics.weights(phrase)).collect::<tantivy::Result<Vec<_>>>()?;
        let matching = (0..self.documents.len())
            .filter(|place| self.scanned[*place].matches(plan) && passes(plan, &self.documents[*place]));
        Ok(matching.map(|place| (place, score(&self.scanned[place], &scored, &weights))).collect())
    }
}

fn score(document: &Scanned, phrases: &[Phrase], weights: &[[Bm25Weight; SEARCHED]]) -> f32 {
    let mut score = 0.0;
    for (phrase, weights) in phrases.iter().zip(weights) {
        for (place, weight) in weights.iter().enumerate() {
            let frequency = document.frequency(phrase, place);
            if frequency > 0 {
                score += weight.score(FieldNormReader::fieldnorm_to_id(document.lengths[place]), frequency);
            }
        }
    }
    score
}

/// Whether a document satisfies the filters.
fn passes(plan: &Plan<'_>, document: &Document) -> bool {
    let query = plan.query;
    if query.since.is_some_and(|since| document.updated < since)
        || query.before.is_some_and(|before| document.updated >= before)
    {
        return false;
    }
    if query.filters.is_empty() && query.excluded.is_empty() {
        return true;
    }
    let facets = schema::facets(document);
    let any = |filter| facets.iter().any(|(facet, value)| holds(filter, *facet, value));
    plan.groups().iter().all(|group| group.iter().any(|filter| any(filter))) && !query.excluded.iter().any(any)
}
