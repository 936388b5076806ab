//! What of a long message is worth keeping: how it begins, and above all what it says comes next.

use crate::domain::text::{clean_body, clean_line, estimate_tokens, truncate_tokens};
use std::cmp::Reverse;

/// Longer lines are taken sentence by sentence.
const LINE_BYTES_MAX: usize = 240;
/// Pieces of a message that are looked at.
const PIECES_MAX: usize = 400;
/// Tokens of one piece.
const PIECE_TOKENS: usize = 60;
/// A longer word is none.
const WORD_BYTES_MAX: usize = 40;
/// A heading of fewer characters and words fits any report.
const HEADING_CHARS_MIN: usize = 20;
/// Lines below one that announces what comes next.
const FOLLOWERS_MAX: usize = 12;

/// Words that announce what is not done, in lower case, as they begin or stand alone.
const OPEN_WORDS: [&str; 51] = [
    "next",
    "remaining",
    "remains",
    "left to do",
    "left:",
    "left open",
    "todo",
    "to do",
    "to-do",
    "still",
    "not yet",
    "pending",
    "open:",
    "open question",
    "unfinished",
    "incomplete",
    "outstanding",
    "follow-up",
    "blocked",
    "waiting for",
    "waiting on",
    "not done",
    "not fixed",
    "fails",
    "failing",
    "need to",
    "needs to",
    "noch",
    "offen",
    "nächste",
    "naechste",
    "bleibt",
    "fehlt",
    "steht aus",
    "остава",
    "предстои",
    "предстоят",
    "липсва",
    "следва да",
    "следваща",
    "下一步",
    "待办",
    "未完成",
    "接下来",
    "剩下",
    "剩余",
    "还没",
    "尚未",
    "残り",
    "次は",
    "未対応",
];
/// Words that announce what was settled.
const SETTLED_WORDS: [&str; 12] = [
    "decided",
    "decision",
    "decisions",
    "because",
    "instead of",
    "entschieden",
    "entscheidung",
    "stattdessen",
    "решено",
    "решение",
    "決定",
    "决定",
];

/// The pieces of a message that fit `tokens`, in its order; `…` stands where something is missing.
pub(super) fn excerpt(message: &str, tokens: usize) -> Vec<String> {
    let body = clean_body(message);
    let pieces = pieces(&body);
    let worths = worths(&pieces);
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    // Of what says nothing in particular the later is nearer to where it stopped.
    order.sort_by_key(|at| (Reverse(worths[*at]), if worths[*at] > PLAIN { *at } else { usize::MAX - *at }));
    let (mut kept, mut used) = (vec![None; pieces.len()], 0);
    for at in order {
        let piece = truncate_tokens(pieces[at], PIECE_TOKENS);
        let cost = estimate_tokens(&piece) + 2;
        if used + cost <= tokens && !piece.is_empty() {
            used += cost;
            kept[at] = Some(piece);
        }
    }
    with_gaps(kept)
}

fn with_gaps(kept: Vec<Option<String>>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in kept {
        match piece {
            Some(piece) => lines.push(piece),
            None if lines.last().is_some_and(|last| last != "…") => lines.push("…".to_owned()),
            None => {}
        }
    }
    lines
}

/// Lines, or the sentences of long ones: the first and the last of them.
fn pieces(body: &str) -> Vec<&str> {
    let lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut pieces: Vec<&str> =
        lines.flat_map(|line| if line.len() > LINE_BYTES_MAX { sentences(line) } else { vec![line] }).collect();
    let more = pieces.len().saturating_sub(PIECES_MAX);
    pieces.drain(1.min(pieces.len())..=more).for_each(drop);
    pieces
}

fn sentences(line: &str) -> Vec<&str> {
    let (mut found, mut start) = (Vec::new(), 0);
    for (at, c) in line.char_indices() {
        let after = at + c.len_utf8();
        let ends =
            matches!(c, '。' | '！' | '？') || matches!(c, '.' | '!' | '?' | ';') && line[after..].starts_with(' ');
        if ends {
            found.push(line[start..after].trim());
            start = after;
        }
    }
    found.push(line[start..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// What says nothing in particular is worth this, or less.
const PLAIN: u32 = 2;

/// How much each piece is worth: what comes next most, then the first and the section at the end, in whatever language,
/// then what was settled.
fn worths(pieces: &[&str]) -> Vec<u32> {
    let (mut followers, mut worths) = (0, Vec::with_capacity(pieces.len()));
    let tail = tail(pieces);
    for (at, piece) in pieces.iter().enumerate() {
        let low = piece.to_lowercase();
        let is_open = says(&low, &OPEN_WORDS);
        let is_item = piece.starts_with(['-', '*', '•']) || piece.starts_with(|c: char| c.is_ascii_digit());
        followers = match (is_open && is_label(piece), is_item) {
            (true, _) => FOLLOWERS_MAX,
            (false, true) => followers - 1_usize.min(followers),
            _ => 0,
        };
        worths.push(match () {
            () if is_open || followers > 0 => 5,
            () if at == 0 || at >= tail => 4,
            () if says(&low, &SETTLED_WORDS) => 3,
            () => PLAIN,
        });
    }
    worths
}

/// Where the last section begins, if it is short; else where the last piece does.
fn tail(pieces: &[&str]) -> usize {
    let from = pieces.len().saturating_sub(FOLLOWERS_MAX);
    (from..pieces.len()).rev().find(|at| is_label(pieces[*at])).unwrap_or(pieces.len().saturating_sub(1))
}

fn is_label(piece: &str) -> bool {
    piece.trim_end_matches('*').ends_with([':', '：']) || piece.starts_with('#') || piece.starts_with("**")
}

/// Whether a message announces what is to be done, rather than only using a word for it.
pub(super) fn announces(message: &str) -> bool {
    let body = clean_body(message);
    pieces(&body).iter().any(|piece| {
        let low = piece.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        OPEN_WORDS.iter().any(|word| low.starts_with(word)) && says(&low, &OPEN_WORDS)
    })
}

/// A text of at most about `tokens`: the whole, or its beginning and more of its end.
#[must_use]
pub fn both_ends(text: &str, tokens: usize) -> String {
    let head = truncate_tokens(text, tokens);
    if head.len() >= text.len() {
        return head;
    }
    let head = truncate_tokens(text, tokens * 2 / 5);
    format!("{head} {}", last_tokens(text, tokens.saturating_sub(estimate_tokens(&head) + 1)))
}

fn last_tokens(text: &str, tokens: usize) -> &str {
    let from = |at: usize| &text[text.ceil_char_boundary(at)..];
    let (mut low, mut high) = (text.len().saturating_sub(tokens * 64), text.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if estimate_tokens(from(middle)) <= tokens { high = middle } else { low = middle + 1 }
    }
    let tail = from(high);
    // Not from the middle of a word, where words are told apart by spaces.
    let word = tail
        .find(char::is_whitespace)
        .filter(|at| *at < WORD_BYTES_MAX && !text[..text.len() - tail.len()].ends_with(char::is_whitespace));
    word.map_or(tail, |at| tail[at..].trim_start())
}

/// The first line of a report that says something: no rule, and no heading that would fit any report.
#[must_use]
pub fn telling_line(body: &str) -> Option<String> {
    let bare = |line: &str| {
        let line = clean_line(line);
        line.trim_matches(|c: char| matches!(c, '#' | '*' | '_' | '>' | '`' | '=' | '-' | '|') || c.is_whitespace())
            .to_owned()
    };
    let lines =
        || body.lines().map(|line| (line, bare(line))).filter(|(_, bare)| bare.chars().any(char::is_alphanumeric));
    let says = |(line, bare): &(&str, String)| {
        let is_heading = line.trim_start().starts_with('#')
            || line.trim_start().starts_with("**") && line.trim_end().ends_with("**");
        let is_short = bare.split_whitespace().count() < 3 && bare.chars().count() < HEADING_CHARS_MIN;
        !(is_heading && is_short || bare.ends_with([':', '：']))
    };
    lines().find(says).or_else(|| lines().next()).map(|(_, bare)| bare)
}

fn says(low: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        low.match_indices(word).any(|(at, _)| {
            let inside = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            !word.is_ascii() || !inside(low[..at].chars().next_back()) && !inside(low[at + word.len()..].chars().next())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_worth_more_than_the_rest() {
        let filler = "I looked at yet another module, which is fine as it is and needs no change at all.\n".repeat(30);
        let message =
            format!("Fixed the lock.\n{filler}\nRemaining:\n- refuse negative durations\n- document the units\n");
        let kept = excerpt(&message, 60);
        for wanted in ["Fixed the lock.", "…", "Remaining:", "- refuse negative durations", "- document the units"] {
            assert!(kept.iter().any(|line| line == wanted), "{wanted}: {kept:?}");
        }
        assert!(estimate_tokens(&kept.join("\n")) <= 60);
        assert_eq!(excerpt("short\n\nand whole", 60), ["short", "and whole"]);
    }

    #[test]
    fn the_last_section_is_kept_in_every_language() {
        let filler = "Разгледах още един модул, който е наред и не се нуждае от никаква промяна.\n".repeat(30);
        for section in
            ["Остава:\n- да се опише езикът\n- да се провери", "Τι μένει:\n- να γραφτεί ο οδηγός\n- και οι έλεγχοι"]
        {
            let kept = excerpt(&format!("Готово.\n{filler}\n{section}\n"), 170);
            for line in section.lines() {
                assert!(kept.iter().any(|kept| kept == line), "{line}: {kept:?}");
            }
        }
        let chinese = format!(
            "完成了。\n{}剩下的工作是给解析器写文档。\n{}",
            "又检查了一个模块，没有问题。\n".repeat(30),
            "这个也没有问题。\n".repeat(30)
        );
        assert!(excerpt(&chinese, 100).iter().any(|line| line.contains("写文档")));
        let long = format!("first\n{}the last words", "more\n".repeat(PIECES_MAX * 2));
        assert_eq!((pieces(&long).len(), pieces(&long)[0]), (PIECES_MAX, "first"));
        assert_eq!(pieces(&long).last(), Some(&"the last words"));
    }

    #[test]
    fn of_a_long_text_both_ends_are_kept() {
        let text =
            format!("Here is the log:\n{}Please fix the retry loop in src/retry.rs.", "10:00 GET /a 200\n".repeat(600));
        let kept = both_ends(&text, 200);
        assert!(
            kept.starts_with("Here is the log:") && kept.ends_with("fix the retry loop in src/retry.rs."),
            "{kept}"
        );
        assert!(kept.contains(" … ") && estimate_tokens(&kept) <= 200, "{kept}");
        assert_eq!(both_ends("short", 200), "short");
        let dense = "木".repeat(5000);
        assert!(estimate_tokens(&both_ends(&dense, 50)) <= 51);
    }

    #[test]
    fn the_first_line_that_says_something() {
        for (body, line) in [
            ("# Report\n\nThree callers.", "Three callers."),
            ("## Three callers use the old name\n\nin src", "Three callers use the old name"),
            ("---\n**Summary**\n\nHere is what I found:\n- two leaks", "two leaks"),
            ("# Report", "Report"),
            ("three callers\n\nin src", "three callers"),
        ] {
            assert_eq!(telling_line(body).as_deref(), Some(line), "{body}");
        }
        assert_eq!(telling_line("\n---\n"), None);
    }

    #[test]
    fn a_paragraph_is_taken_by_sentences() {
        let message =
            format!("{} Next I will strip the sign. {}", "All is well here. ".repeat(40), "So it is. ".repeat(40));
        assert!(excerpt(&message, 40).iter().any(|line| line.contains("strip the sign")));
    }
}
