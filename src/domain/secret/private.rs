//! `<private>…</private>`: what its author does not want kept, in any case of letters, nested, or without an end.

use super::{Found, PRIVATE, PRIVATE_KIND};
use std::borrow::Cow;

/// Starts a private passage.
pub(super) const OPEN: &str = "<private>";
const CLOSE: &str = "</private>";

/// The text with a mark in the place of private passages only.
///
/// For text that is taken apart before it is kept, where a passage may go over what become several records.
#[must_use]
pub fn strip_private(text: &str) -> Cow<'_, str> {
    let (mut stripped, mut end, mut from) = (String::new(), 0, 0);
    while let Some(start) = find_open(text, from) {
        match find(text, start) {
            Some(found) => {
                stripped.push_str(&text[end..start]);
                stripped.push_str(PRIVATE);
                (end, from) = (found.range.end, found.range.end);
            }
            None => from = start + OPEN.len(),
        }
    }
    if end == 0 {
        return Cow::Borrowed(text);
    }
    stripped.push_str(&text[end..]);
    Cow::Owned(stripped)
}

/// The passage that starts at `start`, to the end of the text if nothing ends it. The bare tag in quotes or back ticks is
/// talked about, not used.
pub(super) fn find(text: &str, start: usize) -> Option<Found> {
    let (before, after) = (&text.as_bytes()[..start], &text.as_bytes()[start + OPEN.len()..]);
    if let (Some(quote @ (b'`' | b'"' | b'\'')), Some(end)) = (before.last(), after.first())
        && quote == end
    {
        return None;
    }
    Some(Found { kind: PRIVATE_KIND, range: start..end(text, start) })
}

fn end(text: &str, start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while let Some(next) = text[at..].find('<').map(|next| at + next) {
        at = next + 1;
        if starts_with(text, next, OPEN) {
            depth += 1;
        } else if starts_with(text, next, CLOSE) {
            depth -= 1;
            if depth == 0 {
                return next + CLOSE.len();
            }
        }
    }
    text.len()
}

fn find_open(text: &str, from: usize) -> Option<usize> {
    let starts = text[from..].match_indices('<').map(|(at, _)| from + at);
    starts.into_iter().find(|at| starts_with(text, *at, OPEN))
}

fn starts_with(text: &str, at: usize, tag: &str) -> bool {
    text.as_bytes().get(at..at + tag.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(tag.as_bytes()))
}
