//! What one session leaves and the next is shown: the handoff that matters, however trivial, late, resumed, or many the
//! others were.

use crate::day::Host;
use crate::hook::{claude, send};
use crate::support::{Shell, Workspace, ids, texts};
use serde_json::{Value, json};

/// Begins what a session is asked for.
fn ask(shell: &Shell, session: &str, request: &str) {
    claude(shell, session, "UserPromptSubmit", json!({"prompt": request}));
}

fn edit(shell: &Shell, session: &str, path: &str) {
    claude(shell, session, "PostToolUse", json!({"tool_name": "Edit", "tool_input": {"file_path": path}}));
}

fn stop(shell: &Shell, session: &str, message: &str) {
    claude(shell, session, "Stop", json!({"last_assistant_message": message}));
}

fn end(shell: &Shell, session: &str) {
    claude(shell, session, "SessionEnd", json!({"reason": "other"}));
}

fn begin(shell: &Shell, session: &str) -> String {
    claude(shell, session, "SessionStart", json!({"source": "startup"}))
}

/// The text of a session's automatic handoff.
fn handoff_of(w: &Workspace, session: &str) -> String {
    w.ok(&["show", &format!("auto/claude:{session}")])
}

#[test]
fn a_trivial_session_hides_no_handoff() {
    let w = Workspace::git();
    let shell = w.hosted();
    let agent = shell.with_var("CLAUDE_CODE_SESSION_ID", "a");
    ask(&shell, "a", "make the parser fast");
    agent.ok_with(&["add", "-"], "# Parser\n\nThe slow part is the number scanner.\n");
    end(&shell, "a");
    for (session, question) in [("b", "what is the capital of Malta?"), ("c", "what is the capital of France?")] {
        ask(&shell, session, question);
        stop(&shell, session, "Paris, I think.");
        end(&shell, session);
    }
    let briefing = begin(&shell, "d");
    assert!(briefing.contains("the number scanner") && !briefing.contains("(auto)"), "{briefing}");
    let since: Vec<&str> = briefing.lines().filter(|line| line.contains("Since then: s-")).collect();
    assert!(
        since.len() == 1 && since[0].contains("asked \"what is the capital of France?\" (and 1 more)"),
        "{briefing}"
    );

    // One that did something is the last.
    ask(&shell, "d", "rename the lexer");
    edit(&shell, "d", "src/lexer.rs");
    stop(&shell, "d", "Done.");
    end(&shell, "d");
    let briefing = begin(&shell, "e");
    assert!(briefing.contains("rename the lexer") && !briefing.contains("Since then"), "{briefing}");
    assert!(!briefing.contains("the number scanner"), "{briefing}");
    // And one that goes on to do something is trivial no more.
    ask(&shell, "c", "and write it down");
    edit(&shell, "c", "capitals.md");
    stop(&shell, "c", "Written.");
    end(&shell, "c");
    assert!(begin(&shell, "f").contains("write it down"));
}

#[test]
fn what_was_left_open_in_words_is_not_trivial() {
    let w = Workspace::git();
    let shell = w.hosted();
    ask(&shell, "a", "how should durations be stored?");
    stop(&shell, "a", "As whole seconds.\n\nNext: the migration of the old rows.");
    end(&shell, "a");
    ask(&shell, "b", "thanks, what is a duration?");
    stop(&shell, "b", "A length of time.");
    end(&shell, "b");
    assert!(begin(&shell, "c").contains("migration of the old rows"));
}

#[test]
fn a_handoff_written_late_is_not_the_last() {
    let w = Workspace::git();
    let day = |time: &str| w.hosted().at(&format!("2026-11-{time}Z"));
    ask(&day("19T10:00:00"), "old", "sharpen the saw");
    edit(&day("19T10:01:00"), "old", "saw.rs");
    let agent = day("21T09:00:00").with_var("CLAUDE_CODE_SESSION_ID", "new");
    agent.ok_with(&["add", "-"], "# Parser\n\nThe slow part is the number scanner.\n");
    // Only now somebody comes by and settles the one of two days ago.
    let briefing = begin(&day("21T09:05:00"), "next");
    assert!(handoff_of(&w, "old").contains("sharpen the saw"), "it was settled");
    assert!(briefing.contains("the number scanner"), "{briefing}");
    let handed = briefing.split("Handoff").nth(1).unwrap_or_default();
    assert!(!handed.contains("(auto)"), "{briefing}");
}

#[test]
fn however_many_are_found_dead_the_next_start_is_answered() {
    let w = Workspace::git();
    let at = |second: usize| w.hosted().at(&format!("2026-11-20T10:00:{second:02}Z"));
    for number in 0..40 {
        ask(&at(number), &format!("s{number}"), &format!("request number {number}"));
    }
    let later = w.hosted().at("2026-11-21T10:00:00Z");
    let handoffs = || texts(&w.json(&["list", "handoffs", "-n", "100"]), "title").len();
    let first = begin(&later, "next");
    assert!(first.contains("request number 39"), "{first}");
    let settled = handoffs();
    assert!((1..=10).contains(&settled), "{settled} at once");
    for round in 0..40 {
        if handoffs() >= 40 {
            break;
        }
        let again = begin(&later, &format!("next{round}"));
        assert!(again.contains("request number 39"), "{again}");
    }
    assert_eq!(handoffs(), 40);
}

#[test]
fn a_session_that_ended_and_goes_on_keeps_what_it_was_about() {
    let w = Workspace::git();
    let shell = w.hosted();
    let event = |name: &str, more: Value| {
        let mut event = json!({"session_id": "k", "hook_event_name": name});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        send(&shell, "copilot", event)
    };
    event("UserPromptSubmit", json!({"prompt": "mend the clock of the tower"}));
    let work = json!([{"id": "1", "type": "shell", "status": "running", "command": "make wheels"}]);
    event("Stop", json!({"last_assistant_message": "The spring is out. Next: oil it.", "background_tasks": work}));
    event("SessionEnd", json!({"reason": "other"}));
    event("SessionStart", json!({"source": "resume"}));
    event("UserPromptSubmit", json!({"prompt": "continue please"}));
    event("SessionEnd", json!({"reason": "other"}));
    let shown = w.ok(&["show", "auto/copilot:k"]);
    for words in ["mend the clock of the tower", "Next: oil it", "make wheels", "asked and not answered"] {
        assert!(shown.contains(words), "{words} is missing in\n{shown}");
    }
    assert!(!shown.contains("continue please"), "{shown}");
    assert_eq!(w.search(&["kind:handoff"]).len(), 1);
}

#[test]
fn a_session_whose_process_lives_on_leaves_a_handoff_and_does_not_end() {
    let w = Workspace::git();
    let host = std::process::id().to_string();
    let at = |time: &str| w.hosted().with_var("CLAUDE_PID", &host).at(&format!("2026-11-21T{time}:00Z"));
    ask(&at("10:00"), "first", "paint the door");
    edit(&at("10:01"), "first", "door.rs");
    // Not yet answered: it is at work.
    assert!(!begin(&at("10:02"), "second").contains("(auto)"));
    stop(&at("10:03"), "first", "Half of it is blue. Next: the other half.");
    let briefing = begin(&at("10:04"), "second");
    assert!(briefing.contains("(auto)") && briefing.contains("the other half"), "{briefing}");
    assert_eq!(w.json(&["show", "session/claude:first"])["records"][0]["status"], "active");
    ask(&at("10:05"), "first", "make it green");
    stop(&at("10:06"), "first", "Green it is. Next: the frame.");
    assert!(begin(&at("10:07"), "second").contains("the frame"), "it went on");
    // Silent for long is as good, answered or not.
    ask(&at("10:08"), "third", "count the windows");
    edit(&at("10:08"), "third", "windows.rs");
    assert!(begin(&at("12:00"), "fourth").contains("count the windows"));
    assert_eq!(w.json(&["show", "session/claude:third"])["records"][0]["status"], "active");
}

#[test]
fn who_edits_or_has_subagents_is_still_there() {
    let w = Workspace::git();
    let at = |time: &str| w.hosted().at(&format!("2026-11-21T{time}:00Z"));
    ask(&at("10:00"), "long", "move the mountain");
    edit(&at("10:20"), "long", "mountain.rs");
    let found = json!({"agent_id": "a7", "agent_type": "explore", "last_assistant_message": "# Report\n\nIt is high."});
    claude(&at("10:40"), "long", "SubagentStop", found);
    let briefing = begin(&at("11:00"), "next");
    assert!(!briefing.contains("crashed") && !briefing.contains("(auto)"), "{briefing}");
    assert!(w.ok(&["list", "summaries"]).contains("explore: It is high."));
    assert!(begin(&at("11:20"), "next").contains("move the mountain"));
}

#[test]
fn cursor_tells_its_words_before_its_stop() {
    let w = Workspace::git();
    let shell = w.hosted();
    let event = |name: &str, more: Value| {
        let mut event = json!({"conversation_id": "c", "hook_event_name": name, "cursor_version": "3"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        send(&shell, "cursor", event);
    };
    event("beforeSubmitPrompt", json!({"prompt": "mend the clock of the tower"}));
    event("afterAgentResponse", json!({"text": "The spring is out. Next: oil it."}));
    event("stop", json!({"status": "completed"}));
    event("sessionEnd", json!({"reason": "completed"}));
    let shown = w.ok(&["show", "auto/cursor:c"]);
    assert!(shown.contains("Next: oil it") && !shown.contains("not answered"), "{shown}");
    w.ok(&["setup", "cursor"]);
    let hooks = std::fs::read_to_string(w.root().join("home/.cursor/hooks.json")).unwrap();
    assert!(hooks.contains("afterAgentResponse"), "{hooks}");
}

#[test]
fn the_request_behind_a_long_log_is_kept() {
    let w = Workspace::git();
    let shell = w.hosted();
    let log = "10:00:01 GET /v1/items 503 upstream timed out\n".repeat(220);
    ask(&shell, "a", &format!("Here is the log of this morning:\n{log}\nPlease fix the retry loop in src/retry.rs"));
    end(&shell, "a");
    let shown = handoff_of(&w, "a");
    assert!(shown.contains("Here is the log") && shown.contains("fix the retry loop in src/retry.rs"), "{shown}");
    assert!(w.field("auto/claude:a", "title").as_str().unwrap().contains("fix the retry loop"), "{shown}");
}

#[test]
fn what_was_edited_last_is_to_be_read_first() {
    let w = Workspace::git();
    let shell = w.hosted();
    ask(&shell, "a", "go through the modules");
    for path in ["src/z.rs", "src/y.rs", "src/c.rs", "src/b.rs", "src/y.rs"] {
        edit(&shell, "a", path);
    }
    end(&shell, "a");
    let refs = w.json(&["show", "auto/claude:a"])["records"][0]["refs"].clone();
    let entries: Vec<&str> = refs
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["entry"] == true)
        .filter_map(|one| one["path"].as_str())
        .collect();
    assert_eq!(entries, ["src/b.rs", "src/c.rs", "src/y.rs"], "{refs:#}");
}

#[test]
fn a_patch_changes_what_it_deletes_too() {
    let w = Workspace::git();
    let patch = "*** Begin Patch\n*** Update File: a.rs\n*** Move to: b.rs\n@@\n*** Delete File: c.rs\n*** End Patch";
    let event = json!({"session_id": "x", "hook_event_name": "PostToolUse", "tool_name": "apply_patch",
        "tool_input": {"command": patch}});
    send(&w.hosted(), "codex", event);
    let refs = w.json(&["show", "session/codex:x"])["records"][0]["refs"].clone();
    assert_eq!(refs.as_array().unwrap().iter().map(|one| &one["path"]).collect::<Vec<_>>(), ["a.rs", "b.rs", "c.rs"]);
}

#[test]
fn a_session_of_another_worktree_keeps_its_references() {
    let w = Workspace::git();
    let other = w.worktree("side");
    let line = |what: Value| {
        let mut line =
            json!({"sessionId": "a", "cwd": other.dir(), "timestamp": "2026-11-21T10:00:00Z", "isSidechain": false});
        line.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        line.to_string() + "\n"
    };
    let call = json!([{"type": "tool_use", "id": "1", "name": "Edit", "input": {"file_path": other.dir().join("src/deep.rs")}}]);
    let result = json!([{"type": "tool_result", "tool_use_id": "1", "content": "ok"}]);
    let text = line(json!({"type": "user", "message": {"content": "dig deeper"}}))
        + &line(json!({"type": "assistant", "message": {"content": call}}))
        + &line(json!({"type": "user", "message": {"content": result}}));
    let path = w.write("kept/a.jsonl", text);
    let there = other.hosted().at("2026-11-21T10:00:00Z");
    claude(&there, "a", "UserPromptSubmit", json!({"prompt": "dig deeper", "transcript_path": path}));
    begin(&w.hosted().at("2026-11-21T12:00:00Z"), "next");
    let shown = handoff_of(&w, "a");
    assert!(shown.contains("src/deep.rs") && !shown.contains(other.dir().join("src").to_str().unwrap()), "{shown}");
    assert_eq!(w.json(&["show", "auto/claude:a"])["records"][0]["refs"][0]["path"], "src/deep.rs");
}

#[test]
fn commands_of_the_host_are_no_requests() {
    let w = Workspace::git();
    let shell = w.hosted();
    for prompt in ["/clear", "/model opus", "!ls", "/exit"] {
        ask(&shell, "a", prompt);
    }
    end(&shell, "a");
    assert_eq!(w.search(&["kind:handoff"]).len(), 0);
    ask(&shell, "b", "/fix-issue 123 retry on 503");
    end(&shell, "b");
    assert_eq!(w.field("auto/claude:b", "title"), "/fix-issue 123 retry on 503");
}

#[test]
fn of_several_files_of_one_session_the_last_is_imported() {
    let w = Workspace::git();
    let line = |kind: &str, text: &str, time: &str| {
        json!({"type": kind, "sessionId": "s", "cwd": w.dir(), "timestamp": format!("2026-11-21T{time}:00Z"), "message": {"content": text}})
            .to_string()
            + "\n"
    };
    w.write("kept/z.jsonl", line("user", "fix it", "09:00") + &line("assistant", "one is left", "09:30"));
    w.write("kept/a.jsonl", line("user", "fix it", "09:00") + &line("assistant", "none is left", "10:00"));
    let report = w.json(&["import", "--transcripts", "kept"]);
    assert_eq!((&report["sessions"], &report["updated"]), (&json!(1), &json!(0)), "{report:#}");
    assert!(report["skipped"][0]["why"].as_str().unwrap().contains("same session"), "{report:#}");
    let again = w.json(&["import", "--transcripts", "kept"]);
    assert_eq!((&again["unchanged"], &again["updated"]), (&json!(1), &json!(0)), "{again:#}");
    assert!(handoff_of(&w, "s").contains("none is left"));
}

#[test]
fn each_text_stands_once_in_a_handoff() {
    let w = Workspace::git();
    let shell = w.hosted();
    ask(&shell, "a", "mend the clock of the tower");
    end(&shell, "a");
    let shown = handoff_of(&w, "a");
    assert_eq!(shown.matches("mend the clock").count(), 1, "{shown}");
    ask(&shell, "a", "and oil its spring");
    ask(&shell, "a", "go on");
    end(&shell, "a");
    let shown = handoff_of(&w, "a");
    assert_eq!(shown.matches("oil its spring").count(), 1, "{shown}");
    assert!(!shown.contains("go on"), "{shown}");
}

#[test]
fn a_session_that_was_cut_off_is_named_beside_a_newer_handoff() {
    let w = Workspace::git();
    let host = Host::start();
    let killed = w.hosted().with_var("CLAUDE_PID", &host.pid());
    ask(&killed, "k", "go on with the negative durations");
    edit(&killed, "k", "src/durations.rs");
    drop(host);
    let shell = w.hosted();
    let agent = shell.with_var("CLAUDE_CODE_SESSION_ID", "a");
    ask(&shell, "a", "make the parser fast");
    agent.ok_with(&["add", "-"], "# Parser\n\nThe slow part is the number scanner.\n");
    end(&shell, "a");
    let briefing = begin(&shell, "b");
    assert!(briefing.contains("the number scanner"), "{briefing}");
    assert!(briefing.contains("interrupted: go on with the negative durations"), "{briefing}");
    let handoff = ids(&w.json(&["search", "kind:handoff", "negative"])).remove(0);
    w.ok(&["drop", &handoff]);
    assert!(!w.ok(&["resume", "--full"]).contains("interrupted:"));
}
