//! `show`: records in full, as a tool; long ones in parts.

use super::call::Call;
use super::tools::{Detail, Harm, Verb};
use super::{cut, job, print, schema};
use crate::error::{Error, Result};
use crate::ops::show::{self, Shown};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// More records make no answer that anybody reads.
const IDS_MAX: usize = 50;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Show {
    /// Ids or keys
    #[serde(alias = "id", deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    ids: Vec<String>,
    /// As it was then: 3d, 2026-01-31, @142.
    #[schemars(skip)]
    at: Option<String>,
    /// First line
    offset: Option<usize>,
    budget: Option<usize>,
    detail: Option<Detail>,
}

impl Verb for Show {
    const NAME: &'static str = "show";
    const ABOUT: &'static str =
        "Show records in full: body, links both ways, file references and whether the files changed.";
    const HARM: Harm = Harm::None;

    fn run(self, call: &Call) -> Result<String> {
        if self.ids.is_empty() || self.ids.len() > IDS_MAX {
            return Err(Error::usage(format!("{} ids given; 1 to {IDS_MAX} are shown at once", self.ids.len()))
                .hint("show {\"ids\":[\"f-1a2b3\"]}; ids are in list and search"));
        }
        let report = show::show(&call.workspace()?, &self.ids, self.at.as_deref())?;
        let manner = (call.now(), self.detail.unwrap_or_default());
        let full = |shown: &Shown| {
            if let Some(held) = shown.job.as_ref().filter(|held| held.asked_too_soon) {
                return held.nothing_new(call.now()) + "\n";
            }
            let job = shown.job.as_ref().map(|held| job::full(held, call.now()));
            print::full(&shown.record, manner) + &job.unwrap_or_default()
        };
        let text: Vec<String> = report.records.iter().map(full).collect();
        let more = |next: usize| cut::call("show", &self.rest(next));
        Ok(cut::part(&text.join("\n"), (self.offset.unwrap_or(0), cut::budget(self.budget)), more))
    }
}

impl Show {
    /// The arguments for what comes from a line on.
    fn rest(&self, offset: usize) -> serde_json::Value {
        let mut rest = json!({"ids": self.ids, "offset": offset});
        if let Some(at) = &self.at {
            rest["at"] = json!(at);
        }
        if self.detail == Some(Detail::Detailed) {
            rest["detail"] = json!(self.detail);
        }
        rest
    }
}
