//! What each host gets: its files, and in them its events and entries in the host's own form.

use super::edit::{Edit, Hooks, PLUGIN_MARK, SKILL_MARK};
use super::host::{Host, Places, Scope};
use super::owner::{plugin_line, shell_quoted};
use super::toml;
use super::value::{Json, texts};
use std::path::PathBuf;

/// A file of a host and what is to be in it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What is to be in it, in the order of writing.
    pub(super) edits: Vec<Edit>,
}

const PLUGIN: &str = include_str!("plugin.js");
const RULE_MARK: &str = "<!-- state:start v1 -->";
const RULE: &str = "---\ndescription: What state knows of this project\nglobs:\nalwaysApply: true\n---\n";

/// Tools that change files, and the shell, by the host's names: what is edited is noted, and an agent at work hears between
/// two of them of jobs that have ended.
const CLAUDE_TOOLS: &str = "Bash|Edit|Write|MultiEdit|NotebookEdit";
const CODEX_TOOLS: &str = "Bash|apply_patch|Edit|Write";
const GEMINI_TOOLS: &str = "run_shell_command|write_file|replace";

/// Seconds. A hook answers within one; a host that waits longer waits for a machine that stands still.
const TIMEOUT: u32 = 5;

/// The files of a host, for this program. `passed` are variables that hosts which filter the environment must pass on.
pub(super) fn targets(
    host: Host,
    scope: Scope,
    places: &Places,
    (program, passed): (&str, &[&'static str]),
) -> Vec<Target> {
    let folder = places.folder(host, scope);
    let skill = Edit::Whole { text: super::super::prime::SKILL.to_owned(), mark: SKILL_MARK };
    let mut targets: Vec<(PathBuf, Vec<Edit>)> = match host {
        Host::Claude => vec![
            (folder.join("settings.json"), vec![claude_hooks(program)]),
            (claude_servers(places, scope), vec![Edit::Server("mcpServers", stdio(program))]),
        ],
        Host::Codex => vec![
            (folder.join("hooks.json"), vec![codex_hooks(program)]),
            (folder.join("config.toml"), vec![Edit::TomlServer(codex_server(program, passed))]),
        ],
        Host::Gemini => vec![(
            folder.join("settings.json"),
            vec![gemini_hooks(program), Edit::Server("mcpServers", plain(program))],
        )],
        Host::OpenCode => vec![
            (folder.join("plugins/state.js"), vec![opencode_plugin(program)]),
            (places.opencode_json(scope), vec![Edit::Server("mcp", opencode_server(program))]),
        ],
        Host::Cursor => vec![
            (folder.join("hooks.json"), vec![cursor_hooks(program)]),
            (folder.join("mcp.json"), vec![Edit::Server("mcpServers", plain(program))]),
        ],
        Host::Copilot => vec![
            (folder.join("hooks/state.json"), vec![copilot_hooks(program)]),
            copilot_server(&folder, places, scope, program),
        ],
    };
    targets.extend(instructions(host, scope, places));
    targets.push((folder.join("skills/state/SKILL.md"), vec![skill]));
    targets.into_iter().map(|(path, edits)| Target { path, edits }).collect()
}

/// The file that the host puts into every context, with the block in it. Not every host has one for the user.
fn instructions(host: Host, scope: Scope, places: &Places) -> Option<(PathBuf, Vec<Edit>)> {
    let (user, root) = (places.folder(host, Scope::User), &places.root);
    let path = match (host, scope) {
        (Host::Claude, Scope::User) => user.join("CLAUDE.md"),
        // Where there is no CLAUDE.md, AGENTS.md is read; a new CLAUDE.md would silence it.
        (Host::Claude, Scope::Project) if !root.join("CLAUDE.md").exists() && root.join("AGENTS.md").exists() => {
            root.join("AGENTS.md")
        }
        (Host::Claude, Scope::Project) => root.join("CLAUDE.md"),
        (Host::Codex | Host::OpenCode, Scope::User) => user.join("AGENTS.md"),
        (Host::Codex | Host::OpenCode, Scope::Project) => root.join("AGENTS.md"),
        (Host::Gemini, Scope::User) => user.join("GEMINI.md"),
        (Host::Gemini, Scope::Project) => root.join("GEMINI.md"),
        (Host::Copilot, Scope::Project) => root.join(".github/copilot-instructions.md"),
        (Host::Cursor, Scope::Project) => {
            let text = super::block::insert(RULE).unwrap_or_default();
            return Some((root.join(".cursor/rules/state.mdc"), vec![Edit::Whole { text, mark: RULE_MARK }]));
        }
        (Host::Cursor | Host::Copilot, Scope::User) => return None,
    };
    Some((path, vec![Edit::Block]))
}

fn claude_servers(places: &Places, scope: Scope) -> PathBuf {
    if scope == Scope::User { places.claude_json() } else { places.root.join(".mcp.json") }
}

fn claude_hooks(program: &str) -> Edit {
    let entry = |matcher: Option<&str>, timeout| {
        let handler = Json::Map(vec![
            ("type", "command".into()),
            ("command", program.into()),
            ("args", texts(&["hook", "claude"])),
            ("timeout", Json::Number(timeout)),
        ]);
        group(matcher, handler)
    };
    let events = vec![
        ("SessionStart", entry(None, TIMEOUT)),
        ("UserPromptSubmit", entry(None, TIMEOUT)),
        ("PostToolUse", entry(Some(CLAUDE_TOOLS), TIMEOUT)),
        ("PreCompact", entry(None, TIMEOUT)),
        ("Stop", entry(None, TIMEOUT)),
        ("SubagentStop", entry(None, TIMEOUT)),
        // All hooks of the end together have 1.5 s, unless one asks for more.
        ("SessionEnd", entry(None, 10)),
    ];
    Edit::Hooks(Hooks { host: "claude", events, version: false })
}

fn codex_hooks(program: &str) -> Edit {
    let entry = |matcher: Option<&str>, timeout| {
        let handler = Json::Map(vec![
            ("type", "command".into()),
            ("command", command(program, "codex")),
            ("timeout", Json::Number(timeout)),
        ]);
        group(matcher, handler)
    };
    let events = vec![
        ("SessionStart", entry(None, TIMEOUT)),
        ("UserPromptSubmit", entry(None, TIMEOUT)),
        ("PostToolUse", entry(Some(CODEX_TOOLS), TIMEOUT)),
        ("PreCompact", entry(None, TIMEOUT)),
        ("Stop", entry(None, TIMEOUT)),
        ("SubagentStop", entry(None, TIMEOUT)),
        // More is cut to this, with a warning.
        ("SessionEnd", entry(None, 3)),
    ];
    Edit::Hooks(Hooks { host: "codex", events, version: false })
}

/// Without `PreCompress`, which fires before every request of a turn, whether or not anything is compressed.
fn gemini_hooks(program: &str) -> Edit {
    let entry = |matcher: Option<&str>| {
        let handler = Json::Map(vec![
            ("type", "command".into()),
            ("name", "state".into()),
            ("command", command(program, "gemini")),
            ("timeout", Json::Number(TIMEOUT * 1000)),
        ]);
        group(matcher, handler)
    };
    let events = vec![
        ("SessionStart", entry(None)),
        ("BeforeAgent", entry(None)),
        ("AfterTool", entry(Some(GEMINI_TOOLS))),
        ("AfterAgent", entry(None)),
        ("SessionEnd", entry(None)),
    ];
    Edit::Hooks(Hooks { host: "gemini", events, version: false })
}

fn cursor_hooks(program: &str) -> Edit {
    let names = [
        "sessionStart",
        "beforeSubmitPrompt",
        "afterFileEdit",
        // Its stop does not say what the agent said.
        "afterAgentResponse",
        "preCompact",
        "stop",
        "subagentStop",
        "sessionEnd",
    ];
    let entry = Json::Map(vec![("command", command(program, "cursor")), ("timeout", Json::Number(TIMEOUT))]);
    let events = names.into_iter().map(|name| (name, entry.clone())).collect();
    Edit::Hooks(Hooks { host: "cursor", events, version: true })
}

/// Names of events in this form make the host send what all others send: `hook_event_name`, `session_id`.
fn copilot_hooks(program: &str) -> Edit {
    let names = ["SessionStart", "UserPromptSubmit", "PostToolUse", "PreCompact", "Stop", "SubagentStop", "SessionEnd"];
    let entry = Json::Map(vec![
        ("type", "command".into()),
        ("command", command(program, "copilot")),
        ("timeoutSec", Json::Number(TIMEOUT)),
    ]);
    let events = names.into_iter().map(|name| (name, entry.clone())).collect();
    Edit::Hooks(Hooks { host: "copilot", events, version: true })
}

/// What a shell is to run.
fn command(program: &str, host: &str) -> Json {
    Json::Text(format!("{} hook {host}", shell_quoted(program)))
}

fn group(matcher: Option<&str>, handler: Json) -> Json {
    let mut members: Vec<_> = matcher.map(|matcher| ("matcher", matcher.into())).into_iter().collect();
    members.push(("hooks", Json::List(vec![handler])));
    Json::Map(members)
}

fn plain(program: &str) -> Json {
    Json::Map(vec![("command", program.into()), ("args", texts(&["mcp"]))])
}

fn stdio(program: &str) -> Json {
    Json::Map(vec![("type", "stdio".into()), ("command", program.into()), ("args", texts(&["mcp"]))])
}

fn codex_server(program: &str, passed: &[&'static str]) -> toml::Server {
    toml::Server { program: program.to_owned(), variables: passed.to_vec() }
}

fn opencode_server(program: &str) -> Json {
    Json::Map(vec![("type", "local".into()), ("command", texts(&[program, "mcp"])), ("enabled", Json::Bool(true))])
}

fn opencode_plugin(program: &str) -> Edit {
    Edit::Whole { text: PLUGIN.replace("const STATE = \"PROGRAM\";", &plugin_line(program)), mark: PLUGIN_MARK }
}

fn copilot_server(folder: &std::path::Path, places: &Places, scope: Scope, program: &str) -> (PathBuf, Vec<Edit>) {
    if scope == Scope::Project {
        return (places.root.join(".vscode/mcp.json"), vec![Edit::Server("servers", stdio(program))]);
    }
    let entry = Json::Map(vec![
        ("type", "local".into()),
        ("command", program.into()),
        ("args", texts(&["mcp"])),
        ("tools", texts(&["*"])),
    ]);
    (folder.join("mcp-config.json"), vec![Edit::Server("mcpServers", entry)])
}
