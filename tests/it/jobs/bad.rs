//! What cannot be done is refused in plain words, and leaves nothing behind.

use super::{Lab, end, outcome, run, running, sh, word};
use crate::support::transcript;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[test]
fn what_cannot_be_run_is_refused_and_leaves_nothing() {
    let lab = Lab::new();
    let table: [(&[&str], &str); 30] = [
        (&["run"], "no command to run"),
        (&["run", "--"], "no command to run"),
        (&["run", "--", ""], "no command to run"),
        (&["run", "--timeout", "soon", "--", "true"], "not a duration: `soon`"),
        (&["run", "--timeout", "0s", "--", "true"], "a limit of no time"),
        (&["run", "--idle-timeout", "-5s", "--", "true"], "-5"),
        (&["run", "--timeout", "99999999999999999999", "--", "true"], "not a duration"),
        (&["run", "--backoff", "fast", "--", "true"], "not a duration: `fast`"),
        (&["run", "--group", "db", "--slots", "0", "--", "true"], "0 slots"),
        (&["run", "--group", "../db", "--", "true"], "not a group's name"),
        (&["run", "--slots", "2", "--", "true"], "--group"),
        (&["run", "--retry", "1000", "--", "true"], "1000 retries are too many"),
        (&["run", "--max-output", "1", "--", "true"], "keep at least 4 KB"),
        (&["run", "--max-output", "lots", "--", "true"], "not a size: `lots`"),
        (&["run", "--match", "(", "--", "true"], "not a pattern: `(`: unclosed group"),
        (&["run", "--env", "NAKED", "--", "true"], "a variable without a value"),
        (&["run", "--env", "=x", "--", "true"], "a variable without a value"),
        (&["run", "--env", "STATE_STORE=/x", "--", "true"], "STATE_STORE is not to be set"),
        (&["run", "--env", "TWO WORDS=x", "--", "true"], "not the name of a variable: `TWO WORDS`"),
        (&["run", "--env", "1ST=x", "--", "true"], "not the name of a variable: `1ST`"),
        (&["run", "--external", "--poll", "true", "--every", "1ms"], "every 1 ms is too often"),
        (&["run", "--external", "--", "true"], "--external"),
        (&["run", "--poll", "true"], "--external"),
        (&["run", "--external", "--poll", "true", "--every", "0s"], "polling without a pause"),
        (&["run", "--service", "--timeout", "3s", "--", "true"], "a service never ends"),
        (&["run", "--cwd", "nowhere", "--", "true"], "nowhere is no directory"),
        (&["run", "--cwd", "dir/file", "--", "true"], "file is no directory"),
        (&["run", "--stdin", "absent", "--", "true"], "absent is no file to read"),
        (&["run", "--stdin", "dir", "--", "true"], "dir is no file to read"),
        (&["wait"], "<ID>"),
    ];
    lab.within("dir").write("file", "");
    for (args, said) in table {
        let message = lab.fails(2, args);
        assert!(message.contains(said), "state {args:?}: {message}");
    }
    for (args, said) in [
        (["run", "--after", "j-zzzzz", "--", "true"].as_slice(), "no record 'j-zzzzz'"),
        (&["run", "--for", "t-zzzzz", "--", "true"], "no record 't-zzzzz'"),
        (&["wait", "j-zzzzz"], "no record 'j-zzzzz'"),
        (&["drop", "j-zzzzz"], "no record 'j-zzzzz'"),
        (&["show", "-f", "j-zzzzz"], "no record 'j-zzzzz'"),
        (&["done", "j-zzzzz", "--exit", "0"], "no record 'j-zzzzz'"),
    ] {
        let message = lab.fails(1, args);
        assert!(message.contains(said), "state {args:?}: {message}");
    }
    assert_eq!(lab.json(&["list", "jobs", "--all"])["total"], 0);
    let left = std::fs::read_dir(lab.store().join("jobs")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "a refused job left a directory");
}

#[test]
fn what_is_no_job_is_not_waited_for_and_jobs_end_as_jobs() {
    let lab = Lab::new();
    let task = lab.add("task", "Not a job");
    let job = run(&lab, &[], &["true"]);
    assert!(lab.fails(2, &["wait", &task]).contains("is a task, no job"));
    assert!(lab.fails(2, &["run", "--after", &task, "--", "true"]).contains("is a task, no job"));
    assert!(lab.fails(2, &["drop", &task, &job]).contains("do not end together"));
    assert_eq!(outcome(&lab, &job), "ok");
}

#[test]
fn what_could_never_start_is_refused_at_once() {
    let lab = Lab::new();
    let failed = run(&lab, &["--label", "lint"], &["false"]);
    assert_eq!(outcome(&lab, &failed), "failed");
    let dropped = run(&lab, &[], &["sleep", "300"]);
    running(&lab, &dropped);
    lab.ok(&["drop", &dropped, "-m", "no longer needed"]);
    let message = lab.fails(1, &["run", "--after", &failed, "--", "true"]);
    assert!(message.contains(&format!("{failed} ended failed")) && message.contains(":any"), "{message}");
    let message = lab.fails(1, &["run", "--after", &dropped, "--", "true"]);
    assert!(message.contains(&format!("{dropped} ended killed")), "{message}");
    for want in ["fail", "any"] {
        assert_eq!(outcome(&lab, &run(&lab, &["--after", &format!("{failed}:{want}")], &["true"])), "ok");
    }
}

#[test]
fn killing_what_is_over_says_how_it_ended() {
    let lab = Lab::new();
    let ok = run(&lab, &[], &["true"]);
    let failed = sh(&lab, &[], "exit 7");
    let missing = run(&lab, &[], &["no-such-command"]);
    for (id, how) in
        [(&ok, "ok"), (&failed, "failed with exit code 7"), (&missing, "missing: no-such-command: no such command")]
    {
        end(&lab, id);
        let message = lab.fails(1, &["drop", id]);
        assert!(message.contains(&format!("{id} is over: {how}")), "{message}");
    }
    let one = run(&lab, &[], &["sleep", "300"]);
    running(&lab, &one);
    let killers: Vec<_> = (0..2).map(|_| lab.spawn(&["drop", &one])).collect();
    let outputs: Vec<_> = killers.into_iter().map(|killer| killer.wait_with_output().unwrap()).collect();
    for output in &outputs {
        let said = transcript(output);
        assert!(said.contains("killed") && !said.contains("panic"), "both are told: {said}");
    }
    assert!(outputs.iter().any(|output| output.status.success()));
    assert_eq!(word(&end(&lab, &one), "status"), "killed");
}

#[test]
fn odd_arguments_are_passed_on_or_refused_in_words() {
    let lab = Lab::new();
    let junk = lab.command(&["run", "--", "echo"]).arg(OsStr::from_bytes(b"a\xff\xfeb")).output().unwrap();
    assert_eq!(junk.status.code(), Some(2), "{}", transcript(&junk));
    assert!(transcript(&junk).contains("must be UTF-8"), "{}", transcript(&junk));
    let word = "x".repeat(100_000);
    let long = run(&lab, &[], &["printf", "%s", &word]);
    assert_eq!(end(&lab, &long)["bytes"], 100_000);
    assert!(lab.ok(&["list", "jobs"]).len() < 2_000, "one long word floods the list");
    assert!(lab.ok(&["resume"]).len() < 8_000);
    // More than the system passes on in one argument can come only through other doors.
    let count = run(&lab, &[], &[&["sh", "-c", "echo $#", "sh"], [word.as_str(); 15].as_slice()].concat());
    assert_eq!(end(&lab, &count)["bytes"], 3);
    for odd in ["-n", "--", "a b", "$(touch pwned)", "`touch pwned`", "'", "é", "line\nbreak", "\x1b[31m"] {
        let id = run(&lab, &[], &["printf", "%s", odd]);
        assert_eq!(end(&lab, &id)["bytes"].as_u64(), Some(odd.len() as u64), "{odd:?}");
    }
    assert!(!lab.dir().join("pwned").exists());
    assert!(!lab.ok(&["list", "jobs", "--all"]).contains('\x1b'));
}
