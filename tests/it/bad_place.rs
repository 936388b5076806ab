//! Bad places: no store, a damaged or newer one, a disk that is full or read-only, odd paths and clocks.

use crate::bad_input::{assert_harmless, log, refused};
use crate::support::{Shell, Workspace, transcript, wait_until};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn without_a_store_every_verb_says_how_to_get_one() {
    let shell = Workspace::empty();
    let verbs = "resume|search x|show t-a|list|ready|log|add task x|edit t-a --title x|link a needs b|start --next|done t-a|\
                 block t-a x|drop t-a|undo|checkpoint a b|import .";
    for verb in verbs.split('|') {
        let message = shell.fails(2, &verb.split(' ').collect::<Vec<_>>());
        assert!(message.contains("no store") && message.contains("state init"), "{verb}: {message}");
    }
    assert_eq!(std::fs::read_dir(shell.dir()).unwrap().count(), 0, "something was created");
    let named = shell.fails(2, &["--store", "it's here", "list"]);
    assert!(named.contains("state init --store '"), "{named}");
    shell.fails(2, &["--store", "", "list"]);
    shell.with_var("STATE_DIR", "nowhere").fails(2, &["list"]);
}

#[test]
fn a_damaged_store_is_told_and_left_as_it_is() {
    let shell = Workspace::new();
    (0..20).for_each(|n| drop(shell.add("note", &format!("number {n}"))));
    let path = shell.store().join("state.redb");
    let good = std::fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[..64].iter_mut().for_each(|byte| *byte ^= 0x55);
    let cases: [(&str, Vec<u8>); 7] = [
        ("empty", Vec::new()),
        ("truncated to a header", good[..100].to_vec()),
        ("truncated", good[..good.len() / 2].to_vec()),
        ("one byte short", good[..good.len() - 1].to_vec()),
        ("a text", b"hello world".to_vec()),
        ("zeros", vec![0; good.len()]),
        ("flipped", flipped),
    ];
    for (what, bytes) in cases {
        std::fs::write(&path, &bytes).unwrap();
        for args in [&["list"][..], &["search", "number"], &["log"], &["add", "task", "x"], &["init"]] {
            let message = shell.fails(4, args);
            assert!(message.contains("damaged"), "{what}, {args:?}: {message}");
        }
        let json = shell.fails(4, &["list", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{what}: {e}: {json}"));
        assert_eq!(json["error"]["kind"], "corrupt", "{what}");
        assert!(std::fs::read(&path).unwrap() == bytes, "{what}: the file was changed");
    }
    std::fs::write(&path, &good).unwrap();
    shell.ok(&["list"]);
}

/// Sets a field of the store's format row.
fn set_format(shell: &Shell, name: &str, value: u32) {
    use redb::ReadableTable;
    let database = redb::Database::open(shell.store().join("state.redb")).unwrap();
    let table: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("meta");
    let txn = database.begin_write().unwrap();
    {
        let mut rows = txn.open_table(table).unwrap();
        let row = rows.get("meta").unwrap().unwrap().value().to_vec();
        let mut meta: std::collections::BTreeMap<String, serde_json::Value> = rmp_serde::from_slice(&row).unwrap();
        meta.insert(name.to_owned(), value.into());
        rows.insert("meta", rmp_serde::to_vec_named(&meta).unwrap().as_slice()).unwrap();
    }
    txn.commit().unwrap();
}

#[test]
fn a_newer_store_is_read_and_not_written() {
    for field in ["format", "fold"] {
        let shell = Workspace::new();
        let id = shell.add("task", "the one");
        set_format(&shell, field, 99);
        assert_eq!(shell.field(&id, "title"), "the one");
        assert_eq!(shell.search(&["one"]), [id.as_str()]);
        refused(&shell, &[(3, &["add", "task", "x"], "99|or newer"), (3, &["done", &id], "99"), (3, &["undo"], "99")]);
    }
}

#[test]
fn a_directory_or_pipe_in_place_of_the_store_is_not_a_store() {
    let shell = Workspace::empty();
    std::fs::create_dir_all(shell.dir().join(".state/state.redb")).unwrap();
    shell.fails(2, &["list"]);
    let message = shell.fails(4, &["init"]);
    assert!(message.contains("not a file"), "{message}");
    shell.write("plain", "text");
    shell.fails(2, &["--store", "plain", "list"]);
    shell.fails(3, &["--store", "plain", "init"]);
}

/// Runs a shell line with `state` as `$S` in a private mount namespace; `None` where that is not allowed.
fn in_namespace(shell: &Shell, mount: &str, line: &str) -> Option<std::process::Output> {
    let run = |line: &str| {
        shell.program("unshare").env("S", env!("CARGO_BIN_EXE_state")).args(["-rm", "sh", "-c", line]).output()
    };
    let possible = run(mount).is_ok_and(|output| output.status.success());
    if !possible {
        eprintln!("skipped: no private mounts here");
        return None;
    }
    Some(run(&format!("{mount} && {line}")).unwrap())
}

#[test]
fn an_unwritable_directory_answers_and_refuses() {
    let shell = Workspace::new();
    shell.add("task", "the one");
    let before = log(&shell);
    let mount = "mount --bind . . && mount -o remount,ro,bind . && cd \"$PWD\"";
    for (code, verb) in
        [(0, "list"), (0, "search one"), (0, "log"), (0, "resume"), (0, "ready"), (3, "add task x"), (3, "undo")]
    {
        let Some(output) = in_namespace(&shell, mount, &format!("exec $S {verb}")) else { return };
        assert_eq!(output.status.code(), Some(code), "{verb}: {}", transcript(&output));
    }
    assert_eq!(log(&shell), before);
    let empty = Workspace::empty();
    let Some(output) = in_namespace(&empty, mount, "exec $S init") else { return };
    assert_eq!(output.status.code(), Some(3), "{}", transcript(&output));
}

#[test]
fn a_full_disk_refuses_and_keeps_what_was_acknowledged() {
    let shell = Workspace::empty();
    std::fs::create_dir(shell.dir().join("small")).unwrap();
    // Random, because the log is compressed.
    let random = shell.program("sh").args(["-c", "head -c 15000 /dev/urandom | od -An -v -tx1"]).output().unwrap();
    shell.write("text", random.stdout);
    let beads = (0..4000)
        .map(|n| format!("{{\"id\":\"bd-{n}\",\"title\":\"t {n}\",\"status\":\"open\",\"issue_type\":\"task\"}}\n"));
    shell.write("issues.jsonl", beads.collect::<String>());
    let mount = "mount -t tmpfs -o size=1100k tmpfs small && cd small";
    let line = "$S init >/dev/null || exit 90; n=0
        while $S add note \"n$n $(head -c 400 /dev/urandom | od -An -tx1 | tr -d ' \\n' | head -c 400)\" --body - < ../text >/dev/null 2>../error; do
            n=$((n + 1)); [ $n -gt 300 ] && exit 91; done
        $S import ../issues.jsonl >/dev/null 2>>../error && exit 92
        [ $($S list notes -n 1000 | grep -c ' n[0-9]') -eq $n ] || exit 93
        $S search n0 >/dev/null || exit 94; cat ../error; exit 0";
    let Some(output) = in_namespace(&shell, mount, line) else { return };
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("No space left") && said.contains("free some space") && !said.contains("panick"), "{said}");
    let Some(output) = in_namespace(&shell, "mount -t tmpfs -o size=16k tmpfs small && cd small", "exec $S init")
    else {
        return;
    };
    assert_eq!(output.status.code(), Some(3), "{}", transcript(&output));
}

#[test]
fn a_clock_that_jumps_loses_nothing_and_the_last_change_wins() {
    let shell = Workspace::new();
    let id = shell.add("task", "now");
    for (at, title) in [
        ("2035-01-01T00:00:00Z", "future"),
        ("2020-01-01T00:00:00Z", "past"),
        ("1969-01-01T00:00:00Z", "older"),
        ("9999-12-31T23:59:59Z", "end"),
        ("2025-06-01T00:00:00Z", "year back"),
    ] {
        shell.at(at).ok(&["edit", &id, "--title", title]);
        assert_eq!(shell.field(&id, "title"), title, "at {at}");
        shell.at(at).ok(&["resume"]);
        assert_eq!(shell.at(at).search(&[title]), [id.as_str()], "at {at}");
    }
    assert_eq!(shell.json(&["log", &id])["entries"].as_array().unwrap().len(), 6);
}

#[test]
fn the_nearest_store_wins_and_others_are_told() {
    let outer = Workspace::new();
    outer.add("task", "outer");
    let inner = outer.within("in ner");
    assert_eq!(inner.json(&["list"])["total"], 1, "the store above serves");
    assert!(inner.ok(&["init"]).contains("Another store is nearby"));
    assert_eq!(inner.json(&["list"])["total"], 0);
    assert_eq!(inner.with_var("STATE_DIR", "../.state").json(&["list"])["total"], 1);
    assert_eq!(inner.with_var("STATE_DIR", "").json(&["list"])["total"], 0);
}

#[test]
fn bare_repositories_and_linked_worktrees_have_one_store() {
    let shell = Workspace::git();
    let other = shell.worktree("side");
    other.add("task", "from the side");
    assert_eq!(shell.json(&["list"])["total"], 1);
    assert!(other.ok(&["init"]).contains("Already there"));
    let bare = shell.within("bare.git");
    bare.git_run(&["init", "-q", "--bare"]);
    bare.ok(&["init"]);
    bare.add("task", "in the bare one");
    assert_eq!(bare.within("hooks").json(&["list"])["total"], 1);
}

#[test]
fn names_that_are_not_text_are_paths_all_the_same() {
    let workspace = Workspace::empty();
    let name = OsString::from_vec(b"b\xffd na\nme".to_vec());
    let shell = workspace.within(&name);
    shell.ok(&["init"]);
    shell.add("task", "here");
    assert_harmless(&shell.ok(&["resume"]));
    std::fs::write(shell.dir().join(OsString::from_vec(b"n\xff.md".to_vec())), "# A note").unwrap();
    assert_eq!(shell.json(&["import", "."])["added"], 1);
    let mut command = workspace.command(&["list", "--store"]);
    let output = command.arg(shell.store()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let output = shell.command(&["show"]).arg(OsString::from_vec(vec![0xff])).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
    let output = shell.command(&["list"]).env_remove("HOME").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
}

#[test]
fn a_working_directory_that_is_gone_is_no_panic() {
    let shell = Workspace::empty();
    let state = env!("CARGO_BIN_EXE_state");
    let line = format!("mkdir gone && cd gone && rmdir ../gone && '{state}' list");
    let output = shell.program("sh").args(["-c", &line]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
}

#[test]
fn init_at_once_and_killed_inits_leave_one_good_store() {
    let shell = Workspace::empty();
    let children: Vec<_> = (0..8).map(|_| shell.spawn(&["init"])).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    }
    shell.add("task", "x");
    for round in 0..30 {
        let shell = shell.within(format!("round{round}"));
        let mut child = shell.command(&["init"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round * 400));
        child.kill().unwrap();
        child.wait().unwrap();
        shell.ok(&["init"]);
        shell.add("task", "x");
        let litter = std::fs::read_dir(shell.store())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("new-"));
        assert_eq!(litter.count(), 0, "round {round}");
    }
}

#[test]
fn a_pipe_in_place_of_the_store_does_not_hang() {
    let shell = Workspace::empty();
    std::fs::create_dir(shell.dir().join(".state")).unwrap();
    assert!(shell.program("mkfifo").arg(".state/state.redb").status().unwrap().success());
    for args in [&["list"][..], &["init"]] {
        let mut child = shell.spawn(args);
        wait_until("an answer", Duration::from_secs(20), || child.try_wait().unwrap().is_some());
        assert!(!child.wait().unwrap().success(), "{args:?}");
    }
}
