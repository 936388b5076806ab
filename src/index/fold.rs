//! How the many ways to write a letter become one; see [`super::tokenizer`].

use super::part::{is_apostrophe, is_invisible};
use unicode_normalization::UnicodeNormalization;

/// Lower case without accents, points, ligatures and widths; what Latin letters remain, such as `ø`, is left to tantivy.
/// A word that is nothing but marks stays.
pub(super) fn fold(word: &mut String) {
    if word.is_ascii() {
        word.make_ascii_lowercase();
        return;
    }
    let folded: String =
        word.nfkd().filter(|c| !is_dropped(*c)).flat_map(char::to_lowercase).map(variant).nfc().collect();
    if !folded.is_empty() {
        *word = folded;
    }
}

/// Whether `c` says how a word sounds or is drawn, which many leave out. Vowel signs of other scripts stay.
fn is_dropped(c: char) -> bool {
    is_invisible(c)
        || is_apostrophe(c)
        || matches!(c,
            '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}'
            | '\u{5c4}' | '\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
            | '\u{6d6}'..='\u{6ed}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}')
}

/// The usual form of a letter.
fn variant(c: char) -> char {
    if c == 'ς' { 'σ' } else { c }
}
