//! The query: any text is one, whatever a person or an agent pastes.
//!
//! Free words (any may match), `"phrases"` (all must), `-word` and `-"phrase"` (none may), and filters `kind:` `status:`
//! `tag:` `path:` `by:` `branch:` `key:` `since:` `before:`, several of one kind meaning any of them, `-tag:x` excluding.
//! What looks like a filter and is none, such as `std::fs` or `since:never`, is text. Parsing never fails: what could
//! not be taken as meant is told in [`Query::notes`].

use super::text::quoted;
use super::{kind, when};
use chrono::{DateTime, Utc};

/// More words, phrases or filters than this are left out, which is noted.
pub const PARTS_MAX: usize = 64;

/// What a filter looks at. `status:live` and `status:ended` judge whether the record is over, not its literal status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// The kind's name.
    Kind,
    /// The status.
    Status,
    /// One of the tags.
    Tag,
    /// The beginning of one of the paths.
    Path,
    /// The session or the actor.
    By,
    /// The git branch.
    Branch,
    /// The stable name.
    Key,
}

impl Facet {
    /// All of them, in the order of help.
    pub const ALL: [Self; 7] = [Self::Kind, Self::Status, Self::Tag, Self::Path, Self::By, Self::Branch, Self::Key];

    /// The word before the colon.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Status => "status",
            Self::Tag => "tag",
            Self::Path => "path",
            Self::By => "by",
            Self::Branch => "branch",
            Self::Key => "key",
        }
    }

    /// How a value is compared: lower case except in paths, which lose a leading `./`.
    #[must_use]
    pub fn normalize(self, value: &str) -> String {
        match self {
            Self::Path => value.trim_start_matches("./").to_owned(),
            _ => value.to_lowercase(),
        }
    }
}

/// A wanted or unwanted property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What it looks at.
    pub facet: Facet,
    /// What is wanted there, normalized.
    pub value: String,
}

/// A parsed query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Free words, as written.
    pub words: Vec<String>,
    /// Quoted texts, all of which must occur.
    pub phrases: Vec<String>,
    /// Words and texts that must not occur.
    pub without: Vec<String>,
    /// Of each facet named here a record needs one.
    pub filters: Vec<Filter>,
    /// None of these may be true of a record.
    pub excluded: Vec<Filter>,
    /// Changed at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Changed before this time.
    pub before: Option<DateTime<Utc>>,
    /// What the writer of the query should know about how it was taken, one line each.
    pub notes: Vec<String>,
}

impl Query {
    /// Reads any text as a query; relative times count back from `now`.
    #[must_use]
    pub fn parse(text: &str, now: DateTime<Utc>) -> Self {
        let mut query = Self::default();
        let mut left_out = 0;
        for part in split(text) {
            if query.len() < PARTS_MAX {
                query.take(&part, now);
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            query.notes.push(format!("only the first {PARTS_MAX} words are searched for, {left_out} are left out"));
        }
        if query.is_nothing() {
            query.notes.push("there is no word to search for in this".to_owned());
        }
        query
    }

    /// A query of free words only, for callers that have text which was not written as a query.
    #[must_use]
    pub fn of_words(text: &str) -> Self {
        let words = text.split_whitespace().filter(|word| has_word(word)).take(PARTS_MAX);
        Self { words: words.map(str::to_owned).collect(), ..Self::default() }
    }

    /// Whether there is nothing in it to search for or filter by: it matches nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has words or phrases, so that rank decides; else the newest come first.
    #[must_use]
    pub fn is_ranked(&self) -> bool {
        !self.words.is_empty() || !self.phrases.is_empty()
    }

    fn len(&self) -> usize {
        let times = usize::from(self.since.is_some()) + usize::from(self.before.is_some());
        let texts = self.words.len() + self.phrases.len() + self.without.len();
        texts + self.filters.len() + self.excluded.len() + times
    }

    fn take(&mut self, part: &Part, now: DateTime<Utc>) {
        if self.take_filter(part, now) || !has_word(&part.text) {
            return;
        }
        let texts = match (part.negated, part.quoted) {
            (true, _) => &mut self.without,
            (false, true) => &mut self.phrases,
            (false, false) => &mut self.words,
        };
        texts.push(part.text.clone());
    }

    /// Takes a part as a filter if it is one.
    fn take_filter(&mut self, part: &Part, now: DateTime<Utc>) -> bool {
        let Some((name, value)) = part.text.split_once(':').filter(|_| !part.quoted) else { return false };
        let value = value.replace('"', "");
        if value.is_empty() {
            return false;
        }
        let name = name.to_ascii_lowercase();
        if !part.negated && (name == "since" || name == "before") {
            return self.take_time(&name, &value, now);
        }
        let Some(facet) = Facet::ALL.into_iter().find(|facet| facet.name() == name) else { return false };
        let value = if facet == Facet::Kind { self.kind_name(&value) } else { facet.normalize(&value) };
        let filters = if part.negated { &mut self.excluded } else { &mut self.filters };
        filters.push(Filter { facet, value });
        true
    }

    fn take_time(&mut self, name: &str, value: &str, now: DateTime<Utc>) -> bool {
        let Ok(time) = when::parse_time(value, now) else {
            let value = quoted(value);
            self.notes
                .push(format!("{name}: {value} is not a time such as 7d or 2026-11-21, so it is searched for as text"));
            return false;
        };
        // Any of several is enough, so the widest holds.
        if name == "since" {
            self.since = Some(self.since.map_or(time, |since| since.min(time)));
        } else {
            self.before = Some(self.before.map_or(time, |before| before.max(time)));
        }
        true
    }

    /// The name of a kind by any of its words; an unknown one may be a newer version's and is kept.
    fn kind_name(&mut self, value: &str) -> String {
        let value = value.to_lowercase();
        if let Some(kind) = kind::find(&value) {
            return kind.name.to_owned();
        }
        self.notes.push(format!("no kind is called {} here", quoted(&value)));
        value
    }
}

/// Whether there is something that can be searched for: punctuation and symbols cannot.
fn has_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// A word, a quoted text or a `name:value` of the query text, the value without its quotes.
struct Part {
    text: String,
    quoted: bool,
    negated: bool,
}

fn split(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (part, after) = next_part(rest);
        parts.push(part);
        rest = after.trim_start();
    }
    parts
}

fn next_part(text: &str) -> (Part, &str) {
    // Two dashes begin a command line option, which is text.
    let negated =
        text.starts_with('-') && !text.starts_with("--") && text[1..].starts_with(|c: char| !c.is_whitespace());
    let text = if negated { &text[1..] } else { text };
    if let Some((quoted, after)) = text.strip_prefix('"').map(until_quote) {
        return (Part { text: quoted.to_owned(), quoted: true, negated }, after);
    }
    let end = end_of_word(text);
    (Part { text: text[..end].to_owned(), quoted: false, negated }, &text[end..])
}

fn until_quote(text: &str) -> (&str, &str) {
    text.split_once('"').unwrap_or((text, ""))
}

/// The end of the word at the start; a quote directly after the first colon of a filter reaches to its partner.
fn end_of_word(text: &str) -> usize {
    let space = |text: &str| text.find(char::is_whitespace).unwrap_or(text.len());
    let end = space(text);
    let Some(open) = text[..end].find(":\"").map(|colon| colon + 2) else { return end };
    let is_filter = Facet::ALL.iter().any(|facet| facet.name().eq_ignore_ascii_case(&text[..open - 2]))
        || ["since", "before"].iter().any(|name| name.eq_ignore_ascii_case(&text[..open - 2]));
    match text[open..].find('"') {
        Some(close) if is_filter => open + close + 1,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T14:30:00Z".parse().unwrap()
    }

    fn parse(text: &str) -> Query {
        Query::parse(text, now())
    }

    fn filters(query: &Query) -> Vec<String> {
        query.filters.iter().map(|filter| format!("{}={}", filter.facet.name(), filter.value)).collect()
    }

    #[test]
    fn every_part_has_its_place() {
        let query = parse(
            r#"lock "refresh  token" -draft -"dead end" kind:Findings tag:Auth tag:ci path:./src/Auth -kind:notes"#,
        );
        assert_eq!(query.words, ["lock"]);
        assert_eq!(query.phrases, ["refresh  token"]);
        assert_eq!(query.without, ["draft", "dead end"]);
        assert_eq!(filters(&query), ["kind=finding", "tag=auth", "tag=ci", "path=src/Auth"]);
        assert_eq!(query.excluded, [Filter { facet: Facet::Kind, value: "note".to_owned() }]);
        assert!(query.notes.is_empty());
    }

    #[test]
    fn a_filter_value_may_be_quoted() {
        let query = parse(r#"by:"Claude Code" since:"2026-11-20 10:00" rest"#);
        assert_eq!(filters(&query), ["by=claude code"]);
        assert_eq!(query.since.unwrap().to_rfc3339(), "2026-11-20T10:00:00+00:00");
        assert_eq!(query.words, ["rest"]);
    }

    #[test]
    fn a_path_is_compared_as_references_are_written() {
        assert_eq!(filters(&parse("path:././src path:../src path:./")), ["path=src", "path=../src", "path="]);
    }

    #[test]
    fn code_and_options_are_text() {
        let query = parse("std::fs::read src/a.rs:42 --no-verify https://x.y/z a-b foo:bar - tag:");
        assert_eq!(
            query.words,
            ["std::fs::read", "src/a.rs:42", "--no-verify", "https://x.y/z", "a-b", "foo:bar", "tag:"]
        );
        assert!(query.filters.is_empty() && query.without.is_empty());
    }

    #[test]
    fn the_widest_of_several_times_holds() {
        let query = parse("since:1d since:7d before:2d before:1h");
        assert_eq!(query.since, when::parse_time("7d", now()).ok());
        assert_eq!(query.before, when::parse_time("1h", now()).ok());
        assert!(!query.is_ranked() && !query.is_nothing());
    }

    #[test]
    fn what_is_not_taken_as_meant_is_noted() {
        let query = parse("since:whenever kind:question");
        assert_eq!(query.words, ["since:whenever"]);
        assert_eq!(filters(&query), ["kind=question"]);
        assert_eq!(query.notes.len(), 2);
        let hostile = parse(&format!("kind:\u{1b}[2Jx since:\"a\nb\" kind:{}", "y".repeat(5000)));
        assert_eq!(hostile.notes.len(), 3);
        assert!(hostile.notes.iter().all(|note| note.len() < 200 && !note.contains(char::is_control)));
        let many = parse(&"word ".repeat(100));
        assert_eq!((many.words.len(), many.notes.len()), (PARTS_MAX, 1));
    }

    #[test]
    fn punctuation_alone_matches_nothing_and_says_so() {
        for text in ["", "  ", "!!! ??? ()", "\"\"", "-", "\"", "🦀", "-\"", "--"] {
            let query = parse(text);
            assert!(query.is_nothing() && query.notes.len() == 1, "{text}: {query:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_query(text in any::<String>(), near in r#"[-":a-z\u{e9} ]{0,40}"#) {
            for text in [text, near.clone(), format!("tag:{near}"), format!("-since:\"{near}")] {
                let query = parse(&text);
                prop_assert!(query.len() <= PARTS_MAX);
                prop_assert!(query.is_nothing() <= !query.notes.is_empty());
            }
        }
    }
}
