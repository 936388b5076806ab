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
        let is_whole = !matches!(piece, Piece::Bytes(_)) || pending.len() > LINE_BYTES_MAX;
        is_heard = say_lines(&mut pending, is_whole, say)?;
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

/// Whole lines, so that no secret and no character is cut; with `all`, the rest too.
fn say_lines(pending: &mut Vec<u8>, all: bool, say: Say) -> Result<bool> {
    let end = if all { pending.len() } else { pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
    if end == 0 {
        return Ok(true);
    }
    let lines: Vec<u8> = pending.drain(..end).collect();
    let text = String::from_utf8_lossy(&lines);
    say(&text::display(&secret::mask(&text)))
}
