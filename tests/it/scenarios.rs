//! Whole stories, as they are typed: what an agent sees at each step.

use crate::support::{Shell, Workspace, ids, records};
use serde_json::Value;

/// Three steps, each skipped if it is done; the second one is struck by lightning if the file `storm` is there.
const INSTALL_BUILD_TEST: &str = r#"
state() { "$STATE" "$@"; }
state checkpoint setup install --check || (echo install >>did && state checkpoint setup install --of install,build,test)
[ -e storm ] && kill -9 $$
state checkpoint setup build --check || (echo build >>did && state checkpoint setup build --data '{"port": 8080}')
state checkpoint setup test --check || (echo test >>did && state checkpoint setup test)
"#;

fn install_build_test(shell: &Shell) -> bool {
    let mut script = shell.program("sh");
    script.args(["-c", INSTALL_BUILD_TEST]).env("STATE", env!("CARGO_BIN_EXE_state"));
    script.output().unwrap().status.success()
}

#[test]
fn checkpoint_install_build_test() {
    let workspace = Workspace::new();
    let did = || std::fs::read_to_string(workspace.dir().join("did")).unwrap();

    workspace.write("storm", "");
    assert!(!install_build_test(&workspace));
    assert_eq!(did(), "install\n");
    let next = workspace.session("next");
    assert!(next.ok(&["resume"]).contains("setup: done install; next build: state checkpoint setup build"));
    assert_eq!(workspace.json(&["checkpoint", "setup"])["next"], "build");
    assert!(next.fails(1, &["checkpoint", "setup", "build", "--check"]).contains("not done: setup build"));
    assert!(next.fails(1, &["checkpoint", "setup", "--check"]).contains("not done: setup"));
    next.ok(&["checkpoint", "setup", "install", "--check"]);

    std::fs::remove_file(workspace.dir().join("storm")).unwrap();
    assert!(install_build_test(&next));
    assert!(install_build_test(&next));
    assert_eq!(did(), "install\nbuild\ntest\n", "something was done twice");
    let report = workspace.json(&["checkpoint", "setup"]);
    assert_eq!((&report["complete"], &report["steps"][1]["data"]["port"]), (&true.into(), &8080.into()));
    next.ok(&["checkpoint", "setup", "--check"]);
    assert!(!workspace.ok(&["resume"]).contains("setup"), "what is complete is not interrupted");

    workspace.ok(&["start", report["id"].as_str().unwrap()]);
    workspace.fails(1, &["checkpoint", "setup", "install", "--check"]);
}

fn ready(shell: &Shell) -> Vec<String> {
    ids(&shell.json(&["ready"]))
}

fn next(report: &Value) -> &Value {
    &report["next"][0]["id"]
}

#[test]
fn todo_triage() {
    let workspace = Workspace::fixed();
    let parser = workspace.add("task", "Write the parser");
    let docs = workspace.add_with("task", "Document the parser", &["-p", "1", "--needs", &parser]);
    let colours = workspace.add_with("task", "Colours", &["-p", "3"]);
    let outage = workspace.add_with("task", "Outage", &["-p", "0", "--tag", "urgent"]);
    assert_eq!(ready(&workspace), [&*outage, &parser, &colours], "most urgent first, nothing that waits");
    assert_eq!(ids(&workspace.json(&["list", "blocked"])), [&*docs]);
    assert_eq!(ids(&workspace.json(&["list", "tasks", "--tag", "urgent"])), [&*outage]);

    let key = workspace.json(&["block", &colours, "no staging key"])["blocker"]["id"].as_str().unwrap().to_owned();
    assert_eq!(ready(&workspace), [&*outage, &parser]);
    assert!(workspace.ok(&["show", &colours]).contains(&format!("waits for {key}")));
    assert!(workspace.ok(&["done", &key]).contains(&format!("Frees {colours}.")));

    assert!(workspace.ok(&["start", "--next"]).starts_with(&format!("{outage} yours")));
    assert_eq!(ids(&workspace.json(&["list", "mine"])), [&*outage]);
    assert_eq!(next(&workspace.json(&["done", &outage, "-m", "restarted"])), &*parser);
    let report = workspace.json(&["done", &parser]);
    assert_eq!((&report["freed"][0]["id"], next(&report)), (&docs.as_str().into(), &docs.as_str().into()));
    workspace.fails(1, &["done", &parser]);

    workspace.ok(&["edit", &colours, "--defer", "3d"]);
    assert_eq!(ready(&workspace), [&*docs]);
    assert_eq!(ids(&workspace.json(&["list", "deferred"])), [&*colours]);
    workspace.advance(4 * 24 * 3600);
    assert_eq!(ready(&workspace), [&*docs, &colours], "its time has come");

    workspace.ok(&["drop", &docs, "-m", "nobody reads it"]);
    assert_eq!(workspace.field(&docs, "reason"), "nobody reads it");
    assert_eq!(ready(&workspace), [&*colours]);
    workspace.ok(&["undo"]);
    assert_eq!(workspace.field(&docs, "status"), "open");
    assert_eq!(ready(&workspace), [&*docs, &colours]);
}

#[test]
fn a_cycle_is_refused_by_name() {
    let workspace = Workspace::new();
    let first = workspace.add("task", "First");
    let second = workspace.add_with("task", "Second", &["--needs", &first]);
    let third = workspace.add_with("task", "Third", &["--needs", &second]);
    let message = workspace.fails(1, &["link", &first, "needs", &third]);
    assert!([&first, &second, &third].iter().all(|id| message.contains(id.as_str())), "{message}");
    assert!(message.contains("cycle"), "{message}");
    assert_eq!(ready(&workspace), [first]);
}

#[test]
fn four_worktrees() {
    let trunk = Workspace::git();
    let shared = trunk.add("task", "Shared by all");
    let branches = ["auth", "api", "docs", "ui"];
    let trees = branches.map(|branch| trunk.worktree(branch));
    for (branch, tree) in branches.iter().zip(&trees) {
        tree.ok(&["start", &format!("Work on {branch}")]);
        tree.ok_with(&["add", "-"], &format!("# Handoff of {branch}\n\n## Decisions\n- {branch} goes first\n"));
        tree.ok(&["checkpoint", "setup", &format!("install-{branch}"), "--of", "last"]);
        assert!(!tree.dir().join(".state").exists() && !tree.dir().join(".git/state").exists());
    }
    for (branch, tree) in branches.iter().zip(&trees) {
        let others = || branches.iter().filter(|other| *other != branch);
        for shell in [tree.clone(), tree.session("new here")] {
            let resume = shell.ok(&["resume"]);
            assert!(resume.contains(&format!("Focus: Work on {branch}")), "{resume}");
            assert!(resume.contains(&format!("Handoff of {branch}")), "{resume}");
            assert!(resume.contains(&format!("install-{branch}")), "{resume}");
            for other in others() {
                for told in [format!("Work on {other}"), format!("Handoff of {other}"), format!("install-{other}")] {
                    assert!(!resume.contains(&told), "{branch}: {told} in {resume}");
                }
            }
        }
        let all = tree.ok(&["resume", "--all-branches"]);
        for other in branches {
            for told in [format!("Work on {other}"), format!("Handoff of {other}"), format!("install-{other}")] {
                assert!(all.contains(&told), "{branch}: no {told} in {all}");
            }
        }
        assert_eq!(ready(tree), [&*shared], "tasks are everybody's, started ones are not ready");
        assert!(tree.ok(&["resume", "--full"]).contains(&format!("{shared} Shared by all")));
    }
    let held = ids(&trees[0].json(&["list", "mine"]));
    assert!(trees[1].fails(1, &["start", &held[0]]).contains("is held by"));
    assert_eq!(records(&trees[2].json(&["list", "sessions"])).len(), 5);
}

#[test]
fn a_task_is_interrupted_where_it_was_started_not_where_it_was_written_down() {
    let trunk = Workspace::git();
    let task = trunk.add("task", "Written on main");
    let auth = trunk.worktree("auth");
    auth.ok(&["start", &task]);
    let in_progress = format!("In progress:\n  {task}");
    assert!(auth.session("next").ok(&["resume"]).contains(&in_progress));
    assert!(!trunk.session("next").ok(&["resume"]).contains(&in_progress));

    auth.git_run(&["checkout", "-q", "-b", "auth-2"]);
    let other = auth.json(&["start", "Begun after the switch"])["record"]["id"].as_str().unwrap().to_owned();
    let resume = auth.session("next").ok(&["resume"]);
    assert!(resume.contains("Focus: Begun after the switch") && resume.contains(&other), "{resume}");
}

const HANDOFF: &str = "\
# Refresh races

## Done
- moved the lock into the store
- wrote a test with two processes

## Next
- document the lock (p1)

## Decisions
- rotate on use
";

/// USERS (a): the first minute of a coding agent.
#[test]
fn an_agents_first_minute() {
    let before = Workspace::fixed();
    before.write("src/auth/lock.rs", (1..60).map(|line| format!("line {line}\n")).collect::<String>());
    let races = before.add_with("task", "refresh races", &["-p", "1", "--ref", "src/auth/lock.rs:40-50"]);
    let staging = before.add_with("task", "try it on staging", &["--needs", &races]);
    before.ok(&["block", &staging, "staging key"]);
    let user = before.session("other").add_with("finding", "Lock is per user", &["--key", "auth/lock"]);
    let process = before.add_with("finding", "Refresh lock is per process", &["--key", "auth/lock"]);
    before.ok(&["start", &races]);
    before.advance(3 * 3600);
    let me = before.session("me");

    let resume = me.ok(&["resume", "--budget", "800"]);
    for told in ["crashed", "3 h ago", "Focus: refresh races", "left 3 h ago: state start", "staging key holds up"] {
        assert!(resume.contains(told), "no '{told}' in {resume}");
    }
    assert!(resume.contains(&format!("! {process} contradicts {user}")), "{resume}");
    assert!(me.ok(&["show", &user, &process]).contains(&format!("contradicts {process}")));

    let start = me.ok(&["start", &races]);
    assert!(start.starts_with(&format!("{races} yours: refresh races")), "{start}");
    assert_eq!(me.search(&["refresh", "lock", "process"])[0], process);

    let settled = me.add_with("finding", "Lock is per process", &["--ref", "src/auth/lock.rs:12-40", "--over", &user]);
    assert_eq!(me.field(&user, "status"), "superseded");
    assert_eq!(ids(&me.json(&["list", "conflicts"])), [""; 0], "the conflict has ended");
    assert_eq!(me.field(&settled, "stale"), false);
    let changed: String = (1..60).map(|line| format!("line {}\n", line * 2)).collect();
    me.write("src/auth/lock.rs", changed);
    assert!(me.ok(&["show", &settled]).contains("ref src/auth/lock.rs:12-40 (changed since)"));
    assert!(me.ok(&["resume"]).contains("src/auth/lock.rs:12-40 (changed since)"));

    let done = me.ok(&["done", &races, "-m", "lock in store"]);
    assert!(
        done.contains(&format!("{races} done")) && done.contains(&format!("{staging} still waits for x-")),
        "{done}"
    );
    let handoff = me.ok_with(&["add", "-"], HANDOFF);
    assert!(handoff.starts_with("h-") && handoff.contains(": 2 done, 1 next, 1 decision, all linked"), "{handoff}");
    let resume = me.session("next").ok(&["resume"]);
    assert!(resume.contains("Refresh races") && resume.contains("p1 document the lock"), "{resume}");
}

#[test]
fn a_handoff_with_a_wrong_line_adds_nothing() {
    let workspace = Workspace::new();
    let lines = "{\"kind\": \"task\", \"title\": \"good\"}\n{\"kind\": \"task\", \"title\": \" \"}\n";
    assert!(workspace.fails_with(2, &["add", "-"], lines.as_bytes()).contains("line 2"));
    assert_eq!(ready(&workspace), [""; 0]);
    assert!(workspace.ok(&["log"]).contains("Nothing was changed yet."));
}

#[test]
fn the_same_key_again() {
    let workspace = Workspace::new();
    let add = |shell: &Shell, title: &str| shell.json(&["add", "decision", title, "--key", "token/ttl"]);
    let (me, other) = (workspace.session("me"), workspace.session("other"));
    assert_eq!(add(&me, "ten minutes")["records"][0]["outcome"], "added");
    assert_eq!(add(&other, "ten minutes")["records"][0]["outcome"], "same");
    assert_eq!(add(&me, "five minutes")["records"][0]["outcome"], "superseded");
    assert_eq!(add(&other, "ten hours")["records"][0]["outcome"], "conflict");
    let conflicts = workspace.json(&["list", "conflicts"]);
    assert_eq!(records(&conflicts).len(), 2);
    let message = workspace.fails(1, &["show", "token/ttl"]);
    assert!(ids(&conflicts).iter().all(|id| message.contains(id.as_str())), "both are named: {message}");
}

#[test]
fn flags_of_a_search_stand_anywhere_and_its_words_may_begin_with_a_hyphen() {
    let workspace = Workspace::new();
    let commit = workspace.add("finding", "git commit --no-verify skips the hooks");
    let push = workspace.add("finding", "git push runs the hooks");
    assert_eq!(ids(&workspace.json(&["search", "hooks", "-push"])), [&*commit]);
    assert_eq!(ids(&workspace.json(&["search", "-push", "hooks"])), [&*commit]);
    assert_eq!(ids(&workspace.json(&["search", "--no-verify"])), [&*commit]);
    assert_eq!(ids(&workspace.json(&["search", "hooks", "--limit", "1"])).len(), 1);
    let last = workspace.ok(&["search", "push", "--limit=1", "--json"]);
    assert!(last.starts_with('{') && last.contains(&push), "{last}");
    assert!(workspace.ok(&["search", "hooks", "--help"]).contains("Find records"));
    assert!(workspace.ok(&["search", "hooks", "--", "--json"]).starts_with("f-"));
}

#[test]
fn meeting_prep() {
    let workspace = Workspace::fixed();
    workspace.write("src/pay/retry.rs", "fn retry() {\n    charge();\n    key();\n}\n");
    workspace.write("docs/outage.md", "# Outage of 12 February\n");
    let analyst = workspace.session("analyst");
    let report = analyst.json_with(
        &["add", "-"],
        "# Summary: why customers were charged twice\n\nThe idempotency key is built after the charge, so that a retry \
         charges again. 312 customers, 9,400 EUR.\n\n## Read first\n- `src/pay/retry.rs:1-4`\n- docs/outage.md\n\n\
         ## Findings\n- The key is built after the charge\n- Support heard of it two hours before the alarm\n\n\
         ## Issues\n### P0\n- Retries charge twice\n### P2\n- No alarm on duplicate charges\n\n\
         ## Action items\n- Refund the 312 customers (p1)\n- Tell the auditors before the meeting\n",
    );
    assert_eq!(records(&report)[0]["kind"], "summary");
    let summary = ids(&report)[0].clone();
    analyst.ok(&["done", &session_id(&analyst)]);

    workspace.advance(20 * 3600);
    workspace.write("src/pay/retry.rs", "fn retry() {\n    key();\n    charge();\n}\n");
    let host = workspace.session("host");
    host.ok(&["start", "Prepare the meeting about double charges"]);
    let page = host.ok(&["resume"]);
    for told in [
        "Last session s-",
        "20 h ago, ended",
        &format!("{summary} 20 h ago: Summary: why customers were charged twice"),
        "> The idempotency key is built after the charge",
        &format!("Read first:\n  docs/outage.md {summary}\n  src/pay/retry.rs:1-4 (changed since) {summary}\n"),
        "p0 Retries charge twice",
        "p1 Refund the 312 customers",
        "The key is built after the charge",
        "Support heard of it two hours before the alarm",
    ] {
        assert!(page.contains(told), "{told} is missing in:\n{page}");
    }
    assert!(page.lines().count() <= 45, "more than a page:\n{page}");
    let found = host.search(&["who", "was", "charged", "twice", "kind:summary"]);
    assert_eq!(found, [summary.as_str()]);
    let alone = host.ok(&["resume", &summary]);
    assert!(alone.contains("> The idempotency key") && alone.contains("found here t-"), "{alone}");
}

/// The id of the session that acted last.
fn session_id(shell: &Shell) -> String {
    ids(&shell.json(&["list", "sessions"])).remove(0)
}

#[test]
fn doc_draft() {
    let workspace = Workspace::fixed();
    workspace.write("design/cache.md", "one\ntwo\nthree\n");
    workspace.write("data/latency.csv", "p50,p99\n1,9\n");
    let task = workspace.add_with("task", "Write the design document of the cache", &["-p", "1"]);
    let link = format!("result-of:{task}");
    let first = workspace.session("monday");
    first.ok(&["start", &task]);
    let decided = first.add_with("decision", "The cache is write-through", &["--link", &link]);
    let data = first.add_with("artifact", "Latency before the cache", &["--ref", "data/latency.csv", "--link", &link]);
    let note = first.add_with("note", "Readers are operators, not developers", &["--link", &link]);
    workspace.advance(24 * 3600);
    let second = workspace.session("tuesday");
    let outline = second.add_with(
        "finding",
        "Outline agreed with the operators",
        &["--ref", "design/cache.md:2", "--link", &link],
    );
    let open = second.add_with("task", "Decide how long entries live", &["--parent", &task]);
    workspace.advance(24 * 3600);
    workspace.write("design/cache.md", "one\n2\nthree\n");

    let writer = workspace.session("wednesday");
    let page = writer.ok(&["resume", &task]);
    for told in [
        &format!("{decided} The cache is write-through"),
        &format!("{outline} Outline agreed with the operators (design/cache.md:2 (changed since))"),
        &format!("part {open} (open): Decide how long entries live"),
        &format!("result {data} (live): Latency before the cache"),
        &format!("result {note} (live): Readers are operators"),
        "History:\n",
    ] {
        assert!(page.contains(told), "{told} is missing in:\n{page}");
    }
    let whole = writer.ok(&["resume"]);
    assert!(whole.contains(&format!("! {outline} Outline agreed")), "what is stale comes first: {whole}");
    writer.ok(&["edit", &outline, "--ref", "design/cache.md:2"]);
    assert!(!writer.ok(&["resume", &task]).contains("changed since"), "looked at again");
}

#[test]
fn compare_five() {
    let workspace = Workspace::fixed();
    let task = workspace.add("task", "Choose the embedded database");
    let found: Vec<String> = [
        ("redb", "one writer, no daemon, pure Rust"),
        ("sqlite", "the best known, C, needs a build"),
        ("lmdb", "fast reads, a fixed map size"),
        ("sled", "never reached 1.0"),
        ("rocksdb", "large, for servers"),
    ]
    .iter()
    .map(|(name, body)| {
        let agent = workspace.session(&format!("agent-{name}"));
        let link = format!("result-of:{task}");
        let options = ["--key", &format!("database/{name}"), "--body", body, "--link", &link];
        agent.add_with("finding", &format!("Measured {name}"), &options)
    })
    .collect();
    let sqlite = workspace.add_with(
        "decision",
        "We take sqlite",
        &["--key", "database/choice", "--link", &format!("result-of:{task}")],
    );
    let other = workspace.session("reviewer");
    let redb = other.add_with(
        "decision",
        "We take redb",
        &["--key", "database/choice", "--link", &format!("result-of:{task}")],
    );

    let page = workspace.ok(&["resume", &task]);
    assert!(found.iter().all(|id| page.contains(id.as_str())), "all five: {page}");
    let whole = workspace.session("chair").ok(&["resume"]);
    let told = format!("! {redb} contradicts {sqlite} on database/choice");
    assert!(whole.lines().nth(3).unwrap().contains(&told), "a contradiction comes first: {whole}");
    for (name, id) in ["redb", "sqlite", "lmdb", "sled", "rocksdb"].iter().zip(&found) {
        assert_eq!(workspace.search(&[&format!("how did {name} do"), "kind:finding"])[0], *id, "{name}");
    }

    let chosen = workspace.session("chair").add_with(
        "decision",
        "We take redb, sqlite where others must read the file",
        &["--key", "database/choice", "--over", &sqlite, "--over", &redb],
    );
    let whole = workspace.session("chair").ok(&["resume", "--full"]);
    assert!(!whole.contains("contradicts") && whole.contains(&chosen) && !whole.contains(&sqlite), "{whole}");
}
