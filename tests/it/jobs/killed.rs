//! `kill -9` at every stage of a job's life: nothing is lost in silence, nothing runs twice, nothing is guessed.

use super::{
    Lab, dir, end, file, gone, kill, kill_group, kill_supervisor, lives, outcome, pid, run, running, sh, shown, status,
    unattended, waiting, word,
};
use crate::support::wait_until;
use rustix::process::{Signal, kill_process};
use serde_json::Value;

#[test]
fn killed_while_it_waits_it_is_armed_by_the_next_and_runs_once() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let first = sh(&lab, &[], "read x < go");
    let second = sh(&lab, &["--after", &first], "echo ran >> ran");
    waiting(&lab, &second, &first);
    let before = kill_supervisor(&lab, &second);
    // Several come by at once.
    let visitors: Vec<_> = (0..4).map(|_| lab.spawn(&["list", "jobs"])).collect();
    visitors.into_iter().for_each(|mut visitor| assert!(visitor.wait().unwrap().success()));
    let after = status(&lab, &second, "is armed again", |status| status["supervisor"] != before["supervisor"]);
    assert_eq!((word(&after, "state"), after["attempt"].as_u64()), ("waiting".into(), Some(0)));
    assert_eq!(lab.text("ran"), "");
    go.open();
    assert_eq!(outcome(&lab, &second), "ok");
    assert_eq!(lab.text("ran"), "ran\n");
}

#[test]
fn killed_while_it_waits_for_a_slot_it_is_armed_by_the_next() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let group = ["--group", "db", "--slots", "1"];
    let first = sh(&lab, &group, "read x < go");
    running(&lab, &first);
    let second = sh(&lab, &group, "echo ran >> ran");
    waiting(&lab, &second, "slot db");
    kill_supervisor(&lab, &second);
    assert_eq!(word(&shown(&lab, &second), "status"), "waiting", "nothing is lost yet");
    lab.ok(&["list", "jobs"]);
    go.open();
    assert_eq!((outcome(&lab, &first), outcome(&lab, &second)), ("ok".into(), "ok".into()));
    assert_eq!(lab.text("ran"), "ran\n");
}

#[test]
fn what_waits_arms_what_it_waits_for() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let first = sh(&lab, &[], "read x < go");
    let second = sh(&lab, &["--after", &first], "echo second >> ran");
    let third = sh(&lab, &["--after", &second], "echo third >> ran");
    waiting(&lab, &third, &second);
    let before = status(&lab, &second, "has a supervisor", |status| status["supervisor"].is_string());
    kill(pid(&before, "supervisor"));
    // No command comes by: the third one itself notices.
    go.open();
    wait_until("the third one has ended", super::LIMIT, || file(&lab, &third, "exit.json").is_some());
    assert_eq!(lab.text("ran"), "second\nthird\n");
}

#[test]
fn a_killed_supervisor_loses_the_job_and_drop_ends_the_rest() {
    let lab = Lab::new();
    let id = sh(&lab, &["--label", "build"], "sleep 300 & echo $! > child; echo begun; touch up; wait");
    lab.see("up");
    let before = running(&lab, &id);
    kill_supervisor(&lab, &id);
    let child: u32 = lab.text("child").trim().parse().unwrap();
    let leader = pid(&before, "process");

    let lost = end(&lab, &id);
    assert_eq!(
        (word(&lost, "status"), word(&lost, "reason")),
        ("lost".into(), "its supervisor was killed; its processes still run".into())
    );
    assert!(lost["took_ms"].is_null() && lost["code"].is_null(), "nothing is guessed: {lost}");
    assert!(lives(leader) && lives(child), "only told");
    let members = lost["left_behind"]["members"].as_array().unwrap().clone();
    let pids: Vec<u32> = members.iter().map(|member| pid(member, "process")).collect();
    assert!(pids.contains(&leader) && pids.contains(&child), "{members:?}");
    let text = lab.ok(&["show", &id]);
    assert!(text.contains("still runs") && text.contains(&format!("state drop {id}")), "{text}");

    lab.ok(&["drop", &id]);
    gone(leader);
    gone(child);
    let message = lab.fails(1, &["drop", &id]);
    assert!(message.contains("is over: lost: its supervisor was killed"), "{message}");
    assert!(shown(&lab, &id)["left_behind"].is_null());
    assert_eq!(word(&shown(&lab, &id), "status"), "lost", "what was not seen is not made up");
}

#[test]
fn a_killed_leader_has_failed_and_so_has_its_group() {
    let lab = Lab::new();
    let [leader, group, tried] = [&[][..], &[], &["--retry", "1", "--backoff", "0s"]].map(|options| {
        let id = sh(&lab, options, "sleep 300 & echo $! > child-$STATE_JOB; touch up-$STATE_JOB; wait");
        lab.see(&format!("up-{id}"));
        id
    });
    let child = |id: &str| lab.text(&format!("child-{id}")).trim().parse::<u32>().unwrap();
    kill(pid(&running(&lab, &leader), "process"));
    let report = end(&lab, &leader);
    assert_eq!(word(&report, "status"), "failed");
    assert!(lab.ok(&["show", &leader]).contains("signal 9"), "{report}");
    assert!(report["left_behind"]["members"].is_array() && lives(child(&leader)), "{report}");
    lab.ok(&["drop", &leader]);
    gone(child(&leader));

    kill_group(pid(&running(&lab, &group), "process"));
    let report = end(&lab, &group);
    assert_eq!((word(&report, "status"), &report["left_behind"]), ("failed".into(), &Value::Null));

    let first = pid(&running(&lab, &tried), "process");
    kill_group(first);
    let next = status(&lab, &tried, "runs again", |status| status["attempt"] == 2 && status["pid"].is_number());
    kill_group(pid(&next, "process"));
    let exit = end(&lab, &tried);
    assert_eq!((word(&exit, "status"), exit["attempt"].as_u64()), ("failed".into(), Some(2)));
}

#[test]
fn supervisor_and_group_killed_at_once_it_is_lost_and_nothing_runs() {
    let lab = Lab::new();
    let id = run(&lab, &[], &["sleep", "300"]);
    let before = running(&lab, &id);
    // Stopped first, so that it does not see the end of its group.
    let supervisor = pid(&before, "supervisor");
    kill_process(super::number(supervisor), Signal::STOP).unwrap();
    kill_group(pid(&before, "process"));
    kill(supervisor);
    unattended(&lab, &id);
    let lost = end(&lab, &id);
    assert_eq!((word(&lost, "status"), word(&lost, "reason")), ("lost".into(), "its supervisor was killed".into()));
    assert!(lost["left_behind"].is_null());
}

#[test]
fn killed_between_the_end_of_its_command_and_the_record_of_it_it_is_lost() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let id = sh(&lab, &[], "read x < go; echo all is well; touch done");
    let before = running(&lab, &id);
    // Stopped while it writes, it would hold up everybody.
    start_is_told(&lab, &id);
    let supervisor = pid(&before, "supervisor");
    kill_process(super::number(supervisor), Signal::STOP).unwrap();
    go.open();
    gone(pid(&before, "process"));
    lab.see("done");
    assert!(lab.ok(&["list", "jobs"]).contains("running"), "as far as anybody knows");
    kill(supervisor);
    unattended(&lab, &id);
    let lost = end(&lab, &id);
    assert_eq!((word(&lost, "status"), word(&lost, "reason")), ("lost".into(), "its supervisor was killed".into()));
    assert!(lost["code"].is_null(), "nobody saw it: {lost}");
}

#[test]
fn killed_between_the_record_of_its_end_and_the_event_the_next_reader_tells_it_once() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let id = sh(&lab, &[], "read x < go; echo out of cheese; exit 3");
    let before = running(&lab, &id);
    start_is_told(&lab, &id);
    let store = std::fs::File::open(lab.store().join("lock")).unwrap();
    store.lock().unwrap();
    go.open();
    wait_until("its end is recorded", super::LIMIT, || file(&lab, &id, "exit.json").is_some());
    unattended(&lab, &id);
    let supervisor = pid(&before, "supervisor");
    assert!(lives(supervisor), "it waits for the store");
    kill(supervisor);
    gone(supervisor);
    drop(store);
    let briefing = lab.ok(&["resume"]);
    assert!(briefing.contains(&id) && briefing.contains("exit 3") && briefing.contains("out of cheese"), "{briefing}");
    assert!(!lab.ok(&["resume"]).contains("out of cheese"), "told twice");
    let log = lab.ok(&["log", &id]);
    assert_eq!(log.matches("failed with exit code 3").count(), 1, "{log}");
}

#[test]
fn killed_between_two_attempts_it_is_lost_and_not_tried_again() {
    let lab = Lab::new();
    let id = sh(&lab, &["--retry", "3", "--backoff", "1h"], "echo ran >> ran; exit 1");
    status(&lab, &id, "waits for the next attempt", |status| status["waits_for"].to_string().contains("retry 2"));
    let text = lab.ok(&["show", &id]);
    assert!(text.contains("retry 2 at "), "{text}");
    kill_supervisor(&lab, &id);
    assert_eq!(outcome(&lab, &id), "lost");
    lab.ok(&["list", "jobs"]);
    assert_eq!((lab.text("ran"), dir(&lab, &id).join("exit.json").exists()), ("ran\n".into(), true));
}

#[test]
fn killed_while_it_cleans_up_it_is_lost_and_the_cleanup_is_found() {
    let lab = Lab::new();
    lab.fifo("go");
    let id = run(
        &lab,
        &["--timeout", "10ms", "--cleanup", "echo $$ > cleaner; touch cleaning; read x < go"],
        &["sleep", "300"],
    );
    lab.see("cleaning");
    kill_supervisor(&lab, &id);
    let cleaner: u32 = lab.text("cleaner").trim().parse().unwrap();
    let lost = end(&lab, &id);
    assert_eq!(word(&lost, "status"), "lost");
    assert_eq!(pid(&lost["left_behind"]["members"][0], "process"), cleaner, "{lost}");
    lab.ok(&["drop", &id]);
    gone(cleaner);
}

/// Waits until the ledger knows that it runs.
#[track_caller]
fn start_is_told(lab: &Lab, id: &str) {
    wait_until("the start is told", super::LIMIT, || lab.ok(&["log", id]).contains(&format!("{id} runs")));
}
