//! What is given is used or refused, never dropped in silence; what is kept on purpose stays.

use crate::mcp_client::{Client, Era};
use crate::support::{Workspace, records, texts};
use serde_json::{Value, json};

const HANDOFF: &str = "# Handoff\n\n## Next\n1. first\n2. second\n3. third\n";

/// Split, so that no scanner takes this file for a leak.
fn token() -> String {
    ["ghp", "_16C7e42F292c6912E7710c838347Ae178B4a"].concat()
}

fn client(workspace: &Workspace) -> Client {
    Client::open(workspace, Era::Stateless)
}

#[test]
fn private_is_for_all_records_of_a_text_and_nothing_else_stands_beside_one() {
    let workspace = Workspace::new();
    workspace.ok_with(&["add", "-", "--private"], HANDOFF);
    workspace.ok_with(&["add", "-", "--private"], "{\"kind\":\"note\",\"title\":\"of a line\"}");
    let path = workspace.write("handoff.md", HANDOFF.replace("Handoff", "Another"));
    workspace.ok(&["add", path.to_str().unwrap(), "--private"]);
    let mut client = client(&workspace);
    client.ok("add", json!({"text": "# Third\n\n## Findings\n- the server knows it\n", "private": true}));
    let all = records(&workspace.json(&["list", "kinds", "-n", "100"]));
    let made = all.iter().filter(|record| record["kind"] != "session");
    let public: Vec<&Value> =
        made.filter(|record| workspace.field(record["id"].as_str().unwrap(), "private") != true).collect();
    assert!(public.is_empty(), "{public:?}");
    for (name, value) in [("tags", json!(["a"])), ("key", json!("k")), ("over", json!(["f-1"])), ("priority", json!(0))]
    {
        let text = client.fails("add", json!({"text": HANDOFF, name: value}));
        assert!(
            text.contains(name) && text.contains("text stands alone") && text.contains("nothing was added"),
            "{text}"
        );
    }
    let text = workspace.fails_with(2, &["add", "-", "--tag", "a", "--ref", "b.rs"], HANDOFF.as_bytes());
    assert!(text.contains("--tag, --ref") && text.contains("nothing was added"), "{text}");
    assert_eq!(workspace.json(&["list", "kinds", "-n", "100"])["total"], all.len());
}

#[test]
fn update_refuses_what_says_nothing_to_what_it_does() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "one");
    let mut client = client(&workspace);
    let cases = [
        (json!({"do": "done", "ids": [task], "body": "x"}), "`body` says nothing to done"),
        (json!({"do": "drop", "ids": [task], "title": "x", "tags": ["a"]}), "`title`, `tags` say nothing to drop"),
        (json!({"do": "block", "ids": [task], "reason": "y", "priority": 0}), "`priority` says nothing to block"),
        (json!({"do": "edit", "ids": [task], "title": "x", "reason": "y"}), "`reason` says nothing to edit"),
        (json!({"do": "link", "ids": [task], "type": "needs", "to": task, "key": "k"}), "`key` says nothing to link"),
        (json!({"do": "undo", "ids": [task]}), "`ids` says nothing to undo"),
        (json!({"do": "start", "ids": [task], "to": "x"}), "`to` says nothing to start"),
        (json!({"do": "start", "ids": [task], "priority": 0}), "parts of a new task"),
        (json!({"do": "start", "ids": [task], "title": "x"}), "one task is started at a time"),
        (json!({"do": "start", "ids": ["t-zzzzz"]}), "no record 't-zzzzz'"),
    ];
    for (arguments, expected) in cases {
        let text = client.fails("update", arguments.clone());
        assert!(text.contains(expected) && text.contains("nothing was changed"), "{arguments}: {text}");
    }
    // Hosts fill in what a model left out.
    client.ok("update", json!({"do": "done", "ids": [task], "body": "", "tags": [], "priority": null}));
    assert_eq!(workspace.field(&task, "status"), "done");
}

#[test]
fn a_new_task_is_started_with_all_of_its_parts() {
    let workspace = Workspace::new();
    let mut client = client(&workspace);
    let answer = client.ok(
        "update",
        json!({"do": "start", "title": "Refactor", "body": "IMPORTANT", "priority": 0,
        "tags": ["api"]}),
    );
    assert!(answer.contains("added and yours: Refactor"), "{answer}");
    let task = records(&workspace.json(&["list", "tasks"])).remove(0);
    assert_eq!((&task["priority"], &task["tags"]), (&json!(0), &json!(["api"])));
    assert_eq!(workspace.field(task["id"].as_str().unwrap(), "body"), "IMPORTANT");
    let made = workspace.json(&["start", "do another thing", "-p", "1", "-t", "cli"]);
    assert_eq!((&made["record"]["priority"], &made["record"]["tags"]), (&json!(1), &json!(["cli"])));
    let id = made["record"]["id"].as_str().unwrap();
    assert!(workspace.fails(2, &["start", id, "-p", "4"]).contains("nothing was changed"));
    assert_eq!(workspace.field(id, "priority"), 1);
}

#[test]
fn the_first_item_of_a_batch_comes_first() {
    let lines = ["first", "second", "third"].map(|title| format!("{{\"kind\":\"task\",\"title\":\"{title}\"}}\n"));
    for text in [HANDOFF.to_owned(), lines.concat()] {
        let workspace = Workspace::new();
        let made = workspace.json_with(&["add", "-"], &text);
        let tasks: Vec<Value> = records(&made).into_iter().filter(|record| record["kind"] == "task").collect();
        assert_eq!(tasks.iter().map(|task| &task["title"]).collect::<Vec<_>>(), ["first", "second", "third"]);
        assert_eq!(texts(&workspace.json(&["ready"]), "title"), ["first", "second", "third"]);
        assert_eq!(texts(&workspace.json(&["ready", "-n", "1"]), "title"), ["first"]);
        let briefing = workspace.session("next").ok(&["resume"]);
        let next = briefing.split("Next").last().unwrap();
        let at = |title: &str| next.find(title).unwrap_or_else(|| panic!("{briefing}"));
        assert!(at("first") < at("second") && at("second") < at("third"), "{briefing}");
        assert_eq!(workspace.json(&["start", "--next"])["record"]["title"], "first");
    }
    let wrong = "{\"kind\":\"task\",\"title\":\"\"}\n{\"kind\":\"planet\",\"title\":\"x\"}\n";
    let text = Workspace::new().fails_with(2, &["add", "-"], wrong.as_bytes());
    assert!(text.contains("line 1:"), "the first error is told: {text}");
}

#[test]
fn a_link_has_a_type_that_means_something() {
    let workspace = Workspace::new();
    let [one, two] = ["one", "two"].map(|title| workspace.add("task", title));
    let text = workspace.fails(2, &["link", &one, "requires", &two]);
    assert!(
        text.contains("no link type 'requires'; types: needs, parent") && text.contains("did you mean needs?"),
        "{text}"
    );
    let mut client = client(&workspace);
    let text = client.fails("update", json!({"do": "link", "ids": [one], "type": "loves", "to": two}));
    assert!(text.contains("no link type 'loves'") && text.contains("nothing was changed"), "{text}");
    client.fails("add", json!({"kind": "note", "title": "x", "links": [format!("loves:{one}")]}));
    // What another program wrote stays readable, and can be removed.
    let store = state::store::Store::at(&workspace.store(), chrono::Utc::now, [1; 16]);
    let register = store.read(|view| Ok(format!("link/loves/{}", view.id(&two)?.unwrap()))).unwrap();
    store
        .write(|writer| {
            let uid = writer.id(&one)?.unwrap();
            writer.put(uid, [(register.clone(), json!(true))].into())
        })
        .unwrap();
    assert!(workspace.ok(&["show", &one]).contains(&format!("loves {two}")));
    workspace.ok(&["link", &one, "loves", &two, "--remove"]);
    assert!(!workspace.ok(&["show", &one]).contains("loves"));
}

#[test]
fn a_secret_that_was_kept_on_purpose_stays() {
    let workspace = Workspace::new();
    let token = token();
    let made = workspace.json(&["add", "note", "kept", "--body", &token, "--allow-secret"]);
    let id = records(&made)[0]["id"].as_str().unwrap().to_owned();
    let edited = workspace.json(&["edit", &id, "--append", &format!("more, and {token}x")]);
    assert_eq!(edited["masked"], json!(["github-token"]), "{edited}");
    let body = workspace.field(&id, "body").as_str().unwrap().to_owned();
    assert!(body.starts_with(&format!("{token}\n\nmore, and [secret")), "{body}");
    workspace.ok(&["edit", &id, "--body", "gone"]);
    let undone = workspace.run(&["undo"], b"");
    assert!(!String::from_utf8_lossy(&undone.stderr).contains("masked"));
    assert_eq!(workspace.field(&id, "body"), body);
    workspace.ok(&["edit", &id, "--title", "unrelated"]);
    assert_eq!(workspace.field(&id, "body"), body);
}

#[test]
fn mcp_says_what_it_masked() {
    let workspace = Workspace::new();
    let mut client = client(&workspace);
    let answer = client.ok("add", json!({"kind": "note", "title": "x", "body": format!("use {}", token())}));
    assert!(answer.ends_with("1 secret masked (github-token)\n"), "{answer}");
    let id = answer.split_whitespace().next().unwrap().to_owned();
    let answer = client.ok("update", json!({"do": "edit", "ids": [id], "append": "no secret", "tags": ["api"]}));
    assert_eq!(answer, format!("{id} changed body, tags\n"));
}

#[test]
fn words_without_a_heading_are_no_handoff() {
    let workspace = Workspace::new();
    let mut client = client(&workspace);
    let text = client.fails("add", json!({"text": "just some words"}));
    assert!(text.contains("no heading") && text.contains(r#"add {"kind":"finding""#), "{text}");
    assert!(workspace.fails_with(2, &["add", "-"], b"just some words\n").contains("state add finding"));
    assert_eq!(workspace.json(&["list", "handoffs"])["total"], 0);
    client.ok("add", json!({"text": "Next:\n- go on\n"}));
}

#[test]
fn arguments_are_taken_by_either_name_and_told_once() {
    let workspace = Workspace::new();
    let note = workspace.add("note", "the note");
    let mut client = client(&workspace);
    assert!(client.ok("show", json!({"id": note})).contains("the note"));
    assert!(client.ok("resume", json!({"ids": [note]})).contains("the note"));
    let text = client.fails("resume", json!({"ids": [note, note]}));
    assert!(text.contains("it is about one"), "{text}");
    let text = client.fails("list", json!({"wrod": "tasks"}));
    assert_eq!(text.matches("offset").count(), 1, "{text}");
    for budget in [1, 1_000_000] {
        client.ok("resume", json!({"budget": budget, "detail": "detailed"}));
    }
}

#[test]
fn a_reference_to_nothing_is_remarked() {
    let workspace = Workspace::new();
    workspace.write("src/token.rs", "line\n".repeat(100));
    let refs = ["--ref", "src/nothing.rs:1-3", "--ref", "src/token.rs:1-3000", "--ref", "src/token.rs:100"];
    let text = workspace.ok(&[&["add", "finding", "one"][..], &refs].concat());
    assert!(text.contains("src/nothing.rs is not there\n") && text.contains("src/token.rs has 100 lines\n"), "{text}");
    assert_eq!(text.matches("has 100 lines").count(), 1, "{text}");
    let note = workspace.add("note", "two");
    let report = workspace.json(&["edit", &note, "--ref", "src/nothing.rs"]);
    assert_eq!(report["remarks"], json!(["src/nothing.rs is not there"]));
    let line = "{\"kind\":\"note\",\"title\":\"three\",\"refs\":[\"gone.rs\"]}";
    assert_eq!(workspace.json_with(&["add", "-"], line)["remarks"], json!(["gone.rs is not there"]));
    let mut client = client(&workspace);
    let answer = client.ok("add", json!({"kind": "note", "title": "four", "refs": ["gone.rs", "src/token.rs"]}));
    assert!(answer.ends_with("\ngone.rs is not there\n"), "{answer}");
}

#[test]
fn what_is_ended_tells_whom_it_concerns() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "held");
    let other = workspace.session("other");
    other.ok(&["start", &task]);
    let holder = workspace.field(&task, "claimed_by").as_str().unwrap().to_owned();
    let blocker = workspace.json(&["block", &task, "no key"])["blocker"]["id"].as_str().unwrap().to_owned();
    let report = workspace.json(&["done", &task]);
    assert_eq!(report["held"], json!([{"id": task, "session": holder, "standing": "active"}]), "{report}");
    assert_eq!(report["blockers"][0]["id"], json!(blocker), "{report}");
    assert!(other.ok(&["resume", "--since", "1h"]).contains(&task), "it is told");
    workspace.ok(&["undo"]);
    let text = workspace.ok(&["done", &task]);
    assert!(text.contains(&format!("{task} is held by {holder} (active); it will be told.")), "{text}");
    assert!(text.contains(&format!("{blocker} is still open: state done {blocker}")), "{text}");
    // The one who holds it, and a blocker that holds up another task, are not told of.
    let [one, two] = ["one", "two"].map(|title| workspace.add("task", title));
    workspace.ok(&["start", &one]);
    let blocker = workspace.json(&["block", &one, "no time"])["blocker"]["id"].as_str().unwrap().to_owned();
    workspace.ok(&["link", &blocker, "blocks", &two]);
    let report = workspace.json(&["done", &one]);
    assert_eq!((&report["held"], &report["blockers"]), (&Value::Null, &Value::Null), "{report}");
}
