//! A disk in memory: it records every step, fails when told to, and tells what a power cut would leave of it.

use crate::store::backend::Medium;
use std::io;
use std::sync::{Mutex, MutexGuard};

/// Bytes in memory.
#[derive(Debug, Default)]
pub(super) struct Plate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    steps: Vec<Step>,
    accesses: usize,
    fault: Option<Fault>,
    syncs_until_one_fails: Option<usize>,
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
    /// From now on these are the bytes; nothing fails, nothing is recorded yet.
    pub(super) fn replace(&self, bytes: Vec<u8>) {
        *self.state() = State { bytes, ..State::default() };
    }

    /// Lets an access fail, counted from now.
    pub(super) fn fail(&self, fault: Option<Fault>) {
        let mut state = self.state();
        (state.accesses, state.fault, state.syncs_until_one_fails) = (0, fault, None);
    }

    /// Lets a sync fail, counted from now and from 1.
    pub(super) fn fail_sync(&self, at: usize) {
        self.state().syncs_until_one_fails = Some(at);
    }

    /// Goes on from an earlier state, with its record.
    pub(super) fn restore(&self, bytes: Vec<u8>, steps: Vec<Step>) {
        *self.state() = State { bytes, steps, ..State::default() };
    }

    /// How many accesses there were since the last [`Plate::fail`].
    pub(super) fn accesses(&self) -> usize {
        self.state().accesses
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
}

impl State {
    fn access(&mut self, grows: bool) -> io::Result<()> {
        self.accesses += 1;
        match self.fault {
            Some(Fault { at, forever, errno })
                if (self.accesses == at || forever && self.accesses > at) && (grows || errno != ENOSPC) =>
            {
                Err(io::Error::from_raw_os_error(errno))
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, step: Step) {
        apply(&mut self.bytes, &step, usize::MAX);
        self.steps.push(step);
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
        let mut state = self.state();
        state.access(false)?;
        Ok(state.bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        state.access(false)?;
        let start = usize::try_from(offset).unwrap();
        let found = state.bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    /// One that fails has written the first half.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let allowed = state.access(true);
        let kept = if allowed.is_ok() { data.len() } else { data.len() / 2 };
        state.apply(Step::Write(offset, data[..kept].to_vec()));
        allowed
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.access(true)?;
        state.apply(Step::SetLen(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        let left = state.syncs_until_one_fails.map(|left| left.wrapping_sub(1));
        state.syncs_until_one_fails = left;
        let allowed = if left == Some(0) { Err(io::Error::from_raw_os_error(EIO)) } else { state.access(false) };
        state.apply(if allowed.is_ok() { Step::Sync } else { Step::Lost });
        allowed
    }
}
