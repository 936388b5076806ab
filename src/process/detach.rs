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
    if let Ok(mut child) = command.spawn() {
        // A program that lives on, as a server does, must take note of its end; of one that ends first, init does.
        std::thread::spawn(move || child.wait());
    }
}
