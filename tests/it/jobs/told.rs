//! Every end is told exactly once: in the session that started the job, or in the next one when that is gone.

use super::{LIMIT, Lab, file, sh, unattended, word};
use crate::hook::{claude, send};
use crate::support::{Shell, wait_until};
use serde_json::{Value, json};

/// Ends a job without anybody having asked for it.
fn ended(shell: &Shell, options: &[&str], script: &str) -> String {
    let id = sh(shell, options, script);
    wait_until("its end is recorded", LIMIT, || file(shell, &id, "exit.json").is_some());
    unattended(shell, &id);
    id
}

fn news(shell: &Shell) -> Vec<String> {
    shell.json(&["list", "jobs", "--new"])["jobs"].as_array().unwrap().iter().map(|job| word(job, "id")).collect()
}

#[test]
fn its_own_session_is_told_once_and_no_other_that_lives() {
    let lab = Lab::new();
    let (mine, other) = (lab.session("mine"), lab.session("other"));
    other.add("note", "it lives");
    let id = ended(&mine, &["--label", "lint"], "echo 3 problems; exit 1");
    assert_eq!(news(&other), [] as [String; 0]);
    assert!(!other.ok(&["resume"]).contains("3 problems"));
    let briefing = mine.ok(&["resume"]);
    assert!(briefing.contains(&id) && briefing.contains("3 problems"), "{briefing}");
    assert!(!mine.ok(&["resume"]).contains("3 problems"));
    assert_eq!((news(&mine), news(&other)), (vec![], vec![]));
}

#[test]
fn each_way_of_being_told_counts() {
    let lab = Lab::new();
    let ways: [(&str, &[&str]); 4] =
        [("wait", &["wait"]), ("show", &["show"]), ("follow", &["show", "-f"]), ("list", &["list", "jobs", "--new"])];
    for (name, args) in ways {
        let id = ended(&lab, &[], "true");
        let args = if name == "list" { args.to_vec() } else { [args, &[id.as_str()]].concat() };
        lab.ok(&args);
        assert_eq!(news(&lab), [] as [String; 0], "{name}");
    }
    assert!(!lab.ok(&["resume"]).contains("Jobs:"));
}

#[test]
fn the_next_session_is_told_when_the_owner_is_gone() {
    let lab = Lab::new();
    let owner = lab.session("owner");
    let id = ended(&owner, &["--label", "build"], "echo built; exit 0");
    let session = word(&crate::support::records(&lab.json(&["show", "session/owner"]))[0], "id");
    owner.ok(&["done", &session]);
    let next = lab.session("next");
    assert!(next.ok(&["resume"]).contains(&id));
    assert!(!next.ok(&["resume"]).contains(&id));
    assert_eq!((news(&lab.session("third")), news(&owner)), (vec![], vec![]), "told once in all");
}

#[test]
fn it_waits_for_the_next_session_though_nobody_looked_when_it_ended() {
    let lab = Lab::new();
    lab.fifo("go");
    let owner = lab.session("owner");
    let id = sh(&owner, &[], "read x < go; echo at night; exit 2");
    let session = word(&crate::support::records(&lab.json(&["show", "session/owner"]))[0], "id");
    owner.ok(&["done", &session]);
    super::running(&lab, &id);
    super::kill_supervisor(&lab, &id);
    let briefing = lab.session("next").ok(&["resume"]);
    assert!(briefing.contains(&id) && briefing.contains("lost"), "{briefing}");
    assert_eq!(news(&lab.session("third")), [] as [String; 0]);
    lab.ok(&["drop", &id]);
}

#[test]
fn a_hook_tells_it_at_the_next_prompt_and_only_there() {
    let lab = Lab::new();
    let shell = lab.hosted();
    let ask = |session: &str| claude(&shell, session, "UserPromptSubmit", json!({"prompt": "go on"}));
    ask("s1");
    ask("s2");
    let at_work = shell.with_var("CLAUDECODE", "1").with_var("CLAUDE_CODE_SESSION_ID", "s1");
    let id = ended(&at_work, &["--label", "unit"], "echo 2 failed; exit 1");
    assert!(!ask("s2").contains(&id), "another session that lives");
    let prompt = ask("s1");
    assert!(prompt.contains(&id) && prompt.contains("2 failed"), "{prompt}");
    assert!(!ask("s1").contains(&id), "told twice");
    assert_eq!(news(&at_work), [] as [String; 0]);
}

#[test]
fn an_agent_at_work_is_told_between_its_tools() {
    let lab = Lab::new();
    let shell = lab.hosted();
    let used = |session: &str, more: Value| {
        let mut event = json!({"tool_name": "Bash", "tool_input": {"command": "ls"}});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claude(&shell, session, "PostToolUse", event)
    };
    claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "go on"}));
    claude(&shell, "s2", "UserPromptSubmit", json!({"prompt": "go on"}));
    let at_work = shell.clone().with_var("CLAUDECODE", "1").with_var("CLAUDE_CODE_SESSION_ID", "s1");
    lab.session("claude:s2").add("task", "somebody else's");
    assert_eq!(used("s1", json!({})), "", "what can wait for the next prompt");
    let quiet = ended(&at_work, &["--tell", "asked"], "exit 1");
    assert_eq!(used("s1", json!({})), "", "{quiet} is told only to who asks");
    let id = ended(&at_work, &["--label", "unit"], "echo 2 failed; exit 1");
    assert_eq!(used("s2", json!({})), "", "another session that lives");
    assert_eq!(used("s1", json!({"agent_id": "a1"})), "", "an agent that it has started");
    let told: Value = serde_json::from_str(&used("s1", json!({}))).unwrap();
    let told = &told["hookSpecificOutput"];
    assert_eq!(told["hookEventName"], "PostToolUse");
    let text = told["additionalContext"].as_str().unwrap();
    assert!(text.contains(&id) && text.contains("2 failed") && !text.contains(&quiet), "{text}");
    assert_eq!(used("s1", json!({})), "", "told twice");
    assert!(!claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "go on"})).contains(&id));
}

#[test]
fn every_host_that_listens_between_tools_is_told_in_its_own_words() {
    let lab = Lab::new();
    let shell = lab.hosted();
    let context = "/hookSpecificOutput/additionalContext";
    let hosts = [
        ("codex", "PostToolUse", context),
        ("gemini", "AfterTool", context),
        ("copilot", "PostToolUse", "/additionalContext"),
    ];
    for (host, name, place) in hosts {
        let used = || send(&shell, host, json!({"session_id": "x", "hook_event_name": name, "tool_name": "shell"}));
        used();
        let id = ended(&lab.session(&format!("{host}:x")), &[], "exit 1");
        let told: Value = serde_json::from_str(&used()).unwrap_or_else(|error| panic!("{host}: {error}"));
        assert!(told.pointer(place).and_then(Value::as_str).is_some_and(|text| text.contains(&id)), "{host}: {told}");
        assert_eq!(used(), "", "{host}");
    }
    let edited =
        json!({"conversation_id": "c", "cursor_version": "3", "hook_event_name": "afterFileEdit", "file_path": "a"});
    send(&shell, "cursor", edited.clone());
    let id = ended(&lab.session("cursor:c"), &[], "exit 1");
    assert_eq!(send(&shell, "cursor", edited), "", "nobody reads it");
    assert_eq!(news(&lab.session("cursor:c")), [id]);
}

#[test]
fn a_job_that_was_dropped_by_its_owner_is_no_news() {
    let lab = Lab::new();
    let id = sh(&lab, &[], "sleep 300");
    super::running(&lab, &id);
    lab.ok(&["drop", &id]);
    assert_eq!(news(&lab), [] as [String; 0]);
}

#[test]
fn an_end_is_in_the_log_once_whoever_comes_by() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let id = sh(&lab, &[], "read x < go; exit 3");
    super::running(&lab, &id);
    go.open();
    // All of them settle, while the supervisor does too.
    let visitors: Vec<_> = (0..6).map(|_| lab.session("visitor").spawn(&["wait", &id])).collect();
    visitors.into_iter().for_each(|mut visitor| assert_eq!(visitor.wait().unwrap().code(), Some(1)));
    let log = lab.ok(&["log", &id]);
    assert_eq!(log.matches("failed with exit code 3").count(), 1, "{log}");
}
