//! The disk under redb: direct for writers, copy on write for readers, and sealed before closing.
//!
//! A reader must not change the file, yet after any `kill -9` redb has to repair before it reads. So a reader's writes stay
//! in memory. A writer seals the disk after its one commit: what redb would write while closing (a second commit with three
//! or four more fsyncs) fails and is ignored; the next open repairs instead, in half a millisecond with `quick_repair`.
//! That repair writes what is there already and syncs twice; of these syncs one is enough, right before the first change.
//!
//! What a disk is made of can be replaced ([`Medium`]), so that tests can cut the power and let any access fail.

use redb::StorageBackend;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PAGE: u64 = 4096;

/// What keeps the bytes: a file, or in tests something that lies about it. Every method is one access that may fail.
pub(super) trait Medium: std::fmt::Debug + Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills `out` from `offset` on; beyond the end is an error.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes all of `data` at `offset`.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Cuts it, or adds zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&self) -> io::Result<()>;
}

impl Medium for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(out, offset)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_all_at(data, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A handle to the disk, shared between redb and the one who seals it.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    medium: Arc<dyn Medium>,
    mode: Mutex<Mode>,
}

#[derive(Debug)]
enum Mode {
    /// Nothing was written yet that is not there already. `owed`: a sync was asked for.
    Untouched {
        owed: bool,
    },
    Direct,
    /// `held`: how much of the medium still shows; it is less than `len` once the disk was cut or has grown.
    CopyOnWrite {
        len: u64,
        held: u64,
        pages: BTreeMap<u64, Vec<u8>>,
    },
    Sealed,
}

impl Disk {
    /// Writes go to `medium`.
    pub(super) fn direct(medium: Arc<dyn Medium>) -> Self {
        Self(Arc::new(Inner { medium, mode: Mutex::new(Mode::Untouched { owed: false }) }))
    }

    /// Writes stay in memory; `medium` may be open for reading only.
    pub(super) fn copy_on_write(medium: Arc<dyn Medium>) -> io::Result<Self> {
        let len = medium.len()?;
        let mode = Mode::CopyOnWrite { len, held: len, pages: BTreeMap::new() };
        Ok(Self(Arc::new(Inner { medium, mode: Mutex::new(mode) })))
    }

    /// Makes durable what others wrote, if that was asked for and put off.
    pub(super) fn settle(&self) -> io::Result<()> {
        let mut mode = self.mode();
        if let Mode::Untouched { .. } = *mode { self.0.touch(&mut mode) } else { Ok(()) }
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
    /// To be called before the first change: what was to be durable before it is.
    fn touch(&self, mode: &mut Mode) -> io::Result<()> {
        if let Mode::Untouched { owed: true } = mode {
            self.medium.sync()?;
        }
        *mode = Mode::Direct;
        Ok(())
    }

    /// Whether a page or less holds these bytes already; a longer piece is not compared.
    fn holds(&self, offset: u64, data: &[u8]) -> io::Result<bool> {
        if data.len() as u64 > PAGE || offset + data.len() as u64 > self.medium.len()? {
            return Ok(false);
        }
        let mut there = vec![0; data.len()];
        self.medium.read(offset, &mut there)?;
        Ok(there == data)
    }

    /// Reads what the first `held` bytes of the medium have of a page; the rest is zero.
    fn page(&self, number: u64, held: u64) -> io::Result<Vec<u8>> {
        let start = number * PAGE;
        let mut page = vec![0; usize::try_from(PAGE).unwrap_or(4096)];
        let there = usize::try_from(held.saturating_sub(start).min(PAGE)).unwrap_or(0);
        self.medium.read(start, &mut page[..there])?;
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
            Mode::Untouched { .. } | Mode::Direct => self.0.medium.len(),
            Mode::CopyOnWrite { len, .. } => Ok(*len),
            Mode::Sealed => Err(sealed()),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mode = self.mode();
        match &*mode {
            Mode::Untouched { .. } | Mode::Direct => self.0.medium.read(offset, out),
            Mode::CopyOnWrite { len, .. } if offset + out.len() as u64 > *len => {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Mode::CopyOnWrite { len, held, pages: written } if written.is_empty() && len == held => {
                self.0.medium.read(offset, out)
            }
            Mode::CopyOnWrite { held, pages: written, .. } => {
                for (number, range, at) in pages(offset, out.len()) {
                    let target = &mut out[at..at + range.len()];
                    match written.get(&number) {
                        Some(page) => target.copy_from_slice(&page[range]),
                        None => target.copy_from_slice(&self.0.page(number, *held)?[range]),
                    }
                }
                Ok(())
            }
            Mode::Sealed => Err(sealed()),
        }
    }

    fn set_len(&self, new: u64) -> io::Result<()> {
        let mut mode = self.mode();
        if let Mode::Untouched { .. } = *mode
            && new != self.0.medium.len()?
        {
            self.0.touch(&mut mode)?;
        }
        match &mut *mode {
            Mode::Untouched { .. } => Ok(()),
            Mode::Direct => self.0.medium.set_len(new),
            Mode::CopyOnWrite { len, held, pages } => {
                pages.split_off(&new.div_ceil(PAGE));
                (*len, *held) = (new, new.min(*held));
                Ok(())
            }
            Mode::Sealed => Err(sealed()),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        match &mut *self.mode() {
            Mode::Untouched { owed } => {
                *owed = true;
                Ok(())
            }
            Mode::Direct => self.0.medium.sync(),
            Mode::CopyOnWrite { .. } => Ok(()),
            Mode::Sealed => Err(sealed()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut mode = self.mode();
        if let Mode::Untouched { .. } = *mode {
            if self.0.holds(offset, data)? {
                return Ok(());
            }
            self.0.touch(&mut mode)?;
        }
        match &mut *mode {
            Mode::Untouched { .. } | Mode::Direct => self.0.medium.write(offset, data),
            Mode::CopyOnWrite { held, pages: written, .. } => {
                for (number, range, at) in pages(offset, data.len()) {
                    let page = match written.entry(number) {
                        std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                        std::collections::btree_map::Entry::Vacant(entry) => entry.insert(self.0.page(number, *held)?),
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
        let disk = Disk::copy_on_write(Arc::new(File::open(&path).unwrap())).unwrap();
        disk.write(4090, &[1; 12]).unwrap();
        let mut seen = [0; 14];
        disk.read(4089, &mut seen).unwrap();
        assert_eq!(seen, [7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7]);
        disk.set_len(20_000).unwrap();
        disk.read(19_000, &mut seen).unwrap();
        assert_eq!(seen, [0; 14]);
        assert!(disk.read(19_990, &mut seen).is_err());
        disk.set_len(8192).unwrap();
        disk.set_len(10_000).unwrap();
        disk.read(9_000, &mut seen).unwrap();
        assert_eq!(seen, [0; 14], "what was cut off is gone");
        assert_eq!(std::fs::read(&path).unwrap(), vec![7u8; 10_000]);
    }

    /// Bytes, and what was done to them.
    #[derive(Debug, Default)]
    struct Counting(Mutex<(Vec<u8>, Vec<&'static str>)>);

    impl Medium for Counting {
        fn len(&self) -> io::Result<u64> {
            Ok(self.0.lock().unwrap().0.len() as u64)
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            let at = usize::try_from(offset).unwrap();
            out.copy_from_slice(&self.0.lock().unwrap().0[at..at + out.len()]);
            Ok(())
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            let at = usize::try_from(offset).unwrap();
            let mut inner = self.0.lock().unwrap();
            inner.0[at..at + data.len()].copy_from_slice(data);
            inner.1.push("write");
            Ok(())
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            let mut inner = self.0.lock().unwrap();
            inner.0.resize(usize::try_from(len).unwrap(), 0);
            inner.1.push("length");
            Ok(())
        }

        fn sync(&self) -> io::Result<()> {
            self.0.lock().unwrap().1.push("sync");
            Ok(())
        }
    }

    #[test]
    fn what_is_there_already_is_synced_once_before_the_first_change() {
        let medium = Arc::new(Counting(Mutex::new((b"head, pages".to_vec(), Vec::new()))));
        let done = || std::mem::take(&mut medium.0.lock().unwrap().1);
        let disk = Disk::direct(Arc::clone(&medium) as Arc<dyn Medium>);
        for _ in 0..2 {
            disk.write(0, b"head").unwrap();
            disk.sync_data().unwrap();
        }
        disk.set_len(11).unwrap();
        assert!(done().is_empty(), "nothing changes by that");
        disk.write(0, b"HEAD").unwrap();
        disk.write(0, b"HEAD").unwrap();
        disk.sync_data().unwrap();
        assert_eq!(done(), ["sync", "write", "write", "sync"]);
        disk.settle().unwrap();
        assert!(done().is_empty(), "nothing is owed");

        let disk = Disk::direct(Arc::clone(&medium) as Arc<dyn Medium>);
        disk.settle().unwrap();
        assert!(done().is_empty(), "nothing was asked for");
        let disk = Disk::direct(Arc::clone(&medium) as Arc<dyn Medium>);
        disk.sync_data().unwrap();
        disk.settle().unwrap();
        assert_eq!(done(), ["sync"], "what another left is durable before it is told");
        let disk = Disk::direct(Arc::clone(&medium) as Arc<dyn Medium>);
        disk.sync_data().unwrap();
        disk.set_len(20).unwrap();
        assert_eq!(done(), ["sync", "length"]);
    }

    #[test]
    fn a_sealed_disk_refuses_everything() {
        let path = tempfile::tempdir().unwrap().keep().join("disk");
        let disk = Disk::direct(Arc::new(File::create_new(&path).unwrap()));
        disk.write(0, b"kept").unwrap();
        disk.seal();
        assert!(disk.write(0, b"lost").is_err() && disk.set_len(0).is_err() && disk.sync_data().is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    }
}
