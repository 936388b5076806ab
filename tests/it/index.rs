//! The index is never the truth: whatever happens to it, search answers right.

use crate::support::{Shell, Workspace};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A store whose index holds all but the last few changes, and what searches must find.
struct Searched {
    workspace: Workspace,
    edited: String,
    fresh: String,
    walruses: BTreeSet<String>,
}

impl Searched {
    fn new() -> Self {
        let workspace = Workspace::new();
        let lines = |from: usize, count: usize| -> String {
            let line = |i: usize| {
                let animal = if i.is_multiple_of(50) { "walrus" } else { "seal" };
                json!({"kind": "note", "title": format!("{animal} number {i}"), "body": "lives in the sea"}).to_string()
                    + "\n"
            };
            (from..from + count).map(line).collect()
        };
        let mut found = crate::support::records(&workspace.json_with(&["add", "-"], &lines(0, 150)));
        workspace.ok(&["catch-up"]);
        found.extend(crate::support::records(&workspace.json_with(&["add", "-"], &lines(150, 150))));
        let edited = workspace.add("note", "a penguin");
        workspace.ok(&["catch-up"]);
        let fresh = workspace.add("note", "a walrus of today");
        workspace.ok(&["edit", &edited, "--title", "an albatross"]);
        let walruses = found.iter().filter(|record| record["title"].as_str().unwrap().starts_with("walrus"));
        let mut walruses: BTreeSet<String> = walruses.map(|record| record["id"].as_str().unwrap().to_owned()).collect();
        walruses.insert(fresh.clone());
        Self { workspace, edited, fresh, walruses }
    }

    fn index(&self) -> PathBuf {
        self.workspace.store().join("index")
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = walk(&self.index());
        files.sort_unstable();
        assert!(files.len() > 3, "there is no index to damage: {files:?}");
        files
    }

    #[track_caller]
    fn assert_right(&self, shell: &Shell, what: &str) {
        let found: BTreeSet<String> = shell.search(&["--limit", "50", "walrus"]).into_iter().collect();
        assert_eq!(found, self.walruses, "{what}");
        assert_eq!(shell.search(&["albatross"]), [self.edited.as_str()], "{what}");
        assert_eq!(shell.search(&["penguin"]), Vec::<String>::new(), "{what}");
        assert_eq!(shell.search(&["walruses today"])[0], self.fresh, "{what}");
        let report = shell.json(&["search", "seal"]);
        assert_eq!(report["total"], json!(294), "{what}");
    }

    /// Right at once, after a rebuild, and when both are over.
    #[track_caller]
    fn assert_recovers(&self, what: &str) {
        self.assert_right(&self.workspace, what);
        self.workspace.ok(&["catch-up"]);
        self.assert_right(&self.workspace, &format!("{what}, after a catch-up"));
        let behind = self.workspace.json(&["search", "seal"])["behind"].clone();
        assert_eq!(behind, json!(0), "{what}: the catch-up did not repair the index");
    }
}

#[test]
fn search_is_right_with_an_index_a_stale_index_and_none() {
    let searched = Searched::new();
    searched.assert_right(&searched.workspace, "with a tail");
    std::fs::remove_dir_all(searched.index()).unwrap();
    searched.assert_recovers("index deleted");
}

#[test]
fn search_is_right_whichever_file_of_the_index_is_cut_off_flipped_or_gone() {
    let searched = Searched::new();
    type Damage = (&'static str, fn(&[u8]) -> Option<Vec<u8>>);
    let damages: [Damage; 4] = [
        ("emptied", |_| Some(Vec::new())),
        ("cut off", |bytes| Some(bytes[..bytes.len() / 2].to_vec())),
        ("flipped", |bytes| {
            Some(bytes.iter().enumerate().map(|(i, b)| if i == bytes.len() / 2 { b ^ 0x10 } else { *b }).collect())
        }),
        ("gone", |_| None),
    ];
    for (what, damage) in damages {
        for number in 0..searched.files().len() {
            let files = searched.files();
            let Some(file) = files.get(number) else { continue };
            let bytes = std::fs::read(file).unwrap();
            if bytes.is_empty() {
                continue;
            }
            match damage(&bytes) {
                Some(damaged) => std::fs::write(file, damaged).unwrap(),
                None => std::fs::remove_file(file).unwrap(),
            }
            let what = format!("{} {what}", file.file_name().unwrap().to_string_lossy());
            searched.assert_right(&searched.workspace, &what);
            searched.workspace.ok(&["catch-up"]);
            searched.assert_right(&searched.workspace, &format!("{what}, after a catch-up"));
        }
    }
    std::fs::remove_dir_all(searched.index()).unwrap();
    searched.assert_recovers("deleted in the end");
}

#[test]
fn an_index_of_another_version_is_not_believed() {
    let searched = Searched::new();
    for (from, to) in
        [("\"payload\"", "\"pay_load\""), ("\"opstamp\":", "\"opstamp\":9"), ("{", "{\"index_format_version\":99,")]
    {
        let meta = searched.index().join("meta.json");
        let text = std::fs::read_to_string(&meta).unwrap();
        std::fs::write(&meta, text.replacen(from, to, 1)).unwrap();
        searched.assert_recovers(&format!("meta.json with {to}"));
    }
    std::fs::remove_dir_all(searched.index()).unwrap();
    std::fs::write(searched.index(), "a file where the index should be").unwrap();
    searched.assert_right(&searched.workspace, "a file in its place");
}

#[test]
fn search_does_not_wait_for_who_holds_the_index() {
    let searched = Searched::new();
    let held: Vec<_> = ["index.lock", "index/.tantivy-writer.lock", "index/.tantivy-meta.lock"]
        .iter()
        .map(|name| {
            let path = searched.workspace.store().join(name);
            let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
            file.lock().unwrap();
            file
        })
        .collect();
    let start = std::time::Instant::now();
    searched.assert_right(&searched.workspace, "index locked by another process");
    searched.workspace.ok(&["catch-up"]);
    searched.assert_right(&searched.workspace, "index locked by another process");
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    drop(held);
    searched.assert_recovers("unlocked again");
}

#[test]
fn the_index_of_another_history_is_not_believed() {
    let workspace = Workspace::new();
    let before = workspace.add("note", "a walrus before the backup");
    let backup = std::fs::read(workspace.store().join("state.redb")).unwrap();
    let lost = workspace.add("note", "a walrus after the backup");
    workspace.ok(&["catch-up"]);
    assert_eq!(workspace.search(&["walrus"]).len(), 2);

    std::fs::write(workspace.store().join("state.redb"), backup).unwrap();
    let after = workspace.add("note", "a walrus after the restore");
    let found: BTreeSet<String> = workspace.search(&["walrus"]).into_iter().collect();
    assert_eq!(found, BTreeSet::from([before.clone(), after.clone()]), "{lost} is of another history");
    workspace.ok(&["catch-up"]);
    assert_eq!(workspace.search(&["walrus"]).len(), 2);
}

#[test]
fn a_copied_and_a_restored_store_are_other_replicas() {
    let workspace = Workspace::new();
    workspace.add("note", "in the original");
    let copy = workspace.within("copy");
    let status = workspace.program("cp").args(["-r", ".state", "copy/.state"]).status().unwrap();
    assert!(status.success());
    let one = workspace.add("note", "only in the original");
    let two = copy.add("note", "only in the copy");
    assert_ne!(replica(&workspace), replica(&copy), "a copy writes as the original");
    assert_ne!(one, two);

    let original = replica(&workspace);
    let bytes = std::fs::read(workspace.store().join("state.redb")).unwrap();
    let restored = workspace.store().join("restored");
    std::fs::write(&restored, bytes).unwrap();
    std::fs::rename(restored, workspace.store().join("state.redb")).unwrap();
    workspace.add("note", "after the restore");
    assert_ne!(replica(&workspace), original, "a restored store writes as before");
}

fn replica(shell: &Shell) -> u64 {
    let store = state::store::Store::at(&shell.store(), chrono::Utc::now, [0; 16]);
    store.read(|view| Ok(view.meta().replica.0)).unwrap()
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
