//! Words that a misspelt or half-typed one may have meant: for queries that found nothing.
//!
//! Terms are stems, and a slip may sit in the ending (`authenticaton`), so all spellings one slip away from the word are
//! stemmed and looked up; for long words terms two slips away from its own stem are looked for too. Names with digits have
//! no spelling: `E0308` is not a slip for `E0309`.

use super::schema::{self, Fields};
use super::{Document, Tail, fold, reader, tokenizer};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use tantivy::query::FuzzyTermQuery;
use tantivy::schema::Field;
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{IndexReader, InvertedIndexReader, ReloadPolicy, Searcher, Term};

/// At most so many words are offered.
const OFFERED_MAX: usize = 5;

/// Shorter words have too many neighbours.
const CHARS_MIN: usize = 4;

/// From this length on two slips are forgiven.
const TWO_SLIPS_FROM: usize = 8;

/// A word that is begun with so many characters may be completed.
const BEGUN_MIN: usize = 3;

/// Longer ones are no words; their spellings would be many.
const CHARS_MAX: usize = 40;

/// Terms that are looked at for a completion.
const COMPLETIONS_MAX: usize = 1000;

/// What `word` may have meant in the tail and, unless the tail is everything, the index in `dir`.
pub(super) fn similar(dir: &Path, word: &str, tail: &Tail<'_>) -> tantivy::Result<Vec<String>> {
    let searcher = tail.base.map(|_| searcher(dir)).transpose()?;
    Vocabulary::new(searcher.as_ref(), tail.documents).similar(word)
}

fn searcher(dir: &Path) -> tantivy::Result<Searcher> {
    let (index, _) = reader::open_index(dir)?;
    let reader: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(reader.searcher())
}

/// The words that occur.
struct Vocabulary<'a> {
    /// The index, if there is one.
    index: Option<(&'a Searcher, Fields)>,
    /// Terms of the tail, with the number of its documents that have them.
    tail: BTreeMap<String, u64>,
    analyzer: TextAnalyzer,
}

/// A word that occurs; the best is the least.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Neighbour {
    slips: usize,
    /// Whether it begins with another letter.
    other_initial: bool,
    rarity: Reverse<u64>,
    word: String,
}

impl Neighbour {
    fn new(word: String, slips: usize, frequency: u64, typed: &str) -> Self {
        let other_initial = word.chars().next() != typed.chars().next();
        Self { slips, other_initial, rarity: Reverse(frequency), word }
    }
}

impl<'a> Vocabulary<'a> {
    fn new(index: Option<&'a Searcher>, documents: &[Document]) -> Self {
        let mut analyzer = tokenizer::analyzer();
        let mut tail = BTreeMap::new();
        for document in documents {
            let mut of_document = BTreeSet::new();
            for text in schema::texts(document) {
                tokenizer::for_each_term(&mut analyzer, &text, |token| {
                    of_document.insert(token.text.clone());
                });
            }
            for term in of_document {
                *tail.entry(term).or_default() += 1;
            }
        }
        Self { index: index.map(|searcher| (searcher, schema::schema().1)), tail, analyzer }
    }

    /// What `word` may have meant, best first: as a whole, or else one of its parts. A part that occurs is no slip.
    fn similar(&mut self, word: &str) -> tantivy::Result<Vec<String>> {
        let mut written = Vec::new();
        tokenizer::for_each_term(&mut self.analyzer, word, |token| {
            let mut letters = word[token.offset_from..token.offset_to].replace(['_', '-', '\'', '’'], "");
            fold::fold(&mut letters);
            written.push((token.text.clone(), letters));
        });
        for (term, letters) in written {
            let is_word = letters.chars().all(char::is_alphabetic) && letters.chars().count() <= CHARS_MAX;
            if is_word && self.frequency(&term)? == 0 {
                let words = self.neighbours(&letters, &term)?;
                if !words.is_empty() {
                    return Ok(words);
                }
            }
        }
        Ok(Vec::new())
    }

    fn neighbours(&mut self, letters: &str, term: &str) -> tantivy::Result<Vec<String>> {
        let mut found: HashMap<String, Neighbour> = HashMap::new();
        let length = letters.chars().count();
        if length >= CHARS_MIN {
            self.add_spellings(letters, &mut found)?;
        }
        if length >= CHARS_MIN && (found.is_empty() || length >= TWO_SLIPS_FROM) {
            self.add_near(letters, term, &mut found)?;
        }
        if found.is_empty() && length >= BEGUN_MIN {
            self.add_completions(letters, &mut found)?;
        }
        let mut found: Vec<Neighbour> = found.into_values().collect();
        found.sort();
        Ok(found.into_iter().take(OFFERED_MAX).map(|neighbour| neighbour.word).collect())
    }

    /// What is one slip away from the word as written, with its ending.
    fn add_spellings(&mut self, letters: &str, found: &mut HashMap<String, Neighbour>) -> tantivy::Result<()> {
        for spelling in spellings(letters) {
            let term = self.term(&spelling);
            let frequency = self.frequency(&term)?;
            if frequency > 0 {
                found.entry(term).or_insert_with(|| Neighbour::new(spelling, 1, frequency, letters));
            }
        }
        Ok(())
    }

    /// Terms near the word's own; shown with its ending if that gives a word, such as `refresh` with `ing`.
    fn add_near(&mut self, letters: &str, term: &str, found: &mut HashMap<String, Neighbour>) -> tantivy::Result<()> {
        let slips_max = if letters.chars().count() >= TWO_SLIPS_FROM { 2 } else { 1 };
        let ending = letters.strip_prefix(term).unwrap_or_default();
        for (near, frequency) in self.near(term, slips_max)? {
            let spelling = format!("{near}{ending}");
            let shown = [spelling, near.clone()].into_iter().find(|word| self.term(word) == near);
            if let Some(shown) = shown.filter(|_| !found.contains_key(&near)) {
                let slips = slips(&near, term);
                found.insert(near, Neighbour::new(shown, slips, frequency, letters));
            }
        }
        Ok(())
    }

    fn add_completions(&mut self, begun: &str, found: &mut HashMap<String, Neighbour>) -> tantivy::Result<()> {
        for (term, frequency) in self.begin_with(begun)? {
            if self.term(&term) == term && term.chars().all(char::is_alphabetic) {
                found.insert(term.clone(), Neighbour::new(term, 0, frequency, begun));
            }
        }
        Ok(())
    }

    fn term(&mut self, word: &str) -> String {
        let mut term = String::new();
        tokenizer::for_each_term(&mut self.analyzer, word, |token| term.clone_from(&token.text));
        term
    }

    /// In how many documents a term occurs; one that changed since it was indexed may count twice.
    fn frequency(&self, term: &str) -> tantivy::Result<u64> {
        let mut frequency = self.tail.get(term).copied().unwrap_or(0);
        if let Some((searcher, fields)) = &self.index {
            frequency += searcher.doc_freq(&Term::from_field_text(fields.text, term))?;
        }
        Ok(frequency)
    }

    /// Terms of letters at most `slips_max` slips away.
    fn near(&self, term: &str, slips_max: u8) -> tantivy::Result<BTreeMap<String, u64>> {
        let near = self.tail.iter().filter(|(other, _)| slips(other, term) <= usize::from(slips_max));
        let mut near: BTreeMap<String, u64> = near.map(|(term, count)| (term.clone(), *count)).collect();
        for (field, dictionary) in self.dictionaries()? {
            let query = FuzzyTermQuery::new(Term::from_field_text(field, term), slips_max, true);
            let mut stream = dictionary.terms().search(query.automaton()?).into_stream()?;
            while let Some((key, info)) = stream.next() {
                count(&mut near, key, info.doc_freq);
            }
        }
        near.retain(|term, _| term.chars().all(char::is_alphabetic));
        Ok(near)
    }

    /// The first terms that begin like this.
    fn begin_with(&self, begun: &str) -> tantivy::Result<BTreeMap<String, u64>> {
        let terms = self.tail.range(begun.to_owned()..).take_while(|(term, _)| term.starts_with(begun));
        let mut terms: BTreeMap<String, u64> =
            terms.take(COMPLETIONS_MAX).map(|(term, count)| (term.clone(), *count)).collect();
        for (_, dictionary) in self.dictionaries()? {
            let mut stream = dictionary.terms().range().ge(begun).into_stream()?;
            let mut left = COMPLETIONS_MAX;
            while let Some((key, info)) = stream.next().filter(|(key, _)| left > 0 && key.starts_with(begun.as_bytes()))
            {
                count(&mut terms, key, info.doc_freq);
                left -= 1;
            }
        }
        Ok(terms)
    }

    /// The terms of each segment and its field.
    fn dictionaries(&self) -> tantivy::Result<Vec<(Field, Arc<InvertedIndexReader>)>> {
        let mut dictionaries = Vec::new();
        if let Some((searcher, fields)) = &self.index {
            for segment in searcher.segment_readers() {
                dictionaries.push((fields.text, segment.inverted_index(fields.text)?));
            }
        }
        Ok(dictionaries)
    }
}

fn count(terms: &mut BTreeMap<String, u64>, key: &[u8], documents: u32) {
    if let Ok(term) = std::str::from_utf8(key) {
        *terms.entry(term.to_owned()).or_default() += u64::from(documents);
    }
}

/// All words one slip away from an ASCII word; another script's letters are too many to try.
fn spellings(word: &str) -> Vec<String> {
    let mut out = Vec::new();
    if !word.is_ascii() {
        return out;
    }
    for at in 0..=word.len() {
        let (before, after) = word.split_at(at);
        let mut rest = after.chars();
        if let Some(dropped) = rest.next() {
            out.push(format!("{before}{}", rest.as_str()));
            if let Some(next) = rest.next() {
                out.push(format!("{before}{next}{dropped}{}", rest.as_str()));
            }
        }
        for letter in 'a'..='z' {
            out.push(format!("{before}{letter}{after}"));
            if !after.is_empty() {
                out.push(format!("{before}{letter}{}", &after[1..]));
            }
        }
    }
    out
}

/// How many letters are missing, too many, other ones or swapped with their neighbour.
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return a.len().abs_diff(b.len());
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let other = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = other.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Uid;
    use crate::domain::query::Query;
    use crate::index::{Change, Coverage, Index};
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    fn document(number: u128, body: &str) -> Document {
        let time = DateTime::<Utc>::UNIX_EPOCH;
        Document {
            uid: Uid::from_u128(number),
            id: format!("t-{number}"),
            kind: "task".to_owned(),
            status: "open".to_owned(),
            live: true,
            title: String::new(),
            body: body.to_owned(),
            key: None,
            tags: Vec::new(),
            paths: Vec::new(),
            session: None,
            actor: String::new(),
            branch: None,
            created: time,
            updated: time,
            place: 0,
        }
    }

    const BODY: &str =
        "authentication of refreshing sessions, running flushTokenMap; a lock, E0308, перезапуск, reconfigured";

    /// The words offered by a tail alone and by an index alone, which must be the same.
    fn similar(word: &str) -> Vec<String> {
        let documents = [document(1, BODY), document(2, "running sessions, tuning")];
        let nothing = BTreeSet::new();
        let dir = tempfile::tempdir().unwrap();
        let index = Index::at(&dir.path().join("index"));
        let of_tail = index.similar(word, &Tail { base: None, documents: &documents, changed: &nothing }).unwrap();
        let to = Coverage { log: "l".to_owned(), position: 1, hash: 1 };
        let mut all = documents.into_iter().map(|document| Ok(Change { uid: document.uid, document: Some(document) }));
        index.rebuild(&to, &mut all).unwrap();
        let tail = Tail { base: Some(&to), documents: &[], changed: &nothing };
        assert_eq!(index.similar(word, &tail).unwrap(), of_tail, "{word}");
        of_tail
    }

    #[test]
    fn misspelt_words_find_their_neighbours() {
        let table: [(&str, &[&str]); 16] = [
            ("authenticaton", &["authentication"]),
            ("runing", &["running", "tuning"]),
            ("lokc", &["lock"]),
            ("clock", &["lock"]),
            ("refersshing", &["refreshing"]),
            ("sesssions", &["sessions"]),
            ("flushtokenmpa", &["flushtokenmap"]),
            ("flshToken", &["flush"]),
            ("перезапсук", &["перезапуск"]),
            ("authen", &["authent"]),
            ("reconf", &["reconfigur"]),
            ("E0309", &[]),
            ("lck", &[]),
            ("lock", &[]),
            ("completely", &[]),
            ("!?", &[]),
        ];
        for (word, expected) in table {
            assert_eq!(similar(word), expected, "{word}");
        }
    }

    #[test]
    fn slips_are_counted() {
        let table =
            [("lock", "lock", 0), ("lokc", "lock", 1), ("lck", "lock", 1), ("abc", "abcde", 2), ("ab", "xyz", 3)];
        for (a, b, expected) in table {
            assert_eq!(slips(a, b), expected, "{a} {b}");
        }
        assert!(spellings("lock").iter().all(|word| slips(word, "lock") <= 1));
    }

    proptest! {
        #[test]
        fn what_is_offered_is_found(word in "[a-z]{3,12}", any in any::<String>()) {
            let documents = [document(1, BODY)];
            let tail = Tail { base: None, documents: &documents, changed: &BTreeSet::new() };
            let index = Index::at(std::path::Path::new("/nonexistent"));
            let page = crate::index::Page { limit: 1, offset: 0, now: DateTime::<Utc>::UNIX_EPOCH, related: &[] };
            for offered in index.similar(&word, &tail).unwrap().into_iter().chain(index.similar(&any, &tail).unwrap()) {
                prop_assert_eq!(index.search(&Query::of_words(&offered), &tail, page).unwrap().hits.len(), 1, "{}", offered);
            }
        }
    }
}
