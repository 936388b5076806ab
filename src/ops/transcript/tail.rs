//! The last lines of a file, read backwards, each byte once.

use super::chunk;
use std::io::{Read, Seek};

/// Read at once.
const CHUNK_BYTES: u64 = 256 * 1024;
/// A longer line is an image or a dump: it is passed over without being kept.
const LINE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// No more is looked through, whatever the lines are like.
const SEEN_BYTES_MAX: u64 = 96 * 1024 * 1024;

/// The last whole lines between two positions, the last one first, of at most `kept_max` bytes together.
pub(super) fn lines(
    source: &mut (impl Read + Seek),
    from: u64,
    to: u64,
    kept_max: usize,
) -> std::io::Result<Vec<Vec<u8>>> {
    let mut lines = Lines { found: Vec::new(), kept: 0, open: Vec::new(), open_len: 0 };
    let mut end = to;
    while end > from && lines.kept < kept_max && to - end < SEEN_BYTES_MAX {
        let start = end.saturating_sub(CHUNK_BYTES).max(from);
        lines.take(&chunk(source, start, end)?, kept_max);
        end = start;
    }
    Ok(lines.found)
}

struct Lines {
    found: Vec<Vec<u8>>,
    kept: usize,
    /// Pieces of the line whose beginning is not reached yet, the last piece first; none if it is too long.
    open: Vec<Vec<u8>>,
    open_len: usize,
}

impl Lines {
    fn take(&mut self, chunk: &[u8], kept_max: usize) {
        let mut rest = chunk;
        while let Some(at) = rest.iter().rposition(|byte| *byte == b'\n') {
            self.extend(&rest[at + 1..]);
            self.close();
            rest = &rest[..at];
            if self.kept >= kept_max {
                return;
            }
        }
        self.extend(rest);
    }

    fn extend(&mut self, piece: &[u8]) {
        self.open_len += piece.len();
        if self.open_len <= LINE_BYTES_MAX {
            self.open.push(piece.to_vec());
        } else {
            self.open.clear();
        }
    }

    fn close(&mut self) {
        if self.open_len > 0 && self.open_len <= LINE_BYTES_MAX {
            self.open.reverse();
            self.found.push(self.open.concat());
            self.kept += self.open_len;
        }
        self.open.clear();
        self.open_len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn last(bytes: &[u8], from: u64, kept_max: usize) -> Vec<String> {
        let found = lines(&mut Cursor::new(bytes), from, bytes.len() as u64, kept_max).unwrap();
        found.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn whole_lines_come_from_the_end() {
        assert_eq!(last(b"one\ntwo\nthree\n", 0, 100), ["three", "two"], "the first one may have begun before");
        assert_eq!(last(b"one\ntwo\nthree", 2, 100), ["three", "two"]);
        assert_eq!(last(b"one\ntwo\nthree\n", 0, 5), ["three"]);
        assert!(last(b"", 0, 5).is_empty());
    }

    #[test]
    fn lines_over_chunks_are_whole_and_giants_are_passed_over() {
        let long = "x".repeat(700_000);
        let giant = "y".repeat(LINE_BYTES_MAX + 1);
        let bytes = format!("begun\nfirst\n{long}\n{giant}\nlast\n");
        assert_eq!(last(bytes.as_bytes(), 0, 10_000_000), ["last", &long, "first"]);
    }
}
