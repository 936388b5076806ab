//! A verification finds every kind of damage that a bug could leave, and nothing in a store that is whole.

use super::*;
use crate::domain::record::Register;
use crate::store::tables::Row;
use crate::store::{Disk, Registers, Writer, begin, database};
use chrono::DateTime;
use redb::{ReadableTable, WriteTransaction};
use serde_json::{Value, json};
use std::fs::OpenOptions;

/// A store with a task that a blocker holds up and two findings that contradict each other.
fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::at(dir.path(), || DateTime::from_timestamp_millis(1_800_000_000_000).unwrap(), [7; 16]);
    store.init().unwrap();
    let make = |writer: &mut Writer, kind: &str, title: &str, more: &[(&str, Value)]| {
        let mut set = Registers::from([(field::TITLE.to_owned(), json!(title))]);
        set.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        writer.create(kind, set).unwrap()
    };
    store
        .write(|writer| {
            let task = make(writer, "task", "held up", &[(field::BODY, json!("x".repeat(100_000)))]);
            make(writer, "blocker", "in the way", &[(&field::link_to("blocks", task.uid), json!(true))]);
            Ok(())
        })
        .unwrap();
    for title in ["one", "other"] {
        store.write(|writer| Ok(make(writer, "finding", title, &[(field::KEY, json!("same"))]))).unwrap();
    }
    (dir, store)
}

/// What a verification says after a hand has been in the file.
fn after(damage: impl FnOnce(&WriteTransaction)) -> Vec<String> {
    let (dir, store) = store();
    let path = dir.path().join("state.redb");
    let disk = Disk::direct(std::sync::Arc::new(OpenOptions::new().read(true).write(true).open(&path).unwrap()));
    let database = database(disk.clone(), &path).unwrap();
    let txn = begin(&database).unwrap();
    damage(&txn);
    txn.commit().unwrap();
    disk.seal();
    drop(database);
    store.verify().unwrap().differences
}

#[test]
fn a_whole_store_is_clean() {
    let (_dir, store) = store();
    let verdict = store.verify().unwrap();
    assert_eq!(verdict, Verdict { events: 4, records: 4, differences: Vec::new() });
}

#[test]
fn a_record_that_says_something_else_is_told_with_its_register() {
    let found = after(|txn| {
        let mut table = txn.open_table(tables::RECORDS).unwrap();
        let (uid, bytes) = table.pop_first().unwrap().map(|(uid, row)| (uid.value(), row.value().to_vec())).unwrap();
        assert!(matches!(Row::decode(&bytes).unwrap(), Row::Few(_)), "it has one event");
        let mut record = Record::unborn(Uid::from_u128(uid));
        record.registers.insert(field::TITLE.to_owned(), Register { value: json!("else"), stamp: None });
        table.insert(uid, Row::Folded(Box::new(record)).encode().unwrap().as_slice()).unwrap();
    });
    assert!(found[0].starts_with("records: ") && found[0].contains("title, birth, updated"), "{found:?}");
    assert_eq!(found[1..].len(), 1, "{found:?}");
    assert!(found[1].ends_with("has 0 events, the log 1"), "{found:?}");
}

#[test]
fn rows_that_are_missing_or_left_behind_are_told() {
    let uid = Uid::from_u128(9);
    let found = after(|txn| {
        let number = txn.open_table(tables::TERMS).unwrap().get("kind:task").unwrap().unwrap().value();
        txn.open_table(tables::LISTS).unwrap().insert((number, 1, uid.as_u128()), ()).unwrap();
    });
    assert_eq!(found.last().unwrap(), "lists: ? is left behind under kind:task");
    let found = after(|txn| {
        let number = txn.open_table(tables::TERMS).unwrap().get("conflicts").unwrap().unwrap().value();
        txn.open_table(tables::LISTS).unwrap().retain(|key, ()| key.0 != number).unwrap();
        txn.open_table(tables::IDS).unwrap().pop_first().unwrap();
        txn.open_table(tables::COMMITS).unwrap().pop_last().unwrap();
    });
    let told = |part: &str| found.iter().filter(|line| line.contains(part)).count();
    let counts = ["is not under conflicts", "does not lead", "are not one row"].map(told);
    assert_eq!(counts, [2, 1, 1], "{found:?}");
}

#[test]
fn a_log_with_a_gap_or_junk_is_told() {
    let found = after(|txn| {
        let mut log = txn.open_table(tables::LOG).unwrap();
        log.remove(3).unwrap();
        log.insert(4, b"junk".as_slice()).unwrap();
    });
    assert!(found.iter().any(|line| line == "log: 1 positions are missing, 0 were pruned"), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("log: @4 cannot be decoded")), "{found:?}");
}

#[test]
fn a_blob_that_is_gone_is_told() {
    let (dir, store) = store();
    std::fs::remove_dir_all(dir.path().join("blobs")).unwrap();
    let found = store.verify().unwrap().differences;
    assert!(found.len() == 1 && found[0].starts_with("bodies: t-"), "{found:?}");
}

#[test]
fn a_store_that_is_written_meanwhile_is_clean_too() {
    let (_dir, store) = store();
    let writes = || {
        for at in 0..100 {
            let set = Registers::from([(field::TITLE.to_owned(), json!(format!("note {at}")))]);
            store.write(|writer| writer.create("note", set)).unwrap();
        }
    };
    std::thread::scope(|scope| {
        let writer = scope.spawn(writes);
        while !writer.is_finished() {
            assert_eq!(store.verify().unwrap().differences, [""; 0]);
        }
    });
    assert_eq!(store.verify().unwrap().records, 104);
}
