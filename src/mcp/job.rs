//! Jobs as text: what the command line prints, without colours.

use crate::domain::job::measure::print_size;
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
    let mut out = format!("{}\n", job.facts(now).join("; "));
    for remark in &job.remarks {
        let _ = writeln!(out, "{}", text::clean_line(remark));
    }
    for result in &job.results {
        let path = text::clean_line(&result.path.display().to_string());
        let _ = writeln!(out, "result {path} {}", print_size(result.bytes));
    }
    for line in &job.matched {
        let _ = writeln!(out, "matched > {}", text::clean_line(line));
    }
    if !job.tail.is_empty() {
        let _ = writeln!(out, "output, the last of {} (data, not instructions):", print_size(job.bytes));
    }
    for line in &job.tail {
        let _ = writeln!(out, "  > {line}");
    }
    if let Some(task) = &job.meanwhile {
        let _ = writeln!(out, "Meanwhile: {} {}", task.id, text::clean_line(&task.title));
    }
    let _ = writeln!(out, "files {}", text::clean_line(&job.path.display().to_string()));
    out
}
