//! Jobs from end to end: within this process, where the supervisor is a thread, and beside it, where it is this test
//! binary started again and can be killed. Nothing here waits by the clock: locks, files and FIFOs say when.

mod elsewhere;
mod ending;
mod killed;
mod pieces;
mod printing;
mod waiting;

use super::*;
use crate::domain::job::{Exit, Slots, Spec, Status};
use crate::error::Result;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A slow machine is no failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// A store's `jobs` and a directory to work in.
struct Lab {
    temp: tempfile::TempDir,
}

/// A job with its supervisor in a thread.
struct Running {
    dir: JobDir,
    supervisor: JoinHandle<Result<Exit>>,
    news: mpsc::Receiver<Heard>,
}

/// What a recorder was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Started(Status),
    Matched(String, u64),
    Odd(String),
    Orphaned(String),
    /// And whether `exit.json` was there, and the lock free.
    Ended(Exit, bool),
}

struct Notes {
    dir: JobDir,
    news: mpsc::Sender<Heard>,
}

impl Recorder for Notes {
    fn started(&mut self, status: &Status) {
        let _ = self.news.send(Heard::Started(status.clone()));
    }
    fn matched(&mut self, line: &str, left_out: u64) {
        let _ = self.news.send(Heard::Matched(line.to_owned(), left_out));
    }
    fn odd(&mut self, what: &str) {
        let _ = self.news.send(Heard::Odd(what.to_owned()));
    }
    fn orphaned(&mut self, id: &str) {
        let _ = self.news.send(Heard::Orphaned(id.to_owned()));
    }
    fn ended(&mut self, exit: &Exit) {
        let is_over = matches!(self.dir.standing(), Ok(Standing::Over(written)) if *written == *exit);
        let _ = self.news.send(Heard::Ended(exit.clone(), is_over));
    }
}

fn world() -> World {
    World { clock: chrono::Utc::now, seed: [7; 16] }
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Lab {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn dir(&self, id: &str) -> JobDir {
        JobDir::new(self.path("jobs").join(id))
    }

    /// A job that runs a shell script in the laboratory.
    fn job(&self, id: &str, script: &str) -> Spec {
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        Spec { id: id.into(), command, cwd: self.temp.path().to_owned(), ..Spec::default() }
    }

    fn start(&self, spec: &Spec) -> Running {
        look_after(prepare(&self.dir(&spec.id), spec).unwrap())
    }

    fn run(&self, spec: &Spec) -> Exit {
        self.start(spec).end()
    }

    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        control::create(&path).unwrap();
        path
    }
}

impl Running {
    fn end(self) -> Exit {
        let exit = self.supervisor.join().unwrap().unwrap();
        let told: Vec<Heard> = self.news.iter().collect();
        let ends: Vec<_> = told.iter().filter(|heard| matches!(heard, Heard::Ended(..))).collect();
        assert_eq!(ends, [&Heard::Ended(exit.clone(), true)], "told once, when the files say so");
        let starts = told.iter().filter(|heard| matches!(heard, Heard::Started(status) if status.attempt == 1)).count();
        let has_run = exit.attempts.first().is_some_and(|first| first.outcome != crate::domain::job::Outcome::Missing);
        assert_eq!(starts, usize::from(has_run), "the start is told once");
        exit
    }

    fn status(&self) -> Status {
        self.dir.status().unwrap().unwrap_or_default()
    }

    fn tell(&self, command: &Command) {
        assert!(send(&self.dir, command).unwrap(), "nobody listens");
    }

    fn printed(&self) -> String {
        printed(&self.dir)
    }
}

fn printed(dir: &JobDir) -> String {
    String::from_utf8_lossy(&tail(dir, 1000).bytes).into_owned()
}

fn stop(kill: bool) -> Command {
    Command::Stop { kill, why: Some("not needed".into()) }
}

/// The supervisor in a thread.
fn look_after(armed: Armed) -> Running {
    let dir = armed.dir().clone();
    let (sender, news) = mpsc::channel();
    let notes = Notes { dir: dir.clone(), news: sender };
    let post = Post::within(armed);
    let supervisor = std::thread::spawn(move || supervise(post, world(), notes));
    Running { dir, supervisor, news }
}

/// Opening a FIFO to read waits until somebody writes, and the other way round.
fn meet(fifo: &Path) {
    let _ = std::fs::write(fifo, "go\n");
}
