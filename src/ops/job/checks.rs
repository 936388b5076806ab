//! What cannot be run so, or not here, told before anything is made.

use super::Again;
use crate::domain::job::Spec;
use crate::domain::text;
use crate::error::{Error, Result};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Variables whose names begin so are ours.
const OUR_PREFIX: &str = "STATE_";
/// How often somebody elsewhere is asked at most.
const EVERY_MIN_MS: u64 = 1000;

/// Whether a variable can be given to a job at all, and is not one of ours.
pub(super) fn check_variable(name: &str, value: &OsStr) -> Result<()> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || !name.chars().all(is_word) {
        return Err(Error::usage(format!("not the name of a variable: {}", text::quoted(name)))
            .hint("letters, digits and _, no digit first: --env NAME=VALUE"));
    }
    if name.starts_with(OUR_PREFIX) {
        return Err(Error::usage(format!("{name} is not to be set: {OUR_PREFIX} is for state's own variables"))
            .hint("give it another name"));
    }
    if value.as_encoded_bytes().contains(&0) {
        return Err(Error::usage(format!("the value of {name} holds a NUL byte, which no variable can"))
            .hint("put it into a file, and use --stdin"));
    }
    Ok(())
}

pub(super) fn check_places(spec: &Spec) -> Result<()> {
    let refuse = |path: &Path, what: &str, option: &str| {
        Err(Error::usage(format!("{} is {what}", path.display()))
            .hint(format!("give another {option}; what another job makes is awaited with --after ID")))
    };
    match &spec.stdin {
        _ if !spec.cwd.is_dir() => refuse(&spec.cwd, "no directory", "--cwd"),
        Some(stdin) if !stdin.is_file() => refuse(stdin, "no file to read", "--stdin"),
        _ => Ok(()),
    }
}

/// Each question starts a shell.
pub(super) fn check_every(spec: &Spec) -> Result<()> {
    let poll = spec.external.as_ref().and_then(|external| external.poll.as_ref());
    match poll.filter(|poll| (1..EVERY_MIN_MS).contains(&poll.every_ms)) {
        Some(poll) => Err(Error::usage(format!("polling every {} ms is too often", poll.every_ms))
            .hint("--every 1s at least; something that is near can leave a --marker")),
        None => Ok(()),
    }
}

/// Values of variables are never kept, so whoever runs a job again gives them again.
pub(super) fn check_values(spec: &Spec, values: &[(String, OsString)], again: Option<&Again>) -> Result<()> {
    let is_given = |name: &&String| values.iter().any(|(given, _)| given == *name);
    let missing: Vec<&str> = spec.env.iter().filter(|name| !is_given(name)).map(String::as_str).collect();
    match again {
        Some(again) if !missing.is_empty() => {
            let given: Vec<String> = missing.iter().map(|name| format!("--env {name}=…")).collect();
            Err(Error::usage(format!("{} had values that are never kept: {}", again.id, missing.join(", ")))
                .hint(format!("give them again: state run --again {} {}", again.id, given.join(" "))))
        }
        _ => Ok(()),
    }
}
