//! The registers of a record: every property is one last-writer-wins register with a name.
//!
//! Scalars are named plainly (`title`). Elements of a set are registers of their own (`tag/auth`, `link/needs/UID`,
//! `ref/src/a.rs:10-40`, `claim/SESSION`, `step/build`), so that two replicas adding different elements both win. A value
//! of `null` means: not there. Names that this binary does not know are kept and merged by the same rule.

use super::id::Uid;

/// The names of scalar registers.
pub const TITLE: &str = "title";
/// The Markdown body; in stored records its log position, see [`crate::domain::record::Record::body_position`].
pub const BODY: &str = "body";
/// One of the kind's statuses.
pub const STATUS: &str = "status";
/// 0 (most urgent) to 4.
pub const PRIORITY: &str = "priority";
/// The stable name.
pub const KEY: &str = "key";
/// `true`: never leaves the machine.
pub const PRIVATE: &str = "private";
/// Unix milliseconds before which a task is not ready.
pub const DEFER: &str = "defer";
/// The git branch that the record was made on.
pub const BRANCH: &str = "branch";
/// The name of the worktree that the record was made in.
pub const WORKTREE: &str = "worktree";
/// Where an imported record came from, `beads:bd-1`.
pub const ORIGIN: &str = "origin";
/// Everything of the source that has no register of its own, as it came.
pub const SOURCE: &str = "source";
/// Why the record ended, in the words of who ended it.
pub const REASON: &str = "reason";
/// `true`: its creation was undone.
pub const GONE: &str = "gone";
/// Unix milliseconds at which the record's text was erased.
pub const ERASED: &str = "erased";
/// `true`: made by `state` itself, where nobody wrote one.
pub const AUTO: &str = "auto";
/// `true`: a handoff of a session in which nothing was done and nothing is open; it hides no other.
pub const TRIVIAL: &str = "trivial";
/// Of a session: the uid of the task that it started last.
pub const FOCUS: &str = "focus";
/// Of a session: the process whose end is its end, `PID:START`.
pub const PROCESS: &str = "process";
/// Of a checkpoint: the names of its steps, in order.
pub const STEPS: &str = "steps";
/// Of a checkpoint: whatever the caller wants back.
pub const DATA: &str = "data";
/// Of a job: what people call it.
pub const LABEL: &str = "label";
/// Of a job: its command line as a shell would take it.
pub const COMMAND: &str = "command";
/// Of a job: what it waits for before it starts, `j-4kq2m:ok …`.
pub const AFTER: &str = "after";
/// Of a job: the exit code.
pub const CODE: &str = "code";
/// Of a job: Unix milliseconds of its end.
pub const ENDED: &str = "ended";
/// Of a job: milliseconds that its last attempt took.
pub const TOOK: &str = "took";
/// Of a job: the longest silence of its output, in milliseconds.
pub const SILENCE: &str = "silence";
/// Of a job: `true` if it runs elsewhere.
pub const EXTERNAL: &str = "external";
/// Of a job: `asked` if its end is told only to who asks.
pub const TELL: &str = "tell";
/// Of a job: the lines that its patterns found, the last ones.
pub const MATCHED: &str = "matched";
/// Of a job: milliseconds that it is expected to take.
pub const EXPECT: &str = "expect";
/// Of a job: what was odd about it last.
pub const ODD: &str = "odd";
/// Of an artifact: the copy that is kept, relative to the store.
pub const KEPT: &str = "kept";
/// Of an artifact: the SHA-256 of its content, 64 hex digits.
pub const SHA256: &str = "sha256";
/// Of an artifact: bytes of its content.
pub const BYTES: &str = "bytes";
/// Of a rule: what it waits for, see [`crate::domain::rule::On`].
pub const ON: &str = "on";
/// Of a job: why it runs, `RULE: EVENT` each, the last cause last; see [`crate::domain::rule`].
pub const TRAIL: &str = "trail";
/// Of a job: `false` if its end starts nothing.
pub const RULES: &str = "rules";
/// Of a job: what was said to speculative work, `undecided`, `accepted` or `dropped`.
pub const SPECULATIVE: &str = "speculative";
/// Of a job: the id of the one that it does again.
pub const AGAIN: &str = "again";

/// The scalar registers that reports and pages show under names of their own, or that are no property of the record.
pub const NAMED: [&str; 11] = [TITLE, BODY, STATUS, PRIORITY, KEY, PRIVATE, DEFER, BRANCH, WORKTREE, REASON, GONE];

/// Prefix of tag registers.
pub const TAG: &str = "tag/";
/// Prefix of link registers.
pub const LINK: &str = "link/";
/// Prefix of reference registers.
pub const REF: &str = "ref/";
/// Prefix of claim registers.
pub const CLAIM: &str = "claim/";
/// Prefix of checkpoint step registers.
pub const STEP: &str = "step/";
/// Prefix of further sources of the same content: `also/SESSION`.
pub const ALSO: &str = "also/";

/// The kinds of link that have a meaning here; others are kept and shown.
pub mod link {
    /// The source cannot be done before the target.
    pub const NEEDS: &str = "needs";
    /// The source is a part of the target.
    pub const PARENT: &str = "parent";
    /// The source, a blocker, holds the target up.
    pub const BLOCKS: &str = "blocks";
    /// The source takes the place of the target.
    pub const SUPERSEDES: &str = "supersedes";
    /// The source was found while working on the target.
    pub const FOUND_IN: &str = "found-in";
    /// The source is a result of the target.
    pub const RESULT_OF: &str = "result-of";
    /// The two have to do with each other.
    pub const RELATES: &str = "relates";
    /// The source, a note, is meant for the target.
    pub const TO: &str = "to";

    /// All of them, for help and completion.
    pub const ALL: [&str; 8] = [NEEDS, PARENT, BLOCKS, SUPERSEDES, FOUND_IN, RESULT_OF, RELATES, TO];
    /// Those in which a cycle makes no sense.
    pub const ACYCLIC: [&str; 4] = [NEEDS, PARENT, BLOCKS, SUPERSEDES];
}

/// The least urgent priority.
pub const PRIORITY_MAX: u64 = 4;
/// The priority of a record that has none.
pub const PRIORITY_DEFAULT: u64 = 2;

/// The register that holds `tag`.
#[must_use]
pub fn tag(tag: &str) -> String {
    format!("{TAG}{tag}")
}

/// The register that holds the link of type `kind` to `target`.
#[must_use]
pub fn link_to(kind: &str, target: Uid) -> String {
    format!("{LINK}{kind}/{target}")
}

/// The register that holds the claim of `session`.
#[must_use]
pub fn claim(session: Uid) -> String {
    format!("{CLAIM}{session}")
}
