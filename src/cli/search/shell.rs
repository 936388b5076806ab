//! A command to copy: the query as words of a POSIX shell, quoted only where it must be.

use crate::domain::text;
use std::ffi::OsString;

/// A longer query is not repeated in a command.
const CHARS_MAX: usize = 400;

/// `state search OPTIONS QUERY`, or nothing if the query is too long or holds what a terminal would not show.
pub(super) fn command(options: &[String], query: &str) -> Option<String> {
    let line = query.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() || line.chars().count() > CHARS_MAX || text::clean_line(&line) != line {
        return None;
    }
    let words: Vec<&str> = ["state search"].into_iter().chain(options.iter().map(String::as_str)).collect();
    Some(format!("{} {}", words.join(" "), quoted(&line)))
}

/// The `--store DIR` of a command line, as it is typed.
pub(super) fn store_option(args: &[OsString]) -> Option<String> {
    let mut words = args.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    let dir = words.find_map(|word| match word.strip_prefix("--store") {
        Some("") => Some(None),
        Some(value) => value.strip_prefix('=').map(Some),
        None => None,
    })?;
    let dir = dir.or_else(|| words.next())?;
    Some(format!("--store={}", if is_harmless(dir) { dir.to_owned() } else { single_quoted(dir) }))
}

/// Words as one argument, or bare if no shell and no option parser would take them for anything else.
fn quoted(line: &str) -> String {
    if line.split(' ').all(|word| is_harmless(word) && !word.starts_with('-')) {
        return line.to_owned();
    }
    let separator = if line.starts_with('-') { "-- " } else { "" };
    format!("{separator}{}", single_quoted(line))
}

fn is_harmless(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || "_-:/.,+@%".contains(c))
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_change_is_quoted() {
        let table = [
            ("refresh lock", "refresh lock"),
            ("kind:finding src/a.rs:42 since:7d", "kind:finding src/a.rs:42 since:7d"),
            ("\"refresh lock\" a", "'\"refresh lock\" a'"),
            ("-draft a", "-- '-draft a'"),
            ("a -draft", "'a -draft'"),
            ("it's $HOME `x` ~ * \\", r"'it'\''s $HOME `x` ~ * \'"),
            ("a\n  b", "a b"),
        ];
        for (query, expected) in table {
            assert_eq!(command(&[], query).unwrap(), format!("state search {expected}"));
        }
        assert_eq!(command(&["--offset 10".to_owned()], "a").unwrap(), "state search --offset 10 a");
    }

    #[test]
    fn the_store_is_repeated() {
        let of = |line: &str| store_option(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("state search a --store dir -n 3").unwrap(), "--store=dir");
        assert_eq!(of("state --store=it's search a").unwrap(), r"--store='it'\''s'");
        assert_eq!((of("state search a -- --store dir"), of("state search a --store")), (None, None));
    }

    #[test]
    fn what_cannot_be_copied_is_not_offered() {
        for query in ["", " ", "\u{1b}[2Jx", "a\u{202e}b", &"a".repeat(500)] {
            assert_eq!(command(&[], query), None);
        }
    }
}
