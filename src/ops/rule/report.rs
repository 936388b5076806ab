//! A rule as every door shows it: what its record says, and what this machine knows of it.

use super::kept;
use crate::domain::record::Record;
use crate::domain::{field, text};
use crate::error::Result;
use crate::store::View;
use serde::Serialize;
use std::path::PathBuf;

/// A rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// Its id.
    pub id: String,
    /// `live` or `dropped`.
    pub status: String,
    /// What it waits for: `job lint ok`.
    pub on: String,
    /// The command line that it runs then, with secrets masked.
    pub command: String,
    /// What the job is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Where it runs, and below what a `file` rule looks: what it runs is kept on this machine. Absent for a rule that was
    /// made elsewhere, which runs nothing here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub here: Option<Here>,
}

/// What this machine knows of a rule.
#[derive(Clone, Debug, Serialize)]
pub struct Here {
    /// Where the command runs.
    pub cwd: PathBuf,
    /// How often it has started a job.
    pub fired: u64,
    /// The id of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The event for which it was held back last, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

impl RuleReport {
    /// A rule as it is now.
    ///
    /// # Errors
    /// `Corrupt` if the store cannot be read.
    pub fn of(view: &View, rule: &Record) -> Result<Self> {
        let kept = kept::rules(view)?.into_iter().find(|kept| kept.uid == rule.uid);
        let kept = kept.filter(|kept| kept.replica == view.meta().replica);
        let text = |name: &str| rule.text(name).map(text::clean_line);
        let last = kept.as_ref().and_then(|kept| kept.last);
        let job = last.map(|job| view.record(job)).transpose()?.flatten().map(|job| job.id().to_owned());
        Ok(Self {
            id: rule.id().to_owned(),
            status: rule.status().to_owned(),
            on: text(field::ON).unwrap_or_default(),
            command: text(field::COMMAND).unwrap_or_default(),
            label: text(field::LABEL),
            here: kept.map(|kept| Here {
                cwd: kept.run.cwd.unwrap_or(kept.root),
                fired: kept.fired,
                job,
                held: kept.held.map(|(event, why)| format!("{event}: {why}")),
            }),
        })
    }
}
