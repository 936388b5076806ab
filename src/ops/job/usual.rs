//! How long jobs like this one take: from the last successes with the same label, or the same command if it has none.

use crate::domain::estimate::{Estimate, Run};
use crate::domain::record::Record;
use crate::domain::{field, secret, terms, text};
use crate::error::Result;
use crate::store::View;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// So many runs count, the last ones.
const RUNS_MAX: usize = 30;
/// So many records are looked at for them.
const READ_MAX: usize = 100;

/// The tag under which jobs that are alike are found. It is a name, which nobody masks later; of what the ledger has, where
/// it is masked, it is the same.
pub(super) fn tag(label: Option<&str>, command: &str) -> String {
    let name = match label {
        Some(label) => secret::mask(label).into_owned(),
        None => text::truncate_width(&secret::mask(command), 80),
    };
    format!("job:{}", text::clean_line(&name))
}

/// What is usual for jobs, each kind of them read once.
#[derive(Default)]
pub(super) struct Usuals(BTreeMap<String, Option<Estimate>>);

impl Usuals {
    /// What is usual for a job that has not ended: what is expected of it if somebody said so, else what such jobs took. Of
    /// one that has ended nobody wants to know.
    ///
    /// # Errors
    /// `Corrupt` if the store cannot be read.
    pub(super) fn of(&mut self, view: &View, job: &Record) -> Result<Option<Estimate>> {
        if !job.is_live() {
            return Ok(None);
        }
        if let Some(expected) = millis(job, field::EXPECT) {
            return Ok(Some(Estimate::expected(expected)));
        }
        let tag = tag(job.text(field::LABEL), job.text(field::COMMAND).unwrap_or_default());
        if let Some(known) = self.0.get(&tag) {
            return Ok(*known);
        }
        let usual = usual(view, &tag)?;
        self.0.insert(tag, usual);
        Ok(usual)
    }
}

fn millis(job: &Record, name: &str) -> Option<Duration> {
    job.get(name).and_then(Value::as_u64).map(Duration::from_millis)
}

/// What the last successes of a [`tag`] took.
///
/// # Errors
/// As [`Usuals::of`].
pub(super) fn usual(view: &View, tag: &str) -> Result<Option<Estimate>> {
    let (mut runs, mut read) = (Vec::new(), 0);
    view.each(&terms::tag_term(tag), |other| {
        read += 1;
        if other.status() == "ok" {
            let silence = millis(&other, field::SILENCE).unwrap_or_default();
            runs.extend(millis(&other, field::TOOK).map(|took| Run { took, silence }));
        }
        let is_enough = read >= READ_MAX || runs.len() >= RUNS_MAX;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(Estimate::of(&runs))
}
