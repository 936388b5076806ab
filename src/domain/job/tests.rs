//! The files of jobs as they are read and written, and what ends mean for those who wait.

use super::measure::{coarse_span, parse_size, parse_span, print_size, print_span};
use super::*;
use proptest::prelude::*;

fn job() -> Spec {
    Spec { version: VERSION, id: "j-4kq2m".into(), command: vec!["make".into()], cwd: "/".into(), ..Spec::default() }
}

#[test]
fn lengths_of_time() {
    let table = [
        ("10m", 600_000),
        ("2s", 2000),
        ("1h30m", 5_400_000),
        (" 1h 30m ", 5_400_000),
        ("250ms", 250),
        ("90", 90_000),
        ("2 weeks", 1_209_600_000),
        ("0s", 0),
    ];
    for (text, ms) in table {
        assert_eq!(parse_span(text).unwrap(), Duration::from_millis(ms), "{text}");
    }
    for text in ["", "m", "10", "h1", "10x", "-5s", "1.5h", "10m!", "99999999999999999999s", "5300w", "1é"] {
        assert!(text == "10" || parse_span(text).is_err(), "{text}");
    }
    let printed = |ms| (print_span(Duration::from_millis(ms)), coarse_span(Duration::from_millis(ms)));
    assert_eq!(printed(0), ("0s".into(), "0s".into()));
    assert_eq!(printed(1449), ("1s449ms".into(), "1.4s".into()));
    assert_eq!(printed(250_499), ("4m10s499ms".into(), "4m10s".into()));
    assert_eq!(printed(59_900), ("59s900ms".into(), "1m".into()));
    assert_eq!(printed(93_600_000), ("1d2h".into(), "1d2h".into()));
}

#[test]
fn amounts_of_bytes() {
    for (text, bytes) in [("64MB", 64 << 20), ("512k", 512 << 10), ("1 GiB", 1 << 30), ("17", 17), ("3b", 3)] {
        assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
    }
    for text in ["", "MB", "64XB", "-1", "1.5MB", "64MB x", "99999999999TB"] {
        assert!(parse_size(text).is_err(), "{text}");
    }
    let printed = [17, 64 << 20, 1_503_238_553, 1023].map(print_size);
    assert_eq!(printed, ["17 bytes", "64 MB", "1.3 GB", "1023 bytes"]);
}

#[test]
fn a_spec_that_cannot_be_done_is_refused() {
    const NUL: &str = "no command, name or path can hold a NUL byte";
    let slots = |group: &str, count| Some(Slots { group: group.into(), count });
    let table: [(Spec, &str); 17] = [
        (Spec { notify: Some("a\0b".into()), ..job() }, NUL),
        (Spec { results: vec!["ok".into(), "a\0b".into()], ..job() }, NUL),
        (Spec { stdin: Some("a\0b".into()), ..job() }, NUL),
        (Spec { cwd: "a\0b".into(), ..job() }, NUL),
        (Spec { env: vec!["a\0b".into()], ..job() }, NUL),
        (Spec { command: vec!["echo".into(), "a\0b".into()], ..job() }, NUL),
        (Spec { command: vec!["x".repeat(10 << 20)], ..job() }, "a command of 10 MB: at most 2 MB can be kept"),
        (Spec { command: vec![], ..job() }, "no command to run"),
        (Spec { command: vec!["  ".into()], ..job() }, "no command to run"),
        (Spec { external: Some(External::default()), ..job() }, "an external job has no command here"),
        (Spec { service: true, timeout_ms: Some(1), ..job() }, "a service never ends, so it has no timeout"),
        (Spec { retries: 101, ..job() }, "101 retries are too many"),
        (Spec { idle_timeout_ms: Some(0), ..job() }, "a limit of no time would end the job before it began"),
        (Spec { slots: slots("../up", 1), ..job() }, "not a group's name: `../up`"),
        (Spec { slots: slots("db", 0), ..job() }, "0 slots: nothing could ever be planned with that"),
        (Spec { matches: vec!["(".into()], ..job() }, "not a pattern: `(`: unclosed group"),
        (Spec { output_bytes_max: Some(1), ..job() }, "keep at least 4 KB of output"),
    ];
    assert!(job().check().is_ok());
    for (spec, message) in table {
        assert_eq!(spec.check().unwrap_err().to_string(), message);
    }
}

#[test]
fn ends_that_are_wanted() {
    let exit = |outcome, ran: bool| Exit {
        outcome,
        attempts: if ran { vec![Attempt::default()] } else { vec![] },
        ..Exit::default()
    };
    let met = |want| {
        let after = After { id: "j-1".into(), want };
        let ends = [(Outcome::Ok, true), (Outcome::Failed, true), (Outcome::Lost, false), (Outcome::Killed, true)];
        let never_ran = [(Outcome::Killed, false), (Outcome::Skipped, false)];
        let verdict = |(outcome, ran)| after.verdict(&exit(outcome, ran)) == Verdict::Met;
        (ends.map(verdict), never_ran.map(verdict))
    };
    assert_eq!(met(Want::Ok), ([true, false, false, false], [false; 2]));
    assert_eq!(met(Want::Fail), ([false, true, true, true], [false; 2]));
    assert_eq!(met(Want::Any), ([true; 4], [true; 2]));
    for text in ["j-4kq2m", "j-4kq2m:fail", "j-4kq2m:any"] {
        assert_eq!(After::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(After::parse("j-4kq2m:ok").unwrap().want, Want::Ok);
    for text in ["", "t-4kq2m", "j-4kq2m:later", "j-4kq2m:", "4kq2m", "j-../x"] {
        assert!(After::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_status_file_is_as_documented() {
    let status = Status { waits_for: vec!["j-3".into()], ..Status::new("j-7", DateTime::UNIX_EPOCH) };
    let json = serde_json::to_string(&status).unwrap();
    insta::assert_snapshot!(json, @r#"{"version":1,"id":"j-7","state":"waiting","attempt":0,"pid":null,"pgid":null,"process":null,"supervisor":null,"since":"1970-01-01T00:00:00Z","last_output":null,"bytes":0,"waits_for":["j-3"],"wants_terminal":false}"#);
    assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
}

#[test]
fn files_of_other_versions_are_read() {
    let newer = r#"{"version":2,"id":"j-7","command":["x"],"cwd":"/","colour":"red","after":[{"id":"j-3"}]}"#;
    let spec: Spec = serde_json::from_str(newer).unwrap();
    assert_eq!((spec.version, spec.after[0].want, spec.output_bytes()), (2, Want::Ok, OUTPUT_BYTES_DEFAULT));
    let exit: Exit = serde_json::from_str(r#"{"outcome":"timeout"}"#).unwrap();
    assert_eq!(exit.to_string(), "timeout");
    let failed = Exit { outcome: Outcome::Failed, code: Some(2), ..Exit::default() };
    assert_eq!((failed.to_string(), failed.why()), ("failed with exit code 2".into(), None));
    let killed = Exit { signal: Some(9), code: None, ..failed };
    assert_eq!((killed.to_string(), killed.why()), ("failed by signal 9".into(), Some("signal 9, SIGKILL".into())));
    let ours = Exit { outcome: Outcome::Timeout, signal: Some(15), ..Exit::default() };
    assert_eq!(ours.why(), None, "sent from here");
}

#[test]
fn pauses_double_up_to_a_limit() {
    let spec = Spec { backoff_ms: Some(2000), ..job() };
    let least = [1, 2, 3, 9, 40, 100].map(|attempt| spec.pause_after(attempt, 0).as_millis());
    assert_eq!(least, [1500, 3000, 6000, 225_000, 225_000, 225_000]);
    assert_eq!(Spec { backoff_ms: Some(0), ..job() }.pause_after(3, 7), Duration::ZERO);
}

proptest! {
    #[test]
    fn a_length_reads_back_as_it_was_printed(ms in 0u64..SPAN_MS) {
        let span = Duration::from_millis(ms);
        prop_assert_eq!(parse_span(&print_span(span)).unwrap(), span);
    }

    #[test]
    fn any_text_is_a_measure_or_an_error(text in any::<String>(), number in any::<u64>(), unit in "[a-zA-Z]{0,3}") {
        for text in [text, format!("{number}{unit}")] {
            let _ = (parse_span(&text), parse_size(&text), After::parse(&text));
        }
    }

    #[test]
    fn a_pause_is_near_its_length(attempt in 1u32..200, random in any::<u64>(), ms in 0u64..1_000_000) {
        let spec = Spec { backoff_ms: Some(ms), ..job() };
        let pause = spec.pause_after(attempt, random);
        prop_assert!(pause <= BACKOFF_MAX.mul_f64(1.25));
        prop_assert!(ms == 0 || pause >= Duration::from_millis(ms.min(300_000) * 3 / 4));
    }
}

const SPAN_MS: u64 = 36_525 * 86_400_000;

#[test]
fn it_is_too_soon_for_the_same_session_and_output_only() {
    let at = |seconds| DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
    let asked = Asked { session: "claude:1".into(), bytes: 7, look_again: at(10) };
    assert!(asked.is_too_soon("claude:1", 7, at(9)));
    assert!(!asked.is_too_soon("claude:1", 7, at(10)), "its time has come");
    assert!(!asked.is_too_soon("claude:1", 8, at(9)), "it printed something");
    assert!(!asked.is_too_soon("claude:2", 7, at(9)), "another asks");
    assert!(!Asked::default().is_too_soon("", 0, at(0)));
}

#[test]
fn no_secret_is_said_of_an_end() {
    let reason = Some("token ghp_abcdefghijklmnopqrstuvwxyz0123456789".to_owned());
    let exit = Exit { outcome: Outcome::Killed, reason: reason.clone(), ..Exit::default() };
    let attempt = Attempt { outcome: Outcome::Killed, reason, ..Attempt::default() };
    for said in [exit.to_string(), exit.why().unwrap(), attempt.to_string()] {
        assert!(said.ends_with("token [secret: github-token]"), "{said}");
    }
}
