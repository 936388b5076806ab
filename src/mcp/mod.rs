//! The model context protocol: the verbs as tools of an agent, on stdin and stdout.

use crate::error::{Error, Result};
use crate::ops::workspace::Surroundings;
use std::path::PathBuf;

/// Serves until stdin ends.
///
/// # Errors
/// `Refused` if stdout cannot be written.
pub fn serve(_surroundings: &Surroundings, _store: Option<PathBuf>) -> Result<()> {
    Err(Error::usage("not built yet"))
}
