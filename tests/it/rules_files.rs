//! Rules of files: they hear of changes while `list jobs --watch` runs.

use crate::rules::{ended_jobs, here, jobs, jobs_when};
use crate::support::{Shell, Workspace, wait_until};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_mins(2);

/// A running `list jobs --watch`, and what it has printed.
struct Watching {
    child: Child,
    out: Arc<Mutex<String>>,
    said: Arc<Mutex<String>>,
}

impl Watching {
    fn of(shell: &Shell, options: &[&str]) -> Self {
        let mut child = shell.spawn(&[&["list", "jobs", "--watch"], options].concat());
        let (out, said) = (gathered(child.stdout.take().unwrap()), gathered(child.stderr.take().unwrap()));
        Self { child, out, said }
    }

    #[track_caller]
    fn says(&self, word: &str) {
        let start = Instant::now();
        while !self.said.lock().unwrap().contains(word) {
            assert!(start.elapsed() < LONG, "it never said {word}, but: {}", self.said.lock().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn prints(&self, word: &str) {
        wait_until(&format!("it prints {word}"), LONG, || self.out.lock().unwrap().contains(word));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gathered(from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let held = Arc::clone(&text);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            held.lock().unwrap().push_str(&(line + "\n"));
        }
    });
    text
}

/// Writes a file at once: on a busy machine one that is made and then written changes twice.
fn put(workspace: &Workspace, path: &str) {
    let new = workspace.root().join("new");
    std::fs::write(&new, "x").unwrap();
    std::fs::rename(new, workspace.dir().join(path)).unwrap();
}

fn rule(shell: &Shell, on: &str, rest: &[&str]) -> String {
    let made = shell.json(&[&["run", "--on", on], rest].concat());
    made["rule"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_burst_of_changes_starts_a_job_once_and_ignored_files_never_do() {
    let workspace = Workspace::git();
    workspace.write(".gitignore", "target/\n*.log\n");
    workspace.write("target/old", "x");
    let all = rule(&workspace, "file **", &["--label", "all", "--", "true"]);
    let rust = rule(&workspace, "file *.rs", &["--label", "rust", "--", "true"]);
    let watching = Watching::of(&workspace, &[]);
    watching.says(&format!("file rules work: {all}, {rust}"));
    for file in ["target/a.rs", "target/deep/b.rs", "build.log", ".git/x.rs"] {
        workspace.write(file, "x");
    }
    put(&workspace, "notes.md");
    watching.says("all (file notes.md)");
    assert_eq!(jobs_when(&workspace, 1), ["all ok"]);
    // At once, however slow the machine is.
    for file in ["target/new/a.rs", "target/new/b.rs", "target/new/deep/c.rs"] {
        workspace.write(file, "x");
    }
    std::fs::rename(workspace.dir().join("target/new"), workspace.dir().join("src")).unwrap();
    watching.says("rust (file src/a.rs and 2 more)");
    assert_eq!(jobs_when(&workspace, 3), ["all ok", "all ok", "rust ok"]);
    watching.prints("ok rust");
    // Behind it may stand the job that had ended a moment before: who has written a file is not known.
    let rust_job = jobs(&workspace).into_iter().find(|job| job["label"] == "rust").unwrap();
    assert_eq!(rust_job["because"][0], format!("{rust}: file src/a.rs and 2 more"));
}

#[test]
fn a_change_while_the_last_job_runs_starts_one_more_after_it() {
    let workspace = Workspace::git();
    let (go, pass) = (workspace.root().join("go"), workspace.root().join("pass"));
    let wait = format!("[ -e '{}' ] || until [ -e '{}' ]; do sleep 0.02; done", pass.display(), go.display());
    let check = rule(&workspace, "file *.rs", &["--label", "check", "--", "sh", "-c", &wait]);
    let other = rule(&workspace, "file b.rs", &["--label", "other", "--", "true"]);
    let watching = Watching::of(&workspace, &["--json"]);
    watching.says(&format!("{check}, {other}"));
    put(&workspace, "a.rs");
    watching.says("file a.rs");
    for round in 1..=3 {
        put(&workspace, "b.rs");
        wait_until("it is heard", LONG, || here(&workspace, &other)["fired"] == round);
    }
    let named = |name: &str| jobs(&workspace).iter().filter(|job| job["label"] == name).count();
    assert_eq!(named("check"), 1, "it was started beside itself");
    std::fs::write(pass, "").unwrap();
    std::fs::write(go, "").unwrap();
    let expected = ["check ok", "check ok", "other ok", "other ok", "other ok"];
    assert_eq!(jobs_when(&workspace, 5), expected);
    let line = watching.out.lock().unwrap().lines().next().unwrap_or_default().to_owned();
    let job: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(job["label"], "check");
}

/// Holds the store as another process would, until the watcher has given up waiting for it.
fn a_change_is_heard_later(hold: fn(&File) -> std::io::Result<()>) {
    let workspace = Workspace::new();
    let rule = rule(&workspace, "file *.md", &["--label", "x", "--", "true"]);
    let watching = Watching::of(&workspace, &[]);
    watching.says(&rule);
    let lock = File::options().read(true).write(true).open(workspace.store().join("lock")).unwrap();
    hold(&lock).unwrap();
    put(&workspace, "a.md");
    for _ in 0..2 {
        workspace.fails(3, &["add", "note", "one"]);
    }
    drop(lock);
    watching.says("x (file a.md)");
    assert_eq!(jobs_when(&workspace, 1), ["x ok"]);
}

#[test]
fn a_change_while_the_store_cannot_be_read_is_heard_later() {
    a_change_is_heard_later(File::lock);
}

#[test]
fn a_change_while_the_store_cannot_be_written_is_heard_later() {
    a_change_is_heard_later(File::lock_shared);
}

#[test]
fn a_job_that_changes_what_its_rule_watches_comes_to_an_end() {
    let workspace = Workspace::new();
    let rule = rule(&workspace, "file *.md", &["--label", "again", "--", "sh", "-c", "echo x >> a.md"]);
    let watching = Watching::of(&workspace, &[]);
    watching.says(&rule);
    put(&workspace, "a.md");
    wait_until("it is told", LONG, || here(&workspace, &rule)["held"].is_string());
    assert!(here(&workspace, &rule)["held"].as_str().unwrap().contains("8 rules in a row"));
    assert_eq!(ended_jobs(&workspace).len(), 8);
}

#[test]
fn of_two_that_watch_one_hears_and_the_other_goes_on() {
    let workspace = Workspace::new();
    let rule = rule(&workspace, "file *.md", &["--label", "x", "--", "true"]);
    let first = Watching::of(&workspace, &[]);
    first.says(&rule);
    let second = Watching::of(&workspace, &[]);
    workspace.ok(&["run", "--label", "seen", "--wait", "--", "true"]);
    second.prints("seen");
    put(&workspace, "a.md");
    first.says("fired");
    assert_eq!(jobs_when(&workspace, 2), ["seen ok", "x ok"]);
    assert!(!second.said.lock().unwrap().contains("fired"));
    drop(first);
    second.says(&format!("file rules work: {rule}"));
    put(&workspace, "b.md");
    second.says("file b.md");
    workspace.ok(&["drop", &rule]);
    assert_eq!(ended_jobs(&workspace), ["seen ok", "x ok", "x ok"]);
}

#[test]
fn watching_ends_when_nobody_reads_it_though_nothing_changes() {
    let workspace = Workspace::git();
    let mut child = workspace.spawn(&["list", "jobs", "--watch"]);
    drop(child.stdout.take());
    wait_until("it ends", LONG, || child.try_wait().unwrap().is_some());
    assert!(child.wait().unwrap().success());
}
