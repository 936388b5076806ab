//! What a session's host tells of it: events in, what the agent should read out.
//!
//! Hooks come with every prompt, tool and stop, so most of them write to no database: what they know is noted in a small
//! file a session ([`crate::store::activity`]). Records are made where something would be lost otherwise: the files that were edited
//! (once each), what a subagent found, and the handoff of a session that ends, is compacted, or is found dead.
//!
//! The same event twice, or by two hosts at once, leaves the same: every note is what is known now, and every record has a
//! key of its own.

mod note;
mod settle;

pub use settle::settle;

use super::resume::{self, Form, ResumeInput, Told};
use super::{Workspace, add, handoff, job, stale};
use crate::domain::activity::Background;
use crate::domain::draft::{Draft, DraftLink};
use crate::domain::record::Record;
use crate::domain::{digest, field, kind, terms, text, transcript};
use crate::error::Result;
use crate::ops::add::AddInput;
use crate::ops::session;
use crate::store::{Registers, View};

/// Tokens of the briefing at the start of a session.
const BUDGET: usize = 800;
/// Tokens of what is new since the last prompt.
const NEWS_BUDGET: usize = 300;
/// So many edited files are kept of one session.
const FILES_MAX: usize = 200;
/// So many records that it made are named to whoever sums a session up.
const KEPT_MAX: usize = 8;
/// The tag of what a subagent found.
pub const SUBAGENT: &str = "subagent";

/// What a host tells.
#[derive(Clone, Debug, Default)]
pub struct HookInput {
    /// What happened.
    pub event: Event,
    /// The path of the session's transcript, if the host has one.
    pub transcript: Option<String>,
    /// Whether the agent reads what is answered.
    pub is_heard: bool,
}

/// What happened to a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Event {
    /// It begins, or begins again.
    Started(Start),
    /// Somebody asks for something.
    Asked(String),
    /// A tool was used, which edited these files, as the host names them.
    Used(Vec<String>),
    /// Its context is about to be compacted.
    Compacting,
    /// The agent said something and goes on; hosts without a transcript tell it.
    Said(String),
    /// The agent has said its last word for now.
    Stopped {
        /// What it said.
        message: Option<String>,
        /// What still runs.
        background: Vec<Background>,
    },
    /// An agent that it had started is done.
    SubagentStopped {
        /// The host's id of that agent.
        id: String,
        /// Its type.
        agent: String,
        /// What it found.
        message: String,
    },
    /// It is over, for a reason in the host's words.
    Ended(String),
    /// Nothing that concerns us.
    #[default]
    Other,
}

/// How a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With an empty context.
    New,
    /// With the context that it had, our briefing in it.
    Resumed,
    /// With a summary of its context.
    Compacted,
}

/// What came of an event.
#[derive(Clone, Debug, Default)]
pub struct HookReport {
    /// What the agent should read now; empty as a rule.
    pub text: String,
    /// What the agent knows once it has read that.
    pub told: Told,
    /// Whether records were made.
    pub has_written: bool,
    /// What could not be noted, though there is an answer.
    pub trouble: Option<String>,
}

impl HookReport {
    fn wrote(has_written: bool) -> Self {
        Self { has_written, ..Self::default() }
    }

    /// A briefing, and what became of the note that was to be made before it.
    fn briefs(workspace: &Workspace, input: &ResumeInput, noted: Result<()>) -> Result<Self> {
        let (briefing, told) = resume::prepare(workspace, input)?;
        let trouble = noted.err().map(|error| error.to_string());
        Ok(Self { text: briefing.text, told, trouble, ..Self::default() })
    }
}

/// Takes in one event.
///
/// # Errors
/// As the store says. A briefing is given even if something before it could not be noted.
pub fn hook(workspace: &Workspace, input: &HookInput) -> Result<HookReport> {
    match &input.event {
        Event::Started(start) => start_session(workspace, input, *start),
        Event::Asked(request) => asked(workspace, input, request),
        Event::Used(paths) => used(workspace, input, paths),
        Event::Compacting => compacting(workspace, input),
        Event::Said(message) => note::said(workspace, input, message).map(|()| HookReport::default()),
        Event::Stopped { message, background } => {
            note::stopped(workspace, input, message.as_deref(), background)?;
            Ok(HookReport::default())
        }
        Event::SubagentStopped { id, agent, message } => {
            let noted = note::seen(workspace, input);
            let wrote = subagent(workspace, id, agent, message)?;
            noted.map(|()| HookReport::wrote(wrote))
        }
        Event::Ended(reason) => {
            note::ended(workspace, input, reason)?;
            Ok(HookReport::wrote(settle(workspace)))
        }
        Event::Other => Ok(HookReport::default()),
    }
}

fn start_session(workspace: &Workspace, input: &HookInput, start: Start) -> Result<HookReport> {
    let has_written = settle(workspace);
    job::settle(workspace);
    let noted = note::started(workspace, input);
    let form = match start {
        Start::New => Form::Whole,
        Start::Resumed => Form::Due,
        Start::Compacted => Form::Compacted,
    };
    let input = ResumeInput { budget: BUDGET, form, ..ResumeInput::default() };
    Ok(HookReport { has_written, ..HookReport::briefs(workspace, &input, noted)? })
}

fn asked(workspace: &Workspace, input: &HookInput, request: &str) -> Result<HookReport> {
    let noted = note::asked(workspace, input, request);
    if !input.is_heard {
        return noted.map(|()| HookReport::default());
    }
    job::settle(workspace);
    HookReport::briefs(workspace, &news(), noted)
}

fn news() -> ResumeInput {
    ResumeInput { budget: NEWS_BUDGET, form: Form::News, ..ResumeInput::default() }
}

/// An agent may work for hours on one request: the ends of its jobs are told between its tools, and what else is new with
/// them. Without such an end it is left to work.
fn used(workspace: &Workspace, input: &HookInput, paths: &[String]) -> Result<HookReport> {
    let has_written = edited(workspace, input, paths)?;
    if input.is_heard {
        job::settle(workspace);
        if workspace.read(|view| Ok(!job::told::news(view, workspace, false)?.is_empty()))? {
            return Ok(HookReport { has_written, ..HookReport::briefs(workspace, &news(), Ok(()))? });
        }
    }
    Ok(HookReport::wrote(has_written))
}

/// The session's record refers to every file that it edited.
fn edited(workspace: &Workspace, input: &HookInput, paths: &[String]) -> Result<bool> {
    let mut registers = Registers::new();
    for path in paths {
        // One odd name must not cost the others.
        let Ok((name, value)) = stale::edited_register(path, &workspace.place) else { continue };
        // What is not a part of the project is nobody's business here.
        if !name.starts_with(&format!("{}/", field::REF)) {
            registers.insert(name, value);
        }
    }
    let files: Vec<String> =
        registers.keys().filter_map(|name| name.strip_prefix(field::REF)).map(str::to_owned).collect();
    let noted = if files.is_empty() { note::seen(workspace, input) } else { note::edited(workspace, input, &files) };
    let wrote = refer(workspace, registers)?;
    noted.map(|()| wrote)
}

fn refer(workspace: &Workspace, mut registers: Registers) -> Result<bool> {
    if registers.is_empty() {
        return Ok(false);
    }
    workspace.read(|view| {
        if let Some(session) = session::current(view, workspace)?.filter(Record::is_live) {
            let free = FILES_MAX.saturating_sub(session.elements(field::REF).count());
            registers.retain(|name, _| session.get(name).is_none());
            while registers.len() > free {
                registers.pop_last();
            }
        }
        Ok(())
    })?;
    if registers.is_empty() {
        return Ok(false);
    }
    workspace.write(|writer| {
        let paths: Vec<&str> = registers.keys().filter_map(|name| name.strip_prefix(field::REF)).collect();
        writer.because(format!("edit {}", paths.join(", ")));
        if let Some(session) = writer.session() {
            writer.put(session, registers)?;
        }
        Ok(true)
    })
}

/// What a subagent found is a summary under its session.
fn subagent(workspace: &Workspace, id: &str, agent: &str, message: &str) -> Result<bool> {
    let body = note::masked(message);
    let Some(first) = transcript::telling_line(&body) else { return Ok(false) };
    let nameless = format!("{:016x}", digest::sha256_u64(format!("{}\0{body}", workspace.identity.session).as_bytes()));
    let title = text::truncate_width(&format!("{}: {first}", text::clean_line(agent)), 120);
    let draft = Draft {
        kind: kind::SUMMARY.to_owned(),
        title,
        body,
        key: Some(format!("{SUBAGENT}/{}", if id.is_empty() { nameless } else { text::clean_line(id) })),
        tags: vec![SUBAGENT.to_owned()],
        links: vec![DraftLink {
            kind: field::link::RESULT_OF.to_owned(),
            to: session::key(&workspace.identity.session),
        }],
        ..Draft::default()
    };
    let report = add::add(workspace, &AddInput { draft, over: Vec::new() })?;
    Ok(report.records.iter().any(|made| made.outcome != add::Outcome::Same))
}

/// The focus of the session and what it wrote, in the words of a list.
fn worth_keeping(view: &View, workspace: &Workspace) -> Result<String> {
    let Some(session) = session::current(view, workspace)? else { return Ok(String::new()) };
    let focus = session::focus(&session).map(|uid| view.record(uid)).transpose()?.flatten();
    let made = view.first(&terms::session_term(session.uid), KEPT_MAX)?;
    let made = made.into_iter().filter(|record| record.kind() != kind::SESSION && !handoff::is_auto(record));
    let mut kept: Vec<String> = Vec::new();
    for record in focus.into_iter().chain(made).filter(Record::is_live) {
        let line = format!("{} {}, ", record.id(), text::truncate_tokens(&text::clean_line(record.title()), 12));
        if !kept.contains(&line) {
            kept.push(line);
        }
    }
    Ok(kept.concat())
}

/// Before the context goes: its handoff is brought up to date, and the summary is asked to keep what the ledger knows by name.
fn compacting(workspace: &Workspace, input: &HookInput) -> Result<HookReport> {
    note::seen(workspace, input)?;
    let has_written = settle::leave_own(workspace)?;
    let kept = workspace.read(|view| worth_keeping(view, workspace))?;
    let text = format!(
        "Worth keeping: {kept}names of files and commits, and ids of state: `state show ID` has the rest. \
         A briefing from state follows the summary.\n"
    );
    Ok(HookReport { text, has_written, ..HookReport::default() })
}
