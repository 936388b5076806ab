//! The table of credentials that have a shape of their own: a row each.
//!
//! A row says at which keyword its pattern begins (the pattern starts with the keyword, or up to `back` bytes before it), how many
//! bytes it has at least, and how mixed they must be. The first group of the pattern is what is masked, else all of it.
//! Only the last repetition of a pattern is without bound, so that a look which fails is short. The keyword is found in any case of letters, the pattern says which are meant.

mod ai;
mod cloud;
mod code;
mod service;

use super::{Found, random};

/// Judges the text before what is masked, and what is masked.
type Judge = fn(&str, &str) -> bool;

/// Finds what belongs to a credential, in the text behind it.
type Beside = fn(&str, usize) -> Option<Found>;

/// One credential.
pub(super) struct Rule {
    /// What it is called in the mark: lower case letters and `-`.
    pub(super) kind: &'static str,
    /// What it starts with, one of these.
    pub(super) keywords: &'static [&'static str],
    /// Its bytes from the start, as a regular expression over bytes.
    pub(super) pattern: &'static str,
    /// It has at least so many bytes, none of them blank.
    pub(super) min: usize,
    /// Bits a byte that what is masked has at least; 0 to 8.
    entropy: f64,
    /// How many bytes it may begin before its keyword.
    back: usize,
    /// Whether neither `-` nor `_` may be before it: they are letters of its own, and its pattern may look far before it fails.
    pub(super) is_strict: bool,
    /// Whether the text before what is masked, from the start, and what is masked are what they seem.
    judge: Option<Judge>,
    /// What else is a secret if this is one.
    pub(super) beside: Option<Beside>,
}

/// Random letters and digits have more; words repeated, or one letter, less.
const ENTROPY_MIN: f64 = 2.8;

impl Rule {
    const fn new(kind: &'static str, keywords: &'static [&'static str], min: usize, pattern: &'static str) -> Self {
        Self {
            kind,
            keywords,
            pattern,
            min,
            entropy: ENTROPY_MIN,
            back: 0,
            is_strict: false,
            judge: None,
            beside: None,
        }
    }

    const fn entropy(self, entropy: f64) -> Self {
        Self { entropy, ..self }
    }

    const fn back(self, back: usize) -> Self {
        Self { back, ..self }
    }

    const fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    const fn judge(self, judge: Judge) -> Self {
        Self { judge: Some(judge), ..self }
    }

    const fn beside(self, beside: Beside) -> Self {
        Self { beside: Some(beside), ..self }
    }

    /// How many bytes before its keyword it begins.
    pub(super) fn reach_back(&self, before: &[u8]) -> usize {
        let is_part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'~' | b'.' | b'-');
        before.iter().rev().take(self.back).take_while(is_part).count()
    }

    /// Whether what is masked is random enough and no form; `before` is what its pattern has before it.
    pub(super) fn accepts(&self, before: &str, value: &str) -> bool {
        random::entropy(value.as_bytes()) >= self.entropy
            && !random::is_form(value)
            && self.judge.is_none_or(|judge| judge(before, value))
    }
}

/// All rows.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    cloud::RULES.iter().chain(code::RULES).chain(ai::RULES).chain(service::RULES)
}
