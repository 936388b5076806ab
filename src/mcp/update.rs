//! `update`: what changes records that exist, as one tool: `start`, `done`, `drop`, `block`, `edit`, `link`, `undo`.

use super::call::Call;
use super::tools::{Harm, Verb};
use super::{cut, job, print, schema};
use crate::domain::draft::Draft;
use crate::domain::{kind, text};
use crate::error::{Error, Result};
use crate::ops::done::{self, End, EndInput, EndReport};
use crate::ops::edit::{self, EditInput};
use crate::ops::job::{self as jobs, Outcome};
use crate::ops::link::{self, LinkInput};
use crate::ops::start::{self, StartInput, StartReport};
use crate::ops::{block, init, undo};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write as _;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Do {
    Start,
    Done,
    Block,
    Drop,
    Edit,
    Link,
    Unlink,
    Undo,
    Init,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    r#do: Do,
    /// start without: the best ready task
    #[serde(default, alias = "id", deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    ids: Vec<String>,
    /// Why, what came of it, what blocks
    reason: Option<String>,
    /// edit; start: a new task
    title: Option<String>,
    body: Option<String>,
    #[schemars(skip)]
    append: Option<String>,
    status: Option<String>,
    priority: Option<u8>,
    /// Of a job elsewhere: its exit code
    #[schemars(skip)]
    exit: Option<i32>,
    #[schemars(skip)]
    key: Option<String>,
    #[schemars(skip)]
    defer: Option<String>,
    #[serde(default, deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    tags: Vec<String>,
    #[serde(default, deserialize_with = "schema::words")]
    #[schemars(skip)]
    untag: Vec<String>,
    #[serde(default, deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    refs: Vec<String>,
    #[serde(default, deserialize_with = "schema::words")]
    #[schemars(skip)]
    entries: Vec<String>,
    #[serde(default, deserialize_with = "schema::words")]
    #[schemars(skip)]
    unref: Vec<String>,
    #[schemars(skip)]
    private: Option<bool>,
    /// link: needs, parent, blocks, supersedes, relates ...
    r#type: Option<String>,
    /// link: id
    to: Option<String>,
}

impl Verb for Update {
    const NAME: &'static str = "update";
    const ABOUT: &'static str = "Update records: start (claim a task as the focus, reopen), done, drop (not wanted, no longer \
        true), block (by a reason), edit, link, unlink, undo (own last change), init (make the store).";
    const HARM: Harm = Harm::Undoable;
    // A job that is dropped may take its time to end.
    const WAITS: bool = true;

    fn run(self, call: &Call) -> Result<String> {
        self.check()?;
        let text = match self.r#do {
            Do::Start => self.start(call),
            Do::Done => self.end(call, End::Done),
            Do::Drop => self.end(call, End::Drop),
            Do::Block => self.block(call),
            Do::Edit => self.edit(call),
            Do::Link => self.link(call, false),
            Do::Unlink => self.link(call, true),
            Do::Undo => undone(call),
            Do::Init => initialized(call),
        }?;
        Ok(cut::part(&text::display(&text), (0, cut::budget(None)), |_| "list".to_owned()))
    }
}

/// What is missing, with a call that has it.
fn missing(what: &str, example: &str) -> Error {
    Error::usage(format!("{what}; nothing was changed")).hint(format!("as update {example}"))
}

/// The parts of a record that `edit` sets and a new task has.
const PARTS: [&str; 9] = ["title", "body", "priority", "tags", "refs", "entries", "key", "defer", "private"];

impl Do {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Done => "done",
            Self::Block => "block",
            Self::Drop => "drop",
            Self::Edit => "edit",
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::Undo => "undo",
            Self::Init => "init",
        }
    }

    /// The arguments that say something to it; `start` of an id takes none of the others.
    fn takes(self) -> Vec<&'static str> {
        match self {
            Self::Start => [&["ids"], &PARTS[..]].concat(),
            Self::Done => vec!["ids", "reason", "exit"],
            Self::Drop | Self::Block => vec!["ids", "reason"],
            Self::Edit => [&["ids", "append", "status", "untag", "unref"], &PARTS[..]].concat(),
            Self::Link | Self::Unlink => vec!["ids", "type", "to"],
            Self::Undo | Self::Init => Vec::new(),
        }
    }
}

impl Update {
    /// The names of the arguments that hold something: hosts fill in what a model left out with nothing.
    fn given(&self) -> Vec<&'static str> {
        let is_text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let all = [
            ("ids", !self.ids.is_empty()),
            ("reason", is_text(&self.reason)),
            ("title", is_text(&self.title)),
            ("body", is_text(&self.body)),
            ("append", is_text(&self.append)),
            ("status", is_text(&self.status)),
            ("priority", self.priority.is_some()),
            ("exit", self.exit.is_some()),
            ("key", is_text(&self.key)),
            ("defer", is_text(&self.defer)),
            ("tags", !self.tags.is_empty()),
            ("untag", !self.untag.is_empty()),
            ("refs", !self.refs.is_empty()),
            ("entries", !self.entries.is_empty()),
            ("unref", !self.unref.is_empty()),
            ("private", self.private.is_some()),
            ("type", is_text(&self.r#type)),
            ("to", is_text(&self.to)),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }

    /// What was given for nothing was meant for something.
    fn check(&self) -> Result<()> {
        let (name, takes) = (self.r#do.name(), self.r#do.takes());
        let lost: Vec<String> =
            self.given().into_iter().filter(|name| !takes.contains(name)).map(|name| format!("`{name}`")).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let says = if lost.len() == 1 { "says" } else { "say" };
        let hint = if takes.is_empty() {
            format!("{name} takes nothing")
        } else {
            format!("{name} takes {}", takes.join(", "))
        };
        Err(Error::usage(format!("{} {says} nothing to {name}; nothing was changed", lost.join(", "))).hint(hint))
    }

    fn start(self, call: &Call) -> Result<String> {
        let given = self.given();
        let input = match (self.title, self.ids.as_slice()) {
            (Some(title), []) => StartInput::New(Box::new(Draft {
                title,
                body: self.body.unwrap_or_default(),
                priority: self.priority,
                tags: self.tags,
                refs: self.refs,
                entries: self.entries,
                key: self.key,
                defer: self.defer,
                private: self.private.unwrap_or(false),
                ..Draft::default()
            })),
            (None, []) if given.is_empty() => StartInput::Next,
            (None, [word]) if given == ["ids"] => StartInput::word(word),
            (None, [] | [_]) => {
                let example =
                    r#"{"do":"start","title":"WHAT","body":"MORE","priority":1}; edit changes one that is there"#;
                return Err(missing("start sets the parts of a new task, which has a title", example));
            }
            _ => return Err(missing("one task is started at a time", r#"{"do":"start","ids":["t-4kq21"]}"#)),
        };
        Ok(print_start(&start::start(&call.writing()?, &input)?))
    }

    fn end(self, call: &Call, end: End) -> Result<String> {
        if self.ids.is_empty() {
            return Err(missing("ids are missing", r#"{"do":"done","ids":["t-4kq21"],"reason":"WHAT CAME OF IT"}"#));
        }
        let workspace = call.writing()?;
        if jobs::are_jobs(&workspace, &self.ids)? {
            let how = match (end, self.exit) {
                (End::Drop, _) => Outcome::Dropped,
                (End::Done, Some(code)) => Outcome::Done { code, results: Vec::new() },
                (End::Done, None) => {
                    return Err(missing("how did it end", r#"{"do":"done","ids":["j-4kq21"],"exit":0}"#));
                }
            };
            let (ended, refused) = jobs::end(&workspace, &self.ids, &how, self.reason.as_deref())?;
            let ended: String = ended.iter().map(|held| job::print(held, call.now())).collect();
            return Ok(ended + &refused.map(|error| format!("{}\n", error.message)).unwrap_or_default());
        }
        let input = EndInput { ids: self.ids, end, message: self.reason };
        Ok(print_end(&done::end(&workspace, &input)?))
    }

    fn block(self, call: &Call) -> Result<String> {
        let example = r#"{"do":"block","ids":["t-4kq21"],"reason":"WHAT STANDS IN THE WAY"}"#;
        let ([id], Some(reason)) = (self.ids.as_slice(), &self.reason) else {
            return Err(missing("block takes one id and a reason", example));
        };
        let report = block::block(&call.writing()?, id, reason)?;
        let (blocker, task) = (&report.blocker, &report.blocks.id);
        let title = text::clean_line(&blocker.title);
        Ok(format!("{} holds up {task}: {title}\nWhen it is gone: {}\n", blocker.id, ending(&blocker.id)))
    }

    fn edit(self, call: &Call) -> Result<String> {
        let Ok([id]) = <[String; 1]>::try_from(self.ids) else {
            return Err(missing("edit takes one id", r#"{"do":"edit","ids":["f-1a2b3"],"append":"MORE TEXT"}"#));
        };
        let input = EditInput {
            id,
            title: self.title,
            body: self.body,
            append: self.append,
            status: self.status,
            priority: self.priority,
            key: self.key,
            defer: self.defer,
            tags: self.tags,
            untag: self.untag,
            refs: self.refs,
            entries: self.entries,
            unref: self.unref,
            private: self.private,
        };
        let report = edit::edit(&call.writing()?, &input)?;
        let changed = match report.changed.as_slice() {
            [] => "nothing: it was so already".to_owned(),
            names => names.join(", "),
        };
        Ok(format!("{} changed {changed}\n{}", report.record.id, print::lines(&report.remarks)))
    }

    fn link(self, call: &Call, remove: bool) -> Result<String> {
        let example = r#"{"do":"link","ids":["t-4kq21"],"type":"needs","to":"t-8s2m1"}"#;
        let (Ok([from]), Some(kind), Some(to)) = (<[String; 1]>::try_from(self.ids), self.r#type, self.to) else {
            return Err(missing("a link takes one id, type and to", example));
        };
        let report = link::link(&call.writing()?, &LinkInput { from, kind, to, remove })?;
        let verb = match (report.changed, report.removed) {
            (true, true) => "no longer",
            (true, false) => "now",
            (false, true) => "never",
            (false, false) => "already",
        };
        let (from, to) = (&report.from.id, &report.to);
        Ok(format!("{from} {verb} {} {} ({})\n", report.kind, to.id, text::clean_line(&to.title)))
    }
}

/// The call that ends a record.
fn ending(id: &str) -> String {
    format!(r#"update {{"do":"done","ids":["{id}"],"reason":"WHAT CAME OF IT"}}"#)
}

fn print_start(report: &StartReport) -> String {
    let record = &report.record;
    let is_task = record.kind == kind::TASK;
    let verb = match (is_task, report.created, report.reopened) {
        (false, ..) => "open again",
        (_, true, _) => "added and yours",
        (_, _, true) => "open again and yours",
        _ => "yours",
    };
    let mut out = format!("{} {verb}: {}\n", record.id, text::clean_line(&record.title));
    if let Some(session) = &report.taken_over_from {
        let _ = writeln!(out, "{session} had it and is gone");
    }
    if !record.blocked_by.is_empty() {
        let _ = writeln!(out, "still needs {}", record.blocked_by.join(", "));
    }
    if is_task {
        let _ = writeln!(out, "When finished: {}", ending(&record.id));
    }
    out
}

fn print_end(report: &EndReport) -> String {
    let mut out = String::new();
    for record in &report.records {
        let _ = writeln!(out, "{} {}: {}", record.id, record.status, text::clean_line(&record.title));
    }
    if !report.freed.is_empty() {
        let _ = writeln!(out, "Frees {}.", print::ids(&report.freed));
    }
    for held in &report.held {
        let _ = writeln!(out, "{} is held by {} ({}); it will be told.", held.id, held.session, held.standing.word());
    }
    for blocker in &report.blockers {
        let _ = writeln!(out, "{} is still open: {}", blocker.id, ending(&blocker.id));
    }
    for record in &report.waiting {
        let _ = writeln!(out, "{} still waits for {}.", record.id, record.blocked_by.join(", "));
    }
    if let Some(next) = report.next.first() {
        let _ = writeln!(out, "Next: {} {}", next.record.id, text::clean_line(&next.record.title));
    }
    out
}

fn undone(call: &Call) -> Result<String> {
    let report = undo::undo(&call.writing()?, None)?;
    let kept = match report.kept.as_slice() {
        [] => String::new(),
        kept => format!("kept, because changed since: {}\n", kept.join(", ")),
    };
    let why = text::clean_line(&report.why);
    Ok(format!("undone @{}: {why}\nchanged back: {}\n{kept}", report.position, print::ids(&report.records)))
}

fn initialized(call: &Call) -> Result<String> {
    let report = init::init(&call.new_workspace())?;
    let verb = if report.created { "Created" } else { "Already there:" };
    Ok(format!("{verb} {} ({})\n", report.store.display(), report.why))
}
