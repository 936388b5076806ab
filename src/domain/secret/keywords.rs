//! Many words found in one pass, whatever their letters' case.
//!
//! A table of chains by a hash of three bytes. An Aho-Corasick automaton of the same words takes 0.5 to 0.8 ms to build, which
//! a command of 3 ms would pay; this takes some microseconds and is as fast on prose.

/// Bits of the hash.
const BITS: u32 = 12;
/// Bytes of a word that are hashed; no word is shorter.
const HEAD: usize = 3;

pub(super) struct Keywords {
    words: Vec<&'static str>,
    /// By hash of a head: 1 + the first word that has it, or 0.
    first: Vec<u16>,
    /// By word: 1 + the next word with the same hash, or 0.
    next: Vec<u16>,
}

impl Keywords {
    /// The words, lower case, each of at least three bytes.
    pub(super) fn new(words: impl Iterator<Item = &'static str>) -> Self {
        let words: Vec<&str> = words.collect();
        let (mut first, mut next) = (vec![0; 1 << BITS], Vec::with_capacity(words.len()));
        for (number, word) in (1..).zip(&words) {
            let head = &mut first[hash(head(word.as_bytes()))];
            next.push(*head);
            *head = number;
        }
        Self { words, first, next }
    }

    /// Tells every word in the text: its number, where it starts and where it ends; by where it starts.
    pub(super) fn each(&self, text: &[u8], mut tell: impl FnMut(usize, usize, usize)) {
        let mut window = 0;
        for (last, byte) in text.iter().enumerate() {
            window = (window << 8 | u32::from(byte.to_ascii_lowercase())) & 0x00ff_ffff;
            let mut word = self.first[hash(window)];
            while let Some(at) = usize::from(word).checked_sub(1) {
                let (word_at, start) = (self.words[at].as_bytes(), (last + 1).saturating_sub(HEAD));
                if text[start..].get(..word_at.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(word_at)) {
                    tell(at, start, start + word_at.len());
                }
                word = self.next[at];
            }
        }
    }
}

fn head(word: &[u8]) -> u32 {
    word[..HEAD].iter().fold(0, |head, byte| head << 8 | u32::from(*byte))
}

fn hash(head: u32) -> usize {
    (head.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_told_where_it_is() {
        let keywords = Keywords::new(["token", "tok", "secret", "sk-"].into_iter());
        let mut told = Vec::new();
        keywords.each("aTOKEN sk-ant secre to tok".as_bytes(), |word, start, end| told.push((word, start, end)));
        told.sort_unstable();
        assert_eq!(told, [(0, 1, 6), (1, 1, 4), (1, 23, 26), (3, 7, 10)]);
    }

    #[test]
    fn a_short_text_has_no_word() {
        let keywords = Keywords::new(["tok"].into_iter());
        for text in ["", "t", "to", "\0\0"] {
            keywords.each(text.as_bytes(), |_, _, _| panic!("{text:?}"));
        }
    }
}
