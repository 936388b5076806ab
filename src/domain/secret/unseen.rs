//! Characters that nobody sees, in a text that is looked through: a key with one inside is still a key.

use super::Found;
use std::ops::Range;

/// A text without what nobody sees, and where the rest stood.
pub(super) struct Seen {
    text: String,
    /// By gap: where it is in this text, and how many bytes of the original are left out up to its end.
    gaps: Vec<(usize, usize)>,
}

/// The text without what nobody sees; none if there is nothing of the kind.
pub(super) fn without(text: &str) -> Option<Seen> {
    let may_be_unseen = |b: u8| b < b' ' && !matches!(b, b'\n' | b'\t' | b'\r') || b == 0x7f || b >= 0xc2;
    let first = text.bytes().position(may_be_unseen)?;
    let first = first + text[first..].find(is_unseen)?;
    let mut seen = Seen { text: String::with_capacity(text.len()), gaps: Vec::new() };
    seen.text.push_str(&text[..first]);
    for (at, c) in text[first..].char_indices().map(|(at, c)| (first + at, c)) {
        if !is_unseen(c) {
            seen.text.push(c);
            continue;
        }
        let left_out = at + c.len_utf8() - seen.text.len();
        match seen.gaps.last_mut() {
            Some(gap) if gap.0 == seen.text.len() => gap.1 = left_out,
            _ => seen.gaps.push((seen.text.len(), left_out)),
        }
    }
    Some(seen)
}

impl Seen {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What was found in this text, where it is in the original.
    pub(super) fn in_original(&self, found: Vec<Found>) -> Vec<Found> {
        found.into_iter().map(|found| Found { range: self.original(&found.range), ..found }).collect()
    }

    fn original(&self, range: &Range<usize>) -> Range<usize> {
        let before = |count: usize| count.checked_sub(1).map_or(0, |gap| self.gaps[gap].1);
        let (start, end) = (range.start, range.end);
        let start = start + before(self.gaps.partition_point(|(at, _)| *at <= start));
        start..end + before(self.gaps.partition_point(|(at, _)| *at < end))
    }
}

/// Controls, joiners, soft hyphens, direction marks, tags: what takes no room in a line.
fn is_unseen(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
