//! The options of `run`, each by what it promises.

use super::{LIMIT, Lab, dir, end, file, outcome, run, sh, shown, word};
use crate::support::{ids, installed, records, wait_until};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;

#[test]
fn two_at_once_with_one_key_are_one_job() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let script = ["run", "--json", "--once", "nightly", "--", "sh", "-c", "echo ran >> ran; read x < go"];
    let both: Vec<_> = (0..4).map(|_| lab.spawn(&script)).collect();
    let reports: Vec<Value> = both
        .into_iter()
        .map(|child| serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    let id = word(&reports[0]["job"], "id");
    assert!(reports.iter().all(|report| report["job"]["id"] == id.as_str()), "{reports:?}");
    assert_eq!(reports.iter().filter(|report| report["same"] == true).count(), 3);
    go.open();
    assert_eq!(outcome(&lab, &id), "ok");
    let again = lab.json(&["run", "--once", "nightly", "--", "true"]);
    assert_eq!((&again["same"], &again["job"]["id"]), (&json!(true), &json!(id)), "it ended well");
    assert_eq!(lab.text("ran"), "ran\n");
    let failed = run(&lab, &["--once", "shaky"], &["false"]);
    assert_eq!(outcome(&lab, &failed), "failed");
    assert_ne!(run(&lab, &["--once", "shaky"], &["true"]), failed, "what failed may be tried again");
}

#[test]
fn values_of_variables_are_nowhere_on_disk() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let first = sh(&lab, &[], "read x < go");
    let value = "purple-elephant-9173";
    let pair = format!("SHADE={value}");
    let id = sh(
        &lab,
        &["--after", &first, "--env", &pair, "--env", "EMPTY="],
        "test $SHADE = purple-elephant-$((9172 + 1)) && test -z \"$EMPTY\"",
    );
    let spec = file(&lab, &id, "spec.json").unwrap();
    assert_eq!(spec["env"], json!(["SHADE", "EMPTY"]));
    assert_eq!(holding(&lab.store(), value.as_bytes()), [] as [String; 0], "while it waits");
    go.open();
    assert_eq!(outcome(&lab, &id), "ok");
    assert_eq!(holding(&lab.store(), value.as_bytes()), [] as [String; 0], "when it is over");

    let go = lab.fifo("again");
    let first = sh(&lab, &[], "read x < again");
    let id = sh(&lab, &["--after", &first, "--env", &pair], "touch ran");
    super::waiting(&lab, &id, &first);
    super::kill_supervisor(&lab, &id);
    let report = end(&lab, &id);
    assert_eq!(word(&report, "reason"), "the values of SHADE died with the process that waited");
    assert!(!lab.dir().join("ran").exists());
    go.open();
    outcome(&lab, &first);
}

/// The files below a folder that hold these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        if kind.is_dir() {
            found.extend(holding(&path, bytes));
        } else if kind.is_file() && std::fs::read(&path).unwrap().windows(bytes.len()).any(|part| part == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn it_reads_a_file_or_nothing() {
    let lab = Lab::new();
    lab.write("input", "some lines\n");
    let id = run(&lab, &["--stdin", "input"], &["cat"]);
    assert_eq!(end(&lab, &id)["tail"], json!(["some lines"]));
    assert_eq!(end(&lab, &run(&lab, &[], &["cat"]))["bytes"], 0);
    // What it waits for was to make them.
    let absent = end(&lab, &run(&lab, &["--after", &id, "--stdin", "absent"], &["cat"]));
    assert_eq!(word(&absent, "status"), "missing");
    assert!(word(&absent, "reason").contains("absent: no such file"), "{absent}");
    // Nobody writes to it: who opened it would wait for ever, and hear nothing.
    lab.fifo("pipe");
    let pipe = end(&lab, &run(&lab, &["--after", &id, "--stdin", "pipe"], &["cat"]));
    assert_eq!(word(&pipe, "status"), "missing");
    assert!(word(&pipe, "reason").contains("pipe: it is no file"), "{pipe}");
}

#[test]
fn lines_that_match_become_events_but_not_too_many() {
    let lab = Lab::new();
    let id = sh(
        &lab,
        &["--match", "^warn", "--match", "listening"],
        "seq -f 'warning %g' 1000; echo listening on 8080; echo $((6 * 7)) is fine",
    );
    assert_eq!(outcome(&lab, &id), "ok");
    // The end is told first, whoever tells it.
    let mut matched = Vec::new();
    wait_until("what was found is told", super::LIMIT, || {
        matched = shown(&lab, &id)["matched"].as_array().cloned().unwrap_or_default();
        matched.len() >= 5
    });
    assert!(matched.len() <= 20 && matched[0] == "warning 1", "{matched:?}");
    assert_eq!(file(&lab, &id, "exit.json").unwrap()["matches"], 1001);
    assert!(lab.ok(&["log", &id]).contains("says: warning 1"));
    assert!(!lab.ok(&["log", &id]).contains("42 is fine"));
}

#[test]
fn it_runs_where_it_is_told_with_the_environment_of_who_started_it() {
    let lab = Lab::new();
    let sub = lab.within("sub dir");
    let id = sh(
        &lab.with_var("COLOUR", "blue"),
        &["--cwd", "sub dir", "--env", "SIZE=7"],
        "pwd; echo $COLOUR $SIZE $STATE_JOB",
    );
    let report = end(&lab, &id);
    let place = std::fs::canonicalize(sub.dir()).unwrap().display().to_string();
    assert_eq!(report["bytes"].as_u64().unwrap() as usize, place.len() + format!("\nblue 7 {id}\n").len());
    assert_eq!(shown(&lab, &id)["tail"], json!([place, format!("blue 7 {id}")]));
}

#[test]
fn a_job_for_a_task_is_linked_to_it() {
    let lab = Lab::new();
    let task = lab.add("task", "Make it fast");
    let id = run(&lab, &["--for", &task, "--label", "bench"], &["true"]);
    assert_eq!(outcome(&lab, &id), "ok");
    let links = records(&lab.json(&["show", &id]))[0]["links"].clone();
    assert!(links.to_string().contains(&task), "{links}");
    assert!(lab.ok(&["show", &task]).contains(&id));
    assert_eq!(lab.search(&["kind:job", "bench"]), [id]);
    assert!(!ids(&lab.json(&["ready"])).is_empty());
}

#[test]
fn estimates_are_made_of_successes_only() {
    let lab = Lab::new();
    for script in ["true", "false", "true", "true"] {
        outcome(&lab, &sh(&lab, &["--label", "unit"], script));
    }
    let usual = shown(&lab, &sh(&lab, &["--label", "unit"], "sleep 100"))["usual"].clone();
    assert_eq!(usual["runs"], 3, "{usual}");
    assert!(usual["median_ms"].as_u64() <= usual["p90_ms"].as_u64());
    let other = shown(&lab, &sh(&lab, &["--label", "other"], "true"))["usual"].clone();
    assert!(other.is_null());
}

#[test]
fn the_files_of_a_job_are_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let id = run(&lab, &[], &["echo", "hello"]);
    outcome(&lab, &id);
    let mut folders = vec![dir(&lab, &id)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o77;
            assert_eq!(mode, 0, "{}", entry.path().display());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    wait_until("exit.json is there", super::LIMIT, || file(&lab, &id, "exit.json").is_some());
}

#[test]
fn a_blank_label_is_none() {
    let lab = Lab::new();
    for label in ["", "  "] {
        let report = lab.json(&["run", "--label", label, "--", "true"]);
        assert!(report["job"]["label"].is_null(), "{report}");
    }
}

#[test]
fn the_bell_of_the_terminal_rings_at_the_end() {
    if !installed("script") {
        return;
    }
    let lab = Lab::new();
    let hold = lab.fifo("hold");
    let script = format!("'{}' run --notify bell -- true; read x < hold", env!("CARGO_BIN_EXE_state"));
    let mut terminal = lab.program("script");
    terminal.args(["-qefc", &script, "typed"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut terminal = terminal.spawn().unwrap();
    wait_until("the bell", LIMIT, || lab.text("typed").contains('\x07'));
    hold.open();
    terminal.wait().unwrap();
}
