//! `doctor` and `doctor --prune` for jobs: what nobody may ask for any more goes, all else stays, what is wrong is said.

use crate::jobs::kill_supervisor;
use crate::support::{Shell, Workspace, wait_until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(120);
const OLD: &str = "2026-01-05T09:00:00Z";
const LATER: &str = "2026-06-05T09:00:00Z";

fn start(shell: &Shell, args: &[&str]) -> String {
    shell.json(&[&["run"], args].concat())["job"]["id"].as_str().unwrap().to_owned()
}

/// A job that ended and was told of.
fn done(shell: &Shell, args: &[&str]) -> String {
    let id = start(shell, args);
    shell.run(&["wait", &id, "--timeout", "2m"], b"");
    id
}

fn dir(shell: &Shell, id: &str) -> PathBuf {
    shell.store().join("jobs").join(id)
}

/// What is done about jobs, or would be.
fn prune(shell: &Shell, more: &[&str]) -> Value {
    shell.at(LATER).json(&[&["doctor", "--prune", "--older", "30d"], more].concat())["jobs"].clone()
}

#[test]
fn old_output_goes_and_the_record_says_so() {
    let workspace = Workspace::new();
    let old = done(&workspace.at(OLD), &["--label", "build", "--", "echo", "hello"]);
    let young = done(&workspace.at("2026-06-04T09:00:00Z"), &["--", "true"]);
    let plan = prune(&workspace, &["--dry-run"]);
    assert_eq!((&plan["directories"], &plan["examples"][0]), (&1.into(), &old.as_str().into()), "{plan}");
    assert!(plan["bytes"].as_u64().unwrap() > 0);
    assert!(dir(&workspace, &old).is_dir(), "a plan changes nothing");
    let text = workspace.at(LATER).ok(&["doctor", "--prune", "--older", "30d", "--dry-run"]);
    assert!(text.contains("Would remove output and files of 1 ended job") && text.contains("Next: "), "{text}");
    assert_eq!(prune(&workspace, &[])["directories"], 1);
    assert!(!dir(&workspace, &old).exists() && dir(&workspace, &young).is_dir());
    let shown = workspace.ok(&["show", &old]);
    assert!(shown.contains("its output was pruned") && shown.contains("build"), "{shown}");
    assert_eq!(workspace.field(&old, "status"), "ok");
    workspace.fails(1, &["run", "--again", &old]);
    assert!(workspace.fails(1, &["drop", &old]).contains("is over: ok"));
    assert_eq!(prune(&workspace, &[])["directories"], 0);
    workspace.ok(&["doctor"]);
}

#[test]
fn of_a_prune_that_cannot_write_nothing_is_gone() {
    let workspace = Workspace::new();
    let old = workspace.at(OLD);
    let job = done(&old, &["--", "echo", "hello"]);
    let task = old.add("task", "long over");
    old.ok(&["done", &task, "-m", "it was"]);
    let held = std::fs::File::create(workspace.store().join("rewrite.lock")).unwrap();
    held.lock().unwrap();
    let args = ["doctor", "--prune", "--older", "30d"];
    workspace.at(LATER).fails(3, &args);
    assert!(dir(&workspace, &job).is_dir(), "its files went before the log was rewritten");
    drop(held);
    let report = workspace.at(LATER).json(&args);
    assert!(report["records"].as_u64() >= Some(1) && !dir(&workspace, &job).exists(), "{report}");
}

#[test]
fn what_somebody_may_ask_for_stays() {
    let workspace = Workspace::git();
    let old = workspace.at(OLD);
    let linked = done(&old, &["--", "true"]);
    let finding = workspace.add("finding", "seen in that output");
    workspace.ok(&["link", &finding, "relates", &linked]);
    let task = workspace.add("task", "goes on");
    let of_task = done(&old, &["--for", &task, "--", "true"]);
    let tried = done(&old, &["--speculative", "--reversible", "--", "true"]);
    let awaited = done(&old, &["--", "true"]);
    let gate = start(&old, &["--external", "--label", "gate"]);
    let waits = start(&old, &["--after", &awaited, "--after", &gate, "--", "true"]);
    let parent = done(&old, &["--", "sh", "-c", "sleep 600 > /dev/null 2>&1 & exit 0"]);
    let unread = start(&old, &["--", "true"]);
    wait_until("its end is known", LONG, || prune(&workspace, &["--dry-run"])["kept"]["unread"] == 1);
    let report = prune(&workspace, &[]);
    let kept = serde_json::json!({"linked": 2, "undecided": 1, "awaited": 1, "left processes": 1, "unread": 1});
    assert_eq!((&report["directories"], &report["kept"]), (&0.into(), &kept), "{report}");
    for id in [&linked, &of_task, &tried, &awaited, &gate, &waits, &parent, &unread] {
        assert!(dir(&workspace, id).is_dir(), "{id}");
    }
    old.ok(&["drop", &parent]);
    old.ok(&["drop", &tried]);
    old.ok(&["done", &gate, "--exit", "0"]);
    old.ok(&["wait", &waits, "--timeout", "2m"]);
    old.ok(&["done", &task]);
    old.ok(&["list", "jobs"]);
    assert_eq!(prune(&workspace, &[])["kept"], serde_json::json!({"linked": 1}));
    assert!(dir(&workspace, &linked).is_dir() && !dir(&workspace, &awaited).exists());
}

/// The texts of the checks of jobs.
fn checks(shell: &Shell) -> String {
    let report: Value = serde_json::from_slice(&shell.run(&["--json", "doctor"], b"").stdout).unwrap();
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "jobs");
    checks.map(|check| format!("{}: {}\n", check["state"].as_str().unwrap(), check["text"].as_str().unwrap())).collect()
}

#[test]
fn a_job_whose_directory_was_removed_is_lost() {
    let workspace = Workspace::new();
    let id = start(&workspace, &["--external", "--label", "elsewhere"]);
    let export = workspace.dir().join("all.jsonl");
    workspace.ok(&["export", "--output", export.to_str().unwrap()]);
    kill_supervisor(&workspace, &id);
    std::fs::remove_dir_all(dir(&workspace, &id)).unwrap();
    assert!(checks(&workspace).contains(&format!("the directory is gone of {id}")));
    let told = workspace.ok(&["list", "jobs", "--new"]);
    assert!(told.contains(&id) && told.contains("lost") && told.contains("its directory was removed"), "{told}");
    assert!(!workspace.ok(&["list", "jobs", "--new"]).contains(&id), "once");
    assert_eq!(workspace.field(&id, "status"), "lost");

    let other = Workspace::new();
    other.ok(&["import", export.to_str().unwrap()]);
    other.ok(&["list", "jobs"]);
    let status = other.field(&id, "status");
    assert!(status == "running" || status == "waiting", "another machine's job is its own matter: {status}");
}

#[test]
fn directories_and_records_that_do_not_go_together_are_told() {
    let workspace = Workspace::new();
    done(&workspace, &["--", "true"]);
    assert_eq!(checks(&workspace), "ok: 1 directory, none without a record\n");
    let jobs = workspace.store().join("jobs");
    let old = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    for name in ["j-crash", ".removed-j-half"] {
        std::fs::create_dir(jobs.join(name)).unwrap();
        std::fs::set_permissions(jobs.join(name), PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::File::open(jobs.join(name)).unwrap().set_times(old).unwrap();
    }
    let strange = jobs.join("j-alien");
    std::fs::create_dir(&strange).unwrap();
    std::fs::set_permissions(&strange, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(strange.join("started"), "").unwrap();
    let told = checks(&workspace);
    assert!(told.contains("no record knows of j-alien"), "{told}");
    assert!(told.contains("left by processes that were killed: .removed-j-half; j-crash"), "{told}");
    assert!(told.contains("wrong: others than the owner can look into j-alien"), "{told}");
    workspace.run(&["doctor", "--fix"], b"");
    assert!(strange.is_dir() && !jobs.join("j-crash").exists() && !jobs.join(".removed-j-half").exists());
    assert_eq!(checks(&workspace), "warning: no record knows of j-alien\n");
}

#[test]
fn a_job_that_nobody_looks_after_is_told() {
    let workspace = Workspace::new();
    let id = start(&workspace, &["--external", "--label", "elsewhere"]);
    kill_supervisor(&workspace, &id);
    assert!(checks(&workspace).contains(&format!("nobody looks after {id}")));
    workspace.ok(&["list", "jobs"]);
    wait_until("it is armed again", LONG, || checks(&workspace).starts_with("ok: "));
    workspace.ok(&["drop", &id]);
}
