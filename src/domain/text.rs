//! Foreign text made harmless, short and findable: cleaning on the way in, cutting on the way out.
//!
//! Text comes from agents, ledgers, job output and other machines. What can move a cursor, hide or reorder words (control
//! characters, escape sequences, direction marks, invisible tags) is removed when it is stored and again when printed,
//! because older stores and other replicas may hold what this version would not have let in.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use super::tokens::estimate_tokens;

/// Ends a text that was cut.
const ELLIPSIS: &str = " …";
/// A cut moves back by at most this many bytes to end at a word.
const WORD_MAX: usize = 40;
/// What a message quotes is not longer; columns would not bound marks that take none.
const QUOTED_CHARS: usize = 60;

/// One line without anything invisible: for titles, tags and keys. Line breaks and tabs become a space.
#[must_use]
pub fn clean_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in visible(text) {
        match c {
            '\n' | '\t' if line.ends_with(' ') || line.is_empty() => {}
            '\n' | '\t' => line.push(' '),
            c => line.push(c),
        }
    }
    line.trim().to_owned()
}

/// Text of many lines without anything invisible, its line breaks `\n`, without blank lines around it.
#[must_use]
pub fn clean_body(text: &str) -> String {
    let body: String = visible(text).collect();
    let start = body.find(|c: char| !c.is_whitespace()).map_or(0, |at| body[..at].rfind('\n').map_or(0, |nl| nl + 1));
    body[start..].trim_end().to_owned()
}

/// Whether nothing of the text would be seen: zero-width characters alone make no title.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.trim().width() == 0
}

/// The text as a terminal may show it: nothing in it can move the cursor, change colours or reorder words.
#[must_use]
pub fn display(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) { Cow::Borrowed(text) } else { Cow::Owned(visible(text).collect()) }
}

/// Whether a terminal may be shown this character.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    matches!(c, '\n' | '\t') || !c.is_control() && !is_invisible(c) && !is_line_break(c)
}

/// The visible characters of `text`, line breaks as `\n`.
fn visible(text: &str) -> impl Iterator<Item = char> {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        loop {
            match chars.next()? {
                '\r' => {
                    chars.next_if_eq(&'\n');
                    return Some('\n');
                }
                '\t' => return Some('\t'),
                c if is_line_break(c) => return Some('\n'),
                c @ ('\u{1b}' | '\u{90}'..='\u{9f}') => skip_escape(c, &mut chars),
                c if c.is_control() || is_invisible(c) => {}
                c => return Some(c),
            }
        }
    })
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Direction marks, byte order marks and tag characters, with which a text can look other than it reads.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Skips what belongs to the escape sequence that `introducer` starts.
fn skip_escape(introducer: char, chars: &mut Peekable<Chars<'_>>) {
    let kind = match introducer {
        '\u{1b}' => chars.peek().copied().unwrap_or(' '),
        // An 8-bit introducer is ESC and the character 0x40 lower.
        c1 => char::from_u32(u32::from(c1) - 0x40).unwrap_or(' '),
    };
    match kind {
        '[' => {
            chars.next_if(|_| introducer == '\u{1b}');
            while chars.next_if(|c| matches!(c, '0'..='?' | ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '@'..='~'));
        }
        ']' | 'P' | 'X' | '^' | '_' => skip_control_string(chars, introducer == '\u{1b}'),
        '(' | ')' | '*' | '+' if introducer == '\u{1b}' => {
            chars.next();
            chars.next_if(char::is_ascii_alphanumeric);
        }
        _ => {}
    }
}

/// Skips a title or hyperlink sequence up to its end mark. Without one before the next control character only the
/// introducer goes, so that a stray one cannot swallow the text behind it.
fn skip_control_string(chars: &mut Peekable<Chars<'_>>, two_bytes: bool) {
    if two_bytes {
        chars.next();
    }
    let mut ahead = chars.clone();
    while ahead.next_if(|c| !c.is_control()).is_some() {}
    let ended = match ahead.next() {
        Some('\u{7}' | '\u{9c}') => true,
        Some('\u{1b}') => ahead.next_if_eq(&'\\').is_some(),
        _ => false,
    };
    if ended {
        *chars = ahead;
    }
}

/// `text` cut to an estimated `max` tokens, at a word if one ends nearby, with ` …` if anything is missing.
#[must_use]
pub fn truncate_tokens(text: &str, max: usize) -> String {
    if fits(text, max) {
        return text.to_owned();
    }
    let (mut low, mut high) = (0, text.len().min(max.saturating_mul(4) + 16));
    while high < text.len() && fits(head(text, high), max) {
        low = high;
        high = text.len().min(high * 2);
    }
    let room = max.saturating_sub(estimate_tokens(ELLIPSIS));
    while low + 1 < high {
        let middle = usize::midpoint(low, high);
        if estimate_tokens(head(text, middle)) <= room { low = middle } else { high = middle }
    }
    let mut cut = format!("{}{ELLIPSIS}", at_word(text, head(text, low)));
    while !fits(&cut, max) && cut.len() > ELLIPSIS.len() {
        let kept = cut.len() - ELLIPSIS.len();
        cut = format!("{}{ELLIPSIS}", at_word(text, head(text, kept - 1)));
    }
    if fits(&cut, max) { cut } else { String::new() }
}

/// A text of many bytes a token is too long without being counted.
fn fits(text: &str, max: usize) -> bool {
    text.len() / 256 <= max && estimate_tokens(text) <= max
}

/// At most `len` bytes of `text`, at a character boundary.
fn head(text: &str, len: usize) -> &str {
    &text[..text.floor_char_boundary(len)]
}

/// `head`, shortened to the end of a word if `text` goes on within one.
fn at_word<'a>(text: &str, head: &'a str) -> &'a str {
    let within = !text[head.len()..].starts_with(char::is_whitespace);
    let end = head.rfind(char::is_whitespace).filter(|at| within && head.len() - at <= WORD_MAX);
    head[..end.unwrap_or(head.len())].trim_end()
}

/// `text` cut to `columns` terminal columns, with `…` as the last of them if anything is missing.
#[must_use]
pub fn truncate_width(text: &str, columns: usize) -> String {
    // No character takes more than two columns, so a long text need not be measured whole.
    let beginning = head(text, columns.saturating_mul(32).saturating_add(64));
    if beginning.len() == text.len() && text.width() <= columns {
        return text.to_owned();
    }
    let (mut used, mut end) = (0, 0);
    for (at, c) in beginning.char_indices() {
        used += c.width().unwrap_or(0);
        if used >= columns {
            break;
        }
        end = at + c.len_utf8();
    }
    // A character can be wider together with the next one, as a mark with an emoji selector is.
    while text[..end].width() >= columns.max(1) {
        end = text.floor_char_boundary(end - 1);
    }
    if columns == 0 { String::new() } else { format!("{}…", text[..end].trim_end()) }
}

/// The text as a message quotes it, whoever wrote it: the beginning of one line, in back ticks.
#[must_use]
pub fn quoted(text: &str) -> String {
    let line = clean_line(text);
    let short: String = line.chars().take(QUOTED_CHARS).collect();
    format!("`{short}{}`", if short.len() < line.len() { "…" } else { "" })
}

/// The candidate that `word` was probably meant to be: at most `max_distance` letters added, left out, changed or
/// swapped, whatever the case; the first of equally near ones.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, max_distance: usize) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let near = candidates.into_iter().filter_map(|candidate| {
        let other: Vec<char> = candidate.chars().take(64).flat_map(char::to_lowercase).collect();
        let possible = word.len().abs_diff(other.len()) <= max_distance;
        let distance = if possible { edit_distance(&word, &other) } else { usize::MAX };
        (distance <= max_distance).then_some((distance, candidate))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut two_up = vec![0; b.len() + 1];
    let mut up: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = up[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(up[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(two_up[j - 2] + 1);
            }
        }
        two_up = std::mem::replace(&mut up, row);
    }
    up[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_one_line_without_tricks() {
        let cases = [
            ("  a\r\n\tb  c\u{0} ", "a b  c"),
            ("\u{1b}[1;31mred\u{1b}[0m alert", "red alert"),
            ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\ text", "link text"),
            ("\u{1b}]0;never ended, still read", "0;never ended, still read"),
            ("\u{9b}2Jtop\u{1b}(Bdown", "topdown"),
            ("\u{202e}gpj.exe\u{2066}\u{200f}\u{feff}", "gpj.exe"),
            ("tag\u{e0041}\u{e007f}s", "tags"),
            ("👩\u{200d}💻 ✅\u{fe0f} ok", "👩\u{200d}💻 ✅\u{fe0f} ok"),
        ];
        for (dirty, clean) in cases {
            assert_eq!(clean_line(dirty), clean, "{dirty:?}");
        }
    }

    #[test]
    fn a_body_keeps_its_lines_and_indent() {
        assert_eq!(clean_body("\n\r\n  - a\r\n\tb\u{7}\rc\n\n"), "  - a\n\tb\nc");
        assert_eq!(clean_body(" \n\t "), "");
    }

    #[test]
    fn display_borrows_what_is_harmless() {
        assert!(matches!(display("a\tb\nc 漢 🤝"), Cow::Borrowed(_)));
        assert_eq!(display("a\u{1b}[2Kb\r\nc"), "ab\nc");
    }

    #[test]
    fn cuts_at_a_word_and_within_the_budget() {
        let text = "one two three four five six seven eight nine ten ".repeat(50);
        let cut = truncate_tokens(&text, 12);
        assert!(cut.ends_with(" …") && estimate_tokens(&cut) <= 12 && estimate_tokens(&cut) >= 9, "{cut}");
        assert!(text.starts_with(cut.trim_end_matches(" …")));
        assert_eq!(truncate_tokens("short", 5), "short");
        assert_eq!(truncate_tokens(&text, 0), "");
    }

    #[test]
    fn columns_count_wide_characters_twice() {
        assert_eq!(truncate_width("漢字漢字", 5), "漢字…");
        assert_eq!(truncate_width("漢字", 4), "漢字");
        assert_eq!(truncate_width("abcdef", 4), "abc…");
        assert_eq!(truncate_width("abc", 0), "");
        assert_eq!(truncate_width(&"✔\u{fe0f}".repeat(3), 4), "✔\u{fe0f}✔…");
    }

    #[test]
    fn what_a_message_quotes_is_short_and_harmless() {
        assert_eq!(quoted("a\n\u{1b}[2Jb"), "`a b`");
        assert_eq!(quoted(&"e\u{301}".repeat(1000)).chars().count(), QUOTED_CHARS + 3);
    }

    #[test]
    fn the_nearest_word_is_found_or_none() {
        let verbs = ["resume", "search", "show", "list"];
        assert_eq!(nearest("serach", verbs, 2), Some("search"));
        assert_eq!(nearest("SHOW", verbs, 0), Some("show"));
        assert_eq!(nearest("delete", verbs, 2), None);
    }

    #[test]
    fn a_long_text_is_cut_at_once() {
        for piece in ["word ", "\u{1b}]", "\u{1b}[0", " ", "漢"] {
            let text = piece.repeat(200_000);
            assert!(estimate_tokens(&truncate_tokens(&text, 100)) <= 100);
            assert!(clean_line(&text).len() <= text.len());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cleaned_once_and_cut_to_size(text in any::<String>(), max in 0usize..40) {
            let line = clean_line(&text);
            prop_assert!(!line.contains(|c: char| c.is_control() || is_invisible(c)));
            prop_assert_eq!(&clean_line(&line), &line);
            let body = clean_body(&text);
            prop_assert_eq!(&clean_body(&body), &body);
            prop_assert!(estimate_tokens(&truncate_tokens(&text, max)) <= max);
            prop_assert!(truncate_width(&line, max).width() <= max);
        }
    }
}
