//! What is to become of one file. Nothing is written here: everything is known to be possible before anything is.

use super::Action;
use super::edit::{Programs, blank, is_bare};
use super::manifest::{self, Entry, Manifest, missing_dirs};
use super::recipe::Target;
use crate::domain::digest::sha256_hex;
use crate::error::{Error, Kind, Result};
use std::io;
use std::path::{Path, PathBuf};

/// What becomes of a file.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Where the host looks for it.
    pub(super) path: PathBuf,
    /// Where it is, links followed.
    pub(super) file: PathBuf,
    /// What it holds; `None` if it does not exist.
    pub(super) now: Option<String>,
    /// What it is to hold; `None` if it is to go.
    pub(super) then: Option<String>,
    /// What it holds without ours.
    pub(super) before: Option<String>,
    /// Folders that are made for it, or were and now go, outermost first.
    pub(super) dirs: Vec<PathBuf>,
    /// Whether somebody edited it since it was written by us.
    pub(super) edited: bool,
    /// The paths of the program that ours in it name.
    pub(super) programs: Vec<String>,
    /// What is known of it afterwards.
    pub(super) entry: Option<Entry>,
    /// Another host that needs it as it is.
    pub(super) shared: Option<String>,
}

/// What all files have in common.
pub(super) struct Context<'a> {
    /// The program, and where it was before.
    pub(super) programs: &'a Programs,
    /// What earlier runs left.
    pub(super) manifest: &'a Manifest,
    /// Where backups are.
    pub(super) kept: &'a Path,
    /// The host, and where if it is in a repository: `codex in /home/me/pay`.
    pub(super) user: &'a str,
}

impl Plan {
    /// Whether anything is to be written.
    pub(super) fn is_change(&self) -> bool {
        self.now != self.then
    }

    /// Plans one file.
    pub(super) fn of(target: &Target, action: Action, context: &Context) -> Result<Self> {
        let file = resolved(&target.path);
        let now = read(&file)?;
        let text = now.as_deref().unwrap_or_default();
        let entry = context.manifest.entry(&file);
        let as_left = entry.is_some_and(|entry| now.is_some() && sha256_hex(text.as_bytes()) == entry.left);
        let programs = target.edits.iter().flat_map(|edit| edit.programs(text, context.programs)).collect();
        let mut plan = Self {
            path: target.path.clone(),
            file,
            then: now.clone(),
            before: None,
            dirs: Vec::new(),
            edited: !as_left,
            programs,
            entry: entry.cloned(),
            shared: None,
            now,
        };
        let refuse = |reason: String| refused(&target.path, &reason);
        plan.before = plan.without_ours(target, context).map_err(refuse)?;
        match action {
            Action::Remove => plan.removal(context),
            Action::Install | Action::Check => plan.installation(target, context).map_err(refuse)?,
        }
        Ok(plan)
    }

    /// The content without ours: the backup where nobody touched the file since, else the text less our parts.
    fn without_ours(&self, target: &Target, context: &Context) -> Result<Option<String>, String> {
        let Some(now) = &self.now else { return Ok(None) };
        if let Some(entry) = self.entry.as_ref().filter(|_| !self.edited) {
            let Some(digest) = &entry.before else { return Ok(None) };
            if let Some(before) = kept_text(context, digest) {
                return Ok(Some(before));
            }
        }
        let text = self.less_ours(now, target, context)?;
        if text == *now || !is_bare(&text) {
            return Ok(Some(text));
        }
        Ok(match &self.entry {
            Some(Entry { before: None, .. }) => None,
            Some(Entry { before: Some(digest), .. }) => {
                let left = if blank(&text) && is_json(&self.path) { "{}\n".to_owned() } else { text };
                kept_text(context, digest).filter(|before| is_bare(before)).or(Some(left))
            }
            // Nobody knows whether an empty file was there; most hosts take it for a broken one.
            None => Some(text).filter(|text| !blank(text)),
        })
    }

    /// The text less our parts, and less what was made for them: a host that writes its file anew leaves no other trace of
    /// that than what was there before.
    fn less_ours(&self, now: &str, target: &Target, context: &Context) -> Result<String, String> {
        let mut text = now.to_owned();
        for edit in target.edits.iter().rev() {
            text = edit.remove(&text, context.programs)?;
        }
        let before = self.entry.as_ref().and_then(|entry| match &entry.before {
            Some(digest) => kept_text(context, digest),
            None => Some(String::new()),
        });
        match before {
            Some(before) if text != *now => {
                target.edits.iter().rev().try_fold(text, |text, edit| edit.without_empty(&text, &before))
            }
            _ => Ok(text),
        }
    }

    fn installation(&mut self, target: &Target, context: &Context) -> Result<(), String> {
        let mut text = self.now.clone().unwrap_or_default();
        for edit in &target.edits {
            text = edit.install(&text, context.programs)?;
        }
        if self.now.is_none() && !text.ends_with('\n') {
            text.push('\n');
        }
        let made = missing_dirs(self.file.parent().unwrap_or(Path::new("/")));
        self.dirs = if self.now.is_none() { made } else { Vec::new() };
        let kept = |entry: &Entry| if self.before.is_none() { entry.dirs.clone() } else { Vec::new() };
        let mut dirs = self.entry.as_ref().map(kept).unwrap_or_default();
        dirs.extend(self.dirs.iter().filter(|dir| !dirs.contains(dir)).cloned().collect::<Vec<_>>());
        dirs.sort();
        let mut users = self.entry.as_ref().map(|entry| entry.users.clone()).unwrap_or_default();
        users.retain(|user| user != context.user);
        users.push(context.user.to_owned());
        users.sort();
        self.entry = Some(Entry {
            path: self.file.clone(),
            users,
            before: self.before.as_ref().map(|before| sha256_hex(before.as_bytes())),
            dirs,
            left: sha256_hex(text.as_bytes()),
        });
        self.then = Some(text);
        Ok(())
    }

    fn removal(&mut self, context: &Context) {
        let Some(entry) = self.entry.take() else {
            self.then.clone_from(&self.before);
            return;
        };
        let others: Vec<String> = entry.users.iter().filter(|user| *user != context.user).cloned().collect();
        if let Some(other) = others.first() {
            self.shared = Some(other.clone());
            self.entry = Some(Entry { users: others, ..entry });
            return;
        }
        self.then.clone_from(&self.before);
        self.dirs = entry.dirs;
    }
}

/// Most hosts take a blank file of this sort for a broken one.
fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json" || extension == "jsonc")
}

/// A text among the backups.
fn kept_text(context: &Context, digest: &str) -> Option<String> {
    String::from_utf8(manifest::backup(context.kept, digest)?).ok()
}

fn read(path: &Path) -> Result<Option<String>> {
    // A pipe or a device would be waited for.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Error::new(Kind::Refused, format!("cannot read {}: it is not a regular file", path.display()))
            .hint("make it a file that you can read and write; nothing was changed"));
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::io(format!("cannot read {}", path.display()), error)
                .hint("make it a file that you can read and write; nothing was changed"));
        }
    };
    String::from_utf8(bytes).map(Some).map_err(|_| refused(path, "is not UTF-8"))
}

fn refused(path: &Path, reason: &str) -> Error {
    Error::new(Kind::Conflict, format!("{} {reason}", path.display()))
        .hint("mend the file by hand, or move it elsewhere, and run the command again; nothing was changed")
}

/// Where a path leads, all links in it followed, also where nothing is yet.
pub(super) fn resolved(path: &Path) -> PathBuf {
    const LINKS_MAX: usize = 32;
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    let real = path.ancestors().skip(1).find_map(|dir| {
        let below = path.strip_prefix(dir).ok()?;
        Some(dir.canonicalize().ok()?.join(below))
    });
    real.unwrap_or(path)
}
