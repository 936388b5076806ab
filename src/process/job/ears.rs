//! The one place where a supervisor waits: for output, commands, the end of its session, and mail of its threads.

use super::control::{Command, Control};
use super::lock::Lock;
use crate::process::process_id::ProcessId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// A thread that blocks on one thing needs no more.
const STACK_BYTES: usize = 64 << 10;
/// How often a session is looked at that has no handle to wait on.
const SESSION_PAUSE: Duration = Duration::from_secs(1);

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its exit code.
    pub(super) code: Option<i32>,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
}

/// What threads report.
#[derive(Debug)]
pub(super) enum Mail {
    /// The leader was stopped by this signal.
    LeaderStopped(i32),
    /// It goes on.
    LeaderContinued,
    /// It has ended, and is not reaped yet.
    LeaderEnded(Ended),
    /// The lock of the job with this number is free.
    Free(usize),
    /// A slot, as long as the file is open.
    Slot(Lock),
    /// The poll command has ended: its exit code and what it printed.
    Polled(Option<i32>, Vec<u8>),
    /// The recorder has come by.
    Settled,
}

/// For threads to report to the one who waits. Sending to nobody drops what is sent.
#[derive(Clone)]
pub(super) struct Sender {
    mail: mpsc::Sender<Mail>,
    bell: Arc<PipeWriter>,
}

impl Sender {
    pub(super) fn send(&self, mail: Mail) {
        if self.mail.send(mail).is_ok() {
            // It can only fail when nobody is left to hear it.
            let _ = (&*self.bell).write_all(&[1]);
        }
    }

    /// Runs `work` in a thread with a small stack. If there can be none, the mail never comes.
    pub(super) fn spawn(&self, name: &str, work: impl FnOnce(&Self) + Send + 'static) -> io::Result<()> {
        let sender = self.clone();
        let builder = thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
        builder.spawn(move || work(&sender)).map(drop)
    }
}

/// Where mail comes in.
pub(super) struct Inbox {
    mail: mpsc::Receiver<Mail>,
    bell: PipeReader,
}

/// A mailbox: many can send, one waits.
pub(super) fn mailbox() -> io::Result<(Sender, Inbox)> {
    let (bell_reader, bell) = io::pipe()?;
    let (sender, mail) = mpsc::channel();
    Ok((Sender { mail: sender, bell: Arc::new(bell) }, Inbox { mail, bell: bell_reader }))
}

impl Inbox {
    /// All that has come; rung bells are silenced.
    fn empty(&mut self, rung: bool) -> Vec<Mail> {
        if rung {
            let _ = self.bell.read(&mut [0; 256]);
        }
        self.mail.try_iter().collect()
    }

    /// Waits until `until` for mail, or for `also` to become readable.
    pub(super) fn wait(&mut self, also: Option<BorrowedFd<'_>>, until: Option<Instant>) -> Vec<Mail> {
        let rung = {
            let bell = self.bell.as_fd();
            let ready = readable(&[Some(bell), also], until);
            ready[0]
        };
        self.empty(rung)
    }
}

/// Which of the descriptors can be read, or are at their end; waits until `until` for the first.
pub(super) fn readable<const N: usize>(fds: &[Option<BorrowedFd<'_>>; N], until: Option<Instant>) -> [bool; N] {
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let mut ready = [false; N];
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // A span that no clock can hold is for ever.
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut polled, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return ready,
            Ok(_) => break,
        }
    }
    let mut results = polled.iter().map(|fd| !fd.revents().is_empty());
    for (ready, fd) in ready.iter_mut().zip(fds) {
        *ready = fd.is_some() && results.next().unwrap_or(false);
    }
    ready
}

/// The process whose end ends the job.
enum Session {
    /// Readable when it has ended.
    Handle(OwnedFd),
    /// Looked at now and then.
    Watched(ProcessId),
}

impl Session {
    /// `Err` if it has ended already; `None` if this system cannot tell.
    fn of(process: ProcessId) -> Result<Option<Self>, ()> {
        let handle = open_handle(process.pid);
        // Read after the handle was opened: what the handle means cannot change any more.
        match (process.is_alive(), handle) {
            (Some(false), _) => Err(()),
            (None, _) => Ok(None),
            (Some(true), Some(handle)) => Ok(Some(Self::Handle(handle))),
            (Some(true), None) => Ok(Some(Self::Watched(process))),
        }
    }
}

#[cfg(target_os = "linux")]
fn open_handle(pid: u32) -> Option<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_handle(_pid: u32) -> Option<OwnedFd> {
    None
}

/// All that a supervisor listens to.
pub(super) struct Ears {
    control: Control,
    inbox: Inbox,
    session: Option<Session>,
    /// Not told yet.
    session_ended: bool,
}

/// What was heard at once.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The output can be read, or is at its end.
    pub(super) output: bool,
    /// What other processes want.
    pub(super) commands: Vec<Command>,
    /// What threads report.
    pub(super) mail: Vec<Mail>,
    /// The session has ended; told once.
    pub(super) session_ended: bool,
}

impl Ears {
    /// `session` is the written form of the process whose end is to be heard.
    pub(super) fn new(control: Control, inbox: Inbox, session: Option<&str>) -> Self {
        let session = session.and_then(ProcessId::parse).map(Session::of);
        let session_ended = matches!(session, Some(Err(())));
        Self { control, inbox, session: session.and_then(Result::ok).flatten(), session_ended }
    }

    /// Waits until `until`, for ever without it, for anything to happen.
    pub(super) fn listen(&mut self, output: Option<&PipeReader>, until: Option<Instant>) -> Heard {
        let watched = matches!(self.session, Some(Session::Watched(_))).then(|| Instant::now() + SESSION_PAUSE);
        let until = if self.session_ended { Some(Instant::now()) } else { earliest([until, watched]) };
        let handle = match &self.session {
            Some(Session::Handle(handle)) => Some(handle.as_fd()),
            _ => None,
        };
        let fds = [Some(self.control.as_fd()), Some(self.inbox.bell.as_fd()), handle, output.map(AsFd::as_fd)];
        let [control, bell, session, output] = readable(&fds, until);
        if session || self.watched_has_ended() {
            self.session = None;
            self.session_ended = true;
        }
        Heard {
            output,
            commands: if control { self.control.read() } else { Vec::new() },
            mail: self.inbox.empty(bell),
            session_ended: std::mem::take(&mut self.session_ended),
        }
    }

    fn watched_has_ended(&self) -> bool {
        matches!(&self.session, Some(Session::Watched(process)) if process.is_alive() == Some(false))
    }
}

/// The first of these moments.
pub(super) fn earliest<const N: usize>(moments: [Option<Instant>; N]) -> Option<Instant> {
    moments.into_iter().flatten().min()
}
