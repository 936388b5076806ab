//! Two hundred jobs at once: all end, and each end is told once.

use super::{LIMIT, Lab, word};
use crate::support::{Workspace, wait_until};
use std::collections::BTreeSet;

#[test]
fn two_hundred_at_once_all_end_and_each_is_told_once() {
    let lab = Lab::new();
    let go = lab.dir().join("go");
    assert!(std::process::Command::new("mkfifo").arg(&go).status().unwrap().success());
    let started: BTreeSet<String> = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..8).map(|_| scope.spawn(|| start(&lab, 25))).collect();
        starters.into_iter().flat_map(|starter| starter.join().unwrap()).collect()
    });
    assert_eq!(started.len(), 200);
    // All of them open it at once; nobody writes a word.
    let mut doors = Vec::new();
    let ended = || started.iter().filter(|id| super::file(&lab, id, "exit.json").is_some()).count();
    wait_until("all have ended", LIMIT, || {
        let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
        use std::os::unix::fs::OpenOptionsExt;
        doors = std::fs::OpenOptions::new().write(true).custom_flags(nonblock).open(&go).into_iter().collect();
        doors.clear();
        ended() == 200
    });
    let mut told = Vec::new();
    loop {
        let report = lab.json(&["list", "jobs", "--new"]);
        let jobs = report["jobs"].as_array().unwrap().clone();
        if jobs.is_empty() {
            break;
        }
        told.extend(jobs.iter().map(|job| (word(job, "id"), word(job, "status"))));
    }
    assert_eq!(told.len(), 200);
    let told: BTreeSet<(String, String)> = told.into_iter().collect();
    assert_eq!(told, started.into_iter().map(|id| (id, "ok".to_owned())).collect());
    assert!(!lab.ok(&["resume"]).contains("Jobs:"));
}

fn start(lab: &Workspace, count: usize) -> Vec<String> {
    (0..count).map(|_| super::sh(lab, &[], "read x < go; exit 0")).collect()
}
