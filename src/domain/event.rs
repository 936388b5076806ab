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
/// The bytes are not an event of this or a newer version.
pub fn decode(bytes: &[u8]) -> Result<Event, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}
