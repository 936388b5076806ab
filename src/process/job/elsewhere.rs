//! Work that runs elsewhere: its end comes as a report, as a marker file, or as the success of a poll command.

use super::control::Command;
use super::ears::{Heard, Mail, earliest};
use super::files::Durability;
use super::members;
use super::recorder::News;
use super::results;
use super::shell::{Script, failure};
use super::supervise::{Ending, Job};
use crate::domain::job::{External, Outcome, State};
use chrono::{DateTime, Utc};
use rustix::process::Signal;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the marker is looked for: other machines may make it, of which no notice comes.
const MARKER_PAUSE: Duration = Duration::from_secs(1);
/// What is read of a marker.
const MARKER_BYTES: u64 = 64;
/// An empty marker may be about to be filled.
const MARKER_FRESH: Duration = Duration::from_secs(2);
/// The shortest time that a poll command is given.
const POLL_LIMIT_MIN: Duration = Duration::from_mins(1);

/// What is done when.
struct Watch {
    external: External,
    marker_at: Option<Instant>,
    poll_at: Option<Instant>,
    deadline: Option<Instant>,
    /// What came of the last poll.
    answer: Option<String>,
}

impl Job {
    /// Until the work elsewhere has ended. Armed again after a restart, it goes on where it was.
    pub(super) fn await_elsewhere(&mut self) -> Ending {
        let External { poll, marker } = self.spec.external.clone().unwrap_or_default();
        let since = self.begin_elsewhere();
        let now = Instant::now();
        let mut watch = Watch {
            marker_at: marker.as_ref().map(|_| now),
            poll_at: poll.as_ref().map(|_| now),
            deadline: self.spec.timeout_ms.map(|ms| now + self.left_of(Duration::from_millis(ms), since)),
            external: External { poll, marker },
            answer: None,
        };
        let ending = loop {
            if let Some(ending) = self.look_elsewhere(&mut watch) {
                break self.with_results(ending);
            }
            let heard = self.ears.listen(None, earliest([watch.marker_at, watch.poll_at, watch.deadline]));
            if let Some(ending) = self.hear_elsewhere(heard, &mut watch) {
                break ending;
            }
        };
        // A poll that still asks asks in vain.
        members::signal(&members::group_of(&self.status), Signal::TERM);
        self.attempts.push(self.attempt_record(&ending, since));
        self.clean_up(&ending);
        ending
    }

    fn begin_elsewhere(&mut self) -> DateTime<Utc> {
        let now = (self.world.clock)();
        let before = self.dir.status().ok().flatten().filter(|status| status.state == State::Running);
        self.status.since = before.map_or(now, |status| status.since);
        (self.status.state, self.status.attempt) = (State::Running, 1);
        self.status.waits_for.clear();
        self.write_status(Durability::Synced);
        self.teller.tell(News::Started(Box::new(self.status.clone())));
        self.status.since
    }

    fn left_of(&self, limit: Duration, since: DateTime<Utc>) -> Duration {
        let gone = (self.world.clock)().signed_duration_since(since).to_std().unwrap_or_default();
        limit.saturating_sub(gone)
    }

    /// What marker and clock say; starts the poll command when it is time.
    fn look_elsewhere(&mut self, watch: &mut Watch) -> Option<Ending> {
        let now = Instant::now();
        if watch.deadline.is_some_and(|deadline| now >= deadline) {
            let answer = watch.answer.as_ref().map(|answer| format!("; the last poll: {answer}")).unwrap_or_default();
            return Some(Ending::new(Outcome::Timeout, format!("nothing was heard of it in time{answer}")));
        }
        if watch.marker_at.is_some_and(|at| now >= at) {
            watch.marker_at = Some(now + MARKER_PAUSE);
            if let Some(code) =
                watch.external.marker.as_deref().and_then(|path| read_marker(path, (self.world.clock)()))
            {
                return Some(Ending::of_code(code));
            }
        }
        if watch.poll_at.is_some_and(|at| now >= at) {
            watch.poll_at = None;
            self.start_poll(watch);
        }
        None
    }

    fn start_poll(&self, watch: &mut Watch) {
        let Some(poll) = watch.external.poll.clone() else { return };
        let (spec, values) = (self.spec.clone(), self.values.clone());
        let limit = Duration::from_millis(poll.every_ms).max(POLL_LIMIT_MIN);
        let asked = self.sender.spawn("poll", move |sender| {
            let (code, output) = Script::of(&spec, &poll.command, &values).run(limit).unwrap_or_default();
            sender.send(Mail::Polled(code, output));
        });
        if asked.is_err() {
            watch.poll_at = Some(Instant::now() + POLL_LIMIT_MIN);
        }
    }

    fn hear_elsewhere(&mut self, heard: Heard, watch: &mut Watch) -> Option<Ending> {
        if let Some((ending, _)) = Ending::wanted_by(&heard) {
            return Some(ending);
        }
        for mail in heard.mail {
            let Mail::Polled(code, output) = mail else { continue };
            if code == Some(0) {
                self.capture.write(&output);
                return Some(self.with_results(Ending::of_code(last_number(&output).unwrap_or(0))));
            }
            watch.answer = Some(failure(code, &output));
            let every = watch.external.poll.as_ref().map(|poll| Duration::from_millis(poll.every_ms));
            watch.poll_at = every.map(|every| Instant::now() + every);
        }
        for command in heard.commands {
            if let Command::Report { code, results, why } = command {
                self.spec.results.extend(results);
                return Some(self.with_results(Ending { reason: why, ..Ending::of_code(code) }));
            }
        }
        None
    }

    /// Hashes the results of a success; one that is missing makes it a failure.
    pub(super) fn with_results(&mut self, ending: Ending) -> Ending {
        if ending.outcome != Outcome::Ok || self.spec.results.is_empty() {
            return ending;
        }
        match results::collect(&self.dir, &self.spec) {
            Ok(results) => {
                self.results = results;
                ending
            }
            Err(reason) => Ending { outcome: Outcome::Failed, reason: Some(reason), ..ending },
        }
    }
}

/// The exit code that a marker tells, 0 if it tells none; `None` if it is not there, or not written yet.
pub(super) fn read_marker(path: &Path, now: DateTime<Utc>) -> Option<i32> {
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.is_file() && metadata.len() == 0 && is_fresh(&metadata, now) {
        return None;
    }
    let mut text = String::new();
    if metadata.is_file() {
        // One that cannot be read is there all the same.
        let _ = std::fs::File::open(path).and_then(|file| file.take(MARKER_BYTES).read_to_string(&mut text));
    }
    Some(text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0))
}

/// By the file's clock against ours: where they differ an empty marker counts at once.
fn is_fresh(metadata: &std::fs::Metadata, now: DateTime<Utc>) -> bool {
    let modified = metadata.modified().ok().map(DateTime::<Utc>::from);
    let age = modified.and_then(|modified| now.signed_duration_since(modified).to_std().ok());
    age.is_some_and(|age| age < MARKER_FRESH)
}

/// The number that the last line of an answer is.
fn last_number(output: &[u8]) -> Option<i32> {
    String::from_utf8_lossy(output).trim_end().lines().next_back()?.trim().parse().ok()
}
