//! The n-th access to the disk fails, for every n, once and for ever.

use super::plate::{self, EIO, ENOSPC, Fault};
use super::{Change, Lab, WORKLOAD};
use crate::error::{Error, Kind};

/// Every fault that can befall an operation of so many accesses. One that strikes for ever may need more accesses than a
/// run without faults, so a few beyond are tried.
fn faults(accesses: usize) -> impl Iterator<Item = Fault> {
    let errors = [(EIO, false), (EIO, true), (ENOSPC, false), (ENOSPC, true)];
    (1..=accesses + 2).flat_map(move |at| errors.map(|(errno, forever)| Fault { at, forever, errno }))
}

/// A disk that does not take it refuses; it does not corrupt. Nothing may be promised that is not so.
#[track_caller]
fn assert_refused(error: &Error, what: &str) {
    assert_eq!(error.kind, Kind::Refused, "{what}: {error}");
    let told = error.to_string();
    assert!(told.len() < 300 && !told.contains("Err(") && !told.contains("Some("), "{what}: {told}");
}

/// Fails each access of a transaction. Returns how often the failed transaction was there all the same.
fn each_access_of(before: usize, change: Change) -> usize {
    let lab = Lab::after(before);
    let (start, log) = (lab.plate().bytes(), lab.log());
    plate::fail(None);
    lab.store.write(change).unwrap();
    let (accesses, after) = (plate::accesses(), lab.log());
    let mut kept = 0;
    for fault in faults(accesses) {
        lab.plate().replace(start.clone());
        plate::fail(Some(fault));
        let result = lab.store.write(change);
        plate::fail(None);
        let (what, now) = (format!("{fault:?} of {accesses}"), lab.log());
        match result {
            Ok(()) => assert!(now == after, "{what}: an acknowledged transaction is not there"),
            Err(error) => {
                assert_refused(&error, &what);
                assert!(now == log || now == after, "{what}: half a transaction is there");
                let is_there = now != log;
                kept += usize::from(is_there);
                let promised = error.hint.as_ref().is_some_and(|hint| hint.contains("nothing was changed"));
                assert!(!(is_there && promised), "{what}: `{error}` says that nothing was changed, and it was");
            }
        }
        lab.assert_sound(&what);
    }
    eprintln!("{accesses} accesses, {kept} failed transactions are there");
    kept
}

#[test]
fn of_a_small_write() {
    each_access_of(2, WORKLOAD[2]);
}

#[test]
fn of_a_batch() {
    each_access_of(6, WORKLOAD[6]);
}

#[test]
fn of_a_read() {
    let lab = Lab::after(7);
    lab.plate().replace(lab.plate().bytes());
    plate::fail(None);
    let log = lab.log();
    for fault in faults(plate::accesses()) {
        plate::fail(Some(fault));
        let found = lab.store.read(|view| view.events(1..));
        plate::fail(None);
        match found {
            Ok(found) => {
                assert!(found.into_iter().map(|(_, event)| event).eq(log.clone()), "{fault:?}: something else");
            }
            Err(error) => assert_refused(&error, &format!("{fault:?}")),
        }
    }
    assert!(lab.plate().steps().is_empty(), "reading wrote to the disk");
}

#[test]
fn of_an_init() {
    let lab = Lab::empty();
    plate::fail(None);
    lab.store.init().unwrap();
    for fault in faults(plate::accesses()) {
        let _ = std::fs::remove_file(lab.dir.path().join("state.redb"));
        plate::fail(Some(fault));
        let made = lab.store.init();
        plate::fail(None);
        let what = format!("{fault:?}");
        if let Err(error) = made {
            assert_refused(&error, &what);
            assert!(!lab.store.exists(), "{what}: it failed, and there is a store");
            assert!(lab.store.init().unwrap(), "{what}");
        }
        assert_eq!(lab.litter(), [""; 0], "{what}");
        lab.assert_sound(&what);
    }
}

/// Whatever happens to the new file, the old one stays until the new one is whole.
#[test]
fn of_a_rewrite() {
    let lab = Lab::after(8);
    let rewrite = || lab.store.rewrite(&mut |_, event| Ok(Some(event)), &|_, _| {});
    let (start, log) = (lab.plate().bytes(), lab.log());
    plate::fail(None);
    rewrite().unwrap();
    let accesses = plate::accesses();
    for fault in faults(accesses).step_by(3) {
        lab.plate().replace(start.clone());
        plate::fail(Some(fault));
        let done = rewrite();
        plate::fail(None);
        let what = format!("{fault:?} of {accesses}");
        assert!(lab.log() == log, "{what}: the log says something else");
        if let Err(error) = done {
            assert_refused(&error, &what);
            assert_eq!(lab.litter(), [""; 0], "{what}");
            assert!(lab.plate().bytes() == start, "{what}: it failed and changed the store");
        }
        lab.assert_sound(&what);
    }
}
