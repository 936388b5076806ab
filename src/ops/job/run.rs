//! `run`: the record and the job's directory in one transaction, then its supervisor.
//!
//! The lock of the directory is taken before the record is committed and handed on to the supervisor, so that nobody ever
//! sees a job that nobody looks after. If the supervisor cannot be started the job is armed by whoever comes by.

use super::report::JobReport;
use super::{dir, settle, usual};
use crate::domain::job::{After, Spec, Verdict};
use crate::domain::record::Record;
use crate::domain::{field, kind, text};
use crate::error::{Error, Result};
use crate::ops::report::Line;
use crate::ops::{Workspace, link, ready, resolve};
use crate::process::job::{Armed, Starting, Supervisor, prepare};
use crate::store::{Registers, View, Writer};
use serde::Serialize;
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;

/// What to run, and how.
#[derive(Clone, Debug, Default)]
pub struct RunInput {
    /// All but `id`, `cwd` and `created_at`. Paths may be relative to `cwd`.
    pub spec: Spec,
    /// Where; the current directory if absent.
    pub cwd: Option<PathBuf>,
    /// The jobs that it waits for: `ID`, `ID:fail`, `ID:any`; keys and prefixes too.
    pub after: Vec<String>,
    /// Values of environment variables, which are never stored.
    pub values: Vec<(String, OsString)>,
    /// A key: the job that has it, and runs or ended well, is the answer.
    pub once: Option<String>,
    /// The task that it is for.
    pub task: Option<String>,
}

/// The report of `run`.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The job.
    pub job: JobReport,
    /// Whether it was there already, by its key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub same: bool,
    /// The best task to go on with meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meanwhile: Option<Line>,
}

/// Starts a job.
///
/// # Errors
/// `Usage` for what cannot be run so, `NotFound` for an unknown job or task, `Conflict` if what it waits for can never
/// come; then nothing was made.
pub fn run(workspace: &Workspace, input: RunInput) -> Result<RunReport> {
    let RunInput { mut spec, cwd, after, values, once, task } = input;
    let here = &workspace.place.cwd;
    let cwd = cwd.map_or_else(|| here.clone(), |cwd| here.join(cwd));
    for path in spec.stdin.iter_mut().chain(spec.external.iter_mut().filter_map(|external| external.marker.as_mut())) {
        *path = cwd.join(&*path);
    }
    spec.cwd = cwd;
    spec.env = values.iter().map(|(name, _)| name.clone()).collect();
    spec.created_at = workspace.now();
    spec.check()?;
    let asked = Asked { after, once, task };
    let mut armed = None;
    let made = workspace.write(|writer| {
        if let Some(held) = asked.once.as_deref().map(|key| held(writer, key)).transpose()?.flatten() {
            return Ok((held, true));
        }
        let job = asked.make(writer, workspace, &mut spec)?;
        armed = Some(prepare(&dir(workspace, job.id()), &spec)?);
        Ok((job, false))
    });
    let (job, same) = match made {
        Ok(made) => made,
        Err(error) => {
            armed.into_iter().for_each(Armed::abandon);
            return Err(error);
        }
    };
    let start = |(armed, program): (Armed, &PathBuf)| {
        armed.start(&Supervisor { program, args: &settle::arguments(workspace, job.id()) }, &values)
    };
    let starting = armed.zip(workspace.program.as_ref()).map(start).transpose()?;
    // Read while it takes over.
    let report = workspace.read(|view| {
        let meanwhile = meanwhile(view, workspace, &asked)?;
        Ok(RunReport { job: JobReport::of(view, workspace, &job, 0)?, same, meanwhile })
    });
    starting.map(Starting::taken_over).transpose()?;
    report
}

/// The job with a key, if it need not run again.
fn held(view: &View, key: &str) -> Result<Option<Record>> {
    let found = view.first(&crate::domain::terms::key_term(key), 20)?;
    Ok(found.into_iter().find(|job| job.kind() == kind::JOB && (job.is_live() || job.status() == "ok")))
}

fn meanwhile(view: &View, workspace: &Workspace, asked: &Asked) -> Result<Option<Line>> {
    let best = ready::best(view, workspace.now(), 2)?;
    let other = best.into_iter().find(|line| Some(&line.record.id) != asked.task.as_ref());
    Ok(other.map(|line| line.record))
}

struct Asked {
    after: Vec<String>,
    once: Option<String>,
    task: Option<String>,
}

impl Asked {
    fn make(&self, writer: &mut Writer, workspace: &Workspace, spec: &mut Spec) -> Result<Record> {
        spec.after = self.after.iter().map(|word| needed(writer, workspace, word)).collect::<Result<_>>()?;
        let command = command_line(spec);
        let title = spec.label.as_ref().map_or_else(|| command.clone(), |label| format!("{label}: {command}"));
        let mut set = Registers::from([
            (field::TITLE.to_owned(), json!(text::truncate_width(&text::clean_line(&title), 200))),
            (field::COMMAND.to_owned(), json!(command)),
            (field::WORKTREE.to_owned(), json!(workspace.place.worktree)),
            (field::tag(&usual::tag(spec.label.as_deref(), &command)), json!(true)),
        ]);
        set.extend(workspace.place.branch.iter().map(|branch| (field::BRANCH.to_owned(), json!(branch))));
        set.extend(spec.label.iter().map(|label| (field::LABEL.to_owned(), json!(text::clean_line(label)))));
        set.extend(self.once.iter().map(|key| (field::KEY.to_owned(), json!(key))));
        if !spec.after.is_empty() {
            let after: Vec<String> = spec.after.iter().map(ToString::to_string).collect();
            set.insert(field::AFTER.to_owned(), json!(after));
        }
        if spec.external.is_some() {
            set.insert(field::EXTERNAL.to_owned(), json!(true));
        }
        let job = writer.create(kind::JOB, set)?;
        job.id().clone_into(&mut spec.id);
        if let Some(task) = &self.task {
            let task = resolve::record(writer, task)?;
            link::connect(writer, job.uid, field::link::RESULT_OF, task.uid)?;
        }
        writer.because(format!("run {}: {}", job.id(), job.title()));
        Ok(job)
    }
}

/// A job that is waited for; one whose end can never come is refused now rather than skipped later.
fn needed(view: &View, workspace: &Workspace, word: &str) -> Result<After> {
    let (name, want) = match word.rsplit_once(':') {
        Some((name, want)) if ["ok", "fail", "any"].contains(&want) => (name, want),
        _ => (word, "ok"),
    };
    let job = super::find(view, name)?;
    let after = After::parse(&format!("{}:{want}", job.id()))?;
    let exit = dir(workspace, job.id()).exit()?;
    if exit.as_ref().is_some_and(|exit| after.verdict(exit) == Verdict::Never) {
        return Err(Error::conflict(format!(
            "{} ended {}, so what waits for its {want} could never start",
            job.id(),
            job.status()
        ))
        .hint(format!("state run --again {}, or --after {}:any", job.id(), job.id())));
    }
    Ok(after)
}

/// The command as one would type it.
fn command_line(spec: &Spec) -> String {
    if let Some(external) = &spec.external {
        return external.poll.as_ref().map_or_else(|| "(elsewhere)".to_owned(), |poll| poll.command.clone());
    }
    spec.command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
