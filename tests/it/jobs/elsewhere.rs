//! Work that runs elsewhere: its end is reported, marked by a file or asked for; and the example of `ssh`.

use super::{Lab, end, file, kill_supervisor, outcome, shown, status, word};
use crate::support::{Shell, wait_until};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

fn external(shell: &Shell, options: &[&str]) -> String {
    word(&shell.json(&[&["run", "--external"], options].concat())["job"], "id")
}

/// Waits until it is looked after and awaited.
#[track_caller]
fn awaited(shell: &Shell, id: &str) {
    status(shell, id, "is awaited", |status| status["state"] == "running" && status["external"] == true);
}

#[test]
fn it_ends_by_a_report() {
    let lab = Lab::new();
    lab.write("report.txt", "all green\n");
    let good = external(&lab, &["--label", "CI"]);
    let bad = external(&lab, &["--label", "CI"]);
    let text = lab.ok(&["done", &good, "--exit", "0", "--result", "report.txt", "-m", "build 17"]);
    assert!(text.contains(&good) && text.contains("ok"), "{text}");
    let report = shown(&lab, &good);
    assert_eq!((word(&report, "status"), report["results"][0]["bytes"].as_u64()), ("ok".into(), Some(10)), "{report}");
    let text = lab.ok(&["done", &bad, "--exit", "2", "-m", "two tests failed"]);
    assert!(text.contains("failed") && text.contains("two tests failed"), "{text}");
    assert!(lab.fails(1, &["done", &bad, "--exit", "0"]).contains("is over: failed"), "said once");
    assert!(lab.fails(2, &["done", &external(&lab, &[])]).contains("how did it end?"));
    assert!(lab.fails(2, &["done", &external(&lab, &[]), "--exit", "300"]).contains("300 is not in 0..=255"));
    let missing = external(&lab, &[]);
    lab.ok(&["done", &missing, "--exit", "0", "--result", "nowhere.txt"]);
    assert!(word(&shown(&lab, &missing), "reason").contains("nowhere.txt is missing"));
    let here = super::run(&lab, &[], &["sleep", "300"]);
    assert!(lab.fails(2, &["done", &here, "--exit", "0"]).contains("runs here"));
    lab.ok(&["drop", &here]);
}

#[test]
fn it_ends_by_a_marker_file_or_a_poll_that_succeeds() {
    let lab = Lab::new();
    let marked = external(&lab, &["--marker", "finished"]);
    let polled = external(&lab, &["--poll", "test -e there && echo how it went && cat there", "--every", "1s"]);
    let late = external(&lab, &["--timeout", "200ms"]);
    [&marked, &polled].iter().for_each(|id| awaited(&lab, id));
    assert_eq!(word(&end(&lab, &late), "reason"), "nothing was heard of it in time");
    lab.write("finished.new", "3\n");
    std::fs::rename(lab.dir().join("finished.new"), lab.dir().join("finished")).unwrap();
    let report = end(&lab, &marked);
    assert_eq!((word(&report, "status"), report["code"].as_i64()), ("failed".into(), Some(3)));
    lab.write("there.new", "0\n");
    std::fs::rename(lab.dir().join("there.new"), lab.dir().join("there")).unwrap();
    assert_eq!(outcome(&lab, &polled), "ok");
    assert_eq!(shown(&lab, &polled)["tail"], json!(["how it went", "0"]));
    lab.fifo("odd");
    assert_eq!(outcome(&lab, &external(&lab, &["--marker", "odd"])), "ok", "it is there, and nobody reads it");
}

#[test]
fn a_killed_supervisor_or_a_reboot_loses_nothing_of_it() {
    let lab = Lab::new();
    let id = external(&lab, &["--marker", "finished"]);
    awaited(&lab, &id);
    let before = kill_supervisor(&lab, &id);
    lab.write("finished", "0\n");
    assert_eq!(outcome(&lab, &id), "ok");
    assert_ne!(file(&lab, &id, "status.json").unwrap()["supervisor"], before["supervisor"]);

    let id = external(&lab, &[]);
    awaited(&lab, &id);
    kill_supervisor(&lab, &id);
    lab.ok(&["done", &id, "--exit", "0"]);
    assert_eq!(outcome(&lab, &id), "ok", "the report is taken although nobody looked after it");
    let id = external(&lab, &[]);
    awaited(&lab, &id);
    lab.ok(&["drop", &id]);
    assert_eq!(outcome(&lab, &id), "killed");
}

/// Stand-ins for `ssh HOST COMMAND` and `scp HOST:FILE FILE`: another directory, and a network that can be cut. What `ssh`
/// runs gets a hangup when the connection is lost, as from a real server.
const SSH: &str = r#"#!/bin/sh
[ -e "$FAR/../cut" ] && { echo "ssh: connect to host far: Network is unreachable" >&2; exit 255; }
shift
cd "$FAR" && exec setsid -w sh -c "$*"
"#;
const SCP: &str = r#"#!/bin/sh
[ -e "$FAR/../cut" ] && exit 255
from="$FAR/${1#far:}"; echo "${1#far:}" >>"$FAR/../fetched"; cp "$from" "$2"
"#;

#[test]
fn remote_download() {
    let lab = Lab::new();
    let far = lab.within("far side").dir().to_owned();
    for (name, script) in [("ssh", SSH), ("scp", SCP)] {
        let path = lab.write(&format!("bin/{name}"), script);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", lab.dir().join("bin").display(), std::env::var("PATH").unwrap());
    let here = lab.with_var("PATH", &path).with_var("FAR", far.to_str().unwrap());
    let go = std::process::Command::new("mkfifo").arg(far.join("go")).status().unwrap();
    assert!(go.success());

    // The work goes on without its connection, and leaves its exit code last.
    let work = "read x < go; head -c 100000 /dev/zero > big.tmp; echo 42 > answer.txt";
    let start = format!("nohup sh -c '({work}); echo $? > code.new; mv code.new code' >log 2>&1 </dev/null &");
    let begin = super::run(&here, &["--label", "begin"], &["ssh", "far", &start]);
    assert_eq!(outcome(&lab, &begin), "ok");

    let poll = "ssh far cat code";
    let fetch = "scp far:answer.txt answer.txt";
    let id = external(
        &here,
        &[
            "--label",
            "download",
            "--poll",
            &format!("{poll} && {fetch} && ssh far cat code"),
            "--every",
            "1s",
            "--result",
            "answer.txt",
        ],
    );
    awaited(&lab, &id);
    lab.write("cut", "");
    // The work ends while nobody can reach it, and the one who asks dies with its machine.
    super::Fifo { path: far.join("go") }.open();
    wait_until("the far side has ended", super::LIMIT, || far.join("code").exists());
    kill_supervisor(&lab, &id);
    here.ok(&["list", "jobs"]);
    awaited(&lab, &id);
    assert_eq!(word(&shown(&lab, &id), "status"), "running", "what cannot be asked has not ended");
    std::fs::remove_file(lab.dir().join("cut")).unwrap();

    let report = end(&lab, &id);
    assert_eq!(
        (word(&report, "status"), report["results"][0]["path"].as_str()),
        ("ok".into(), Some("answer.txt")),
        "{report}"
    );
    assert_eq!(lab.text("answer.txt"), "42\n");
    assert_eq!(lab.text("fetched"), "answer.txt\n", "only the result crossed the network");
    assert!(!lab.dir().join("big.tmp").exists());
}

#[test]
fn the_line_for_the_end_of_a_script_reports_back() {
    let lab = Lab::new();
    let report = lab.json(&["run", "--external"]);
    let script = format!("(exit 7)\n{}\n", word(&report, "report_back"));
    let output = lab.program("sh").args(["-c", &script]).current_dir("/").output().unwrap();
    assert!(output.status.success(), "{script}{}", crate::support::transcript(&output));
    let report = end(&lab, &word(&report["job"], "id"));
    assert_eq!((word(&report, "status"), report["code"].as_i64()), ("failed".into(), Some(7)));
}
