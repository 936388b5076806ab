//! What goes out comes back: exports and their merges.

use crate::support::{Shell, Workspace, ids, records, transcript};
use crate::views::assert_views_equal_a_fresh_fold;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;

/// A store with something of everything: links, undo, a long body, a private record, awkward numbers.
fn lived_in() -> Workspace {
    let workspace = Workspace::new();
    live_in(&workspace);
    workspace
}

fn live_in(shell: &Shell) {
    let task = shell.add_with(
        "task",
        "Ends \"quoted\" \\ and ünïcode \u{2028} 漢字",
        &["-p", "1", "--tag", "auth", "--tag", "b"],
    );
    let other = shell.add_with("task", "Waits", &["--needs", &task, "--body=---\nkind: note\n---\n# not a heading"]);
    let long = "a long line of a long body\n".repeat(4_000);
    shell.ok_with(&["add", "note", "Long", "--body", "-"], &long);
    shell.add_with("finding", "Key", &["--key", "a/b", "--ref", "src/lib.rs:1-3"]);
    shell.session("second").add_with("finding", "Other", &["--key", "a/b"]);
    shell.ok(&["start", &task]);
    shell.ok(&[
        "checkpoint",
        "build",
        "one",
        "--of",
        "one,two",
        "--data",
        r#"{"took":0.1234567890123456789,"n":1e300,"z":-0.0,"big":18446744073709551615}"#,
    ]);
    shell.ok(&["done", &task, "-m", "it works"]);
    shell.ok(&["edit", &other, "--title", "Waits no more"]);
    shell.ok(&["undo"]);
    shell.add_with("note", "SECRET TITLE", &["--private", "--body", "SECRET BODY"]);
}

/// The bytes of an export.
fn exported(shell: &Shell, options: &[&str]) -> String {
    shell.ok(&[&["export"], options].concat())
}

/// Another replica, made of an export.
fn replica_of(text: &str) -> Workspace {
    let workspace = Workspace::new();
    import(&workspace, text);
    workspace
}

fn import(shell: &Shell, text: &str) -> Value {
    let path = shell.write("came.jsonl", text);
    shell.json(&["import", path.to_str().unwrap()])
}

/// Everything that can be seen of every record, but when it was last written here.
fn seen(shell: &Shell) -> Vec<Value> {
    let mut seen = Vec::new();
    for kind in ["tasks", "notes", "findings", "decisions", "blockers", "checkpoints", "sessions"] {
        for id in ids(&shell.json(&["list", kind, "--all", "--limit", "100000"])) {
            seen.extend(records(&shell.json(&["show", &id])));
        }
    }
    seen.sort_by_key(|record| record["id"].as_str().map(str::to_owned));
    seen
}

/// Two exports are the same bytes.
#[track_caller]
fn assert_same(one: &str, other: &str) {
    let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    assert!(differs.is_none(), "{:.2000}\n\n{:.2000}", differs.unwrap().0, differs.unwrap().1);
    assert!(one == other, "one has {} bytes, the other {}", one.len(), other.len());
}

fn lines(export: &str) -> BTreeSet<&str> {
    export.lines().collect()
}

#[test]
fn an_export_of_an_import_is_the_same_bytes() {
    let workspace = lived_in();
    let whole = exported(&workspace, &["--private"]);
    assert!(whole.contains("a long line of a long body") && whole.contains("SECRET BODY"));
    assert!(whole.starts_with(r#"{"state":"export","version":1,"workspace":""#), "{whole:.100}");
    let replica = replica_of(&whole);
    assert_same(&exported(&replica, &["--private"]), &whole);
    assert_eq!(seen(&replica), seen(&workspace));
    assert_views_equal_a_fresh_fold(&replica);
    let again = import(&replica, &whole);
    assert_eq!(again["new"], json!(0), "{again}");
    assert_eq!(again["known"], again["events"]);
    assert_same(&exported(&replica, &["--private"]), &whole);
    assert!(std::fs::read_dir(replica.store().join("blobs")).unwrap().count() == 1, "the long body is a file again");
}

#[test]
fn an_empty_store_exports_one_line_and_takes_a_workspace_over() {
    let empty = Workspace::new();
    let nothing = exported(&empty, &[]);
    assert_eq!(nothing.lines().count(), 1);
    assert_same(&exported(&replica_of(&nothing), &[]), &nothing);
}

#[test]
fn what_is_private_stays_here_with_all_that_names_it() {
    let workspace = lived_in();
    let (public, whole) = (exported(&workspace, &[]), exported(&workspace, &["--private"]));
    assert!(whole.contains("SECRET"));
    assert!(!public.contains("SECRET"), "{}", public.lines().find(|line| line.contains("SECRET")).unwrap());
    let report = workspace.json(&["export", "--output", "public.jsonl"]);
    assert!(report["withheld"].as_u64().unwrap() >= 1, "{report}");
    assert_eq!(std::fs::read_to_string(workspace.dir().join("public.jsonl")).unwrap(), public);
    let replica = replica_of(&public);
    assert_same(&exported(&replica, &[]), &public);
    assert_views_equal_a_fresh_fold(&replica);

    let opened = workspace.add("note", "first open");
    let shown = exported(&workspace, &[]);
    assert!(shown.contains("first open"));
    workspace.ok(&["edit", &opened, "--private", "true"]);
    assert!(!exported(&workspace, &[]).contains("first open"), "what is private now was public once");
}

#[test]
fn the_first_change_of_a_session_may_be_private() {
    let workspace = Workspace::new();
    workspace.add_with("note", "SECRET", &["--private"]);
    let public = exported(&workspace, &[]);
    assert!(!public.contains("SECRET") && public.contains("session/tester"), "{public}");
}

#[test]
fn an_export_goes_on_from_where_the_last_one_ended() {
    let workspace = lived_in();
    let whole = exported(&workspace, &["--private"]);
    let position = workspace.json(&["export", "--output", "a", "--private"])["position"].as_u64().unwrap();
    assert_eq!(position as usize, whole.lines().count() - 1);
    workspace.add("task", "later");
    let since = format!("@{position}");
    let rest = exported(&workspace, &["--private", "--since", &since]);
    assert!(rest.contains("later") && !rest.contains("Waits"), "{rest}");
    let replica = replica_of(&whole);
    import(&replica, &rest);
    assert_same(&exported(&replica, &["--private"]), &exported(&workspace, &["--private"]));
    let end = workspace.json(&["export", "--output", "b"])["position"].to_string();
    assert_eq!(exported(&workspace, &["--since", &end]).lines().count(), 1);
    let told = workspace.fails(2, &["export", "--since", "999999"]);
    assert!(told.contains("ends at @"), "{told}");
    workspace.fails(2, &["export", "--since", "yesterday"]);
}

#[test]
fn what_a_newer_version_wrote_comes_through_as_it_is() {
    let workspace = lived_in();
    let mut whole = exported(&workspace, &["--private"]);
    let last: Value = serde_json::from_str(whole.lines().last().unwrap()).unwrap();
    let uid = last["touches"][0].as_str().unwrap();
    let stamp = |n: u64| json!({"hlc": last["stamp"]["hlc"].as_u64().unwrap() + n, "replica": "00000000000000ab"});
    let envelope =
        |n: u64| format!(r#"{{"stamp":{},"seq":{n},"at":1,"commit":{n},"touches":["{uid}"],"change":"#, stamp(n));
    for (n, rest) in [
        r#"{"fold-into":{"deep":[1,2.5,{"a":null,"b":[true]}],"uid":"UID","zzz":"ü"}},"later":{"x":[]},"mood":"good"}"#,
        r#"{"put":{"uid":"UID","set":{"title":"set by a newer one","zebra":[1]},"unless":"done"}},"why2":0.30000000000000004}"#,
        r#"{"put":{"uid":"UID","set":{"title":null}}}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        whole += &format!("{}{}\n", envelope(n as u64 + 1), rest.replace("UID", uid));
    }
    let replica = replica_of(&whole);
    assert_same(&exported(&replica, &["--private"]), &whole);
    assert_same(&exported(&replica_of(&whole), &["--private"]), &whole);
    assert_views_equal_a_fresh_fold(&replica);
}

/// Two stores that were one: both go on, an hour apart by their clocks, and touch the same records.
fn diverged() -> (Workspace, Workspace) {
    let one = lived_in();
    let two = replica_of(&exported(&one, &["--private"]));
    let shared = ids(&one.json(&["list", "tasks", "--all"]))[0].clone();
    let (early, late) = (one.at("2027-01-01T10:00:00Z"), two.at("2027-01-01T11:00:00Z"));
    for (shell, name) in [(&early, "early"), (&late, "late")] {
        let shell = shell.session(name);
        shell.add_with("task", &format!("only {name}"), &["--needs", &shared]);
        shell.add_with("decision", &format!("{name} decides"), &["--key", "one/key"]);
        shell.ok(&["edit", &shared, "--title", &format!("{name} was here"), "--tag", name]);
        shell.ok(&["start", &shared]);
    }
    (one, two)
}

#[test]
fn two_stores_that_exchange_exports_are_the_same_in_either_order() {
    let (one, two) = diverged();
    let (from_one, from_two) = (exported(&one, &["--private"]), exported(&two, &["--private"]));
    let fresh = Workspace::new();
    let late = "2027-01-02T00:00:00Z";
    for (shell, exports) in [(&one, vec![&from_two]), (&two, vec![&from_one]), (&fresh, vec![&from_two, &from_one])] {
        for text in exports {
            let report = import(&shell.at(late), text);
            assert!(report["new"].as_u64().unwrap() > 0 && report["ahead"] == json!(0), "{report}");
        }
        assert_views_equal_a_fresh_fold(shell);
    }
    let all = [&one, &two, &fresh].map(|shell| exported(shell, &["--private"]));
    assert_eq!(lines(&all[0]), lines(&all[1]));
    assert_eq!(lines(&all[0]), lines(&all[2]));
    let views = [&one, &two, &fresh].map(|shell| seen(&shell.at(late)));
    assert_eq!(views[0], views[1]);
    assert_eq!(views[0], views[2]);
    let shared = one.json(&["list", "tasks", "--all"]).to_string();
    assert!(
        shared.contains("late was here") && shared.contains("\"early\"") && shared.contains("\"late\""),
        "{shared}"
    );
    assert_eq!(ids(&one.json(&["list", "conflicts"])).len(), 4);

    let id = one.session("after").at(late).add("task", "written after the merge");
    assert!(!seen(&two.at(late)).iter().any(|record| record["id"] == json!(id)));
}

#[test]
fn another_workspace_is_refused_unless_the_store_is_empty() {
    let (one, two) = (lived_in(), lived_in());
    let before = exported(&two, &["--private"]);
    let path = two.write("theirs.jsonl", exported(&one, &[]));
    let told = two.fails(1, &["import", path.to_str().unwrap()]);
    assert!(told.contains("another workspace") && told.contains("--store DIR"), "{told}");
    assert_same(&exported(&two, &["--private"]), &before);
}

#[test]
fn events_from_the_day_after_tomorrow_wait_unless_the_store_is_empty() {
    let one = Workspace::new();
    let now = one.at("2027-01-01T10:00:00Z");
    now.add("task", "today");
    let two = replica_of(&exported(&one, &[]));
    one.at("2027-01-03T10:00:01Z").session("fast").add("task", "the day after tomorrow");
    let whole = exported(&one, &[]);
    let report = import(&two.at("2027-01-02T10:00:00Z"), &whole);
    assert!(report["ahead"].as_u64().unwrap() > 0 && report["new"] == json!(0), "{report}");
    let path = two.dir().join("came.jsonl");
    let told = two.at("2027-01-02T10:00:00Z").ok(&["import", path.to_str().unwrap()]);
    assert!(told.contains("import again once it has caught up"), "{told}");
    let report = import(&two.at("2027-01-02T10:00:02Z"), &whole);
    assert_eq!(report["ahead"], json!(0));
    assert_eq!(lines(&exported(&two, &[])), lines(&whole));
    let fresh = Workspace::new();
    assert_eq!(import(&fresh.at("2020-01-01T00:00:00Z"), &whole)["ahead"], json!(0));
    assert_same(&exported(&fresh, &[]), &whole);
}

#[test]
fn broken_lines_are_told_by_number_and_strict_takes_nothing() {
    let workspace = lived_in();
    let whole = exported(&workspace, &["--private"]);
    let events = whole.lines().count() - 1;
    let uid = "019b3c2e5d7a7c0f8e1d2c3b4a596877";
    let envelope =
        |rest: &str| format!(r#"{{"stamp":{{"hlc":1,"replica":"ab"}},"seq":7,"at":1,"commit":7,"touches":[],{rest}}}"#);
    let broken = [
        "garbage".to_owned(),
        "{}".to_owned(),
        "[1,2]".to_owned(),
        "\u{0}\u{1}".to_owned(),
        envelope(&format!(r#""change":{{"put":{{"uid":"{uid}","set":{{}}}}}}"#)),
        envelope(r#""change":{}"#),
        envelope(r#""change":{"x":1},"seq":8"#),
        r#"{"stamp":{"hlc":1,"replica":"xyz"},"seq":1,"at":1,"commit":1,"touches":[],"change":{"x":1}}"#.to_owned(),
        r#"{"stamp":{"hlc":1,"replica":"ab"},"seq":0,"at":1,"commit":0,"touches":[],"change":{"x":1}}"#.to_owned(),
        r#"{"stamp":{"hlc":18446744073709551615,"replica":"ab"},"seq":1,"at":1,"commit":1,"touches":[],"change":{"x":1}}"#.to_owned(),
        r#"{"stamp":{"hlc":1,"replica":"ab"},"seq":18446744073709551615,"at":1,"commit":1,"touches":[],"change":{"x":1}}"#.to_owned(),
        "[".repeat(200_000),
        whole.lines().nth(3).unwrap()[..80].to_owned(),
    ];
    let text = format!("{whole}{}\n", broken.join("\n"));
    let replica = Workspace::new();
    let path = replica.write("broken.jsonl", &text);
    let path = path.to_str().unwrap();
    let empty = exported(&replica, &[]);
    let told = replica.fails(2, &["import", "--strict", path]);
    assert!(told.contains(&format!("line {}", events + 2)) && told.contains("nothing was imported"), "{told}");
    assert_same(&exported(&replica, &[]), &empty);
    let report = replica.json(&["import", path]);
    assert_eq!(report["new"], json!(events));
    let numbers: Vec<u64> =
        report["left_out"].as_array().unwrap().iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (events as u64 + 2..).take(broken.len()).collect::<Vec<_>>(), "{report}");
    assert_same(&exported(&replica, &["--private"]), &whole);
    assert_views_equal_a_fresh_fold(&replica);
    replica.ok(&["import", "--strict", replica.write("whole.jsonl", &whole).to_str().unwrap()]);
}

#[test]
fn an_export_cut_anywhere_gives_its_whole_lines() {
    let whole = exported(&lived_in(), &["--private"]);
    let replica = Workspace::new();
    for part in 1..8 {
        let mut cut = whole.len() * part / 8;
        while !whole.is_char_boundary(cut) {
            cut += 1;
        }
        let report = import(&replica, &whole[..cut]);
        assert_eq!(report["events"].as_u64().unwrap() as usize, whole[..cut].matches('\n').count() - 1, "{report}");
        assert!(report["left_out"].as_array().unwrap().len() <= 1);
    }
    import(&replica, &whole);
    assert_same(&exported(&replica, &["--private"]), &whole);
}

#[test]
fn a_newer_format_is_refused() {
    let workspace = Workspace::new();
    let path = workspace.write("newer", "{\"state\":\"export\",\"version\":2,\"workspace\":\"x\"}\n");
    let told = workspace.fails(3, &["import", path.to_str().unwrap()]);
    assert!(told.contains("version 2"), "{told}");
    let path = workspace.write("odd", "{\"state\":\"export\",\"version\":1,\"workspace\":\"../x\"}\n");
    workspace.fails(2, &["import", path.to_str().unwrap()]);
}

#[test]
fn a_reader_that_goes_away_ends_the_export_quietly() {
    let workspace = Workspace::new();
    let long = "text\n".repeat(10_000);
    (0..20).for_each(|n| drop(workspace.ok_with(&["add", "note", &format!("{n}"), "--body", "-"], &long)));
    let mut child = workspace.spawn(&["export"]);
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{}", transcript(&output));
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_left_as_it_was() {
    let workspace = lived_in();
    for option in ["--output", "--backup"] {
        let told = workspace.fails(3, &["export", option, "missing/out.jsonl"]);
        assert!(told.contains("missing/out.jsonl"), "{told}");
        std::fs::create_dir_all(workspace.dir().join("folder")).unwrap();
        workspace.fails(3, &["export", option, "folder"]);
    }
    let names = |dir: &std::path::Path| std::fs::read_dir(dir).unwrap().count();
    let before = names(workspace.dir());
    workspace.fails(2, &["export", "--output", "a", "--backup", "b"]);
    workspace.fails(2, &["export", "--backup", "b", "--since", "1"]);
    let path = workspace.write("kept", "old");
    workspace.fails(2, &["export", "--since", "99999", "--output", "kept"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(workspace.dir()), before + 1, "something was left behind");
    workspace.ok(&["export", "--output", "kept"]);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_full_disk_fails_the_export_and_changes_nothing() {
    if !std::path::Path::new("/dev/full").exists() {
        eprintln!("skipped: there is no /dev/full");
        return;
    }
    let workspace = lived_in();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = workspace.command(&["export"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", transcript(&output));
}

#[test]
fn the_report_is_made_for_reading() {
    let workspace = lived_in();
    let told = workspace.ok(&["export", "--output", "out.jsonl"]);
    assert!(
        told.contains(" events of ") && told.contains("written to out.jsonl (") && told.contains("--since "),
        "{told}"
    );
    assert!(told.contains("private"), "{told}");
    let output = workspace.run(&["export", "--json"], b"");
    let report: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(report["file"].is_null() && report["events"].as_u64().unwrap() > 10, "{report}");
}
