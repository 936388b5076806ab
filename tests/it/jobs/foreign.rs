//! Jobs of other machines that came by an import, whatever they are called: nothing here is theirs.

use super::{Fifo, Lab, dir, kill_supervisor, outcome, run, running, sh, shown, word};
use serde_json::{Value, json};

/// A long time ago, so that the record has the id that another was born with later.
const LONG_AGO: u64 = 1_600_000_000_000;

/// The creation of a record on another machine, the `seq`th there.
fn made(seq: u64, at: u64, id: &str, set: &Value) -> Value {
    let kind = match id.split('-').next() {
        Some("t") => "task",
        Some("a") => "artifact",
        _ => "job",
    };
    let uid = format!("0190000000007000800{seq:013x}");
    json!({
        "stamp": {"hlc": at << 16, "replica": "0000000000000abc"}, "seq": seq, "at": at, "commit": seq,
        "session": "01900000000070008000000000ffffff", "actor": "elsewhere", "touches": [uid],
        "change": {"put": {"uid": uid, "create": {"kind": kind, "id": id}, "set": set}},
    })
}

fn job(status: &str) -> Value {
    json!({"title": "far away", "command": "far away", "status": status})
}

/// The file of an import.
fn came(lab: &Lab, events: &[Value]) -> String {
    let export = lab.ok(&["export"]);
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let text = format!("{}\n{}\n", export.lines().next().unwrap(), lines.join("\n"));
    lab.write("came.jsonl", text).to_str().unwrap().to_owned()
}

/// A job that runs until the FIFO is opened.
fn started(lab: &Lab) -> (String, Fifo) {
    let go = lab.fifo("go");
    let id = sh(lab, &["--result", "made.txt"], "echo made here > made.txt; read x < go; echo went");
    running(lab, &id);
    (id, go)
}

/// The job of this machine beside the one that took its short id.
fn renamed(lab: &Lab, id: &str) -> String {
    let report = lab.json(&["list", "jobs", "--all"]);
    let all: Vec<String> = report["jobs"].as_array().unwrap().iter().map(|job| word(job, "id")).collect();
    assert!(all.len() == 2 && all.contains(&id.to_owned()), "{all:?}");
    all.into_iter().find(|other| other != id).unwrap()
}

#[test]
fn what_is_no_id_is_not_imported() {
    let lab = Lab::new();
    let (mine, go) = started(&lab);
    for id in [".", "..", "j-", "j-..", "j-ABCDE", "jobs", "j_12345", "j-1234567890abcdef"] {
        let file = came(&lab, &[made(1, LONG_AGO, id, &job("running"))]);
        assert!(lab.fails(2, &["import", "--strict", &file]).contains("not a word"), "{id}");
    }
    lab.ok(&["list", "jobs"]);
    for name in ["lock", "exit.json"] {
        assert!(!lab.store().join("jobs").join(name).exists(), "{name}");
    }
    go.open();
    assert_eq!(outcome(&lab, &mine), "ok");
}

#[test]
fn a_job_keeps_its_directory_when_another_has_its_id() {
    let lab = Lab::new();
    let (id, go) = started(&lab);
    lab.ok(&["import", &came(&lab, &[made(1, LONG_AGO, &id, &job("running"))])]);
    let mine = renamed(&lab, &id);
    let (own, foreign) = (shown(&lab, &mine), shown(&lab, &id));
    assert_eq!((word(&own, "status"), own["pid"].is_number()), ("running".into(), true), "{own}");
    assert_eq!((word(&foreign, "status"), foreign["pid"].is_null()), ("running".into(), true), "{foreign}");
    for args in [["drop", &id], ["wait", &id]] {
        let said = lab.fails(1, &args);
        assert!(said.contains("runs on another machine") && !said.contains("same command again"), "{said}");
    }
    let said = lab.fails(1, &["run", "--after", &id, "--", "true"]);
    assert!(said.contains("runs on another machine"), "{said}");
    let next = run(&lab, &["--after", &mine], &["true"]);
    go.open();
    let report = super::end(&lab, &mine);
    assert_eq!((word(&report, "status"), &report["tail"]), ("ok".into(), &json!(["went"])), "{report}");
    assert_eq!(report["results"][0]["bytes"], 10);
    assert_eq!(outcome(&lab, &next), "ok");
    assert_eq!(word(&shown(&lab, &id), "status"), "running");
    let found = lab.json(&["doctor"])["checks"].to_string();
    assert!(!found.contains("nobody looks after") && !found.contains("no record knows"), "{found}");
}

#[test]
fn erasing_a_foreign_job_removes_nothing_of_ours() {
    let lab = Lab::new();
    let id = sh(&lab, &[], "echo mine");
    assert_eq!(outcome(&lab, &id), "ok");
    lab.ok(&["import", &came(&lab, &[made(1, LONG_AGO, &id, &job("ok"))])]);
    let mine = renamed(&lab, &id);
    lab.ok(&["erase", &id, "--confirm", &id]);
    assert!(dir(&lab, &id).is_dir(), "the directory that the other was born with");
    assert_eq!(shown(&lab, &mine)["tail"], json!(["mine"]));
    lab.ok(&["erase", &mine, "--confirm", &mine]);
    assert!(!dir(&lab, &id).exists());
}

#[test]
fn many_foreign_jobs_do_not_hide_ours() {
    let lab = Lab::new();
    let (mine, _go) = started(&lab);
    kill_supervisor(&lab, &mine);
    let now =
        lab.ok(&["export"]).lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["at"].as_u64()).max();
    let foreign = |n: u64| made(n, now.unwrap() + n, &format!("j-z{n:04}"), &job("running"));
    let events: Vec<Value> = (1..=600).map(foreign).collect();
    lab.ok(&["import", &came(&lab, &events)]);
    lab.ok(&["list", "tasks"]);
    let running = lab.json(&["list", "jobs", "--limit", "1000"]).to_string();
    assert!(running.contains("j-z0600"), "{running:.200}");
    assert_eq!(word(&lab.json(&["show", &mine])["records"][0], "status"), "lost");
}

#[test]
fn an_artifact_of_elsewhere_names_no_file_of_here() {
    let lab = Lab::new();
    let id = sh(&lab, &["--result", "made.txt"], "echo made here > made.txt");
    assert_eq!(outcome(&lab, &id), "ok");
    let kept = shown(&lab, &id)["results"][0]["kept"].as_str().unwrap().to_owned();
    let set = json!({"title": "far away", "kept": format!("jobs/{id}/{kept}")});
    lab.ok(&["import", &came(&lab, &[made(1, LONG_AGO, "a-zzzzz", &set)])]);
    lab.ok(&["erase", "a-zzzzz", "--confirm", "a-zzzzz"]);
    assert_eq!(std::fs::read_to_string(dir(&lab, &id).join(&kept)).unwrap(), "made here\n");
    let listed = lab.json(&["list", "artifacts"])["records"].as_array().unwrap().clone();
    let mine = word(listed.iter().find(|artifact| artifact["title"] == "made.txt").unwrap(), "id");
    lab.ok(&["erase", &mine, "--confirm", &mine]);
    assert!(!dir(&lab, &id).join(&kept).exists());
}
