//! Every table and persisted shape of `state.redb`, and the versions that guard them.
//!
//! The log is the truth; `records`, `ids`, `postings`, `history` and `commits` are views that a refold can make anew;
//! `local` holds what is not part of the log (presence, marks) and never leaves the machine.

use crate::domain::clock::ReplicaId;
use crate::domain::id::Uid;
use redb::TableDefinition;
use serde::{Deserialize, Serialize};

/// The version of the file. A higher one is read if it can be and never written.
pub const FORMAT: u32 = 1;
/// The version of the fold and its views; another one means: refold before writing.
pub const FOLD: u32 = 1;

/// Log position (from 1) to the encoded event. Only grows.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Uid to the encoded record.
pub(super) const RECORDS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("records");
/// Short id to uid. Rows are never removed: ids are not reused.
pub(super) const IDS: TableDefinition<'_, &str, u128> = TableDefinition::new("ids");
/// Term, zero, order (big endian), uid (big endian): every secondary index, see [`crate::domain::terms`].
pub(super) const POSTINGS: TableDefinition<'_, &[u8], ()> = TableDefinition::new("postings");
/// (Uid, log position): every event that touches a record.
pub(super) const HISTORY: TableDefinition<'_, (u128, u64), ()> = TableDefinition::new("history");
/// Position of the first event of each transaction to the number of its events.
pub(super) const COMMITS: TableDefinition<'_, u64, u64> = TableDefinition::new("commits");
/// Named bytes that belong to this machine alone.
pub(super) const LOCAL: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("local");
/// One row, [`Meta`].
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// The row in `meta`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// [`FORMAT`] of the last writer.
    pub format: u32,
    /// [`FOLD`] of the views.
    pub fold: u32,
    /// The version of the program that wrote last; named when an older one is refused.
    pub written_by: String,
    /// The identity of the project across machines.
    pub workspace: String,
    /// The identity of this store.
    pub replica: ReplicaId,
    /// Machine and inode that `replica` belongs to; a copy or a restored backup differs and gets a new replica.
    pub binding: String,
    /// The highest clock value seen.
    pub hlc: u64,
    /// The sequence of this replica's next event.
    pub next_seq: u64,
    /// The next log position.
    pub next_position: u64,
}

/// The key of a posting, and the prefix of all postings of `term` if `rest` is absent.
pub(super) fn posting_key(term: &str, rest: Option<(u64, Uid)>) -> Vec<u8> {
    let mut key = Vec::with_capacity(term.len() + 25);
    key.extend_from_slice(term.as_bytes());
    key.push(0);
    if let Some((order, uid)) = rest {
        key.extend_from_slice(&order.to_be_bytes());
        key.extend_from_slice(&uid.as_u128().to_be_bytes());
    }
    key
}

/// The order and uid at the end of a posting's key.
pub(super) fn posting_rest(key: &[u8]) -> Option<(u64, Uid)> {
    let (head, uid) = key.split_last_chunk::<16>()?;
    let (_, order) = head.split_last_chunk::<8>()?;
    Some((u64::from_be_bytes(*order), Uid::from_u128(u128::from_be_bytes(*uid))))
}
