//! Front matter: `key: value` lines between two lines of dashes at the very top.

use super::{Parsed, TITLE_COLUMNS};
use crate::domain::kind;
use crate::domain::text::{clean_line, is_blank, quoted, truncate_width};
use crate::error::{Error, Result};

/// Longer front matter is none, but a rule at the top of a text.
const LINES_MAX: usize = 100;

/// Reads the front matter of `text` into `parsed` and returns how many lines it takes; `above` lines were before it.
///
/// # Errors
/// Usage: a `kind` that is neither handoff nor summary.
pub(super) fn read(text: &str, above: usize, parsed: &mut Parsed) -> Result<usize> {
    let lines: Vec<&str> = text.lines().take(LINES_MAX).collect();
    let is_fence = |line: &&str| line.trim_end() == "---";
    let end = lines.iter().skip(1).position(is_fence).map_or(0, |at| at + 1);
    if end == 0 || !is_fence(&lines[0]) || !lines[1..end].iter().all(|line| is_entry(line)) {
        return Ok(0);
    }
    let mut name = "";
    for (at, line) in lines[..end].iter().enumerate().skip(1) {
        let value = match line.split_once(':') {
            Some((key, value)) if !line.starts_with([' ', '\t', '-', '#']) => {
                name = key.trim();
                value
            }
            _ => line,
        };
        set(name, unquoted(value), above + at + 1, parsed)?;
    }
    Ok(end + 1)
}

fn is_entry(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with(['#', '-']) || line.contains(':')
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

fn set(name: &str, value: &str, line: usize, parsed: &mut Parsed) -> Result<()> {
    match name.to_lowercase().as_str() {
        "title" if !is_blank(value) => parsed.title = truncate_width(&clean_line(value), TITLE_COLUMNS),
        "key" if !value.is_empty() => parsed.key = Some(clean_line(value)),
        "kind" if [kind::HANDOFF, kind::SUMMARY].contains(&value) => value.clone_into(&mut parsed.kind),
        "kind" if !value.is_empty() => {
            return Err(Error::usage(format!("line {line}: kind {} is neither handoff nor summary", quoted(value)))
                .hint("other kinds come as JSON lines, or by `state add KIND \"title\"`"));
        }
        "tags" => {
            let tags = value.trim_start_matches("- ").trim_matches(['[', ']']).split(',');
            parsed.tags.extend(tags.map(|tag| clean_line(unquoted(tag))).filter(|tag| !tag.is_empty()));
        }
        _ => {}
    }
    Ok(())
}
