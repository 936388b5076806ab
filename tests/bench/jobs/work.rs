//! What the jobs of the benchmark do. The same for all who run them: it says when it began, and when it is about to end.

use crate::Result;
use std::fs::File;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time in nanoseconds; all processes of a machine have the same clock.
pub fn nanos() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

/// `began FILE`; `gate FILE LOCK` ends when it can share the lock, and then `FILE.ended` says when; `print FILE LOCK BYTES`
/// prints before that.
pub fn run(words: &[&str]) -> Result<()> {
    let now = nanos();
    match words {
        ["began", file] => say(file, now),
        ["gate", file, lock] => {
            say(file, now)?;
            wait_at(file, lock)
        }
        ["print", file, lock, bytes] => {
            print(bytes.parse()?)?;
            say(file, now)?;
            wait_at(file, lock)
        }
        _ => Err("no such job".into()),
    }
}

fn wait_at(file: &str, lock: &str) -> Result<()> {
    File::open(lock)?.lock_shared()?;
    say(&format!("{file}.ended"), nanos())
}

/// Whole or not there.
fn say(file: &str, nanos: u128) -> Result<()> {
    let draft = format!("{file}.draft");
    std::fs::write(&draft, nanos.to_string())?;
    Ok(std::fs::rename(draft, file)?)
}

fn print(bytes: usize) -> Result<()> {
    let line = [&[b'.'; 99][..], b"\n"].concat().repeat(100);
    let mut out = std::io::stdout().lock();
    for _ in 0..bytes / line.len() {
        out.write_all(&line)?;
    }
    Ok(out.flush()?)
}
