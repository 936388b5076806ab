//! Random work of three sessions through the library: after every sequence the views say what a fresh fold of the log
//! says, and `ready` lists what a naive reading of all records says. `PROPTEST_CASES` for more.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use state::domain::draft::Draft;
use state::domain::id::Uid;
use state::domain::record::Record;
use state::error::{Kind, Result};
use state::ops::add::{AddInput, add};
use state::ops::block::block;
use state::ops::checkpoint::{CheckpointInput, checkpoint};
use state::ops::done::{End, EndInput, end};
use state::ops::edit::{EditInput, edit};
use state::ops::link::{LinkInput, link};
use state::ops::start::{StartInput, start};
use state::ops::workspace::{Environment, Workspace};
use state::ops::{batch, ready, undo};
use state::process::identity::Identity;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

const KINDS: [&str; 4] = ["task", "task", "finding", "blocker"];
const KEYS: [&str; 3] = ["alpha", "beta", "session/b"];
const LINKS: [&str; 4] = ["needs", "blocks", "parent", "relates"];
const STATUSES: [&str; 4] = ["open", "active", "done", "live"];

/// One thing that a session does; numbers pick a record, a text or a position, whatever there is.
#[derive(Clone, Debug)]
enum Step {
    Add { kind: usize, text: u8, key: Option<usize>, priority: Option<u8>, deferred: bool, needs: Option<usize> },
    Long { text: u8 },
    Batch { text: u8 },
    Edit { at: usize, text: u8 },
    Status { at: usize, status: usize },
    Rekey { at: usize, key: Option<usize> },
    Link { from: usize, kind: usize, to: usize, remove: bool },
    Block { at: usize },
    Start { at: Option<usize> },
    End { at: usize, done: bool },
    Undo { at: Option<usize> },
    Checkpoint { step: u8 },
    Wait { minutes: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0..1_000_usize;
    let key = || proptest::option::of(0..KEYS.len());
    prop_oneof![
        4 => (0..KINDS.len(), 0..3_u8, key(), proptest::option::of(0..5_u8), any::<bool>(), proptest::option::of(at()))
            .prop_map(|(kind, text, key, priority, deferred, needs)| Step::Add { kind, text, key, priority, deferred, needs }),
        1 => (0..3_u8).prop_map(|text| Step::Long { text }),
        1 => (0..3_u8).prop_map(|text| Step::Batch { text }),
        2 => (at(), 0..3_u8).prop_map(|(at, text)| Step::Edit { at, text }),
        2 => (at(), 0..STATUSES.len()).prop_map(|(at, status)| Step::Status { at, status }),
        1 => (at(), key()).prop_map(|(at, key)| Step::Rekey { at, key }),
        4 => (at(), 0..LINKS.len(), at(), any::<bool>())
            .prop_map(|(from, kind, to, remove)| Step::Link { from, kind, to, remove }),
        2 => at().prop_map(|at| Step::Block { at }),
        3 => proptest::option::of(at()).prop_map(|at| Step::Start { at }),
        4 => (at(), any::<bool>()).prop_map(|(at, done)| Step::End { at, done }),
        4 => proptest::option::of(at()).prop_map(|at| Step::Undo { at }),
        1 => (0..3_u8).prop_map(|step| Step::Checkpoint { step }),
        1 => (0..90_u8).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000).unwrap() + TimeDelta::seconds(NOW.get())
}

/// Three sessions in one store.
struct Crew {
    _root: tempfile::TempDir,
    sessions: Vec<Workspace>,
}

impl Crew {
    fn new() -> Self {
        NOW.set(0);
        let root = tempfile::tempdir().unwrap();
        let environment = |session: &str| Environment {
            store: Some(root.path().join("store")),
            state_dir: None,
            cwd: root.path().to_owned(),
            identity: Identity { session: session.to_owned(), actor: "tester".to_owned(), process: None },
            clock: now,
            seed: [7; 16],
            command: "model".to_owned(),
            program: None,
        };
        Workspace::place(environment("a")).store.init().unwrap();
        let sessions = ["a", "b", "c"].map(|name| Workspace::open(environment(name)).unwrap()).into();
        Self { _root: root, sessions }
    }

    /// Every record that the log touches, in order of identity.
    fn records(&self) -> BTreeMap<Uid, Record> {
        let read = |view: &state::store::View| {
            let uids: BTreeSet<Uid> = view.events(..)?.into_iter().flat_map(|(_, event)| event.touches).collect();
            uids.into_iter().map(|uid| Ok((uid, view.record(uid)?.expect("it is in the log")))).collect()
        };
        self.sessions[0].read(read).unwrap()
    }

    fn id(&self, at: usize) -> String {
        let records = self.records();
        records
            .values()
            .nth(at % records.len().max(1))
            .map_or_else(|| "t-none".to_owned(), |record| record.id().to_owned())
    }

    fn position(&self, at: usize) -> u64 {
        let next = self.sessions[0].read(|view| Ok(view.next_position())).unwrap();
        1 + at as u64 % next
    }

    fn take(&self, who: usize, step: &Step) -> Result<()> {
        NOW.set(NOW.get() + 1);
        let me = &self.sessions[who];
        let title = |text: u8| format!("title {text}");
        let key = |key: &Option<usize>| key.map(|key| KEYS[key].to_owned());
        match step {
            Step::Add { kind, text, key: named, priority, deferred, needs } => {
                let draft = Draft {
                    kind: KINDS[*kind].to_owned(),
                    title: title(*text),
                    key: key(named),
                    priority: *priority,
                    defer: deferred.then(|| "30m".to_owned()),
                    needs: needs.iter().map(|at| self.id(*at)).collect(),
                    tags: vec!["tag".to_owned()],
                    ..Draft::default()
                };
                add(me, &AddInput { draft, over: Vec::new() }).map(drop)
            }
            Step::Long { text } => {
                let body = title(*text).repeat(10_000);
                let draft = Draft { kind: "note".to_owned(), title: title(*text), body, ..Draft::default() };
                add(me, &AddInput { draft: Draft { key: Some("long".into()), ..draft }, over: Vec::new() }).map(drop)
            }
            Step::Batch { text } => {
                let lines = format!(
                    "{{\"kind\":\"task\",\"title\":\"{text}\",\"label\":\"one\"}}\n\
                     {{\"kind\":\"task\",\"title\":\"second\",\"needs\":[\"one\"],\"key\":\"alpha\"}}"
                );
                batch::add_text(me, &lines).map(drop)
            }
            Step::Edit { at, text } => {
                let (title, body) = (Some(title(*text)), Some(title(*text).repeat(usize::from(*text) * 5_000)));
                edit(me, &EditInput { id: self.id(*at), title, body, ..EditInput::default() }).map(drop)
            }
            Step::Status { at, status } => {
                let status = Some(STATUSES[*status].to_owned());
                edit(me, &EditInput { id: self.id(*at), status, ..EditInput::default() }).map(drop)
            }
            Step::Rekey { at, key: named } => {
                let named = Some(key(named).unwrap_or_default());
                edit(me, &EditInput { id: self.id(*at), key: named, ..EditInput::default() }).map(drop)
            }
            Step::Link { from, kind, to, remove } => {
                let (from, to, kind) = (self.id(*from), self.id(*to), LINKS[*kind].to_owned());
                link(me, &LinkInput { from, kind, to, remove: *remove }).map(drop)
            }
            Step::Block { at } => block(me, &self.id(*at), "in the way").map(drop),
            Step::Start { at: None } => start(me, &StartInput::Next).map(drop),
            Step::Start { at: Some(at) } => start(me, &StartInput::word(self.id(*at))).map(drop),
            Step::End { at, done } => {
                let end_as = if *done { End::Done } else { End::Drop };
                end(me, &EndInput { ids: vec![self.id(*at)], end: end_as, message: None }).map(drop)
            }
            Step::Undo { at } => undo::undo(me, at.map(|at| self.position(at))).map(drop),
            Step::Checkpoint { step } => {
                let of = ["0", "1", "2"].map(str::to_owned).into();
                let step = Some(step.to_string());
                checkpoint(me, &CheckpointInput { name: "build".into(), step, of, ..CheckpointInput::default() })
                    .map(drop)
            }
            Step::Wait { minutes } => {
                NOW.set(NOW.get() + i64::from(*minutes) * 60);
                Ok(())
            }
        }
    }

    /// The ids of the open tasks that nothing live holds up and that are not deferred, best first.
    fn naively_ready(&self) -> Vec<String> {
        let records = self.records();
        let holds = |one: &Record, other: &Record| {
            one.is_live()
                && (one.linked("blocks").any(|to| to == other.uid) || other.linked("needs").any(|to| to == one.uid))
        };
        let mut ready: Vec<&Record> = records
            .values()
            .filter(|record| record.kind() == "task" && record.is_visible() && record.status() == "open")
            .filter(|record| !records.values().any(|other| holds(other, record)))
            .filter(|record| record.deferred_until().is_none_or(|until| until <= now()))
            .collect();
        ready.sort_by_key(|record| (record.priority(), std::cmp::Reverse(record.updated)));
        ready.into_iter().map(|record| record.id().to_owned()).collect()
    }

    /// Sessions that are sessions, and at most one claim that counts a task.
    fn check(&self) -> std::result::Result<(), TestCaseError> {
        let verdict = self.sessions[0].store.verify().unwrap();
        prop_assert!(verdict.is_clean(), "{:#?}", verdict.differences);
        let listed = ready::ready(&self.sessions[0], 1_000).unwrap().records;
        let open: Vec<String> =
            listed.into_iter().filter(|line| line.record.status == "open").map(|line| line.record.id).collect();
        prop_assert_eq!(open, self.naively_ready());
        for record in self.records().values() {
            let ended = !record.is_live() && record.is_visible();
            prop_assert!(!ended || record.claims().is_empty(), "{} has ended and is claimed", record.id());
            let by = record.birth.as_ref().and_then(|birth| birth.session);
            prop_assert!(
                by.is_some_and(|uid| self.records()[&uid].kind() == "session"),
                "{} has no session",
                record.id()
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_sessions_do_views_and_log_agree(steps in vec((0..3_usize, step()), 1..40)) {
        let crew = Crew::new();
        for (who, step) in &steps {
            if let Err(error) = crew.take(*who, step) {
                prop_assert!(![Kind::Corrupt, Kind::Busy].contains(&error.kind), "{step:?}: {error}");
            }
        }
        crew.check()?;
    }
}
