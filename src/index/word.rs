//! Where chunks of text begin and end, and the terms of one; see [`super::tokenizer`].

use super::part::{self, Part, is_apostrophe, is_joiner, is_mark, is_separator};
use std::cmp::Reverse;
use std::ops::Range;

/// A run of more joiners than this, such as an ellipsis, separates.
const JOINERS_MAX: usize = 2;

/// Bytes of a term; the rest of a longer one is dropped, in the index as in queries.
const TERM_BYTES_MAX: usize = 120;

/// People name a commit by so many of its first digits; a longer hash is also found by these.
const HASH_PREFIX: usize = 7;

/// A term of a chunk before case, accents and endings are taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The number of its first part within the chunk.
    pub first: usize,
    /// How many parts it spans; 1 is a part itself, more is a term beside the parts.
    pub count: usize,
    /// Its first byte in the text.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// Whether its separators are dropped from it.
    joined: bool,
}

impl Piece {
    /// Its text, if that is written as it is.
    pub(super) fn verbatim<'a>(&self, text: &'a str) -> Option<&'a str> {
        let written = &text[self.start..self.end];
        let plain = written.len() <= TERM_BYTES_MAX && written.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then_some(written)
    }

    /// Appends its characters to `out`.
    pub(super) fn write(&self, text: &str, out: &mut String) {
        for c in text[self.start..self.end].chars() {
            if out.len() + c.len_utf8() > TERM_BYTES_MAX {
                break;
            }
            let dropped = is_apostrophe(c) || self.joined && is_separator(c);
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
        } else if end == start + offset {
            end += c.len_utf8();
        }
    }
    Some(start..end)
}

/// Replaces `pieces` by those of a chunk, in the order of their positions, and returns how many parts there are.
pub(super) fn cut(text: &str, chunk: Range<usize>, pieces: &mut Vec<Piece>) -> usize {
    pieces.clear();
    if text[chunk.clone()].bytes().all(|b| b.is_ascii_lowercase()) {
        pieces.push(piece(0, 1, chunk));
        return 1;
    }
    let parts = part::parts(text, chunk.clone());
    pieces.extend(parts.iter().enumerate().map(|(first, part)| piece(first, 1, part.start..part.end)));
    add_hashes(text, &parts, pieces);
    if parts.len() > 1 {
        add_identifiers(&parts, pieces);
        add_pairs(&parts, pieces);
        add_versions(text, &parts, pieces);
        if parts.iter().all(|part| !part.unspaced) {
            add_wholes(text, &chunk, &parts, pieces);
        }
    }
    if pieces.len() > parts.len() {
        pieces.sort_by_key(|piece| (piece.first, Reverse(piece.count), piece.start, piece.end));
        pieces.dedup_by_key(|piece| (piece.first, piece.count, piece.start, piece.end));
    }
    parts.len()
}

fn piece(first: usize, count: usize, bytes: Range<usize>) -> Piece {
    Piece { first, count, start: bytes.start, end: bytes.end, joined: false }
}

/// The identifiers of more than one part, without their separators, and what in one is itself an identifier: the
/// `isRunning` of `test_isRunning`.
fn add_identifiers(parts: &[Part], pieces: &mut Vec<Piece>) {
    let mut first = 0;
    for identifier in parts.chunk_by(|a, b| a.identifier == b.identifier) {
        add_joined(first, identifier, pieces);
        let mut in_run = first;
        for run in identifier.chunk_by(|a, b| a.run == b.run) {
            if run.len() < identifier.len() {
                add_joined(in_run, run, pieces);
            }
            in_run += run.len();
        }
        first += identifier.len();
    }
}

fn add_joined(first: usize, parts: &[Part], pieces: &mut Vec<Piece>) {
    if let [start, .., end] = parts {
        pieces.push(Piece { joined: true, ..piece(first, parts.len(), start.start..end.end) });
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

/// The beginnings of hashes. That of one hash is not the end of another part, so a phrase does not look at it.
fn add_hashes(text: &str, parts: &[Part], pieces: &mut Vec<Piece>) {
    for (first, part) in parts.iter().enumerate() {
        if is_long_hash(&text.as_bytes()[part.start..part.end]) {
            pieces.push(piece(first, 2, part.start..part.start + HASH_PREFIX));
        }
    }
}

fn is_long_hash(part: &[u8]) -> bool {
    part.len() > HASH_PREFIX
        && part.iter().all(u8::is_ascii_hexdigit)
        && part.iter().any(u8::is_ascii_digit)
        && part.iter().any(u8::is_ascii_alphabetic)
}

/// Numbers with dots between them.
fn add_versions(text: &str, parts: &[Part], pieces: &mut Vec<Piece>) {
    let digits = |part: &Part| text.as_bytes()[part.start..part.end].iter().all(u8::is_ascii_digit);
    let continues = |a: &Part, b: &Part| &text[a.end..b.start] == "." && digits(a) && digits(b);
    let mut first = 0;
    for version in parts.chunk_by(continues) {
        if let [start, .., end] = version {
            pieces.push(piece(first, version.len(), start.start..end.end));
        }
        first += version.len();
    }
}

/// The chunk as written, without a line number, and what lies between its slashes: file names, hosts.
fn add_wholes(text: &str, chunk: &Range<usize>, parts: &[Part], pieces: &mut Vec<Piece>) {
    let end = chunk.start + without_line(&text[chunk.clone()]).len();
    let parts = &parts[..parts.partition_point(|part| part.start < end)];
    add_whole(0, parts, pieces);
    let mut first = 0;
    for component in parts.chunk_by(|a, b| !text[a.end..b.start].contains(['/', '\\'])) {
        add_whole(first, component, pieces);
        first += component.len();
    }
}

fn add_whole(first: usize, parts: &[Part], pieces: &mut Vec<Piece>) {
    if let [start, .., end] = parts
        && start.identifier != end.identifier
    {
        pieces.push(piece(first, parts.len(), start.start..end.end));
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
