//! Every kind of the table through every door, and a kind of a newer version through those that must not lose it.
//!
//! What `show --json` says of a record of each kind is kept in `fixtures/kinds`; `BLESS=1` writes it anew.

use crate::support::{Workspace, ids, records};
use crate::views::assert_views_equal_a_fresh_fold;
use serde_json::{Value, json};
use state::domain::field;
use state::domain::kind::{self, KINDS, Kind};
use state::store::{Registers, Store};
use std::path::Path;

#[test]
fn every_kind_passes_every_door() {
    for kind in KINDS.iter().filter(|kind| kind.addable) {
        let workspace = Workspace::fixed();
        let options =
            ["--body", "Some *text* about walruses.", "--tag", "zoo", "--key", "zoo/walrus", "--ref", "a.rs:1-2"];
        let id = workspace.add_with(kind.name, "The walrus", &options);
        assert!(id.starts_with(&format!("{}-", kind.prefix)), "{id}");
        compare_with_fixture(kind, &workspace.json(&["show", &id])["records"][0]);

        for word in [kind.plural, "kinds"] {
            assert!(ids(&workspace.json(&["list", word])).contains(&id), "list {word}");
        }
        for query in ["walrus", &format!("kind:{}", kind.name), "tag:zoo", "path:a.rs", "text walruses"] {
            assert_eq!(workspace.search(&[query]), [id.as_str()], "search {query}");
        }
        workspace.ok(&["edit", "zoo/walrus", "--title", "The old walrus", "--priority", "1"]);
        assert!(workspace.ok(&["show", &id]).contains("The old walrus"), "show");
        assert!(workspace.ok(&["log", &id]).contains("The walrus -> The old walrus"), "log {id}");
        let note = workspace.add("note", "beside it");
        workspace.ok(&["link", &note, "relates", &id]);
        assert!(workspace.ok(&["show", &id]).contains(&note), "the link back");
        if kind.briefing.is_some() {
            assert!(workspace.ok(&["resume"]).contains("walrus"), "resume {}", kind.name);
        }
        end_and_reopen(&workspace, kind, &id);
        as_a_json_line(&workspace, kind);
        as_a_heading(&workspace, kind);
        assert_views_equal_a_fresh_fold(&workspace);
    }
}

fn end_and_reopen(workspace: &Workspace, kind: &Kind, id: &str) {
    match kind.done {
        Some(status) => {
            workspace.ok(&["done", id, "-m", "grown up"]);
            assert_eq!(workspace.field(id, "status"), json!(status));
            workspace.ok(&["undo"]);
        }
        None => drop(workspace.fails(1, &["done", id])),
    }
    assert_eq!(workspace.field(id, "status"), json!(kind.statuses[0]));
    workspace.ok(&["drop", id, "-m", "not wanted"]);
    assert!(kind.ended.contains(&workspace.field(id, "status").as_str().unwrap()));
    assert!(!ids(&workspace.json(&["list", kind.plural])).contains(&id.to_owned()), "an ended one is listed");
    assert!(ids(&workspace.json(&["list", kind.plural, "--all"])).contains(&id.to_owned()));
    workspace.fails(1, &["drop", id]);
}

fn as_a_json_line(workspace: &Workspace, kind: &Kind) {
    for status in kind.statuses {
        let line = json!({"kind": kind.name, "title": format!("line {status}"), "status": status}).to_string();
        let report = workspace.json_with(&["add", "-"], &line);
        assert_eq!((&records(&report)[0]["kind"], &records(&report)[0]["status"]), (&json!(kind.name), &json!(status)));
    }
    let line = json!({"kind": kind.name, "title": "x", "status": "purple"}).to_string();
    let message = workspace.fails_with(2, &["add", "-"], line.as_bytes());
    assert!(message.contains("purple") && message.contains(kind.statuses[0]), "{message}");
}

fn as_a_heading(workspace: &Workspace, kind: &Kind) {
    for (heading, status) in kind.headings {
        let text = format!("# A handoff\n\n## {heading}\n- an item under {heading}\n");
        let made = records(&workspace.json_with(&["add", "-"], &text));
        let item = made.iter().find(|record| record["title"] == json!(format!("an item under {heading}")));
        let item = item.unwrap_or_else(|| panic!("nothing came of the heading {heading}: {made:?}"));
        assert_eq!((&item["kind"], &item["status"]), (&json!(kind.name), &json!(status)), "heading {heading}");
    }
}

#[test]
fn kinds_with_verbs_of_their_own_are_not_added_by_hand() {
    let workspace = Workspace::new();
    for kind in KINDS.iter().filter(|kind| !kind.addable) {
        let message = workspace.fails(2, &["add", kind.name, "by hand"]);
        assert!(message.contains(kind.name), "{message}");
        let line = json!({"kind": kind.name, "title": "by hand"}).to_string();
        workspace.fails_with(2, &["add", "-"], line.as_bytes());
        workspace.ok(&["list", kind.plural]);
    }
    workspace.ok(&["checkpoint", "build", "install"]);
    assert_eq!(ids(&workspace.json(&["list", "checkpoints"])).len(), 1);
    assert_eq!(ids(&workspace.json(&["list", "sessions"])).len(), 1);
}

#[test]
fn a_kind_of_a_newer_version_is_kept_shown_and_found() {
    let workspace = Workspace::new();
    let store = Store::at(&workspace.store(), chrono::Utc::now, [7; 16]);
    let registers = || {
        let text = |name: &str, value: &str| (name.to_owned(), json!(value));
        Registers::from([text(field::TITLE, "Which TTL?"), text(field::BODY, "asked by ops"), text("urgency", "high")])
    };
    let made = store.write(|writer| writer.create("omen", registers())).unwrap();
    let id = made.id().to_owned();
    assert!(id.starts_with("o-"));
    let text = workspace.ok(&["show", &id]);
    assert!(text.contains("Which TTL?") && text.contains("omen (newer kind)") && text.contains("urgency"), "{text}");
    for query in ["ttl", "ops", "kind:omen"] {
        assert_eq!(workspace.search(&[query]), [id.as_str()], "search {query}");
    }
    assert!(ids(&workspace.json(&["list", "kinds"])).contains(&id));
    workspace.ok(&["edit", &id, "--title", "Which TTL exactly?"]);
    assert_eq!(workspace.field(&id, "more")["urgency"], json!("high"), "an edit lost what it does not know");
    workspace.ok(&["resume"]);
    assert_views_equal_a_fresh_fold(&workspace);
}

/// Compares with `fixtures/kinds/KIND.jsonl`; clock and ids are fixed, so any difference is a change of the shape.
#[track_caller]
fn compare_with_fixture(kind: &Kind, record: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/kinds/{}.jsonl", kind.name));
    let text = format!("{}\n", without_replica(record));
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let held = std::fs::read_to_string(&path)
        .unwrap_or_else(|_| panic!("{}: {} is missing (run with BLESS=1)", kind.name, path.display()));
    assert_eq!(held, text, "{}: the shape has changed (if it should: BLESS=1)", kind.name);
}

/// Ids depend on the replica, which depends on the machine.
fn without_replica(record: &Value) -> Value {
    let mut record = record.clone();
    for name in ["id", "session"] {
        let id = record[name].as_str().unwrap_or_default();
        record[name] = json!(id.split('-').next());
    }
    record
}

/// A record of the kind, made by another session: by `add`, or by the verb of its own; `None` for a planned kind.
fn make(workspace: &Workspace, row: &Kind) -> Option<String> {
    let maker = workspace.session("maker");
    match row.name {
        _ if row.planned => None,
        _ if row.addable => Some(maker.add(row.name, &format!("Violet {}", row.name))),
        kind::SESSION => {
            maker.add("note", "begins the session");
            ids(&maker.json(&["list", "sessions"])).into_iter().next()
        }
        kind::CHECKPOINT => Some(maker.json(&["checkpoint", "violet", "first"])["id"].as_str().unwrap().to_owned()),
        // What becomes of a job is its own matter: tests/it/jobs.
        kind::JOB => None,
        kind::RULE => {
            let made = maker.json(&["run", "--on", "record summary superseded", "--", "true"]);
            Some(made["rule"]["id"].as_str().unwrap().to_owned())
        }
        other => panic!("which verb makes a {other}?"),
    }
}

fn all_made() -> (Workspace, Vec<(&'static Kind, String)>) {
    let workspace = Workspace::fixed();
    let made = KINDS.iter().filter_map(|row| Some((row, make(&workspace, row)?))).collect();
    (workspace, made)
}

#[test]
fn each_kind_is_edited_linked_and_taken_back() {
    let (workspace, made) = all_made();
    let other = workspace.add("note", "The other end");
    for (row, id) in &made {
        workspace.ok(&["edit", id, "--title", "Purple", "--tag", "x", "--body", "a body"]);
        assert_eq!(workspace.field(id, "title"), "Purple");
        workspace.ok(&["link", id, "relates", &other]);
        assert!(workspace.ok(&["show", &other]).contains(&format!("<- relates {id} Purple")), "{}", row.name);
        let log = workspace.json(&["log", id]);
        assert_eq!(log["entries"].as_array().unwrap().len(), 3, "{log}");
        workspace.ok(&["undo"]);
        assert!(!workspace.ok(&["show", &other]).contains(id.as_str()));
        workspace.ok(&["edit", id, "--status", row.ended[0]]);
        assert_eq!(workspace.field(id, "status"), row.ended[0]);
        workspace.fails(2, &["edit", id, "--status", "violet"]);
    }
}

/// `done`, `drop` and `start` do what the row says, and refuse the rest without a change.
#[test]
fn each_kind_ends_as_its_row_says() {
    for end in ["done", "drop"] {
        let (workspace, made) = all_made();
        for (row, id) in &made {
            let dropped = row.statuses.iter().find(|status| **status == "dropped").copied();
            let Some(status) = (if end == "done" { row.done } else { dropped }) else {
                workspace.fails(1, &[end, id]);
                assert_eq!(workspace.field(id, "status"), row.statuses[0], "{end} {id}");
                continue;
            };
            workspace.ok(&[end, id, "-m", "a reason"]);
            assert_eq!(workspace.field(id, "status"), status, "{end} {id}");
            assert!(workspace.fails(1, &[end, id]).contains(status));
            let listed = ids(&workspace.json(&["list", row.plural])).contains(id);
            assert_eq!(listed, row.name == kind::SESSION, "{end} {id}: only sessions are listed when they are over");
            assert!(ids(&workspace.json(&["list", row.plural, "--all"])).contains(id));
            assert!(workspace.search(&[&format!("kind:{} status:ended", row.name)]).contains(id));
            workspace.ok(&["start", id]);
            assert_eq!(workspace.field(id, "status"), if row.name == kind::TASK { "active" } else { row.statuses[0] });
        }
    }
}
