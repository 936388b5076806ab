//! Every row of the table of kinds through every door. A new row needs no change here.

use crate::support::{Workspace, ids, records};
use serde_json::json;
use state::domain::kind::{self, KINDS, Kind};

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
        other => panic!("which verb makes a {other}?"),
    }
}

fn all_made() -> (Workspace, Vec<(&'static Kind, String)>) {
    let workspace = Workspace::fixed();
    let made = KINDS.iter().filter_map(|row| Some((row, make(&workspace, row)?))).collect();
    (workspace, made)
}

#[test]
fn each_kind_is_added_and_shown() {
    let (workspace, made) = all_made();
    for (row, id) in &made {
        assert!(id.starts_with(&format!("{}-", row.prefix)), "{id} is a {}", row.name);
        assert_eq!(workspace.field(id, "kind"), row.name);
        assert_eq!(workspace.field(id, "status"), row.statuses[0]);
        assert_eq!(workspace.field(&id[..id.len() - 1], "id"), id.as_str(), "by its prefix");
        assert!(workspace.ok(&["show", id]).contains(&format!("\n{} {}", row.name, row.statuses[0])), "{id}");
    }
}

#[test]
fn each_kind_is_listed_and_searched() {
    let (workspace, made) = all_made();
    for (row, id) in &made {
        assert!(ids(&workspace.json(&["list", row.plural])).contains(id), "list {}", row.plural);
        let found = workspace.search(&[&format!("kind:{}", row.name), "--limit", "100"]);
        assert_eq!(found, ids(&workspace.json(&["list", row.plural, "--all"])), "search kind:{}", row.name);
        assert!(found.contains(id));
        assert_eq!(
            workspace.search(&["violet", &format!("kind:{}", row.name)]).len(),
            usize::from(row.name != kind::SESSION)
        );
    }
}

#[test]
fn each_kind_comes_in_as_a_json_line_or_says_why_not() {
    for row in &KINDS {
        let workspace = Workspace::fixed();
        let line = json!({"kind": row.name, "title": "Violet", "tags": ["x"], "refs": ["src/a.rs:1-2"]}).to_string();
        if row.addable {
            let report = workspace.json_with(&["add", "-"], &line);
            assert_eq!(records(&report)[0]["kind"], row.name);
            assert!(workspace.ok(&["show", &ids(&report)[0]]).contains("ref src/a.rs:1-2"));
        } else {
            assert!(workspace.fails_with(2, &["add", "-"], line.as_bytes()).contains("line 1"), "{}", row.name);
            assert!(workspace.fails(2, &["add", row.name, "Violet"]).contains(row.name));
            assert!(workspace.ok(&["log"]).contains("Nothing was changed"));
        }
    }
}

#[test]
fn planned_kinds_have_empty_lists() {
    let (workspace, _) = all_made();
    for row in KINDS.iter().filter(|row| row.planned) {
        assert_eq!(ids(&workspace.json(&["list", row.plural])), [""; 0]);
        assert_eq!(workspace.search(&[&format!("kind:{}", row.name)]), [""; 0]);
    }
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
