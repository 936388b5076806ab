//! Lines of a chat of Gemini CLI: a head, messages, and `$set` lines that change the head or replace the messages.
//!
//! A message is written again under its id when its tools have run; calls carry their own results.

use super::{Act, Answer, Entry, Meta, What, any_text, asked, content, ends, flag, owned, text, time, todos};
use serde_json::Value;

/// Whether the line is one of Gemini CLI.
pub(super) fn is_line(line: &Value) -> bool {
    let is_message = line.get("id").is_some() && line.get("content").is_some() && line.get("role").is_none();
    line.get("$set").is_some() || line.get("projectHash").is_some() || is_message
}

/// What the line says.
pub(super) fn entries(line: &Value) -> Vec<Entry> {
    let mut found = Vec::new();
    if line.get("projectHash").is_some() {
        let meta = Meta {
            host: "gemini".to_owned(),
            session: owned(line, "sessionId"),
            subagent: text(line, "kind") == "subagent",
            ..Meta::default()
        };
        found.push(Entry { at: text(line, "startTime").parse().ok(), aside: false, what: What::Meta(meta) });
    }
    for messages in [&line["$set"]["messages"], &line["messages"]] {
        let messages = messages.as_array().map_or(&[][..], Vec::as_slice);
        messages.iter().for_each(|one| message(one, &mut found));
    }
    message(line, &mut found);
    found
}

fn message(line: &Value, found: &mut Vec<Entry>) {
    let at = time(line);
    let mut say = |what| found.push(Entry { at, aside: false, what });
    match text(line, "type") {
        "user" => {
            let said = content(&line["content"]);
            if let Some(cwd) = workspace(&said) {
                say(What::Meta(Meta { host: "gemini".to_owned(), cwd: Some(cwd), ..Meta::default() }));
            }
            asked::summary(&said).map(What::Summary).into_iter().for_each(&mut say);
            asked::request(&said).map(What::Request).into_iter().for_each(&mut say);
        }
        "gemini" => {
            let said = content(&line["content"]);
            if !said.trim().is_empty() {
                say(What::Message(said));
            }
            let calls = line["toolCalls"].as_array().map_or(&[][..], Vec::as_slice);
            calls.iter().flat_map(call).for_each(say);
        }
        "error" => say(What::Trouble(content(&line["content"]))),
        _ => {}
    }
}

/// The directory that the first, made-up message names.
fn workspace(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("<session_context>")?.1.split_once("Workspace Directories:**")?;
    let line = rest.lines().find_map(|line| line.trim().strip_prefix("- "))?;
    Some(ends(line.trim())).filter(|path| path.starts_with('/'))
}

fn call(call: &Value) -> Vec<What> {
    let id = ends(text(call, "id"));
    let mut found = vec![What::Call { id: id.clone(), act: act(text(call, "name"), &call["args"]) }];
    let status = text(call, "status");
    if call.get("result").is_some() || matches!(status, "success" | "error" | "cancelled") {
        found.push(What::Answer { id, answer: answer(call, status) });
    }
    found
}

fn act(name: &str, args: &Value) -> Act {
    match name {
        "run_shell_command" => {
            Act::Command { line: ends(text(args, "command")), background: flag(args, "is_background") }
        }
        "replace" | "write_file" | "edit" => Act::Edit(vec![ends(any_text(args, &["file_path", "path"]))]),
        "write_todos" => Act::Todos(todos(args.get("todos"))),
        "ask_user" => Act::Question(ends(text(&args["questions"][0], "question"))),
        _ => Act::Other(format!("{name} {}", any_text(args, &["file_path", "path", "pattern", "query", "objective"]))),
    }
}

fn answer(call: &Value, status: &str) -> Answer {
    let response = &call["result"][0]["functionResponse"]["response"];
    let output = ends(any_text(response, &["output", "error"]));
    let code = output.rsplit_once("Exit Code: ").and_then(|(_, rest)| rest.lines().next()?.trim().parse::<i64>().ok());
    let passed = match (status, code) {
        ("cancelled", _) => None,
        ("error", _) => Some(false),
        (_, Some(code)) => Some(code == 0),
        _ => Some(true),
    };
    let noise = |line: &&str| {
        !["<untrusted_context>", "</untrusted_context>", "Exit Code:", "Process Group PGID:"]
            .iter()
            .any(|noise| line.starts_with(noise))
    };
    let output: Vec<&str> =
        output.lines().filter(noise).map(|line| line.strip_prefix("Output: ").unwrap_or(line)).collect();
    Answer { passed, output: output.join("\n"), ..Answer::default() }
}
