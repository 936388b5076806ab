//! Values and secrets go where they are meant to go, and nowhere else.

use super::{Lab, outcome, run, sh, shown, word};
use serde_json::Value;

/// In pieces, so that nobody takes it for one.
fn token() -> String {
    format!("ghp_{}", "R7q2Xv9LmT4kZs8WbN3cYd6HfJ1gPa5EuQ0o")
}

/// Whether a text has a part of the token that names it.
fn gives_away(text: &str) -> bool {
    token().as_bytes()[4..].windows(6).any(|part| text.as_bytes().windows(6).any(|found| found == part))
}

#[test]
fn values_of_one_job_are_not_those_of_another() {
    let lab = Lab::new();
    lab.ok(&["run", "--on", "job shady ok", "--", "sh", "-c", "echo ${SHADE-none} > ruled.new; mv ruled.new ruled"]);
    let notify = "echo ${SHADE-none} $STATE_STATUS > noted.new; mv noted.new noted";
    let options = ["--label", "shady", "--env", "SHADE=purple", "--notify", notify];
    sh(&lab, &options, "test $SHADE = purple");
    // Nobody comes by, so that its supervisor starts what follows.
    lab.see("ruled");
    lab.see("noted");
    assert_eq!((lab.text("ruled"), lab.text("noted")), ("none\n".into(), "none ok\n".into()));
}

#[test]
fn values_are_there_for_cleanup_and_poll() {
    let lab = Lab::new();
    let value = ["--env", "SHADE=purple"];
    let options = [&value[..], &["--timeout", "100ms", "--cleanup", "echo $SHADE > cleaned"]].concat();
    assert_eq!(outcome(&lab, &run(&lab, &options, &["sleep", "1000"])), "timeout");
    assert_eq!(lab.text("cleaned"), "purple\n");
    let options = [&["run", "--external", "--poll", "test \"$SHADE\" = purple", "--every", "1s"], &value[..]].concat();
    assert_eq!(outcome(&lab, &word(&lab.json(&options)["job"], "id")), "ok");
}

#[test]
fn a_secret_that_is_cut_off_is_masked_before() {
    let lab = Lab::new();
    let token = token();
    // Across the ends of the tag, of the title, of a line that is told, and of the command that is kept.
    for before in [55, 70, 160, 180, 190, 280, 1990] {
        let filler = "a".repeat(before);
        let id = run(&lab, &["--match", "aaa"], &["echo", &filler, &token]);
        assert_eq!(outcome(&lab, &id), "ok");
        assert!(shown(&lab, &id)["matched"].to_string().contains("aaa"));
        lab.ok(&["run", "--on", "job never ok", "--", "echo", &filler, &token]);
    }
    run(&lab, &["--label", &format!("deploy {token}")], &["true"]);
    let said = lab.ok(&["export"]);
    assert!(said.contains("[secret"), "nothing was masked: {said:.500}");
    let lines = said.lines().filter(|line| gives_away(line)).collect::<Vec<_>>();
    assert_eq!(lines, [] as [&str; 0]);
}

#[test]
fn jobs_with_a_secret_in_the_command_are_still_alike() {
    let lab = Lab::new();
    let script = format!("echo {} {} >> said; test ! -e wait || sleep 1000", "a".repeat(40), token());
    for _ in 0..3 {
        assert_eq!(outcome(&lab, &sh(&lab, &[], &script)), "ok");
    }
    lab.write("wait", "");
    let id = sh(&lab, &[], &script);
    super::running(&lab, &id);
    assert!(!shown(&lab, &id)["usual"].is_null());
    let lines: Vec<Value> = lab.ok(&["export"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tags = |line: &Value| {
        line["change"]["put"]["set"].as_object().is_some_and(|set| set.keys().any(|key| key.contains("tag/job:")))
    };
    assert_eq!(lines.iter().filter(|line| tags(line)).count(), 4);
}

#[test]
fn a_very_long_command_is_kept_whole_beside_the_ledger() {
    let lab = Lab::new();
    let long = "word ".repeat(20_000);
    let id = run(&lab, &[], &["sh", "-c", "printf %s \"$1\" | wc -c > length", "sh", &long]);
    assert_eq!(outcome(&lab, &id), "ok");
    assert!(word(&shown(&lab, &id), "command").len() < 2100);
    assert!(lab.ok(&["export"]).len() < 20_000);
    std::fs::remove_file(lab.dir().join("length")).unwrap();
    let again = lab.json(&["run", "--again", &id]);
    assert_eq!(outcome(&lab, &word(&again["job"], "id")), "ok");
    assert_eq!(lab.text("length").trim(), "100000");
    lab.ok(&["run", "--on", "job never ok", "--", "echo", &long]);
    assert!(lab.ok(&["export"]).len() < 30_000);
}
