//! One item of a list as a draft: which record it is about, how urgent, which files.

use super::heading::Meaning;
use crate::domain::draft::Draft;
use crate::domain::id::{self, looks_like_id};
use crate::domain::kind::{self, KINDS};
use crate::domain::reference::Reference;
use crate::domain::text::{clean_body, clean_line, is_blank, truncate_width};

/// A longer item becomes a shortened title with the whole text in the body.
const TITLE_COLUMNS: usize = 160;
/// An item has no more references; a longer list of files is no list of places to look.
const REFS_MAX: usize = 20;
/// How an item says that there is none, in languages seen.
const NOTHING: [&str; 12] = [
    "",
    "none",
    "none yet",
    "none currently",
    "none at this time",
    "nothing",
    "n/a",
    "na",
    "tbd",
    "нет",
    "无",
    "keine",
];

/// An item as it stands in the text.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// What its check box holds.
    pub mark: Option<char>,
    /// Columns before its bullet.
    pub indent: usize,
    /// Its first paragraph.
    pub head: String,
    /// What is below that, with its indent.
    pub body: String,
}

/// The draft of an item below a heading, unless it says that there is none.
pub(super) fn draft(item: &Item, meaning: Meaning, section_priority: Option<u8>) -> Option<Draft> {
    let Meaning::Items(kind, status) = meaning else { return None };
    let whole = clean_line(&item.head.replace("**", "").replace("__", ""));
    let body = clean_body(&dedented(&item.body));
    if says_nothing(&whole) || is_blank(&whole) {
        return None;
    }
    let (mark, text) = emoji_mark(&whole).map_or((item.mark, &whole[..]), |text| (item.mark.or(Some('x')), text));
    let (priority, text) = if kind.name == kind::TASK { split_priority(text) } else { (None, text.to_owned()) };
    let (about, text) = split_about(&text);
    let text = text.strip_suffix(':').filter(|_| !body.is_empty()).unwrap_or(&text).trim();
    let text = if is_blank(text) { &whole } else { text };
    let long = truncate_width(text, TITLE_COLUMNS);
    let body = if long == text { body } else { clean_body(&format!("{whole}\n\n{body}")) };
    Some(Draft {
        kind: kind.name.to_owned(),
        refs: paths(&whole).chain(paths(&body)).take(REFS_MAX).fold(Vec::new(), push_new),
        title: long,
        body,
        status: Some(marked_status(mark, kind, status).to_owned()),
        priority: priority.or(section_priority).filter(|_| kind.name == kind::TASK),
        about,
        ..Draft::default()
    })
}

/// The text without the indent that all its lines share.
fn dedented(text: &str) -> String {
    let indent = |line: &str| line.bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let shared = text.lines().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    text.lines().map(|line| line.get(shared..).unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Whether a text is a way to say: none.
pub(super) fn says_nothing(text: &str) -> bool {
    let text = text.find(" (").map_or(text, |at| &text[..at]);
    let plain = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    NOTHING.contains(&plain.as_str()) || !plain.contains(char::is_alphabetic)
}

fn push_new(mut list: Vec<String>, item: String) -> Vec<String> {
    if !list.contains(&item) {
        list.push(item);
    }
    list
}

fn emoji_mark(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(['✅', '✔', '☑'])?;
    Some(rest.trim_start_matches('\u{fe0f}').trim_start())
}

/// A check box says more than the heading above it.
fn marked_status<'a>(mark: Option<char>, kind: &kind::Kind, status: &'a str) -> &'a str {
    let wanted = match mark {
        Some('x' | 'X') => "done",
        Some('-' | '~' | '/') => "active",
        Some(_) => "open",
        None => status,
    };
    if kind.statuses.contains(&wanted) { wanted } else { status }
}

/// Splits `[P1]`, `(high)`, `P0:` and the like off; `(P2 bug)` is read and left.
fn split_priority(text: &str) -> (Option<u8>, String) {
    let first = text.split_whitespace().next().unwrap_or("");
    if let Some(found) = p_number(first.trim_end_matches([':', '-', '.'])) {
        let rest = text[first.len()..].trim_start_matches([' ', ':', '-', '–', '—']);
        return (Some(found), rest.to_owned());
    }
    for (start, open) in text.match_indices(['(', '[']).take(8) {
        let close = if open == "(" { ')' } else { ']' };
        let Some(len) = text[start..].find(close) else { continue };
        let inside = &text[start + 1..start + len];
        if let Some(found) = priority(inside) {
            let rest =
                format!("{} {}", text[..start].trim_end(), text[start + len + 1..].trim_start_matches([' ', ':']));
            return (Some(found), rest.trim().to_owned());
        }
        let word = inside.split([' ', ',', ';']).next().unwrap_or("");
        if let Some(found) = p_number(word) {
            return (Some(found), text.to_owned());
        }
    }
    (None, text.to_owned())
}

/// The priority that a word or short heading names.
pub(super) fn priority(text: &str) -> Option<u8> {
    let text = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    let rest = text[first.len()..].trim_matches(|c: char| !c.is_alphanumeric());
    let alone = matches!(rest, "" | "priority" | "prio" | "severity" | "issues" | "priority issues");
    p_number(first).or(match first {
        "critical" | "urgent" if alone => Some(0),
        "high" if alone => Some(1),
        "medium" | "normal" | "moderate" if alone => Some(2),
        "low" | "minor" if alone => Some(3),
        "trivial" if alone => Some(4),
        "priority" => rest.parse().ok().filter(|number| *number <= 4),
        _ => None,
    })
}

fn p_number(word: &str) -> Option<u8> {
    match word.as_bytes() {
        [b'p' | b'P', digit @ b'0'..=b'4'] => Some(digit - b'0'),
        _ => None,
    }
}

/// The id of a record that the item is about: its first word, first code span or first parenthesis.
fn split_about(text: &str) -> (Option<String>, String) {
    let first = text.split_whitespace().next().unwrap_or("");
    let word = first.trim_matches(|c: char| !c.is_alphanumeric());
    if is_id(word) {
        let rest = text[first.len()..].trim_start_matches([' ', ':', '-', '–', '—']);
        return (Some(word.to_owned()), if rest.is_empty() { word } else { rest }.to_owned());
    }
    if let Some(span) = text.split('`').nth(1).filter(|span| is_id(span)) {
        return (Some(span.to_owned()), text.to_owned());
    }
    let group = text.find('(').and_then(|start| Some((start, start + text[start..].find(')')?)));
    if let Some((start, end)) = group.filter(|(start, end)| is_id(&text[start + 1..*end])) {
        let rest = format!("{} {}", text[..start].trim_end(), text[end + 1..].trim_start_matches([' ', ':']));
        return (Some(text[start + 1..end].to_owned()), rest.trim().to_owned());
    }
    (None, text.to_owned())
}

/// The shape of an id, but not of a word such as `x-ray`: as long as ours are, or with a digit in it.
fn is_id(word: &str) -> bool {
    let short = word.len().saturating_sub(2);
    let sure = short >= id::SHORT_LEN || short >= 3 && word.contains(|c: char| c.is_ascii_digit());
    sure && looks_like_id(word) && KINDS.iter().any(|kind| word.starts_with(kind.prefix))
}

/// The file references in code spans of a text.
pub(super) fn paths(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).filter_map(path)
}

/// The references that an entry of a list of files names: its code spans, the targets of its links, or its words.
pub(super) fn listed_paths(text: &str) -> Vec<String> {
    let links = || text.split("](").skip(1).filter_map(|rest| path(rest.split(')').next()?));
    let words =
        || text.split_whitespace().filter_map(|word| path(word.trim_matches(['*', ',', ';', ':', '"', '(', ')'])));
    let found: Vec<String> = paths(text).chain(links()).take(REFS_MAX).collect();
    if found.is_empty() { words().take(REFS_MAX).collect() } else { found }
}

fn path(text: &str) -> Option<String> {
    let text = text.trim();
    let odd = |c: char| c.is_whitespace() || "<>{}()$*|\"'=;,".contains(c);
    if text.len() > 300
        || !text.contains(['.', '/', 'M', 'D', 'L'])
        || text.contains(odd)
        || text.contains("://")
        || text.starts_with(['-', '@', '#'])
    {
        return None;
    }
    let reference = Reference::parse(text).ok()?;
    let named = reference.path.rsplit('/').next()?;
    let extension = named.rsplit_once('.').map_or("", |(_, extension)| extension);
    let nested = reference.path.contains('/');
    let looks = if nested {
        is_extension(extension)
            || text.ends_with('/')
            || text.starts_with(['.', '~'])
            || text.starts_with('/') && text[1..].contains('/')
            || reference.lines.is_some()
    } else {
        FILE_EXTENSIONS.contains(&extension) || ["Makefile", "Dockerfile", "LICENSE"].contains(&named)
    };
    looks.then(|| reference.to_string())
}

fn is_extension(text: &str) -> bool {
    (1..=8).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Without a directory in front, `a.b` is a file only with one of these.
const FILE_EXTENSIONS: &[&str] = &[
    "rs", "go", "py", "js", "mjs", "cjs", "ts", "tsx", "jsx", "vue", "svelte", "java", "kt", "kts", "swift", "c", "h",
    "cc", "cpp", "hpp", "cs", "rb", "php", "pl", "sh", "bash", "zsh", "fish", "ps1", "bat", "sql", "md", "mdx", "txt",
    "rst", "json", "jsonl", "toml", "yaml", "yml", "xml", "html", "css", "scss", "lock", "cfg", "conf", "ini", "env",
    "proto", "tf", "nix", "lua", "zig", "ex", "exs", "erl", "hs", "ml", "scala", "clj", "r", "jl", "dart", "gradle",
    "ipynb", "csv", "tsv", "lean", "patch", "diff", "log",
];
