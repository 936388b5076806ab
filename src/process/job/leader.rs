//! The process of a command: leader of its own group, not reaped before we have done with the group.
//!
//! As long as it is not reaped, its pid and the group's number belong to nobody else, so that a signal to the group cannot
//! hit strangers.

use super::ears::{Ended, Mail, Sender};
use super::members;
use crate::domain::job::Group;
use crate::process::process_id::ProcessId;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, test_kill_process_group, waitid, waitpid,
};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// How often what goes on without its leader is looked at before it counts as left behind.
const LOOKS: u32 = 5;

/// A command that was started and is not reaped yet.
pub(super) struct Leader {
    pid: Pid,
    group: Group,
    reaped: bool,
}

impl Leader {
    /// Starts a command of the job `id` in a group of its own; its stops and its end come as mail.
    pub(super) fn start(id: &str, command: &mut Command, sender: &Sender) -> io::Result<Self> {
        let child = command.env(members::JOB_VARIABLE, id).process_group(0).spawn()?;
        let job = id.to_owned();
        let id = child.id();
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no such pid"))?;
        let written = |pid| ProcessId::of(pid).map(|process| process.to_string()).unwrap_or_default();
        let group =
            Group { id: job, leader: written(id), supervisor: written(std::process::id()), members: Vec::new() };
        let leader = Self { pid, group, reaped: false };
        if let Err(error) = sender.spawn("leader", move |sender| watch(pid, sender)) {
            leader.signal(Signal::KILL);
            return Err(error);
        }
        Ok(leader)
    }

    /// Its pid, which is also the number of the group.
    pub(super) fn id(&self) -> u32 {
        u32::try_from(self.pid.as_raw_nonzero().get()).unwrap_or(0)
    }

    /// What it and its group are known by.
    pub(super) fn group(&self) -> &Group {
        &self.group
    }

    /// Sends a signal to the group, and to what of our session has left it.
    pub(super) fn signal(&self, signal: Signal) {
        if !self.reaped {
            // A group that ends meanwhile needs no signal.
            let _ = kill_process_group(self.pid, signal);
        }
        members::signal_strays(&self.group, signal);
    }

    /// Whether nothing of it runs any more; only to be asked when the leader has ended.
    pub(super) fn is_gone(&self) -> bool {
        members::living(&self.group).is_none()
    }

    /// What still runs when the leader has ended. `quiet`: nobody has the output open, so that only the group is asked.
    pub(super) fn left_behind(&mut self, quiet: bool) -> Option<Group> {
        self.reap();
        if quiet && test_kill_process_group(self.pid).is_err() {
            return None;
        }
        // What was killed together with its leader may take a moment longer.
        for _ in 0..LOOKS {
            members::living(&self.group)?;
            std::thread::sleep(members::LOOK_PAUSE);
        }
        members::living(&self.group)
    }

    fn reap(&mut self) {
        if !self.reaped {
            // Without waiting: one that cannot die is left to the system.
            let _ = waitpid(Some(self.pid), WaitOptions::NOHANG);
            self.reaped = true;
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.reap();
    }
}

/// Reports stops, and the end without reaping.
fn watch(pid: Pid, sender: &Sender) {
    let all = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED;
    loop {
        let status = match waitid(WaitId::Pid(pid), all | WaitIdOptions::NOWAIT) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) | Ok(None) => return sender.send(Mail::LeaderEnded(Ended::default())),
            Ok(Some(status)) => status,
        };
        if status.exited() || status.killed() || status.dumped() {
            return sender
                .send(Mail::LeaderEnded(Ended { code: status.exit_status(), signal: status.terminating_signal() }));
        }
        sender.send(status.stopping_signal().map_or(Mail::LeaderContinued, Mail::LeaderStopped));
        // Takes the stop away, so that the next wait is for the next change.
        let changes = WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED | WaitIdOptions::NOHANG;
        let _ = waitid(WaitId::Pid(pid), changes);
    }
}
