//! Record identity: a UUIDv7 that events use, and the short id that people and agents type.
//!
//! The short id is the kind's prefix and the first characters of a hash of the uid. It is chosen once, stored, and never
//! reused; the store lengthens it until it is unique there.

use chrono::{DateTime, Utc};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;

/// No `i`, `l`, `o`, `u`: nothing that reads like a digit or spells a word.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters after the prefix of a fresh id; 32^5 = 33 million values.
pub const SHORT_LEN: usize = 5;

/// Characters after the prefix of the longest id: 60 bits of the hash.
pub const FULL_LEN: usize = 12;

/// The permanent identity of a record: a UUIDv7.
///
/// In text 32 hex digits; in the log two integers, not bytes, because an older version keeps unknown fields as JSON values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(uuid::Uuid);

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.as_u64_pair().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UidVisitor)
    }
}

/// Takes either form in any format: a version that does not know the field carries it from one format to the other as it
/// came.
struct UidVisitor;

impl<'de> Visitor<'de> for UidVisitor {
    type Value = Uid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UUID as text or as two integers")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uid, E> {
        Uid::parse(text).ok_or_else(|| E::custom("not a UUID"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Uid, A::Error> {
        let mut half = |at| seq.next_element()?.ok_or_else(|| A::Error::invalid_length(at, &self));
        Ok(Uid(uuid::Uuid::from_u64_pair(half(0)?, half(1)?)))
    }
}

impl Uid {
    /// A fresh identity from the wall clock and 80 random bits.
    #[must_use]
    pub fn new(now: DateTime<Utc>, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// From its 128 bits, as the store keeps it.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(uuid::Uuid::from_u128(bits))
    }

    /// Its 128 bits.
    #[must_use]
    pub fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    /// From its 32 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(Self)
    }

    /// The short id with `len` characters after `prefix`, at most [`FULL_LEN`].
    #[must_use]
    pub fn short(self, prefix: char, len: usize) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        let bits = digest.iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let characters = (0..len.min(FULL_LEN)).map(|i| {
            let index = bits >> (59 - 5 * i) & 31;
            char::from(ALPHABET[usize::try_from(index).unwrap_or(0)])
        });
        format!("{prefix}-{}", characters.collect::<String>())
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether `text` has the shape of a short id: a letter, a dash, characters of the id alphabet.
#[must_use]
pub fn looks_like_id(text: &str) -> bool {
    let mut chars = text.chars();
    let head = chars.next().is_some_and(|c| c.is_ascii_lowercase()) && chars.next() == Some('-');
    let rest = chars.as_str();
    head && !rest.is_empty() && rest.len() <= FULL_LEN && rest.bytes().all(|b| ALPHABET.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_are_prefixes_of_longer_ones() {
        let uid = Uid::new(DateTime::from_timestamp_millis(1_800_000_000_000).unwrap(), [7; 10]);
        let (short, full) = (uid.short('t', SHORT_LEN), uid.short('t', FULL_LEN));
        assert!(full.starts_with(&short) && looks_like_id(&short) && looks_like_id(&full));
        assert_eq!(short.len(), 2 + SHORT_LEN);
        assert_eq!(Uid::parse(&uid.to_string()), Some(uid));
    }

    #[test]
    fn either_form_is_read_in_any_format() {
        let uid = Uid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        let text = rmp_serde::to_vec(&uid.to_string()).unwrap();
        let pair =
            serde_json::to_string(&rmp_serde::from_slice::<[u64; 2]>(&rmp_serde::to_vec(&uid).unwrap()).unwrap());
        assert_eq!(rmp_serde::from_slice::<Uid>(&text).unwrap(), uid);
        assert_eq!(serde_json::from_str::<Uid>(&pair.unwrap()).unwrap(), uid);
        for wrong in ["[1]", "[1,2,3]", "1", "\"t-4kq\"", "null"] {
            assert!(serde_json::from_str::<Uid>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_are_not_ids() {
        for text in ["t-", "task", "auth/lock", "T-4kq", "t-4ko", "tt-4kq", ""] {
            assert!(!looks_like_id(text), "{text}");
        }
    }
}
