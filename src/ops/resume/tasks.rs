//! The tasks of a briefing: what is being worked on and what could be next.

use super::gather::{Gatherer, proceed, section};
use super::{Item, Section};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text};
use crate::error::Result;
use crate::ops::{checkpoint, ready, session};

/// How many ready tasks are offered to the budget.
const NEXT_MAX: usize = 15;

impl Gatherer<'_> {
    /// Tasks in progress and checkpoints with steps to go.
    pub(super) fn interrupted(&self) -> Result<Section> {
        let mut tasks = Vec::new();
        self.view.each(&terms::status_term(kind::TASK, "active"), |task| {
            if self.is_worked_on_here(&task)? {
                tasks.push(task);
            }
            Ok(proceed(tasks.len()))
        })?;
        // What was touched last is what the next session turns to, more often than what is most urgent.
        tasks.sort_by_key(|task| std::cmp::Reverse(task.updated));
        let mut items = tasks.iter().map(|task| self.active(task)).collect::<Result<Vec<_>>>()?;
        let mut read = 0;
        self.view.each(&terms::status_term(kind::CHECKPOINT, "open"), |record| {
            read += 1;
            let worktree = record.text(field::WORKTREE) == Some(self.workspace.place.worktree.as_str());
            if self.all_branches || worktree && self.is_here(&record) {
                items.push(Self::checkpoint(&record));
            }
            Ok(proceed(read))
        })?;
        Ok(section("In progress", items, 0, "state list active"))
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

    fn active(&self, task: &Record) -> Result<Item> {
        let me = session::current(self.view, self.workspace)?.map(|session| session.uid);
        let who = match session::holder(self.view, task, self.now)? {
            Some(holder) if Some(holder.uid) == me => "yours".to_owned(),
            Some(holder) => format!("{} is on it", holder.id()),
            None => format!("left {}: state start {}", self.age(task), task.id()),
        };
        Ok(Item::line(Some(task.id()), format!("{} p{} {} ({who})", task.id(), task.priority(), Self::title(task))))
    }

    fn checkpoint(record: &Record) -> Item {
        let report = checkpoint::report(record);
        let done: Vec<&str> = report.steps.iter().filter(|step| step.done).map(|step| step.name.as_str()).collect();
        let next = report.next.as_deref().map_or("no further steps declared".to_owned(), |next| {
            format!("next {next}: state checkpoint {} {next}", report.name)
        });
        Item::line(Some(&report.id), format!("{} {}: done {}; {next}", report.id, report.name, done.join(", ")))
    }

    pub(super) fn next(&self) -> Result<Section> {
        let mut tasks = ready::best(self.view, self.now, NEXT_MAX)?;
        tasks.retain(|task| task.record.status != "active");
        let total = self.view.count(terms::READY, ready::COUNT_MAX)?;
        let left_out = total.saturating_sub(tasks.len());
        let items = tasks.into_iter().map(|task| {
            let title = text::truncate_tokens(&text::clean_line(&task.record.title), 30);
            let reason = if task.reason == "needs nothing" { String::new() } else { format!(" ({})", task.reason) };
            let line = format!("{} p{} {title}{reason}", task.record.id, task.record.priority.unwrap_or(2));
            Item::line(Some(&task.record.id), line)
        });
        Ok(section("Next", items.collect(), left_out, "state ready"))
    }
}
