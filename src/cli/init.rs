//! `state init`

use super::door::Door;
use crate::error::Result;
use crate::ops::init;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Create the store: in the git directory that all worktrees share, else in .state here. Harmless if it exists.
///
/// JSON: {"store", "why", "created", "passed_over"?}
#[derive(clap::Args)]
pub(super) struct InitArgs {
    /// Create it in this folder's .state instead.
    #[arg(long)]
    here: bool,
}

impl InitArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let here: Option<PathBuf> = self.here.then(|| door.process.cwd.join(".state"));
        let report = init::init(&door.new_workspace(here))?;
        door.report(&report, |out, paint, report| {
            let verb = if report.created { "Created" } else { "Already there:" };
            let _ = writeln!(out, "{verb} {} ({})", paint.bold(&report.store.display().to_string()), report.why);
            for other in &report.passed_over {
                let _ = writeln!(
                    out,
                    "{}",
                    paint.warn(&format!("Another store is nearby: {}; reach it with --store", other.display()))
                );
            }
            let _ = writeln!(out, "Next: state resume, state start \"WHAT YOU DO\", state import FILE-OR-FOLDER");
        })
    }
}
