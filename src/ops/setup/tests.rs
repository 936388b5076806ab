//! What is added to a file of somebody else can be taken out again to the byte, whatever the file.

use super::edit::{Edit, Programs, is_bare};
use super::host::{Host, Places, Scope};
use super::json::Doc;
use super::recipe::targets;
use crate::process::surroundings::Surroundings;
use proptest::prelude::*;
use std::path::PathBuf;

fn programs() -> Programs {
    Programs { current: "/opt/a b/state".into(), known: Vec::new() }
}

fn places(home: &std::path::Path) -> Places {
    let text = home.to_str().unwrap().to_owned();
    let surroundings = Surroundings {
        args: Vec::new(),
        env: Box::new(move |name| (name == "HOME").then(|| text.clone())),
        state_dir: None,
        cwd: home.to_owned(),
        temp: home.to_owned(),
        program: "/opt/a b/state".into(),
        clock: chrono::Utc::now,
        seed: [0; 16],
        terminals: (false, false),
    };
    Places::of(&surroundings, PathBuf::from("/nowhere/project")).unwrap()
}

/// Every list of edits that some host makes in a file of the given sort.
fn edits(suffix: &str) -> Vec<Vec<Edit>> {
    let places = places(std::path::Path::new("/nowhere/home"));
    let of_host =
        |host| [Scope::User, Scope::Project].map(|scope| targets(host, scope, &places, ("/opt/a b/state", &[])));
    let all = Host::ALL.into_iter().flat_map(of_host).flatten();
    let edits = all.filter(|target| target.path.to_str().unwrap().ends_with(suffix)).map(|target| target.edits);
    edits.collect()
}

fn install(edits: &[Edit], text: &str) -> Result<String, String> {
    edits.iter().try_fold(text.to_owned(), |text, edit| edit.install(&text, &programs()))
}

fn remove(edits: &[Edit], text: &str) -> Result<String, String> {
    edits.iter().rev().try_fold(text.to_owned(), |text, edit| edit.remove(&text, &programs()))
}

#[track_caller]
fn check(edits: &[Edit], text: &str) {
    let with = install(edits, text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    assert_eq!(install(edits, &with).unwrap(), with, "twice is once: {text:?}");
    let back = remove(edits, &with).unwrap();
    // A blank file gets a frame that the backup takes away.
    assert!(back == text || (is_bare(text) && is_bare(&back)), "{text:?}\n{with}\n{back:?}");
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        assert_eq!(back, text, "{with}");
        assert!(Doc::parse(&with).is_ok(), "{with}");
    }
}

#[test]
fn odd_json_is_restored() {
    let odd = [
        "{}",
        "{ }",
        "{\n}\n",
        "\u{feff}{}",
        "{\r\n\t\"a\": 1\r\n}\r\n",
        "{\"a\":1,\"b\":[1,2]}",
        "{\n    \"a\": 1, // one\n    /* two */ \"b\": 2 // three\n    // four\n}",
        "// head\n{\"a\": 1,}\n// tail",
        "{ // c\n}",
        "{ /* c */ }",
        "{\n  \"hooks\": {},\n  \"mcpServers\": {}\n}\n",
        "{\n  \"hooks\": {\n  },\n  \"mcp\": { /* none */ }, \"servers\": {}\n}\n",
        "{\"hooks\": {\"SessionStart\": [], \"Stop\": [{\"hooks\": []}], \"stop\": [ ]}}",
        "{\"hooks\": {\"Stop\": [{\"matcher\": \"x\", \"hooks\": [{\"type\": \"command\", \"command\": \"other hook claude\"}]},]}}",
        "{\"mcpServers\": {\"other\": {\"command\": \"x\"}}, \"hooks\": {\"preToolUse\": [{\"command\": \"y\"}]}}",
        "",
        "\n",
        "  \r\n",
    ];
    for edits in edits(".json") {
        for text in odd {
            check(&edits, text);
        }
    }
}

#[test]
fn json_that_holds_something_else_in_our_place_is_refused() {
    let refused = [
        ("{\"hooks\": []}", "something else"),
        ("{\"hooks\": null}", "something else"),
        ("{\"hooks\": {\"SessionStart\": {}}}", "something else"),
        ("{\"hooks\": {}, \"hooks\": {}}", "twice"),
        ("[]", "something else"),
        ("{\"hooks\": {", "not valid JSON"),
        ("{a: 1}", "not valid JSON"),
        ("{} {}", "not valid JSON"),
        (&"[".repeat(100_000), "not valid JSON"),
    ];
    let hooks = &edits("settings.json")[0];
    for (text, reason) in refused {
        let error = install(hooks, text).unwrap_err();
        assert!(error.contains(reason), "{text:.40}: {error}");
    }
    let foreign = "{\"mcpServers\": {\"state\": {\"command\": \"/other/tool\"}}}";
    let servers = &edits(".claude.json")[0];
    assert!(install(servers, foreign).unwrap_err().contains("another server"));
    assert_eq!(remove(servers, foreign).unwrap(), foreign);
}

#[test]
fn our_entries_are_found_where_the_user_put_them() {
    let hooks = &edits("settings.json")[0];
    let with = install(hooks, "{}").unwrap();
    let moved = r#"{"hooks": {
        "Stop": [{"hooks": [{"command": "mine"}, {"type": "command", "command": "/old/state", "args": ["hook", "claude"]}]}],
        "SessionStart": [{"hooks": [{"command": "/old/state", "args": ["hook", "claude"], "timeout": 60}]}, {"hooks": []}]
    }}"#;
    let updated = install(hooks, moved).unwrap();
    assert_eq!(updated.matches("/opt/a b/state").count(), with.matches("/opt/a b/state").count());
    assert!(!updated.contains("/old/state") && updated.contains("\"timeout\": 60"), "{updated}");
    let without = remove(hooks, &updated).unwrap();
    let expected = "{\"hooks\": {\n        \"Stop\": [{\"hooks\": [{\"command\": \"mine\"}]}],\n        \"SessionStart\": [{\"hooks\": []}]\n    }}";
    assert_eq!(without, expected);
}

#[test]
fn a_group_of_ours_comes_last() {
    let text = "{\"hooks\": {\"Stop\": [{\"hooks\": [{\"command\": \"first\"}]}]}}";
    let with = install(&edits(".codex/hooks.json")[0], text).unwrap();
    let doc = Doc::parse(&with).unwrap();
    let (stop, _) = doc.walk(&["hooks", "Stop"]).unwrap().unwrap();
    let commands: Vec<&str> = stop
        .children()
        .iter()
        .map(|group| group.node.get("hooks").unwrap().children()[0].node.get("command").unwrap().text().unwrap())
        .collect();
    assert_eq!(commands, ["first", "'/opt/a b/state' hook codex"]);
}

/// JSON text of any layout, with or without comments; its keys are often those that hosts use.
fn json(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("null".to_owned()),
        Just("\"text, {} // \\\" \"".to_owned()),
        Just("{}".to_owned()),
        Just("[]".to_owned())
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            object(inner.clone()),
            (gaps(), prop::collection::vec(inner, 1..4)).prop_map(|(gap, items)| list(&gap, &items, ['[', ']']))
        ]
    })
    .boxed()
}

fn gaps() -> impl Strategy<Value = Vec<&'static str>> {
    let gap = prop::sample::select(vec!["", " ", "\n", "\n  ", "\r\n\t", " // c\n", "/* c, */", "\n  // d\n  "]);
    prop::collection::vec(gap, 12)
}

fn object(inner: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = String> + Clone {
    let key = prop::sample::select(vec!["a", "b", "x y", "theme", "env", "permissions"]);
    let members = prop::collection::btree_map(key, inner, 0..4);
    let gaps =
        prop::collection::vec(prop::sample::select(vec!["", " ", "\n", "\n  ", "\r\n\t", " // c\n", "/* c, */"]), 12);
    (gaps, members).prop_map(|(gaps, members)| {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        list(&gaps, &members, ['{', '}'])
    })
}

fn list(gaps: &[&str], items: &[String], [open, close]: [char; 2]) -> String {
    let mut text = String::from(open);
    for (at, item) in items.iter().enumerate() {
        let comma = if at + 1 < items.len() || gaps[11] == "\n" { "," } else { "" };
        text.extend([gaps[at], item, gaps[at + 4], comma]);
    }
    format!("{text}{}{close}", gaps[10])
}

/// A document of a host: foreign members, and perhaps the objects in which ours go, filled or not.
fn document() -> impl Strategy<Value = String> {
    let known =
        |name: &'static str, inner: BoxedStrategy<String>| inner.prop_map(move |value| format!("\"{name}\": {value}"));
    let event = prop::sample::select(vec!["SessionStart", "Stop", "stop", "sessionEnd", "AfterAgent", "Other"]);
    let handlers = prop_oneof![
        Just("[]".to_owned()),
        (gaps(), prop::collection::vec(object(json(1)), 0..3)).prop_map(|(gaps, items)| list(
            &gaps,
            &items,
            ['[', ']']
        ))
    ];
    let events = (gaps(), prop::collection::btree_map(event, handlers, 0..4)).prop_map(|(gaps, events)| {
        let events: Vec<String> = events.iter().map(|(name, list)| format!("\"{name}\": {list}")).collect();
        list(&gaps, &events, ['{', '}'])
    });
    let member = prop_oneof![
        known("hooks", events.boxed()),
        known("mcpServers", object(json(2)).boxed()),
        known("mcp", object(json(2)).boxed()),
        known("servers", object(json(2)).boxed()),
        known("other", json(3)),
        known("more", json(3)),
    ];
    let head = prop::sample::select(vec!["", "\u{feff}", "\n", "// head\n", "\u{feff}/* head */ "]);
    let tail = prop::sample::select(vec!["", "\n", "\r\n\r\n", " // tail"]);
    (head, gaps(), prop::collection::vec(member, 0..6), tail).prop_map(|(head, gaps, mut members, tail)| {
        let name = |member: &String| member.split_once(':').unwrap().0.to_owned();
        let mut seen = std::collections::BTreeSet::new();
        members.retain(|member| seen.insert(name(member)));
        members.truncate(4);
        format!("{head}{}{tail}", list(&gaps, &members, ['{', '}']))
    })
}

#[test]
fn all_tables_of_hosts_hold_the_same() {
    use crate::domain::host::HOSTS;
    let mut names: Vec<&str> = Host::ALL.iter().map(|host| host.name()).collect();
    let line = include_str!("plugin.js").lines().find(|line| line.starts_with("const HOST =")).unwrap();
    assert_eq!(line, format!("const HOST = /^({}):/", names.join("|")));
    let mut known: Vec<&str> = HOSTS.iter().map(|host| host.name).collect();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) })]

    #[test]
    fn any_json_is_restored(text in document()) {
        for edits in edits(".json") {
            check(&edits, &text);
        }
    }

    #[test]
    fn any_toml_is_restored(
        lines in prop::collection::vec(prop::sample::select(vec!["# c", "", "[hooks.state.\"/a:stop:0:0\"]", "trusted = \"x\"", "[mcp_servers.other]\ncommand = \"y\"", "[profiles.p] # p"]), 0..6),
        newline in prop::sample::select(vec!["\n", "\r\n"]),
        ends in any::<bool>(),
    ) {
        let mut text = lines.join(newline).replace('\n', newline).replace("\r\r", "\r");
        if ends { text.push_str(newline) }
        prop_assume!(toml_edit::Document::parse(text.as_str()).is_ok());
        for edits in edits("config.toml") {
            check(&edits, &text);
        }
    }

    #[test]
    fn any_markdown_is_restored(text in "(\u{feff})?([a#` -]|\r?\n|\r|<!-- x -->|ü){0,30}") {
        for edits in edits(".md").into_iter().filter(|edits| matches!(edits[0], Edit::Block)) {
            check(&edits, &text);
        }
    }
}
