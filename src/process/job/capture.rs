//! Writing output into capped files: the beginning is kept, and the end; what is between makes room.
//!
//! Files are named by the offset of their first byte, so that what was cut, or lost on a full disk, is known from the
//! names alone, even if the supervisor is killed. The first may take half of the room, each later one a quarter.
//! `times` has a line for the moments at which output came: milliseconds since 1970 and the offset.

use super::output::{self, Segment, TIMES};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Room for the record of the end, and for the ledger's.
const GIVEN_BYTES: u64 = 256 << 10;
/// After a failed write, the next try.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// A disk that is full and not full in turn makes many small files.
const SEGMENTS_MAX: usize = 32;
/// Two moments are at least so far apart; doubled each time `times` has grown by as much again.
const TIMES_PAUSE_MS: i64 = 100;
const TIMES_BYTES: u64 = 256 << 10;

/// What a job prints, on its way into files.
pub(super) struct Capture {
    dir: PathBuf,
    cap: u64,
    clock: fn() -> DateTime<Utc>,
    /// Bytes printed so far, kept or not.
    total: u64,
    segments: VecDeque<Segment>,
    current: Option<File>,
    times: Times,
    lost: Option<String>,
    retry_at: Option<Instant>,
}

impl Capture {
    /// Keeps at most `cap` bytes below `dir`, after what is there already.
    pub(super) fn new(dir: &Path, cap: u64, clock: fn() -> DateTime<Utc>) -> Self {
        let segments: VecDeque<Segment> = output::segments(dir).into();
        let total = segments.back().map_or(0, Segment::end);
        let times = Times { path: dir.join(TIMES), file: None, bytes: 0, last_ms: 0 };
        Self { dir: dir.to_owned(), cap, clock, total, segments, current: None, times, lost: None, retry_at: None }
    }

    /// Bytes printed so far.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes printed that are not kept.
    pub(super) fn cut(&self) -> u64 {
        self.total.saturating_sub(self.segments.iter().map(|segment| segment.bytes).sum())
    }

    /// Why some of it could not be kept.
    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Keeps the next bytes as far as that is possible; never fails, for the job is not to suffer from it.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = if self.is_paused() { break } else { self.write_some(rest) };
            match written {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.give_up(&error),
            }
        }
        self.total += u64::try_from(rest.len()).unwrap_or(0);
    }

    /// Makes some room on a full disk, at the price of the least important output: what comes before the middle. `false`
    /// if there is none left.
    pub(super) fn give_back(&mut self) -> bool {
        let Some(first) = self.segments.front_mut().filter(|first| first.bytes > 0) else { return false };
        let bytes = first.bytes.saturating_sub(GIVEN_BYTES);
        let cut = OpenOptions::new().write(true).open(&first.path).and_then(|file| file.set_len(bytes));
        first.bytes = bytes;
        cut.is_ok()
    }

    fn is_paused(&self) -> bool {
        self.retry_at.is_some_and(|retry_at| Instant::now() < retry_at)
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room();
        if self.current.is_none() || room == 0 {
            self.open_next()?;
        }
        self.times.note((self.clock)(), self.total);
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        let file = self.current.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let count = file.write(&bytes[..bytes.len().min(room)])?;
        let length = u64::try_from(count).unwrap_or(0);
        self.total += length;
        if let Some(segment) = self.segments.back_mut() {
            segment.bytes += length;
        }
        if count == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(count) }
    }

    /// Bytes that the last file may still take.
    fn room(&self) -> u64 {
        let most = if self.segments.len() == 1 { self.cap / 2 } else { self.cap / 4 };
        self.segments.back().map_or(0, |segment| most.saturating_sub(segment.bytes))
    }

    fn open_next(&mut self) -> io::Result<()> {
        self.current = None;
        self.make_room();
        let segment = Segment { offset: self.total, bytes: 0, path: self.dir.join(output::segment_name(self.total)) };
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&segment.path)?;
        if self.segments.back().is_none_or(|last| last.path != segment.path) {
            self.segments.push_back(segment);
        }
        self.current = Some(file);
        self.retry_at = None;
        Ok(())
    }

    fn make_room(&mut self) {
        let is_full = |segments: &VecDeque<Segment>| {
            let kept: u64 = segments.iter().map(|segment| segment.bytes).sum();
            kept + self.cap / 4 > self.cap || segments.len() >= SEGMENTS_MAX
        };
        while self.segments.len() > 1 && is_full(&self.segments) {
            if let Some(oldest) = self.segments.remove(1) {
                // One that cannot be removed only takes room.
                let _ = std::fs::remove_file(oldest.path);
            }
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        self.current = None;
        self.retry_at = Some(Instant::now() + RETRY_PAUSE);
        if let Some(empty) = self.segments.pop_back_if(|segment| segment.bytes == 0) {
            let _ = std::fs::remove_file(empty.path);
        }
        let reason = error.to_string().to_lowercase();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        self.lost.get_or_insert_with(|| format!("output lost from byte {}: {reason}", self.total));
    }
}

/// When output came.
struct Times {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    last_ms: i64,
}

impl Times {
    fn note(&mut self, now: DateTime<Utc>, offset: u64) {
        let ms = now.timestamp_millis();
        let doublings = u32::try_from(self.bytes / TIMES_BYTES).unwrap_or(u32::MAX);
        let pause = TIMES_PAUSE_MS.checked_shl(doublings).filter(|pause| *pause > 0).unwrap_or(i64::MAX);
        if self.file.is_some() && ms.saturating_sub(self.last_ms) < pause {
            return;
        }
        self.last_ms = ms;
        if self.file.is_none() {
            self.file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path).ok();
        }
        let line = format!("{ms} {offset}\n");
        // Without its time the output is still there.
        if self.file.as_mut().is_some_and(|file| file.write_all(line.as_bytes()).is_ok()) {
            self.bytes += u64::try_from(line.len()).unwrap_or(0);
        }
    }
}
