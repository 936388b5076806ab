//! Many processes at once: nothing is lost, nothing is doubled, nobody waits for ever.

use crate::support::{Shell, Workspace, ids, texts, transcript};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PROCESSES: usize = 64;
const ADDS_EACH: usize = 50;

#[test]
fn sixty_four_processes_add_fifty_each_and_all_are_there_once() {
    let workspace = Workspace::new();
    let (shell, done) = (&*workspace, &AtomicBool::new(false));
    let (acknowledged, reads) = std::thread::scope(|scope| {
        let readers = READS.map(|args| scope.spawn(move || looping(shell, args, done)));
        let writers: Vec<_> = (0..PROCESSES).map(|i| scope.spawn(move || adding(shell, i))).collect();
        let stop = StopAtEnd(done);
        let acknowledged: Vec<Vec<String>> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        drop(stop);
        (acknowledged, readers.into_iter().map(|reader| reader.join().unwrap()).sum::<usize>())
    });
    assert!(reads > READS.len(), "the readers did not run beside");
    let unique: BTreeSet<&String> = acknowledged.iter().flatten().collect();
    assert_eq!(unique.len(), PROCESSES * ADDS_EACH, "an id was given twice");

    let all = workspace.json(&["list", "tasks", "--limit", "5000"]);
    assert_eq!(ids(&all).iter().collect::<BTreeSet<_>>(), unique);
    assert_eq!(texts(&all, "title").into_iter().collect::<BTreeSet<_>>().len(), unique.len(), "a task is there twice");
    for (i, expected) in acknowledged.iter().enumerate() {
        let found = workspace.search(&["--limit", "100", "parallel", &format!("tag:w{i}")]);
        assert_eq!(
            found.iter().collect::<BTreeSet<_>>(),
            expected.iter().collect(),
            "searching what process {i} added"
        );
    }
}

const READS: [&[&str]; 4] = [&["list"], &["search", "parallel"], &["resume"], &["log"]];

/// Stops the readers, also when the writer beside them fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs one command again and again until `done`; none may fail or complain. Returns how many ran.
fn looping(shell: &Shell, args: &[&str], done: &AtomicBool) -> usize {
    let mut count = 0;
    while !done.load(Ordering::Relaxed) {
        let output = shell.run(args, b"");
        assert!(output.status.success() && output.stderr.is_empty(), "state {args:?}\n{}", transcript(&output));
        count += 1;
    }
    count
}

fn adding(shell: &Shell, i: usize) -> Vec<String> {
    let (session, tag) = (shell.session(&format!("process {i}")), format!("w{i}"));
    (0..ADDS_EACH).map(|j| session.add_with("task", &format!("parallel {i} {j}"), &["--tag", &tag])).collect()
}

#[test]
fn sixty_four_processes_that_start_next_get_each_task_once() {
    let workspace = Workspace::new();
    let lines: String = (0..PROCESSES).map(|i| format!("{{\"kind\":\"task\",\"title\":\"race {i}\"}}\n")).collect();
    workspace.ok_with(&["add", "-"], &lines);
    let outputs = race(&workspace, &["start", "--next", "--json"]);
    let claimed: BTreeSet<String> = outputs.iter().map(claimed_id).collect();
    assert_eq!(claimed.len(), PROCESSES, "a task was given to two");
    workspace.session("late").fails(1, &["start", "--next"]);
}

#[test]
fn of_sixty_four_processes_that_start_one_task_one_gets_it() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "only one can");
    let outputs = race(&workspace, &["start", &task]);
    let mut codes: Vec<_> = outputs.iter().map(|output| output.status.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes[0], Some(0));
    assert!(codes[1..].iter().all(|code| *code == Some(1)), "{codes:?}");
}

#[test]
fn a_writer_beside_thirty_two_looping_readers_is_not_starved() {
    let workspace = Workspace::new();
    let done = AtomicBool::new(false);
    let worst = std::thread::scope(|scope| {
        let _stop = StopAtEnd(&done);
        for _ in 0..32 {
            scope.spawn(|| looping(&workspace, &["list"], &done));
        }
        let waits = (0..20).map(|i| {
            let start = Instant::now();
            workspace.add("note", &format!("note {i}"));
            start.elapsed()
        });
        waits.max().unwrap()
    });
    eprintln!("worst add beside 32 readers: {worst:?}");
    assert!(worst < Duration::from_secs(10), "{worst:?}");
}

/// The same command of as many sessions as there are processes, at once.
fn race(shell: &Shell, args: &[&str]) -> Vec<std::process::Output> {
    let children: Vec<_> = (0..PROCESSES).map(|i| shell.session(&format!("racer {i}")).spawn(args)).collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn claimed_id(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{}", transcript(output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["record"]["id"].as_str().unwrap().to_owned()
}
