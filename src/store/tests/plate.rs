//! A disk in memory: it records every step, fails when told to, and tells what a power cut would leave of it.

use crate::store::backend::Medium;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes in memory, in the place of those of one file.
#[derive(Debug, Default)]
pub(super) struct Plate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    steps: Vec<Step>,
}

/// How often the plates of this thread were accessed, and which access fails.
#[derive(Debug, Default)]
struct Luck {
    accesses: usize,
    fault: Option<Fault>,
    syncs_until_one_fails: Option<usize>,
}

thread_local! {
    /// By inode.
    static PLATES: RefCell<BTreeMap<u64, Arc<Plate>>> = RefCell::default();
    static LUCK: RefCell<Luck> = RefCell::default();
}

/// The plate of a file: a new one if the file is new, which its length tells, because an inode is used again.
pub(super) fn of(file: &File) -> Arc<Plate> {
    let metadata = file.metadata().unwrap();
    PLATES.with_borrow_mut(|plates| {
        if metadata.len() == 0 {
            file.set_len(1).unwrap();
            plates.remove(&metadata.ino());
        }
        Arc::clone(plates.entry(metadata.ino()).or_default())
    })
}

/// Lets an access fail, counted from now.
pub(super) fn fail(fault: Option<Fault>) {
    LUCK.set(Luck { fault, ..Luck::default() });
}

/// Lets a sync fail, counted from now and from 1.
pub(super) fn fail_sync(at: usize) {
    LUCK.set(Luck { syncs_until_one_fails: Some(at), ..Luck::default() });
}

/// How many accesses there were since the last [`fail`].
pub(super) fn accesses() -> usize {
    LUCK.with_borrow(|luck| luck.accesses)
}

fn access(grows: bool) -> io::Result<()> {
    LUCK.with_borrow_mut(|luck| {
        luck.accesses += 1;
        match luck.fault {
            Some(Fault { at, forever, errno })
                if (luck.accesses == at || forever && luck.accesses > at) && (grows || errno != ENOSPC) =>
            {
                Err(io::Error::from_raw_os_error(errno))
            }
            _ => Ok(()),
        }
    })
}

fn sync() -> io::Result<()> {
    let left = LUCK.with_borrow_mut(|luck| {
        luck.syncs_until_one_fails = luck.syncs_until_one_fails.map(|left| left.wrapping_sub(1));
        luck.syncs_until_one_fails
    });
    if left == Some(0) { Err(io::Error::from_raw_os_error(EIO)) } else { access(false) }
}

/// Something that changes what a power cut leaves.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
    /// A failed sync after which the system takes the pages for clean: they are seen, and never reach the disk.
    Lost,
}

/// Which access fails, how often and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// The number of the access, from 1.
    pub(super) at: usize,
    /// Whether all later ones fail too.
    pub(super) forever: bool,
    /// The error of the operating system.
    pub(super) errno: i32,
}

/// Input or output error.
pub(super) const EIO: i32 = 5;
/// No space left on device: only what makes a file grow fails.
pub(super) const ENOSPC: i32 = 28;

impl Plate {
    /// From now on these are the bytes; nothing is recorded yet.
    pub(super) fn replace(&self, bytes: Vec<u8>) {
        self.restore(bytes, Vec::new());
    }

    /// Goes on from an earlier state, with its record.
    pub(super) fn restore(&self, bytes: Vec<u8>, steps: Vec<Step>) {
        *self.state() = State { bytes, steps };
    }

    /// What can be read now.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// What was done since the last [`Plate::replace`].
    pub(super) fn steps(&self) -> Vec<Step> {
        self.state().steps.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn apply(&self, step: Step) {
        let mut state = self.state();
        apply(&mut state.bytes, &step, usize::MAX);
        state.steps.push(step);
    }
}

/// Does a step to an image; of a write only the first `limit` bytes.
pub(super) fn apply(image: &mut Vec<u8>, step: &Step, limit: usize) {
    match step {
        Step::Write(offset, data) => {
            let (start, data) = (usize::try_from(*offset).unwrap(), &data[..data.len().min(limit)]);
            if image.len() < start + data.len() {
                image.resize(start + data.len(), 0);
            }
            image[start..start + data.len()].copy_from_slice(data);
        }
        Step::SetLen(len) => image.resize(usize::try_from(*len).unwrap(), 0),
        Step::Sync | Step::Lost => {}
    }
}

impl Medium for Plate {
    fn len(&self) -> io::Result<u64> {
        access(false)?;
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        access(false)?;
        let start = usize::try_from(offset).unwrap();
        let state = self.state();
        out.copy_from_slice(state.bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// One that fails has written the first half.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let allowed = access(true);
        let kept = if allowed.is_ok() { data.len() } else { data.len() / 2 };
        self.apply(Step::Write(offset, data[..kept].to_vec()));
        allowed
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        access(true)?;
        self.apply(Step::SetLen(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let allowed = sync();
        self.apply(if allowed.is_ok() { Step::Sync } else { Step::Lost });
        allowed
    }
}
