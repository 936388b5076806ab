//! What hooks noted of sessions that run, or ran and left no handoff yet: a small file a session beside the database.
//!
//! Not rows in it: hooks come with every prompt and every stop, and a row would cost a commit with its syncs and the
//! writers' lock each time. A file is whole or not there (written beside and renamed), survives the death of every process,
//! and may be lost with the machine's power: what matters is made a record when the session ends, compacts or is found dead.
//!
//! What has been made a record is put aside under another ending, so that nobody looks at it again but the session itself,
//! should it go on.

use super::{Store, files};
use crate::domain::activity::Activity;
use crate::domain::digest;
use crate::error::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::IgnoredAny;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The name of the folder.
pub const FOLDER: &str = "activity";
/// A longer file is not ours.
const BYTES_MAX: u64 = 256 * 1024;
/// Only so many are looked at, the last ones; the others wait until these are put aside.
const SESSIONS_MAX: usize = 64;
/// Of those put aside only so many are kept, the last ones.
const KEPT_MAX: usize = 64;
/// What cannot be parsed stays for so long: a newer version may be able to.
const JUNK_HOURS_MAX: i64 = 24;
/// The endings of what is noted, and of what was put aside.
const NOTED: &str = "json";
const KEPT: &str = "kept";
/// What is locked while a note is changed.
const LOCK: &str = "lock";

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
    /// What is noted of a session, put aside or not; `None` if nothing is, or nothing that can be read.
    #[must_use]
    pub fn of(&self, session: &str) -> Option<Activity> {
        let found = read(&self.path(session, NOTED)).or_else(|_| read(&self.path(session, KEPT)));
        found.ok().filter(|activity| activity.session == session)
    }

    /// Notes what is known of a session now, in place of what was noted before.
    ///
    /// # Errors
    /// `Refused` if the folder cannot be written.
    pub fn note(&self, activity: &Activity) -> Result<()> {
        files::create_private_dir(&self.0)?;
        let bytes =
            serde_json::to_vec(activity).map_err(|error| Error::usage("an activity is no JSON").because(error))?;
        files::write_whole(&self.path(&activity.session, NOTED), &bytes)
    }

    /// Those that are not put aside, the last noted first. What is no JSON is removed after a day; what cannot be read for
    /// another reason stays.
    #[must_use]
    pub fn all(&self, now: DateTime<Utc>) -> Vec<Activity> {
        let junk_from = SystemTime::from(now - TimeDelta::hours(JUNK_HOURS_MAX));
        let mut found = Vec::new();
        for (at, path) in self.last(NOTED).into_iter().take(SESSIONS_MAX) {
            match read(&path) {
                Ok(activity) => found.push(activity),
                Err(Unread::Junk) if at < junk_from => discard(&path),
                Err(_) => {}
            }
        }
        found
    }

    /// Puts aside what was read of a session, unless more was noted since.
    pub fn keep(&self, seen: &Activity) {
        let (noted, kept) = (self.path(&seen.session, NOTED), self.path(&seen.session, KEPT));
        // Somebody else may have settled it.
        if std::fs::rename(&noted, &kept).is_err() {
            return;
        }
        let is_it = read(&kept).is_ok_and(|moved| moved == *seen);
        if !is_it && !noted.exists() {
            let _ = std::fs::rename(&kept, &noted);
        }
        self.last(KEPT).iter().skip(KEPT_MAX).for_each(|(_, path)| discard(path));
    }

    /// Drops what was read of a session, unless more was noted since.
    pub fn forget(&self, seen: &Activity) {
        self.keep(seen);
        discard(&self.path(&seen.session, KEPT));
    }

    /// Drops what is noted of a session, whatever it is: somebody wants a text gone.
    pub fn erase(&self, session: &str) {
        discard(&self.path(session, NOTED));
    }

    /// For as long as it lives nobody else changes what is noted; `None` where the system has no locks.
    #[must_use]
    pub fn alone(&self) -> Option<File> {
        let _ = files::create_private_dir(&self.0);
        let lock = File::options().write(true).create(true).truncate(false).open(self.0.join(LOCK)).ok()?;
        lock.lock().ok().map(|()| lock)
    }

    /// Drops everything that was put aside: somebody wants a text gone.
    pub fn forget_kept(&self) {
        self.last(KEPT).iter().for_each(|(_, path)| discard(path));
    }

    /// The files of an ending, the last written first, with their times.
    fn last(&self, ending: &str) -> Vec<(SystemTime, PathBuf)> {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let notes = paths.filter(|path| path.extension().is_some_and(|extension| extension == ending));
        let mut found: Vec<_> =
            notes.filter_map(|path| Some((std::fs::metadata(&path).ok()?.modified().ok()?, path))).collect();
        found.sort_by(|one, other| other.cmp(one));
        found
    }

    /// Names of sessions may hold anything.
    fn path(&self, session: &str, ending: &str) -> PathBuf {
        self.0.join(format!("{}.{ending}", &digest::sha256_hex(session.as_bytes())[..24]))
    }
}

/// Why a file was not read.
#[derive(Debug)]
enum Unread {
    /// It is not there, not ours, or of another version.
    Foreign,
    /// It is no JSON at all.
    Junk,
}

fn read(path: &Path) -> Result<Activity, Unread> {
    let size = std::fs::metadata(path).map_err(|_| Unread::Foreign)?.len();
    if size > BYTES_MAX {
        return Err(Unread::Foreign);
    }
    let bytes = std::fs::read(path).map_err(|_| Unread::Foreign)?;
    serde_json::from_slice(&bytes).map_err(|_| {
        let is_json = serde_json::from_slice::<IgnoredAny>(&bytes).is_ok();
        if is_json { Unread::Foreign } else { Unread::Junk }
    })
}

fn discard(path: &Path) {
    // Somebody else may have done so.
    let _ = std::fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(session: &str) -> Activity {
        Activity { session: session.to_owned(), ..Activity::default() }
    }

    fn activities(folder: &Path) -> Activities {
        Store::at(folder, || DateTime::UNIX_EPOCH, [0; 16]).activities()
    }

    #[test]
    fn what_was_noted_is_there_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let activities = activities(folder.path());
        assert_eq!((activities.of("a"), activities.all(Utc::now())), (None, Vec::new()));
        for session in ["a", "../b", "c\n"] {
            activities.note(&noted(session)).unwrap();
            assert_eq!(activities.of(session), Some(noted(session)));
        }
        activities.keep(&noted("../b"));
        assert_eq!((activities.of("../b"), activities.all(Utc::now()).len()), (Some(noted("../b")), 2));
        activities.forget(&noted("a"));
        assert_eq!((activities.of("a"), activities.all(Utc::now()).len()), (None, 1));
        activities.forget_kept();
        assert_eq!(activities.of("../b"), None);
    }

    #[test]
    fn what_was_noted_since_it_was_read_stays() {
        let folder = tempfile::tempdir().unwrap();
        let activities = activities(folder.path());
        let newer = Activity { request: Some("and the docs".into()), ..noted("a") };
        for drop in [Activities::keep, Activities::forget] {
            activities.note(&newer).unwrap();
            drop(&activities, &noted("a"));
            assert_eq!(activities.all(Utc::now()), std::slice::from_ref(&newer));
        }
    }

    #[test]
    fn only_old_junk_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let activities = activities(folder.path());
        activities.note(&noted("a")).unwrap();
        let path = |name: &str| folder.path().join(FOLDER).join(name);
        std::fs::write(path("junk.json"), "{\"session\": 7").unwrap();
        std::fs::write(path("newer.json"), "{\"session\": {\"name\": \"of a later version\"}}").unwrap();
        std::fs::create_dir(path("odd.json")).unwrap();
        assert_eq!(activities.all(Utc::now()).len(), 1);
        assert!(path("junk.json").exists());
        assert_eq!(activities.all(Utc::now() + TimeDelta::hours(25)).len(), 1);
        assert!(!path("junk.json").exists() && path("newer.json").exists() && path("odd.json").exists());
    }

    #[test]
    fn however_many_there_are_the_last_are_seen_and_not_all_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let activities = activities(folder.path());
        let name = |at: usize| noted(&at.to_string());
        for at in 0..SESSIONS_MAX + 10 {
            activities.note(&name(at)).unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at as u64);
            std::fs::File::open(activities.path(&at.to_string(), NOTED)).unwrap().set_modified(time).unwrap();
        }
        let all = activities.all(Utc::now());
        assert_eq!((all.len(), &all[0]), (SESSIONS_MAX, &name(SESSIONS_MAX + 9)));
        (0..SESSIONS_MAX + 10).for_each(|at| activities.keep(&name(at)));
        assert_eq!(activities.last(KEPT).len(), KEPT_MAX);
        assert_eq!((activities.of("0"), activities.of("73")), (None, Some(name(73))));
    }
}
