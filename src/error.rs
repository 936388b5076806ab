//! The one error of the crate: what happened, what to do next, which exit code.
//!
//! It imports nothing of ours, so that every layer can use it without knowing the others; each layer converts
//! foreign errors in its own files. Messages are lower case, name the thing, and never hold `Debug` output.
//! A hint is a command or an action that cannot destroy anything.

use std::cell::Cell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// What sort of failure this is; the exit code and later the MCP and HTTP codes derive from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The named thing does not exist. Exit 1.
    NotFound,
    /// It exists, but the change contradicts its state. Exit 1.
    Conflict,
    /// A check that the caller asked for answers "no". Exit 1.
    CheckFailed,
    /// The command was used wrongly. Exit 2.
    Usage,
    /// There is no store here. Exit 2.
    NoStore,
    /// Somebody else holds the store. Exit 3.
    Busy,
    /// The store cannot be written from here, now: sandbox, disk full, newer format. Exit 3.
    Refused,
    /// The store cannot be understood. Exit 4.
    Corrupt,
}

impl Kind {
    /// The process exit code, as documented in `--help`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NotFound | Self::Conflict | Self::CheckFailed => 1,
            Self::Usage | Self::NoStore => 2,
            Self::Busy | Self::Refused => 3,
            Self::Corrupt => 4,
        }
    }

    /// The stable word for `--json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::CheckFailed => "check-failed",
            Self::Usage => "usage",
            Self::NoStore => "no-store",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::Corrupt => "corrupt",
        }
    }
}

/// A failure with its message, an optional next step and an optional cause.
#[derive(Debug)]
pub struct Error {
    /// What sort of failure.
    pub kind: Kind,
    /// What happened, to which thing.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything that can fail in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure without hint or cause.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Wrong usage; the caller is told what is expected.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A change that contradicts the state of the thing.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause, shown after the message.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An operating system error on `what`: a full or read-only disk refuses, it does not corrupt.
    pub fn io(what: impl fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let hint = match source.kind() {
            Io::StorageFull | Io::QuotaExceeded => {
                Some("free some space and run the command again: nothing was changed")
            }
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Some(
                "reading works; to write, run outside the sandbox (hooks and MCP do) or make the directory a writable root",
            ),
            _ => None,
        };
        let mut error = Self::new(Kind::Refused, what.to_string()).because(source);
        error.hint = hint.map(str::to_owned);
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|e| e as &dyn std::error::Error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it, which foreign code may have over a broken file, is not printed and gives `None`.
pub fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(silence_quiet_threads);
    let outer = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(outer);
    result.ok()
}

/// Puts a hook before the present one. It is put once and stays, because swapping the process-wide hook per call would race
/// with other threads.
fn silence_quiet_threads() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !QUIET.get() {
            previous(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_the_thread_is_loud_again() {
        assert_eq!((quietly(|| 7), quietly::<()>(|| panic!("broken file"))), (Some(7), None));
        assert!(!QUIET.get());
    }
}
