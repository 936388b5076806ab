//! What a supervisor can be told, through the FIFO `control` of the job's directory: one line of JSON a command.

use super::dir::JobDir;
use super::files::is_absent;
use crate::error::{Error, Result};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What a supervisor can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Command {
    /// End it: TERM to all of it, some time, KILL.
    Stop {
        /// KILL at once.
        #[serde(default)]
        kill: bool,
        /// In the words of who wants it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The work elsewhere has ended. One that runs here is not affected.
    Report {
        /// Its exit code.
        code: i32,
        /// Files that it left, relative to the job's directory of work, besides those declared.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        results: Vec<PathBuf>,
        /// In the words of who reports.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// The system writes no more than this at once, so that two commands never mix.
const COMMAND_BYTES_MAX: usize = 4096;

/// Tells a job's supervisor something. `false` if nobody listens: the job is over, lost, or must be armed again first.
/// What it does with that shows in the files; wait for the end with [`super::wait_for_end`].
///
/// # Errors
/// `Usage` if the command is too long; `Refused` if the FIFO cannot be written.
pub fn send(dir: &JobDir, command: &Command) -> Result<bool> {
    let path = dir.control_path();
    let fail = |error| Error::io(format!("cannot tell the supervisor at {}", path.display()), error);
    let mut line = serde_json::to_vec(command).map_err(|error| Error::usage("cannot be told").because(error))?;
    line.push(b'\n');
    if line.len() > COMMAND_BYTES_MAX {
        return Err(Error::usage("too long to be told to the supervisor").hint("shorten the reason or the paths"));
    }
    let mut fifo = match open(&path, OFlags::NONBLOCK) {
        Ok(fifo) => fifo,
        Err(error) if is_absent(&error) || is_unheard(&error) => return Ok(false),
        Err(error) => return Err(fail(error)),
    };
    match fifo.write_all(&line) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(fail(error)),
    }
}

/// Whether nobody has the FIFO open for reading.
fn is_unheard(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(flags);
    let file = options.open(path)?;
    if file.metadata()?.file_type().is_fifo() { Ok(file) } else { Err(io::Error::other("it is no FIFO")) }
}

/// Makes the FIFO of a new directory.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn create(path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

/// Makes the FIFO of a new directory.
#[cfg(target_vendor = "apple")]
pub(super) fn create(path: &Path) -> io::Result<()> {
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(path).status()?;
    if made.success() { Ok(()) } else { Err(io::Error::other("mkfifo failed")) }
}

/// A line that never ends is no command.
const PENDING_BYTES_MAX: usize = 16 * COMMAND_BYTES_MAX;

/// The supervisor's end of the FIFO.
pub(super) struct Control {
    fifo: File,
    pending: Vec<u8>,
}

impl Control {
    /// Opened for writing too, so that it is never at its end.
    pub(super) fn open(dir: &JobDir) -> io::Result<Self> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let fifo = OpenOptions::new().read(true).write(true).custom_flags(flags).open(dir.control_path())?;
        Ok(Self { fifo, pending: Vec::new() })
    }

    /// The commands that have come; what is none is left out.
    pub(super) fn read(&mut self) -> Vec<Command> {
        let mut buffer = [0; COMMAND_BYTES_MAX];
        while let Ok(count @ 1..) = self.fifo.read(&mut buffer) {
            self.pending.extend_from_slice(&buffer[..count]);
            if self.pending.len() > PENDING_BYTES_MAX {
                self.pending.clear();
            }
        }
        let whole = self.pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.pending.drain(..whole).collect();
        lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

impl std::os::fd::AsFd for Control {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fifo.as_fd()
    }
}
