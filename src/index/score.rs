//! The counts that scores are computed from: those of the index, by `max_doc`, and those of the tail, together. Both
//! sides score with tantivy's own BM25 on these, so that a record scores the same wherever it is.

use super::plan::{Counts, Phrase, Plan, TermNumber};
use super::schema::{Fields, SEARCHED, WEIGHTS};
use tantivy::query::{Bm25StatisticsProvider, Bm25Weight};
use tantivy::schema::Field;
use tantivy::{Searcher, TantivyError, Term};

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
        for (place, field) in self.fields.searched.iter().enumerate() {
            self.counts.tokens[place] += searcher.total_num_tokens(*field)?;
            for (number, term) in self.plan.terms.iter().enumerate() {
                let term = Term::from_field_text(*field, term);
                self.counts.document_frequency[number][place] += searcher.doc_freq(&term)?;
            }
        }
        Ok(())
    }

    /// The weights of a phrase by searched field.
    pub(super) fn weights(&self, phrase: &Phrase) -> tantivy::Result<[Bm25Weight; SEARCHED]> {
        let weight = |place: usize| -> tantivy::Result<Bm25Weight> {
            let term =
                |number: &TermNumber| Term::from_field_text(self.fields.searched[place], &self.plan.terms[*number]);
            let terms: Vec<Term> = phrase.iter().map(|(_, number)| term(number)).collect();
            Ok(Bm25Weight::for_terms(self, &terms)?.boost_by(WEIGHTS[place]))
        };
        Ok([weight(0)?, weight(1)?, weight(2)?])
    }

    fn place(&self, field: Field) -> tantivy::Result<usize> {
        let place = self.fields.searched.iter().position(|searched| *searched == field);
        place.ok_or_else(|| TantivyError::InvalidArgument("a field without statistics".to_owned()))
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(self.counts.tokens[self.place(field)?])
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.counts.documents)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let place = self.place(term.field())?;
        let number = term.value().as_str().and_then(|text| self.plan.number(text));
        Ok(number.map_or(0, |number| self.counts.document_frequency[number][place]))
    }
}
