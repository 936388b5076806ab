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

use crate::error::{Error, Result};
use crate::ops::hook::{self, HookReport};
use crate::ops::search;
use crate::ops::workspace::{Environment, Hooked, Identity, Surroundings, Workspace};
use chrono::TimeDelta;
use message::Message;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// No host waits longer. Tests set `STATE_TEST_HOOK_SECONDS`, because no test may fail where a machine is slow.
const TIME_MAX: Duration = Duration::from_millis(950);
/// How long a hook waits for the store.
const PATIENCE: TimeDelta = TimeDelta::milliseconds(300);
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
        },
    };
    let fallback = work.clone();
    // Nobody listens any more if it took too long.
    std::thread::spawn(move || drop(send.send(work.run())));
    let seconds = (surroundings.env)("STATE_TEST_HOOK_SECONDS").and_then(|seconds| seconds.parse().ok());
    let limit = seconds.map_or(TIME_MAX, Duration::from_secs);
    let done = receive.recv_timeout(limit).unwrap_or_else(|_| Err(fallback.too_slow()));
    let Some(done) = done? else { return Ok(()) };
    let text = answer::in_dialect(&done.message, &done.report.text);
    let said = std::io::stdout().lock().write_all(text.as_bytes());
    if done.report.has_written {
        search::keep_up(&done.workspace, &surroundings.program, false);
    }
    said.map_err(|error| Error::io("the host does not read the answer", error))
}

/// What is to be done, apart from the thread that waits for it.
#[derive(Clone)]
struct Work {
    host: String,
    hooked: Hooked,
    environment: Environment,
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
            environment.identity = self.hooked.named(&message.host, message.session.as_deref());
            message.checked(!environment.identity.session.is_empty())
        });
        let Ok(mut workspace) = Workspace::open(environment) else { return Ok(None) };
        workspace.store.patience = PATIENCE;
        let outcome = message.and_then(|message| {
            let report = hook::hook(&workspace, &message.input)?;
            Ok((message, report))
        });
        match outcome {
            Ok((message, report)) => Ok(Some(Done { message, report, workspace })),
            Err(error) => {
                workspace.store.hook_failed(&format!("{}: {error}", self.host));
                Err(error)
            }
        }
    }

    fn too_slow(self) -> Error {
        let error = Error::new(crate::error::Kind::Busy, "the hook took longer than a second and was left");
        if let Ok(workspace) = Workspace::open(self.environment) {
            workspace.store.hook_failed(&format!("{}: {error}", self.host));
        }
        error
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
