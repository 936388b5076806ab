//! The disk under redb: direct for writers, copy on write for readers, and sealed before closing.
//!
//! A reader must not change the file, yet after any `kill -9` redb has to repair before it reads. So a reader's writes stay
//! in memory. A writer seals the disk after its one commit: what redb would write while closing (a second commit with three
//! or four more fsyncs) fails and is ignored; the next open repairs instead, in half a millisecond with `quick_repair`.

use redb::StorageBackend;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PAGE: u64 = 4096;

/// A handle to the disk, shared between redb and the one who seals it.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: File,
    mode: Mutex<Mode>,
}

#[derive(Debug)]
enum Mode {
    Direct,
    CopyOnWrite { len: u64, pages: BTreeMap<u64, Vec<u8>> },
    Sealed,
}

impl Disk {
    /// Writes go to `file`.
    pub(super) fn direct(file: File) -> Self {
        Self(Arc::new(Inner { file, mode: Mutex::new(Mode::Direct) }))
    }

    /// Writes stay in memory; `file` may be open for reading only.
    pub(super) fn copy_on_write(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self(Arc::new(Inner { file, mode: Mutex::new(Mode::CopyOnWrite { len, pages: BTreeMap::new() }) })))
    }

    /// From now on every access fails: nothing that redb does while it closes reaches the file.
    pub(super) fn seal(&self) {
        *self.mode() = Mode::Sealed;
    }

    fn mode(&self) -> MutexGuard<'_, Mode> {
        self.0.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Reads what the file has of a page; the rest is zero.
    fn page(&self, number: u64) -> io::Result<Vec<u8>> {
        let mut page = vec![0; usize::try_from(PAGE).unwrap_or(4096)];
        let mut filled = 0;
        while filled < page.len() {
            match self.file.read_at(&mut page[filled..], number * PAGE + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(page)
    }
}

fn sealed() -> io::Error {
    io::Error::other("the store is closing")
}

/// The pages that `len` bytes at `offset` touch: page number, range in the page, offset in the buffer.
fn pages(offset: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, usize)> {
    let end = offset + len as u64;
    (offset / PAGE..end.div_ceil(PAGE)).map(move |number| {
        let (start, stop) = ((number * PAGE).max(offset), ((number + 1) * PAGE).min(end));
        let within = |position: u64| usize::try_from(position - number * PAGE).unwrap_or(0);
        (number, within(start)..within(stop), usize::try_from(start - offset).unwrap_or(0))
    })
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        match &*self.mode() {
            Mode::Direct => Ok(self.0.file.metadata()?.len()),
            Mode::CopyOnWrite { len, .. } => Ok(*len),
            Mode::Sealed => Err(sealed()),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mode = self.mode();
        match &*mode {
            Mode::Direct => self.0.file.read_exact_at(out, offset),
            Mode::CopyOnWrite { pages: written, .. } if written.is_empty() => self.0.file.read_exact_at(out, offset),
            Mode::CopyOnWrite { len, pages: written } => {
                if offset + out.len() as u64 > *len {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                for (number, range, at) in pages(offset, out.len()) {
                    let target = &mut out[at..at + range.len()];
                    match written.get(&number) {
                        Some(page) => target.copy_from_slice(&page[range]),
                        None => target.copy_from_slice(&self.0.page(number)?[range]),
                    }
                }
                Ok(())
            }
            Mode::Sealed => Err(sealed()),
        }
    }

    fn set_len(&self, new: u64) -> io::Result<()> {
        match &mut *self.mode() {
            Mode::Direct => self.0.file.set_len(new),
            Mode::CopyOnWrite { len, pages } => {
                pages.split_off(&new.div_ceil(PAGE));
                *len = new;
                Ok(())
            }
            Mode::Sealed => Err(sealed()),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        match &*self.mode() {
            Mode::Direct => self.0.file.sync_data(),
            Mode::CopyOnWrite { .. } => Ok(()),
            Mode::Sealed => Err(sealed()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match &mut *self.mode() {
            Mode::Direct => self.0.file.write_all_at(data, offset),
            Mode::CopyOnWrite { pages: written, .. } => {
                for (number, range, at) in pages(offset, data.len()) {
                    let page = match written.entry(number) {
                        std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                        std::collections::btree_map::Entry::Vacant(entry) => entry.insert(self.0.page(number)?),
                    };
                    let part = &data[at..at + range.len()];
                    page[range].copy_from_slice(part);
                }
                Ok(())
            }
            Mode::Sealed => Err(sealed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_its_own_writes_and_the_file_does_not() {
        let path = tempfile::tempdir().unwrap().keep().join("disk");
        std::fs::write(&path, vec![7u8; 10_000]).unwrap();
        let disk = Disk::copy_on_write(File::open(&path).unwrap()).unwrap();
        disk.write(4090, &[1; 12]).unwrap();
        let mut seen = [0; 14];
        disk.read(4089, &mut seen).unwrap();
        assert_eq!(seen, [7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7]);
        disk.set_len(20_000).unwrap();
        disk.read(19_000, &mut seen).unwrap();
        assert_eq!(seen, [0; 14]);
        assert!(disk.read(19_990, &mut seen).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), vec![7u8; 10_000]);
    }

    #[test]
    fn a_sealed_disk_refuses_everything() {
        let path = tempfile::tempdir().unwrap().keep().join("disk");
        let disk = Disk::direct(File::create_new(&path).unwrap());
        disk.write(0, b"kept").unwrap();
        disk.seal();
        assert!(disk.write(0, b"lost").is_err() && disk.set_len(0).is_err() && disk.sync_data().is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    }
}
