//! Waiting for the end of jobs: on their locks.
//!
//! Nothing ends a thread that blocks on a lock but the lock. So a process has one thread a lock at most, however many wait
//! for it and however often, and it tells all of them.

use super::dir::JobDir;
use super::ears::{Mail, Sender, mailbox};
use super::lock::Lock;
use super::members::{GRACE, KILL_WAIT};
use super::supervise::CLEANUP_LIMIT;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a supervisor does besides, on a machine that is very busy.
const SLACK: Duration = Duration::from_secs(5);

/// How long the end of a job can take that was told to stop.
#[must_use]
pub fn stop_patience(dir: &JobDir) -> Duration {
    let cleans_up = dir.spec().ok().flatten().is_some_and(|spec| spec.cleanup.is_some());
    let cleanup = if cleans_up { CLEANUP_LIMIT + KILL_WAIT } else { Duration::ZERO };
    GRACE + KILL_WAIT + cleanup + SLACK
}

/// Waits until nobody looks after these jobs any more, or after one of them if `any`; for ever without `patience`, and with
/// one of nothing it only looks. The indexes of those: ask each for its [`super::Standing`], it may be over, lost, or wait
/// for somebody to arm it again.
///
/// A thread a job blocks on its lock until that is free, also when the time is up; the next who waits has it.
///
/// # Errors
/// `Refused` if the system has no more pipes or threads.
pub fn wait_for_end(dirs: &[JobDir], any: bool, patience: Option<Duration>) -> Result<Vec<usize>> {
    let fail = |error| Error::io("cannot wait for jobs", error);
    let until = patience.and_then(|patience| Instant::now().checked_add(patience));
    let mut free = Vec::new();
    for (index, dir) in dirs.iter().enumerate() {
        if !dir.is_alive()? {
            free.push(index);
        }
    }
    let enough = |free: &[usize]| free.len() == dirs.len() || any && !free.is_empty();
    if enough(&free) || patience.is_some_and(|patience| patience.is_zero()) {
        return Ok(free);
    }
    let (sender, mut inbox) = mailbox().map_err(fail)?;
    let visit = Visit::new();
    for (index, dir) in dirs.iter().enumerate().filter(|(index, _)| !free.contains(index)) {
        visit.await_lock(dir, index, &sender).map_err(fail)?;
    }
    while !enough(&free) && until.is_none_or(|until| Instant::now() < until) {
        free.extend(inbox.wait(None, until).into_iter().filter_map(|mail| match mail {
            Mail::Free(index) => Some(index),
            _ => None,
        }));
    }
    free.sort_unstable();
    Ok(free)
}

/// A lock's file: one that was deleted and made again is another.
type LockId = (u64, u64);

/// Who is to be told that a lock is free.
struct Waiter {
    visit: u64,
    index: usize,
    sender: Sender,
}

/// The locks on which a thread of this process blocks.
static AWAITED: Mutex<BTreeMap<LockId, Vec<Waiter>>> = Mutex::new(BTreeMap::new());

/// The map is whole between any two statements, also if one of them panicked.
fn awaited() -> MutexGuard<'static, BTreeMap<LockId, Vec<Waiter>>> {
    AWAITED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One call that waits; when it is dropped it is told nothing more.
struct Visit {
    number: u64,
}

impl Visit {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    fn await_lock(&self, dir: &JobDir, index: usize, sender: &Sender) -> io::Result<()> {
        let Some(file) = dir.lock_file()? else {
            sender.send(Mail::Free(index));
            return Ok(());
        };
        let metadata = file.metadata()?;
        let id = (metadata.dev(), metadata.ino());
        let mut awaited = awaited();
        if !awaited.contains_key(&id) {
            sender.spawn(&format!("wait {}", dir.id()), move |_| block(file, id))?;
        }
        let waiter = Waiter { visit: self.number, index, sender: sender.clone() };
        awaited.entry(id).or_default().push(waiter);
        Ok(())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        awaited().values_mut().for_each(|waiters| waiters.retain(|waiter| waiter.visit != self.number));
    }
}

/// Blocks until the lock is free and tells all who wait for it by then.
fn block(file: File, id: LockId) {
    // A lock that cannot be waited for is looked at by whoever asks for the standing. The file stays open, so that no
    // other has its number, until it is off the map.
    let _lock = Lock::wait_shared(file);
    let waiters = awaited().remove(&id).unwrap_or_default();
    for waiter in waiters {
        waiter.sender.send(Mail::Free(waiter.index));
    }
}
