//! Secrets and private passages are in no file of a store that this version has written, and found in one that it has not.

use crate::hook::claude;
use crate::support::{Workspace, files_under, records};
use serde_json::json;
use state::domain::secret;
use std::io::Read;
use std::path::Path;

/// Split, so that no scanner takes this file for a leak.
fn key() -> String {
    ["AKIA", "IOSFODNN7EXAMPLE"].concat()
}

fn token() -> String {
    ["ghp", "_16C7e42F292c6912E7710c838347Ae178B4a"].concat()
}

/// The files of a store that hold a text, raw or unpacked.
fn holders(store: &Path, text: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let mut found = Vec::new();
    let mut folders = vec![store.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            if holds(&bytes) || zstd::bulk::decompress(&bytes, 1 << 24).is_ok_and(|unpacked| holds(&unpacked)) {
                found.push(path.display().to_string());
            }
        }
    }
    let events = state::store::Store::at(store, chrono::Utc::now, [1; 16]).read(|view| view.events(1..)).unwrap();
    found
        .extend(events.iter().filter(|(_, event)| format!("{event:?}").contains(text)).map(|(at, _)| format!("@{at}")));
    found
}

#[test]
fn a_secret_reaches_no_file_of_the_store_through_any_door() {
    let workspace = Workspace::new();
    let (key, token) = (key(), token());
    let task = workspace.add_with("task", &format!("use {key}"), &["--body", &format!("and {token}"), "--tag", &token]);
    workspace.add_with("note", "long", &["--body", &format!("{}{token}", "long text ".repeat(8_000))]);
    workspace.add_with("note", "keyed", &["--key", &format!("k/{token}")]);
    workspace.ok(&["edit", &task, "--title", &format!("now {token}"), "--append", &token]);
    workspace.ok(&[
        "checkpoint",
        "build",
        &token,
        "--data",
        &format!(r#"{{"a": ["{token}"], "password": "hunter2Abc9"}}"#),
    ]);
    workspace.ok(&["block", &task, &format!("waits for {token}")]);
    workspace.ok_with(&["add", "-"], &format!("# Handoff: {token}\n\n## Done\n\n- used {key}\n"));
    workspace.ok_with(&["add", "-"], &format!(r#"{{"kind":"note","title":"{token}","body":"x"}}"#));
    workspace.session(&token).add("note", "from a session with a secret name");
    workspace.write("notes/a.md", format!("# A note\n\n{token}\n"));
    workspace.ok(&["import", "notes"]);
    workspace.write(
        "ledger.jsonl",
        format!("{{\"id\":\"bd-1\",\"title\":\"{token}\",\"status\":\"open\",\"extra\":\"{key}\"}}\n"),
    );
    workspace.ok(&["import", "ledger.jsonl"]);
    workspace.ok(&["done", &task, "-m", &format!("done with {token}")]);
    workspace.ok(&["search", "secret"]);
    for text in [&key[..], &token, "hunter2Abc9"] {
        assert_eq!(holders(&workspace.store(), text), [""; 0], "{text}");
    }
    assert_eq!(workspace.field(&task, "title"), "now [secret: github-token]");
}

#[test]
fn what_was_masked_is_told_and_the_same_text_is_the_same_record() {
    let workspace = Workspace::new();
    let title = format!("use {} and {}", key(), key());
    let told = workspace.json(&["add", "note", &title, "--key", "a/b"]);
    assert_eq!(told["masked"], json!(["aws-access-key"]));
    let again = workspace.run(&["add", "note", &title, "--key", "a/b"], b"");
    assert!(String::from_utf8_lossy(&again.stdout).contains("says the same already"));
    assert_eq!(String::from_utf8_lossy(&again.stderr), "1 secret masked (aws-access-key); --allow-secret keeps it\n");
    let plain = workspace.json(&["add", "note", "nothing to hide"]);
    assert!(plain.get("masked").is_none());
}

#[test]
fn allowed_secrets_stay_and_private_passages_do_not() {
    let workspace = Workspace::new();
    let body = format!("{} <private>mine</private> end", key());
    let note = workspace.add_with("note", "kept", &["--body", &body, "--allow-secret"]);
    assert_eq!(workspace.field(&note, "body"), format!("{} [private] end", key()));
    workspace.ok_with(
        &["add", "-"],
        "# Handoff: open\n\n## Done\n\n- one\n- two <private> never\n- three\n\n## Next\n\n- four quagga\n",
    );
    assert_eq!(holders(&workspace.store(), "quagga"), [""; 0]);
    assert_eq!(holders(&workspace.store(), "never"), [""; 0]);
}

#[test]
fn doctor_finds_the_secrets_of_an_old_store_and_erase_removes_them() {
    let workspace = Workspace::new();
    workspace.ok(&["doctor", "--secrets"]);
    let body = format!("one\ntwo {}", token());
    let note = workspace.add_with("note", &format!("use {}", key()), &["--body", &body, "--allow-secret"]);
    workspace.ok(&["edit", &note, "--title", "clean now"]);
    let long = format!("{}\n{}", "text ".repeat(20_000), token());
    let other = workspace.add_with("note", "long", &["--body", &long, "--allow-secret"]);
    let output = workspace.run(&["--json", "doctor", "--secrets"], b"");
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let places: Vec<String> = report["places"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let expected = [
        (&note, "aws-access-key", "title", 1, false),
        (&note, "github-token", "body", 2, true),
        (&other, "github-token", "body", 2, true),
    ];
    for (id, kind, field, line, live) in expected {
        let place = json!({"id": id, "secret": kind, "field": field, "line": line, "live": live}).to_string();
        assert!(places.contains(&place), "{place} is not in {places:#?}");
    }
    let human = workspace.run(&["doctor", "--secrets"], b"");
    let text = [human.stdout, human.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("state erase") && !text.contains(&token()) && !text.contains(&key()), "{text}");
    workspace.ok(&["erase", &note, "--confirm", &note]);
    workspace.ok(&["erase", &other, "--confirm", &other]);
    workspace.ok(&["doctor", "--secrets"]);
}

#[test]
fn what_a_host_tells_is_masked_whatever_is_inside_a_key() {
    let workspace = Workspace::git();
    let shell = workspace.hosted();
    let (head, tail) = ("AKIAIOSF", "ODNN7EXAMPLE");
    for (at, inside) in ["\u{1b}[0m", "\u{200b}", "\u{ad}", "\u{202e}", "\0", ""].iter().enumerate() {
        let (session, split) = (format!("s{at}"), format!("{head}{inside}{tail}"));
        let path = format!("/nowhere/{split}");
        claude(
            &shell,
            &session,
            "UserPromptSubmit",
            json!({"prompt": format!("use {split}"), "transcript_path": path}),
        );
        claude(&shell, &session, "Stop", json!({"last_assistant_message": format!("used {split}")}));
        let noted: Vec<_> = contents(&workspace.store().join("activity"));
        assert!(noted.iter().any(|noted| noted.contains("use [secret: aws-access-key]")), "{noted:?}");
        assert!(!noted.iter().any(|noted| noted.contains(tail)), "{inside:?}: {noted:?}");
        claude(&shell, &session, "SessionEnd", json!({"reason": split}));
    }
    assert_eq!(holders(&workspace.store(), tail), [""; 0]);
}

fn contents(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn an_export_is_taken_in_as_it_is() {
    let workspace = Workspace::new();
    let note = workspace.add_with("note", &format!("use {}", key()), &["--allow-secret"]);
    workspace.ok(&["export", "--output", "all.jsonl"]);
    let other = Workspace::new();
    let text = std::fs::read(workspace.dir().join("all.jsonl")).unwrap();
    other.write("all.jsonl", text);
    other.ok(&["import", "all.jsonl"]);
    assert_eq!(records(&other.json(&["show", &note]))[0]["title"], format!("use {}", key()));
}

#[test]
fn notes_and_messages_of_commits_are_left_alone() {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/search_dev/docs.jsonl.xz");
    let mut text = String::new();
    lzma_rust2::XzReader::new(std::fs::File::open(packed).unwrap(), true).read_to_string(&mut text).unwrap();
    let mut texts: Vec<String> = text.lines().map(str::to_owned).collect();
    for (folder, ending) in
        [("fixtures/handoffs", "md"), ("fixtures/demo", "md"), ("fixtures/scale", "jsonl"), ("fixtures/beads", "jsonl")]
    {
        for file in files_under(folder, ending) {
            let text = std::fs::read_to_string(file).unwrap();
            texts.extend(if ending == "md" { vec![text] } else { text.lines().map(str::to_owned).collect() });
        }
    }
    let masked: Vec<_> = texts
        .iter()
        .flat_map(|text| secret::find(text).into_iter().map(|found| (found.kind, &text[found.range])))
        .collect();
    assert!(
        texts.len() > 900 && masked.len() * 1_000 < texts.len(),
        "{} of {}: {masked:#?}",
        masked.len(),
        texts.len()
    );
}
