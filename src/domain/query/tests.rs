//! How texts are read as queries.

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
    let query =
        parse(r#"lock "refresh  token" -draft -"dead end" kind:Findings tag:Auth tag:ci path:./src/Auth -kind:notes"#);
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
    assert_eq!(query.words, ["std::fs::read", "src/a.rs:42", "--no-verify", "https://x.y/z", "a-b", "foo:bar", "tag:"]);
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
fn quotes_within_a_word_separate() {
    let query = parse(r#"say("hello world") 5" disk"#);
    assert_eq!(query.words, ["say(", "hello", "world", "5", "disk"]);
    assert!(query.phrases.is_empty());
    assert_eq!(parse(r#"a"kind:task"#).words, ["a"]);
}

#[test]
fn the_newest_first_needs_every_word() {
    let query = parse("lock sort:new \"dead end\" flush tag:ci");
    assert!(query.newest && query.words.is_empty());
    assert_eq!(query.phrases, ["lock", "flush", "dead end"]);
    assert!(!parse("sort:new").is_nothing() && parse("sort:best").is_nothing());
    assert_eq!(parse("sort:size").words, ["sort:size"]);
}

#[test]
fn a_query_is_written_as_it_is_read() {
    let table = [
        ("lock  a-b   --no-verify", "lock a-b --no-verify"),
        ("since:1d \"a  b\" -c", "\"a  b\" -\"c\" since:2026-11-20T14:30:00Z"),
        ("by:\"Claude Code\" -kind:Findings path:./ x", "x by:\"claude code\" path:./ -kind:finding"),
        ("sort:new lock", "\"lock\" sort:new"),
        ("before:\"2026-11-20 10:00\"", "before:2026-11-20T10:00:00Z"),
    ];
    for (text, written) in table {
        assert_eq!(parse(text).to_string(), written);
        assert_eq!(parse(written), parse(text));
    }
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

    #[test]
    fn a_written_query_is_read_as_the_same(
        parts in prop::collection::vec(r#"-{0,2}"?(tag|KIND|kind|since|before|sort|path|x|std:)?:?"?(finding|7d|new|\./|[-": a-zÀé]{0,6})"?"#, 0..8),
        text in any::<String>(),
    ) {
        for text in [parts.concat(), parts.join(" "), text] {
            let query = parse(&text);
            let again = parse(&query.to_string());
            prop_assert_eq!(Query { notes: Vec::new(), ..again }, Query { notes: Vec::new(), ..query }, "{}", text);
        }
    }
}
