//! The tail: records changed since the index was written, matched and scored from their text.
//!
//! With no index at all the tail is everything; that is slow for many records and right for any number.

use super::near::Words;
use super::plan::{Counts, Phrase, Plan, TermNumber, holds};
use super::schema;
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
#[derive(Default)]
struct Scanned {
    /// How many terms it has.
    length: u32,
    /// The terms of the plan that occur, with their positions.
    found: Vec<(TermNumber, Vec<u32>)>,
}

impl Scanned {
    fn new(plan: &Plan<'_>, analyzer: &mut TextAnalyzer, document: &Document) -> Self {
        let mut scanned = Self::default();
        if plan.terms.is_empty() {
            return scanned;
        }
        // As tantivy counts positions: values follow each other with a gap of one.
        let mut base = 0;
        for text in schema::texts(document) {
            let mut end = base;
            tokenizer::for_each_term(analyzer, &text, |token| {
                scanned.length += 1;
                end = end.max(base + token.position + token.position_length);
                if let Some(number) = plan.number(&token.text) {
                    scanned.add(number, u32::try_from(base + token.position).unwrap_or(u32::MAX));
                }
            });
            base = end + 1;
        }
        scanned
    }

    fn add(&mut self, number: TermNumber, position: u32) {
        match self.found.iter_mut().find(|(found, _)| *found == number) {
            Some((_, positions)) => positions.push(position),
            None => self.found.push((number, vec![position])),
        }
    }

    fn positions(&self, number: TermNumber) -> &[u32] {
        self.found.iter().find(|(found, _)| *found == number).map_or(&[], |(_, positions)| positions)
    }

    fn has(&self, number: TermNumber) -> bool {
        self.found.iter().any(|(found, _)| *found == number)
    }

    /// How often a phrase occurs.
    fn frequency(&self, phrase: &Phrase) -> u32 {
        let Some(((first, number), rest)) = phrase.split_first() else { return 0 };
        let follows = |start: u32| {
            rest.iter().all(|(offset, number)| {
                let at = u32::try_from(offset - first).ok().and_then(|distance| start.checked_add(distance));
                at.is_some_and(|at| self.positions(*number).binary_search(&at).is_ok())
            })
        };
        let count = self.positions(*number).iter().filter(|start| follows(**start)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn has_phrase(&self, phrase: &Phrase) -> bool {
        self.frequency(phrase) > 0
    }

    fn matches(&self, plan: &Plan<'_>) -> bool {
        let words = plan.any.is_empty() || plan.any.iter().any(|number| self.has(*number));
        let phrases = !plan.phrases_are_required || plan.phrases.iter().all(|phrase| self.has_phrase(phrase));
        words && phrases && !plan.without.iter().any(|phrase| self.has_phrase(phrase))
    }

    fn score(&self, phrases: &[(Phrase, Bm25Weight)]) -> f32 {
        let norm = FieldNormReader::fieldnorm_to_id(self.length);
        let score = |(phrase, weight): &(Phrase, Bm25Weight)| match self.frequency(phrase) {
            0 => 0.0,
            frequency => weight.score(norm, frequency),
        };
        phrases.iter().map(score).sum()
    }
}

/// A match in the tail.
pub(super) struct Matched {
    /// Its place in the slice of documents.
    pub number: usize,
    /// The text score; 0 if the query has no words.
    pub score: f32,
    /// What the nearness of its words adds.
    pub near: f32,
}

impl<'a> Scan<'a> {
    /// Reads all documents once.
    pub(super) fn new(plan: &Plan<'_>, documents: &'a [Document]) -> Self {
        let mut analyzer = tokenizer::analyzer_for(plan.terms.iter().map(String::as_str));
        let scanned: Vec<Scanned> =
            documents.iter().map(|document| Scanned::new(plan, &mut analyzer, document)).collect();
        let mut counts = Counts { document_frequency: vec![0; plan.terms.len()], ..Counts::default() };
        for document in &scanned {
            counts.documents += 1;
            counts.tokens += u64::from(document.length);
            for (number, _) in &document.found {
                counts.document_frequency[*number] += 1;
            }
        }
        Self { documents, scanned, counts }
    }

    /// The matching documents.
    pub(super) fn matches(&self, plan: &Plan<'_>, statistics: &Statistics<'_>) -> tantivy::Result<Vec<Matched>> {
        let single = plan.any.iter().map(|number| vec![(0, *number)]);
        let scored = single.chain(plan.phrases.iter().cloned());
        let weighted = |phrase| statistics.weight(&phrase).map(|weight| (phrase, weight));
        let scored = scored.map(weighted).collect::<tantivy::Result<Vec<_>>>()?;
        let words = Words::new(plan, statistics);
        let order: Vec<TermNumber> = words.numbers().collect();
        let matching = (0..self.documents.len())
            .filter(|number| self.scanned[*number].matches(plan) && passes(plan, &self.documents[*number]));
        let matched = |number: usize| {
            let scanned = &self.scanned[number];
            let near = words.gain(|at| scanned.positions(order[at]));
            Matched { number, score: scanned.score(&scored), near }
        };
        Ok(matching.map(matched).collect())
    }
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
