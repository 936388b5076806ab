//! What a heading says about the items below it, whatever its wording.
//!
//! The wordings are the `headings` of [`KINDS`]; here is only how a heading is compared with them: whole, then by its
//! first words, then by any words in it, the longest match first.

use crate::domain::kind::{KINDS, Kind};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What the items below a heading are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Records of a kind, in a status.
    Items(&'static Kind, &'static str),
    /// Files to read, sooner or later.
    References,
    /// Files to read first.
    Entries,
}

impl Meaning {
    /// Whether what stands below are files, not records.
    pub(super) fn is_files(self) -> bool {
        matches!(self, Self::References | Self::Entries)
    }
}

/// Headings of lists of files; files are no kind, so that they have no row in the table of kinds.
const REFERENCES: [&str; 16] = [
    "references",
    "reference",
    "further reading",
    "files",
    "key files",
    "relevant files",
    "changed files",
    "modified files",
    "important files",
    "where to look",
    "working set",
    "resources",
    "see also",
    "sources",
    "docs created",
    "documents",
];
/// Headings of lists of files that come first.
const ENTRIES: [&str; 4] = ["read first", "required reading", "read these", "entry points"];

/// A line that is a heading only by its place has no more words.
pub(super) const SHORT_WORDS: usize = 5;
/// Phrases of more words are not looked up.
const PHRASE_WORDS: usize = 4;
/// A heading of more words is only compared by its first ones.
const HEADING_WORDS: usize = 12;

static PHRASES: LazyLock<HashMap<&'static str, Meaning>> = LazyLock::new(|| {
    let files = REFERENCES.iter().map(|phrase| (*phrase, Meaning::References));
    let files = files.chain(ENTRIES.iter().map(|phrase| (*phrase, Meaning::Entries)));
    let kinds = KINDS
        .iter()
        .flat_map(|kind| kind.headings.iter().map(move |(phrase, status)| (*phrase, Meaning::Items(kind, status))));
    files.chain(kinds).collect()
});

/// What `heading` means by any of its words.
pub(super) fn meaning(heading: &str) -> Option<Meaning> {
    let plain = normalise(heading);
    let words = words(&plain);
    let phrase = |from: usize, count: usize| PHRASES.get(&plain[words[from].0..words[from + count - 1].1]);
    let lengths = || (1..=PHRASE_WORDS.min(words.len())).rev();
    if let Some(found) = leading_phrase(&plain, &words) {
        return Some(found);
    }
    let inner = lengths().flat_map(|count| (1..=words.len() - count).map(move |from| (from, count)));
    let found =
        inner.filter_map(|(from, count)| Some((words[from + count - 1].1 - words[from].0, phrase(from, count)?)));
    found.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, meaning)| *meaning)
}

/// What `heading` means by its first words, if it has no more than a few.
pub(super) fn leading(heading: &str) -> Option<Meaning> {
    let plain = normalise(heading);
    let words = words(&plain);
    if words.len() > SHORT_WORDS { None } else { leading_phrase(&plain, &words) }
}

fn leading_phrase(plain: &str, words: &[(usize, usize)]) -> Option<Meaning> {
    (1..=PHRASE_WORDS.min(words.len())).rev().find_map(|count| PHRASES.get(&plain[..words[count - 1].1]).copied())
}

/// What `label` means if it is one of the wordings and nothing else.
pub(super) fn exact(label: &str) -> Option<Meaning> {
    if label.len() > 60 {
        return None;
    }
    PHRASES.get(normalise(label).as_str()).copied()
}

/// Whether `heading` begins or ends with one of the `wanted` words.
pub(super) fn has_words(heading: &str, wanted: &[&str]) -> bool {
    let plain = normalise(heading);
    let begins = |phrase: &str| plain.strip_prefix(phrase).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let ends = |phrase: &str| plain.strip_suffix(phrase).is_some_and(|rest| rest.ends_with(' '));
    wanted.iter().any(|phrase| begins(phrase) || ends(phrase))
}

/// Lower case words with single spaces: no emoji, numbers in front, marks, or what is in parentheses.
fn normalise(heading: &str) -> String {
    let heading = heading.trim_start_matches(|c: char| !c.is_alphanumeric());
    let heading = heading.find('(').filter(|at| *at > 0).map_or(heading, |at| &heading[..at]);
    let mut plain = String::with_capacity(heading.len().min(200));
    for c in without_number(heading).chars().take(200).flat_map(char::to_lowercase) {
        match c {
            '\'' | '’' => {}
            c if c.is_alphanumeric() || c == '-' || c == '/' => plain.push(c),
            _ if plain.ends_with(' ') || plain.is_empty() => {}
            _ => plain.push(' '),
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// Drops the `2.`, `3)` or `2a.` of a numbered heading.
fn without_number(heading: &str) -> &str {
    let digits = heading.trim_start_matches(|c: char| c.is_ascii_digit());
    if digits.len() == heading.len() {
        return heading;
    }
    let rest = digits.strip_prefix(|c: char| c.is_ascii_lowercase()).unwrap_or(digits);
    rest.strip_prefix(['.', ')', ':']).unwrap_or(heading)
}

/// Where each of the first words begins and ends.
fn words(plain: &str) -> Vec<(usize, usize)> {
    let mut at = 0;
    plain
        .split(' ')
        .map(|word| {
            let start = at;
            at += word.len() + 1;
            (start, start + word.len())
        })
        .filter(|(start, end)| start < end)
        .take(HEADING_WORDS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(heading: &str, kind: &str, status: &str) {
        match meaning(heading) {
            Some(Meaning::Items(found, in_status)) => assert_eq!((found.name, in_status), (kind, status), "{heading}"),
            other => panic!("{heading}: {other:?}"),
        }
    }

    #[test]
    fn wordings_of_real_handoffs_are_understood() {
        for heading in [
            "Done",
            "DONE:",
            "✅ Completed",
            "1. What's done",
            "What was accomplished",
            "Completed This Session",
            "Fix Applied",
            "Post-cherry-pick Fixes Applied",
            "Features Completed",
            "Recent Changes",
            "Commits Made",
        ] {
            check(heading, "task", "done");
        }
        for heading in ["In progress", "Now", "Current Work Focus", "Current State", "🚧 WIP"] {
            check(heading, "task", "active");
        }
        for heading in [
            "Next Steps",
            "What's next",
            "Remaining Work",
            "Not done",
            "What is left",
            "Open questions (UNCONFIRMED)",
            "Next Priority (from hq-c25c13)",
            "Known issues",
            "Action Items",
            "TODO",
            "Filed Issues",
            "Deferred PRs",
        ] {
            check(heading, "task", "open");
        }
        for heading in ["Blockers", "Blocked (waiting on above)", "Waiting on a human decision", "Blocking the tag"] {
            check(heading, "blocker", "open");
        }
        check("Closed Blocker", "blocker", "done");
        for heading in [
            "Root Cause",
            "Key Insight",
            "Technical Notes",
            "Learnings and Project Insights",
            "Key Discoveries Documented",
        ] {
            check(heading, "finding", "live");
        }
        for heading in
            ["Key decisions", "Decisions Made", "Active Decisions and Considerations", "Terminology Decisions"]
        {
            check(heading, "decision", "live");
        }
        for heading in ["Read first", "Entry points", "Step 1 — Required reading"] {
            assert_eq!(meaning(heading), Some(Meaning::Entries), "{heading}");
        }
        for heading in ["References", "Key Files", "Files Created", "Working set (files/ids)"] {
            assert_eq!(meaning(heading), Some(Meaning::References), "{heading}");
        }
    }

    #[test]
    fn other_headings_mean_nothing() {
        for heading in [
            "Context",
            "Goal (incl. success criteria)",
            "Constraints/Assumptions",
            "Impact",
            "Background",
            "",
            "Deliberately NOT building in v1",
            "Nowhere",
            "Undone deeds",
            "Current Statistics",
            "🤝",
        ] {
            assert_eq!(meaning(heading), None, "{heading}");
        }
    }

    #[test]
    fn a_label_must_be_the_wording_itself() {
        assert!(exact("Next").is_some() && exact("**Done**").is_some());
        assert!(exact("Next Task with a name").is_none());
    }
}
