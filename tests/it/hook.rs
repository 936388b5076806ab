//! The events of agents' hosts, as the real programs sent them (`fixtures/hooks`): what is answered, noted and briefed.

use crate::support::{Shell, Workspace, files_under};
use serde_json::{Value, json};
use std::path::Path;

/// What one host sent, with its project moved to where the shell is.
fn recorded(shell: &Shell, path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.replace("/home/u/proj", shell.dir().to_str().unwrap())
}

/// Whether a host takes this for an answer.
fn is_in_dialect(host: &str, name: &str, answer: &str) -> bool {
    let json: Option<Value> = serde_json::from_str(answer).ok();
    match host {
        _ if answer.is_empty() => true,
        "claude" => json.is_none() && answer.starts_with(|first: char| first.is_alphabetic() || first == '#'),
        // Every schema of Codex forbids other fields.
        "codex" | "gemini" => json.is_some_and(|json| {
            json.as_object().unwrap().keys().eq(["hookSpecificOutput"])
                && json["hookSpecificOutput"].as_object().unwrap().keys().eq(["additionalContext", "hookEventName"])
                && json["hookSpecificOutput"]["hookEventName"] == name
        }),
        _ => false,
    }
}

#[test]
fn every_recorded_event_is_answered_in_the_dialect_of_its_host() {
    let w = Workspace::git();
    w.add("task", "Count every unit of a duration");
    let shell = w.hosted();
    let mut answered = 0;
    for path in files_under("fixtures/hooks", "json") {
        let host = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let event = recorded(&shell, &path);
        let name = serde_json::from_str::<Value>(&event).unwrap()["hook_event_name"].as_str().unwrap().to_owned();
        let answer = shell.ok_with(&["hook", host], &event);
        assert!(is_in_dialect(host, &name, &answer), "{}: {answer}", path.display());
        assert!(answer.len() < 9_500, "{}", path.display());
        if name == "SessionStart" {
            assert!(!answer.is_empty(), "{}", path.display());
            answered += 1;
        }
    }
    assert!(answered >= 6, "{answered}");
    assert!(!w.store().join("hooks.log").exists(), "{:?}", std::fs::read_to_string(w.store().join("hooks.log")));
}

/// One event of a host, in the shell's directory.
pub fn send(shell: &Shell, host: &str, event: Value) -> String {
    let mut event = event;
    event["cwd"] = json!(shell.dir());
    shell.ok_with(&["hook", host], &event.to_string())
}

/// A session of Claude.
pub fn claude(shell: &Shell, session: &str, name: &str, fields: Value) -> String {
    let mut event = json!({"session_id": session, "hook_event_name": name});
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    send(shell, "claude", event)
}

#[test]
fn a_prompt_is_answered_only_with_news() {
    let w = Workspace::git();
    let shell = w.hosted();
    claude(&shell, "s1", "SessionStart", json!({"source": "startup"}));
    let ask = || claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "go on"}));
    assert_eq!(ask(), "");
    w.add("task", "something of somebody else");
    assert_eq!(ask(), "", "no news for this session");

    let needed = w.add("task", "first");
    w.add_with("task", "second", &["--needs", &needed]);
    w.ok(&["done", &needed]);
    assert!(ask().contains("Free now"));
    assert_eq!(ask(), "");

    claude(&shell, "s1", "PostToolUse", json!({"tool_name": "Edit", "tool_input": {"file_path": "a.rs"}}));
    w.add_with("note", "mind the gap", &["--to", "claude:s1"]);
    let news = ask();
    assert!(news.contains("For you") && news.contains("mind the gap"), "{news}");
    assert_eq!(ask(), "");

    w.session("one").add_with("decision", "tabs", &["--key", "style"]);
    w.session("two").add_with("decision", "spaces", &["--key", "style"]);
    assert!(ask().contains("contradicts"));
    assert_eq!(ask(), "");
}

#[test]
fn the_same_event_twice_is_recorded_once() {
    let w = Workspace::git();
    let shell = w.hosted();
    let twice = |name: &str, fields: Value| {
        for _ in 0..2 {
            claude(&shell, "s1", name, fields.clone());
        }
    };
    twice("UserPromptSubmit", json!({"prompt": "fix the parser"}));
    for path in [shell.dir().join("src/a.rs"), "src/a.rs".into(), "/etc/passwd".into()] {
        twice("PostToolUse", json!({"tool_name": "Edit", "tool_input": {"file_path": path}}));
    }
    twice("PostToolUse", json!({"tool_name": "Read", "tool_input": {"file_path": "src/read.rs"}}));
    let found = json!({"agent_id": "a7", "agent_type": "explore", "last_assistant_message": "three callers\n\nin src"});
    twice("SubagentStop", found);
    twice("SubagentStop", json!({"agent_id": "a8", "agent_type": "", "last_assistant_message": "internal"}));
    twice("Stop", json!({"last_assistant_message": "Half done."}));

    let log = w.json(&["log"]);
    assert_eq!(log["entries"].as_array().unwrap().len(), 2, "{log}");
    let summaries = w.search(&["kind:summary"]);
    assert_eq!(summaries.len(), 1);
    assert_eq!(w.field(&summaries[0], "title"), "explore: three callers");
    let session = w.json(&["show", "session/claude:s1"]);
    let refs = &session["records"][0]["refs"];
    assert_eq!(refs.as_array().map(Vec::len), Some(1), "{session}");
    assert_eq!(refs[0]["path"], "src/a.rs");
    let briefing = w.ok(&["resume", "--full"]);
    assert!(briefing.contains("subagents found: m-"), "{briefing}");
}

#[test]
fn a_message_of_another_host_is_answered_as_that_host_expects() {
    let w = Workspace::git();
    w.add("task", "anything");
    let shell = w.hosted();
    let cursor = json!({"conversation_id": "c1", "session_id": "c1", "hook_event_name": "sessionStart", "cursor_version": "3",
        "workspace_roots": [shell.dir()]});
    let answer: Value = serde_json::from_str(&shell.ok_with(&["hook", "claude"], &cursor.to_string())).unwrap();
    assert!(answer["additional_context"].as_str().unwrap().contains("anything"), "{answer}");
    let code = json!({"sessionId": "v1", "hookEventName": "SessionStart", "source": "new"});
    let answer: Value = serde_json::from_str(&send(&shell, "claude", code)).unwrap();
    assert!(answer["hookSpecificOutput"]["additionalContext"].as_str().unwrap().contains("anything"), "{answer}");
    assert_eq!(answer["additionalContext"], Value::Null, "once is enough");
    let cli = json!({"session_id": "v2", "hook_event_name": "SessionStart", "source": "new"});
    let answer: Value = serde_json::from_str(&send(&shell, "copilot", cli)).unwrap();
    assert!(answer["additionalContext"].as_str().unwrap().contains("anything"), "{answer}");
    assert_eq!(answer["hookSpecificOutput"], Value::Null, "once is enough");
    let unknown = json!({"session_id": "u", "hook_event_name": "SomethingNew", "new": {"a": [1]}});
    assert_eq!(send(&shell, "claude", unknown), "");
}

#[test]
fn a_host_that_nobody_knows_is_answered_with_nothing() {
    let w = Workspace::git();
    w.add("task", "anything");
    let shell = w.hosted();
    let start = json!({"session_id": "s", "hook_event_name": "SessionStart", "source": "startup"});
    assert_eq!(send(&shell, "nohost", start), "");
    let log = std::fs::read_to_string(w.store().join("hooks.log")).unwrap();
    assert!(log.contains("no host is called `nohost`"), "{log}");
}

#[test]
fn an_event_without_a_session_is_nobodys() {
    let w = Workspace::git();
    w.add("task", "anything");
    let shell = w.hosted();
    let event = |name: &str, more: Value| {
        let mut event = json!({"hook_event_name": name});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        send(&shell, "claude", event)
    };
    for source in ["startup", "startup", "resume"] {
        assert!(event("SessionStart", json!({"source": source})).contains("anything"), "{source}");
    }
    assert_eq!(event("UserPromptSubmit", json!({"prompt": "fix the parser"})), "");
    event("PostToolUse", json!({"tool_name": "Edit", "tool_input": {"file_path": "a.rs"}}));
    event("Stop", json!({"last_assistant_message": "Half done."}));
    event("SomethingNew", json!({}));
    event("SessionEnd", json!({"reason": "other"}));
    assert_eq!(w.json(&["log"])["entries"].as_array().unwrap().len(), 1, "only the task");
    assert!(!w.store().join("activity").exists());
    let log = std::fs::read_to_string(w.store().join("hooks.log")).unwrap();
    assert_eq!((log.lines().count(), log.contains("names no session")), (4, true), "{log}");
}

#[test]
fn a_compacted_session_is_briefed_again_and_shorter() {
    let w = Workspace::git();
    for at in 0..30 {
        w.add_with(
            "finding",
            &format!("finding number {at} about a part of the machine"),
            &["--body", &"text ".repeat(80)],
        );
    }
    let shell = w.hosted();
    claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "grease the gears"}));
    let whole = claude(&shell, "s1", "SessionStart", json!({"source": "startup"}));
    let kept = claude(&shell, "s1", "PreCompact", json!({"trigger": "auto", "custom_instructions": null}));
    assert_eq!(kept.lines().count(), 1, "{kept}");
    let again = claude(&shell, "s1", "SessionStart", json!({"source": "compact"}));
    assert!(!again.is_empty() && again.len() < whole.len(), "{again}\n{whole}");
    assert_eq!(send(&shell, "codex", json!({"session_id": "x", "hook_event_name": "PreCompact"})), "");
}

#[test]
fn a_resumed_session_is_briefed_whole_where_the_host_forgets_what_hooks_said() {
    let w = Workspace::git();
    w.add("decision", "Durations are whole seconds");
    let shell = w.hosted();
    for (host, knows) in [("claude", false), ("codex", false), ("gemini", true), ("opencode", true)] {
        let event = |name: &str, more: Value| {
            let mut event = json!({"session_id": "s1", "hook_event_name": name});
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            send(&shell, host, event)
        };
        let first = event("SessionStart", json!({"source": "startup"}));
        assert!(first.contains("whole seconds"), "{host}: {first}");
        event("UserPromptSubmit", json!({"prompt": format!("use {host}")}));
        let again = event("SessionStart", json!({"source": "resume"}));
        assert_eq!(again.contains("whole seconds"), knows, "{host}: {again}");
        event("SessionEnd", json!({"reason": "other"}));
    }
}

#[test]
fn the_last_words_of_a_killed_session_are_left_where_there_is_no_transcript() {
    let w = Workspace::git();
    let shell = w.hosted();
    send(
        &shell,
        "opencode",
        json!({"session_id": "k", "hook_event_name": "UserPromptSubmit", "prompt": "mend the clock"}),
    );
    let said = json!({"session_id": "k", "hook_event_name": "AssistantMessage", "last_assistant_message": "Next I take out the spring."});
    send(&shell, "opencode", said);
    send(&shell, "opencode", json!({"session_id": "k", "hook_event_name": "SessionEnd", "reason": "killed"}));
    let briefing = w.ok(&["resume", "--full"]);
    assert!(briefing.contains("asked and not answered") && briefing.contains("take out the spring"), "{briefing}");
}
