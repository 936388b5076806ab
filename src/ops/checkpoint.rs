//! `checkpoint`: which steps of a procedure are done in this worktree, so that what was interrupted goes on and nothing is redone.
//!
//! One record a name and worktree. A step's register holds when it was done and what the caller wants back.

use super::Workspace;
use crate::domain::event::{NESTING_MAX, is_too_deep};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::{Error, Kind, Result};
use crate::store::{Registers, View};
use serde::Serialize;
use serde_json::{Value, json};

/// What to mark or ask.
#[derive(Clone, Debug, Default)]
pub struct CheckpointInput {
    /// The procedure.
    pub name: String,
    /// The step that is done now, or that is asked about.
    pub step: Option<String>,
    /// All steps, in order.
    pub of: Vec<String>,
    /// What to keep with the step, or with the checkpoint if no step is given.
    pub data: Option<String>,
    /// Only ask: is the step, or everything, done?
    pub check: bool,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Whether it is done.
    pub done: bool,
    /// What was kept with it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

/// The report of `checkpoint`.
#[derive(Clone, Debug, Serialize)]
pub struct CheckpointReport {
    /// Its id.
    pub id: String,
    /// The procedure.
    pub name: String,
    /// The worktree that it is about.
    pub worktree: String,
    /// The steps in order; those done beyond the declared ones come last.
    pub steps: Vec<Step>,
    /// The first step that is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Whether every step is done.
    pub complete: bool,
    /// What was kept with the checkpoint.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

fn key(workspace: &Workspace, name: &str) -> String {
    format!("checkpoint/{}/{name}", workspace.place.worktree)
}

/// Marks a step, tells where a procedure stands, or checks it.
///
/// # Errors
/// `NotFound` for an unknown name, `CheckFailed` if `check` answers no, `Usage` for bad JSON or names.
pub fn checkpoint(workspace: &Workspace, input: &CheckpointInput) -> Result<CheckpointReport> {
    let name = name(&input.name)?;
    let step = input.step.as_deref().map(self::name).transpose()?;
    let marks = step.is_some() || !input.of.is_empty() || input.data.is_some();
    if input.check {
        return workspace.read(|view| check(view, workspace, &name, step.as_deref()));
    }
    if !marks {
        return workspace.read(|view| {
            let record = find(view, workspace, &name)?.ok_or_else(|| unknown(&name))?;
            Ok(report(&record))
        });
    }
    mark(workspace, input, &name, step.as_deref())
}

fn name(text: &str) -> Result<String> {
    let name = text::clean_line(text);
    if name.is_empty() || name.contains(',') {
        return Err(
            Error::usage(format!("'{name}' is not a name")).hint("state checkpoint NAME STEP --of install,build,test")
        );
    }
    Ok(name)
}

fn unknown(name: &str) -> Error {
    Error::new(Kind::NotFound, format!("no checkpoint '{name}' in this worktree"))
        .hint(format!("mark its first step: state checkpoint {name} STEP"))
}

fn find(view: &View, workspace: &Workspace, name: &str) -> Result<Option<Record>> {
    let found = view.first(&terms::key_term(&key(workspace, name)), 50)?;
    Ok(found.into_iter().find(|record| record.kind() == kind::CHECKPOINT && record.status() != "dropped"))
}

fn check(view: &View, workspace: &Workspace, name: &str, step: Option<&str>) -> Result<CheckpointReport> {
    let report = find(view, workspace, name)?.map(|record| report(&record));
    let done = report.as_ref().is_some_and(|report| match step {
        Some(step) => report.steps.iter().any(|held| held.name == step && held.done),
        None => report.complete,
    });
    match (report, done) {
        (Some(report), true) => Ok(report),
        _ => Err(Error::new(Kind::CheckFailed, format!("not done: {name} {}", step.unwrap_or("")).trim().to_owned())),
    }
}

fn mark(workspace: &Workspace, input: &CheckpointInput, name: &str, step: Option<&str>) -> Result<CheckpointReport> {
    workspace.write(|writer| {
        let held = find(writer, workspace, name)?;
        let mut set = changes(writer.now(), input, step)?;
        let steps = declared(held.as_ref(), &set);
        let done = |name: &String| {
            step == Some(name)
                || held.as_ref().is_some_and(|held| held.get(&format!("{}{name}", field::STEP)).is_some())
        };
        let status = if !steps.is_empty() && steps.iter().all(done) { "done" } else { "open" };
        set.insert(field::STATUS.to_owned(), json!(status));
        let record = if let Some(held) = held {
            writer.put(held.uid, set)?
        } else {
            set.extend(birth(workspace, name));
            writer.create(kind::CHECKPOINT, set)?
        };
        writer.because(format!("checkpoint {} {name} {}", record.id(), step.unwrap_or("")).trim().to_owned());
        Ok(report(&record))
    })
}

fn birth(workspace: &Workspace, name: &str) -> Registers {
    let mut set = Registers::from([
        (field::TITLE.to_owned(), json!(name)),
        (field::KEY.to_owned(), json!(key(workspace, name))),
        (field::WORKTREE.to_owned(), json!(workspace.place.worktree)),
    ]);
    set.extend(workspace.place.branch.iter().map(|branch| (field::BRANCH.to_owned(), json!(branch))));
    set
}

fn changes(now: chrono::DateTime<chrono::Utc>, input: &CheckpointInput, step: Option<&str>) -> Result<Registers> {
    let mut set = Registers::new();
    let data = match &input.data {
        Some(text) => serde_json::from_str(text).map_err(|e| {
            Error::usage("--data is not JSON").because(e).hint(r#"as --data '{"port": 8080}' or --data '"text"'"#)
        })?,
        None => Value::Null,
    };
    if is_too_deep(&data) {
        return Err(Error::usage(format!("--data is nested more than {NESTING_MAX} levels deep"))
            .hint("keep it in a file and give the path as --data"));
    }
    if !input.of.is_empty() {
        let steps = input.of.iter().map(|step| name(step)).collect::<Result<Vec<_>>>()?;
        set.insert(field::STEPS.to_owned(), json!(steps));
    }
    match step {
        Some(step) => {
            set.insert(format!("{}{step}", field::STEP), json!({"at": now.timestamp_millis(), "data": data}));
        }
        None if input.data.is_some() => {
            set.insert(field::DATA.to_owned(), data);
        }
        None => {}
    }
    Ok(set)
}

fn declared(held: Option<&Record>, set: &Registers) -> Vec<String> {
    let value = set.get(field::STEPS).or_else(|| held.and_then(|held| held.get(field::STEPS)));
    let names = value.and_then(Value::as_array).into_iter().flatten();
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Where a checkpoint stands.
#[must_use]
pub fn report(record: &Record) -> CheckpointReport {
    let mut names = declared(Some(record), &Registers::new());
    let mut extra: Vec<(i64, String)> = record
        .elements(field::STEP)
        .filter(|(step, _)| !names.iter().any(|name| name == step))
        .map(|(step, value)| (value.get("at").and_then(Value::as_i64).unwrap_or(0), step.to_owned()))
        .collect();
    extra.sort();
    names.extend(extra.into_iter().map(|(_, step)| step));
    let steps: Vec<Step> = names.into_iter().map(|name| step(record, name)).collect();
    let next = steps.iter().find(|step| !step.done).map(|step| step.name.clone());
    CheckpointReport {
        id: record.id().to_owned(),
        name: record.title().to_owned(),
        worktree: record.text(field::WORKTREE).unwrap_or("").to_owned(),
        complete: record.status() == "done",
        steps,
        next,
        data: record.get(field::DATA).cloned().unwrap_or(Value::Null),
    }
}

fn step(record: &Record, name: String) -> Step {
    let held = record.get(&format!("{}{name}", field::STEP));
    let data = held.and_then(|held| held.get("data")).cloned().unwrap_or(Value::Null);
    Step { done: held.is_some(), name, data }
}
