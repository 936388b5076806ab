//! Whether a command wanted a terminal.
//!
//! A job has none, and its input is empty: who reads that is at its end at once, and who opens `/dev/tty` fails at once.
//! So what wants a terminal does not hang, it fails, and says so in its last lines. Only a command that is stopped by
//! `SIGTTIN` or `SIGTTOU`, because it has made a terminal itself, waits; that is in `status.json` while it lasts.

use super::dir::JobDir;
use super::output::tail;

/// The lines that are looked at.
const LINES: usize = 10;
/// What programs say that miss a terminal, in small letters.
const WORDS: [&str; 9] = [
    "/dev/tty",
    "not a tty",
    "not a terminal",
    "terminal is required",
    "requires a terminal",
    "inappropriate ioctl for device",
    "could not read username",
    "could not read password",
    "terminal prompts disabled",
];

/// Whether a command that failed says in its last lines that it missed a terminal.
pub(super) fn was_missed(dir: &JobDir) -> bool {
    let said = String::from_utf8_lossy(&tail(dir, LINES).bytes).to_lowercase();
    WORDS.iter().any(|words| said.contains(words))
}
