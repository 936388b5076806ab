//! Jobs of other machines, jobs whose files cannot be read, and who is told of an end that nobody looked after.

use super::{Lab, dir, end, file, kill_group, kill_supervisor, pid, run, running, sh, shown, word};
use crate::support::{Workspace, transcript, wait_until};

#[test]
fn a_job_that_runs_on_another_machine_is_not_ended_nor_awaited_here() {
    let (there, here) = (Lab::new(), Workspace::new());
    let id = run(&there, &[], &["sleep", "300"]);
    let elsewhere = word(&there.json(&["run", "--external"])["job"], "id");
    running(&there, &id);
    there.json(&["list", "jobs"]);
    let events = here.write("came.jsonl", there.ok(&["export"]));
    here.ok(&["import", events.to_str().unwrap()]);
    let cases: [&[&str]; 4] =
        [&["drop", &id], &["wait", &id], &["done", &elsewhere, "--exit", "0"], &["wait", "--any", &id, &elsewhere]];
    for args in cases {
        let said = here.fails(1, args);
        assert!(said.contains("runs on another machine") && !said.contains("same command"), "state {args:?}: {said}");
    }
    for id in [&id, &elsewhere] {
        there.ok(&["drop", id]);
    }
}

#[test]
fn one_that_cannot_be_read_does_not_keep_others_from_being_awaited() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let broken = run(&lab, &[], &["true"]);
    end(&lab, &broken);
    std::fs::write(dir(&lab, &broken).join("exit.json"), "{\"outcome\": \"o").unwrap();
    let runs = sh(&lab, &[], "read x < go");
    running(&lab, &runs);
    let mut waits = lab.spawn(&["wait", "--any", &broken, &runs]);
    let tasks = format!("/proc/{}/task", waits.id());
    let blocks = || {
        let tasks = std::fs::read_dir(&tasks).into_iter().flatten().flatten();
        let mut names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.any(|name| name.trim_end() == format!("wait {runs}"))
    };
    wait_until("it blocks on the lock of the one that runs", super::LIMIT, blocks);
    go.open();
    assert!(waits.wait().unwrap().success());
}

#[test]
fn one_that_cannot_be_read_is_erased_with_what_a_crash_left_of_it() {
    let lab = Lab::new();
    let id = sh(&lab, &[], "echo the quagga; exit 0");
    end(&lab, &id);
    std::fs::write(dir(&lab, &id).join("exit.json"), "{\"outcome\": \"o").unwrap();
    let left = lab.store().join("jobs").join(format!(".removed-{id}"));
    std::fs::create_dir_all(left.join("output")).unwrap();
    lab.ok(&["erase", &id, "--confirm", &id]);
    assert!(!dir(&lab, &id).exists() && !left.exists(), "its output is gone");
    assert!(lab.ok(&["show", &id]).contains("(erased)"));
}

#[test]
fn whoever_says_why_may_say_a_secret_and_nobody_is_shown_it() {
    let lab = Lab::new();
    let token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    let id = run(&lab, &[], &["sleep", "300"]);
    running(&lab, &id);
    let mut said = vec![lab.ok(&["drop", &id, "-m", &format!("leaked {token}")])];
    assert!(file(&lab, &id, "exit.json").unwrap().to_string().contains(token), "the premise: its file has it");
    said.push(lab.fails(1, &["drop", &id]));
    let elsewhere = word(&lab.json(&["run", "--external"])["job"], "id");
    said.push(lab.ok(&["done", &elsewhere, "--exit", "2", "-m", &format!("sent {token}")]));
    said.push(lab.fails(1, &["done", &elsewhere, "--exit", "2"]));
    said.extend([&id, &elsewhere].map(|id| shown(&lab, id).to_string()));
    for text in said {
        assert!(!text.contains(token) && text.contains("[secret: github-token]"), "{text}");
    }
}

#[test]
fn what_is_run_at_the_end_has_no_file_of_whoever_came_by() {
    let lab = Lab::new();
    let notify = "ls -l /proc/self/fd > fds.new; mv fds.new fds";
    let id = sh(&lab, &["--notify", notify], "sleep 300");
    let before = running(&lab, &id);
    kill_supervisor(&lab, &id);
    kill_group(pid(&before, "process"));
    let held = lab.write("held-open", "");
    let mut comes_by = lab.program("sh");
    comes_by.args(["-c", "exec 9<held-open; exec \"$0\" list jobs", env!("CARGO_BIN_EXE_state")]);
    let output = comes_by.output().unwrap();
    assert!(output.status.success(), "{}", transcript(&output));
    lab.see("fds");
    assert!(held.exists() && !lab.text("fds").contains("held-open"), "{}", lab.text("fds"));
}
