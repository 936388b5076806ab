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
    assert!(!send(armed.dir(), &Command::Wake).unwrap(), "nobody has opened it");
    let mut control = control::Control::open(armed.dir()).unwrap();
    std::fs::write(armed.dir().control_path(), "nonsense\n{\"do\":\"dance\"}\n\n").unwrap();
    assert!(send(armed.dir(), &stop(true)).unwrap());
    std::fs::write(armed.dir().control_path(), "{\"do\":").unwrap();
    assert_eq!(control.read(), [stop(true)]);
    std::fs::write(armed.dir().control_path(), "\"wake\"}\n").unwrap();
    assert_eq!(control.read(), [Command::Wake]);
    let long = Command::Stop { kill: false, why: Some("x".repeat(5000)) };
    assert_eq!(send(armed.dir(), &long).unwrap_err().kind, Kind::Usage);
    assert!(!send(&lab.dir("j-none"), &Command::Wake).unwrap());
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
fn one_that_nobody_looks_after_can_be_dropped_and_one_that_is_over_removed() {
    let lab = Lab::new();
    let dir = lab.dir("j-1");
    let armed = prepare(&dir, &lab.job("j-1", "true")).unwrap();
    assert_eq!(dir.record_dropped(None, clock()).unwrap(), None, "somebody looks after it");
    drop(armed);
    assert!(!dir.remove().unwrap());
    let exit = dir.record_dropped(Some("not needed"), clock()).unwrap().unwrap();
    assert_eq!((exit.id.as_str(), exit.to_string().as_str()), ("j-1", "killed: not needed"));
    assert_eq!(dir.record_dropped(None, clock()).unwrap(), None);
    assert_eq!(dir.standing().unwrap(), Standing::Over(Box::new(exit)));
    assert!(dir.remove().unwrap());
    assert_eq!(std::fs::read_dir(lab.path("jobs")).unwrap().count(), 0);
    assert_eq!(dir.standing().unwrap(), Standing::Gone);
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
