//! The tests that use `state` from outside: the real binary, and the public crate for the pure rules.
//!
//! One binary, so that it links once; one file a noun. `STATE_TEST_ROUNDS` multiplies the rounds of the tests that kill.
#![allow(
    unreachable_pub,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests prepare their world with plain files, stop at the first surprise and say what they skip"
)]

mod address;
mod again;
mod backup;
mod bad_input;
mod bad_place;
mod clocks;
mod concurrency;
mod corners;
mod day;
mod doctor;
mod durability;
mod erase;
mod eval_resume;
mod eval_search;
mod export;
mod faults;
mod formats;
mod fuzz;
mod given;
mod handed_on;
mod hook;
mod hook_faults;
mod index;
mod invariants;
mod jobs;
mod json;
mod kinds;
mod markdown_export;
mod mcp;
mod mcp_client;
mod mcp_protocol;
mod mcp_world;
mod model;
mod news;
mod one_session;
mod properties;
mod prune;
mod prune_jobs;
mod readme;
mod readonly;
mod records;
mod repair;
mod resume;
mod rules;
mod rules_files;
mod scenarios;
mod search;
mod search_nothing;
mod secrets;
mod setup;
mod setup_faults;
mod setup_formats;
mod snapshots;
mod speculative;
mod strace;
mod support;
mod tidy;
mod tokens;
mod transcripts;
mod transcripts_disk;
mod untrusted;
mod views;
mod wording;
mod write_order;

/// A file that no `mod` names is never compiled, and its tests never run.
#[test]
fn every_file_here_is_a_module() {
    for path in support::files_under("tests/it", "rs") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let parent = if name == "mod" { path.parent().unwrap().parent() } else { path.parent() }.unwrap();
        let name = if name == "mod" { path.parent().unwrap().file_name().unwrap().to_str().unwrap() } else { name };
        let list = ["main.rs", "mod.rs"].map(|list| std::fs::read_to_string(parent.join(list)).unwrap_or_default());
        let listed = name == "main" || list.concat().lines().any(|line| line == format!("mod {name};"));
        assert!(listed, "{} is no module", path.display());
    }
}
