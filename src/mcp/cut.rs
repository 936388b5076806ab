//! No more text than wanted, cut where a line ends, with the call that gets the rest.

use crate::domain::text::estimate_tokens;
use serde_json::Value;
use std::fmt::Write as _;

/// Tokens of an answer unless asked otherwise: hosts warn of answers of many thousands.
pub(super) const BUDGET_DEFAULT: usize = 1_900;
/// A smaller budget holds nothing of use.
const BUDGET_MIN: usize = 300;
/// Hosts cut or refuse larger answers.
const BUDGET_MAX: usize = 9_000;
/// What is kept free for the call that gets the rest.
const MORE_TOKENS: usize = 60;
/// Bytes of a line, and so tokens at most; a longer one is broken, so that a text without line breaks can be read in parts.
const LINE_BYTES_MAX: usize = 240;

/// The budget of an answer, in tokens.
pub(super) fn budget(asked: Option<usize>) -> usize {
    within(asked.unwrap_or(BUDGET_DEFAULT))
}

/// A budget that an answer can have.
pub(super) fn within(budget: usize) -> usize {
    budget.clamp(BUDGET_MIN, BUDGET_MAX)
}

/// A tool call as a model writes it.
pub(super) fn call(tool: &str, arguments: &Value) -> String {
    format!("{tool} {arguments}")
}

/// How many of `lines` fit into `budget` beside the call for the rest; one at least.
pub(super) fn fitting<'a>(lines: impl Iterator<Item = &'a str>, budget: usize) -> usize {
    let (mut spent, mut count) = (0, 0);
    for line in lines {
        spent += estimate_tokens(line) + 1;
        if count > 0 && spent + MORE_TOKENS > budget {
            break;
        }
        count += 1;
    }
    count
}

/// `text` from line `offset` on, at most `budget` tokens; what comes after it is got by the call that `more` makes of the
/// next line's number.
pub(super) fn part(text: &str, (offset, budget): (usize, usize), more: impl Fn(usize) -> String) -> String {
    if offset == 0 && text.len() / 8 <= budget && estimate_tokens(text) <= budget {
        return text.to_owned();
    }
    let lines: Vec<&str> = text.lines().flat_map(broken).collect();
    let rest = lines.get(offset..).unwrap_or_default();
    if rest.is_empty() && offset > 0 {
        return format!("Nothing from line {offset} on: there are {} lines.\n", lines.len());
    }
    let end = offset + fitting(rest.iter().copied(), budget);
    let mut out = lines[offset..end].join("\n");
    out.push('\n');
    if end < lines.len() {
        let _ = writeln!(out, "{} more lines: {}", lines.len() - end, more(end));
    }
    out
}

/// A line in parts of bearable length, broken at spaces where there are some.
fn broken(line: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), line);
    while rest.len() > LINE_BYTES_MAX {
        let end = rest.floor_char_boundary(LINE_BYTES_MAX);
        let end = rest[..end].rfind(' ').map_or(end, |at| at + 1);
        parts.push(&rest[..end]);
        rest = &rest[end..];
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(text: &str, budget: usize) -> Vec<String> {
        let (mut pages, mut offset) = (Vec::new(), 0);
        loop {
            let next = std::cell::Cell::new(None);
            let page = part(text, (offset, budget), |line| {
                next.set(Some(line));
                format!("show {line}")
            });
            assert!(estimate_tokens(&page) <= budget, "{} of {budget}: {page}", estimate_tokens(&page));
            pages.push(page);
            match next.get() {
                Some(line) if line > offset => offset = line,
                Some(_) => panic!("it does not go on"),
                None => return pages,
            }
        }
    }

    #[test]
    fn the_parts_are_the_whole() {
        let body: Vec<String> = (0..200).map(|n| format!("line {n} of a body that is read in parts")).collect();
        let pages = pages(&body.join("\n"), 300);
        let kept = pages.iter().flat_map(|page| page.lines()).filter(|line| !line.contains(" more lines: show "));
        assert_eq!(kept.collect::<Vec<_>>(), body);
        assert!(pages.len() > 5);
    }

    #[test]
    fn a_text_without_line_breaks_is_read_in_parts_too() {
        for text in ["word ".repeat(3_000), "x".repeat(9_000), "漢字".repeat(2_000)] {
            let read: String = pages(&text, 900)
                .iter()
                .flat_map(|page| page.lines().map(str::to_owned).collect::<Vec<_>>())
                .filter(|line| !line.contains(" more lines: "))
                .collect();
            assert_eq!(read, text.as_str());
        }
    }

    #[test]
    fn short_texts_stay_as_they_are_and_ends_are_told() {
        assert_eq!(part("a\nb\n", (0, 100), |_| String::new()), "a\nb\n");
        assert_eq!(part("a\nb", (7, 100), |_| String::new()), "Nothing from line 7 on: there are 2 lines.\n");
        assert_eq!((budget(None), budget(Some(5))), (BUDGET_DEFAULT, BUDGET_MIN));
    }
}
