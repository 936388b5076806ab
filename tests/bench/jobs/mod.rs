//! Background jobs: `state` beside pueue and task-spooler, with no and with ten thousand finished jobs.
//!
//! Programs that are not installed have no columns. Samples of all alternate, and the floor is measured beside them. What a
//! job does is this executable's `job` (see `work`), which says itself when it began and when it was about to end.

mod fill;
mod memory;
mod queue;
mod table;
pub mod work;

use crate::options::{Options, short};
use crate::timing::{self, since};
use crate::{Result, floor};
use queue::{AT_ONCE, Queue};
use serde::Serialize;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
pub use table::text;

/// Numbers of finished jobs.
const FINISHED: [usize; 2] = [0, 10_000];
/// Runs before those that count.
const WARM_UP: usize = 3;
/// Waits are measured so often, for each has to begin before the job ends.
const WAITS: usize = 20;
/// As long as a slow client needs to begin to wait.
const BEGIN_TO_WAIT: Duration = Duration::from_millis(400);
/// A command that takes longer than this in all is run no further, once there are [`WAITS`].
const PATIENCE: Duration = Duration::from_secs(20);
/// After that a job will not begin or end any more.
const GIVE_UP: Duration = Duration::from_secs(120);
/// What a job prints before its supervisor is looked at again.
const PRINTED: usize = 100_000_000;
/// Processes that start jobs beside each other.
const STARTERS: usize = 4;

/// What was measured of one thing.
#[derive(Clone, Debug, Serialize)]
pub struct JobRow {
    pub name: &'static str,
    /// The most wanted of `state`.
    pub want: Option<f64>,
    pub cells: Vec<Cell>,
}

/// One number, or two.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// Whose it is, and beside how many finished jobs.
    pub column: String,
    pub median: f64,
    pub p90: Option<f64>,
}

const ROWS: [(&str, Option<f64>); 13] = [
    (RUN, Some(10.0)),
    (BEGINS, Some(15.0)),
    (SHOW, Some(5.0)),
    (LIST, Some(5.0)),
    (RESUME, Some(5.0)),
    (WAIT, Some(10.0)),
    (IDLE, Some(5.0)),
    (IDLE_SHARED, None),
    (PRINTED_MB, Some(5.0)),
    (CROWD_BEGAN, None),
    (CROWD_ENDED, None),
    (CROWD_MB, None),
    (FLOOR, None),
];
const RUN: &str = "jobs: run returns, ms";
const BEGINS: &str = "jobs: the command begins, ms after the start of run";
const SHOW: &str = "jobs: show, ms";
const LIST: &str = "jobs: list, ms";
const RESUME: &str = "jobs: resume, ms";
const WAIT: &str = "jobs: end of the command to end of wait, ms";
const IDLE: &str = "jobs: memory beside one job, resident MB";
const IDLE_SHARED: &str = "jobs: the same, shared pages divided, MB";
const PRINTED_MB: &str = "jobs: after 100 MB of output, resident MB";
const CROWD_BEGAN: &str = "jobs: 200 at once, all run, ms";
const CROWD_ENDED: &str = "jobs: 200 end at once, all recorded, ms";
const CROWD_MB: &str = "jobs: 200 at once, memory, shared pages divided, MB";
const FLOOR: &str = "jobs: the floor beside it, ms";

/// Everything that is wanted of it.
pub fn measure(options: &Options) -> Result<Vec<JobRow>> {
    let mut rows: Vec<JobRow> = ROWS
        .iter()
        .filter(|(name, _)| options.wants(name))
        .map(|&(name, want)| JobRow { name, want, cells: Vec::new() })
        .collect();
    let sizes = if rows.is_empty() { &[][..] } else { &FINISHED[..] };
    for &finished in sizes {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::create_dir_all(root)?;
        let folder = tempfile::Builder::new().prefix("jobs-").tempdir_in(root)?;
        let mut queues = queue::all(folder.path(), options.programs.as_deref())?;
        for queue in &mut queues {
            let start = Instant::now();
            queue.fill(finished)?;
            eprintln!("jobs  {}: {finished} finished jobs in {:.1} s", queue.name(), start.elapsed().as_secs_f64());
        }
        let yard = Yard { folder: folder.path().to_owned(), options, finished, serial: AtomicUsize::new(0) };
        yard.measure(&queues, &mut rows)?;
    }
    Ok(rows)
}

/// Where jobs leave their marks.
struct Yard<'a> {
    folder: PathBuf,
    options: &'a Options,
    finished: usize,
    serial: AtomicUsize,
}

/// A job that was started.
struct Started {
    id: String,
    /// Milliseconds until its id was there.
    returned: f64,
    /// Milliseconds until it began, if that was awaited.
    began: f64,
}

impl Yard<'_> {
    fn measure(&self, queues: &[Box<dyn Queue>], rows: &mut [JobRow]) -> Result<()> {
        let mut last = Vec::new();
        let begun = self.begin(queues, &mut last)?;
        for (queue, (returned, began)) in queues.iter().zip(begun) {
            self.tell(rows, RUN, queue.name(), returned);
            self.tell(rows, BEGINS, queue.name(), began);
        }
        self.look(queues, &last, rows)?;
        if self.options.wants(WAIT) {
            self.wait(queues, rows)?;
        }
        for queue in queues {
            if [IDLE, IDLE_SHARED, PRINTED_MB].iter().any(|name| self.options.wants(name)) {
                self.memory(queue.as_ref(), rows)?;
            }
            if [CROWD_BEGAN, CROWD_ENDED, CROWD_MB].iter().any(|name| self.options.wants(name)) {
                self.crowd(queue.as_ref(), rows)?;
            }
        }
        Ok(())
    }

    fn tell(&self, rows: &mut [JobRow], name: &'static str, whose: &str, mut numbers: Vec<f64>) {
        let Some(row) = rows.iter_mut().find(|row| row.name == name) else { return };
        numbers.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| numbers[((numbers.len() as f64 * share).ceil() as usize).clamp(1, numbers.len()) - 1];
        let finished = if self.finished == 0 { "0".to_owned() } else { short(self.finished) };
        let p90 = (numbers.len() > 1).then(|| at(0.9));
        let cell = Cell { column: format!("{whose}, {finished}"), median: at(0.5), p90 };
        eprintln!("jobs  {:<52} {:<18} {:>8.2} {}", name, cell.column, cell.median, table::p90(&cell));
        row.cells.push(cell);
    }

    fn file(&self, name: &str) -> String {
        let number = self.serial.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("{name}-{number}")).to_string_lossy().into_owned()
    }

    /// Starts jobs of all in turn. Milliseconds until the ids were there, and until the commands began.
    fn begin(&self, queues: &[Box<dyn Queue>], last: &mut Vec<String>) -> Result<Vec<(Vec<f64>, Vec<f64>)>> {
        let mut times = vec![(Vec::new(), Vec::new()); queues.len()];
        *last = vec![String::new(); queues.len()];
        let start = Instant::now();
        for at in 0..WARM_UP + self.options.samples {
            if start.elapsed() > PATIENCE * 2 && at > WARM_UP + WAITS {
                break;
            }
            for turn in 0..queues.len() {
                let index = (at + turn) % queues.len();
                let started = self.start(queues[index].as_ref(), &["began", &self.file("began")])?;
                queues[index].rest(&started.id)?;
                if at >= WARM_UP {
                    times[index].0.push(started.returned);
                    times[index].1.push(started.began);
                }
                last[index] = started.id;
            }
        }
        Ok(times)
    }

    /// Starts a job and waits until it says that it began; the second word is the file in which it does.
    fn start(&self, queue: &dyn Queue, words: &[&str]) -> Result<Started> {
        let from = work::nanos();
        let answer = timing::run(&mut queue.add(words))?;
        let began = mark(words[1])?;
        Ok(Started { id: queue.id(&answer.text)?, returned: answer.ms, began: millis(from, began) })
    }

    /// The commands that only look, in turn, and the floor.
    fn look(&self, queues: &[Box<dyn Queue>], last: &[String], rows: &mut [JobRow]) -> Result<()> {
        let floor = |_: usize| {
            let mut command = Command::new(std::env::current_exe().unwrap_or_default());
            command.arg("floor").arg(self.folder.join(floor::FILE)).env_clear();
            Some(command)
        };
        self.times(1, rows, (FLOOR, &|_| "state"), &floor)?;
        let name = |index: usize| queues[index].name();
        self.times(queues.len(), rows, (SHOW, &name), &|index| Some(queues[index].show(&last[index])))?;
        self.times(queues.len(), rows, (LIST, &name), &|index| Some(queues[index].list()))?;
        self.times(queues.len(), rows, (RESUME, &name), &|index| queues[index].resume())
    }

    fn times<'n>(
        &self,
        count: usize,
        rows: &mut [JobRow],
        (row, name): (&'static str, &dyn Fn(usize) -> &'n str),
        make: &dyn Fn(usize) -> Option<Command>,
    ) -> Result<()> {
        if !self.options.wants(row) {
            return Ok(());
        }
        let mut times = vec![Vec::new(); count];
        let start = Instant::now();
        for at in 0..WARM_UP + self.options.samples {
            if start.elapsed() > PATIENCE && at > WARM_UP + WAITS {
                break;
            }
            for turn in 0..count {
                let index = (at + turn) % count;
                let Some(mut command) = make(index) else { continue };
                let answer = timing::run(&mut command)?;
                if at >= WARM_UP {
                    times[index].push(answer.ms);
                }
            }
        }
        for (index, times) in times.into_iter().enumerate().filter(|(_, times)| !times.is_empty()) {
            self.tell(rows, row, name(index), times);
        }
        Ok(())
    }

    /// From the last act of a command until who waits for it has ended.
    fn wait(&self, queues: &[Box<dyn Queue>], rows: &mut [JobRow]) -> Result<()> {
        let mut times = vec![Vec::new(); queues.len()];
        for _ in 0..self.options.samples.min(WAITS) {
            for (queue, times) in queues.iter().zip(&mut times) {
                let gate = Gate::close(self)?;
                let file = self.file("gate");
                let started = self.start(queue.as_ref(), &["gate", &file, &gate.path])?;
                let mut waiting = queue.wait(&started.id).stdout(std::process::Stdio::null()).spawn()?;
                std::thread::sleep(BEGIN_TO_WAIT);
                gate.open()?;
                let status = waiting.wait()?;
                let now = work::nanos();
                if !status.success() {
                    return Err(format!("{} waited in vain: {status}", queue.name()).into());
                }
                times.push(millis(mark(&format!("{file}.ended"))?, now));
                queue.rest(&started.id)?;
            }
        }
        for (queue, times) in queues.iter().zip(times) {
            self.tell(rows, WAIT, queue.name(), times);
        }
        Ok(())
    }

    /// The memory of who looks after one job, before and after it has printed a lot.
    fn memory(&self, queue: &dyn Queue, rows: &mut [JobRow]) -> Result<()> {
        let gate = Gate::close(self)?;
        let began = self.start(queue, &["gate", &self.file("idle"), &gate.path])?;
        std::thread::sleep(BEGIN_TO_WAIT);
        let idle = queue.memory()?;
        self.tell(rows, IDLE, queue.name(), vec![idle.resident]);
        self.tell(rows, IDLE_SHARED, queue.name(), vec![idle.proportional]);
        gate.open()?;
        queue.wait_all(&[began.id])?;
        let gate = Gate::close(self)?;
        let printed = PRINTED.to_string();
        let began = self.start(queue, &["print", &self.file("print"), &gate.path, &printed])?;
        std::thread::sleep(BEGIN_TO_WAIT);
        self.tell(rows, PRINTED_MB, queue.name(), vec![queue.memory()?.resident]);
        gate.open()?;
        queue.wait_all(&[began.id])
    }

    /// Two hundred jobs that wait for each other and end together.
    fn crowd(&self, queue: &dyn Queue, rows: &mut [JobRow]) -> Result<()> {
        let gate = Gate::close(self)?;
        let start = Instant::now();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let each =
                || (0..AT_ONCE / STARTERS).map(|_| self.start(queue, &["gate", &self.file("crowd"), &gate.path]));
            let starters: Vec<_> = (0..STARTERS)
                .map(|_| scope.spawn(move || each().map(|started| Ok(started?.id)).collect::<Result<Vec<String>>>()))
                .collect();
            let ids = starters.into_iter().map(|starter| starter.join().expect("a starter does not panic"));
            Ok::<_, crate::Failure>(ids.collect::<Result<Vec<_>>>()?.concat())
        })?;
        self.tell(rows, CROWD_BEGAN, queue.name(), vec![since(start)]);
        std::thread::sleep(BEGIN_TO_WAIT);
        let memory = queue.memory()?;
        eprintln!("jobs  {}: {} processes look after {AT_ONCE} jobs", queue.name(), memory.processes);
        self.tell(rows, CROWD_MB, queue.name(), vec![memory.proportional]);
        gate.open()?;
        let start = Instant::now();
        queue.wait_all(&ids)?;
        self.tell(rows, CROWD_ENDED, queue.name(), vec![since(start)]);
        Ok(())
    }
}

/// A lock that jobs wait for.
struct Gate {
    path: String,
    lock: File,
}

impl Gate {
    fn close(yard: &Yard) -> Result<Self> {
        let path = yard.file("lock");
        let lock = File::create(&path)?;
        lock.lock()?;
        Ok(Self { path, lock })
    }

    fn open(self) -> Result<()> {
        Ok(self.lock.unlock()?)
    }
}

/// What a job wrote into its file, as soon as that is there.
fn mark(file: &str) -> Result<u128> {
    let start = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(file) {
            return Ok(text.parse()?);
        }
        if start.elapsed() > GIVE_UP {
            return Err("a job does not begin or end".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn millis(from: u128, to: u128) -> f64 {
    to.saturating_sub(from) as f64 / 1e6
}
