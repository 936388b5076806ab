//! The line under a hit: the piece of its text with most of the query's words, these in brackets.

use super::plan::Plan;
use super::tokenizer;
use std::ops::Range;

/// Characters of a snippet without its brackets.
const CHARS_MAX: usize = 150;

/// Characters shown before the first matched word.
const LEAD_CHARS: usize = 30;

/// Bytes of a body that are looked at.
const LOOKED_AT_MAX: usize = 32 << 10;

/// The best line of the body, or of the title if only that matches, or the body's beginning.
pub(super) fn snippet(plan: &Plan<'_>, title: &str, body: &str) -> String {
    let body = &body[..floor(body, LOOKED_AT_MAX)];
    let (in_body, in_title) = (matched(plan, body), matched(plan, title));
    match (in_body.is_empty(), in_title.is_empty()) {
        (true, true) if body.trim().is_empty() => cut(title, 0, &[]),
        (true, false) => cut(title, 0, &in_title),
        _ => cut(body, window(body, &in_body), &in_body),
    }
}

/// The places of matched words, in order, not overlapping.
fn matched(plan: &Plan<'_>, text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    tokenizer::for_each_term(&mut tokenizer::analyzer(), text, |token| {
        if plan.is_wanted(&token.text) {
            match spans.last_mut() {
                Some(last) if token.offset_from < last.end => last.end = last.end.max(token.offset_to),
                _ => spans.push(token.offset_from..token.offset_to),
            }
        }
    });
    spans
}

/// The byte to begin at: a little before the match that has most matched bytes within a snippet's length after it.
fn window(text: &str, spans: &[Range<usize>]) -> usize {
    let worth = |from: usize| -> usize {
        let reach = spans[from].start + CHARS_MAX - LEAD_CHARS;
        spans[from..].iter().take_while(|span| span.end <= reach).map(ExactSizeIterator::len).sum()
    };
    // The first of equals: what comes first in a text says what it is about.
    let Some(best) = (0..spans.len()).rev().max_by_key(|from| worth(*from)) else { return 0 };
    let lead = text[..spans[best].start].char_indices().rev().take(LEAD_CHARS);
    let (start, c) = lead.last().unwrap_or((0, ' '));
    if start == 0 || c.is_whitespace() {
        return start;
    }
    let within = &text[start..spans[best].start];
    within.find(char::is_whitespace).map_or(spans[best].start, |space| start + space)
}

/// One line of `text` from byte `start` on, `spans` in brackets, `…` where it was cut.
fn cut(text: &str, start: usize, spans: &[Range<usize>]) -> String {
    let mut out = String::from(if text[..start].trim().is_empty() { "" } else { "… " });
    let (mut shown, mut space) = (0, true);
    for (offset, c) in text[start..].char_indices() {
        let at = start + offset;
        if spans.iter().any(|span| span.end == at) {
            out.push(']');
        }
        if shown >= CHARS_MAX {
            let open = spans.iter().any(|span| span.start < at && at < span.end);
            out.push_str(if open { "]…" } else { "…" });
            return out;
        }
        if spans.iter().any(|span| span.start == at) {
            out.push('[');
        }
        let blank = c.is_whitespace() || c.is_control();
        if !(blank && space) {
            out.push(if blank { ' ' } else { c });
            shown += 1;
        }
        space = blank;
    }
    let out_len = out.trim_end().len();
    out.truncate(out_len);
    if spans.iter().any(|span| span.end == text.len()) {
        out.push(']');
    }
    out
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::query::Query;
    use proptest::prelude::*;

    fn of(query: &str, title: &str, body: &str) -> String {
        let query = Query::of_words(query);
        snippet(&Plan::new(&query), title, body)
    }

    #[test]
    fn matched_words_are_in_brackets() {
        assert_eq!(of("locks", "t", "The lock\n\tis Locked."), "The [lock] is [Locked].");
        assert_eq!(of("flushTokenMap", "t", "call flush_token_map()"), "call [flush_token_map]()");
        assert_eq!(of("title", "The title", "nothing here"), "The [title]");
        assert_eq!(of("absent", "The title", ""), "The title");
        assert_eq!(of("absent", "The title", "  a   body "), "a body");
    }

    #[test]
    fn the_densest_piece_is_shown() {
        let body = format!("lock {} the lock of the token {}", "filler ".repeat(100), "more ".repeat(100));
        let line = of("lock token", "t", &body);
        assert!(line.starts_with("… ") && line.contains("the [lock] of the [token]") && line.ends_with('…'), "{line}");
    }

    proptest! {
        #[test]
        fn any_text_has_a_short_line(words in any::<String>(), text in any::<String>(), near in "[ab \\n.\u{e9}数]{0,400}") {
            for text in [text, near] {
                let line = of(&format!("{words} a 数"), &text, &text);
                prop_assert!(!line.contains('\n'));
                prop_assert!(line.chars().filter(|c| !matches!(c, '[' | ']')).count() <= CHARS_MAX + 4);
            }
        }
    }
}
