//! Lines of the three hosts, in small; whole transcripts are judged in `tests/it/transcripts.rs`.

use super::*;
use crate::domain::activity::Activity;
use proptest::prelude::*;
use serde_json::json;

fn story(lines: &[Value]) -> Story {
    let mut teller = Teller::default();
    lines.iter().flat_map(|line| entries(line.to_string().as_bytes())).for_each(|entry| teller.take(entry));
    teller.end()
}

fn user(text: &str, at: &str) -> Value {
    json!({"type": "user", "sessionId": "s", "cwd": "/p", "timestamp": at, "isSidechain": false,
        "message": {"role": "user", "content": text}})
}

fn call(id: &str, name: &str, input: &Value, aside: bool) -> Value {
    json!({"type": "assistant", "sessionId": "s", "cwd": "/p", "isSidechain": aside,
        "message": {"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": name, "input": input}]}})
}

fn result(id: &str, output: &str, is_error: bool) -> Value {
    json!({"type": "user", "sessionId": "s", "cwd": "/p", "isSidechain": false, "message": {"role": "user",
        "content": [{"type": "tool_result", "tool_use_id": id, "content": output, "is_error": is_error}]}})
}

const AT: &str = "2026-11-21T10:00:00Z";

#[test]
fn a_test_that_passes_later_has_passed_and_one_that_fails_later_has_failed() {
    let test = |id: &str, line: &str| call(id, "Bash", &json!({"command": line}), false);
    let lines = [
        user("fix it", AT),
        test("1", "cargo test --lib a"),
        result("1", "test result: FAILED. 1 failed", true),
        test("2", "cargo test --lib b"),
        result("2", "test result: ok. 1 passed", false),
        test("3", "cargo test"),
        result("3", "test result: ok. 9 passed", false),
        test("4", "cargo test --lib b"),
        result("4", "error: could not compile", true),
    ];
    let commands = story(&lines).commands;
    let told: Vec<_> = commands.iter().map(|command| (command.line.as_str(), command.passed)).collect();
    assert_eq!(told, [("cargo test", Some(true)), ("cargo test --lib b", Some(false))]);
}

#[test]
fn a_subagent_speaks_for_itself_but_its_edits_count() {
    let lines = [
        user("review it", AT),
        call("1", "Edit", &json!({"file_path": "/p/src/a.rs"}), true),
        json!({"type": "user", "sessionId": "s", "isSidechain": true, "message": {"role": "user", "content": "helper task"}}),
        json!({"type": "assistant", "sessionId": "s", "isSidechain": true,
            "message": {"role": "assistant", "content": [{"type": "text", "text": "helper's last words"}]}}),
    ];
    let told = story(&lines);
    assert_eq!((told.request.as_deref(), told.last_request, told.message), (Some("review it"), None, None));
    assert_eq!(told.files, ["src/a.rs"]);
    assert!(!told.meta.subagent && story(&lines[1..]).meta.subagent);
}

#[test]
fn what_hooks_saw_after_the_transcript_counts() {
    let told = story(&[user("fix it", AT)]);
    let activity = Activity {
        request: Some("fix it".into()),
        last_request: Some("and the docs".into()),
        asked_at: "2026-11-21T11:00:00Z".parse().ok(),
        last_message: Some("Left to do: the docs of the lock.".into()),
        said_at: "2026-11-21T11:05:00Z".parse().ok(),
        files: vec!["docs/lock.md".into()],
        ..Activity::default()
    };
    let draft = compose(&activity, &told).unwrap();
    for wanted in ["> and the docs", "> Left to do: the docs of the lock.", "docs/lock.md"] {
        assert!(draft.body.contains(wanted), "{wanted}: {}", draft.body);
    }
    assert_eq!((draft.title.as_str(), &draft.entries[..]), ("fix it", &["docs/lock.md".to_owned()][..]));
    assert_eq!(compose(&Activity::default(), &Story::default()), None);
    let quiet = Activity { last_message: Some("hello".into()), ..Activity::default() };
    assert_eq!(compose(&quiet, &Story::default()), None, "nothing was asked or done");
}

#[test]
fn what_was_open_before_a_gap_is_not_told_as_open() {
    let mut teller = Teller::default();
    let before = [
        user("first", AT),
        call("1", "TodoWrite", &json!({"todos": [{"content": "old", "status": "pending"}]}), false),
        call("2", "Edit", &json!({"file_path": "/p/a.rs"}), false),
        result("2", "updated", false),
    ];
    before.iter().flat_map(|line| entries(line.to_string().as_bytes())).for_each(|entry| teller.take(entry));
    teller.skip();
    let told = teller.end();
    assert_eq!((told.request.as_deref(), told.files.len()), (Some("first"), 1));
    assert!(told.todos.is_empty() && told.uncommitted.is_empty() && told.under_way.is_empty());
}

#[test]
fn files_are_told_from_the_root_of_the_worktree() {
    let edits = |cwd: &str| {
        let mut told = story(&[]);
        told.meta.cwd = Some(cwd.to_owned());
        told.files = vec!["a.rs".into(), "/p/other/b.rs".into(), "/tmp/c".into()];
        told.within("/p").files
    };
    assert_eq!(edits("/p/src"), ["src/a.rs", "other/b.rs", "/tmp/c"]);
    assert_eq!(edits("/q"), ["/q/a.rs", "other/b.rs", "/tmp/c"]);
}

proptest! {
    #[test]
    fn any_bytes_are_a_line(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(entries(&bytes).len() < 10);
    }

    #[test]
    fn any_values_in_known_places_are_read(text in any::<String>(), name in "[A-Za-z_]{1,12}", number in any::<i64>()) {
        for odd in [json!(text), json!(number), json!([text]), json!({"text": text}), json!(null)] {
            let lines = [
                json!({"type": "user", "sessionId": odd, "cwd": odd, "message": {"content": odd}, "toolUseResult": odd}),
                json!({"type": "assistant", "sessionId": text, "message": {"content": [
                    {"type": "tool_use", "id": odd, "name": name, "input": odd}, {"type": "text", "text": odd}]}}),
                json!({"type": "response_item", "payload": {"type": "custom_tool_call", "name": "exec", "input": text}}),
                json!({"type": "event_msg", "payload": {"type": "item_completed", "item": {"type": "CommandExecution",
                    "command": odd, "status": odd, "aggregated_output": odd}}}),
                json!({"id": text, "type": "gemini", "content": odd, "toolCalls": [{"id": odd, "name": name, "args": odd, "result": odd}]}),
            ];
            let _ = compose(&Activity::default(), &story(&lines));
        }
    }
}
