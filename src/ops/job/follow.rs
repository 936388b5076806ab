//! What a job prints, as it comes.

use super::dir;
use crate::domain::{secret, text};
use crate::error::Result;
use crate::ops::Workspace;
use crate::process::job::{Follow, Piece};
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
    let job = workspace.read(|view| super::find(view, id))?;
    Ok(dir(workspace, job.id()).path().to_owned())
}

/// Takes text; `false` if nobody listens any more.
pub(super) type Say<'a> = &'a mut dyn FnMut(&str) -> Result<bool>;

/// Gives the output of a job to `say` until it has ended: without what a terminal would obey, secrets masked.
///
/// # Errors
/// `NotFound`, as the store says, or what `say` says.
pub fn follow(workspace: &Workspace, id: &str, say: Say) -> Result<()> {
    super::settle(workspace);
    let job = workspace.read(|view| super::find(view, id))?;
    let mut output = Follow::open(&dir(workspace, job.id()), 0)?;
    let mut pending = Vec::new();
    let mut is_heard = true;
    while is_heard {
        let piece = output.next(PAUSE);
        if let Piece::Bytes(bytes) = &piece {
            pending.extend_from_slice(bytes);
        }
        is_heard = match piece {
            Piece::Bytes(_) => say_lines(&mut pending, false, say)?,
            Piece::Quiet => say_lines(&mut pending, true, say)?,
            Piece::Cut(_) | Piece::End => say_all(&mut pending, say)?,
        };
        match piece {
            Piece::Cut(bytes) => is_heard = say(&format!("[{bytes} bytes are not kept]\n"))?,
            Piece::End => break,
            Piece::Bytes(_) | Piece::Quiet => {}
        }
    }
    super::settle(workspace);
    super::told::tell(workspace, &[job.uid]);
    Ok(())
}

/// Whole lines, so that no secret and no character is cut; with `all`, the rest too. A key whose end has not come is held
/// back, for only its first line tells that it is one.
fn say_lines(pending: &mut Vec<u8>, all: bool, say: Say) -> Result<bool> {
    if pending.len() > LINE_BYTES_MAX {
        return say_all(pending, say);
    }
    let end = if all { pending.len() } else { pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
    let end = open_key(pending).map_or(end, |key| key.min(end));
    say_all(&mut pending.drain(..end).collect(), say)
}

fn say_all(pending: &mut Vec<u8>, say: Say) -> Result<bool> {
    let bytes = std::mem::take(pending);
    if bytes.is_empty() { Ok(true) } else { say(&text::display(&secret::mask(&String::from_utf8_lossy(&bytes)))) }
}

/// Where a key begins whose end has not come.
fn open_key(bytes: &[u8]) -> Option<usize> {
    let last = |mark: &[u8]| bytes.windows(mark.len()).rposition(|part| part == mark);
    last(b"-----BEGIN ").filter(|begin| last(b"-----END ").is_none_or(|end| end < *begin))
}
