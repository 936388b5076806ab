//! What `doctor` sees, what `--fix` mends, what can be saved of a broken store. (Pruning: `prune.rs`.)

use crate::support::{Shell, Workspace, transcript};
use redb::ReadableTable;
use serde_json::Value;
use state::domain::event::Event;
use state::store::Store;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Records, one with a long body, and an index of them.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    for number in 0..20 {
        workspace.add("task", &format!("task number {number}"));
    }
    workspace.ok_with(&["add", "finding", "a long one", "--body", "-"], &"long text ".repeat(10_000));
    workspace.ok(&["catch-up"]);
    workspace
}

fn store(shell: &Shell) -> Store {
    Store::at(&shell.store(), chrono::Utc::now, [1; 16])
}

/// The report, whatever the exit code, which is returned too.
fn examine(shell: &Shell, args: &[&str]) -> (i32, Value) {
    let output = shell.run(&[&["--json", "doctor"], args].concat(), b"");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", transcript(&output)));
    (output.status.code().unwrap(), report)
}

/// The names of the checks that are not as they should be, with their states.
fn unwell(report: &Value) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["state"] != "ok");
    checks.map(|check| format!("{} {}", check["name"].as_str().unwrap(), check["state"].as_str().unwrap())).collect()
}

/// Does damage to a whole store and expects these checks to see it; then `--fix` must leave only `rest`.
#[track_caller]
fn sees(what: &str, damage: impl FnOnce(&Workspace), seen: &[&str], rest: &[&str]) {
    let workspace = workspace();
    assert_eq!(examine(&workspace, &[]), (0, examine(&workspace, &[]).1), "{what}");
    assert_eq!(unwell(&examine(&workspace, &[]).1), [""; 0], "{what}: before");
    damage(&workspace);
    let (code, report) = examine(&workspace, &[]);
    assert_eq!(unwell(&report), seen, "{what}: {report}");
    let is_wrong = |names: &[&str]| i32::from(names.iter().any(|name| name.ends_with("wrong")));
    assert_eq!(code, is_wrong(seen), "{what}");
    let log = store(&workspace).read(|view| view.events(1..)).unwrap();
    let (code, report) = examine(&workspace, &["--fix"]);
    assert_eq!(unwell(&report), rest, "{what}, mended: {report}");
    assert_eq!(code, is_wrong(rest), "{what}, mended");
    assert_eq!(store(&workspace).read(|view| view.events(1..)).unwrap(), log, "{what}: the log was touched");
}

fn flip(path: &Path, share: f64) {
    let mut bytes = fs::read(path).unwrap();
    let at = (bytes.len() as f64 * share) as usize;
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort_unstable();
    files
}

fn long_ago(path: &Path) {
    let file = fs::File::options().write(true).open(path).or_else(|_| fs::File::open(path)).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7200)).unwrap();
}

#[test]
fn files_that_others_can_read() {
    let open = |path: PathBuf, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    sees("a file", |w| open(w.store().join("state.redb"), 0o644), &["permissions wrong"], &[]);
    sees("the folder", |w| open(w.store(), 0o755), &["permissions wrong"], &[]);
    sees("a blob", |w| open(files(&w.store().join("blobs")).remove(0), 0o640), &["permissions wrong"], &[]);
}

#[test]
fn leftovers_and_files_of_others() {
    let dead = |w: &Workspace, name: &str| {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        fs::write(w.store().join(name.replace("PID", &child.id().to_string())), "x").unwrap();
    };
    sees("of a dead process", |w| dead(w, ".tmp-PID-0"), &["leftovers warning"], &[]);
    sees("a database", |w| dead(w, "state.redb.new-PID"), &["leftovers warning"], &[]);
    let old_index = |w: &Workspace| {
        fs::create_dir(w.store().join("index.old")).unwrap();
        long_ago(&w.store().join("index.old"));
    };
    sees("an index", old_index, &["leftovers warning"], &[]);
    let ours = format!(".tmp-{}-0", std::process::id());
    sees("of a living process", |w| fs::write(w.store().join(&ours), "x").unwrap(), &[], &[]);
    let stray = |w: &Workspace| drop(w.write(".state/notes.txt", "of somebody"));
    sees("of somebody", stray, &["files warning"], &["files warning"]);
}

#[test]
fn blobs_that_are_lost_changed_or_nobodys() {
    let blob = |w: &Workspace| files(&w.store().join("blobs")).remove(0);
    sees("lost", |w| fs::remove_file(blob(w)).unwrap(), &["blobs wrong"], &["blobs wrong"]);
    let packed = zstd::bulk::compress(b"another text", 3).unwrap();
    sees("changed", |w| fs::write(blob(w), &packed).unwrap(), &["blobs wrong"], &["blobs wrong"]);
    let stray = |w: &Workspace| {
        let path = w.store().join("blobs").join("ab".repeat(32));
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    };
    sees("nobody's, young", |w| drop(stray(w)), &["stray-blobs warning"], &["stray-blobs warning"]);
    sees("nobody's, old", |w| long_ago(&stray(w)), &["stray-blobs warning"], &[]);
}

#[test]
fn an_index_that_is_damaged_of_another_log_or_behind() {
    let largest = |w: &Workspace| {
        files(&w.store().join("index")).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
    };
    sees("flipped", |w| flip(&largest(w), 0.5), &["index wrong"], &[]);
    sees("cut", |w| fs::write(largest(w), "").unwrap(), &["index wrong"], &[]);
    sees("no index", |w| fs::write(w.store().join("index/meta.json"), "{").unwrap(), &["index wrong"], &[]);
    let other = |w: &Workspace| {
        let other = workspace();
        fs::remove_dir_all(w.store().join("index")).unwrap();
        fs::rename(other.store().join("index"), w.store().join("index")).unwrap();
    };
    sees("another's", other, &["index warning"], &[]);
    let behind = |w: &Workspace| {
        let lines: String = (0..300).map(|n| format!("{{\"kind\":\"note\",\"title\":\"n {n}\"}}\n")).collect();
        // Not by the program, which would start a catch-up.
        let store = store(w);
        store
            .write(|writer| {
                for line in lines.lines() {
                    writer.create("note", [("title".to_owned(), line.into())].into())?;
                }
                Ok(())
            })
            .unwrap();
    };
    sees("behind", behind, &["index warning"], &[]);
}

#[test]
fn views_that_say_something_else_than_the_log() {
    let damage = |w: &Workspace| {
        let database = redb::Database::open(w.store().join("state.redb")).unwrap();
        let txn = database.begin_write().unwrap();
        {
            let ids = redb::TableDefinition::<&str, u128>::new("ids");
            txn.open_table(ids).unwrap().pop_first().unwrap();
        }
        txn.commit().unwrap();
    };
    sees("an id is gone", damage, &["views wrong"], &[]);
}

#[test]
fn a_clock_that_was_set_back_and_stores_in_the_shadow() {
    let workspace = Workspace::new();
    workspace.at("2030-01-01T00:00:00Z").add("note", "from the future");
    let (code, report) = examine(&workspace.at("2029-12-31T23:58:00Z"), &["--quick"]);
    assert_eq!((code, unwell(&report)), (0, vec!["clock warning".to_owned()]), "{report}");
    let (_, report) = examine(&workspace.at("2029-12-31T23:59:30Z"), &["--quick"]);
    assert_eq!(unwell(&report), [""; 0], "{report}");
    let below = workspace.within("below");
    below.ok(&["init", "--here"]);
    let (code, report) = examine(&below, &[]);
    assert_eq!((code, unwell(&report)), (0, vec!["place warning".to_owned()]), "{report}");
    assert!(report["checks"][0]["text"].as_str().unwrap().contains("nearest .state"), "{report}");
}

#[test]
fn who_holds_the_store_is_told() {
    let workspace = workspace();
    let held = fs::File::options().write(true).open(workspace.store().join("lock")).unwrap();
    held.lock().unwrap();
    fs::write(workspace.store().join("lock"), "4242 0 state import\n").unwrap();
    let (code, report) = examine(&workspace, &["--quick"]);
    assert_eq!((code, unwell(&report)), (0, vec!["lock warning".to_owned()]), "{report}");
    assert!(report.to_string().contains("held by 4242, state import"), "{report}");
}

#[test]
fn a_newer_store_is_told_with_the_version_that_can_write_it() {
    let workspace = workspace();
    let database = redb::Database::open(workspace.store().join("state.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let mut table = txn.open_table(redb::TableDefinition::<&str, &[u8]>::new("meta")).unwrap();
        let mut meta: state::store::Meta = rmp_serde::from_slice(table.get("meta").unwrap().unwrap().value()).unwrap();
        (meta.format, meta.written_by) = (99, "9.9.9".to_owned());
        table.insert("meta", rmp_serde::to_vec_named(&meta).unwrap().as_slice()).unwrap();
    }
    txn.commit().unwrap();
    drop(database);
    let (code, report) = examine(&workspace, &["--quick"]);
    assert_eq!((code, unwell(&report)), (0, vec!["format warning".to_owned()]), "{report}");
    assert!(report.to_string().contains("use state 9.9.9"), "{report}");
}

/// The events of a salvage, and its first line.
fn salvaged(shell: &Shell, name: &str) -> (Value, Vec<Event>) {
    shell.ok(&["doctor", "--salvage", name]);
    let text = fs::read_to_string(shell.dir().join(name)).unwrap();
    let mut lines = text.lines();
    let header = serde_json::from_str(lines.next().unwrap()).unwrap();
    (header, lines.map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The file broken in many ways: each gets the verdict, and every event that is still in it is saved.
#[test]
fn of_a_broken_store_is_saved_what_is_left() {
    let workspace = workspace();
    let path = workspace.store().join("state.redb");
    let whole = fs::read(&path).unwrap();
    let (header, all) = salvaged(&workspace, "whole.jsonl");
    assert_eq!((header["state"].as_str(), header["version"].as_u64()), (Some("export"), Some(1)), "{header}");
    assert_eq!(header["workspace"].as_str().unwrap().len(), 32);
    assert_eq!(all.len(), 22);
    assert!(serde_json::to_string(&all[21]).unwrap().contains("long text long text"));
    let mut saved = Vec::new();
    for (number, (what, damage)) in damages().into_iter().enumerate() {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        workspace.fails(4, &["doctor"]);
        let (code, report) = examine(&workspace, &[]);
        assert_eq!((code, report["readable"].as_bool()), (4, Some(false)), "{what}: {report}");
        let (header, events) = salvaged(&workspace, &format!("{number}.jsonl"));
        assert_eq!(header["workspace"].as_str().unwrap().len(), 32, "{what}");
        assert_eq!(events.len() as u64, report["salvage"]["events"].as_u64().unwrap(), "{what}");
        assert!(events.iter().all(|event| all.contains(event)), "{what}: an event that never was");
        saved.push((what, events.len()));
        assert!(!whole.is_empty() && fs::read(&path).unwrap().len() <= whole.len(), "{what}: the file was changed");
    }
    for (what, events) in &saved {
        assert!(*events == 22 || what.contains("cut") && *events > 0, "{saved:?}");
    }
}

type Damage = (&'static str, Box<dyn Fn(&mut Vec<u8>)>);

fn damages() -> Vec<Damage> {
    vec![
        ("wrong magic", Box::new(|bytes| bytes[..4].copy_from_slice(b"nope"))),
        ("zeroed header", Box::new(|bytes| bytes[..4096].fill(0))),
        ("cut at the end", Box::new(|bytes| bytes.truncate(bytes.len() * 9 / 10))),
        (
            "cut in the middle of what is used",
            Box::new(|bytes| {
                let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
                bytes.truncate(last / 2);
            }),
        ),
        (
            "a flipped bit in a table's page",
            Box::new(|bytes| {
                let places = bytes.windows(7).enumerate().filter(|(_, window)| *window == b"status:");
                // Pages that are free now may hold it too.
                let places: Vec<usize> = places.map(|(at, _)| at).collect();
                places.into_iter().for_each(|at| bytes[at] ^= 0x20);
            }),
        ),
    ]
}

#[test]
fn of_nothing_nothing_is_saved_and_backups_are_named() {
    let workspace = workspace();
    for bytes in [Vec::new(), vec![7; 100_000]] {
        fs::write(workspace.store().join("state.redb"), bytes).unwrap();
        let output = workspace.run(&["doctor"], b"");
        assert_eq!(output.status.code(), Some(4), "{}", transcript(&output));
        assert!(String::from_utf8_lossy(&output.stdout).contains("export --backup"), "{}", transcript(&output));
        let said = workspace.fails(4, &["doctor", "--salvage", "nothing.jsonl"]);
        assert!(said.contains("state export --backup") && !workspace.dir().join("nothing.jsonl").exists(), "{said}");
    }
    let whole = Workspace::new();
    whole.write("there.jsonl", "x");
    whole.fails(1, &["doctor", "--salvage", "there.jsonl"]);
}

/// A damaged log is not folded anew, which would lose what cannot be decoded.
#[test]
fn a_hole_in_the_log_is_told_and_left_alone() {
    let workspace = workspace();
    let database = redb::Database::open(workspace.store().join("state.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let mut log = txn.open_table(redb::TableDefinition::<u64, &[u8]>::new("log")).unwrap();
        log.insert(5, b"junk".as_slice()).unwrap();
    }
    txn.commit().unwrap();
    drop(database);
    for args in [[].as_slice(), &["--fix"]] {
        let (code, report) = examine(&workspace, args);
        assert!(code == 1 && unwell(&report).contains(&"log wrong".to_owned()), "{report}");
        assert!(report.to_string().contains("@5 cannot be decoded"), "{report}");
    }
    assert_eq!(salvaged(&workspace, "rest.jsonl").1.len(), 22, "the old page still has it");
}
