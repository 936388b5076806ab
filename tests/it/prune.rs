//! What `doctor --prune` promises: the past gets smaller, and the present does not change by a byte.

use crate::support::{Shell, Workspace, records, texts, wait_until};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use state::domain::snapshot::Stands;
use state::store::Store;
use std::time::Duration;

fn store(shell: &Shell) -> Store {
    Store::at(&shell.store(), Utc::now, [1; 16])
}

fn day(number: i64) -> DateTime<Utc> {
    "2026-01-05T09:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(number)
}

/// How often hooks will have touched a file on a day.
const TOUCHES: u64 = 20;

/// Some days of an agent: each day a session with tasks begun and ended, touches of files, findings, a handoff.
fn days(days: i64) -> Workspace {
    let workspace = Workspace::new();
    let long_lived = workspace.at(&day(0).to_rfc3339()).add("task", "the whole migration");
    for number in 0..days {
        let shell = |minute: i64| {
            let at = day(number) + TimeDelta::minutes(minute);
            workspace.session(&format!("day-{number}")).at(&at.to_rfc3339())
        };
        shell(0).ok(&["start", &format!("part {number} of the migration")]);
        let lines: String = (0..6)
            .map(|n| {
                let kind = ["task", "finding", "note"][n % 3];
                json!({"kind": kind, "title": format!("{kind} {n} of day {number}"), "body": "what was seen ".repeat(20)})
                    .to_string()
                    + "\n"
            })
            .collect();
        let made = records(&shell(5).json_with(&["add", "-"], &lines));
        let of_kind = |kind: &str| -> Vec<String> {
            let found = made.iter().filter(|record| record["kind"] == kind);
            found.map(|record| record["id"].as_str().unwrap().to_owned()).collect()
        };
        for (minute, task) in (10..).zip(of_kind("task")) {
            shell(minute).ok(&["start", &task]);
            shell(minute).ok(&["done", &task, "-m", "as planned"]);
        }
        touch(&shell(20), &long_lived, TOUCHES);
        let notes = of_kind("note");
        shell(30).ok(&["drop", &notes[0], "-m", "not needed"]);
        shell(31).ok(&["link", &notes[1], "relates", &long_lived]);
        shell(32).ok(&["drop", &notes[1], "-m", "but linked"]);
        shell(33).ok_with(&["add", "-"], &format!("# Handoff of day {number}\n\n## Next\n\n- go on {number}\n"));
        let session = shell(34).json(&["list", "sessions"]);
        shell(35).run(&["done", records(&session)[0]["id"].as_str().unwrap()], b"");
    }
    workspace
}

/// What hooks will do: the same reference again and again, each time an event. No verb does that yet.
fn touch(shell: &Shell, id: &str, times: u64) {
    let at: DateTime<Utc> = shell.command(&[]).get_envs().find_map(clock).unwrap();
    let uid = store(shell).read(|view| Ok(view.id(id)?.unwrap())).unwrap();
    for number in 0..times {
        let set = [("ref/src/main.rs".to_owned(), json!({"hash": format!("{at}{number}"), "commit": "c0ffee"}))];
        let session = store(shell).read(|view| Ok(view.first("kind:session", 1)?.remove(0).uid)).unwrap();
        store(shell)
            .write(|writer| {
                writer.act_as(Some(session), "tester");
                writer.because("touch src/main.rs");
                writer.put_at(uid, set.clone().into(), at)
            })
            .unwrap();
    }
}

fn clock((name, value): (&std::ffi::OsStr, Option<&std::ffi::OsStr>)) -> Option<DateTime<Utc>> {
    (name == "STATE_TEST_CLOCK").then(|| value.unwrap().to_str().unwrap().parse().unwrap())
}

/// Everything that a reader of the present sees.
fn present(shell: &Shell) -> Vec<String> {
    let all = shell.json(&["list", "kinds", "--all", "--limit", "10000"]);
    let ids = texts(&all, "id");
    let mut seen = vec![shell.ok(&[vec!["show"], ids.iter().map(String::as_str).collect()].concat())];
    for command in [
        vec!["list", "kinds", "--limit", "10000", "--json"],
        vec!["list", "kinds", "--all", "--limit", "10000", "--json"],
        vec!["ready", "--json"],
        vec!["resume", "--full", "--json"],
        vec!["resume", "--full", "--all-branches", "--budget", "9000"],
        vec!["search", "migration", "--json"],
        vec!["search", "seen day 7", "--json"],
        vec!["search", "kind:handoff", "--limit", "100", "--json"],
        vec!["list", "sessions", "--all", "--json"],
    ] {
        seen.push(without_scores(&shell.ok(&command)));
    }
    seen
}

/// An index that was caught up and one that was built anew weigh words a little differently.
fn without_scores(answer: &str) -> String {
    let Ok(mut answer) = serde_json::from_str::<Value>(answer) else { return answer.to_owned() };
    for hit in answer["hits"].as_array_mut().into_iter().flatten() {
        (hit["score"], hit["parts"]) = (json!(0), json!({}));
    }
    answer.to_string()
}

/// The index of all that is there now, whatever catch-up is going on.
fn reindex(shell: &Shell) {
    let lock = std::fs::File::options().create(true).append(true).open(shell.store().join("index.lock")).unwrap();
    lock.lock().unwrap();
    // There may be none yet.
    let _ = std::fs::remove_dir_all(shell.store().join("index"));
    drop(lock);
    wait_until("the index is there", Duration::from_secs(300), || {
        shell.ok(&["catch-up"]);
        shell.json(&["search", "migration"])["behind"] == 0
    });
}

fn prune(shell: &Shell, more: &[&str]) -> Value {
    shell.json(&[&["doctor", "--prune", "--older", "10d"], more].concat())
}

fn events(shell: &Shell) -> usize {
    store(shell).read(|view| Ok(view.events(1..)?.len())).unwrap()
}

#[test]
fn a_month_is_pruned_and_the_present_stays_as_it_is() {
    const DAYS: i64 = 30;
    let workspace = days(DAYS);
    let shell = workspace.at(&(day(DAYS) + TimeDelta::hours(1)).to_rfc3339());
    reindex(&shell);
    let file = std::fs::metadata(workspace.store().join("state.redb")).unwrap().len();
    let (before, count) = (present(&shell), events(&shell));
    let plan = prune(&shell, &["--dry-run"]);
    assert_eq!((plan["applied"].as_bool(), events(&shell)), (Some(false), count));
    let done = prune(&shell, &[]);
    assert_eq!(done["applied"], true);
    for field in ["events", "bytes", "records", "repeats"] {
        assert_eq!(done[field], plan[field], "{field}");
    }
    assert_eq!(done["events"], json!([count, events(&shell)]));
    let bytes = |at: usize| done["bytes"][at].as_u64().unwrap();
    eprintln!(
        "a month of a busy agent: {} events and {} bytes of log a day, {} bytes of file; \
         after pruning all but ten days: {} of {} events, {} of {} bytes of log, {} of {file} bytes of file",
        count / DAYS as usize,
        bytes(0) / DAYS as u64,
        file / DAYS as u64,
        events(&shell),
        count,
        bytes(1),
        bytes(0),
        std::fs::metadata(workspace.store().join("state.redb")).unwrap().len(),
    );
    // Of the touches of a day one stays, for twenty days; of the three events of a task too.
    assert!(done["repeats"].as_u64().unwrap() >= 20 * (TOUCHES - 1), "{done}");
    assert!(done["records"].as_u64().unwrap() >= 40 && bytes(1) * 2 < bytes(0) * 3 / 2, "{done}");
    for (old, new) in before.iter().zip(&present(&shell)) {
        assert_eq!(old, new);
    }
    let (_, report) = (shell.ok(&["doctor"]), shell.json(&["doctor"]));
    assert_eq!(report["readable"], true);
    assert_eq!(prune(&shell, &[])["applied"], false, "twice changes nothing more");
    assert_eq!(present(&shell), before);
}

/// A log that lost events must go on: counting, undo of what is new, a rebuild, one more prune later.
#[test]
fn a_pruned_store_is_worked_with_as_before() {
    let workspace = days(14);
    let shell = workspace.at(&(day(14) + TimeDelta::hours(1)).to_rfc3339());
    prune(&shell, &[]);
    let numbers = |shell: &Shell| {
        let events = store(shell).read(|view| view.events(1..)).unwrap();
        let stood: u64 = events.iter().filter_map(|(_, event)| Stands::of(event)).map(|stands| stands.count()).sum();
        (events.len() as u64 + stood, events.last().unwrap().0)
    };
    let (seen, last) = numbers(&shell);
    assert_eq!(seen, last, "every event that ever was is either there or stood for");
    let task = shell.add("task", "after the pruning");
    shell.ok(&["start", &task]);
    shell.ok(&["undo"]);
    assert_eq!(shell.field(&task, "status"), "open");
    let why: Vec<Value> = shell.json(&["log", "-n", "10000"])["entries"].as_array().unwrap().clone();
    assert!(why.iter().all(|entry| entry["why"] != ""), "a transaction lost its reason");
    shell.ok(&["doctor"]);
    let later = workspace.at(&(day(14) + TimeDelta::days(9)).to_rfc3339());
    reindex(&later);
    let before = present(&later);
    assert!(prune(&later, &[])["applied"] == true);
    assert_eq!(present(&later), before);
    let (seen, last) = numbers(&later);
    assert_eq!(seen, last);
    later.ok(&["doctor", "--fix"]);
}

/// Nothing live, linked or still shown goes, whatever its age.
#[test]
fn what_is_live_linked_or_shown_keeps_its_history() {
    let workspace = Workspace::new();
    let old = workspace.at("2026-01-05T09:00:00Z");
    let [live, linked, linking, gone] = ["live", "linked", "linking", "gone"].map(|title| old.add("task", title));
    old.ok(&["link", &live, "relates", &linked]);
    old.ok(&["link", &linking, "found-in", &live]);
    let handoff = old.add("handoff", "the only handoff");
    // One transaction, whose reason is on its first event, which goes.
    old.ok(&["done", &gone, &linked, &linking, "-m", "all of it"]);
    old.ok(&["drop", &handoff]);
    let shell = workspace.at("2026-09-05T09:00:00Z");
    let histories = |ids: &[&String]| -> Vec<usize> {
        ids.iter().map(|id| shell.json(&["log", id])["entries"].as_array().unwrap().len()).collect()
    };
    let kept = [&live, &linked, &linking, &handoff];
    let before = histories(&kept);
    let report = prune(&shell, &[]);
    assert_eq!((report["records"].as_u64(), report["examples"].clone()), (Some(1), json!([gone])), "{report}");
    assert_eq!(histories(&kept), before);
    assert_eq!(histories(&[&gone]), [1]);
    assert_eq!(shell.field(&gone, "status"), "done");
    let reason = &shell.json(&["log", &linked, "-n", "1"])["entries"][0]["why"];
    assert_eq!(reason, &json!(format!("done {gone} {linked} {linking}: all of it")));
    shell.fails(2, &["doctor", "--prune"]);
    shell.fails(2, &["doctor", "--prune", "--older", "soon"]);
}
