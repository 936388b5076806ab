//! The floor: the least that a process can do to make 500 bytes durable.

use crate::Result;
use std::fs::OpenOptions;
use std::io::Write;

/// The name of the file.
pub const FILE: &str = "floor";

/// Opens the file, appends 500 bytes, syncs.
pub fn append(path: &str) -> Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(&[b'.'; 500])?;
    Ok(file.sync_all()?)
}
