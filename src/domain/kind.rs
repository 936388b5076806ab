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
/// The name of the kind that runs in the background.
pub const JOB: &str = "job";
/// The name of the kind that starts jobs when something happens.
pub const RULE: &str = "rule";
/// The name of the kind for what was learned.
pub const FINDING: &str = "finding";
/// The name of the kind for what was settled.
pub const DECISION: &str = "decision";
/// The name of the kind for files that are results.
pub const ARTIFACT: &str = "artifact";
/// The name of the kind for everything else worth keeping.
pub const NOTE: &str = "note";

/// Every kind, in the order in which lists and help show them.
pub static KINDS: [Kind; 15] = [
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
            ("complete", "done"),
            ("finished", "done"),
            ("accomplished", "done"),
            ("accomplishments", "done"),
            ("shipped", "done"),
            ("merged", "done"),
            ("implemented", "done"),
            ("fixed", "done"),
            ("resolved", "done"),
            ("closed", "done"),
            ("what changed", "done"),
            ("recent changes", "done"),
            ("changes made", "done"),
            ("fixes applied", "done"),
            ("fix applied", "done"),
            ("commits made", "done"),
            ("this session", "done"),
            ("bugs fixed", "done"),
            ("issues fixed", "done"),
            ("issues resolved", "done"),
            ("issues closed", "done"),
            ("verified working", "done"),
            ("in progress", "active"),
            ("now", "active"),
            ("current state", "active"),
            ("current work", "active"),
            ("current focus", "active"),
            ("current task", "active"),
            ("currently", "active"),
            ("working on", "active"),
            ("ongoing", "active"),
            ("underway", "active"),
            ("wip", "active"),
            ("active work", "active"),
            ("next", "open"),
            ("next task", "open"),
            ("todo", "open"),
            ("todos", "open"),
            ("to do", "open"),
            ("not done", "open"),
            ("not yet done", "open"),
            ("not started", "open"),
            ("still open", "open"),
            ("start with", "open"),
            ("remaining", "open"),
            ("remains", "open"),
            ("left to do", "open"),
            ("whats left", "open"),
            ("what is left", "open"),
            ("work left", "open"),
            ("pending", "open"),
            ("outstanding", "open"),
            ("action items", "open"),
            ("action item", "open"),
            ("issues", "open"),
            ("known issues", "open"),
            ("open issues", "open"),
            ("filed issues", "open"),
            ("bugs", "open"),
            ("loose ends", "open"),
            ("open questions", "open"),
            ("open question", "open"),
            ("unresolved", "open"),
            ("questions", "open"),
            ("deferred", "open"),
            ("follow-up", "open"),
            ("follow-ups", "open"),
            ("follow up", "open"),
            ("followup", "open"),
            ("up next", "open"),
            ("upcoming", "open"),
            ("planned", "open"),
            ("future work", "open"),
            ("backlog", "open"),
            ("ready to implement", "open"),
            ("ready work", "open"),
            ("candidates", "open"),
            ("suggested order", "open"),
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
        headings: &[
            ("blockers", "open"),
            ("blocker", "open"),
            ("blocked", "open"),
            ("blocked by", "open"),
            ("blocking", "open"),
            ("waiting", "open"),
            ("waiting on", "open"),
            ("waiting for", "open"),
            ("stuck", "open"),
            ("impediments", "open"),
            ("closed blocker", "done"),
            ("blockers resolved", "done"),
            ("closed blockers", "done"),
            ("resolved blocker", "done"),
            ("resolved blockers", "done"),
            ("unblocked", "done"),
        ],
        briefing: Some("Blocked"),
        ..BASE
    },
    Kind {
        name: FINDING,
        plural: "findings",
        prefix: 'f',
        headings: &[
            ("findings", "live"),
            ("finding", "live"),
            ("key findings", "live"),
            ("learned", "live"),
            ("learnings", "live"),
            ("learning", "live"),
            ("lessons", "live"),
            ("lessons learned", "live"),
            ("discovered", "live"),
            ("discoveries", "live"),
            ("insights", "live"),
            ("insight", "live"),
            ("key insight", "live"),
            ("observations", "live"),
            ("gotchas", "live"),
            ("gotcha", "live"),
            ("caveats", "live"),
            ("pitfalls", "live"),
            ("warnings", "live"),
            ("warning", "live"),
            ("root cause", "live"),
            ("root causes", "live"),
            ("technical notes", "live"),
            ("important note", "live"),
            ("verified facts", "live"),
            ("code-verified facts", "live"),
            ("facts", "live"),
            ("current challenges", "live"),
            ("known limitations", "live"),
            ("limitations", "live"),
        ],
        briefing: Some("Known"),
        ..BASE
    },
    Kind {
        name: DECISION,
        plural: "decisions",
        prefix: 'd',
        headings: &[
            ("decisions", "live"),
            ("decision", "live"),
            ("decided", "live"),
            ("key decisions", "live"),
            ("active decisions", "live"),
            ("design decisions", "live"),
            ("decisions made", "live"),
            ("resolutions", "live"),
        ],
        briefing: Some("Known"),
        ..BASE
    },
    Kind { name: NOTE, plural: "notes", prefix: 'n', statuses: &["live", "dropped"], ended: &["dropped"], ..BASE },
    Kind { name: HANDOFF, plural: "handoffs", prefix: 'h', ..BASE },
    Kind { name: SUMMARY, plural: "summaries", prefix: 'm', ..BASE },
    Kind { name: ARTIFACT, plural: "artifacts", prefix: 'a', ..BASE },
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
    Kind {
        name: JOB,
        plural: "jobs",
        prefix: 'j',
        statuses: &[
            "waiting", "running", "ok", "failed", "timeout", "idle", "killed", "skipped", "missing", "lost", "dropped",
        ],
        ended: &["ok", "failed", "timeout", "idle", "killed", "skipped", "missing", "lost", "dropped"],
        addable: false,
        ..BASE
    },
    Kind {
        name: RULE,
        plural: "rules",
        prefix: 'r',
        statuses: &["live", "dropped"],
        ended: &["dropped"],
        addable: false,
        ..BASE
    },
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
