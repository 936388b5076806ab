//! What the verbs share: the workspace, the collected answer, and how errors are said.

use super::paint::Paint;
use super::{Doors, write_all};
use crate::domain::secret;
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::ops::job::JOB_VARIABLE;
use crate::ops::workspace::{Environment, Explicit, Known, Masking, Rules, Surroundings};
use chrono::{DateTime, Utc};
use clap::error::{ContextKind, ContextValue};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// One command in progress.
pub(super) struct Door {
    pub(super) process: Surroundings,
    /// The other doors.
    pub(super) doors: Doors,
    pub(super) paint: Paint,
    /// Who acts, as the command line says.
    pub(super) explicit: Explicit,
    known: Known,
    store: Option<PathBuf>,
    json: bool,
    /// What is masked of what this command writes.
    pub(super) masking: Masking,
    /// Whether this command starts what rules wait for, and what it has started.
    pub(super) rules: Rules,
    answer: String,
    /// Why the exit code is not 0 although there is an answer.
    failure: Option<Error>,
    /// The workspace whose index is seen to afterwards, and whether it is known to be behind.
    used: Option<(Workspace, bool)>,
}

impl Door {
    pub(super) fn new(
        process: Surroundings,
        doors: Doors,
        (explicit, known): (Explicit, Known),
        store: Option<PathBuf>,
        json: bool,
    ) -> Self {
        let plain = (process.env)("NO_COLOR").is_some_and(|value| !value.is_empty());
        let rules = Rules::within((process.env)(JOB_VARIABLE));
        let paint = Paint { on: process.terminals.0 && !plain && !json };
        Self {
            process,
            doors,
            paint,
            explicit,
            known,
            store,
            json,
            masking: Masking::default(),
            rules,
            answer: String::new(),
            failure: None,
            used: None,
        }
    }

    fn environment(&self, store: Option<PathBuf>) -> Environment {
        let verb =
            self.process.args.iter().skip(1).map(|word| word.to_string_lossy()).find(|word| !word.starts_with('-'));
        Environment {
            store,
            state_dir: self.process.state_dir.clone(),
            cwd: self.process.cwd.clone(),
            identity: self.known.identity.clone(),
            clock: self.process.clock,
            seed: self.process.seed,
            command: format!("state {}", verb.unwrap_or_default()),
            program: Some(self.process.program.clone()),
        }
    }

    /// The workspace of this place.
    pub(super) fn workspace(&self) -> Result<Workspace> {
        let mut workspace = Workspace::open(self.environment(self.store.clone()))?.acting_as(&self.known);
        workspace.store.masking = self.masking.clone();
        workspace.rules = self.rules.clone();
        Ok(workspace)
    }

    /// The workspace of this place for a verb that writes: afterwards the index is brought up to date if it is far behind.
    pub(super) fn writing(&mut self) -> Result<Workspace> {
        let workspace = self.workspace()?;
        self.used = Some((workspace.clone(), false));
        Ok(workspace)
    }

    /// Afterwards the index is brought up to date if it is found to be far behind.
    pub(super) fn keep_up_if(&mut self, workspace: &Workspace, is_behind: bool) {
        self.used = is_behind.then(|| (workspace.clone(), true));
    }

    /// The workspace in which `init` creates a store, here or in `store`.
    pub(super) fn new_workspace(&self, store: Option<PathBuf>) -> Workspace {
        Workspace::place(self.environment(store.or_else(|| self.store.clone())))
    }

    /// The store that was named on the command line.
    pub(super) fn store(&self) -> Option<PathBuf> {
        self.store.clone()
    }

    /// The wall clock.
    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.process.clock)()
    }

    /// Puts a report into the answer: as JSON, or as the text that `human` makes of it.
    pub(super) fn report<R: Serialize>(
        &mut self,
        report: &R,
        human: impl FnOnce(&mut String, Paint, &R),
    ) -> Result<()> {
        if self.json {
            let json = serde_json::to_string(report)
                .map_err(|e| Error::usage("the report cannot be shown as JSON").because(e))?;
            let _ = writeln!(self.answer, "{}", self.with_masked(json));
        } else {
            human(&mut self.answer, self.paint, report);
        }
        Ok(())
    }

    /// The report with the kinds of secret that were masked, if there are any.
    fn with_masked(&self, mut json: String) -> String {
        let kinds: Vec<&str> = self.masking.told().into_iter().map(|(kind, _)| kind).collect();
        if !kinds.is_empty() && json.len() > 2 && json.ends_with('}') {
            json.pop();
            let _ = write!(json, ",\"masked\":{}}}", serde_json::json!(kinds));
        }
        let fired = self.rules.take_told();
        if !fired.is_empty() && json.len() > 2 && json.ends_with('}') {
            json.pop();
            let _ = write!(json, ",\"fired\":{}}}", serde_json::json!(fired));
        }
        json
    }

    /// Says on stderr what rules have started, if the answer did not.
    pub(super) fn tell_rules(&self) {
        for told in self.rules.take_told() {
            let line = if self.json {
                serde_json::json!({"fired": [told]}).to_string()
            } else {
                crate::domain::text::display(&told.to_string()).into_owned()
            };
            let _ = write_all(std::io::stderr().lock(), &(line + "\n"));
        }
    }

    /// One line of what was masked, for people.
    fn tell_masked(&self) -> Option<String> {
        let line = self.masking.line().filter(|_| !self.json)?;
        let told = self.masking.told();
        let it = if told.iter().map(|(_, count)| count).sum::<usize>() == 1 { "it" } else { "them" };
        let is_secret = told.iter().any(|(kind, _)| *kind != secret::PRIVATE_KIND);
        let keeps = if is_secret { format!("; --allow-secret keeps {it}") } else { String::new() };
        Some(format!("{line}{keeps}\n"))
    }

    /// The answer is printed, and then this.
    pub(super) fn also_fails(&mut self, error: Error) {
        self.failure = Some(error);
    }

    /// Puts text into the answer.
    pub(super) fn say(&mut self, text: &str) {
        self.answer.push_str(text);
    }

    /// Whether the answer is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// From now on verbs work on this store.
    pub(super) fn use_store(&mut self, store: PathBuf) {
        self.store = Some(store);
    }

    /// Whether progress may be shown on stderr.
    pub(super) fn shows_progress(&self) -> bool {
        self.process.terminals.1 && !self.json
    }

    /// Prints the answer, then sees to the index.
    pub(super) fn finish(&mut self) -> Result<()> {
        write_all(std::io::stdout().lock(), &self.answer)?;
        if let Some(line) = self.tell_masked() {
            let _ = write_all(std::io::stderr().lock(), &line);
        }
        if let Some((workspace, is_behind)) = &self.used {
            crate::ops::search::keep_up(workspace, &self.process.program, *is_behind);
        }
        self.failure.take().map_or(Ok(()), Err)
    }
}

/// Verbs that take away what nothing brings back: a mistyped word is not led to them.
const DESTRUCTIVE: [&str; 2] = ["erase", "prune"];

fn spare_destructive(error: &mut clap::Error) {
    let suggested: Vec<String> = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(verbs)) => verbs.clone(),
        Some(ContextValue::String(verb)) => vec![verb.clone()],
        _ => return,
    };
    if suggested.iter().any(|verb| DESTRUCTIVE.contains(&verb.as_str())) {
        error.remove(ContextKind::SuggestedSubcommand);
        let left: Vec<String> = suggested.into_iter().filter(|verb| !DESTRUCTIVE.contains(&verb.as_str())).collect();
        if !left.is_empty() {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(left));
        }
    }
}

/// Says what clap found wrong, or the help that was asked for.
pub(super) fn print_usage(mut error: clap::Error, json: bool) -> u8 {
    spare_destructive(&mut error);
    let text = crate::domain::text::display(&error.render().to_string()).into_owned();
    if error.use_stderr() {
        if json {
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            return print_error(&Error::usage(message).hint("state --help, state VERB --help"), json);
        }
        let _ = write_all(std::io::stderr().lock(), &text);
        return Kind::Usage.exit_code();
    }
    let _ = write_all(std::io::stdout().lock(), &text);
    0
}

/// Says what went wrong, on stderr, and returns the exit code.
pub(super) fn print_error(error: &Error, json: bool) -> u8 {
    let text = if json {
        let body =
            serde_json::json!({"error": {"kind": error.kind.name(), "message": error.to_string(), "hint": error.hint}});
        format!("{body}\n")
    } else {
        let hint = error
            .hint
            .as_ref()
            .map(|hint| format!("  hint: {}\n", crate::domain::text::display(hint)))
            .unwrap_or_default();
        let message = crate::domain::text::display(&error.to_string()).into_owned();
        if error.kind == Kind::CheckFailed { format!("{message}\n{hint}") } else { format!("state: {message}\n{hint}") }
    };
    let _ = write_all(std::io::stderr().lock(), &text);
    error.kind.exit_code()
}
