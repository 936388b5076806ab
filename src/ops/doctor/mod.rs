//! `doctor`: whether a store is whole, what it means where it is not, and which command mends it.
//!
//! The log is the truth and is never touched. Whatever is derived from it can be made anew, so every check says of what it
//! finds whether it is derived, and so has a remedy, or lost. A store that cannot be read gets the account of what can be saved.

mod checks;
mod disk;
mod fix;
mod jobs;
mod salvage;
mod secrets;

use super::Workspace;
use crate::error::{Error, Kind, Result};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

pub use salvage::{SalvageReport, salvage};
pub use secrets::{SecretPlace, SecretsReport, secrets};

/// What to do beside looking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoctorInput {
    /// Leave out what takes time with the size of the store.
    pub quick: bool,
    /// Make anew what is derived, remove own leftovers, correct permissions.
    pub fix: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing is wrong.
    Warning,
    /// Wrong.
    Wrong,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked, one word.
    pub name: &'static str,
    /// How it came out.
    pub state: State,
    /// What was found and what it means, one line.
    pub text: String,
    /// The command that mends it, or what else to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    fn new(name: &'static str, state: State, text: impl Into<String>) -> Self {
        Self { name, state, text: text.into(), fix: None }
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// The report of `doctor`.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorReport {
    /// Where the store is.
    pub store: PathBuf,
    /// Whether the log can be read.
    pub readable: bool,
    /// Every check, in a fixed order.
    pub checks: Vec<Check>,
    /// What was mended, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
    /// What could not be mended, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// What can be saved of a store that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salvage: Option<SalvageReport>,
}

impl DoctorReport {
    /// Nothing, or the error that a process ends with: `CheckFailed` if something is wrong or could not be mended,
    /// `Corrupt` if the store cannot be read.
    ///
    /// # Errors
    /// As said.
    pub fn verdict(&self) -> Result<()> {
        let wrong = self.checks.iter().filter(|check| check.state == State::Wrong).count();
        match (self.readable, wrong) {
            (true, 0) if self.left.is_empty() => Ok(()),
            (true, 0) => Err(Error::new(Kind::CheckFailed, "not everything could be mended")),
            (true, wrong) => {
                let checks = if wrong == 1 { "1 check".to_owned() } else { format!("{wrong} checks") };
                Err(Error::new(Kind::CheckFailed, format!("{checks} failed")))
            }
            (false, _) => Err(Error::new(Kind::Corrupt, format!("the store {} is damaged", self.store.display()))
                .hint("nothing was changed; what can be saved is said above")),
        }
    }
}

/// What mends something.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Remedy {
    /// Fold the views from the log again.
    Refold,
    /// Build the index from the records again.
    Reindex,
    /// Remove what a killed process of ours left.
    Remove(PathBuf),
    /// Remove a copy of the tree, and what git keeps of it in the given directory.
    RemoveCopy(PathBuf, Option<PathBuf>),
    /// Give a file or directory this mode.
    Chmod(PathBuf, u32),
    /// Remove blobs that no event before this log position names.
    Discard(BTreeSet<String>, u64),
}

/// Told what is being done, and how many of how many steps of it are; of 0 if nobody knows.
pub type Progress<'a> = &'a dyn Fn(&'static str, usize, usize);

/// What was found, and what would mend it.
#[derive(Default)]
struct Findings {
    checks: Vec<Check>,
    remedies: Vec<Remedy>,
    is_unreadable: bool,
}

impl Findings {
    fn ok(&mut self, name: &'static str, text: impl Into<String>) {
        self.checks.push(Check::new(name, State::Ok, text));
    }

    fn tell(&mut self, check: Check) {
        self.checks.push(check);
    }
}

const FIX: &str = "state doctor --fix";

/// Checks a store, and mends it if that is asked for.
///
/// # Errors
/// None because of what is found, which is in the report.
pub fn doctor(workspace: &Workspace, input: DoctorInput, progress: Progress<'_>) -> Result<DoctorReport> {
    let mut findings = examine(workspace, input, progress);
    let (mut fixed, mut left) = (Vec::new(), Vec::new());
    if input.fix && !findings.is_unreadable && !findings.remedies.is_empty() {
        (fixed, left) = fix::apply(workspace, std::mem::take(&mut findings.remedies), progress);
        findings = examine(workspace, input, progress);
    }
    let salvage = if findings.is_unreadable { Some(salvage::account(workspace)?) } else { None };
    Ok(DoctorReport {
        store: workspace.store.dir().to_owned(),
        readable: !findings.is_unreadable,
        checks: findings.checks,
        fixed,
        left,
        salvage,
    })
}

fn examine(workspace: &Workspace, input: DoctorInput, progress: Progress<'_>) -> Findings {
    let mut findings = Findings::default();
    disk::examine(workspace, &mut findings);
    checks::examine(workspace, input.quick, progress, &mut findings);
    if !findings.is_unreadable {
        jobs::examine(workspace, &mut findings);
    }
    findings
}

/// A number of bytes as people read it.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let (mut tenths, mut unit) = (bytes.saturating_mul(10) / 1000, 0);
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths / 1000, unit + 1);
    }
    let whole = tenths / 10;
    if whole < 10 { format!("{whole}.{} {}", tenths % 10, UNITS[unit]) } else { format!("{whole} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_coarse() {
        let shown = [0, 999, 1000, 1_250, 99_999, 1_000_000, 12_345_678_901, u64::MAX].map(super::bytes);
        assert_eq!(shown[..6], ["0 B", "999 B", "1.0 kB", "1.2 kB", "99 kB", "1.0 MB"]);
        assert_eq!(shown[6], "12 GB");
    }
}
