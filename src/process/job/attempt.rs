//! One run of the command: started, captured, limited, stopped, and looked after until nothing more is to be done.

use super::ears::{Ended, Mail, earliest, readable};
use super::files::Durability;
use super::leader::Leader;
use super::matches::Match;
use super::members::{GRACE, KILL_WAIT, LOOK_PAUSE};
use super::recorder::News;
use super::supervise::{Ending, Job};
use crate::domain::job::measure::coarse_span;
use crate::domain::job::{Attempt, Outcome, State};
use chrono::{DateTime, Utc};
use rustix::fs::OFlags;
use rustix::process::Signal;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long output is awaited when the leader has ended; what is left behind may keep it open for ever.
const DRAIN: Duration = Duration::from_millis(200);
/// Whoever wants its end again after so long has no more patience.
const AGAIN: Duration = Duration::from_secs(1);
/// Between two notes of how much was printed.
const STATUS_PAUSE: Duration = Duration::from_secs(1);
/// Room of the pipe: what a job prints while the disk is slow.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 256 << 10;
/// Exit codes as shells give them.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// A command that runs.
struct Run {
    leader: Leader,
    output: Option<PipeReader>,
    deadline: Option<Instant>,
    idle: Option<Duration>,
    /// When it is late, and how long it may be silent, as long as that was not told.
    late_at: Option<Instant>,
    silent: Option<Duration>,
    last_output: Instant,
    status_due: Option<Instant>,
    ended: Option<Ended>,
    stopping: Option<Stopping>,
}

/// How a run is being ended.
struct Stopping {
    ending: Ending,
    since: Instant,
    kill_at: Instant,
    is_killed: bool,
}

impl Job {
    /// Runs the command once.
    pub(super) fn attempt(&mut self, number: u32) -> Ending {
        let started_at = (self.world.clock)();
        let ending = match self.begin(number, started_at) {
            Ok(mut run) => {
                let ending = self.follow(&mut run);
                self.close(run);
                let ending = self.with_results(self.judge(ending));
                self.clean_up(&ending);
                ending
            }
            Err(ending) => ending,
        };
        self.attempts.push(self.attempt_record(&ending, started_at));
        ending
    }

    /// What is written of a run that ends now.
    pub(super) fn attempt_record(&self, ending: &Ending, started_at: DateTime<Utc>) -> Attempt {
        Attempt {
            started_at,
            ended_at: (self.world.clock)(),
            outcome: ending.outcome,
            code: ending.code,
            signal: ending.signal,
            reason: ending.reason.clone(),
        }
    }

    fn begin(&mut self, number: u32, now: DateTime<Utc>) -> Result<Run, Ending> {
        let status = &mut self.status;
        (status.state, status.attempt, status.since) = (State::Running, number, now);
        (status.pid, status.pgid, status.process, status.wants_terminal) = (None, None, None, false);
        status.waits_for.clear();
        // Without this note a power cut would make it run twice.
        if number == 1 {
            self.dir.note_started(self.status.supervisor.as_deref()).map_err(|error| {
                let reason = format!("it was not started, for that cannot be noted: {}", plain(&error));
                Ending { is_final: true, ..Ending::failed(reason) }
            })?;
        }
        self.write_status(Durability::Whole);
        let (output, writer) =
            io::pipe().map_err(|error| Ending::failed(format!("no pipe for its output: {error}")))?;
        widen(&output);
        let leader = self.start(writer)?;
        let status = &mut self.status;
        (status.pid, status.pgid) = (Some(leader.id()), Some(leader.id()));
        status.process = Some(leader.group().leader.clone()).filter(|process| !process.is_empty());
        self.write_status(Durability::Whole);
        if number == 1 {
            self.teller.tell(News::Started(Box::new(self.status.clone())));
        }
        let now = Instant::now();
        Ok(Run {
            leader,
            output: Some(output),
            deadline: self.spec.timeout_ms.and_then(|ms| now.checked_add(Duration::from_millis(ms))),
            idle: self.spec.idle_timeout_ms.map(Duration::from_millis),
            late_at: self.spec.late_ms.and_then(|ms| now.checked_add(Duration::from_millis(ms))),
            silent: self.spec.silent_ms.map(Duration::from_millis),
            last_output: now,
            status_due: None,
            ended: None,
            stopping: None,
        })
    }

    fn start(&self, writer: PipeWriter) -> Result<Leader, Ending> {
        if !self.spec.cwd.is_dir() {
            let reason = format!("the directory {} is not there", self.spec.cwd.display());
            return Err(Ending::missing(NOT_FOUND, reason));
        }
        let stdin = match &self.spec.stdin {
            None => Stdio::null(),
            Some(path) => open_input(path).map(Stdio::from).map_err(|error| {
                Ending::missing(NOT_EXECUTABLE, format!("cannot read {}: {}", path.display(), plain(&error)))
            })?,
        };
        let program = self.spec.command.first().map(String::as_str).unwrap_or_default();
        let mut command = Command::new(program);
        command
            .args(self.spec.command.iter().skip(1))
            .envs(self.values.iter().cloned())
            .current_dir(&self.spec.cwd)
            .stdin(stdin);
        let stderr = writer.try_clone().map_err(|error| Ending::failed(format!("no pipe for its output: {error}")))?;
        command.stdout(writer).stderr(stderr);
        Leader::start(&self.spec.id, &mut command, &self.sender).map_err(|error| cannot_start(program, &error))
    }

    /// Until it has ended, of itself or because it was stopped.
    fn follow(&mut self, run: &mut Run) -> Ending {
        loop {
            let heard = self.ears.listen(run.output.as_ref(), run.next_moment());
            if heard.output {
                self.take_output(run);
            }
            for mail in &heard.mail {
                self.take_mail(run, mail);
            }
            match Ending::wanted_by(&heard) {
                Some((ending, kill)) if run.is_stoppable() => self.stop(run, ending, kill),
                // What has ended by itself was not killed; but it is not to be tried again.
                Some((ending, _)) => self.wanted = Some(ending),
                None => {}
            }
            self.look_at_clock(run);
            if let Some(ending) = run.outcome() {
                return ending;
            }
        }
    }

    fn take_output(&mut self, run: &mut Run) {
        let Some(output) = &mut run.output else { return };
        match output.read(&mut self.buffer) {
            Ok(0) => run.output = None,
            Ok(count) => {
                self.capture.write(&self.buffer[..count]);
                let now = Instant::now();
                self.silence = self.silence.max(now.saturating_duration_since(run.last_output));
                run.last_output = now;
                self.status.last_output = Some((self.world.clock)());
                run.status_due.get_or_insert(now + STATUS_PAUSE);
                let matches = self.matcher.as_mut().map(|matcher| matcher.feed(&self.buffer[..count], now));
                self.tell_matches(matches.unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => run.output = None,
        }
    }

    fn tell_matches(&mut self, matches: Vec<Match>) {
        for Match { line, left_out } in matches {
            self.teller.tell(News::Matched(line, left_out));
        }
    }

    fn take_mail(&mut self, run: &mut Run, mail: &Mail) {
        match mail {
            Mail::LeaderEnded(ended) => run.ended = Some(*ended),
            Mail::LeaderStopped(signal) => {
                let terminal = [Signal::TTIN, Signal::TTOU].map(Signal::as_raw);
                self.status.wants_terminal = terminal.contains(signal);
                self.write_status(Durability::Whole);
                if self.status.wants_terminal {
                    self.teller.tell(News::Odd("wants a terminal, and has none"));
                }
            }
            Mail::LeaderContinued => {
                self.status.wants_terminal = false;
                self.write_status(Durability::Whole);
            }
            _ => {}
        }
    }

    fn look_at_clock(&mut self, run: &mut Run) {
        let now = Instant::now();
        if run.status_due.is_some_and(|due| now >= due) {
            run.status_due = None;
            self.note_output();
        }
        self.tell_odd(run, now);
        if run.ended.is_some() || run.stopping.is_some() {
            run.kill_if_due(now);
        } else if run.deadline.is_some_and(|deadline| now >= deadline) {
            let limit = coarse_span(Duration::from_millis(self.spec.timeout_ms.unwrap_or(0)));
            self.stop(run, Ending::new(Outcome::Timeout, format!("it took longer than {limit}")), false);
        } else if run.idle_until().is_some_and(|until| now >= until) {
            let limit = coarse_span(run.idle.unwrap_or_default());
            self.stop(run, Ending::new(Outcome::Idle, format!("it was silent for {limit}")), false);
        }
    }

    /// What is told at once and never a reason to kill; once, also of one that is tried again.
    fn tell_odd(&mut self, run: &mut Run, now: Instant) {
        if run.late_at.is_some_and(|at| now >= at) {
            (run.late_at, self.spec.late_ms) = (None, None);
            self.teller.tell(News::Odd("takes long"));
        }
        if run.silent_until().is_some_and(|until| now >= until) {
            (run.silent, self.spec.silent_ms) = (None, None);
            self.teller.tell(News::Odd("silent for longer than ever"));
        }
    }

    fn stop(&mut self, run: &mut Run, ending: Ending, kill: bool) {
        if run.stopping.is_none() {
            run.leader.signal(if kill { Signal::KILL } else { Signal::TERM });
            // One that is stopped hears nothing else.
            run.leader.signal(Signal::CONT);
            self.status.ending = ending.reason.clone().or_else(|| Some(ending.outcome.name().to_owned()));
            self.write_status(Durability::Whole);
            let now = Instant::now();
            run.stopping = Some(Stopping { ending, since: now, kill_at: now + GRACE, is_killed: false });
        }
        if let Some(stopping) = run.stopping.as_mut().filter(|stopping| !stopping.is_killed)
            && (kill || stopping.since.elapsed() >= AGAIN)
        {
            stopping.kill_at = Instant::now();
        }
        run.kill_if_due(Instant::now());
    }

    /// Takes in what is still in the pipe, and notes what goes on without its leader.
    fn close(&mut self, mut run: Run) {
        let until = Instant::now() + DRAIN;
        while let Some(output) = &run.output {
            if !readable(&[Some(output.as_fd())], Some(until))[0] || Instant::now() >= until {
                break;
            }
            self.take_output(&mut run);
        }
        let last = self.matcher.as_mut().and_then(|matcher| matcher.finish(Instant::now()));
        self.tell_matches(last.into_iter().collect());
        self.silence = self.silence.max(run.last_output.elapsed());
        self.left_behind = run.leader.left_behind(run.output.is_none()).or(self.left_behind.take());
        (self.status.ending, self.status.wants_terminal) = (None, false);
        if let Some(output) = run.output.take() {
            self.let_talk_on(output);
        }
    }

    /// What goes on would be killed by its next word if nobody read it. What it says is not kept.
    fn let_talk_on(&mut self, mut output: PipeReader) {
        let read = move || {
            let _ = io::copy(&mut output, &mut io::sink());
        };
        self.strays.extend(std::thread::Builder::new().name("stray".to_owned()).stack_size(64 << 10).spawn(read));
    }

    /// A service is not meant to end, however well.
    fn judge(&self, ending: Ending) -> Ending {
        if self.spec.service && ending.outcome == Outcome::Ok {
            return Ending {
                outcome: Outcome::Failed,
                reason: Some("a service is not meant to end".to_owned()),
                ..ending
            };
        }
        ending
    }
}

impl Run {
    fn is_stoppable(&self) -> bool {
        self.ended.is_none() || self.stopping.is_some()
    }

    fn idle_until(&self) -> Option<Instant> {
        self.idle.and_then(|idle| self.last_output.checked_add(idle))
    }

    fn silent_until(&self) -> Option<Instant> {
        self.silent.and_then(|silent| self.last_output.checked_add(silent))
    }

    fn next_moment(&self) -> Option<Instant> {
        let limits = if self.stopping.is_none() {
            [self.deadline, self.idle_until(), self.late_at, self.silent_until()]
        } else {
            [None; 4]
        };
        let look = self.stopping.as_ref().map(|stopping| match self.ended {
            // The rest of the group ends without a word.
            Some(_) => Instant::now() + LOOK_PAUSE,
            None => stopping.kill_at,
        });
        earliest([earliest(limits), look, self.status_due])
    }

    fn kill_if_due(&mut self, now: Instant) {
        let Some(stopping) = &mut self.stopping else { return };
        if !stopping.is_killed && now >= stopping.kill_at {
            self.leader.signal(Signal::KILL);
            (stopping.is_killed, stopping.kill_at) = (true, now + KILL_WAIT);
        }
    }

    /// How it ended, once there is nothing more to wait for.
    fn outcome(&mut self) -> Option<Ending> {
        let now = Instant::now();
        match (&mut self.stopping, self.ended) {
            (None, None) => None,
            (None, Some(ended)) => Some(Ending::of_process(ended)),
            (Some(stopping), ended) => {
                let is_stuck = stopping.is_killed && now >= stopping.kill_at;
                let is_gone = ended.is_some() && self.leader.is_gone();
                if !is_gone && !is_stuck {
                    return None;
                }
                let Ended { code, signal } = ended.unwrap_or_default();
                let ending = Ending { code, signal, ..stopping.ending.clone() };
                Some(if is_stuck { ending.but_stuck() } else { ending })
            }
        }
    }
}

/// A file to read from. A FIFO without a writer would hold up whoever opens it, who then hears nothing.
fn open_input(path: &Path) -> io::Result<File> {
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    let kind = file.metadata()?.file_type();
    if !kind.is_file() && !kind.is_char_device() {
        return Err(io::Error::other("it is no file"));
    }
    rustix::fs::fcntl_setfl(&file, rustix::fs::fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

#[cfg(target_os = "linux")]
fn widen(output: &PipeReader) {
    // Refused to users with very many pipes, who do with less.
    let _ = rustix::pipe::fcntl_setpipe_size(output, PIPE_BYTES);
}

#[cfg(not(target_os = "linux"))]
fn widen(_output: &PipeReader) {}

fn cannot_start(program: &str, error: &io::Error) -> Ending {
    let noexec = error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error());
    match error.kind() {
        io::ErrorKind::NotFound => {
            let hint = if program.contains(' ') { "; a line for a shell is sh -c 'LINE'" } else { "" };
            Ending::missing(NOT_FOUND, format!("{program}: no such command{hint}"))
        }
        io::ErrorKind::PermissionDenied => Ending::missing(NOT_EXECUTABLE, format!("{program} is not executable")),
        _ if noexec => Ending::missing(NOT_EXECUTABLE, format!("{program} is no program: it lacks a first line `#!`")),
        _ => Ending::failed(format!("{program} could not be started: {}", plain(error))),
    }
}

/// An error of the system without its number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
