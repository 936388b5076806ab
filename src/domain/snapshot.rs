//! An event that stands for others: old history of a record folded into one event, or a repeated change into its last.
//!
//! It keeps the identity (stamp, sequence) of an event that it replaces, and names the others, so that they still count
//! as seen and are not taken in again from another replica. A whole record's snapshot also keeps the stamp of every
//! register and of the last update, so that folding it gives exactly what folding all of them gave, whatever else arrives.

use super::clock::{ReplicaId, Stamp};
use super::event::{Change, Event};
use super::record::Record;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The field of an event's `extra` that holds it.
const FIELD: &str = "stands";

/// What an event stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stands {
    /// The events that it replaces besides its own: replica, first and last sequence.
    #[serde(rename = "for")]
    pub ranges: Vec<(ReplicaId, u64, u64)>,
    /// Of a whole record: the newest event about it, and its wall time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<(Stamp, DateTime<Utc>)>,
    /// Of a whole record: when each register was set that was not set at birth.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stamps: BTreeMap<String, Stamp>,
}

impl Stands {
    /// What an event stands for beyond itself; `None` for nearly all.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        serde_json::from_value(event.extra.get(FIELD)?.clone()).ok()
    }

    /// Puts it into an event.
    pub fn put_into(&self, event: &mut Event) {
        if let Ok(value) = serde_json::to_value(self) {
            event.extra.insert(FIELD.to_owned(), value);
        }
    }

    /// Adds an event and all that it stands for.
    pub fn take_in(&mut self, event: &Event) {
        let own = (event.stamp.replica, event.seq, event.seq);
        let others = Self::of(event).map(|stands| stands.ranges).unwrap_or_default();
        self.ranges.extend(others.into_iter().chain([own]));
    }

    /// Sorts and joins the ranges.
    #[must_use]
    pub fn tidy(mut self) -> Self {
        self.ranges.sort_unstable();
        let mut joined: Vec<(ReplicaId, u64, u64)> = Vec::new();
        for (replica, first, last) in std::mem::take(&mut self.ranges) {
            match joined.last_mut() {
                Some((held, _, end)) if *held == replica && first <= *end + 1 => *end = last.max(*end),
                _ => joined.push((replica, first, last)),
            }
        }
        self.ranges = joined;
        self
    }

    /// How many events it replaces besides its own.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|(_, first, last)| last - first + 1).sum()
    }
}

/// One event that stands for all of `events`, the history of `record`, in the place of the event that created it.
/// `body` is what the event that set the body holds. `None` if an event is not plain: what a newer version wrote stays.
#[must_use]
pub fn fold(record: &Record, events: &[Event], body: Option<&serde_json::Value>) -> Option<Event> {
    let birth = record.birth.as_ref()?;
    let mut snapshot = events.iter().find(|event| event.stamp == birth.stamp)?.clone();
    if !events.iter().all(|event| is_plain(event, record)) {
        return None;
    }
    let mut stands = Stands { updated: Some((record.updated, record.updated_at)), ..Stands::default() };
    events.iter().filter(|event| event.stamp != birth.stamp).for_each(|event| stands.take_in(event));
    stands.ranges.extend(Stands::of(&snapshot).map(|stands| stands.ranges).unwrap_or_default());
    let Change::Put(put) = &mut snapshot.change else { return None };
    put.set = record.registers.iter().map(|(name, register)| (name.clone(), register.value.clone())).collect();
    if let Some(body) = body {
        put.set.insert(super::field::BODY.to_owned(), body.clone());
    }
    let set_later = record.registers.iter().filter_map(|(name, held)| Some((name.clone(), held.stamp?)));
    stands.stamps = set_later.collect();
    stands.tidy().put_into(&mut snapshot);
    Some(snapshot)
}

/// Whether this version understands all of an event, and it is about one record alone.
#[must_use]
pub fn is_plain(event: &Event, record: &Record) -> bool {
    let known = event.extra.keys().all(|name| name == FIELD);
    let put = event.put().is_some_and(|put| {
        put.uid == record.uid
            && put.extra.is_empty()
            && put.create.as_ref().is_none_or(|create| create.extra.is_empty())
    });
    known && put && event.touches == [record.uid]
}

#[cfg(test)]
mod tests {
    use super::super::event::{Create, Extra, Put};
    use super::super::id::Uid;
    use super::super::{event, fold as folding};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const WHO: Uid = Uid::from_u128(7);

    fn made(seq: u64, hlc: u64, replica: u64, set: &[(&str, u64)]) -> Event {
        let create = (seq == 1 && replica == 1).then(|| Create {
            kind: "task".into(),
            id: "t-00000".into(),
            extra: Extra::new(),
        });
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        Event {
            stamp: Stamp { hlc, replica: ReplicaId(replica) },
            seq,
            at: DateTime::from_timestamp_millis(i64::try_from(hlc).unwrap()).unwrap(),
            commit: seq,
            session: None,
            actor: String::new(),
            why: None,
            undoes: None,
            touches: vec![WHO],
            change: Change::Put(Put { uid: WHO, create, set, extra: Extra::new() }),
            extra: Extra::new(),
        }
    }

    fn folded(events: &[Event]) -> Record {
        let mut record = Record::unborn(WHO);
        for event in events {
            folding::apply(&mut record, event, 1);
        }
        record
    }

    proptest! {
        /// A snapshot gives what all events gave, also when an event of another replica comes in between.
        #[test]
        fn a_snapshot_folds_to_the_same(
            steps in prop::collection::vec((0usize..3, any::<u64>(), 1u64..3), 1..12),
            late in (0usize..3, 0u64..40),
            cut in 1usize..12,
        ) {
            let names = ["title", "tag/a", "priority"];
            let mut seqs = [0, 1, 0];
            let mut events = vec![made(1, 1, 1, &[("title", 0)])];
            for (place, (name, value, replica)) in steps.into_iter().enumerate() {
                seqs[usize::try_from(replica).unwrap()] += 1;
                let seq = seqs[usize::try_from(replica).unwrap()];
                events.push(made(seq, 3 + 2 * place as u64, replica, &[(names[name], value)]));
            }
            let late = made(1, late.1, 9, &[(names[late.0], 99)]);
            let cut = cut.min(events.len());
            let first = fold(&folded(&events[..cut]), &events[..cut], None).unwrap();
            // The disk holds it as bytes.
            let first = event::decode(&event::encode(&first).unwrap()).unwrap();
            let part: Vec<Event> = std::iter::once(first).chain(events[cut..].iter().cloned()).collect();
            let snapshot = fold(&folded(&part), &part, None).unwrap();
            prop_assert_eq!(Stands::of(&snapshot).unwrap().count() + 1, events.len() as u64);
            let all = folded(&events);
            prop_assert_eq!(&folded(&part), &all);
            prop_assert_eq!(&folded(std::slice::from_ref(&snapshot)), &all);
            events.push(late.clone());
            prop_assert_eq!(&folded(&[late.clone(), snapshot.clone()]), &folded(&events));
            prop_assert_eq!(&folded(&[snapshot, late]), &folded(&events));
        }
    }

    #[test]
    fn what_a_newer_version_wrote_is_not_folded() {
        let mut newer = made(2, 2, 1, &[("title", 1)]);
        newer.extra.insert("novelty".into(), json!(1));
        let events = [made(1, 1, 1, &[]), newer];
        assert_eq!(fold(&folded(&events), &events, None), None);
    }
}
