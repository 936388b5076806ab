//! `state`: the durable memory and work ledger of coding agents.

pub mod cli;
pub mod domain;
pub mod error;
pub mod index;
pub mod ops;
pub mod process;
pub mod store;
