//! Credentials and private text, found in any text and masked before it is kept.
//!
//! One pass over the text finds keywords (`keywords.rs`); what belongs to a keyword looks only at the text around
//! it: a row of the table in `rules/` with its pattern, a private key's lines (`block.rs`), an assignment whose name says secret
//! (`name.rs`, `assignment.rs`), a private passage (`private.rs`). So the cost is one pass whatever the number of rules, and no text
//! makes it more than linear: each look is bounded. What nobody sees in a text is left out of it first (`unseen.rs`). A pattern is compiled when its keyword is met with enough behind it.
//!
//! To know another credential add a row to `rules/`, and to its tests an example and a look-alike that must stay.
//!
//! Rules are made from the vendors' documents of their formats. Why not a library: the rule sets of scanners that are kept
//! (kingfisher-rules 3.0, cribra 0.7) want a newer compiler and compile hundreds of patterns when they start; this runs in
//! a command of 3 ms.

mod address;
mod assignment;
mod block;
mod keywords;
mod name;
mod private;
mod random;
mod rules;
mod scanner;
#[cfg(test)]
mod tests;
mod unseen;
mod value;

pub use name::is_secret_name;
pub use private::strip_private;
pub use value::{Wants, each_in_value, mask_text, mask_value};

use std::borrow::Cow;
use std::ops::Range;

/// Starts what stands in the place of a secret; its kind and `]` follow.
const MARK: &str = "[secret: ";
/// Stands in the place of a private passage.
pub const PRIVATE: &str = "[private]";
/// The kind of a private passage.
pub const PRIVATE_KIND: &str = "private";

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is, `aws-access-key`; [`PRIVATE_KIND`] for a private passage.
    pub kind: &'static str,
    /// Its bytes.
    pub range: Range<usize>,
}

impl Found {
    fn mark(&self) -> String {
        if self.kind == PRIVATE_KIND { PRIVATE.to_owned() } else { format!("{MARK}{}]", self.kind) }
    }
}

/// The secrets and private passages of a text, in order; none overlaps another.
#[must_use]
pub fn find(text: &str) -> Vec<Found> {
    match unseen::without(text) {
        None => scanner::scan(text),
        Some(seen) => seen.in_original(scanner::scan(seen.text())),
    }
}

/// The text with a visible mark in the place of every secret and private passage; borrowed if there is none.
///
/// What is masked once is not masked again: `mask(mask(x)) == mask(x)`.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    replace(text, &find(text))
}

/// The text with a mark in the place of each of `found`, which are in order.
#[must_use]
pub fn replace<'a>(text: &'a str, found: &[Found]) -> Cow<'a, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
    for secret in found {
        masked.push_str(&text[end..secret.range.start]);
        masked.push_str(&secret.mark());
        end = secret.range.end;
    }
    masked.push_str(&text[end..]);
    Cow::Owned(masked)
}

/// The kinds that can be found, for help and tests.
#[must_use]
pub fn kinds() -> Vec<&'static str> {
    let rows = rules::all().map(|rule| rule.kind);
    let mut kinds: Vec<_> = rows.chain(assignment::KINDS).chain([address::KIND, block::KIND, PRIVATE_KIND]).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}
