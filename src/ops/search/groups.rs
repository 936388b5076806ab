//! Which parts of a query narrow it, and the query without them.

use super::nothing::Cause;
use super::parts::{Part, Role, joined};
use crate::domain::query::Facet;

/// Parts that narrow a query as one: all filters of a facet, or one part of another kind.
pub(super) struct Group {
    pub cause: Cause,
    pub places: Vec<usize>,
}

impl Group {
    pub(super) fn label(&self, parts: &[Part]) -> String {
        joined(self.places.iter().map(|place| &parts[*place]))
    }

    /// The query without the group; of a phrase its words stay.
    pub(super) fn loosened(&self, parts: &[Part]) -> String {
        let kept = parts.iter().enumerate().filter_map(|(place, part)| match &part.role {
            _ if !self.places.contains(&place) => Some(part.text.as_str()),
            Role::Phrase(text) => Some(text.as_str()),
            _ => None,
        });
        kept.collect::<Vec<_>>().join(" ")
    }
}

pub(super) fn groups(parts: &[Part]) -> Vec<Group> {
    let of = |facet: Facet| {
        let is = |part: &Part| matches!(&part.role, Role::Filter(filter) if filter.facet == facet);
        let places: Vec<usize> =
            parts.iter().enumerate().filter(|(_, part)| is(part)).map(|(place, _)| place).collect();
        (!places.is_empty()).then_some(Group { cause: Cause::Filter, places })
    };
    let single = |(place, part): (usize, &Part)| {
        let cause = match part.role {
            Role::Phrase(_) => Cause::Phrase,
            Role::Without | Role::Excluded => Cause::Without,
            Role::Time => Cause::Time,
            Role::Word | Role::Filter(_) | Role::Other => return None,
        };
        Some(Group { cause, places: vec![place] })
    };
    Facet::ALL.into_iter().filter_map(of).chain(parts.iter().enumerate().filter_map(single)).collect()
}

pub(super) fn is_text(part: &Part) -> bool {
    matches!(part.role, Role::Word | Role::Phrase(_))
}

/// The words of a word or phrase.
pub(super) fn words_of(part: &Part) -> impl Iterator<Item = &str> {
    let text = if let Role::Phrase(text) = &part.role { text } else { &part.text };
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric))
}

/// A query of all words and of the words of all phrases.
pub(super) fn only_words(parts: &[Part]) -> String {
    parts.iter().filter(|part| is_text(part)).flat_map(words_of).collect::<Vec<_>>().join(" ")
}
