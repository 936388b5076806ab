//! Processes of a job found by identity: when its leader has gone, or its supervisor.
//!
//! A supervisor leads a session of its own, and a command a process group; the kernel gives neither number to another
//! process as long as a member lives. So a member is who has the number, was started no earlier, in the same boot, while
//! the number itself belongs to nobody else, and either both numbers fit or the job's id is in its environment. By that,
//! what has left the group but not the session is told from what the supervisor started for itself. Signals go through a pidfd that was checked after it was opened.

use crate::domain::job::{Group, Member, Status};
use crate::process::process_id::{ProcessId, Stat, all, current_boot, read_stat};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// How long a group may take to end when it is asked to.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How long the kernel may take to end what it was told to.
pub(super) const KILL_WAIT: Duration = Duration::from_secs(10);
/// Between two looks at a group that is ending: it has no lock to wait on.
pub(super) const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// Tells every process of a job which job it is of.
pub const JOB_VARIABLE: &str = "STATE_JOB";

/// What a member is known by.
struct Marks {
    /// `STATE_JOB=ID`.
    variable: String,
    /// The group's number, and the first moment that a member can have been started in.
    group: Option<(u32, u64)>,
    /// The same for the session.
    session: Option<(u32, u64)>,
    supervisor: Option<ProcessId>,
}

impl Marks {
    /// `None` if no process of this boot can be meant.
    fn of(group: &Group) -> Option<Self> {
        let boot = current_boot()?;
        let parse = |text: &str| ProcessId::parse(text).filter(|process| process.boot == boot);
        let number = |process: &ProcessId| is_unused_or(process).then_some((process.pid, process.start));
        let supervisor = parse(&group.supervisor);
        let marks = Self {
            variable: format!("{JOB_VARIABLE}={}", group.id),
            group: parse(&group.leader).as_ref().and_then(number),
            session: supervisor.as_ref().and_then(number),
            supervisor,
        };
        (marks.group.is_some() || marks.session.is_some()).then_some(marks)
    }

    fn fit(&self, pid: u32, stat: &Stat) -> bool {
        let has =
            |mark: Option<(u32, u64)>, number| mark.is_some_and(|(of, start)| number == of && stat.start >= start);
        let is_supervisor = self.supervisor.as_ref().is_some_and(|supervisor| supervisor.pid == pid);
        let (in_group, in_session) = (has(self.group, stat.group), has(self.session, stat.session));
        // Either number alone may be that of strangers by now.
        !stat.ended && !is_supervisor && (in_group && in_session || (in_group || in_session) && self.is_named_in(pid))
    }

    fn is_named_in(&self, pid: u32) -> bool {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == self.variable.as_bytes())
    }
}

/// Whether the pid still belongs to this process, or to none.
fn is_unused_or(process: &ProcessId) -> bool {
    read_stat(&process.pid.to_string()).is_none_or(|stat| stat.start == process.start)
}

/// What runs of a group now; `None` if nothing does, or if this system does not tell.
#[must_use]
pub fn living(group: &Group) -> Option<Group> {
    let marks = Marks::of(group)?;
    let boot = current_boot()?;
    let members = all().filter(|(pid, stat)| marks.fit(*pid, stat)).map(|(pid, stat)| Member {
        process: ProcessId { pid, start: stat.start, boot: boot.clone() }.to_string(),
        command: stat.command,
    });
    let members: Vec<Member> = members.collect();
    (!members.is_empty()).then(|| Group { members, ..group.clone() })
}

/// What runs of a job whose supervisor wrote this status last; the supervisor itself is not of it.
pub(super) fn living_of(status: &Status) -> Option<Group> {
    living(&group_of(status))
}

pub(super) fn group_of(status: &Status) -> Group {
    Group {
        id: status.id.clone(),
        leader: status.process.clone().unwrap_or_default(),
        supervisor: status.supervisor.clone().unwrap_or_default(),
        members: Vec::new(),
    }
}

/// Ends what runs of a group: TERM, some time, KILL. What still lives then, which only the kernel can explain.
#[must_use]
pub fn end_group(group: &Group) -> Option<Group> {
    signal(group, Signal::TERM);
    signal(group, Signal::CONT);
    wait_until_gone(group, GRACE)?;
    signal(group, Signal::KILL);
    wait_until_gone(group, KILL_WAIT)
}

fn wait_until_gone(group: &Group, patience: Duration) -> Option<Group> {
    let end = Instant::now() + patience;
    loop {
        let alive = living(group)?;
        if Instant::now() >= end {
            return Some(alive);
        }
        std::thread::sleep(LOOK_PAUSE);
    }
}

/// Sends a signal to every member.
pub(super) fn signal(group: &Group, signal: Signal) {
    signal_those(group, signal, |_| true);
}

/// Sends a signal to those of the session that have left the group.
pub(super) fn signal_strays(group: &Group, signal: Signal) {
    let leader = ProcessId::parse(&group.leader).map(|leader| leader.pid);
    signal_those(group, signal, |stat| Some(stat.group) != leader);
}

fn signal_those(group: &Group, signal: Signal, is_meant: impl Fn(&Stat) -> bool) {
    let Some(marks) = Marks::of(group) else { return };
    for (pid, _) in all().filter(|(pid, stat)| marks.fit(*pid, stat) && is_meant(stat)) {
        // One that ends meanwhile needs no signal.
        let _ = signal_verified(pid, signal, &marks);
    }
}

#[cfg(target_os = "linux")]
fn signal_verified(pid: u32, signal: Signal, marks: &Marks) -> Option<()> {
    let raw = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
    let handle = rustix::process::pidfd_open(raw, rustix::process::PidfdFlags::empty());
    // Read after the handle was opened: what the handle means cannot change any more.
    read_stat(&pid.to_string()).filter(|stat| marks.fit(pid, stat))?;
    match handle {
        Ok(handle) => rustix::process::pidfd_send_signal(&handle, signal).ok(),
        // A kernel or sandbox without such handles.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => rustix::process::kill_process(raw, signal).ok(),
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn signal_verified(_pid: u32, _signal: Signal, _marks: &Marks) -> Option<()> {
    None
}
