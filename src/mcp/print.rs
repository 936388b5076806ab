//! Records as text: what the command line prints, for a reader who pays by the token.

use super::tools::Detail;
use crate::domain::{field, kind, text, when};
use crate::ops::report::{AUTO, Full, Line, LinkEnd};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// How many records that link to one are named in a concise answer.
const BACKLINKS_MAX: usize = 5;

/// A record as one line: id, age, what it is, title.
pub(super) fn line(record: &Line, (now, detail): (DateTime<Utc>, Detail)) -> String {
    let mut line = format!("{} {}  ", record.id, when::age(record.updated, now));
    if let Some(priority) = record.priority {
        let _ = write!(line, "p{priority} ");
    }
    if record.kind != kind::TASK {
        let _ = write!(line, "{} ", record.kind);
    }
    line.push_str(&status(record));
    line.push_str(&text::clean_line(&record.title));
    for tag in &record.tags {
        let _ = write!(line, " #{tag}");
    }
    if !record.blocked_by.is_empty() {
        let _ = write!(line, " (waits for {})", record.blocked_by.join(", "));
    }
    if let Some(session) = &record.claimed_by {
        let _ = write!(line, " ({session} is on it)");
    }
    if let Some(until) = record.defer {
        let _ = write!(line, " (not before {})", until.format("%Y-%m-%d %H:%M"));
    }
    if detail == Detail::Detailed {
        line.push_str(&origin(record));
    }
    text::clean_line(&line)
}

/// The status and a space, if it is not the usual one.
fn status(record: &Line) -> String {
    let usual = ["open", "live"].contains(&record.status.as_str());
    if usual { String::new() } else { format!("{} ", record.status) }
}

/// Where a record comes from, in brackets.
fn origin(record: &Line) -> String {
    let key = record.key.iter().map(|key| format!("key {key}"));
    let actor = Some(&record.actor).filter(|actor| !actor.is_empty()).map(|actor| format!("by {actor}"));
    let branch = record.branch.iter().map(|branch| format!("on {branch}"));
    let made = [format!("made {}", record.created.format("%Y-%m-%d %H:%M"))];
    let parts: Vec<String> = key.chain(actor).chain(branch).chain(made).collect();
    format!(" [{}]", parts.join(", "))
}

/// Ids with commas.
pub(super) fn ids(records: &[Line]) -> String {
    records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>().join(", ")
}

/// What the core tells people at a command line and an agent without one cannot do, and what does the same here. Other
/// commands are the verbs themselves; how they are called stands in the instructions.
const SAID: [(&str, &str); 12] = [
    ("whole: state resume --full", "whole: resume {\"detail\":\"detailed\"}"),
    ("; raise --budget", "; raise budget"),
    (
        "Bring history along: state import FILE-OR-FOLDER; before you stop: state add - < HANDOFF.md",
        "Before you stop: add {\"text\": MARKDOWN}",
    ),
    ("put the rest into --body (or --body - for standard input)", "put the rest into body"),
    ("refer to it: --ref PATH", "refer to it with refs"),
    (
        "state edit --help lists what can be changed",
        "edit takes title, body, append, status, priority, tags, untag, refs, entries, unref, key, defer, private",
    ),
    (
        "a session begins with its first command; name it with --session or STATE_SESSION",
        "a session begins with its first call",
    ),
    ("state list sessions, git branch", "list {\"word\":\"sessions\"}; a branch must exist"),
    ("state list sessions", "list {\"word\":\"sessions\"}"),
    ("state start --next", "update {\"do\":\"start\"}"),
    ("state add finding \"WHAT YOU LEARNED\"", "add {\"kind\":\"finding\",\"title\":\"WHAT YOU LEARNED\"}"),
    (
        "to take back another session's change: state log, then state undo @POSITION",
        "another session's change is taken back in a shell: state undo @POSITION",
    ),
];

/// The same text for an agent that has only the tools.
pub(super) fn for_tools(text: &str) -> String {
    SAID.iter().fold(text.to_owned(), |text, (said, tool)| text.replace(said, tool))
}

/// Remarks, one a line.
pub(super) fn lines(remarks: &[String]) -> String {
    let mut out = String::new();
    for remark in remarks {
        let _ = writeln!(out, "{}", text::clean_line(remark));
    }
    out
}

/// A record with all that it says.
pub(super) fn full(record: &Full, (now, detail): (DateTime<Utc>, Detail)) -> String {
    let mut out = String::new();
    head(&mut out, record, (now, detail));
    facts(&mut out, record, detail);
    links(&mut out, record, detail);
    if record.stale {
        out.push_str("stale: a file that it refers to has changed since\n");
    }
    for reference in &record.refs {
        let first = if reference.entry { " (read first)" } else { "" };
        let _ = writeln!(out, "ref {}{first}{}", reference.path, reference.state.remark());
    }
    if !record.body.trim().is_empty() {
        let _ = writeln!(out, "\n{}", record.body.trim_end());
    }
    text::display(&out).into_owned()
}

fn head(out: &mut String, record: &Full, (now, detail): (DateTime<Utc>, Detail)) {
    let line = &record.line;
    let priority = line.priority.map(|priority| format!(" p{priority}")).unwrap_or_default();
    let undone = if record.undone { " (undone)" } else { "" };
    let unknown = if kind::find(&line.kind).is_none() { " (newer kind)" } else { "" };
    let _ = writeln!(out, "{} {}", line.id, text::clean_line(&line.title));
    let changed = when::ago(line.updated, now);
    let _ = writeln!(out, "{}{unknown} {}{priority}{undone}, changed {changed}", line.kind, line.status);
    if detail == Detail::Concise {
        return;
    }
    let mut facts = vec![format!("made {} by {}", when::ago(line.created, now), line.actor)];
    facts.extend(record.session.as_ref().map(|session| format!("in {session}")));
    facts.extend(line.branch.as_ref().map(|branch| format!("on {branch}")));
    facts.extend(record.worktree.as_ref().filter(|name| !name.is_empty()).map(|name| format!("worktree {name}")));
    let _ = writeln!(out, "{}", text::clean_line(&facts.join(", ")));
}

fn facts(out: &mut String, record: &Full, detail: Detail) {
    let line = &record.line;
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{name} {}", text::clean_line(value));
        }
    };
    say("key", line.key.as_deref().unwrap_or_default());
    say("tags", &line.tags.join(", "));
    say("waits for", &line.blocked_by.join(", "));
    say("claimed by", line.claimed_by.as_deref().unwrap_or_default());
    say("not before", &line.defer.map(|until| until.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default());
    say("erased on", &record.erased.map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default());
    say("private:", if record.private { "never leaves this machine" } else { "" });
    say("because:", record.reason.as_deref().unwrap_or_default());
    if record.is_auto() {
        let _ = writeln!(out, "{AUTO}");
    }
    if detail == Detail::Detailed {
        let mut say = |name: &str, value: &str| {
            let _ = writeln!(out, "{name} {}", text::clean_line(value));
        };
        for (name, value) in record.more.iter().filter(|(name, _)| *name != "digest" && *name != field::AUTO) {
            say(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
}

fn links(out: &mut String, record: &Full, detail: Detail) {
    let told = if detail == Detail::Detailed { record.backlinks.len() } else { BACKLINKS_MAX };
    let links = record.links.iter().map(|link| link_line(&link.kind, link));
    let backlinks = record.backlinks.iter().take(told).map(|link| link_line(&format!("<- {}", link.kind), link));
    let conflicts = record.conflicts.iter().map(|link| link_line("contradicts", link));
    for line in links.chain(backlinks).chain(conflicts) {
        let _ = writeln!(out, "{line}");
    }
    if record.backlinks.len() > told {
        let _ = writeln!(out, "and {} more that link here (detail: detailed)", record.backlinks.len() - told);
    }
}

fn link_line(kind: &str, link: &LinkEnd) -> String {
    text::clean_line(&format!("{kind} {} {} ({})", link.id, link.title, link.status))
}
