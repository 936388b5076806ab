//! Long bodies as files: content-addressed, compressed, written and synced before the event that names them.

use super::files;
use super::{Store, damaged};
use crate::domain::digest;
use crate::domain::event::Event;
use crate::domain::field;
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Bodies over this many bytes go to a blob.
pub const BLOB_BYTES_MIN: usize = 64 * 1024;

/// A body is refused beyond this size; a larger text belongs in a file, with an artifact that refers to it.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The directory of blobs.
#[derive(Clone, Debug)]
pub(super) struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    pub(super) fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Stores a text durably and returns its name, the SHA-256 of its bytes.
    pub(super) fn write(&self, text: &str) -> Result<String> {
        let name = digest::sha256_hex(text.as_bytes());
        let path = self.dir.join(&name);
        if !path.exists() {
            let packed =
                zstd::bulk::compress(text.as_bytes(), 3).map_err(|e| Error::io("cannot compress a body", e))?;
            files::create_private_dir(&self.dir)?;
            files::write_atomic(&path, &packed)?;
        }
        Ok(name)
    }

    /// The text of a blob, checked against its name.
    pub(super) fn read(&self, name: &str) -> Result<String> {
        let what = format!("the blob {name}");
        let packed = std::fs::read(self.dir.join(name)).map_err(|e| damaged(&what, e))?;
        let bytes = zstd::bulk::decompress(&packed, BODY_BYTES_MAX).map_err(|e| damaged(&what, e))?;
        if digest::sha256_hex(&bytes) != name {
            return Err(damaged(&what, "its content does not match its name"));
        }
        String::from_utf8(bytes).map_err(|e| damaged(&what, e))
    }
}

/// The blob that an event names.
#[must_use]
pub fn blob_of(event: &Event) -> Option<&str> {
    event.put()?.set.get(field::BODY)?.get("blob")?.as_str()
}

impl Store {
    /// The text of a blob, which is compared with what its name promises.
    ///
    /// # Errors
    /// `Corrupt` if it is missing or says something else.
    pub fn blob(&self, name: &str) -> Result<String> {
        self.blobs().read(name)
    }

    /// Removes blobs that no event before log position `from` names; those that a later one names stay. Returns those that
    /// were removed. Nobody writes meanwhile: a new event may name a blob that is already there.
    ///
    /// # Errors
    /// `Busy`, `Refused` if a file cannot be removed, or as the log says.
    pub fn discard_blobs(&self, mut names: BTreeSet<String>, from: u64) -> Result<BTreeSet<String>> {
        self.write(|writer| {
            for (_, event) in writer.events(from..)? {
                blob_of(&event).map(|name| names.remove(name));
            }
            for name in &names {
                match std::fs::remove_file(self.dir().join("blobs").join(name)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::io(format!("cannot remove the blob {name}"), error));
                    }
                    _ => {}
                }
            }
            Ok(names)
        })
    }
}
