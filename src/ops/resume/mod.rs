//! `resume`: one screen from which the next session goes on, best first, never over its budget of tokens.
//!
//! `gather` reads what each section has to say, `fill` decides how much of it fits. Every line ends where the reader can
//! go on: an id, or the command that shows the rest.

mod fill;
mod gather;
mod likely;
mod tasks;

pub use likely::order;

use super::Workspace;
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// What to brief about.
#[derive(Clone, Debug)]
pub struct ResumeInput {
    /// The most tokens that the text may have.
    pub budget: usize,
    /// Handoffs, checkpoints and work of other branches too.
    pub all_branches: bool,
}

/// Tokens of a briefing unless asked otherwise.
pub const BUDGET_DEFAULT: usize = 1500;
/// A smaller budget holds nothing of use.
pub const BUDGET_MIN: usize = 50;

/// One thing to say, in forms of falling length.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Item {
    /// The record that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The form that fits.
    pub text: String,
    /// Why it is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// All forms, longest first; the last is one line.
    #[serde(skip)]
    pub forms: Vec<String>,
    /// How likely it is that the reader needs it, from 0 to 1.
    #[serde(skip)]
    pub worth: f64,
}

/// What an item is worth that nobody knows better.
const WORTH_DEFAULT: f64 = 0.5;

impl Item {
    fn line(id: Option<&str>, line: String) -> Self {
        Self::forms(id, vec![line])
    }

    fn forms(id: Option<&str>, forms: Vec<String>) -> Self {
        Self { id: id.map(str::to_owned), forms, worth: WORTH_DEFAULT, ..Self::default() }
    }

    fn worth(self, worth: f64) -> Self {
        Self { worth, ..self }
    }

    fn why(self, why: String) -> Self {
        Self { why: Some(why), ..self }
    }
}

/// A part of the briefing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Section {
    /// Its title; empty for the opening lines.
    pub title: String,
    /// What fits of it.
    pub items: Vec<Item>,
    /// How many items do not fit or were not read.
    pub left_out: usize,
    /// The command that shows them.
    pub more: String,
    /// How many items it shows before others get a second helping.
    #[serde(skip)]
    pub floor: usize,
}

/// The report of `resume`.
#[derive(Clone, Debug, Serialize)]
pub struct ResumeReport {
    /// The project.
    pub project: String,
    /// The branch, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The worktree.
    pub worktree: String,
    /// The id of the task that the work is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focus: Option<String>,
    /// The parts, in order.
    pub sections: Vec<Section>,
    /// The whole text.
    pub text: String,
    /// Its tokens, estimated on the safe side.
    pub tokens: usize,
    /// What was allowed.
    pub budget: usize,
}

/// Briefs the next session.
///
/// # Errors
/// `Usage` for a budget that holds nothing; else as the store says.
pub fn resume(workspace: &Workspace, input: &ResumeInput) -> Result<ResumeReport> {
    brief(workspace, input, workspace.now())
}

/// Briefs the next session as if the time were `now`.
///
/// # Errors
/// As [`resume`].
pub fn brief(workspace: &Workspace, input: &ResumeInput, now: DateTime<Utc>) -> Result<ResumeReport> {
    if input.budget < BUDGET_MIN {
        return Err(Error::usage(format!("a budget of {} tokens holds nothing", input.budget))
            .hint(format!("at least {BUDGET_MIN}; the default is {BUDGET_DEFAULT}")));
    }
    let gathered = workspace.read(|view| gather::gather(view, workspace, input, now))?;
    let (sections, text) = fill::fill(gathered.sections, input.budget);
    Ok(ResumeReport {
        project: workspace.place.project.clone(),
        branch: workspace.place.branch.clone(),
        worktree: workspace.place.worktree.clone(),
        focus: gathered.focus,
        tokens: crate::domain::text::estimate_tokens(&text),
        sections,
        text,
        budget: input.budget,
    })
}
