//! Reading what a job prints, while it runs and afterwards, from any process. Bytes as they came: whoever shows them must
//! mask secrets and take out what moves a cursor.

use super::dir::JobDir;
use super::ears::{Inbox, Mail, mailbox};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file with the moments at which output came.
pub(super) const TIMES: &str = "times";
/// Bytes that a tail has at most, however long its lines.
const TAIL_BYTES_MAX: u64 = 64 << 10;
/// Bytes of `times` that are read.
const MOMENTS_BYTES_MAX: u64 = 256 << 10;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;
/// How often files are looked at where nothing tells of changes.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// The same where something should.
const NOTICE_PAUSE: Duration = Duration::from_secs(1);

/// A file of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Of its first byte.
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) path: PathBuf,
}

impl Segment {
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }
}

/// The file whose first byte has this offset.
pub(super) fn segment_name(offset: u64) -> String {
    format!("{offset:020}")
}

/// All files of output, in order.
pub(super) fn segments(dir: &Path) -> Vec<Segment> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut segments: Vec<Segment> = entries
        .filter_map(|entry| {
            let offset = entry.file_name().to_str()?.parse().ok()?;
            Some(Segment { offset, bytes: entry.metadata().ok()?.len(), path: entry.path() })
        })
        .collect();
    segments.sort_unstable_by_key(|segment| segment.offset);
    segments
}

/// The end of what a job printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The last lines, the last of them perhaps without its end; at most 64 KB.
    pub bytes: Vec<u8>,
    /// The offset of the first byte; 0: this is all.
    pub offset: u64,
    /// Bytes printed in all, kept or not.
    pub total: u64,
}

/// The last `lines` lines of what a job printed. Empty if it printed nothing, or nothing is kept.
#[must_use]
pub fn tail(dir: &JobDir, lines: usize) -> Tail {
    let segments = segments(&dir.output_path());
    let total = segments.last().map_or(0, Segment::end);
    let (mut bytes, mut start) = (Vec::new(), total);
    for segment in segments.iter().rev() {
        let room = TAIL_BYTES_MAX.saturating_sub(total - start);
        // What was cut between two files would make two lines one.
        if segment.end() != start || room == 0 || count_lines(&bytes) > lines {
            break;
        }
        let length = segment.bytes.min(room);
        let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = File::open(&segment.path).and_then(|file| file.read_exact_at(&mut piece, segment.bytes - length));
        if read.is_err() {
            break;
        }
        start -= length;
        piece.append(&mut bytes);
        bytes = piece;
    }
    let skipped = start_of_last(&bytes, lines);
    let offset = start + u64::try_from(skipped).unwrap_or(0);
    Tail { bytes: bytes.split_off(skipped), offset, total }
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count()
}

/// Where the last `lines` lines begin.
fn start_of_last(bytes: &[u8], lines: usize) -> usize {
    if lines == 0 {
        return bytes.len();
    }
    let within = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut ends = within.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    ends.nth(lines - 1).map_or(0, |(at, _)| at + 1)
}

/// When output came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// To 100 ms at best; a job that prints for hours has fewer of them.
    pub at: DateTime<Utc>,
    /// The first byte that came then.
    pub offset: u64,
}

/// The last moments at which output came, some ten thousand at most.
#[must_use]
pub fn moments(dir: &JobDir) -> Vec<Moment> {
    let path = dir.output_path().join(TIMES);
    let length = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    let start = length.saturating_sub(MOMENTS_BYTES_MAX);
    let mut bytes = vec![0; usize::try_from(length - start).unwrap_or(0)];
    let count = read_at(&path, &mut bytes, start).unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
    let moment = |line: &str| {
        let (ms, offset) = line.split_once(' ')?;
        Some(Moment { at: DateTime::from_timestamp_millis(ms.parse().ok()?)?, offset: offset.parse().ok()? })
    };
    // The first line may be cut.
    text.lines().skip(usize::from(start > 0)).filter_map(moment).collect()
}

/// The next of what is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it was printed.
    Bytes(Vec<u8>),
    /// So many bytes are not kept.
    Cut(u64),
    /// Nothing came within the time.
    Quiet,
    /// It has ended, or nobody looks after it any more, and all was given.
    End,
}

/// Reads what a job prints as it comes.
pub struct Follow {
    dir: PathBuf,
    at: u64,
    inbox: Inbox,
    notice: Option<OwnedFd>,
    over: bool,
}

impl Follow {
    /// From the byte at `offset` on.
    ///
    /// # Errors
    /// `Refused` if the system has no more pipes or threads.
    pub fn open(dir: &JobDir, offset: u64) -> Result<Self> {
        let fail = |error| Error::io(format!("cannot follow {}", dir.path().display()), error);
        let (sender, inbox) = mailbox().map_err(fail)?;
        let (output, watched) = (dir.output_path(), dir.clone());
        let notice = notice(&output);
        let wait = move |sender: &super::ears::Sender| {
            // Whatever comes of it: nobody is known to go on.
            let _ = watched.wait_for_lock();
            sender.send(Mail::Free(0));
        };
        sender.spawn("follow", wait).map_err(fail)?;
        Ok(Self { dir: output, at: offset, inbox, notice, over: false })
    }

    /// The next piece, within `patience`.
    pub fn next(&mut self, patience: Duration) -> Piece {
        let end = Instant::now() + patience;
        loop {
            let was_over = self.over;
            match self.read() {
                Some(piece) => return piece,
                None if was_over => return Piece::End,
                None if Instant::now() >= end => return Piece::Quiet,
                None => self.wait(end),
            }
        }
    }

    fn wait(&mut self, end: Instant) {
        let pause = if self.notice.is_some() { NOTICE_PAUSE } else { LOOK_PAUSE };
        let until = end.min(Instant::now() + pause);
        let mail = self.inbox.wait(self.notice.as_ref().map(AsFd::as_fd), Some(until));
        self.over |= !mail.is_empty();
        if let Some(notice) = &self.notice {
            // What changed does not matter, only that something did.
            while rustix::io::read(notice, &mut [0u8; 4096]).is_ok_and(|count| count > 0) {}
        }
    }

    fn read(&mut self) -> Option<Piece> {
        let segments = segments(&self.dir);
        let segment = segments.iter().find(|segment| segment.end() > self.at)?;
        if segment.offset > self.at {
            let cut = segment.offset - self.at;
            self.at = segment.offset;
            return Some(Piece::Cut(cut));
        }
        let mut bytes = vec![0; READ_BYTES];
        // One that was removed meanwhile is cut: the next look says so.
        let count = read_at(&segment.path, &mut bytes, self.at - segment.offset).ok().filter(|count| *count > 0)?;
        bytes.truncate(count);
        self.at += u64::try_from(count).unwrap_or(0);
        Some(Piece::Bytes(bytes))
    }
}

fn read_at(path: &Path, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    File::open(path)?.read_at(buffer, offset)
}

/// Readable when something changes in the directory; `None` where the system has no more of these.
#[cfg(target_os = "linux")]
fn notice(dir: &Path) -> Option<OwnedFd> {
    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    let notice = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
    add_watch(&notice, dir, WatchFlags::MODIFY | WatchFlags::CREATE).ok()?;
    Some(notice)
}

#[cfg(not(target_os = "linux"))]
fn notice(_dir: &Path) -> Option<OwnedFd> {
    None
}
