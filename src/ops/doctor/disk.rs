//! What the file system says: place, kind, space, permissions, and files that do not belong there.

use super::{Check, FIX, Findings, Remedy, State, bytes};
use crate::ops::job::SCRATCH_FOLDER;
use crate::ops::{Workspace, rule};
use crate::process::process_id;
use crate::store::files::{self, TEMPORARY_PREFIX};
use crate::store::location::DATABASE;
use crate::store::{activity, hook_log, told};
use chrono::{DateTime, TimeDelta, Utc};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a store's directory holds, beside leftovers.
const KNOWN: [&str; 13] = [
    DATABASE,
    "gate",
    "lock",
    "rewrite.lock",
    rule::WATCH_LOCK,
    "index",
    "index.lock",
    "blobs",
    "jobs",
    SCRATCH_FOLDER,
    told::FILE,
    activity::FOLDER,
    hook_log::FILE,
];
/// Less free space than this stops work soon.
const SPACE_LOW: u64 = 100_000_000;
/// With less than this a write may already fail.
const SPACE_NONE: u64 = 10_000_000;
/// A leftover whose maker cannot be asked is removed when it is older.
const LEFTOVER_HOURS: i64 = 1;

pub(super) fn examine(workspace: &Workspace, findings: &mut Findings) {
    place(workspace, findings);
    file_system(workspace.store.dir(), findings);
    let size = fs::metadata(workspace.store.dir().join(DATABASE)).map_or(0, |file| file.len());
    if let Some(free) = files::free_bytes(workspace.store.dir()) {
        findings.tell(space(free, size));
    }
    permissions(workspace.store.dir(), findings);
    strays(workspace, findings);
    hooks(workspace, findings);
}

/// What went wrong in hooks, which never say so themselves.
fn hooks(workspace: &Workspace, findings: &mut Findings) {
    let failures = workspace.store.hook_failures();
    let Some(last) = failures.last() else { return findings.ok("hooks", "none failed") };
    let count = failures.len();
    let plural = if count == 1 { "" } else { "s" };
    let text = format!("{count} hook failure{plural}, the last {last}; --fix forgets them");
    let log = workspace.store.dir().join(hook_log::FILE);
    findings.tell(Check::new("hooks", State::Warning, text).fix(FIX));
    findings.remedies.push(Remedy::Remove(log));
}

fn place(workspace: &Workspace, findings: &mut Findings) {
    let (dir, why) = (workspace.store.dir().display(), workspace.location.why.sentence());
    let shadowed = workspace.shadowed();
    if shadowed.is_empty() {
        return findings.ok("place", format!("{dir}: {why}"));
    }
    let others: Vec<String> = shadowed.iter().map(|other| other.display().to_string()).collect();
    let text = format!("{dir}: {why}; passed over: {}", others.join(", "));
    findings.tell(Check::new("place", State::Warning, text).fix("another store is reached with --store DIR"));
}

fn file_system(dir: &Path, findings: &mut Findings) {
    match files::filesystem_is_shared(dir) {
        Some(name) => {
            let text = format!("{name}: locks do not hold between machines, so writes are refused");
            findings.tell(
                Check::new("file-system", State::Wrong, text).fix("keep the store on a local disk: set STATE_DIR"),
            );
        }
        None => findings.ok("file-system", "local"),
    }
}

/// A rewrite needs the size of the database once more.
fn space(free: u64, size: u64) -> Check {
    let text = format!("{} free", bytes(free));
    let (state, text) = match free {
        _ if free < SPACE_NONE => (State::Wrong, format!("{text}: writes fail soon, without harm to what is there")),
        _ if free < SPACE_LOW => (State::Warning, format!("{text}: writes fail soon")),
        _ if free < size.saturating_mul(2) => (State::Warning, format!("{text}: too little to fold or erase")),
        _ => return Check::new("space", State::Ok, text),
    };
    Check::new("space", state, text).fix("free some space on this disk")
}

/// A directory is the user's alone, and so is what is in it.
fn permissions(dir: &Path, findings: &mut Findings) {
    let mut paths = vec![dir.to_owned()];
    paths.extend(entries(dir).into_iter().filter(|path| KNOWN.contains(&name(path).as_str())));
    paths.extend(entries(&dir.join("blobs")));
    let (mut open, mut narrow, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    let me = files::user();
    for path in paths {
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        let wanted = if found.is_dir() { 0o700 } else { 0o600 };
        let mode = found.mode() & 0o777;
        if found.is_symlink() || mode == wanted && me == found.uid() {
            continue;
        }
        let shown = path.strip_prefix(dir).ok().filter(|path| !path.as_os_str().is_empty()).unwrap_or(dir).display();
        if me != found.uid() {
            foreign.push(format!("{shown} belongs to user {}", found.uid()));
            continue;
        }
        let said = format!("{shown} has {mode:03o}, not {wanted:03o}");
        if mode & 0o077 != 0 {
            open.push(said);
        } else {
            narrow.push(said);
        }
        findings.remedies.push(Remedy::Chmod(path, wanted));
    }
    let check = |state, found: &[String]| Check::new("permissions", state, some(found)).fix(FIX);
    match (open.as_slice(), narrow.as_slice(), foreign.as_slice()) {
        ([], [], []) => findings.ok("permissions", "for the owner alone"),
        ([], [], foreign) => {
            let check = Check::new("permissions", State::Warning, some(foreign));
            findings.tell(check.fix("who owns the store can give it away: chown"));
        }
        ([], narrow, _) => findings.tell(check(State::Warning, narrow)),
        (open, ..) => findings.tell(check(State::Wrong, open)),
    }
}

/// The first few of a list as a sentence.
pub(super) fn some(found: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = found.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if found.len() > SHOWN { format!("{shown}; and {} more", found.len() - SHOWN) } else { shown }
}

/// What is in a directory, in order; nothing if it cannot be read.
pub(super) fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort_unstable();
    found
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn strays(workspace: &Workspace, findings: &mut Findings) {
    let dir = workspace.store.dir();
    let (mut unknown, mut left, mut busy) = (Vec::new(), Vec::new(), 0);
    let blobs = entries(&dir.join("blobs")).into_iter().filter(|path| !is_blob(&name(path)));
    for path in entries(dir).into_iter().filter(|path| !KNOWN.contains(&name(path).as_str())).chain(blobs) {
        let shown = path.strip_prefix(dir).unwrap_or(&path).display().to_string();
        match origin(&name(&path)) {
            Origin::Unknown => unknown.push(shown),
            Origin::Ours(pid) if is_abandoned(&path, pid, workspace.now()) => {
                left.push(shown);
                findings.remedies.push(Remedy::Remove(path));
            }
            Origin::Ours(_) => busy += 1,
        }
    }
    if !left.is_empty() {
        let text = format!("left by processes that were killed: {}", some(&left));
        findings.tell(Check::new("leftovers", State::Warning, text).fix(FIX));
    } else if busy > 0 {
        findings.ok("leftovers", format!("{busy} files are being written"));
    } else {
        findings.ok("leftovers", "none");
    }
    if unknown.is_empty() {
        findings.ok("files", "only its own");
    } else {
        let text = format!("not of this program: {}", some(&unknown));
        findings.tell(Check::new("files", State::Warning, text).fix("look at them; nothing here removes them"));
    }
}

pub(super) fn is_blob(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file by its name.
#[derive(Debug, PartialEq, Eq)]
enum Origin {
    /// One that a killed process of ours may leave, with its pid if the name tells.
    Ours(Option<u32>),
    Unknown,
}

fn origin(name: &str) -> Origin {
    let rest = name.strip_prefix(TEMPORARY_PREFIX).or_else(|| name.strip_prefix("state.redb.new-"));
    match rest {
        Some(rest) => Origin::Ours(rest.split('-').next().and_then(|pid| pid.parse().ok())),
        None if ["index.new", "index.old"].contains(&name) => Origin::Ours(None),
        None => Origin::Unknown,
    }
}

pub(super) fn is_abandoned(path: &Path, pid: Option<u32>, now: DateTime<Utc>) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|file| file.modified());
    let is_old = changed.is_ok_and(|changed| now - DateTime::<Utc>::from(changed) > TimeDelta::hours(LEFTOVER_HOURS));
    is_old || pid.and_then(process_id::exists) == Some(false)
}

/// When a blob that nobody names yet may still be about to be named.
pub(super) fn is_old(path: &Path, now: DateTime<Utc>) -> bool {
    is_abandoned(path, None, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_space_is_told_before_it_hurts() {
        let states = [(1, 0), (50_000_000, 0), (1_000_000_000, 600_000_000), (1_000_000_000, 1)];
        let found = states.map(|(free, size)| space(free, size).state);
        assert_eq!(found, [State::Wrong, State::Warning, State::Warning, State::Ok]);
    }

    #[test]
    fn only_our_own_names_are_leftovers() {
        let found = [".tmp-12-3", "state.redb.new-77", "index.old", "state.redb.bak", "notes"].map(origin);
        let ours = [Some(12), Some(77), None].map(Origin::Ours);
        assert_eq!(found[..3], ours);
        assert_eq!(found[3..], [Origin::Unknown, Origin::Unknown]);
    }
}
