//! How commands end, and what is said of it.

use super::*;
use crate::domain::job::{Outcome, State};
use crate::process::process_id::ProcessId;
use std::os::unix::fs::PermissionsExt;

fn outcome(exit: &Exit) -> (Outcome, Option<i32>, String) {
    (exit.outcome, exit.code, exit.reason.clone().unwrap_or_default())
}

#[test]
fn a_command_runs_with_nothing_on_its_input_and_its_id_around_it() {
    let lab = Lab::new();
    let exit = lab.run(&lab.job("j-1", "cat; echo out $STATE_JOB; echo err >&2; pwd"));
    assert_eq!(outcome(&exit), (Outcome::Ok, Some(0), String::new()));
    let cwd = lab.temp.path().canonicalize().unwrap();
    assert_eq!(printed(&lab.dir("j-1")), format!("out j-1\nerr\n{}\n", cwd.display()));
    assert_eq!((exit.bytes, exit.cut, exit.attempts.len()), (exit.bytes, 0, 1));
    assert!(exit.left_behind.is_none() && exit.started_at.is_some());
    let status = lab.dir("j-1").status().unwrap().unwrap();
    assert_eq!((status.state, status.pid, status.bytes), (State::Ended, None, exit.bytes));
    assert_eq!(lab.dir("j-1").standing().unwrap(), Standing::Over(Box::new(exit)));
}

#[test]
fn codes_signals_and_what_cannot_be_started() {
    let lab = Lab::new();
    assert_eq!(outcome(&lab.run(&lab.job("j-1", "exit 3"))), (Outcome::Failed, Some(3), String::new()));
    let exit = lab.run(&lab.job("j-2", "kill -9 $$"));
    assert_eq!((exit.outcome, exit.code, exit.signal), (Outcome::Failed, None, Some(9)));
    assert_eq!(exit.to_string(), "failed by signal 9");

    let missing = |id: &str, program: &str| {
        let exit = lab.run(&Spec { command: vec![program.into()], ..lab.job(id, "") });
        assert_eq!((exit.outcome, exit.attempts.len()), (Outcome::Missing, 1));
        (exit.code.unwrap(), exit.reason.unwrap())
    };
    assert_eq!(missing("j-3", "no-such-command"), (127, "no-such-command: no such command".into()));
    let plain = lab.path("plain").display().to_string();
    std::fs::write(&plain, "echo hi").unwrap();
    assert_eq!(missing("j-4", &plain), (126, format!("{plain} is not executable")));
    std::fs::set_permissions(&plain, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(missing("j-5", &plain).0, 126);
}

#[test]
fn a_directory_or_an_input_that_is_gone_is_told() {
    let lab = Lab::new();
    let gone = lab.path("gone");
    let exit = lab.run(&Spec { cwd: gone.clone(), ..lab.job("j-1", "true") });
    let reason = format!("the directory {} is not there", gone.display());
    assert_eq!(outcome(&exit), (Outcome::Missing, Some(127), reason));
    let exit = lab.run(&Spec { stdin: Some(gone.clone()), ..lab.job("j-2", "cat") });
    let reason = format!("cannot read {}: no such file or directory", gone.display());
    assert_eq!(outcome(&exit), (Outcome::Missing, Some(126), reason));
    std::fs::write(lab.path("input"), "from a file").unwrap();
    lab.run(&Spec { stdin: Some(lab.path("input")), ..lab.job("j-3", "cat") });
    assert_eq!(printed(&lab.dir("j-3")), "from a file");
}

#[test]
fn the_third_attempt_succeeds() {
    let lab = Lab::new();
    let script = "echo try >> tries; test $(wc -l < tries) -ge 3";
    let spec = Spec { retries: 5, backoff_ms: Some(1), ..lab.job("j-1", script) };
    let exit = lab.run(&spec);
    let codes: Vec<_> = exit.attempts.iter().map(|attempt| attempt.code).collect();
    assert_eq!((exit.outcome, codes), (Outcome::Ok, vec![Some(1), Some(1), Some(0)]));
    let exit = lab.run(&Spec { id: "j-2".into(), retries: 2, command: vec!["false".into()], ..spec.clone() });
    assert_eq!((exit.outcome, exit.attempts.len()), (Outcome::Failed, 3));
    // What is missing is not there the next time either.
    let exit = lab.run(&Spec { id: "j-3".into(), command: vec!["no-such-command".into()], ..spec });
    assert_eq!((exit.outcome, exit.attempts.len()), (Outcome::Missing, 1));
}

#[test]
fn one_that_takes_too_long_or_is_silent_is_ended_and_cleaned_up_after() {
    let lab = Lab::new();
    let cleanup = Some("echo cleaned $STATE_JOB".to_owned());
    let spec = Spec { timeout_ms: Some(100), cleanup, ..lab.job("j-1", "echo up; sleep 1000") };
    let exit = lab.run(&spec);
    assert_eq!((exit.outcome, exit.signal), (Outcome::Timeout, Some(15)));
    assert_eq!(exit.to_string(), "timeout: it took longer than 0.1s");
    assert_eq!(printed(&lab.dir("j-1")), "up\ncleaned j-1\n");

    let exit = lab.run(&Spec { idle_timeout_ms: Some(100), ..lab.job("j-2", "echo up; exec sleep 1000") });
    assert_eq!(exit.to_string(), "idle: it was silent for 0.1s");
    assert!(exit.silence_ms >= 100, "{}", exit.silence_ms);
    let spec = Spec { timeout_ms: Some(60), retries: 1, backoff_ms: Some(1), ..lab.job("j-3", "sleep 1000") };
    assert_eq!(lab.run(&spec).attempts.len(), 2);
}

#[test]
fn who_does_not_hear_is_killed_with_all_it_started() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    let deaf = "trap '' TERM; (trap '' TERM; while :; do sleep 1000; done) & echo $! > child; echo up > up; wait; wait";
    let running = lab.start(&lab.job("j-1", deaf));
    std::fs::read(&fifo).unwrap();
    let child: u32 = lab.read("child").trim().parse().unwrap();
    running.tell(&stop(false));
    eventually("the wish is written down", || running.status().ending.as_deref() == Some("not needed"));
    let exit = running.end();
    assert_eq!((exit.outcome, exit.signal, exit.reason.as_deref()), (Outcome::Killed, Some(9), Some("not needed")));
    let gone = ProcessId::of(child).is_none_or(|process| process.is_alive() == Some(false));
    assert!(gone, "a deaf child lives on");
}

#[test]
fn what_is_killed_at_once_has_no_time_to_say_so() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    let running = lab.start(&lab.job("j-1", "trap 'echo bye; exit' TERM; echo up > up; while :; do sleep 1000; done"));
    std::fs::read(&fifo).unwrap();
    running.tell(&stop(true));
    let exit = running.end();
    assert_eq!((exit.outcome, exit.signal, exit.bytes), (Outcome::Killed, Some(9), 0));
}

#[test]
fn what_is_left_behind_is_told_and_not_touched() {
    let lab = Lab::new();
    let running = lab.start(&lab.job("j-1", "sleep 1000 & echo started"));
    // The supervisor goes on reading what the process left behind may say, but the job is over.
    assert_eq!(wait_for_end(std::slice::from_ref(&running.dir), false, Some(PATIENCE)).unwrap(), [0]);
    let Standing::Over(exit) = running.dir.standing().unwrap() else { panic!("over") };
    assert_eq!(exit.outcome, Outcome::Ok);
    let group = exit.left_behind.clone().unwrap();
    let commands: Vec<&str> = group.members.iter().map(|member| member.command.as_str()).collect();
    assert_eq!(commands, ["sleep"]);
    assert!(!running.supervisor.is_finished());
    assert_eq!(living(&group).as_ref(), Some(&group));
    assert_eq!(end_group(&group), None);
    assert_eq!(living(&group), None);
    assert_eq!(running.end(), *exit);
}

#[test]
fn results_are_hashed_and_one_that_is_missing_is_a_failure() {
    let lab = Lab::new();
    let spec = |id: &str, script: &str| Spec { results: vec!["out".into(), "dir".into()], ..lab.job(id, script) };
    let exit = lab.run(&spec("j-1", "printf abc > out; mkdir dir; printf d > dir/a; ln -s nowhere dir/link"));
    assert_eq!((exit.outcome, exit.results.len()), (Outcome::Ok, 2));
    assert_eq!(exit.results[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!((exit.results[0].bytes, exit.results[1].bytes), (3, 1));
    let changed = lab.run(&spec("j-2", "printf e > dir/a"));
    assert_ne!(changed.results[1].sha256, exit.results[1].sha256);
    let exit = lab.run(&spec("j-3", "rm out"));
    assert_eq!(outcome(&exit), (Outcome::Failed, Some(0), "result out is missing".into()));
    assert_eq!(lab.run(&spec("j-4", "exit 2")).to_string(), "failed with exit code 2");
}

#[test]
fn a_service_that_ends_has_failed() {
    let lab = Lab::new();
    let exit = lab.run(&Spec { service: true, retries: 1, backoff_ms: Some(1), ..lab.job("j-1", "exit 0") });
    assert_eq!((exit.outcome, exit.attempts.len()), (Outcome::Failed, 2));
    assert_eq!(exit.reason.as_deref(), Some("a service is not meant to end"));
}

#[test]
fn the_end_of_its_session_ends_it() {
    let lab = Lab::new();
    let mut session = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let process = ProcessId::of(session.id()).unwrap().to_string();
    let fifo = lab.fifo("up");
    let spec = Spec { session: Some(process), ..lab.job("j-1", "echo up > up; sleep 1000") };
    let running = lab.start(&spec);
    std::fs::read(fifo).unwrap();
    drop(session.stdin.take());
    session.wait().unwrap();
    assert_eq!(running.end().to_string(), "killed: its session ended");
    // Of a session that is over already, nothing begins.
    let exit = lab.run(&Spec { id: "j-2".into(), after: vec![], ..spec });
    assert_eq!(exit.to_string(), "killed: its session ended");
}

#[test]
fn values_that_died_with_a_waiter_are_missed() {
    let lab = Lab::new();
    let exit = lab.run(&Spec { env: vec!["TOKEN".into()], ..lab.job("j-1", "true") });
    let reason = "the values of TOKEN died with the process that waited".to_owned();
    assert_eq!(outcome(&exit), (Outcome::Failed, None, reason));
}

#[test]
fn a_stop_is_told_while_it_lasts() {
    let lab = Lab::new();
    let running = lab.start(&lab.job("j-1", "kill -TTIN $$; echo on"));
    eventually("it is stopped", || running.status().wants_terminal);
    let pid = running.status().pid.unwrap();
    std::process::Command::new("kill").args(["-CONT", &pid.to_string()]).status().unwrap();
    let dir = running.dir.clone();
    assert_eq!(running.end().outcome, Outcome::Ok);
    assert!(!dir.status().unwrap().unwrap().wants_terminal);
}

#[test]
fn a_directory_that_was_deleted_ends_the_job_quietly() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let running = lab.start(&lab.job("j-1", "echo up; read x < go; echo on; exit 4"));
    eventually("it runs", || running.printed() == "up\n");
    std::fs::remove_dir_all(running.dir.path()).unwrap();
    meet(&go);
    let Running { dir, supervisor, .. } = running;
    assert_eq!(supervisor.join().unwrap().unwrap().code, Some(4));
    assert_eq!(dir.standing().unwrap(), Standing::Gone);
}

#[test]
fn an_end_that_cannot_be_written_is_tried_again_while_the_lock_is_held() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let running = lab.start(&lab.job("j-1", "read x < go; touch ended"));
    let in_the_way = running.dir.path().join("exit.json");
    std::fs::create_dir(&in_the_way).unwrap();
    meet(&go);
    let command = || running.status().process.as_deref().and_then(ProcessId::parse);
    eventually("it has ended", || {
        lab.path("ended").exists() && command().is_some_and(|id| id.is_alive() == Some(false))
    });
    assert!(running.dir.is_alive().unwrap());
    std::fs::remove_dir(in_the_way).unwrap();
    assert_eq!(running.end().outcome, Outcome::Ok);
}
