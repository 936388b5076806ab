//! The table of tools. A further one is a file and a row.

use super::call::Call;
use super::{add, list, resume, run, schema, search, show, update};
use crate::domain::text;
use crate::error::{Error, Kind, Result};
use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The arguments of a tool, which say what it is.
pub(super) trait Verb: DeserializeOwned + JsonSchema {
    const NAME: &'static str;
    /// What it does, the key words first; below 2 KB.
    const ABOUT: &'static str;
    const HARM: Harm;
    /// Whether it may take long, so that other calls must not wait for it.
    const WAITS: bool = false;

    /// Does it, and answers with text.
    fn run(self, call: &Call) -> Result<String>;
}

/// What a tool may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Harm {
    /// It changes nothing.
    None,
    /// It changes the ledger, where nothing is lost.
    Undoable,
    /// Whatever it is told to.
    Any,
}

/// A tool as the server knows it.
pub(super) struct Row {
    pub(super) name: &'static str,
    about: &'static str,
    harm: Harm,
    pub(super) waits: bool,
    schema: fn() -> Map<String, Value>,
    run: fn(Map<String, Value>, &Call) -> Result<String>,
}

const TOOLS: [Row; 7] = [
    row::<resume::Resume>(),
    row::<search::Search>(),
    row::<show::Show>(),
    row::<list::List>(),
    row::<add::Add>(),
    row::<update::Update>(),
    row::<run::Run>(),
];

const fn row<V: Verb>() -> Row {
    Row { name: V::NAME, about: V::ABOUT, harm: V::HARM, waits: V::WAITS, schema: schema::of::<V>, run: call::<V> }
}

fn call<V: Verb>(arguments: Map<String, Value>, call: &Call) -> Result<String> {
    let verb: V = serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        let schema = schema::of::<V>();
        let names = schema.get("properties").and_then(Value::as_object);
        let names = names.map(|names| names.keys().cloned().collect::<Vec<_>>().join(", "));
        let why = error.to_string();
        // The hint has the names of all arguments.
        let why = if why.starts_with("unknown field") { why.split(", expected").next().unwrap_or(&why) } else { &why };
        Error::usage(format!("bad arguments for {}: {}; nothing was done", V::NAME, text::clean_line(why)))
            .hint(format!("arguments: {}", names.unwrap_or_default()))
    })?;
    if V::HARM == Harm::None {
        return verb.run(call);
    }
    let text = verb.run(call).map_err(unchanged)?;
    let fired = text::display(&call.fired()).into_owned();
    Ok(text + &call.masked().map(|line| format!("{line}\n")).unwrap_or_default() + &fired)
}

/// Says that a refused change is no change.
fn unchanged(mut error: Error) -> Error {
    let is_refusal = [Kind::Usage, Kind::NotFound, Kind::Conflict].contains(&error.kind);
    if is_refusal && !error.message.contains("nothing was") {
        error.message.push_str("; nothing was changed");
    }
    error
}

// How much is told. No doc comment: it would stand in every definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Detail {
    #[default]
    Concise,
    Detailed,
}

/// The tool of this name.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    const { &TOOLS }.iter().find(|row| row.name == name)
}

/// All names.
pub(super) fn names() -> [&'static str; TOOLS.len()] {
    TOOLS.map(|row| row.name)
}

/// The definitions, in an order that never changes.
pub(super) fn definitions() -> Vec<Tool> {
    TOOLS.iter().map(Row::definition).collect()
}

impl Row {
    pub(super) fn definition(&self) -> Tool {
        let hints = match self.harm {
            Harm::None => ToolAnnotations::new().read_only(true),
            Harm::Undoable => ToolAnnotations::new().destructive(false),
            // What hosts assume of a tool that says nothing.
            Harm::Any => return Tool::new(self.name, self.about, (self.schema)()),
        };
        Tool::new(self.name, self.about, (self.schema)()).with_annotations(hints)
    }

    /// Does what the arguments say.
    pub(super) fn call(&self, arguments: Map<String, Value>, call: &Call) -> Result<String> {
        (self.run)(arguments, call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_short() {
        let json = serde_json::to_string(&definitions()).unwrap();
        assert!(json.chars().count() < 4_500, "{} characters", json.chars().count());
    }
}
