//! The tasks of a briefing: what is being worked on and what could be next, in the order of `likely`.

use super::gather::{Gatherer, proceed, section};
use super::likely::{Likely, likely};
use super::{Item, Section};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::Result;
use crate::ops::{checkpoint, session};

/// Tokens of a title in the forms of a task's line; the last is just enough to know it again.
const TITLE_TOKENS: [usize; 3] = [30, 14, 10];
/// A task in progress that is worth less has no claim to a place.
const WORTH_MIN: f64 = 0.05;

impl Gatherer<'_> {
    /// Tasks in progress and checkpoints with steps to go, then what could be next.
    pub(super) fn tasks(&self) -> Result<[Section; 2]> {
        let me = self.me()?.map(|me| me.uid);
        let ranking = likely(self)?;
        let unread = ranking.open.saturating_sub(ranking.tasks.len());
        let (mut active, mut next, mut elsewhere) = (Vec::new(), Vec::new(), 0);
        for task in &ranking.tasks {
            if task.record.status() != "active" {
                next.push(Self::task(task, Self::remark(task).as_deref()));
            } else if self.is_worked_on_here(&task.record)? {
                let mut item = Self::task(task, Some(&self.holder(&task.record, me)?));
                if me.is_some_and(|me| task.record.claims().contains(&me)) {
                    item.forms.truncate(1); // what one works on is told whole
                }
                active.push(item);
            } else {
                elsewhere += 1;
            }
        }
        active.extend(self.checkpoints()?);
        let line = format!("{elsewhere} on other branches: state resume --all-branches");
        active.extend((elsewhere > 0).then(|| Item::line(None, line).worth(0.1)));
        let mut active = section("In progress", active, 0, "state list active");
        // What an imported ledger calls in progress may be a year old, and must not take the room of what is next.
        active.floor = active.items.iter().filter(|item| item.worth >= WORTH_MIN).count().min(active.floor);
        Ok([active, section("Next", next, unread, "state list tasks")])
    }

    /// A task in a line. The shortest form says no more than that it waits.
    fn task(task: &Likely, remark: Option<&str>) -> Item {
        let record = &task.record;
        let priority = match record.priority() {
            field::PRIORITY_DEFAULT => String::new(),
            priority => format!(" p{priority}"),
        };
        let title = text::clean_line(record.title());
        let form = |(at, tokens): (usize, usize)| {
            let short = task.waits_for.as_ref().map(|_| "waits");
            let remark = if at + 1 < TITLE_TOKENS.len() { remark } else { short };
            let remark = remark.map(|remark| format!(" ({remark})")).unwrap_or_default();
            format!("{}{priority} {}{remark}", record.id(), text::truncate_tokens(&title, tokens))
        };
        let mut forms: Vec<String> = TITLE_TOKENS.into_iter().enumerate().map(form).collect();
        forms.dedup();
        let why = format!("{:+.1}: {}", task.score, task.reasons.join(", "));
        Item::forms(Some(record.id()), forms).worth(task.worth).why(why)
    }

    /// Why a task stands where it does, where that says something.
    fn remark(task: &Likely) -> Option<String> {
        let says = |words: &str, id: &Option<String>| id.as_ref().map(|id| format!("{words} {id}"));
        says("waits for", &task.waits_for).or_else(|| says("free since", &task.freed_by))
    }

    /// Where a task is interrupted is where it was started, not where it was written down.
    fn is_worked_on_here(&self, task: &Record) -> Result<bool> {
        for uid in task.claims() {
            if let Some(session) = self.view.record(uid)? {
                return Ok(self.is_here(&session));
            }
        }
        Ok(self.is_here(task))
    }

    fn holder(&self, task: &Record, me: Option<Uid>) -> Result<String> {
        Ok(match session::holder(self.view, task, self.now)? {
            Some(holder) if Some(holder.uid) == me => "yours".to_owned(),
            Some(holder) => format!("{} is on it", holder.id()),
            // What nobody claimed came from a ledger, whose word for it may be old.
            None if task.claims().is_empty() => format!("left {}", self.age(task)),
            None => format!("left {}: state start {}", self.age(task), task.id()),
        })
    }

    fn checkpoints(&self) -> Result<Vec<Item>> {
        let (mut items, mut read) = (Vec::new(), 0);
        self.view.each(&terms::status_term(kind::CHECKPOINT, "open"), |record| {
            read += 1;
            let worktree = record.text(field::WORKTREE) == Some(self.workspace.place.worktree.as_str());
            if self.all_branches || worktree && self.is_here(&record) {
                items.push(Self::checkpoint(&record));
            }
            Ok(proceed(read))
        })?;
        Ok(items)
    }

    fn checkpoint(record: &Record) -> Item {
        let report = checkpoint::report(record);
        let done: Vec<&str> = report.steps.iter().filter(|step| step.done).map(|step| step.name.as_str()).collect();
        let next = report.next.as_deref().map_or("no further steps declared".to_owned(), |next| {
            format!("next {next}: state checkpoint {} {next}", report.name)
        });
        Item::line(Some(&report.id), format!("{} {}: done {}; {next}", report.id, report.name, done.join(", ")))
    }
}
