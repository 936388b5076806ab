//! Where chunks of text begin and end, and how one is cut into parts and wholes; see [`super::tokenizer`].

use std::cmp::Reverse;
use std::ops::Range;

/// A run of more joiners than this, such as an ellipsis, separates.
const JOINERS_MAX: usize = 2;

/// A term of a chunk before case, accents and endings are taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The number of its first part within the chunk.
    pub first: usize,
    /// How many parts it spans; 1 is a part itself.
    pub count: usize,
    /// Its first byte in the text.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// Whether `_` and `-` are dropped from it.
    joined: bool,
}

impl Piece {
    /// Appends its characters to `out`, at most `bytes_max` bytes.
    pub(super) fn write(&self, text: &str, bytes_max: usize, out: &mut String) {
        let written = &text[self.start..self.end];
        if !self.joined && written.len() <= bytes_max && written.bytes().all(|b| b.is_ascii_alphanumeric()) {
            out.push_str(written);
            return;
        }
        for c in written.chars() {
            if out.len() + c.len_utf8() > bytes_max {
                break;
            }
            let dropped = is_ignored(c) || self.joined && matches!(c, '_' | '-');
            if !dropped {
                out.push(c);
            }
        }
    }
}

/// The next chunk at or after byte `at`: from a letter or digit to a letter or digit, without separators.
pub(super) fn next_chunk(text: &str, at: usize) -> Option<Range<usize>> {
    let start = at + text[at..].find(char::is_alphanumeric)?;
    let (mut end, mut joiners) = (start, 0);
    for (offset, c) in text[start..].char_indices() {
        if c.is_alphanumeric() {
            (end, joiners) = (start + offset + c.len_utf8(), 0);
        } else if is_joiner(c) && joiners < JOINERS_MAX {
            joiners += 1;
        } else if !is_mark(c) {
            break;
        }
    }
    Some(start..end)
}

/// Replaces `pieces` by those of a chunk, in the order of their positions, and returns how many parts there are.
pub(super) fn cut(text: &str, chunk: Range<usize>, pieces: &mut Vec<Piece>) -> usize {
    pieces.clear();
    if text[chunk.clone()].bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        pieces.push(piece(0, 1, chunk));
        return 1;
    }
    let parts = parts(text, chunk.clone());
    pieces.extend(parts.iter().enumerate().map(|(first, part)| piece(first, 1, part.start..part.end)));
    add_identifiers(&parts, pieces);
    add_pairs(&parts, pieces);
    if parts.iter().all(|part| !part.unspaced) {
        add_wholes(text, &chunk, &parts, pieces);
    }
    pieces.sort_by_key(|piece| (piece.first, Reverse(piece.count)));
    pieces.dedup_by(|a, b| (a.first, a.count) == (b.first, b.count));
    parts.len()
}

/// A part of a chunk.
struct Part {
    start: usize,
    end: usize,
    /// The number of the identifier that it belongs to.
    identifier: usize,
    /// Whether it is one character of a script without spaces.
    unspaced: bool,
}

fn piece(first: usize, count: usize, bytes: Range<usize>) -> Piece {
    Piece { first, count, start: bytes.start, end: bytes.end, joined: false }
}

fn parts(text: &str, chunk: Range<usize>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut identifier, mut open, mut previous) = (0, false, ' ');
    let mut chars = text[chunk.clone()].char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        let (start, end) = (chunk.start + offset, chunk.start + offset + c.len_utf8());
        let next = chars.peek().map_or(' ', |(_, c)| *c);
        if is_ignored(c) {
            continue;
        }
        if !c.is_alphanumeric() {
            identifier += usize::from(!matches!(c, '_' | '-'));
            open = false;
        } else if is_unspaced(c) {
            identifier += 1;
            parts.push(Part { start, end, identifier, unspaced: true });
            identifier += 1;
            open = false;
        } else if open && !is_hump(previous, c, next) {
            parts.last_mut().expect("an open part is the last one").end = end;
        } else {
            parts.push(Part { start, end, identifier, unspaced: false });
            open = true;
        }
        previous = c;
    }
    parts
}

/// The identifiers of more than one part, without their separators.
fn add_identifiers(parts: &[Part], pieces: &mut Vec<Piece>) {
    let mut first = 0;
    for run in parts.chunk_by(|a, b| a.identifier == b.identifier) {
        if run.len() > 1 {
            let bytes = run[0].start..run[run.len() - 1].end;
            pieces.push(Piece { joined: true, ..piece(first, run.len(), bytes) });
        }
        first += run.len();
    }
}

/// The pairs of neighbours in scripts without spaces.
fn add_pairs(parts: &[Part], pieces: &mut Vec<Piece>) {
    for (first, pair) in parts.windows(2).enumerate() {
        if pair[0].unspaced && pair[1].unspaced && pair[0].end == pair[1].start {
            pieces.push(piece(first, 2, pair[0].start..pair[1].end));
        }
    }
}

/// The chunk as written, without a line number, and its file name.
fn add_wholes(text: &str, chunk: &Range<usize>, parts: &[Part], pieces: &mut Vec<Piece>) {
    if parts.first().map(|part| part.identifier) == parts.last().map(|part| part.identifier) {
        return;
    }
    let path_end = chunk.start + without_line(&text[chunk.clone()]).len();
    let name_start =
        text[chunk.start..path_end].rfind(['/', '\\']).map_or(chunk.start, |slash| chunk.start + slash + 1);
    for bytes in [chunk.clone(), chunk.start..path_end, name_start..path_end] {
        let first = parts.partition_point(|part| part.start < bytes.start);
        let count = parts.partition_point(|part| part.start < bytes.end) - first;
        if count > 1 {
            pieces.push(piece(first, count, bytes));
        }
    }
}

/// A path without `:42`, `:42:7` or `:10-40`, if it is one.
fn without_line(mut chunk: &str) -> &str {
    while let Some((path, line)) = chunk.rsplit_once(':')
        && line.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    {
        chunk = path;
    }
    chunk
}

/// Whether an identifier's next part begins at `c`: `flush|Token`, `HTTP|Server`, but not within `0xDEAD`.
fn is_hump(previous: char, c: char, next: char) -> bool {
    c.is_uppercase() && (previous.is_lowercase() || next.is_lowercase())
}

/// Whether `c` joins what it stands between.
fn is_joiner(c: char) -> bool {
    matches!(c, '_' | '-' | '.' | '/' | '\\' | ':' | '@' | '#' | '\'' | '’')
}

/// Whether `c` leaves no trace in a term.
fn is_ignored(c: char) -> bool {
    matches!(c, '\'' | '’') || is_mark(c)
}

/// Combining accents, soft hyphens and zero width joiners.
fn is_mark(c: char) -> bool {
    !c.is_alphanumeric() && matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200d}')
}

/// Whether `c` belongs to a script that is written without spaces.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}
