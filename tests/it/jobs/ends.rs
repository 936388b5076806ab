//! How a job can end, and that each end is told with its reason.

use super::{Lab, dir, end, file, gone, outcome, pid, run, running, sh, shown, status, word};
use crate::support::wait_until;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

#[test]
fn what_cannot_be_started_is_said() {
    let lab = Lab::new();
    let table = lab.write("table", "data\n");
    let script = lab.write("script", "echo no first line\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = lab.within("place");
    let none = run(&lab, &[], &["no-such-command", "-v"]);
    let plain = run(&lab, &[], &[table.to_str().unwrap()]);
    let headless = run(&lab, &[], &[script.to_str().unwrap()]);
    let go = lab.fifo("go");
    let first = sh(&lab, &[], "read x < go");
    let nowhere = sh(&place, &["--after", &first], "true");
    std::fs::remove_dir(place.dir()).unwrap();
    go.open();
    let expected = [
        (none, 127, "no-such-command: no such command"),
        (plain, 126, "table is not executable"),
        (headless, 126, "it lacks a first line `#!`"),
        (nowhere, 127, "place is not there"),
    ];
    for (id, code, reason) in expected {
        let report = end(&lab, &id);
        assert_eq!((word(&report, "status"), report["code"].as_i64()), ("missing".into(), Some(code)), "{report}");
        assert!(word(&report, "reason").contains(reason), "{report}");
        assert!(lab.ok(&["list", "jobs"]).contains(reason));
    }
}

#[test]
fn the_third_attempt_succeeds_and_each_is_shown() {
    let lab = Lab::new();
    let script = "echo x >> tries; echo try $(wc -l < tries); test $(wc -l < tries) = 3";
    let id = sh(&lab, &["--retry", "5", "--backoff", "20ms"], script);
    let report = end(&lab, &id);
    assert_eq!((word(&report, "status"), report["attempt"].as_u64()), ("ok".into(), Some(3)));
    let exit = file(&lab, &id, "exit.json").unwrap();
    let outcomes: Vec<&Value> =
        exit["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "failed", "ok"]);
    let attempts = shown(&lab, &id)["attempts"].clone();
    assert_eq!(attempts, exit["attempts"]);
    let text = lab.ok(&["show", &id]);
    for line in ["attempt 1 failed with exit code 1", "attempt 2 failed with exit code 1", "attempt 3 ok"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("> try 3"), "{text}");
}

#[test]
fn one_that_takes_too_long_is_ended_and_cleaned_up_after() {
    let lab = Lab::new();
    let script = "sleep 300 & echo $! > child; wait";
    let id = sh(&lab, &["--timeout", "300ms", "--cleanup", "echo swept; echo $STATE_JOB > swept"], script);
    let report = end(&lab, &id);
    assert_eq!(
        (word(&report, "status"), word(&report, "reason")),
        ("timeout".into(), "it took longer than 0.3s".into())
    );
    assert!(report["tail"].to_string().contains("swept"), "{report}");
    assert_eq!(lab.text("swept").trim(), id);
    if let Ok(child) = lab.text("child").trim().parse() {
        gone(child);
    }
    let fine = sh(&lab, &["--timeout", "200s", "--cleanup", "touch again"], "true");
    assert_eq!(outcome(&lab, &fine), "ok");
    assert!(!lab.dir().join("again").exists(), "nothing to clean up after a good end");
    let killed = run(&lab, &["--cleanup", "touch after-kill"], &["sleep", "300"]);
    running(&lab, &killed);
    lab.ok(&["drop", &killed]);
    assert!(lab.dir().join("after-kill").exists());
}

#[test]
fn one_that_is_silent_for_too_long_is_ended_only_if_asked_for() {
    let lab = Lab::new();
    let id = sh(&lab, &["--idle-timeout", "300ms"], "echo begun; sleep 300");
    let report = end(&lab, &id);
    assert_eq!((word(&report, "status"), word(&report, "reason")), ("idle".into(), "it was silent for 0.3s".into()));
    assert_eq!(report["tail"], json!(["begun"]));
    let spec = file(&lab, &sh(&lab, &[], "true"), "spec.json").unwrap();
    assert!(spec["idle_timeout_ms"].is_null() && spec["timeout_ms"].is_null(), "{spec}");
}

#[test]
fn a_service_that_ends_has_failed_and_one_that_runs_is_no_news() {
    let lab = Lab::new();
    let ended = end(&lab, &sh(&lab, &["--service"], "exit 0"));
    assert_eq!(
        (word(&ended, "status"), word(&ended, "reason")),
        ("failed".into(), "a service is not meant to end".into())
    );
    let id = run(&lab, &["--service"], &["sleep", "300"]);
    running(&lab, &id);
    lab.ok(&["drop", &id]);
    assert_eq!(outcome(&lab, &id), "killed");
}

#[test]
fn what_belongs_to_a_session_ends_with_it() {
    let lab = Lab::new();
    // A session without a name is that of its terminal, whose first process this one is.
    let script = format!(
        "import subprocess, sys; subprocess.run(['{}', 'run', '--with-session', '--', 'sleep', '300'], stdout=open('id', 'w')); sys.stdin.read()",
        env!("CARGO_BIN_EXE_state")
    );
    let mut host = lab.hosted().program("setsid");
    let mut host = host.args(["python3", "-c", &script]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("the job is there", super::LIMIT, || lab.text("id").contains('\n'));
    let id = lab.text("id").split([' ', '.']).next().unwrap().to_owned();
    let leader = pid(&running(&lab, &id), "process");
    host.kill().unwrap();
    host.wait().unwrap();
    let report = end(&lab, &id);
    assert_eq!((word(&report, "status"), word(&report, "reason")), ("killed".into(), "its session ended".into()));
    gone(leader);
}

#[test]
fn a_success_without_its_results_is_a_failure() {
    let lab = Lab::new();
    let good = sh(&lab, &["--result", "out.txt"], "echo made > out.txt");
    let report = end(&lab, &good);
    assert_eq!((word(&report, "status"), report["results"][0]["bytes"].as_u64()), ("ok".into(), Some(5)));
    assert_eq!(word(&report["results"][0], "sha256"), sum(&lab, "out.txt"));
    let bad = sh(&lab, &["--result", "out.txt", "--result", "never.bin"], "true");
    let report = end(&lab, &bad);
    assert_eq!(
        (word(&report, "status"), word(&report, "reason")),
        ("failed".into(), "result never.bin is missing".into())
    );
    // Whoever opened it would wait for ever.
    lab.fifo("pipe");
    let odd = end(&lab, &sh(&lab, &["--result", "pipe"], "true"));
    assert!(word(&odd, "reason").contains("it is no regular file"), "{odd}");
}

fn sum(lab: &Lab, name: &str) -> String {
    let output = lab.program("sha256sum").arg(name).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn one_that_is_stopped_is_told_and_goes_on() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    // What the kernel sends to those in the background that read from their terminal.
    let id = sh(&lab, &[], "kill -TTIN $$; read x < go");
    status(&lab, &id, "wants a terminal", |status| status["wants_terminal"] == true);
    let text = lab.ok(&["show", &id]);
    assert!(text.contains("wants a terminal"), "{text}");
    assert!(lab.ok(&["resume"]).contains("wants a terminal"));
    let leader = pid(&running(&lab, &id), "process");
    rustix::process::kill_process(super::number(leader), rustix::process::Signal::CONT).unwrap();
    status(&lab, &id, "goes on", |status| status["wants_terminal"] == false);
    go.open();
    assert_eq!(outcome(&lab, &id), "ok");
    assert!(!lab.ok(&["show", &id]).contains("wants a terminal"));
}

#[test]
fn one_that_asks_for_a_terminal_gets_none_and_that_is_said() {
    let lab = Lab::new();
    let asks = sh(&lab, &[], "read x < /dev/tty");
    let report = end(&lab, &asks);
    assert_eq!(word(&report, "status"), "failed");
    assert!(report["remarks"].to_string().contains("wanted a terminal"), "{report}");
    assert_eq!(file(&lab, &asks, "exit.json").unwrap()["wanted_terminal"], true);
    // Reading the input is no reason to wait: it is empty.
    let reads = sh(&lab, &[], "read x || echo nothing to read; test ! -t 0; exit 3");
    let report = end(&lab, &reads);
    assert_eq!((report["tail"].clone(), report["remarks"].clone()), (json!(["nothing to read"]), Value::Null));
}

#[test]
fn the_status_file_goes_through_its_states() {
    let lab = Lab::new();
    let [begin, go] = ["begin", "go"].map(|name| lab.fifo(name));
    let first = sh(&lab, &[], "read x < begin");
    let id = sh(&lab, &["--after", &first], "echo 12345; read x < go");
    let waits = super::waiting(&lab, &id, &first);
    assert_eq!((&waits["state"], &waits["attempt"], &waits["pid"]), (&json!("waiting"), &json!(0), &Value::Null));
    begin.open();
    let runs = status(&lab, &id, "has printed", |status| status["bytes"] == 6);
    assert_eq!((&runs["state"], &runs["attempt"], &runs["pgid"]), (&json!("running"), &json!(1), &runs["pid"]));
    assert!(runs["last_output"].is_string() && runs["waits_for"].is_null(), "{runs}");
    go.open();
    outcome(&lab, &id);
    let ended = file(&lab, &id, "status.json").unwrap();
    assert_eq!((&ended["state"], &ended["pid"], &ended["bytes"]), (&json!("ended"), &Value::Null, &json!(6)));
    assert!(ended["last_output"].is_string());
    let litter = std::fs::read_dir(dir(&lab, &id))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".tmp"));
    assert_eq!(litter.count(), 0, "a temporary file was left");
}
