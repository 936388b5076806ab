//! The handoff that is made where the agent left none.
//!
//! Mechanical: it repeats what hooks and transcript hold, the unfinished first, and adds nothing. All of it is data from
//! outside: every line is cleaned, shortened and stands behind a label or `> `, so that nothing in it becomes a heading,
//! an item or an order of ours.

use super::excerpt::excerpt;
use super::story::Story;
use super::{Todo, TodoState};
use crate::domain::activity::{Activity, Background};
use crate::domain::draft::Draft;
use crate::domain::kind;
use crate::domain::reference::Reference;
use crate::domain::text::{clean_line, estimate_tokens, truncate_tokens, truncate_width};
use chrono::{DateTime, Utc};

/// The whole body.
const LINES_MAX: usize = 60;
const TOKENS_MAX: usize = 600;
/// Of what is unfinished.
const OPEN_TOKENS: usize = 320;
const SAID_TOKENS: usize = 170;
const SUMMARY_TOKENS: usize = 110;
const ASKED_TOKENS: usize = 60;
const TITLE_COLUMNS: usize = 100;
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
            last_request: last.filter(|last| Some(*last) != request),
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
        let title = truncate_width(&clean_line(&text), TITLE_COLUMNS);
        (!title.is_empty()).then_some(title)
    }

    fn body(&self, title: &str) -> String {
        let stopped = !self.story.under_way.is_empty() || self.story.trouble.is_some();
        let parts = [
            (if stopped { "Stopped at" } else { "Unfinished" }, within(self.unfinished(), OPEN_TOKENS)),
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

    fn unfinished(&self) -> Vec<String> {
        let story = self.story;
        let mut lines: Vec<String> = story.under_way.iter().rev().take(3).map(|way| item("under way", way)).collect();
        lines.extend(story.trouble.iter().map(|trouble| item("the host could not go on", trouble)));
        if let Some(asked) = self.last_request.or(self.request).filter(|_| !self.is_answered) {
            lines.push(item("asked and not answered", asked));
        }
        let failed = story.commands.iter().rev().filter(|command| command.passed == Some(false)).take(COMMANDS_MAX);
        lines.extend(failed.map(|command| match command.told.as_str() {
            "" => format!("- failed: {}", code(&command.line)),
            told => format!("- failed: {}: {}", code(&command.line), quote(told)),
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

    /// The requests, where the title does not say it all.
    fn asked(&self, title: &str) -> Vec<String> {
        let whole = self.request.filter(|request| clean_line(request) != title);
        let texts = whole.into_iter().chain(self.last_request);
        texts.flat_map(|text| quoted(&[truncate_tokens(&clean_line(text), ASKED_TOKENS)])).collect()
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
        let entries: Vec<String> =
            self.story.uncommitted.iter().rev().filter(is_inside).take(ENTRIES_MAX).cloned().collect();
        let others = self.files.iter().rev().filter(is_inside).filter(|file| !entries.contains(file));
        let refs = others.take(REFS_MAX).cloned().collect();
        (entries, refs)
    }
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
        line += &format!(" and {} more", files.len() - FILES_MAX);
    }
    line
}
