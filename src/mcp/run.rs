//! `run` and `wait`, as a tool: a shell command in the background, and waiting for jobs.

use super::call::Call;
use super::tools::{Harm, Verb};
use super::{cut, job, schema};
use crate::domain::job::Spec;
use crate::domain::job::measure::{millis, parse_span};
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::job::{self as jobs, RunInput, RunReport, WaitInput};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write as _;
use std::time::Duration;

/// Hosts give up on a call that takes a minute.
const WAIT_SECONDS: u64 = 50;
const WAIT_SECONDS_MAX: u64 = 600;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Run {
    command: Option<String>,
    label: Option<String>,
    #[serde(deserialize_with = "schema::words")]
    #[schemars(skip)]
    after: Vec<String>,
    #[schemars(skip)]
    timeout: Option<String>,
    #[schemars(skip)]
    r#for: Option<String>,
    #[schemars(skip)]
    retry: Option<u32>,
    #[schemars(skip)]
    cwd: Option<String>,
    #[schemars(skip)]
    once: Option<String>,
    /// Instead: jobs, 50 s at most
    #[serde(deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    wait: Vec<String>,
    #[schemars(skip)]
    seconds: Option<u64>,
}

impl Verb for Run {
    const NAME: &'static str = "run";
    const ABOUT: &'static str =
        "Run a shell command in the background, outliving the session; its end is told once. Or wait for jobs.";
    const HARM: Harm = Harm::Any;
    const WAITS: bool = true;

    fn run(self, call: &Call) -> Result<String> {
        let text = match (&self.command, self.wait.is_empty()) {
            (Some(_), true) => self.start(call)?,
            (None, false) => self.wait(call)?,
            _ => {
                return Err(Error::usage("either a command or jobs to wait for")
                    .hint(r#"run {"command":"make test","label":"test"}; run {"wait":["j-1a2b3"]}"#));
            }
        };
        Ok(cut::part(&text::display(&text), (0, cut::budget(None)), |_| "list".to_owned()))
    }
}

impl Run {
    fn start(self, call: &Call) -> Result<String> {
        let timeout = self.timeout.as_deref().map(parse_span).transpose()?;
        let command = self.command.unwrap_or_default();
        if command.trim().is_empty() {
            return Err(Error::usage("no command to run").hint(r#"run {"command":"make test"}"#));
        }
        let spec = Spec {
            label: self.label.filter(|label| !label.trim().is_empty()),
            command: ["sh".to_owned(), "-c".to_owned(), command].to_vec(),
            timeout_ms: timeout.map(millis),
            retries: self.retry.unwrap_or(0),
            ..Spec::default()
        };
        let input = RunInput {
            spec,
            cwd: self.cwd.map(Into::into),
            after: self.after,
            once: self.once,
            task: self.r#for,
            ..RunInput::default()
        };
        Ok(print(&jobs::run(&call.writing()?, input)?, call.now()))
    }

    fn wait(self, call: &Call) -> Result<String> {
        let seconds = self.seconds.unwrap_or(WAIT_SECONDS).min(WAIT_SECONDS_MAX);
        let input = WaitInput { ids: self.wait, any: false, patience: Some(Duration::from_secs(seconds)) };
        let report = jobs::wait(&call.writing()?, &input)?;
        let mut out: String = report.jobs.iter().map(|ended| job::print(ended, call.now())).collect();
        if report.timed_out {
            let _ = writeln!(out, "Not over after {seconds} s.");
        }
        Ok(out)
    }
}

fn print(report: &RunReport, now: DateTime<Utc>) -> String {
    let mut out = if report.same { job::print(&report.job, now) } else { report.job.announced(now) + "\n" };
    if let Some(task) = &report.meanwhile {
        let _ = writeln!(out, "Meanwhile: {} {}", task.id, text::clean_line(&task.title));
    }
    out
}
