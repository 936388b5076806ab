//! `NAME=value`, `"name": "value"`, `name: value`, `--name value`: a secret if the name says so and the value looks like one.

use super::{Found, MARK, PRIVATE, random};
use std::ops::Range;

/// The kinds of what is found here, by what the name says.
pub(super) const KINDS: [&str; 6] = ["password", "token", "api-key", "secret", "credential", "aws-secret-key"];

/// What a name holds that may hold a secret.
pub(super) const KEYWORDS: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "_pass",
    "_pwd",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "_key",
    "-key",
    "accountkey",
    "privatekey",
    "credential",
    "_auth",
    "\"auth\"",
];

/// Before `_key` or `-key`, which of a table or a cache are no secrets.
const KEY_OWNERS: [&str; 22] = [
    "api",
    "access",
    "accesskey",
    "private",
    "secret",
    "account",
    "auth",
    "authentication",
    "encryption",
    "encrypt",
    "signing",
    "sign",
    "master",
    "shared",
    "storage",
    "service",
    "admin",
    "app",
    "application",
    "client",
    "subscription",
    "license",
];

/// What a name ends with that says something about a secret, and is none.
const ABOUT: [&str; 62] = [
    "id",
    "ids",
    "count",
    "counts",
    "type",
    "types",
    "name",
    "names",
    "url",
    "uri",
    "path",
    "file",
    "dir",
    "hash",
    "digest",
    "sha",
    "size",
    "length",
    "len",
    "limit",
    "limits",
    "expiry",
    "expires",
    "expiration",
    "at",
    "in",
    "ttl",
    "age",
    "format",
    "field",
    "fields",
    "policy",
    "hint",
    "version",
    "status",
    "state",
    "prefix",
    "suffix",
    "env",
    "var",
    "header",
    "label",
    "ref",
    "arn",
    "max",
    "min",
    "kind",
    "scheme",
    "endpoint",
    "provider",
    "store",
    "manager",
    "scanner",
    "usage",
    "budget",
    "index",
    "regex",
    "pattern",
    "scope",
    "scopes",
    "fingerprint",
    "checksum",
];

/// Bytes of a name before and after its keyword.
const NAME_BYTES_MAX: usize = 48;
/// A value is judged by so many bytes; one that is longer goes with its rest.
const VALUE_BYTES_MAX: usize = 160;

/// The value that the name around the keyword is given, if it is a secret.
pub(super) fn find(text: &str, keyword: Range<usize>) -> Option<Found> {
    if text.as_bytes()[..keyword.start].last() == Some(&b'[') && text[keyword.start - 1..].starts_with(MARK) {
        return None;
    }
    let bytes = text.as_bytes();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let before = bytes[..keyword.start].iter().rev().take(NAME_BYTES_MAX).take_while(|b| is_name(b)).count();
    let after = bytes[keyword.end..].iter().take(NAME_BYTES_MAX).take_while(|b| is_name(b)).count();
    let name = &text[keyword.start - before..keyword.end + after];
    let kind = kind_of(name)?;
    let is_element = bytes[..keyword.start - before].last() == Some(&b'<');
    let assigned = assigned(text, keyword.end + after, name, is_element)?;
    let value = &text[assigned.value.clone()];
    let is_aws_secret = is_aws_secret(name, value);
    if is_marked(value) || !is_aws_secret && !is_secret(kind, name, value, assigned.is_firm) {
        return None;
    }
    let kind = if is_aws_secret { "aws-secret-key" } else { kind };
    let rest = &text[assigned.value.end..];
    let end = text.len() - rest.len() + rest.find(|c| is_end(c, assigned.quote)).unwrap_or(rest.len());
    Some(Found { kind, range: assigned.value.start..end })
}

/// Whether a name says that its value is a secret: `DB_PASSWORD`, `apiKey`; not `token_count`, `secret_name`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    kind_of(name).is_some()
}

/// The kind of secret that a field of this name and value holds.
pub(super) fn kind_of_field(name: &str, value: &str) -> Option<&'static str> {
    let kind = kind_of(name)?;
    let is_value = value.len() <= 4096 && !value.contains(char::is_whitespace) && !is_marked(value);
    (is_value && is_secret(kind, name, value, true)).then_some(kind)
}

/// Whether something in a value is masked already.
fn is_marked(value: &str) -> bool {
    value.contains(MARK.trim_end()) || value.contains(PRIVATE)
}

fn kind_of(name: &str) -> Option<&'static str> {
    let words = words(name);
    let last = words.last()?;
    if ABOUT.contains(&last.as_str()) || words.iter().any(|word| word == "public" || word.starts_with("tokeniz")) {
        return None;
    }
    let whole = words.concat();
    let has = |part: &str| whole.contains(part);
    if ["password", "passwd", "passphrase", "passwort", "pwd"].iter().any(|word| has(word)) || last == "pass" {
        return Some("password");
    }
    if has("apikey") || is_owned_key(&words) || ["accesskey", "accountkey", "privatekey"].iter().any(|word| has(word)) {
        return Some("api-key");
    }
    if has("secret") {
        return Some("secret");
    }
    if has("token") && !has("tokens") {
        return Some("token");
    }
    (last.starts_with("credential") || last == "auth").then_some("credential")
}

fn is_owned_key(words: &[String]) -> bool {
    let owner = words.len().checked_sub(2).map(|at| words[at].as_str());
    words.last().is_some_and(|last| last == "key") && owner.is_some_and(|owner| KEY_OWNERS.contains(&owner))
}

/// The words of a name, lower case: `clientSecret`, `CLIENT_SECRET` and `client-secret` are the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() && was_lower {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().expect("starts with one word").push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

struct Assigned {
    /// As much of the value as is judged.
    value: Range<usize>,
    quote: Option<char>,
    /// Written for a machine, not said in a sentence: quoted, or behind `=`, or after a name of several words.
    is_firm: bool,
}

/// What is assigned to a name that ends at `at`; that of an element of XML stands behind `>`.
fn assigned(text: &str, at: usize, name: &str, is_element: bool) -> Option<Assigned> {
    let closed = text[at..].trim_start_matches(['\\', '"', '\'', '`', ']', '*']);
    let mut after = closed.trim_start_matches([' ', '\t']);
    let is_option = name.starts_with("--") && after.len() < closed.len();
    let mut signs = ["=>", ":=", "==", "=", ":", ">"].into_iter().take(if is_element { 6 } else { 5 });
    let sign = signs.find(|sign| after.starts_with(sign));
    match sign {
        Some("==") | None if !is_option => return None,
        None => {}
        Some(sign) => after = after[sign.len()..].trim_start_matches([' ', '\t']),
    }
    let bare = after.trim_start_matches('\\');
    let opened = bare.strip_prefix(['"', '\'', '`']);
    let value = opened.unwrap_or(after);
    let start = text.len() - value.len();
    let quote = opened.and_then(|_| bare.chars().next());
    let end = start + judged_len(value, quote);
    let is_firm =
        opened.is_some() || matches!(sign, Some("=" | "=>" | ":=" | ">")) || is_option || name.contains(['_', '-']);
    (end > start).then_some(Assigned { value: start..end, quote, is_firm })
}

/// Whether a value ends here: at its closing quote, or at what ends a bare word.
fn is_end(c: char, quote: Option<char>) -> bool {
    match quote {
        Some(quote) => c == quote || c == '\\' || c == '\n',
        None => c.is_whitespace() || "\"'`,;)]}<>|\\&".contains(c),
    }
}

/// The length of a value, or of as much of it as is judged.
fn judged_len(value: &str, quote: Option<char>) -> usize {
    let judged = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
    judged.find(|c| is_end(c, quote)).unwrap_or(judged.len())
}

fn is_secret(kind: &str, name: &str, value: &str, is_firm: bool) -> bool {
    let value = value.trim_end_matches(['.', ':', '!', '?']);
    let judged = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
    if random::is_uuid(judged) {
        return is_firm && kind != "token";
    }
    let is_mixed = random::is_random(judged) || kind == "password" && is_firm && random::is_password(judged);
    let is_digest = || random::is_digest(judged) && !(is_firm && name.contains('_'));
    is_mixed && !is_reference(judged) && !is_digest() && !random::is_placeholder(judged)
}

/// Whether the value says where the secret is: a call, a path, an address, a variable.
fn is_reference(value: &str) -> bool {
    value.contains(['(', '{', '<', ' ']) || value.contains("://") || value.contains("::") || is_path(value)
}

fn is_path(value: &str) -> bool {
    let is_word = |part: &str| !random::is_random(part);
    value.contains('/') && value.split('/').count() >= 2 && value.split('/').all(is_word) && !value.ends_with('=')
}

fn is_aws_secret(name: &str, value: &str) -> bool {
    let name = words(name).concat();
    let is_named = name.contains("secretaccesskey") || name.contains("aws") && name.contains("secret");
    is_named && random::is_aws_secret(value)
}
