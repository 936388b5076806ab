//! The table of record kinds: one row a kind, from which CLI, import, search, lists and briefing derive.
//!
//! A new kind is a row here. Prefixes are fixed for ever, those of planned kinds too, because ids are never reused and an
//! id's prefix must tell its kind in every version. Records of a kind that this binary does not know (written by a newer
//! one) are kept, shown and searched; only their transitions are refused.

/// What one kind is. Everything that differs between kinds is a column here.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The word in `add KIND`, `kind:`, JSON.
    pub name: &'static str,
    /// The word in `list WORD`.
    pub plural: &'static str,
    /// The letter before the dash of its ids.
    pub prefix: char,
    /// All statuses, the one of a new record first.
    pub statuses: &'static [&'static str],
    /// The statuses that mean: over, no longer shown by default.
    pub ended: &'static [&'static str],
    /// The status that `done` sets, if `done` means something here.
    pub done: Option<&'static str>,
    /// Headings of a Markdown handoff whose items are of this kind, with the status they get. Lower case.
    pub headings: &'static [(&'static str, &'static str)],
    /// The title under which a briefing lists the live ones, if it does.
    pub briefing: Option<&'static str>,
    /// Whether a person or agent makes it with `add`; the others are made by their own verbs.
    pub addable: bool,
    /// Whether its verbs come with a later issue; its prefix is taken already.
    pub planned: bool,
}

const BASE: Kind = Kind {
    name: "",
    plural: "",
    prefix: ' ',
    statuses: &["live", "superseded", "dropped"],
    ended: &["superseded", "dropped"],
    done: None,
    headings: &[],
    briefing: None,
    addable: true,
    planned: false,
};

const PLANNED: Kind =
    Kind { statuses: &["open", "done", "dropped"], ended: &["done", "dropped"], addable: false, planned: true, ..BASE };

/// The name of the kind that is worked on.
pub const TASK: &str = "task";
/// The name of the kind that holds something up.
pub const BLOCKER: &str = "blocker";
/// The name of the kind that ends a session.
pub const HANDOFF: &str = "handoff";
/// The name of the kind that sums up an analysis.
pub const SUMMARY: &str = "summary";
/// The name of the kind that says who acts.
pub const SESSION: &str = "session";
/// The name of the kind that marks the steps of a procedure.
pub const CHECKPOINT: &str = "checkpoint";
/// The name of the kind for what was learned.
pub const FINDING: &str = "finding";
/// The name of the kind for what was settled.
pub const DECISION: &str = "decision";
/// The name of the kind for everything else worth keeping.
pub const NOTE: &str = "note";

/// Every kind, in the order in which lists and help show them.
pub static KINDS: [Kind; 14] = [
    Kind {
        name: TASK,
        plural: "tasks",
        prefix: 't',
        statuses: &["open", "active", "done", "dropped"],
        ended: &["done", "dropped"],
        done: Some("done"),
        headings: &[
            ("done", "done"),
            ("completed", "done"),
            ("finished", "done"),
            ("accomplished", "done"),
            ("shipped", "done"),
            ("in progress", "active"),
            ("now", "active"),
            ("current", "active"),
            ("ongoing", "active"),
            ("next", "open"),
            ("todo", "open"),
            ("to do", "open"),
            ("remaining", "open"),
            ("pending", "open"),
            ("action items", "open"),
            ("issues", "open"),
            ("follow-up", "open"),
            ("follow up", "open"),
            ("backlog", "open"),
        ],
        briefing: Some("Next"),
        ..BASE
    },
    Kind {
        name: BLOCKER,
        plural: "blockers",
        prefix: 'x',
        statuses: &["open", "done", "dropped"],
        ended: &["done", "dropped"],
        done: Some("done"),
        headings: &[("blockers", "open"), ("blocked", "open"), ("blocking", "open"), ("waiting", "open")],
        briefing: Some("Blocked"),
        ..BASE
    },
    Kind {
        name: FINDING,
        plural: "findings",
        prefix: 'f',
        headings: &[
            ("findings", "live"),
            ("learned", "live"),
            ("learnings", "live"),
            ("lessons", "live"),
            ("discovered", "live"),
            ("discoveries", "live"),
            ("insights", "live"),
            ("observations", "live"),
            ("gotchas", "live"),
            ("root cause", "live"),
        ],
        briefing: Some("Known"),
        ..BASE
    },
    Kind {
        name: DECISION,
        plural: "decisions",
        prefix: 'd',
        headings: &[("decisions", "live"), ("decision", "live"), ("decided", "live"), ("key decisions", "live")],
        briefing: Some("Known"),
        ..BASE
    },
    Kind { name: NOTE, plural: "notes", prefix: 'n', statuses: &["live", "dropped"], ended: &["dropped"], ..BASE },
    Kind { name: HANDOFF, plural: "handoffs", prefix: 'h', ..BASE },
    Kind { name: SUMMARY, plural: "summaries", prefix: 'm', ..BASE },
    Kind { name: "artifact", plural: "artifacts", prefix: 'a', ..BASE },
    Kind {
        name: SESSION,
        plural: "sessions",
        prefix: 's',
        statuses: &["active", "ended"],
        ended: &["ended"],
        done: Some("ended"),
        addable: false,
        ..BASE
    },
    Kind {
        name: CHECKPOINT,
        plural: "checkpoints",
        prefix: 'c',
        statuses: &["open", "done", "dropped"],
        ended: &["done", "dropped"],
        done: Some("done"),
        addable: false,
        ..BASE
    },
    Kind { name: "job", plural: "jobs", prefix: 'j', ..PLANNED },
    Kind { name: "flow", plural: "flows", prefix: 'w', ..PLANNED },
    Kind { name: "lease", plural: "leases", prefix: 'l', ..PLANNED },
    Kind { name: "brief", plural: "briefs", prefix: 'b', ..PLANNED },
];

/// The row of a kind by its name, plural or prefix; `None` for a newer binary's kind.
#[must_use]
pub fn find(word: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == word || kind.plural == word)
}

/// Whether `status` of a record of kind `name` means that it is over. Kinds of newer binaries are judged by the words
/// that any kind here uses for it.
#[must_use]
pub fn is_ended(name: &str, status: &str) -> bool {
    find(name)
        .map_or_else(|| KINDS.iter().any(|kind| kind.ended.contains(&status)), |kind| kind.ended.contains(&status))
}

/// The letter for ids of kind `name`; an unknown kind's first letter.
#[must_use]
pub fn prefix(name: &str) -> char {
    find(name).map_or_else(|| name.chars().next().unwrap_or('r'), |kind| kind.prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_prefixes_are_unique_and_consistent() {
        let prefixes: BTreeSet<char> = KINDS.iter().map(|kind| kind.prefix).collect();
        let names: BTreeSet<&str> = KINDS.iter().flat_map(|kind| [kind.name, kind.plural]).collect();
        assert_eq!(prefixes.len(), KINDS.len());
        assert_eq!(names.len(), 2 * KINDS.len());
        for kind in &KINDS {
            assert!(kind.ended.iter().all(|status| kind.statuses.contains(status)), "{}", kind.name);
            assert!(kind.done.is_none_or(|status| kind.ended.contains(&status)), "{}", kind.name);
            assert!(!kind.ended.contains(&kind.statuses[0]), "{}", kind.name);
            assert!(kind.headings.iter().all(|(_, status)| kind.statuses.contains(status)), "{}", kind.name);
        }
    }

    #[test]
    fn a_newer_kind_is_judged_by_common_words() {
        assert!(is_ended("question", "dropped") && !is_ended("question", "open"));
    }
}
