//! `state accept`

use super::door::Door;
use super::job;
use crate::domain::text;
use crate::error::Result;
use crate::ops::job as jobs;
use std::fmt::Write as _;

/// Say yes to speculative work: what it changed is brought into the tree, all of it or nothing.
///
/// Of a job that was started with run --speculative and has ended well. If the tree was changed in the same places meanwhile,
/// nothing happens, and what the job made stays. The other answer is state drop ID.
///
/// JSON: {"job": JOB, "changed": [PATH]}; JOB as in state run --help
#[derive(clap::Args)]
pub(super) struct AcceptArgs {
    /// The job.
    id: String,
}

/// So many paths are named.
const NAMED_MAX: usize = 20;

impl AcceptArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let report = jobs::accept(&workspace, &self.id)?;
        let now = door.now();
        door.report(&report, |out, paint, report| {
            job::print(out, paint, &report.job, now);
            if report.changed.is_empty() {
                out.push_str("it changed no file\n");
            }
            for path in report.changed.iter().take(NAMED_MAX) {
                let _ = writeln!(out, "  changed {}", text::clean_line(path));
            }
            if report.changed.len() > NAMED_MAX {
                let _ = writeln!(out, "  and {} more", report.changed.len() - NAMED_MAX);
            }
        })
    }
}
