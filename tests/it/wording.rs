//! What answers say: one word for one thing, a next step that can be taken, nothing that leads astray.

use crate::hook::claude;
use crate::mcp_client::{Client, Era};
use crate::support::{Workspace, records};
use serde_json::json;

#[test]
fn a_contradiction_says_how_it_is_settled() {
    let workspace = Workspace::new();
    let [one, two] = ["one", "two"].map(|title| workspace.session(title).add_with("finding", title, &["--key", "a/b"]));
    let briefing = workspace.session("three").ok(&["resume"]);
    let settle = format!("--over {one} --over {two}");
    let other = format!("--over {two} --over {one}");
    assert!(briefing.contains(&settle) || briefing.contains(&other), "{briefing}");
    let text = workspace.session("three").ok(&["add", "finding", "three", "--key", "a/b"]);
    assert!(
        text.contains("; settle: state drop") && text.contains("-m WHY, or state add finding \"...\" --over "),
        "{text}"
    );
    let mut client = Client::open(&workspace.session("four"), Era::Stateless);
    let text = client.ok("add", json!({"kind": "finding", "title": "four", "key": "a/b"}));
    assert!(text.contains(r#"settle: update {"do":"drop","ids":["#) && text.contains(r#""over":["#), "{text}");
    workspace.ok(&["add", "finding", "settled", "--over", &one, "--over", &two]);
}

#[test]
fn a_mistyped_verb_is_not_led_to_a_destructive_one() {
    let workspace = Workspace::new();
    for word in ["eras", "erasee", "rease"] {
        let text = workspace.fails(2, &[word]);
        assert!(!text.contains("erase'") && text.contains("unrecognized"), "{text}");
    }
    assert!(workspace.fails(2, &["serch"]).contains("'search'"));
}

#[test]
fn an_agent_with_tools_alone_is_told_of_tools() {
    let workspace = Workspace::new();
    let mut client = Client::open(&workspace, Era::Stateless);
    let empty = client.ok("resume", json!({}));
    assert!(!empty.contains("state import") && empty.contains("add {\"text\": MARKDOWN}"), "{empty}");
    let note = client.add(json!({"kind": "note", "title": "x"}));
    client.ok("resume", json!({}));
    let again = client.ok("resume", json!({}));
    assert!(again.contains("whole: resume {\"detail\":\"detailed\"}"), "{again}");
    let cases = [
        ("add", json!({"kind": "note", "title": "x".repeat(600)})),
        ("add", json!({"kind": "session", "title": "x"})),
        ("add", json!({"kind": "note", "title": "x", "to": "nobody-at-all"})),
        ("update", json!({"do": "edit", "ids": [note]})),
    ];
    for (tool, arguments) in cases {
        let text = client.fails(tool, arguments.clone());
        for cli in ["--", "STATE_SESSION", "git branch", "state list"] {
            assert!(!text.contains(cli), "{tool} {arguments}: {text}");
        }
    }
}

#[test]
fn a_list_has_one_word_for_one_state() {
    let workspace = Workspace::new();
    workspace.add("note", "x");
    assert!(workspace.ok(&["list", "mine"]).starts_with("You hold no tasks."));
    let session = workspace.json(&["list", "sessions"]);
    let id = records(&session)[0]["id"].as_str().unwrap().to_owned();
    let count = |word: &str| workspace.ok(&["list", "sessions"]).lines().next().unwrap().matches(word).count();
    assert_eq!(count("active"), 1);
    workspace.session("other").ok(&["done", &id]);
    assert_eq!(workspace.field(&id, "status"), "ended");
    let text = workspace.ok(&["list", "sessions"]);
    let line = text.lines().find(|line| line.contains(&id)).unwrap();
    assert!(line.matches("ended").count() == 1 && !line.contains('('), "{line}");
    let mut client = Client::open(&workspace, Era::Stateless);
    let text = client.ok("list", json!({"word": "sessions"}));
    assert!(!text.contains("(ended)") && !text.contains("(active)"), "{text}");
}

#[test]
fn an_automatic_handoff_says_so() {
    let workspace = Workspace::git();
    let agent = workspace.hosted();
    claude(&agent, "s1", "UserPromptSubmit", json!({"prompt": "count every unit"}));
    claude(&agent, "s1", "Stop", json!({"last_assistant_message": "counted"}));
    claude(&agent, "s1", "PreCompact", json!({"trigger": "auto"}));
    let list = workspace.json(&["list", "handoffs"]);
    let record = &records(&list)[0];
    assert_eq!(record["auto"], true, "{list}");
    assert!(workspace.ok(&["list", "handoffs"]).contains("(auto)"));
    let id = record["id"].as_str().unwrap();
    let mut client = Client::open(&workspace, Era::Stateless);
    for text in [workspace.ok(&["show", id]), client.ok("show", json!({"ids": [id], "detail": "detailed"}))] {
        assert!(text.contains("made by state from the session's traces") && !text.contains("auto true"), "{text}");
    }
    workspace.ok_with(&["add", "-"], "# By hand\n\n## Next\n- go on\n");
    assert_eq!(workspace.ok(&["list", "handoffs"]).matches("(auto)").count(), 1);
}

#[test]
fn times_are_the_same_when_written_and_when_read() {
    let workspace = Workspace::new();
    let made = records(&workspace.json(&["add", "note", "x"])).remove(0);
    let id = made["id"].as_str().unwrap();
    for name in ["created", "updated"] {
        assert_eq!(made[name], workspace.field(id, name), "{name}");
    }
    let undone = records(&workspace.json(&["undo"])).remove(0);
    assert_eq!(undone["updated"], workspace.field(id, "updated"));
}

#[test]
fn why_explains_also_after_a_briefing() {
    let workspace = Workspace::new();
    workspace.add("task", "explain me");
    let other = workspace.session("other");
    other.ok(&["resume"]);
    let text = other.ok(&["resume", "--why"]);
    assert!(text.contains("explain me") && !text.contains("Since your last briefing"), "{text}");
}

#[test]
fn failures_of_hooks_are_counted() {
    let workspace = Workspace::new();
    let store = state::store::Store::at(&workspace.store(), chrono::Utc::now, [1; 16]);
    ["one", "two", "three"].iter().for_each(|what| store.hook_failed(what));
    let text = String::from_utf8(workspace.run(&["doctor"], b"").stdout).unwrap();
    assert!(text.contains("3 hook failures, the last ") && text.contains("three; --fix forgets them"), "{text}");
}
