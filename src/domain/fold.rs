//! How events become records: each register keeps the value with the highest stamp.
//!
//! Fold order does not matter: a register compares stamps, the birth is the lowest creating stamp, `updated` the highest.
//! Illegal values and transitions are tolerated here; they are refused where events are made.

use super::event::{Event, Put};
use super::field;
use super::record::{Birth, Record, Register};
use super::snapshot::Stands;
use serde_json::json;

/// Folds the event at a log position into the record that its change is about. Unknown changes only count as an update.
///
/// A body stays in the log: the record gets the position that holds it, so that texts live once. Returns whether anything
/// about the record is different now.
pub fn apply(record: &mut Record, event: &Event, position: u64) -> bool {
    let before_birth = record.birth.is_some();
    let mut changed = false;
    let stands = Stands::of(event).unwrap_or_default();
    if let Some(put) = event.put().filter(|put| put.uid == record.uid) {
        changed |= set_birth(record, event, put);
        changed |= set_registers(record, event, (put, position), &stands);
    }
    let (updated, updated_at) = stands.updated.unwrap_or((event.stamp, event.at));
    if updated > record.updated {
        record.updated = updated;
        record.updated_at = updated_at;
        changed = true;
    }
    changed || before_birth != record.birth.is_some()
}

fn set_birth(record: &mut Record, event: &Event, put: &Put) -> bool {
    let Some(create) = &put.create else { return false };
    if record.birth.as_ref().is_some_and(|birth| birth.stamp <= event.stamp) {
        return false;
    }
    unshare_birth_stamps(record);
    record.birth = Some(Birth {
        kind: create.kind.clone(),
        id: create.id.clone(),
        stamp: event.stamp,
        at: event.at,
        session: event.session,
        actor: event.actor.clone(),
    });
    share_birth_stamps(record);
    true
}

/// Registers that leave their stamp to the birth get it written out before the birth changes.
fn unshare_birth_stamps(record: &mut Record) {
    let Some(birth) = &record.birth else { return };
    for register in record.registers.values_mut() {
        register.stamp.get_or_insert(birth.stamp);
    }
}

fn share_birth_stamps(record: &mut Record) {
    let Some(birth) = &record.birth else { return };
    for register in record.registers.values_mut() {
        register.stamp = register.stamp.filter(|stamp| *stamp != birth.stamp);
    }
}

fn set_registers(record: &mut Record, event: &Event, (put, position): (&Put, u64), stands: &Stands) -> bool {
    let birth = record.birth.as_ref().map(|birth| birth.stamp);
    let mut changed = false;
    for (name, value) in &put.set {
        let stamp = stands.stamps.get(name).copied().unwrap_or(event.stamp);
        let newer = record.registers.get(name).is_none_or(|held| record.stamp_of(held) < stamp);
        if newer {
            let stamp = (birth != Some(stamp)).then_some(stamp);
            let value = if name == field::BODY && !value.is_null() { json!({"log": position}) } else { value.clone() };
            record.registers.insert(name.clone(), Register { value, stamp });
            changed = true;
        }
    }
    changed
}
