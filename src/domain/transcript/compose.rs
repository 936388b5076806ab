//! The handoff that is made where the agent left none.
//!
//! Mechanical: it repeats what hooks and transcript hold, the unfinished first, and adds nothing. All of it is data from
//! outside: every line is cleaned, shortened and stands behind a label or `> `, so that nothing in it becomes a heading,
//! an item or an order of ours.

use super::excerpt::{announces, both_ends, excerpt};
use super::story::Story;
use super::{Todo, TodoState};
use crate::domain::activity::{Activity, Background};
use crate::domain::draft::Draft;
use crate::domain::kind;
use crate::domain::reference::Reference;
use crate::domain::text::{clean_line, estimate_tokens, truncate_width};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// The whole body.
const LINES_MAX: usize = 60;
const TOKENS_MAX: usize = 600;
/// Of what is unfinished.
const OPEN_TOKENS: usize = 320;
const SAID_TOKENS: usize = 170;
const SUMMARY_TOKENS: usize = 110;
const ASKED_TOKENS: usize = 60;
const UNANSWERED_TOKENS: usize = 30;
const TITLE_COLUMNS: usize = 100;
/// A request of so many bytes has something pasted into it.
const PASTED_BYTES_MIN: usize = 2000;
/// Characters of a first line that makes a title of its own.
const FIRST_LINE_MIN: usize = 20;
const LINE_COLUMNS: usize = 150;
const TODOS_MAX: usize = 14;
const COMMANDS_MAX: usize = 4;
const COMMITS_MAX: usize = 6;
const FILES_MAX: usize = 8;
/// References of the record.
const REFS_MAX: usize = 20;
/// Those of them that are to be read first.
const ENTRIES_MAX: usize = 3;

/// What hooks and transcript say together.
struct Told<'a> {
    activity: &'a Activity,
    story: &'a Story,
    request: Option<&'a str>,
    last_request: Option<&'a str>,
    message: Option<&'a str>,
    is_answered: bool,
    files: Vec<String>,
}

/// The handoff of a session that left none; `None` if there is nothing to tell.
#[must_use]
pub fn compose(activity: &Activity, story: &Story) -> Option<Draft> {
    let told = Told::new(activity, story);
    let title = told.title()?;
    let (entries, refs) = told.references();
    let body = told.body(&title);
    Some(Draft { kind: kind::HANDOFF.to_owned(), title, body, refs, entries, ..Draft::default() })
}

/// Whether nothing was done in a session and nothing of it is open: such a handoff hides no other.
#[must_use]
pub fn is_trivial(activity: &Activity, story: &Story) -> bool {
    let told = Told::new(activity, story);
    let is_idle = told.files.is_empty() && story.commits.is_empty() && told.unfinished("").is_empty();
    is_idle && !told.message.is_some_and(announces)
}

/// Whether two texts are the same, as far as neither was cut.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (clean_line(one), clean_line(other));
    let (short, long) = if one.contains('…') { (one, other) } else { (other, one) };
    match short.split_once('…') {
        Some((head, _)) => !head.trim().is_empty() && long.starts_with(head.trim_end()),
        None => short == long,
    }
}

/// A transcript may lag behind the hooks, or hooks may be missing: the later one is right.
fn later<'a>(
    (hook, hook_at): (Option<&'a str>, Option<DateTime<Utc>>),
    (own, own_at): (Option<&'a str>, Option<DateTime<Utc>>),
) -> Option<&'a str> {
    if hook.is_some() && (own.is_none() || hook_at > own_at) { hook } else { own }
}

fn some(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !clean_line(text).is_empty())
}

impl<'a> Told<'a> {
    fn new(activity: &'a Activity, story: &'a Story) -> Self {
        let request = some(story.request.as_ref()).or(some(activity.request.as_ref()));
        let hook_last = some(activity.last_request.as_ref()).or(some(activity.request.as_ref()));
        let own_last = some(story.last_request.as_ref()).or(some(story.request.as_ref()));
        let last = later((hook_last, activity.asked_at), (own_last, story.asked_at));
        let said = (some(activity.last_message.as_ref()), activity.said_at);
        let asked_at = activity.asked_at.max(story.asked_at);
        let mut files = activity.files.clone();
        files.retain(|file| !story.files.contains(file));
        files.extend(story.files.iter().cloned());
        Self {
            activity,
            story,
            request,
            last_request: last.filter(|last| !request.is_some_and(|request| is_same(last, request))),
            message: later(said, (some(story.message.as_ref()), story.said_at)),
            is_answered: asked_at.is_none() || activity.said_at.max(story.said_at) >= asked_at,
            files,
        }
    }

    /// The request in a line; without one, the work that was done.
    fn title(&self) -> Option<String> {
        let commit = || self.story.commits.last().map(|commit| commit.subject.clone());
        let edited = || self.files.last().map(|file| format!("Edited {file}"));
        let text = self.request.or(self.last_request).map(str::to_owned).or_else(commit).or_else(edited)?;
        let title = title_of(&text);
        (!title.is_empty()).then_some(title)
    }

    fn body(&self, title: &str) -> String {
        let stopped = !self.story.under_way.is_empty() || self.story.trouble.is_some();
        let parts = [
            (if stopped { "Stopped at" } else { "Unfinished" }, within(self.unfinished(title), OPEN_TOKENS)),
            ("Asked", self.asked(title)),
            ("Said last", self.message.map_or_else(Vec::new, |said| quoted(&excerpt(said, SAID_TOKENS)))),
            ("Kept at compaction", self.kept()),
            ("It did", self.did()),
            ("Files", self.file_line()),
        ];
        let (mut body, mut lines) = (String::new(), 0);
        for (heading, part) in parts.iter().filter(|(_, part)| !part.is_empty()) {
            let mut next = format!("{}## {heading}\n\n", if body.is_empty() { "" } else { "\n" });
            for (at, line) in part.iter().enumerate() {
                let longer = format!("{next}{line}\n");
                let room =
                    lines + 4 + at < LINES_MAX && estimate_tokens(&body) + estimate_tokens(&longer) <= TOKENS_MAX;
                if !room {
                    break;
                }
                next = longer;
            }
            if !next.ends_with("\n\n") {
                lines += next.lines().count();
                body.push_str(&next);
            }
        }
        body.trim_end().to_owned()
    }

    fn unfinished(&self, title: &str) -> Vec<String> {
        let story = self.story;
        let mut lines: Vec<String> = story.under_way.iter().rev().take(3).map(|way| item("under way", way)).collect();
        lines.extend(story.trouble.iter().map(|trouble| item("the host could not go on", trouble)));
        lines.extend(self.unanswered().map(|asked| {
            if is_same(&title_of(asked), title) {
                return "- asked and not answered: the request above".to_owned();
            }
            item("asked and not answered", &both_ends(&clean_line(asked), UNANSWERED_TOKENS))
        }));
        let failed = story.commands.iter().rev().filter(|command| command.passed == Some(false)).take(COMMANDS_MAX);
        lines.extend(failed.map(|command| {
            let columns = LINE_COLUMNS / command.told.len().max(1);
            let told: Vec<String> =
                command.told.iter().map(|line| truncate_width(&clean_line(line), columns)).collect();
            match told.join("; ").as_str() {
                "" => format!("- failed: {}", code(&command.line)),
                told => format!("- failed: {}: \"{told}\"", code(&command.line)),
            }
        }));
        lines.extend(self.todos());
        lines.extend(self.background().iter().map(|work| {
            format!("- in the background, its end not seen: {} {}", clean_line(&work.kind), code(&work.what))
        }));
        let uncommitted = listed(&story.uncommitted);
        let since = if story.commits.is_empty() { "edited and not committed" } else { "edited since its last commit" };
        lines.extend((!uncommitted.is_empty()).then(|| format!("- {since}: {uncommitted}")));
        lines
    }

    /// What is in progress first.
    fn todos(&self) -> Vec<String> {
        let (active, open): (Vec<&Todo>, Vec<&Todo>) =
            self.story.todos.iter().partition(|todo| todo.state == Some(TodoState::Active));
        let active = active.iter().map(|todo| item("in hand", &todo.text));
        let mut lines: Vec<String> = active.chain(open.iter().map(|todo| item("to do", &todo.text))).collect();
        let more = lines.len().saturating_sub(TODOS_MAX);
        lines.truncate(TODOS_MAX);
        lines.extend((more > 0).then(|| format!("- and {more} more to do")));
        lines
    }

    fn background(&self) -> Vec<&Background> {
        let is_over =
            |work: &Background| ["completed", "done", "failed", "killed", "stopped"].contains(&work.status.as_str());
        let mut found: Vec<&Background> = self.activity.background.iter().filter(|work| !is_over(work)).collect();
        for work in &self.story.background {
            if !found.iter().any(|held| held.id == work.id || held.what == work.what) {
                found.push(work);
            }
        }
        found
    }

    /// What was asked last, if nobody answered it.
    fn unanswered(&self) -> Option<&'a str> {
        self.last_request.or(self.request).filter(|_| !self.is_answered)
    }

    /// The requests, where neither the title nor what is unfinished says it all.
    fn asked(&self, title: &str) -> Vec<String> {
        let whole = self.request.map(clean_line).filter(|request| request != title);
        let whole = whole.map(|request| match request.strip_prefix(title) {
            Some(rest) => format!("… {}", rest.trim_start()),
            None => request,
        });
        let last = self.last_request.filter(|_| self.unanswered().is_none()).map(clean_line);
        let texts = whole.into_iter().chain(last);
        texts.flat_map(|text| quoted(&[both_ends(&text, ASKED_TOKENS)])).collect()
    }

    /// Of what was kept at the last compaction, what matters now.
    fn kept(&self) -> Vec<String> {
        self.story.summary.as_ref().map_or_else(Vec::new, |summary| quoted(&excerpt(summary, SUMMARY_TOKENS)))
    }

    fn did(&self) -> Vec<String> {
        let commits = &self.story.commits;
        let mut lines: Vec<String> = commits[commits.len().saturating_sub(COMMITS_MAX)..]
            .iter()
            .map(|commit| match &commit.hash {
                Some(hash) => item(&format!("commit {}", clean_line(hash)), &commit.subject),
                None => item("commit", &commit.subject),
            })
            .collect();
        let more = commits.len().saturating_sub(COMMITS_MAX);
        lines.extend((more > 0).then(|| format!("- and {more} commits before")));
        let passed = self.story.commands.iter().rev().filter(|command| command.passed == Some(true));
        let is_commit = |line: &str| line.contains("git commit");
        lines.extend(
            passed
                .filter(|command| !is_commit(&command.line))
                .take(COMMANDS_MAX)
                .map(|command| format!("- passed: {}", code(&command.line))),
        );
        lines
    }

    /// The edited files that are not told as uncommitted.
    fn file_line(&self) -> Vec<String> {
        let others: Vec<String> =
            self.files.iter().filter(|file| !self.story.uncommitted.contains(file)).cloned().collect();
        let line = listed(&others);
        if line.is_empty() { Vec::new() } else { vec![format!("Edited: {line}")] }
    }

    /// The files to read first, where it stopped, and the other ones.
    fn references(&self) -> (Vec<String>, Vec<String>) {
        let is_inside = |file: &&String| !file.starts_with(['/', '~']) && Reference::parse(file).is_ok();
        let open = if self.story.files.is_empty() { &self.files } else { &self.story.uncommitted };
        let entries: Vec<String> = open.iter().rev().filter(is_inside).take(ENTRIES_MAX).cloned().collect();
        let others = self.files.iter().rev().filter(is_inside).filter(|file| !entries.contains(file));
        let refs = others.take(REFS_MAX).cloned().collect();
        (entries, refs)
    }
}

/// The first line of a long request says what it is about, unless it is only a heading or a greeting; below a log that was
/// pasted it is the last one.
fn title_of(text: &str) -> String {
    let first = text.trim().lines().next().unwrap_or("");
    let last = text.trim().lines().next_back().unwrap_or("");
    if first != last && (text.len() > PASTED_BYTES_MIN || text.contains(" … ")) {
        let half = |line: &str| truncate_width(&clean_line(line), TITLE_COLUMNS / 2 - 2);
        return format!("{} … {}", half(first).trim_end_matches('…'), half(last));
    }
    let text = if first.chars().count() >= FIRST_LINE_MIN { first } else { text };
    truncate_width(&clean_line(text), TITLE_COLUMNS)
}

/// As many lines as fit, and how many do not.
fn within(lines: Vec<String>, tokens: usize) -> Vec<String> {
    let (count, mut used, mut kept) = (lines.len(), 0, Vec::new());
    for line in lines {
        used += estimate_tokens(&line) + 1;
        if used > tokens && !kept.is_empty() {
            break;
        }
        kept.push(line);
    }
    let more = count - kept.len();
    kept.extend((more > 0).then(|| format!("- and {more} more of these")));
    kept
}

fn item(label: &str, text: &str) -> String {
    format!("- {label}: {}", quote(text))
}

fn quote(text: &str) -> String {
    format!("\"{}\"", truncate_width(&clean_line(text), LINE_COLUMNS))
}

/// A command in back ticks that it cannot leave.
fn code(line: &str) -> String {
    format!("`{}`", truncate_width(&clean_line(line), LINE_COLUMNS).replace('`', "'"))
}

fn quoted(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("> {}", clean_line(line))).filter(|line| line.len() > 2).collect()
}

/// The last files of a list, the last one first.
fn listed(files: &[String]) -> String {
    let names = files.iter().rev().take(FILES_MAX).map(|file| truncate_width(&clean_line(file), LINE_COLUMNS / 2));
    let mut line = names.collect::<Vec<_>>().join(", ");
    if files.len() > FILES_MAX {
        let _ = write!(line, " and {} more", files.len() - FILES_MAX);
    }
    line
}
