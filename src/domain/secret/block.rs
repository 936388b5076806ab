//! Private keys as text: the blocks of PEM, PGP and `PuTTY`, also in one line with escaped line breaks, or cut off.

use super::Found;

/// The kind of what is found here.
pub(super) const KIND: &str = "private-key";
/// What starts such a block.
pub(super) const KEYWORDS: [&str; 2] = ["-----begin ", "private-lines:"];

/// Words of a header between `BEGIN` and the dashes, in bytes.
const LABEL_BYTES_MAX: usize = 48;
/// A line is looked at by so many bytes.
const WINDOW_BYTES: usize = 1024;
/// Digits of a line's number.
const NUMBER_DIGITS_MAX: usize = 7;
/// What is not headed by a private key's label must be this long to be taken for a line of one.
const LINE_BYTES_MIN: usize = 16;

/// What was looked at, and what it was.
pub(super) struct Look {
    /// The block, up to its end mark; without one, as far as its lines look like a key's.
    pub(super) found: Option<Found>,
    /// Up to here another look would find the same.
    pub(super) until: usize,
}

/// Looks at the block that starts at `start`.
pub(super) fn look(text: &str, start: usize) -> Look {
    let Some(header) = header_len(&text[start..]) else { return Look { found: None, until: start } };
    let body_at = start + header;
    let (body, looked) = body_len(&text[body_at..]);
    let found = body.map(|len| Found { kind: KIND, range: start..body_at + len });
    Look { found, until: body_at + looked }
}

/// The length of the first line, if it announces a private key.
fn header_len(text: &str) -> Option<usize> {
    if let Some(rest) = text.get(5..).filter(|_| text.starts_with("-----")) {
        let label = rest.get(..rest.floor_char_boundary(LABEL_BYTES_MAX))?.split("-----").next()?;
        let is_private = label.contains("PRIVATE KEY") && rest[label.len()..].starts_with("-----");
        return is_private.then_some(10 + label.len());
    }
    let head = &text[..text.floor_char_boundary(LABEL_BYTES_MAX)];
    let line = &head[..head.find(['\n', '\\'])?];
    line.trim_end().ends_with(|c: char| c.is_ascii_digit()).then_some(line.len())
}

/// The length of the key's lines, none if there are none; and of the lines that were looked at.
fn body_len(text: &str) -> (Option<usize>, usize) {
    let (mut at, mut kept) = (0, 0);
    let mut has_key = false;
    while at < text.len() {
        let line_end = line_end(text, at);
        let line = &text[at..line_end];
        if let Some(end) = line.find("-----END ") {
            let rest = &line[end + 9..];
            let close = rest.find("-----").map_or(rest.len(), |dashes| dashes + 5);
            let len = at + end + 9 + close;
            return (Some(len), len);
        }
        match kind_of(line) {
            Line::Key => (has_key, kept) = (true, line_end),
            Line::Around => {}
            Line::Other => break,
        }
        at = line_end + separator_len(&text[line_end..]);
    }
    (has_key.then(|| text[..kept].trim_end_matches(['"', '\'', ',', ' ', '`']).len()), at)
}

/// Where a line ends, or in a very long one the letters of a key.
fn line_end(text: &str, at: usize) -> usize {
    let window = &text[at..text.floor_char_boundary(at.saturating_add(WINDOW_BYTES))];
    match window.find(['\n', '\\']) {
        Some(end) => at + end,
        None if at + window.len() == text.len() => text.len(),
        None => at + window.bytes().take_while(|b| is_base64(*b)).count().max(1),
    }
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')
}

enum Line {
    Key,
    Around,
    Other,
}

fn kind_of(line: &str) -> Line {
    let is_around = |c: char| c.is_whitespace() || "\"',+>|#*`".contains(c);
    let bare = without_number(line).trim_matches(is_around);
    let is_base64 = |word: &str| word.bytes().all(is_base64);
    match bare {
        "" => Line::Around,
        _ if is_base64(bare) && (bare.len() >= LINE_BYTES_MIN || bare.contains(['=', '+', '/'])) => Line::Key,
        _ if bare.split(' ').all(|word| is_base64(word) && word.len() >= LINE_BYTES_MIN) => Line::Key,
        _ if is_header(bare) => Line::Around,
        _ => Line::Other,
    }
}

/// The line without the number that `cat -n`, `grep -n` and the tools with which agents read put before it.
fn without_number(line: &str) -> &str {
    let rest = line.trim_start_matches([' ', '\t']);
    let number = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = (1..=NUMBER_DIGITS_MAX).contains(&number);
    is_number.then(|| rest[number..].strip_prefix(['→', '\t', ' ', ':', '|', '-'])).flatten().unwrap_or(line)
}

/// `Proc-Type: 4,ENCRYPTED`, `DEK-Info: …`, `Version: …`, `Comment: …`.
fn is_header(line: &str) -> bool {
    ["Proc-Type:", "DEK-Info:", "Version:", "Comment:", "Private-MAC:"].iter().any(|name| line.starts_with(name))
}

/// Nothing, if a long line goes on; a line break, or one that is escaped once or more: `\n`, `\\n`, `\r\n`.
fn separator_len(text: &str) -> usize {
    let slashes = text.bytes().take_while(|b| *b == b'\\').count();
    if slashes == 0 {
        return usize::from(text.starts_with('\n'));
    }
    let letter = text.as_bytes().get(slashes).is_some_and(|b| matches!(b, b'n' | b'r'));
    slashes + usize::from(letter)
}
