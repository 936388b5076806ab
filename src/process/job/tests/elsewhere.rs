//! Work that runs elsewhere.

use super::*;
use crate::domain::job::{External, Outcome, Poll, State};

fn external(lab: &Lab, id: &str, poll: Option<&str>, marker: Option<&str>) -> Spec {
    let poll = poll.map(|command| Poll { command: command.into(), every_ms: 5 });
    let external = Some(External { poll, marker: marker.map(|name| lab.path(name)) });
    Spec { command: vec![], external, ..lab.job(id, "") }
}

fn report(code: i32) -> Command {
    Command::Report { code, results: vec![], why: None }
}

#[test]
fn a_report_ends_it() {
    let lab = Lab::new();
    let running = lab.start(&external(&lab, "j-1", None, None));
    eventually("it is begun", || running.status().state == State::Running);
    assert!(running.status().external && !running.status().has_started());
    std::fs::write(lab.path("built"), "x").unwrap();
    running.tell(&Command::Report { code: 0, results: vec!["built".into()], why: None });
    let exit = running.end();
    assert_eq!((exit.outcome, exit.results.len(), exit.attempts.len()), (Outcome::Ok, 1, 1));

    let running = lab.start(&external(&lab, "j-2", None, None));
    running.tell(&report(3));
    assert_eq!(running.end().to_string(), "failed with exit code 3");
    let running = lab.start(&external(&lab, "j-3", None, None));
    running.tell(&stop(false));
    assert_eq!(running.end().to_string(), "killed: not needed");
    // A program that another test starts just now has the FIFO for a moment.
    eventually("nobody listens for a job that is over", || !send(&lab.dir("j-3"), &report(0)).unwrap());
}

#[test]
fn a_marker_ends_it_once_it_is_written() {
    let lab = Lab::new();
    let running = lab.start(&external(&lab, "j-1", None, Some("done")));
    eventually("it is begun", || running.status().state == State::Running);
    // Empty for a moment, as `echo 4 > done` leaves it.
    let mut marker = std::fs::File::create(lab.path("done")).unwrap();
    let looked = crate::process::job::elsewhere::read_marker(&lab.path("done"), chrono::Utc::now());
    assert_eq!(looked, None);
    std::io::Write::write_all(&mut marker, b"4\n").unwrap();
    assert_eq!(running.end().code, Some(4));
    let exit = lab.run(&external(&lab, "j-2", None, Some("done")));
    assert_eq!(exit.code, Some(4));
}

#[test]
fn a_poll_that_succeeds_ends_it() {
    let lab = Lab::new();
    let poll = "echo asked >> asked; test $(wc -l < asked) -ge 3 && echo was told && echo 7";
    let exit = lab.run(&external(&lab, "j-1", Some(poll), None));
    assert_eq!((exit.code, lab.read("asked").lines().count()), (Some(7), 3));
    assert_eq!(printed(&lab.dir("j-1")), "was told\n7\n");
    let exit = lab.run(&external(&lab, "j-2", Some("echo all is well"), None));
    assert_eq!(exit.outcome, Outcome::Ok);
}

#[test]
fn a_poll_that_never_succeeds_is_told_with_its_last_words() {
    let lab = Lab::new();
    let poll = "head -c 9000 /dev/zero | tr '\\0' x; exit 7";
    // However slow the machine is, the poll is answered in one of these.
    let limits = (0..10).map(|doubled| 80 << doubled);
    let told = limits.map(|limit| {
        let id = format!("j-{limit}");
        lab.run(&Spec { timeout_ms: Some(limit), ..external(&lab, &id, Some(poll), None) }).to_string()
    });
    let answered = |told: &String| {
        assert!(told.starts_with("timeout: nothing was heard of it in time"), "{told}");
        told.contains("; the last poll: exit code 7: xxx")
    };
    let told = told.into_iter().find(answered).expect("it was never asked");
    assert!(told.len() < 300, "{told}");
}

#[test]
fn one_whose_supervisor_died_is_armed_again_and_its_time_goes_on() {
    let lab = Lab::new();
    let spec = Spec { timeout_ms: Some(3_600_000), ..external(&lab, "j-1", None, None) };
    let armed = prepare(&lab.dir("j-1"), &spec).unwrap();
    let long_ago = chrono::Utc::now() - chrono::TimeDelta::hours(2);
    let before = Status { external: true, attempt: 1, state: State::Running, ..Status::new("j-1", long_ago) };
    armed.dir().write_status(&before, files::Durability::Whole).unwrap();
    drop(armed);
    assert!(matches!(lab.dir("j-1").standing().unwrap(), Standing::Unarmed(_)));
    let exit = look_after(rearm(&lab.dir("j-1"), chrono::Utc::now()).unwrap().unwrap()).end();
    assert_eq!((exit.outcome, exit.started_at), (Outcome::Timeout, Some(long_ago)));
}

#[test]
fn a_shell_command_that_does_not_end_is_killed() {
    let temp = tempfile::tempdir().unwrap();
    let run = |command: &str, ms| {
        let spec = Spec { id: "j-1".into(), cwd: temp.path().to_owned(), ..Spec::default() };
        shell::Script::of(&spec, command, &[]).run(Duration::from_millis(ms)).unwrap()
    };
    assert_eq!(run("echo said; exec sleep 1000", 100), (None, b"said\n".to_vec()));
    assert_eq!(run("exit 3", 60_000), (Some(3), vec![]));
    let (code, output) = run("head -c 100000 /dev/zero; echo end", 60_000);
    assert_eq!((code, output.len()), (Some(0), 16 << 10));
    assert!(output.ends_with(b"\0end\n"));
}
