//! `state edit`, `link`, `start`, `done`, `drop`, `block`, `undo`

use super::door::Door;
use super::job;
use super::paint::{Paint, ids};
use super::text_or_stdin;
use crate::domain::draft::Draft;
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::Workspace;
use crate::ops::block;
use crate::ops::done::{self, End, EndInput, EndReport};
use crate::ops::edit::{self, EditInput};
use crate::ops::job as jobs;
use crate::ops::link::{self, LinkInput};
use crate::ops::start::{self, StartInput, StartReport};
use crate::ops::undo;
use std::fmt::Write as _;

/// Change parts of a record; what is not named stays.
///
/// JSON: {"record": RECORD, "changed": ["title", "tags", …], "remarks"?: [TEXT]}
#[derive(clap::Args)]
pub(super) struct EditArgs {
    /// Id, unique prefix or key.
    id: String,
    /// Another title.
    #[arg(long, allow_hyphen_values = true)]
    title: Option<String>,
    /// Another body; - reads standard input.
    #[arg(long, allow_hyphen_values = true)]
    body: Option<String>,
    /// Text to add at the end of the body; - reads standard input.
    #[arg(long, conflicts_with = "body", allow_hyphen_values = true)]
    append: Option<String>,
    /// Another status; open releases a task's claim.
    #[arg(long)]
    status: Option<String>,
    /// 0 (most urgent) to 4.
    #[arg(long, short)]
    priority: Option<u8>,
    /// Another key; empty removes it.
    #[arg(long, short)]
    key: Option<String>,
    /// Not ready before: 3d, tomorrow, 2026-12-01; empty removes it.
    #[arg(long, value_name = "TIME")]
    defer: Option<String>,
    /// A tag to add; again for several.
    #[arg(long, short)]
    tag: Vec<String>,
    /// A tag to remove; again for several.
    #[arg(long)]
    untag: Vec<String>,
    /// A reference to add or to take anew; again for several.
    #[arg(long = "ref", value_name = "PATH[:FROM-TO]")]
    refs: Vec<String>,
    /// The same for a file that the next session is to read first; again for several.
    #[arg(long, value_name = "PATH[:FROM-TO]")]
    entry: Vec<String>,
    /// A reference to remove; again for several.
    #[arg(long, value_name = "PATH[:FROM-TO]")]
    unref: Vec<String>,
    /// Whether it must never leave this machine.
    #[arg(long, value_name = "true|false")]
    private: Option<bool>,
}

impl EditArgs {
    pub(super) fn run(self: Box<Self>, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let input = EditInput {
            id: self.id,
            title: self.title,
            body: self.body.map(text_or_stdin).transpose()?,
            append: self.append.map(text_or_stdin).transpose()?,
            status: self.status,
            priority: self.priority,
            key: self.key,
            defer: self.defer,
            tags: self.tag,
            untag: self.untag,
            refs: self.refs,
            entries: self.entry,
            unref: self.unref,
            private: self.private,
        };
        let report = edit::edit(&workspace, &input)?;
        door.report(&report, |out, paint, report| {
            let changed = if report.changed.is_empty() {
                "nothing: it was so already".to_owned()
            } else {
                report.changed.join(", ")
            };
            let _ = writeln!(out, "{} changed {}", paint.id(&report.record.id), text::display(&changed));
            for remark in &report.remarks {
                let _ = writeln!(out, "{}", paint.warn(&text::display(remark)));
            }
        })
    }
}

/// Link two records, or remove a link.
///
/// state link A needs B. Types: needs, parent, blocks, supersedes, found-in, result-of, relates.
///
/// JSON: {"from": RECORD, "kind", "to": RECORD, "removed", "changed"}
#[derive(clap::Args)]
pub(super) struct LinkArgs {
    /// The record that the link belongs to.
    from: String,
    /// The type of the link.
    #[arg(value_name = "TYPE")]
    kind: String,
    /// The record that it points to.
    to: String,
    /// Remove it.
    #[arg(long)]
    remove: bool,
}

impl LinkArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let input = LinkInput { from: self.from, kind: self.kind, to: self.to, remove: self.remove };
        let report = link::link(&workspace, &input)?;
        door.report(&report, |out, paint, report| {
            let verb = match (report.changed, report.removed) {
                (true, true) => "no longer",
                (true, false) => "now",
                (false, true) => "never",
                (false, false) => "already",
            };
            let (from, to) = (paint.id(&report.from.id), paint.id(&report.to.id));
            let _ = writeln!(out, "{from} {verb} {} {to} ({})", report.kind, text::display(&report.to.title));
        })
    }
}

/// Claim a task for this session and make it the focus.
///
/// Of several who start the same task at once, one gets it.
///
/// A claim lasts as long as its session is there. Starting what has ended reopens it.
///
/// JSON: {"record": RECORD, "created", "reopened", "taken_over_from"?}
#[derive(clap::Args)]
pub(super) struct StartArgs {
    /// Id, unique prefix or key of a task; several words that name none are the title of a new one.
    #[arg(required_unless_present = "next", conflicts_with = "next", value_name = "ID|TEXT")]
    word: Option<String>,
    /// The best ready task.
    #[arg(long)]
    next: bool,
    /// Of a new task: 0 (most urgent) to 4.
    #[arg(long, short, conflicts_with = "next")]
    priority: Option<u8>,
    /// Of a new task: a word to find it by; again for several.
    #[arg(long, short, conflicts_with = "next")]
    tag: Vec<String>,
}

impl StartArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let (priority, tags) = (self.priority, self.tag);
        let draft = |title| Box::new(Draft { title, priority, tags, ..Draft::default() });
        let input = self.word.map_or(StartInput::Next, |word| StartInput::Word(draft(word)));
        let report = start::start(&workspace, &input)?;
        door.report(&report, print_start)
    }
}

fn print_start(out: &mut String, paint: Paint, report: &StartReport) {
    let record = &report.record;
    let verb = match (record.kind == "task", report.created, report.reopened) {
        (false, ..) => "open again",
        (_, true, _) => "added and yours",
        (_, _, true) => "open again and yours",
        _ => "yours",
    };
    let _ = writeln!(out, "{} {verb}: {}", paint.id(&record.id), text::display(&record.title));
    if let Some(session) = &report.taken_over_from {
        let _ = writeln!(out, "{session} had it and is gone; its notes: state log {}", record.id);
    }
    if !record.blocked_by.is_empty() {
        let _ = writeln!(out, "{}", paint.warn(&format!("still needs {}", record.blocked_by.join(", "))));
    }
    if record.kind != "task" {
        return;
    }
    let _ = writeln!(out, "{}", paint.dim(&format!("When finished: state done {} -m WHAT-CAME-OF-IT", record.id)));
}

/// End records: state done t-… (done), x-… (the blocker is gone), s-… (the session is over).
///
/// Tells what that sets free and what is next.
///
/// JSON: {"records": [RECORD], "freed": [RECORD], "waiting": [RECORD], "next": [RECORD + {"reason"}], "held"?: [{"id", "session",
/// "standing"}], "blockers"?: [RECORD]}
#[derive(clap::Args)]
pub(super) struct EndArgs {
    /// Ids, unique prefixes or keys.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Why, or what came of it, in one line.
    #[arg(long, short, allow_hyphen_values = true)]
    message: Option<String>,
    /// Of a job elsewhere: its exit code.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=255))]
    exit: Option<i32>,
    /// Of a job elsewhere: a file that it left.
    #[arg(long, value_name = "FILE", requires = "exit")]
    result: Vec<std::path::PathBuf>,
}

impl EndArgs {
    pub(super) fn run(self, door: &mut Door, end: End) -> Result<()> {
        let workspace = door.writing()?;
        if jobs::are_jobs(&workspace, &self.ids)? {
            return self.end_jobs(door, &workspace, end);
        }
        let report = done::end(&workspace, &EndInput { ids: self.ids, end, message: self.message })?;
        door.report(&report, print_end)
    }

    fn end_jobs(self, door: &mut Door, workspace: &Workspace, end: End) -> Result<()> {
        let how = match (end, self.exit) {
            (End::Drop, _) => jobs::Outcome::Dropped,
            (End::Done, Some(code)) => jobs::Outcome::Done { code, results: self.result },
            (End::Done, None) => {
                let example = format!("state done {} --exit 0", self.ids.join(" "));
                return Err(Error::usage("how did it end?").hint(example));
            }
        };
        let (ended, refused) = jobs::end(workspace, &self.ids, &how, self.message.as_deref())?;
        let now = door.now();
        door.report(&serde_json::json!({"jobs": ended}), |out, paint, _| {
            for held in ended {
                job::print(out, paint, &held, now);
            }
        })?;
        if let Some(refused) = refused {
            door.also_fails(refused);
        }
        Ok(())
    }
}

fn print_end(out: &mut String, paint: Paint, report: &EndReport) {
    for record in &report.records {
        let _ = writeln!(out, "{} {}: {}", paint.id(&record.id), record.status, text::display(&record.title));
    }
    let mut said = Vec::new();
    if !report.freed.is_empty() {
        said.push(format!("Frees {}.", ids(&report.freed)));
    }
    for held in &report.held {
        said.push(format!("{} is held by {} ({}); it will be told.", held.id, held.session, held.standing.word()));
    }
    for blocker in &report.blockers {
        said.push(format!("{0} is still open: state done {0}.", blocker.id));
    }
    for record in &report.waiting {
        said.push(format!("{} still waits for {}.", record.id, record.blocked_by.join(", ")));
    }
    if let Some(next) = report.next.first() {
        said.push(format!("Next: {} {} (state start --next)", next.record.id, text::display(&next.record.title)));
    }
    if !said.is_empty() {
        let _ = writeln!(out, "{}", said.join(" "));
    }
}

/// Say what stands in the way of a task.
///
/// Makes a blocker that is linked to it. state done x-… when it is gone.
///
/// JSON: {"blocker": RECORD, "blocks": RECORD}
#[derive(clap::Args)]
pub(super) struct BlockArgs {
    /// The task.
    id: String,
    /// What stands in the way, in one line.
    why: String,
}

impl BlockArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let report = block::block(&workspace, &self.id, &self.why)?;
        door.report(&report, |out, paint, report| {
            let (x, t) = (&report.blocker, &report.blocks);
            let _ = writeln!(out, "{} holds up {}: {}", paint.id(&x.id), paint.id(&t.id), text::display(&x.title));
            let _ = writeln!(out, "{}", paint.dim(&format!("When it is gone: state done {}", x.id)));
        })
    }
}

/// Take back a change; the log keeps both.
///
/// This session's last, or the one at a log position.
///
/// JSON: {"position", "why", "records": [RECORD], "kept"?}
#[derive(clap::Args)]
pub(super) struct UndoArgs {
    /// Position of the change, as state log shows it; undoing an undo brings the change back.
    #[arg(value_name = "@POSITION")]
    position: Option<String>,
}

impl UndoArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let position = self.position.as_deref().map(super::lookup::position).transpose()?;
        if position == Some(0) {
            return Err(Error::usage("log positions begin at @1"));
        }
        let report = undo::undo(&workspace, position)?;
        door.report(&report, |out, paint, report| {
            let _ = writeln!(out, "undone @{}: {}", report.position, text::display(&report.why));
            let _ = writeln!(out, "{}", paint.dim(&format!("changed back: {}", ids(&report.records))));
            if !report.kept.is_empty() {
                let _ = writeln!(
                    out,
                    "{}",
                    paint.warn(&format!("kept, because changed since: {}", report.kept.join(", ")))
                );
            }
        })
    }
}
