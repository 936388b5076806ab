//! `state wait`

use super::door::Door;
use super::job;
use crate::domain::job::measure::parse_span;
use crate::error::{Error, Kind, Result};
use crate::ops::job::{WaitInput, WaitReport, wait};

/// Wait until jobs have ended.
///
/// Exit 0 if all that ended did well, 1 if one did not, or if the time was over first.
///
/// JSON: {"jobs": [JOB], "timed_out"?}; JOB as in state run --help
#[derive(clap::Args)]
pub(super) struct WaitArgs {
    /// Jobs.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// One of them is enough.
    #[arg(long)]
    any: bool,
    /// At most so long: 90s, 10m.
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
}

impl WaitArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let patience = self.timeout.as_deref().map(parse_span).transpose()?;
        let workspace = door.writing()?;
        let report = wait(&workspace, &WaitInput { ids: self.ids, any: self.any, patience })?;
        let now = door.now();
        door.report(&report, |out, paint, report| {
            report.jobs.iter().for_each(|held| job::print(out, paint, held, now));
        })?;
        judge(door, &report);
        Ok(())
    }
}

/// Fails after the report if one did not end well, or the time was over first.
pub(super) fn judge(door: &mut Door, report: &WaitReport) {
    let is_bad = |status: &str| !["ok", "waiting", "running"].contains(&status);
    let bad: Vec<&str> = report.jobs.iter().filter(|job| is_bad(&job.status)).map(|job| job.id.as_str()).collect();
    if report.timed_out || !bad.is_empty() {
        let what =
            if bad.is_empty() { "not over yet".to_owned() } else { format!("did not end well: {}", bad.join(" ")) };
        door.also_fails(Error::new(Kind::CheckFailed, what));
    }
}
