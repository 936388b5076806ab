//! A lock that is free as soon as it is let go of.
//!
//! Closing the file is not enough: a program that another thread starts at that moment has a copy until it runs, and
//! whoever looks then finds a job alive that is over.

use std::fs::{File, TryLockError};
use std::io;

/// A locked file, unlocked when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// `None` when it was passed on.
    file: Option<File>,
}

impl Lock {
    /// The lock, nobody else's; `None` if somebody has it.
    pub(super) fn try_exclusive(file: File) -> io::Result<Result<Self, File>> {
        match file.try_lock() {
            Ok(()) => Ok(Ok(Self { file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(Err(file)),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The lock, shared with others who look; `None` if somebody has it for himself.
    pub(super) fn try_shared(file: File) -> io::Result<Option<Self>> {
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Self { file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The same, when it is free.
    pub(super) fn wait_shared(file: File) -> io::Result<Self> {
        file.lock_shared()?;
        Ok(Self { file: Some(file) })
    }

    /// The same, nobody else's.
    pub(super) fn wait_exclusive(file: File) -> io::Result<Self> {
        file.lock()?;
        Ok(Self { file: Some(file) })
    }

    /// The locked file.
    pub(super) fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    /// Closes the file here; whoever has a copy keeps the lock.
    pub(super) fn leave_to_others(mut self) {
        self.file = None;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Closed right after, at the latest then it is free.
            let _ = file.unlock();
        }
    }
}
