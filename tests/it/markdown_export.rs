//! A folder of Markdown files holds every record and comes back as the same records.

use crate::support::{Shell, Workspace, ids, records};
use crate::views::assert_views_equal_a_fresh_fold;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const LEDGER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo/ledger.jsonl");

/// What must come back of every record, by id.
fn seen(shell: &Shell) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    for kind in
        ["tasks", "notes", "findings", "decisions", "blockers", "handoffs", "summaries", "checkpoints", "sessions"]
    {
        for id in ids(&shell.json(&["list", kind, "--all", "--limit", "100000"])) {
            for mut record in records(&shell.json(&["show", &id])) {
                // Whose link came first is told by the clock of the store that holds it.
                let links = record["backlinks"].as_array_mut().unwrap();
                links.sort_by_key(Value::to_string);
                record.as_object_mut().unwrap().remove("conflicts");
                seen.insert(id.clone(), record);
            }
        }
    }
    seen
}

#[track_caller]
fn assert_same(one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (id, record) in one {
        assert_eq!(record, &other[id], "{id}");
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

fn file_of(shell: &Shell, id: &str) -> PathBuf {
    let found = files(&shell.dir().join("out")).into_keys().find(|path| path.to_string_lossy().contains(id));
    shell.dir().join("out").join(found.unwrap_or_else(|| panic!("no file of {id}")))
}

fn end_of_log(shell: &Shell) -> Value {
    shell.json(&["log", "-n", "1"])["entries"][0]["position"].clone()
}

/// The demo's ledger, and what is awkward.
fn lived_in() -> Workspace {
    let workspace = Workspace::new();
    workspace.ok(&["import", LEDGER]);
    let second = workspace.session("second");
    let tags = ["--tag", "on", "--tag", "a:b", "--tag", "[x]"];
    second.add_with("finding", "# --- \"quoted\" 'x': {a} [c] \\ 漢字", &tags);
    second.add_with("note", &"ü ".repeat(150), &["--body=---\nstate: record\n---\n# x\n\n<!-- state: links -->\n- y"]);
    second.add_with("decision", "Key", &["--key", "null", "--ref", "src/a b.rs:1-3", "--ref", "README.md"]);
    second.add_with("decision", "Key two", &["--key", "null", "--body", "    indented\n\ntwo  \nlines"]);
    let task = second.add_with("task", "../../etc/passwd", &["--defer", "2030-01-01", "-p", "0"]);
    let other = second.add_with("task", "Waits", &["--needs", &task]);
    second.ok(&["start", &other]);
    second.ok(&["block", &other, "the key"]);
    second.ok(&["checkpoint", "build", "one", "--of", "one,two", "--data", r#"{"a":[1.5,"x\ny"]}"#]);
    let done = second.add("task", "Ends");
    second.ok(&["done", &done, "-m", "because: it was time"]);
    let gone = second.add("task", "undone");
    second.ok(&["undo"]);
    assert_eq!(second.field(&gone, "undone"), json!(true));
    second.ok_with(&["add", "note", "Long", "--body", "-"], &"a long line\n".repeat(10_000));
    second.ok_with(&["add", "-"], "# Monday\n\n## Done\n- found the race\n\n## Next\n- fix the race\n");
    workspace
}

#[test]
fn a_folder_comes_back_as_the_same_records() {
    let workspace = lived_in();
    let before = seen(&workspace);
    let report = workspace.json(&["export", "--markdown", "out"]);
    assert_eq!(report["records"], json!(before.len()), "{report}");
    let copy = Workspace::new();
    let folder = workspace.dir().join("out");
    let report = copy.json(&["import", folder.to_str().unwrap()]);
    assert_eq!(report["added"], json!(before.len()), "{report}");
    assert_eq!((&report["rejected"], &report["links_left_out"]), (&json!([]), &json!([])));
    assert_same(&seen(&copy), &before);
    assert_views_equal_a_fresh_fold(&copy);
    let again = copy.json(&["import", folder.to_str().unwrap()]);
    assert_eq!((&again["unchanged"], &again["updated"]), (&json!(before.len()), &json!(0)), "{again}");
    copy.ok(&["export", "--markdown", "out"]);
    let mut copied = files(&copy.dir().join("out"));
    let mut original = files(&folder);
    for files in [&mut copied, &mut original] {
        files.remove(Path::new("index.md"));
    }
    assert_eq!(copied.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
    for (path, text) in &original {
        assert_eq!(&copied[path], text, "{}", path.display());
    }
}

#[test]
fn a_folder_changes_nothing_in_the_store_that_it_came_from() {
    let workspace = lived_in();
    workspace.ok(&["export", "--markdown", "out"]);
    let (end, before) = (end_of_log(&workspace), files(&workspace.dir().join("out")));
    let report = workspace.session("stranger").json(&["import", "out"]);
    assert_eq!((&report["added"], &report["updated"]), (&json!(0), &json!(0)), "{report}");
    assert_eq!(end_of_log(&workspace), end);
    let report = workspace.json(&["export", "--markdown", "out"]);
    assert_eq!((&report["written"], &report["removed"]), (&json!(0), &json!(0)), "{report}");
    assert_eq!(files(&workspace.dir().join("out")), before);

    let edited = workspace.add("note", "made after the export");
    let task = ids(&workspace.json(&["list", "tasks"]))[0].clone();
    workspace.ok(&["edit", &task, "--title", "Changed after the export"]);
    let report = workspace.json(&["import", "out"]);
    assert_eq!((&report["updated"], &report["rejected"]), (&json!(0), &json!([])), "{report}");
    assert_eq!(workspace.field(&task, "title"), json!("Changed after the export"));
    assert_eq!(workspace.field(&edited, "title"), json!("made after the export"));
}

#[test]
fn an_edited_file_changes_its_record() {
    let workspace = Workspace::new();
    let other = workspace.add("task", "Other");
    let task = workspace.add_with("task", "Old title", &["--tag", "a", "--needs", &other, "--body", "Old body"]);
    let third = workspace.add("task", "Third");
    workspace.ok(&["export", "--markdown", "out"]);
    let path = file_of(&workspace, &task);
    let text = std::fs::read_to_string(&path).unwrap();
    let link = |id: &str| format!(r#"  - {{"kind": "needs", "id": "{id}"}}"#);
    let edited = text
        .replace("# Old title", "# New title")
        .replace("Old body", "New body\n\nwith more")
        .replace("tags: [\"a\"]", "tags: [b, c]")
        .replace("status: open", "status: open\npriority: 0\nrefs:\n  - src/x.rs:1");
    let at = edited.find("links:\n").unwrap() + "links:\n".len();
    let edited = format!("{}{}\n{}", &edited[..at], link(&third), &edited[at..]);
    std::fs::write(&path, &edited).unwrap();
    let report = workspace.json(&["import", "out"]);
    assert_eq!((&report["updated"], &report["unchanged"]), (&json!(1), &json!(3)), "{report}");
    let record = &records(&workspace.json(&["show", &task]))[0];
    assert_eq!((&record["title"], &record["body"]), (&json!("New title"), &json!("New body\n\nwith more")));
    assert_eq!((&record["tags"], &record["priority"]), (&json!(["b", "c"]), &json!(0)));
    let needed: Vec<&str> =
        record["links"].as_array().unwrap().iter().map(|link| link["id"].as_str().unwrap()).collect();
    assert_eq!(needed.len(), 2, "{record}");
    assert_eq!(record["refs"][0]["path"], json!("src/x.rs:1"));
    assert_views_equal_a_fresh_fold(&workspace);
    assert_eq!(workspace.json(&["import", "out"])["updated"], json!(0));

    workspace.ok(&["edit", &task, "--title", "Changed in the store"]);
    std::fs::write(&path, edited.replace("New body", "Another body")).unwrap();
    let report = workspace.json(&["import", "out"]);
    assert!(report["rejected"][0]["why"].as_str().unwrap().contains("changed here after the export"), "{report}");
    assert_eq!(workspace.field(&task, "body"), json!("New body\n\nwith more"));

    let report = workspace.json(&["export", "--markdown", "out"]);
    assert_eq!(report["removed"], json!(1), "the file of the old title: {report}");
    assert!(!path.exists());
}

#[test]
fn private_records_and_what_links_to_them_stay_here() {
    let workspace = Workspace::new();
    let secret = workspace.add_with("task", "SECRET", &["--private"]);
    let task = workspace.add_with("task", "Open", &["--needs", &secret]);
    let report = workspace.json(&["export", "--markdown", "out"]);
    assert_eq!(report["withheld"], json!(1), "{report}");
    assert!(!files(&workspace.dir().join("out")).values().any(|text| text.contains("SECRET")));
    let path = file_of(&workspace, &task);
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap().replace("# Open", "# Opened")).unwrap();
    assert_eq!(workspace.json(&["import", "out"])["updated"], json!(1));
    let record = &records(&workspace.json(&["show", &task]))[0];
    assert_eq!((&record["title"], &record["links"][0]["id"]), (&json!("Opened"), &json!(secret)));

    let report = workspace.json(&["export", "--markdown", "out", "--private"]);
    assert_eq!(report["withheld"], json!(0), "{report}");
    let copy = Workspace::new();
    copy.ok(&["import", workspace.dir().join("out").to_str().unwrap()]);
    assert_eq!(copy.field(&secret, "private"), json!(true));
    let report = workspace.json(&["export", "--markdown", "out"]);
    assert_eq!(report["removed"], json!(1), "{report}");
    assert!(!files(&workspace.dir().join("out")).values().any(|text| text.contains("SECRET")));
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "Title");
    workspace.write("mine/notes.md", "# Mine\n");
    let told = workspace.fails(1, &["export", "--markdown", "mine"]);
    assert!(told.contains("empty or does not exist"), "{told}");
    assert_eq!(files(&workspace.dir().join("mine")).len(), 1);
    workspace.fails(3, &["export", "--markdown", "mine/notes.md"]);
    workspace.fails(2, &["export", "--markdown", "out", "--since", "1"]);

    workspace.ok(&["export", "--markdown", "out/deep"]);
    workspace.write("out/deep/tasks/mine.md", "# Mine\n");
    workspace.write("out/deep/tasks/data.bin", "state: record");
    workspace.write("out/deep/more/mine.md", "---\ntitle: x\n---\n");
    workspace.ok(&["drop", &task]);
    workspace.ok(&["edit", &task, "--title", "Another"]);
    let report = workspace.json(&["export", "--markdown", "out/deep"]);
    assert_eq!(report["removed"], json!(1), "{report}");
    let held = files(&workspace.dir().join("out/deep"));
    for name in ["tasks/mine.md", "tasks/data.bin", "more/mine.md"] {
        assert!(held.contains_key(Path::new(name)), "{name} is gone");
    }
    let index = &held[Path::new("index.md")];
    assert!(index.contains(&format!("[{task} Another](tasks/{task}-another.md) dropped")), "{index}");
}

#[test]
fn broken_files_are_told_and_strict_takes_nothing() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "Plain");
    workspace.add("task", "Another");
    workspace.ok(&["export", "--markdown", "out"]);
    let path = file_of(&workspace, &task);
    let good = std::fs::read_to_string(&path).unwrap();
    let uid_line = good.lines().find(|line| line.starts_with("uid: ")).unwrap().to_owned();
    let broken = [
        good.replace("status: open", "status: mad"),
        good.replace("status: open", "status"),
        good.replace(&format!("{uid_line}\n"), ""),
        good.replace("kind: task", "kind: ../x"),
        good.replace("\n# ", "\n"),
        good.replace("updated: ", "updated: x"),
    ];
    let folder = workspace.dir().join("out");
    for text in broken {
        std::fs::write(&path, &text).unwrap();
        let copy = Workspace::new();
        let told = copy.fails(2, &["import", "--strict", folder.to_str().unwrap()]);
        assert!(told.contains("nothing was imported"), "{told}");
        let report = copy.json(&["import", folder.to_str().unwrap()]);
        assert_eq!(report["rejected"].as_array().unwrap().len(), 1, "{report}\n{text}");
        assert_views_equal_a_fresh_fold(&copy);
    }
}

#[test]
fn an_import_of_a_folder_that_is_killed_is_completed_by_importing_again() {
    let workspace = lived_in();
    workspace.ok(&["export", "--markdown", "out"]);
    let folder = workspace.dir().join("out");
    let copy = Workspace::new();
    for micros in [5_000, 15_000, 30_000, 60_000, 90_000] {
        let mut child = copy.spawn(&["import", folder.to_str().unwrap()]);
        std::thread::sleep(std::time::Duration::from_micros(micros));
        // An error only says that it has ended already.
        let _ = child.kill();
        child.wait().unwrap();
    }
    copy.ok(&["import", folder.to_str().unwrap()]);
    let (mut held, before) = (seen(&copy), seen(&workspace));
    held.retain(|id, _| before.contains_key(id));
    assert_same(&held, &before);
    assert_views_equal_a_fresh_fold(&copy);
}
