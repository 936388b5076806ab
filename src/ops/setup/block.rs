//! The block of instructions between two markers in a Markdown file that belongs to somebody else.

use super::json::Refusal;

const START: &str = "<!-- state:start v1 -->";
const END: &str = "<!-- state:end -->";
/// A marker of any version begins like this.
const START_ANY: &str = "<!-- state:start";

/// What a session should know of `state` without having asked.
const TEXT: &str = include_str!("block.md");

/// Where the block stands, in bytes: from the start of its first line to the end of its last one, line end excluded.
fn find(text: &str) -> Result<Option<(usize, usize)>, Refusal> {
    let (mut starts, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (line, is_code) in lines.iter().zip(in_code(&lines)) {
        let bare = line.trim_start_matches('\u{feff}').trim();
        if bare.starts_with(START_ANY) && bare.ends_with("-->") && !is_code {
            starts.push(at + line.len() - line.trim_start_matches('\u{feff}').len());
        }
        if bare == END && !is_code {
            ends.push(at + line.trim_end_matches(['\r', '\n']).len());
        }
        at += line.len();
    }
    match (starts[..].as_ref(), ends[..].as_ref()) {
        ([], []) => Ok(None),
        ([start], [end]) if start < end => Ok(Some((*start, *end))),
        _ => Err(format!("has damaged markers: one line `{START}` and after it one line `{END}` are expected")),
    }
}

/// Which lines belong to fenced code: an example of the block is not the block. A fence that nothing closes is none, because
/// what follows it can be ours.
fn in_code(lines: &[&str]) -> Vec<bool> {
    let (mut found, mut at) = (vec![false; lines.len()], 0);
    while at < lines.len() {
        let closes =
            |line: &&str, open| fence(line).is_some_and(|close| close.starts_with(open) && line.trim() == close);
        let close = fence(lines[at]).and_then(|open| lines[at + 1..].iter().position(|line| closes(line, open)));
        let last = close.map_or(at, |after| at + 1 + after);
        found[at..=last].fill(close.is_some());
        at = last + 1;
    }
    found
}

/// The run of back ticks or tildes that opens or closes a code block.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start_matches('\u{feff}').trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let len = line.len() - line.trim_start_matches(mark).len();
    (len >= 3 && !line[len..].contains('`')).then(|| &line[..len])
}

/// Puts the block at the end, or a new one in the place of an old one.
pub(super) fn insert(text: &str) -> Result<String, Refusal> {
    let found = find(text)?;
    let like = found.map_or(text, |(start, end)| &text[start..end]);
    let newline = if like.contains("\r\n") { "\r\n" } else { "\n" };
    let block = format!("{START}\n{}\n{END}", TEXT.trim_end()).replace('\n', newline);
    match found {
        Some((start, end)) => Ok(format!("{}{block}{}", &text[..start], &text[end..])),
        None => Ok(append(text, &block, newline)),
    }
}

/// The text with a paragraph at its end, such that [`cut`] restores it to the byte.
pub(super) fn append(text: &str, paragraph: &str, newline: &str) -> String {
    match text.trim_start_matches('\u{feff}') {
        "" => format!("{text}{paragraph}{newline}"),
        body if body.ends_with('\n') => format!("{text}{newline}{paragraph}{newline}"),
        _ => format!("{text}{newline}{newline}{paragraph}"),
    }
}

/// Takes the block away.
pub(super) fn remove(text: &str) -> Result<String, Refusal> {
    let Some((start, end)) = find(text)? else { return Ok(text.to_owned()) };
    let newline = if text[start..end].contains("\r\n") { "\r\n" } else { "\n" };
    Ok(cut(text, (start, end), newline))
}

/// Takes a paragraph away, and the blank line that [`append`] put before it. Somebody may have taken that line away: a line
/// before is never joined with one after.
pub(super) fn cut(text: &str, (start, end): (usize, usize), newline: &str) -> String {
    let (before, after) = (&text[..start], &text[end..]);
    let shorter = |text: &str| text.strip_suffix(newline).unwrap_or(text).len();
    let one = &before[..shorter(before)];
    let rest = after.strip_prefix(newline);
    match rest {
        Some(rest) if rest.is_empty() || one.ends_with('\n') => format!("{one}{rest}"),
        Some(rest) => format!("{before}{rest}"),
        None if after.is_empty() => one[..shorter(one)].to_owned(),
        None => format!("{before}{after}"),
    }
}

/// Whether there is a block, whole or damaged.
pub(super) fn is_in(text: &str) -> bool {
    !matches!(find(text), Ok(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_and_goes_without_a_trace() {
        for text in
            ["", "\n", "a", "a\n", "a\n\n", "a\r\n", "a\r\nb", "abc\r", "\u{feff}", "\u{feff}a\n", "\n\n\n", "a\r\n\n"]
        {
            let with = insert(text).unwrap();
            assert!(is_in(&with) && !is_in(text), "{text:?}");
            assert_eq!(insert(&with).unwrap(), with, "{text:?}");
            assert_eq!(remove(&with).unwrap(), text, "{text:?}: {with:?}");
        }
    }

    #[test]
    fn a_block_is_replaced_where_it_stands() {
        let old = "# Mine\n\n<!-- state:start v0 -->\nold words\n<!-- state:end -->\n\nmore\n";
        let new = insert(old).unwrap();
        assert!(
            new.starts_with("# Mine\n\n<!-- state:start v1 -->\n") && new.ends_with("<!-- state:end -->\n\nmore\n")
        );
        assert_eq!(remove(&new).unwrap(), "# Mine\n\nmore\n");
    }

    #[test]
    fn lines_of_others_are_never_joined() {
        for (text, blank) in [("a\n", "\n"), ("a\r\n", "\r\n"), ("a", "\n"), ("a\r\nb", "\r\n")] {
            let with = insert(text).unwrap();
            let no_blank = with.replacen(&format!("{blank}{blank}{START}"), &format!("{blank}{START}"), 1);
            assert_ne!(no_blank, with);
            for after in [format!("{blank}b"), format!("{blank}b{blank}"), "\nb".to_owned(), "\r\nb".to_owned()] {
                for with in [&with, &no_blank] {
                    let left = remove(&format!("{}{after}", with.trim_end())).unwrap();
                    let mut lines: Vec<&str> = text.lines().chain(["b"]).collect();
                    lines.extend(left.lines().filter(|line| line.is_empty()));
                    lines.sort_unstable();
                    let mut found: Vec<&str> = left.lines().collect();
                    found.sort_unstable();
                    assert_eq!(found, lines, "{with:?} {after:?} {left:?}");
                }
            }
        }
    }

    #[test]
    fn an_example_in_code_is_not_the_block() {
        let example = |fence: &str| format!("# Docs\n{fence}md\n{START}\ntext\n{END}\n{fence}\nmore\n");
        for text in [example("```"), example("~~~~"), format!("- a\n  ```\n  {START}\n  ```\n")] {
            assert!(!is_in(&text), "{text}");
            assert_eq!(remove(&text).unwrap(), text);
            let with = insert(&text).unwrap();
            assert!(with.starts_with(&text) && insert(&with).unwrap() == with && remove(&with).unwrap() == text);
        }
        let open = insert("```\nno end\n").unwrap();
        assert_eq!(insert(&open).unwrap(), open);
        assert_eq!(remove(&open).unwrap(), "```\nno end\n");
    }

    #[test]
    fn damaged_markers_are_refused() {
        for text in [
            "<!-- state:start v1 -->\n",
            "<!-- state:end -->\n",
            "<!-- state:end -->\n<!-- state:start v1 -->\n",
            "<!-- state:start v1 -->\n<!-- state:start v1 -->\n<!-- state:end -->\n",
            "<!-- state:start v1 -->\n<!-- state:end -->\n<!-- state:end -->\n",
        ] {
            assert!(insert(text).unwrap_err().contains("damaged markers"), "{text}");
            assert!(remove(text).is_err(), "{text}");
        }
        assert!(insert("a `<!-- state:start v1 -->` in a sentence").is_ok());
    }
}
