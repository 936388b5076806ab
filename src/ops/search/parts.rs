//! A query's text in parts, so that one can be left out or changed and the rest stays as it was typed.
//!
//! What a part means is asked of [`Query::parse`], never decided here.

use crate::domain::query::{self, Facet, Filter, PARTS_MAX, Query};
use chrono::{DateTime, Utc};

/// What a part of a query does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A free word.
    Word,
    /// A quoted text that must occur: the text.
    Phrase(String),
    /// A word or text that must not occur.
    Without,
    /// A property that must hold.
    Filter(Filter),
    /// A property that must not hold.
    Excluded,
    /// `since:`, `before:` or `sort:`.
    Time,
    /// Anything else.
    Other,
}

/// A word, a quoted text or a filter as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub text: String,
    pub role: Role,
}

impl Part {
    pub(super) fn is_narrowing(&self) -> bool {
        !matches!(self.role, Role::Word | Role::Other)
    }
}

/// The parts of a query that count; it takes no more of them.
pub(super) fn parts(text: &str, now: DateTime<Utc>) -> Vec<Part> {
    let parts = query::parts(text).into_iter().take(PARTS_MAX);
    parts.map(|part| Part { text: part.to_owned(), role: role(part, now) }).collect()
}

fn role(part: &str, now: DateTime<Utc>) -> Role {
    let query = Query::parse(part, now);
    if let Some(filter) = query.filters.into_iter().next() {
        return Role::Filter(filter);
    }
    if let Some(phrase) = query.phrases.into_iter().next() {
        return Role::Phrase(phrase);
    }
    match () {
        () if !query.excluded.is_empty() => Role::Excluded,
        () if !query.without.is_empty() => Role::Without,
        () if query.since.is_some() || query.before.is_some() || query.newest => Role::Time,
        () if !query.words.is_empty() => Role::Word,
        () => Role::Other,
    }
}

/// The text of a query with these parts.
pub(super) fn joined<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    parts.into_iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// A filter as it is typed.
pub(super) fn written(filter: &Filter) -> String {
    filter_text(filter.facet, &filter.value)
}

/// `tag:auth`, quoted where it must be.
pub(super) fn filter_text(facet: Facet, value: &str) -> String {
    let quote = if value.contains(char::is_whitespace) { "\"" } else { "" };
    format!("{}:{quote}{value}{quote}", facet.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T14:30:00Z".parse().unwrap()
    }

    fn texts(text: &str) -> Vec<String> {
        parts(text, now()).into_iter().map(|part| part.text).collect()
    }

    #[test]
    fn parts_are_what_was_typed() {
        let text =
            r#"lock "a  b" -draft -"dead end" tag:"two words" since:7d std::"fs x" -kind:note --no-verify "open"#;
        assert_eq!(
            texts(text),
            [
                "lock",
                "\"a  b\"",
                "-draft",
                "-\"dead end\"",
                "tag:\"two words\"",
                "since:7d",
                "std::",
                "fs",
                "x",
                "-kind:note",
                "--no-verify",
                "\"open"
            ]
        );
        let roles: Vec<bool> = parts(text, now()).iter().map(Part::is_narrowing).collect();
        assert_eq!(roles, [false, true, true, true, true, true, false, false, false, true, false, true]);
    }

    proptest! {
        #[test]
        fn the_parts_together_are_the_query(text in any::<String>(), near in r#"([-":a-c ]|tag:|since:|\PC){0,40}"#) {
            for text in [text, near.clone(), format!("tag:{near}"), format!("-since:\"{near}")] {
                let (whole, parted) = (Query::parse(&text, now()), Query::parse(&joined(&parts(&text, now())), now()));
                if texts(&text).len() < PARTS_MAX {
                    prop_assert_eq!(Query { notes: vec![], ..whole }, Query { notes: vec![], ..parted });
                }
            }
        }
    }
}
