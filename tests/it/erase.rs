//! What `erase` promises: the text is in no file of the store, in no answer, and does not come back.

use crate::hook::claude;
use crate::support::{Workspace, ids, records};
use serde_json::json;
use std::path::Path;

/// A text that nothing else says. In a key and a tag it stands as it is.
const SECRET: &str = "quagga-xylophagous-93gnu7731";

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Where the secret is: raw in a file, in a blob or stored document when unpacked, in an event when decoded.
fn places(workspace: &Workspace) -> Vec<String> {
    let mut found = Vec::new();
    for path in files(&workspace.store()) {
        let bytes = std::fs::read(&path).unwrap();
        let unpacked = zstd::bulk::decompress(&bytes, 1 << 24).unwrap_or_default();
        for half in SECRET.split('-') {
            if holds(&bytes, half) || holds(&unpacked, half) {
                found.push(format!("{}: {half}", path.display()));
            }
        }
    }
    let store = state::store::Store::at(&workspace.store(), chrono::Utc::now, [1; 16]);
    for (position, event) in store.read(|view| view.events(1..)).unwrap() {
        if format!("{event:?}").contains("quagga") {
            found.push(format!("@{position}"));
        }
    }
    found
}

/// A task and a checkpoint that say it wherever a record can say something, all of it in the index.
fn workspace() -> (Workspace, String, String) {
    let workspace = Workspace::new();
    workspace.write(&format!("{SECRET}.rs"), "fn main() {}\n");
    workspace.add("note", "something else that stays");
    let options =
        ["--key", SECRET, "--tag", SECRET, "--ref", &format!("{SECRET}.rs:1"), "--body", &format!("says {SECRET}")];
    let task = workspace.add_with("task", &format!("tell nobody of {SECRET}"), &options);
    let long = format!("{SECRET} {}", "lorem ipsum ".repeat(9_000));
    workspace.ok_with(&["edit", &task, "--body", "-"], &long);
    workspace.ok(&["edit", &task, "--title", &format!("{SECRET} again")]);
    workspace.ok(&["start", &task]);
    workspace.ok(&["undo"]);
    workspace.ok(&["done", &task, "-m", &format!("told of {SECRET}")]);
    let data = json!({"told": SECRET}).to_string();
    let checkpoint = workspace.json(&["checkpoint", &format!("{SECRET}-steps"), SECRET, "--data", &data]);
    workspace.ok(&["catch-up"]);
    (workspace, task, checkpoint["id"].as_str().unwrap().to_owned())
}

#[test]
fn the_text_is_gone_from_every_file_and_answer() {
    let (workspace, task, checkpoint) = workspace();
    let before = places(&workspace);
    assert!(before.iter().any(|place| place.contains("blobs")), "the test must be able to see it: {before:?}");
    assert!(before.iter().any(|place| place.contains("state.redb")) && before.iter().any(|place| place == "@3"));
    for id in [&task, &checkpoint] {
        let report = workspace.json(&["erase", id, "--confirm", id]);
        assert_eq!((report["erased"].as_bool(), report["id"].as_str()), (Some(true), Some(id.as_str())));
    }
    assert_eq!(places(&workspace), [""; 0]);
    for command in [
        vec!["show", &task, &checkpoint],
        vec!["log", "-n", "100"],
        vec!["log", &task],
        vec!["list", "kinds", "--all"],
        vec!["search", "quagga"],
        vec!["search", SECRET],
        vec!["resume"],
        vec!["doctor"],
    ] {
        let mut answer = workspace.json(&command);
        for why in answer["nothing"]["why"].as_array_mut().into_iter().flatten() {
            why["part"].take(); // The question, not an answer.
        }
        assert!(!answer.to_string().replace(&format!("\"{SECRET}\""), "").contains("quagga"), "{command:?}: {answer}");
    }
    assert_eq!(workspace.search(&["quagga"]), [""; 0]);
    assert_eq!(workspace.search(&["stays"]).len(), 1);
    let shown = records(&workspace.json(&["show", &task]))[0].clone();
    assert_eq!((shown["title"].as_str(), shown["status"].as_str()), (Some("(erased)"), Some("done")));
    assert!(workspace.ok(&["show", &task]).contains("erased on 20"));
}

#[test]
fn nothing_brings_it_back() {
    let (workspace, task, _) = workspace();
    let positions: Vec<u64> = workspace.json(&["log", &task, "-n", "100"])["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["position"].as_u64().unwrap())
        .collect();
    workspace.ok(&["erase", &task, "--confirm", &task]);
    let erased = workspace.json(&["log", "-n", "1"])["entries"][0]["position"].as_u64().unwrap();
    workspace.fails(1, &["undo", &format!("@{erased}")]);
    for position in positions {
        workspace.run(&["undo", &format!("@{position}")], b"");
        let title = workspace.field(&task, "title");
        assert!(title == "(erased)", "undo @{position} made it {title}");
    }
    for at in ["@3", "@5", "1s"] {
        let shown = workspace.run(&["show", &task, "--at", at, "--json"], b"");
        assert!(!holds(&shown.stdout, "quagga"), "at {at}");
    }
    assert!(!workspace.json(&["show", &task]).to_string().contains("quagga"));
}

#[test]
fn without_the_id_typed_again_nothing_happens() {
    let (workspace, task, _) = workspace();
    let before = places(&workspace);
    let said = workspace.ok(&["erase", SECRET]);
    assert!(said.contains(&format!("state erase {task} --confirm {task}")) && said.contains("backups"), "{said}");
    assert_eq!(workspace.json(&["erase", &task])["blobs"], 1);
    let other = workspace.add("note", "another");
    for wrong in [other.as_str(), SECRET, ""] {
        workspace.fails(2, &["erase", &task, "--confirm", wrong]);
    }
    workspace.fails(1, &["erase", "t-nothere", "--confirm", "t-nothere"]);
    assert_eq!(places(&workspace), before);
}

#[test]
fn a_body_that_another_record_has_too_stays_there() {
    let workspace = Workspace::new();
    let long = "the same long text ".repeat(6_000);
    let [one, other] = ["one", "other"]
        .map(|title| ids(&workspace.json_with(&["add", "note", title, "--body", "-"], &long)).remove(0));
    let report = workspace.json(&["erase", &one, "--confirm", &one]);
    assert_eq!(report["blobs"], 0, "{report}");
    assert_eq!(workspace.field(&other, "body").as_str().unwrap().trim(), long.trim());
    assert_eq!(workspace.field(&one, "body"), "");
    let report = workspace.json(&["erase", &other, "--confirm", &other]);
    assert_eq!(report["blobs"], 1, "{report}");
    workspace.ok(&["doctor"]);
}

/// A handoff holds the text of its items; to erase an item is not enough, and that is said.
#[test]
fn who_else_quotes_it_is_told() {
    let workspace = Workspace::new();
    let text = "# Handoff\n\n## Next\n\n- rotate the quagga credentials\n\n## Findings\n\n- nothing\n";
    let made = workspace.json_with(&["add", "-"], text);
    let task = records(&made).into_iter().find(|record| record["kind"] == "task").unwrap();
    let handoff = records(&made).into_iter().find(|record| record["kind"] == "handoff").unwrap();
    let report = workspace.json(&["erase", task["id"].as_str().unwrap()]);
    assert_eq!(report["quoted_in"], json!([handoff["id"]]), "{report}");
}

/// A process that was killed half-way left the mark, but the text too: doctor tells, and the same command ends it.
#[test]
fn what_an_interrupted_erasure_left_is_told_and_ended() {
    let (workspace, task, _) = workspace();
    let store = state::store::Store::at(&workspace.store(), chrono::Utc::now, [1; 16]);
    store
        .write(|writer| {
            let uid = writer.id(&task)?.unwrap();
            let set = [("title", json!("(erased)")), ("erased", json!(1))];
            writer.put(uid, set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        })
        .unwrap();
    let output = workspace.run(&["doctor"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(holds(&output.stdout, &format!("state erase {task} --confirm {task}")));
    workspace.ok(&["erase", &task, "--confirm", &task]);
    workspace.ok(&["doctor"]);
    assert!(!workspace.json(&["show", &task]).to_string().contains("quagga"));
}

/// A session that hooks told of: its record, the handoff that was made of it, and what is noted beside the database.
#[test]
fn what_hooks_noted_of_a_session_goes_with_it_or_with_its_handoff() {
    for kind in ["session", "handoff"] {
        let workspace = Workspace::git();
        let agent = workspace.hosted();
        let said = |name: &str, fields| claude(&agent, &format!("{SECRET}-1"), name, fields);
        said("SessionStart", json!({"source": "startup"}));
        said("UserPromptSubmit", json!({"prompt": format!("tell nobody of {SECRET}")}));
        said("Stop", json!({"last_assistant_message": format!("nobody knows of {SECRET}")}));
        said("PreCompact", json!({"trigger": "auto"}));
        assert!(places(&workspace).iter().any(|place| place.contains("activity/")), "the test must be able to see it");
        let ids = ids(&workspace.json(&["list", &format!("{kind}s"), "--all"]));
        assert_eq!(ids.len(), 1, "{kind}: {ids:?}");
        workspace.ok(&["erase", &ids[0], "--confirm", &ids[0]]);
        let left: Vec<String> = places(&workspace).into_iter().filter(|place| place.contains("activity/")).collect();
        assert_eq!(left, [""; 0], "{kind}");
    }
}

#[test]
fn a_failure_of_a_hook_that_quotes_it_is_forgotten() {
    let (workspace, task, _) = workspace();
    let store = state::store::Store::at(&workspace.store(), chrono::Utc::now, [1; 16]);
    store.hook_failed(&format!("claude Stop: cannot keep {SECRET} again"));
    store.hook_failed("claude Stop: something else");
    workspace.ok(&["erase", &task, "--confirm", &task]);
    let failures = store.hook_failures();
    assert!(failures.len() == 1 && failures[0].ends_with("something else"), "{failures:?}");
}
