//! Transcripts on disk: read from the end, however large they are.
//!
//! What a session left open stands at the end of its transcript and what it was asked at the beginning, so that only these
//! are read. Nothing here trusts the file: it may grow, shrink or vanish meanwhile, hold lines of any length, or be no file.

mod import;
mod tail;

pub use import::{TranscriptsReport, import};

use crate::domain::transcript::{Story, Teller, entries};
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What is read of the beginning of a long transcript.
const HEAD_BYTES: u64 = 256 * 1024;
/// What is kept of its end.
const TAIL_BYTES: usize = 4 * 1024 * 1024;

/// What a transcript tells of its session.
///
/// # Errors
/// `Usage` if it is not a file, or cannot be read.
pub fn read(path: &Path) -> Result<Story> {
    let cannot = |e| Error::usage(format!("cannot read the transcript {}", path.display())).because(e);
    // A pipe with nobody at its other end must not hold us up.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err(Error::usage(format!("the transcript {} is not a file", path.display())));
    }
    read_from(file, metadata.len()).map_err(cannot)
}

/// As [`read`], from anything of `len` bytes: what the benchmark measures.
///
/// # Errors
/// As the source says.
pub fn read_from(mut source: impl Read + Seek, len: u64) -> std::io::Result<Story> {
    let mut teller = Teller::default();
    if len <= HEAD_BYTES + TAIL_BYTES as u64 {
        take_lines(&mut teller, &chunk(&mut source, 0, len)?);
        return Ok(teller.end());
    }
    let head = chunk(&mut source, 0, HEAD_BYTES)?;
    let whole = head.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    take_lines(&mut teller, &head[..whole]);
    teller.skip();
    let lines = tail::lines(&mut source, HEAD_BYTES, len, TAIL_BYTES)?;
    lines.iter().rev().flat_map(|line| entries(line)).for_each(|entry| teller.take(entry));
    Ok(teller.end())
}

fn take_lines(teller: &mut Teller, bytes: &[u8]) {
    bytes.split(|byte| *byte == b'\n').flat_map(entries).for_each(|entry| teller.take(entry));
}

/// The bytes `from..to`, or as many of them as there still are.
fn chunk(source: &mut (impl Read + Seek), from: u64, to: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(to - from).unwrap_or(0));
    source.seek(SeekFrom::Start(from))?;
    source.take(to - from).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The story with its files as seen from the root of the worktree.
#[must_use]
pub fn within(mut story: Story, root: &Path) -> Story {
    // The host names the directory as it was entered, we name it as it is.
    let real = story.meta.cwd.as_deref().and_then(|cwd| std::fs::canonicalize(cwd).ok());
    story.meta.cwd = real.map(|cwd| cwd.to_string_lossy().into_owned()).or(story.meta.cwd);
    story.within(&root.to_string_lossy())
}
