//! Lines of a handoff, each told apart by its own text and at most the line after it.

/// What one line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Nothing to see, or a rule between parts.
    Blank,
    /// `# Done`, `Done` underlined, or `**Done:**` alone on a line, which ranks below all others.
    Heading { level: usize, text: &'a str },
    /// `- text`, `1. text`, `- [x] text`.
    Item { indent: usize, mark: Option<char>, text: &'a str },
    /// Anything else.
    Text { indent: usize, text: &'a str },
    /// A line in or around a code block, as it is.
    Code(&'a str),
}

/// The level of a heading that is only a line in bold or with a colon.
pub(super) const LINE_HEADING: usize = 7;
/// A longer line is prose, whatever it looks like.
const HEADING_MAX: usize = 120;

/// All lines of a text, one for one; the underline of a heading counts as blank.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    let mut after_text = false;
    for raw in text.lines() {
        let line = match (fence, fence_of(raw)) {
            (None, None) => classify(raw),
            (None, opened) => {
                fence = opened;
                Line::Code(raw)
            }
            (Some(open), closed) => {
                let ends = closed.is_some_and(|close| close.starts_with(open) && raw.trim() == close);
                fence = if ends { None } else { Some(open) };
                Line::Code(raw)
            }
        };
        if let Some(heading) = underlined(found.last(), raw, after_text).filter(|_| fence.is_none()) {
            found.pop();
            found.extend([heading, Line::Blank]);
            after_text = false;
        } else {
            after_text = matches!((found.last(), line), (Some(Line::Text { .. }), Line::Text { .. }));
            found.push(line);
        }
    }
    found
}

/// The run of back ticks or tildes that opens or closes a code block.
fn fence_of(raw: &str) -> Option<&str> {
    let line = raw.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let len = line.len() - line.trim_start_matches(mark).len();
    (len >= 3 && !line[len..].contains('`')).then(|| &line[..len])
}

/// The heading that `raw` makes of the line before it, if that is a single line of text.
fn underlined<'a>(last: Option<&Line<'a>>, raw: &str, paragraph: bool) -> Option<Line<'a>> {
    let Some(Line::Text { indent: 0..=3, text }) = last else { return None };
    let rule = raw.trim_end();
    let of = |mark: char| rule.len() >= 3 && rule.bytes().all(|b| char::from(b) == mark);
    let level = if of('=') { 1 } else { 2 };
    (!paragraph && text.len() <= HEADING_MAX && (of('=') || of('-'))).then_some(Line::Heading { level, text })
}

fn classify(raw: &str) -> Line<'_> {
    let text = raw.trim();
    let indent = raw.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum();
    if text.is_empty() || is_rule(text) {
        return Line::Blank;
    }
    if let Some(heading) = hashes(text).or_else(|| framed(text)) {
        return heading;
    }
    if let Some((mark, text)) = bullet(text) {
        return Line::Item { indent, mark, text };
    }
    match bold_alone(text) {
        Some(text) if indent < 4 => Line::Heading { level: LINE_HEADING, text },
        _ => Line::Text { indent, text },
    }
}

fn is_rule(text: &str) -> bool {
    let first = text.as_bytes()[0];
    text.len() >= 3
        && matches!(first, b'-' | b'*' | b'_')
        && text.bytes().all(|b| b == first || b == b' ')
        && text.bytes().filter(|b| *b == first).count() >= 3
}

/// `## Done`; without the space only from two hashes on, because `#12` is a number of an issue.
fn hashes(text: &str) -> Option<Line<'_>> {
    let title = text.trim_start_matches('#');
    let level = text.len() - title.len();
    let spaced = title.is_empty() || title.starts_with([' ', '\t']);
    let glued = level > 1 && title.starts_with(char::is_alphabetic);
    let text = title.trim().trim_end_matches('#').trim_end();
    ((1..=6).contains(&level) && (spaced || glued)).then_some(Line::Heading { level, text })
}

/// `=== Done ===`, as plain text logs have it.
fn framed(text: &str) -> Option<Line<'_>> {
    let title = text.strip_prefix("==")?.strip_suffix("==")?.trim_matches('=').trim();
    (!title.is_empty() && text.len() <= HEADING_MAX).then_some(Line::Heading { level: 2, text: title })
}

/// The text behind `- `, `* `, `+ `, `• `, `1. ` or `1) `, and what its check box holds.
fn bullet(text: &str) -> Option<(Option<char>, &str)> {
    let after = text.strip_prefix(['-', '*', '+', '•', '–']).or_else(|| numbered(text))?;
    let item = after.trim_start();
    if item.len() == after.len() && !after.is_empty() {
        return None;
    }
    let boxed = item.strip_prefix('[').and_then(|rest| {
        let mark = rest.chars().next()?;
        let text = rest[mark.len_utf8()..].strip_prefix(']')?;
        (matches!(mark, ' ' | 'x' | 'X' | '-' | '~' | '/') && (text.is_empty() || text.starts_with(' ')))
            .then_some((mark, text))
    });
    Some(boxed.map_or((None, item), |(mark, text)| (Some(mark), text.trim_start())))
}

fn numbered(text: &str) -> Option<&str> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if (1..=4).contains(&digits) { text[digits..].strip_prefix(['.', ')']) } else { None }
}

/// `**Done**`, `**Done:**`, `__Done__:`.
fn bold_alone(text: &str) -> Option<&str> {
    let text = text.trim_end_matches(':');
    let inner = ["**", "__"].iter().find_map(|mark| text.strip_prefix(mark)?.strip_suffix(mark))?;
    let plain = !inner.contains("**") && !inner.is_empty() && inner.len() <= HEADING_MAX;
    plain.then(|| inner.trim().trim_end_matches(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_every_form() {
        let text = "# A\n##B\n**C:**\n__D__:\nE\n===\nF\n---\n== G ==\n#12 is no heading\n";
        let levels: Vec<(usize, &str)> = lines(text)
            .into_iter()
            .filter_map(|line| if let Line::Heading { level, text } = line { Some((level, text)) } else { None })
            .collect();
        assert_eq!(levels, [(1, "A"), (2, "B"), (7, "C"), (7, "D"), (1, "E"), (2, "F"), (2, "G")]);
    }

    #[test]
    fn items_of_every_form() {
        for (raw, mark, text) in [
            ("- a", None, "a"),
            ("* [x] a", Some('x'), "a"),
            ("12) a", None, "a"),
            ("+ [ ] ", Some(' '), ""),
            ("- [link](a.md)", None, "[link](a.md)"),
        ] {
            assert_eq!(classify(raw), Line::Item { indent: 0, mark, text }, "{raw}");
        }
        for raw in ["-a", "1.5 seconds", "**bold** text", "-- x"] {
            assert!(matches!(classify(raw), Line::Text { .. }), "{raw}");
        }
    }

    #[test]
    fn code_is_left_alone_and_a_paragraph_is_not_underlined() {
        let found = lines("```sh\n# no heading\n- no item\n```\none\ntwo\n---\n- item");
        assert_eq!(found.iter().filter(|line| matches!(line, Line::Code(_))).count(), 4);
        assert!(!found.iter().any(|line| matches!(line, Line::Heading { .. })));
        assert!(matches!(found.last(), Some(Line::Item { .. })));
    }
}
