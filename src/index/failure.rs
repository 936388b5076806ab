//! What can go wrong with an index: it is unreadable, or it cannot be written. Panics of tantivy over broken files count
//! as unreadable and are not printed.

use crate::error::{self, Error, Kind, Result};
use std::fmt;
use std::panic;
use std::sync::Once;
use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenWriteError};

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

/// A failure of writing: of the disk if it says so, else of the index that was to be continued.
pub(super) fn writing(error: TantivyError) -> Error {
    match error {
        TantivyError::LockFailure(LockError::LockBusy, _) => busy(),
        TantivyError::LockFailure(LockError::IoError(io), _)
        | TantivyError::IoError(io)
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: io, .. })
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: io, .. })
            if is_refusal(io.kind()) =>
        {
            refused(io.kind())
        }
        other => unreadable(other.to_string()),
    }
}

/// Somebody else writes the index.
pub(super) fn busy() -> Error {
    Error::new(Kind::Busy, "another process is writing the search index").hint("search works meanwhile; nothing to do")
}

/// The disk does not take the index.
pub(super) fn refused(kind: std::io::ErrorKind) -> Error {
    Error::io("the search index cannot be written", kind.into())
}

fn is_refusal(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as Io;
    matches!(kind, Io::PermissionDenied | Io::ReadOnlyFilesystem | Io::StorageFull | Io::QuotaExceeded)
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

    #[test]
    fn a_panic_is_an_unreadable_index() {
        let error = guard::<()>(|| panic!("broken file")).unwrap_err();
        assert!(is_unreadable(&error));
        assert_eq!(error.to_string(), "the search index cannot be read: its files are damaged");
    }

    #[test]
    fn a_full_disk_is_not() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = writing(TantivyError::from(full));
        assert!(!is_unreadable(&error) && error.kind == Kind::Refused && error.hint.is_some());
    }
}
