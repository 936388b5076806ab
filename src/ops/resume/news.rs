//! What others did that a session in the midst of its work should know now: notes to it, contradictions, work that is free.
//!
//! Asked at every prompt, so it says nothing as a rule, and reads nothing unless the log has grown.

use super::gather::{Gatherer, lines, section, with_body};
use super::{Item, Section};
use crate::domain::id::Uid;
use crate::error::Result;
use crate::ops::{address, list, session};
use std::collections::BTreeSet;

/// So many tasks of a session are watched for it.
const MINE_MAX: usize = 20;
/// Tokens of a note in its longer forms.
const NOTE_TOKENS: [usize; 2] = [200, 60];

impl Gatherer<'_> {
    /// The notes to the one who asks, and which they are.
    pub(super) fn notes(&self) -> Result<(Section, Vec<(Uid, String)>)> {
        let mut items = Vec::new();
        let mut told = Vec::new();
        for note in address::unread(self.view, self.workspace)? {
            let by = note.birth.as_ref().and_then(|birth| birth.session);
            let by = by.map(|uid| list::id_of(self.view, uid)).transpose()?;
            let by = by.map(|id| format!(" from {id}")).unwrap_or_default();
            let line = format!("{} {}{by}: {}", note.id(), self.age(&note), Self::title(&note));
            let forms = with_body(&line, &self.view.body(&note)?, &NOTE_TOKENS);
            items
                .push(Item::forms(Some(note.id()), forms).worth(2.0).why("a note to you, not shown before".to_owned()));
            told.push((note.uid, note.id().to_owned()));
        }
        let floor = items.len();
        Ok((section("For you", items, 0, "state list notes").floor(floor).vital(), told))
    }

    /// The tasks that the session holds, and its focus.
    pub(super) fn mine(&self) -> Result<BTreeSet<Uid>> {
        let tasks = self.me()?.map(|me| session::tasks(self.view, me, MINE_MAX)).transpose()?;
        Ok(tasks.into_iter().flatten().collect())
    }

    /// What changed since a log position and concerns the session; nothing as a rule.
    pub(super) fn news(&self, position: u64, ended: Section, notes: Section) -> Result<Vec<Section>> {
        let (mut wrong, mut free, mut yours) = (Vec::new(), Vec::new(), Vec::new());
        if position < self.view.next_position().saturating_sub(1) {
            let mut changes = self.changes(position)?;
            changes.retain(|change| !change.is_mine);
            let ids: BTreeSet<&str> = changes.iter().map(|change| change.record.id()).collect();
            wrong = self.conflicts()?;
            wrong.retain(|item| item.id.as_deref().is_some_and(|id| ids.contains(id)));
            let mine = self.mine()?;
            free = self.freed(&changes, &mine)?;
            changes.retain(|change| mine.contains(&change.record.uid));
            yours = changes.iter().map(|change| self.changed(change)).collect::<Result<_>>()?;
        }
        if wrong.is_empty() && free.is_empty() && yours.is_empty() && notes.items.is_empty() && ended.items.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![
            lines(vec![format!("state: new since your last prompt. {}", super::gather::DATA)]),
            ended,
            notes,
            section("Attention", wrong, 0, "state list conflicts").vital(),
            section("Yours, changed by others", yours, 0, "state list mine").vital(),
            section("Free now", free, 0, "state ready").vital(),
        ])
    }
}
