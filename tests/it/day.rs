//! A day of an agent, told by its host alone: it starts, works, is compacted, is killed without a word; the next one is told
//! what is unfinished. Nobody ever calls `state`.

use crate::hook::claude;
use crate::support::{Workspace, files_under};
use serde_json::json;
use std::process::{Command, Stdio};

/// A process that lives until it is dropped, as the host of a session.
pub struct Host(std::process::Child);

impl Host {
    pub fn start() -> Self {
        Self(Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap())
    }

    pub fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_killed_session_leaves_its_unfinished_work_to_the_next() {
    let w = Workspace::git();
    let transcript =
        files_under("fixtures/transcripts", "jsonl").into_iter().find(|path| path.ends_with("claude-killed.jsonl"));
    let text = std::fs::read_to_string(transcript.unwrap()).unwrap().replace("/home/u/proj", w.dir().to_str().unwrap());
    let transcript = w.root().join("transcript.jsonl");
    std::fs::write(&transcript, text).unwrap();

    let host = Host::start();
    let shell = w.hosted().with_var("CLAUDE_PID", &host.pid());
    let first = |name: &str, mut fields: serde_json::Value| {
        fields["transcript_path"] = json!(transcript);
        claude(&shell, "first", name, fields)
    };
    first("SessionStart", json!({"source": "startup"}));
    first("UserPromptSubmit", json!({"prompt": "go on with the negative durations"}));
    first("PostToolUse", json!({"tool_name": "Edit", "tool_input": {"file_path": "test_durations.py"}}));
    first("PreCompact", json!({"trigger": "auto"}));
    first("SessionStart", json!({"source": "compact"}));

    let other = Host::start();
    let second = w.hosted().with_var("CLAUDE_PID", &other.pid());
    let beside = claude(&second, "beside", "SessionStart", json!({"source": "startup"}));
    assert!(!beside.contains("crashed"), "it still works: {beside}");

    host.kill();
    let briefing = claude(&second, "second", "SessionStart", json!({"source": "startup"}));
    for words in ["crashed", "(auto)", "negative durations", "test_durations.py", "test_negative"] {
        assert!(briefing.contains(words), "{words} is missing in\n{briefing}");
    }
    assert_eq!(w.search(&["kind:handoff", "negative"]).len(), 1, "one handoff, found by what it says");
    let again = claude(&second, "third", "SessionStart", json!({"source": "startup"}));
    assert!(again.contains("negative durations"), "{again}");
    assert_eq!(w.search(&["kind:handoff"]).len(), 1, "and only one");
}

#[test]
fn a_handoff_of_its_own_takes_the_place_of_the_automatic_one() {
    let w = Workspace::git();
    let host = Host::start();
    let shell = w.hosted().with_var("CLAUDE_PID", &host.pid());
    claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": "make the parser fast"}));
    claude(&shell, "s1", "Stop", json!({"last_assistant_message": "Half done. Next: measure it."}));
    claude(&shell, "s1", "PreCompact", json!({}));
    assert!(w.ok(&["resume", "--full"]).contains("(auto)"));
    let agent = shell.with_var("CLAUDE_CODE_SESSION_ID", "s1");
    agent.ok_with(&["add", "-"], "# Parser\n\n## Next\n\n- measure the parser\n");
    claude(&shell, "s1", "Stop", json!({"last_assistant_message": "Handed off."}));
    claude(&shell, "s1", "SessionEnd", json!({"reason": "other"}));
    let briefing = w.ok(&["resume", "--full"]);
    assert!(briefing.contains("measure the parser") && !briefing.contains("(auto)"), "{briefing}");
    assert!(briefing.contains("ended"), "{briefing}");
}

#[test]
fn a_session_that_did_nothing_leaves_nothing() {
    let w = Workspace::git();
    let shell = w.hosted();
    claude(&shell, "s1", "SessionStart", json!({"source": "startup"}));
    claude(&shell, "s1", "SessionEnd", json!({"reason": "prompt_input_exit"}));
    assert_eq!(w.json(&["log"])["entries"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_session_that_goes_on_after_its_end_is_one_session() {
    let w = Workspace::git();
    let host = Host::start();
    let shell = w.hosted().with_var("CLAUDE_PID", &host.pid());
    for request in ["first half", "second half"] {
        claude(&shell, "s1", "SessionStart", json!({"source": "resume"}));
        claude(&shell, "s1", "UserPromptSubmit", json!({"prompt": request}));
        claude(&shell, "s1", "Stop", json!({"last_assistant_message": format!("Done with the {request}.")}));
        claude(&shell, "s1", "SessionEnd", json!({"reason": "other"}));
    }
    assert_eq!(w.search(&["kind:handoff"]).len(), 1);
    assert!(w.ok(&["resume", "--full"]).contains("second half"));
}
