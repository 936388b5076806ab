//! Properties of the disk contract: fold order does not matter, and nothing that a newer version wrote is lost.

use chrono::DateTime;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use serde::Serialize;
use serde_json::{Value, json};
use state::domain::clock::{ReplicaId, Stamp};
use state::domain::event::{Change, CommitId, Create, Event, Put, decode, encode};
use state::domain::fold::apply;
use state::domain::id::Uid;
use state::domain::record::Record;
use std::collections::BTreeMap;

const REPLICAS: usize = 3;
const RECORDS: u128 = 3;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("fixtures/properties.txt"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_order_of_events_folds_to_the_same_records(events in history(), picks in vec(any::<Index>(), 40)) {
        let mut shuffled = events.clone();
        for (i, pick) in picks.iter().enumerate().take(shuffled.len()) {
            let j = pick.index(shuffled.len());
            shuffled.swap(i, j);
        }
        prop_assert_eq!(fold(&events), fold(&shuffled));
    }

    #[test]
    fn an_event_that_comes_twice_changes_nothing(events in history()) {
        let twice: Vec<Event> = events.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
        prop_assert_eq!(fold(&events), fold(&twice));
    }

    #[test]
    fn a_fold_that_says_nothing_changed_changed_nothing(events in history()) {
        let mut records = BTreeMap::new();
        for event in &events {
            for uid in &event.touches {
                let record = records.entry(*uid).or_insert_with(|| Record::unborn(*uid));
                let before = record.clone();
                let changed = apply(record, event, 1);
                prop_assert_eq!(changed, *record != before);
            }
        }
    }

    #[test]
    fn records_survive_their_encoding(events in history()) {
        for record in fold(&events).into_values() {
            let bytes = rmp_serde::to_vec_named(&record).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<Record>(&bytes).unwrap(), record);
        }
    }

    #[test]
    fn events_survive_their_encoding(event in event_with_extras()) {
        let bytes = encode(&event).unwrap();
        prop_assert_eq!(&decode(&bytes).unwrap(), &event);
        prop_assert_eq!(&encode(&decode(&bytes).unwrap()).unwrap(), &bytes);
        prop_assert!(rmp_serde::from_slice::<Value>(&bytes).is_ok(), "holds what an older version could not keep");
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn a_damaged_event_decodes_or_is_refused(event in event_with_extras(), at in any::<Index>(), bit in 0..8_u8) {
        let mut bytes = encode(&event).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let _ = decode(&bytes);
        let _ = decode(&bytes[..at]);
    }
}

/// What a newer version may write: fields that we lack, at every level, holding what any of ours may hold.
#[derive(Clone, Serialize)]
struct NewerEvent {
    stamp: Stamp,
    seq: u64,
    at: i64,
    commit: u64,
    touches: Vec<Uid>,
    change: BTreeMap<&'static str, NewerChange>,
    reviewer: Uid,
    mood: Value,
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum NewerChange {
    Put { uid: Uid, create: NewerCreate, set: BTreeMap<String, Value>, reviewer: Uid, weights: Vec<f64> },
    Merge { from: Uid, into: Uid, because: Value },
}

#[derive(Clone, Serialize)]
struct NewerCreate {
    kind: String,
    id: String,
    template: Uid,
}

fn newer(name: &'static str, change: NewerChange) -> NewerEvent {
    NewerEvent {
        stamp: Stamp { hlc: 7 << 16, replica: ReplicaId(u64::MAX) },
        seq: 7,
        at: 1_800_000_000_000,
        commit: 7,
        touches: vec![uid(0), uid(1)],
        change: BTreeMap::from([(name, change)]),
        reviewer: uid(2),
        mood: json!({ "nested": [1, -2, 0.5, null, "ö"] }),
    }
}

/// An older writer that reads and writes back (backup, push, compaction) must not thin out what it does not know.
#[track_caller]
fn assert_passes_unharmed(event: &NewerEvent) -> Event {
    let bytes = rmp_serde::to_vec_named(event).unwrap();
    let known = decode(&bytes).expect("an event of a newer version is readable");
    let again = encode(&known).unwrap();
    for field in ["reviewer", "mood", "weights", "template", "because", "nested"] {
        let count = |bytes: &[u8]| bytes.windows(field.len()).filter(|window| *window == field.as_bytes()).count();
        assert_eq!(count(&bytes), count(&again), "the field {field} was lost");
    }
    let json = |bytes: &[u8]| rmp_serde::from_slice::<Value>(bytes).unwrap();
    assert_eq!(json(&bytes), json(&again));
    assert_eq!(decode(&again).unwrap(), known);
    known
}

#[test]
fn unknown_fields_of_a_newer_version_pass_unharmed() {
    let create = NewerCreate { kind: "question".into(), id: "q-1a2b3".into(), template: uid(2) };
    let set = BTreeMap::from([("title".to_owned(), json!("Which TTL?")), ("urgency/of".to_owned(), json!({ "a": 1 }))]);
    let put = NewerChange::Put { uid: uid(0), create, set, reviewer: uid(2), weights: vec![0.5, -1.0] };
    let known = assert_passes_unharmed(&newer("put", put));
    let record = &fold(&[known])[&uid(0)];
    assert_eq!((record.kind(), record.title(), record.is_live()), ("question", "Which TTL?", true));
    assert_eq!(record.get("urgency/of"), Some(&json!({ "a": 1 })));
}

#[test]
fn an_unknown_change_of_a_newer_version_passes_unharmed_and_counts_as_an_update() {
    let merge = NewerChange::Merge { from: uid(2), into: uid(1), because: json!({ "nested": true }) };
    let known = assert_passes_unharmed(&newer("merge", merge));
    assert!(matches!(&known.change, Change::Unknown { name, .. } if name == "merge"));
    let record = &fold(std::slice::from_ref(&known))[&uid(1)];
    assert_eq!((record.updated, record.is_visible()), (known.stamp, false));
}

fn fold(events: &[Event]) -> BTreeMap<Uid, Record> {
    let mut records = BTreeMap::new();
    for event in events {
        for uid in &event.touches {
            apply(records.entry(*uid).or_insert_with(|| Record::unborn(*uid)), event, 1);
        }
    }
    records
}

fn uid(n: u128) -> Uid {
    Uid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// Events of some replicas about few records and registers, so that they collide; clocks run as they like.
fn history() -> impl Strategy<Value = Vec<Event>> {
    let one =
        (0..REPLICAS, 0..RECORDS, 0..4_u64, proptest::option::weighted(0.3, create()), registers(), any::<bool>());
    vec(one, 1..40).prop_map(|rows| {
        let mut clocks = [0_u64; REPLICAS];
        let mut seqs = [0_u64; REPLICAS];
        let mut event = |(replica, record, step, create, set, other): (usize, u128, u64, _, _, bool)| {
            clocks[replica] += 1 + step;
            seqs[replica] += 1;
            let stamp = Stamp { hlc: clocks[replica], replica: ReplicaId(replica as u64) };
            let mut touches = vec![uid(record)];
            touches.extend(other.then(|| uid((record + 1) % RECORDS)));
            let put = Put { uid: uid(record), create, set, extra: BTreeMap::new() };
            plain(stamp, seqs[replica], touches, Change::Put(put))
        };
        rows.into_iter().map(&mut event).collect()
    })
}

fn plain(stamp: Stamp, seq: u64, touches: Vec<Uid>, change: Change) -> Event {
    Event {
        stamp,
        seq,
        at: DateTime::from_timestamp_millis(1_800_000_000_000 + i64::try_from(seq).unwrap()).unwrap(),
        commit: seq,
        session: None,
        actor: String::new(),
        why: None,
        undoes: None,
        touches,
        change,
        extra: BTreeMap::new(),
    }
}

fn create() -> impl Strategy<Value = Create> {
    let kind = select(vec!["task", "finding", "question"]);
    (kind, "[a-z]-[0-9a-h]{5}").prop_map(|(kind, id)| Create { kind: kind.into(), id, extra: BTreeMap::new() })
}

fn registers() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let name = select(vec!["title", "status", "tag/a", "tag/b", "link/needs/x", "newer"]).prop_map(str::to_owned);
    btree_map(name, select(vec![json!(null), json!("a"), json!("b"), json!(1)]), 0..4)
}

/// Any JSON, numbers of every sort included.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z]{1,4}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Names that no field of ours has.
fn extras() -> impl Strategy<Value = BTreeMap<String, Value>> {
    btree_map("new_[a-z]{1,4}", any_json(), 0..3)
}

fn change() -> impl Strategy<Value = Change> {
    let put = (proptest::option::of(create()), btree_map("[a-z/]{1,8}", any_json(), 0..4), extras())
        .prop_map(|(create, set, extra)| Change::Put(Put { uid: uid(0), create, set, extra }));
    let unknown = ("new_[a-z]{1,4}", any_json()).prop_map(|(name, value)| Change::Unknown { name, value });
    prop_oneof![put, unknown]
}

fn event_with_extras() -> impl Strategy<Value = Event> {
    let stamp = (any::<u64>(), any::<u64>()).prop_map(|(hlc, replica)| Stamp { hlc, replica: ReplicaId(replica) });
    let circumstances = (any::<bool>(), "\\PC{0,8}", proptest::option::of("\\PC{0,8}"), any::<bool>());
    (stamp, 1..u64::from(u32::MAX), change(), extras(), circumstances).prop_map(|(stamp, seq, change, extra, rest)| {
        let (has_session, actor, why, is_undo) = rest;
        let undoes = is_undo.then_some(CommitId { replica: stamp.replica, seq });
        let session = has_session.then(|| uid(2));
        Event { session, actor, why, undoes, extra, ..plain(stamp, seq, vec![uid(0), uid(1)], change) }
    })
}
