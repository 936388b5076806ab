//! Bad input: a clear error, the right exit code, and nothing changed.

use crate::support::{Shell, Workspace, transcript};
use std::time::Duration;

/// Colours, a bell, a right-to-left override, a line separator, an 8-bit introducer and a forged line.
const EVIL: &str = "a\u{1b}[31mred\u{7}\u{202e}rtl\u{2066}x\u{9b}31m\u{2028}y\u{1b}]0;title\u{7}\rz";

/// What the log says, which is all that there is.
pub fn log(shell: &Shell) -> String {
    shell.json(&["log", "-n", "100000"])["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| format!("{entry}\n"))
        .collect()
}

/// Each command fails with the code, says all the words, and the log stays as it was.
#[track_caller]
pub fn refused(shell: &Shell, cases: &[(i32, &[&str], &str)]) {
    let before = log(shell);
    for (code, args, words) in cases {
        let message = shell.fails(*code, args);
        for word in words.split('|') {
            assert!(message.contains(word), "`{word}` is not in what `state {args:?}` says: {message}");
        }
        assert_harmless(&message);
    }
    assert_eq!(log(shell), before, "a refused command changed something");
}

#[track_caller]
pub fn assert_harmless(text: &str) {
    let bad = |c: char| (c.is_control() && !"\n\t".contains(c)) || "\u{202e}\u{2066}\u{2028}".contains(c);
    assert!(!text.contains(bad), "a terminal would obey this: {text:?}");
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let shell = Workspace::new();
    let (a, b) = (shell.add("task", "first"), shell.add("task", "second"));
    let finding = shell.add("finding", "a fact");
    let ended = shell.add("task", "ended");
    shell.ok(&["link", &a, "needs", &b]);
    shell.ok(&["done", &ended]);
    let near = format!("{a}x");
    let long = "a".repeat(100_000);
    refused(
        &shell,
        &[
            (1, &["show", "t-zzzzzzz"], "no record 't-zzzzzzz'"),
            (1, &["show", &near], &format!("did you mean {a}")),
            (1, &["add", "task", "x", "--needs", "nope"], "no record 'nope'"),
            (1, &["link", &b, "needs", &a], &format!("cycle|{a} -> {b}")),
            (1, &["link", &a, "blocks", &b], "cycle"),
            (2, &["link", &a, "needs", &a], "itself"),
            (2, &["link", &a, "need", &b], "did you mean needs"),
            (2, &["add", "task", "x", "--link", "needs"], "not a link"),
            (2, &["add", "task", ""], "title is empty"),
            (2, &["add", "task", " \n\u{1b}[31m\u{202e} "], "title is empty"),
            (2, &["add", "task", &long], "100000 characters, 500"),
            (2, &["add", "task", "x", "--key", &long], "100000 characters"),
            (2, &["add", "task", "x", "--tag", &long], "100000 characters"),
            (2, &["add", "task", "x", "--tag", ""], "tag is empty"),
            (2, &["add", "task", "x", "--key", "two words"], "not a key"),
            (2, &["add", "task", "x", "--key=-x"], "not a key"),
            (2, &["add", "task"], "title is missing"),
            (2, &["add", "tsak", "x"], "did you mean task"),
            (2, &["add", "session", "x"], "not added by hand"),
            (2, &["add", "job", "x"], "state run -- COMMAND"),
            (2, &["add", "rule", "x"], "state run --on EVENT -- COMMAND"),
            (2, &["add", "no such file"], "neither a kind nor a file"),
            (2, &["add", "task", "x", "--status", "blocked"], "no status 'blocked'|open"),
            (2, &["add", "task", "x", "-p", "9"], "0 (most urgent) to 4"),
            (2, &["add", "task", "x", "--defer", "soonish"], "not a time|3d"),
            (2, &["add", "task", "x", "--defer", "99999999999d"], "not a time"),
            (2, &["add", "task", "x", "--ref", "../../etc/passwd"], "out of the project"),
            (2, &["add", "task", "x", "--ref", "a.rs:9-2"], "not a range"),
            (2, &["add", "task", "x", "--ref", EVIL], "control characters"),
            (1, &["done", &ended], "already done"),
            (1, &["done", &a, &ended], "already done"),
            (1, &["drop", &ended], "already done"),
            (1, &["block", &ended, "why"], "only an open task"),
            (1, &["block", &finding, "why"], "is a finding"),
            (2, &["block", &a, ""], "title is empty"),
            (1, &["done", &finding], "never done"),
            (1, &["start", &finding], "only tasks are started"),
            (1, &["start", "oneword"], "no record 'oneword'"),
            (2, &["edit", &a], "nothing to change"),
            (2, &["edit", &a, "--title", ""], "title is empty"),
            (2, &["edit", &a, "--status", "gone"], "no status"),
            (2, &["show", &a, "--at", "lately"], "not a time"),
            (2, &["show", &a, "--at", "@x"], "not a log position"),
            (1, &["show", &a, "--at", "@0"], "did not exist then"),
            (2, &["undo", "@0"], "begin at @1"),
            (1, &["undo", "@18446744073709551615"], "no change"),
            (2, &["undo", "@18446744073709551616"], "not a log position"),
            (2, &["resume", "--budget", "0"], "at least"),
            (2, &["list", "bogus"], "lists: tasks"),
            (2, &["checkpoint", "", "step"], "not a name"),
            (2, &["checkpoint", "a,b", "step"], "not a name"),
            (2, &["checkpoint", "a", "step", "--data", "{bad"], "JSON"),
            (2, &["bogus"], "bogus"),
            (2, &[EVIL], "unrecognized"),
            (1, &["show", EVIL], "no record"),
            (2, &["--store", EVIL, "list"], "no store in"),
            (2, &["import", "nope"], "cannot read nope"),
        ],
    );
}

#[test]
fn an_ambiguous_prefix_lists_the_candidates_and_case_does_not_matter() {
    let shell = Workspace::fixed();
    let ids: Vec<String> = (0..40).map(|n| shell.add("task", &format!("number {n}"))).collect();
    let twins = |prefix: &str| ids.iter().filter(|id| id.starts_with(prefix)).count();
    let prefix =
        ids.iter().map(|id| &id[..3]).find(|prefix| twins(prefix) > 1).expect("32 letters cannot tell 40 tasks apart");
    refused(&shell, &[(1, &["done", prefix], "several records|type more")]);
    assert_eq!(shell.field(&ids[7].to_uppercase(), "title"), "number 7");
}

#[test]
fn a_bad_line_of_json_is_named_and_nothing_is_added() {
    let shell = Workspace::new();
    let good = r#"{"kind":"task","title":"good","label":"g"}"#;
    for (code, text, words) in [
        (2, "", "empty"),
        (2, "[]", "empty"),
        (2, "{", "line 1"),
        (2, "{}", "no kind"),
        (2, r#"["task","x"]"#, "line 1: not a record"),
        (2, "{\n\"kind\":\"task\",\n\"bogus\":1}", "line 3: not a record: unknown field `bogus`"),
        (2, &format!("{good}\n{{\"kind\":\"task\"\n{good}"), "line 2: not a record"),
        (2, &format!("{good}\nnot json"), "line 2: not a record"),
        (2, &format!("{good}\n{{\"kind\":\"task\",\"title\":\"\"}}"), "line 2: the title is empty"),
        (2, &format!("{good}\n{{\"kind\":\"task\",\"title\":\"x\",\"priority\":9}}"), "line 2: priority 9"),
        (
            1,
            &format!("{good}\n\n{{\"kind\":\"task\",\"title\":\"x\",\"needs\":[\"nope\"]}}"),
            "line 3: no record 'nope'",
        ),
        (
            1,
            concat!(
                r#"{"kind":"task","title":"a","label":"a","needs":["b"]}"#,
                "\n",
                r#"{"kind":"task","title":"b","label":"b","needs":["a"]}"#
            ),
            "line 2|cycle",
        ),
    ] {
        let message = shell.fails_with(code, &["add", "-"], text.as_bytes());
        words.split('|').for_each(|word| assert!(message.contains(word), "{text}: {message}"));
        assert!(!message.contains("Draft"), "a Rust name in {message}");
    }
    let deep = "[".repeat(100_000);
    shell.fails_with(2, &["add", "-"], deep.as_bytes());
    assert_eq!(log(&shell), "", "a refused batch left something behind");
}

#[test]
fn what_a_terminal_would_obey_is_never_shown() {
    let workspace = Workspace::new();
    let shell = workspace.session(EVIL).with_var("STATE_ACTOR", EVIL);
    let title = format!("{EVIL} tail");
    let id = shell.add_with("task", &title, &["--body", &title, "--tag", EVIL]);
    shell.ok(&["checkpoint", "build", EVIL]);
    shell.ok(&["block", &id, EVIL]);
    shell.ok_with(&["edit", &id, "--append", "-"], "\u{0}nul\u{202e}");
    shell.ok_with(&["add", "-"], &format!("# Handoff: {EVIL}\n\n## Next\n- do {EVIL}\n"));
    for args in [
        &["show", &id][..],
        &["list", "kinds"],
        &["list", "sessions"],
        &["log"],
        &["log", &id],
        &["resume"],
        &["ready"],
    ] {
        let text = shell.ok(args);
        assert_harmless(&text);
        assert!(!text.contains("[31m") && !text.contains("0;title"), "{args:?} shows the rest of an escape: {text}");
    }
    assert_harmless(&shell.ok(&["search", "tail", EVIL]));
    assert_eq!(shell.ok(&["list", "sessions"]).lines().count(), 1, "a session's name forged a line");
}

#[test]
fn no_query_is_an_error_and_options_are_known_among_words() {
    let shell = Workspace::new();
    let id = shell.add("task", "first one");
    let words = "w ".repeat(50_000);
    let filters = "kind:w ".repeat(15_000);
    for query in [
        "",
        " ",
        "???",
        "-",
        "---",
        "\"",
        "(((",
        "*:*",
        ":",
        "kind:",
        "since:zzz",
        "AND",
        "\\",
        "[a TO z]",
        "/(/",
        &words,
        &filters,
    ] {
        let text = shell.ok(&["search", query]);
        assert!(text.len() < 2_000, "{} bytes about {query:.20}", text.len());
    }
    assert!(shell.search(&["???"]).is_empty());
    assert_eq!(shell.search(&["first", "--no-verify"]), [id.as_str()]);
    assert_eq!(shell.search(&["first", "--limit", "3"]), [id.as_str()]);
    assert!(!shell.search(&["first", "-one"]).contains(&id), "-one did not exclude");
    assert!(shell.ok(&["search", "--", "--json"]).starts_with("Nothing found for '--json'"));
}

#[test]
fn no_number_is_too_large() {
    let shell = Workspace::new();
    let id = shell.add("task", "first one");
    let max = u64::MAX.to_string();
    for args in [
        &["list", "--limit", &max][..],
        &["list", "--offset", &max, "--limit", &max],
        &["search", "first", "--offset", &max, "--limit", &max],
        &["log", "-n", &max, "--before", &max],
        &["ready", "-n", &max],
        &["resume", "--budget", &max],
        &["show", &id, "--at", &format!("@{max}")],
    ] {
        shell.ok(args);
    }
    for args in [&["list", "-n", "0"][..], &["ready", "-n", "0"], &["list", "--offset", "9"]] {
        let text = shell.ok(args);
        assert!(!text.starts_with("No"), "there is a task, but: {text}");
    }
    shell.fails(2, &["list", "-n", "99999999999999999999999"]);
}

#[test]
fn a_body_of_ten_megabytes_is_kept_and_a_larger_one_refused() {
    let shell = Workspace::new();
    let body = "line of text\n".repeat(10 * 1024 * 1024 / 13);
    let id =
        shell.json_with(&["add", "note", "big", "--body", "-"], &body)["records"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(shell.field(&id, "body").as_str().unwrap(), body.trim_end());
    let before = log(&shell);
    let message = shell.fails_with(2, &["add", "note", "bigger", "--body", "-"], &vec![b'x'; 17 << 20]);
    assert!(message.contains("16 MiB"), "{message}");
    shell.fails_with(2, &["add", "note", "huge", "--body", "-"], &vec![b'x'; 65 << 20]);
    assert_eq!(log(&shell), before);
}

#[test]
fn undo_takes_back_once_and_its_own_undo_brings_back() {
    let shell = Workspace::new();
    refused(&shell, &[(1, &["undo"], "nothing that could be undone")]);
    shell.ok_with(&["add", "-"], "# Handoff: x\n\n## Next\n- do b\n- do c\n\n## Findings\n- f\n");
    let count = || shell.json(&["list", "kinds", "--all"])["total"].as_u64().unwrap();
    let all = count();
    assert!(all > 4, "{all}");
    shell.ok(&["undo"]);
    assert_eq!(count(), 1, "all but the session is gone");
    refused(&shell, &[(1, &["undo"], "nothing that could be undone"), (1, &["undo", "@1"], "stands any more")]);
    refused(&shell.session("other"), &[(1, &["undo"], "another session")]);
    let position = shell.json(&["log", "-n", "1"])["entries"][0]["position"].as_u64().unwrap();
    shell.session("other").ok(&["undo", &format!("@{position}")]);
    assert!(count() >= all, "undoing the undo brought back {} of {all}", count());
}

#[test]
fn a_blocked_task_is_not_ready_and_a_done_one_is_never_next() {
    let shell = Workspace::new();
    let id = shell.add("task", "the one");
    shell.ok(&["block", &id, "no access"]);
    assert_eq!(shell.json(&["ready"])["total"], 0);
    assert_eq!(shell.json(&["list", "blocked"])["total"], 1);
    let report = shell.json(&["done", &id]);
    assert_eq!(report["next"].as_array().unwrap().len(), 0, "{report}");
    assert_eq!(shell.json(&["ready"])["total"], 0);
}

#[test]
fn a_closed_pipe_ends_the_command_silently() {
    let shell = Workspace::new();
    let lines = (0..300).map(|n| format!("{{\"kind\":\"note\",\"title\":\"{n} {}\"}}\n", "x".repeat(400)));
    shell.ok_with(&["add", "-"], &lines.collect::<String>());
    for args in [&["log", "-n", "1000"][..], &["list", "notes", "-n", "1000"], &["--help"], &["completions", "bash"]] {
        let mut child = shell.spawn(args);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{args:?}: {}", transcript(&output));
    }
    let state = env!("CARGO_BIN_EXE_state");
    for (code, line) in [
        (0, "list >&-"),
        (2, "list bogus 2>&-"),
        (0, "add task x <&- >&- 2>&-"),
        (2, "add - <&-"),
        (3, "list >/dev/full"),
    ] {
        let output = shell.program("sh").args(["-c", &format!("'{state}' {line}")]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {}", transcript(&output));
    }
    let before = shell.json(&["log"])["entries"][0]["position"].as_u64();
    let output =
        shell.command(&["add", "task", "full"]).stdout(std::fs::File::create("/dev/full").unwrap()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("the command is done"), "{}", transcript(&output));
    assert!(shell.json(&["log"])["entries"][0]["position"].as_u64() > before);
}

#[test]
fn import_takes_what_is_text_and_never_hangs() {
    let shell = Workspace::new();
    shell.write("junk", [0, 159, 146, 150].repeat(1000));
    std::fs::create_dir(shell.dir().join("empty")).unwrap();
    std::os::unix::fs::symlink("loop", shell.dir().join("loop")).unwrap();
    assert!(shell.program("mkfifo").arg("pipe").status().unwrap().success());
    let started = std::time::Instant::now();
    refused(
        &shell,
        &[
            (2, &["import", "junk"], "not a text"),
            (2, &["import", "empty"], "no Markdown"),
            (2, &["import", "loop"], "cannot read loop"),
            (2, &["import", "pipe"], "neither a file nor a folder"),
            (2, &["import", "/dev/zero"], "neither a file nor a folder"),
        ],
    );
    assert!(started.elapsed() < Duration::from_secs(20));
    shell.write("notes/big.md", "a".repeat(50 << 20));
    shell.write("notes/ok.md", "# Fine");
    std::os::unix::fs::symlink(".", shell.dir().join("notes/round")).unwrap();
    std::os::unix::fs::symlink("nowhere", shell.dir().join("notes/dangling.md")).unwrap();
    refused(&shell, &[(2, &["import", "notes", "--strict"], "nothing was imported|16 MiB")]);
    let report = shell.json(&["import", "notes"]);
    assert_eq!((&report["added"], report["rejected"].as_array().unwrap().len()), (&1.into(), 1), "{report}");
    assert_eq!(shell.json(&["import", "notes"])["unchanged"], 1);
}

#[test]
fn a_broken_line_of_a_ledger_is_told_by_number_and_a_cycle_by_name() {
    let shell = Workspace::new();
    let issue = |id: &str, needs: &str| {
        format!(
            r#"{{"id":"{id}","title":"{id}","status":"open","issue_type":"task","created_at":"2025-01-01T00:00:00Z","dependencies":[{{"issue_id":"{id}","depends_on_id":"{needs}","type":"blocks"}}]}}"#
        )
    };
    let text = format!("{}\nbroken\n{}\n{}\n", issue("a-1", "a-2"), issue("a-2", "a-1"), issue("a-3", "a-9"));
    shell.write("issues.jsonl", text);
    refused(&shell, &[(2, &["import", "issues.jsonl", "--strict"], "line 2|nothing was imported")]);
    let report = shell.json(&["import", "issues.jsonl"]);
    assert_eq!((&report["added"], &report["rejected"][0]["line"]), (&3.into(), &2.into()), "{report}");
    let left_out = report["links_left_out"].to_string();
    assert!(left_out.contains("a-2 needs a-1: would close a cycle"), "{left_out}");
    assert!(left_out.contains("a-3 needs a-9: no such record"), "{left_out}");
    let before = log(&shell);
    let again = shell.json(&["import", "issues.jsonl"]);
    assert_eq!((&again["added"], &again["updated"], &again["unchanged"]), (&0.into(), &0.into(), &3.into()));
    assert_eq!(log(&shell), before, "importing twice changed something");
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let shell = Workspace::new();
    for args in [&["show", "t-nope"][..], &["list", "bogus"], &["bogus"], &["list", "--limit", "x"], &["search"]] {
        let output = shell.run(&[args, &["--json"]].concat(), b"");
        assert!(output.stdout.is_empty(), "{args:?}: {}", transcript(&output));
        let error: serde_json::Value =
            serde_json::from_slice(&output.stderr).unwrap_or_else(|e| panic!("{args:?} {e}: {}", transcript(&output)));
        assert!(error["error"]["kind"].is_string() && error["error"]["message"].is_string(), "{error}");
    }
}
