//! Slots of a group: one lock each, so that a crash frees them. Whoever waits holds the group's `queue`, so that one waits
//! on the slots at a time and the others behind it.

use super::ears::{Mail, Sender};
use super::lock::Lock;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// A free slot of the group at `dir` as mail, when there is one. If the locks cannot be made the job does not wait: it
/// would wait for ever.
pub(super) fn wait_in_thread(dir: PathBuf, count: u32, sender: &Sender) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    let queue = open(&dir.join("queue"))?;
    sender.spawn("queue", move |sender| {
        let Ok(_queue) = Lock::wait_exclusive(queue) else { return };
        if let Ok(slot) = take_any(&dir, count, sender) {
            sender.send(Mail::Slot(slot));
        }
    })
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The first slot that is free, now or later.
fn take_any(dir: &Path, count: u32, sender: &Sender) -> io::Result<Lock> {
    let mut taken = Vec::new();
    for number in 0..count {
        match Lock::try_exclusive(open(&dir.join(number.to_string()))?)? {
            Ok(slot) => return Ok(slot),
            Err(file) => taken.push(file),
        }
    }
    let (won, first) = mpsc::channel();
    for file in taken {
        let won = won.clone();
        sender.spawn("slot", move |_| {
            // Whoever comes second finds nobody to take it, and lets go at once.
            if let Ok(slot) = Lock::wait_exclusive(file) {
                let _ = won.send(slot);
            }
        })?;
    }
    first.recv().map_err(io::Error::other)
}
