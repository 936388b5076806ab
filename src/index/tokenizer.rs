//! How text becomes terms: one analysis for what is indexed, for the tail and for queries.
//!
//! Text is cut into chunks at white space and at punctuation that does not join code (`src/auth/token.rs:42`,
//! `flush_token_map`, `--no-verify`, `1.2.3` stay whole). A chunk yields its **parts** (`src`, `auth`, `token`, `rs`, `42`),
//! one position each, and, over the positions of the parts that they span, its **wholes**: the chunk as written, without
//! its line number, its file name, and each identifier with its separators dropped, so that `flushTokenMap`,
//! `flush_token_map` and `flush-token-map` meet in `flushtokenmap`. Scripts without spaces yield characters and pairs.
//! Everything is then lower-cased, folded to ASCII and stemmed as English. Phrases look at parts only.

use super::fold;
use super::word::{self, Piece};
use std::collections::HashMap;
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, RawTokenizer, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager,
};

/// The name under which the schema refers to [`analyzer`].
pub(super) const NAME: &str = "state";

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
    latin: TextAnalyzer,
    stemmer: TextAnalyzer,
    terms: HashMap<String, String>,
    word: String,
    /// The first bytes of the terms that are wanted, if not all are.
    initials: Option<Vec<u8>>,
}

impl Normalizer {
    fn new() -> Self {
        let latin = TextAnalyzer::builder(RawTokenizer::default()).filter(AsciiFoldingFilter).build();
        let stemmer = TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
        Self { latin, stemmer, terms: HashMap::new(), word: String::new(), initials: None }
    }

    /// Writes the term of a piece of `text` to `out`.
    fn write(&mut self, text: &str, piece: &Piece, out: &mut String) {
        out.clear();
        if !self.is_wanted(text.as_bytes()[piece.start]) {
            return;
        }
        let mut word = std::mem::take(&mut self.word);
        let written = piece.verbatim(text).unwrap_or_else(|| {
            word.clear();
            piece.write(text, &mut word);
            &word
        });
        match self.terms.get(written) {
            Some(term) => out.push_str(term),
            None => self.learn(written, out),
        }
        self.word = word;
    }

    fn learn(&mut self, written: &str, out: &mut String) {
        out.push_str(written);
        fold::fold(out);
        if !out.is_ascii() {
            run(&mut self.latin, out);
        }
        // What has digits or separators is a name, not an English word.
        if out.bytes().all(|b| b.is_ascii_lowercase()) {
            run(&mut self.stemmer, out);
        }
        if self.terms.len() >= REMEMBERED_MAX {
            self.terms.clear();
        }
        self.terms.insert(written.to_owned(), out.clone());
    }

    /// Whether a word with this first byte may become a wanted term; of accents only their folding tells.
    fn is_wanted(&self, first: u8) -> bool {
        let first = first.to_ascii_lowercase();
        !first.is_ascii() || self.initials.as_ref().is_none_or(|initials| initials.contains(&first))
    }
}

/// Replaces a word by what a filter makes of it.
fn run(filter: &mut TextAnalyzer, word: &mut String) {
    let mut stream = filter.token_stream(word);
    let changed = stream.advance().then(|| std::mem::take(&mut stream.token_mut().text));
    drop(stream);
    *word = changed.unwrap_or_default();
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

    /// Texts with their parts and their wholes.
    type Table = &'static [(&'static str, &'static [&'static str], &'static [&'static str])];

    fn check(table: Table) {
        for (text, expected_parts, expected_wholes) in table {
            assert_eq!(parts(text), *expected_parts, "parts of {text}");
            assert_eq!(wholes(text), *expected_wholes, "wholes of {text}");
        }
    }

    #[test]
    fn prose() {
        check(&[
            ("The sessions were refreshing.", &["the", "session", "were", "refresh"], &[]),
            ("don't session's session’s", &["dont", "session", "session"], &[]),
            ("**bold** _it_ `code` [text](link)", &["bold", "it", "code", "text", "link"], &[]),
            ("wait...what 🦀 !? --", &["wait", "what"], &[]),
            ("a well-known fact – yes—no", &["a", "well", "known", "fact", "yes", "no"], &["wellknown"]),
        ]);
    }

    #[test]
    fn identifiers() {
        check(&[
            ("flushTokenMap", &["flush", "token", "map"], &["flushtokenmap"]),
            ("flush_token_map()", &["flush", "token", "map"], &["flushtokenmap"]),
            ("FLUSH-TOKEN-MAP", &["flush", "token", "map"], &["flushtokenmap"]),
            ("HTTPServer2", &["http", "server2"], &["httpserver2"]),
            (
                "test_isRunningDoesExist",
                &["test", "is", "run", "doe", "exist"],
                &["testisrunningdoesexist", "isrunningdoesexist"],
            ),
            ("isrunningdoesexist", &["isrunningdoesexist"], &[]),
            ("utf8 UTF_8 utf-8 utf\u{2011}8", &["utf8", "utf", "8", "utf", "8", "utf", "8"], &["utf8"; 3]),
            ("E2E e2e OAuth2", &["e2e", "e2e", "o", "auth2"], &["oauth2"]),
            ("std::fs::read", &["std", "fs", "read"], &["std::fs::read"]),
            ("self.flushTokens()", &["self", "flush", "token"], &["self.flushtokens", "flushtoken"]),
            ("git commit --no-verify", &["git", "commit", "no", "verifi"], &["noverifi"]),
            ("__init__ t-4kqab", &["init", "t", "4kqab"], &["t4kqab"]),
        ]);
    }

    #[test]
    fn paths_and_addresses() {
        check(&[
            ("src/auth/token.rs:42", &["src", "auth", "token", "rs", "42"], &["src/auth/token.rs", "token.rs"]),
            ("lib.rs:10-40", &["lib", "rs", "10", "40"], &["lib.rs", "1040"]),
            ("src\\my_mod.rs", &["src", "my", "mod", "rs"], &["src\\my_mod.rs", "my_mod.rs", "mymod"]),
            (
                "https://docs.rs/redb/latest?x=1",
                &["https", "doc", "rs", "redb", "latest", "x", "1"],
                &["docs.rs/redb/latest", "docs.rs"],
            ),
            ("me@host.org 12:30", &["me", "host", "org", "12", "30"], &["me@host.org"]),
        ]);
    }

    #[test]
    fn codes_versions_and_hashes() {
        check(&[
            ("error[E0308]: ERR_FOO", &["error", "e0308", "err", "foo"], &["errfoo"]),
            ("CVE-2024-1234", &["cve", "2024", "1234"], &["cve20241234"]),
            ("v1.2.3 V1.2.3 1.2.3", &["1", "2", "3", "1", "2", "3", "1", "2", "3"], &["1.2.3", "1.2.3", "1.2.3"]),
            ("redb-4.4 v2", &["redb", "4", "4", "v2"], &["redb-4.4", "redb4", "4.4"]),
            ("1.2.3-rc.1", &["1", "2", "3", "rc", "1"], &["1.2.3-rc.1", "1.2.3", "3rc"]),
            ("0xDEADBEEF sha256", &["0x", "deadbeef", "sha256"], &["0xdeadbeef"]),
            ("8befe56 8befe56bcd", &["8befe56", "8befe56bcd"], &["8befe56"]),
            ("20261121 deadbeef facade1", &["20261121", "deadbeef", "facade1"], &[]),
        ]);
    }

    #[test]
    fn scripts_without_spaces() {
        check(&[
            ("数据库", &["数", "据", "库"], &["数据", "据库"]),
            ("用tokio修复", &["用", "tokio", "修", "复"], &["修复"]),
            ("ｶﾞｽ ガス", &["ガ", "ス", "ガ", "ス"], &["ガス", "ガス"]),
            ("ไม่", &["ไ", "ม่"], &["ไม่"]),
        ]);
    }

    #[test]
    fn variants_of_letters_meet() {
        let table: &[(&str, &str)] = &[
            ("Café cafe\u{301} CAFÉ", "cafe"),
            ("ÜBER uber über", "uber"),
            ("Straße STRASSE strasse STRAẞE", "strass"),
            ("ﬁle ＦＩＬＥ file fi\u{ad}le", "file"),
            ("Ёлка елка ёлка", "елка"),
            ("ΣΟΦΟΣ σοφός σοφοσ", "σοφοσ"),
            ("İstanbul istanbul ıstanbul", "istanbul"),
            ("مُحَمَّد محمد", "محمد"),
            ("שָׁלוֹם שלום", "שלום"),
            ("rock’n’roll rock'n'roll", "rocknrol"),
        ];
        for (text, term) in table {
            assert!(parts(text).iter().all(|part| part == term), "{text}: {:?}", parts(text));
        }
    }

    #[test]
    fn encoded_data_is_not_words() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 58).expect("6 bits fit")
        };
        let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
        let line: String = (0..120_000).map(|_| alphabet[next()]).collect();
        let count = terms(&line).len();
        assert!(count < 15_000, "{count}");
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
        fn forms_of_a_name_meet(words in prop::collection::vec("[a-z]{2,8}", 2..5)) {
            let capital = |word: &String| word[..1].to_uppercase() + &word[1..];
            let camel: String = words.iter().map(capital).collect();
            let whole = wholes(&camel);
            for form in [words.join("_"), words.join("-"), words.join("_").to_uppercase()] {
                prop_assert_eq!(&wholes(&form), &whole);
                prop_assert_eq!(parts(&form), parts(&camel));
            }
            prop_assert_eq!(parts(&words.concat()), whole);
        }

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
