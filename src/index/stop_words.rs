//! Words that nearly every English text has. A sentence is searched for without them: they decide nothing, and their lists
//! are the longest. They are indexed all the same, for phrases and for queries that have no other words.

/// In the form of terms, sorted.
const STOP_WORDS: &[&str] = &[
    "a", "about", "all", "also", "am", "an", "and", "ani", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "doe", "doesnt", "dont", "for", "from", "had", "has", "have", "he", "her", "him", "his",
    "how", "i", "if", "in", "into", "is", "isnt", "it", "just", "me", "my", "not", "of", "on", "or", "our", "she",
    "should", "so", "some", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those",
    "to", "us", "was", "we", "were", "what", "when", "where", "whi", "which", "while", "who", "whom", "will", "with",
    "would", "you", "your",
];

/// Whether a term is one of them.
pub(super) fn contains(term: &str) -> bool {
    STOP_WORDS.binary_search(&term).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tokenizer;

    #[test]
    fn they_are_terms_in_order() {
        assert!(STOP_WORDS.is_sorted());
        let words = "How does it work when the tokens are not refreshed, and why doesn't this?";
        let mut left = Vec::new();
        tokenizer::for_each_term(&mut tokenizer::analyzer(), words, |token| {
            left.extend((!contains(&token.text)).then(|| token.text.clone()));
        });
        assert_eq!(
            left,
            ["work", "token", "be", "refresh"]
                .map(str::to_owned)
                .into_iter()
                .filter(|word| !contains(word))
                .collect::<Vec<_>>()
        );
    }
}
