//! `state add`

use super::door::Door;
use super::paint::{Paint, ids};
use super::{read_stdin, text_or_stdin};
use crate::domain::draft::{Draft, DraftLink};
use crate::domain::kind;
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::add::{self, AddInput, AddReport, Made};
use crate::ops::batch;
use std::fmt::Write as _;
use std::path::Path;

/// Add a record, or a whole handoff or batch from standard input or a file.
///
/// state add KIND "TITLE"; state add - (standard input); state add FILE.
///
/// KIND is task, blocker, finding, decision, note, handoff, summary or artifact. A text is a Markdown handoff or summary
/// (headings Done, In progress, Next, Blockers, Findings, Decisions, References, Read first, in any common wording), a JSON record, or
/// JSON lines: {"kind", "title", "body"?, "status"?, "priority"?, "tags"?, "key"?, "refs"?, "entries"?, "needs"?, "parent"?, "links"?:
/// [{"kind", "to"}], "private"?, "defer"?, "to"?, "label"?}. All of it is added, or nothing.
///
/// JSON: {"records": [RECORD + {"outcome": added|same|superseded|conflict|updated, "others"?}], "near"?: [RECORD], "remarks"?: [TEXT]}
#[derive(clap::Args)]
pub(super) struct AddArgs {
    /// A kind; or - or a file's path for a whole text.
    #[arg(value_name = "KIND|-|FILE")]
    what: String,
    /// One line.
    title: Option<String>,
    /// Markdown; - reads standard input.
    #[arg(long, allow_hyphen_values = true)]
    body: Option<String>,
    /// What must be done before; again for several.
    #[arg(long, value_name = "ID")]
    needs: Vec<String>,
    /// What it is a part of.
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Another link; again for several.
    #[arg(long, value_name = "TYPE:ID")]
    link: Vec<String>,
    /// 0 (most urgent) to 4.
    #[arg(long, short)]
    priority: Option<u8>,
    /// A word to find it by; again for several.
    #[arg(long, short)]
    tag: Vec<String>,
    /// A stable name; the same key and text again is the same record.
    #[arg(long, short)]
    key: Option<String>,
    /// A file range, as src/a.rs:10-40, with a hash that tells when it has changed; again for several.
    #[arg(long = "ref", value_name = "PATH[:FROM-TO]")]
    refs: Vec<String>,
    /// The same for a file that the next session is to read first; again for several.
    #[arg(long, value_name = "PATH[:FROM-TO]")]
    entry: Vec<String>,
    /// A status other than the kind's first.
    #[arg(long)]
    status: Option<String>,
    /// Not ready before: 3d, tomorrow, 2026-12-01.
    #[arg(long, value_name = "TIME")]
    defer: Option<String>,
    /// Of a note: the session, task or branch that it is shown to, once.
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// A record that this one takes the place of; again for several.
    #[arg(long, value_name = "ID")]
    over: Vec<String>,
    /// Never leaves this machine.
    #[arg(long)]
    private: bool,
}

impl AddArgs {
    pub(super) fn run(self: Box<Self>, door: &mut Door) -> Result<()> {
        let workspace = door.writing()?;
        let add_text = |text: String| {
            let add = if self.private { batch::add_private_text } else { batch::add_text };
            self.stands_alone()?;
            add(&workspace, &text)
        };
        let report = match &self.title {
            None if self.what == "-" => add_text(read_stdin()?)?,
            None if kind::find(&self.what).is_some() => {
                return Err(Error::usage(format!("what {}? the title is missing", self.what))
                    .hint(format!("state add {} \"TITLE\"", self.what)));
            }
            None if Path::new(&self.what).is_file() => add_text(read_file(&self.what)?)?,
            None => {
                return Err(Error::usage(format!("'{}' is neither a kind nor a file", text::clean_line(&self.what)))
                    .hint("state add task \"TITLE\", state add - < HANDOFF.md"));
            }
            Some(_) => add::add(&workspace, &self.input()?)?,
        };
        door.report(&report, print)
    }

    /// A text says itself what its records have: what is given beside it would be lost.
    fn stands_alone(&self) -> Result<()> {
        let all = [
            ("--body", self.body.is_some()),
            ("--needs", !self.needs.is_empty()),
            ("--parent", self.parent.is_some()),
            ("--link", !self.link.is_empty()),
            ("--priority", self.priority.is_some()),
            ("--tag", !self.tag.is_empty()),
            ("--key", self.key.is_some()),
            ("--ref", !self.refs.is_empty()),
            ("--entry", !self.entry.is_empty()),
            ("--status", self.status.is_some()),
            ("--defer", self.defer.is_some()),
            ("--to", self.to.is_some()),
            ("--over", !self.over.is_empty()),
        ];
        let beside: Vec<&str> = all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        if beside.is_empty() {
            return Ok(());
        }
        Err(Error::usage(format!("a text stands alone: a single record has {}; nothing was added", beside.join(", ")))
            .hint("in JSON lines each record has its own; --private is for all of a text"))
    }

    fn input(self: Box<Self>) -> Result<AddInput> {
        let links = self.link.iter().map(|link| {
            let (kind, to) = link
                .split_once(':')
                .ok_or_else(|| Error::usage(format!("'{link}' is not a link")).hint("as --link relates:t-4kq"))?;
            Ok(DraftLink { kind: kind.to_owned(), to: to.to_owned() })
        });
        let draft = Draft {
            links: links.collect::<Result<_>>()?,
            kind: kind::find(&self.what).map_or(self.what, |row| row.name.to_owned()),
            title: self.title.unwrap_or_default(),
            body: self.body.map(text_or_stdin).transpose()?.unwrap_or_default(),
            status: self.status,
            to: self.to,
            priority: self.priority,
            tags: self.tag,
            key: self.key,
            refs: self.refs,
            entries: self.entry,
            needs: self.needs,
            parent: self.parent,
            private: self.private,
            defer: self.defer,
            ..Draft::default()
        };
        Ok(AddInput { draft, over: self.over })
    }
}

fn read_file(path: &str) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|e| Error::usage(format!("cannot read {path}")).because(e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn print(out: &mut String, paint: Paint, report: &AddReport) {
    if report.records.len() > 3 {
        print_many(out, paint, report);
        return print_remarks(out, paint, report);
    }
    for made in &report.records {
        let record = &made.record;
        let _ = writeln!(out, "{} {}{}", paint.id(&record.id), word(made), title(made));
        if !record.blocked_by.is_empty() {
            let _ = writeln!(out, "waits for {}", record.blocked_by.join(", "));
        }
    }
    let near: Vec<String> =
        report.near.iter().map(|near| format!("{} {}", near.id, text::display(&near.title))).collect();
    if !near.is_empty() {
        let _ = writeln!(out, "{}", paint.dim(&format!("near: {}", near.join("; "))));
    }
    print_remarks(out, paint, report);
}

fn print_remarks(out: &mut String, paint: Paint, report: &AddReport) {
    for remark in &report.remarks {
        let _ = writeln!(out, "{}", paint.warn(&text::display(remark)));
    }
}

fn title(made: &Made) -> String {
    format!(": {}", text::display(&made.record.title))
}

fn word(made: &Made) -> String {
    made.told(|others| {
        let over: Vec<String> = made.others.iter().chain([&made.record.id]).map(|id| format!("--over {id}")).collect();
        let (ids, over) = (made.others.join(" "), over.join(" "));
        let settle = format!("state drop {ids} -m WHY, or state add {} \"...\" {over}", made.record.kind);
        format!("added, but {others} says otherwise under the same key; settle: {settle}")
    })
}

/// A batch in few lines: how many of which kind, and their ids; for a handoff, all hang on the first.
fn print_many(out: &mut String, paint: Paint, report: &AddReport) {
    let head = &report.records[0].record;
    let is_handoff = [kind::HANDOFF, kind::SUMMARY].contains(&head.kind.as_str());
    let lines: Vec<_> = report.records.iter().skip(usize::from(is_handoff)).map(|made| made.record.clone()).collect();
    if is_handoff {
        let _ = writeln!(out, "{}: {}, all linked", paint.id(&head.id), add::counts(&lines));
    } else {
        let _ = writeln!(out, "{} added: {}", lines.len(), add::counts(&lines));
    }
    let _ = writeln!(out, "{}", paint.dim(&ids(&lines)));
}
