//! Lines of Claude Code: `{type, message {role, content}, timestamp, sessionId, cwd, gitBranch, isSidechain, …}`.

use super::{
    Act, Answer, Entry, Meta, Todo, What, any_text, asked, content, ends, flag, owned, text, time, todo_state, todos,
};
use serde_json::Value;

/// Whether the line is one of Claude Code.
pub(super) fn is_line(line: &Value) -> bool {
    line.get("isSidechain").is_some()
        || line.get("sessionId").is_some()
        || line.get("message").is_some_and(Value::is_object)
}

/// What the line says.
pub(super) fn entries(line: &Value) -> Vec<Entry> {
    let mut found = vec![What::Meta(meta(line))];
    match text(line, "type") {
        "user" => user(line, &mut found),
        "assistant" => assistant(line, &mut found),
        "attachment" => found.extend(queued(&line["attachment"])),
        "queue-operation" if text(line, "operation") == "enqueue" => found.extend(over(text(line, "content"))),
        _ => {}
    }
    let (at, aside) = (time(line), flag(line, "isSidechain"));
    found.into_iter().map(|what| Entry { at, aside, what }).collect()
}

fn meta(line: &Value) -> Meta {
    Meta {
        host: "claude".to_owned(),
        session: owned(line, "sessionId"),
        cwd: owned(line, "cwd"),
        branch: owned(line, "gitBranch").filter(|branch| branch != "HEAD"),
        subagent: flag(line, "isSidechain"),
    }
}

fn user(line: &Value, found: &mut Vec<What>) {
    let message = &line["message"]["content"];
    if let Value::Array(blocks) = message {
        let results = blocks.iter().filter(|block| text(block, "type") == "tool_result");
        found.extend(results.filter_map(|block| result(block, &line["toolUseResult"])));
    }
    let said = content(message);
    if flag(line, "isCompactSummary") {
        found.push(What::Summary(asked::undressed(&said)));
        return;
    }
    found.extend(over(&said));
    let is_system = text(line, "promptSource") == "system" || !matches!(text(&line["origin"], "kind"), "" | "human");
    if !flag(line, "isMeta") && !is_system {
        found.extend(asked::summary(&said).map(What::Summary));
        found.extend(asked::request(&said).map(What::Request));
    }
}

/// A prompt that was typed while the agent was at work.
fn queued(attachment: &Value) -> Option<What> {
    let is_prompt =
        text(attachment, "type") == "queued_command" && text(attachment, "commandMode") != "task-notification";
    let prompt = if is_prompt { content(&attachment["prompt"]) } else { String::new() };
    asked::request(&prompt).map(What::Request)
}

/// The background work that a notification says to be over.
fn over(said: &str) -> Option<What> {
    let (_, rest) = said.split_once("<task-notification>")?;
    let (id, rest) = rest.split_once("<task-id>")?.1.split_once("</task-id>")?;
    let is_running = rest.contains("<status>running</status>");
    (!is_running).then(|| What::Over { id: ends(id.trim()) })
}

fn assistant(line: &Value, found: &mut Vec<What>) {
    let message = &line["message"]["content"];
    let blocks = message.as_array().map_or(&[][..], Vec::as_slice);
    let texts = blocks.iter().filter(|block| text(block, "type") == "text").map(|block| text(block, "text"));
    let said = texts.chain(message.as_str()).collect::<Vec<_>>().join("\n");
    if !said.trim().is_empty() && said.trim() != "(no content)" {
        let is_trouble = flag(line, "isApiErrorMessage") || text(&line["message"], "model") == "<synthetic>";
        found.push(if is_trouble { What::Trouble(ends(&said)) } else { What::Message(ends(&said)) });
    }
    for block in blocks.iter().filter(|block| text(block, "type") == "tool_use") {
        let (name, input) = (text(block, "name"), &block["input"]);
        if name == "ExitPlanMode" && !text(input, "plan").is_empty() {
            found.push(What::Message(ends(text(input, "plan"))));
        }
        found.push(What::Call { id: ends(text(block, "id")), act: act(name, input) });
    }
}

fn act(name: &str, input: &Value) -> Act {
    match name {
        "Bash" | "PowerShell" => {
            Act::Command { line: ends(text(input, "command")), background: flag(input, "run_in_background") }
        }
        "Edit" | "Write" | "MultiEdit" | "NotebookEdit" => {
            Act::Edit(vec![ends(any_text(input, &["file_path", "notebook_path"]))])
        }
        "TodoWrite" => Act::Todos(todos(input.get("todos"))),
        "TaskCreate" => Act::NewTodo(ends(any_text(input, &["subject", "description"]))),
        "TaskUpdate" => Act::SetTodo(Todo {
            id: owned(input, "taskId"),
            text: ends(text(input, "subject")),
            state: todo_state(text(input, "status")),
        }),
        "Agent" | "Task" => Act::Agent(ends(any_text(input, &["description", "prompt"]))),
        "AskUserQuestion" => Act::Question(ends(text(&input["questions"][0], "question"))),
        _ => Act::Other(format!("{name} {}", any_text(input, &["file_path", "path", "pattern", "query", "url"]))),
    }
}

/// How a call ended; one that the person stopped has not: it stays what was under way.
fn result(block: &Value, detail: &Value) -> Option<What> {
    let output = content(&block["content"]);
    if output.starts_with("The user doesn't want") || output.starts_with("[Request interrupted") {
        return None;
    }
    let passed = Some(!flag(block, "is_error") && !flag(detail, "interrupted"));
    let launched = flag(detail, "isAsync").then(|| owned(detail, "agentId")).flatten();
    let background = owned(detail, "backgroundTaskId").or(launched).or_else(|| background_id(&output));
    let todo = owned(&detail["task"], "id").or_else(|| todo_id(&output));
    Some(What::Answer { id: ends(text(block, "tool_use_id")), answer: Answer { passed, output, todo, background } })
}

/// `Command running in background with ID: b6spgsm4e. Output is …`
fn background_id(output: &str) -> Option<String> {
    let rest = output.strip_prefix("Command running in background with ID: ")?;
    Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect())
}

/// `Task #1 created successfully: …`
fn todo_id(output: &str) -> Option<String> {
    let (id, rest) = output.strip_prefix("Task #")?.split_once(' ')?;
    rest.starts_with("created").then(|| id.to_owned())
}
