//! Whole stories with jobs, as an agent lives them.

use super::{Lab, end, outcome, run, running, sh, shown, status, word};
use crate::support::{records, wait_until};
use serde_json::{Value, json};

#[test]
fn lint_scan_test() {
    let lab = Lab::new();
    let task = lab.add("task", "Write the changelog");
    let go = lab.fifo("go");
    let lint = lab.json(&["run", "--label", "lint", "--", "sh", "-c", "echo unused import; exit 1"]);
    assert_eq!(lint["meanwhile"]["id"], task.as_str(), "something to do meanwhile");
    let lint = word(&lint["job"], "id");
    let scan = sh(&lab, &["--label", "scan"], "echo nothing found");
    let test = sh(&lab, &["--label", "test"], "read x < go; echo 41 passed");
    // It goes on working, and is told at its next look, of the bad end first.
    lab.ok(&["start", &task]);
    for id in [&lint, &scan] {
        super::unattended(&lab, id);
    }
    let briefing = lab.ok(&["resume"]);
    let place = |text: &str| briefing.find(text).unwrap_or_else(|| panic!("no `{text}` in {briefing}"));
    assert!(place(&lint) < place(&scan) && place("unused import") < place(&scan), "{briefing}");
    assert!(briefing.contains(&format!("{test} test runs for")), "{briefing}");
    assert!(!lab.ok(&["resume"]).contains("unused import"), "told once");
    go.open();
    assert_eq!(outcome(&lab, &test), "ok");
    let all = lab.run(&["wait", &lint, &scan, &test], b"");
    assert_eq!(all.status.code(), Some(1), "one of them failed");
    assert!(String::from_utf8_lossy(&all.stderr).contains(&format!("did not end well: {lint}")));
}

#[test]
fn pipeline_exit() {
    let lab = Lab::new();
    // What `sh` says of a pipe is its last part; nothing is made up on top of that.
    let hidden = sh(&lab, &["--label", "hidden"], "(echo half; exit 3) | cat");
    let told = run(&lab, &["--label", "told"], &["bash", "-c", "set -o pipefail; (echo half; exit 3) | cat"]);
    let signalled = sh(&lab, &["--label", "signalled"], "kill -SEGV $$");
    let by_hand = sh(&lab, &["--label", "by hand"], "exit 139");
    let codes = [&hidden, &told, &signalled, &by_hand].map(|id| {
        let report = end(&lab, id);
        (word(&report, "status"), report["code"].as_i64())
    });
    let failed = |code| ("failed".to_owned(), code);
    assert_eq!(codes, [("ok".into(), Some(0)), failed(Some(3)), failed(None), failed(Some(139))]);
    assert!(lab.ok(&["show", &signalled]).contains("signal 11"), "a signal is not a code");

    let go = lab.fifo("go");
    let build = sh(&lab, &["--label", "build"], "read x < go; exit 2");
    let ship = sh(&lab, &["--after", &build], "touch shipped");
    let repair = sh(&lab, &["--after", &format!("{build}:fail")], "touch repaired");
    let report = sh(
        &lab,
        &["--after", &format!("{repair}:any"), "--after", &format!("{ship}:any")],
        "ls shipped repaired 2>/dev/null",
    );
    go.open();
    assert_eq!(end(&lab, &report)["code"], 2, "`ls` misses one of the two");
    assert_eq!((outcome(&lab, &ship), outcome(&lab, &repair)), ("skipped".into(), "ok".into()));
    assert_eq!(shown(&lab, &report)["tail"], json!(["repaired"]));
}

#[test]
fn file_test_deploy_notify() {
    let lab = Lab::new();
    lab.write("src/app.txt", "v1\n");
    let deploy = |test: &str| {
        sh(&lab, &["--label", "deploy", "--after", test, "--result", "live.txt"], "cp src/app.txt live.txt")
    };
    let notify = |deploy: &str| {
        sh(
            &lab,
            &["--label", "notify", "--after", &format!("{deploy}:any")],
            "cat live.txt >> sent 2>/dev/null; echo told >> sent",
        )
    };
    let go = lab.fifo("go");
    let script = "read x < go; grep -q v2 src/app.txt";
    let test = sh(&lab, &["--label", "test"], script);
    let held = deploy(&test);
    let told = notify(&held);
    go.open();
    let report = end(&lab, &told);
    assert_eq!(word(&report, "status"), "ok");
    assert_eq!(word(&shown(&lab, &held), "reason"), format!("{test} test failed"));
    assert_eq!(lab.text("sent"), "told\n", "nothing went live");

    lab.write("src/app.txt", "v2\n");
    let test = sh(&lab, &["--label", "test"], script);
    let held = deploy(&test);
    let told = notify(&held);
    go.open();
    assert_eq!(outcome(&lab, &told), "ok");
    let report = shown(&lab, &held);
    assert_eq!((word(&report, "status"), report["results"][0]["bytes"].as_u64()), ("ok".into(), Some(3)));
    assert_eq!(lab.text("sent"), "told\nv2\ntold\n");
}

#[test]
fn hung_test() {
    let lab = Lab::new();
    let hang = lab.fifo("hang");
    let script = "echo collecting 300 tests; touch silent; read x < hang; echo 300 passed";
    let patient = sh(&lab, &["--label", "test"], script);
    // Silent is not hung: without a limit it is left alone, however long it is silent.
    lab.see("silent");
    let strict = sh(
        &lab,
        &["--label", "strict", "--idle-timeout", "300ms", "--cleanup", "echo stopped the containers"],
        "echo collecting; exec sleep 300",
    );
    let report = end(&lab, &strict);
    assert_eq!((word(&report, "status"), word(&report, "reason")), ("idle".into(), "it was silent for 0.3s".into()));
    assert_eq!(report["tail"], json!(["collecting", "stopped the containers"]));
    assert_eq!(word(&shown(&lab, &patient), "status"), "running");
    let seen = status(&lab, &patient, "has printed", |status| status["bytes"].as_u64() > Some(0));
    assert!(seen["last_output"].is_string(), "since when it is silent");
    assert!(shown(&lab, &patient)["remarks"].is_null(), "without earlier runs nobody knows what is long");
    hang.open();
    assert_eq!(outcome(&lab, &patient), "ok");
}

#[test]
fn silent_for_longer_than_ever_is_told_and_never_killed() {
    let lab = Lab::new();
    for _ in 0..3 {
        outcome(&lab, &sh(&lab, &["--label", "test"], "echo passed"));
    }
    let hang = lab.fifo("hang");
    let id = sh(&lab, &["--label", "test"], "echo begun; read x < hang");
    running(&lab, &id);
    // An hour later, by the clock of who looks.
    let later = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let remarks = shown(&lab.at(&later), &id)["remarks"].to_string();
    assert!(remarks.contains("takes long: usually") && remarks.contains("silent for longer than ever"), "{remarks}");
    assert!(lab.at(&later).ok(&["list", "jobs"]).contains("silent for longer than ever"));
    assert_eq!(word(&shown(&lab, &id), "status"), "running");
    hang.open();
    assert_eq!(outcome(&lab, &id), "ok");
}

#[test]
fn flaky_test() {
    let lab = Lab::new();
    let script = "echo x >> tries; n=$(wc -l < tries); echo attempt $n; [ $n -ge 3 ] || exit 1";
    let id = sh(&lab, &["--label", "flaky", "--retry", "4", "--backoff", "10ms"], script);
    let deploy = sh(&lab, &["--after", &id], "touch deployed");
    let report = end(&lab, &id);
    assert_eq!((word(&report, "status"), report["attempt"].as_u64()), ("ok".into(), Some(3)));
    assert_eq!(outcome(&lab, &deploy), "ok", "what waits for it hears only of the last attempt");
    let text = lab.ok(&["show", &id, "-f"]);
    assert_eq!(text, "attempt 1\nattempt 2\nattempt 3\n", "what all of them printed");
    let never = sh(&lab, &["--label", "broken", "--retry", "2", "--backoff", "10ms"], "exit 1");
    let report = end(&lab, &never);
    assert_eq!((word(&report, "status"), report["attempt"].as_u64()), ("failed".into(), Some(3)));
    assert!(lab.ok(&["list", "jobs"]).contains("attempt 3"));
}

#[test]
fn front_and_back() {
    let lab = Lab::new();
    let back = "mkfifo requests answers; echo listening on 8080; while read x < requests; do echo served $x; echo pong > answers; done";
    let back = sh(&lab, &["--label", "back", "--service", "--match", "listening"], back);
    wait_until("it listens", super::LIMIT, || shown(&lab, &back)["matched"].to_string().contains("listening on 8080"));
    let front = sh(
        &lab,
        &["--label", "front tests"],
        "echo ping > requests; read answer < answers; test $answer = pong && echo 1 passed",
    );
    assert_eq!(outcome(&lab, &front), "ok");
    let held = shown(&lab, &back);
    assert_eq!((word(&held, "status"), held["look_again"].clone()), ("running".into(), Value::Null));
    let pid = held["pid"].as_u64().unwrap();
    lab.ok(&["drop", &back, "-m", "tests are done"]);
    super::gone(u32::try_from(pid).unwrap());
    let report = &records(&lab.json(&["show", &back]))[0];
    assert_eq!((&report["status"], &report["reason"]), (&json!("killed"), &json!("tests are done")));
}
