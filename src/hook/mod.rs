//! The door for the events of agents' hosts.

use crate::error::{Error, Result};
use crate::ops::workspace::Surroundings;
use std::path::PathBuf;

/// Answers one event.
///
/// # Errors
/// Whatever went wrong.
pub fn answer(_surroundings: &Surroundings, _host: &str, _store: Option<PathBuf>) -> Result<()> {
    Err(Error::usage("not built yet"))
}
