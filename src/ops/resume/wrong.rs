//! What must be known before anything pleasant: contradictions, references that no longer hold, work that was abandoned.

use super::gather::{Gatherer, proceed, section};
use super::known::Known;
use super::{Item, Section};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::reference::Reference;
use crate::domain::{field, terms, text};
use crate::error::Result;
use chrono::{DateTime, Utc};
use std::ops::ControlFlow;

/// So many stale records are told here; the others have a remark where they stand.
const STALE_MAX: usize = 3;
/// How many abandoned tasks are named.
const ABANDONED_MAX: usize = 5;

impl Gatherer<'_> {
    /// All of it; marks the records that it tells among what is `known`.
    pub(super) fn wrong(&self, last: Option<&Record>, known: &mut [Known]) -> Result<Section> {
        let mut items = self.conflicts()?;
        items.extend(last.map(|last| self.abandoned(last)).transpose()?.flatten());
        items.extend(Self::stale(known));
        Ok(section("Attention", items, 0, "state list conflicts").floor(4))
    }

    /// Live records of one key that say different things, a pair a line.
    pub(super) fn conflicts(&self) -> Result<Vec<Item>> {
        let mut items: Vec<Item> = Vec::new();
        let mut told: Vec<Uid> = Vec::new();
        self.view.each(terms::CONFLICTS, |record| {
            if told.contains(&record.uid) {
                return Ok(ControlFlow::Continue(()));
            }
            told.push(record.uid);
            for other in self.view.contradicting(&record, 5)? {
                if !told.contains(&other.uid) {
                    told.push(other.uid);
                    items.push(Self::conflict(&record, &other));
                }
            }
            Ok(proceed(items.len()))
        })?;
        Ok(items)
    }

    fn conflict(record: &Record, other: &Record) -> Item {
        let key = text::clean_line(record.text(field::KEY).unwrap_or(""));
        let (one, two) = (record.id(), other.id());
        let short = format!("! {one} contradicts {two} on {key}: {}", Self::title(record));
        let over = format!("state add {} TITLE --over {one} --over {two}", record.kind());
        let settle = format!("settle: state drop ONE -m WHY, or {over}");
        Item::forms(Some(one), vec![format!("{short} ({settle})"), short])
            .worth(0.9)
            .why("two live records of one key differ".to_owned())
    }

    /// The tasks that a session still claims although it is gone.
    fn abandoned(&self, session: &Record) -> Result<Option<Item>> {
        if !self.is_gone(session)? {
            return Ok(None);
        }
        let mut left = Vec::new();
        let mut read = 0;
        self.view.each(&terms::claim_term(session.uid), |task| {
            read += 1;
            left.extend((task.status() == "active").then(|| task.id().to_owned()));
            Ok(if left.len() < ABANDONED_MAX { proceed(read) } else { ControlFlow::Break(()) })
        })?;
        let Some(first) = left.first() else { return Ok(None) };
        let line = format!("! {} is gone and left {}", session.id(), left.join(", "));
        Ok(Some(Item::line(Some(first), line).worth(0.9).why("its claims have expired".to_owned())))
    }

    /// The references of what is known that no longer hold since files changed after a moment.
    pub(super) fn stale_since(&self, moment: DateTime<Utc>, focus: Option<&Record>) -> Result<Vec<Item>> {
        let mut known = self.known(focus)?;
        known.retain(|known| known.record.elements(field::REF).any(|(path, _)| self.changed_after(path, moment)));
        Ok(Self::stale(&mut known))
    }

    /// Whether a file was written after a moment, or is gone.
    fn changed_after(&self, path: &str, moment: DateTime<Utc>) -> bool {
        let Ok(reference) = path.parse::<Reference>() else { return false };
        let file = std::fs::metadata(self.workspace.place.root.join(&reference.path));
        file.and_then(|file| file.modified()).map_or(true, |written| DateTime::<Utc>::from(written) >= moment)
    }

    fn stale(known: &mut [Known]) -> Vec<Item> {
        let mut items = Vec::new();
        for known in known.iter_mut().filter(|known| !known.stale.is_empty()).take(STALE_MAX) {
            let stale = &known.stale[0];
            let more =
                if known.stale.len() > 1 { format!(" and {} more", known.stale.len() - 1) } else { String::new() };
            let line = format!("! {} {}: {stale}{more}", known.record.id(), Self::title(&known.record));
            let worth = if known.is_about_focus { 0.9 } else { 0.4 };
            let why = "what it refers to is no longer what it was".to_owned();
            items.push(Item::line(Some(known.record.id()), line).worth(worth).why(why));
            known.is_told = true;
        }
        items
    }
}
