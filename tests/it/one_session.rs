//! Hooks, tools and shell of one host are one session, whichever of them is told its id. The test is the host: all that it
//! starts has the same process above it.

use crate::hook::send;
use crate::mcp_client::{Client, Era};
use crate::support::{Shell, Workspace, records};
use serde_json::{Value, json};

/// Hosts that tell only their hooks which session it is; what their clients are called; what their shells have around them.
const HOSTS: [(&str, &str, &str); 4] = [
    ("gemini", "gemini-cli-mcp-client", "GEMINI_CLI"),
    ("opencode", "opencode", "OPENCODE"),
    ("cursor", "cursor-vscode", "CURSOR_AGENT"),
    ("copilot", "Visual Studio Code", ""),
];

const HANDOFF: &str = "# Rotation of keys\n\n## Next\n\n- Rotate the second key by hand\n";

fn event(shell: &Shell, (host, session): (&str, &str), name: &str, more: Value) -> String {
    let mut event = json!({"session_id": session, "hook_event_name": name});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(shell, host, event)
}

fn serve(shell: &Shell, client: &str) -> Client {
    Client::named(shell, Era::Handshake("2025-06-18"), client)
}

/// The name of the session that wrote a record.
fn written_by(workspace: &Workspace, id: &str) -> String {
    let session = workspace.field(id, "session").as_str().expect("a session").to_owned();
    workspace.field(&session, "title").as_str().unwrap().to_owned()
}

fn noted(client: &mut Client) -> String {
    client.add(json!({"kind": "note", "title": "by a tool"}))
}

#[test]
fn a_handoff_written_by_a_tool_is_that_of_the_session() {
    for (host, client, _) in HOSTS {
        let w = Workspace::git();
        let shell = w.hosted();
        let first = (host, "g1");
        let mut tools = serve(&shell, client);
        event(&shell, first, "SessionStart", json!({"source": "startup"}));
        event(&shell, first, "UserPromptSubmit", json!({"prompt": "rotate the keys"}));
        tools.ok("add", json!({"text": HANDOFF}));
        event(&shell, first, "Stop", json!({"last_assistant_message": "Handed off."}));
        event(&shell, first, "SessionEnd", json!({"reason": "exit"}));
        let briefing = event(&shell, (host, "g2"), "SessionStart", json!({"source": "startup"}));
        assert!(briefing.contains("Rotation of keys") && briefing.contains("second key"), "{host}: {briefing}");
        assert!(!briefing.contains("(auto)"), "{host}: {briefing}");
        assert_eq!(w.search(&["kind:handoff"]).len(), 1, "{host}");
    }
}

#[test]
fn tools_and_shell_act_as_the_session_that_the_hooks_told_of() {
    for (host, client, sign) in HOSTS {
        let w = Workspace::git();
        let shell = w.hosted();
        let mut tools = serve(&shell, client);
        let alone = noted(&mut tools);
        assert!(written_by(&w, &alone).starts_with(&format!("{host}:mcp-")), "no hook told of one yet");
        for session in ["g1", "g2"] {
            event(&shell, (host, session), "UserPromptSubmit", json!({"prompt": "grease the gears"}));
            let id = noted(&mut tools);
            assert_eq!(written_by(&w, &id), format!("{host}:{session}"), "the one that was heard of last");
            assert_eq!(w.field(&id, "actor"), host);
            if !sign.is_empty() {
                let id = shell.with_var(sign, "1").add("note", "by the shell");
                assert_eq!(written_by(&w, &id), format!("{host}:{session}"));
            }
        }
        let person = written_by(&w, &shell.add("note", "by a person"));
        assert!(person.starts_with("term:"), "{person}");
    }
}

#[test]
fn the_shell_of_codex_is_the_session_of_its_hooks() {
    let w = Workspace::git();
    let shell = w.hosted();
    event(&shell, ("codex", "t1"), "UserPromptSubmit", json!({"prompt": "grease the gears"}));
    let id = shell.with_var("CODEX_THREAD_ID", "t1").add("note", "by the shell");
    assert_eq!((written_by(&w, &id).as_str(), w.field(&id, "actor")), ("codex:t1", json!("codex")));
}

#[test]
fn after_clear_the_server_of_claude_acts_as_the_new_session() {
    let w = Workspace::git();
    let shell = w.hosted().with_var("CLAUDECODE", "1");
    // The server keeps the environment that it was started in.
    let mut tools = serve(&shell.with_var("CLAUDE_CODE_SESSION_ID", "old"), "claude-code");
    let (old, new) = (("claude", "old"), ("claude", "new"));
    assert_eq!(written_by(&w, &noted(&mut tools)), "claude:old", "no hook told of another");
    event(&shell, old, "UserPromptSubmit", json!({"prompt": "grease the gears"}));
    assert_eq!(written_by(&w, &noted(&mut tools)), "claude:old");
    event(&shell, old, "SessionEnd", json!({"reason": "clear"}));
    event(&shell, new, "SessionStart", json!({"source": "clear"}));
    event(&shell, new, "UserPromptSubmit", json!({"prompt": "rotate the keys"}));
    assert_eq!(written_by(&w, &noted(&mut tools)), "claude:new");
    tools.ok("add", json!({"text": HANDOFF}));
    let ended = records(&w.json(&["show", "session/claude:old"]))[0]["status"].clone();
    assert_eq!(ended, "ended", "it stays what it is");
    event(&shell, new, "SessionEnd", json!({"reason": "other"}));
    let briefing = event(&shell, ("claude", "next"), "SessionStart", json!({"source": "startup"}));
    assert!(briefing.contains("Rotation of keys"), "{briefing}");
}

#[test]
fn a_host_within_another_is_not_taken_for_it() {
    let w = Workspace::git();
    // Codex, started by an agent of Claude: the variables of that one are around it.
    let outer = w.hosted().with_var("CLAUDECODE", "1").with_var("CLAUDE_CODE_SESSION_ID", "outer");
    let inner = outer.with_var("CLAUDE_PID", "1").with_var("STATE_SESSION", "claude:outer");
    event(&inner, ("codex", "t1"), "UserPromptSubmit", json!({"prompt": "grease the gears"}));
    let mut tools = serve(&inner, "codex-mcp-client");
    assert_eq!(written_by(&w, &noted(&mut tools)), "codex:t1");
    let id = inner.with_var("CODEX_THREAD_ID", "t1").add("note", "by the shell");
    assert_eq!(written_by(&w, &id), "codex:t1");
    let mut files = std::fs::read_dir(w.store().join("activity")).unwrap().map(|file| file.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|extension| extension == "json")).unwrap();
    let activity: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(!activity["process"].as_str().unwrap().starts_with("1:"), "{activity}");
}
