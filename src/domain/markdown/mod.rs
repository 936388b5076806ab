//! Handoffs and summaries in Markdown, as drafts of the records that they speak of.
//!
//! The whole text is kept as the body of the handoff. Below headings that the table of kinds knows, list items become
//! records: what was done, is in progress, comes next, blocks, was learned or decided. Other headings make no records: it
//! is better to leave an item in the body than to fill the ledger with what nobody asked for.
//!
//! Lines are read one by one instead of by a Markdown parser, because handoffs are only half Markdown: `Done:` alone on a
//! line, a list right below it, items under items of the same indent. A parser of the standard would give paragraphs
//! there, and its tree would have to be taken apart again.
//!
//! Does not know: which ids exist, files, the store.

mod front;
mod heading;
mod item;
mod line;
mod matter;
mod outline;
pub mod page;

use super::draft::Draft;
use super::kind;
use super::text::{clean_body, clean_line, is_blank, truncate_width};
use crate::error::{Error, Result};
use heading::has_words;
use line::Line;

/// The longest title, in columns.
const TITLE_COLUMNS: usize = 120;
/// How many headings are looked at to tell a summary from a handoff.
const HEADINGS: usize = 200;
/// How far down `kind: summary` may stand without front matter.
const KIND_LINES: usize = 5;

/// What a text holds.
#[derive(Debug, Default, PartialEq)]
pub struct Parsed {
    /// `handoff` or `summary`.
    pub kind: String,
    /// One line, without the word HANDOFF in front.
    pub title: String,
    /// The whole text.
    pub body: String,
    /// From front matter.
    pub tags: Vec<String>,
    /// From front matter.
    pub key: Option<String>,
    /// Whether it has headings, or says at its top what it is; without either it is just some words.
    pub is_structured: bool,
    /// One an item, in the order of the text.
    pub items: Vec<Draft>,
    /// The files that it says to read, as `path`, `path:12` or `path:12-40`.
    pub references: Vec<String>,
    /// Those of them that it says to read first.
    pub entries: Vec<String>,
}

/// Reads a handoff or summary.
///
/// # Errors
/// Usage, with the line: nothing in it, front matter with another kind, more than 10,000 items.
pub fn parse(text: &str) -> Result<Parsed> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parsed = Parsed { body: clean_body(text), ..Parsed::default() };
    if parsed.body.is_empty() {
        return Err(Error::usage("line 1: the handoff is empty")
            .hint("give it as Markdown with headings such as Done, In progress, Next, Blockers, Findings"));
    }
    let body = parsed.body.clone();
    let above = text[..text.len() - text.trim_start().len()].matches('\n').count();
    let front = front::read(&body, above, &mut parsed)?;
    let rest = body.splitn(front + 1, '\n').nth(front).unwrap_or("");
    let lines = line::lines(rest);
    let heading = lines.iter().position(|line| matches!(line, Line::Heading { .. }));
    parsed.is_structured = heading.is_some() || front > 0;
    if parsed.kind.is_empty() {
        parsed.kind = String::from(if is_summary(rest, &lines) { kind::SUMMARY } else { kind::HANDOFF });
    }
    if parsed.title.is_empty() {
        parsed.title = title(&lines, heading);
    }
    outline::Outline::new(&mut parsed, above + front).read(rest, &lines)?;
    Ok(parsed)
}

/// An analysis sums up issues, actions and references, and nothing that was or is being done.
fn is_summary(text: &str, lines: &[Line<'_>]) -> bool {
    let said = text.lines().take(KIND_LINES).any(|line| {
        line.split_once(':')
            .is_some_and(|(name, kind)| name.eq_ignore_ascii_case("kind") && kind.trim() == kind::SUMMARY)
    });
    let texts = lines.iter().filter_map(|line| if let Line::Heading { text, .. } = line { Some(*text) } else { None });
    let headings: Vec<&str> = texts.take(HEADINGS).collect();
    let any = |wanted: &[&str]| headings.iter().any(|heading| has_words(heading, wanted));
    let issues = any(&["issues", "issues by priority", "problems"]);
    let actions = any(&["action items", "actions", "recommendations"]);
    let references = any(&["references", "reference", "sources"]);
    let work = any(&["done", "completed", "next", "next steps", "in progress", "current state", "now", "remaining"]);
    let named = headings.first().is_some_and(|first| has_words(first, &["summary", "analysis", "audit"]));
    said || !work && [issues, actions, references, named].iter().filter(|has| **has).count() >= 2 && (issues || actions)
}

/// The first heading, or the first line if that is a section of its own such as `Done` or `Goal`.
fn title(lines: &[Line<'_>], heading: Option<usize>) -> String {
    let own = heading.and_then(|at| match lines[at] {
        Line::Heading { level: 1, text } if heading::exact(text).is_none() => Some(text),
        Line::Heading { text, .. } if !is_section(text) && !lines[..at].iter().any(|line| content(line).is_some()) => {
            Some(text)
        }
        _ => None,
    });
    let first = own.map(undecorated).filter(|title| !is_blank(title));
    let title = first.or_else(|| lines.iter().filter_map(content).map(undecorated).find(|title| !is_blank(title)));
    title.map_or_else(|| "Handoff".to_owned(), |title| truncate_width(&title, TITLE_COLUMNS))
}

/// What a line of prose or an item says, unless it only introduces what follows.
fn content<'a>(line: &Line<'a>) -> Option<&'a str> {
    match line {
        Line::Item { text, .. } | Line::Text { text, .. } if !text.ends_with(':') => Some(*text),
        _ => None,
    }
}

/// Whether a heading names a part of a handoff rather than the handoff.
fn is_section(heading: &str) -> bool {
    heading::exact(heading).is_some()
        || has_words(heading, &["goal", "context", "state", "status", "summary", "session summary"])
}

/// `🤝 HANDOFF: Review the PRs` is titled `Review the PRs`.
fn undecorated(text: &str) -> String {
    let line = clean_line(&text.replace("**", ""));
    let plain = line.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '`' | '"' | '(' | '[' | '@'));
    for word in ["session handoff", "handoff", "hand-off"] {
        let Some(head) = plain.get(..word.len()) else { continue };
        let rest = &plain[word.len()..];
        if head.eq_ignore_ascii_case(word) && (rest.is_empty() || rest.trim_start().starts_with([':', '-', '–', '—']))
        {
            return rest.trim_start_matches([' ', ':', '-', '–', '—']).to_owned();
        }
    }
    plain.to_owned()
}

#[cfg(test)]
mod tests;
