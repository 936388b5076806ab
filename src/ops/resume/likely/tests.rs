//! Each factor moves a task past another that is alike but for it.

use super::*;
use crate::ops::workspace::{Environment, Identity};
use crate::ops::{batch, import};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

fn now() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// A store with these issues.
fn store_of(issues: &[Value]) -> (TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment {
        store: Some(folder.path().join("store")),
        state_dir: None,
        cwd: folder.path().to_owned(),
        identity: Identity { session: "tester".into(), actor: "tester".into(), process: None },
        clock: now,
        seed: [7; 16],
        command: "test".into(),
        program: None,
    };
    let workspace = Workspace::place(environment);
    workspace.store.init().unwrap();
    let ledger = folder.path().join("ledger.jsonl");
    let lines: Vec<String> = issues.iter().map(Value::to_string).collect();
    fs::write(&ledger, lines.join("\n")).unwrap();
    let report = import::import(&workspace, &ledger, true, &|_, _| {}).unwrap();
    assert_eq!(report.added, issues.len());
    (folder, workspace)
}

/// An open issue that was touched so long ago, with what else is to be said of it.
fn issue(id: &str, hours_ago: i64, more: &Value) -> Value {
    let at = (now() - TimeDelta::hours(hours_ago)).to_rfc3339();
    let mut issue = json!({"id": id, "title": format!("the issue {id}"), "status": "open", "priority": 2,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": at});
    issue.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    issue
}

fn ranked(workspace: &Workspace) -> Vec<Likely> {
    let look = |view: &View| Ok(likely(&Gatherer::new(view, workspace, false, now()))?.tasks);
    workspace.read(look).unwrap()
}

fn keys(workspace: &Workspace) -> Vec<String> {
    ranked(workspace).iter().map(|task| task.record.text(field::KEY).unwrap().to_owned()).collect()
}

fn order_of(issues: &[Value]) -> Vec<String> {
    let (_folder, workspace) = store_of(issues);
    keys(&workspace)
}

fn needs(id: &str) -> Value {
    json!({"dependencies": [{"depends_on_id": id, "type": "blocks"}]})
}

#[test]
fn what_was_touched_last_comes_first_and_what_ended_not_at_all() {
    let closed = issue("a-3", 0, &json!({"status": "closed"}));
    assert_eq!(order_of(&[issue("a-1", 30, &json!({})), closed, issue("a-2", 2, &json!({}))]), ["a-2", "a-1"]);
}

#[test]
fn urgent_ones_pass_those_touched_somewhat_later() {
    let urgent = |hours| issue("a-1", hours, &json!({"priority": 0}));
    let other = issue("a-2", 2, &json!({"priority": 4}));
    assert_eq!(order_of(&[urgent(7), other.clone()]), ["a-1", "a-2"]);
    assert_eq!(order_of(&[urgent(100), other]), ["a-2", "a-1"]);
}

#[test]
fn what_a_late_message_names_passes_what_was_touched_later() {
    let mail =
        |hours| issue("a-9", hours, &json!({"labels": ["message"], "description": "go on with a-1, then stop."}));
    let tasks = [issue("a-1", 20, &json!({})), issue("a-2", 10, &json!({}))];
    let order = order_of(&[&tasks[..], &[mail(1)]].concat());
    assert!(order.iter().position(|id| id == "a-1") < order.iter().position(|id| id == "a-2"), "{order:?}");
    let order = order_of(&[&tasks[..], &[mail(60)]].concat());
    assert_eq!(order, ["a-2", "a-1", "a-9"], "the message is too old");
}

#[test]
fn what_the_last_handoff_names_or_made_passes_what_was_touched_later() {
    let (_folder, workspace) = store_of(&[issue("a-1", 40, &json!({})), issue("a-2", 10, &json!({}))]);
    batch::add_text(&workspace, "# Handoff\n\nOnly a-1 is left.\n\n## Next\n\n- Write the page\n").unwrap();
    let tasks = ranked(&workspace);
    let of = |title: &str| tasks.iter().find(|task| task.record.title() == title).unwrap();
    let is_named = |title| of(title).reasons.iter().any(|reason| reason.starts_with("named in h-"));
    assert!(is_named("Write the page") && is_named("the issue a-1") && !is_named("the issue a-2"));
    assert!(of("the issue a-1").score > of("the issue a-2").score);
}

#[test]
fn what_was_just_freed_passes_its_like_and_says_by_what() {
    let issues = |hours| {
        let done = issue("a-0", hours, &json!({"status": "closed"}));
        [done, issue("a-1", 11, &needs("a-0")), issue("a-2", 10, &json!({})), issue("a-3", 0, &json!({}))]
    };
    let (_folder, workspace) = store_of(&issues(1));
    let tasks = ranked(&workspace);
    assert_eq!(tasks[1].record.title(), "the issue a-1");
    assert!(tasks[1].freed_by.as_ref().is_some_and(|id| tasks[1].reasons.contains(&format!("free since {id}"))));
    assert_eq!(order_of(&issues(9)), ["a-3", "a-2", "a-1"]);
}

#[test]
fn what_waits_is_ranked_and_says_for_what() {
    let issues = [issue("a-0", 9, &json!({})), issue("a-1", 1, &needs("a-0")), issue("a-2", 2, &json!({}))];
    let (_folder, workspace) = store_of(&issues);
    let tasks = ranked(&workspace);
    let id = tasks.iter().find(|task| task.record.title() == "the issue a-0").unwrap().record.id();
    assert_eq!(tasks[0].record.title(), "the issue a-1");
    assert_eq!((tasks[0].waits_for.as_deref(), &tasks[0].freed_by), (Some(id), &None));
    assert!(tasks[1].waits_for.is_none());
}

#[test]
fn mail_gates_and_what_is_put_off_come_behind() {
    for more in [
        json!({"labels": ["message"]}),
        json!({"issue_type": "gate"}),
        json!({"issue_type": "merge-request"}),
        json!({"defer_until": "2026-04-01T00:00:00Z"}),
    ] {
        assert_eq!(order_of(&[issue("a-1", 0, &more), issue("a-2", 1, &json!({}))]), ["a-2", "a-1"], "{more}");
    }
    let past = json!({"defer_until": "2026-02-01T00:00:00Z"});
    assert_eq!(order_of(&[issue("a-1", 0, &past), issue("a-2", 1, &json!({}))]), ["a-1", "a-2"]);
}

#[test]
fn what_is_in_progress_passes_its_like_but_a_year_old_claim_does_not() {
    let begun = |hours| issue("a-1", hours, &json!({"status": "in_progress"}));
    let last = issue("a-3", 0, &json!({}));
    assert_eq!(order_of(&[begun(11), issue("a-2", 10, &json!({})), last.clone()]), ["a-3", "a-1", "a-2"]);
    assert_eq!(order_of(&[begun(8760), issue("a-2", 100, &json!({})), last]), ["a-3", "a-2", "a-1"]);
}

#[test]
fn what_was_made_on_this_branch_passes_its_like() {
    let (_folder, mut workspace) = store_of(&[issue("a-1", 100, &json!({}))]);
    for (branch, title) in [("fix/a", "one"), ("fix/b", "other")] {
        workspace.place.branch = Some(branch.into());
        batch::add_text(&workspace, &format!(r#"{{"kind":"task","title":"{title}"}}"#)).unwrap();
    }
    for (branch, first) in [("fix/a", "one"), ("fix/b", "other")] {
        workspace.place.branch = Some(branch.into());
        assert_eq!(ranked(&workspace)[0].record.title(), first);
    }
}

#[test]
fn age_counts_from_the_last_activity_not_from_now() {
    let (_folder, workspace) =
        store_of(&[issue("a-1", 1000, &json!({})), issue("a-2", 1001, &json!({})), issue("a-3", 1050, &json!({}))]);
    let tasks = ranked(&workspace);
    assert!(tasks[0].score.abs() < 0.01 && tasks[2].score < -3.0);
}

#[test]
fn what_a_task_is_worth_falls_with_its_score_and_sums_up_to_what_sessions_turn_to() {
    let issues = |ages: &[i64]| -> Vec<Value> {
        ages.iter().enumerate().map(|(at, age)| issue(&format!("a-{at}"), *age, &json!({}))).collect()
    };
    let worth =
        |ages: &[i64]| -> Vec<f64> { ranked(&store_of(&issues(ages)).1).iter().map(|task| task.worth).collect() };
    let spread = worth(&[0, 1, 10, 100, 1000, 1000, 1000, 1000]);
    assert!(spread.is_sorted_by(|a, b| a >= b) && spread[0] > 10.0 * spread[7], "{spread:?}");
    let even = worth(&[500; 10]);
    assert!(even.iter().all(|worth| (worth - 0.4).abs() < 0.01), "{even:?}");
    assert_eq!(worth(&[0]), [WORTH_MAX]);
}

#[test]
fn what_is_read_is_bounded_and_holds_the_newest_and_the_most_urgent() {
    let uid = |number: u64| Uid::from_u128(u128::from(number));
    let tasks: Vec<Posting> = (0..5000).map(|number| (9999 - number, uid(number))).collect();
    let open = Open { tasks, waiting: BTreeSet::new(), newest: vec![uid(7777)] };
    let read = candidates(&open, std::iter::once(uid(8888)));
    for number in [0, 14, 4955, 4999, 7777, 8888] {
        assert!(read.contains(&uid(number)), "{number}");
    }
    assert_eq!(read.len(), RECENT_MAX + URGENT_MAX + 2);
}

#[test]
fn ids_and_keys_are_found_in_prose() {
    let found = words("See bd-1.4, (t-4kq): auth/refresh-lock. Not -- or bd-1.4.\n* `a-b`");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a-b", "auth/refresh-lock", "bd-1.4", "t-4kq"]);
    let many: Vec<String> = (0..500).map(|n| format!("a-{n}")).collect();
    assert_eq!(words(&many.join(" ")).len(), WORDS_MAX);
}
