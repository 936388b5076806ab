//! Who runs jobs in the background: `state`, pueue with its daemon, task-spooler with its server.

use crate::contender::Contender;
use crate::jobs::fill;
use crate::timing;
use crate::{Result, jobs::memory};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// So many may run at once.
pub const AT_ONCE: usize = 200;
/// More finished jobs than any of them will see, so that none forgets some.
const KEPT: &str = "30000";

/// One who runs jobs in the background. Commands are made, so that the caller can time them.
pub trait Queue: Sync {
    /// The head of its columns.
    fn name(&self) -> &'static str;
    /// Starts a job.
    fn add(&self, words: &[&str]) -> Command;
    /// The job's id in what that printed.
    fn id(&self, answer: &str) -> Result<String>;
    /// What is known of one job.
    fn show(&self, id: &str) -> Command;
    /// What is known of jobs.
    fn list(&self) -> Command;
    /// What a session begins with.
    fn resume(&self) -> Option<Command> {
        None
    }
    /// Ends when the job has ended.
    fn wait(&self, id: &str) -> Command;
    /// Waits for many jobs.
    fn wait_all(&self, ids: &[String]) -> Result<()>;
    /// Lets a job that was timed come to rest.
    fn rest(&self, id: &str) -> Result<()>;
    /// Makes so many finished jobs.
    fn fill(&mut self, count: usize) -> Result<()>;
    /// Resident and proportional megabytes of whoever looks after jobs.
    fn memory(&self) -> Result<memory::Memory>;
}

/// All that are installed, in a folder of their own each.
pub fn all(folder: &Path, programs: Option<&Path>) -> Result<Vec<Box<dyn Queue>>> {
    let place = |name: &str| -> Result<PathBuf> {
        let place = folder.join(name);
        std::fs::create_dir_all(&place)?;
        Ok(place)
    };
    let mut queues: Vec<Box<dyn Queue>> = vec![Box::new(State::new(&place("state")?)?)];
    match (find("pueue", programs), find("pueued", programs)) {
        (Some(client), Some(daemon)) => queues.push(Box::new(Pueue::new(&place("pueue")?, client, daemon)?)),
        _ => eprintln!("jobs  pueue and pueued are not on the PATH: their columns are left out"),
    }
    match find("tsp", programs) {
        Some(program) => queues.push(Box::new(Spooler { program, home: place("tsp")? })),
        None => eprintln!("jobs  tsp (task-spooler) is not on the PATH: its columns are left out"),
    }
    Ok(queues)
}

fn find(program: &str, first: Option<&Path>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = first.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    places.map(|place| place.join(program)).find(|program| program.is_file())
}

/// This executable as a job.
fn job(words: &[&str]) -> Vec<String> {
    let program = std::env::current_exe().unwrap_or_default().to_string_lossy().into_owned();
    [&[program.as_str(), "job"], words].concat().into_iter().map(str::to_owned).collect()
}

fn bare(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(home).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home);
    command
}

struct State(Contender);

impl State {
    fn new(folder: &Path) -> Result<Self> {
        let contender = Contender::state(folder);
        contender.run(&["init"])?;
        Ok(Self(contender))
    }

    fn command(&self, words: &[&str]) -> Command {
        self.0.command("bench", words)
    }
}

impl Queue for State {
    fn name(&self) -> &'static str {
        "state"
    }

    fn add(&self, words: &[&str]) -> Command {
        let mut command = self.command(&["run", "--label", "measured", "--"]);
        command.args(job(words));
        command
    }

    fn id(&self, answer: &str) -> Result<String> {
        Ok(answer.split(' ').next().filter(|id| id.starts_with("j-")).ok_or("run printed no id")?.to_owned())
    }

    fn show(&self, id: &str) -> Command {
        self.command(&["show", id])
    }

    fn list(&self) -> Command {
        self.command(&["list", "jobs"])
    }

    fn resume(&self) -> Option<Command> {
        Some(self.command(&["resume", "--full"]))
    }

    fn wait(&self, id: &str) -> Command {
        self.command(&["wait", id])
    }

    fn wait_all(&self, ids: &[String]) -> Result<()> {
        let mut command = self.command(&["wait"]);
        timing::run(command.args(ids)).map(drop)
    }

    fn rest(&self, id: &str) -> Result<()> {
        timing::run(&mut self.wait(id))?;
        // No catch-up of the index starts in the midst of a run.
        let number = id.bytes().map(usize::from).sum::<usize>();
        if number.is_multiple_of(10) { self.0.settle() } else { Ok(()) }
    }

    fn fill(&mut self, count: usize) -> Result<()> {
        fill::state(&self.0.store, count)?;
        self.0.settle()?;
        let all = self.0.run(&["list", "jobs"])?.text;
        if count > 0 && all.lines().count() < 20 {
            return Err(format!("{count} finished jobs were made, but are not listed:\n{all}").into());
        }
        Ok(())
    }

    fn memory(&self) -> Result<memory::Memory> {
        memory::of("state", &format!("STATE_DIR={}", self.0.store.display()))
    }
}

/// pueue with a daemon that this process started.
struct Pueue {
    client: PathBuf,
    daemon: PathBuf,
    home: PathBuf,
    running: Option<Child>,
}

impl Pueue {
    fn new(home: &Path, client: PathBuf, daemon: PathBuf) -> Result<Self> {
        let (shared, config) = (home.join("shared"), home.join("pueue.yml"));
        std::fs::create_dir_all(&shared)?;
        let shared = shared.display();
        std::fs::write(
            config,
            format!(
                "shared:\n  pueue_directory: {shared}\n  runtime_directory: {shared}\nclient: {{}}\ndaemon: {{}}\n"
            ),
        )?;
        let mut pueue = Self { client, daemon, home: home.to_owned(), running: None };
        pueue.start()?;
        timing::run(&mut pueue.command(&["parallel", &AT_ONCE.to_string()]))?;
        Ok(pueue)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = bare(&self.client, &self.home);
        command.arg("-c").arg(self.home.join("pueue.yml")).args(words);
        command
    }

    fn start(&mut self) -> Result<()> {
        let mut daemon = bare(&self.daemon, &self.home);
        daemon.arg("-c").arg(self.home.join("pueue.yml"));
        daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(daemon.spawn()?);
        let patience = Instant::now() + Duration::from_secs(60);
        while timing::run(&mut self.command(&["status"])).is_err() {
            if Instant::now() > patience {
                return Err("pueued does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        timing::run(&mut self.command(&["shutdown"]))?;
        self.running.take().map(|mut daemon| daemon.wait()).transpose()?;
        Ok(())
    }
}

impl Drop for Pueue {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.running.take() {
            // It is ours, and its folder is about to go.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Queue for Pueue {
    fn name(&self) -> &'static str {
        "pueue"
    }

    fn add(&self, words: &[&str]) -> Command {
        let mut command = self.command(&["add", "--print-task-id", "--"]);
        command.args(job(words));
        command
    }

    fn id(&self, answer: &str) -> Result<String> {
        Ok(answer.trim().parse::<usize>()?.to_string())
    }

    fn show(&self, id: &str) -> Command {
        self.command(&["log", id])
    }

    fn list(&self) -> Command {
        self.command(&["status"])
    }

    fn wait(&self, id: &str) -> Command {
        self.command(&["wait", "--quiet", id])
    }

    fn wait_all(&self, ids: &[String]) -> Result<()> {
        let mut command = self.command(&["wait", "--quiet"]);
        timing::run(command.args(ids)).map(drop)
    }

    fn rest(&self, _id: &str) -> Result<()> {
        // Its own wait would take seconds.
        std::thread::sleep(Duration::from_millis(50));
        Ok(())
    }

    fn fill(&mut self, count: usize) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let mut add = self.command(&["add", "--print-task-id", "--", "true"]);
        let id = self.id(&timing::run(&mut add)?.text)?;
        timing::run(&mut self.wait(&id))?;
        self.stop()?;
        fill::pueue(&self.home.join("shared"), count)?;
        self.start()
    }

    fn memory(&self) -> Result<memory::Memory> {
        memory::of("pueued", &format!("HOME={}", self.home.display()))
    }
}

/// task-spooler, whose server is started by its first job.
struct Spooler {
    program: PathBuf,
    home: PathBuf,
}

impl Spooler {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = bare(&self.program, &self.home);
        command.env("TS_SOCKET", self.home.join("socket")).env("TMPDIR", &self.home).args(words);
        command.env("TS_SLOTS", AT_ONCE.to_string()).env("TS_MAXFINISHED", KEPT).env("TS_MAXCONN", "1000");
        command
    }
}

impl Drop for Spooler {
    fn drop(&mut self) {
        // It may never have begun.
        let _ = self.command(&["-K"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

impl Queue for Spooler {
    fn name(&self) -> &'static str {
        "task-spooler"
    }

    fn add(&self, words: &[&str]) -> Command {
        let mut command = self.command(&[]);
        command.args(job(words));
        command
    }

    fn id(&self, answer: &str) -> Result<String> {
        Ok(answer.trim().parse::<usize>()?.to_string())
    }

    fn show(&self, id: &str) -> Command {
        self.command(&["-i", id])
    }

    fn list(&self) -> Command {
        self.command(&["-l"])
    }

    fn wait(&self, id: &str) -> Command {
        self.command(&["-w", id])
    }

    fn wait_all(&self, _ids: &[String]) -> Result<()> {
        while timing::run(&mut self.list())?.text.lines().any(|line| line.contains(" running ")) {}
        Ok(())
    }

    fn rest(&self, id: &str) -> Result<()> {
        timing::run(&mut self.wait(id)).map(drop)
    }

    fn fill(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            timing::run(&mut self.command(&["-n", "true"]))?;
        }
        Ok(())
    }

    fn memory(&self) -> Result<memory::Memory> {
        memory::of("tsp", &format!("TS_SOCKET={}", self.home.join("socket").display()))
    }
}
