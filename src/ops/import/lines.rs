//! An export or backup as it is read back: line by line, each checked before anything believes it.

use crate::domain::digest::RunningDigest;
use crate::domain::event::Event;
use crate::domain::field;
use crate::domain::id::looks_like_id;
use crate::error::{Error, Kind, Result};
use crate::ops::export::format::{HEADER_BYTES_MAX, Header, Trailer};
use crate::store::BODY_BYTES_MAX;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A longer line is no event: the longest body, each byte of it written as an escape.
const LINE_BYTES_MAX: u64 = 8 * BODY_BYTES_MAX as u64;
/// What counts by one from an event on must not come to an end.
const SEQ_MAX: u64 = u64::MAX / 2;
/// The end of the year 9999.
const MILLIS_MAX: u64 = 253_402_300_799_999;
/// With what every file of zstd begins.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A line that should be an event: its number from 1, and the event or why it is none.
pub(super) type Line = (usize, Result<Box<Event>, String>);

/// An export that is being read.
pub(super) struct Lines {
    path: PathBuf,
    /// The first line.
    pub(super) header: Header,
    /// Whether it is a backup, which must have its last line.
    pub(super) is_backup: bool,
    /// How many bytes the file has.
    pub(super) size: u64,
    reader: Box<dyn BufRead>,
    consumed: Rc<Cell<u64>>,
    line: usize,
    events: u64,
    digest: RunningDigest,
    trailer: Option<Trailer>,
}

impl Lines {
    /// Opens a file if it is an export or a backup; `None` if it is something else.
    ///
    /// # Errors
    /// `Usage` if it cannot be read, `Refused` if a newer version wrote it, `Corrupt` if it is a damaged backup.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let cannot = |e| Error::usage(format!("cannot read {}", path.display())).because(e);
        let metadata = std::fs::metadata(path).map_err(cannot)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let consumed = Rc::new(Cell::new(0));
        let file = File::open(path).map_err(cannot)?;
        let mut plain = BufReader::new(Counted { file, consumed: Rc::clone(&consumed) });
        let is_backup = plain.fill_buf().map_err(cannot)?.starts_with(&ZSTD_MAGIC);
        let mut reader: Box<dyn BufRead> = if is_backup {
            Box::new(BufReader::new(zstd::Decoder::with_buffer(plain).map_err(|e| damaged(path, e))?))
        } else {
            Box::new(plain)
        };
        let mut first = Vec::new();
        let read = reader.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut first);
        read.map_err(|e| if is_backup { damaged(path, e) } else { cannot(e) })?;
        let Some(header) = Header::parse(&first) else {
            return if is_backup { Err(damaged(path, "it is no backup of state")) } else { Ok(None) };
        };
        let mut digest = RunningDigest::default();
        digest.update(&first);
        let (size, path) = (metadata.len(), path.to_owned());
        let lines = Self { path, header, is_backup, size, reader, consumed, line: 1, events: 0, digest, trailer: None };
        lines.of_this_version().map(Some)
    }

    /// Refuses what the first line says is not for this program. Of a backup it is believed only if the last line vouches
    /// for it: a damaged one must not be called a newer one.
    fn of_this_version(mut self) -> Result<Self> {
        let Err(refusal) = self.header.check(&self.path) else { return Ok(self) };
        while self.is_backup && self.next()?.is_some() {}
        Err(refusal)
    }

    /// How many bytes of the file have been read.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    /// The next line that is not empty; `None` at the end, which a backup must have.
    ///
    /// # Errors
    /// `Refused` if the disk fails, `Corrupt` if the file is not what its last line says.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            let read = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
            read.map_err(|error| self.unreadable(error))?;
            self.line += 1;
            if bytes.is_empty() {
                return self.end().map(|()| None);
            }
            let text = bytes.trim_ascii();
            if let Some(trailer) = Trailer::parse(text).filter(|_| self.trailer.is_none()) {
                self.trailer = Some(trailer);
                continue;
            }
            if self.trailer.is_some() {
                return Err(damaged(&self.path, "something follows its last line"));
            }
            self.digest.update(&bytes);
            if !text.is_empty() {
                self.events += 1;
                return Ok(Some((self.line, event(text).map(Box::new))));
            }
        }
    }

    /// Reads to the end and returns the last line, which vouches for all of it.
    ///
    /// # Errors
    /// `Corrupt` if it is not whole.
    pub(super) fn check(mut self, progress: &dyn Fn(u64, u64)) -> Result<Trailer> {
        while let Some((line, event)) = self.next()? {
            event.map_err(|why| damaged(&self.path, format!("line {line}: {why}")))?;
            if line % 1000 == 0 {
                progress(self.consumed(), self.size);
            }
        }
        self.trailer.ok_or_else(|| damaged(&self.path, "its last line is missing"))
    }

    fn end(&self) -> Result<()> {
        match &self.trailer {
            None if self.is_backup => Err(damaged(&self.path, "it is cut off: its last line is missing")),
            Some(trailer) if trailer.events != self.events || trailer.sha256 != self.digest.hex() => {
                Err(damaged(&self.path, "its content is not what its last line says"))
            }
            _ => Ok(()),
        }
    }

    fn unreadable(&self, error: io::Error) -> Error {
        if self.is_backup {
            damaged(&self.path, error)
        } else {
            Error::io(format!("cannot read {}", self.path.display()), error)
        }
    }
}

/// A backup that cannot be believed.
pub(super) fn damaged(path: &Path, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::Corrupt, format!("the backup {} is damaged", path.display()))
        .because(why)
        .hint("nothing was changed; take another copy of it")
}

/// The event in a line, or why it is none.
fn event(line: &[u8]) -> Result<Event, String> {
    let event: Event = serde_json::from_slice(line).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => "JSON that is cut off".to_owned(),
        serde_json::error::Category::Data => {
            let why = error.to_string();
            format!("not an event: {}", why.split(" at line ").next().unwrap_or_default())
        }
        _ => format!("not valid JSON at column {}", error.column()),
    })?;
    check(&event).map(|()| event).map_err(str::to_owned)
}

/// What no event of any version is; everything else is tolerated where it is folded.
fn check(event: &Event) -> Result<(), &'static str> {
    if event.seq == 0 || event.commit == 0 || event.commit > event.seq || event.seq > SEQ_MAX {
        return Err("an event with an impossible sequence");
    }
    if event.stamp.hlc >> 16 > MILLIS_MAX {
        return Err("an event of no year that clocks know");
    }
    let Some(put) = event.put() else { return Ok(()) };
    if !event.touches.contains(&put.uid) {
        return Err("an event that does not name its record");
    }
    if let Some(create) = &put.create {
        let is_word = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let is_kind = |kind: &str| !kind.is_empty() && !kind.starts_with('.') && kind.chars().all(is_word);
        // Files are named by ids.
        if !looks_like_id(&create.id) || !is_kind(&create.kind) || create.kind.len() > 64 {
            return Err("a record whose id or kind is not a word");
        }
    }
    match put.set.get(field::BODY) {
        Some(serde_json::Value::String(body)) if body.len() > BODY_BYTES_MAX => Err("a body of more than 16 MiB"),
        Some(body) if !body.is_string() && !body.is_null() => Err("a body that is not text"),
        _ => Ok(()),
    }
}

/// Counts what is read of a file.
struct Counted {
    file: File,
    consumed: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.consumed.set(self.consumed.get() + read as u64);
        Ok(read)
    }
}
