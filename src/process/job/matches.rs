//! Lines of output that patterns find, few enough to be events.

use crate::domain::job::PATTERN_BYTES_MAX;
use crate::domain::secret::mask;
use crate::domain::text::clean_line;
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::time::{Duration, Instant};

/// Longer lines are looked at in pieces.
const LINE_BYTES_MAX: usize = 4096;
/// What is told of a line.
const TOLD_CHARS: usize = 300;
/// So many are told at once…
const BURST: u32 = 5;
/// …and then one in this time…
const PAUSE: Duration = Duration::from_secs(5);
/// …and no more than this of one job.
const TOLD_MAX: u32 = 100;

/// A line to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// Masked, cleaned and cut.
    pub(super) line: String,
    /// Lines found before it that were not told.
    pub(super) left_out: u64,
}

/// Looks for patterns in output as it comes.
pub(super) struct Matcher {
    patterns: RegexSet,
    pending: Vec<u8>,
    found: u64,
    left_out: u64,
    told: u32,
    tokens: u32,
    refilled_at: Instant,
}

impl Matcher {
    /// `None` without patterns, or if one of them is none.
    pub(super) fn new(patterns: &[String], now: Instant) -> Option<Self> {
        // Most jobs have none, and an empty set is not free: it takes a tenth of a millisecond and half a megabyte.
        if patterns.is_empty() {
            return None;
        }
        let set = RegexSetBuilder::new(patterns).size_limit(PATTERN_BYTES_MAX * patterns.len()).build().ok()?;
        Some(Self {
            patterns: set,
            pending: Vec::new(),
            found: 0,
            left_out: 0,
            told: 0,
            tokens: BURST,
            refilled_at: now,
        })
    }

    /// Lines found so far, told or not.
    pub(super) fn found(&self) -> u64 {
        self.found
    }

    /// What is to be told of these bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<Match> {
        let mut matches = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(LINE_BYTES_MAX) {
                self.pending.extend_from_slice(part);
                if part.ends_with(b"\n") || self.pending.len() >= LINE_BYTES_MAX {
                    matches.extend(self.look(now));
                }
            }
        }
        matches
    }

    /// The last line, which may lack its end.
    pub(super) fn finish(&mut self, now: Instant) -> Option<Match> {
        if self.pending.is_empty() { None } else { self.look(now) }
    }

    fn look(&mut self, now: Instant) -> Option<Match> {
        let line = std::mem::take(&mut self.pending);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        if !self.patterns.is_match(line) {
            return None;
        }
        self.found += 1;
        if !self.may_tell(now) {
            self.left_out += 1;
            return None;
        }
        // Masked first: a part of a secret is not known for one.
        let line = mask(&String::from_utf8_lossy(line)).into_owned();
        let line: String = clean_line(&line).chars().take(TOLD_CHARS).collect();
        Some(Match { line, left_out: std::mem::take(&mut self.left_out) })
    }

    fn may_tell(&mut self, now: Instant) -> bool {
        let pauses = now.saturating_duration_since(self.refilled_at).as_secs() / PAUSE.as_secs();
        if pauses > 0 {
            self.refilled_at = now;
            self.tokens = BURST.min(self.tokens.saturating_add(u32::try_from(pauses).unwrap_or(BURST)));
        }
        let may = self.tokens > 0 && self.told < TOLD_MAX;
        if may {
            self.tokens -= 1;
            self.told += 1;
        }
        may
    }
}
