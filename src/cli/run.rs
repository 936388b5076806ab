//! `state run`

use super::door::Door;
use super::job;
use super::paint::Paint;
use super::rule;
use crate::domain::job::measure::{self, parse_size, parse_span};
use crate::domain::job::{External, Poll, Slots, Spec, Tell};
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::job::{self as jobs, RunInput, RunReport, Trial, WaitInput};
use crate::ops::rule::{self as rules, RuleInput};
use chrono::{DateTime, Utc};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Run a command in the background; it outlives this session.
///
/// Prints an id at once. state show ID (-f follows its output), state wait ID, state list jobs, state drop ID kills it.
/// How it ends is told once, after the next tool or prompt, or at resume.
///
/// Work elsewhere: state run --external --label CI, ended by state done ID --exit N, a marker file or a poll command.
///
/// Rules: state run --on 'job lint ok' -- CMD runs CMD each time that happens here: once for each event, whoever brings it
/// about, what runs because of it excepted. LABEL and KIND may hold *; fail is failed, timeout, idle or missing; a file
/// rule works while state list jobs --watch runs. state list rules, state show ID, state drop ID ends it;
/// --no-rules on any command holds all of them back.
///
/// JSON: {"job": JOB, "same"?, "meanwhile"?: RECORD, "report_back"?}; JOB is {"id", "label"?, "status", "command", "created",
/// "because"?: [TEXT], "since", "took_ms"?, "code"?, "reason"?, "attempt"?, "attempts"?: [{"started_at", "ended_at", "outcome", "code"?, "signal"?, "reason"?}],
/// "waits_for"?, "pid"?, "usual"?: {"median_ms", "p90_ms", "silence_ms", "runs"}, "look_again"?, "asked_too_soon"?, "meanwhile"?: RECORD, "remarks"?,
/// "tail"?, "bytes", "matched"?, "results"?: [{"path", "sha256", "bytes", "kept"?}], "left_behind"?, "again"?,
/// "speculative"?: "undecided|accepted|dropped", "scratch"?, "path"}
/// With --on: {"rule": RULE, "same"?}; RULE is {"id", "status", "on", "command", "label"?, "here"?: {"cwd", "fired", "job"?, "held"?}}
#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct RunArgs {
    /// Run that job again, as it was: what is given here beside counts instead.
    #[arg(long, value_name = "ID", conflicts_with_all = ["command", "external"], group = "origin")]
    again: Option<String>,
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
    #[arg(long, value_name = "N")]
    retry: Option<u32>,
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
    /// Wait for its end, at most so many seconds if a number is given. Exit 1 if it did not end well by then.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "")]
    wait: Option<String>,
    /// The task that it is for.
    #[arg(long = "for", value_name = "ID")]
    task: Option<String>,
    /// A file that a success leaves; hashed and kept in mind, and a failure if it is missing.
    #[arg(long, value_name = "PATH")]
    result: Vec<PathBuf>,
    /// How long it should take, where earlier runs do not tell.
    #[arg(long, value_name = "TIME")]
    expect: Option<String>,
    /// What of it is told unasked: its end, also the lines that --match finds, nothing unless asked.
    #[arg(long, value_name = "WHAT", value_enum)]
    tell: Option<TellArg>,
    /// A shell command to run when it has ended, or `bell` for this terminal's. At most once: not if whoever notes the end is
    /// killed then.
    #[arg(long, value_name = "CMD|bell")]
    notify: Option<String>,
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
    /// Before it is known whether it is wanted: state accept ID brings its changes into the tree, state drop ID takes them
    /// back. In a scratch worktree, or with --cleanup in place.
    #[arg(long)]
    speculative: bool,
    /// It does nothing that cannot be taken back: no mail, no push, no deployment.
    #[arg(long)]
    reversible: bool,
    /// In a scratch worktree though there is a --cleanup. Files that git ignores are not in it, but for --result.
    #[arg(long)]
    scratch: bool,
    /// It runs elsewhere.
    #[arg(long, conflicts_with = "command", group = "origin")]
    external: bool,
    /// Ask this shell command whether it has ended: success means yes, its last line the exit code.
    #[arg(long, value_name = "CMD", requires = "origin")]
    poll: Option<String>,
    /// How often to ask [30s].
    #[arg(long, value_name = "TIME", requires = "origin")]
    every: Option<String>,
    /// It has ended when this file is there; a number in it is the exit code.
    #[arg(long, value_name = "FILE", requires = "origin")]
    marker: Option<PathBuf>,
}

/// What is told unasked.
#[derive(Clone, Copy, clap::ValueEnum)]
enum TellArg {
    Done,
    Progress,
    Asked,
}

impl From<TellArg> for Tell {
    fn from(tell: TellArg) -> Self {
        match tell {
            TellArg::Done => Self::Done,
            TellArg::Progress => Self::Progress,
            TellArg::Asked => Self::Asked,
        }
    }
}

/// How often a poll command is asked.
const EVERY_MS: u64 = 30_000;

impl RunArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        // Understood before anything is started.
        let wait = self.wait.as_deref().map(|text| if text.is_empty() { Ok(None) } else { parse_span(text).map(Some) });
        let wait = wait.transpose()?;
        let base = self.again.as_deref().map(|id| jobs::again(&workspace, id, !self.after.is_empty()));
        let base = base.transpose()?.unwrap_or_default();
        let session = workspace.identity.process.as_ref().map(ToString::to_string);
        let with_session = self.with_session || base.again.as_ref().is_some_and(|again| again.with_session);
        if with_session && session.is_none() {
            return Err(Error::usage("the process of this session is not known").hint("leave out --with-session"));
        }
        let session = session.filter(|_| with_session);
        if let Some(on) = self.on.clone() {
            let made = rules::make(&workspace, RuleInput { on, run: self.input(session, base)? })?;
            return door.report(&made, rule::print_made);
        }
        let mut report = jobs::run(&workspace, self.input(session, base)?)?;
        let mut waited = None;
        if let Some(patience) = wait {
            let end = jobs::wait(&workspace, &WaitInput { ids: vec![report.job.id.clone()], any: false, patience })?;
            report.job = end.jobs.first().cloned().unwrap_or(report.job);
            waited = Some(end);
        }
        let now = door.now();
        door.report(&report, |out, paint, report| print(out, paint, report, (now, wait.is_some())))?;
        if let Some(waited) = waited {
            super::wait::judge(door, &waited);
        }
        Ok(())
    }

    /// What is asked for, on top of what a job that is run again was.
    fn input(self, session: Option<String>, base: RunInput) -> Result<RunInput> {
        let external = self.elsewhere(base.spec.external.clone())?;
        let command = if self.again.is_some() { base.spec.command.clone() } else { words(self.command)? };
        let spec = Spec {
            label: self.label.or(base.spec.label),
            command,
            external,
            stdin: self.stdin.or(base.spec.stdin),
            timeout_ms: millis(self.timeout.as_ref())?.or(base.spec.timeout_ms),
            idle_timeout_ms: millis(self.idle_timeout.as_ref())?.or(base.spec.idle_timeout_ms),
            retries: self.retry.unwrap_or(base.spec.retries),
            backoff_ms: millis(self.backoff.as_ref())?.or(base.spec.backoff_ms),
            slots: self.group.map(|group| Slots { group, count: self.slots.unwrap_or(1) }).or(base.spec.slots),
            output_bytes_max: self.max_output.as_deref().map(parse_size).transpose()?.or(base.spec.output_bytes_max),
            results: given_or(self.result, base.spec.results),
            matches: given_or(self.matches, base.spec.matches),
            cleanup: self.cleanup.or(base.spec.cleanup),
            expect_ms: millis(self.expect.as_ref())?.or(base.spec.expect_ms),
            tell: self.tell.map_or(base.spec.tell, Tell::from),
            notify: self.notify.or(base.spec.notify),
            session,
            service: self.service || base.spec.service,
            ..base.spec
        };
        let values = self.env.iter().map(|pair| value(pair)).collect::<Result<_>>()?;
        let trial = Trial {
            speculative: self.speculative || base.trial.speculative,
            reversible: self.reversible || base.trial.reversible,
            scratch: self.scratch || base.trial.scratch,
        };
        Ok(RunInput {
            spec,
            cwd: self.cwd.or(base.cwd),
            after: given_or(self.after, base.after),
            values,
            once: self.once,
            task: self.task.or(base.task),
            trial,
            ..base
        })
    }

    /// How the end of work elsewhere is known.
    fn elsewhere(&self, base: Option<External>) -> Result<Option<External>> {
        let Some(mut external) = base.or_else(|| self.external.then(External::default)) else {
            let is_given = self.poll.is_some() || self.marker.is_some() || self.every.is_some();
            let wrong =
                || Error::usage("a job that runs here is not polled").hint("leave out --poll, --every and --marker");
            return if is_given { Err(wrong()) } else { Ok(None) };
        };
        let every = millis(self.every.as_ref())?;
        if let Some(command) = &self.poll {
            external.poll = Some(Poll { command: command.clone(), every_ms: EVERY_MS });
        }
        match (&mut external.poll, every) {
            (Some(poll), Some(every)) => poll.every_ms = every,
            (None, Some(_)) => return Err(Error::usage("--every is for --poll")),
            _ => {}
        }
        external.marker = self.marker.clone().or(external.marker);
        Ok(Some(external))
    }
}

fn millis(text: Option<&String>) -> Result<Option<u64>> {
    let span = text.map(|text| parse_span(text)).transpose()?;
    Ok(span.map(measure::millis))
}

fn given_or<T>(given: Vec<T>, base: Vec<T>) -> Vec<T> {
    if given.is_empty() { base } else { given }
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
    let said = held.announced(now);
    let _ = write!(out, "{}{}.", paint.id(&held.id), said.strip_prefix(&held.id).unwrap_or(&said));
    if let Some(task) = &report.meanwhile {
        let _ = write!(out, " Meanwhile: {} {}", task.id, text::display(&task.title));
    }
    out.push('\n');
    if let Some(command) = &report.report_back {
        let _ = writeln!(out, "When it has ended: {command}");
    }
}
