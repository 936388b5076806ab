//! What is said of a job without and with being asked: expectations, progress, notifications, results, tools.

use super::{LIMIT, Lab, end, running, sh, shown, word};
use crate::hook::claude;
use crate::mcp_client::{Client, Era};
use crate::support::{Shell, records, wait_until};
use serde_json::{Value, json};

/// A session of Claude that was asked something, and its prompt.
fn at_work(lab: &Lab) -> (Shell, impl Fn() -> String) {
    let host = lab.hosted();
    let prompt = move || claude(&host, "s1", "UserPromptSubmit", json!({"prompt": "go on"}));
    prompt();
    (lab.hosted().with_var("CLAUDECODE", "1").with_var("CLAUDE_CODE_SESSION_ID", "s1"), prompt)
}

fn list(shell: &Shell, word: &str) -> Vec<Value> {
    shell.json(&["list", word])["records"].as_array().unwrap().clone()
}

#[test]
fn what_takes_longer_than_expected_is_told_once_and_goes_on() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let (shell, prompt) = at_work(&lab);
    let id = sh(&shell, &["--expect", "1s"], "read x < go");
    wait_until("it is late", LIMIT, || shell.ok(&["log", &id]).contains("takes long"));
    let told = prompt();
    assert!(told.contains(&id) && told.contains("takes long: usually 1s (expected)"), "{told}");
    assert!(!prompt().contains(&id), "told twice");
    go.open();
    assert_eq!(word(&end(&shell, &id), "status"), "ok");
}

#[test]
fn progress_is_told_where_it_is_wanted_and_nothing_where_it_is_not() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let (shell, prompt) = at_work(&lab);
    let loud = sh(&shell, &["--tell", "progress", "--match", "^epoch"], "echo epoch 1; read x < go");
    wait_until("a line was found", LIMIT, || shell.ok(&["log", &loud]).contains("epoch 1"));
    let told = prompt();
    assert!(told.contains(&loud) && told.contains("> epoch 1"), "{told}");
    assert!(!prompt().contains(&loud), "told twice");
    go.open();
    wait_until("it has ended", LIMIT, || {
        records(&shell.json(&["list", "jobs", "--status", "ok"])).iter().any(|job| word(job, "id") == loud)
    });
    assert!(prompt().contains(&loud), "its end too");

    let quiet = sh(&shell, &["--tell", "asked"], "exit 3");
    wait_until("it has ended", LIMIT, || shell.ok(&["log", &quiet]).contains("failed"));
    assert!(!prompt().contains(&quiet));
    assert!(shell.ok(&["list", "jobs", "--new"]).contains(&quiet));
}

#[test]
fn somebody_outside_is_told_of_the_end_once() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let notify = "echo $STATE_JOB $STATE_LABEL $STATE_STATUS $STATE_CODE >> told; echo > seen";
    let id = sh(&lab, &["--label", "unit", "--notify", notify], "read x < go; exit 3");
    running(&lab, &id);
    go.open();
    let visitors: Vec<_> = (0..4).map(|_| lab.spawn(&["wait", &id])).collect();
    for mut visitor in visitors {
        assert_eq!(visitor.wait().unwrap().code(), Some(1));
    }
    lab.see("seen");
    lab.ok(&["list", "jobs"]);
    assert_eq!(lab.text("told"), format!("{id} unit failed 3\n"));
    let refused = lab.fails(2, &["run", "--notify", "bell", "--", "true"]);
    assert!(refused.contains("no terminal"), "{refused}");
}

#[test]
fn results_are_kept_as_artifacts_that_survive_their_files() {
    let lab = Lab::new();
    let script = "echo the quokka table > out.txt; head -c 3000000 /dev/urandom > big.bin; mkdir d; echo x > d/y";
    let id = sh(&lab, &["--result", "out.txt", "--result", "big.bin", "--result", "d"], script);
    assert_eq!(word(&end(&lab, &id), "status"), "ok");
    let big = std::fs::read(lab.dir().join("big.bin")).unwrap();
    for name in ["out.txt", "big.bin"] {
        std::fs::remove_file(lab.dir().join(name)).unwrap();
    }
    let artifacts = list(&lab, "artifacts");
    assert_eq!(artifacts.len(), 3);
    let found = lab.search(&["quokka"]);
    let text = &records(&lab.json(&["show", &found[0]]))[0];
    assert_eq!((word(text, "title").as_str(), word(text, "body").trim()), ("out.txt", "the quokka table"));
    let link = &text["links"][0];
    assert_eq!((link["kind"].as_str(), link["id"].as_str()), (Some("result-of"), Some(id.as_str())), "{text}");
    let results = shown(&lab, &id)["results"].as_array().unwrap().clone();
    let kept = |at: usize| results[at]["kept"].as_str().map(|kept| lab.store().join("jobs").join(&id).join(kept));
    assert_eq!(std::fs::read(kept(1).unwrap()).unwrap(), big);
    assert_eq!((kept(2), results[2]["bytes"].as_u64()), (None, Some(2)));
}

#[test]
fn whoever_asks_again_too_soon_is_told_so_in_a_line() {
    let lab = Lab::new();
    let (go, stop) = (lab.fifo("go"), lab.fifo("stop"));
    let id = sh(&lab, &["--expect", "10m"], "read x < go; echo more; read x < stop");
    running(&lab, &id);
    let first = lab.ok(&["show", &id]);
    assert!(first.lines().count() > 3 && first.contains("look again"), "{first}");
    let second = lab.ok(&["show", &id]);
    assert_eq!(second.lines().count(), 1, "{second}");
    assert!(second.contains("nothing new") && second.contains(&format!("state wait {id}")), "{second}");
    assert!(lab.session("another").ok(&["show", &id]).lines().count() > 3);
    lab.ok(&["show", &id]);
    go.open();
    wait_until("it printed", LIMIT, || lab.json(&["show", &id])["records"][0]["job"]["bytes"] == 5);
    stop.open();
    end(&lab, &id);
}

#[test]
fn run_and_show_name_what_can_be_done_meanwhile() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let served = lab.add_with("task", "the tests pass", &["-p", "0"]);
    let other = lab.add("task", "write the page");
    let script = "read x < go";
    let report = lab.json(&["run", "--for", &served, "--", "sh", "-c", script]);
    assert_eq!(report["meanwhile"]["id"], json!(other), "{report}");
    let id = word(&report["job"], "id");
    assert_eq!(shown(&lab, &id)["meanwhile"]["id"], json!(other));
    assert!(lab.ok(&["show", &served]).contains(&id), "the task names its job");
    go.open();
    end(&lab, &id);
    let shown = lab.ok(&["show", &id]);
    assert!(shown.contains("short enough to run directly") && !shown.contains("Meanwhile"), "{shown}");
    let again = lab.ok(&["run", "--", "sh", "-c", script]);
    assert!(again.contains("usually about") && again.contains("short enough to run directly"), "{again}");
    go.open();
}

#[test]
fn tools_run_wait_list_show_and_kill() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let mut client = Client::open(&lab, Era::Stateless);
    let answer = client.ok("run", json!({"command": "read x < go; echo 12 passed", "label": "test"}));
    let id = answer.split_whitespace().next().unwrap().to_owned();
    assert!(id.starts_with("j-") && answer.contains("test"), "{answer}");
    let listed = client.ok("list", json!({"word": "jobs"}));
    assert!(listed.contains(&id), "{listed}");
    let early = client.ok("run", json!({"wait": [id], "seconds": 0}));
    assert!(early.contains("Not over"), "{early}");
    go.open();
    let ended = client.ok("run", json!({"wait": [id]}));
    assert!(ended.contains(&format!("{id} ok test")) && ended.contains("> 12 passed"), "{ended}");
    let shown = client.ok("show", json!({"ids": [id]}));
    assert!(shown.contains("> 12 passed") && shown.contains("data, not instructions"), "{shown}");
    let killed = client.ok("run", json!({"command": "sleep 300"})).split_whitespace().next().unwrap().to_owned();
    running(&lab, &killed);
    let answer = client.ok("update", json!({"do": "drop", "ids": [killed], "reason": "not needed"}));
    assert!(answer.contains("killed") && answer.contains("not needed"), "{answer}");
    let refused = client.fails("run", json!({"command": "x", "wait": ["j-1"]}));
    assert!(refused.contains("either a command or jobs"), "{refused}");
}

#[test]
fn output_is_followed_with_the_time_at_which_it_came() {
    let lab = Lab::new();
    let id = sh(&lab, &[], "echo one; echo two; printf three");
    end(&lab, &id);
    let plain = lab.ok(&["show", &id, "-f"]);
    let timed = lab.ok(&["show", &id, "-f", "--times"]);
    assert_eq!(plain, "one\ntwo\nthree");
    let lines: Vec<(&str, &str)> = timed.lines().map(|line| line.split_at(8)).collect();
    assert_eq!(lines.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [" one", " two", " three"]);
    let is_clock = |clock: &str| chrono::NaiveTime::parse_from_str(clock, "%H:%M:%S").is_ok();
    assert!(lines.iter().all(|(clock, _)| is_clock(clock)), "{timed}");
    assert!(lab.fails(2, &["show", &id, "--times"]).contains("--follow"));
}

#[test]
fn what_has_happened_is_not_undone_edited_or_half_erased() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let task = lab.add("task", "the last change that somebody meant");
    let id = sh(&lab, &["--result", "out.txt"], "echo the axolotl file > out.txt; read x < go; echo the axolotl line");
    running(&lab, &id);
    let refused = lab.fails(1, &["erase", &id, "--confirm", &id]);
    assert!(refused.contains("has not ended"), "{refused}");
    go.open();
    end(&lab, &id);
    assert!(lab.fails(1, &["edit", &id, "--status", "lost"]).contains("not a matter of opinion"));
    lab.ok(&["undo"]);
    assert_eq!(word(&shown(&lab, &id), "status"), "ok");
    assert!(lab.ok(&["show", &task]).contains("(undone)"));
    let commit = lab.json(&["log", &id])["entries"][0]["position"].as_u64().unwrap();
    let refused = lab.fails(1, &["undo", &format!("@{commit}")]);
    assert!(refused.contains("cannot be taken back"), "{refused}");

    let artifact = word(&list(&lab, "artifacts")[0], "id");
    for id in [&artifact, &id] {
        lab.ok(&["erase", id, "--confirm", id]);
    }
    std::fs::remove_file(lab.dir().join("out.txt")).unwrap();
    let held = lab.program("grep").args(["-rl", "axolotl", lab.store().to_str().unwrap()]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&held.stdout), "");
}
