//! A pointer to a file or some of its lines: `src/a.rs`, `src/a.rs:12`, `src/a.rs:12-40`.
//!
//! The canonical form is what a register is named by, so that two spellings of one place are one reference: forward
//! slashes, no `.` or inner `..`, lines as `:from-to`. Whether the file exists is not known here.

use super::field;
use super::text::{display, quoted};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The longest reference, in bytes.
const LEN_MAX: usize = 4096;

/// A file, relative to the root of the project unless absolute, and the lines that are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// With forward slashes, without `.` and `..`.
    pub path: String,
    /// First and last line, counted from 1; absent means the whole file.
    pub lines: Option<(u32, u32)>,
}

impl Reference {
    /// Reads `path`, `path:12`, `path:12-40`, `path:12:5` (a column is dropped) and `path#L12-L40`.
    ///
    /// # Errors
    /// Usage: nothing there, control characters, a path above the root, lines that run backwards or start at 0.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() > LEN_MAX || text.contains(char::is_control) || matches!(display(text), Cow::Owned(_)) {
            return Err(Error::usage("a reference is one line of at most 4096 bytes without control characters"));
        }
        let (mut path, mut lines) = (text.to_owned(), None);
        // What is left without lines, dots or spaces may end in lines again, as `a.rs:12/.` does.
        loop {
            let mut rest = &path[..];
            while let Some((before, (from, to))) = split_lines(rest) {
                rest = before;
                lines = Some((from.to_owned(), to.to_owned()));
            }
            let next = canonical(rest, text)?;
            if next == path {
                break;
            }
            path = next;
        }
        let lines = lines.map(|(from, to)| line_range((&from, &to), text)).transpose()?;
        Ok(Self { path, lines })
    }

    /// The register that holds it.
    #[must_use]
    pub fn register(&self) -> String {
        format!("{}{self}", field::REF)
    }

    /// The reference that a register of this name holds.
    #[must_use]
    pub fn of_register(name: &str) -> Option<Self> {
        Self::parse(name.strip_prefix(field::REF)?).ok()
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match self.lines {
            Some((from, to)) if from == to => write!(f, ":{from}"),
            Some((from, to)) => write!(f, ":{from}-{to}"),
            None => Ok(()),
        }
    }
}

/// Splits the last `:12`, `:12-40`, `#L12` or `#L12-L40` off, as digits.
fn split_lines(text: &str) -> Option<(&str, (&str, &str))> {
    let (path, suffix) = match (text.rfind("#L"), text.rfind(':')) {
        (Some(hash), colon) if colon.is_none_or(|colon| colon < hash) => (&text[..hash], &text[hash + 2..]),
        (_, Some(colon)) => (&text[..colon], &text[colon + 1..]),
        _ => return None,
    };
    let (from, to) = suffix.split_once('-').unwrap_or((suffix, suffix));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let to = to.strip_prefix('L').unwrap_or(to);
    (digits(from) && digits(to)).then_some((path, (from, to)))
}

fn line_range((from, to): (&str, &str), whole: &str) -> Result<(u32, u32)> {
    match (from.parse(), to.parse()) {
        (Ok(from @ 1..), Ok(to)) if from <= to => Ok((from, to)),
        _ => Err(Error::usage(format!("the lines of the reference {} are not a range", quoted(whole)))
            .hint("write it as path:12 or path:12-40, counted from 1")),
    }
}

fn canonical(path: &str, whole: &str) -> Result<String> {
    let path = path.trim().replace('\\', "/");
    let root = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_some() => {}
            ".." => {
                return Err(Error::usage(format!("the reference {} leads out of the project", quoted(whole)))
                    .hint("name the file relative to the root of the project, or with its absolute path"));
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(Error::usage("a reference names a file").hint("write it as path, path:12 or path:12-40"));
    }
    Ok(format!("{root}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_place_are_one_reference() {
        let cases = [
            ("src/a.rs", "src/a.rs"),
            ("./src/./b/../a.rs:12", "src/a.rs:12"),
            ("src/a.rs:12-40", "src/a.rs:12-40"),
            ("src/a.rs#L12-L40", "src/a.rs:12-40"),
            ("src/a.rs#L12-40", "src/a.rs:12-40"),
            ("src/a.rs:7-7", "src/a.rs:7"),
            ("src/a.rs:12:5", "src/a.rs:12"),
            ("C:\\work\\a.rs:3", "C:/work/a.rs:3"),
            ("/etc/hosts", "/etc/hosts"),
            ("docs/a:b#c.md", "docs/a:b#c.md"),
            ("docs/Über uns.md:2", "docs/Über uns.md:2"),
            ("src/a.rs:12/.", "src/a.rs:12"),
            ("src/a.rs :12 :5", "src/a.rs:12"),
            ("src/a.rs /", "src/a.rs"),
        ];
        for (text, canonical) in cases {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.to_string(), canonical, "{text}");
            assert_eq!(Reference::of_register(&reference.register()), Some(reference));
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in ["", " ", ".", ":12", "../a", "a/../../b", "a\0b", "a.rs:0", "a.rs:9-3", "a.rs:99999999999", "/.."]
        {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_stable(text in "([a-z.:/#L\\\\ -]|[0-9]|\\PC){0,24}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.to_string()).unwrap(), reference);
            }
        }
    }
}
