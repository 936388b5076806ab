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
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches('\u{feff}').trim();
        if bare.starts_with(START_ANY) && bare.ends_with("-->") {
            starts.push(at + line.len() - line.trim_start_matches('\u{feff}').len());
        }
        if bare == END {
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

/// Takes a paragraph away, and the blank line that [`append`] put before it.
pub(super) fn cut(text: &str, (start, end): (usize, usize), newline: &str) -> String {
    let (before, after) = (&text[..start], &text[end..]);
    let shorter = |text: &str| text.strip_suffix(newline).unwrap_or(text).len();
    let one = shorter(before);
    match after.strip_prefix(newline) {
        Some(after) => format!("{}{after}", &before[..one]),
        None => format!("{}{after}", &before[..shorter(&before[..one])]),
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
