//! Lines of a Codex rollout: `{timestamp, type, payload}`.
//!
//! The same thing can be told twice, as an item of the conversation and as an event; what is made of it is keyed, so that
//! once and twice are the same. Newer models call tools from a script: `await tools.exec_command({"cmd": "…"})`.

use super::{
    Act, Answer, Entry, Meta, What, any_text, asked, content, ends, literal, owned, patched_paths, text, time, todos,
};
use serde_json::Value;

/// Calls of one script that are looked at.
const CALLS_MAX: usize = 20;

/// What a line with a payload says.
pub(super) fn entries(line: &Value) -> Vec<Entry> {
    let (at, payload) = (time(line), &line["payload"]);
    let found = match text(line, "type") {
        "session_meta" => vec![What::Meta(meta(payload))],
        "turn_context" => {
            vec![What::Meta(Meta { host: "codex".to_owned(), cwd: owned(payload, "cwd"), ..Meta::default() })]
        }
        // The summary that a model writes is no message to the person.
        "response_item" if line["metadata"]["compaction_output"] == Value::Bool(true) => Vec::new(),
        "response_item" => item(payload),
        "event_msg" => event(payload),
        "compacted" => vec![What::Summary(asked::undressed(&ends(text(payload, "message"))))],
        _ => Vec::new(),
    };
    found.into_iter().map(|what| Entry { at, aside: false, what }).collect()
}

/// What a line of an old rollout says, which is an item without an envelope.
pub(super) fn bare(line: &Value) -> Vec<Entry> {
    let at = time(line);
    let head = line.get("instructions").map(|_| What::Meta(meta(line)));
    head.into_iter().chain(item(line)).map(|what| Entry { at, aside: false, what }).collect()
}

fn meta(payload: &Value) -> Meta {
    let is_subagent =
        payload["source"].get("subagent").is_some() || text(payload, "thread_source").contains("subagent");
    Meta {
        host: "codex".to_owned(),
        session: owned(payload, "id").or_else(|| owned(payload, "session_id")),
        cwd: owned(payload, "cwd"),
        branch: owned(&payload["git"], "branch"),
        subagent: is_subagent,
    }
}

fn item(item: &Value) -> Vec<What> {
    let id = || ends(any_text(item, &["call_id", "id"]));
    match (text(item, "type"), text(item, "role")) {
        ("message", "user") => {
            let said = content(&item["content"]);
            asked::request(&said).map(What::Request).into_iter().collect()
        }
        ("message", "assistant") => message(&content(&item["content"])),
        ("function_call", _) => {
            let arguments = serde_json::from_str(text(item, "arguments")).unwrap_or(Value::Null);
            vec![What::Call { id: id(), act: act(text(item, "name"), &arguments) }]
        }
        ("local_shell_call", _) => vec![What::Call { id: id(), act: act("shell", &item["action"]) }],
        ("custom_tool_call", _) if text(item, "name") == "exec" => script(&id(), text(item, "input")),
        ("custom_tool_call", _) => {
            vec![What::Call { id: id(), act: act(text(item, "name"), &item["input"]) }]
        }
        ("function_call_output" | "custom_tool_call_output", _) => {
            vec![What::Answer { id: id(), answer: answer(&item["output"]) }]
        }
        _ => Vec::new(),
    }
}

fn message(said: &str) -> Vec<What> {
    if said.trim().is_empty() { Vec::new() } else { vec![What::Message(ends(said))] }
}

fn event(event: &Value) -> Vec<What> {
    match text(event, "type") {
        "user_message" => asked::request(text(event, "message")).map(What::Request).into_iter().collect(),
        "agent_message" => message(text(event, "message")),
        "task_complete" => message(text(event, "last_agent_message")),
        "error" | "stream_error" => vec![What::Trouble(ends(text(event, "message")))],
        "item_completed" => completed(&event["item"]),
        _ => Vec::new(),
    }
}

fn completed(item: &Value) -> Vec<What> {
    match text(item, "type") {
        "CommandExecution" => {
            let passed = match (item["exit_code"].as_i64(), text(item, "status")) {
                (Some(code), _) => Some(code == 0),
                (None, "completed") => Some(true),
                (None, "failed") => Some(false),
                _ => None,
            };
            let output = ends(text(item, "aggregated_output"));
            vec![What::Ran { line: argv(&item["command"]), answer: Answer { passed, output, ..Answer::default() } }]
        }
        "FileChange" if text(item, "status") != "failed" => {
            let paths =
                item["changes"].as_object().into_iter().flat_map(|changes| changes.keys().map(|path| ends(path)));
            vec![What::Changed(paths.collect())]
        }
        _ => Vec::new(),
    }
}

fn act(name: &str, input: &Value) -> Act {
    match name {
        "exec_command" | "shell" | "shell_command" | "container.exec" | "local_shell" => {
            let line = ["cmd", "command"].iter().map(|key| argv(&input[*key])).find(|line| !line.is_empty());
            let line = line.unwrap_or_default();
            match line.starts_with("apply_patch").then(|| patched_paths(&line)) {
                Some(paths) if !paths.is_empty() => Act::Edit(paths),
                _ => Act::Command { line, background: false },
            }
        }
        "apply_patch" => Act::Edit(patched_paths(input.as_str().unwrap_or_else(|| text(input, "input")))),
        "update_plan" => Act::Todos(todos(input.get("plan"))),
        "spawn_agent" => Act::Agent(ends(any_text(input, &["task_name", "message", "prompt"]))),
        "request_user_input" => Act::Question(ends(text(&input["questions"][0], "question"))),
        _ => Act::Other(name.to_owned()),
    }
}

/// A command as a text, or as the arguments of a shell.
fn argv(value: &Value) -> String {
    let Value::Array(words) = value else { return ends(value.as_str().unwrap_or("")) };
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    match words[..] {
        [shell, flag, line] if shell.ends_with("sh") && flag.starts_with('-') => ends(line),
        _ => ends(&words.join(" ")),
    }
}

/// The tools that a script calls with arguments that stand there as they are.
fn script(id: &str, input: &str) -> Vec<What> {
    let mut found = Vec::new();
    for (at, _) in input.match_indices("tools.").take(CALLS_MAX) {
        let Some((name, rest)) = input[at + "tools.".len()..].split_once('(') else { continue };
        if let Some(argument) = literal::read(rest) {
            found.push(What::Call { id: format!("{id}#{}", found.len()), act: act(name.trim(), &argument) });
        }
    }
    if found.is_empty() {
        let first = input.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        found.push(What::Call { id: id.to_owned(), act: Act::Other(ends(first)) });
    }
    found
}

/// The output of a tool: a text with the exit code on top, blocks, or JSON with it inside.
fn answer(output: &Value) -> Answer {
    let whole = match output {
        Value::Object(_) => ends(text(output, "content")),
        _ => content(output),
    };
    if let Some(inner) = whole.find('{').and_then(|at| serde_json::from_str::<Value>(whole[at..].trim()).ok()) {
        let code = inner["exit_code"].as_i64().or_else(|| inner["metadata"]["exit_code"].as_i64());
        let printed = owned(&inner, "output").unwrap_or_default();
        return Answer { passed: code.map(|code| code == 0), output: printed, ..Answer::default() };
    }
    let (top, printed) = whole.split_once("Output:\n").unwrap_or(("", &whole));
    let code = ["exited with code ", "Exit code: "].iter().find_map(|mark| {
        let rest = top.split_once(mark)?.1;
        rest.split(|c: char| !c.is_ascii_digit() && c != '-').next()?.parse::<i64>().ok()
    });
    let running = top.split_once("running with session ID ").map(|(_, rest)| rest.trim().to_owned());
    Answer { passed: code.map(|code| code == 0), output: printed.to_owned(), background: running, ..Answer::default() }
}
