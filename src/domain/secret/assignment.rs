//! `NAME=value`, `"name": "value"`, `name: value`, `--name value`, `| name | value |`: a secret if the name says so and the
//! value looks like one.

use super::name::{is_of_aws_secret, kind_of};
use super::random::{self, Makeup};
use super::{Found, MARK, PRIVATE};
use std::ops::Range;

/// The kinds of what is found here, by what the name says.
pub(super) const KINDS: [&str; 6] = ["password", "token", "api-key", "secret", "credential", "aws-secret-key"];

/// Bytes of a name before and after its keyword.
const NAME_BYTES_MAX: usize = 48;
/// A value is judged by so many bytes; one that is longer goes with its rest.
const VALUE_BYTES_MAX: usize = 160;
/// Blanks between what belongs together.
const BLANKS_MAX: usize = 24;

/// How surely what is written is an assignment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Written for a machine: quoted, or behind `=`, or after a name of several words, or in a table.
    Firm,
    /// Said in a sentence.
    Said,
    /// Beside the name: only what is a secret without a doubt is taken.
    Beside,
}

struct Assigned {
    /// As much of the value as is judged.
    value: Range<usize>,
    quote: Option<char>,
    sign: Sign,
}

/// Looks at the assignments of one text, from its front to its end, and remembers what was judged last: names overlap
/// (`a_token_a_token_`), and texts repeat themselves.
#[derive(Default)]
pub(super) struct Assignments {
    /// The name that was judged last, and its kind.
    name: Range<usize>,
    kind: Option<&'static str>,
    /// The value that was refused last, with the kind and the sign for which it was.
    refused: Range<usize>,
    refused_as: Option<(&'static str, Sign)>,
    /// Bytes that were judged so far.
    pub(super) judged: usize,
}

impl Assignments {
    /// The value that the name around the keyword is given, if it is a secret.
    pub(super) fn find(&mut self, text: &str, keyword: Range<usize>) -> Option<Found> {
        let name = name(text, keyword)?;
        if name.end == self.name.end || is_in_mark(text, name.start) {
            return None;
        }
        let assigned = assigned(text, &name)?;
        let kind = self.kind_of(text, name.clone())?;
        let value = &text[assigned.value.clone()];
        let is_aws_secret = random::is_aws_secret(value) && is_of_aws_secret(&text[name]);
        if !is_aws_secret && !self.is_secret(text, kind, &assigned) || is_marked(value) {
            return None;
        }
        let kind = if is_aws_secret { "aws-secret-key" } else { kind };
        let rest = &text[assigned.value.end..];
        let end = assigned.value.end + end_of(rest, assigned.quote).unwrap_or(rest.len());
        Some(Found { kind, range: assigned.value.start..end })
    }

    fn kind_of(&mut self, text: &str, name: Range<usize>) -> Option<&'static str> {
        if text[self.name.clone()] != text[name.clone()] {
            self.judged += name.len();
            self.kind = kind_of(&text[name.clone()]);
        }
        self.name = name;
        self.kind
    }

    fn is_secret(&mut self, text: &str, kind: &'static str, assigned: &Assigned) -> bool {
        let (value, refused_as) = (assigned.value.clone(), Some((kind, assigned.sign)));
        if self.refused_as == refused_as && text[self.refused.clone()] == text[value.clone()] {
            return false;
        }
        self.judged += value.len();
        let is_secret = is_secret(kind, &text[value.clone()], assigned.sign);
        if !is_secret {
            (self.refused, self.refused_as) = (value, refused_as);
        }
        is_secret
    }
}

/// The kind of secret that a field of this name and value holds.
pub(super) fn kind_of_field(name: &str, value: &str) -> Option<&'static str> {
    let kind = kind_of(name)?;
    let is_value = value.len() <= 4096 && !value.contains(char::is_whitespace) && !is_marked(value);
    (is_value && is_secret(kind, value, Sign::Firm)).then_some(kind)
}

/// Whether something in a value is masked already.
fn is_marked(value: &str) -> bool {
    value.contains(MARK.trim_end()) || value.contains(PRIVATE)
}

/// Whether the name is the kind that a mark tells.
fn is_in_mark(text: &str, name: usize) -> bool {
    text.as_bytes()[..name].last() == Some(&b'[') && text[name - 1..].starts_with(MARK)
}

/// The name around a keyword; none if it goes on for longer than names do.
fn name(text: &str, keyword: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let after = bytes[keyword.end..].iter().take(NAME_BYTES_MAX + 1).take_while(|b| is_name(b)).count();
    if after > NAME_BYTES_MAX {
        return None;
    }
    let before = bytes[..keyword.start].iter().rev().take(NAME_BYTES_MAX).take_while(|b| is_name(b)).count();
    Some(keyword.start - before..keyword.end + after)
}

/// What is assigned to a name.
fn assigned(text: &str, name: &Range<usize>) -> Option<Assigned> {
    let (sign, after) = sign(text, name)?;
    let bare = after.trim_start_matches('\\');
    let opened = bare.strip_prefix(['"', '\'', '`']);
    let value = opened.unwrap_or(after);
    let start = text.len() - value.len();
    let quote = opened.and_then(|_| bare.chars().next());
    let judged = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
    let end = start + end_of(judged, quote).unwrap_or(judged.len());
    let is_firm = sign == Sign::Said && (opened.is_some() || text[name.clone()].contains(['_', '-']));
    (end > start).then_some(Assigned { value: start..end, quote, sign: if is_firm { Sign::Firm } else { sign } })
}

/// How a name is given a value, and the text from there.
fn sign<'a>(text: &'a str, name: &Range<usize>) -> Option<(Sign, &'a str)> {
    let closed = text[name.end..].trim_start_matches(['\\', '"', '\'', '`', ']', '*']);
    let after = closed.trim_start_matches([' ', '\t']);
    let gap = &closed[..closed.len() - after.len()];
    let (written, rest) = match after.as_bytes() {
        [b'=', b'=', ..] => return None,
        [b'=', b'>', ..] | [b':', b'=', ..] => (Sign::Firm, &after[2..]),
        [b'=', ..] => (Sign::Firm, &after[1..]),
        [b':', ..] => (Sign::Said, &after[1..]),
        [b'>', ..] if text[..name.start].ends_with('<') => (Sign::Firm, &after[1..]),
        [b'|', ..] if is_cell(text, name.start) => (Sign::Firm, &after[1..]),
        [b'%', b'3', b'D' | b'd', ..] => (Sign::Firm, &after[3..]),
        _ => return named(after).or_else(|| beside(&text[name.clone()], gap, after)),
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    match rest.strip_prefix("**") {
        Some(rest) => Some((Sign::Firm, rest.trim_start_matches(' '))),
        None => Some(on_next_line(rest).map_or((written, rest), |rest| (Sign::Beside, rest))),
    }
}

/// `key="ApiKey" value="…"`, `name: API_KEY, value: …`: name and value are values themselves.
fn named(after: &str) -> Option<(Sign, &str)> {
    let after = after.trim_start_matches(',');
    let head = &after[..after.floor_char_boundary(BLANKS_MAX)];
    let gap = head.len() - head.trim_start().len();
    let rest = after[gap..].trim_start_matches(['"', '\'', '\\']);
    let word = rest.get(..5).filter(|word| word.eq_ignore_ascii_case("value"))?;
    let rest = rest[word.len()..].trim_start_matches(['"', '\'', '\\']);
    let rest = rest.trim_start_matches(' ').strip_prefix(['=', ':'])?;
    Some((Sign::Firm, rest.trim_start_matches(' ')))
}

/// `--password value`, `PASSWORD 'value'`, `the password is value`, `password` and `value` in two columns.
fn beside<'a>(name: &str, gap: &str, after: &'a str) -> Option<(Sign, &'a str)> {
    match gap {
        "" => None,
        _ if name.starts_with("--") => Some((Sign::Firm, after)),
        _ if after.starts_with("is ") => Some((Sign::Beside, after[3..].trim_start_matches(' '))),
        _ => (gap.contains('\t') || after.starts_with(['"', '\''])).then_some((Sign::Beside, after)),
    }
}

/// Whether a name stands in a table's cell.
fn is_cell(text: &str, name: usize) -> bool {
    let before = text[..name].trim_end_matches(['*', '`']);
    before.trim_end_matches(' ').ends_with('|')
}

/// What stands on the next line, if nothing does on this one.
fn on_next_line(rest: &str) -> Option<&str> {
    let line = rest.strip_prefix('\n').or_else(|| rest.strip_prefix("\r\n"))?;
    Some(line.trim_start_matches([' ', '\t']))
}

/// Whether a bare word may end at this byte: of other characters, those that are blank end it.
const MAY_END: [bool; 256] = {
    let mut may_end = [false; 256];
    let ends = b"\"'`,;)]}<>|\\& \t\n\r\x0b\x0c";
    let mut at = 0;
    while at < 256 {
        may_end[at] = at >= 0x80;
        at += 1;
    }
    at = 0;
    while at < ends.len() {
        may_end[ends[at] as usize] = true;
        at += 1;
    }
    may_end
};

/// Where a value ends: at its closing quote, or at what ends a bare word.
fn end_of(value: &str, quote: Option<char>) -> Option<usize> {
    if let Some(quote) = quote {
        return value.bytes().position(|b| char::from(b) == quote || matches!(b, b'\\' | b'\n'));
    }
    let mut at = 0;
    loop {
        at += value.as_bytes()[at..].iter().position(|b| MAY_END[usize::from(*b)])?;
        let c = value[at..].chars().next()?;
        if c.is_ascii() || c.is_whitespace() {
            return Some(at);
        }
        at += c.len_utf8();
    }
}

fn is_secret(kind: &str, value: &str, sign: Sign) -> bool {
    let value = value.trim_end_matches(['.', ':', '!', '?']);
    let judged = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
    if random::is_uuid(judged) {
        return sign == Sign::Firm && kind != "token";
    }
    let is_digest = match sign {
        Sign::Firm | Sign::Said => random::is_labelled_digest(judged),
        Sign::Beside => random::is_digest(judged),
    };
    is_mixed(kind, judged, sign) && !is_digest && !is_reference(judged) && !random::is_placeholder(judged)
}

fn is_mixed(kind: &str, value: &str, sign: Sign) -> bool {
    let makeup = Makeup::of(value);
    let is_password = || match sign {
        Sign::Firm => makeup.is_password(value),
        Sign::Said | Sign::Beside => makeup.is_clear_password(value),
    };
    makeup.is_random(value) || kind == "password" && is_password()
}

/// Whether the value says where the secret is: a call, a path, an address, a variable.
fn is_reference(value: &str) -> bool {
    value.contains(['(', '{', '<', ' ']) || value.contains("://") || value.contains("::") || is_path(value)
}

fn is_path(value: &str) -> bool {
    let is_word = |part: &str| !random::is_random(part);
    value.contains('/') && value.split('/').count() >= 2 && value.split('/').all(is_word) && !value.ends_with('=')
}
