//! How jobs look in text: a line in lists, several in `show`.

use super::paint::Paint;
use crate::domain::text;
use crate::ops::job::{JobReport, Manner};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// A job in a line.
pub(super) fn print_line(out: &mut String, paint: Paint, job: &JobReport, now: DateTime<Utc>) {
    let standing = match job.status.as_str() {
        "ok" | "waiting" | "running" => job.status.clone(),
        _ => paint.warn(&job.status),
    };
    let _ = writeln!(
        out,
        "{} {standing} {} {}",
        paint.id(&job.id),
        text::display(&job.name()),
        paint.dim(&facts(job, now))
    );
}

/// A job in a line, its remarks and the end of its output below.
pub(super) fn print(out: &mut String, paint: Paint, job: &JobReport, now: DateTime<Utc>) {
    print_line(out, paint, job, now);
    for remark in &job.remarks {
        let _ = writeln!(out, "  {}", paint.warn(&text::display(remark)));
    }
    for line in &job.tail {
        let _ = writeln!(out, "  > {line}");
    }
}

fn facts(job: &JobReport, now: DateTime<Utc>) -> String {
    format!("({})", job.facts(now).join("; "))
}

/// What `show` adds to a job's record.
pub(super) fn print_full(out: &mut String, paint: Paint, job: &JobReport, now: DateTime<Utc>) {
    for (manner, line) in job.details(now) {
        let line = match manner {
            Manner::Plain => line,
            Manner::Aside => paint.dim(&line),
            Manner::Warning => paint.warn(&line),
        };
        let _ = writeln!(out, "{line}");
    }
}
