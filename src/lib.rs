//! `state`: the durable memory and work ledger of coding agents.
pub mod domain;
pub mod error;
pub mod index;
