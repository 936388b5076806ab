//! What a job prints, as it comes.

use super::dir_of;
use super::report::JobReport;
use super::words::clock_with_seconds;
use crate::domain::{secret, text};
use crate::error::Result;
use crate::ops::Workspace;
use crate::process::job::{Follow, JobDir, Moment, Piece, moments};
use chrono::{DateTime, Utc};
use std::path::PathBuf;
use std::time::Duration;

/// How long nothing may come before what has no end of line yet is shown.
const PAUSE: Duration = Duration::from_millis(500);
/// A line that is longer is shown in parts.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The directory of a job.
///
/// # Errors
/// `NotFound`, or as the store says.
pub fn path(workspace: &Workspace, id: &str) -> Result<PathBuf> {
    workspace.read(|view| Ok(dir_of(view, workspace, &super::find(view, id)?).path().to_owned()))
}

/// Takes text; `false` if nobody listens any more.
pub(super) type Say<'a> = &'a mut dyn FnMut(&str) -> Result<bool>;

/// Gives the output of a job to `say` until it has ended: without what a terminal would obey, secrets masked; with the
/// time at which it came before each line, if `times`. How it stands then, for whoever still listens.
///
/// # Errors
/// `NotFound`, as the store says, or what `say` says.
pub fn follow(workspace: &Workspace, id: &str, times: bool, say: Say) -> Result<JobReport> {
    super::settle(workspace);
    let (job, dir) = super::find_with_dir(workspace, id)?;
    let mut output = Follow::open(&dir, 0)?;
    let mut speech = Speech { pending: Vec::new(), offset: 0, times: times.then_some(Times { dir }) };
    let mut is_heard = true;
    while is_heard {
        let piece = output.next(PAUSE);
        if let Piece::Bytes(bytes) = &piece {
            speech.pending.extend_from_slice(bytes);
        }
        is_heard = match piece {
            Piece::Bytes(_) => speech.say_lines(false, say)?,
            Piece::Quiet => speech.say_lines(true, say)?,
            Piece::Cut(_) | Piece::End => speech.say_all(say)?,
        };
        match piece {
            Piece::Cut(bytes) => {
                speech.offset += bytes;
                is_heard = say(&format!("[{bytes} bytes are not kept]\n"))?;
            }
            Piece::End => break,
            Piece::Bytes(_) | Piece::Quiet => {}
        }
    }
    super::settle(workspace);
    let (job, report) = JobReport::current(workspace, job, 0)?;
    if is_heard {
        super::told::tell(workspace, &[(&job).into()]);
    }
    Ok(report)
}

/// What was read and not said yet.
struct Speech {
    pending: Vec<u8>,
    /// Where `pending` begins in the output.
    offset: u64,
    times: Option<Times>,
}

impl Speech {
    /// Whole lines, so that no secret and no character is cut; with `all`, the rest too. A key whose end has not come is
    /// held back, for only its first line tells that it is one.
    fn say_lines(&mut self, all: bool, say: Say) -> Result<bool> {
        if self.pending.len() > LINE_BYTES_MAX {
            return self.say_all(say);
        }
        let last = self.pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = if all { self.pending.len() } else { last };
        let end = open_key(&self.pending).map_or(end, |key| key.min(end));
        let rest = self.pending.split_off(end);
        let is_heard = self.say_all(say);
        self.pending = rest;
        is_heard
    }

    fn say_all(&mut self, say: Say) -> Result<bool> {
        let bytes = std::mem::take(&mut self.pending);
        if bytes.is_empty() {
            return Ok(true);
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = secret::mask(&text);
        let text = text::display(&text);
        let is_heard = match &self.times {
            Some(times) => say(&times.beside(&text, &bytes, self.offset)),
            None => say(&text),
        };
        self.offset += bytes.len() as u64;
        is_heard
    }
}

/// When output came.
struct Times {
    dir: JobDir,
}

impl Times {
    /// The text with the time before each line. Where masking has joined lines, all have the time of the first.
    fn beside(&self, text: &str, bytes: &[u8], offset: u64) -> String {
        let known = moments(&self.dir);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let raw: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let is_alike = raw.len() == lines.len();
        let mut at = offset;
        let mut told = String::with_capacity(text.len() + lines.len() * 9);
        for (number, line) in lines.iter().enumerate() {
            let clock = came(&known, at).map_or("        ".to_owned(), clock_with_seconds);
            told.extend([clock.as_str(), " ", line]);
            at += if is_alike { raw[number].len() as u64 } else { 0 };
        }
        told
    }
}

fn came(known: &[Moment], offset: u64) -> Option<DateTime<Utc>> {
    let later = known.partition_point(|moment| moment.offset <= offset);
    later.checked_sub(1).map(|last| known[last].at)
}

/// Where a key begins whose end has not come.
fn open_key(bytes: &[u8]) -> Option<usize> {
    let last = |mark: &[u8]| bytes.windows(mark.len()).rposition(|part| part == mark);
    last(b"-----BEGIN ").filter(|begin| last(b"-----END ").is_none_or(|end| end < *begin))
}
