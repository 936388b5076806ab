//! Passwords in addresses: `scheme://user:PASSWORD@host`, `scheme://TOKEN@host`. Addresses are frequent, so this is no row with a pattern.

use super::{Found, random};
use std::ops::Range;

/// The kind of what is found here.
pub(super) const KIND: &str = "url-password";
/// What stands before the user.
pub(super) const KEYWORD: &str = "://";

/// Bytes of a user and of a password that are looked at.
const USER_BYTES_MAX: usize = 128;
const PASSWORD_BYTES_MAX: usize = 512;
/// A user of fewer bytes is taken for a name.
const TOKEN_BYTES_MIN: usize = 20;

/// What people write where a password would be, and what containers start with.
const TRIVIAL: [&str; 18] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "passw0rd",
    "secret",
    "user",
    "username",
    "root",
    "admin",
    "test",
    "postgres",
    "mysql",
    "guest",
    "token",
    "example",
    "mypassword",
    "pw",
];

/// The password in the address whose `://` ends at `at`.
pub(super) fn find(text: &str, at: usize) -> Option<Found> {
    let user = run(&text[at..], USER_BYTES_MAX, b":/");
    let start = at + user;
    let Some(password) = text[start..].strip_prefix(':') else { return token(text, at..start) };
    let len = run(password, PASSWORD_BYTES_MAX, b"/");
    // A password may have an `@` in it, a host has none.
    let len = password[..password.floor_char_boundary(len)].rfind('@')?;
    let (user, password) = (&text[at..start], &password[..len]);
    let is_masked = !password.is_empty() && !is_trivial(user, password) && !random::is_placeholder(password);
    is_masked.then(|| Found { kind: KIND, range: start + 1..start + 1 + len })
}

/// The token that stands for a user: chance has made it, not a person.
fn token(text: &str, place: Range<usize>) -> Option<Found> {
    let len = text[place.clone()].find('@').filter(|len| *len >= TOKEN_BYTES_MIN)?;
    let range = place.start..place.start + len;
    let token = &text[range.clone()];
    (random::is_random(token) && !random::is_placeholder(token)).then_some(Found { kind: KIND, range })
}

/// Whether it guards nothing: it is the user's name, or stands for a password.
pub(super) fn is_trivial(user: &str, password: &str) -> bool {
    password.len() < 3 || password == user || TRIVIAL.contains(&password.to_ascii_lowercase().as_str())
}

/// The length of what may stand in an address, up to one of `ends`.
fn run(text: &str, max: usize, ends: &[u8]) -> usize {
    let is_part = |b: &u8| !b.is_ascii_whitespace() && !b"\"'<>`()[]{}|\\".contains(b) && !ends.contains(b);
    let len = text.as_bytes().iter().take(max).take_while(|b| is_part(b)).count();
    text.floor_char_boundary(len)
}
