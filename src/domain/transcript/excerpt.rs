//! What of a long message is worth keeping: how it begins, and above all what it says comes next.

use crate::domain::text::{clean_body, estimate_tokens, truncate_tokens};

/// Longer lines are taken sentence by sentence.
const LINE_BYTES_MAX: usize = 240;
/// Pieces of a message that are looked at.
const PIECES_MAX: usize = 400;
/// Tokens of one piece.
const PIECE_TOKENS: usize = 60;
/// Lines below one that announces what comes next.
const FOLLOWERS_MAX: usize = 12;

/// Words that announce what is not done, in lower case, as they begin or stand alone.
const OPEN_WORDS: [&str; 41] = [
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
    "下一步",
    "待办",
    "未完成",
    "接下来",
    "残り",
    "次は",
    "未対応",
];
/// Words that announce what was settled.
const SETTLED_WORDS: [&str; 9] =
    ["decided", "decision", "because", "instead of", "entschieden", "entscheidung", "stattdessen", "決定", "决定"];

/// The pieces of a message that fit `tokens`, in its order; `…` stands where something is missing.
pub(super) fn excerpt(message: &str, tokens: usize) -> Vec<String> {
    let body = clean_body(message);
    let pieces = pieces(&body);
    let worths = worths(&pieces);
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(worths[*at]));
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

/// Lines, or the sentences of long ones.
fn pieces(body: &str) -> Vec<&str> {
    let lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .flat_map(|line| if line.len() > LINE_BYTES_MAX { sentences(line) } else { vec![line] })
        .take(PIECES_MAX)
        .collect()
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

/// How much each piece is worth: what comes next most, then the first and the last, then what was settled.
fn worths(pieces: &[&str]) -> Vec<u32> {
    let (mut followers, mut worths) = (0, Vec::with_capacity(pieces.len()));
    for (at, piece) in pieces.iter().enumerate() {
        let low = piece.to_lowercase();
        let is_open = says(&low, &OPEN_WORDS);
        let is_item = piece.starts_with(['-', '*', '•']) || piece.starts_with(|c: char| c.is_ascii_digit());
        let is_label = piece.ends_with([':', '：']) || piece.starts_with('#') || piece.starts_with("**");
        followers = match (is_open && is_label, is_item) {
            (true, _) => FOLLOWERS_MAX,
            (false, true) => followers - 1_usize.min(followers),
            _ => 0,
        };
        worths.push(match () {
            () if is_open || followers > 0 => 5,
            () if at == 0 => 4,
            () if says(&low, &SETTLED_WORDS) => 3,
            () if at + 1 == pieces.len() => 2,
            () => 1,
        });
    }
    worths
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
    fn a_paragraph_is_taken_by_sentences() {
        let message =
            format!("{} Next I will strip the sign. {}", "All is well here. ".repeat(40), "So it is. ".repeat(40));
        assert!(excerpt(&message, 40).iter().any(|line| line.contains("strip the sign")));
    }
}
