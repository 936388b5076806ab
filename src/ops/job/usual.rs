//! How long jobs like this one take: from the last successes with the same label, or the same command if it has none.

use crate::domain::estimate::{Estimate, Run};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, terms, text};
use crate::error::Result;
use crate::store::View;
use serde_json::Value;
use std::ops::ControlFlow;
use std::time::Duration;

/// So many runs count, the last ones.
const RUNS_MAX: usize = 30;
/// So many records are looked at for them.
const READ_MAX: usize = 100;

/// The tag under which jobs that are alike are found.
pub(super) fn tag(label: Option<&str>, command: &str) -> String {
    let name = label.map_or_else(|| text::truncate_width(command, 80), str::to_owned);
    format!("job:{}", text::clean_line(&name))
}

/// What is usual for a job: what is expected of it if somebody said so, else what such jobs took.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub(super) fn usual(view: &View, job: &Record) -> Result<Option<Estimate>> {
    if let Some(expected) = millis(job, field::EXPECT) {
        return Ok(Some(Estimate::expected(expected)));
    }
    let command = job.text(field::COMMAND).unwrap_or_default();
    of(view, &tag(job.text(field::LABEL), command), Some(job.uid))
}

fn millis(job: &Record, name: &str) -> Option<Duration> {
    job.get(name).and_then(Value::as_u64).map(Duration::from_millis)
}

/// What the successes of a [`tag`] took, without that of one job.
///
/// # Errors
/// As [`usual`].
pub(super) fn of(view: &View, tag: &str, without: Option<Uid>) -> Result<Option<Estimate>> {
    let (mut runs, mut read) = (Vec::new(), 0);
    view.each(&terms::tag_term(tag), |other| {
        read += 1;
        if other.status() == "ok" && Some(other.uid) != without {
            let silence = millis(&other, field::SILENCE).unwrap_or_default();
            runs.extend(millis(&other, field::TOOK).map(|took| Run { took, silence }));
        }
        let is_enough = read >= READ_MAX || runs.len() >= RUNS_MAX;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(Estimate::of(&runs))
}
