//! Copies that a killed `setup` left beside the files that it wrote: known by their name, of no use once their writer is dead.

use super::manifest;
use super::plan::Plan;
use crate::process::process_id::exists;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The name of a file that is being written starts with this, then come the pid and a number.
pub(super) const PREFIX: &str = ".state-setup-";

/// Those that stand in the folders of the plans and of the manifest.
pub(super) fn find(plans: &[Plan], kept: &Path) -> Vec<PathBuf> {
    let own = [kept.to_owned(), manifest::backups(kept)];
    let dirs: BTreeSet<&Path> =
        plans.iter().filter_map(|plan| plan.file.parent()).chain(own.iter().map(PathBuf::as_path)).collect();
    let entries = dirs.into_iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_leftover)).map(|entry| entry.path()).collect()
}

fn is_leftover(name: &str) -> bool {
    let Some((pid, number)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')) else { return false };
    let pid = pid.parse().ok().filter(|_| number.parse::<u64>().is_ok());
    // This process has not written yet.
    pid.is_some_and(|pid| pid == std::process::id() || exists(pid) == Some(false))
}
