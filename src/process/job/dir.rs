//! The directory of a job: its files, its lock, and what they say together.

use super::files::{Durability, is_absent, read_json, write_json};
use super::lock::Lock;
use super::members;
use crate::domain::job::{Asked, Exit, Outcome, Spec, State, Status, VERSION};
use crate::error::{Error, Result};
use crate::process::process_id::{ProcessId, boot_id, current_boot};
use chrono::{DateTime, Utc};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The directory of one job, `STORE/jobs/ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDir {
    path: PathBuf,
}

/// What the files of a job say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its supervisor lives. The status is that of a job not begun if none is written yet.
    Alive(Box<Status>),
    /// It has ended.
    Over(Box<Exit>),
    /// It was started, and whoever looked after it died before it ended. [`JobDir::record_lost`] makes that final.
    Lost(Box<Status>),
    /// Nobody looks after it, and nothing is lost by that: [`super::rearm`] it.
    Unarmed(Box<Status>),
    /// There is no such directory.
    Gone,
}

/// The lock as somebody finds it who only looks.
enum Look {
    /// A supervisor has it.
    Taken,
    /// Nobody has it, and nobody can take it while we do.
    Free(Lock),
    /// There is none, so nobody has it.
    NoLock,
}

/// The name of a directory that is being removed starts with this.
pub const REMOVED_PREFIX: &str = ".removed-";
/// What the reason of a lost job ends with whose processes live.
pub const STILL_RUN: &str = "; its processes still run";
/// How often a lock is tried that somebody may just be looking at.
const TRIES: u32 = 20;
const TRY_PAUSE: Duration = Duration::from_millis(1);

impl JobDir {
    /// The directory at `path`, whether it exists or not.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { path: std::path::absolute(&path).unwrap_or(path) }
    }

    /// Its absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The documented status file, for `show --path`.
    #[must_use]
    pub fn status_path(&self) -> PathBuf {
        self.path.join("status.json")
    }

    /// Where the output is kept: files named by the offset of their first byte.
    #[must_use]
    pub fn output_path(&self) -> PathBuf {
        self.path.join("output")
    }

    /// Where copies of its results are kept.
    pub(super) fn results_path(&self) -> PathBuf {
        self.path.join("results")
    }

    pub(super) fn spec_path(&self) -> PathBuf {
        self.path.join("spec.json")
    }

    pub(super) fn control_path(&self) -> PathBuf {
        self.path.join("control")
    }

    fn started_path(&self) -> PathBuf {
        self.path.join("started")
    }

    /// The name of the directory, which is the job's short id.
    pub(super) fn id(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The directory of another job of the same store.
    #[must_use]
    pub fn sibling(&self, id: &str) -> Self {
        Self { path: self.path.with_file_name(id) }
    }

    /// The directory with the locks of a group's slots.
    pub(super) fn group_path(&self, group: &str) -> PathBuf {
        self.path.with_file_name("groups").join(group)
    }

    /// What it is to do; `None` if that is not there.
    ///
    /// # Errors
    /// `Refused` if the file cannot be read, `Corrupt` if it is no such file. The same for the other files.
    pub fn spec(&self) -> Result<Option<Spec>> {
        read_json(&self.spec_path())
    }

    /// How it is going, as its supervisor last wrote it.
    ///
    /// # Errors
    /// As [`JobDir::spec`].
    pub fn status(&self) -> Result<Option<Status>> {
        read_json(&self.status_path())
    }

    /// How it ended.
    ///
    /// # Errors
    /// As [`JobDir::spec`].
    pub fn exit(&self) -> Result<Option<Exit>> {
        read_json(&self.path.join("exit.json"))
    }

    /// What was asked of it last; nothing if that is not known.
    #[must_use]
    pub fn asked(&self) -> Option<Asked> {
        read_json(&self.path.join("asked.json")).ok().flatten()
    }

    /// Notes what was asked of it. A note that is lost costs a longer answer.
    pub fn note_asked(&self, asked: &Asked) {
        let _ = write_json(&self.path.join("asked.json"), asked, Durability::Whole);
    }

    pub(super) fn write_status(&self, status: &Status, durability: Durability) -> io::Result<()> {
        write_json(&self.status_path(), status, durability)
    }

    /// Notes that its command is about to be started, and by which supervisor. Durable when it returns, at the price of one
    /// sync: a status would cost two.
    pub(super) fn note_started(&self, supervisor: Option<&str>) -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.started_path())?;
        file.write_all(supervisor.unwrap_or_default().as_bytes())?;
        file.sync_all()
    }

    pub(super) fn write_exit(&self, exit: &Exit) -> io::Result<()> {
        write_json(&self.path.join("exit.json"), exit, Durability::Synced)
    }

    /// Whether somebody looks after it now.
    ///
    /// # Errors
    /// `Refused` if the lock cannot be tried.
    pub fn is_alive(&self) -> Result<bool> {
        Ok(matches!(self.look()?, Look::Taken))
    }

    /// Looks whether somebody looks after it, and keeps others from beginning to while the files are read.
    fn look(&self) -> Result<Look> {
        let Some(file) = self.lock_file().map_err(|error| self.cannot_lock(error))? else { return Ok(Look::NoLock) };
        let lock = Lock::try_shared(file).map_err(|error| self.cannot_lock(error))?;
        Ok(lock.map_or(Look::Taken, Look::Free))
    }

    fn cannot_lock(&self, error: io::Error) -> Error {
        Error::io(format!("cannot lock the job's directory {}", self.path.display()), error)
    }

    /// What the files say together.
    ///
    /// # Errors
    /// `Refused` or `Corrupt` if they cannot be read.
    pub fn standing(&self) -> Result<Standing> {
        match self.look()? {
            Look::Taken => Ok(Standing::Alive(self.status_or_none())),
            Look::NoLock => self.unattended(),
            Look::Free(lock) => {
                let standing = self.unattended();
                drop(lock);
                standing
            }
        }
    }

    /// As [`JobDir::standing`], while we have the lock.
    pub(super) fn unattended(&self) -> Result<Standing> {
        Ok(match (self.exit()?, self.status_or_none()) {
            (Some(exit), _) => Standing::Over(Box::new(exit)),
            (None, status) if status.has_started() || self.started_path().exists() => Standing::Lost(status),
            (None, _) if !self.path.is_dir() => Standing::Gone,
            (None, status) => Standing::Unarmed(status),
        })
    }

    /// The status is not synced: a power cut may leave nothing of it that can be understood. Who looked after the job is
    /// in the note of its start then.
    fn status_or_none(&self) -> Box<Status> {
        let mut status = self.status().ok().flatten().unwrap_or_default();
        if status.supervisor.is_none() {
            let noted = std::fs::read_to_string(self.started_path()).ok();
            status.supervisor = noted.filter(|noted| ProcessId::parse(noted).is_some());
        }
        Box::new(status)
    }

    /// Blocks until nobody looks after it; at once if it is not there.
    pub(super) fn wait_for_lock(&self) -> io::Result<()> {
        self.lock_file()?.map_or(Ok(()), |file| Lock::wait_shared(file).map(drop))
    }

    /// The file whose lock says whether somebody looks after it; `None` if it is not there.
    pub(super) fn lock_file(&self) -> io::Result<Option<File>> {
        match File::open(self.lock_path()) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The lock, if nobody holds it. Whoever only looks holds it for a moment.
    pub(super) fn take_lock(&self) -> Result<Option<Lock>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(self.lock_path()).map_err(|error| self.cannot_lock(error))?;
        for _ in 0..TRIES {
            match Lock::try_exclusive(file).map_err(|error| self.cannot_lock(error))? {
                Ok(lock) => return Ok(Some(lock)),
                Err(taken) => file = taken,
            }
            std::thread::sleep(TRY_PAUSE);
        }
        Ok(None)
    }

    /// Whether `lock` is the lock of this directory, not of one that was deleted and made again.
    pub(super) fn owns(&self, lock: &Lock) -> bool {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let there = std::fs::metadata(self.lock_path()).map(identity);
        let held = lock.file().and_then(|file| file.metadata().ok()).map(identity);
        held.is_some_and(|held| there.is_ok_and(|there| there == held))
    }

    /// Writes the end of a job that is [`Standing::Lost`], with what still runs of it. `None` if it is not lost, or
    /// somebody else says so at this moment. Nothing is killed.
    ///
    /// # Errors
    /// `Refused` if the file cannot be written, `Corrupt` if another cannot be read.
    pub fn record_lost(&self, now: DateTime<Utc>) -> Result<Option<Exit>> {
        self.end_unattended(|standing| match standing {
            Standing::Lost(status) => Some(Exit { id: self.id(), ..lost_exit(&status, now) }),
            _ => None,
        })
    }

    fn end_unattended(&self, end: impl FnOnce(Standing) -> Option<Exit>) -> Result<Option<Exit>> {
        if !matches!(self.standing()?, Standing::Lost(_) | Standing::Unarmed(_)) {
            return Ok(None);
        }
        let Some(lock) = self.take_lock()? else { return Ok(None) };
        // Asked again under the lock, for somebody may have been quicker.
        let Some(exit) = end(self.unattended()?) else { return Ok(None) };
        let written = self.write_exit(&exit);
        drop(lock);
        written.map_err(|error| Error::io(format!("cannot write the end of {}", exit.id), error))?;
        Ok(Some(exit))
    }

    /// Removes the directory of a job that is over; `false` if it is not. What is left by a crash is no job any more.
    ///
    /// # Errors
    /// `Refused` if it cannot be removed.
    pub fn remove(&self) -> Result<bool> {
        if !matches!(self.standing()?, Standing::Over(_)) {
            return Ok(false);
        }
        self.take_away()?;
        Ok(true)
    }

    /// Removes the directory of a job that has ended, whatever its files say, and what a crash left of it before. `false`
    /// if somebody looks after it.
    ///
    /// # Errors
    /// `Refused` if it cannot be removed.
    pub fn erase(&self) -> Result<bool> {
        let lock = if self.path.is_dir() { Some(self.take_lock()?) } else { None };
        if matches!(lock, Some(None)) {
            return Ok(false);
        }
        self.take_away()?;
        Ok(true)
    }

    /// Renamed first: half a directory must not look like a job.
    fn take_away(&self) -> Result<()> {
        let doomed = self.path.with_file_name(format!("{REMOVED_PREFIX}{}", self.id()));
        let absent_is_fine =
            |done: io::Result<()>| done.or_else(|error| if is_absent(&error) { Ok(()) } else { Err(error) });
        let removed = absent_is_fine(std::fs::remove_dir_all(&doomed))
            .and_then(|()| absent_is_fine(std::fs::rename(&self.path, &doomed)))
            .and_then(|()| absent_is_fine(std::fs::remove_dir_all(&doomed)));
        removed.map_err(|error| Error::io(format!("cannot remove {}", self.path.display()), error))
    }

    /// Keeps others from deciding about a speculative job as long as the file is open; waits for whoever does. `None` if
    /// there is nothing to decide about.
    ///
    /// # Errors
    /// `Refused` if it cannot be locked.
    pub fn lock_decision(&self) -> Result<Option<File>> {
        // Never replaced, and the lock of the supervisor is another.
        let file = match File::open(self.spec_path()) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.cannot_lock(error)),
        };
        file.lock().map_err(|error| self.cannot_lock(error))?;
        Ok(Some(file))
    }
}

fn lost_exit(status: &Status, now: DateTime<Utc>) -> Exit {
    // Whoever holds a lock of this job elsewhere holds that of the original: its processes are not ours to touch.
    let is_copy = status.supervisor.as_deref().and_then(ProcessId::parse).is_some_and(|who| who.holds_its_files());
    let left_behind = if is_copy { None } else { members::living_of(status) };
    let reason = match (rebooted_since(status), &left_behind) {
        _ if is_copy => "this store is a copy, and the job runs in the original".to_owned(),
        (true, _) => "the machine was restarted while it ran".to_owned(),
        (false, Some(_)) => format!("its supervisor was killed{STILL_RUN}"),
        (false, None) => "its supervisor was killed".to_owned(),
    };
    Exit {
        version: VERSION,
        outcome: Outcome::Lost,
        reason: Some(reason),
        started_at: (status.attempt == 1 && status.state == State::Running).then_some(status.since),
        ended_at: now,
        bytes: status.bytes,
        left_behind,
        ..Exit::default()
    }
}

/// Whether the supervisor belonged to an earlier boot of this machine.
fn rebooted_since(status: &Status) -> bool {
    let supervisor = status.supervisor.as_deref().and_then(ProcessId::parse);
    let now = current_boot();
    supervisor.zip(now).is_some_and(|(supervisor, now)| boot_id(&supervisor.boot) != boot_id(&now))
}
