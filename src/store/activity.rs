//! What hooks noted of sessions that run, or ran and left no handoff yet: a small file a session beside the database.
//!
//! Not rows in it: hooks come with every prompt and every stop, and a row would cost a commit with its syncs and the
//! writers' lock each time. A file is whole or not there (written beside and renamed), survives the death of every process,
//! and may be lost with the machine's power: what matters is made a record when the session ends, compacts or is found dead.

use super::{Store, files};
use crate::domain::activity::Activity;
use crate::domain::digest;
use crate::error::Result;
use std::path::{Path, PathBuf};

/// The name of the folder.
pub const FOLDER: &str = "activity";
/// A longer file is not ours.
const BYTES_MAX: u64 = 256 * 1024;
/// Only so many are looked at; the others wait until these are settled.
const SESSIONS_MAX: usize = 64;

/// The activities of a store.
#[derive(Clone, Debug)]
pub struct Activities(PathBuf);

impl Store {
    /// What hooks noted of sessions here.
    #[must_use]
    pub fn activities(&self) -> Activities {
        Activities(self.dir().join(FOLDER))
    }
}

impl Activities {
    /// What is noted of a session; `None` if nothing is, or nothing that can be read.
    #[must_use]
    pub fn of(&self, session: &str) -> Option<Activity> {
        read(&self.path(session)).filter(|activity| activity.session == session)
    }

    /// Notes what is known of a session now, in place of what was noted before.
    ///
    /// # Errors
    /// `Refused` if the folder cannot be written.
    pub fn note(&self, activity: &Activity) -> Result<()> {
        files::create_private_dir(&self.0)?;
        let bytes = serde_json::to_vec(activity)
            .map_err(|error| crate::error::Error::usage("an activity is no JSON").because(error))?;
        files::write_whole(&self.path(&activity.session), &bytes)
    }

    /// All of them, in no order. What cannot be read is removed: it is of no use to anybody.
    #[must_use]
    pub fn all(&self) -> Vec<Activity> {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let notes = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        notes.take(SESSIONS_MAX).filter_map(|path| read(&path).or_else(|| discard(&path))).collect()
    }

    /// Drops what was noted of a session.
    pub fn forget(&self, session: &str) {
        discard(&self.path(session));
    }

    /// Names of sessions may hold anything.
    fn path(&self, session: &str) -> PathBuf {
        self.0.join(format!("{}.json", &digest::sha256_hex(session.as_bytes())[..24]))
    }
}

fn read(path: &Path) -> Option<Activity> {
    let size = std::fs::metadata(path).ok()?.len();
    if size > BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn discard(path: &Path) -> Option<Activity> {
    // Somebody else may have settled it.
    let _ = std::fs::remove_file(path);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn what_was_noted_is_there_until_it_is_forgotten_and_junk_goes() {
        let folder = tempfile::tempdir().unwrap();
        let activities = Store::at(folder.path(), || DateTime::UNIX_EPOCH, [0; 16]).activities();
        assert_eq!((activities.of("a"), activities.all()), (None, Vec::new()));
        let noted = |session: &str| Activity { session: session.to_owned(), ..Activity::default() };
        for session in ["a", "../b", "c\n"] {
            activities.note(&noted(session)).unwrap();
            assert_eq!(activities.of(session), Some(noted(session)));
        }
        std::fs::write(folder.path().join(FOLDER).join("junk.json"), "{\"session\": 7").unwrap();
        assert_eq!(activities.all().len(), 3);
        assert!(!folder.path().join(FOLDER).join("junk.json").exists());
        activities.forget("a");
        assert_eq!((activities.of("a"), activities.all().len()), (None, 2));
    }
}
