//! The tools of `state mcp`: what they do, what they say when they cannot, and how much.

use crate::mcp_client::{Client, ERAS, Era};
use crate::support::{Workspace, assert_is_decent};
use serde_json::{Value, json};
use state::domain::text::estimate_tokens;

const LATEST: Era = Era::Stateless;

#[test]
fn mcp_tools_do_a_days_work() {
    for era in ERAS {
        let workspace = Workspace::git();
        workspace.write("src/lock.rs", "fn lock() {}\n");
        let mut client = Client::open(&workspace, era);
        let task = client.add(json!({"kind": "task", "title": "Fix refresh races", "priority": 1, "tags": "auth"}));
        let second = client.add(json!({"kind": "tasks", "title": "Write the test", "needs": [task]}));
        let finding = client.add(json!({"kind": "finding", "title": "Lock is per process", "key": "auth/lock",
            "body": "Two processes each hold the lock.", "refs": ["src/lock.rs:1"], "tags": ["auth", "lock"]}));
        let list = client.ok("list", json!({"word": "ready"}));
        assert!(list.contains(&task) && list.contains("p1") && !list.contains(&second), "{list}");
        let started = client.ok("update", json!({"do": "start"}));
        assert!(started.starts_with(&format!("{task} yours")), "{started}");
        assert!(client.ok("list", json!({"word": "mine"})).contains(&task));
        let blocked = client.ok("update", json!({"do": "block", "ids": [second], "reason": "no staging key"}));
        assert!(blocked.contains("holds up") && blocked.starts_with("x-"), "{blocked}");
        let found = client.ok("search", json!({"query": "processes lock kind:finding"}));
        assert!(found.starts_with(&finding) && found.contains("[lock]"), "{found}");
        let shown = client.ok("show", json!({"ids": ["auth/lock", task]}));
        assert!(shown.contains("Two processes each hold") && shown.contains("ref src/lock.rs:1"), "{shown}");
        let edit = json!({"do": "edit", "ids": finding, "append": "Seen again.", "priority": null, "untag": ["lock"]});
        let edited = client.ok("update", edit);
        assert!(edited.contains("changed body"), "{edited}");
        client.ok("update", json!({"do": "link", "ids": [finding], "type": "found-in", "to": task}));
        let unlinked = client.ok("update", json!({"do": "unlink", "ids": [finding], "type": "found-in", "to": task}));
        assert!(unlinked.contains("no longer found-in"), "{unlinked}");
        let done = client.ok("update", json!({"do": "done", "ids": [task], "reason": "lock in the store"}));
        assert!(done.contains("done: Fix refresh races") && done.contains("still waits for x-"), "{done}");
        let dropped = client.ok("update", json!({"do": "drop", "ids": [finding], "reason": "by design"}));
        assert!(dropped.contains("dropped"), "{dropped}");
        let undone = client.ok("update", json!({"do": "undo"}));
        assert!(undone.contains(&finding), "{undone}");
        assert_eq!(workspace.field(&finding, "status"), "live");
        let briefing = client.ok("resume", json!({"detail": "detailed"}));
        assert!(briefing.contains(&second) && briefing.contains("no staging key"), "{briefing}");
        let about = client.ok("resume", json!({"id": second, "budget": 400}));
        assert!(about.contains("Write the test") && estimate_tokens(&about) <= 400, "{about}");
    }
}

#[test]
fn mcp_takes_whole_handoffs_and_json_lines() {
    let workspace = Workspace::new();
    let mut client = Client::open(&workspace, LATEST);
    let text = "# Refresh races\n\n## Done\n- lock in the store\n## Next\n- test on two machines\n- docs\n\
        ## Decisions\n- tokens rotate on use\n";
    let answer = client.ok("add", json!({"text": text}));
    assert!(answer.starts_with("h-") && answer.contains("1 done, 2 next, 1 decision, all linked"), "{answer}");
    let lines = "{\"kind\":\"task\",\"title\":\"one\",\"label\":\"a\"}\n{\"kind\":\"task\",\"title\":\"two\",\"needs\":[\"a\"]}";
    assert!(client.ok("add", json!({"text": lines})).contains("waits for t-"));
    let refused =
        client.fails("add", json!({"text": "{\"kind\":\"task\",\"title\":\"three\"}\n{\"kind\":\"planet\"}"}));
    assert!(refused.contains("line 2") && refused.contains("nothing was added"), "{refused}");
    assert!(client.ok("search", json!({"query": "three"})).starts_with("Nothing found"));
    assert!(client.ok("resume", json!({})).contains("test on two machines"));
}

#[test]
fn mcp_bad_calls_say_what_to_do() {
    let workspace = Workspace::new();
    workspace.add("note", "the only one");
    for era in ERAS {
        let mut client = Client::open(&workspace, era);
        let cases: [(&str, Value, &str); 21] = [
            ("resume", json!({"id": "t-zzzzz"}), "no record"),
            ("resume", json!({"since": "gestern abend"}), "hint: "),
            ("search", json!({}), "missing field `query`"),
            ("search", json!({"query": 7}), "bad arguments for search"),
            ("search", json!({"query": "x", "limit": -1}), "bad arguments for search"),
            ("show", json!({}), "missing field `ids`"),
            ("show", json!({"ids": []}), "1 to 50"),
            ("show", json!({"ids": ["f-zzzzz"]}), "no record 'f-zzzzz'"),
            ("list", json!({"word": "planets"}), "no list 'planets'"),
            ("list", json!({"wrod": "tasks"}), "unknown field `wrod`"),
            ("add", json!({"title": "no kind"}), "the kind is missing"),
            ("add", json!({"kind": "finding"}), "the title is missing"),
            ("add", json!({"kind": "planet", "title": "x"}), "planet"),
            ("add", json!({"kind": "task", "title": "x", "priority": 9}), "0 (most urgent) to 4"),
            ("add", json!({"kind": "task", "title": "x", "tags": [1]}), "1 is not a string"),
            ("add", json!({"kind": "note", "text": "# x"}), "text stands alone"),
            ("update", json!({}), "missing field `do`"),
            ("update", json!({"do": "explode"}), "unknown variant `explode`"),
            ("update", json!({"do": "done"}), "ids are missing"),
            ("update", json!({"do": "edit", "ids": ["a", "b"]}), "edit takes one id"),
            ("update", json!({"do": "link", "ids": ["a"]}), "a link takes one id, type and to"),
        ];
        for (tool, arguments, expected) in cases {
            let text = client.fails(tool, arguments.clone());
            assert!(text.contains(expected), "{tool} {arguments}: {text}");
        }
        assert!(client.fails("update", json!({"do": "start"})).contains("no task is ready"));
    }
    assert_eq!(workspace.json(&["list", "kinds"])["total"], 2, "a note and its session: nothing was half done");
}

#[test]
fn mcp_finds_a_store_that_is_made_later_and_can_make_one() {
    let workspace = Workspace::empty();
    let mut client = Client::open(&workspace, LATEST);
    for (tool, arguments) in
        [("resume", json!({})), ("add", json!({"kind": "note", "title": "x"})), ("search", json!({"query": "x"}))]
    {
        let text = client.fails(tool, arguments);
        assert!(text.contains("no store") && text.contains("state init") && text.contains("\"do\":\"init\""), "{text}");
    }
    assert!(!workspace.dir().join(".state").exists(), "unasked, nothing is made");
    let uri = json!({"uri": "state://resume"});
    assert!(client.request("resources/read", uri.clone())["error"]["message"].as_str().unwrap().contains("state init"));
    assert!(client.ok("update", json!({"do": "init"})).starts_with("Created "));
    assert!(client.ok("update", json!({"do": "init"})).starts_with("Already there"));
    let id = client.add(json!({"kind": "note", "title": "kept"}));
    std::fs::rename(workspace.dir().join(".state"), workspace.dir().join("aside")).unwrap();
    client.fails("show", json!({"ids": [id]}));
    std::fs::rename(workspace.dir().join("aside"), workspace.dir().join(".state")).unwrap();
    assert!(client.ok("show", json!({"ids": [id]})).contains("kept"));
}

/// The calls that texts name work as they stand.
fn call_in(text: &str) -> Option<(String, Value)> {
    let (_, call) =
        text.lines().find_map(|line| line.split_once("more: ").or_else(|| line.split_once("more lines: ")))?;
    let (tool, arguments) = call.split_once(' ').expect("a tool and its arguments");
    Some((tool.to_owned(), serde_json::from_str(arguments).expect(call)))
}

#[test]
fn mcp_answers_are_cut_and_the_rest_can_be_had() {
    let workspace = Workspace::new();
    let body: String = (0..400).map(|n| format!("line {n}: the lock of process {n} is held by another\n")).collect();
    let mut client = Client::open(&workspace, LATEST);
    let long = client.add(json!({"kind": "note", "title": "a long note about locks", "body": body}));
    let lines: Vec<String> = (0..120)
        .map(|n| {
            format!("{{\"kind\":\"task\",\"title\":\"task number {n} about the lock in the store and its process\"}}")
        })
        .collect();
    let added = client.ok("add", json!({"text": lines.join("\n")}));
    assert!(added.starts_with("120 added") && estimate_tokens(&added) < 2_000, "{added}");

    let follow = |client: &mut Client, tool: &str, arguments: Value| {
        let (mut call, mut pages) = (Some((tool.to_owned(), arguments)), Vec::new());
        while let Some((tool, arguments)) = call {
            let text = client.ok(&tool, arguments);
            assert!(estimate_tokens(&text) <= 2_000, "{} tokens: {text:.200}", estimate_tokens(&text));
            call = call_in(&text);
            pages.push(text);
            assert!(pages.len() < 60, "it does not end");
        }
        pages
    };
    let shown = follow(&mut client, "show", json!({"ids": [long], "detail": "detailed"})).concat();
    assert_eq!((0..400).filter(|n| shown.contains(&format!("line {n}:"))).count(), 400);
    for (tool, arguments) in [
        ("list", json!({"word": "tasks", "limit": 500, "detail": "detailed"})),
        ("list", json!({"word": "ready", "limit": 50})),
        ("search", json!({"query": "task number lock process kind:task", "limit": 40})),
        ("search", json!({"query": "task number lock kind:task", "limit": 100, "detail": "detailed", "budget": 900})),
    ] {
        let pages = follow(&mut client, tool, arguments.clone());
        let all = pages.concat();
        let seen = (0..120).filter(|n| all.contains(&format!("task number {n} about"))).count();
        assert!(seen == 120 && pages.len() > 1, "{tool} {arguments}: {seen} on {} pages", pages.len());
    }
    for budget in [0, 300, 700, 3_000] {
        for (tool, arguments) in [
            ("show", json!({"ids": [long], "budget": budget})),
            ("list", json!({"word": "tasks", "limit": 500, "budget": budget})),
            ("search", json!({"query": "lock", "limit": 100, "budget": budget})),
        ] {
            let tokens = estimate_tokens(&client.ok(tool, arguments));
            assert!(tokens <= budget.max(300), "{tool}: {tokens} of {budget}");
        }
    }
}

#[test]
fn mcp_resources_prompts_and_completion() {
    let workspace = Workspace::new();
    for era in ERAS {
        let mut client = Client::open(&workspace, era);
        let id =
            client.add(json!({"kind": "finding", "title": format!("seen in {era:?}"), "key": format!("a/{era:?}")}));
        let listed = client.request("resources/list", json!({}));
        assert_eq!(listed["result"]["resources"][0]["uri"], "state://resume");
        let templates = client.request("resources/templates/list", json!({}));
        assert_eq!(templates["result"]["resourceTemplates"][0]["uriTemplate"], "state://record/{id}");
        for uri in [format!("state://record/{id}"), "state://resume".to_owned()] {
            let read = client.request("resources/read", json!({"uri": uri}));
            let contents = &read["result"]["contents"][0];
            assert!(contents["text"].as_str().unwrap().contains("seen in"), "{read}");
            assert_eq!((&contents["uri"], &contents["mimeType"]), (&json!(uri), &json!("text/markdown")));
            assert_eq!(read["result"]["ttlMs"].is_u64(), era == Era::Stateless, "{read}");
        }
        let prompts = client.request("prompts/list", json!({}));
        assert_eq!(prompts["result"]["prompts"].as_array().unwrap().len(), 2);
        let handoff = client.request("prompts/get", json!({"name": "handoff"}));
        assert!(handoff["result"]["messages"][0]["content"]["text"].as_str().unwrap().contains("## Next"), "{handoff}");
        for arguments in [json!({}), json!({"id": id})] {
            let resume = client.request("prompts/get", json!({"name": "resume", "arguments": arguments}));
            assert!(resume["result"]["messages"][0]["content"]["text"].as_str().unwrap().contains(&id), "{resume}");
        }
        let template = json!({"type": "ref/resource", "uri": "state://record/{id}"});
        let complete = |client: &mut Client, value: &str| {
            let argument = json!({"name": "id", "value": value});
            client.request("completion/complete", json!({"ref": template, "argument": argument}))["result"]["completion"]
                .clone()
        };
        assert_eq!(complete(&mut client, &id[..id.len() - 1])["values"], json!([id]));
        assert_eq!(complete(&mut client, "zzz")["values"], json!([]));
    }
    let lines: Vec<String> = (0..150).map(|n| format!("{{\"kind\":\"note\",\"title\":\"{n}\"}}")).collect();
    workspace.ok_with(&["add", "-"], &lines.join("\n"));
    let mut client = Client::open(&workspace, LATEST);
    let params = json!({"ref": {"type": "ref/resource", "uri": "state://record/{id}"},
        "argument": {"name": "id", "value": "n-"}});
    let completion = client.request("completion/complete", params)["result"]["completion"].clone();
    assert_eq!((completion["values"].as_array().unwrap().len(), &completion["hasMore"]), (100, &json!(true)));
}

#[test]
fn mcp_a_resource_is_not_taken_as_read() {
    let workspace = Workspace::new();
    workspace.session("other").add("finding", "something to be told");
    let mut client = Client::open(&workspace, LATEST);
    client.request("resources/read", json!({"uri": "state://resume"}));
    assert!(client.ok("resume", json!({})).contains("something to be told"));
    assert!(!client.ok("resume", json!({})).contains("something to be told"), "the second time it is no news");
    assert!(client.ok("resume", json!({"detail": "detailed"})).contains("something to be told"));
}

#[test]
fn mcp_nothing_invisible_gets_out() {
    let workspace = Workspace::new();
    let mut client = Client::open(&workspace, LATEST);
    let evil = "a\u{1b}[31mred\u{202e}txt\u{7}\u{9b}2J";
    let id =
        client.add(json!({"kind": "finding", "title": format!("evil {evil}"), "body": evil, "tags": ["x\u{202e}y"]}));
    let texts = [
        client.ok("show", json!({"ids": [id], "detail": "detailed"})),
        client.ok("search", json!({"query": format!("evil {evil}")})),
        client.ok("search", json!({"query": format!("zebra{evil}")})),
        client.ok("list", json!({"word": "findings"})),
        client.ok("resume", json!({})),
        client.fails("show", json!({"ids": [evil]})),
        client.fails("list", json!({"word": evil})),
        client.fails("add", json!({"kind": evil, "title": "x"})),
        client.fails("add", json!({evil: 1})),
        client.fails("update", json!({"do": evil})),
    ];
    for text in texts {
        let raw = |c: char| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.contains(raw), "{text:?}");
        assert_is_decent(&text);
    }
}
