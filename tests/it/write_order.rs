//! What a command writes is on the disk before it says so: seen in its system calls.

use crate::strace::{self, Call};
use crate::support::{Shell, Workspace, transcript};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files that may be lost.
const NOT_DURABLE: [&str; 3] = ["lock", "gate", "index.lock"];

/// What of the files below a directory is not on the disk yet.
#[derive(Default)]
struct Pending {
    /// Written since they were last synced.
    dirty: BTreeSet<PathBuf>,
    /// New names by the directory that holds them and was not synced since.
    names: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    existing: BTreeSet<PathBuf>,
    offences: Vec<String>,
}

impl Pending {
    /// Goes through the calls of a command (traced with `-y`) and returns what was done in the wrong order.
    fn offences(store: &Path, existing: BTreeSet<PathBuf>, calls: &[Call]) -> Vec<String> {
        let mut pending = Self { existing, ..Self::default() };
        for call in calls.iter().filter(|call| !call.text.contains(" = -1 ")) {
            let paths: Vec<PathBuf> = paths(&call.text).into_iter().filter(|path| path.starts_with(store)).collect();
            if call.name == "write" && call.text.starts_with("write(1<") {
                pending.acknowledge();
            } else if let Some(path) = paths.first() {
                pending.take(call, path, paths.last().unwrap_or(path));
            }
        }
        pending.offences
    }

    fn take(&mut self, call: &Call, path: &Path, last: &Path) {
        match call.name.as_str() {
            // A database that is cut after its commit may come back longer, which is harmless: see the tests of power cuts.
            "write" | "writev" | "pwrite64" | "fallocate" => drop(self.dirty.insert(path.to_owned())),
            "fsync" | "fdatasync" => {
                self.dirty.remove(path);
                self.names.remove(path);
            }
            "openat" if call.text.contains("O_CREAT") => self.name(path),
            "mkdir" | "mkdirat" => self.name(path),
            "rename" | "renameat" | "renameat2" => {
                if self.dirty.contains(path) {
                    self.offences.push(format!("renamed before it was synced: {}", path.display()));
                }
                self.forget(path);
                self.existing.remove(last);
                self.name(last);
            }
            "unlink" | "unlinkat" => self.forget(path),
            _ => {}
        }
    }

    fn name(&mut self, path: &Path) {
        if self.existing.insert(path.to_owned()) {
            self.names.entry(path.parent().unwrap().to_owned()).or_default().insert(path.to_owned());
        }
    }

    fn forget(&mut self, path: &Path) {
        self.dirty.remove(path);
        self.existing.remove(path);
        for names in self.names.values_mut() {
            names.remove(path);
        }
    }

    fn acknowledge(&mut self) {
        let matters = |path: &&PathBuf| !NOT_DURABLE.iter().any(|name| path.ends_with(name));
        let dirty =
            self.dirty.iter().filter(matters).map(|path| format!("said before it was synced: {}", path.display()));
        let names = self.names.values().flatten().filter(matters);
        let names = names.map(|path| format!("said before its directory was synced: {}", path.display()));
        self.offences.extend(dirty.chain(names));
    }
}

/// The absolute paths in a traced call: arguments in quotes, and descriptors in angle brackets but for the current directory.
fn paths(text: &str) -> Vec<PathBuf> {
    let text = text.replace("AT_FDCWD</", "AT_FDCWD<./");
    let parts = text.split(['<', '"']).skip(1).filter_map(|part| part.split(['>', '"']).next());
    parts.filter(|path| path.starts_with('/')).map(PathBuf::from).collect()
}

fn existing(shell: &Shell) -> BTreeSet<PathBuf> {
    let folders = [shell.dir().to_owned(), shell.dir().join(".state"), shell.dir().join(".state/blobs")];
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn everything_is_synced_before_it_is_said() {
    let workspace = Workspace::empty();
    if !strace::may_trace(&workspace) {
        return;
    }
    let long = |name: &str| json!({"kind": "note", "title": name, "body": name.repeat(30_000)}).to_string() + "\n";
    workspace.write("long.jsonl", ["long one", "long two"].map(long).concat());
    workspace.write("notes.md", "# A note\n\ntext\n");
    let commands: [&[&str]; 9] = [
        &["init"],
        &["add", "task", "small", "--key", "key/a"],
        &["add", "long.jsonl"],
        &["import", "notes.md"],
        &["edit", "key/a", "--title", "edited"],
        &["done", "key/a"],
        &["undo"],
        &["export", "-o", "out"],
        &["export", "--backup", "copy"],
    ];
    for args in commands {
        let before = existing(&workspace);
        let (output, calls) = strace::run(&workspace, &["-y"], args);
        assert!(output.status.success(), "{}", transcript(&output));
        assert!(calls.iter().any(|call| ["fsync", "fdatasync"].contains(&&*call.name)), "state {args:?} is not traced");
        assert_eq!(Pending::offences(workspace.dir(), before, &calls), [""; 0], "state {args:?}");
    }
}

#[test]
fn a_wrong_order_is_seen() {
    let offences = |lines: &[&str]| {
        let call = |text: &&str| Call {
            thread: 1,
            name: text.split('(').next().unwrap().to_owned(),
            text: (*text).to_owned(),
        };
        Pending::offences(Path::new("/s"), BTreeSet::new(), &lines.iter().map(call).collect::<Vec<_>>())
    };
    let (made, written) =
        ("openat(AT_FDCWD</w>, \"/s/a b\", O_WRONLY|O_CREAT, 0600) = 3</s/a b>", "write(3</s/a b>, \"x\", 1) = 1");
    let (synced, renamed) = ("fsync(3</s/a b>) = 0", "rename(\"/s/a b\", \"/s/c\") = 0");
    let (dir, said) = ("fsync(4</s>) = 0", "write(1<pipe:[7]>, \"done\", 4) = 4");
    assert_eq!(offences(&[made, written, synced, renamed, dir, said]), [""; 0]);
    assert_eq!(offences(&[made, synced, written, renamed, dir, said]), ["renamed before it was synced: /s/a b"]);
    assert_eq!(offences(&[made, written, synced, renamed, said]), ["said before its directory was synced: /s/c"]);
    assert_eq!(offences(&[written, said, synced]), ["said before it was synced: /s/a b"]);
    assert_eq!(offences(&["mkdir(\"/s/d\", 0700) = 0", said]), ["said before its directory was synced: /s/d"]);
}
