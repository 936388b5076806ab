//! What a job prints: kept to its beginning and its end, shown without secrets and without what a terminal would obey.

use super::{Lab, dir, end, outcome, run, sh, shown, word};
use crate::readonly::ReadOnly;
use crate::support::transcript;
use serde_json::Value;
use std::io::{BufRead, BufReader};

fn kept(lab: &Lab, id: &str) -> u64 {
    let files = std::fs::read_dir(dir(lab, id).join("output")).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn of_a_gigabyte_the_beginning_and_the_end_are_kept_and_the_cut_is_said() {
    let lab = Lab::new();
    let id = sh(
        &lab,
        &["--max-output", "1MB"],
        "echo the beginning; head -c 1000000000 /dev/zero | tr '\\0' 'x'; echo; echo the end",
    );
    let report = end(&lab, &id);
    assert_eq!((word(&report, "status"), report["bytes"].as_u64()), ("ok".into(), Some(1_000_000_023)));
    let bytes = kept(&lab, &id);
    assert!((500_000..1_300_000).contains(&bytes), "{bytes} bytes are kept");
    assert!(shown(&lab, &id)["tail"].to_string().contains("the end"));
    assert!(lab.ok(&["show", &id]).contains("are not kept"), "the cut is said");
    let all = lab.ok(&["show", &id, "-f"]);
    assert!(all.starts_with("the beginning\n") && all.ends_with("\nthe end\n"), "{:.60}", all);
    assert!(all.contains(" bytes are not kept]") && all.len() < 1_500_000);
}

#[test]
fn lines_without_an_end_and_bytes_that_are_no_text_are_shown() {
    let lab = Lab::new();
    let open = sh(&lab, &[], "printf 'one\\ntwo'");
    let report = end(&lab, &open);
    assert_eq!(shown(&lab, &open)["tail"].to_string(), r#"["one","two"]"#, "{report}");
    assert!(lab.ok(&["show", &open, "-f"]).starts_with("one\ntwo"));
    let binary = sh(&lab, &[], "printf '\\377\\000\\033[2Jcleared\\007\\nplain\\n'");
    assert_eq!(outcome(&lab, &binary), "ok");
    for args in [["show", &*binary].as_slice(), &["show", &binary, "-f"]] {
        let output = lab.run(args, b"");
        let text = String::from_utf8(output.stdout.clone()).expect("text");
        assert!(text.contains("cleared") && text.contains("plain"), "{}", transcript(&output));
        assert!(!text.contains('\x1b') && !text.contains('\0') && !text.contains('\x07'), "{text:?}");
    }
    let raw = std::fs::read(dir(&lab, &binary).join("output").join(format!("{:020}", 0))).unwrap();
    assert_eq!(raw, b"\xff\x00\x1b[2Jcleared\x07\nplain\n", "kept as it came");
}

#[test]
fn one_that_follows_from_elsewhere_sees_it_come() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let id = sh(&lab, &[], "echo first; read x < go; echo second >&2; printf third");
    let mut follower = lab.session("other").spawn(&["show", "-f", &id]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "first", "while it runs");
    go.open();
    assert_eq!(lines.next().unwrap().unwrap(), "second");
    assert_eq!(lines.next().unwrap().unwrap(), "third");
    assert!(lines.next().is_none() && follower.wait().unwrap().success());
}

#[test]
fn one_that_follows_into_a_closed_pipe_ends() {
    let lab = Lab::new();
    let id = sh(&lab, &[], "yes | head -n 100000; sleep 300");
    let mut follower = lab.spawn(&["show", "-f", &id]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "y");
    drop(lines);
    follower.wait().unwrap();
    lab.ok(&["drop", &id]);
}

/// A key as tools print it, a line at a time.
const SLOW_KEY: &str = "
echo '-----BEGIN RSA PRIVATE KEY-----'
for line in 1 2 3 4 5 6 7 8; do echo 'MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MbMDEuZ2vLa/6Xrx'; read x < go$line; done
echo '-----END RSA PRIVATE KEY-----'
echo token=ghp_abcdefghijklmnopqrstuvwxyz0123456789
echo the end";

#[test]
fn secrets_are_masked_in_all_that_is_shown_also_if_they_come_in_pieces() {
    let lab = Lab::new();
    let doors: Vec<_> = (1..=8).map(|line| lab.fifo(&format!("go{line}"))).collect();
    lab.write("script", SLOW_KEY);
    let id = run(&lab, &[], &["sh", "script"]);
    let follower = lab.spawn(&["show", "-f", &id]);
    for (at, door) in doors.iter().enumerate() {
        if at == 4 {
            let part = lab.ok(&["show", &id]);
            assert!(!part.contains("MIIEpAI"), "the tail of a key: {part}");
        }
        door.open();
    }
    assert_eq!(outcome(&lab, &id), "ok");
    let followed = follower.wait_with_output().unwrap();
    let followed = String::from_utf8(followed.stdout).unwrap();
    for text in [followed, lab.ok(&["show", &id]), lab.ok(&["show", &id, "--json"]), lab.ok(&["show", &id, "-f"])] {
        assert!(!text.contains("MIIEpAI") && !text.contains("ghp_abc") && text.contains("the end"), "{text}");
        assert!(text.contains("[secret: private-key]") && text.contains("[secret: github-token]"), "{text}");
    }
}

#[test]
fn a_full_disk_costs_output_and_not_the_job() {
    let Some(mount) = ReadOnly::find() else {
        eprintln!("skipped: no mount namespaces here");
        return;
    };
    let lab = Lab::new();
    // The store is on a small disk of its own; what the job makes is not.
    let script = format!(
        "S='{}'; $S init >/dev/null || exit 90
         id=$($S run -- sh -c 'echo the beginning; head -c 3000000 /dev/zero | tr \"\\0\" x; echo; touch ../ran; exit 4' | cut -d. -f1 | cut -d' ' -f1)
         $S wait $id --timeout 200s; $S show $id; cat .state/jobs/$id/exit.json; echo over",
        env!("CARGO_BIN_EXE_state")
    );
    let script = format!("mount -t tmpfs -o size=2500k tmpfs . && cd \"$PWD\" && {script}");
    let output = mount.script(&lab, &script);
    let text = transcript(&output);
    assert!(text.contains("output lost from byte ") && text.contains("no space left on device"), "{text}");
    assert!(text.contains("exit 4") && text.contains("over") && lab.root().join("ran").exists(), "{text}");
    assert!(text.contains("\"bytes\":3000015"), "what is not kept is counted: {text}");
}

#[test]
fn times_of_output_are_kept_and_readable() {
    let lab = Lab::new();
    let id = run(&lab, &[], &["echo", "hello"]);
    outcome(&lab, &id);
    let times = std::fs::read_to_string(dir(&lab, &id).join("output/times")).unwrap();
    let (ms, offset) = times.trim().split_once(' ').unwrap();
    assert!(ms.parse::<u64>().unwrap() > 1_700_000_000_000 && offset == "0", "{times}");
    let path: Value = lab.json(&["show", &id, "--path"]);
    assert_eq!(word(&path, "path"), dir(&lab, &id).display().to_string());
}
