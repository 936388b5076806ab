//! What waits for what: chains, diamonds, skips, slots, and everybody who waits for an end.

use super::{Lab, dir, end, file, kill_supervisor, outcome, run, running, sh, shown, waiting, word};
use crate::support::{transcript, wait_until};
use serde_json::Value;
use std::process::Stdio;

#[test]
fn a_chain_of_fifty_runs_in_order() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let mut last = sh(&lab, &[], "read x < go; echo 0 >> order");
    for at in 1..50 {
        last = sh(&lab, &["--after", &last], &format!("echo {at} >> order"));
    }
    go.open();
    assert_eq!(outcome(&lab, &last), "ok");
    let order: Vec<usize> = lab.text("order").lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}

#[test]
fn a_diamond_waits_for_both_sides() {
    let lab = Lab::new();
    let [left, right] = ["left", "right"].map(|name| lab.fifo(name));
    let top = sh(&lab, &[], "echo top >> order");
    let sides =
        ["left", "right"].map(|side| sh(&lab, &["--after", &top], &format!("read x < {side}; echo {side} >> order")));
    let bottom = sh(&lab, &["--after", &sides[0], "--after", &sides[1]], "echo bottom >> order");
    right.open();
    assert_eq!(outcome(&lab, &sides[1]), "ok");
    waiting(&lab, &bottom, &sides[0]);
    assert!(lab.ok(&["show", &bottom]).contains(&sides[0]));
    left.open();
    assert_eq!(outcome(&lab, &bottom), "ok");
    assert_eq!(lab.text("order"), "top\nright\nleft\nbottom\n");
}

#[test]
fn what_can_never_start_is_skipped_and_so_is_all_behind_it() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let lint = sh(&lab, &["--label", "lint"], "read x < go; exit 1");
    let scan = sh(&lab, &["--after", &lint, "--label", "scan"], "touch scanned");
    let test = sh(&lab, &["--after", &scan], "touch tested");
    let deploy = sh(&lab, &["--after", &test], "touch deployed");
    let told = sh(&lab, &["--after", &format!("{lint}:fail")], "touch told");
    let swept = sh(&lab, &["--after", &format!("{deploy}:any")], "touch swept");
    go.open();
    let reasons = [&scan, &test, &deploy].map(|id| {
        let report = end(&lab, id);
        assert_eq!(word(&report, "status"), "skipped");
        word(&report, "reason")
    });
    assert_eq!(
        reasons,
        [format!("{lint} lint failed"), format!("{scan} scan was skipped"), format!("{test} was skipped")]
    );
    assert!(lab.ok(&["list", "jobs"]).contains(&format!("({lint} lint failed")));
    assert_eq!((outcome(&lab, &told), outcome(&lab, &swept)), ("ok".into(), "ok".into()));
    for (name, is_there) in
        [("scanned", false), ("tested", false), ("deployed", false), ("told", true), ("swept", true)]
    {
        assert_eq!(lab.dir().join(name).exists(), is_there, "{name}");
    }
}

#[test]
fn dropped_while_it_waits_it_never_starts_and_what_needs_it_neither() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let first = sh(&lab, &[], "read x < go");
    let second = sh(&lab, &["--after", &first, "--label", "second"], "touch ran");
    let third = sh(&lab, &["--after", &format!("{second}:fail")], "touch ran");
    waiting(&lab, &second, &first);
    let text = lab.ok(&["drop", &second, "-m", "changed my mind"]);
    assert!(text.contains("killed") && text.contains("changed my mind"), "{text}");
    let report = end(&lab, &third);
    assert_eq!(
        (word(&report, "status"), word(&report, "reason")),
        ("skipped".into(), format!("{second} second was killed"))
    );
    go.open();
    assert_eq!(outcome(&lab, &first), "ok");
    assert!(!lab.dir().join("ran").exists());
}

#[test]
fn what_waits_for_one_that_was_lost_is_skipped_or_runs_as_it_wished() {
    let lab = Lab::new();
    let lost = run(&lab, &["--label", "build"], &["sleep", "300"]);
    let ok = sh(&lab, &["--after", &lost], "touch ok");
    let any = sh(&lab, &["--after", &format!("{lost}:any")], "touch any");
    running(&lab, &lost);
    kill_supervisor(&lab, &lost);
    assert_eq!((outcome(&lab, &ok), outcome(&lab, &any)), ("skipped".into(), "ok".into()));
    assert_eq!(word(&shown(&lab, &ok), "reason"), format!("{lost} build was lost"));
    lab.ok(&["drop", &lost]);
}

#[test]
fn of_a_group_no_more_run_than_it_has_slots_and_a_kill_frees_one() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let group = ["--group", "db", "--slots", "1"];
    let first = run(&lab, &group, &["sleep", "300"]);
    running(&lab, &first);
    let second = sh(&lab, &group, "read x < go; echo second >> order");
    waiting(&lab, &second, "slot db");
    let third = sh(&lab, &group, "echo third >> order");
    waiting(&lab, &third, "slot db");
    assert!(lab.ok(&["list", "jobs"]).contains("slot db"));
    // The kernel gives back what a killed supervisor held.
    kill_supervisor(&lab, &first);
    running(&lab, &second);
    waiting(&lab, &third, "slot db");
    go.open();
    assert_eq!((outcome(&lab, &second), outcome(&lab, &third)), ("ok".into(), "ok".into()));
    assert_eq!(lab.text("order"), "second\nthird\n");
    lab.ok(&["drop", &first]);
}

#[test]
fn a_job_can_wait_only_for_what_is_there_so_there_are_no_cycles() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let first = sh(&lab, &["--once", "first"], "read x < go");
    // The only way round would be a job that waits for one that is not made yet, by a name that it will have.
    lab.fails(1, &["run", "--once", "second", "--after", "second", "--", "true"]);
    lab.fails(1, &["run", "--after", "j-zzzzz", "--", "true"]);
    let again = lab.json(&["run", "--once", "first", "--after", "first", "--", "true"]);
    assert_eq!((&again["job"]["id"], &again["same"]), (&Value::from(first.as_str()), &Value::Bool(true)));
    assert!(file(&lab, &first, "spec.json").unwrap()["after"].is_null());
    let count = lab.json(&["list", "jobs", "--all"])["total"].as_u64();
    assert_eq!(count, Some(1), "a refused job left something");
    go.open();
    assert_eq!(outcome(&lab, &first), "ok");
}

#[test]
fn two_waiters_both_hear_of_it_and_so_does_a_third_that_comes_later() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let id = sh(&lab, &[], "read x < go; echo the end; exit 5");
    let others = [lab.session("one"), lab.session("two")];
    let waiters: Vec<_> = others.iter().map(|shell| shell.spawn(&["wait", &id])).collect();
    wait_until("both wait on the lock", super::LIMIT, || waiters.iter().all(|waiter| threads(waiter.id()) > 1));
    go.open();
    let later = lab.spawn(&["wait", &id]);
    for waiter in waiters.into_iter().chain([later]) {
        let output = waiter.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(&id) && text.contains("exit 5") && text.contains("the end"), "{text}");
    }
}

fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

#[test]
fn wait_for_any_for_all_and_only_so_long() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let slow = sh(&lab, &[], "read x < go");
    let quick = sh(&lab, &[], "exit 0");
    let report = lab.json(&["wait", "--any", &slow, &quick]);
    let standing = |report: &Value| -> Vec<String> {
        report["jobs"].as_array().unwrap().iter().map(|job| word(job, "status")).collect()
    };
    assert_eq!(standing(&report), ["running", "ok"]);
    let output = lab.run(&["--json", "wait", &slow, &quick, "--timeout", "50ms"], b"");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), report["timed_out"].as_bool(), standing(&report)),
        (Some(1), Some(true), vec!["running".to_owned(), "ok".to_owned()])
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("not over yet"));
    let both = lab.command(&["wait", &slow, &quick]).stdout(Stdio::null()).spawn().unwrap();
    go.open();
    assert!(both.wait_with_output().unwrap().status.success());
    let waited = lab.json(&["run", "--wait", "--", "sh", "-c", "echo here; exit 0"]);
    assert_eq!(word(&waited["job"], "status"), "ok");
    // A script that goes on only after a good end can rely on it.
    let output = lab.run(&["run", "--wait", "--", "sh", "-c", "exit 4"], b"");
    assert_eq!(output.status.code(), Some(1), "{}", transcript(&output));
    assert!(transcript(&output).contains("exit 4") && transcript(&output).contains("did not end well"));
    let output = lab.run(&["--json", "run", "--wait=1", "--", "sleep", "300"], b"");
    let waited: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), word(&waited["job"], "status")),
        (Some(1), "running".into()),
        "a second was over first"
    );
    lab.ok(&["drop", waited["job"]["id"].as_str().unwrap()]);
}

#[test]
fn a_need_whose_files_are_gone_is_judged_by_its_record() {
    let lab = Lab::new();
    let (good, bad) = (run(&lab, &[], &["true"]), run(&lab, &[], &["false"]));
    assert_eq!((outcome(&lab, &good), outcome(&lab, &bad)), ("ok".into(), "failed".into()));
    // As `doctor --prune` leaves them.
    [&good, &bad].iter().for_each(|id| std::fs::remove_dir_all(dir(&lab, id)).unwrap());
    let next = run(&lab, &["--after", &good, "--after", &format!("{bad}:fail")], &["true"]);
    assert_eq!(outcome(&lab, &next), "ok");
    let said = lab.fails(1, &["run", "--after", &bad, "--", "true"]);
    assert!(said.contains("could never start"), "{said}");
    assert!(lab.fails(1, &["run", "--after", &format!("{good}:fail"), "--", "true"]).contains("could never start"));
}
