//! One of the two ledgers: the program, its place, and how to run it. Both take the same words.

use crate::timing::{self, Answer};
use crate::{Result, peer};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A ledger under test.
#[derive(Debug)]
pub struct Contender {
    /// `state` or `SQLite`.
    pub name: &'static str,
    program: PathBuf,
    lead: Vec<&'static str>,
    home: PathBuf,
    /// The directory of its store.
    pub store: PathBuf,
}

impl Contender {
    /// `state` itself, in a folder that is a git repository where git is installed.
    pub fn state(folder: &Path) -> Self {
        let home = folder.to_owned();
        Self {
            name: "state",
            program: env!("CARGO_BIN_EXE_state").into(),
            lead: vec![],
            store: home.join("state"),
            home,
        }
    }

    /// The peer on SQLite.
    pub fn sqlite(folder: &Path) -> Result<Self> {
        let home = folder.to_owned();
        let program = std::env::current_exe()?;
        Ok(Self { name: "SQLite", program, lead: vec!["peer"], store: home.join("sqlite"), home })
    }

    /// What must be the same for a kept store to be used again.
    pub fn stamp(&self) -> Result<String> {
        if self.name == "SQLite" {
            return Ok(peer::SCHEMA.to_owned());
        }
        let program = self.program.metadata()?;
        Ok(format!("{} bytes, of {}", program.size(), program.mtime()))
    }

    /// The program with these words, as this session, in an otherwise empty environment.
    pub fn command(&self, session: &str, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.lead).args(words).current_dir(&self.home);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.home);
        command.env("STATE_DIR", &self.store).env("STATE_SESSION", session);
        command
    }

    /// Runs the program, which must succeed.
    pub fn run(&self, words: &[&str]) -> Result<Answer> {
        timing::run(&mut self.command("bench", words))
    }

    /// Waits until nobody has an index to write any more. SQLite writes its own with the record.
    pub fn settle(&self) -> Result<()> {
        if self.name == "state" {
            self.run(&["catch-up"])?;
            // Another one may have been at it, and then ours left at once.
            let lock = self.store.join("index.lock");
            if lock.exists() {
                File::options().write(true).open(lock)?.lock()?;
            }
        }
        Ok(())
    }

    /// The bytes that its files take on the disk.
    pub fn disk(&self) -> u64 {
        files(&self.store).iter().map(|path| path.metadata().map_or(0, |file| file.blocks() * 512)).sum()
    }

    /// Takes its files out of the page cache; `false` where the system cannot.
    pub fn chill(&self) -> Result<bool> {
        for path in files(&self.store) {
            let Ok(file) = File::open(&path) else { continue };
            file.sync_all()?;
            if !forget(&file) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(target_os = "linux")]
fn forget(file: &File) -> bool {
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn forget(_file: &File) -> bool {
    false
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        // What is gone meanwhile was temporary.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}
