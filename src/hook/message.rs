//! What hosts send. Every field is read by itself and may be missing or of another type: a host that changes one of them must
//! not cost the others.

use crate::domain::activity::Background;
use crate::domain::transcript::patched_paths;
use crate::domain::{host, surrogate, text};
use crate::error::{Error, Result};
use crate::ops::hook::{Event, HookInput, Start};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

/// One event, as its host told it.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    /// Who sent it: not always the host that the hook was installed for, because some read the settings of others.
    pub(super) host: String,
    /// The name of the event, as the host spells it.
    pub(super) name: String,
    /// Whether the field with that name is spelled `hookEventName`, as VS Code does.
    pub(super) is_camel: bool,
    /// The host's id of the session.
    pub(super) session: Option<String>,
    /// Where the session works.
    pub(super) cwd: Option<PathBuf>,
    /// Whether it is of an agent that the session has started.
    pub(super) is_of_subagent: bool,
    /// What it means.
    pub(super) input: HookInput,
}

/// The fields of a message, each still as text.
struct Fields<'a>(HashMap<Cow<'a, str>, &'a RawValue>);

impl Fields<'_> {
    fn get<T: DeserializeOwned>(&self, names: &[&str]) -> Option<T> {
        names.iter().find_map(|name| serde_json::from_str(self.0.get(*name)?.get()).ok())
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        self.get::<String>(names).filter(|text| !text.is_empty())
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Who sends such fields, if they are not those of the host that the hook was installed for.
fn sender<'a>(fields: &Fields<'_>, host: &'a str) -> &'a str {
    match () {
        () if fields.has("cursor_version") => "cursor",
        () if fields.has("hookEventName") || fields.has("sessionId") => "copilot",
        () => host,
    }
}

impl Message {
    pub(super) fn parse(host: &str, bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let text = surrogate::mend(text.trim_start_matches('\u{feff}'));
        let fields: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(&text).map_err(|error| {
            Error::usage(format!("the event of {} bytes is no JSON object", bytes.len())).because(error)
        })?;
        let fields = Fields(fields);
        let name = fields.text(&["hook_event_name", "hookEventName"]).unwrap_or_default();
        let roots: Option<Vec<PathBuf>> = fields.get(&["workspace_roots"]);
        let host = sender(&fields, host);
        Ok(Self {
            host: host.to_owned(),
            session: fields.text(&["session_id", "sessionId", "conversation_id"]),
            cwd: fields.get(&["cwd"]).or_else(|| roots?.into_iter().next()).filter(|cwd: &PathBuf| cwd.is_absolute()),
            input: HookInput {
                event: event(host, &name, &fields),
                transcript: fields.text(&["transcript_path", "transcriptPath"]),
                is_heard: true,
            },
            name,
            is_camel: fields.has("hookEventName"),
            is_of_subagent: fields.text(&["agent_id", "agentId"]).is_some(),
        })
    }

    /// The same, if it is one to work on. What no session is named for is nobody's: it begins at most, and is not noted.
    pub(super) fn checked(mut self, has_session: bool) -> Result<Self> {
        if host::named(&self.host).is_none() {
            let known = host::names();
            return Err(
                Error::usage(format!("no host is called {}", text::quoted(&self.host))).hint(format!("one of {known}"))
            );
        }
        match self.input.event {
            _ if has_session => {}
            Event::Other => {}
            Event::Started(_) => self.input.event = Event::Started(Start::New),
            _ => return Err(Error::usage(format!("the event {} names no session", text::quoted(&self.name)))),
        }
        Ok(self)
    }
}

/// Hosts agree on what happens, and spell it differently.
fn event(host: &str, name: &str, fields: &Fields<'_>) -> Event {
    match name.to_ascii_lowercase().as_str() {
        "sessionstart" => Event::Started(match fields.text(&["source"]).as_deref() {
            Some("resume") if host::named(host).is_some_and(|host| host.replays) => Start::Resumed,
            Some("compact") => Start::Compacted,
            _ => Start::New,
        }),
        "userpromptsubmit" | "userpromptsubmitted" | "beforesubmitprompt" | "beforeagent" => asked(fields),
        "posttooluse" | "aftertool" | "afterfileedit" => Event::Used(edited(fields)),
        // Gemini's `PreCompress` comes before every request to the model, and says nothing.
        "precompact" => Event::Compacting,
        // Cursor says nothing at the stop that follows.
        "assistantmessage" | "afteragentresponse" => {
            Event::Said(fields.text(&["last_assistant_message", "text"]).unwrap_or_default())
        }
        "stop" | "agentstop" | "afteragent" => Event::Stopped {
            message: fields.text(&["last_assistant_message", "lastAssistantMessage", "prompt_response"]),
            background: background(fields),
        },
        "subagentstop" => subagent(fields),
        "sessionend" => Event::Ended(fields.text(&["reason"]).unwrap_or_else(|| "ended".to_owned())),
        _ => Event::Other,
    }
}

/// What the host itself says to the agent is no request.
fn asked(fields: &Fields<'_>) -> Event {
    let prompt = fields.text(&["prompt"]).unwrap_or_default();
    let source = fields.text(&["source"]);
    let by_host = source.is_some_and(|source| !["user", "sdk"].contains(&source.as_str()));
    let prompt = without_context(&prompt);
    if by_host || prompt.starts_with("<task-notification>") {
        return Event::Asked(String::new());
    }
    Event::Asked(prompt.to_owned())
}

/// Gemini gives our own answer back in front of the user's words.
fn without_context(prompt: &str) -> &str {
    let rest = prompt.strip_prefix("<hook_context>").and_then(|rest| rest.split_once("</hook_context>"));
    rest.map_or(prompt, |(_, rest)| rest.trim_start())
}

/// The internal agents of a host have no type, and are nobody's business.
fn subagent(fields: &Fields<'_>) -> Event {
    let text = |names: &[&str]| fields.text(names).unwrap_or_default();
    let agent = text(&["agent_type", "agentType", "agent_name", "agentName"]);
    let message = text(&["last_assistant_message", "lastAssistantMessage", "summary"]);
    if agent.is_empty() || message.is_empty() {
        return Event::Other;
    }
    Event::SubagentStopped { id: text(&["agent_id", "agentId", "subagent_id"]), agent, message }
}

/// What the names of tools that change files have in them.
const EDITING: [&str; 5] = ["edit", "write", "replace", "patch", "create"];

/// The files that a tool call changed: by the field that names one, or by the lines of a patch that do.
fn edited(fields: &Fields<'_>) -> Vec<String> {
    if let Some(path) = fields.text(&["file_path"]) {
        return vec![path];
    }
    let tool = fields.text(&["tool_name", "toolName"]).unwrap_or_default().to_ascii_lowercase();
    if !EDITING.iter().any(|word| tool.contains(word)) {
        return Vec::new();
    }
    let input: Value = fields.get(&["tool_input", "toolArgs"]).unwrap_or_default();
    let named = ["file_path", "filePath", "notebook_path", "path"].iter().find_map(|name| input.get(name)?.as_str());
    match named {
        Some(path) => vec![path.to_owned()],
        None if tool == "apply_patch" => {
            let patch = ["command", "input", "patch"].iter().find_map(|name| input.get(name)?.as_str());
            patched_paths(patch.or(input.as_str()).unwrap_or_default())
        }
        None => Vec::new(),
    }
}

fn background(fields: &Fields<'_>) -> Vec<Background> {
    let tasks: Vec<HashMap<String, Value>> = fields.get(&["background_tasks", "backgroundTasks"]).unwrap_or_default();
    let crons: Vec<HashMap<String, Value>> = fields.get(&["session_crons"]).unwrap_or_default();
    let text = |task: &HashMap<String, Value>, names: &[&str]| {
        let found = names.iter().find_map(|name| task.get(*name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let running = tasks.iter().map(|task| Background {
        id: text(task, &["id"]),
        kind: text(task, &["type"]),
        what: text(task, &["command", "description", "name"]),
        status: text(task, &["status"]),
    });
    let planned = crons.iter().map(|cron| Background {
        id: text(cron, &["id"]),
        kind: "cron".to_owned(),
        what: format!("{} {}", text(cron, &["schedule"]), text(cron, &["prompt"])),
        status: "planned".to_owned(),
    });
    running.chain(planned).collect()
}
