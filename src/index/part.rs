//! How a chunk of text is cut into parts, and what each character means there; see [`super::tokenizer`].

use std::ops::Range;
use unicode_normalization::char::is_combining_mark;

/// A run of letters and digits of this length that goes from letters to digits or back [`NOISE_CHANGES`] times and has
/// both cases is encoded data, not a name: it is one part, so that a picture in a text is not a thousand words.
const NOISE_BYTES: usize = 20;
const NOISE_CHANGES: usize = 4;

/// One position of a text: a word, or a piece of an identifier.
pub(super) struct Part {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// The number of the run of letters and digits that it belongs to.
    pub run: usize,
    /// The number of the identifier that it belongs to: runs with `_` or `-` between them.
    pub identifier: usize,
    /// Whether it is one character of a script without spaces.
    pub unspaced: bool,
}

/// The parts of a chunk.
pub(super) fn parts(text: &str, chunk: Range<usize>) -> Vec<Part> {
    let text = &text[..chunk.end];
    let mut cutter = Cutter { text, parts: Vec::new(), run: 0, identifier: 0, open: false, whole_until: 0 };
    let (mut previous, mut chars) = (' ', text[chunk.start..].char_indices().peekable());
    while let Some((offset, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, c)| *c);
        if !is_apostrophe(c) && !cutter.add_mark(chunk.start + offset, c) {
            cutter.add(chunk.start + offset, [previous, c, next]);
            previous = c;
        }
    }
    drop_version_marks(text, &mut cutter.parts);
    cutter.parts
}

/// Of `v1.2.3` the `v` is dropped, so that it meets `1.2.3`.
fn drop_version_marks(text: &str, parts: &mut [Part]) {
    let bytes = text.as_bytes();
    for part in parts {
        if let [b'v' | b'V', number @ ..] = &bytes[part.start..part.end]
            && !number.is_empty()
            && number.iter().all(u8::is_ascii_digit)
            && let [b'.', b'0'..=b'9', ..] = &bytes[part.end..]
        {
            part.start += 1;
        }
    }
}

struct Cutter<'a> {
    text: &'a str,
    parts: Vec<Part>,
    run: usize,
    identifier: usize,
    /// Whether the next letter may belong to the last part.
    open: bool,
    /// Up to here case does not begin a part.
    whole_until: usize,
}

impl Cutter<'_> {
    /// Takes a character, given with its neighbours.
    fn add(&mut self, start: usize, [previous, c, next]: [char; 3]) {
        let end = start + c.len_utf8();
        if !c.is_alphanumeric() {
            self.run += 1;
            self.identifier += usize::from(!is_separator(c));
            self.open = false;
        } else if is_unspaced(c) {
            self.push(start, end, true);
        } else if self.open && (start < self.whole_until || !is_hump(previous, c, next)) {
            self.parts.last_mut().expect("an open part is the last one").end = end;
        } else {
            if !self.open {
                self.whole_until = noise_end(self.text, start);
            }
            self.push(start, end, false);
        }
    }

    fn push(&mut self, start: usize, end: usize, unspaced: bool) {
        self.identifier += usize::from(unspaced);
        self.parts.push(Part { start, end, run: self.run, identifier: self.identifier, unspaced });
        self.identifier += usize::from(unspaced);
        self.open = !unspaced;
    }

    /// Takes an accent or the like with what it stands on; false if `c` is none.
    fn add_mark(&mut self, start: usize, c: char) -> bool {
        if !is_mark(c) {
            return false;
        }
        if let Some(last) = self.parts.last_mut().filter(|last| last.end == start) {
            last.end = start + c.len_utf8();
        }
        true
    }
}

/// Where the run of letters and digits at `start` ends if it is encoded data, else `start`.
fn noise_end(text: &str, start: usize) -> usize {
    let bytes = &text.as_bytes()[start..];
    let run = &bytes[..bytes.iter().take_while(|b| b.is_ascii_alphanumeric()).count()];
    if run.len() < NOISE_BYTES {
        return start;
    }
    let changes = run.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let cases = run.iter().any(u8::is_ascii_lowercase) && run.iter().any(u8::is_ascii_uppercase);
    if cases && changes >= NOISE_CHANGES { start + run.len() } else { start }
}

/// Whether an identifier's next part begins at `c`: `flush|Token`, `HTTP|Server`, but not within `0xDEAD`.
fn is_hump(previous: char, c: char, next: char) -> bool {
    c.is_uppercase() && (previous.is_lowercase() || next.is_lowercase())
}

/// Whether `c` joins what it stands between.
pub(super) fn is_joiner(c: char) -> bool {
    matches!(c, '.' | '/' | '\\' | ':' | '@' | '#') || is_separator(c) || is_apostrophe(c)
}

/// Whether `c` joins the parts of one identifier: `_` and the hyphens, not the dashes.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, '_' | '-' | '\u{2010}' | '\u{2011}')
}

/// Whether `c` is an apostrophe, which leaves no trace in a term.
pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ' | '＇')
}

/// Combining accents and vowel signs, soft hyphens, zero width joiners.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && !c.is_alphanumeric() && (is_combining_mark(c) || is_invisible(c))
        || matches!(c, '\u{ff9e}' | '\u{ff9f}')
}

/// Whether `c` shows nothing.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

/// Whether `c` belongs to a script that is written without spaces.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}
