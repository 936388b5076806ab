//! What can still be read of a broken store: every page against its checksum, and every event that still decodes.
//!
//! Events are sought twice: position by position through the tables, and, since tables may be gone, by their shape in the
//! raw bytes of the file. Nothing is written; what redb repairs while it opens stays in memory.

use super::backend::Disk;
use super::pack::Packer;
use super::{FILE, Store, check_magic, damaged, database, lock, unreadable};
use crate::domain::clock::{ReplicaId, Stamp};
use crate::domain::event::{self, Event};
use crate::error::{Error, Kind, Result, quietly};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of the raw file looked at together.
const WINDOW_BYTES: usize = 32 << 20;
/// No event is longer: bodies beyond 64 KiB are blobs.
const EVENT_BYTES_MAX: usize = 4 << 20;
/// How each encoded event begins, after the size of its map: its first field.
const MARK: &[u8] = b"\xa5stamp";
/// How the identity of the project begins.
const WORKSPACE: &[u8] = b"\xa9workspace\xd9\x20";
/// Events read together; a chunk with a bad page is read one by one.
const CHUNK: u64 = 256;

/// What could be read of a log.
#[derive(Clone, Debug, Default)]
pub struct Salvage {
    /// The readable events in the order of their stamps, which is the one that replicas agree on.
    pub events: Vec<Event>,
    /// The identity of the project, if that much can be read.
    pub workspace: Option<String>,
    /// The position after the last one of the log, if that much can be read.
    pub next_position: Option<u64>,
    /// The positions that could be read through the tables, as ranges.
    pub positions: Vec<(u64, u64)>,
}

type Found = BTreeMap<(ReplicaId, u64), Event>;

impl Store {
    /// Compares every page of the file with its checksum, which takes time with its size.
    ///
    /// # Errors
    /// `Busy`; `Corrupt` if a page is not what was written, or the file is no store.
    pub fn verify_pages(&self) -> Result<()> {
        let path = self.dir.join(FILE);
        let _guard = self.lock(lock::Mode::Shared)?;
        let file = File::open(&path).map_err(|e| unreadable(&path, e))?;
        let medium = (self.medium)(file);
        check_magic(&*medium, &path)?;
        let disk = Disk::copy_on_write(medium).map_err(|e| unreadable(&path, e))?;
        let what = path.display().to_string();
        let sound = quietly(|| {
            let mut database = database(disk.clone(), &path)?;
            database.check_integrity().map_err(|e| damaged(&what, e))
        });
        disk.seal();
        match sound {
            Some(Ok(true)) => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(false)) => Err(damaged(&what, "its last state cannot be read, only an earlier one")),
            None => Err(damaged(&what, "a page is not what was written")),
        }
    }

    /// Reads every event that still decodes.
    ///
    /// # Errors
    /// `Busy`, or `Refused` if the file cannot even be read as bytes.
    pub fn salvage(&self) -> Result<Salvage> {
        let mut found = Found::new();
        let mut salvage = match quietly(|| self.read_through_tables(&mut found)) {
            Some(Err(error)) if error.kind == Kind::Busy => return Err(error),
            Some(Ok(read)) => read,
            _ => Salvage::default(),
        };
        let _guard = self.lock(lock::Mode::Shared)?;
        let workspace = carve(&self.dir.join(FILE), &mut found)?;
        salvage.workspace = salvage.workspace.or(workspace);
        salvage.events = found.into_values().collect();
        salvage.events.sort_by_key(|event| event.stamp);
        Ok(salvage)
    }

    fn read_through_tables(&self, found: &mut Found) -> Result<Salvage> {
        self.read(|view| {
            let (next, mut positions) = (view.next_position(), Vec::new());
            let workspace = Some(view.meta().workspace.clone());
            let mut from = 1;
            while from < next {
                let to = (from + CHUNK).min(next);
                let chunk = quietly(|| view.events(from..to));
                let events = match chunk {
                    Some(Ok(events)) => events,
                    _ => (from..to).filter_map(|at| Some((at, quietly(|| view.event(at))?.ok()??))).collect(),
                };
                for (position, event) in events {
                    extend(&mut positions, position);
                    keep(found, event);
                }
                from = to;
            }
            Ok(Salvage { events: Vec::new(), workspace, next_position: Some(next), positions })
        })
    }
}

fn extend(ranges: &mut Vec<(u64, u64)>, position: u64) {
    match ranges.last_mut() {
        Some((_, last)) if *last + 1 == position => *last = position,
        _ => ranges.push((position, position)),
    }
}

/// Of two with the same identity the later one counts: the other was written by a transaction that never ended.
fn keep(found: &mut Found, event: Event) {
    let held = found.entry((event.stamp.replica, event.seq)).or_insert_with(|| event.clone());
    if held.stamp < event.stamp {
        *held = event;
    }
}

/// Seeks events by their shape in the bytes of a file; returns the identity of the project, if it meets that.
fn carve(path: &Path, found: &mut Found) -> Result<Option<String>> {
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let (mut bytes, mut offset, mut workspace, packer) = (Vec::new(), 0, None, Packer::default());
    loop {
        let read = read_window(&file, offset, &mut bytes).map_err(|e| unreadable(path, e))?;
        workspace = workspace.or_else(|| workspace_in(&bytes));
        for at in 0..bytes.len().min(WINDOW_BYTES) {
            let event = event_at(&bytes, at, &packer).filter(is_likely);
            if let Some(event) = event {
                keep(found, event);
            }
        }
        if read < WINDOW_BYTES + EVENT_BYTES_MAX {
            return Ok(workspace);
        }
        offset += WINDOW_BYTES as u64;
    }
}

/// The event whose row seems to begin at `at`, packed or, as format 1 wrote it, plain.
fn event_at(bytes: &[u8], at: usize, packer: &Packer) -> Option<Event> {
    if let Some(event) = packer.unpack_first(&bytes[at..]) {
        return Some(event);
    }
    // The size of the map before the mark is one byte, or three.
    let is_plain = [1, 3].into_iter().any(|size| bytes.get(at + size..).is_some_and(|rest| rest.starts_with(MARK)));
    if is_plain { quietly(|| event::decode(&bytes[at..]).ok())? } else { None }
}

/// A flipped bit may leave something that decodes, but not with such numbers.
fn is_likely(event: &Event) -> bool {
    event.seq > 0 && event.commit > 0 && event.commit <= event.seq && event.stamp > Stamp::default()
}

fn find(bytes: &[u8], mark: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(mark.len()).position(|window| window == mark).map(|at| from + at)
}

/// The 32 hex digits after their name in the format row.
fn workspace_in(bytes: &[u8]) -> Option<String> {
    let at = find(bytes, WORKSPACE, 0)? + WORKSPACE.len();
    let digits = bytes.get(at..at + 32)?;
    digits.iter().all(u8::is_ascii_hexdigit).then(|| String::from_utf8_lossy(digits).into_owned())
}

fn read_window(file: &File, offset: u64, bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    bytes.resize(WINDOW_BYTES + EVENT_BYTES_MAX, 0);
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(filled)
}

impl Salvage {
    /// How many records the events create.
    #[must_use]
    pub fn records(&self) -> usize {
        self.events.iter().filter(|event| event.put().is_some_and(|put| put.create.is_some())).count()
    }
}

/// The error for a store of which nothing can be read.
#[must_use]
pub fn nothing_left(store: &Store) -> Error {
    damaged(&store.dir.join(FILE).display().to_string(), "no event in it can be read")
        .hint("bring back a copy: state import --restore BACKUP (made by state export --backup)")
}
