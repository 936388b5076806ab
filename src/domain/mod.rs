//! Pure types and rules: what a record, an event and a query are, and how events fold into records.
//!
//! Everything here is a value or a function of values. Two contracts live here: [`event`] (what is on disk and what
//! replicas exchange) and [`kind`] (the table from which every door derives).
//!
//! Does not know: files, clocks, randomness, the terminal, redb, tantivy. Time and random bits come in as arguments.

pub mod activity;
pub mod beads;
pub mod clock;
pub mod digest;
pub mod draft;
pub mod estimate;
pub mod event;
pub mod field;
pub mod fold;
pub mod host;
pub mod id;
pub mod job;
pub mod kind;
pub mod markdown;
pub mod query;
pub mod record;
pub mod reference;
pub mod rule;
pub mod secret;
pub mod snapshot;
pub mod surrogate;
pub mod terms;
pub mod text;
mod tokens;
pub mod transcript;
pub mod when;
