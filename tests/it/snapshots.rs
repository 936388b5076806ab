//! What is printed, to the letter, with a stopped clock and fixed ids. `cargo insta review` takes over what was meant.

use crate::support::{Shell, Workspace};
use insta::assert_snapshot;

/// Ids depend on the machine: here they are numbered in the order of their first mention.
fn same_ids(text: &str) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut same = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        let id = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_id = id.len() == 7 && id.as_bytes()[1] == b'-' && id.as_bytes()[0].is_ascii_lowercase();
        if is_id && !told.iter().any(|held| held == id) {
            told.push(id.to_owned());
        }
        match told.iter().position(|held| is_id && held == id) {
            Some(at) => same.push_str(&format!("{}-{at:05}{}", &id[..1], &word[id.len()..])),
            None => same.push_str(word),
        }
    }
    same
}

/// Two tasks, one started and one that waits for it; a finding with a reference; a decision; a handoff.
struct Story {
    workspace: Workspace,
    races: String,
    logout: String,
    finding: String,
}

fn story() -> Story {
    let workspace = Workspace::fixed();
    workspace.write("src/lock.rs", "fn lock() {}\n");
    let races = workspace.add_with("task", "Refresh races", &["-p", "1", "--tag", "auth"]);
    let logout = workspace.add_with("task", "Log out everywhere", &["--needs", &races]);
    workspace.add_with("task", "Write the changelog", &["-p", "3"]);
    let finding = workspace.add_with(
        "finding",
        "Lock is per user",
        &["--key", "auth/lock", "--ref", "src/lock.rs:1", "--body", "Two processes of one user wait for each other."],
    );
    workspace.add("decision", "Rotate tokens on use");
    workspace.ok(&["start", &races]);
    workspace.ok(&["checkpoint", "release", "build", "--of", "build,sign,upload"]);
    workspace.ok_with(&["add", "-"], "# Monday\n\n## Done\n- found the race\n\n## Next\n- fix the race\n");
    Story { workspace, races, logout, finding }
}

fn next(story: &Story) -> Shell {
    story.workspace.session("next")
}

#[test]
fn resume_of_an_empty_store() {
    assert_snapshot!(same_ids(&Workspace::fixed().ok(&["resume"])), @"");
}

#[test]
fn resume_beside_the_one_who_works() {
    let story = story();
    assert_snapshot!(same_ids(&next(&story).ok(&["resume"])), @"");
}

#[test]
fn resume_within_a_small_budget() {
    let story = story();
    assert_snapshot!(same_ids(&next(&story).ok(&["resume", "--budget", "120"])), @"");
}

#[test]
fn resume_with_a_conflict() {
    let story = story();
    next(&story).add_with("finding", "Lock is per process", &["--key", "auth/lock"]);
    assert_snapshot!(same_ids(&story.workspace.ok(&["resume"])), @"");
    assert_snapshot!(same_ids(&story.workspace.ok(&["list", "conflicts"])), @"");
}

#[test]
fn resume_after_a_crash() {
    let story = story();
    story.workspace.write("src/lock.rs", "fn lock_by_process() {}\n");
    story.workspace.advance(5 * 3600);
    assert_snapshot!(same_ids(&next(&story).ok(&["resume"])), @"");
    assert_snapshot!(same_ids(&next(&story).ok(&["start", "--next"])), @"");
}

#[test]
fn the_diary_and_the_history_of_a_record() {
    let story = story();
    assert_snapshot!(same_ids(&story.workspace.ok(&["log"])), @"");
    assert_snapshot!(same_ids(&story.workspace.ok(&["log", &story.races])), @"");
}

#[test]
fn a_record_in_full() {
    let story = story();
    assert_snapshot!(same_ids(&story.workspace.ok(&["show", &story.finding, &story.races])), @"");
    assert_snapshot!(same_ids(&story.workspace.ok(&["search", "processes", "wait"])), @"");
}

#[test]
fn ready_and_what_done_sets_free() {
    let story = story();
    assert_snapshot!(same_ids(&story.workspace.ok(&["ready"])), @"");
    assert_snapshot!(same_ids(&story.workspace.ok(&["block", &story.logout, "no staging key"])), @"");
    assert_snapshot!(same_ids(&story.workspace.ok(&["done", &story.races, "-m", "lock in store"])), @"");
    story.workspace.ok(&["undo"]);
    story.workspace.ok(&["undo"]);
    assert_snapshot!(same_ids(&story.workspace.ok(&["done", &story.races])), @"");
}
