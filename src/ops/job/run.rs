//! `run`: the record and the job's directory in one transaction, then its supervisor.
//!
//! The lock of the directory is taken before the record is committed and handed on to the supervisor, so that nobody ever
//! sees a job that nobody looks after. If the supervisor cannot be started the job is armed by whoever comes by.

use super::checks::{check_every, check_places, check_values, check_variable};
use super::needs::needed_all;
use super::report::JobReport;
use super::speculative::{self, Begun, Trial};
use super::{Again, asked, dir, settle, usual};
use crate::domain::estimate::Estimate;
use crate::domain::job::measure::millis;
use crate::domain::job::{BELL, Spec, Tell};
use crate::domain::record::Record;
use crate::domain::{field, kind, secret, text};
use crate::error::{Error, Result};
use crate::ops::report::Line;
use crate::ops::{Workspace, link, resolve, rule};
use crate::process::job::{Armed, Starting, Supervisor, prepare, terminal};
use crate::store::{Registers, View, Writer};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// So much of the command is kept in the ledger; the job's directory has it whole.
const COMMAND_COLUMNS: usize = 2000;
const TITLE_COLUMNS: usize = 200;

/// What to run, and how. Rules keep it, without the values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunInput {
    /// All but `id`, `cwd` and `created_at`. Paths may be relative to `cwd`.
    pub spec: Spec,
    /// Where; the current directory if absent.
    pub cwd: Option<PathBuf>,
    /// The jobs that it waits for: `ID`, `ID:fail`, `ID:any`; keys and prefixes too.
    pub after: Vec<String>,
    /// Values of environment variables, which are never stored.
    #[serde(skip)]
    pub values: Vec<(String, OsString)>,
    /// A key: the job that has it, and runs or ended well, is the answer.
    pub once: Option<String>,
    /// The task that it is for.
    pub task: Option<String>,
    /// Whether it is speculative, and how.
    #[serde(skip)]
    pub trial: Trial,
    /// The job that it does again; `spec` and the others are that one's then, but for what was asked for.
    #[serde(skip)]
    pub again: Option<Again>,
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
    /// Of work elsewhere: the command that says how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_back: Option<String>,
}

/// Starts a job.
///
/// # Errors
/// `Usage` for what cannot be run so, `NotFound` for an unknown job or task, `Conflict` if what it waits for can never
/// come; then nothing was made.
pub fn run(workspace: &Workspace, input: RunInput) -> Result<RunReport> {
    let mut plan = Plan::of(workspace, input)?;
    plan.begin(workspace)?;
    let made = workspace.write(|writer| {
        let trail = rule::inherited(writer, workspace)?;
        plan.make(writer, workspace, &trail)
    });
    let (job, same) = match made {
        Ok(made) => made,
        Err(error) => {
            plan.abandon();
            return Err(error);
        }
    };
    let report_back = plan.spec.external.is_some().then(|| report_back(workspace, job.id()));
    let starting = plan.start(workspace, job.id())?;
    // Read while it takes over.
    let report = workspace.read(|view| {
        // With its links.
        let job = view.record(job.uid)?.unwrap_or(job);
        let meanwhile = asked::meanwhile(view, workspace, &job)?;
        Ok(RunReport { job: JobReport::of(view, workspace, &job, 0)?, same, meanwhile, report_back })
    });
    starting.map(Starting::taken_over).transpose()?;
    report
}

/// A line for the end of a script on this machine; elsewhere it goes through ssh.
fn report_back(workspace: &Workspace, id: &str) -> String {
    let program = workspace.program.as_ref().map_or_else(|| "state".into(), |program| program.to_string_lossy());
    let store = workspace.store.absolute_dir();
    format!("{} --store {} done {id} --exit $?", quote(&program), quote(&store.to_string_lossy()))
}

/// A run that is thought through. It becomes a job in a transaction ([`Plan::make`]) and is launched after that.
pub(in crate::ops) struct Plan {
    spec: Spec,
    values: Vec<(String, OsString)>,
    asked: Asked,
    trial: Trial,
    begun: Begun,
    armed: Option<Armed>,
}

impl Plan {
    /// All paths absolute, as seen from the workspace's place.
    ///
    /// # Errors
    /// As [`Spec::check`].
    pub(in crate::ops) fn of(workspace: &Workspace, input: RunInput) -> Result<Self> {
        let RunInput { mut spec, cwd, after, values, once, task, trial, again } = input;
        values.iter().try_for_each(|(name, value)| check_variable(name, value))?;
        check_values(&spec, &values, again.as_ref())?;
        check_every(&spec)?;
        let here = &workspace.place.cwd;
        let cwd = cwd.map_or_else(|| here.clone(), |cwd| here.join(cwd));
        for path in
            spec.stdin.iter_mut().chain(spec.external.iter_mut().filter_map(|external| external.marker.as_mut()))
        {
            *path = cwd.join(&*path);
        }
        spec.cwd = cwd;
        spec.label = spec.label.filter(|label| !label.trim().is_empty());
        if spec.notify.as_deref() == Some(BELL) {
            spec.terminal = Some(terminal().ok_or_else(|| {
                Error::usage("there is no terminal whose bell could be rung")
                    .hint("--notify 'COMMAND' runs a command instead")
            })?);
        }
        spec.env = values.iter().map(|(name, _)| name.clone()).collect();
        spec.created_at = workspace.now();
        spec.check()?;
        let asked = Asked { after, once, task, again };
        Ok(Self { spec, values, asked, trial, begun: Begun::default(), armed: None })
    }

    /// Checks what it needs at once, and makes what speculative work needs: the hash and the copy take their time, so the
    /// store is not held meanwhile.
    ///
    /// # Errors
    /// As [`run`]; then nothing is left.
    fn begin(&mut self, workspace: &Workspace) -> Result<()> {
        let is_new = || workspace.read(|view| Ok(self.asked.held(view)?.is_none()));
        // What it waits for may make them.
        if self.asked.after.is_empty()
            && let Err(absent) = check_places(&self.spec)
            && is_new()?
        {
            return Err(absent);
        }
        if self.trial != Trial::default() && is_new()? {
            self.begun = speculative::begin(workspace, &mut self.spec, self.trial)?;
        }
        Ok(())
    }

    /// Makes the record and the directory, because of `trail`; or finds the job that has the key, and says so.
    ///
    /// # Errors
    /// As [`run`]; then it is to be abandoned.
    pub(in crate::ops) fn make(
        &mut self,
        writer: &mut Writer,
        workspace: &Workspace,
        trail: &[String],
    ) -> Result<(Record, bool)> {
        if let Some(held) = self.asked.held(writer)? {
            return Ok((held, true));
        }
        if self.trial.speculative && self.spec.speculative.is_none() {
            return Err(Error::conflict("what has that key ended meanwhile").hint("run the same command again"));
        }
        let mut because = Registers::new();
        if !trail.is_empty() {
            because.insert(field::TRAIL.to_owned(), json!(trail));
        }
        if workspace.rules.off {
            because.insert(field::RULES.to_owned(), json!(false));
        }
        let job = self.asked.make(writer, workspace, (&mut self.spec, because))?;
        self.armed = Some(prepare(&dir(workspace, job.id()), &self.spec)?);
        Ok((job, false))
    }

    /// Takes back what was made outside of the transaction that came to nothing.
    pub(in crate::ops) fn abandon(self) {
        self.armed.into_iter().for_each(Armed::abandon);
        self.begun.abandon();
    }

    /// Starts the supervisor, if a job was made; it takes over in a moment.
    ///
    /// # Errors
    /// As [`Armed::start`].
    fn start(self, workspace: &Workspace, id: &str) -> Result<Option<Starting>> {
        let Some(armed) = self.armed else {
            // The job was there already.
            self.begun.abandon();
            return Ok(None);
        };
        let Some(program) = &workspace.program else { return Ok(None) };
        armed.start(&Supervisor { program, args: &settle::arguments(workspace, id) }, &self.values).map(Some)
    }

    /// Starts the supervisor, if a job was made. A job without one is armed by whoever comes by.
    ///
    /// # Errors
    /// As [`Armed::launch`].
    pub(in crate::ops) fn launch(self, workspace: &Workspace, id: &str) -> Result<()> {
        self.start(workspace, id)?.map(Starting::taken_over).transpose().map(drop)
    }

    /// What it is called.
    pub(in crate::ops) fn name(&self) -> Name {
        Name::of(&self.spec)
    }
}

/// What a job or a rule is called in the ledger. Masked before anything is cut off, which would leave a part of a secret
/// that nobody knows for one.
pub(in crate::ops) struct Name {
    label: Option<String>,
    /// The command as one would type it, whole.
    command: String,
}

impl Name {
    fn of(spec: &Spec) -> Self {
        let label = spec.label.as_ref().map(|label| text::clean_line(&secret::mask(label)));
        Self { label, command: secret::mask(&command_line(spec)).into_owned() }
    }

    /// The registers of a record of that name, made here; its title begins with `prefix`.
    pub(in crate::ops) fn registers(&self, workspace: &Workspace, prefix: &str) -> Registers {
        let name =
            self.label.as_ref().map_or_else(|| self.command.clone(), |label| format!("{label}: {}", self.command));
        let title = text::clean_line(&format!("{prefix}{name}"));
        let place = &workspace.place;
        let mut set = Registers::from([
            (field::TITLE.to_owned(), json!(text::truncate_width(&title, TITLE_COLUMNS))),
            (field::COMMAND.to_owned(), json!(text::truncate_width(&self.command, COMMAND_COLUMNS))),
            (field::WORKTREE.to_owned(), json!(place.worktree)),
        ]);
        set.extend(place.branch.iter().map(|branch| (field::BRANCH.to_owned(), json!(branch))));
        set.extend(self.label.iter().map(|label| (field::LABEL.to_owned(), json!(label))));
        set
    }
}

/// The job with a key, if it need not run again.
fn held(view: &View, key: &str) -> Result<Option<Record>> {
    let found = view.first(&crate::domain::terms::key_term(key), 20)?;
    Ok(found.into_iter().find(|job| job.kind() == kind::JOB && (job.is_live() || job.status() == "ok")))
}

struct Asked {
    after: Vec<String>,
    once: Option<String>,
    task: Option<String>,
    again: Option<Again>,
}

impl Asked {
    /// The job of the key, if it need not run again.
    fn held(&self, view: &View) -> Result<Option<Record>> {
        Ok(self.once.as_deref().map(|key| held(view, key)).transpose()?.flatten())
    }

    fn key(&self) -> Option<&String> {
        self.once.as_ref().or_else(|| self.again.as_ref()?.key.as_ref())
    }

    fn make(
        &self,
        writer: &mut Writer,
        workspace: &Workspace,
        (spec, because): (&mut Spec, Registers),
    ) -> Result<Record> {
        spec.after = needed_all(writer, workspace, &self.after)?;
        let name = Name::of(spec);
        let tag = usual::tag(name.label.as_deref(), &name.command);
        let usual = match spec.expect_ms {
            Some(ms) => Some(Estimate::expected(Duration::from_millis(ms))),
            None => usual::usual(writer, &tag)?,
        };
        spec.late_ms = usual.and_then(|usual| usual.late_after()).map(millis);
        spec.silent_ms = usual.and_then(|usual| usual.silent_after()).map(millis);
        let mut set = name.registers(workspace, "");
        set.insert(field::tag(&tag), json!(true));
        set.extend(self.key().map(|key| (field::KEY.to_owned(), json!(key))));
        set.extend(self.again.iter().map(|again| (field::AGAIN.to_owned(), json!(again.id))));
        set.extend(Begun::registers(spec));
        if !spec.after.is_empty() {
            let after: Vec<String> = spec.after.iter().map(ToString::to_string).collect();
            set.insert(field::AFTER.to_owned(), json!(after));
        }
        set.extend(spec.expect_ms.map(|ms| (field::EXPECT.to_owned(), json!(ms))));
        if spec.tell != Tell::default() {
            set.insert(field::TELL.to_owned(), json!(spec.tell.name()));
        }
        set.extend(because);
        if spec.external.is_some() {
            set.insert(field::EXTERNAL.to_owned(), json!(true));
        }
        let job = writer.create(kind::JOB, set)?;
        job.id().clone_into(&mut spec.id);
        spec.uid = Some(job.uid);
        if let Some(task) = &self.task {
            let task = resolve::record(writer, task)?;
            link::connect(writer, job.uid, field::link::RESULT_OF, task.uid)?;
        }
        writer.because(format!("run {}: {}", job.id(), job.title()));
        Ok(job)
    }
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
