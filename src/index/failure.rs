//! What can go wrong with an index: it is unreadable, or it cannot be written. Panics of tantivy over broken files count
//! as unreadable and are not printed.

use crate::error::{self, Error, Kind, Result};
use std::fmt;
use std::io;
use std::panic;
use std::sync::Once;
use tantivy::TantivyError;
use tantivy::directory::error::LockError;

/// Why the index cannot be used.
#[derive(Debug)]
struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// Whether `error` says that the index is missing, broken or not what the caller took it for: search without it, rebuild.
#[must_use]
pub fn is_unreadable(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<Unreadable>)
}

/// The error for which [`is_unreadable`] holds.
pub(super) fn unreadable(why: impl Into<String>) -> Error {
    Error::new(Kind::Corrupt, "the search index cannot be read")
        .hint("nothing is lost: the index is rebuilt from the log by the next search")
        .because(Unreadable(why.into()))
}

/// A failure of reading.
#[expect(clippy::needless_pass_by_value, reason = "it is a conversion for `map_err`")]
pub(super) fn reading(error: TantivyError) -> Error {
    unreadable(error.to_string())
}

/// A failure of writing: of the disk if the system says so, else of the index that was to be continued.
#[expect(clippy::needless_pass_by_value, reason = "it is a conversion for `map_err`")]
pub(super) fn writing(error: TantivyError) -> Error {
    if matches!(error, TantivyError::LockFailure(LockError::LockBusy, _)) {
        return busy();
    }
    let text = error.to_string();
    match os_error(&text) {
        Some(io) if !is_damage(io.kind()) => refused(io),
        _ => unreadable(text),
    }
}

/// The system's error in a message of tantivy, which passes some on as text only, from one thread to another.
fn os_error(text: &str) -> Option<io::Error> {
    let (_, after) = ["(os error ", "Os { code: "].iter().find_map(|mark| text.split_once(mark))?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(io::Error::from_raw_os_error)
}

/// Whether it says that a file of the index is missing or is not a file, rather than that the disk fails.
fn is_damage(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Io;
    matches!(kind, Io::NotFound | Io::AlreadyExists | Io::IsADirectory | Io::NotADirectory | Io::InvalidInput)
}

/// Somebody else writes the index.
pub(super) fn busy() -> Error {
    Error::new(Kind::Busy, "another process is writing the search index").hint("search works meanwhile; nothing to do")
}

/// The disk does not take the index.
pub(super) fn refused(error: io::Error) -> Error {
    Error::io("the search index cannot be written", error)
}

/// Runs `work` on the index; a panic in it is not printed and becomes an unreadable index.
pub(super) fn guard<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(silence_tantivy);
    error::quietly(work).unwrap_or_else(|| Err(unreadable("its files are damaged")))
}

/// Keeps panics of tantivy's own threads to itself; put once, as [`error::quietly`] does for the calling thread.
fn silence_tantivy() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        let is_tantivy = thread.name().is_some_and(|name| {
            ["thrd-tantivy", "segment_updater", "merge_thread", "docstore-compressor"]
                .iter()
                .any(|own| name.starts_with(own))
        });
        if !is_tantivy {
            previous(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tantivy::directory::error::OpenWriteError;

    #[test]
    fn a_panic_is_an_unreadable_index() {
        let error = guard::<()>(|| panic!("broken file")).unwrap_err();
        assert!(is_unreadable(&error));
        assert_eq!(error.to_string(), "the search index cannot be read: its files are damaged");
    }

    #[test]
    fn a_disk_that_fails_is_not() {
        let failed = |errno| io::Error::from_raw_os_error(errno);
        let (full, broken) = (failed(28), failed(5));
        let opening = OpenWriteError::wrap_io_error(failed(5), "a.store".into());
        for error in [full.into(), TantivyError::InternalError(broken.to_string()), opening.into()] {
            let error = writing(error);
            assert!(!is_unreadable(&error) && error.kind == Kind::Refused, "{error}");
            assert!(error.to_string().starts_with("the search index cannot be written: "), "{error}");
        }
        assert!(is_unreadable(&writing(failed(2).into())), "a file of it is missing");
    }
}
