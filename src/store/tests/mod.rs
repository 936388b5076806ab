//! What the store promises when the disk does not keep its promises: the power goes at any step, any access fails.
//!
//! The real [`Store`] runs on a [`Plate`]: bytes in memory, which record what was done to them and fail on demand. So
//! hundreds of disks after an accident are opened in seconds. `STATE_TEST_ROUNDS` multiplies what is sampled.

mod failing;
mod plate;
mod power_cut;

use super::{Registers, Store, Writer};
use crate::domain::event::Event;
use crate::domain::field;
use crate::domain::id::Uid;
use crate::error::Result;
use chrono::{DateTime, TimeDelta};
use plate::Plate;
use serde_json::json;
use std::fs::File;
use std::sync::Arc;

/// One transaction of the workload.
type Change = fn(&mut Writer) -> Result<()>;

/// What a store goes through: small writes, an edit, an end and its undoing, a batch, a key that contradicts. The batch
/// comes late, because every disk before it is verified more quickly.
const WORKLOAD: [Change; 8] = [
    |writer| create(writer, 1, "task", "the first"),
    |writer| create(writer, 2, "finding", "one"),
    |writer| set(writer, 1, field::TITLE, "the first, edited"),
    |writer| set(writer, 1, field::BODY, &"long text ".repeat(3_000)),
    |writer| set(writer, 1, field::STATUS, "dropped"),
    |writer| set(writer, 1, field::STATUS, "open"),
    batch,
    |writer| create(writer, 3, "finding", "other"),
];

fn create(writer: &mut Writer, uid: u128, kind: &str, title: &str) -> Result<()> {
    let mut registers = Registers::from([(field::TITLE.to_owned(), json!(title))]);
    if kind == "finding" {
        registers.insert(field::KEY.to_owned(), json!("same"));
    }
    writer.create_as(Uid::from_u128(uid << 64), kind, registers, writer.now()).map(|_| ())
}

fn set(writer: &mut Writer, uid: u128, register: &str, value: &str) -> Result<()> {
    writer.put(Uid::from_u128(uid << 64), Registers::from([(register.to_owned(), json!(value))])).map(|_| ())
}

fn batch(writer: &mut Writer) -> Result<()> {
    (100..300).try_for_each(|number| create(writer, number, "note", &format!("note {number} of the batch")))
}

/// A store whose database is on a plate.
struct Lab {
    dir: tempfile::TempDir,
    store: Store,
}

impl Lab {
    /// A directory without a store.
    fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = || DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let mut store = Store::at(dir.path(), clock, [7; 16]);
        store.medium = |file| plate::of(&file);
        Self { dir, store }
    }

    /// A store that went through the first transactions of the workload.
    fn after(steps: usize) -> Self {
        let lab = Self::empty();
        lab.store.init().unwrap();
        WORKLOAD[..steps].iter().for_each(|change| lab.store.write(change).unwrap());
        lab
    }

    /// What the database in use is on.
    fn plate(&self) -> Arc<Plate> {
        plate::of(&File::open(self.dir.path().join("state.redb")).unwrap())
    }

    /// The names of the files that a rewrite or an init left unfinished.
    fn litter(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).filter(|name| name.contains(".new-")).collect()
    }

    /// The log, event by event.
    #[track_caller]
    fn log(&self) -> Vec<Event> {
        let events = self.store.read(|view| view.events(1..)).unwrap();
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// The store opens, takes a further write, and its views say what its log says.
    #[track_caller]
    fn assert_sound(&self, what: &str) {
        let last = |writer: &mut Writer| create(writer, 9_999, "task", "a moment after");
        self.store.write(last).unwrap_or_else(|error| panic!("{what}: a further write: {error}"));
        let verdict = self.store.verify().unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(verdict.differences, [""; 0], "{what}");
    }
}

/// `usual`, times `STATE_TEST_ROUNDS` if that is set.
fn rounds(usual: usize) -> usize {
    usual * std::env::var("STATE_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}
