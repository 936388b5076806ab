//! Directories, commands and launches that go wrong.

use super::*;
use crate::domain::job::{Outcome, VERSION};
use crate::error::Kind;

#[test]
fn a_directory_is_made_once_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let dir = lab.dir("j-1");
    let armed = prepare(&dir, &lab.job("j-1", "true")).unwrap();
    assert_eq!(prepare(&dir, &lab.job("j-1", "true")).unwrap_err().kind, Kind::Conflict);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(dir.path()), mode(&dir.path().join("spec.json"))), (0o700, 0o600));
    assert_eq!(dir.spec().unwrap().unwrap().version, VERSION);
    assert!(dir.is_alive().unwrap() && matches!(dir.standing().unwrap(), Standing::Alive(_)));
    armed.abandon();
    assert_eq!(dir.standing().unwrap(), Standing::Gone);
    assert_eq!(prepare(&dir, &Spec { retries: 1000, ..lab.job("j-1", "true") }).unwrap_err().kind, Kind::Usage);
    assert!(!dir.path().exists());
}

#[test]
fn what_is_no_command_is_left_out() {
    let lab = Lab::new();
    let armed = prepare(&lab.dir("j-1"), &lab.job("j-1", "true")).unwrap();
    assert!(!send(armed.dir(), &stop(false)).unwrap(), "nobody has opened it");
    let mut control = control::Control::open(armed.dir()).unwrap();
    std::fs::write(armed.dir().control_path(), "nonsense\n{\"do\":\"dance\"}\n\n").unwrap();
    assert!(send(armed.dir(), &stop(true)).unwrap());
    std::fs::write(armed.dir().control_path(), "{\"do\":").unwrap();
    assert_eq!(control.read(), [stop(true)]);
    std::fs::write(armed.dir().control_path(), "\"report\",\"code\":3}\n").unwrap();
    assert_eq!(control.read(), [Command::Report { code: 3, results: Vec::new(), why: None }]);
    let long = Command::Stop { kill: false, why: Some("x".repeat(5000)) };
    assert_eq!(send(armed.dir(), &long).unwrap_err().kind, Kind::Usage);
    assert!(!send(&lab.dir("j-none"), &stop(false)).unwrap());
}

#[test]
fn a_program_that_is_no_supervisor_leaves_a_job_to_be_armed_again() {
    let lab = Lab::new();
    for program in ["/bin/true", "/no/such/program"] {
        let _ = std::fs::remove_dir_all(lab.path("jobs"));
        let armed = prepare(&lab.dir("j-1"), &lab.job("j-1", "true")).unwrap();
        let error = armed.launch(&Supervisor { program: Path::new(program), args: &[] }, &[]).unwrap_err();
        assert_eq!(error.kind, Kind::Refused, "{error}");
        assert!(matches!(lab.dir("j-1").standing().unwrap(), Standing::Unarmed(_)));
    }
    assert_eq!(look_after(rearm(&lab.dir("j-1"), clock()).unwrap().unwrap()).end().outcome, Outcome::Ok);
    assert!(rearm(&lab.dir("j-1"), clock()).unwrap().is_none(), "it is over");
    assert!(rearm(&lab.dir("j-none"), clock()).unwrap().is_none());
}

fn clock() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH
}

#[test]
fn one_that_is_over_is_removed_with_what_a_crash_left_of_it() {
    let lab = Lab::new();
    let dir = lab.dir("j-1");
    let armed = prepare(&dir, &lab.job("j-1", "true")).unwrap();
    assert!(!dir.remove().unwrap() && !dir.erase().unwrap(), "somebody looks after it");
    drop(armed);
    assert!(!dir.remove().unwrap(), "it was never started");
    let exit = look_after(rearm(&dir, clock()).unwrap().unwrap()).end();
    assert_eq!(dir.standing().unwrap(), Standing::Over(Box::new(exit)));
    let left = lab.path("jobs").join(format!("{REMOVED_PREFIX}j-1"));
    std::fs::create_dir_all(left.join("output")).unwrap();
    assert!(dir.remove().unwrap());
    assert_eq!(std::fs::read_dir(lab.path("jobs")).unwrap().count(), 0);
    assert_eq!(dir.standing().unwrap(), Standing::Gone);
}

#[test]
fn one_that_cannot_be_read_is_erased_all_the_same() {
    let lab = Lab::new();
    let dir = lab.dir("j-1");
    lab.run(&lab.job("j-1", "echo a secret"));
    std::fs::write(dir.path().join("exit.json"), "{\"outcome\": \"o").unwrap();
    assert!(dir.remove().is_err() && dir.path().is_dir());
    let left = lab.path("jobs").join(format!("{REMOVED_PREFIX}j-1"));
    std::fs::create_dir_all(left.join("output")).unwrap();
    assert!(dir.erase().unwrap());
    assert_eq!(std::fs::read_dir(lab.path("jobs")).unwrap().count(), 0);
    std::fs::create_dir_all(left.join("output")).unwrap();
    assert!(dir.erase().unwrap() && !left.exists(), "what a crash left goes though the rest is gone");
}

#[test]
fn an_end_that_cannot_be_written_is_told_to_nobody() {
    let lab = Lab::new();
    let dir = lab.dir("j-1");
    let armed = prepare(&dir, &lab.job("j-1", "true")).unwrap();
    // A file cannot take its place.
    std::fs::create_dir(dir.path().join("exit.json")).unwrap();
    let running = look_after(armed);
    running.supervisor.join().unwrap().unwrap();
    let told: Vec<Heard> = running.news.iter().collect();
    assert!(!told.iter().any(|heard| matches!(heard, Heard::Ended(..))), "{told:?}");
    std::fs::remove_dir(dir.path().join("exit.json")).unwrap();
    assert_eq!(dir.record_lost(clock()).unwrap().unwrap().outcome, Outcome::Lost, "the next finds it so");
}

#[test]
fn a_stop_is_awaited_for_as_long_as_all_of_it_may_take() {
    let lab = Lab::new();
    let plain = prepare(&lab.dir("j-1"), &lab.job("j-1", "true")).unwrap();
    let tidy = Spec { cleanup: Some("true".into()), ..lab.job("j-2", "true") };
    let tidy = prepare(&lab.dir("j-2"), &tidy).unwrap();
    let kill = members::GRACE + members::KILL_WAIT;
    assert!(stop_patience(plain.dir()) > kill);
    assert!(stop_patience(tidy.dir()) > kill + supervise::CLEANUP_LIMIT + members::KILL_WAIT);
}

#[test]
fn one_thread_waits_for_a_lock_however_often_it_is_waited_for() {
    let lab = Lab::new();
    let armed = prepare(&lab.dir("j-patient"), &lab.job("j-patient", "true")).unwrap();
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.trim_end() == "wait j-patient").count()
    };
    let dirs = [armed.dir().clone()];
    assert_eq!(wait_for_end(&dirs, false, Some(Duration::ZERO)).unwrap(), [] as [usize; 0]);
    assert_eq!(threads(), 0, "who has no time only looks");
    for _ in 0..5 {
        assert_eq!(wait_for_end(&dirs, false, Some(Duration::from_millis(1))).unwrap(), [] as [usize; 0]);
    }
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let dirs = dirs.clone();
            std::thread::spawn(move || wait_for_end(&dirs, false, None).unwrap())
        })
        .collect();
    eventually("one waits for all", || threads() == 1);
    drop(armed);
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap(), [0]);
    }
    eventually("it has ended", || threads() == 0);
    let armed = rearm(&dirs[0], clock()).unwrap().unwrap();
    assert_eq!(wait_for_end(&dirs, false, Some(Duration::from_millis(1))).unwrap(), [] as [usize; 0]);
    drop(armed);
    assert_eq!(wait_for_end(&dirs, false, None).unwrap(), [0]);
}

#[test]
fn a_job_that_cannot_be_understood_any_more_ends_as_lost() {
    let lab = Lab::new();
    drop(prepare(&lab.dir("j-1"), &lab.job("j-1", "true")).unwrap());
    std::fs::write(lab.dir("j-1").path().join("spec.json"), "{\"command\":7}").unwrap();
    assert_eq!(lab.dir("j-1").spec().unwrap_err().kind, Kind::Corrupt);
    assert!(rearm(&lab.dir("j-1"), clock()).unwrap().is_none());
    let exit = lab.dir("j-1").exit().unwrap().unwrap();
    assert_eq!(exit.to_string(), "lost: what it was to do cannot be read any more");
}
