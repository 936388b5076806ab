//! `state run`

use super::door::Door;
use super::job;
use super::paint::Paint;
use super::rule;
use crate::domain::job::measure::{parse_size, parse_span};
use crate::domain::job::{External, Poll, Slots, Spec};
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::job::{self as jobs, RunInput, RunReport, WaitInput};
use crate::ops::rule::{self as rules, RuleInput};
use chrono::{DateTime, Utc};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Run a command in the background; it outlives this session.
///
/// Prints an id at once. state show ID (-f follows its output), state wait ID, state list jobs, state drop ID kills it.
/// How it ends is told once, at the next prompt or resume.
///
/// Work elsewhere: state run --external --label CI, ended by state done ID --exit N, a marker file or a poll command.
///
/// Rules: state run --on 'job lint ok' -- CMD runs CMD each time that happens here: once for each event, whoever brings it
/// about, what runs because of it excepted. LABEL and KIND may hold *; fail is failed, timeout, idle or missing; a file
/// rule works while state list jobs --watch runs. state list rules, state show ID, state drop ID ends it;
/// --no-rules on any command holds all of them back.
///
/// JSON: {"job": JOB, "same"?, "meanwhile"?: RECORD}; JOB is {"id", "label"?, "status", "command", "created", "because"?: [TEXT], "since",
/// "took_ms"?, "code"?, "reason"?, "attempt"?, "waits_for"?, "pid"?, "usual"?: {"median_ms", "p90_ms", "silence_ms", "runs"},
/// "look_again"?, "remarks"?, "tail"?, "bytes", "matched"?, "results"?: [{"path", "sha256", "bytes"}], "left_behind"?, "path"}
/// With --on: {"rule": RULE, "same"?}; RULE is {"id", "status", "on", "command", "label"?, "here"?: {"cwd", "fired", "job"?, "held"?}}
#[derive(clap::Args)]
pub(super) struct RunArgs {
    /// The command and its arguments, after --.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// What to call it; jobs of one label tell how long the next will take.
    #[arg(long, short)]
    label: Option<String>,
    /// End it after so long: 90s, 10m, 1h30m.
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// End it when it prints nothing for so long. Silent is not hung, so there is no such limit by itself.
    #[arg(long, value_name = "TIME")]
    idle_timeout: Option<String>,
    /// Try again so often if it fails.
    #[arg(long, value_name = "N", default_value_t = 0)]
    retry: u32,
    /// The pause before the first retry, doubled for each further one.
    #[arg(long, value_name = "TIME")]
    backoff: Option<String>,
    /// Start when that job has ended well; ID:fail badly, ID:any however. Again for several.
    #[arg(long, value_name = "ID")]
    after: Vec<String>,
    /// Of this group only --slots run at once.
    #[arg(long)]
    group: Option<String>,
    /// How many of the group run at once.
    #[arg(long, value_name = "N", requires = "group")]
    slots: Option<u32>,
    /// Where to run it.
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// A variable of its environment; the value is never stored.
    #[arg(long, value_name = "K=V")]
    env: Vec<String>,
    /// What it reads; nothing by default.
    #[arg(long, value_name = "FILE")]
    stdin: Option<PathBuf>,
    /// Keep so much of its output, the beginning and the end [64MB].
    #[arg(long, value_name = "SIZE")]
    max_output: Option<String>,
    /// Do not run it again if the job of this key runs or ended well.
    #[arg(long, value_name = "KEY")]
    once: Option<String>,
    /// Not now, but each time this happens: 'job LABEL ok|fail|lost|any', 'record KIND STATUS', 'file GLOB'.
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["wait", "once", "with_session"])]
    on: Option<String>,
    /// Wait for its end, at most so many seconds if a number is given.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "0", require_equals = true)]
    wait: Option<u64>,
    /// The task that it is for.
    #[arg(long = "for", value_name = "ID")]
    task: Option<String>,
    /// A file that a success leaves; hashed and kept in mind, and a failure if it is missing.
    #[arg(long, value_name = "PATH")]
    result: Vec<PathBuf>,
    /// End it with this session.
    #[arg(long)]
    with_session: bool,
    /// It is not meant to end.
    #[arg(long)]
    service: bool,
    /// Lines of output that match become events. Again for several.
    #[arg(long = "match", value_name = "REGEX")]
    matches: Vec<String>,
    /// A shell command to run after it was killed or ran out of time.
    #[arg(long, value_name = "CMD")]
    cleanup: Option<String>,
    /// It runs elsewhere.
    #[arg(long, conflicts_with = "command")]
    external: bool,
    /// Ask this shell command whether it has ended: success means yes, its last line the exit code.
    #[arg(long, value_name = "CMD", requires = "external")]
    poll: Option<String>,
    /// How often to ask [30s].
    #[arg(long, value_name = "TIME", requires = "poll")]
    every: Option<String>,
    /// It has ended when this file is there; a number in it is the exit code.
    #[arg(long, value_name = "FILE", requires = "external")]
    marker: Option<PathBuf>,
}

/// How often a poll command is asked.
const EVERY_MS: u64 = 30_000;

impl RunArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let wait = self.wait;
        let session = workspace.identity.process.as_ref().map(ToString::to_string);
        if self.with_session && session.is_none() {
            return Err(Error::usage("the process of this session is not known").hint("leave out --with-session"));
        }
        let session = session.filter(|_| self.with_session);
        if let Some(on) = self.on.clone() {
            let made = rules::make(&workspace, RuleInput { on, run: self.input(session)? })?;
            return door.report(&made, rule::print_made);
        }
        let mut report = jobs::run(&workspace, self.input(session)?)?;
        if let Some(seconds) = wait {
            let patience = Some(seconds).filter(|seconds| *seconds > 0).map(std::time::Duration::from_secs);
            let waited = jobs::wait(&workspace, &WaitInput { ids: vec![report.job.id.clone()], any: false, patience })?;
            report.job = waited.jobs.into_iter().next().unwrap_or(report.job);
        }
        let now = door.now();
        door.report(&report, |out, paint, report| print(out, paint, report, (now, wait.is_some())))
    }

    fn input(self, session: Option<String>) -> Result<RunInput> {
        let millis = |text: &Option<String>| -> Result<Option<u64>> {
            let span = text.as_deref().map(parse_span).transpose()?;
            Ok(span.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
        };
        let poll = self
            .poll
            .map(|command| Ok::<_, Error>(Poll { command, every_ms: millis(&self.every)?.unwrap_or(EVERY_MS) }));
        let external = External { poll: poll.transpose()?, marker: self.marker };
        let spec = Spec {
            label: self.label,
            command: words(self.command)?,
            external: self.external.then_some(external),
            stdin: self.stdin,
            timeout_ms: millis(&self.timeout)?,
            idle_timeout_ms: millis(&self.idle_timeout)?,
            retries: self.retry,
            backoff_ms: millis(&self.backoff)?,
            slots: self.group.map(|group| Slots { group, count: self.slots.unwrap_or(1) }),
            output_bytes_max: self.max_output.as_deref().map(parse_size).transpose()?,
            results: self.result,
            matches: self.matches,
            cleanup: self.cleanup,
            session,
            service: self.service,
            ..Spec::default()
        };
        let values = self.env.iter().map(|pair| value(pair)).collect::<Result<_>>()?;
        Ok(RunInput { spec, cwd: self.cwd, after: self.after, values, once: self.once, task: self.task })
    }
}

fn words(command: Vec<OsString>) -> Result<Vec<String>> {
    let word = |word: OsString| {
        word.into_string().map_err(|word| {
            Error::usage(format!("not a word that can be kept: {}", text::clean_line(&word.to_string_lossy())))
                .hint("arguments must be UTF-8; put the command into a script")
        })
    };
    command.into_iter().map(word).collect()
}

fn value(pair: &str) -> Result<(String, OsString)> {
    match pair.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.into())),
        _ => Err(Error::usage("a variable without a value").hint("--env NAME=VALUE")),
    }
}

fn print(out: &mut String, paint: Paint, report: &RunReport, (now, waited): (DateTime<Utc>, bool)) {
    let held = &report.job;
    if waited || report.same {
        job::print(out, paint, held, now);
        return;
    }
    let mut said = vec![text::display(&held.name()).into_owned()];
    if !held.waits_for.is_empty() {
        said.push(format!("waits for {}", held.waits_for.join(", ")));
    }
    said.extend(held.usual.as_ref().map(|usual| format!("usually {usual}")));
    said.extend(held.usual.as_ref().map(|usual| format!("look again {}", job::clock(usual.look_again(now, now)))));
    let _ = write!(out, "{} {}.", paint.id(&held.id), said.join(", "));
    if let Some(task) = &report.meanwhile {
        let _ = write!(out, " Meanwhile: {} {}", task.id, text::display(&task.title));
    }
    out.push('\n');
}
