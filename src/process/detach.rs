//! Starting a program that outlives this one and says nothing.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts `program` in its own process group, without any of our streams. It may fail silently: what it does is optional.
pub fn spawn(program: &Path, args: &[&OsStr]) {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    // Whoever needs what it does will start it again.
    drop(command.spawn());
}
