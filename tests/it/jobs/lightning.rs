//! `kill -9` at moments that nobody chose: of who starts a job, and of who looks after it.

use super::{LIMIT, Lab, end, file, lives, run, sh, word};
use crate::support::{rounds, wait_until};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        limit.mul_f64((self.0 >> 33) as f64 / f64::from(u32::MAX >> 1))
    }
}

/// How often each job ran.
fn runs(lab: &Lab) -> BTreeMap<String, usize> {
    let mut runs = BTreeMap::new();
    lab.text("ran").lines().for_each(|id| *runs.entry(id.to_owned()).or_default() += 1);
    runs
}

#[test]
fn who_starts_a_job_is_killed_at_any_moment_and_the_job_runs_once_or_was_never_there() {
    let lab = Lab::new();
    let mut dice = Dice(1);
    let start = Instant::now();
    lab.ok(&["run", "--", "sh", "-c", "echo $STATE_JOB >> ran"]);
    let usual = start.elapsed() * 5 / 4;
    let mut acknowledged = 0;
    for _ in 0..rounds(25) {
        let mut child = lab.spawn(&["run", "--json", "--", "sh", "-c", "echo $STATE_JOB >> ran"]);
        std::thread::sleep(dice.below(usual));
        // One that has ended needs no kill.
        let _ = child.kill();
        acknowledged += usize::from(child.wait().unwrap().success());
    }
    let records: Vec<String> = lab.json(&["list", "jobs", "--all", "-n", "1000"])["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| word(job, "id"))
        .collect();
    assert!(records.len() > acknowledged, "one that was acknowledged is not there");
    for id in &records {
        assert_eq!(word(&end(&lab, id), "status"), "ok", "{id}");
    }
    let runs = runs(&lab);
    assert!(records.iter().all(|id| runs.get(id) == Some(&1)), "{records:?} ran as {runs:?}");
    assert_eq!(runs.len(), records.len(), "one ran that is not there");
    eprintln!("{acknowledged} of {} acknowledged, {} there", rounds(25), records.len() - 1);
}

#[test]
fn who_looks_after_a_job_is_killed_at_any_moment_and_it_runs_once_and_is_told_once() {
    let lab = Lab::new();
    let mut dice = Dice(2);
    let start = Instant::now();
    let first = sh(&lab, &[], "echo $STATE_JOB >> ran");
    end(&lab, &first);
    let usual = start.elapsed();
    let mut ids = Vec::new();
    for _ in 0..rounds(25) {
        let id = run(&lab, &[], &["sh", "-c", "echo $STATE_JOB >> ran"]);
        std::thread::sleep(dice.below(usual));
        let status = file(&lab, &id, "status.json").unwrap_or_default();
        let supervisor = status["supervisor"].as_str().map(|_| super::pid(&status, "supervisor"));
        if let Some(pid) = supervisor.filter(|pid| lives(*pid)) {
            // It may end at this very moment.
            let _ = rustix::process::kill_process(super::number(pid), rustix::process::Signal::KILL);
        }
        ids.push(id);
    }
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    wait_until("all are told", LIMIT, || {
        for job in lab.json(&["list", "jobs", "--new"])["jobs"].as_array().unwrap() {
            let before = told.insert(word(job, "id"), word(job, "status"));
            assert_eq!(before, None, "told twice: {job}");
        }
        told.len() == ids.len()
    });
    let runs = runs(&lab);
    for id in &ids {
        match (told[id].as_str(), runs.get(id)) {
            ("ok", Some(1)) | ("lost", None | Some(1)) => {}
            other => panic!("{id}: {other:?}"),
        }
    }
    let lost = told.values().filter(|status| *status == "lost").count();
    eprintln!("{lost} of {} lost", ids.len());
}
