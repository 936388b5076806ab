//! What the views must be: the fold of the log, and the terms of what was folded.

use crate::support::Shell;
use state::domain::event::Event;
use state::domain::id::Uid;
use state::domain::record::Record;
use state::domain::terms::{self, Facts};
use state::domain::{field, fold};
use state::error::Result;
use state::store::{Store, View};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Records, histories, short ids and every secondary index must be what the log alone says.
#[track_caller]
pub fn assert_views_equal_a_fresh_fold(shell: &Shell) {
    let store = Store::at(&shell.store(), chrono::Utc::now, [0; 16]);
    store.read(check).unwrap();
    assert_eq!(store.verify().unwrap().differences, [""; 0]);
}

fn check(view: &View) -> Result<()> {
    let events = view.events(..)?;
    assert!(events.iter().map(|(position, _)| *position).eq(1..view.next_position()), "the log has a gap");
    let mut expected = BTreeSet::new();
    for (uid, (mut folded, history)) in fold_all(&events) {
        let held = view.record(uid)?.expect("a record of the log is in the view");
        assert_eq!(view.body(&held)?, folded.text(field::BODY).unwrap_or_default());
        assert_eq!(view.history(uid)?, history);
        assert_eq!(view.id(held.id())?, Some(uid));
        let facts = if held.is_visible() { view.facts(&held)? } else { Facts::default() };
        let terms = terms::terms(&held, facts).into_iter();
        expected.extend(terms.map(|(term, order)| (term, order, uid)));
        let mut held = held;
        // The log holds the text, the view its position.
        held.registers.remove(field::BODY);
        folded.registers.remove(field::BODY);
        assert_eq!(held, folded);
    }
    let mut held = BTreeSet::new();
    for term in expected.iter().map(|(term, ..)| term).chain(&[terms::READY.to_owned(), terms::BLOCKED.to_owned()]) {
        view.scan(term, |order, uid| {
            held.insert((term.clone(), order, uid));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    let wrong: Vec<_> = held.symmetric_difference(&expected).collect();
    assert!(wrong.is_empty(), "secondary indexes are not what the records say: {wrong:?}");
    Ok(())
}

fn fold_all(events: &[(u64, Event)]) -> BTreeMap<Uid, (Record, Vec<u64>)> {
    let mut folded: BTreeMap<Uid, (Record, Vec<u64>)> = BTreeMap::new();
    for (position, event) in events {
        for uid in &event.touches {
            let (record, history) = folded.entry(*uid).or_insert_with(|| (Record::unborn(*uid), Vec::new()));
            fold::apply(record, event);
            history.push(*position);
        }
    }
    folded
}
