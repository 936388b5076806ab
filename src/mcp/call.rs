//! One call: who calls, from where, with which store. It opens the store late and keeps nothing.

use super::print;
use crate::domain::text;
use crate::error::{Error, Kind, Result};
use crate::ops::job::JOB_VARIABLE;
use crate::ops::search;
use crate::ops::workspace::{Callers, Environment, Explicit, Known, Rules, Surroundings, Workspace};
use chrono::{DateTime, Utc};
use std::cell::RefCell;
use std::path::PathBuf;

/// What calls have in common: the process that answers them.
pub(super) struct Process {
    pub(super) callers: Callers,
    store: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    cwd: PathBuf,
    program: PathBuf,
    clock: fn() -> DateTime<Utc>,
    seed: [u8; 16],
    /// The job that the server is a part of.
    job: Option<String>,
}

impl Process {
    pub(super) fn new(surroundings: &Surroundings, store: Option<PathBuf>, explicit: &Explicit) -> Self {
        Self {
            callers: Callers::find(explicit, &*surroundings.env),
            store,
            state_dir: surroundings.state_dir.clone(),
            cwd: surroundings.cwd.clone(),
            program: surroundings.program.clone(),
            clock: surroundings.clock,
            seed: surroundings.seed,
            job: (surroundings.env)(JOB_VARIABLE),
        }
    }
}

/// One call in progress.
pub(super) struct Call<'a> {
    process: &'a Process,
    known: Known,
    /// The tool, or what else was asked for.
    name: &'a str,
    /// The workspace whose index is seen to afterwards, and whether it is known to be behind.
    used: RefCell<Option<(Workspace, bool)>>,
    /// What rules have started because of this call.
    rules: Rules,
}

impl<'a> Call<'a> {
    pub(super) fn new(process: &'a Process, known: Known, name: &'a str) -> Self {
        Self { process, known, name, used: RefCell::new(None), rules: Rules::within(process.job.clone()) }
    }

    fn environment(&self) -> Environment {
        Environment {
            store: self.process.store.clone(),
            state_dir: self.process.state_dir.clone(),
            cwd: self.process.cwd.clone(),
            identity: self.known.identity.clone(),
            clock: self.process.clock,
            seed: self.process.seed,
            command: format!("state mcp: {}", self.name),
            program: Some(self.process.program.clone()),
        }
    }

    /// The workspace of this place as it is now.
    pub(super) fn workspace(&self) -> Result<Workspace> {
        let workspace = Workspace::open(self.environment()).map_err(|error| match error.kind {
            Kind::NoStore => error.hint("`state init` in a shell makes one, and so does update {\"do\":\"init\"}"),
            _ => error,
        });
        let mut workspace = workspace?.acting_as(&self.known);
        workspace.program = Some(self.process.program.clone());
        workspace.rules = self.rules.clone();
        Ok(workspace)
    }

    /// The same for a change: afterwards the index is brought up to date if it is far behind.
    pub(super) fn writing(&self) -> Result<Workspace> {
        let workspace = self.workspace()?;
        self.used.replace(Some((workspace.clone(), false)));
        Ok(workspace)
    }

    /// Afterwards the index is brought up to date if it is found to be far behind.
    pub(super) fn keep_up_if(&self, workspace: &Workspace, is_behind: bool) {
        self.used.replace(is_behind.then(|| (workspace.clone(), true)));
    }

    /// The workspace in which a store is made.
    pub(super) fn new_workspace(&self) -> Workspace {
        Workspace::place(self.environment())
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.process.clock)()
    }

    /// What was masked of what this call has written.
    pub(super) fn masked(&self) -> Option<String> {
        self.used.borrow().as_ref().and_then(|(workspace, _)| workspace.store.masking.line())
    }

    /// What rules have started or held back because of this call, a line each.
    pub(super) fn fired(&self) -> String {
        self.rules.take_told().iter().fold(String::new(), |text, told| text + &told.to_string() + "\n")
    }

    /// Sees to the index beside the next calls: nobody waits for it.
    pub(super) fn finish(self) {
        if let Some((workspace, is_behind)) = self.used.into_inner() {
            let program = self.process.program.clone();
            tokio::task::spawn_blocking(move || search::keep_up(&workspace, &program, is_behind));
        }
    }
}

/// What went wrong and what to do about it, as text for a model.
pub(super) fn told(error: &Error) -> String {
    let hint = error.hint.as_ref().map(|hint| format!("\nhint: {}", print::for_tools(hint))).unwrap_or_default();
    text::display(&format!("{error}{hint}")).into_owned()
}
