//! Whatever befalls the index, `search` finds what a look at every record finds, and `catch-up` mends it.

use crate::support::{Shell, Workspace, ids, records};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const WORDS: [&str; 6] = ["lock", "token", "refresh", "parser", "deploy", "cache"];

/// Records with two of the words each, all in the index, and then some that are newer than it.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    add(&workspace, 0..120);
    workspace.ok(&["catch-up"]);
    assert_eq!(behind(&workspace), 0);
    workspace
}

fn add(shell: &Shell, numbers: std::ops::Range<usize>) {
    let line = |i: usize| {
        let (title, tag) = (format!("{} the {} number {i}", WORDS[i % 6], WORDS[i / 6 % 5]), WORDS[i % 4]);
        let kind = ["task", "finding", "note"][i % 3];
        json!({"kind": kind, "title": title, "tags": [tag]}).to_string() + "\n"
    };
    shell.ok_with(&["add", "-"], &numbers.map(line).collect::<String>());
}

fn behind(shell: &Shell) -> u64 {
    shell.json(&["search", "lock"])["behind"].as_u64().unwrap()
}

/// Search must find exactly what a look at every record finds, a record of a moment ago included.
#[track_caller]
fn assert_search_is_right(shell: &Shell, what: &str) {
    let fresh = shell.add("finding", "lock of a moment ago");
    assert!(shell.search(&["moment", "ago"]).contains(&fresh), "{what}: a new record is not found");
    let all = records(&shell.json(&["list", "kinds", "--all", "--limit", "10000"]));
    for word in WORDS.iter().step_by(2) {
        for kind in ["", "finding"] {
            let matches = |record: &&Value| {
                let (title, tags) = (record["title"].as_str().unwrap(), record["tags"].as_array());
                let said =
                    title.split(' ').any(|held| held == *word) || tags.is_some_and(|tags| tags.contains(&json!(word)));
                said && (kind.is_empty() || record["kind"] == kind)
            };
            let expected: BTreeSet<&str> =
                all.iter().filter(matches).map(|record| record["id"].as_str().unwrap()).collect();
            let filter = if kind.is_empty() { String::new() } else { format!("kind:{kind}") };
            let found = shell.search(&[word, &filter, "--limit", "10000"]);
            assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{what}: {word} {kind}");
            assert_eq!(found.len(), expected.len(), "{what}: {word} {kind} finds a record twice");
        }
    }
}

#[track_caller]
fn assert_catch_up_mends(shell: &Shell, what: &str) {
    shell.ok(&["catch-up"]);
    assert_eq!(behind(shell), 0, "{what}: catch-up did not mend it");
    assert_search_is_right(shell, what);
}

fn index_files(shell: &Shell) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(shell.store().join("index")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| fs::metadata(path).unwrap().len() > 0);
    files.sort_unstable();
    files
}

fn name(path: &Path) -> String {
    path.extension().or(path.file_name()).unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_deleted_index() {
    let workspace = workspace();
    fs::remove_dir_all(workspace.store().join("index")).unwrap();
    assert_search_is_right(&workspace, "deleted");
    assert_catch_up_mends(&workspace, "deleted");
}

/// Every file in turn, since each is read at another place.
#[test]
fn each_file_of_the_index_deleted_truncated_or_empty() {
    let workspace = workspace();
    for at in 0..index_files(&workspace).len() {
        for share in [None, Some(0.0), Some(0.97)] {
            let Some(path) = index_files(&workspace).into_iter().nth(at) else { continue };
            let what = format!("{} cut to {share:?}", name(&path));
            match share {
                None => fs::remove_file(&path).unwrap(),
                Some(share) => {
                    let bytes = fs::read(&path).unwrap();
                    fs::write(&path, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
                }
            }
            assert_search_is_right(&workspace, &what);
            assert_catch_up_mends(&workspace, &what);
        }
    }
}

/// A small index is checksummed by every search, a large one only by `catch-up`, so only small ones are promised this.
#[test]
fn flipped_bits() {
    let workspace = workspace();
    for at in 0..index_files(&workspace).len() {
        for place in [0.1, 0.6] {
            let Some(path) = index_files(&workspace).into_iter().nth(at) else { continue };
            let what = format!("{} flipped at {place}", name(&path));
            let mut bytes = fs::read(&path).unwrap();
            let place = (bytes.len() as f64 * place) as usize;
            bytes[place] ^= 0x10;
            fs::write(&path, bytes).unwrap();
            assert_search_is_right(&workspace, &what);
            assert_catch_up_mends(&workspace, &what);
        }
    }
}

/// In `meta.json`: a schema that we do not have, a payload of a later version, another log, and no JSON at all.
const REPLACED: [(&str, &str); 4] = [
    ("\"name\": \"facts\"", "\"name\": \"fakes\""),
    ("{\\\"version\\\":", "{\\\"version\\\":9"),
    ("\\\"log\\\":\\\"", "\\\"log\\\":\\\"0"),
    ("{", ""),
];

#[test]
fn an_index_of_another_version() {
    let workspace = workspace();
    let meta = workspace.store().join("index/meta.json");
    for (from, to) in REPLACED {
        let text = fs::read_to_string(&meta).unwrap();
        assert!(text.contains(from), "no {from} in {text}");
        fs::write(&meta, text.replacen(from, to, 1)).unwrap();
        assert_search_is_right(&workspace, to);
        assert_catch_up_mends(&workspace, to);
    }
}

#[test]
fn an_index_that_another_process_holds() {
    let workspace = workspace();
    add(&workspace, 120..150);
    let held = File::options().create(true).append(true).open(workspace.store().join("index.lock")).unwrap();
    held.lock().unwrap();
    assert_search_is_right(&workspace, "held");
    workspace.ok(&["catch-up"]);
    assert!(behind(&workspace) > 0, "nobody else may have written");
    drop(held);
    assert_catch_up_mends(&workspace, "held before");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_copied_store() {
    let original = workspace();
    let copied = Workspace::empty();
    copy(&original.store(), &copied.dir().join(".state"));
    assert_search_is_right(&copied, "copied");
    add(&copied, 200..220);
    add(&original, 300..330);
    original.ok(&["catch-up"]);
    for shell in [&copied, &original] {
        assert_search_is_right(shell, "copied and gone its own way");
    }
    // The index of the other: the same log for a while, but not the same end.
    fs::remove_dir_all(copied.store().join("index")).unwrap();
    copy(&original.store().join("index"), &copied.store().join("index"));
    assert_search_is_right(&copied, "with the index of the original");
    assert_catch_up_mends(&copied, "with the index of the original");
}

#[test]
fn an_older_store_restored_under_a_newer_index() {
    let workspace = workspace();
    let (store, backup) = (workspace.store().join("state.redb"), workspace.dir().join("backup"));
    fs::copy(&store, &backup).unwrap();
    add(&workspace, 200..260);
    workspace.ok(&["catch-up"]);

    fs::copy(&backup, &store).unwrap();
    assert_eq!(workspace.search(&["number", "219"]).len(), workspace.search(&["number"]).len());
    assert_search_is_right(&workspace, "restored");
    // Grown again beyond what the index has seen, with another history.
    add(&workspace, 400..500);
    assert_search_is_right(&workspace, "restored and grown");
    assert_catch_up_mends(&workspace, "restored and grown");
    assert_eq!(ids(&workspace.json(&["search", "\"number 219\""])), [""; 0]);
}
