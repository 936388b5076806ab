//! Whole stories, as users live them: an interrupted build, a triage, four worktrees, the first minute of an agent.

use crate::support::{Shell, Workspace, ids, texts};
use crate::views::assert_views_equal_a_fresh_fold;
use serde_json::json;
use std::process::Output;

const PIPELINE: &str = r#"set -e
for step in install build test; do
    "$STATE" checkpoint ci $step --check 2>/dev/null && continue
    [ "$step" != "$BREAKS" ] || exit 7
    echo $step >> work.txt
    "$STATE" checkpoint ci $step --of install,build,test --data "{\"step\": \"$step\"}" >/dev/null
done
"#;

#[test]
fn checkpoint_install_build_test() {
    let workspace = Workspace::new();
    let script = |shell: &Shell, breaks: &str| -> Output {
        let mut command = shell.program("sh");
        command.args(["-c", PIPELINE]).env("STATE", env!("CARGO_BIN_EXE_state")).env("BREAKS", breaks);
        command.output().unwrap()
    };
    let work = || std::fs::read_to_string(workspace.dir().join("work.txt")).unwrap();
    assert_eq!(script(&workspace, "test").status.code(), Some(7));
    assert_eq!(work(), "install\nbuild\n");

    let next = workspace.session("next");
    let report = next.json(&["checkpoint", "ci"]);
    assert_eq!((&report["next"], &report["complete"]), (&json!("test"), &json!(false)));
    assert_eq!(report["steps"][1]["data"], json!({"step": "build"}));
    let briefing = next.ok(&["resume"]);
    assert!(
        briefing.contains("ci") && briefing.contains("test") && briefing.contains("state checkpoint ci"),
        "{briefing}"
    );
    next.fails(1, &["checkpoint", "ci", "test", "--check"]);
    next.fails(1, &["checkpoint", "ci", "--check"]);

    assert!(script(&next, "nothing").status.success());
    assert_eq!(work(), "install\nbuild\ntest\n", "a step was done again");
    next.ok(&["checkpoint", "ci", "--check"]);
    assert!(script(&next, "nothing").status.success());
    assert_eq!(work(), "install\nbuild\ntest\n");
    assert!(!next.ok(&["resume"]).contains("next test"));
}

#[test]
fn todo_triage() {
    let workspace = Workspace::new();
    workspace.write("src/auth.rs", "fn refresh() {\n    // TODO: races\n}\n");
    let todos = [
        json!({"kind": "task", "title": "TODO refresh races", "refs": ["src/auth.rs:2"], "label": "races"}),
        json!({"kind": "task", "title": "TODO document the lock", "needs": ["races"]}),
        json!({"kind": "task", "title": "TODO refresh race (again)", "links": [{"kind": "relates", "to": "races"}]}),
        json!({"kind": "task", "title": "TODO nicer colours"}),
    ];
    let lines: String = todos.iter().map(|todo| format!("{todo}\n")).collect();
    let made = ids(&workspace.json_with(&["add", "-"], &lines));
    let [races, document, again, colours] = made.try_into().unwrap();

    workspace.ok(&["edit", &races, "-p", "0", "--tag", "auth"]);
    workspace.ok(&["edit", &colours, "--defer", "30d"]);
    workspace.ok(&["drop", &again, "-m", "the same as the first"]);
    assert_eq!(ids(&workspace.json(&["ready"])), [races.as_str()]);
    assert_eq!(ids(&workspace.json(&["list", "blocked"])), [document.as_str()]);
    assert_eq!(ids(&workspace.json(&["list", "deferred"])), [colours.as_str()]);
    assert_eq!(ids(&workspace.json(&["list", "--tag", "auth"])), [races.as_str()]);

    assert_eq!(workspace.json(&["start", "--next"])["record"]["id"], json!(races));
    let ended = workspace.json(&["done", &races, "-m", "a lock"]);
    assert_eq!(ended["freed"][0]["id"], json!(document));
    assert_eq!(ended["next"][0]["id"], json!(document));
    assert_eq!(ids(&workspace.json(&["ready"])), [document.as_str()]);

    workspace.ok(&["undo"]);
    assert_eq!(ids(&workspace.json(&["list", "blocked"])), [document.as_str()], "the undone end frees nothing");
    assert_eq!(workspace.field(&again, "status"), json!("dropped"));
    assert_views_equal_a_fresh_fold(&workspace);
}

#[test]
fn a_blocker_holds_its_task_up_until_it_is_done() {
    let workspace = Workspace::new();
    let (task, other) = (workspace.add("task", "deploy"), workspace.add("task", "write"));
    let report = workspace.json(&["block", &task, "staging key"]);
    let blocker = report["blocker"]["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&workspace.json(&["ready"])), [other.as_str()]);
    assert_eq!(ids(&workspace.json(&["list", "blocked"])), [task.as_str()]);
    assert_views_equal_a_fresh_fold(&workspace);

    let ended = workspace.json(&["done", &blocker]);
    assert_eq!(ended["freed"][0]["id"], json!(task));
    assert_eq!(ids(&workspace.json(&["ready"])).len(), 2);
    workspace.ok(&["undo"]);
    assert_eq!(ids(&workspace.json(&["ready"])), [other.as_str()]);
    workspace.ok(&["done", &task, "-m", "without the key"]);
    assert_eq!(ids(&workspace.json(&["ready"])), [other.as_str()]);
    assert_views_equal_a_fresh_fold(&workspace);
}

#[test]
fn four_worktrees() {
    let workspace = Workspace::git();
    let store = workspace.store();
    for area in ["auth", "api", "db", "ui"] {
        workspace.add_with("task", &format!("work on {area}"), &["--tag", area]);
    }
    let agents: Vec<Shell> =
        ["feat-auth", "feat-api", "feat-db", "feat-ui"].map(|name| workspace.worktree(name)).into();
    let tasks: Vec<String> = agents
        .iter()
        .map(|agent| agent.json(&["start", "--next"])["record"]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(tasks.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    assert_eq!(
        std::fs::canonicalize(workspace.dir().join(".git/state")).unwrap(),
        std::fs::canonicalize(store).unwrap()
    );
    assert!(agents.iter().all(|agent| agent.git_run(&["status", "--porcelain"]).is_empty()), "the tree was dirtied");
    agents[0].fails(1, &["start", &tasks[1]]);

    for (i, agent) in agents.iter().enumerate() {
        let mine = ids(&agent.json(&["list", "mine"]));
        assert_eq!(mine, [tasks[i].as_str()]);
        agent.ok_with(&["add", "-"], &format!("# Handoff of {i}\n\n## Next\n- step {i}\n"));
    }
    let finding = agents[0].add("finding", "cache is unsafe across threads");
    assert_eq!(workspace.field(&finding, "branch"), json!("feat-auth"));
    assert_eq!(workspace.search(&["cache", "threads"]), [finding.as_str()]);

    let briefing = agents[1].ok(&["resume"]);
    assert!(briefing.contains("feat-api") && briefing.contains(&tasks[1]), "{briefing}");
    assert!(briefing.contains("Handoff of 1") && !briefing.contains("Handoff of 0"), "{briefing}");
    let all = agents[1].ok(&["resume", "--all-branches", "--budget", "3000"]);
    assert!(all.contains("Handoff of 3"), "the newest of all branches: {all}");
    let sessions = texts(&workspace.json(&["list", "sessions"]), "title");
    assert!(agents.len() <= sessions.len() && sessions.contains(&"feat-db".to_owned()), "{sessions:?}");
}

#[test]
fn the_first_minute_of_an_agent() {
    let workspace = Workspace::git();
    workspace.write("src/auth/token.rs", "one\ntwo\nthree\n");
    workspace.write("src/auth/lock.rs", "lock\n");
    let before = workspace.session("claude:before").at("2026-03-02T09:00:00Z");
    let task =
        before.add_with("task", "refresh races", &["-p", "1", "--ref", "src/auth/token.rs:1-2", "--key", "refresh"]);
    let waiting = before.add_with("task", "roll out", &["--needs", "refresh"]);
    let old = before.add_with("finding", "Refresh lock is per user", &["--ref", "src/auth/lock.rs"]);
    before.ok(&["start", &task]);
    workspace.write("src/auth/token.rs", "one\nchanged\nthree\n");

    let agent = workspace.session("claude:now").at("2026-03-02T12:00:00Z");
    let briefing = agent.ok(&["resume", "--budget", "800"]);
    for expected in ["refresh races", &task, "3 h", "crashed"] {
        assert!(briefing.contains(expected), "no `{expected}` in\n{briefing}");
    }
    let started = agent.json(&["start", &task]);
    assert!(started["taken_over_from"].is_string(), "{started}");
    assert_eq!(agent.search(&["who", "holds", "the", "refresh", "lock?"])[0], old);
    let options = ["--ref", "src/auth/lock.rs:1", "--over", &old];
    let new = agent.add_with("finding", "Lock is per process", &options);
    assert_eq!(agent.field(&old, "status"), json!("superseded"));
    assert!(agent.field(&task, "stale").as_bool().unwrap(), "the changed file is not told");
    let ended = agent.json(&["done", &task, "-m", "lock in store"]);
    assert_eq!(ended["freed"][0]["id"], json!(waiting));
    let handoff = "# Refresh is fixed\n\n## Done\n- lock in store\n- races gone\n\n## Next\n- roll out to staging\n\n## Decisions\n- rotate on use\n";
    let made = agent.json_with(&["add", "-"], handoff);
    assert_eq!(texts(&made, "kind"), ["handoff", "task", "task", "task", "decision"]);
    agent.ok(&["done", "session/claude:now"]);

    let next = workspace.session("claude:next").at("2026-03-02T12:30:00Z").ok(&["resume"]);
    for expected in ["Refresh is fixed", "roll out to staging", "rotate on use", "Lock is per process"] {
        assert!(next.contains(expected), "no `{expected}` in\n{next}");
    }
    assert!(!next.contains("per user") && !next.contains("crashed"), "{next}");
    assert!(agent.ok(&["show", &new]).contains(&old));
    assert_views_equal_a_fresh_fold(&workspace);
}

#[test]
fn keys_decide_what_a_second_record_means() {
    let workspace = Workspace::new();
    let (one, two) = (workspace.session("one"), workspace.session("two"));
    let add = |shell: &Shell, title: &str| {
        shell.json(&["add", "finding", title, "--key", "lock/scope"])["records"][0].clone()
    };
    let first = add(&one, "per user");
    assert_eq!(add(&two, "per user")["outcome"], json!("same"));
    let second = add(&one, "per process");
    assert_eq!(second["outcome"], json!("superseded"));
    assert_eq!(workspace.field(first["id"].as_str().unwrap(), "status"), json!("superseded"));
    let third = add(&two, "per thread");
    assert_eq!(third["outcome"], json!("conflict"));
    assert_eq!(ids(&workspace.json(&["list", "conflicts"])).len(), 2);
    assert!(workspace.ok(&["resume"]).contains(third["id"].as_str().unwrap()));
    workspace.ok(&["drop", third["id"].as_str().unwrap()]);
    assert_eq!(ids(&workspace.json(&["list", "conflicts"])).len(), 0);
    assert_views_equal_a_fresh_fold(&workspace);
}

#[test]
fn the_past_can_be_seen_and_taken_back() {
    let workspace = Workspace::new();
    let early = workspace.at("2026-03-01T10:00:00Z");
    let task = early.add_with("task", "first words", &["--body", "first body", "--tag", "old"]);
    let late = workspace.at("2026-03-05T10:00:00Z");
    late.ok(&["edit", &task, "--title", "second words", "--body", "second body", "--untag", "old"]);
    let now = workspace.at("2026-03-06T10:00:00Z");
    let then = now.json(&["show", &task, "--at", "2026-03-02"]);
    assert_eq!(
        (&then["records"][0]["title"], &then["records"][0]["body"]),
        (&json!("first words"), &json!("first body"))
    );
    assert_eq!(now.field(&task, "title"), json!("second words"));
    let history = now.ok(&["log", &task]);
    assert!(history.contains("first words -> second words"), "{history}");
    now.ok(&["undo"]);
    assert_eq!((now.field(&task, "title"), now.field(&task, "tags")), (json!("first words"), json!(["old"])));
    assert_eq!(now.field(&task, "body"), json!("first body"));
    now.ok(&["undo"]);
    assert_eq!(now.field(&task, "undone"), json!(true), "the change before that: the record itself");
    assert!(now.search(&["words"]).is_empty());
    assert!(ids(&now.json(&["list"])).is_empty());
    assert_views_equal_a_fresh_fold(&workspace);
}
