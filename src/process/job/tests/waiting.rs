//! Jobs that wait: for others, for a slot, between attempts.

use super::*;
use crate::domain::job::{After, Outcome, State};

fn after(names: &[&str]) -> Vec<After> {
    names.iter().map(|name| After::parse(name).unwrap()).collect()
}

#[test]
fn a_chain_and_a_diamond_run_in_order() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let first = lab.start(&lab.job("j-0", "read x < go; echo 0 >> order"));
    let chain: Vec<Running> = (1..10)
        .map(|number| {
            let before = format!("j-{}", number - 1);
            let script = format!("echo {number} >> order");
            lab.start(&Spec { after: after(&[&before]), ..lab.job(&format!("j-{number}"), &script) })
        })
        .collect();
    let sides =
        ["j-a", "j-b"].map(|id| lab.start(&Spec { after: after(&["j-9"]), ..lab.job(id, "echo side >> order") }));
    let bottom = lab.start(&Spec { after: after(&["j-a", "j-b"]), ..lab.job("j-c", "echo bottom >> order") });
    eventually("it waits for both", || bottom.status().waits_for == ["j-a", "j-b"]);
    assert_eq!(lab.read("order"), "");
    meet(&go);
    for running in std::iter::once(first).chain(chain).chain(sides).chain([bottom]) {
        assert_eq!(running.end().outcome, Outcome::Ok);
    }
    assert_eq!(lab.read("order"), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\nside\nside\nbottom\n");
}

#[test]
fn what_can_never_start_is_skipped_and_so_is_all_behind_it() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let lint = lab.start(&Spec { label: Some("lint".into()), ..lab.job("j-1", "read x < go; exit 1") });
    let waits = |id: &str, names: &[&str]| lab.start(&Spec { after: after(names), ..lab.job(id, "echo ran") });
    let [test, deploy] = [waits("j-2", &["j-1"]), waits("j-3", &["j-2"])];
    let [notify, repair, never] =
        [waits("j-4", &["j-3:any"]), waits("j-5", &["j-1:fail"]), waits("j-6", &["j-5:fail"])];
    meet(&go);
    assert_eq!(lint.end().outcome, Outcome::Failed);
    assert_eq!(test.end().to_string(), "skipped: j-1 lint failed");
    assert_eq!(deploy.end().to_string(), "skipped: j-2 was skipped");
    assert_eq!([notify, repair].map(|running| running.end().outcome), [Outcome::Ok; 2]);
    let exit = never.end();
    assert_eq!((exit.to_string().as_str(), exit.attempts.len()), ("skipped: j-5 ended well", 0));
    let exit = lab.run(&Spec { after: after(&["j-9"]), ..lab.job("j-7", "true") });
    assert_eq!(exit.to_string(), "skipped: j-9 is not there any more");
}

#[test]
fn one_that_is_dropped_while_it_waits_never_starts() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let long = lab.start(&lab.job("j-1", "read x < go"));
    let waiting = lab.start(&Spec { after: after(&["j-1"]), ..lab.job("j-2", "echo ran > ran") });
    let behind = lab.start(&Spec { after: after(&["j-2:fail"]), ..lab.job("j-3", "echo ran > ran") });
    eventually("it waits", || waiting.status().waits_for == ["j-1"]);
    waiting.tell(&stop(false));
    let exit = waiting.end();
    assert_eq!((exit.to_string().as_str(), exit.attempts.len()), ("killed: not needed", 0));
    assert_eq!(behind.end().to_string(), "skipped: j-2 was killed");
    meet(&go);
    assert_eq!(long.end().outcome, Outcome::Ok);
    assert!(!lab.path("ran").exists());
}

#[test]
fn no_more_run_at_once_than_there_are_slots() {
    let lab = Lab::new();
    let slots = Some(Slots { group: "db".into(), count: 2 });
    let script = "echo + >> log; sleep 0.03; echo - >> log";
    let start = |number| lab.start(&Spec { slots: slots.clone(), ..lab.job(&format!("j-{number}"), script) });
    let running: Vec<Running> = (1..=6).map(start).collect();
    for running in running {
        assert_eq!(running.end().outcome, Outcome::Ok);
    }
    let log = lab.read("log");
    let steps: Vec<i32> = log.lines().map(|line| if line == "+" { 1 } else { -1 }).collect();
    let at_once = steps.iter().scan(0, |now, step| {
        *now += step;
        Some(*now)
    });
    assert_eq!((steps.len(), at_once.max()), (12, Some(2)), "{log}");
}

#[test]
fn a_slot_is_free_when_its_holder_is_gone() {
    let lab = Lab::new();
    let slots = Some(Slots { group: "db".into(), count: 1 });
    let dir = lab.path("jobs/groups/db");
    std::fs::create_dir_all(&dir).unwrap();
    // As a supervisor holds it; its death closes the file.
    let holder = std::fs::File::create(dir.join("0")).unwrap();
    holder.lock().unwrap();
    let first = lab.start(&Spec { slots: slots.clone(), ..lab.job("j-1", "true") });
    eventually("it waits", || first.status().waits_for == ["slot db"]);
    let second = lab.start(&Spec { slots, ..lab.job("j-2", "true") });
    eventually("it waits too", || second.status().waits_for == ["slot db"]);
    second.tell(&stop(false));
    assert_eq!(second.end().outcome, Outcome::Killed);
    assert_eq!(first.status().state, State::Waiting);
    drop(holder);
    assert_eq!(first.end().outcome, Outcome::Ok);
}

#[test]
fn a_need_that_nobody_looks_after_is_told_and_waited_for() {
    let lab = Lab::new();
    let armed = prepare(&lab.dir("j-1"), &lab.job("j-1", "echo first >> order")).unwrap();
    drop(armed);
    assert!(matches!(lab.dir("j-1").standing().unwrap(), Standing::Unarmed(_)));
    let waiting = lab.start(&Spec { after: after(&["j-1"]), ..lab.job("j-2", "echo second >> order") });
    assert_eq!(waiting.news.recv_timeout(PATIENCE).unwrap(), Heard::Orphaned("j-1".into()));
    let armed = rearm(&lab.dir("j-1"), chrono::Utc::now()).unwrap().unwrap();
    assert!(rearm(&lab.dir("j-1"), chrono::Utc::now()).unwrap().is_none(), "armed twice");
    look_after(armed).end();
    assert_eq!(waiting.supervisor.join().unwrap().unwrap().outcome, Outcome::Ok);
    assert_eq!(lab.read("order"), "first\nsecond\n");
}

#[test]
fn one_that_is_dropped_between_two_attempts_has_no_other() {
    let lab = Lab::new();
    let spec = Spec { retries: 3, backoff_ms: Some(300_000), ..lab.job("j-1", "exit 1") };
    let running = lab.start(&spec);
    eventually("it waits", || running.status().waits_for.first().is_some_and(|what| what.starts_with("retry 2 at ")));
    assert!(running.status().has_started());
    running.tell(&stop(false));
    let exit = running.end();
    assert_eq!((exit.outcome, exit.attempts.len()), (Outcome::Killed, 1));
}

#[test]
fn whoever_waits_is_told_which_have_ended() {
    let lab = Lab::new();
    let [go, other] = ["go", "other"].map(|name| lab.fifo(name));
    let first = lab.start(&lab.job("j-1", "read x < go"));
    let second = lab.start(&lab.job("j-2", "read x < other"));
    let dirs = [first.dir.clone(), second.dir.clone()];
    assert_eq!(wait_for_end(&dirs, true, Some(Duration::from_millis(1))).unwrap(), Vec::<usize>::new());
    let waiters = [true, false].map(|any| {
        let dirs = dirs.clone();
        std::thread::spawn(move || wait_for_end(&dirs, any, None).unwrap())
    });
    meet(&other);
    let [any, all] = waiters;
    assert_eq!(any.join().unwrap(), [1]);
    meet(&go);
    assert_eq!(all.join().unwrap(), [0, 1]);
    assert_eq!(wait_for_end(&dirs, false, None).unwrap(), [0, 1]);
    assert_eq!(wait_for_end(&[lab.dir("j-none")], false, None).unwrap(), [0]);
    first.end();
    second.end();
}
