//! One pass over the text: keywords, and what each of them starts.

use super::assignment::{self, Assignments};
use super::keywords::Keywords;
use super::rules::{self, Rule};
use super::{Found, MARK, address, block, name, private};
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

/// A kind's name is not longer.
const MARK_BYTES_MAX: usize = 40;

/// Kinds that say where a secret stands; what it is says more.
const VAGUE: [&str; 6] = [address::KIND, "authorization", "bearer-token", "command-password", "cookie", "sql-password"];

/// What a keyword starts.
#[derive(Clone, Copy)]
enum Starts {
    /// A row of the table.
    Rule(usize),
    /// An assignment, if a name is around it.
    Assignment,
    /// The lines of a private key.
    Block,
    /// An address, which may have a password.
    Address,
    /// A private passage.
    Private,
    /// A mark that stands for a secret already.
    Mark,
}

struct Scanner {
    keywords: Keywords,
    starts: Vec<Starts>,
    rules: Vec<(&'static Rule, OnceLock<Option<Regex>>)>,
}

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| {
    let mut pairs = vec![(MARK, Starts::Mark), (private::OPEN, Starts::Private), (address::KEYWORD, Starts::Address)];
    pairs.extend(block::KEYWORDS.map(|word| (word, Starts::Block)));
    pairs.extend(name::KEYWORDS.map(|word| (word, Starts::Assignment)));
    for (at, rule) in rules::all().enumerate() {
        pairs.extend(rule.keywords.iter().map(|word| (*word, Starts::Rule(at))));
    }
    Scanner {
        keywords: Keywords::new(pairs.iter().map(|(word, _)| *word)),
        starts: pairs.iter().map(|(_, starts)| *starts).collect(),
        rules: rules::all().map(|rule| (rule, OnceLock::new())).collect(),
    }
});

/// The secrets and private passages of a text, in order; none overlaps another.
pub(super) fn scan(text: &str) -> Vec<Found> {
    scan_counted(text).0
}

/// As [`scan`], and how many bytes were judged: names, values and the lines of keys, the same ones each time they are.
pub(super) fn scan_counted(text: &str) -> (Vec<Found>, usize) {
    let scanner = &*SCANNER;
    let mut hits = Hits::new(text);
    scanner.keywords.each(text.as_bytes(), |word, start, end| {
        if start < hits.masked_until {
            return;
        }
        match scanner.starts[word] {
            Starts::Mark => hits.masked_until = mark_end(text, end),
            Starts::Private => hits.private(),
            Starts::Address => hits.take(address::find(text, end)),
            Starts::Block => hits.block(start),
            Starts::Assignment if start >= hits.assigned_until => hits.assignment(start..end),
            Starts::Assignment => {}
            Starts::Rule(at) => hits.rule(scanner, at, start),
        }
    });
    let judged = hits.assignments.judged + hits.block_bytes;
    (settle(text, hits.found), judged)
}

struct Hits<'a> {
    text: &'a str,
    found: Vec<Found>,
    /// Nothing starts within a mark.
    masked_until: usize,
    /// Whether the private passages were looked for.
    has_private: bool,
    assignments: Assignments,
    /// A value does not assign another.
    assigned_until: usize,
    /// Nor has the block of a key another.
    block_until: usize,
    /// Bytes of blocks that were looked at.
    block_bytes: usize,
    /// By row: where its last match ends. Within it the row finds nothing better, and would look at it again and again.
    skip: Vec<usize>,
    /// Bytes that a credential may have, as far as they were looked at.
    room: Range<usize>,
}

impl<'a> Hits<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            found: Vec::new(),
            masked_until: 0,
            has_private: false,
            assignments: Assignments::default(),
            assigned_until: 0,
            block_until: 0,
            block_bytes: 0,
            skip: Vec::new(),
            room: 0..0,
        }
    }

    fn take(&mut self, found: Option<Found>) {
        self.found.extend(found);
    }

    fn assignment(&mut self, keyword: Range<usize>) {
        let found = self.assignments.find(self.text, keyword);
        self.assigned_until = found.as_ref().map_or(0, |found| found.range.end);
        self.take(found);
    }

    fn private(&mut self) {
        if !std::mem::replace(&mut self.has_private, true) {
            let passages = private::passages(self.text).into_iter();
            self.found.extend(passages.map(|range| Found { kind: super::PRIVATE_KIND, range }));
        }
    }

    fn block(&mut self, start: usize) {
        if start >= self.block_until {
            let look = block::look(self.text, start);
            self.block_bytes += look.until - start;
            self.block_until = look.until;
            self.take(look.found);
        }
    }

    /// Whether so many bytes from a start may be a credential's: mere mentions of a keyword end here.
    fn has_room(&mut self, start: usize, min: usize) -> bool {
        let is_part = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>');
        if !(self.room.start..=self.room.end).contains(&start) {
            self.room = start..start;
        }
        while self.room.end < start + min && self.text.as_bytes().get(self.room.end).is_some_and(is_part) {
            self.room.end += 1;
        }
        self.room.end >= start + min
    }

    fn rule(&mut self, scanner: &Scanner, at: usize, keyword: usize) {
        let (rule, pattern) = &scanner.rules[at];
        let bytes = self.text.as_bytes();
        let start = keyword - rule.reach_back(&bytes[..keyword]);
        let is_within = bytes[start].is_ascii_alphanumeric() && !is_boundary(&bytes[..start], rule.is_strict);
        if is_within || self.skip.get(at).is_some_and(|until| start < *until) {
            return;
        }
        if !self.has_room(start, rule.min) {
            return;
        }
        let Some(pattern) = pattern.get_or_init(|| compile(rule)) else { return };
        let Some(captures) = pattern.captures(&bytes[start..]) else { return };
        let Some(group) = captures.get(1).or_else(|| captures.get(0)) else { return };
        let range = start + group.start()..self.text.ceil_char_boundary(start + group.end());
        self.skip.resize(scanner.rules.len(), 0);
        self.skip[at] = range.end;
        if rule.accepts(&self.text[start..range.start], &self.text[range.clone()]) {
            self.found.push(Found { kind: rule.kind, range: range.clone() });
            self.take(rule.beside.and_then(|beside| beside(self.text, range.end)));
        }
    }
}

/// Where a mark ends whose kind begins at `start`; anything else that looks like one hides nothing.
fn mark_end(text: &str, start: usize) -> usize {
    let kind =
        text.as_bytes()[start..].iter().take(MARK_BYTES_MAX).take_while(|b| b.is_ascii_lowercase() || **b == b'-');
    let end = start + kind.count();
    if text.as_bytes().get(end) == Some(&b']') { end } else { start }
}

fn compile(rule: &Rule) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{})", rule.pattern)).unicode(false).build().ok()
}

/// Whether a credential may start behind these bytes: not within a word, but behind an escape, `\n` or `%3D`.
fn is_boundary(before: &[u8], is_strict: bool) -> bool {
    match before {
        [] | [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [.., b'-' | b'_'] => !is_strict,
        [.., last] => !last.is_ascii_alphanumeric(),
    }
}

/// What overlaps becomes one, named by what says most of it; nothing is left inside a private passage, nor touches a mark.
fn settle(text: &str, mut found: Vec<Found>) -> Vec<Found> {
    found.retain(|secret| secret.kind == super::PRIVATE_KIND || !touches_mark(text, &secret.range));
    found.sort_by_key(|secret| (secret.range.start, std::cmp::Reverse(secret.range.end)));
    let mut settled: Vec<Found> = Vec::with_capacity(found.len());
    for secret in found {
        match settled.last_mut() {
            Some(last) if secret.range.start < last.range.end => {
                last.range.end = last.range.end.max(secret.range.end);
                if worth(secret.kind) > worth(last.kind) {
                    last.kind = secret.kind;
                }
            }
            _ => settled.push(secret),
        }
    }
    settled
}

fn worth(kind: &str) -> u8 {
    match kind {
        super::PRIVATE_KIND => 3,
        block::KIND => 2,
        _ => u8::from(!assignment::KINDS.contains(&kind) && !VAGUE.contains(&kind)),
    }
}

fn touches_mark(text: &str, range: &Range<usize>) -> bool {
    text[range.clone()].contains(MARK)
}
