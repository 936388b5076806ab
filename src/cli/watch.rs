//! `state list jobs --watch`: the list, again whenever something changes, until Ctrl-C or until nobody reads it.

use super::door::Door;
use super::list::print_jobs;
use super::{job, write_all};
use crate::error::{Error, Kind, Result};
use crate::ops::Workspace;
use crate::ops::job::{self as jobs, JobReport, JobsReport};
use crate::ops::rule::Watcher;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Without a change the list is shown again after so long: times pass, and nobody tells of a supervisor that was killed.
const TICK: Duration = Duration::from_secs(5);
/// Clears a terminal and begins at its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Shows the jobs until it is ended.
pub(super) fn jobs(door: &mut Door, workspace: &Workspace, limit: usize) -> Result<()> {
    let mut watcher = Watcher::over(workspace)?;
    let (mut told, mut heard) = (BTreeMap::new(), None);
    loop {
        if let Some(report) = unless_busy(jobs::list(workspace, false, limit))? {
            let is_screen = door.process.terminals.0 && !door.is_json();
            let text = if is_screen { screen(door, &report, &watcher) } else { lines(door, &report, &mut told)? };
            if !text.is_empty() && !write_all(std::io::stdout().lock(), &text)? {
                return Ok(());
            }
            if !is_screen {
                tell_rules_heard(&watcher, &mut heard);
            }
        }
        unless_busy(watcher.next(TICK))?;
        door.tell_rules();
        if nobody_reads() {
            return Ok(());
        }
    }
}

/// Whether the other end of stdout is closed: to write is the other way to notice, and there may be nothing to say for long.
fn nobody_reads() -> bool {
    let stdout = std::io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let looked = poll(&mut polled, Some(&Timespec::default()));
    looked.is_ok() && polled[0].revents().contains(PollFlags::ERR)
}

/// Who watches can wait.
fn unless_busy<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(error) if error.kind == Kind::Busy => Ok(None),
        other => other.map(Some),
    }
}

fn screen(door: &Door, report: &JobsReport, watcher: &Watcher) -> String {
    let mut text = CLEAR.to_owned();
    print_jobs(&mut text, door.paint, report, (door.now(), false));
    let rules = watcher.hears_for();
    let rules = if rules.is_empty() { String::new() } else { format!("; file rules work: {}", rules.join(", ")) };
    let _ = writeln!(text, "{}", door.paint.dim(&format!("Ctrl-C ends this{rules}")));
    text
}

/// A line, or a document, for each job that is not what it was.
fn lines(door: &Door, report: &JobsReport, told: &mut BTreeMap<String, String>) -> Result<String> {
    let mut text = String::new();
    for held in report.jobs.iter().rev() {
        if told.insert(held.id.clone(), held.status.clone()).as_ref() == Some(&held.status) {
            continue;
        }
        if door.is_json() {
            let _ = writeln!(text, "{}", json(held)?);
        } else {
            job::print(&mut text, door.paint, held, door.now());
        }
    }
    Ok(text)
}

fn json(held: &JobReport) -> Result<String> {
    serde_json::to_string(held).map_err(|e| Error::usage("the job cannot be shown as JSON").because(e))
}

/// Says on stderr which rules hear of files from now on.
fn tell_rules_heard(watcher: &Watcher, heard: &mut Option<String>) {
    let rules = watcher.hears_for().join(", ");
    if !rules.is_empty() && heard.as_ref() != Some(&rules) {
        let _ = write_all(std::io::stderr().lock(), &format!("file rules work: {rules}\n"));
    }
    *heard = Some(rules);
}
