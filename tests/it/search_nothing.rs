//! When a search finds nothing it says why, what is near, and how to find it.

use crate::support::{Workspace, ids, transcript};
use serde_json::{Value, json};
use std::io::Read;
use std::process::Stdio;

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.add_with("finding", "refresh the lock of the token", &["--tag", "auth"]);
    workspace.add_with("task", "refresh tokens", &["--tag", "auth"]);
    workspace.add("task", "paint the shed");
    workspace
}

fn why(report: &Value) -> Vec<(&str, &str, u64)> {
    let text = |why: &'_ Value, name: &str| why[name].as_str().unwrap().to_owned().leak() as &'static str;
    let all = report["nothing"]["why"].as_array().unwrap();
    all.iter().map(|why| (text(why, "cause"), text(why, "part"), why["found"].as_u64().unwrap())).collect()
}

#[test]
fn a_narrow_filter_is_named_with_the_command_without_it() {
    let workspace = workspace();
    for _ in 0..2 {
        let text = workspace.ok(&["search", "kind:finding shed"]);
        assert!(text.starts_with("Nothing found for 'kind:finding shed'.\n"), "{text}");
        assert!(text.contains("  1 without kind:finding: state search shed\n"), "{text}");
        assert!(text.contains("Near, without kind:finding:\nt-") && text.contains("paint the shed"), "{text}");
        let report = workspace.json(&["search", "refresh before:2001-01-01"]);
        assert_eq!(why(&report), [("time", "before:2001-01-01", 2)]);
        assert_eq!(report["nothing"]["near"].as_array().unwrap().len(), 2);
        assert_eq!((&report["total"], &report["hits"]), (&json!(0), &json!([])));
        assert_eq!(why(&workspace.json(&["search", "lock", "-token"])), [("without", "-token", 1)]);
        workspace.ok(&["catch-up"]);
    }
}

#[test]
fn what_has_ended_or_was_undone_is_told() {
    let workspace = workspace();
    let task = ids(&workspace.json(&["search", "shed"])).remove(0);
    workspace.ok(&["done", &task]);
    let text = workspace.ok(&["search", "shed status:open"]);
    assert!(text.contains("1 without status:open: state search shed") && text.contains("task done  paint"), "{text}");
    let undone = workspace.add("note", "a walrus by mistake");
    workspace.ok(&["undo"]);
    for query in ["walruses", &undone] {
        let text = workspace.ok(&["search", query]);
        assert!(text.contains(&format!("{undone} `a walrus by mistake` was undone: state show {undone}")), "{text}");
    }
}

#[test]
fn a_phrase_that_does_not_occur_and_words_that_do() {
    let workspace = workspace();
    let text = workspace.ok(&["search", "\"lock refresh\""]);
    assert!(
        text.contains("\"lock refresh\" does not occur as such; its words do, 2: state search lock refresh"),
        "{text}"
    );
    let report = workspace.json(&["search", "\"lock walrus\""]);
    assert_eq!(why(&report), [("phrase", "\"lock walrus\"", 1), ("word", "walrus", 0)]);
    let text = workspace.ok(&["search", "walrus seal"]);
    assert!(text.contains("`walrus` occurs nowhere\n  `seal` occurs nowhere"), "{text}");
}

#[test]
fn a_misspelt_value_is_corrected_and_said_so() {
    let workspace = workspace();
    let text = workspace.ok(&["search", "tag:atuh lock"]);
    assert!(text.starts_with("Nothing found for 'tag:atuh lock'; showing 'tag:auth lock':\nf-"), "{text}");
    let report = workspace.json(&["search", "kind:findngs", "lock"]);
    assert_eq!((&report["nothing"]["instead"], &report["total"]), (&json!("kind:findings lock"), &json!(1)));
    assert_eq!(ids(&report).len(), 1);
    let text = workspace.ok(&["search", "tag:zebra lock"]);
    assert!(text.contains("no record has tag:zebra; 1 without it: state search lock"), "{text}");
}

#[test]
fn an_empty_store_and_an_empty_query_say_so() {
    let empty = Workspace::new();
    assert!(empty.ok(&["search", "anything"]).contains("The store is empty. Begin: state add"));
    let text = workspace().ok(&["search", "???"]);
    assert!(text.contains("there is no word to search for") && text.contains("state list kinds"), "{text}");
}

#[test]
fn explaining_stays_within_a_budget_too() {
    let workspace = workspace();
    let text = workspace.ok(&["search", "kind:finding shed", "--budget", "60"]);
    assert!(state::domain::text::estimate_tokens(&text) <= 60 && text.starts_with("Nothing found"), "{text}");
}

#[test]
fn a_huge_or_hostile_query_is_answered_shortly() {
    let workspace = workspace();
    let megabytes: Vec<String> = (0..15).map(|_| "zebra \"a b\" kind:x ".repeat(5500)).collect();
    let words: Vec<&str> = megabytes.iter().map(String::as_str).collect();
    for words in [&words[..], &["\u{1b}[2Jx\u{7}\u{202e} -\u{1b}]0;title"], &["a\nb\tc\u{0085} kind:\u{1b}"]] {
        for form in [&[][..], &["--json"], &["--explain"], &["--full", "--budget", "400"]] {
            let output = workspace.run(&[&["search"], form, &["--"], words].concat(), b"");
            assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.len() < 4000, "{} bytes: {text:.500}", text.len());
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        }
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let workspace = workspace();
    let lines: String = (0..200)
        .map(|number| {
            json!({"kind": "note", "title": format!("seal {number}"), "body": "sea ".repeat(1000)}).to_string() + "\n"
        })
        .collect();
    workspace.ok_with(&["add", "-"], &lines);
    let mut child = workspace.command(&["search", "seal", "--full", "-n", "200"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut beginning = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut beginning).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty() && output.status.code() != Some(101), "{}", transcript(&output));
}

#[test]
fn it_is_explained_without_an_index_too() {
    let workspace = workspace();
    std::fs::remove_dir_all(workspace.store().join("index")).ok();
    let text = workspace.ok(&["search", "kind:decision lock"]);
    assert!(text.contains("no record has kind:decision; 1 without it: state search lock"), "{text}");
}
