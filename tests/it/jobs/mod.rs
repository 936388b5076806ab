//! Background jobs as they are used: the real binary, real processes, real kills.
//!
//! Scripts meet the test through FIFOs and files, never through time; whatever a test leaves running is killed at its end.

mod asked;
mod bad;
mod elsewhere;
mod ends;
mod foreign;
mod gone;
mod hidden;
mod killed;
mod left;
mod lightning;
mod many;
mod options;
mod order;
mod output;
mod stories;
mod told;

use crate::support::{Shell, Workspace, wait_until};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use serde_json::Value;
use std::io::Write;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// Longer than anything takes on a machine that is very busy.
pub const LIMIT: Duration = Duration::from_secs(240);

/// A workspace whose jobs end with it.
pub struct Lab {
    workspace: Workspace,
}

impl Deref for Lab {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}

impl Lab {
    pub fn new() -> Self {
        Self { workspace: Workspace::new() }
    }

    /// A FIFO that a script can read from or write to.
    pub fn fifo(&self, name: &str) -> Fifo {
        let path = self.dir().join(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        Fifo { path }
    }

    /// The text of a file below the current directory, empty if it is not there.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir().join(name)).unwrap_or_default()
    }

    /// Waits until a file is there.
    #[track_caller]
    pub fn see(&self, name: &str) {
        wait_until(name, LIMIT, || self.dir().join(name).exists());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let marks = format!("{}/", self.root().display());
        let of = |text: Vec<u8>| String::from_utf8_lossy(&text).contains(&marks);
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let is_job = std::fs::read(entry.path().join("environ")).is_ok_and(|text| {
                let text = String::from_utf8_lossy(&text).into_owned();
                text.split('\0').any(|variable| variable.starts_with("STATE_JOB=")) && text.contains(&marks)
            });
            if is_job || std::fs::read(entry.path().join("cmdline")).is_ok_and(of) {
                // One that has ended meanwhile needs no signal.
                let _ = kill_process(number(pid), Signal::KILL);
            }
        }
    }
}

/// Where a script and a test meet.
pub struct Fifo {
    pub path: PathBuf,
}

impl Fifo {
    /// Lets a script go on that reads from it; waits until it does.
    #[track_caller]
    pub fn open(&self) {
        let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
        let mut fifo = None;
        wait_until(&format!("somebody reads {}", self.path.display()), LIMIT, || {
            fifo = std::fs::OpenOptions::new().write(true).custom_flags(nonblock).open(&self.path).ok();
            fifo.is_some()
        });
        fifo.unwrap().write_all(b"go\n").unwrap();
    }
}

/// Starts a command as a job and returns its id.
#[track_caller]
pub fn run(shell: &Shell, options: &[&str], command: &[&str]) -> String {
    let report = shell.json(&[&["run"], options, &["--"], command].concat());
    report["job"]["id"].as_str().unwrap_or_else(|| panic!("no id in {report}")).to_owned()
}

/// Starts a shell script as a job and returns its id.
#[track_caller]
pub fn sh(shell: &Shell, options: &[&str], script: &str) -> String {
    run(shell, options, &["sh", "-c", script])
}

/// Waits for the end of a job, which is told by that, and returns what is said of it.
#[track_caller]
pub fn end(shell: &Shell, id: &str) -> Value {
    let output = shell.run(&["--json", "wait", id, "--timeout", "240s"], b"");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("wait {id}: {error}\n{}", crate::support::transcript(&output));
    });
    assert!(report["timed_out"].is_null(), "{report}");
    report["jobs"][0].clone()
}

/// As [`end`], in a word.
#[track_caller]
pub fn outcome(shell: &Shell, id: &str) -> String {
    word(&end(shell, id), "status")
}

/// A job as `show` tells it.
#[track_caller]
pub fn shown(shell: &Shell, id: &str) -> Value {
    shell.json(&["show", id])["records"][0]["job"].clone()
}

/// A text of a report, empty if there is none.
pub fn word(report: &Value, name: &str) -> String {
    report[name].as_str().unwrap_or_default().to_owned()
}

/// A file of a job's directory; nothing if it is not there.
pub fn file(shell: &Shell, id: &str, name: &str) -> Option<Value> {
    let bytes = std::fs::read(dir(shell, id).join(name)).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name} of {id}: {error}")))
}

/// The directory of a job.
pub fn dir(shell: &Shell, id: &str) -> PathBuf {
    shell.store().join("jobs").join(id)
}

/// Waits until `status.json` of a job is as wanted, and returns it.
#[track_caller]
pub fn status(shell: &Shell, id: &str, what: &str, mut is_so: impl FnMut(&Value) -> bool) -> Value {
    let mut found = Value::Null;
    wait_until(&format!("{id} {what}"), LIMIT, || {
        found = file(shell, id, "status.json").unwrap_or_default();
        is_so(&found)
    });
    found
}

/// Waits until a job waits for that, and returns its status.
#[track_caller]
pub fn waiting(shell: &Shell, id: &str, what: &str) -> Value {
    status(shell, id, &format!("waits for {what}"), |status| {
        status["waits_for"].as_array().is_some_and(|list| list.iter().any(|name| name == what))
    })
}

/// Waits until the command of a job runs, and returns its status.
#[track_caller]
pub fn running(shell: &Shell, id: &str) -> Value {
    status(shell, id, "runs", |status| status["pid"].is_number())
}

/// The pid of `PID:START:BOOT`.
pub fn pid(status: &Value, name: &str) -> u32 {
    status[name].as_str().unwrap().split(':').next().unwrap().parse().unwrap()
}

/// The process number for a system call.
pub fn number(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// `kill -9`.
pub fn kill(pid: u32) {
    kill_process(number(pid), Signal::KILL).unwrap();
}

/// `kill -9` for a process group.
pub fn kill_group(pid: u32) {
    kill_process_group(number(pid), Signal::KILL).unwrap();
}

/// Kills the supervisor of a job, and waits until nobody looks after it.
#[track_caller]
pub fn kill_supervisor(shell: &Shell, id: &str) -> Value {
    let status = status(shell, id, "has a supervisor", |status| status["supervisor"].is_string());
    kill(pid(&status, "supervisor"));
    unattended(shell, id);
    status
}

/// Waits until nobody looks after a job.
#[track_caller]
pub fn unattended(shell: &Shell, id: &str) {
    let lock = std::fs::File::open(dir(shell, id).join("lock")).unwrap();
    wait_until(&format!("nobody looks after {id}"), LIMIT, || lock.try_lock_shared().is_ok());
}

/// Whether a process is there, and has not ended.
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    test_kill_process(number(pid)).is_ok() && !matches!(state, None | Some("Z" | "X"))
}

/// Waits until a process is gone.
#[track_caller]
pub fn gone(pid: u32) {
    wait_until(&format!("process {pid} is gone"), LIMIT, || !lives(pid));
}
