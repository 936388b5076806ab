//! `eval resume`: what it counts, what it refuses, and a floor that a broken order of tasks would miss.
//!
//! `fixtures/resume_dev` holds three cases of steveyegge/beads (licence beside them).

use crate::support::Workspace;
use serde_json::{Value, json};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/resume_dev");

fn issue(id: &str, status: &str, day: u32) -> String {
    let at = format!("2026-02-{day:02}T10:00:00Z");
    json!({"id": id, "title": format!("Issue {id}"), "status": status, "priority": 2, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": at})
    .to_string()
}

fn case(name: &str, gold: &[&str]) -> String {
    json!({"case": name, "t": "2026-02-20T09:00:00+01:00", "snapshot": "snapshots/one.jsonl", "gold_open": gold,
        "what": "is not known"})
    .to_string()
}

/// A folder of two cases that count and one that names nothing.
fn small() -> Workspace {
    let workspace = Workspace::empty();
    let ledger = [issue("x-1", "open", 1), issue("x-1.2", "open", 2), issue("x-3", "closed", 3)];
    workspace.write("data/snapshots/one.jsonl", ledger.join("\n"));
    let cases = [case("both", &["x-1", "x-1.2"]), case("half", &["x-1", "x-77"]), case("none", &[])];
    workspace.write("data/cases.jsonl", cases.join("\n") + "\n\n");
    workspace
}

fn share(report: &Value, budget: u64) -> f64 {
    let at = report["budgets"].as_array().unwrap().iter().find(|at| at["budget"] == budget).unwrap();
    assert!(at["tokens"].as_f64().unwrap() <= budget as f64, "{at}");
    at["share"].as_f64().unwrap()
}

fn first(report: &Value, order: &str) -> [f64; 3] {
    let order = report["orders"].as_array().unwrap().iter().find(|found| found["name"] == order).unwrap();
    [0, 1, 2].map(|at| order["first"][at].as_f64().unwrap())
}

#[test]
fn what_is_named_is_counted_case_by_case_and_in_the_mean() {
    let workspace = small();
    let report = workspace.json(&["eval", "resume", "data"]);
    assert_eq!((&report["cases"], &report["skipped"], &report["gold"]), (&json!(2), &json!(1), &json!(4)));
    for budget in [300, 500, 1000, 1500, 3000] {
        assert_eq!(share(&report, budget), 0.75, "{report}");
    }
    assert_eq!(first(&report, "last update"), [0.75; 3]);
    let half = &report["by_case"][1];
    assert_eq!((&half["case"], &half["ledger"], &half["open"]), (&json!("half"), &json!(3), &json!(2)));
    assert_eq!(half["missed"], json!(["x-77"]));
    let text = workspace.ok(&["eval", "resume", "data"]);
    assert!(text.contains("2 cases, 4 issues") && text.contains("75.0"), "{text}");
}

#[test]
fn the_stores_of_a_measurement_are_gone_and_none_other_is_touched() {
    let workspace = small();
    let temporary = workspace.dir().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let shell = workspace.with_var("TMPDIR", temporary.to_str().unwrap());
    shell.ok(&["eval", "resume", "data"]);
    workspace.write("data/snapshots/one.jsonl", "no ledger");
    shell.fails(2, &["eval", "resume", "data"]);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!workspace.dir().join(".state").exists());
}

#[test]
fn a_folder_that_is_not_as_described_is_one_clear_error() {
    let workspace = small();
    let fails = |code, what: &str| {
        let message = workspace.fails(code, &["eval", "resume", "data"]);
        assert!(message.contains(what), "{message}");
    };
    std::fs::remove_file(workspace.dir().join("data/snapshots/one.jsonl")).unwrap();
    fails(1, "one.jsonl");
    workspace.write("data/cases.jsonl", case("a", &["x-1"]) + "\n{\"case\": 1}\n");
    fails(2, "cases.jsonl: line 2");
    workspace.write("data/cases.jsonl", "\u{fffd}{");
    fails(2, "line 1");
    std::fs::remove_dir_all(workspace.dir().join("data")).unwrap();
    fails(1, "cases.jsonl");
}

#[test]
fn briefings_of_real_sessions_name_what_they_turned_to() {
    let report = Workspace::empty().json(&["eval", "resume", FIXTURES]);
    assert_eq!((&report["cases"], &report["gold"]), (&json!(3), &json!(9)));
    for (budget, floor) in [(300, 0.9), (500, 1.0), (1500, 1.0)] {
        assert!(share(&report, budget) >= floor, "{budget}: {report}");
    }
    // By last update alone 49, 67 and 100 %.
    let [five, ten, _] = first(&report, "likely");
    assert!(five >= 0.9 && ten >= 1.0, "{report}");
    assert!(first(&report, "last update")[1] < 0.7, "{report}");
}
