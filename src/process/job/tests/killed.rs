//! Supervisors in processes of their own, killed at every stage.

use super::*;
use crate::domain::job::{Outcome, State};
use crate::process::process_id::ProcessId;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::ffi::OsString;

const NAME: &str = "process::job::tests::killed::supervisor";

/// Not a test: what the others start.
#[test]
#[ignore = "started by the other tests"]
fn supervisor() {
    // The lock lies in the directory.
    let Some(dir) = std::fs::read_link("/proc/self/fd/0").ok().filter(|lock| lock.ends_with("lock")) else { return };
    let dir = JobDir::new(dir.parent().unwrap());
    let post = Post::from_stdin(&dir).unwrap();
    let (news, _) = mpsc::channel();
    supervise(post, world(), Notes { dir, news }).unwrap();
}

fn launch(armed: Armed, values: &[(String, OsString)]) -> u32 {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", NAME, "--ignored", "--nocapture", "--test-threads=1"].map(OsString::from);
    armed.launch(&Supervisor { program: &program, args: &args }, values).unwrap()
}

fn start(lab: &Lab, spec: &Spec) -> (JobDir, u32) {
    let armed = prepare(&lab.dir(&spec.id), spec).unwrap();
    let dir = armed.dir().clone();
    (dir, launch(armed, &[]))
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

/// Other shells give jobs groups of their own only on a terminal.
fn bash(lab: &Lab, script: &str) -> Spec {
    Spec { command: ["bash", "-c", script].map(str::to_owned).to_vec(), ..lab.job("j-1", "") }
}

/// The pid of the command, once it has opened `fifo` and that it runs is written down.
fn command_of(dir: &JobDir, fifo: &Path) -> u32 {
    std::fs::read(fifo).unwrap();
    let pid = || dir.status().unwrap().and_then(|status| status.pid);
    eventually("its pid is known", || pid().is_some());
    pid().unwrap()
}

fn kill(number: u32) {
    kill_process(pid(number), Signal::KILL).unwrap();
}

fn wait(dir: &JobDir) -> Standing {
    assert_eq!(wait_for_end(std::slice::from_ref(dir), false, Some(PATIENCE)).unwrap(), [0], "it does not end");
    dir.standing().unwrap()
}

fn exit(dir: &JobDir) -> Exit {
    let Standing::Over(exit) = wait(dir) else { panic!("not over") };
    *exit
}

#[test]
fn a_supervisor_of_its_own_runs_a_job_with_its_values() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    // More than a pipe holds, and what would change what the supervisor does.
    let long = "purple ".repeat(15_000);
    let values = [("LONG", long.as_str()), ("LD_PRELOAD", "/nowhere/purple.so"), ("EMPTY", "")];
    let values: Vec<(String, OsString)> = values.map(|(name, value)| (name.to_owned(), value.into())).into();
    let script = "echo ${#LONG} \"${EMPTY-unset}\"; echo up > up; read x < up";
    let env = values.iter().map(|(name, _)| name.clone()).collect();
    let armed = prepare(&lab.dir("j-1"), &Spec { env, ..lab.job("j-1", script) }).unwrap();
    let dir = armed.dir().clone();
    let supervisor = launch(armed, &values);
    command_of(&dir, &fifo);
    let environment = std::fs::read(format!("/proc/{supervisor}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("purple"), "others than the command see them");
    std::fs::write(&fifo, "go\n").unwrap();
    assert_eq!(exit(&dir).outcome, Outcome::Ok);
    assert!(printed(&dir).contains(&format!("{} \n", long.len())), "{}", printed(&dir));
    let written = dir.status().unwrap().unwrap().supervisor.unwrap();
    assert_eq!(ProcessId::parse(&written).unwrap().pid, supervisor);
}

#[test]
fn a_supervisor_has_a_session_of_its_own_and_holds_nothing_of_ours() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    // As a host leaves its own files open in the shell of an agent.
    let file = std::fs::File::create(lab.path("foreign")).unwrap();
    let above = 40;
    let foreign = [3, above].map(|least| {
        let copy = rustix::io::fcntl_dupfd_cloexec(&file, least).unwrap();
        rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty()).unwrap();
        copy
    });
    let (dir, supervisor) = start(&lab, &lab.job("j-1", "ls -l /proc/self/fd > fds; echo up > up; sleep 1000"));
    let command = command_of(&dir, &fifo);
    drop(foreign);
    let of = |pid| crate::process::process_id::read_stat(&u32::to_string(&pid)).unwrap();
    assert_eq!((of(supervisor).session, of(supervisor).group), (supervisor, supervisor));
    assert_eq!((of(command).session, of(command).group), (supervisor, command));
    let streams = (0..3).map(|fd| std::fs::read_link(format!("/proc/{supervisor}/fd/{fd}")).unwrap());
    assert!(streams.into_iter().all(|stream| stream == Path::new("/dev/null")));
    let fds = lab.read("fds");
    assert!(
        !fds.contains("lock")
            && !fds.contains("foreign")
            && fds.contains("/dev/null")
            && fds.matches("pipe:").count() == 1,
        "{fds}"
    );
    assert!(send(&dir, &stop(true)).unwrap());
    assert_eq!(exit(&dir).outcome, Outcome::Killed);
}

#[test]
fn a_killed_leader_is_a_failure_and_a_killed_group_too() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    let (dir, _) = start(&lab, &lab.job("j-1", "echo up > up; exec sleep 1000"));
    kill(command_of(&dir, &fifo));
    assert_eq!(exit(&dir).to_string(), "failed by signal 9");

    let (dir, _) = start(&lab, &lab.job("j-2", "sleep 1000 & echo up > up; wait"));
    kill_process_group(pid(command_of(&dir, &fifo)), Signal::KILL).unwrap();
    let exit = exit(&dir);
    assert_eq!((exit.outcome, exit.signal, exit.left_behind), (Outcome::Failed, Some(9), None));
}

#[test]
fn a_killed_supervisor_loses_the_job_whose_processes_are_found() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    // One of them leaves the group, but not the session.
    let script = "sleep 1001 & set -m; sleep 1002 & set +m; echo up > up; sleep 1003; true";
    let (dir, supervisor) = start(&lab, &bash(&lab, script));
    command_of(&dir, &fifo);
    kill(supervisor);
    let Standing::Lost(status) = wait(&dir) else { panic!("not lost") };
    let count = || members::living_of(&status).map_or(0, |group| group.members.len());
    eventually("all four are found", || count() == 4);

    let lost = dir.record_lost(chrono::Utc::now()).unwrap().unwrap();
    assert_eq!(lost.to_string(), "lost: its supervisor was killed; its processes still run");
    assert_eq!(dir.record_lost(chrono::Utc::now()).unwrap(), None, "told twice");
    assert_eq!(dir.standing().unwrap(), Standing::Over(Box::new(lost.clone())));
    let group = lost.left_behind.unwrap();
    assert_eq!(group.members.len(), 4);
    assert_eq!(end_group(&group), None);
    assert_eq!(count(), 0);
}

/// A process that was killed is there for a moment after its lock is free.
#[test]
fn whoever_finds_the_lock_free_knows_that_its_supervisor_is_no_more() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    for round in 0..20 {
        let (dir, supervisor) = start(&lab, &lab.job(&format!("j-{round}"), "echo up > up; exec sleep 1000"));
        command_of(&dir, &fifo);
        kill(supervisor);
        let looks = std::iter::repeat_with(|| dir.record_lost(chrono::Utc::now()).unwrap()).take(5_000_000);
        let lost = looks.flatten().next().expect("it is never lost");
        let group = lost.left_behind.as_ref().unwrap_or_else(|| panic!("round {round}: {lost}"));
        assert_eq!(end_group(group), None);
    }
}

#[test]
fn a_stop_reaches_what_has_left_the_group() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    let script = "set -m; sleep 1002 & echo $! > child; set +m; echo up > up; sleep 1003";
    let (dir, _) = start(&lab, &bash(&lab, script));
    let command = command_of(&dir, &fifo);
    let child: u32 = lab.read("child").trim().parse().unwrap();
    let child = ProcessId::of(child).unwrap();
    let group = |pid: u32| crate::process::process_id::read_stat(&pid.to_string()).unwrap().group;
    assert_ne!(group(child.pid), group(command));
    assert!(send(&dir, &stop(false)).unwrap());
    let exit = exit(&dir);
    assert_eq!((exit.outcome, exit.left_behind), (Outcome::Killed, None));
    assert_eq!(child.is_alive(), Some(false));
}

#[test]
fn another_boot_or_a_pid_that_was_given_again_finds_nobody() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    let (dir, supervisor) = start(&lab, &lab.job("j-1", "echo up > up; exec sleep 1000"));
    command_of(&dir, &fifo);
    kill(supervisor);
    let Standing::Lost(status) = wait(&dir) else { panic!("not lost") };
    let group = members::living_of(&status).unwrap();

    let change = |text: &str, change: &dyn Fn(&mut ProcessId)| {
        let mut process = ProcessId::parse(text).unwrap();
        change(&mut process);
        process.to_string()
    };
    let changed = |how: &dyn Fn(&mut ProcessId)| Status {
        process: status.process.as_deref().map(|text| change(text, how)),
        supervisor: status.supervisor.as_deref().map(|text| change(text, how)),
        ..(*status).clone()
    };
    assert_eq!(members::living_of(&changed(&|process| process.start += 1_000_000)), None);
    let rebooted = changed(&|process| process.boot = "f00d-1".into());
    assert_eq!(members::living_of(&rebooted), None);
    dir.write_status(&rebooted, files::Durability::Whole).unwrap();
    let lost = dir.record_lost(chrono::Utc::now()).unwrap().unwrap();
    assert_eq!(lost.to_string(), "lost: the machine was restarted while it ran");
    assert_eq!(end_group(&group), None);
}

#[test]
fn one_that_waits_is_armed_again_after_its_supervisor_was_killed() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let (first, _) = start(&lab, &lab.job("j-1", "read x < go"));
    let after = vec![crate::domain::job::After::parse("j-1").unwrap()];
    let (dir, supervisor) = start(&lab, &Spec { after, ..lab.job("j-2", "echo ran >> ran") });
    eventually("it waits", || dir.status().unwrap().is_some_and(|status| status.waits_for == ["j-1"]));
    kill(supervisor);
    let Standing::Unarmed(status) = wait(&dir) else { panic!("not to be armed") };
    assert_eq!(status.state, State::Waiting);
    launch(rearm(&dir, chrono::Utc::now()).unwrap().unwrap(), &[]);
    meet(&go);
    assert_eq!((exit(&first).outcome, exit(&dir).outcome), (Outcome::Ok, Outcome::Ok));
    assert_eq!(lab.read("ran"), "ran\n");
}

#[test]
fn a_slot_is_free_when_its_supervisor_was_killed() {
    let lab = Lab::new();
    let fifo = lab.fifo("up");
    let slots = Some(Slots { group: "db".into(), count: 1 });
    let (holder, supervisor) =
        start(&lab, &Spec { slots: slots.clone(), ..lab.job("j-1", "echo up > up; exec sleep 1000") });
    command_of(&holder, &fifo);
    let (next, _) = start(&lab, &Spec { slots, ..lab.job("j-2", "true") });
    eventually("it waits", || next.status().unwrap().is_some_and(|status| status.waits_for == ["slot db"]));
    kill(supervisor);
    assert_eq!(exit(&next).outcome, Outcome::Ok);
    let lost = holder.record_lost(chrono::Utc::now()).unwrap().unwrap();
    assert_eq!(end_group(&lost.left_behind.unwrap()), None);
}

#[test]
fn killed_between_the_note_and_the_start_it_is_lost_not_run_twice() {
    let lab = Lab::new();
    let armed = prepare(&lab.dir("j-1"), &lab.job("j-1", "echo ran > ran")).unwrap();
    armed.dir().note_started(None).unwrap();
    drop(armed);
    assert!(matches!(lab.dir("j-1").standing().unwrap(), Standing::Lost(_)));
    assert!(rearm(&lab.dir("j-1"), chrono::Utc::now()).unwrap().is_none());
    assert_eq!(
        lab.dir("j-1").record_lost(chrono::Utc::now()).unwrap().unwrap().to_string(),
        "lost: its supervisor was killed"
    );
}

#[test]
#[ignore = "a measurement: cargo test --release --lib measure_jobs -- --ignored --nocapture"]
fn measure_jobs() {
    let lab = Lab::new();
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for number in 0..30 {
        let begin = Instant::now();
        let (dir, _) = start(&lab, &lab.job(&format!("j-{number}"), "date +%s%N > ended"));
        starts.push(begin.elapsed());
        exit(&dir);
        let now = chrono::Utc::now().timestamp_nanos_opt().unwrap();
        ends.push(Duration::from_nanos(u64::try_from(now - lab.read("ended").trim().parse::<i64>().unwrap()).unwrap()));
    }
    starts.sort_unstable();
    ends.sort_unstable();
    println!("prepare and launch {:?}, worst {:?}", starts[15], starts[29]);
    println!("end to lock free {:?}, worst {:?}", ends[15], ends[29]);
    let (dir, supervisor) = start(&lab, &lab.job("j-rss", "exec sleep 1000"));
    let memory = || {
        let text = std::fs::read_to_string(format!("/proc/{supervisor}/status")).unwrap();
        text.lines().filter(|line| line.starts_with("Rss") || line.starts_with("VmRSS")).collect::<Vec<_>>().join(" ")
    };
    eventually("it runs", || dir.status().unwrap().is_some_and(|status| status.pid.is_some()));
    println!("waiting: {}", memory());
    send(&dir, &stop(true)).unwrap();
    exit(&dir);
}
