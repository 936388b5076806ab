//! Work that is done before anybody has said that it is wanted.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a *no* must bring back and a *yes* must bring about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Speculative {
    /// The top of the files that it is about, absolute.
    pub root: PathBuf,
    /// The hash of their git tree before it.
    pub tree: String,
    /// The copy of them in which it runs, absolute; none if it runs in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch: Option<PathBuf>,
    /// What git keeps of all copies.
    pub common_dir: PathBuf,
}

impl Speculative {
    /// A directory of the copy as the one that it is a copy of; another one as it is.
    #[must_use]
    pub fn original(&self, dir: &Path) -> PathBuf {
        let inside = self.scratch.as_ref().and_then(|scratch| dir.strip_prefix(scratch).ok());
        inside.map_or_else(|| dir.to_owned(), |inside| self.root.join(inside))
    }
}

/// What was said to speculative work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Undecided,
    /// Yes: what it did is there.
    Accepted,
    /// No: what it did is gone.
    Dropped,
}

impl Decision {
    /// The stable word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Accepted => "accepted",
            Self::Dropped => "dropped",
        }
    }
}
