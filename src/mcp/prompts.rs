//! Prompts: what a person picks from a menu to begin and to end a session with.

use super::call::Call;
use super::resources;
use crate::error::{Error, Result};
use crate::ops::resume::Form;
use rmcp::model::{Prompt, PromptArgument};
use serde_json::{Map, Value};

pub(super) const RESUME: &str = "resume";
pub(super) const HANDOFF: &str = "handoff";
/// The argument of `resume`.
pub(super) const ID: &str = "id";

const HANDOFF_TEXT: &str = "\
Hand this session off with the tool add: one call, argument text, the Markdown below; leave out headings without items.

# WHAT THIS SESSION WAS ABOUT, IN ONE LINE
## Done
- what was finished, with commit or file; an item that begins with the id of a task (t-…:) sets its status
## In progress
- what was begun, how far it got, and the very next step
## Next
- what should be done, most urgent first
## Blockers
- what stands in the way, and who or what can remove it
## Findings
- what was learned and would cost time to learn again: what, where (src/a.rs:10-40), why
## Decisions
- what was decided, against what, and why
## Read first
- files that the next session opens first: src/a.rs:10-40

A good handoff can be acted on by somebody who saw nothing of this session: full names and paths, commands with their
results, what was tried and failed. It holds no secrets. The answer of add lists the ids; resume shows the handoff to the
next session.";

pub(super) fn all() -> Vec<Prompt> {
    let id = PromptArgument::new(ID).with_description("a record to be briefed about instead").with_required(false);
    vec![
        Prompt::new(RESUME, Some("Continue the work: the briefing of this project"), Some(vec![id])),
        Prompt::new(HANDOFF, Some("Write down where this session stands, for the next one"), None),
    ]
}

/// The text of a prompt; `None` if there is no such.
pub(super) fn text(name: &str, arguments: &Map<String, Value>, call: &Call) -> Option<Result<String>> {
    match name {
        HANDOFF => Some(Ok(HANDOFF_TEXT.to_owned())),
        RESUME => Some(briefing(arguments, call)),
        _ => None,
    }
}

fn briefing(arguments: &Map<String, Value>, call: &Call) -> Result<String> {
    let form = match arguments.get(ID) {
        None | Some(Value::Null) => Form::Whole,
        Some(Value::String(id)) if id.trim().is_empty() => Form::Whole,
        Some(Value::String(id)) => Form::About(id.clone()),
        Some(_) => return Err(Error::usage("id is not a string")),
    };
    resources::briefing(call, form)
}
