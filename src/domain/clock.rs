//! Hybrid logical clock: stamps that order events across machines and never run backwards on one.
//!
//! A stamp is 48 bits of Unix milliseconds and 16 bits of counter, then the replica as tie-break. A wall clock that was
//! set back only makes the counter run on; `at`, the wall time, is stored beside the stamp for people.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The identity of one store on one machine: 64 random bits, written as 16 hex digits where people can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ReplicaId(pub u64);

impl std::fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for ReplicaId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_u64(self.0) }
    }
}

impl<'de> Deserialize<'de> for ReplicaId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReplicaVisitor)
    }
}

/// Takes either form in any format: a version that does not know the field carries it from one format to the other as it
/// came.
struct ReplicaVisitor;

impl serde::de::Visitor<'_> for ReplicaVisitor {
    type Value = ReplicaId;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a replica as hex digits or as an integer")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ReplicaId, E> {
        u64::from_str_radix(text, 16).map(ReplicaId).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, bits: u64) -> Result<ReplicaId, E> {
        Ok(ReplicaId(bits))
    }
}

/// When an event happened in the order that all replicas agree on. Unique per event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Milliseconds since 1970 in the upper 48 bits, a counter in the lower 16.
    pub hlc: u64,
    /// Who made it; breaks ties.
    pub replica: ReplicaId,
}

/// The next clock value after `last` when the wall says `now`.
#[must_use]
pub fn tick(last: u64, now: DateTime<Utc>) -> u64 {
    let wall = u64::try_from(now.timestamp_millis()).unwrap_or(0) << 16;
    wall.max(last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn either_form_of_a_replica_is_read_in_any_format() {
        for json in ["\"00000000000000ff\"", "255"] {
            assert_eq!(serde_json::from_str::<ReplicaId>(json).unwrap(), ReplicaId(255));
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(
                rmp_serde::from_slice::<ReplicaId>(&rmp_serde::to_vec(&value).unwrap()).unwrap(),
                ReplicaId(255)
            );
        }
        assert!(
            serde_json::from_str::<ReplicaId>("-1").is_err() && serde_json::from_str::<ReplicaId>("\"x\"").is_err()
        );
    }

    #[test]
    fn never_runs_backwards_even_if_the_wall_does() {
        let now = DateTime::from_timestamp_millis(1_800_000_000_000).unwrap();
        let first = tick(0, now);
        let second = tick(first, now - TimeDelta::days(365));
        let third = tick(second, now + TimeDelta::milliseconds(1));
        assert!(first < second && second < third);
        assert_eq!(second, first + 1);
    }
}
