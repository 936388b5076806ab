//! What is printed, to the letter, with a stopped clock and fixed ids. `cargo insta review` takes over what was meant.

use crate::support::{Shell, Workspace};
use insta::assert_snapshot;

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
    assert_snapshot!(Workspace::fixed().ok(&["resume"]), @r#"
    work: nothing recorded yet.
    Begin: state start "WHAT YOU DO"; keep what you learn: state add finding "…"
    Bring history along: state import FILE-OR-FOLDER; before you stop: state add - < HANDOFF.md
    "#);
}

#[test]
fn resume_beside_the_one_who_works() {
    let story = story();
    assert_snapshot!(next(&story).ok(&["resume"]), @r"
    work. Last session s-2h2a4 (tester) just now, active. Focus: Refresh races (t-qyvcv).
    Handoff:
      h-wwmpt just now: Monday
      > # Monday
      > ## Done
      > - found the race
      > ## Next
      > - fix the race
    In progress:
      t-qyvcv p1 Refresh races (s-2h2a4 is on it)
      c-m4pks release: done build; next sign: state checkpoint release sign
    Blocked:
      1 task waits for others: state list blocked
    Next:
      t-g39re p2 fix the race
      t-aznme p3 Write the changelog
    Known:
      d-4f2zy Rotate tokens on use
      f-42g1b Lock is per user
      > Two processes of one user wait for each other.
    More: state show ID, state search WORDS, state ready, state log
    ");
}

#[test]
fn resume_within_a_small_budget() {
    let story = story();
    assert_snapshot!(next(&story).ok(&["resume", "--budget", "120"]), @r"
    work. Last session s-2h2a4 (tester) just now, active. Focus: Refresh races (t-qyvcv).
    Handoff:
      h-wwmpt just now: Monday
    In progress: 2 not shown: state list active
    Blocked:
      1 task waits for others: state list blocked
    Next:
      t-g39re p2 fix the race
      t-aznme p3 Write the changelog
    Known: 2 not shown: state list findings, state list decisions
    ");
}

#[test]
fn resume_with_a_conflict() {
    let story = story();
    next(&story).add_with("finding", "Lock is per process", &["--key", "auth/lock"]);
    assert_snapshot!(story.workspace.ok(&["resume"]), @r"
    work. Last session s-qxnqy (next) just now, active. Focus: Refresh races (t-qyvcv).
    Conflicts:
      ! f-qc546 contradicts f-42g1b on auth/lock: Lock is per process
    Handoff:
      h-wwmpt just now: Monday
      > # Monday
      > ## Done
      > - found the race
      > ## Next
      > - fix the race
    In progress:
      t-qyvcv p1 Refresh races (yours)
      c-m4pks release: done build; next sign: state checkpoint release sign
    Blocked:
      1 task waits for others: state list blocked
    Next:
      t-g39re p2 fix the race
      t-aznme p3 Write the changelog
    Known:
      f-qc546 Lock is per process
      d-4f2zy Rotate tokens on use
      f-42g1b Lock is per user
      > Two processes of one user wait for each other.
    More: state show ID, state search WORDS, state ready, state log
    ");
    assert_snapshot!(story.workspace.ok(&["list", "conflicts"]), @r"
    f-qc546    now  finding Lock is per process (contradicts f-42g1b)
    f-42g1b    now  finding Lock is per user (contradicts f-qc546)
    ");
}

#[test]
fn resume_after_a_crash() {
    let story = story();
    story.workspace.write("src/lock.rs", "fn lock_by_process() {}\n");
    story.workspace.advance(5 * 3600);
    assert_snapshot!(next(&story).ok(&["resume"]), @r"
    work. Last session s-2h2a4 (tester) 5 h ago, crashed. Focus: Refresh races (t-qyvcv).
    Handoff:
      h-wwmpt 5 h ago: Monday
      > # Monday
      > ## Done
      > - found the race
      > ## Next
      > - fix the race
    In progress:
      t-qyvcv p1 Refresh races (left 5 h ago: state start t-qyvcv)
      c-m4pks release: done build; next sign: state checkpoint release sign
    Blocked:
      1 task waits for others: state list blocked
    Next:
      t-g39re p2 fix the race
      t-aznme p3 Write the changelog
    Known:
      d-4f2zy Rotate tokens on use
      f-42g1b Lock is per user (src/lock.rs:1 (changed since))
      > Two processes of one user wait for each other.
    More: state show ID, state search WORDS, state ready, state log
    ");
    assert_snapshot!(next(&story).ok(&["start", "--next"]), @r"
    t-qyvcv yours: Refresh races
    s-2h2a4 had it and is gone; its notes: state log t-qyvcv
    When finished: state done t-qyvcv -m WHAT-CAME-OF-IT
    ");
}

#[test]
fn the_diary_and_the_history_of_a_record() {
    let story = story();
    assert_snapshot!(story.workspace.ok(&["log"]), @r"
    @11      now  s-2h2a4 unknown  add handoff h-wwmpt and 2 more: Monday
    @10      now  s-2h2a4 unknown  checkpoint c-m4pks release build
    @8       now  s-2h2a4 unknown  start t-qyvcv: Refresh races
    @7       now  s-2h2a4 unknown  add decision d-4f2zy: Rotate tokens on use
    @6       now  s-2h2a4 unknown  add finding f-42g1b: Lock is per user
    @5       now  s-2h2a4 unknown  add task t-aznme: Write the changelog
    @3       now  s-2h2a4 unknown  add task t-rsd8m: Log out everywhere
    @1       now  s-2h2a4 unknown  add task t-qyvcv: Refresh races
    ");
    assert_snapshot!(story.workspace.ok(&["log", &story.races]), @r"
    @8       now  s-2h2a4 unknown  start t-qyvcv: Refresh races
                   claim/s-2h2a4: - -> true
                   status: - -> active
    @1       now  s-2h2a4 unknown  add task t-qyvcv: Refresh races
                   priority: - -> 1
                   tag/auth: - -> true
                   title: - -> Refresh races
                   worktree: - -> work
    ");
}

#[test]
fn a_record_in_full() {
    let story = story();
    assert_snapshot!(story.workspace.ok(&["show", &story.finding, &story.races]), @r"
    f-42g1b Lock is per user
    finding live
    made just now by unknown, in s-2h2a4, worktree work, changed just now
    key auth/lock
    ref src/lock.rs:1

    Two processes of one user wait for each other.

    t-qyvcv Refresh races
    task active p1
    made just now by unknown, in s-2h2a4, worktree work, changed just now
    tags auth
    claimed by s-2h2a4
    <- needs t-rsd8m Log out everywhere (open)
    ");
    assert_snapshot!(story.workspace.ok(&["search", "processes", "wait"]), @r"
    f-42g1b    now  finding Lock is per user
               Two [processes] of one user [wait] for each other.
    ");
}

#[test]
fn ready_and_what_done_sets_free() {
    let story = story();
    assert_snapshot!(story.workspace.ok(&["ready"]), @r"
    t-g39re    now  p2 fix the race  needs nothing
    t-aznme    now  p3 Write the changelog  needs nothing
    Take the first: state start --next. 1 held up: state list blocked.
    ");
    assert_snapshot!(story.workspace.ok(&["block", &story.logout, "no staging key"]), @r"
    x-8fq6b holds up t-rsd8m: no staging key
    When it is gone: state done x-8fq6b
    ");
    assert_snapshot!(story.workspace.ok(&["done", &story.races, "-m", "lock in store"]), @r"
    t-qyvcv done: Refresh races
    t-rsd8m still waits for x-8fq6b. Next: t-g39re fix the race (state start --next)
    ");
    story.workspace.ok(&["undo"]);
    story.workspace.ok(&["undo"]);
    assert_snapshot!(story.workspace.ok(&["done", &story.races]), @r"
    t-qyvcv done: Refresh races
    Frees t-rsd8m. Next: t-g39re fix the race (state start --next)
    ");
}
