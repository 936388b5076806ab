//! How long jobs like this one take: from the last successes with the same label, or the same command if it has none.

use crate::domain::estimate::{Estimate, Run};
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

/// What is usual for a job, if one like it has succeeded.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub(super) fn usual(view: &View, job: &Record) -> Result<Option<Estimate>> {
    let command = job.text(field::COMMAND).unwrap_or_default();
    let (mut runs, mut read) = (Vec::new(), 0);
    view.each(&terms::tag_term(&tag(job.text(field::LABEL), command)), |other| {
        read += 1;
        let millis = |name: &str| other.get(name).and_then(Value::as_u64).map(Duration::from_millis);
        if other.status() == "ok" && other.uid != job.uid {
            let silence = millis(field::SILENCE).unwrap_or_default();
            runs.extend(millis(field::TOOK).map(|took| Run { took, silence }));
        }
        let is_enough = read >= READ_MAX || runs.len() >= RUNS_MAX;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(Estimate::of(&runs))
}
