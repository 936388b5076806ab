//! `kill -9` at random moments: what was acknowledged is there, what was not left nothing half, and the next command works.

use crate::support::{Shell, Workspace, ids, installed, rounds, texts};
use crate::views::assert_views_equal_a_fresh_fold;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::time::{Duration, Instant};

#[test]
fn an_add_that_is_killed_is_there_or_not_and_an_acknowledged_one_is_there() {
    let workspace = Workspace::new();
    let (mut dice, mut acknowledged) = (Dice(1), Vec::new());
    let mut slowest = Duration::ZERO;
    for round in 0..rounds(300) {
        let title = format!("round {round}");
        let output = killed(&workspace, &["add", "task", &title, "--body", "some text", "--json"], dice.below(7_000));
        if output.status.success() {
            acknowledged.push(title);
        }
        let start = Instant::now();
        workspace.ok(&["log", "-n", "1"]);
        slowest = slowest.max(start.elapsed());
    }
    let there: Vec<String> = texts(&workspace.json(&["list", "tasks", "--limit", "100000"]), "title");
    let unique: BTreeSet<&String> = there.iter().collect();
    assert_eq!(unique.len(), there.len(), "a task is there twice");
    assert!(acknowledged.iter().all(|title| unique.contains(title)), "an acknowledged task is lost");
    assert!(slowest < Duration::from_secs(2), "a read after a kill took {slowest:?}");
    assert_views_equal_a_fresh_fold(&workspace);
    eprintln!("{} of {} acknowledged, slowest read after a kill {slowest:?}", acknowledged.len(), rounds(300));
}

#[test]
fn a_batch_that_is_killed_is_there_whole_or_not_at_all() {
    let workspace = Workspace::new();
    let mut dice = Dice(2);
    for round in 0..rounds(60) {
        let lines: String =
            (0..40).map(|i| json!({"kind": "task", "title": format!("{round} {i}")}).to_string() + "\n").collect();
        let path = workspace.write("batch.jsonl", lines);
        killed(&workspace, &["add", path.to_str().unwrap()], dice.below(20_000));
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for title in texts(&workspace.json(&["list", "tasks", "--limit", "100000"]), "title") {
        *counts.entry(title.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count == 40), "{counts:?}");
    assert_views_equal_a_fresh_fold(&workspace);
}

#[test]
fn an_import_that_is_killed_is_completed_by_importing_again() {
    let workspace = Workspace::new();
    let mut dice = Dice(3);
    let issues = 1_500;
    let path = workspace.write("issues.jsonl", beads(issues));
    let path = path.to_str().unwrap();
    for _ in 0..rounds(15) {
        killed(&workspace, &["import", path], dice.below(400_000));
        workspace.ok(&["list"]);
    }
    workspace.ok(&["import", path]);
    let report = workspace.json(&["import", path]);
    assert_eq!((&report["added"], &report["unchanged"]), (&json!(0), &json!(issues)));
    assert_eq!(
        workspace.json(&["list", "tasks", "--all", "--limit", "9"])["total"].as_u64().unwrap().min(1_000),
        1_000
    );
    assert_views_equal_a_fresh_fold(&workspace);
    assert_eq!(workspace.search(&["\"issue 777\"", "kind:task"]).len(), 1);
}

#[test]
fn an_index_catch_up_that_is_killed_leaves_search_right() {
    let workspace = Workspace::new();
    let mut dice = Dice(4);
    for round in 0..rounds(20) {
        let lines: String = (0..300)
            .map(|i| json!({"kind": "note", "title": format!("ledger {round} {i}")}).to_string() + "\n")
            .collect();
        let path = workspace.write("batch.jsonl", lines);
        workspace.ok(&["add", path.to_str().unwrap()]);
        killed(&workspace, &["catch-up"], dice.below(250_000));
        let needle = workspace.add("note", &format!("needle{round} in the hay"));
        assert_eq!(workspace.search(&[&format!("needle{round}")]), [needle]);
    }
    workspace.ok(&["catch-up"]);
    let report = workspace.json(&["search", "--limit", "100000", "hay"]);
    assert_eq!(ids(&report).len(), rounds(20));
    assert_views_equal_a_fresh_fold(&workspace);
}

#[test]
fn an_init_that_is_killed_stops_nobody() {
    let mut dice = Dice(5);
    for _ in 0..rounds(60) {
        let workspace = Workspace::empty();
        killed(&workspace, &["init"], dice.below(6_000));
        workspace.ok(&["init"]);
        let id = workspace.add("task", "first");
        assert!(workspace.ok(&["list"]).contains(&id));
        let litter = std::fs::read_dir(workspace.store()).unwrap().flatten().map(|entry| entry.file_name());
        assert!(!litter.into_iter().any(|name| name.to_string_lossy().contains(".new-")));
    }
}

#[test]
fn an_add_syncs_at_most_four_times() {
    if !installed("strace") {
        eprintln!("skipped: strace is not installed");
        return;
    }
    let workspace = Workspace::new();
    workspace.add("task", "begins the session");
    let trace = workspace.dir().join("trace");
    let mut command = workspace.program("strace");
    command.args(["-f", "-e", "trace=fsync,fdatasync,sync_file_range,msync,syncfs", "-o"]).arg(&trace);
    let output = command.arg(env!("CARGO_BIN_EXE_state")).args(["add", "task", "counted"]).output().unwrap();
    let text = std::fs::read_to_string(&trace).unwrap_or_default();
    if !output.status.success() && !text.contains("sync") {
        eprintln!("skipped: strace may not trace here");
        return;
    }
    let syncs = text.lines().filter(|line| line.contains("sync") && line.contains('(')).count();
    assert!((1..=4).contains(&syncs), "{syncs} syncs\n{text}");
}

/// Starts `state` and kills it after so many microseconds, unless it was faster.
fn killed(shell: &Shell, args: &[&str], after_micros: u64) -> Output {
    let mut child = shell.spawn(args);
    std::thread::sleep(Duration::from_micros(after_micros));
    // An error only says that it has ended already.
    let _ = child.kill();
    child.wait_with_output().unwrap()
}

/// A ledger in the format of beads.
fn beads(issues: usize) -> String {
    let line = |i: usize| {
        let (id, title) = (format!("bd-{i}"), format!("issue {i} of the ledger number {}", i % 7));
        let day = format!("2026-01-{:02}T10:00:00Z", 1 + i % 28);
        json!({"id": id, "title": title, "description": "text", "status": "open", "priority": i % 5, "issue_type": "task",
               "created_at": day, "updated_at": day})
    };
    (0..issues).map(|i| line(i).to_string() + "\n").collect()
}

/// Repeatable random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
