//! Making a job's directory and starting its supervisor.
//!
//! The lock is taken before anybody can know of the job, and handed on as the supervisor's standard input: at no moment
//! is a job that is being born without its lock, and no descriptor leaks. Values of variables come through a pipe that is
//! its standard error: in its environment they would be those of whatever it starts, other jobs too, and some would change
//! what it does itself. The supervisor answers when it has taken over
//! and left our process group, so that nothing that happens to the caller from then on concerns it.

use super::control;
use super::dir::{JobDir, Standing};
use super::ears::readable;
use super::files::write_first_json;
use super::lock::Lock;
use super::post;
use crate::domain::job::{Exit, Outcome, Spec, VERSION};
use crate::error::{Error, Kind, Result};
use chrono::{DateTime, Utc};
use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a supervisor writes when it has taken over: a byte that no test harness prints.
pub(super) const ANSWER: u8 = 6;
/// How long that may take on a machine that is very busy.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);

/// A job's directory with its lock, ready for a supervisor. Dropped without one, whoever comes by can [`rearm`] it.
#[derive(Debug)]
pub struct Armed {
    dir: JobDir,
    lock: Lock,
    id: String,
}

/// How to start a supervisor: a program that calls [`super::Post::from_stdin`] and [`super::supervise`].
#[derive(Clone, Debug)]
pub struct Supervisor<'a> {
    /// Absolute path of the program.
    pub program: &'a Path,
    /// Its arguments. It is started in `/`, so paths among them must be absolute.
    pub args: &'a [OsString],
}

/// Makes the directory of a new job and takes its lock. Durable when it returns. Call it before the record is committed,
/// and [`Armed::abandon`] it if that fails.
///
/// # Errors
/// What [`Spec::check`] says; `Conflict` if the directory exists; `Refused` if it cannot be made.
pub fn prepare(dir: &JobDir, spec: &Spec) -> Result<Armed> {
    spec.check()?;
    let fail = |error| Error::io(format!("cannot make the job's directory {}", dir.path().display()), error);
    let private = |path: &Path, recursive| DirBuilder::new().recursive(recursive).mode(0o700).create(path);
    private(dir.path().parent().unwrap_or(Path::new("/")), true).map_err(fail)?;
    match private(dir.path(), false) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::conflict(format!("the job's directory {} exists already", dir.path().display())));
        }
        made => made.map_err(fail)?,
    }
    let filled = fill(dir, spec);
    if filled.is_err() {
        // The first error is the one to tell; what is left has no record and is found by that.
        let _ = std::fs::remove_dir_all(dir.path());
    }
    Ok(Armed { dir: dir.clone(), lock: filled?, id: spec.id.clone() })
}

fn fill(dir: &JobDir, spec: &Spec) -> Result<Lock> {
    let fail = |error| Error::io(format!("cannot fill the job's directory {}", dir.path().display()), error);
    let lock = dir.take_lock()?.ok_or_else(|| taken(dir))?;
    DirBuilder::new().mode(0o700).create(dir.output_path()).map_err(fail)?;
    control::create(&dir.control_path()).map_err(fail)?;
    write_first_json(&dir.spec_path(), &Spec { version: VERSION, ..spec.clone() }).map_err(fail)?;
    Ok(lock)
}

fn taken(dir: &JobDir) -> Error {
    Error::new(Kind::Busy, format!("busy: somebody looks after {} already", dir.path().display()))
}

/// Takes the lock of a job that was never started and that nobody looks after; `None` if it needs nobody, or somebody
/// else was quicker. One whose `spec.json` cannot be understood ends as lost.
///
/// # Errors
/// `Refused` or `Corrupt` if its other files cannot be read.
pub fn rearm(dir: &JobDir, now: DateTime<Utc>) -> Result<Option<Armed>> {
    if !matches!(dir.standing()?, Standing::Unarmed(_)) {
        return Ok(None);
    }
    let Some(lock) = dir.take_lock()? else { return Ok(None) };
    // Asked again under the lock, for somebody may have been quicker.
    if !matches!(dir.unattended()?, Standing::Unarmed(_)) {
        return Ok(None);
    }
    match dir.spec() {
        Ok(Some(spec)) => Ok(Some(Armed { dir: dir.clone(), lock, id: spec.id })),
        _ => give_up(dir, now).map(|()| None),
    }
}

fn give_up(dir: &JobDir, now: DateTime<Utc>) -> Result<()> {
    let id = dir.id();
    let reason = Some("what it was to do cannot be read any more".to_owned());
    let exit = Exit { version: VERSION, id, outcome: Outcome::Lost, reason, ended_at: now, ..Exit::default() };
    dir.write_exit(&exit).map_err(|error| Error::io("cannot write the end of the job", error))
}

impl Armed {
    /// The directory.
    pub fn dir(&self) -> &JobDir {
        &self.dir
    }

    /// Removes the directory of a job that came to nothing.
    pub fn abandon(self) {
        // What is left has no record and is found by that.
        let _ = std::fs::remove_dir_all(self.dir.path());
    }

    #[cfg(test)]
    pub(super) fn into_parts(self) -> (JobDir, Lock) {
        (self.dir, self.lock)
    }

    /// Starts the supervisor, hands it the `values` of variables, and waits until it has taken over. Its pid.
    ///
    /// # Errors
    /// `Refused` if it could not be started, or ended before it took over: then the job can be armed again.
    pub fn launch(self, supervisor: &Supervisor<'_>, values: &[(String, OsString)]) -> Result<u32> {
        self.start(supervisor, values)?.taken_over()
    }

    /// Starts the supervisor and hands it the `values` of variables.
    ///
    /// # Errors
    /// `Refused` if it could not be started: then the job can be armed again.
    pub fn start(self, supervisor: &Supervisor<'_>, values: &[(String, OsString)]) -> Result<Starting> {
        let fail = |error| Error::io(format!("cannot start the supervisor of {}", self.id), error);
        let (answer, asked) = io::pipe().map_err(fail)?;
        let mut command = Command::new(supervisor.program);
        let given = self.lock.file().map(File::try_clone).transpose().map_err(fail)?;
        command.args(supervisor.args).current_dir("/");
        command.stdin(given.map_or_else(Stdio::null, Stdio::from)).stdout(asked);
        command.stderr(hand_over(values).map_err(fail)?);
        close_foreign_on_exec();
        let spawned = command.spawn();
        // It holds our end of the pipe, without which there is no end to be read.
        drop(command);
        let child = spawned.map_err(fail)?;
        Ok(Starting { id: self.id, lock: Some(self.lock), pid: child.id(), child: Some(child), answer })
    }
}

/// A stream with the values of variables. A pipe holds little, so that a thread writes; the supervisor answers when it has
/// read all.
fn hand_over(values: &[(String, OsString)]) -> io::Result<Stdio> {
    if values.is_empty() {
        return Ok(Stdio::null());
    }
    let (stream, mut writer) = io::pipe()?;
    let text = post::written(values);
    // A supervisor that has died reads nothing, and does not answer either.
    let write = move || drop(writer.write_all(&text));
    std::thread::Builder::new().name("values".to_owned()).stack_size(64 << 10).spawn(write)?;
    Ok(stream.into())
}

/// A supervisor that was started and takes over, whether it is waited for or not.
#[derive(Debug)]
pub struct Starting {
    id: String,
    pid: u32,
    /// Ours until it has answered.
    lock: Option<Lock>,
    child: Option<Child>,
    answer: PipeReader,
}

impl Starting {
    /// Waits until the supervisor has taken over. Its pid.
    ///
    /// # Errors
    /// `Refused` if it ended before that: then the job can be armed again.
    pub fn taken_over(mut self) -> Result<u32> {
        let answered = has_answered(&mut self.answer);
        if answered == Some(false) {
            // Free at once, not only when every copy is closed.
            drop(self.lock.take());
        }
        if answered == Some(true) {
            return Ok(self.pid);
        }
        Err(Error::new(Kind::Refused, format!("the supervisor of {} did not take over", self.id))
            .hint("nothing is lost: the job is started by the next command that looks at it"))
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.lock.take().into_iter().for_each(Lock::leave_to_others);
        self.child.take().into_iter().for_each(reap_later);
    }
}

/// `false` if it ended before it answered; `None` if it takes too long.
fn has_answered(answer: &mut PipeReader) -> Option<bool> {
    let until = Instant::now() + ANSWER_PATIENCE;
    let mut buffer = [0; 256];
    while readable(&[Some(answer.as_fd())], Some(until))[0] {
        match answer.read(&mut buffer) {
            Ok(0) => return Some(false),
            Ok(count) if buffer[..count].contains(&ANSWER) => return Some(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    None
}

/// A program that lives on, as a server does, must take note of the end; of one that ends first, init does.
fn reap_later(mut child: Child) {
    let wait = move || child.wait();
    // Without a thread it stays in the list of processes until this one ends.
    let _ = std::thread::Builder::new().name("reap".to_owned()).stack_size(64 << 10).spawn(wait);
}

/// What our own caller left open is not passed on: a supervisor would hold it for hours, and a host that reads the other
/// end would wait for as long. Whatever we opened ourselves closes anyway when a program starts.
pub(super) fn close_foreign_on_exec() {
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
}
