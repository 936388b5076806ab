//! What the program knows of itself: arguments, environment, clock, randomness. Read once, in `main`, and handed to a door.

use chrono::{DateTime, Utc};
use std::ffi::OsString;
use std::path::PathBuf;

/// Looks up a name in the environment.
pub type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// The program's process and all that it may read of the world without asking.
pub struct Surroundings {
    /// The arguments, the program's name first.
    pub args: Vec<OsString>,
    /// Looks up an environment variable.
    pub env: Lookup,
    /// `STATE_DIR`.
    pub state_dir: Option<PathBuf>,
    /// The current directory.
    pub cwd: PathBuf,
    /// Where temporary directories go.
    pub temp: PathBuf,
    /// The path of this program.
    pub program: PathBuf,
    /// The wall clock.
    pub clock: fn() -> DateTime<Utc>,
    /// Random bits.
    pub seed: [u8; 16],
    /// Whether stdout and stderr are terminals.
    pub terminals: (bool, bool),
}
