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
    assert_snapshot!(same_ids(&Workspace::fixed().ok(&["resume"])), @r#"
    work: nothing recorded yet.
    Begin: state start "WHAT YOU DO"; keep what you learn: state add finding "…"
    Bring history along: state import FILE-OR-FOLDER; before you stop: state add - < HANDOFF.md
    "#);
}

#[test]
fn resume_beside_the_one_who_works() {
    let story = story();
    assert_snapshot!(same_ids(&next(&story).ok(&["resume"])), @r"
    work. Last session s-00000 (tester) just now, active. Focus: Refresh races (t-00001).
    Handoff:
      h-00002 just now: Monday
      > ## Done
      > - found the race
      > ## Next
      > - fix the race
    In progress:
      t-00001 p1 Refresh races (s-00000 is on it)
      c-00003 release: done build; next sign: state checkpoint release sign
    Blocked:
      1 task waits for others: state list blocked
    Next:
      t-00004 fix the race
      t-00005 Log out everywhere (waits for t-00001)
      t-00006 p3 Write the changelog
    Known:
      d-00007 Rotate tokens on use
      f-00008 Lock is per user
      > Two processes of one user wait for each other.
    More: state show ID, state search WORDS, state ready, state log
    ");
}

/// Not to the letter: how many tokens an id has depends on its letters.
#[test]
fn resume_within_a_small_budget() {
    let resume = next(&story()).ok(&["resume", "--budget", "120"]);
    assert!(resume.contains("In progress") && resume.contains("Next:"), "{resume}");
    assert!(resume.contains("not shown: state list"), "what is left out is counted: {resume}");
    assert!(resume.lines().all(|line| !line.starts_with(':')), "a section without a name: {resume}");
}

#[test]
fn resume_with_a_conflict() {
    let story = story();
    next(&story).add_with("finding", "Lock is per process", &["--key", "auth/lock"]);
    assert_snapshot!(same_ids(&story.workspace.ok(&["resume"])), @r"
    work. Last session s-00000 (next) just now, active. Focus: Refresh races (t-00001).
    Conflicts:
      ! f-00002 contradicts f-00003 on auth/lock: Lock is per process
    Handoff:
      h-00004 just now: Monday
      > ## Done
      > - found the race
      > ## Next
      > - fix the race
    In progress:
      t-00001 p1 Refresh races (yours)
      c-00005 release: done build; next sign: state checkpoint release sign
    Blocked:
      1 task waits for others: state list blocked
    Next:
      t-00006 fix the race
      t-00007 Log out everywhere (waits for t-00001)
      t-00008 p3 Write the changelog
    Known:
      f-00002 Lock is per process
      d-00009 Rotate tokens on use
      f-00003 Lock is per user
      > Two processes of one user wait for each other.
    More: state show ID, state search WORDS, state ready, state log
    ");
    assert_snapshot!(same_ids(&story.workspace.ok(&["list", "conflicts"])), @r"
    f-00000    now  finding Lock is per process (contradicts f-00001)
    f-00001    now  finding Lock is per user (contradicts f-00000)
    ");
}

#[test]
fn resume_after_a_crash() {
    let story = story();
    story.workspace.write("src/lock.rs", "fn lock_by_process() {}\n");
    story.workspace.advance(5 * 3600);
    assert_snapshot!(same_ids(&next(&story).ok(&["resume"])), @r"
    work. Last session s-00000 (tester) 5 h ago, crashed. Focus: Refresh races (t-00001).
    Handoff:
      h-00002 5 h ago: Monday
      > ## Done
      > - found the race
      > ## Next
      > - fix the race
    In progress:
      t-00001 p1 Refresh races (left 5 h ago: state start t-00001)
      c-00003 release: done build; next sign: state checkpoint release sign
    Blocked:
      1 task waits for others: state list blocked
    Next:
      t-00004 fix the race
      t-00005 Log out everywhere (waits for t-00001)
      t-00006 p3 Write the changelog
    Known:
      d-00007 Rotate tokens on use
      f-00008 Lock is per user (src/lock.rs:1 (changed since))
      > Two processes of one user wait for each other.
    More: state show ID, state search WORDS, state ready, state log
    ");
    assert_snapshot!(same_ids(&next(&story).ok(&["start", "--next"])), @r"
    t-00000 yours: Refresh races
    s-00001 had it and is gone; its notes: state log t-00000
    When finished: state done t-00000 -m WHAT-CAME-OF-IT
    ");
}

#[test]
fn the_diary_and_the_history_of_a_record() {
    let story = story();
    assert_snapshot!(same_ids(&story.workspace.ok(&["log"])), @r"
    @11      now  s-00000 unknown  add handoff h-00001 and 2 more: Monday
    @10      now  s-00000 unknown  checkpoint c-00002 release build
    @8       now  s-00000 unknown  start t-00003: Refresh races
    @7       now  s-00000 unknown  add decision d-00004: Rotate tokens on use
    @6       now  s-00000 unknown  add finding f-00005: Lock is per user
    @5       now  s-00000 unknown  add task t-00006: Write the changelog
    @3       now  s-00000 unknown  add task t-00007: Log out everywhere
    @1       now  s-00000 unknown  add task t-00003: Refresh races
    ");
    assert_snapshot!(same_ids(&story.workspace.ok(&["log", &story.races])), @r"
    @8       now  s-00000 unknown  start t-00001: Refresh races
                   claim/s-00000: - -> true
                   status: - -> active
    @1       now  s-00000 unknown  add task t-00001: Refresh races
                   priority: - -> 1
                   tag/auth: - -> true
                   title: - -> Refresh races
                   worktree: - -> work
    ");
}

#[test]
fn a_record_in_full() {
    let story = story();
    assert_snapshot!(same_ids(&story.workspace.ok(&["show", &story.finding, &story.races])), @r"
    f-00000 Lock is per user
    finding live
    made just now by unknown, in s-00001, worktree work, changed just now
    key auth/lock
    ref src/lock.rs:1

    Two processes of one user wait for each other.

    t-00002 Refresh races
    task active p1
    made just now by unknown, in s-00001, worktree work, changed just now
    tags auth
    claimed by s-00001
    <- needs t-00003 Log out everywhere (open)
    ");
    assert_snapshot!(same_ids(&story.workspace.ok(&["search", "processes", "wait"])), @r"
    f-00000    now  finding Lock is per user
               Two [processes] of one user [wait] for each other.
    ");
}

#[test]
fn ready_and_what_done_sets_free() {
    let story = story();
    assert_snapshot!(same_ids(&story.workspace.ok(&["ready"])), @r"
    t-00000    now  p2 fix the race  needs nothing
    t-00001    now  p3 Write the changelog  needs nothing
    Take the first: state start --next. 1 held up: state list blocked.
    ");
    assert_snapshot!(same_ids(&story.workspace.ok(&["block", &story.logout, "no staging key"])), @r"
    x-00000 holds up t-00001: no staging key
    When it is gone: state done x-00000
    ");
    assert_snapshot!(same_ids(&story.workspace.ok(&["done", &story.races, "-m", "lock in store"])), @r"
    t-00000 done: Refresh races
    t-00001 still waits for x-00002. Next: t-00003 fix the race (state start --next)
    ");
    story.workspace.ok(&["undo"]);
    story.workspace.ok(&["undo"]);
    assert_snapshot!(same_ids(&story.workspace.ok(&["done", &story.races])), @r"
    t-00000 done: Refresh races
    Frees t-00001. Next: t-00002 fix the race (state start --next)
    ");
}
