//! `resume`: the briefing, as a tool.

use super::call::Call;
use super::tools::{Detail, Harm, Verb};
use super::{cut, print, schema};
use crate::domain::text;
use crate::error::Result;
use crate::ops::resume::{self, BUDGET_DEFAULT, Form, ResumeInput};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    /// All about one record instead
    #[serde(default, alias = "ids", deserialize_with = "schema::one_word")]
    #[schemars(with = "Option<String>")]
    id: Option<String>,
    /// Only what changed since: 2h, yesterday, @142.
    #[schemars(skip)]
    since: Option<String>,
    #[schemars(skip)]
    all_branches: Option<bool>,
    budget: Option<usize>,
    /// detailed: all again, with reasons
    detail: Option<Detail>,
}

impl Verb for Resume {
    const NAME: &'static str = "resume";
    const ABOUT: &'static str = "Resume work: briefing on where the last session stopped, what is in progress, blocked, \
        next and known. Call first and after compaction; later it tells what is new.";
    const HARM: Harm = Harm::None;

    fn run(self, call: &Call) -> Result<String> {
        let is_detailed = self.detail == Some(Detail::Detailed);
        let form = match (self.id, self.since) {
            (Some(id), _) => Form::About(id),
            (_, Some(since)) => Form::Since(since),
            _ if is_detailed => Form::Whole,
            _ => Form::Due,
        };
        let input = ResumeInput {
            budget: cut::within(self.budget.unwrap_or(BUDGET_DEFAULT)),
            all_branches: self.all_branches.unwrap_or(false),
            form,
            why: is_detailed,
        };
        let report = resume::resume(&call.workspace()?, &input)?;
        Ok(print::for_tools(&text::display(&report.text)))
    }
}
