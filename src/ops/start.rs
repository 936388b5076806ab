//! `start`: claim a task atomically and make it this session's focus; also what reopens an ended record.

use super::report::Line;
use super::{Workspace, add, ready, resolve, session};
use crate::domain::draft::Draft;
use crate::domain::id::{self, Uid};
use crate::domain::record::Record;
use crate::domain::{field, kind, when};
use crate::error::{Error, Kind, Result};
use crate::store::{Registers, Writer};
use serde::Serialize;
use serde_json::{Value, json};

/// What to start.
#[derive(Clone, Debug)]
pub enum StartInput {
    /// The best ready task.
    Next,
    /// By its title an id or key, or else a new task; only a new one takes the rest of the draft.
    Word(Box<Draft>),
    /// A new task.
    New(Box<Draft>),
}

impl StartInput {
    /// An id or key, or the title of a new task.
    #[must_use]
    pub fn word(word: impl Into<String>) -> Self {
        Self::Word(Box::new(Draft { title: word.into(), ..Draft::default() }))
    }
}

/// The report of `start`.
#[derive(Clone, Debug, Serialize)]
pub struct StartReport {
    /// The task.
    pub record: Line,
    /// Whether the text made a new task.
    pub created: bool,
    /// Whether it had ended and is open again.
    pub reopened: bool,
    /// The id of the gone session whose claim ended by this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_over_from: Option<String>,
}

/// How many ready tasks are tried: those of living sessions are not ready, so the first nearly always fits.
const NEXT_TRIED_MAX: usize = 1;

/// Starts a task.
///
/// # Errors
/// `NotFound` (also: nothing is ready), `Conflict` if a living session holds it.
pub fn start(workspace: &Workspace, input: &StartInput) -> Result<StartReport> {
    workspace.write(|writer| {
        let (record, created) = pick(writer, workspace, input)?;
        if record.flag(field::GONE) {
            return Err(Error::conflict(format!("{} was undone, there is nothing to start", record.id()))
                .hint(format!("state log {} shows the undo; state undo @POSITION takes it back", record.id())));
        }
        if record.kind() == kind::JOB {
            return Err(Error::conflict(format!("{} is a job, and is {}", record.id(), record.status()))
                .hint(format!("state run --again {} runs it again", record.id())));
        }
        let reopened = !created && !record.is_live();
        let previous = record.claims().into_iter().next();
        let record = if record.kind() == kind::TASK { claim(writer, &record)? } else { reopen(writer, &record)? };
        let verb = if reopened { "reopen" } else { "start" };
        writer.because(format!("{verb} {}: {}", record.id(), record.title()));
        let me = writer.session();
        let from = previous.filter(|session| Some(*session) != me).map(|session| writer.record(session)).transpose()?;
        Ok(StartReport {
            record: Line::of(writer, &record, writer.now())?,
            created,
            reopened,
            taken_over_from: from.flatten().map(|session| session.id().to_owned()),
        })
    })
}

fn pick(writer: &mut Writer, workspace: &Workspace, input: &StartInput) -> Result<(Record, bool)> {
    let draft = match input {
        StartInput::Next => return next(writer).map(|record| (record, false)),
        StartInput::New(draft) => return create(writer, workspace, draft),
        StartInput::Word(draft) => draft,
    };
    match resolve::record(writer, &draft.title) {
        Ok(record) if Draft { title: String::new(), ..(**draft).clone() } != Draft::default() => Err(Error::usage(
            format!("{} is there already: its parts are not set by start; nothing was changed", record.id()),
        )
        .hint(format!("state edit {} sets them", record.id()))),
        Ok(record) => Ok((record, false)),
        Err(error) if error.kind == Kind::NotFound && is_new_text(&draft.title) => create(writer, workspace, draft),
        Err(error) => Err(error),
    }
}

fn create(writer: &mut Writer, workspace: &Workspace, draft: &Draft) -> Result<(Record, bool)> {
    let draft = Draft { kind: kind::TASK.to_owned(), ..draft.clone() };
    let made = add::create(writer, &workspace.place, &draft, &add::Labels::new())?;
    Ok((add::reread(writer, made.uid)?, made.outcome != add::Outcome::Same))
}

/// A mistyped id must not become a task: only several words are a new one.
fn is_new_text(word: &str) -> bool {
    word.trim().contains(char::is_whitespace) && !id::looks_like_id(word.trim())
}

fn next(writer: &Writer) -> Result<Record> {
    let found = ready::candidates(writer, writer.now(), NEXT_TRIED_MAX)?;
    found.into_iter().next().ok_or_else(|| {
        Error::new(Kind::NotFound, "no task is ready")
            .hint("see what is held up: state list blocked; or begin: state start \"WHAT\"")
    })
}

fn claim(writer: &mut Writer, task: &Record) -> Result<Record> {
    let now = writer.now();
    let me = writer.session().ok_or_else(|| Error::new(Kind::Refused, "a claim needs a session"))?;
    if let Some(holder) = session::holder(writer, task, now)?.filter(|holder| holder.uid != me) {
        let seen = when::ago(session::last_seen(writer, &holder)?, now);
        return Err(Error::conflict(format!(
            "{} is held by {} ({}), last active {seen}",
            task.id(),
            holder.id(),
            holder.title()
        ))
        .hint("take another: state start --next"));
    }
    focus(writer, me, task.uid)?;
    let mine = field::claim(me);
    if task.status() == "active" && task.get(&mine).is_some() {
        return Ok(task.clone());
    }
    let mut set = Registers::from([(field::STATUS.to_owned(), json!("active")), (mine.clone(), json!(true))]);
    let dead = task.elements(field::CLAIM).map(|(session, _)| format!("{}{session}", field::CLAIM));
    set.extend(dead.filter(|name| *name != mine).map(|name| (name, Value::Null)));
    if task.get(field::DEFER).is_some() {
        set.insert(field::DEFER.to_owned(), Value::Null);
    }
    writer.put(task.uid, set)
}

fn focus(writer: &mut Writer, session: Uid, task: Uid) -> Result<()> {
    let focus = json!(task.to_string());
    if add::reread(writer, session)?.get(field::FOCUS) != Some(&focus) {
        writer.put(session, Registers::from([(field::FOCUS.to_owned(), focus)]))?;
    }
    Ok(())
}

/// Back to the first status of its kind; a checkpoint begins anew.
fn reopen(writer: &mut Writer, record: &Record) -> Result<Record> {
    let row = kind::find(record.kind())
        .ok_or_else(|| Error::conflict(format!("{} is a {} of a newer state", record.id(), record.kind())))?;
    let mut set = Registers::from([(field::STATUS.to_owned(), json!(row.statuses[0]))]);
    if row.name == kind::CHECKPOINT {
        set.extend(record.elements(field::STEP).map(|(step, _)| (format!("{}{step}", field::STEP), Value::Null)));
    } else if record.is_live() {
        return Err(Error::conflict(format!(
            "{} is a {} and {}: only tasks are started",
            record.id(),
            row.name,
            record.status()
        ))
        .hint(format!("state show {}", record.id())));
    }
    writer.put(record.uid, set)
}
