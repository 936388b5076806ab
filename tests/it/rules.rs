//! Rules: each event starts a job once, here, and never in a circle.

use crate::support::{Shell, Workspace, ids, transcript, wait_until};
use serde_json::{Value, json};
use state::ops::done::{self, End, EndInput};
use state::ops::workspace::{Environment, Identity, Workspace as Opened};
use std::time::Duration;

const STATE: &str = env!("CARGO_BIN_EXE_state");
const LONG: Duration = Duration::from_mins(2);

/// Makes a rule and returns its id.
#[track_caller]
fn rule(shell: &Shell, on: &str, rest: &[&str]) -> String {
    let made = shell.json(&[&["run", "--on", on], rest].concat());
    made["rule"]["id"].as_str().unwrap().to_owned()
}

/// The names of all jobs, sorted; all of them have ended, and nothing is left to be started.
pub fn ended_jobs(shell: &Shell) -> Vec<String> {
    let mut names = Vec::new();
    wait_until("all jobs have ended", LONG, || {
        let jobs = jobs(shell);
        let status = |job: &Value| job["status"].as_str().unwrap().to_owned();
        names = jobs.iter().map(|job| format!("{} {}", job["label"].as_str().unwrap_or("-"), status(job))).collect();
        jobs.iter().all(|job| !["waiting", "running"].contains(&status(job).as_str()))
    });
    names.sort_unstable();
    names
}

/// Waits until there are so many jobs, and all have ended.
#[track_caller]
pub fn jobs_when(shell: &Shell, count: usize) -> Vec<String> {
    wait_until(&format!("{count} jobs"), LONG, || jobs(shell).len() >= count);
    ended_jobs(shell)
}

pub fn jobs(shell: &Shell) -> Vec<Value> {
    shell.json(&["list", "jobs"])["jobs"].as_array().unwrap().clone()
}

fn job(shell: &Shell, label: &str) -> Value {
    jobs(shell).into_iter().find(|job| job["label"] == label).unwrap_or_else(|| panic!("no job {label}"))
}

pub fn here(shell: &Shell, rule: &str) -> Value {
    shell.json(&["show", rule])["records"][0]["rule"]["here"].clone()
}

/// What a command says on stderr; it must succeed.
#[track_caller]
fn said(shell: &Shell, args: &[&str]) -> String {
    let output = shell.run(args, b"");
    assert!(output.status.success(), "{args:?}: {}", transcript(&output));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn each_end_of_a_job_starts_what_waits_for_it_once() {
    let workspace = Workspace::new();
    for (end, label) in [("ok", "on-ok"), ("fail", "on-fail"), ("lost", "on-lost"), ("any", "on-any")] {
        rule(&workspace, &format!("job lint* {end}"), &["--label", label, "--", "true"]);
    }
    workspace.ok(&["run", "--label", "lint-a", "--wait", "--", "true"]);
    assert_eq!(jobs_when(&workspace, 3), ["lint-a ok", "on-any ok", "on-ok ok"]);
    workspace.ok(&["run", "--label", "test", "--", "true"]);
    workspace.run(&["run", "--label", "lint-b", "--wait", "--", "false"], b"");
    let expected = ["lint-a ok", "lint-b failed", "on-any ok", "on-any ok", "on-fail ok", "on-ok ok", "test ok"];
    assert_eq!(jobs_when(&workspace, 7), expected);
}

#[test]
fn a_lost_job_starts_what_waits_for_it() {
    let workspace = Workspace::new();
    let rule = rule(&workspace, "job deploy lost", &["--label", "rescue", "--", "true"]);
    let id = workspace.json(&["run", "--label", "deploy", "--", "sleep", "300"])["job"]["id"].clone();
    let path = workspace.store().join("jobs").join(id.as_str().unwrap()).join("status.json");
    let mut supervisor = None;
    wait_until("it runs", LONG, || {
        let status: Value = serde_json::from_slice(&std::fs::read(&path).unwrap_or_default()).unwrap_or_default();
        supervisor = status["supervisor"].as_str().and_then(|process| Some(process.split_once(':')?.0.to_owned()));
        supervisor.is_some() && status["state"] == "running"
    });
    let kill = format!("kill -9 {}", supervisor.unwrap());
    assert!(workspace.program("sh").args(["-c", &kill]).status().unwrap().success());
    wait_until("it fired", LONG, || said(&workspace, &["list", "jobs"]).contains(&format!("{rule} fired: ")));
    assert_eq!(ended_jobs(&workspace), ["deploy lost", "rescue ok"]);
    workspace.ok(&["drop", id.as_str().unwrap()]);
}

#[test]
fn a_record_that_changes_its_status_starts_a_job_and_both_say_why() {
    let workspace = Workspace::new();
    let rule = rule(&workspace, "record task done", &["--label", "deploy", "--", "echo", "hello"]);
    let task = workspace.add("task", "Write it");
    assert_eq!(said(&workspace, &["edit", &task, "--title", "Write all"]), "", "no status has changed");
    let line = said(&workspace, &["done", &task]);
    let id = job(&workspace, "deploy")["id"].as_str().unwrap().to_owned();
    assert_eq!(line, format!("{rule} fired: {id} deploy (task {task} done)\n"));
    assert_eq!(ended_jobs(&workspace), ["deploy ok"]);
    assert_eq!(job(&workspace, "deploy")["because"], json!([format!("{rule}: task {task} done")]));
    assert!(workspace.ok(&["show", &id]).contains(&format!("because {rule}: task {task} done")));
    let here = here(&workspace, &rule);
    assert_eq!((&here["fired"], &here["job"]), (&json!(1), &json!(id)));
    assert!(workspace.ok(&["list", "rules"]).contains("on record task done: deploy: echo hello"));

    workspace.ok(&["start", &task]);
    let report = workspace.json(&["done", &task]);
    let fired = &report["fired"][0];
    assert_eq!((&fired["rule"], &fired["name"]), (&json!(rule), &json!("deploy")), "{report}");
    assert!(fired["job"].is_string() && fired["because"] == format!("task {task} done"), "{report}");
    assert_eq!(ended_jobs(&workspace), ["deploy ok", "deploy ok"]);
}

#[test]
fn a_dropped_rule_starts_nothing_until_it_is_started_again() {
    let workspace = Workspace::new();
    let rule = rule(&workspace, "record note live", &["--label", "x", "--", "true"]);
    let same = workspace.json(&["run", "--on", "record note live", "--label", "x", "--", "true"]);
    assert_eq!((&same["same"], &same["rule"]["id"]), (&json!(true), &json!(rule)));
    workspace.ok(&["drop", &rule]);
    assert_eq!(said(&workspace, &["add", "note", "one"]), "");
    assert!(ids(&workspace.json(&["list", "rules"])).is_empty());
    workspace.ok(&["start", &rule]);
    assert!(said(&workspace, &["add", "note", "two"]).contains("fired"));
    assert_eq!(ended_jobs(&workspace), ["x ok"]);
}

/// The supervisor of the first job comes by while the second is still to be started, and leaves it to the command.
#[test]
fn who_brought_an_event_about_tells_of_all_that_it_started() {
    let workspace = Workspace::new();
    let rules: Vec<String> =
        (0..5).map(|at| rule(&workspace, "record note live", &["--label", &at.to_string(), "--", "true"])).collect();
    let line = said(&workspace, &["add", "note", "one"]);
    assert!(rules.iter().all(|rule| line.contains(&format!("{rule} fired"))), "{line}");
    assert_eq!(ended_jobs(&workspace).len(), 5);
}

/// The library starts no processes, so it is as a process that was killed after its commit.
fn done_and_killed(workspace: &Workspace, task: &str) {
    let environment = Environment {
        store: None,
        state_dir: None,
        cwd: workspace.dir().to_owned(),
        identity: Identity { session: "killed".into(), actor: "me".into(), process: None },
        clock: chrono::Utc::now,
        seed: [9; 16],
        command: "test".into(),
        program: None,
    };
    let opened = Opened::open(environment).unwrap();
    done::end(&opened, &EndInput { ids: vec![task.to_owned()], end: End::Done, message: None }).unwrap();
}

#[test]
fn what_a_killed_process_left_is_started_by_the_next_ones_once() {
    let workspace = Workspace::new();
    rule(&workspace, "record task done", &["--label", "deploy", "--", "true"]);
    let task = workspace.add("task", "Write it");
    done_and_killed(&workspace, &task);
    let next: Vec<_> = (0..8).map(|_| workspace.spawn(&["list", "jobs"])).collect();
    let said: Vec<_> = next.into_iter().map(|child| child.wait_with_output().unwrap().stderr).collect();
    let fired = said.iter().filter(|said| String::from_utf8_lossy(said).contains("fired"));
    assert_eq!(fired.count(), 1, "two processes started it, or none");
    assert_eq!(ended_jobs(&workspace), ["deploy ok"]);
}

#[test]
fn what_cannot_be_started_now_is_started_later() {
    let workspace = Workspace::new();
    rule(&workspace, "record task done", &["--label", "deploy", "--", "true"]);
    let (jobs, task) = (workspace.store().join("jobs"), workspace.add("task", "Write it"));
    let _ = std::fs::remove_dir_all(&jobs);
    std::fs::write(&jobs, "in the way").unwrap();
    let line = said(&workspace, &["done", &task]);
    assert!(line.contains("held back") && line.contains("the next command tries again"), "{line}");
    std::fs::remove_file(&jobs).unwrap();
    assert!(said(&workspace, &["list", "jobs"]).contains("fired"));
    assert_eq!(ended_jobs(&workspace), ["deploy ok"]);
}

#[test]
fn what_can_never_be_started_is_given_up_and_told() {
    let workspace = Workspace::new();
    let first = workspace.json(&["run", "--label", "first", "--", "sleep", "300"])["job"]["id"].clone();
    let first = first.as_str().unwrap();
    let rule = rule(&workspace, "record note live", &["--after", first, "--label", "x", "--", "true"]);
    workspace.ok(&["drop", first]);
    let line = said(&workspace, &["add", "note", "one"]);
    assert!(line.contains(&format!("{rule} held back (note n-")) && line.contains("could never start"), "{line}");
    assert!(here(&workspace, &rule)["held"].as_str().unwrap().contains("could never start"));
    assert_eq!(said(&workspace, &["list", "jobs"]), "");
    assert_eq!(ended_jobs(&workspace), ["first killed"]);
}

#[test]
fn imports_start_nothing_and_imported_rules_neither() {
    let (from, to) = (Workspace::new(), Workspace::empty());
    let file = to.root().join("all.jsonl");
    let export = || drop(from.ok(&["export", "--output", file.to_str().unwrap()]));
    let foreign = rule(&from, "record note live", &["--label", "foreign", "--", "true"]);
    let task = from.add("task", "Elsewhere");
    export();
    to.ok(&["init"]);
    to.ok(&["import", file.to_str().unwrap()]);
    from.ok(&["done", &task]);
    std::fs::remove_file(&file).unwrap();
    export();
    rule(&to, "record task done", &["--label", "deploy", "--", "true"]);
    rule(&to, "record * *", &["--label", "all", "--", "true"]);
    to.write("notes/a.md", "# A note\n\n## Done\n- one\n\ntext\n");
    assert_eq!(said(&to, &["import", file.to_str().unwrap()]), "");
    assert_eq!(to.field(&task, "status"), "done");
    assert_eq!(said(&to, &["import", "notes"]), "");
    assert_eq!(ended_jobs(&to), [""; 0]);
    assert!(to.ok(&["show", &foreign]).contains("made elsewhere: it runs nothing here"));
    let line = said(&to, &["add", "note", "one"]);
    assert!(line.contains(" all (note n-") && !line.contains("foreign"), "{line}");
}

#[test]
fn a_copied_store_starts_nothing_by_the_rules_of_the_original() {
    let workspace = Workspace::new();
    let rule = rule(&workspace, "record note live", &["--label", "x", "--", "true"]);
    let copy = Workspace::empty();
    let there = copy.dir().join(".state");
    std::fs::create_dir(&there).unwrap();
    std::fs::copy(workspace.store().join("state.redb"), there.join("state.redb")).unwrap();
    assert_eq!(said(&copy, &["add", "note", "in the copy"]), "");
    assert_eq!(ended_jobs(&copy), [""; 0]);
    assert!(copy.ok(&["show", &rule]).contains("made elsewhere: it runs nothing here"));
    assert!(said(&workspace, &["add", "note", "in the original"]).contains(&format!("{rule} fired")));
    assert_eq!(ended_jobs(&workspace), ["x ok"]);
}

/// The result is kept by whoever sees that the job has ended.
#[test]
fn a_job_is_never_started_by_its_own_results() {
    let workspace = Workspace::new();
    let command = ["--label", "again", "--result", "out.txt", "--", "sh", "-c", "echo $$ > out.txt"];
    let rule = rule(&workspace, "record artifact live", &command);
    workspace.ok(&["run", "--label", "first", "--result", "in.txt", "--", "sh", "-c", "echo x > in.txt"]);
    wait_until("it is told", LONG, || here(&workspace, &rule)["held"].is_string());
    assert!(here(&workspace, &rule)["held"].as_str().unwrap().contains("a loop"));
    assert_eq!(ended_jobs(&workspace), ["again ok", "first ok"]);
}

#[test]
fn no_rules_holds_them_back_for_good() {
    let workspace = Workspace::new();
    rule(&workspace, "record task done", &["--label", "deploy", "--", "true"]);
    rule(&workspace, "job * any", &["--label", "after", "--", "true"]);
    let task = workspace.add("task", "Write it");
    assert_eq!(said(&workspace, &["done", &task, "--no-rules"]), "");
    workspace.ok(&["run", "--no-rules", "--label", "quiet", "--wait", "--", "true"]);
    workspace.ok(&["add", "note", "one"]);
    assert_eq!(ended_jobs(&workspace), ["quiet ok"]);
}

#[test]
fn two_rules_that_start_each_other_come_to_an_end() {
    let workspace = Workspace::new();
    let one = rule(&workspace, "job a ok", &["--label", "b", "--", "true"]);
    rule(&workspace, "job b ok", &["--label", "a", "--", "true"]);
    workspace.ok(&["run", "--label", "a", "--", "true"]);
    assert_eq!(jobs_when(&workspace, 3), ["a ok", "a ok", "b ok"]);
    wait_until("it is told", LONG, || workspace.ok(&["show", &one]).contains("a loop"));
    assert_eq!(ended_jobs(&workspace).len(), 3);
}

#[test]
fn no_trail_is_longer_than_eight() {
    let workspace = Workspace::new();
    let rules: Vec<String> = (0..9)
        .map(|at| rule(&workspace, &format!("job s{at} ok"), &["--label", &format!("s{}", at + 1), "--", "true"]))
        .collect();
    workspace.ok(&["run", "--label", "s0", "--", "true"]);
    wait_until("it is told", LONG, || here(&workspace, &rules[8])["held"].is_string());
    assert_eq!(ended_jobs(&workspace).len(), 9);
    assert_eq!(job(&workspace, "s8")["because"].as_array().unwrap().len(), 8);
    assert!(here(&workspace, &rules[8])["held"].as_str().unwrap().contains("8 rules in a row"));
}

#[test]
fn what_a_started_job_does_has_its_trail() {
    let workspace = Workspace::new();
    let inner = format!("'{STATE}' run --label inner -- true; '{STATE}' add note made");
    let outer = rule(&workspace, "record * live", &["--label", "outer", "--", "sh", "-c", &inner]);
    let line = said(&workspace, &["add", "finding", "first"]);
    assert!(line.contains(&format!("{outer} fired")), "{line}");
    assert_eq!(jobs_when(&workspace, 2), ["inner ok", "outer ok"]);
    assert_eq!(job(&workspace, "inner")["because"], job(&workspace, "outer")["because"]);
    assert!(here(&workspace, &outer)["held"].as_str().unwrap().contains("a loop"), "the note started it again");
    let outer = job(&workspace, "outer")["id"].as_str().unwrap().to_owned();
    assert!(workspace.ok(&["show", &outer]).contains("held back (note n-"), "the job was not told");
}

#[test]
fn what_makes_no_sense_for_a_rule_is_refused() {
    let workspace = Workspace::new();
    for (options, word) in [
        (&["--on", "job lint done"][..], "not an end"),
        (&["--on", "record task purple"], "no status"),
        (&["--on", "when the moon"], "not an event"),
        (&["--on", "job a ok", "--wait"], "--wait"),
        (&["--on", "job a ok", "--once", "k"], "--once"),
        (&["--on", "job a ok", "--with-session"], "--with-session"),
        (&["--on", "job a ok", "--env", "A=secret"], "the value of A cannot be kept"),
        (&["--on", "job a ok", "--retry", "1000"], "retries"),
    ] {
        let message = workspace.fails(2, &[&["run"], options, &["--", "true"]].concat());
        assert!(message.contains(word) && !message.contains("secret"), "{options:?}: {message}");
    }
    workspace.fails(1, &["run", "--on", "job a ok", "--for", "t-zzzzz", "--", "true"]);
    workspace.fails(2, &["run", "--on", "job a ok"]);
    workspace.fails(2, &["list", "tasks", "--watch"]);
    assert!(ids(&workspace.json(&["list", "rules", "--all"])).is_empty());
}
