//! The post of a supervisor: the lock of its job, a session of its own, and nothing of whoever started it.

use super::control::Control;
use super::dir::JobDir;
use super::launch::ANSWER;
use super::lock::Lock;
use crate::error::{Error, Result};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;

/// A job that this process looks after, until it is dropped.
pub struct Post {
    pub(super) dir: JobDir,
    pub(super) lock: Lock,
    pub(super) control: Control,
    /// The variables that were given for this job alone.
    pub(super) values: Vec<(String, OsString)>,
}

impl Post {
    /// Takes over the lock that is our standard input and the values that are our standard error, leaves the session of whoever started us, answers, and lets go of
    /// all three streams. To be called first thing in a process of its own.
    ///
    /// # Errors
    /// `Usage` if the standard input is not the lock of this job; `Refused` if the system refuses something.
    pub fn from_stdin(dir: &JobDir) -> Result<Self> {
        let fail = |error: io::Error| Error::io(format!("cannot look after {}", dir.path().display()), error);
        let lock = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3).map_err(|error| fail(error.into()))?;
        let lock = Lock::try_exclusive(File::from(lock)).map_err(fail)?.ok().filter(|lock| dir.owns(lock));
        let lock = lock.ok_or_else(|| {
            Error::usage("the standard input is not the lock of this job").hint("jobs are started with `state run`")
        })?;
        let control = Control::open(dir).map_err(fail)?;
        let values = handed_over().map_err(fail)?;
        // Refused only to who leads a group already, and so has left the caller's.
        let _ = rustix::process::setsid();
        // The launcher may have gone; the job has not.
        let _ = io::stdout().write_all(&[ANSWER]).and_then(|()| io::stdout().flush());
        let null = OpenOptions::new().read(true).write(true).open("/dev/null").map_err(fail)?;
        let replaced = dup2_stdin(&null).and_then(|()| dup2_stdout(&null)).and_then(|()| dup2_stderr(&null));
        replaced.map_err(|error| fail(error.into()))?;
        Ok(Self { dir: dir.clone(), lock, control, values })
    }

    /// Looks after the job within this process, which stays in its session.
    #[cfg(test)]
    pub(super) fn within(armed: super::Armed) -> Self {
        let (dir, lock) = armed.into_parts();
        let control = Control::open(&dir).expect("a directory just made has one");
        Self { dir, lock, control, values: Vec::new() }
    }
}

/// Variables as [`from_written`] reads them: `NAME=VALUE`, a NUL byte after each.
pub(super) fn written(values: &[(String, OsString)]) -> Vec<u8> {
    let each = values.iter().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
    each.collect::<Vec<_>>().concat()
}

fn from_written(text: &[u8]) -> Vec<(String, OsString)> {
    let pair = |variable: &[u8]| {
        let at = variable.iter().position(|byte| *byte == b'=')?;
        let name = String::from_utf8(variable[..at].to_vec()).ok()?;
        Some((name, OsString::from_vec(variable[at + 1..].to_vec())))
    };
    text.split(|byte| *byte == 0).filter_map(pair).collect()
}

/// What whoever started us wrote to us, if that is a pipe.
fn handed_over() -> io::Result<Vec<(String, OsString)>> {
    let mut stream = File::from(rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?);
    let mut text = Vec::new();
    if stream.metadata()?.file_type().is_fifo() {
        stream.read_to_end(&mut text)?;
    }
    Ok(from_written(&text))
}
