//! Writes what was planned: all of it, or nothing.

use super::host::Scope;
use super::leftover;
use super::manifest::{self, Manifest, remove_empty};
use super::plan::Plan;
use crate::error::{Error, Kind, Result};
use crate::store::files;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

/// Refuses what cannot be written, before anything is.
pub(super) fn check_writable(plans: &[&Plan]) -> Result<()> {
    for plan in plans {
        let existing = plan.file.ancestors().skip(1).find(|dir| dir.exists()).unwrap_or(Path::new("/"));
        if !existing.is_dir() {
            return Err(cannot(&plan.file, &format!("{} is no folder", existing.display())));
        }
        if !files::is_writable(existing) {
            return Err(cannot(&plan.file, &format!("the folder {} is read-only", existing.display())));
        }
        let read_only = plan.file.metadata().is_ok_and(|metadata| metadata.permissions().readonly());
        if read_only || (plan.file.exists() && !files::is_writable(&plan.file)) {
            return Err(cannot(&plan.file, "it is read-only"));
        }
    }
    Ok(())
}

fn cannot(path: &Path, why: &str) -> Error {
    Error::new(Kind::Refused, format!("cannot write {}: {why}", path.display()))
        .hint("make it writable for you and run the command again; nothing was changed")
}

/// Keeps what is overwritten, notes down what will be, writes; if a write fails, what was written before is taken back.
/// Returns the digests of the backups that were made of files edited by hand, in the order of the plans.
pub(super) fn apply(plans: &[Plan], manifest: &Manifest, (kept, scope): (&Path, Scope)) -> Result<Vec<Option<String>>> {
    let old = Manifest::load(kept)?;
    let mut new = manifest.clone();
    files::create_private_dir(&manifest::backups(kept))?;
    let backups = plans.iter().map(|plan| back_up(plan, kept)).collect::<Result<Vec<_>>>()?;
    if !new.files.is_empty() {
        new.save(kept)?;
    }
    if let Err(error) = all_or_nothing(plans, &|plan| write(plan, scope)) {
        // The files are as they were; so is what is known of them.
        forget_backups(&new, &old, kept);
        new.files = old.files;
        let _ = new.save(kept);
        return Err(error);
    }
    forget_backups(&old, &new, kept);
    if new.files.is_empty() {
        new.save(kept)?;
    }
    Ok(backups)
}

fn back_up(plan: &Plan, kept: &Path) -> Result<Option<String>> {
    if plan.entry.is_some() {
        plan.before.as_ref().map(|before| manifest::back_up(kept, before.as_bytes())).transpose()?;
    }
    let by_hand = plan.is_change() && plan.edited && plan.now != plan.before;
    plan.now.as_ref().filter(|_| by_hand).map(|now| manifest::back_up(kept, now.as_bytes())).transpose()
}

/// Backups that no file needs any more go.
fn forget_backups(old: &Manifest, new: &Manifest, kept: &Path) {
    let needed = |digest: &String| new.files.iter().any(|entry| entry.before.as_ref() == Some(digest));
    for digest in old.files.iter().filter_map(|entry| entry.before.as_ref()).filter(|digest| !needed(digest)) {
        // One that stays harms nobody.
        let _ = std::fs::remove_file(manifest::backup_path(kept, digest));
    }
}

fn all_or_nothing(plans: &[Plan], write: &dyn Fn(&Plan) -> Result<()>) -> Result<()> {
    let changes: Vec<&Plan> = plans.iter().filter(|plan| plan.is_change()).collect();
    let mut modes = Vec::new();
    for (at, plan) in changes.iter().enumerate() {
        modes.push(mode(&plan.file));
        if let Err(error) = write(plan) {
            changes[..at].iter().zip(&modes).rev().for_each(|(plan, mode)| take_back(plan, *mode));
            return Err(error);
        }
    }
    Ok(())
}

/// Refuses if the file is not what was planned with: hosts rewrite their files while they run.
fn check_unchanged(plan: &Plan) -> Result<()> {
    let now = std::fs::read(&plan.file).ok();
    if now.as_deref() == plan.now.as_deref().map(str::as_bytes) {
        return Ok(());
    }
    Err(Error::conflict(format!("{} was changed by somebody else just now", plan.file.display()))
        .hint("run the command again; nothing was changed"))
}

fn write(plan: &Plan, scope: Scope) -> Result<()> {
    check_unchanged(plan)?;
    let Some(text) = &plan.then else {
        std::fs::remove_file(&plan.file)
            .map_err(|error| Error::io(format!("cannot remove {}", plan.file.display()), error))?;
        remove_empty(plan.dirs.iter());
        return Ok(());
    };
    let dir = plan.file.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(dir)
        .map_err(|error| Error::io(format!("cannot create the folder {}", dir.display()), error))?;
    // One that is there keeps its mode, a new one is the user's, in a repository everybody's to read.
    let new = if scope == Scope::User { 0o600 } else { 0o644 };
    put(&plan.file, text, mode(&plan.file).unwrap_or(new), &|| check_unchanged(plan))
}

fn mode(path: &Path) -> Option<u32> {
    path.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o7777)
}

/// Writes a file whole, with the owner of the one that is there, unless the last look before it takes its place says no.
fn put(path: &Path, text: &str, mode: u32, look: &dyn Fn() -> Result<()>) -> Result<()> {
    files::write_atomic_as(leftover::PREFIX, path, |file| {
        keep_owner(file, path);
        let written = file.write_all(text.as_bytes()).and_then(|()| file.set_permissions(Permissions::from_mode(mode)));
        // Synced here, so that nothing slow comes between the look and the renaming.
        written
            .and_then(|()| file.sync_all())
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
        look()
    })
}

/// Only root can give a file away, and for others it is theirs already; the group may be another one that they are in.
fn keep_owner(file: &File, path: &Path) {
    if let Ok(old) = path.metadata() {
        // A file that cannot be given away is as good as before for whoever runs this.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
}

/// `mode` is what the file had.
fn take_back(plan: &Plan, mode: Option<u32>) {
    if std::fs::read(&plan.file).ok().as_deref() != plan.then.as_deref().map(str::as_bytes) {
        // Somebody else has written it since.
        return;
    }
    // What cannot be taken back is among the backups; the first error is the one to tell.
    if let Some(text) = &plan.now {
        let _ = std::fs::create_dir_all(plan.file.parent().unwrap_or(Path::new("/")));
        let _ = put(&plan.file, text, mode.unwrap_or(0o600), &|| Ok(()));
    } else {
        let _ = std::fs::remove_file(&plan.file);
        remove_empty(plan.dirs.iter());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(path: &Path, now: Option<&str>, then: Option<&str>) -> Plan {
        Plan {
            path: path.to_owned(),
            file: path.to_owned(),
            now: now.map(str::to_owned),
            then: then.map(str::to_owned),
            before: None,
            dirs: manifest::missing_dirs(path.parent().unwrap()),
            edited: true,
            programs: Vec::new(),
            entry: None,
            shared: None,
        }
    }

    #[test]
    fn a_failing_write_takes_the_earlier_ones_back() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("edited"), "old").unwrap();
        std::fs::write(at("gone"), "kept").unwrap();
        std::fs::set_permissions(at("gone"), Permissions::from_mode(0o640)).unwrap();
        let plans = [
            plan(&at("edited"), Some("old"), Some("new")),
            plan(&at("deep/er/new"), None, Some("new")),
            plan(&at("gone"), Some("kept"), None),
            plan(&at("last"), None, Some("never")),
        ];
        let write_but_the_last = |plan: &Plan| {
            if plan.file.ends_with("last") { Err(Error::usage("disk full")) } else { write(plan, Scope::User) }
        };
        assert_eq!(all_or_nothing(&plans, &write_but_the_last).unwrap_err().message, "disk full");
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(std::fs::read_to_string(at("edited")).unwrap(), "old");
        assert_eq!(std::fs::read_to_string(at("gone")).unwrap(), "kept");
        assert_eq!(mode(&at("gone")), Some(0o640));
    }

    #[test]
    fn what_somebody_writes_while_it_is_written_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        std::fs::write(&path, "planned with").unwrap();
        let plan = plan(&path, Some("planned with"), Some("ours"));
        let error = put(&path, "ours", 0o600, &|| {
            std::fs::write(&path, "theirs").unwrap();
            check_unchanged(&plan)
        });
        assert_eq!(error.unwrap_err().kind, Kind::Conflict);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no leftover");
    }

    #[test]
    fn what_somebody_else_wrote_since_is_not_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("edited"), "old").unwrap();
        let plans = [
            plan(&at("edited"), Some("old"), Some("new")),
            plan(&at("made"), None, Some("new")),
            plan(&at("last"), None, Some("never")),
        ];
        let write_but_the_last = |plan: &Plan| {
            if !plan.file.ends_with("last") {
                return write(plan, Scope::User);
            }
            for name in ["edited", "made"] {
                std::fs::write(at(name), "theirs").unwrap();
            }
            Err(Error::usage("disk full"))
        };
        assert!(all_or_nothing(&plans, &write_but_the_last).is_err());
        assert_eq!(["edited", "made"].map(|name| std::fs::read_to_string(at(name)).unwrap()), ["theirs", "theirs"]);
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        std::fs::write(&path, "theirs").unwrap();
        for now in [None, Some("as planned")] {
            let error = write(&plan(&path, now, Some("ours")), Scope::User).unwrap_err();
            assert_eq!(error.kind, Kind::Conflict);
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
    }
}
