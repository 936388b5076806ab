//! What a session is told of others, and when it counts as told: only what the agent could read.

use crate::day::Host;
use crate::hook::{claude, send};
use crate::support::Workspace;
use serde_json::json;
use std::io::Write;
use std::process::Stdio;

#[test]
fn notes_that_find_no_room_come_with_the_next_prompt() {
    let w = Workspace::git();
    let shell = w.hosted();
    let ask = || claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "go on"}));
    ask();
    claude(&shell, "s1", "PostToolUse", json!({"tool_name": "Edit", "tool_input": {"file_path": "a.rs"}}));
    for at in 0..18 {
        let body = format!("note {at} says so much that not all of them can be shown at once. ").repeat(10);
        w.add_with("note", &format!("note-{at}-"), &["--to", "claude:s1", "--body", &body]);
    }
    let prompts: Vec<String> = (0..18).map(|_| ask()).collect();
    assert!(!prompts[0].contains("note-0-") || !prompts[0].contains("note-17-"), "{}", prompts[0]);
    for at in 0..18 {
        let times = prompts.iter().filter(|prompt| prompt.contains(&format!("note-{at}-"))).count();
        assert_eq!(times, 1, "note {at}");
    }
    assert_eq!(ask(), "");
}

#[test]
fn what_the_host_did_not_take_or_show_is_told_again() {
    let w = Workspace::git();
    let shell = w.hosted();
    claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "go on"}));
    claude(&shell, "s1", "PostToolUse", json!({"tool_name": "Edit", "tool_input": {"file_path": "a.rs"}}));
    w.add_with("note", "mind the gap", &["--to", "claude:s1"]);
    let prompt =
        json!({"session_id": "s1", "hook_event_name": "UserPromptSubmit", "prompt": "go on", "cwd": shell.dir()});
    let mut child = shell
        .command(&["hook", "claude"])
        .stdin(Stdio::piped())
        .stdout(std::fs::File::options().write(true).open("/dev/full").unwrap())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(prompt.to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "go on"})).contains("mind the gap"));

    // Cursor shows what is answered to a prompt to its user, not to the agent.
    let cursor = |name: &str, path: &str| {
        send(
            &shell,
            "cursor",
            json!({"conversation_id": "c", "cursor_version": "3", "hook_event_name": name,
            "prompt": "go on", "file_path": path}),
        )
    };
    cursor("afterFileEdit", "b.rs");
    w.add_with("note", "for cursor", &["--to", "cursor:c"]);
    assert_eq!(cursor("beforeSubmitPrompt", ""), "");
    assert!(w.session("cursor:c").ok(&["resume"]).contains("for cursor"));
}

#[test]
fn a_session_is_told_what_others_do_to_its_tasks() {
    let w = Workspace::git();
    let shell = w.hosted();
    let ask = || claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "go on"}));
    ask();
    let me = w.session("claude:s1");
    let first = w.add("task", "grease the gears");
    let needed = w.add("task", "buy grease");
    me.ok(&["start", &first]);
    ask();
    w.session("other").ok(&["edit", &first, "--title", "grease all gears"]);
    let news = ask();
    assert!(news.contains("Yours, changed by others") && news.contains(&first), "{news}");
    assert_eq!(ask(), "");
    me.ok(&["link", &first, "needs", &needed]);
    assert_eq!(ask(), "", "its own change is no news");
    w.session("other").ok(&["done", &needed]);
    let news = ask();
    assert!(news.contains("Free now") && news.contains(&first), "{news}");
    w.session("other").ok(&["done", &first, "-m", "did it"]);
    assert!(ask().contains(&format!("{first} done")));
}

#[test]
fn a_session_does_not_take_over_the_focus_of_one_that_works_beside_it() {
    let w = Workspace::git();
    let (one, two) = (Host::start(), Host::start());
    let busy = w.hosted().with_var("CLAUDE_PID", &one.pid());
    let task = w.add("task", "Rename the module");
    claude(&busy, "s1", "UserPromptSubmit", json!({"prompt": "rename it"}));
    busy.clone().with_var("CLAUDE_CODE_SESSION_ID", "s1").ok(&["start", &task]);

    let other = w.hosted().with_var("CLAUDE_PID", &two.pid());
    let briefing = claude(&other, "s2", "SessionStart", json!({"source": "startup"}));
    assert!(briefing.contains("Beside you: s-") && briefing.contains("(claude) on t-"), "{briefing}");
    assert!(!briefing.contains("Focus:"), "{briefing}");
    drop(one);
    let briefing = claude(&other, "s3", "SessionStart", json!({"source": "startup"}));
    assert!(briefing.contains("Focus: Rename the module") && !briefing.contains("Beside you"), "{briefing}");
}

#[test]
fn a_compaction_is_told_what_to_keep_and_the_next_briefing_what_is_unfinished() {
    let w = Workspace::git();
    let shell = w.hosted();
    claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "Sort the imports of the parser"}));
    let me = w.session("claude:s1");
    let finding = me.add("finding", "Sorting is not stable");
    let kept = claude(&shell, "s1", "PreCompact", json!({"trigger": "auto"}));
    assert!(kept.lines().count() == 1 && kept.contains(&format!("{finding} Sorting is not stable")), "{kept}");
    let briefing = claude(&shell, "s1", "SessionStart", json!({"source": "compact"}));
    assert!(briefing.contains("So far:") && briefing.contains("asked and not answered"), "{briefing}");
    assert_eq!(briefing.matches("Sorting is not stable").count(), 1, "{briefing}");
}

#[test]
fn a_session_that_only_its_host_knows_of_can_be_written_to() {
    let w = Workspace::git();
    let shell = w.hosted();
    claude(&shell, "early", "UserPromptSubmit", json!({"prompt": "look around"}));
    w.add_with("note", "welcome", &["--to", "claude:early"]);
    assert!(w.ok(&["log"]).contains("welcome"));
    assert!(claude(&shell, "early", "UserPromptSubmit", json!({"prompt": "go on"})).contains("welcome"));
}

#[test]
fn one_session_told_of_by_two_hosts_is_one() {
    let w = Workspace::git();
    let shell = w.hosted();
    let both = |name: &str, fields: serde_json::Value| {
        for host in ["copilot", "claude"] {
            let mut event = json!({"session_id": "same", "hook_event_name": name});
            event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            send(&shell, host, event);
        }
    };
    both("UserPromptSubmit", json!({"prompt": "mend the clock"}));
    both("SubagentStop", json!({"agent_id": "", "agent_type": "explore", "last_assistant_message": "three springs"}));
    both("Stop", json!({"last_assistant_message": "mended"}));
    both("SessionEnd", json!({"reason": "other"}));
    assert_eq!(w.search(&["kind:handoff"]).len(), 1);
    assert_eq!(w.search(&["kind:summary"]).len(), 1);
}

#[test]
fn half_a_character_does_not_cost_the_request() {
    let w = Workspace::git();
    let shell = w.hosted();
    let event = json!({"session_id": "h", "hook_event_name": "UserPromptSubmit", "cwd": shell.dir(), "prompt": "fix the widget CUT"});
    shell.ok_with(&["hook", "claude"], &event.to_string().replace("CUT", r"\ud83d"));
    claude(&shell, "h", "SessionEnd", json!({"reason": "other"}));
    assert!(w.ok(&["resume", "--full"]).contains("fix the widget"));
}

#[test]
fn a_prompt_and_a_stop_at_the_same_moment_lose_nothing() {
    let w = Workspace::git();
    let shell = w.hosted();
    for round in 0..10 {
        let session = format!("r{round}");
        std::thread::scope(|scope| {
            scope.spawn(|| claude(&shell, &session, "UserPromptSubmit", json!({"prompt": "wind the clock"})));
            scope.spawn(|| claude(&shell, &session, "Stop", json!({"last_assistant_message": "it ticks"})));
        });
        claude(&shell, &session, "SessionEnd", json!({"reason": "other"}));
    }
    let left = w.search(&["kind:handoff", "wind", "-n", "20"]);
    assert_eq!(left.len(), 10, "{left:?}");
}
