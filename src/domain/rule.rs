//! Rules: what must happen for a command to run.
//!
//! | as text | happens when |
//! |---|---|
//! | `job LABEL ok\|fail\|lost\|any` | a job of this label ends so; one without a label goes by its command line |
//! | `record KIND STATUS` | a record of this kind comes into this status, new ones too |
//! | `file GLOB` | a file below the worktree's root changes, while somebody watches |
//!
//! LABEL and KIND may hold `*`, `?`, `[a-z]` and `{a,b}`; STATUS may be `*`. A GLOB without `/` is any file of that name.
//!
//! What runs because of a rule carries its **trail**: the rules and events that led to it, `r-4kq: job j-3 lint ok`, the
//! last cause last. A rule does not answer to what it has brought about itself, and no trail is longer than [`TRAIL_MAX`].

use super::kind::{self, KINDS};
use super::text::quoted;
use crate::error::{Error, Result};
use globset::{GlobBuilder, GlobMatcher};
use std::fmt;

/// So many causes lie behind a job at most.
pub const TRAIL_MAX: usize = 8;
/// Characters of a rule's text.
const TEXT_CHARS_MAX: usize = 300;
/// How it is written, for those who did not.
const HINT: &str = "'job LABEL ok|fail|lost|any', 'record KIND STATUS' or 'file GLOB'";

/// What a rule waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// The end of a job.
    Job {
        /// A glob for its label, or its command line if it has none.
        label: String,
        /// Which end.
        end: End,
    },
    /// A record that comes into a status.
    Record {
        /// A glob for the name of its kind.
        kind: String,
        /// The status, or `*`.
        status: String,
    },
    /// A file that changes.
    File {
        /// A glob for its path below the root.
        glob: String,
    },
}

/// How a job ends, as rules tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Well.
    Ok,
    /// `failed`, `timeout`, `idle` or `missing`: by itself, not well.
    Fail,
    /// Nobody knows.
    Lost,
    /// However: also killed, skipped or dropped.
    Any,
}

impl End {
    const ALL: [Self; 4] = [Self::Ok, Self::Fail, Self::Lost, Self::Any];

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Lost => "lost",
            Self::Any => "any",
        }
    }

    fn is(self, status: &str) -> bool {
        match self {
            Self::Ok => status == "ok",
            Self::Fail => ["failed", "timeout", "idle", "missing"].contains(&status),
            Self::Lost => status == "lost",
            Self::Any => kind::is_ended(kind::JOB, status),
        }
    }
}

impl On {
    /// Reads what somebody wrote.
    ///
    /// # Errors
    /// `Usage`: another event, a kind or status that there is not, a glob that is none.
    pub fn parse(text: &str) -> Result<Self> {
        if text.chars().count() > TEXT_CHARS_MAX || text.contains(char::is_control) {
            return Err(Error::usage(format!("not an event in a line: {}", quoted(text))).hint(HINT));
        }
        let (event, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let last = rest.trim().rsplit_once(char::is_whitespace).map(|(first, last)| (first.trim(), last));
        match (event, last) {
            ("job", Some((label, end))) => job(label, end),
            ("record", Some((kind, status))) => record(kind, status),
            ("file", _) => file(rest.trim()),
            ("job" | "record", None) => Err(Error::usage(format!("half an event: {}", quoted(text))).hint(HINT)),
            _ => Err(Error::usage(format!("not an event: {}", quoted(text))).hint(HINT)),
        }
    }

    /// Whether the end of a job is it: its label or command line, and its status.
    #[must_use]
    pub fn is_job(&self, name: &str, status: &str) -> bool {
        matches!(self, Self::Job { label, end } if end.is(status) && is_like(label, name))
    }

    /// Whether a record that has come into a status is it.
    #[must_use]
    pub fn is_record(&self, kind: &str, status: &str) -> bool {
        matches!(self, Self::Record { kind: wanted, status: into }
            if (into == "*" || into == status) && is_like(wanted, kind))
    }

    /// What finds the paths of a `file` rule, relative to the root; `None` for other rules.
    #[must_use]
    pub fn paths(&self) -> Option<GlobMatcher> {
        let Self::File { glob } = self else { return None };
        path_glob(glob).ok()
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job { label, end } => write!(f, "job {label} {}", end.word()),
            Self::Record { kind, status } => write!(f, "record {kind} {status}"),
            Self::File { glob } => write!(f, "file {glob}"),
        }
    }
}

/// Words within words need no quotes here, but people give them.
fn unquoted(text: &str) -> &str {
    let inside = |quote| text.strip_prefix(quote)?.strip_suffix(quote).filter(|inside| !inside.is_empty());
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

fn job(label: &str, end: &str) -> Result<On> {
    let Some(end) = End::ALL.into_iter().find(|known| known.word() == end) else {
        return Err(Error::usage(format!("not an end of a job that a rule knows: {}", quoted(end)))
            .hint(format!("ok, fail, lost or any: 'job {label} ok'")));
    };
    let label = unquoted(label);
    name_glob(label)?;
    Ok(On::Job { label: label.to_owned(), end })
}

fn record(kind: &str, status: &str) -> Result<On> {
    let kind = kind::find(kind).map_or(kind, |row| row.name);
    let glob = name_glob(kind)?;
    let rows: Vec<_> = KINDS.iter().filter(|row| !row.planned && glob.is_match(row.name)).collect();
    if rows.is_empty() {
        let names: Vec<&str> = KINDS.iter().filter(|row| !row.planned).map(|row| row.name).collect();
        return Err(Error::usage(format!("no kind of record: {}", quoted(kind))).hint(names.join(", ")));
    }
    if status != "*" && !rows.iter().any(|row| row.statuses.contains(&status)) {
        let mut statuses: Vec<&str> = rows.iter().flat_map(|row| row.statuses).copied().collect();
        statuses.dedup();
        return Err(Error::usage(format!("no status of a {kind}: {}", quoted(status))).hint(statuses.join(", ")));
    }
    Ok(On::Record { kind: kind.to_owned(), status: status.to_owned() })
}

fn file(glob: &str) -> Result<On> {
    let glob = glob.trim_start_matches("./");
    let is_outside = glob.starts_with('/') || glob.split('/').any(|part| part == "..");
    if glob.is_empty() || is_outside {
        return Err(Error::usage(format!("not a path below the root: {}", quoted(glob))).hint("'file src/**'"));
    }
    path_glob(glob)?;
    Ok(On::File { glob: glob.to_owned() })
}

fn is_like(glob: &str, name: &str) -> bool {
    glob == name || name_glob(glob).is_ok_and(|glob| glob.is_match(name))
}

fn name_glob(glob: &str) -> Result<GlobMatcher> {
    built(glob, GlobBuilder::new(glob).literal_separator(false))
}

fn path_glob(glob: &str) -> Result<GlobMatcher> {
    let anywhere = format!("**/{glob}");
    let path = if glob.contains('/') { glob } else { &anywhere };
    built(glob, GlobBuilder::new(path).literal_separator(true))
}

fn built(glob: &str, builder: &GlobBuilder) -> Result<GlobMatcher> {
    let built = builder.build().map_err(|error| {
        Error::usage(format!("not a glob: {}: {}", quoted(glob), error.kind())).hint("* for any part of a name")
    })?;
    Ok(built.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_printed_again() {
        for (text, printed) in [
            ("job lint ok", "job lint ok"),
            ("  job   unit tests   fail ", "job unit tests fail"),
            ("job * any", "job * any"),
            ("job \"unit tests\" ok", "job unit tests ok"),
            ("job 'unit tests' ok", "job unit tests ok"),
            ("job it's ok", "job it's ok"),
            ("record tasks done", "record task done"),
            ("record * dropped", "record * dropped"),
            ("record {task,blocker} *", "record {task,blocker} *"),
            ("file ./src/**", "file src/**"),
            ("file my notes/*.md", "file my notes/*.md"),
        ] {
            let on = On::parse(text).unwrap();
            assert_eq!(on.to_string(), printed);
            assert_eq!(On::parse(printed).unwrap(), on);
        }
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (text, word) in [
            ("", "not an event"),
            ("webhook push", "not an event"),
            ("job", "half an event"),
            ("job lint", "half an event"),
            ("record task", "half an event"),
            ("job lint done", "not an end of a job"),
            ("job [ ok", "not a glob"),
            ("record chore done", "no kind of record"),
            ("record lease open", "no kind of record"),
            ("record task finished", "no status of a task"),
            ("file", "not a path"),
            ("file /etc/passwd", "not a path"),
            ("file a/../../b", "not a path"),
            ("file {a", "not a glob"),
            ("job a\nb ok", "not an event in a line"),
        ] {
            let error = On::parse(text).unwrap_err();
            assert!(error.to_string().contains(word), "{text:?}: {error}");
            assert!(error.hint.is_some(), "{text:?}");
        }
    }

    #[test]
    fn the_ends_of_jobs_are_told_apart() {
        let is = |text: &str, name: &str, status: &str| On::parse(text).unwrap().is_job(name, status);
        for status in ["failed", "timeout", "idle", "missing"] {
            assert!(is("job lint fail", "lint", status) && is("job lint any", "lint", status), "{status}");
            assert!(!is("job lint ok", "lint", status) && !is("job lint lost", "lint", status), "{status}");
        }
        for status in ["killed", "skipped", "dropped"] {
            assert!(is("job lint any", "lint", status) && !is("job lint fail", "lint", status), "{status}");
        }
        assert!(is("job lint lost", "lint", "lost") && !is("job lint fail", "lint", "lost"));
        assert!(!is("job lint any", "lint", "running") && !is("job lint any", "test", "ok"));
        assert!(is("job cargo * ok", "cargo test src/a.rs", "ok") && !is("job cargo* ok", "make", "ok"));
        assert!(!On::parse("record job ok").unwrap().is_job("lint", "ok"));
    }

    #[test]
    fn records_and_files_are_found_by_globs() {
        let record = |text: &str, kind: &str, status: &str| On::parse(text).unwrap().is_record(kind, status);
        assert!(record("record task done", "task", "done") && !record("record task done", "task", "open"));
        assert!(record("record * *", "finding", "live") && !record("record task *", "blocker", "open"));
        let file = |text: &str, path: &str| On::parse(text).unwrap().paths().unwrap().is_match(path);
        assert!(file("file src/**", "src/a/b.rs") && !file("file src/**", "tests/a.rs"));
        assert!(file("file *.rs", "src/a.rs") && file("file *.rs", "a.rs") && !file("file src/*.rs", "src/a/b.rs"));
        assert!(On::parse("job a ok").unwrap().paths().is_none());
    }
}
