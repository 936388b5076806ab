//! The query as terms, so that index and tail match and score the same thing.

use super::{stop_words, tokenizer};
use crate::domain::query::{Facet, Filter, Query};
use std::collections::HashMap;

/// Different terms of the free words that are searched for; a pasted file is cut here.
const TERMS_MAX: usize = 256;

/// Terms of one phrase.
const PHRASE_MAX: usize = 64;

/// The place of a term in [`Plan::terms`].
pub(super) type TermNumber = usize;

/// Terms that follow each other; a single one is just a term.
pub(super) type Phrase = Vec<(usize, TermNumber)>;

/// A query in terms.
pub(super) struct Plan<'a> {
    /// Every term that occurs in it, once.
    pub terms: Vec<String>,
    numbers: HashMap<String, TermNumber>,
    /// Terms of the free words: one must match, all of them count. Without those that nearly every
    /// text has, unless there are no others.
    pub any: Vec<TermNumber>,
    /// The words among them in the order of the query: where they stand side by side, a record is nearer to what is meant.
    pub sequence: Vec<TermNumber>,
    /// Texts in quotes: without words beside them all must match, else they only count, and so do their words.
    pub phrases: Vec<Phrase>,
    /// See [`Plan::phrases`].
    pub phrases_are_required: bool,
    /// None may match in any field.
    pub without: Vec<Phrase>,
    /// The rest of the query.
    pub query: &'a Query,
}

impl<'a> Plan<'a> {
    pub(super) fn new(query: &'a Query) -> Self {
        let empty = Vec::new;
        let mut plan = Self {
            terms: empty(),
            numbers: HashMap::new(),
            any: vec![],
            sequence: vec![],
            phrases_are_required: false,
            phrases: vec![],
            without: vec![],
            query,
        };
        for word in &query.words {
            plan.add_words(word);
        }
        plan.phrases_are_required = query.words.is_empty();
        if !plan.phrases_are_required {
            for phrase in &query.phrases {
                plan.add_words(phrase);
            }
        }
        plan.drop_stop_words();
        plan.phrases = query.phrases.iter().map(|text| plan.phrase(text)).filter(|phrase| !phrase.is_empty()).collect();
        plan.without = query.without.iter().map(|text| plan.phrase(text)).filter(|phrase| !phrase.is_empty()).collect();
        plan
    }

    /// The number of a term, if the query has it.
    pub(super) fn number(&self, term: &str) -> Option<TermNumber> {
        self.numbers.get(term).copied()
    }

    /// Whether it has words or phrases, so that there are scores.
    pub(super) fn is_ranked(&self) -> bool {
        !self.any.is_empty() || !self.phrases.is_empty()
    }

    /// Whether the scores decide the order; else the newest come first.
    pub(super) fn is_by_score(&self) -> bool {
        self.is_ranked() && !self.query.newest
    }

    /// Whether a hit shows a term as matched.
    pub(super) fn is_wanted(&self, term: &str) -> bool {
        let wanted = |number| {
            self.any.contains(&number) || self.phrases.iter().flatten().any(|(_, in_phrase)| *in_phrase == number)
        };
        self.number(term).is_some_and(wanted)
    }

    fn add_words(&mut self, text: &str) {
        let mut numbers = Vec::new();
        tokenizer::for_each_term(&mut tokenizer::analyzer(), text, |token| {
            if self.terms.len() < TERMS_MAX {
                numbers.push((self.intern(&token.text), tokenizer::is_part(token)));
            }
        });
        for (number, is_part) in numbers {
            if !self.any.contains(&number) {
                self.any.push(number);
                self.sequence.extend(is_part.then_some(number));
            }
        }
    }

    fn drop_stop_words(&mut self) {
        let says_something = |number: &TermNumber| !stop_words::contains(&self.terms[*number]);
        let any: Vec<TermNumber> = self.any.iter().copied().filter(says_something).collect();
        if !any.is_empty() {
            self.sequence.retain(says_something);
            self.any = any;
        }
    }

    fn phrase(&mut self, text: &str) -> Phrase {
        let mut phrase = Vec::new();
        tokenizer::for_each_term(&mut tokenizer::analyzer(), text, |token| {
            if tokenizer::is_part(token) && phrase.len() < PHRASE_MAX {
                phrase.push((token.position, self.intern(&token.text)));
            }
        });
        phrase
    }

    fn intern(&mut self, term: &str) -> TermNumber {
        if let Some(number) = self.numbers.get(term) {
            return *number;
        }
        let number = self.terms.len();
        self.terms.push(term.to_owned());
        self.numbers.insert(term.to_owned(), number);
        number
    }

    /// The wanted filters by facet: of each group one must hold.
    pub(super) fn groups(&self) -> Vec<Vec<&Filter>> {
        let of = |facet| self.query.filters.iter().filter(|filter| filter.facet == facet).collect::<Vec<_>>();
        Facet::ALL.into_iter().map(of).filter(|group| !group.is_empty()).collect()
    }
}

/// Whether a property satisfies a filter: paths by their beginning, all else exactly.
pub(super) fn holds(filter: &Filter, facet: Facet, value: &str) -> bool {
    let matches = if facet == Facet::Path { value.starts_with(&filter.value) } else { value == filter.value };
    filter.facet == facet && matches
}

/// What the scores are computed from: the counts of index and tail together.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Documents.
    pub documents: u64,
    /// Terms in all documents.
    pub tokens: u64,
    /// Documents that have a term, by term number.
    pub document_frequency: Vec<u64>,
}
