//! The plan as a tantivy query.

use super::plan::{Phrase, Plan};
use super::schema::{self, Fields};
use crate::domain::query::{Facet, Filter};
use std::ops::Bound;
use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, Occur, PhraseQuery, Query, RangeQuery, TermQuery};
use tantivy::schema::IndexRecordOption;

type Clause = (Occur, Box<dyn Query>);

/// Words score, phrases score and are required, filters are required and do not score.
pub(super) fn query(plan: &Plan<'_>, fields: &Fields) -> Box<dyn Query> {
    let mut clauses: Vec<Clause> = Vec::new();
    let words = plan.any.iter().map(|number| phrase_query(plan, fields, &vec![(0, *number)]));
    let phrases = plan.phrases.iter().map(|phrase| phrase_query(plan, fields, phrase));
    if plan.phrases_are_required {
        clauses.extend(phrases.map(|phrase| (Occur::Must, phrase)));
    } else {
        let any: Vec<Clause> = words.chain(phrases).map(|query| (Occur::Should, query)).collect();
        clauses.extend((!any.is_empty()).then(|| -> Clause { (Occur::Must, Box::new(BooleanQuery::new(any))) }));
    }
    clauses.extend(plan.without.iter().map(|phrase| (Occur::MustNot, unscored(excluded_phrase(plan, fields, phrase)))));
    clauses.extend(plan.groups().iter().map(|group| (Occur::Must, any_of(fields, group))));
    clauses.extend(plan.query.excluded.iter().map(|filter| (Occur::MustNot, unscored(filter_query(fields, filter)))));
    clauses.extend(changed_between(plan, fields).map(|range| (Occur::Must, range)));
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, unscored(Box::new(AllQuery))));
    }
    match clauses.pop() {
        // Alone, a union of terms skips what cannot reach the top.
        Some((Occur::Must, only)) if clauses.is_empty() => only,
        last => {
            clauses.extend(last);
            Box::new(BooleanQuery::new(clauses))
        }
    }
}

fn phrase_query(plan: &Plan<'_>, fields: &Fields, phrase: &Phrase) -> Box<dyn Query> {
    let term = |number: &usize| Term::from_field_text(fields.text, &plan.terms[*number]);
    let terms: Vec<(usize, Term)> = phrase.iter().map(|(offset, number)| (*offset, term(number))).collect();
    match <[_; 1]>::try_from(terms) {
        Ok([(_, term)]) => Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
        Err(terms) => Box::new(PhraseQuery::new_with_offset(terms)),
    }
}

/// A phrase that must not occur. tantivy asks what it excludes for documents in no order, which a phrase alone does not bear
/// (its debug assertion fails) and a union does.
fn excluded_phrase(plan: &Plan<'_>, fields: &Fields, phrase: &Phrase) -> Box<dyn Query> {
    let clause = || (Occur::Should, phrase_query(plan, fields, phrase));
    Box::new(BooleanQuery::new(vec![clause(), clause()]))
}

fn any_of(fields: &Fields, group: &[&Filter]) -> Box<dyn Query> {
    let clauses = group.iter().map(|filter| (Occur::Should, filter_query(fields, filter))).collect();
    unscored(Box::new(BooleanQuery::new(clauses)))
}

fn filter_query(fields: &Fields, filter: &Filter) -> Box<dyn Query> {
    let text = schema::facet_text(filter.facet, &filter.value);
    let term = Term::from_field_text(fields.facets, &text);
    if filter.facet != Facet::Path {
        return Box::new(TermQuery::new(term, IndexRecordOption::Basic));
    }
    // No path holds the last character of Unicode, so it bounds all that begin like this.
    let end = Term::from_field_text(fields.facets, &format!("{text}\u{10ffff}"));
    Box::new(RangeQuery::new(Bound::Included(term), Bound::Excluded(end)))
}

fn changed_between(plan: &Plan<'_>, fields: &Fields) -> Option<Box<dyn Query>> {
    let (since, before) = (plan.query.since, plan.query.before);
    let term = |time: chrono::DateTime<chrono::Utc>| Term::from_field_i64(fields.updated, time.timestamp_millis());
    let lower = since.map_or(Bound::Unbounded, |time| Bound::Included(term(time)));
    let upper = before.map_or(Bound::Unbounded, |time| Bound::Excluded(term(time)));
    (since.is_some() || before.is_some()).then(|| unscored(Box::new(RangeQuery::new(lower, upper))))
}

fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}
