//! The lines of an export that are not events: the first one, and the last one of a backup.

use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the format that is written, and the highest that is read.
pub const VERSION: u32 = 1;
/// A first line is not longer than this, in bytes.
pub const HEADER_BYTES_MAX: u64 = 4096;
/// What [`Header::state`] says.
const EXPORT: &str = "export";
/// What [`Trailer::state`] says.
const END: &str = "end";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `export`, by which a file is recognised.
    pub state: String,
    /// [`VERSION`].
    pub version: u32,
    /// The identity of the project across machines.
    #[serde(default)]
    pub workspace: String,
}

impl Header {
    /// The first line of an export of this workspace.
    #[must_use]
    pub fn of(workspace: &str) -> Self {
        Self { state: EXPORT.to_owned(), version: VERSION, workspace: workspace.to_owned() }
    }

    /// The header in this line, if it is one.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().filter(|header: &Self| header.state == EXPORT)
    }

    /// Checks that an export of this version can be read.
    ///
    /// # Errors
    /// `Refused` for a newer one, `Usage` for one without a workspace.
    pub fn check(&self, path: &Path) -> Result<()> {
        if self.version > VERSION {
            let message = format!(
                "{} is an export of version {}, this program reads up to {VERSION}",
                path.display(),
                self.version
            );
            return Err(
                Error::new(Kind::Refused, message).hint("import it with the state that wrote it, or a newer one")
            );
        }
        let is_id = self.workspace.len() == 32 && self.workspace.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { Ok(()) } else { Err(Error::usage(format!("{} does not name its workspace", path.display()))) }
    }
}

/// The last line of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// `end`.
    pub state: String,
    /// How many events are in it.
    pub events: u64,
    /// The digest of all bytes before this line.
    pub sha256: String,
}

impl Trailer {
    /// The last line after so many events with this digest.
    #[must_use]
    pub fn of(events: u64, sha256: String) -> Self {
        Self { state: END.to_owned(), events, sha256 }
    }

    /// The trailer in this line, if it is one.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().filter(|trailer: &Self| trailer.state == END)
    }
}
