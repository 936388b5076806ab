//! Jobs as text: what the command line prints, without colours.

use crate::domain::text;
use crate::ops::job::JobReport;
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// A job in a line, its remarks and the end of its output below.
pub(super) fn print(job: &JobReport, now: DateTime<Utc>) -> String {
    let mut out = format!("{} {} {} ({})\n", job.id, job.status, job.name(), job.facts(now).join("; "));
    for remark in &job.remarks {
        let _ = writeln!(out, "  {}", text::clean_line(remark));
    }
    for line in &job.tail {
        let _ = writeln!(out, "  > {line}");
    }
    out
}

/// What `show` adds to a job's record.
pub(super) fn full(job: &JobReport, now: DateTime<Utc>) -> String {
    job.details(now).into_iter().map(|(_, line)| line + "\n").collect()
}
