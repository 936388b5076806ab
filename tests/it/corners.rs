//! Corner cases that once lost state or told the wrong one: keys used often, undo of undo, imports taken back.

use crate::support::{Shell, Workspace, ids};
use serde_json::{Value, json};
use state::store::Store;

fn verify(workspace: &Workspace) {
    let verdict = Store::at(&workspace.store(), chrono::Utc::now, [0; 16]).verify().unwrap();
    assert!(verdict.is_clean(), "{:#?}", verdict.differences);
}

fn field(workspace: &Workspace, id: &str, name: &str) -> Value {
    workspace.field(id, name)
}

#[test]
fn a_key_leads_to_what_holds_however_often_it_was_superseded() {
    let workspace = Workspace::new();
    for version in 0..60 {
        workspace.add_with("note", &format!("version {version}"), &["--key", "notes/state"]);
    }
    assert_eq!(field(&workspace, "notes/state", "title"), "version 59");
    assert_eq!(ids(&workspace.json(&["list", "notes", "--limit", "100"])).len(), 1);
    workspace.ok(&["drop", "notes/state"]);
    assert_eq!(field(&workspace, "notes/state", "title"), "version 59");
    verify(&workspace);
}

#[test]
fn a_key_like_a_sessions_makes_no_session() {
    let workspace = Workspace::new();
    let task = workspace.add_with("task", "not a session", &["--key", "session/b"]);
    let made = workspace.session("b").add("task", "made by b");
    let by = field(&workspace, &made, "session");
    assert!(by.as_str().unwrap().starts_with("s-") && by != task.as_str(), "{by}");
    verify(&workspace);
}

#[test]
fn an_undo_that_is_undone_leaves_the_change_to_be_undone_again() {
    let workspace = Workspace::new();
    let first = workspace.add("task", "first");
    let second = workspace.add("task", "second");
    workspace.ok(&["undo"]);
    let at = workspace.json(&["log", "-n", "1"])["entries"][0]["position"].as_u64().unwrap();
    workspace.ok(&["undo", &at.to_string()]);
    assert_eq!(field(&workspace, &second, "undone"), false);
    workspace.ok(&["undo"]);
    assert_eq!(field(&workspace, &second, "undone"), true);
    assert_eq!(field(&workspace, &first, "undone"), false);
    workspace.ok(&["undo"]);
    assert_eq!(field(&workspace, &first, "undone"), true);
    assert!(!workspace.run(&["undo"], b"").status.success());
    verify(&workspace);
}

#[test]
fn what_was_undone_is_neither_undone_again_nor_started() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "a mistake");
    let at = workspace.json(&["log", &task])["entries"][0]["position"].as_u64().unwrap().to_string();
    workspace.ok(&["undo", &at]);
    let events =
        |workspace: &Workspace| Store::at(&workspace.store(), chrono::Utc::now, [0; 16]).verify().unwrap().events;
    let before = events(&workspace);
    assert!(workspace.run(&["undo", &at], b"").status.code() != Some(0));
    assert!(workspace.run(&["start", &task], b"").status.code() != Some(0));
    assert_eq!(events(&workspace), before);
}

#[test]
fn an_end_of_a_session_does_not_stand_in_the_way_of_undo() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "kept");
    let session = field(&workspace, &task, "session").as_str().unwrap().to_owned();
    workspace.ok(&["done", &task]);
    workspace.ok(&["done", &session]);
    workspace.ok(&["undo"]);
    assert_eq!(field(&workspace, &task, "status"), "open");
    assert_eq!(field(&workspace, &session, "status"), "active");
    verify(&workspace);
}

#[test]
fn a_claim_does_not_come_back_under_a_later_end() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "done twice");
    workspace.ok(&["start", &task]);
    workspace.ok(&["done", &task]);
    let other = workspace.session("other");
    other.ok(&["start", &task]);
    other.ok(&["done", &task]);
    // This session's `done` no longer stands, so its `start`, the next candidate, does not either.
    workspace.run(&["undo"], b"");
    assert_eq!(field(&workspace, &task, "status"), "done");
    let mine = workspace.json(&["list", "mine"]);
    assert!(ids(&mine).is_empty(), "{mine}");
    verify(&workspace);
}

#[test]
fn an_import_that_was_undone_can_be_made_again() {
    let workspace = Workspace::new();
    let line = |id: &str, title: &str, day: &str| {
        json!({"id": id, "title": title, "status": "closed", "priority": 1, "issue_type": "task",
               "created_at": "2026-01-01T10:00:00Z", "updated_at": format!("2026-01-{day}T10:00:00Z")})
        .to_string()
    };
    let text = [line("bd-1", "old name", "02"), line("bd-1", "new name", "03"), line("bd-2", "other", "01")].join("\n");
    let path = workspace.write("issues.jsonl", text);
    let import = || workspace.json(&["import", path.to_str().unwrap()]);
    assert_eq!(import()["added"], 2);
    let again = import();
    assert_eq!((&again["added"], &again["updated"]), (&json!(0), &json!(0)), "{again}");
    workspace.ok(&["undo"]);
    assert_eq!(ids(&workspace.json(&["list", "tasks", "--all"])).len(), 0);
    assert_eq!(import()["added"], 2);
    let report = workspace.json(&["list", "tasks", "--all"]);
    let names: Vec<&str> =
        report["records"].as_array().unwrap().iter().filter_map(|line| line["title"].as_str()).collect();
    assert!(names.contains(&"new name") && names.contains(&"other"), "{names:?}");
    verify(&workspace);
}

#[test]
fn superseding_a_started_task_ends_its_claim() {
    let workspace = Workspace::new();
    let old = workspace.add_with("task", "one way", &["--key", "way"]);
    workspace.ok(&["start", &old]);
    let new = workspace.add_with("task", "another way", &["--key", "way"]);
    assert!(!ids(&workspace.json(&["list", "mine", "--all"])).contains(&old));
    workspace.ok(&["undo"]);
    assert_eq!(field(&workspace, &old, "status"), "active");
    assert!(field(&workspace, &old, "claimed_by").is_string());
    assert_eq!(field(&workspace, &new, "undone"), true);
    verify(&workspace);
}

#[test]
fn undo_of_a_long_body_brings_the_whole_earlier_one_back() {
    let workspace = Workspace::new();
    let (long, longer) = ("a line of text\n".repeat(10_000), "another line\n".repeat(20_000));
    let report = workspace.json_with(&["add", "note", "long", "--body", "-"], &long);
    let id = ids(&report).remove(0);
    workspace.ok_with(&["edit", &id, "--body", "-"], &longer);
    workspace.ok(&["undo"]);
    assert_eq!(field(&workspace, &id, "body").as_str().unwrap().trim_end(), long.trim_end());
    verify(&workspace);
}

#[test]
fn a_copied_or_restored_store_is_another_replica_and_does_not_believe_the_index() {
    let workspace = Workspace::new();
    workspace.add("note", "before the copy");
    let (original, copy) = (workspace.store(), workspace.dir().join("copy"));
    copy_folder(&original, &copy);
    let at = |shell: &Shell, title: &str| shell.add("note", title);
    at(&workspace, "aardvark");
    workspace.ok(&["catch-up"]);
    // A backup that is put back: same position as the index believes, another history.
    let other = workspace.with_var("STATE_DIR", copy.to_str().unwrap());
    at(&other, "buffalo");
    copy_folder(&original.join("index"), &copy.join("index"));
    assert_eq!(other.search(&["buffalo"]).len(), 1);
    assert_eq!(other.search(&["aardvark"]).len(), 0);
    other.ok(&["catch-up"]);
    assert_eq!((other.search(&["buffalo"]).len(), other.search(&["aardvark"]).len()), (1, 0));
    let replica = |dir: &std::path::Path| {
        let store = Store::at(dir, chrono::Utc::now, [0; 16]);
        assert_eq!(store.verify().unwrap().differences, [""; 0]);
        store.read(|view| Ok(view.meta().replica)).unwrap()
    };
    assert_ne!(replica(&original), replica(&copy));
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_text_may_begin_with_a_hyphen() {
    let workspace = Workspace::new();
    let id = workspace.add_with("task", "a list", &["--body", "- first\n- second"]);
    assert_eq!(workspace.field(&id, "body"), "- first\n- second");
    workspace.ok(&["edit", &id, "--append", "- third"]);
    assert!(workspace.field(&id, "body").as_str().unwrap().ends_with("- third"));
    assert!(workspace.ok(&["done", &id, "-m", "- as asked"]).contains(&id));
}
