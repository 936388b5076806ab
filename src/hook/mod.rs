//! The door for the events of agents' hosts: JSON on stdin, an answer in the host's dialect on stdout.
//!
//! It never fails: whatever goes wrong, the host sees an empty answer and exit code 0, and the reason is noted beside the
//! store, where `doctor` shows it. It never takes long either: after a second the work is left as it is, which harms nothing,
//! because every change is one transaction.
//!
//! | file | knows |
//! |---|---|
//! | `message` | what hosts send: names of events and fields, which of them sent it |
//! | `answer` | what each takes as an answer |
//!
//! Formats: recorded from the real programs in `fixtures/hooks`; those of Cursor and Copilot are from their documents.

mod answer;
mod message;

use crate::domain::host;
use crate::error::{Error, Kind, Result};
use crate::ops::hook::{self, HookReport};
use crate::ops::job::JOB_VARIABLE;
use crate::ops::search;
use crate::ops::workspace::{Environment, Hooked, Identity, Patience, Rules, Surroundings, Workspace};
use chrono::TimeDelta;
use message::Message;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// No host waits longer. Tests set `STATE_TEST_HOOK_SECONDS`, because no test may fail where a machine is slow.
const TIME_MAX: Duration = Duration::from_millis(950);
/// How long it may take to note a failure.
const NOTE_TIME_MAX: Duration = Duration::from_millis(50);
/// How long a hook waits for the store, however many others come and go.
const PATIENCE: Patience = Patience { each: TimeDelta::milliseconds(300), renewals: 0 };
/// A longer message is not read.
const MESSAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Answers one event of a host.
///
/// # Errors
/// Whatever went wrong; it has been noted beside the store.
pub fn answer(surroundings: &Surroundings, host: &str, store: Option<PathBuf>) -> Result<()> {
    let (send, receive) = mpsc::channel();
    // Only names that say who acts; the environment also carries secrets and is never kept.
    let work = Work {
        host: host.to_owned(),
        hooked: Hooked::find(&*surroundings.env),
        environment: Environment {
            store,
            state_dir: surroundings.state_dir.clone(),
            cwd: surroundings.cwd.clone(),
            identity: Identity::default(),
            clock: surroundings.clock,
            seed: surroundings.seed,
            command: format!("state hook {host}"),
            program: Some(surroundings.program.clone()),
        },
        program: surroundings.program.clone(),
        job: (surroundings.env)(JOB_VARIABLE),
    };
    let fallback = work.clone();
    // Nobody listens any more if it took too long.
    std::thread::spawn(move || drop(send.send(work.run())));
    let seconds = (surroundings.env)("STATE_TEST_HOOK_SECONDS").and_then(|seconds| seconds.parse().ok());
    let done = match receive.recv_timeout(seconds.map_or(TIME_MAX, Duration::from_secs)) {
        Ok(done) => done?,
        Err(RecvTimeoutError::Timeout) => {
            return Err(fallback.failed(Error::new(Kind::Busy, "the hook took longer than a second and was left")));
        }
        Err(RecvTimeoutError::Disconnected) => {
            return Err(fallback.failed(Error::new(Kind::Corrupt, "the hook failed and was left")));
        }
    };
    let Some(Done { message, report, workspace }) = done else { return Ok(()) };
    let text = answer::in_dialect(&message, &report.text);
    let said = std::io::stdout().lock().write_all(text.as_bytes());
    if said.is_ok() {
        report.told.note(&workspace);
    }
    if report.has_written {
        search::keep_up(&workspace, &surroundings.program, false);
    }
    said.map_err(|error| fallback.failed(Error::io("the host does not read the answer", error)))
}

/// What is to be done, apart from the thread that waits for it.
#[derive(Clone)]
struct Work {
    host: String,
    hooked: Hooked,
    environment: Environment,
    program: PathBuf,
    /// The job that the host is a part of.
    job: Option<String>,
}

struct Done {
    message: Message,
    report: HookReport,
    workspace: Workspace,
}

impl Work {
    /// `None` if there is no store: most projects have none, and that is no failure.
    fn run(self) -> Result<Option<Done>> {
        let mut environment = self.environment.clone();
        let message = Message::parse(&self.host, &read_stdin()?).and_then(|message| {
            environment.cwd = message.cwd.clone().unwrap_or_else(|| environment.cwd.clone());
            environment.identity = self.hooked.clone().named(&message.host, message.session.as_deref());
            message.checked(!environment.identity.session.is_empty())
        });
        let mut workspace = match Workspace::open(environment) {
            Ok(workspace) => workspace,
            Err(error) if error.kind == Kind::NoStore => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        workspace.store.patience = PATIENCE;
        workspace.program = Some(self.program.clone());
        workspace.rules = Rules::within(self.job.clone());
        if let Ok(message) = &message {
            one_of_two_hosts(&mut workspace, message);
        }
        let outcome = message.and_then(|mut message| {
            message.input.is_heard = answer::is_heard(&message);
            let report = hook::hook(&workspace, &message.input)?;
            Ok((message, report))
        });
        let trouble = match &outcome {
            Ok((_, report)) => report.trouble.clone(),
            Err(error) => Some(error.to_string()),
        };
        if let Some(trouble) = trouble {
            workspace.store.hook_failed(&format!("{}: {trouble}", self.host));
        }
        outcome.map(|(message, report)| Some(Done { message, report, workspace }))
    }

    /// Notes a failure beside the store of the place where the hook was called, if that does not take long either.
    fn failed(&self, error: Error) -> Error {
        let (environment, note) = (self.environment.clone(), format!("{}: {error}", self.host));
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            Workspace::place(environment).store.hook_failed(&note);
            let _ = send.send(());
        });
        let _ = receive.recv_timeout(NOTE_TIME_MAX);
        error
    }
}

/// The event belongs to the session that is noted already, whichever of two hosts told of it.
fn one_of_two_hosts(workspace: &mut Workspace, message: &Message) {
    let shares = host::named(&message.host).is_some_and(|host| host.shares);
    let Some(id) = message.session.as_deref().filter(|_| shares) else { return };
    if workspace.identity.session != format!("{}:{id}", message.host) {
        return;
    }
    let activities = workspace.store.activities();
    let mut names = host::HOSTS.iter().filter(|host| host.shares).map(|host| format!("{}:{id}", host.name));
    if let Some(name) = names.find(|name| activities.of(name).is_some()) {
        workspace.identity.session = name;
    }
}

fn read_stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MESSAGE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io("cannot read the event", error))?;
    if bytes.len() as u64 > MESSAGE_BYTES_MAX {
        return Err(Error::usage(format!("the event has more than {} MiB", MESSAGE_BYTES_MAX / 1024 / 1024)));
    }
    Ok(bytes)
}
