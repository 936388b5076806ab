//! `resume`: the briefing, as a tool.

use super::call::Call;
use super::tools::{Detail, Verb};
use crate::domain::text;
use crate::error::Result;
use crate::ops::resume::{self, BUDGET_DEFAULT, Form, ResumeInput};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    /// All about this record instead, ready for a fresh agent.
    id: Option<String>,
    /// Only what changed since: 2h, yesterday, @142.
    since: Option<String>,
    all_branches: Option<bool>,
    /// Max tokens, 1500 unless given.
    budget: Option<usize>,
    /// detailed: everything again, with reasons.
    detail: Option<Detail>,
}

impl Verb for Resume {
    const NAME: &'static str = "resume";
    const ABOUT: &'static str = "Resume work: briefing of where the last session stopped, its handoff, what is in \
        progress, blocked, next, decided and learned. Call first in a session and after compaction; again it tells only \
        what is new.";
    const READS: bool = true;

    fn run(self, call: &Call) -> Result<String> {
        let is_detailed = self.detail == Some(Detail::Detailed);
        let form = match (self.id, self.since) {
            (Some(id), _) => Form::About(id),
            (_, Some(since)) => Form::Since(since),
            _ if is_detailed => Form::Whole,
            _ => Form::Due,
        };
        let input = ResumeInput {
            budget: self.budget.unwrap_or(BUDGET_DEFAULT),
            all_branches: self.all_branches.unwrap_or(false),
            form,
            why: is_detailed,
        };
        let report = resume::resume(&call.workspace()?, &input)?;
        Ok(text::display(&report.text).into_owned())
    }
}
