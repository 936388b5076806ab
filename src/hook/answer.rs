//! What each host takes as an answer: what one shows to its agent, another shows to its user or takes for a failure.

use super::message::Message;
use crate::ops::hook::Event;
use serde_json::{Value, json};

/// Bytes of the answer: the least that any host gives to its agent whole is 10,000 characters.
const TEXT_BYTES_MAX: usize = 9_000;

/// The answer to print; nothing if there is nothing to say, or no way to say it to the agent.
pub(super) fn in_dialect(message: &Message, text: &str) -> String {
    let text = plain(text);
    if text.is_empty() {
        return String::new();
    }
    let name = message.name.as_str();
    let context = json!({"hookEventName": name, "additionalContext": text});
    let is_compacting = message.input.event == Event::Compacting;
    match message.host.as_str() {
        // Plain text after a tool is for the user's eyes.
        "claude" if matches!(message.input.event, Event::Used(_)) => line(&json!({"hookSpecificOutput": context})),
        // Claude appends plain text to the instructions of the summary; no other host does.
        "claude" | "opencode" => format!("{text}\n"),
        _ if is_compacting => String::new(),
        // Unknown fields are a failure for Codex, and so is a text that begins like JSON.
        "codex" | "gemini" => line(&json!({"hookSpecificOutput": context})),
        "cursor" => match message.input.event {
            Event::Started(_) => line(&json!({"additional_context": text})),
            _ => String::new(),
        },
        "copilot" => line(&copilot(message, &text, &context)),
        _ => String::new(),
    }
}

/// VS Code and the Copilot CLI are one host with two dialects, told apart by the spelling of the event. VS Code always names
/// a transcript, and the CLI not where this is read: what is spelled like the CLI's and has one may be of either.
fn copilot(message: &Message, text: &str, context: &Value) -> Value {
    match () {
        () if message.is_camel => json!({"hookSpecificOutput": context}),
        () if message.input.transcript.is_some() => json!({"additionalContext": text, "hookSpecificOutput": context}),
        () => json!({"additionalContext": text}),
    }
}

/// Whether the agent reads what is answered to the event. Cursor shows the answer to a prompt to its user only, and takes
/// none to an edit; what an agent reads that the session has started, the session does not.
pub(super) fn is_heard(message: &Message) -> bool {
    match message.input.event {
        Event::Asked(_) => message.host != "cursor",
        Event::Used(_) => message.host != "cursor" && !message.is_of_subagent,
        _ => true,
    }
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// A text that begins with a letter, so that no host takes it for JSON, and is short enough for each.
fn plain(text: &str) -> String {
    let text = text.trim();
    let begins_well = text.chars().next().is_none_or(|first| first.is_alphabetic() || first == '#');
    let text = if begins_well { text.to_owned() } else { format!("state: {text}") };
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].trim_end().to_owned()
}
