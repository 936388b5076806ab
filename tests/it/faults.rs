//! Every system call of a command fails, once or for ever, or is where it is killed: nothing acknowledged is lost,
//! nothing is there by half, nothing is left lying about, and the next command works.
//!
//! A command is a line in the table below. `STATE_TEST_ROUNDS` multiplies the faults of each, up to all there are.

use crate::formats::thawed;
use crate::strace::{self, Fault};
use crate::support::{Shell, Workspace, assert_is_decent, ids, rounds, transcript};
use crate::views::assert_views_equal_a_fresh_fold;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A command that is to survive.
struct Case {
    /// What there is before.
    start: fn() -> Workspace,
    /// What is typed; `FIRST` stands for the id of the record with the key `key/first`.
    args: &'static [&'static str],
    /// Whether it takes records away.
    removes: bool,
    /// Whether its answer and its exit code tell what else is wrong, so that only a code of 0 says that all is done.
    reports: bool,
    /// Whether all of its effect is there; panics if half of it is.
    is_done: fn(&Shell) -> bool,
    /// What the answer of a successful run holds.
    answer: &'static str,
    /// Makes work for the next run, which is to clean up.
    renew: fn(&Shell),
}

const CHANGE: Case =
    Case { start, args: &[], removes: false, reports: false, is_done: |_| true, answer: "", renew: |_| {} };

/// Faults tried of each command, unless `STATE_TEST_ROUNDS` says more.
const FAULTS_USUAL: usize = 30;

macro_rules! survive_faults {
    ($($name:ident: $case:expr;)*) => { $(#[test] fn $name() { survive(&$case); })* };
}

survive_faults! {
    init: Case { start: Workspace::empty, args: &["init"], is_done: has_store, answer: "Created", ..CHANGE };
    add: Case { args: &["add", "task", "counted"], is_done: |s| has(s, "counted", 1), answer: "counted", ..CHANGE };
    add_blob: Case { args: &["add", "long.jsonl"], is_done: has_long_bodies, answer: "long", ..CHANGE };
    edit: Case { args: &["edit", "key/first", "--title", "edited"], is_done: |s| has(s, "edited", 1), ..CHANGE };
    undo: Case { args: &["undo"], removes: true, is_done: |s| !has(s, "needle", 1), ..CHANGE };
    import: Case { args: &["import", "ledger.jsonl"], is_done: |s| has(s, "issue", 20), answer: "20 added", ..CHANGE };
    catch_up_builds: Case { args: &["catch-up"], is_done: is_indexed, renew: add_one, ..CHANGE };
    catch_up_goes_on: Case { start: indexed, args: &["catch-up"], is_done: is_indexed, renew: add_one, ..CHANGE };
    search: Case { start: indexed, args: &["search", "needle", "--json"], answer: "the needle", ..CHANGE };
    resume: Case { args: &["resume"], answer: "the needle", ..CHANGE };
    migrate: Case { start: || thawed(1), args: &["doctor", "--fix"], is_done: is_written, reports: true, ..CHANGE };
    erase: Case { args: &["erase", "FIRST", "--confirm", "FIRST"], is_done: |s| !has(s, "the first", 1), ..CHANGE };
    prune: Case { start: with_a_past, args: &["doctor", "--prune", "--older", "30d"], renew: index_one, ..CHANGE };
    mend: Case { start: mistreated, args: &["doctor", "--fix"], is_done: is_indexed, renew: index_one, reports: true, ..CHANGE };
    export: Case { args: &["export", "-o", "out"], is_done: is_exported, renew: unwrite, reports: true, ..CHANGE };
    backup: Case { args: &["export", "--backup", "out"], is_done: is_backed_up, renew: unwrite, ..CHANGE };
    merge: Case { start: beside_an_export, args: &["import", "out.jsonl"], is_done: has_first, ..CHANGE };
    restore: Case { start: with_a_backup, args: &["import", "--restore", "out.bak"], is_done: has_first, renew: unmake, reports: true, ..CHANGE };
    show: Case { args: &["show", "key/first"], answer: "the first", ..CHANGE };
}

fn start() -> Workspace {
    let workspace = Workspace::new();
    workspace.add_with("finding", "the first", &["--key", "key/first"]);
    workspace.add("task", "the needle");
    let long = |name: &str| json!({"kind": "note", "title": name, "body": name.repeat(30_000)}).to_string() + "\n";
    workspace.write("long.jsonl", ["long one", "long two"].map(long).concat());
    let day = "2026-01-05T10:00:00Z";
    let issue = |i: usize| {
        json!({"id": format!("bd-{i}"), "title": format!("issue {i}"), "description": "text", "status": "open",
               "priority": 2, "issue_type": "task", "created_at": day, "updated_at": day})
    };
    workspace.write("ledger.jsonl", (0..20).map(|i| issue(i).to_string() + "\n").collect::<String>());
    workspace
}

fn indexed() -> Workspace {
    let workspace = start();
    workspace.ok(&["catch-up"]);
    workspace.add("note", "newer than the index");
    workspace
}

fn with_a_past() -> Workspace {
    let workspace = start();
    for day in 10..15 {
        let shell = workspace.at(&format!("2025-01-{day}T09:00:00Z"));
        let task = shell.add("task", &format!("of the past {day}"));
        shell.ok(&["done", &task]);
    }
    workspace
}

/// With a broken index, and with what an unfinished blob leaves.
fn mistreated() -> Workspace {
    let workspace = start();
    workspace.ok(&["add", "long.jsonl"]);
    workspace.ok(&["catch-up"]);
    fs::write(workspace.store().join("index/meta.json"), "").unwrap();
    fs::write(workspace.store().join("blobs/.tmp-4194305-0"), "half").unwrap();
    workspace
}

/// Whether the store is of a format that is written.
fn is_written(shell: &Shell) -> bool {
    shell.run(&["add", "note", "to see whether it can be written"], b"").status.success()
}

fn add_one(shell: &Shell) {
    shell.add("note", "for the index");
}

fn is_exported(shell: &Shell) -> bool {
    let held = fs::read_to_string(shell.dir().join("out"));
    held.is_ok_and(|held| {
        assert_eq!(held, shell.ok(&["export"]), "half an export has its name");
        true
    })
}

fn is_backed_up(shell: &Shell) -> bool {
    let backup = shell.dir().join("out");
    backup.exists() && {
        let other = Workspace::empty();
        other.ok(&["import", "--restore", backup.to_str().unwrap()]);
        assert_eq!(all_ids(&other), all_ids(shell), "half a backup has its name");
        true
    }
}

fn unwrite(shell: &Shell) {
    // It need not be there.
    let _ = fs::remove_file(shell.dir().join("out"));
}

/// An empty store, and the export of another.
fn beside_an_export() -> Workspace {
    let (other, workspace) = (start(), Workspace::new());
    workspace.write("out.jsonl", other.ok(&["export"]));
    workspace
}

fn with_a_backup() -> Workspace {
    let (other, workspace) = (start(), Workspace::empty());
    let backup = workspace.dir().join("out.bak");
    other.ok(&["export", "--backup", backup.to_str().unwrap()]);
    workspace
}

/// So that a backup can be restored again.
fn unmake(shell: &Shell) {
    fs::remove_file(shell.store().join("state.redb")).unwrap();
}

fn has_first(shell: &Shell) -> bool {
    has_store(shell) && has(shell, "the first", 1)
}

/// What also writes the index cleans up after itself only when there is something to index.
fn index_one(shell: &Shell) {
    shell.add("note", "for the index");
    shell.ok(&["catch-up"]);
}

fn has_store(shell: &Shell) -> bool {
    shell.dir().join(".state/state.redb").exists()
}

/// Whether there are so many records whose title begins so; some of them is half.
#[track_caller]
fn has(shell: &Shell, title: &str, count: usize) -> bool {
    let report = shell.json(&["list", "kinds", "--all", "--limit", "1000"]);
    let titles = report["records"].as_array().unwrap().iter().map(|record| record["title"].as_str().unwrap());
    let found = titles.filter(|found| found.contains(title)).count();
    assert!(found == 0 || found == count, "{found} of {count} are there");
    found == count
}

fn has_long_bodies(shell: &Shell) -> bool {
    has(shell, "long", 2)
        && shell.search(&["long"]).iter().all(|id| {
            let record = shell.json(&["show", id]);
            record["records"][0]["body"].as_str().unwrap().len() == 8 * 30_000
        })
}

fn is_indexed(shell: &Shell) -> bool {
    shell.json(&["search", "needle"])["behind"] == 0
}

fn survive(case: &Case) {
    let workspace = (case.start)();
    if !strace::may_trace(&workspace) {
        return;
    }
    let before = all_ids(&workspace);
    let args = &typed(case, &workspace)[..];
    let args = &args.iter().map(String::as_str).collect::<Vec<_>>()[..];
    let snapshot = Snapshot::of(workspace.root());
    let (output, calls) = strace::run(&workspace, &[], args);
    assert!(output.status.success() && (case.is_done)(&workspace), "without faults: {}", transcript(&output));
    let faults = strace::faults(&calls);
    let (mut ends, mut failures) = (BTreeMap::<String, usize>::new(), Vec::new());
    for fault in faults.iter().take(rounds(FAULTS_USUAL)) {
        snapshot.restore();
        let (output, _) = strace::run(&workspace, &["-e", &fault.to_string()], args);
        *ends.entry(output.status.to_string()).or_default() += 1;
        let check = || assert_survived((case, args), &workspace, (fault, &output), &before);
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_err() {
            failures.push(format!("{fault}\n{}", transcript(&output)));
        }
    }
    eprintln!("{:?}: {} of {} faults, {ends:?}", case.args, faults.len().min(rounds(FAULTS_USUAL)), faults.len());
    assert!(
        failures.is_empty(),
        "state {:?} does not survive {} faults:\n{}",
        case.args,
        failures.len(),
        failures.join("\n")
    );
}

/// The largest file that a process may write: growing it fails with EFBIG, or kills where the signal is not ignored.
#[test]
fn a_limit_on_file_sizes() {
    let workspace = start();
    // Numbers that no compression makes small.
    let body: String = (0..6_000_u32).map(|i| format!("{:x} ", i.wrapping_mul(2_654_435_761))).collect();
    workspace.write("more.jsonl", json!({"kind": "note", "title": "more", "body": body}).to_string() + "\n");
    let limited = |trap: &str, args: &str| {
        let line = format!("{trap} ulimit -f 2100 && exec '{}' {args}", env!("CARGO_BIN_EXE_state"));
        workspace.program("sh").args(["-c", &line]).output().unwrap()
    };
    let mut added = 0;
    let refused = loop {
        let output = limited("trap '' XFSZ;", "add more.jsonl");
        if !output.status.success() {
            break output;
        }
        added += 1;
        assert!(added < 200, "the limit is not held");
    };
    assert_eq!(refused.status.code(), Some(3), "{}", transcript(&refused));
    assert_is_decent(&String::from_utf8_lossy(&refused.stderr));
    let killed = limited("", "add more.jsonl");
    assert_eq!(killed.status.code(), None, "{}", transcript(&killed));
    for looks in ["list", "search needle", "resume", "show key/first"] {
        let output = limited("", looks);
        assert!(output.status.success(), "{looks}: {}", transcript(&output));
    }
    assert!(has(&workspace, "more", added));
    assert_views_equal_a_fresh_fold(&workspace);
    workspace.ok(&["add", "more.jsonl"]);
    assert!(has(&workspace, "more", added + 1));
}

fn typed(case: &Case, shell: &Shell) -> Vec<String> {
    let word = |word: &&str| match *word {
        "FIRST" => ids(&shell.json(&["show", "key/first"])).remove(0),
        word => word.to_owned(),
    };
    case.args.iter().map(word).collect()
}

fn all_ids(shell: &Shell) -> BTreeSet<String> {
    if !has_store(shell) {
        return BTreeSet::new();
    }
    ids(&shell.json(&["list", "kinds", "--all", "--limit", "1000"])).into_iter().collect()
}

#[track_caller]
fn assert_survived(
    (case, args): (&Case, &[&str]),
    shell: &Shell,
    (fault, output): (&Fault, &Output),
    before: &BTreeSet<String>,
) {
    let said = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => assert!(said.contains(case.answer), "another answer"),
        Some(1..=4) if fault.silences() && output.stderr.is_empty() => {}
        Some(code @ 1..=4) => {
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(code != 4 || case.reports, "a failing disk is taken for damage");
            assert!(
                code != 2 || case.args.iter().any(|file| file.contains('.') && message.contains(file)),
                "wrong usage"
            );
            assert_is_decent(&message);
            assert!(!message.contains("for a report:"), "it panicked");
        }
        _ => assert!(fault.kills() && output.status.signal() == Some(9), "an end that nobody expects"),
    }
    let is_acknowledged = output.status.code() == Some(0) && !fault.locks() || !said.is_empty() && !case.reports;
    let is_done = (case.is_done)(shell);
    assert!(is_done || !is_acknowledged, "acknowledged, and not there");
    let after = all_ids(shell);
    assert!(case.removes || after.is_superset(before), "records are gone: {before:?} {after:?}");
    if has_store(shell) {
        assert_views_equal_a_fresh_fold(shell);
        (case.renew)(shell);
    }
    shell.ok(args);
    if litter(&shell.store()).iter().any(|name| name.starts_with(LEFT_TO_DOCTOR)) {
        shell.ok(&["doctor", "--fix"]);
    }
    assert_eq!(litter(&shell.store()), [""; 0], "left lying about");
    let fresh = shell.add("task", "a moment after");
    assert!(shell.search(&["moment", "after"]).contains(&fresh), "a new record is not found");
    assert_views_equal_a_fresh_fold(shell);
}

/// Finding these costs a look at every blob, so that no command does it on its way.
const LEFT_TO_DOCTOR: &str = "blobs/.tmp-";

/// What only an unfinished command may leave.
fn litter(store: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.strip_prefix(store).unwrap().to_string_lossy().into_owned();
    let is_litter =
        |name: &String| [".tmp", "state.redb.new-", "index.new", "index.old"].iter().any(|part| name.contains(part));
    walk(store).iter().map(name).filter(is_litter).collect()
}

/// Everything below a directory, those above before those below.
fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        found.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        }
    }
    found
}

/// The files of a directory, to put back as they were. A file that is still there keeps its inode, to which a store is bound.
struct Snapshot {
    dir: PathBuf,
    files: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

impl Snapshot {
    fn of(dir: &Path) -> Self {
        let files = walk(dir).into_iter().map(|path| {
            let bytes = path.is_file().then(|| fs::read(&path).unwrap());
            (path, bytes)
        });
        Self { dir: dir.to_owned(), files: files.collect() }
    }

    fn restore(&self) {
        for path in walk(&self.dir).into_iter().rev().filter(|path| !self.files.contains_key(path)) {
            if path.is_dir() { fs::remove_dir(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
        }
        for (path, bytes) in &self.files {
            match bytes {
                None => fs::create_dir_all(path).unwrap(),
                Some(bytes) if fs::read(path).is_ok_and(|held| held == *bytes) => {}
                Some(bytes) => fs::write(path, bytes).unwrap(),
            }
        }
    }
}
