//! Shell commands beside the job's own: the poll of work elsewhere, the cleanup.

use super::ears::{Ended, Inbox, Mail, mailbox, readable};
use super::leader::Leader;
use super::members::KILL_WAIT;
use super::supervise::CLEANUP_LIMIT;
use crate::domain::job::Spec;
use crate::domain::secret::mask;
use crate::domain::text::{clean_line, truncate_width};
use crate::error::{Error, Result};
use rustix::process::Signal;
use std::ffi::OsString;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is kept of its output: the end.
const OUTPUT_BYTES: usize = 16 << 10;
/// What is told of its last words.
const WORDS_COLUMNS: usize = 200;
/// How long its output is awaited when it has ended.
const DRAIN: Duration = Duration::from_millis(200);

/// Runs the cleanup command of a job that is over, if it has one: what it said if it failed. Blocks.
///
/// # Errors
/// `Refused` if it could not be started.
pub fn clean_up(spec: &Spec) -> Result<Option<String>> {
    let Some(command) = &spec.cleanup else { return Ok(None) };
    let (code, output) = Script::of(spec, command, &[])
        .run(CLEANUP_LIMIT)
        .map_err(|error| Error::io(format!("cannot start the cleanup of {}", spec.id), error))?;
    if code == Some(0) {
        return Ok(None);
    }
    Ok(Some(failure(code, &output)))
}

/// How a command failed, and its last words.
pub(super) fn failure(code: Option<i32>, output: &[u8]) -> String {
    let how = code.map_or("it did not end in time".to_owned(), |code| format!("exit code {code}"));
    let said = String::from_utf8_lossy(output);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(
        || how.clone(),
        |last| format!("{how}: {}", truncate_width(&clean_line(&mask(last)), WORDS_COLUMNS)),
    )
}

/// A command for `sh -c` of a job, in its directory.
pub(super) struct Script<'a> {
    spec: &'a Spec,
    command: &'a str,
    values: &'a [(String, OsString)],
}

impl<'a> Script<'a> {
    /// With `values` in its environment.
    pub(super) fn of(spec: &'a Spec, command: &'a str, values: &'a [(String, OsString)]) -> Self {
        Self { spec, command, values }
    }

    /// Runs it for at most `limit`: its exit code, none if it did not come to that, and the end of its output. Blocks.
    pub(super) fn run(&self, limit: Duration) -> io::Result<(Option<i32>, Vec<u8>)> {
        let (sender, inbox) = mailbox()?;
        let (output, writer) = io::pipe()?;
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(self.command).current_dir(&self.spec.cwd).stdin(Stdio::null());
        shell.envs(self.values.iter().cloned()).stdout(writer.try_clone()?).stderr(writer);
        let leader = Leader::start(&self.spec.id, &mut shell, &sender)?;
        drop(shell);
        follow(&leader, inbox, output, limit)
    }
}

fn follow(
    leader: &Leader,
    mut inbox: Inbox,
    mut output: PipeReader,
    limit: Duration,
) -> io::Result<(Option<i32>, Vec<u8>)> {
    let (mut kept, mut until) = (Vec::new(), Instant::now() + limit);
    let (mut open, mut killed) = (true, false);
    loop {
        let mail = inbox.wait(open.then(|| output.as_fd()), Some(until));
        open = open && read_ready(&mut output, &mut kept);
        if let Some(ended) = mail.iter().find_map(ended) {
            drain(&mut output, &mut kept, open);
            return Ok((ended.code.filter(|_| !killed), kept));
        }
        match (Instant::now() >= until, killed) {
            (false, _) => {}
            (true, true) => return Ok((None, kept)),
            (true, false) => {
                leader.signal(Signal::KILL);
                (killed, until) = (true, Instant::now() + KILL_WAIT);
            }
        }
    }
}

fn ended(mail: &Mail) -> Option<Ended> {
    if let Mail::LeaderEnded(ended) = mail { Some(*ended) } else { None }
}

fn drain(output: &mut PipeReader, kept: &mut Vec<u8>, open: bool) {
    let until = Instant::now() + DRAIN;
    let mut open = open;
    while open && readable(&[Some(output.as_fd())], Some(until))[0] && Instant::now() < until {
        open = read_ready(output, kept);
    }
}

/// Reads what is there. `false` at the end.
fn read_ready(output: &mut PipeReader, kept: &mut Vec<u8>) -> bool {
    if !readable(&[Some(output.as_fd())], Some(Instant::now()))[0] {
        return true;
    }
    let mut buffer = [0; 4096];
    match output.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            kept.extend_from_slice(&buffer[..count]);
            let too_many = kept.len().saturating_sub(OUTPUT_BYTES);
            kept.drain(..too_many);
            true
        }
        Err(error) => error.kind() == io::ErrorKind::Interrupted,
    }
}
