//! `state eval search`: what it measures, and a floor under the order of real hits.
//!
//! `fixtures/search_dev` is the development set (949 commits of three repositories, 211 titles of their issues; licences
//! beside it). FTS5 with porter stemming finds the right one first for 70.6 % and among five for 91.0 %.

use crate::support::Workspace;
use serde_json::{Value, json};

fn eval(workspace: &Workspace, dir: &str) -> Value {
    workspace.json(&["eval", "search", dir])
}

fn folder(workspace: &Workspace, docs: &[Value], queries: &[Value], qrels: &[Value]) -> &'static str {
    for (name, lines) in [("docs", docs), ("queries", queries), ("qrels", qrels)] {
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        workspace.write(&format!("data/{name}.jsonl"), text.join("\n"));
    }
    "data"
}

#[test]
fn hits_are_counted_in_the_scope_of_each_query() {
    let workspace = Workspace::empty();
    let docs = [
        json!({"id": "a1", "scope": "a", "date": "2026-01-30", "text": "Rotate the refresh token\nand its lock"}),
        json!({"id": "a2", "scope": "a", "text": "Parse dates", "paths": ["src/when.rs", "../odd"]}),
        json!({"id": "b1", "scope": "b", "text": "refresh token of the other project"}),
    ];
    let queries = [
        json!({"id": "q1", "scope": "a", "text": "refresh tokens", "bucket": "easy"}),
        json!({"id": "q2", "scope": "a", "text": "when.rs", "bucket": "path"}),
        json!({"id": "q3", "scope": "a", "text": "nothing of this occurs", "bucket": "path"}),
        json!({"id": "q4", "scope": "b", "text": "nobody judged it"}),
    ];
    let qrels = [
        json!({"query": "q1", "doc": "a1"}),
        json!({"query": "q1", "doc": "b1"}),
        json!({"query": "q2", "doc": "a2"}),
        json!({"query": "q3", "doc": "a2"}),
    ];
    let report = eval(&workspace, folder(&workspace, &docs, &queries, &qrels));
    assert_eq!((&report["documents"], &report["scopes"], &report["unjudged"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!(report["places"], json!({"q1": 1, "q2": 1, "q3": 0}));
    assert_eq!(report["overall"]["queries"], 3);
    assert_eq!(report["buckets"]["path"]["hit"], json!([0.5, 0.5, 0.5, 0.5]));
    assert_eq!(report["buckets"]["easy"]["recall_20"], 0.5, "b1 is of another scope");
    workspace.fails(2, &["list"]);
}

#[test]
fn data_that_is_not_as_described_is_one_clear_error() {
    let workspace = Workspace::empty();
    let dir = folder(&workspace, &[json!({"id": "a"})], &[json!({"id": "q", "text": "x"})], &[]);
    let told = workspace.fails(2, &["eval", "search", dir]);
    assert!(told.contains("docs.jsonl: line 1 is not as described"), "{told}");
    let told = workspace.fails(1, &["eval", "search", "nowhere"]);
    assert!(told.contains("nowhere/queries.jsonl"), "{told}");
}

/// A broken analyzer (no stemming, identifiers not split), a lost field or factor falls below this.
#[test]
fn real_titles_find_their_commits() {
    let workspace = Workspace::empty();
    let report = eval(&workspace, concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/search_dev"));
    let hit = |depth: usize| report["overall"]["hit"][depth].as_f64().unwrap();
    let told = report["overall"].to_string();
    assert_eq!(report["rejected"], 0);
    assert!(hit(0) >= 0.735 && hit(1) >= 0.915 && hit(2) >= 0.955 && hit(3) >= 0.97, "{told}");
    assert!(report["overall"]["mrr"].as_f64().unwrap() >= 0.815, "{told}");
}
