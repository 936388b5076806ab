//! How text becomes terms: one analysis for what is indexed, for the tail and for queries.
//!
//! Text is cut into chunks at white space and at punctuation that does not join code (`src/auth/token.rs:42`,
//! `flush_token_map`, `--no-verify`, `1.2.3` stay whole). A chunk yields its **parts** (`src`, `auth`, `token`, `rs`, `42`),
//! one position each, and, over the positions of the parts that they span, its **wholes**: the chunk as written, without
//! its line number, its file name, and each identifier with its separators dropped, so that `flushTokenMap`,
//! `flush_token_map` and `flush-token-map` meet in `flushtokenmap`. Scripts without spaces yield characters and pairs.
//! Everything is then lower-cased, folded to ASCII and stemmed as English. Phrases look at parts only.

use super::word::{self, Piece};
use std::collections::HashMap;
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RawTokenizer, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer,
    TokenizerManager,
};

/// The name under which the schema refers to [`analyzer`].
pub(super) const NAME: &str = "state";

/// Bytes of a term; the rest of a longer one is dropped, in the index as in queries.
const TERM_BYTES_MAX: usize = 120;

/// Words whose terms are remembered by one analyzer.
const REMEMBERED_MAX: usize = 20_000;

/// The one analysis. Changing what it yields needs another [`super::schema::VERSION`].
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::from(FieldTokenizer { normalizer: Normalizer::new() })
}

/// As [`analyzer`], but a word that begins otherwise than `wanted` counts as a term without text: who looks for a few terms
/// in many texts need not have all the others stemmed. Stemming keeps the first letter.
pub(super) fn analyzer_for<'a>(wanted: impl Iterator<Item = &'a str>) -> TextAnalyzer {
    let mut normalizer = Normalizer::new();
    normalizer.initials = Some(wanted.filter_map(|term| term.bytes().next()).collect());
    TextAnalyzer::from(FieldTokenizer { normalizer })
}

/// The analysers that the schema names.
pub(super) fn manager() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(NAME, analyzer());
    manager
}

/// Calls `each` with every term of `text`.
pub(super) fn for_each_term(analyzer: &mut TextAnalyzer, text: &str, mut each: impl FnMut(&Token)) {
    let mut stream = analyzer.token_stream(text);
    while stream.advance() {
        each(stream.token());
    }
}

/// Whether a term stands for one position, so that a phrase can be made of it.
pub(super) fn is_part(token: &Token) -> bool {
    token.position_length == 1
}

/// Turns a word into its term. Texts repeat their words, so the answers are remembered: stemming is the dearest part of
/// reading a text.
#[derive(Clone)]
struct Normalizer {
    filters: TextAnalyzer,
    terms: HashMap<String, String>,
    word: String,
    /// The first bytes of the terms that are wanted, if not all are.
    initials: Option<Vec<u8>>,
}

impl Normalizer {
    fn new() -> Self {
        let filters = TextAnalyzer::builder(RawTokenizer::default()).filter(LowerCaser).filter(AsciiFoldingFilter);
        let filters = filters.filter(Stemmer::new(Language::English)).build();
        Self { filters, terms: HashMap::new(), word: String::new(), initials: None }
    }

    /// Writes the term of a piece of `text` to `out`.
    fn write(&mut self, text: &str, piece: &Piece, out: &mut String) {
        out.clear();
        if !self.is_wanted(text.as_bytes()[piece.start]) {
            return;
        }
        self.word.clear();
        piece.write(text, TERM_BYTES_MAX, &mut self.word);
        if let Some(term) = self.terms.get(&self.word) {
            out.push_str(term);
            return;
        }
        let mut stream = self.filters.token_stream(&self.word);
        if stream.advance() {
            out.push_str(&stream.token().text);
        }
        if self.terms.len() >= REMEMBERED_MAX {
            self.terms.clear();
        }
        self.terms.insert(self.word.clone(), out.clone());
    }
}

impl Normalizer {
    /// Whether a word with this first byte may become a wanted term; of accents only their folding tells.
    fn is_wanted(&self, first: u8) -> bool {
        let first = first.to_ascii_lowercase();
        !first.is_ascii() || self.initials.as_ref().is_none_or(|initials| initials.contains(&first))
    }
}

#[derive(Clone)]
struct FieldTokenizer {
    normalizer: Normalizer,
}

impl Tokenizer for FieldTokenizer {
    type TokenStream<'a> = FieldTokenStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> FieldTokenStream<'a> {
        let (normalizer, token) = (&mut self.normalizer, Token::default());
        FieldTokenStream { text, normalizer, at: 0, base: 0, next_base: 0, pieces: Vec::new(), next: 0, token }
    }
}

/// The terms of a text, chunk by chunk.
struct FieldTokenStream<'a> {
    text: &'a str,
    normalizer: &'a mut Normalizer,
    /// Where the next chunk is looked for.
    at: usize,
    /// The position of the current chunk's first part, and of the next chunk's.
    base: usize,
    next_base: usize,
    pieces: Vec<Piece>,
    next: usize,
    token: Token,
}

impl FieldTokenStream<'_> {
    /// Cuts the next chunk into pieces; false at the end of the text.
    fn refill(&mut self) -> bool {
        let Some(chunk) = word::next_chunk(self.text, self.at) else { return false };
        self.at = chunk.end;
        self.base = self.next_base;
        self.next = 0;
        self.next_base += word::cut(self.text, chunk, &mut self.pieces);
        true
    }
}

impl TokenStream for FieldTokenStream<'_> {
    fn advance(&mut self) -> bool {
        while self.next == self.pieces.len() {
            if !self.refill() {
                return false;
            }
        }
        let piece = &self.pieces[self.next];
        self.next += 1;
        self.token.position = self.base + piece.first;
        self.token.position_length = piece.count;
        self.token.offset_from = piece.start;
        self.token.offset_to = piece.end;
        self.normalizer.write(self.text, piece, &mut self.token.text);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(text: &str) -> Vec<(usize, String)> {
        let mut terms = Vec::new();
        for_each_term(&mut analyzer(), text, |token| terms.push((token.position, token.text.clone())));
        terms
    }

    fn parts(text: &str) -> Vec<String> {
        let mut parts = Vec::new();
        for_each_term(&mut analyzer(), text, |token| parts.extend(is_part(token).then(|| token.text.clone())));
        parts
    }

    fn wholes(text: &str) -> Vec<String> {
        let mut wholes = Vec::new();
        for_each_term(&mut analyzer(), text, |token| wholes.extend((!is_part(token)).then(|| token.text.clone())));
        wholes
    }

    #[test]
    fn the_table_of_forms() {
        let table: [(&str, &[&str], &[&str]); 22] = [
            ("The sessions were refreshing.", &["the", "session", "were", "refresh"], &[]),
            ("flushTokenMap", &["flush", "token", "map"], &["flushtokenmap"]),
            ("flush_token_map()", &["flush", "token", "map"], &["flushtokenmap"]),
            ("FLUSH-TOKEN-MAP", &["flush", "token", "map"], &["flushtokenmap"]),
            ("HTTPServer2", &["http", "server2"], &["httpserver2"]),
            (
                "src/auth/token.rs:42",
                &["src", "auth", "token", "rs", "42"],
                &["src/auth/token.rs:42", "src/auth/token.r", "token.r"],
            ),
            ("lib.rs:10-40", &["lib", "rs", "10", "40"], &["lib.rs:10-40", "lib.r", "1040"]),
            ("std::fs::read", &["std", "fs", "read"], &["std::fs::read"]),
            ("error[E0308]:", &["error", "e0308"], &[]),
            ("CVE-2024-1234", &["cve", "2024", "1234"], &["cve20241234"]),
            ("git commit --no-verify", &["git", "commit", "no", "verifi"], &["noverifi"]),
            ("v1.2.3", &["v1", "2", "3"], &["v1.2.3"]),
            ("don't session's", &["dont", "session"], &[]),
            ("Café cafe\u{301} ÜBER", &["cafe", "cafe", "uber"], &[]),
            ("0xDEADBEEF sha256", &["0x", "deadbeef", "sha256"], &["0xdeadbeef"]),
            ("数据库", &["数", "据", "库"], &["数据", "据库"]),
            ("用tokio修复", &["用", "tokio", "修", "复"], &["修复"]),
            ("t-4kqab", &["t", "4kqab"], &["t4kqab"]),
            ("wait...what", &["wait", "what"], &[]),
            ("me@host.org", &["me", "host", "org"], &["me@host.org"]),
            ("🦀 !? --", &[], &[]),
            ("12:30", &["12", "30"], &["12:30"]),
        ];
        for (text, expected_parts, expected_wholes) in table {
            assert_eq!(parts(text), expected_parts, "parts of {text}");
            assert_eq!(wholes(text), expected_wholes, "wholes of {text}");
        }
    }

    #[test]
    fn parts_take_one_position_each() {
        let positions = terms("a flushTokenMap b");
        let at = |term: &str| positions.iter().find(|(_, text)| text == term).map(|(position, _)| *position);
        assert_eq!([at("a"), at("flushtokenmap"), at("flush"), at("map"), at("b")], [0, 1, 1, 3, 4].map(Some));
    }

    #[test]
    fn long_terms_are_cut_alike_everywhere() {
        let long = "é".repeat(5000);
        assert_eq!(parts(&long), parts(&format!("{long}tail")));
        assert!(!parts(&long).is_empty());
    }

    #[test]
    fn a_chunk_of_a_hundred_thousand_line_numbers_is_cut() {
        assert!(parts(&"1:".repeat(200_000)).len() == 200_000);
    }

    proptest! {
        #[test]
        fn any_text_has_terms_where_it_has_letters(text in any::<String>(), code in r"[aB1_./:'\-é数 ]{0,30}") {
            for text in [text, code] {
                let (mut last, mut count) = (0, 0);
                for_each_term(&mut analyzer(), &text, |token| {
                    assert!(token.position >= last && token.offset_from < token.offset_to);
                    assert!(text.is_char_boundary(token.offset_from) && text.is_char_boundary(token.offset_to));
                    assert!(!token.text.is_empty());
                    (last, count) = (token.position, count + 1);
                });
                prop_assert_eq!(count > 0, text.chars().any(char::is_alphanumeric));
            }
        }
    }
}
