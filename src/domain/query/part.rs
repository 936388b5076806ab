//! How the text of a query falls into parts; see [`super`].

use super::Facet;

/// A word, a quoted text or a `name:value` of the query text.
pub(super) struct Part<'a> {
    /// As it stands in the text.
    pub source: &'a str,
    pub text: String,
    pub quoted: bool,
    pub negated: bool,
}

pub(super) fn split(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut rest, mut spaced) = (text, true);
    loop {
        let trimmed = rest.trim_start();
        spaced |= trimmed.len() < rest.len();
        if trimmed.is_empty() {
            return parts;
        }
        let (part, after) = next_part(trimmed, spaced);
        parts.extend(part);
        (rest, spaced) = (after, false);
    }
}

/// The part at the start of `text`, and the rest; quotes and dashes mean something after a space only.
fn next_part(text: &str, spaced: bool) -> (Option<Part<'_>>, &str) {
    if !spaced && let Some(after) = text.strip_prefix(['"', '-']) {
        return (None, after);
    }
    // Two dashes begin a command line option, which is text.
    let negated =
        text.starts_with('-') && !text.starts_with("--") && text[1..].starts_with(|c: char| !c.is_whitespace());
    let bare = if negated { &text[1..] } else { text };
    let phrase = bare.strip_prefix('"').map(until_quote);
    let quoted = phrase.is_some();
    let (content, after) = phrase.unwrap_or_else(|| bare.split_at(end_of_word(bare)));
    let source = &text[..text.len() - after.len()];
    (Some(Part { source, text: content.to_owned(), quoted, negated }), after)
}

fn until_quote(text: &str) -> (&str, &str) {
    text.split_once('"').unwrap_or((text, ""))
}

/// The end of the word at the start; a quote directly after the first colon of a filter reaches to its partner.
fn end_of_word(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len());
    if !text[end..].starts_with('"') || !text[..end].strip_suffix(':').is_some_and(is_filter_name) {
        return end;
    }
    match text[end + 1..].find('"') {
        Some(close) => end + 1 + close + 1,
        None => text.find(char::is_whitespace).unwrap_or(text.len()),
    }
}

fn is_filter_name(name: &str) -> bool {
    let others = ["since", "before", "sort"];
    Facet::ALL.iter().map(|facet| facet.name()).chain(others).any(|known| known.eq_ignore_ascii_case(name))
}

/// What is searched for in a text: its words, if it is a would-be filter with a quoted value, else the text itself.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    if !text.contains('"') {
        return vec![text];
    }
    let pieces = text.split(|c: char| c.is_whitespace() || matches!(c, '"' | ':'));
    pieces.map(|piece| piece.trim_start_matches('-')).filter(|piece| has_word(piece)).collect()
}

/// Whether there is something that can be searched for: punctuation and symbols cannot.
pub(super) fn has_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}
