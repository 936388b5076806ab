//! Every table and persisted shape of `state.redb`, and the versions that guard them.
//!
//! The log is the truth; `records`, `ids`, `terms`, `lists`, `history` and `commits` are views that a rewrite makes anew;
//! `seen` says which events of others the log has, those that were pruned included; `local` holds what is not part of the log (presence, marks) and never leaves the machine.

use crate::domain::clock::ReplicaId;
use crate::domain::record::Record;
use redb::TableDefinition;
use serde::{Deserialize, Serialize};

/// The version of the file. A higher one is read if it can be and never written; a lower one is read and migrated.
///
/// | format | since | differs in |
/// |---|---|---|
/// | 1 | 0.1 (Foundation) | plain log rows; every record a folded row; postings under the text of their term |
/// | 2 | 0.1 (Proof) | packed log rows; a record of few events is their positions; postings under a number; `seen` |
pub const FORMAT: u32 = 2;
/// The version of the fold and its views; another one means: refold before writing.
pub const FOLD: u32 = 2;

/// Log position (from 1) to the event, see [`super::pack`]. Only grows; pruned positions are missing.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Uid to its [`Row`].
pub(super) const RECORDS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("records");
/// Short id to uid. Rows are never removed: ids are not reused.
pub(super) const IDS: TableDefinition<'_, &str, u128> = TableDefinition::new("ids");
/// Term to its number in `lists`, see [`crate::domain::terms`]. Rows are never removed.
pub(super) const TERMS: TableDefinition<'_, &str, u32> = TableDefinition::new("terms");
/// (Number of a term, order, uid): every secondary index. Fixed width, so that a posting costs 28 bytes.
pub(super) const LISTS: TableDefinition<'_, (u32, u64, u128), ()> = TableDefinition::new("lists");
/// (Uid, log position): the events of every record that is kept folded.
pub(super) const HISTORY: TableDefinition<'_, (u128, u64), ()> = TableDefinition::new("history");
/// Position of the first event of each transaction to the number of positions that it spans.
pub(super) const COMMITS: TableDefinition<'_, u64, u64> = TableDefinition::new("commits");
/// (Replica, first sequence) to last sequence: the ranges of events of other replicas that the log has, or had.
pub(super) const SEEN: TableDefinition<'_, (u64, u64), u64> = TableDefinition::new("seen");
/// Named bytes that belong to this machine alone.
pub(super) const LOCAL: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("local");
/// One row, [`Meta`].
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// A row of `records`: a record of few events is their positions, so that it costs a dozen bytes and no history.
pub(super) enum Row {
    /// The positions of all its events, at most [`Row::FEW`]; the record is their fold.
    Few(Vec<u64>),
    /// The folded record.
    Folded(Box<Record>),
}

impl Row {
    /// More events than this are folded once and for all: each costs a reader 5 µs. Most records are made, perhaps started,
    /// and ended.
    pub(super) const FEW: usize = 3;

    /// The positions, if these are all that is kept.
    pub(super) fn positions(&self) -> &[u64] {
        match self {
            Self::Few(positions) => positions,
            Self::Folded(_) => &[],
        }
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        match self {
            Self::Few(positions) => rmp_serde::to_vec(positions),
            Self::Folded(record) => rmp_serde::to_vec_named(record.as_ref()),
        }
    }

    /// A short MessagePack array begins with 0x90 to 0x9f, a record is a map.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        match bytes.first() {
            Some(0x90..=0x9f) => rmp_serde::from_slice(bytes).map(Self::Few),
            _ => rmp_serde::from_slice(bytes).map(Self::Folded),
        }
    }
}

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
    /// How many positions were pruned.
    #[serde(default)]
    pub pruned: u64,
}

impl Meta {
    /// Whether an older program wrote the views, or the file.
    pub(super) fn is_older(&self) -> bool {
        (self.format, self.fold) < (FORMAT, FOLD) && self.format <= FORMAT
    }
}
