//! Rules of files: they hear of changes while `list jobs --watch` runs.

use crate::rules::{ended_jobs, here, jobs, jobs_when};
use crate::support::{Shell, Workspace, wait_until};
use serde_json::{Value, json};
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
    workspace.write("notes.md", "x");
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
    let because = jobs(&workspace).iter().find(|job| job["label"] == "rust").map(|job| job["because"].clone());
    assert_eq!(because, Some(json!([format!("{rust}: file src/a.rs and 2 more")])));
}

#[test]
fn a_change_while_the_last_job_runs_starts_one_more_after_it() {
    let workspace = Workspace::git();
    let (go, pass) = (workspace.root().join("go"), workspace.root().join("pass"));
    let (go, pass) = (go.to_str().unwrap(), pass.to_str().unwrap());
    let wait = format!("[ -e '{pass}' ] || until [ -e '{go}' ]; do sleep 0.02; done");
    let rule = rule(&workspace, "file *.rs", &["--label", "check", "--", "sh", "-c", &wait]);
    let watching = Watching::of(&workspace, &["--json"]);
    watching.says(&rule);
    workspace.write("a.rs", "1");
    watching.says("file a.rs");
    for round in 0..3 {
        workspace.write("b.rs", round.to_string());
        std::thread::sleep(Duration::from_millis(400));
    }
    assert_eq!(jobs(&workspace).len(), 1, "it was started beside itself");
    std::fs::write(pass, "").unwrap();
    std::fs::write(go, "").unwrap();
    watching.says("file b.rs");
    assert_eq!(jobs_when(&workspace, 2), ["check ok", "check ok"]);
    let line = watching.out.lock().unwrap().lines().next().unwrap_or_default().to_owned();
    let job: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(job["label"], "check");
}

#[test]
fn a_job_that_changes_what_its_rule_watches_comes_to_an_end() {
    let workspace = Workspace::new();
    let rule = rule(&workspace, "file *.md", &["--label", "again", "--", "sh", "-c", "echo x >> a.md"]);
    let watching = Watching::of(&workspace, &[]);
    watching.says(&rule);
    workspace.write("a.md", "x");
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
    workspace.write("a.md", "1");
    first.says("fired");
    assert_eq!(jobs_when(&workspace, 2), ["seen ok", "x ok"]);
    assert!(!second.said.lock().unwrap().contains("fired"));
    drop(first);
    second.says(&format!("file rules work: {rule}"));
    workspace.write("b.md", "2");
    second.says("file b.md");
    workspace.ok(&["drop", &rule]);
    assert_eq!(ended_jobs(&workspace), ["seen ok", "x ok", "x ok"]);
}
