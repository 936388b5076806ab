//! The counts that scores are computed from: those of the index, by `max_doc`, and those of the tail, together. Both
//! sides score with tantivy's own BM25 on these, so that a record scores the same wherever it is.

use super::plan::{Counts, Phrase, Plan, TermNumber};
use super::schema::Fields;
use tantivy::query::{Bm25StatisticsProvider, Bm25Weight};
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

/// The counts as tantivy asks for them.
pub(super) struct Statistics<'a> {
    pub plan: &'a Plan<'a>,
    pub fields: &'a Fields,
    pub counts: Counts,
}

impl Statistics<'_> {
    /// Adds what the index counts. Deleted documents are counted in all of it alike, as `doc_freq` does.
    pub(super) fn add_index(&mut self, searcher: &Searcher) -> tantivy::Result<()> {
        self.counts.documents += searcher.total_num_docs()?;
        self.counts.tokens += searcher.total_num_tokens(self.fields.text)?;
        for (number, term) in self.plan.terms.iter().enumerate() {
            let term = Term::from_field_text(self.fields.text, term);
            self.counts.document_frequency[number] += searcher.doc_freq(&term)?;
        }
        Ok(())
    }

    /// The weight of a phrase.
    pub(super) fn weight(&self, phrase: &Phrase) -> tantivy::Result<Bm25Weight> {
        let terms: Vec<Term> = phrase.iter().map(|(_, number)| self.term(*number)).collect();
        Bm25Weight::for_terms(self, &terms)
    }

    /// A term of the plan in the searched field.
    pub(super) fn term(&self, number: TermNumber) -> Term {
        Term::from_field_text(self.fields.text, &self.plan.terms[number])
    }

    /// What it says about a record that it has a term: BM25's inverse document frequency; nothing if no record has it.
    #[expect(clippy::cast_precision_loss, reason = "a logarithm of counts")]
    pub(super) fn rarity(&self, number: TermNumber) -> Option<f32> {
        let (all, with) = (self.counts.documents as f32, self.counts.document_frequency[number] as f32);
        (with > 0.0).then(|| (1.0 + (all - with + 0.5) / (with + 0.5)).ln())
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(self.counts.tokens)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.counts.documents)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let number = term.value().as_str().and_then(|text| self.plan.number(text));
        Ok(number.map_or(0, |number| self.counts.document_frequency[number]))
    }
}
