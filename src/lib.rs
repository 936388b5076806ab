//! `state`: the durable memory and work ledger of coding agents.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make plain files"))]

pub mod cli;
pub mod domain;
pub mod error;
pub mod index;
pub mod ops;
pub mod process;
pub mod store;
