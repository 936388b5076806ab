//! Who is left when others went: reboots, pids given again, grandchildren, deaf commands, callers that end.

use super::{
    Lab, dir, end, file, gone, kill, kill_group, kill_supervisor, lives, outcome, pid, run, running, sh, shown, status,
    waiting, word,
};
use crate::support::{transcript, wait_until};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

/// Rewrites a process of `status.json`, as another boot or another life of the pid would have it.
fn rewrite(lab: &Lab, id: &str, change: impl Fn(&mut Value)) {
    let mut status = file(lab, id, "status.json").unwrap();
    change(&mut status);
    std::fs::write(dir(lab, id).join("status.json"), status.to_string()).unwrap();
}

/// `PID:START:BOOT` with one part changed.
fn with(process: &Value, part: usize, text: &str) -> Value {
    let mut parts: Vec<&str> = process.as_str().unwrap().splitn(3, ':').collect();
    parts[part] = text;
    json!(parts.join(":"))
}

const OTHER_BOOT: &str = "00000000-1111-2222-3333-444444444444";

#[test]
fn a_reboot_is_told_apart_from_a_kill_and_hits_nobody() {
    let lab = Lab::new();
    let ran = run(&lab, &[], &["sleep", "300"]);
    let waited = sh(&lab, &["--after", &format!("{ran}:any")], "echo ran >> ran");
    let leader = pid(&running(&lab, &ran), "process");
    waiting(&lab, &waited, &ran);
    kill_supervisor(&lab, &waited);
    kill_supervisor(&lab, &ran);
    for id in [&ran, &waited] {
        rewrite(&lab, id, |status| {
            for name in ["supervisor", "process"].iter().filter(|name| status[**name].is_string()).collect::<Vec<_>>() {
                status[*name] = with(&status[*name], 2, OTHER_BOOT);
            }
        });
    }
    let lost = end(&lab, &ran);
    assert_eq!(
        (word(&lost, "status"), word(&lost, "reason")),
        ("lost".into(), "the machine was restarted while it ran".into())
    );
    assert!(lost["left_behind"].is_null(), "after a reboot nothing of it can run: {lost}");
    assert!(lab.fails(1, &["drop", &ran]).contains("the machine was restarted while it ran"));
    assert!(lives(leader), "who has the number now is somebody else");
    assert_eq!(outcome(&lab, &waited), "ok", "what was never started starts after the reboot");
    assert_eq!(lab.text("ran"), "ran\n");
    kill(leader);
}

#[test]
fn whoever_has_the_pid_now_is_never_signalled() {
    let lab = Lab::new();
    // In a group of its own, so that a signal to the group would hit it.
    let mut stranger = lab.program("sleep").arg("300").process_group(0).spawn().unwrap();
    let own = std::fs::read_to_string(format!("/proc/{}/stat", stranger.id())).unwrap();
    let start: u64 = own.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap();
    // An earlier life of the number, and the very same process: files can lie.
    for started in [start - 1, start] {
        let id = run(&lab, &[], &["sleep", "300"]);
        let before = running(&lab, &id);
        kill_supervisor(&lab, &id);
        kill_group(pid(&before, "process"));
        rewrite(&lab, &id, |status| {
            let process = with(&status["process"], 0, &stranger.id().to_string());
            status["process"] = with(&process, 1, &started.to_string());
        });
        let lost = end(&lab, &id);
        assert_eq!(word(&lost, "reason"), "its supervisor was killed");
        assert!(lost["left_behind"].is_null(), "{lost}");
        lab.fails(1, &["drop", &id]);
        assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    }
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_grandchild_left_behind_is_shown_and_drop_ends_it() {
    let lab = Lab::new();
    let id = sh(&lab, &[], "sleep 300 >/dev/null 2>&1 & echo $! > child; echo done here");
    let report = end(&lab, &id);
    assert_eq!(word(&report, "status"), "ok", "its command has ended well");
    let child: u32 = lab.text("child").trim().parse().unwrap();
    assert_eq!(pid(&report["left_behind"]["members"][0], "process"), child);
    let text = lab.ok(&["show", &id]);
    assert!(text.contains("still runs") && text.contains(&format!("state drop {id}")), "{text}");
    assert!(lives(child));
    lab.ok(&["drop", &id]);
    gone(child);
    assert!(lab.fails(1, &["drop", &id]).contains("is over: ok"));
    assert_eq!(word(&shown(&lab, &id), "status"), "ok");
}

#[test]
fn one_that_keeps_the_output_open_does_not_keep_the_job_open() {
    let lab = Lab::new();
    let id = sh(&lab, &[], "(sleep 300; echo late) & echo $! > child; echo early");
    let report = end(&lab, &id);
    assert_eq!((word(&report, "status"), report["tail"].to_string()), ("ok".into(), r#"["early"]"#.into()));
    lab.ok(&["drop", &id]);
    gone(lab.text("child").trim().parse().unwrap());
}

#[test]
fn who_does_not_hear_is_killed_after_a_while_or_at_once_if_asked_again() {
    let lab = Lab::new();
    let script = "trap '' TERM; sleep 300 & echo $! > child-$STATE_JOB; touch up-$STATE_JOB; while :; do wait; done";
    let [patient, urgent] = [(); 2].map(|()| sh(&lab, &[], script));
    let children = [&patient, &urgent].map(|id| {
        lab.see(&format!("up-{id}"));
        (pid(&running(&lab, id), "process"), lab.text(&format!("child-{id}")).trim().parse().unwrap())
    });
    let start = std::time::Instant::now();
    let first = lab.spawn(&["drop", &urgent, "-m", "not needed"]);
    let ending = status(&lab, &urgent, "is being ended", |status| status["ending"].is_string());
    assert_eq!(ending["ending"], "not needed");
    lab.ok(&["drop", &urgent]);
    first.wait_with_output().unwrap();
    let report = end(&lab, &urgent);
    assert_eq!((word(&report, "status"), word(&report, "reason")), ("killed".into(), "not needed".into()));
    lab.ok(&["drop", &patient]);
    assert!(start.elapsed().as_secs() >= 5, "it had no time to end");
    assert_eq!(outcome(&lab, &patient), "killed");
    for (leader, child) in children {
        gone(leader);
        gone(child);
    }
}

#[test]
fn a_hangup_of_the_shell_that_started_it_does_not_reach_it() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let script = format!(
        "trap 'exit 9' HUP; '{}' run -- sh -c 'read x < go; echo ran > ran' > id; touch up; sleep 300 & wait",
        env!("CARGO_BIN_EXE_state")
    );
    let mut shell = lab.program("sh");
    let mut shell = shell.args(["-c", &script]).process_group(0).spawn().unwrap();
    lab.see("up");
    let id = lab.text("id").split([' ', '.']).next().unwrap().to_owned();
    rustix::process::kill_process_group(super::number(shell.id()), rustix::process::Signal::HUP).unwrap();
    assert_eq!(shell.wait().unwrap().code(), Some(9));
    go.open();
    assert_eq!(outcome(&lab, &id), "ok");
    assert_eq!(lab.text("ran"), "ran\n");
}

#[test]
fn the_caller_s_group_is_killed_and_its_pipes_are_read_by_nobody() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    // As a host runs the shell of an agent: its output is a pipe that is read to the end.
    let script = format!(
        "'{}' run -- sh -c 'read x < go; echo printed; echo ran > ran'; sleep 300",
        env!("CARGO_BIN_EXE_state")
    );
    let mut host = lab.program("setsid");
    let mut host = host.args(["sh", "-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = || lab.json(&["list", "jobs"])["jobs"][0]["id"].as_str().map(str::to_owned);
    wait_until("the job is there", super::LIMIT, || started().is_some());
    let id = started().unwrap();
    running(&lab, &id);
    // `setsid` leads a group when it needs no fork.
    kill_group(host.id());
    // Ends only when nobody has the pipes open any more.
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut host.stdout.take().unwrap(), &mut rest).unwrap();
    std::io::Read::read_to_string(&mut host.stderr.take().unwrap(), &mut rest).unwrap();
    host.wait().unwrap();
    go.open();
    let report = end(&lab, &id);
    assert_eq!((word(&report, "status"), report["tail"].to_string()), ("ok".into(), r#"["printed"]"#.into()));
    assert_eq!(lab.text("ran"), "ran\n");
}

#[test]
fn a_store_that_is_deleted_meanwhile_lets_the_job_end() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let id = sh(&lab, &[], "read x < go; echo ran > ran");
    let supervisor = pid(&running(&lab, &id), "supervisor");
    std::fs::remove_dir_all(lab.store()).unwrap();
    go.open();
    lab.see("ran");
    gone(supervisor);
    assert!(!lab.dir().join(".state").exists(), "it was made again");
    lab.fails(2, &["show", &id]);
}

#[test]
fn a_job_whose_files_were_deleted_is_lost_not_running_for_ever() {
    let lab = Lab::new();
    let id = run(&lab, &["--label", "build"], &["sleep", "300"]);
    let before = running(&lab, &id);
    kill_supervisor(&lab, &id);
    kill_group(pid(&before, "process"));
    std::fs::remove_dir_all(dir(&lab, &id)).unwrap();
    let report = end(&lab, &id);
    assert_eq!((word(&report, "status"), word(&report, "reason")), ("lost".into(), "its directory was removed".into()));
    assert!(lab.ok(&["list", "jobs"]).contains("lost build"));
    assert!(lab.fails(1, &["drop", &id]).contains("is over: lost"));
}

#[test]
fn a_file_that_cannot_be_understood_is_said_and_hides_no_other_job() {
    let lab = Lab::new();
    let broken = run(&lab, &[], &["true"]);
    let fine = run(&lab, &[], &["true"]);
    end(&lab, &broken);
    std::fs::write(dir(&lab, &broken).join("exit.json"), "{\"outcome\": \"o").unwrap();
    assert_eq!(outcome(&lab, &fine), "ok");
    assert_eq!(word(&shown(&lab, &broken), "status"), "ok", "its record has it");
    assert!(lab.ok(&["list", "jobs"]).contains(&broken));
    let told = transcript(&lab.run(&["doctor"], b""));
    assert!(told.contains(&format!("files cannot be read of {broken}")), "{told}");
}

#[test]
fn a_power_cut_that_leaves_no_status_is_told_by_the_note_of_the_start() {
    let lab = Lab::new();
    let id = run(&lab, &[], &["sleep", "300"]);
    let before = running(&lab, &id);
    kill_supervisor(&lab, &id);
    kill_group(pid(&before, "process"));
    let note = dir(&lab, &id).join("started");
    assert_eq!(std::fs::read_to_string(&note).unwrap(), word(&before, "supervisor"));
    std::fs::write(note, word(&json!({"was": with(&before["supervisor"], 2, OTHER_BOOT)}), "was")).unwrap();
    std::fs::write(dir(&lab, &id).join("status.json"), "").unwrap();
    let lost = end(&lab, &id);
    assert_eq!(word(&lost, "reason"), "the machine was restarted while it ran");
}

#[test]
fn a_copied_store_leaves_the_job_of_the_original_alone() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let id = sh(&lab, &[], "read x < go");
    let leader = pid(&running(&lab, &id), "process");
    let copy = lab.root().join("copy");
    let copied = lab.program("cp").args(["-r", lab.store().to_str().unwrap(), copy.to_str().unwrap()]).status();
    assert!(copied.unwrap().success());
    let shell = lab.with_var("STATE_DIR", copy.to_str().unwrap());
    shell.run(&["list", "jobs"], b"");
    let refused = shell.run(&["drop", &id], b"");
    assert_eq!(refused.status.code(), Some(1), "{}", transcript(&refused));
    assert!(lives(leader), "the copy has killed it");
    go.open();
    assert_eq!(word(&end(&lab, &id), "status"), "ok");
}

#[test]
fn an_ended_job_is_not_started_again_by_its_name() {
    let lab = Lab::new();
    let id = sh(&lab, &[], "exit 3");
    end(&lab, &id);
    let refused = lab.fails(1, &["start", &id]);
    assert!(refused.contains(&format!("run --again {id}")), "{refused}");
    assert_eq!(word(&shown(&lab, &id), "status"), "failed");
}

#[test]
fn of_several_that_are_dropped_each_is_told() {
    let lab = Lab::new();
    let over = sh(&lab, &[], "true");
    end(&lab, &over);
    let ids = [sh(&lab, &[], "sleep 300"), over, sh(&lab, &[], "sleep 300")];
    for id in [&ids[0], &ids[2]] {
        running(&lab, id);
    }
    let output = lab.run(&["drop", &ids[0], &ids[1], &ids[2]], b"");
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&format!("{} killed", ids[0])) && said.contains(&format!("{} killed", ids[2])), "{said}");
    assert!(why.contains(&format!("{} is over: ok", ids[1])), "{why}");
}
