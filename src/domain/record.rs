//! A record as the fold leaves it: registers, and typed readings of them.
//!
//! Readings are tolerant: a register of the wrong type, written by a newer version, reads as absent and is kept. Bodies
//! are not here but in the log; the record holds the position, see [`Record::body_position`].

use super::clock::Stamp;
use super::id::Uid;
use super::{field, kind};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A value and the stamp of the event that set it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// What it holds; `null` if cleared.
    #[serde(rename = "v")]
    pub value: Value,
    /// When it was set; absent in the encoding if that is the record's own birth.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
}

/// Where and by whom a record was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Birth {
    /// The name of its kind.
    pub kind: String,
    /// Its short id, as chosen at creation.
    pub id: String,
    /// When, in the order of replicas.
    pub stamp: Stamp,
    /// When, by its maker's wall clock.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub at: DateTime<Utc>,
    /// The session that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Uid>,
    /// The person or agent that made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub actor: String,
}

/// Everything the log says about one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its permanent identity.
    pub uid: Uid,
    /// Its creation; absent while only later events of it have arrived from another replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth: Option<Birth>,
    /// The newest event about it.
    pub updated: Stamp,
    /// The wall time of that event.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub updated_at: DateTime<Utc>,
    /// The short id that it goes by here, if a collision took the chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// All registers, cleared ones included.
    pub registers: BTreeMap<String, Register>,
}

impl Record {
    /// A record about which nothing is known yet.
    #[must_use]
    pub fn unborn(uid: Uid) -> Self {
        Self {
            uid,
            birth: None,
            updated: Stamp::default(),
            updated_at: DateTime::UNIX_EPOCH,
            alias: None,
            registers: BTreeMap::new(),
        }
    }

    /// The short id by which it is shown and found.
    #[must_use]
    pub fn id(&self) -> &str {
        match (&self.alias, &self.birth) {
            (Some(alias), _) => alias,
            (None, Some(birth)) => &birth.id,
            (None, None) => "?",
        }
    }

    /// The name of its kind; empty while unborn.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.birth.as_ref().map_or("", |birth| &birth.kind)
    }

    /// The value of a register, `None` if absent or cleared.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.registers.get(name).map(|register| &register.value).filter(|value| !value.is_null())
    }

    /// A register that holds text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The title, one line.
    #[must_use]
    pub fn title(&self) -> &str {
        self.text(field::TITLE).unwrap_or("")
    }

    /// The status; the kind's first one if none was set.
    #[must_use]
    pub fn status(&self) -> &str {
        self.text(field::STATUS).unwrap_or_else(|| kind::find(self.kind()).map_or("open", |kind| kind.statuses[0]))
    }

    /// 0 (most urgent) to 4.
    #[must_use]
    pub fn priority(&self) -> u64 {
        let set = self.get(field::PRIORITY).and_then(Value::as_u64);
        set.unwrap_or(field::PRIORITY_DEFAULT).min(field::PRIORITY_MAX)
    }

    /// Created, not undone and not at an end.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_visible() && !kind::is_ended(self.kind(), self.status())
    }

    /// Created and not undone.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.birth.is_some() && !self.flag(field::GONE)
    }

    /// A register that holds `true`.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The wall time before which the record is deferred.
    #[must_use]
    pub fn deferred_until(&self) -> Option<DateTime<Utc>> {
        self.get(field::DEFER).and_then(Value::as_i64).and_then(DateTime::from_timestamp_millis)
    }

    /// The log position of the event that holds the body.
    #[must_use]
    pub fn body_position(&self) -> Option<u64> {
        self.get(field::BODY)?.get("log")?.as_u64()
    }

    /// The present elements of a set: what follows `prefix` in the register name, and the value.
    pub fn elements<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.registers
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter(|(_, register)| !register.value.is_null())
            .map(move |(name, register)| (&name[prefix.len()..], &register.value))
    }

    /// Its tags.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.elements(field::TAG).map(|(tag, _)| tag)
    }

    /// Its outgoing links: type and target.
    pub fn links(&self) -> impl Iterator<Item = (&str, Uid)> {
        self.elements(field::LINK).filter_map(|(rest, _)| {
            let (kind, uid) = rest.rsplit_once('/')?;
            Some((kind, Uid::parse(uid)?))
        })
    }

    /// The targets of its links of one type.
    pub fn linked<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Uid> + 'a {
        self.links().filter(move |(linked, _)| *linked == kind).map(|(_, uid)| uid)
    }

    /// The sessions that claim it, earliest claim first: the first whose claim is live has it.
    #[must_use]
    pub fn claims(&self) -> Vec<Uid> {
        let mut claims: Vec<(Stamp, Uid)> = self
            .registers
            .range(field::CLAIM.to_owned()..)
            .take_while(|(name, _)| name.starts_with(field::CLAIM))
            .filter(|(_, register)| !register.value.is_null())
            .filter_map(|(name, register)| Some((self.stamp_of(register), Uid::parse(&name[field::CLAIM.len()..])?)))
            .collect();
        claims.sort_unstable();
        claims.into_iter().map(|(_, session)| session).collect()
    }

    /// When a register was set.
    #[must_use]
    pub fn stamp_of(&self, register: &Register) -> Stamp {
        register.stamp.or_else(|| self.birth.as_ref().map(|birth| birth.stamp)).unwrap_or_default()
    }
}
