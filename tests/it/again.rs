//! `run --again`: the same job anew, with what is said beside it, and clear words where that cannot be.

use crate::support::{Shell, Workspace};
use serde_json::Value;

/// Starts a job and returns its id.
fn start(shell: &Shell, args: &[&str]) -> String {
    shell.json(&[&["run"], args].concat())["job"]["id"].as_str().unwrap().to_owned()
}

/// Starts a job, waits for its end, however it is, and returns its id.
fn done(shell: &Shell, args: &[&str]) -> String {
    let id = start(shell, args);
    shell.run(&["wait", &id, "--timeout", "2m"], b"");
    id
}

fn spec(shell: &Shell, id: &str) -> Value {
    let text = std::fs::read_to_string(shell.store().join("jobs").join(id).join("spec.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn job(shell: &Shell, id: &str) -> Value {
    shell.field(id, "job")
}

#[test]
fn again_does_the_same_in_the_same_place() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "the build is green");
    let options =
        ["--label", "build", "--for", &task, "--timeout", "7m", "--retry", "1", "--backoff", "1ms", "--once", "k"];
    let command = ["--", "sh", "-c", "echo once more >> log"];
    let first = done(&workspace.within("sub"), &[&options[..], &command].concat());
    let second = done(&workspace, &["--again", &first]);
    assert_ne!(first, second, "a key does not keep it from running again");
    assert_eq!(std::fs::read_to_string(workspace.dir().join("sub/log")).unwrap().lines().count(), 2);
    let (mut old, mut new) = (spec(&workspace, &first), spec(&workspace, &second));
    for own in ["id", "uid", "created_at"] {
        old[own].take();
        new[own].take();
    }
    assert_eq!(old, new);
    assert_eq!(job(&workspace, &second)["again"], first.as_str());
    assert!(workspace.ok(&["show", &second]).contains(&format!("again, as {first}")));
    let links = workspace.field(&second, "links").to_string();
    assert!(links.contains("result-of") && links.contains(&task), "{links}");
    assert_eq!(start(&workspace, &["--once", "k", "--", "true"]), second, "the key is the newest one's");
}

#[test]
fn what_is_said_beside_again_counts() {
    let workspace = Workspace::new();
    let first = done(&workspace, &["--label", "a", "--retry", "2", "--timeout", "9m", "--", "true"]);
    let second = done(&workspace, &["--again", &first, "--label", "b", "--retry", "0", "--timeout", "8m"]);
    let spec = spec(&workspace, &second);
    assert_eq!((&spec["label"], &spec["timeout_ms"]), (&"b".into(), &480_000.into()), "{spec}");
    assert_eq!(spec["retries"], Value::Null, "{spec}");
    workspace.fails(2, &["run", "--again", &first, "--", "false"]);
    workspace.fails(2, &["run", "--again", &first, "--external"]);
    let refused = workspace.fails(2, &["run", "--again", &first, "--poll", "true"]);
    assert!(refused.contains("polled"), "{refused}");
}

#[test]
fn values_that_were_never_kept_are_asked_for() {
    let workspace = Workspace::new();
    let show = ["--", "sh", "-c", "echo $ONE and $TWO"];
    let first = done(&workspace, &[&["--env", "ONE=1", "--env", "TWO=2"], &show[..]].concat());
    let refused = workspace.fails(2, &["run", "--again", &first, "--env", "TWO=3"]);
    assert!(refused.contains("ONE") && !refused.contains("TWO,") && !refused.contains("TWO=…"), "{refused}");
    let second = done(&workspace, &["--again", &first, "--env", "ONE=uno", "--env", "TWO=due"]);
    assert_eq!(job(&workspace, &second)["tail"][0], "uno and due");
}

#[test]
fn a_need_that_has_come_is_none_and_one_that_never_comes_is_told() {
    let workspace = Workspace::new();
    let good = done(&workspace, &["--", "true"]);
    let first = done(&workspace, &["--after", &good, "--", "true"]);
    let second = done(&workspace, &["--again", &first]);
    assert_eq!(spec(&workspace, &second)["after"], Value::Null);
    // A need of which only the record is left.
    std::fs::remove_dir_all(workspace.store().join("jobs").join(&good)).unwrap();
    done(&workspace, &["--again", &first]);

    let gate = workspace.dir().join("gate");
    let wait = format!("while [ ! -e '{}' ]; do sleep 0.02; done; exit 1", gate.display());
    let bad = start(&workspace, &["--", "sh", "-c", &wait]);
    let skipped = start(&workspace, &["--after", &bad, "--", "true"]);
    std::fs::write(&gate, "").unwrap();
    workspace.run(&["wait", &skipped, "--timeout", "2m"], b"");
    assert_eq!(workspace.field(&skipped, "status"), "skipped");
    let refused = workspace.fails(1, &["run", "--again", &skipped]);
    assert!(refused.contains(&bad) && refused.contains("failed") && refused.contains("--after"), "{refused}");
    let anyhow = done(&workspace, &["--again", &skipped, "--after", &format!("{bad}:any")]);
    assert_eq!(workspace.field(&anyhow, "status"), "ok");
}

#[test]
fn what_cannot_run_again_says_why() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "no job");
    workspace.fails(2, &["run", "--again", &task]);
    workspace.fails(1, &["run", "--again", "j-00000"]);
    let gone = done(&workspace, &["--", "echo", "was here"]);
    std::fs::remove_dir_all(workspace.store().join("jobs").join(&gone)).unwrap();
    let refused = workspace.fails(1, &["run", "--again", &gone]);
    assert!(refused.contains("not here any more") && refused.contains("echo 'was here'"), "{refused}");
    let open = start(&workspace, &["--external", "--label", "elsewhere"]);
    let refused = workspace.fails(1, &["run", "--again", &open]);
    assert!(refused.contains("has not ended"), "{refused}");
    workspace.ok(&["drop", &open]);
}

#[test]
fn work_elsewhere_is_awaited_again() {
    let workspace = Workspace::new();
    let first = start(&workspace, &["--external", "--label", "CI", "--marker", "done.txt"]);
    workspace.ok(&["done", &first, "--exit", "0"]);
    let second = start(&workspace, &["--again", &first, "--marker", "other.txt"]);
    assert_eq!(job(&workspace, &second)["again"], first.as_str());
    let marker = spec(&workspace, &second)["external"]["marker"].clone();
    assert_eq!(marker, workspace.dir().join("other.txt").to_str().unwrap());
    workspace.write("other.txt", "0");
    workspace.ok(&["wait", &second, "--timeout", "2m"]);
    let jobs = workspace.json(&["list", "jobs"]);
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 2, "{jobs}");
}
