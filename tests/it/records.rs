//! What keys, blockers, undo and the past mean for a record.

use crate::support::{Shell, Workspace, ids};
use crate::views::assert_views_equal_a_fresh_fold;
use serde_json::json;

#[test]
fn a_blocker_holds_its_task_up_until_it_is_done() {
    let workspace = Workspace::new();
    let (task, other) = (workspace.add("task", "deploy"), workspace.add("task", "write"));
    let report = workspace.json(&["block", &task, "staging key"]);
    let blocker = report["blocker"]["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&workspace.json(&["ready"])), [other.as_str()]);
    assert_eq!(ids(&workspace.json(&["list", "blocked"])), [task.as_str()]);
    assert_views_equal_a_fresh_fold(&workspace);

    let ended = workspace.json(&["done", &blocker]);
    assert_eq!(ended["freed"][0]["id"], json!(task));
    assert_eq!(ids(&workspace.json(&["ready"])).len(), 2);
    workspace.ok(&["undo"]);
    assert_eq!(ids(&workspace.json(&["ready"])), [other.as_str()]);
    workspace.ok(&["done", &task, "-m", "without the key"]);
    assert_eq!(ids(&workspace.json(&["ready"])), [other.as_str()]);
    assert_views_equal_a_fresh_fold(&workspace);
}

#[test]
fn keys_decide_what_a_second_record_means() {
    let workspace = Workspace::new();
    let (one, two) = (workspace.session("one"), workspace.session("two"));
    let add = |shell: &Shell, title: &str| {
        shell.json(&["add", "finding", title, "--key", "lock/scope"])["records"][0].clone()
    };
    let first = add(&one, "per user");
    assert_eq!(add(&two, "per user")["outcome"], json!("same"));
    let second = add(&one, "per process");
    assert_eq!(second["outcome"], json!("superseded"));
    assert_eq!(workspace.field(first["id"].as_str().unwrap(), "status"), json!("superseded"));
    let third = add(&two, "per thread");
    assert_eq!(third["outcome"], json!("conflict"));
    assert_eq!(ids(&workspace.json(&["list", "conflicts"])).len(), 2);
    assert!(workspace.ok(&["resume"]).contains(third["id"].as_str().unwrap()));
    workspace.ok(&["drop", third["id"].as_str().unwrap()]);
    assert_eq!(ids(&workspace.json(&["list", "conflicts"])).len(), 0);
    assert_views_equal_a_fresh_fold(&workspace);
}

#[test]
fn the_past_can_be_seen_and_taken_back() {
    let workspace = Workspace::new();
    let early = workspace.at("2026-03-01T10:00:00Z");
    let task = early.add_with("task", "first words", &["--body", "first body", "--tag", "old"]);
    let late = workspace.at("2026-03-05T10:00:00Z");
    late.ok(&["edit", &task, "--title", "second words", "--body", "second body", "--untag", "old"]);
    let now = workspace.at("2026-03-06T10:00:00Z");
    let then = now.json(&["show", &task, "--at", "2026-03-02"]);
    assert_eq!(
        (&then["records"][0]["title"], &then["records"][0]["body"]),
        (&json!("first words"), &json!("first body"))
    );
    assert_eq!(now.field(&task, "title"), json!("second words"));
    let history = now.ok(&["log", &task]);
    assert!(history.contains("first words -> second words"), "{history}");
    now.ok(&["undo"]);
    assert_eq!((now.field(&task, "title"), now.field(&task, "tags")), (json!("first words"), json!(["old"])));
    assert_eq!(now.field(&task, "body"), json!("first body"));
    now.ok(&["undo"]);
    assert_eq!(now.field(&task, "undone"), json!(true), "the change before that: the record itself");
    assert!(now.search(&["words"]).is_empty());
    assert!(ids(&now.json(&["list"])).is_empty());
    assert_views_equal_a_fresh_fold(&workspace);
}
