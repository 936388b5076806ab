//! `resume`: one screen from which the next session goes on, best first, never over its budget of tokens.
//!
//! Reading and choosing are apart. What can be said is gathered into sections of items, each with a worth and forms of
//! falling length; `fill` decides by worth per token how much of it is said. Every line ends where the reader can go on:
//! an id, or the command that shows the rest.
//!
//! | file | says |
//! |---|---|
//! | `gather` | where we are, in which order the rest follows, what is held up |
//! | `wrong` | what must be known before anything pleasant: contradictions, stale references, abandoned work |
//! | `tasks`, `likely` | what is in progress and what could be next, in which order |
//! | `handed` | what earlier sessions left: handoffs, summaries, files to read first, standing instructions |
//! | `known` | findings and decisions, those about the focus first |
//! | `delta` | only what changed since a moment, and what this session did itself |
//! | `news` | what others did that concerns a session in the midst of its work |
//! | `one` | everything about one record, for a fresh agent |
//! | `fill` | what of it fits |

mod delta;
mod fill;
mod gather;
mod handed;
mod jobs;
mod known;
mod likely;
mod news;
mod one;
mod tasks;
mod wrong;

pub use likely::order;

use super::job::told::Seen;
use super::{Workspace, address, job};
use crate::domain::id::Uid;
use crate::error::{Error, Result};
use crate::store::told::Mark;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// What to brief about.
#[derive(Clone, Debug)]
pub struct ResumeInput {
    /// The most tokens that the text may have.
    pub budget: usize,
    /// Handoffs, checkpoints and work of other branches too.
    pub all_branches: bool,
    /// How much of it all.
    pub form: Form,
    /// Behind each item, why it is there.
    pub why: bool,
}

impl Default for ResumeInput {
    fn default() -> Self {
        Self { budget: BUDGET_DEFAULT, all_branches: false, form: Form::Due, why: false }
    }
}

/// How much a briefing says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// What changed since this session was briefed last; everything if it never was.
    #[default]
    Due,
    /// Everything.
    Whole,
    /// What a session must be told again when its context was compacted, and what it did itself.
    Compacted,
    /// What changed since a time, or since a log position as `@142`.
    Since(String),
    /// Everything about one record, by id or key.
    About(String),
    /// What others did since that concerns the session; nothing as a rule.
    News,
}

/// Tokens of a briefing unless asked otherwise.
pub const BUDGET_DEFAULT: usize = 1500;
/// A smaller budget holds nothing of use.
pub const BUDGET_MIN: usize = 50;
/// A session that was briefed longer ago than this many hours is briefed as if it were new.
const TOLD_HOURS_MAX: i64 = 12;

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
    /// Whether it belongs to the first screenful, which is all that some hosts show.
    #[serde(skip)]
    pub vital: bool,
}

impl Section {
    fn vital(self) -> Self {
        Self { vital: true, ..self }
    }

    fn floor(self, floor: usize) -> Self {
        Self { floor, ..self }
    }
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
    /// The log position that it is about what came after, if it is not about everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The last log position that it knows of, for the next `--since`.
    pub position: u64,
    /// The parts, in order.
    pub sections: Vec<Section>,
    /// The whole text.
    pub text: String,
    /// Its tokens, estimated on the safe side.
    pub tokens: usize,
    /// What was allowed.
    pub budget: usize,
}

/// What a reader knows once it has read a briefing.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The notes to it that were shown.
    notes: Vec<Uid>,
    /// The jobs that were shown.
    jobs: Vec<Seen>,
    /// Who knows the log up to which position.
    marks: Vec<(String, Mark)>,
}

impl Told {
    /// Notes it down, where the store can be written, so that it is not told again.
    pub fn note(&self, workspace: &Workspace) {
        address::tell(workspace, &self.notes);
        job::told::tell(workspace, &self.jobs);
        workspace.store.tell(&self.marks);
    }
}

/// What a briefing shows that is shown once.
struct Shown {
    notes: Vec<Uid>,
    jobs: Vec<Seen>,
    /// Whether nothing of that had to be left for the next.
    are_all: bool,
}

/// Settles the sessions that are over, briefs the next one, and notes down that it was briefed.
///
/// # Errors
/// As [`prepare`].
pub fn resume(workspace: &Workspace, input: &ResumeInput) -> Result<ResumeReport> {
    super::hook::settle(workspace);
    job::settle(workspace);
    let (report, told) = prepare(workspace, input)?;
    told.note(workspace);
    Ok(report)
}

/// The briefing, and what is to be noted once it has been read.
///
/// # Errors
/// `Usage` for a budget that holds nothing or a moment that cannot be read, `NotFound` for an unknown record; else as the
/// store says.
pub fn prepare(workspace: &Workspace, input: &ResumeInput) -> Result<(ResumeReport, Told)> {
    let now = workspace.now();
    let reader = reader(workspace, input);
    let told = match input.form {
        Form::News => workspace.store.told(&news_reader(workspace)),
        Form::Due => workspace.store.told(&reader).filter(|mark| (now - mark.at).num_hours() < TOLD_HOURS_MAX),
        _ => None,
    };
    let (report, Shown { notes, jobs, are_all }) = brief_since(workspace, input, now, told)?;
    let mut marks = Vec::new();
    // A briefing that says nothing new is not worth a write, and one of a single record is not a briefing of the session.
    let is_news = told.is_none_or(|told| told.position != report.position);
    if is_news && report.position > 0 && !matches!(input.form, Form::About(_)) {
        let mark = Mark { position: report.position, at: now };
        if input.form != Form::News {
            marks.push((reader, mark));
        }
        // Notes that found no room come with the next prompt, whether the log grows or not.
        if are_all {
            marks.push((news_reader(workspace), mark));
        }
    }
    Ok((report, Told { notes, jobs, marks }))
}

/// Who is briefed of what: the same session elsewhere has not been told of what is here.
fn reader(workspace: &Workspace, input: &ResumeInput) -> String {
    let place = &workspace.place;
    let branch = place.branch.as_deref().unwrap_or_default();
    format!("{}\0{}\0{branch}\0{}", workspace.identity.session, place.worktree, input.all_branches)
}

/// Who is told of news, wherever it is.
fn news_reader(workspace: &Workspace) -> String {
    format!("{}\0news", workspace.identity.session)
}

/// Briefs the next session as if the time were `now`, whatever it was told before.
///
/// # Errors
/// As [`resume`].
pub fn brief(workspace: &Workspace, input: &ResumeInput, now: DateTime<Utc>) -> Result<ResumeReport> {
    brief_since(workspace, input, now, None).map(|(report, _)| report)
}

fn brief_since(
    workspace: &Workspace,
    input: &ResumeInput,
    now: DateTime<Utc>,
    told: Option<Mark>,
) -> Result<(ResumeReport, Shown)> {
    if input.budget < BUDGET_MIN {
        return Err(Error::usage(format!("a budget of {} tokens holds nothing", input.budget))
            .hint(format!("at least {BUDGET_MIN}; the default is {BUDGET_DEFAULT}")));
    }
    let gathered = workspace.read(|view| gather::gather(view, workspace, input, (now, told)))?;
    let (sections, text) = fill::fill(gathered.sections, input.budget, input.why);
    let unread = gathered.notes.len() + gathered.jobs.len();
    let is_shown = |id: &str| sections.iter().any(|part| part.items.iter().any(|item| item.id.as_deref() == Some(id)));
    let notes: Vec<Uid> = gathered.notes.into_iter().filter(|(_, id)| is_shown(id)).map(|(uid, _)| uid).collect();
    let jobs: Vec<Seen> = gathered.jobs.into_iter().filter(|(_, id)| is_shown(id)).map(|(job, _)| job).collect();
    let shown = Shown { are_all: notes.len() + jobs.len() == unread, notes, jobs };
    let report = ResumeReport {
        project: workspace.place.project.clone(),
        branch: workspace.place.branch.clone(),
        worktree: workspace.place.worktree.clone(),
        focus: gathered.focus,
        since: gathered.since,
        position: gathered.position,
        tokens: crate::domain::text::estimate_tokens(&text),
        sections,
        text,
        budget: input.budget,
    };
    Ok((report, shown))
}
