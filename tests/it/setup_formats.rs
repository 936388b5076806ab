//! What stands in the files of the hosts is what the hosts read: the forms of INTEGRATION, sections 1 to 6.

use crate::support::{Workspace, installed as is_installed, transcript};
use serde_json::{Value, json};
use std::path::Path;

const STATE: &str = env!("CARGO_BIN_EXE_state");

fn installed(host: &str) -> Workspace {
    let workspace = Workspace::empty();
    workspace.ok(&["setup", host]);
    workspace.ok(&["setup", host, "--project"]);
    workspace
}

fn read(workspace: &Workspace, path: &str) -> Value {
    let text = std::fs::read_to_string(workspace.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"))
}

/// What every event runs, however deep: the handlers, by event.
fn handlers(hooks: &Value) -> Vec<(String, Value)> {
    let events = hooks["hooks"].as_object().unwrap();
    events.iter().map(|(event, entries)| (event.clone(), entries[0].clone())).collect()
}

fn names(hooks: &Value) -> Vec<String> {
    let mut names: Vec<String> = handlers(hooks).into_iter().map(|(event, _)| event).collect();
    names.sort();
    names
}

const PASCAL: [&str; 7] =
    ["PostToolUse", "PreCompact", "SessionEnd", "SessionStart", "Stop", "SubagentStop", "UserPromptSubmit"];

#[test]
fn claude() {
    let workspace = installed("claude");
    for path in ["home/.claude/settings.json", "work/.claude/settings.json"] {
        let hooks = read(&workspace, path);
        assert_eq!(names(&hooks), PASCAL);
        for (event, group) in handlers(&hooks) {
            let timeout = if event == "SessionEnd" { 10 } else { 5 };
            let handler = json!({"type": "command", "command": STATE, "args": ["hook", "claude"], "timeout": timeout});
            assert_eq!(group["hooks"], json!([handler]), "{event}");
            let matcher =
                if event == "PostToolUse" { json!("Bash|Edit|Write|MultiEdit|NotebookEdit") } else { Value::Null };
            assert_eq!(group["matcher"], matcher, "{event}");
        }
    }
    for path in ["home/.claude.json", "work/.mcp.json"] {
        let entry = json!({"type": "stdio", "command": STATE, "args": ["mcp"]});
        assert_eq!(read(&workspace, path), json!({"mcpServers": {"state": entry}}));
    }
}

#[test]
fn codex() {
    let workspace = installed("codex");
    for folder in ["home/.codex", "work/.codex"] {
        let hooks = read(&workspace, &format!("{folder}/hooks.json"));
        assert_eq!(names(&hooks), PASCAL);
        for (event, group) in handlers(&hooks) {
            let timeout = if event == "SessionEnd" { 3 } else { 5 };
            let handler = json!({"type": "command", "command": format!("{STATE} hook codex"), "timeout": timeout});
            assert_eq!(group["hooks"], json!([handler]), "{event}: a shell string, no args");
        }
        let config = std::fs::read_to_string(workspace.root().join(folder).join("config.toml")).unwrap();
        assert_eq!(config, format!("[mcp_servers.state]\ncommand = \"{STATE}\"\nargs = [\"mcp\"]\n"));
    }
    let steps = workspace.ok(&["setup", "codex"]);
    assert!(steps.contains("/hooks") && steps.contains("writable_roots"), "{steps}");
    let table: String =
        steps.lines().skip_while(|line| !line.contains("[sandbox_")).take(2).map(|line| format!("{line}\n")).collect();
    let table: toml_edit::DocumentMut = table.parse().unwrap_or_else(|error| panic!("{error} in {table}"));
    assert_eq!(table["sandbox_workspace_write"]["writable_roots"].as_array().map(toml_edit::Array::len), Some(1));
    assert!(steps.contains("in each repository: state init"), "{steps}");
}

#[test]
fn gemini() {
    let workspace = installed("gemini");
    for path in ["home/.gemini/settings.json", "work/.gemini/settings.json"] {
        let settings = read(&workspace, path);
        assert_eq!(names(&settings), ["AfterAgent", "AfterTool", "BeforeAgent", "SessionEnd", "SessionStart"]);
        for (event, group) in handlers(&settings) {
            let command = format!("{STATE} hook gemini");
            let handler = json!({"type": "command", "name": "state", "command": command, "timeout": 5000});
            assert_eq!(group["hooks"], json!([handler]), "milliseconds");
            assert_eq!(
                group.get("matcher").is_some(),
                event == "AfterTool",
                "{event}: no alternatives in its matchers"
            );
        }
        assert_eq!(settings["mcpServers"], json!({"state": {"command": STATE, "args": ["mcp"]}}));
    }
}

#[test]
fn opencode() {
    let workspace = installed("opencode");
    for path in ["home/.config/opencode/opencode.json", "work/opencode.json"] {
        let entry = json!({"type": "local", "command": [STATE, "mcp"], "enabled": true});
        assert_eq!(read(&workspace, path), json!({"mcp": {"state": entry}}));
    }
    for path in ["home/.config/opencode/plugins/state.js", "work/.opencode/plugins/state.js"] {
        let plugin = std::fs::read_to_string(workspace.root().join(path)).unwrap();
        assert!(plugin.contains(&format!("const STATE = \"{STATE}\";\n")) && plugin.matches("export ").count() == 1);
    }
}

#[test]
fn cursor_and_copilot() {
    let workspace = installed("cursor");
    for folder in ["home/.cursor", "work/.cursor"] {
        let hooks = read(&workspace, &format!("{folder}/hooks.json"));
        assert_eq!(hooks["version"], 1);
        for (event, entry) in handlers(&hooks) {
            assert!(event.starts_with(|c: char| c.is_ascii_lowercase()));
            assert_eq!(entry, json!({"command": format!("{STATE} hook cursor"), "timeout": 5}));
        }
        let servers = read(&workspace, &format!("{folder}/mcp.json"));
        assert_eq!(servers, json!({"mcpServers": {"state": {"command": STATE, "args": ["mcp"]}}}));
    }
    let rule = std::fs::read_to_string(workspace.root().join("work/.cursor/rules/state.mdc")).unwrap();
    assert!(rule.starts_with("---\ndescription: ") && rule.contains("\nalwaysApply: true\n---\n"), "{rule}");

    let workspace = installed("copilot");
    for path in ["home/.copilot/hooks/state.json", "work/.github/hooks/state.json"] {
        let hooks = read(&workspace, path);
        assert_eq!((&hooks["version"], names(&hooks)), (&json!(1), PASCAL.map(str::to_owned).to_vec()));
        for (_, entry) in handlers(&hooks) {
            let command = format!("{STATE} hook copilot");
            assert_eq!(entry, json!({"type": "command", "command": command, "timeoutSec": 5}));
        }
    }
    let server = read(&workspace, "work/.vscode/mcp.json");
    assert_eq!(server, json!({"servers": {"state": {"type": "stdio", "command": STATE, "args": ["mcp"]}}}));
    let server = read(&workspace, "home/.copilot/mcp-config.json")["mcpServers"]["state"].clone();
    assert_eq!((&server["command"], &server["args"]), (&json!(STATE), &json!(["mcp"])));
}

/// The block is short, states facts, and is the same in every file; the skill has a name and a description.
#[test]
fn instructions_and_skill() {
    let files = [
        ("claude", "home/.claude/CLAUDE.md", "home/.claude/skills/state/SKILL.md"),
        ("codex", "work/AGENTS.md", "home/.codex/skills/state/SKILL.md"),
        ("gemini", "home/.gemini/GEMINI.md", "home/.gemini/skills/state/SKILL.md"),
        ("opencode", "home/.config/opencode/AGENTS.md", "work/.opencode/skills/state/SKILL.md"),
        ("copilot", "work/.github/copilot-instructions.md", "home/.copilot/skills/state/SKILL.md"),
    ];
    let mut blocks = Vec::new();
    for (host, block, skill) in files {
        let workspace = installed(host);
        let read = |path: &str| std::fs::read_to_string(workspace.root().join(Path::new(path))).unwrap();
        blocks.push(read(block));
        assert!(read(skill).starts_with("---\nname: state\ndescription: "), "{host}");
        assert!(read(skill).ends_with(&workspace.ok(&["prime"])), "{host}");
    }
    assert!(blocks.windows(2).all(|two| two[0] == two[1]));
    let block = &blocks[0];
    assert!(block.starts_with("<!-- state:start v1 -->\n") && block.ends_with("<!-- state:end -->\n"));
    assert!(block.lines().count() <= 10, "{block}");
    for order in ["must", "always", "never", "commit", "push"] {
        assert!(!block.to_lowercase().contains(order), "{order}");
    }
}

/// Calls every hook of the plugin with good and with odd events, and says at the end what reached the model.
const DRIVER: &str = r#"
import { StatePlugin } from "./state.mjs"
const hooks = await StatePlugin({ directory: process.cwd() })
const id = "ses_1", system = [], later = [], context = [], shells = []
const event = (type, properties) => hooks.event({ event: { type, properties } })
await event("session.created", { info: { id } })
await event("session.created", { info: { id: "ses_2", parentID: id } })
await hooks["chat.message"]({ sessionID: id }, { parts: [{ type: "text", text: "go on" }, { type: "file" }] })
await hooks["experimental.chat.system.transform"]({ sessionID: id }, { system })
await hooks["experimental.chat.system.transform"]({ sessionID: "ses_2" }, { system })
await hooks["tool.execute.after"]({ tool: "edit", sessionID: "ses_2", callID: "c", args: { filePath: "/a" } }, {})
await hooks["tool.execute.after"]({ tool: "read", sessionID: id, callID: "c" }, {})
await hooks["tool.execute.after"]({ tool: "bash", sessionID: id, callID: "b", args: { command: "ls" } }, {})
await hooks["experimental.chat.system.transform"]({ sessionID: id }, { system: later })
for (const given of ["", "mine", "claude:6d1e"]) for (const sessionID of [id, "ses_2", undefined]) {
  const output = { env: {} }
  process.env.STATE_SESSION = given
  await hooks["shell.env"]({ cwd: "/", sessionID }, output)
  shells.push(output.env.STATE_SESSION ?? null)
}
await hooks["tool.execute.before"]({ tool: "edit", sessionID: id, callID: "failed" }, { args: { filePath: "/failed" } })
await event("message.updated", { info: { id: "m", sessionID: id, role: "assistant" } })
await event("message.part.updated", { part: { type: "text", messageID: "m", sessionID: id, text: "all do" } })
await event("message.part.updated", { part: { type: "text", messageID: "m", sessionID: id, text: "all done", time: { start: 1, end: 2 } } })
await event("session.idle", { sessionID: id })
await hooks["experimental.session.compacting"]({ sessionID: id }, { context })
await event("message.part.updated", { part: { type: "text", messageID: "m", sessionID: id, text: "forgotten", time: { end: 3 } } })
await hooks["tool.execute.after"]({ tool: "edit", sessionID: id, callID: "failed" }, {})
for (const odd of [undefined, null, {}, { type: "session.created" }, { type: "constructor", properties: 7 }]) await hooks.event({ event: odd })
for (const name of Object.keys(hooks)) await hooks[name]()
await hooks.dispose()
console.log(JSON.stringify({ system, later, context, shells }))
"#;

#[test]
fn the_plugin_tells_and_neither_throws_nor_hangs() {
    if !is_installed("node") {
        eprintln!("skipped: needs node");
        return;
    }
    let workspace = Workspace::empty();
    workspace.ok(&["setup", "opencode"]);
    let plugin = workspace.root().join("home/.config/opencode/plugins/state.js");
    let plugin = std::fs::read_to_string(plugin).unwrap();
    workspace.write("drive.mjs", DRIVER);
    let recorder = "#!/bin/sh\n[ \"$*\" = 'hook opencode' ] || exit 1\ncat >>said\necho >>said\necho from state\n";
    let programs = [
        ("tells", recorder),
        ("fails", "#!/bin/sh\nexit 3\n"),
        ("hangs", "#!/bin/sh\nexec sleep 1000\n"),
        ("missing", ""),
    ];
    for (name, script) in programs {
        let program = workspace.dir().join(name);
        if !script.is_empty() {
            let made = format!("cat >'{}' && chmod +x '{}'", program.display(), program.display());
            let mut shell =
                workspace.program("sh").arg("-c").arg(made).stdin(std::process::Stdio::piped()).spawn().unwrap();
            std::io::Write::write_all(&mut shell.stdin.take().unwrap(), script.as_bytes()).unwrap();
            assert!(shell.wait().unwrap().success());
        }
        workspace.write("state.mjs", plugin.replace(&json!(STATE).to_string(), &json!(program).to_string()));
        let output = workspace.program("node").arg("drive.mjs").output().unwrap();
        assert!(output.status.success(), "{name}: {}", transcript(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let texts = |count| vec!["from state".to_owned(); if name == "tells" { count } else { 0 }];
        let own = "opencode:ses_1";
        let shells = json!([own, own, null, null, null, null, own, own, null]);
        let mut later = texts(2);
        // News of the tools come after those of the prompt.
        if let Some(news) = later.last_mut() {
            *news = [news.as_str(); 3].join("\n\n");
        }
        let expected = json!({"system": texts(2), "later": later, "context": texts(1), "shells": shells});
        assert_eq!(answer, expected, "{name}");
    }
    let said = std::fs::read_to_string(workspace.dir().join("said")).unwrap();
    let cwd = workspace.dir().canonicalize().unwrap();
    let event = |name: &str, mut more: Value| {
        more["hook_event_name"] = json!(name);
        more["session_id"] = json!("ses_1");
        more["cwd"] = json!(cwd);
        more
    };
    let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        event("SessionStart", json!({"source": "startup"})),
        event("UserPromptSubmit", json!({"prompt": "go on"})),
        event("PostToolUse", json!({"tool_name": "edit", "tool_input": {"filePath": "/a"}, "agent_id": "ses_2"})),
        event("PostToolUse", json!({"tool_name": "bash", "tool_input": {"command": "ls"}})),
        event("AssistantMessage", json!({"last_assistant_message": "all done"})),
        event("Stop", json!({"last_assistant_message": "all done"})),
        event("PreCompact", json!({})),
        event("PostToolUse", json!({"tool_name": "edit", "tool_input": {}})),
    ];
    assert_eq!(said[..8], expected, "what is over is kept no longer");
    assert_eq!(said.last().unwrap(), &event("SessionEnd", json!({})));
}
