//! The event: the disk contract and what replicas exchange.
//!
//! Encoded as MessagePack with field names, so that a reader skips or keeps what it does not know: unknown fields land in
//! `extra`, unknown changes in [`Change::Unknown`], and both are written back as they came. That
//! works because an event holds nothing that JSON cannot: no byte strings, no map keys but text (a test holds it). The envelope names the records
//! that an event touches, so that history and index work even for changes that this binary cannot fold.

use super::clock::{ReplicaId, Stamp};
use super::id::Uid;
use chrono::{DateTime, Utc};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// Fields of a map that this binary has no name for.
pub type Extra = BTreeMap<String, Value>;

/// One immutable change and its circumstances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the order that all replicas agree on.
    pub stamp: Stamp,
    /// Counts the events of `stamp.replica` from 1, without gaps; (replica, sequence) identifies the event.
    pub seq: u64,
    /// The wall clock of its maker.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub at: DateTime<Utc>,
    /// The sequence of the first event of its transaction.
    pub commit: u64,
    /// The session that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Uid>,
    /// The person or agent that made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub actor: String,
    /// On the first event of a transaction: why, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// On the first event of an undo: the transaction that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<CommitId>,
    /// The records that it is about.
    pub touches: Vec<Uid>,
    /// What changes.
    pub change: Change,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The identity of a transaction: its replica and the sequence of its first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitId {
    /// Where it was made.
    pub replica: ReplicaId,
    /// The sequence of its first event.
    pub seq: u64,
}

impl Event {
    /// The transaction that this event belongs to.
    #[must_use]
    pub fn commit_id(&self) -> CommitId {
        CommitId { replica: self.stamp.replica, seq: self.commit }
    }

    /// How many bytes the body has that this event sets, wherever it is kept.
    #[must_use]
    pub fn body_len(&self) -> usize {
        let body = self.put().and_then(|put| put.set.get(super::field::BODY));
        let elsewhere = body.and_then(|body| body.get("len")?.as_u64()).and_then(|len| usize::try_from(len).ok());
        body.and_then(Value::as_str).map(str::len).or(elsewhere).unwrap_or(0)
    }

    /// The change of registers, if this binary understands it.
    #[must_use]
    pub fn put(&self) -> Option<&Put> {
        match &self.change {
            Change::Put(put) => Some(put),
            Change::Unknown { .. } => None,
        }
    }
}

/// What an event does. Append-only: a variant is never removed or given another meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Sets registers of one record, which it may create.
    Put(Put),
    /// A change of a newer version, kept as it came.
    Unknown {
        /// Its variant name.
        name: String,
        /// Its content.
        value: Value,
    },
}

/// Sets registers of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Put {
    /// The record.
    pub uid: Uid,
    /// Present if this creates the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    /// Register name to value; `null` clears.
    pub set: BTreeMap<String, Value>,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What never changes about a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// The name of its kind.
    pub kind: String,
    /// Its short id.
    pub id: String,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Put(put) => map.serialize_entry("put", put)?,
            Self::Unknown { name, value } => map.serialize_entry(name, value)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChangeVisitor;

        impl<'de> Visitor<'de> for ChangeVisitor {
            type Value = Change;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map with one change")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Change, A::Error> {
                let name: String = map.next_key()?.ok_or_else(|| A::Error::custom("an event without a change"))?;
                match name.as_str() {
                    "put" => Ok(Change::Put(map.next_value()?)),
                    _ => Ok(Change::Unknown { name, value: map.next_value()? }),
                }
            }
        }

        deserializer.deserialize_map(ChangeVisitor)
    }
}

/// Values that are nested deeper are refused where they come in: an event is also a line of JSON, and 128 levels, those
/// around the value included, are what readers of JSON take.
pub const NESTING_MAX: usize = 100;

/// Bytes that are nested deeper are no event, whoever wrote them: to read them would take too much stack.
const DEPTH_MAX: usize = 256;

/// Whether a value is nested deeper than [`NESTING_MAX`].
#[must_use]
pub fn is_too_deep(value: &Value) -> bool {
    is_deeper(value, NESTING_MAX)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| is_deeper(field, levels - 1)),
        _ => false,
    }
}

/// The bytes of an event in the log.
///
/// # Errors
/// Only if a value cannot be encoded at all, which no value made from JSON can.
pub fn encode(event: &Event) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(event)
}

/// The event in these bytes of the log.
///
/// # Errors
/// The bytes are not an event of this or a newer version, or more than one.
pub fn decode(bytes: &[u8]) -> Result<Event, rmp_serde::decode::Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(DEPTH_MAX);
    let event = Event::deserialize(&mut deserializer)?;
    match <()>::deserialize(&mut deserializer) {
        Err(rmp_serde::decode::Error::InvalidMarkerRead(end)) if end.kind() == std::io::ErrorKind::UnexpectedEof => {
            Ok(event)
        }
        _ => Err(rmp_serde::decode::Error::custom("something follows the event")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> Event {
        let line = r#"{"stamp":{"hlc":1,"replica":"7"},"seq":1,"at":1800000000000,"commit":1,"touches":[],"change":{"new":1e-7}}"#;
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn nothing_may_follow_an_event() {
        let bytes = encode(&event()).unwrap();
        assert_eq!(decode(&bytes).unwrap(), event());
        for rest in [&[0xc0][..], &[0], &[0xc1], &bytes, &bytes[..1]] {
            assert!(decode(&[&bytes, rest].concat()).is_err(), "{rest:?}");
        }
    }

    #[test]
    fn bytes_that_nest_without_end_are_refused() {
        let mut bytes = encode(&event()).unwrap();
        let at = bytes.windows(9).position(|window| window[0] == 0xcb).unwrap();
        bytes.splice(at..at + 9, std::iter::repeat_n(0x91, 1_000_000).chain([0xc0]));
        assert!(decode(&bytes).is_err());
    }

    #[test]
    fn numbers_are_the_same_in_a_line_of_json() {
        for number in [0.099_999_997_904_524_21, 1.797_693_134_862_315_7e308, -5e-324, 0.1 + 0.2] {
            let event = Event { change: Change::Unknown { name: "new".to_owned(), value: json!(number) }, ..event() };
            let read: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
            assert_eq!(encode(&read).unwrap(), encode(&event).unwrap(), "{number}");
        }
    }

    #[test]
    fn what_is_not_too_deep_fits_into_a_line_of_json() {
        let nested = |levels| (0..levels).fold(json!(null), |value, _| json!([value]));
        assert!(!is_too_deep(&nested(NESTING_MAX)) && is_too_deep(&nested(NESTING_MAX + 1)));
        assert!(is_too_deep(&json!({"a": nested(NESTING_MAX)})));
        let set = BTreeMap::from([("source".to_owned(), nested(NESTING_MAX))]);
        let put = Put { uid: Uid::from_u128(1), create: None, set, extra: Extra::new() };
        let line = serde_json::to_string(&Event { change: Change::Put(put), ..event() }).unwrap();
        assert!(serde_json::from_str::<Event>(&line).is_ok());
    }
}
