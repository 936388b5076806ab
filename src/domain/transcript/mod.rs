//! Transcripts of agents' hosts: what each line says, and what is left of a whole session.
//!
//! The hosts call their formats internal and change them, so everything here is tolerant: the format of a line is told by
//! its content, what is not known is skipped, a line that is cut off is none. Texts that hosts and hooks put into the
//! user's mouth are not taken for requests.
//!
//! | to see | read |
//! |---|---|
//! | the lines of one host | `claude.rs`, `codex.rs` (and `literal.rs`), `gemini.rs` |
//! | what a person really asked | `asked.rs` |
//! | whether a command passed, and what it committed | `command.rs` |
//! | what is left of a session | `story.rs`, `teller.rs` |
//! | the handoff made of it | `compose.rs`, `excerpt.rs` |
//!
//! Does not know: files, the store, ids of records.

mod asked;
mod claude;
mod codex;
mod command;
mod compose;
mod excerpt;
mod gemini;
mod literal;
mod story;
mod teller;
#[cfg(test)]
mod tests;

pub use asked::{is_nod, request};
pub use compose::{compose, is_trivial};
pub use excerpt::{both_ends, telling_line};
pub use story::{Command, Commit, Story};
pub use teller::Teller;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Longer outputs and messages keep their two ends.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// What is kept of the beginning of a longer text.
const HEAD_BYTES: usize = 4 * 1024;

/// One thing that a line says.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it was written.
    pub at: Option<DateTime<Utc>>,
    /// Whether it belongs to a subagent.
    pub aside: bool,
    /// What it says.
    pub what: What,
}

/// What a line can say.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Whose session it is, and where.
    Meta(Meta),
    /// A person asked for something.
    Request(String),
    /// The agent said something.
    Message(String),
    /// The host could not go on: a limit, a lost connection.
    Trouble(String),
    /// What the host kept of the conversation when it compacted it.
    Summary(String),
    /// The agent began to do something.
    Call {
        /// The host's id.
        id: String,
        /// What.
        act: Act,
    },
    /// Something that the agent began has ended.
    Answer {
        /// The host's id.
        id: String,
        /// How.
        answer: Answer,
    },
    /// A command ran, told as a whole.
    Ran {
        /// As it was typed.
        line: String,
        /// How it ended.
        answer: Answer,
    },
    /// Files were changed, told as a whole.
    Changed(Vec<String>),
    /// Background work came to an end.
    Over {
        /// The host's id of it.
        id: String,
    },
}

/// Whose session it is, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// `claude`, `codex`, `gemini`.
    pub host: String,
    /// The host's id of it.
    pub session: Option<String>,
    /// The directory in which it works.
    pub cwd: Option<String>,
    /// The branch that is checked out there.
    pub branch: Option<String>,
    /// Whether it is a subagent's.
    pub subagent: bool,
}

/// Something that an agent does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// It runs a command.
    Command {
        /// As typed.
        line: String,
        /// Whether it was asked to run beside the conversation.
        background: bool,
    },
    /// It edits files.
    Edit(Vec<String>),
    /// It states its whole to-do list.
    Todos(Vec<Todo>),
    /// It adds to its to-do list.
    NewTodo(String),
    /// It changes one of its to-dos.
    SetTodo(Todo),
    /// It has a subagent do something.
    Agent(String),
    /// It asks the person something.
    Question(String),
    /// Anything else, in the host's words.
    Other(String),
}

/// How something ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether it did what it should; absent if nobody can tell.
    pub passed: Option<bool>,
    /// What was printed, its two ends if it is long.
    pub output: String,
    /// The id of a to-do that it made.
    pub todo: Option<String>,
    /// The id of the background work that it began.
    pub background: Option<String>,
}

/// A line of an agent's to-do list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Todo {
    /// The host's id, if it has any.
    pub id: Option<String>,
    /// What is to be done; empty if a change does not say.
    pub text: String,
    /// `None` if a change does not say.
    pub state: Option<TodoState>,
}

/// How a to-do stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TodoState {
    /// Not begun.
    Open,
    /// Begun.
    Active,
    /// Done, or dropped.
    Over,
}

/// What a line of a transcript says; nothing if it is broken or of no interest.
#[must_use]
pub fn entries(line: &[u8]) -> Vec<Entry> {
    if is_bulk(line) {
        return Vec::new();
    }
    let parsed = match std::str::from_utf8(line) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_str(&String::from_utf8_lossy(line)),
    };
    let Ok(Value::Object(object)) = parsed else { return Vec::new() };
    let value = Value::Object(object);
    if value.get("payload").is_some_and(Value::is_object) {
        codex::entries(&value)
    } else if gemini::is_line(&value) {
        gemini::entries(&value)
    } else if claude::is_line(&value) {
        claude::entries(&value)
    } else {
        codex::bare(&value)
    }
}

/// Lines that repeat what was sent to the model: large, many, and nothing new.
fn is_bulk(line: &[u8]) -> bool {
    let head = line.trim_ascii_start();
    !head.starts_with(b"{")
        || head.starts_with(b"{\"type\":\"api-request")
        || head.starts_with(b"{\"type\":\"file-history")
}

/// A text field, empty if there is none.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

/// The first of these text fields that holds anything.
fn any_text<'a>(value: &'a Value, names: &[&str]) -> &'a str {
    names.iter().map(|name| text(value, name)).find(|text| !text.is_empty()).unwrap_or("")
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// A text field as it is kept, if it holds anything.
fn owned(value: &Value, name: &str) -> Option<String> {
    Some(text(value, name)).filter(|text| !text.is_empty()).map(ends)
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    text(value, "timestamp").parse().ok()
}

/// The text of a content: a string, or blocks with texts.
fn content(value: &Value) -> String {
    match value {
        Value::String(text) => ends(text),
        Value::Array(blocks) => {
            let texts: Vec<&str> =
                blocks.iter().map(|block| block.as_str().unwrap_or_else(|| text(block, "text"))).collect();
            ends(&texts.join("\n"))
        }
        _ => String::new(),
    }
}

/// The two ends of a long text.
fn ends(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(HEAD_BYTES);
    let tail = text.ceil_char_boundary(text.len() - (TEXT_BYTES_MAX - HEAD_BYTES));
    format!("{}\n…\n{}", &text[..head], &text[tail..])
}

/// The files that a patch in the form of `apply_patch` changes, adds, deletes, and where it moves them.
#[must_use]
pub fn patched_paths(patch: &str) -> Vec<String> {
    let markers = ["*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: "];
    let path = |line: &str| markers.iter().find_map(|marker| line.trim().strip_prefix(marker)).map(ends);
    patch.lines().filter_map(path).filter(|path| !path.is_empty()).collect()
}

/// The items of a to-do list, whatever its host calls its fields.
fn todos(list: Option<&Value>) -> Vec<Todo> {
    let items = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let todo = |item: &Value| Todo {
        id: owned(item, "id"),
        text: ends(any_text(item, &["content", "step", "description", "subject", "text"])),
        state: Some(todo_state(text(item, "status")).unwrap_or(TodoState::Open)),
    };
    items.iter().map(todo).filter(|todo| !todo.text.trim().is_empty()).collect()
}

/// How a to-do stands, by any host's word for it.
fn todo_state(word: &str) -> Option<TodoState> {
    match word {
        "" => None,
        "in_progress" | "in-progress" | "active" => Some(TodoState::Active),
        "completed" | "complete" | "done" | "cancelled" | "canceled" | "deleted" => Some(TodoState::Over),
        _ => Some(TodoState::Open),
    }
}
