//! A hermetic workspace: its own home, an empty environment, and the real binary.
//!
//! [`Workspace`] owns the directory, [`Shell`] is somebody in it: a directory, a session, perhaps a fixed clock. Shells are
//! values; `shell.session("b")`, `shell.within("src")` are other somebodies in the same workspace.

use serde_json::Value;
use std::io::Write;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// The time of the first command of a shell with a fixed clock; every further command is a second later.
pub const START: &str = "2026-03-02T09:00:00Z";

/// A directory of its own with a store in it, removed at the end.
pub struct Workspace {
    shell: Shell,
    root: tempfile::TempDir,
}

/// Somebody who types commands.
#[derive(Clone)]
pub struct Shell {
    home: PathBuf,
    dir: PathBuf,
    session: Option<String>,
    clock: Option<Arc<AtomicI64>>,
    vars: Vec<(String, String)>,
}

impl Workspace {
    /// A plain directory without a store.
    pub fn empty() -> Self {
        let root = tempfile::Builder::new().prefix("state it ").tempdir().unwrap();
        let (home, dir) = (root.path().join("home"), root.path().join("work"));
        std::fs::create_dir(&home).unwrap();
        std::fs::create_dir(&dir).unwrap();
        let shell = Shell { home, dir, session: Some("tester".into()), clock: None, vars: Vec::new() };
        Self { shell, root }
    }

    /// A plain directory with a store.
    pub fn new() -> Self {
        let workspace = Self::empty();
        workspace.ok(&["init"]);
        workspace
    }

    /// A git repository with one commit and a store in its common directory.
    pub fn git() -> Self {
        let workspace = Self::empty();
        workspace.git_run(&["init", "-q", "-b", "main"]);
        workspace.git_run(&["commit", "-q", "--allow-empty", "-m", "start"]);
        workspace.ok(&["init"]);
        workspace
    }

    /// As [`Workspace::new`], with a fixed clock and repeatable ids.
    pub fn fixed() -> Self {
        let mut workspace = Self::empty();
        workspace.shell.clock = Some(Arc::new(AtomicI64::new(0)));
        workspace.ok(&["init"]);
        workspace
    }

    /// The directory that holds everything, the store included.
    pub fn root(&self) -> &Path {
        self.root.path()
    }
}

impl Deref for Workspace {
    type Target = Shell;

    fn deref(&self) -> &Shell {
        &self.shell
    }
}

impl Shell {
    /// The current directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The same, in another session.
    pub fn session(&self, name: &str) -> Self {
        Self { session: Some(name.to_owned()), ..self.clone() }
    }

    /// The same, as a program that the host of an agent starts: it names no session.
    pub fn hosted(&self) -> Self {
        Self { session: None, ..self.clone() }.with_var("STATE_TEST_HOOK_SECONDS", "60")
    }

    /// The same, in another directory, which is made if missing.
    pub fn within(&self, path: impl AsRef<Path>) -> Self {
        let dir = self.dir.join(path);
        std::fs::create_dir_all(&dir).unwrap();
        Self { dir, ..self.clone() }
    }

    /// The same, with one more environment variable.
    pub fn with_var(&self, name: &str, value: &str) -> Self {
        let mut shell = self.clone();
        shell.vars.push((name.to_owned(), value.to_owned()));
        shell
    }

    /// The same, at a fixed wall clock (RFC 3339), for every command.
    pub fn at(&self, clock: &str) -> Self {
        self.with_var("STATE_TEST_CLOCK", clock)
    }

    /// Moves the fixed clock on.
    pub fn advance(&self, seconds: i64) {
        let clock = self.clock.as_ref().expect("only workspaces from `fixed` have a clock");
        clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// `program` in this directory and environment, not yet run.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.home).env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CEILING_DIRECTORIES", self.home.parent().unwrap());
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Tester").env(format!("GIT_{role}_EMAIL"), "tester@example.org");
            command.env(format!("GIT_{role}_DATE"), START);
        }
        command.envs(self.session.iter().map(|name| ("STATE_SESSION", name)));
        if let Some(clock) = &self.clock {
            let seconds = clock.fetch_add(1, Ordering::Relaxed);
            let start: chrono::DateTime<chrono::Utc> = START.parse().unwrap();
            command.env("STATE_TEST_CLOCK", (start + chrono::TimeDelta::seconds(seconds)).to_rfc3339());
            command.env("STATE_TEST_SEED", seconds.to_string());
        }
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `state` with these arguments, not yet run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_state"));
        command.args(args);
        command
    }

    /// Starts `state` with its output captured.
    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs `state` with `input` on stdin, whatever comes of it.
    pub fn run(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
        // A thread, because both pipes can be full at once; a command that does not read its input may close it.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        output
    }

    /// Runs `state`, which must succeed, and returns its stdout.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        self.ok_with(args, "")
    }

    /// Runs `state` with `input` on stdin; it must succeed. Returns its stdout.
    #[track_caller]
    pub fn ok_with(&self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input.as_bytes());
        assert_eq!(output.status.code(), Some(0), "state {args:?}\n{}", transcript(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `state`, which must fail with this exit code and a decent message, and returns its stderr.
    #[track_caller]
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        self.fails_with(code, args, b"")
    }

    /// Runs `state` with `input` on stdin; it must fail with this exit code. Returns its stderr.
    #[track_caller]
    pub fn fails_with(&self, code: i32, args: &[&str], input: &[u8]) -> String {
        let output = self.run(args, input);
        assert_eq!(output.status.code(), Some(code), "state {args:?}\n{}", transcript(&output));
        let message = String::from_utf8(output.stderr).unwrap();
        assert_is_decent(&message);
        message
    }

    /// Runs `state --json`, which must succeed, and returns what it says.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        self.json_with(args, "")
    }

    /// Runs `state --json` with `input` on stdin.
    #[track_caller]
    pub fn json_with(&self, args: &[&str], input: &str) -> Value {
        let text = self.ok_with(&[&["--json"], args].concat(), input);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("state {args:?} --json: {error}\n{text}"))
    }

    /// Adds a record and returns its id.
    #[track_caller]
    pub fn add(&self, kind: &str, title: &str) -> String {
        self.add_with(kind, title, &[])
    }

    /// Adds a record with further options and returns its id.
    #[track_caller]
    pub fn add_with(&self, kind: &str, title: &str, options: &[&str]) -> String {
        let report = self.json(&[&["add", kind, title], options].concat());
        ids(&report).into_iter().next().unwrap_or_else(|| panic!("no record in {report}"))
    }

    /// The ids that a search finds, best first.
    #[track_caller]
    pub fn search(&self, words: &[&str]) -> Vec<String> {
        ids(&self.json(&[&["search"], words].concat()))
    }

    /// One field of a record, as `show --json` tells it.
    #[track_caller]
    pub fn field(&self, id: &str, field: &str) -> Value {
        records(&self.json(&["show", id]))[0][field].clone()
    }

    /// Runs git, which must succeed.
    #[track_caller]
    pub fn git_run(&self, args: &[&str]) -> String {
        let output = self.program("git").args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}\n{}", transcript(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A further worktree on a new branch, beside the first one.
    #[track_caller]
    pub fn worktree(&self, branch: &str) -> Self {
        let path = self.home.parent().unwrap().join(branch);
        self.git_run(&["worktree", "add", "-q", "-b", branch, path.to_str().unwrap()]);
        Self { dir: path, session: Some(branch.to_owned()), ..self.clone() }
    }

    /// Writes a file below the current directory.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The directory of the store in use.
    pub fn store(&self) -> PathBuf {
        [".state", ".git/state"].iter().map(|name| self.dir.join(name)).find(|path| path.is_dir()).expect("a store")
    }
}

/// The records of a report, in order, whichever verb made it.
pub fn records(report: &Value) -> Vec<Value> {
    let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    let hits = list("hits").into_iter().map(|hit| hit["record"].clone());
    list("records").into_iter().chain(hits).collect()
}

/// The ids of the records of a report, in order.
pub fn ids(report: &Value) -> Vec<String> {
    texts(report, "id")
}

/// One text field of each record of a report, in order.
pub fn texts(report: &Value, field: &str) -> Vec<String> {
    records(report).iter().map(|record| record[field].as_str().unwrap_or_default().to_owned()).collect()
}

/// What a command printed, for a failing assertion.
pub fn transcript(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\nstdout: {}\nstderr: {}", output.status, text(&output.stdout), text(&output.stderr))
}

/// An error is short, names no Rust type, and suggests nothing that destroys.
#[track_caller]
pub fn assert_is_decent(message: &str) {
    assert!(!message.trim().is_empty(), "failed without a word");
    assert!(message.len() < 2_000, "{} bytes of error: {message:.300}", message.len());
    for refused in
        ["panicked", "RUST_BACKTRACE", "Some(", "Err(", "rm -", "delete the", "--force", "git clean", "reset --hard"]
    {
        assert!(!message.contains(refused), "`{refused}` in: {message}");
    }
}

/// Waits until `holds`, at most `limit`; says what it waited for if it never does.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `usual` rounds, times `STATE_TEST_ROUNDS` if that is set.
pub fn rounds(usual: usize) -> usize {
    let factor = std::env::var("STATE_TEST_ROUNDS").ok().and_then(|text| text.parse().ok());
    usual * factor.unwrap_or(1_usize)
}

/// Whether a program is installed.
pub fn installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// All files with this extension below a folder of the crate, sorted.
pub fn files_under(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    found
}
