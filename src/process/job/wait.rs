//! Waiting for the end of jobs: on their locks.

use super::dir::JobDir;
use super::ears::{Mail, mailbox};
use crate::error::{Error, Result};
use std::time::{Duration, Instant};

/// Waits until nobody looks after these jobs any more, or after one of them if `any`; for ever without `patience`. The
/// indexes of those: ask each for its [`super::Standing`], it may be over, lost, or wait for somebody to arm it again.
///
/// A thread a job blocks on its lock. When the time is up they stay until the jobs end; that is little, but a server
/// that waits often and in vain should wait for long.
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
    if enough(&free) {
        return Ok(free);
    }
    let (sender, mut inbox) = mailbox().map_err(fail)?;
    for (index, dir) in dirs.iter().enumerate().filter(|(index, _)| !free.contains(index)) {
        let dir = dir.clone();
        let wait = move |sender: &super::ears::Sender| {
            // A lock that cannot be waited for is looked at by whoever asks for the standing.
            let _ = dir.wait_for_lock();
            sender.send(Mail::Free(index));
        };
        sender.spawn("wait", wait).map_err(fail)?;
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
