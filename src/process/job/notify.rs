//! Saying that a job has ended to somebody outside: a command of the user's, or the bell of a terminal.

use super::dir::JobDir;
use super::launch::close_foreign_on_exec;
use crate::domain::job::{BELL, Exit, Spec};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs what the job's [`Spec::notify`] says, and waits for nothing. The command finds `STATE_JOB`, `STATE_LABEL`,
/// `STATE_STATUS` and `STATE_CODE` in its environment, and no file of whoever came by open. What fails here has nobody to be told to.
pub fn notify(dir: &JobDir, exit: &Exit) {
    let Ok(Some(spec)) = dir.spec() else { return };
    match spec.notify.as_deref() {
        None => {}
        Some(BELL) => ring(&spec),
        Some(command) => run(command, &spec, exit),
    }
}

fn ring(spec: &Spec) {
    let Some(terminal) = &spec.terminal else { return };
    // Another user's terminal by now, or none: then it cannot be opened.
    let opened = OpenOptions::new().write(true).custom_flags(NO_CONTROL).open(terminal);
    if let Ok(mut file) = opened
        && file.metadata().is_ok_and(|metadata| metadata.file_type().is_char_device())
    {
        let _ = file.write_all(b"\x07");
    }
}

/// A terminal that is opened so neither becomes ours nor makes us wait.
const NO_CONTROL: i32 = (rustix::fs::OFlags::NOCTTY.bits() | rustix::fs::OFlags::NONBLOCK.bits()).cast_signed();

fn run(command: &str, spec: &Spec, exit: &Exit) {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).current_dir(existing(&spec.cwd)).env("STATE_JOB", &spec.id);
    shell.env("STATE_LABEL", spec.label.as_deref().unwrap_or_default()).env("STATE_STATUS", exit.outcome.name());
    shell.env("STATE_CODE", exit.code.map(|code| code.to_string()).unwrap_or_default());
    // Not in the group of whoever came by, which may be killed.
    shell.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    close_foreign_on_exec();
    if let Ok(mut child) = shell.spawn() {
        // Without the thread it stays in the list of processes until this one ends.
        let _ = std::thread::Builder::new().name("notify".to_owned()).stack_size(64 << 10).spawn(move || child.wait());
    }
}

fn existing(cwd: &Path) -> PathBuf {
    if cwd.is_dir() { cwd.to_owned() } else { PathBuf::from("/") }
}

/// The terminal of this process, by the first of its streams that is one.
#[must_use]
pub fn terminal() -> Option<PathBuf> {
    let streams = ["/proc/self/fd/2", "/proc/self/fd/1", "/proc/self/fd/0"];
    streams.iter().filter_map(|stream| std::fs::read_link(stream).ok()).find(|path| {
        path.starts_with("/dev")
            && *path != Path::new("/dev/null")
            && std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_char_device())
    })
}
