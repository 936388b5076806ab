//! The parts of a record as people type them: titles, bodies, keys, tags, statuses, priorities, cleaned and checked.

use crate::domain::kind::Kind;
use crate::domain::{field, text};
use crate::error::{Error, Result};
use crate::store::BODY_BYTES_MAX;

/// The longest title, in characters; what is longer belongs in the body.
pub const TITLE_CHARS_MAX: usize = 500;
/// The longest key or tag, in characters: they stand in lists.
const WORD_CHARS_MAX: usize = 200;

/// A whole text on standard input is refused beyond this size.
pub const TEXT_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;

/// A title: one clean line, not empty.
///
/// # Errors
/// `Usage` if nothing is left of it or it is too long.
pub fn title(text: &str) -> Result<String> {
    let title = text::clean_line(text);
    let chars = title.chars().count();
    if title.is_empty() {
        return Err(Error::usage("the title is empty").hint("say in one line what it is about"));
    }
    if chars > TITLE_CHARS_MAX {
        return Err(Error::usage(format!("the title has {chars} characters, {TITLE_CHARS_MAX} are the limit"))
            .hint("shorten it and put the rest into --body (or --body - for standard input)"));
    }
    Ok(title)
}

/// A body: clean Markdown of a size that can be kept.
///
/// # Errors
/// `Usage` if it is too large.
pub fn body(text: &str) -> Result<String> {
    if text.len() > BODY_BYTES_MAX {
        let (len, max) = (text.len(), BODY_BYTES_MAX / 1024 / 1024);
        return Err(Error::usage(format!("the body has {len} bytes, {max} MiB are the limit"))
            .hint("keep the text in a file and refer to it: --ref PATH"));
    }
    Ok(text::clean_body(text))
}

/// A status of the kind.
///
/// # Errors
/// `Usage` with the statuses that there are.
pub fn status(row: &Kind, name: &str) -> Result<&'static str> {
    row.statuses.iter().find(|status| **status == name).copied().ok_or_else(|| {
        Error::usage(format!(
            "a {} has no status '{}'; it has {}",
            row.name,
            text::clean_line(name),
            row.statuses.join(", ")
        ))
    })
}

/// A priority.
///
/// # Errors
/// `Usage` with the range.
pub fn priority(level: u64) -> Result<u64> {
    if level <= field::PRIORITY_MAX {
        return Ok(level);
    }
    Err(Error::usage(format!("priority {level} does not exist: 0 (most urgent) to {}", field::PRIORITY_MAX)))
}

/// A key: one word, which cannot be taken for an id.
///
/// # Errors
/// `Usage` if it is empty, has spaces, or looks like an id of a kind.
pub fn key(text: &str) -> Result<String> {
    let key = text::clean_line(text);
    if key.is_empty() || key.contains(char::is_whitespace) || key.starts_with(['@', '-']) {
        return Err(Error::usage(format!("'{key}' is not a key"))
            .hint("a key is one word without spaces, as auth/refresh-lock"));
    }
    short("key", key)
}

/// A tag: one clean word.
///
/// # Errors
/// `Usage` if nothing is left of it.
pub fn tag(text: &str) -> Result<String> {
    let tag = text::clean_line(text).trim_start_matches('#').replace(char::is_whitespace, "-");
    if tag.is_empty() { Err(Error::usage("a tag is empty")) } else { short("tag", tag) }
}

fn short(what: &str, word: String) -> Result<String> {
    let chars = word.chars().count();
    if chars <= WORD_CHARS_MAX {
        return Ok(word);
    }
    Err(Error::usage(format!("the {what} has {chars} characters, {WORD_CHARS_MAX} are the limit")))
}
