//! What changed since a moment, for a session that knows the rest, and what a session did itself.

use super::gather::{Gatherer, lines, section};
use super::{Item, Section};
use crate::domain::event::Event;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, when};
use crate::error::{Error, Result};
use crate::ops::{handoff, list};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Changes further back than so many events are counted as one: `state log` has them.
const EVENTS_MAX: u64 = 400;
/// How many changed records are offered to the budget.
const CHANGED_MAX: usize = 40;
/// How many of its own changes a session is reminded of in one line.
const OWN_MAX: usize = 12;
/// Tokens of what is known of its work so far, in its forms.
const SO_FAR_TOKENS: [usize; 2] = [250, 100];
/// How many tasks that became free are named.
const FREE_MAX: usize = 10;

/// What happened to a record.
pub(super) struct Change {
    pub(super) record: Record,
    word: String,
    /// The last session that changed it, unless that is the one that asks.
    other: Option<Uid>,
    pub(super) is_mine: bool,
}

impl Gatherer<'_> {
    /// What is different since a log position; `since` says since when, in words. `stale` are references that no longer
    /// hold, and did then.
    pub(super) fn delta(&self, position: u64, since: &str, stale: Vec<Item>) -> Result<Vec<Section>> {
        let mut changes = self.changes(position)?;
        // Its own automatic handoff says nothing that a session does not know.
        changes.retain(|change| !(change.is_mine && handoff::is_auto(&change.record)));
        if changes.is_empty() && stale.is_empty() {
            return Ok(vec![lines(vec![format!("{}. {since}: nothing changed.", self.place_name())])]);
        }
        let opening = vec![format!("{}. {since}:", self.place_name()), super::gather::DATA.to_owned()];
        let ids: BTreeSet<&str> = changes.iter().map(|change| change.record.id()).collect();
        let mut wrong = self.conflicts()?;
        wrong.retain(|item| item.id.as_deref().is_some_and(|id| ids.contains(id)));
        wrong.extend(stale);
        let (mine, others): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|change| change.is_mine);
        let left_out = others.len().saturating_sub(CHANGED_MAX);
        let items = others.iter().take(CHANGED_MAX).map(|change| self.changed(change)).collect::<Result<Vec<_>>>()?;
        Ok(vec![
            lines(opening),
            section("Attention", wrong, 0, "state list conflicts").vital(),
            section("Changed", items, left_out, "state log").vital(),
            section("Free now", self.freed(&changes, &self.mine()?)?, 0, "state ready").vital(),
            section("You", own(&mine).into_iter().collect(), 0, "state log"),
        ])
    }

    /// What this session did, newest first.
    pub(super) fn own_work(&self) -> Result<Section> {
        let changes = self.changes(0)?;
        let mine = changes.iter().filter(|change| change.is_mine && !handoff::is_auto(&change.record));
        let mine = mine.take(CHANGED_MAX);
        let items = mine.map(|change| self.changed(change)).collect::<Result<Vec<_>>>()?;
        Ok(section("This session", items, 0, "state log").floor(5))
    }

    /// What is known of its work so far, where it wrote no handoff: it was made a moment ago, before the compaction.
    pub(super) fn own_handoff(&self) -> Result<Section> {
        let made = self
            .me()?
            .map(|me| self.view.first(&terms::session_term(me.uid), OWN_MAX))
            .transpose()?
            .unwrap_or_default();
        let auto = made.iter().find(|record| record.is_live() && handoff::is_auto(record));
        let item = auto.map(|auto| self.handed_item(auto, &SO_FAR_TOKENS)).transpose()?;
        Ok(section("So far", item.into_iter().map(|item| item.worth(0.9)).collect(), 0, "state list handoffs"))
    }

    pub(super) fn changed(&self, change: &Change) -> Result<Item> {
        let record = &change.record;
        let by = change.other.map(|uid| list::id_of(self.view, uid)).transpose()?;
        let by = by.map(|id| format!(" ({id})")).unwrap_or_default();
        let line = format!("{} {}: {}{by}", record.id(), change.word, Self::title(record));
        Ok(Item::line(Some(record.id()), line).worth(0.7).why(format!("changed {}", self.age(record))))
    }

    /// The records that the events after a position changed, those that changed last first.
    pub(super) fn changes(&self, position: u64) -> Result<Vec<Change>> {
        let next = self.view.next_position();
        let from = position.saturating_add(1).max(next.saturating_sub(EVENTS_MAX));
        let me = self.me()?.map(|me| me.uid);
        let mut events: BTreeMap<Uid, Vec<(u64, Event)>> = BTreeMap::new();
        for (position, event) in self.view.events(from..)? {
            for uid in &event.touches {
                events.entry(*uid).or_default().push((position, event.clone()));
            }
        }
        let mut events: Vec<_> = events.into_iter().collect();
        events.sort_by_key(|(_, of_one)| std::cmp::Reverse(of_one.last().map(|(position, _)| *position)));
        let mut changes = Vec::new();
        for (uid, of_one) in events {
            let record = self.view.record(uid)?.filter(|record| record.birth.is_some());
            if let Some(record) = record.filter(|record| record.kind() != kind::SESSION) {
                let other = of_one.iter().rev().map(|(_, event)| event.session).find(|session| *session != me);
                let is_mine = me.is_some() && other.is_none();
                changes.push(Change { word: word(&record, &of_one), record, other: other.flatten(), is_mine });
            }
        }
        Ok(changes)
    }

    /// Open tasks that waited for something that ended meanwhile, and wait no more; of those in hand only `mine`.
    pub(super) fn freed(&self, changes: &[Change], mine: &BTreeSet<Uid>) -> Result<Vec<Item>> {
        let mut items: Vec<Item> = Vec::new();
        for change in changes.iter().filter(|change| !change.record.is_live()) {
            let mut waiting: Vec<Uid> = change.record.linked(field::link::BLOCKS).collect();
            self.view.scan(&terms::incoming_term(change.record.uid, field::link::NEEDS), |_, uid| {
                waiting.push(uid);
                Ok(if waiting.len() < FREE_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
            for uid in waiting {
                let Some(task) = self
                    .view
                    .record(uid)?
                    .filter(|task| task.status() == "open" || task.status() == "active" && mine.contains(&task.uid))
                else {
                    continue;
                };
                let is_told = items.iter().any(|item| item.id.as_deref() == Some(task.id()));
                if !is_told && items.len() < FREE_MAX && self.view.blockers(&task, 1)?.is_empty() {
                    let line = format!("{} p{} {}", task.id(), task.priority(), Self::title(&task));
                    let why = format!("{} is {}", change.record.id(), change.record.status());
                    items.push(Item::line(Some(task.id()), line).worth(0.8).why(why));
                }
            }
        }
        Ok(items)
    }

    /// The log position before a moment: `@142`, or a time.
    ///
    /// # Errors
    /// `Usage` if it is neither.
    pub(super) fn position_of(&self, moment: &str) -> Result<u64> {
        if let Some(position) = moment.strip_prefix('@') {
            return position.parse().map_err(|_| {
                Error::usage(format!("{} is not a log position", crate::domain::text::quoted(moment)))
                    .hint("as @142; state log shows them")
            });
        }
        let millis = u64::try_from(when::parse_time(moment, self.now)?.timestamp_millis()).unwrap_or(0);
        let (mut low, mut high) = (1, self.view.next_position());
        while low < high {
            let middle = u64::midpoint(low, high);
            // Pruned positions are missing: the transaction before one stands for it.
            let first = self.view.commits_before(middle + 1, 1)?.first().map_or(0, |(first, _)| *first);
            let event = if first < low { None } else { self.view.event(first)? };
            match event {
                Some(event) if event.stamp.hlc >> 16 >= millis => high = first,
                _ => low = middle + 1,
            }
        }
        Ok(low - 1)
    }
}

/// What became of a record, in one word.
fn word(record: &Record, events: &[(u64, Event)]) -> String {
    let set = |name: &str| events.iter().any(|(_, event)| event.put().is_some_and(|put| put.set.contains_key(name)));
    let is_new = events.iter().any(|(_, event)| event.put().is_some_and(|put| put.create.is_some()));
    match () {
        () if record.flag(field::GONE) => "undone".to_owned(),
        () if is_new && record.is_live() && record.status() != "active" => "new".to_owned(),
        () if set(field::STATUS) => crate::domain::text::clean_line(record.status()),
        () => "edited".to_owned(),
    }
}

/// One line: the session knows its own work.
fn own(mine: &[&Change]) -> Option<Item> {
    let words = mine.iter().take(OWN_MAX).map(|change| format!("{} {}", change.record.id(), change.word));
    let more = if mine.len() > OWN_MAX { format!(" and {} more", mine.len() - OWN_MAX) } else { String::new() };
    let line = words.collect::<Vec<_>>().join(", ") + &more;
    (!mine.is_empty()).then(|| Item::line(None, line))
}
