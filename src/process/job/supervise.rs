//! The work of a supervisor, from the first wait to the exit record.
//!
//! The order at the end is the promise: `exit.json` is written and synced, then the lock is let go of, then the ledger is
//! told. Whoever finds the lock free finds the end too; a ledger that is busy or broken delays nobody, and the next
//! process that comes by tells it from the files.

use super::attempt::plain;
use super::capture::Capture;
use super::control::Command;
use super::dir::JobDir;
use super::ears::{Ears, Ended, Heard, Sender, mailbox};
use super::files::Durability;
use super::lock::Lock;
use super::matches::Matcher;
use super::post::Post;
use super::recorder::{News, Recorder, Teller};
use super::shell::Script;
use super::terminal;
use crate::domain::digest::sha256_u64;
use crate::domain::job::measure::millis;
use crate::domain::job::{Attempt, Exit, Group, Outcome, ResultFile, Spec, State, Status, VERSION};
use crate::error::{Error, Kind, Result};
use crate::process::process_id::ProcessId;
use chrono::{DateTime, TimeDelta, Utc};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;
/// How often an exit record is tried that cannot be written, and how long apart.
const EXIT_TRIES: u32 = 60;
const EXIT_PAUSE: Duration = if cfg!(test) { Duration::from_millis(5) } else { Duration::from_secs(1) };
/// How long a cleanup may take.
pub(super) const CLEANUP_LIMIT: Duration = Duration::from_mins(1);

/// What a supervisor may read of the world without asking.
#[derive(Clone, Debug)]
pub struct World {
    /// The wall clock.
    pub clock: fn() -> DateTime<Utc>,
    /// Random bits.
    pub seed: [u8; 16],
}

/// How a job, or a run of its command, ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) reason: Option<String>,
    /// Another attempt is out of the question.
    pub(super) is_final: bool,
}

impl Ending {
    pub(super) fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { outcome, reason: Some(reason.into()), ..Self::default() }
    }

    pub(super) fn failed(reason: String) -> Self {
        Self::new(Outcome::Failed, reason)
    }

    pub(super) fn skipped(reason: String) -> Self {
        Self::new(Outcome::Skipped, reason)
    }

    pub(super) fn missing(code: i32, reason: String) -> Self {
        Self { code: Some(code), ..Self::new(Outcome::Missing, reason) }
    }

    pub(super) fn of_code(code: i32) -> Self {
        Self::of_process(Ended { code: Some(code), signal: None })
    }

    pub(super) fn of_process(Ended { code, signal }: Ended) -> Self {
        let outcome = if code == Some(0) { Outcome::Ok } else { Outcome::Failed };
        Self { outcome, code, signal, ..Self::default() }
    }

    /// The kernel does not end it.
    pub(super) fn but_stuck(self) -> Self {
        let why = self.reason.map(|reason| format!("{reason}; ")).unwrap_or_default();
        Self { reason: Some(format!("{why}it does not die")), is_final: true, ..self }
    }

    /// The end that somebody wants, and whether at once.
    pub(super) fn wanted_by(heard: &Heard) -> Option<(Self, bool)> {
        let stop = heard.commands.iter().find_map(|command| match command {
            Command::Stop { kill, why } => Some((why.clone(), *kill)),
            Command::Report { .. } => None,
        });
        let killed = |reason| Self { outcome: Outcome::Killed, reason, ..Self::default() };
        match stop {
            Some((why, _)) => {
                // The hardest of several counts.
                let is_hard = |command: &Command| matches!(command, Command::Stop { kill: true, .. });
                Some((killed(why), heard.commands.iter().any(is_hard)))
            }
            None => heard.session_ended.then(|| (killed(Some("its session ended".to_owned())), false)),
        }
    }
}

/// A job that is looked after.
pub(super) struct Job {
    pub(super) dir: JobDir,
    pub(super) spec: Spec,
    /// Variables of its commands, and of nothing else.
    pub(super) values: Vec<(String, OsString)>,
    pub(super) world: World,
    pub(super) ears: Ears,
    pub(super) sender: Sender,
    pub(super) status: Status,
    pub(super) capture: Capture,
    pub(super) matcher: Option<Matcher>,
    pub(super) teller: Teller,
    pub(super) buffer: Box<[u8]>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) results: Vec<ResultFile>,
    pub(super) left_behind: Option<Group>,
    pub(super) silence: Duration,
    /// The end that somebody wants before the next attempt.
    pub(super) wanted: Option<Ending>,
    pub(super) strays: Vec<JoinHandle<()>>,
}

/// Looks after a job until it has ended and the recorder was told. What it left behind with its output open keeps this
/// process, which reads that output, though the job is over.
///
/// # Errors
/// `Corrupt` or `Refused` if what it is to do cannot be read, or the system has no more pipes: then nothing was done.
pub fn supervise(post: Post, world: World, recorder: impl Recorder + 'static) -> Result<Exit> {
    let Post { dir, lock, control, values } = post;
    let missing = || Error::new(Kind::Corrupt, format!("there is no {}", dir.spec_path().display()));
    let spec = dir.spec()?.ok_or_else(missing)?;
    let (sender, inbox) = mailbox().map_err(|error| Error::io("cannot look after a job", error))?;
    let mut job = Job {
        ears: Ears::new(control, inbox, spec.session.as_deref()),
        status: Status {
            external: spec.external.is_some(),
            supervisor: ProcessId::of(std::process::id()).map(|process| process.to_string()),
            ..Status::new(&spec.id, (world.clock)())
        },
        capture: Capture::new(&dir.output_path(), spec.output_bytes(), world.clock),
        matcher: Matcher::new(&spec.matches, Instant::now()),
        teller: Teller::new(recorder),
        buffer: vec![0; READ_BYTES].into_boxed_slice(),
        attempts: Vec::new(),
        results: Vec::new(),
        left_behind: None,
        silence: Duration::ZERO,
        wanted: None,
        strays: Vec::new(),
        dir,
        spec,
        values,
        world,
        sender,
    };
    let ending = job.run();
    Ok(job.finish(ending, lock))
}

impl Job {
    fn run(&mut self) -> Ending {
        let has_value = |name: &String| self.values.iter().any(|(given, _)| given == name);
        if !self.spec.env.iter().all(has_value) {
            let names = self.spec.env.join(", ");
            return Ending::failed(format!("the values of {names} died with the process that waited"));
        }
        match self.wait_for_needs().and_then(|()| self.wait_for_slot()) {
            Err(ending) => ending,
            Ok(slot) => {
                let ending = if self.spec.external.is_some() { self.await_elsewhere() } else { self.run_here() };
                drop(slot);
                ending
            }
        }
    }

    fn run_here(&mut self) -> Ending {
        let mut number = 1;
        loop {
            let ending = self.attempt(number);
            if number > self.spec.retries || ending.is_final || !ending.outcome.is_retried() {
                return ending;
            }
            if let Some(ending) = self.wanted.take().or_else(|| self.pause_after(number).err()) {
                return ending;
            }
            number += 1;
        }
    }

    fn pause_after(&mut self, number: u32) -> Result<(), Ending> {
        let random = sha256_u64(&[&self.world.seed[..], &number.to_be_bytes()].concat());
        let pause = self.spec.pause_after(number, random);
        let again_at = TimeDelta::from_std(pause).ok().and_then(|pause| (self.world.clock)().checked_add_signed(pause));
        let when = again_at.map(|time| format!(" at {} UTC", time.format("%H:%M:%S"))).unwrap_or_default();
        self.note_waiting(vec![format!("retry {}{when}", number + 1)]);
        let until = Instant::now() + pause;
        while Instant::now() < until {
            self.listen_waiting(Some(until))?;
        }
        Ok(())
    }

    /// Writes how it is going. A status that cannot be written tells less for a while.
    pub(super) fn write_status(&mut self, durability: Durability) {
        let _ = self.dir.write_status(&self.status, durability);
    }

    /// Writes how much it has printed.
    pub(super) fn note_output(&mut self) {
        self.status.bytes = self.capture.total();
        self.write_status(Durability::Whole);
    }

    /// Runs the cleanup command after an end that it was not prepared for.
    pub(super) fn clean_up(&mut self, ending: &Ending) {
        let Some(command) = self.spec.cleanup.clone() else { return };
        if !matches!(ending.outcome, Outcome::Timeout | Outcome::Idle | Outcome::Killed) {
            return;
        }
        let said = match Script::of(&self.spec, &command, &self.values).run(CLEANUP_LIMIT) {
            Ok((Some(0), output)) => output,
            Ok((code, output)) => {
                let how = code.map_or("did not end in time".to_owned(), |code| format!("failed with exit code {code}"));
                [&output[..], format!("\ncleanup {how}\n").as_bytes()].concat()
            }
            Err(error) => format!("\ncleanup could not be started: {}\n", plain(&error)).into_bytes(),
        };
        self.capture.write(&said);
    }

    fn finish(mut self, ending: Ending, lock: Lock) -> Exit {
        let mut exit = self.exit(ending);
        let is_known = self.write_exit(&mut exit, &lock);
        let status = &mut self.status;
        (status.state, status.since, status.bytes) = (State::Ended, exit.ended_at, exit.bytes);
        (status.pid, status.pgid, status.process) = (None, None, None);
        status.waits_for.clear();
        self.write_status(Durability::Whole);
        let Self { mut teller, ears, strays, .. } = self;
        drop(ears);
        drop(lock);
        if is_known {
            teller.tell(News::Ended(Box::new(exit.clone())));
        }
        teller.finish();
        for stray in strays {
            let _ = stray.join();
        }
        exit
    }

    fn exit(&mut self, ending: Ending) -> Exit {
        Exit {
            version: VERSION,
            id: self.spec.id.clone(),
            outcome: ending.outcome,
            code: ending.code,
            signal: ending.signal,
            reason: ending.reason,
            started_at: self.attempts.first().map(|attempt| attempt.started_at),
            ended_at: (self.world.clock)(),
            attempts: std::mem::take(&mut self.attempts),
            bytes: self.capture.total(),
            cut: self.capture.cut(),
            wanted_terminal: ending.outcome == Outcome::Failed && terminal::was_missed(&self.dir),
            output_lost: self.capture.lost().map(str::to_owned),
            left_behind: self.left_behind.take(),
            results: std::mem::take(&mut self.results),
            matches: self.matcher.as_ref().map_or(0, Matcher::found),
            silence_ms: millis(self.silence),
        }
    }

    /// Tries for a while; then it will be told as lost, by whoever comes by, and `false` means that nobody may be told
    /// otherwise. In a directory that was deleted there is nothing to write. On a full disk the end is worth more than what
    /// was printed.
    fn write_exit(&mut self, exit: &mut Exit, lock: &Lock) -> bool {
        for _ in 0..EXIT_TRIES {
            let Err(error) = self.dir.write_exit(exit) else { return true };
            if !self.dir.owns(lock) {
                return true;
            }
            let is_full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
            if is_full && self.capture.give_back() {
                exit.cut = self.capture.cut();
            } else {
                std::thread::sleep(EXIT_PAUSE);
            }
        }
        false
    }
}
