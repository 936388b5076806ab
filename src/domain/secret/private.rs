//! `<private>…</private>`: what its author does not want kept, nested, or without an end.
//!
//! Code and prose have such words too: `Vec<Private>`, `#include <private>`, `` `<private>` ``. So a tag that nothing closes
//! hides the rest only where nobody but an author puts one: small letters, at the front of a line or behind a blank.

use super::PRIVATE;
use std::borrow::Cow;
use std::ops::Range;

/// Starts the tag that starts a private passage.
pub(super) const OPEN: &str = "<private";
const CLOSE: &str = "</private";
/// Bytes of a tag behind its name.
const TAG_BYTES_MAX: usize = 200;

/// The text with a mark in the place of private passages only.
///
/// For text that is taken apart before it is kept, where a passage may go over what become several records.
#[must_use]
pub fn strip_private(text: &str) -> Cow<'_, str> {
    let (mut stripped, mut end) = (String::new(), 0);
    for passage in passages(text) {
        stripped.push_str(&text[end..passage.start]);
        stripped.push_str(PRIVATE);
        end = passage.end;
    }
    if end == 0 {
        return Cow::Borrowed(text);
    }
    stripped.push_str(&text[end..]);
    Cow::Owned(stripped)
}

/// The private passages of a text, in order; none is within another. One pass.
pub(super) fn passages(text: &str) -> Vec<Range<usize>> {
    let (mut open, mut found): (Vec<Tag>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
    for tag in Tags::new(text) {
        match tag.role {
            Role::Close => found.extend(open.pop().map(|open| open.range.start..tag.range.end)),
            // In a passage it is a word of the text.
            Role::Word if !open.is_empty() => {}
            Role::Open | Role::Author | Role::Word => open.push(tag),
        }
    }
    let unclosed = open.into_iter().find(|tag| tag.role == Role::Author);
    found.extend(unclosed.map(|tag| tag.range.start..text.len()));
    found.sort_by_key(|passage| (passage.start, std::cmp::Reverse(passage.end)));
    let mut end = 0;
    found.retain(|passage| {
        let is_outer = passage.start >= end;
        end = end.max(passage.end);
        is_outer
    });
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Opens a passage, also one without an end.
    Author,
    /// Opens one that is closed.
    Open,
    /// So does this, but not in another passage: it stands right behind a name.
    Word,
    Close,
}

struct Tag {
    role: Role,
    range: Range<usize>,
}

/// The tags of a text that are no mere words of code or prose.
struct Tags<'a> {
    text: &'a str,
    at: usize,
    line: Line,
    is_fenced: bool,
}

/// The line that is gone through: what quotes there are before the place, and where the last ones are.
#[derive(Default)]
struct Line {
    end: usize,
    ticks: usize,
    quotes: usize,
    last_tick: Option<usize>,
    last_quote: Option<usize>,
    is_include: bool,
}

impl<'a> Tags<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: Line::default(), is_fenced: false }
    }

    fn start_line(&mut self) {
        let end = self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end + 1);
        let line = &self.text[self.at..end];
        let content = line.trim_start();
        self.is_fenced ^= content.starts_with("```") || content.starts_with("~~~");
        self.line = Line {
            end,
            ticks: 0,
            quotes: 0,
            last_tick: line.rfind('`').map(|last| self.at + last),
            last_quote: line.rfind('"').map(|last| self.at + last),
            is_include: content.starts_with('#') && content[1..].trim_start().starts_with("include"),
        };
    }

    /// The tag that starts here, unless it is a word of code or prose.
    fn tag(&self) -> Option<Tag> {
        let start = self.at;
        let is_within = |count: usize, last: Option<usize>| count % 2 == 1 && last.is_some_and(|last| last > start);
        let (is_code, is_quoted) =
            (is_within(self.line.ticks, self.line.last_tick), is_within(self.line.quotes, self.line.last_quote));
        if is_code || self.line.is_include {
            return None;
        }
        if let Some(end) = tag_end(self.text, start, CLOSE) {
            return Some(Tag { role: Role::Close, range: start..end });
        }
        let end = tag_end(self.text, start, OPEN)?;
        let is_small = self.text[start..].starts_with(OPEN);
        let role = match self.text[..start].bytes().next_back() {
            Some(b) if b.is_ascii_alphanumeric() || b == b'_' => is_small.then_some(Role::Word)?,
            None | Some(b' ' | b'\t' | b'\n' | b'\r') if is_small && !is_quoted && !self.is_fenced => Role::Author,
            _ => Role::Open,
        };
        Some(Tag { role, range: start..end })
    }
}

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        while self.at < self.text.len() {
            if self.at >= self.line.end {
                self.start_line();
            }
            match self.text.as_bytes()[self.at] {
                b'`' => self.line.ticks += 1,
                b'"' => self.line.quotes += 1,
                b'<' => {
                    if let Some(tag) = self.tag() {
                        self.at = tag.range.end;
                        return Some(tag);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        None
    }
}

/// Where the tag of this name ends that starts here: blanks and attributes may be in it.
fn tag_end(text: &str, start: usize, name: &str) -> Option<usize> {
    let rest = &text.as_bytes()[start..];
    if !rest.get(..name.len())?.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    let rest = &rest[name.len()..];
    if !rest.first().is_some_and(|b| *b == b'>' || b.is_ascii_whitespace()) {
        return None;
    }
    let close = rest.iter().take(TAG_BYTES_MAX).position(|b| matches!(b, b'>' | b'<' | b'\n'))?;
    (rest[close] == b'>').then_some(start + name.len() + close + 1)
}
