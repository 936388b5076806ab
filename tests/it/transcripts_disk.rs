//! Transcripts on disk: only their ends are read, a session leaves one handoff, and old ones are imported.

use crate::support::{Shell, Workspace as Place};
use crate::transcripts::fixtures;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use state::domain::activity::Activity;
use state::domain::draft::Draft;
use state::domain::transcript::Story;
use state::domain::{field, kind, terms};
use state::ops::add::{AddInput, add};
use state::ops::handoff::{is_auto, leave};
use state::ops::transcript::{read, read_from};
use state::ops::workspace::{Environment, Workspace};
use state::process::identity::Identity;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// A source that counts what is read of it.
struct Counted<R> {
    source: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.source.seek(to)
    }
}

fn said(text: &str) -> String {
    let content = json!([{"type": "text", "text": text}]);
    json!({"type": "assistant", "sessionId": "s", "timestamp": "2026-11-21T10:00:00Z", "message": {"content": content}})
        .to_string()
        + "\n"
}

fn asked(text: &str) -> String {
    json!({"type": "user", "sessionId": "s", "timestamp": "2026-11-21T09:00:00Z", "message": {"content": text}})
        .to_string()
        + "\n"
}

#[test]
fn of_a_large_transcript_only_the_ends_are_read() {
    let filler = said(&"word ".repeat(2000));
    let mut bytes = asked("the first request").into_bytes();
    while bytes.len() < 64 * 1024 * 1024 {
        bytes.extend(filler.as_bytes());
    }
    bytes.extend(said("the last word").as_bytes());
    let len = bytes.len() as u64;
    let mut counted = Counted { source: Cursor::new(&bytes), read: 0 };
    let story = read_from(&mut counted, len).unwrap();
    assert_eq!(
        (story.request.as_deref(), story.message.as_deref()),
        (Some("the first request"), Some("the last word"))
    );
    assert!(counted.read < 6 * 1024 * 1024, "{} bytes were read", counted.read);

    // An image of 30 MB right before the end is passed over, once.
    bytes.extend(said("before the image").as_bytes());
    bytes.extend(said(&"x".repeat(30 * 1024 * 1024)).as_bytes());
    let len = bytes.len() as u64;
    let mut counted = Counted { source: Cursor::new(&bytes), read: 0 };
    let story = read_from(&mut counted, len).unwrap();
    assert_eq!(story.message.as_deref(), Some("before the image"));
    assert!(counted.read < 37 * 1024 * 1024, "{} bytes were read", counted.read);
}

#[test]
fn a_transcript_that_shrinks_meanwhile_is_read_as_far_as_it_goes() {
    let bytes = asked("fix it") + &said("done");
    assert_eq!(read_from(Cursor::new(&bytes), 1 << 40).unwrap().request.as_deref(), Some("fix it"));
    assert_eq!(read_from(Cursor::new(""), 10).unwrap(), Story::default());
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let place = Place::empty();
    let pipe = place.dir().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    for path in [pipe, place.dir().to_owned(), place.dir().join("missing"), "/dev/zero".into()] {
        assert!(read(&path).is_err(), "{}", path.display());
    }
    place.write(
        "odd.jsonl",
        b"\xff\xfe{\n\0\n{\"type\":\"user\",\"sessionId\":\"s\",\"message\":{\"content\":\"caf\xe9\"}}\n",
    );
    assert_eq!(read(&place.dir().join("odd.jsonl")).unwrap().request.as_deref(), Some("caf\u{fffd}"));
}

fn workspace(dir: &Path, session: &str, seed: u8) -> Workspace {
    let environment = || Environment {
        store: Some(dir.join("store")),
        state_dir: None,
        cwd: dir.to_owned(),
        identity: Identity { session: session.into(), actor: "claude".into(), process: None },
        clock: Utc::now,
        seed: [seed; 16],
        command: "test".into(),
        program: None,
    };
    Workspace::place(environment()).store.init().unwrap();
    Workspace::open(environment()).unwrap()
}

fn activity(transcript: &Path, asked_at: DateTime<Utc>) -> Activity {
    let transcript = Some(transcript.display().to_string());
    Activity { host: "claude".into(), transcript, asked_at: Some(asked_at), ..Activity::default() }
}

#[test]
fn a_session_leaves_one_handoff_until_it_writes_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (own, hook) = (workspace(folder.path(), "claude:6d1e", 1), workspace(folder.path(), "the hook", 2));
    let path = folder.path().join("t.jsonl");
    let session = own.write(|writer| Ok(writer.session().unwrap())).unwrap();
    std::fs::write(&path, asked("fix the lock")).unwrap();
    let asked_at = Utc::now();
    let first = leave(&hook, session, &activity(&path, asked_at)).unwrap().expect("written");
    assert_eq!(leave(&hook, session, &activity(&path, asked_at)).unwrap(), None, "nothing new");
    std::fs::write(&path, asked("fix the lock") + &said("Remaining: the docs.")).unwrap();
    assert_eq!(leave(&hook, session, &activity(&path, asked_at)).unwrap(), Some(first.clone()), "edited in place");

    let record = |id: &str| own.read(|view| state::ops::resolve::record(view, id)).unwrap();
    let auto = record(&first);
    assert!(is_auto(&auto) && auto.is_live());
    assert_eq!((auto.text(field::KEY), auto.title()), (Some("auto/claude:6d1e"), "fix the lock"));
    assert_eq!(auto.birth.as_ref().map(|birth| (birth.session, birth.actor.as_str())), Some((Some(session), "claude")));
    assert!(own.read(|view| view.body(&auto)).unwrap().contains("> Remaining: the docs."));
    let sessions = own.read(|view| view.count(&terms::kind_term(kind::SESSION), 10)).unwrap();
    assert_eq!(sessions, 1, "who leaves it does not begin to act");

    let draft = Draft { kind: "handoff".into(), title: "By hand".into(), ..Draft::default() };
    add(&own, &AddInput { draft, over: Vec::new() }).unwrap();
    let auto = record(&first);
    assert_eq!((auto.status(), auto.text(field::REASON)), ("superseded", Some("replaced by a real one")));
    assert_eq!(leave(&hook, session, &activity(&path, asked_at)).unwrap(), None, "the real one holds");
    let again = leave(&hook, session, &activity(&path, Utc::now() + chrono::TimeDelta::seconds(1))).unwrap();
    assert!(again.is_some_and(|id| id != first), "something was asked for after it");
    let missing = Activity { request: Some("fix it".into()), ..activity(&folder.path().join("none"), Utc::now()) };
    assert!(leave(&own, session, &missing).is_ok(), "a transcript that is missing is done without");
}

/// The transcripts of the fixtures as they would lie in a host's folder, those of `/home/u/proj` in this directory.
fn lay_out(shell: &Shell) {
    for (path, bytes) in fixtures() {
        let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/transcripts")).unwrap();
        let text = String::from_utf8(bytes).unwrap().replace("/home/u/proj", shell.dir().to_str().unwrap());
        // Several are of one session at different times; here each is its own.
        let name = path.file_stem().unwrap().to_string_lossy();
        let ids = ["dfc347e9", "bb43a7e0", "fefa82d1", "63f9d9f6", "01a1fe9d"];
        let text = ids.iter().fold(text, |text, id| text.replace(id, &format!("{name}-{id}")));
        shell.write(&format!("kept/{}", below.display()), text);
    }
}

#[test]
fn old_transcripts_become_sessions_with_handoffs() {
    let place = Place::git();
    lay_out(&place);
    let report = place.json(&["import", "--transcripts", "kept"]);
    assert_eq!((&report["sessions"], &report["handoffs"]), (&json!(15), &json!(15)), "{report:#}");
    let why = |part: &str| {
        let skipped = report["skipped"].as_array().unwrap();
        skipped.iter().filter(|skipped| skipped["why"].as_str().unwrap().contains(part)).count()
    };
    assert_eq!((why("of another project"), why("which project")), (5, 1), "{report:#}");
    let again = place.json(&["import", "--transcripts", "kept"]);
    assert_eq!(
        (&again["sessions"], &again["updated"], &again["unchanged"]),
        (&json!(0), &json!(0), &json!(15)),
        "{again:#}"
    );

    let killed = place.json(&["search", "strip the sign kind:handoff"]);
    let id = killed["hits"][0]["record"]["id"].as_str().unwrap_or_else(|| panic!("{killed:#}")).to_owned();
    let shown = place.ok(&["show", &id]);
    assert!(shown.contains("test_negative") && shown.contains("test_durations.py"), "{shown}");
    let sessions = place.json(&["list", "sessions", "--all", "-n", "100"]);
    let titles: Vec<&str> =
        sessions["records"].as_array().unwrap().iter().filter_map(|one| one["title"].as_str()).collect();
    for host in ["claude:", "codex:", "gemini:"] {
        assert!(titles.iter().any(|title| title.starts_with(host)), "{host} {titles:?}");
    }
    place.ok(&["doctor"]);
}

#[test]
fn a_transcript_that_grew_brings_its_handoff_up_to_date() {
    let place = Place::git();
    let line = |text: &str| {
        let mut line: Value = serde_json::from_str(&said(text)).unwrap();
        line["cwd"] = json!(place.dir());
        line.to_string() + "\n"
    };
    place.write("kept/a.jsonl", asked("fix it") + &line("one is left"));
    place.ok(&["import", "--transcripts", "kept"]);
    place.write("kept/a.jsonl", asked("fix it") + &line("one is left") + &line("none is left"));
    let report = place.json(&["import", "--transcripts", "kept"]);
    assert_eq!((&report["updated"], &report["handoffs"]), (&json!(1), &json!(0)));
    let handoffs = place.json(&["list", "handoffs"]);
    assert_eq!(handoffs["records"].as_array().unwrap().len(), 1, "{handoffs:#}");
    let id = handoffs["records"][0]["id"].as_str().unwrap();
    assert!(place.ok(&["show", id]).contains("none is left"));
    assert_eq!(handoffs["records"][0]["created"].as_str().map(|at| &at[..16]), Some("2026-11-21T10:00"));
}

#[test]
fn an_older_handoff_that_comes_in_late_does_not_seem_newer() {
    let place = Place::git();
    place.ok(&["add", "handoff", "The real one"]);
    lay_out(&place);
    let all = place.json(&["import", "--transcripts", "kept", "--all-projects"]);
    assert!(all["sessions"].as_u64().unwrap() > 15, "{all:#}");
    let again = place.json(&["import", "--transcripts", "kept", "--all-projects"]);
    assert_eq!(
        (&again["sessions"], &again["updated"], &again["handoffs"]),
        (&json!(0), &json!(0), &json!(0)),
        "{again:#}"
    );
    let briefing = place.ok(&["resume"]);
    assert!(briefing.contains("The real one"), "{briefing}");
}

#[test]
fn folders_without_transcripts_are_refused() {
    let place = Place::new();
    place.write("empty/a.txt", "");
    let message = place.fails(2, &["import", "--transcripts", "empty"]);
    assert!(message.contains("no transcripts") && message.contains(".claude/projects"), "{message}");
    place.fails(2, &["import", "--transcripts", "nowhere"]);
    place.fails(2, &["import", "empty", "--all-projects"]);
}
