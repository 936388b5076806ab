//! Clocks that are set back, run ahead or stand still: what happened later counts as later all the same.

use crate::support::{Shell, Workspace, ids, texts};
use crate::views::assert_views_equal_a_fresh_fold;
use state::store::Store;

const NOW: &str = "2026-03-02T09:00:00Z";

/// What the clock says at one command after the other; the last goes on.
const CLOCKS: [(&str, &[&str]); 4] = [
    ("back a year", &[NOW, NOW, "2025-03-02T09:00:00Z"]),
    ("forward a year", &[NOW, NOW, "2027-03-02T09:00:00Z"]),
    ("forward a year and back", &[NOW, "2027-03-02T09:00:00Z", NOW]),
    ("frozen", &[NOW]),
];

/// Somebody whose clock is not right.
struct Odd<'a> {
    shell: Shell,
    clock: std::iter::Peekable<std::slice::Iter<'a, &'a str>>,
}

impl<'a> Odd<'a> {
    fn new(shell: &Shell, clock: &'a [&'a str]) -> Self {
        Self { shell: shell.clone(), clock: clock.iter().peekable() }
    }

    /// The same somebody at the next time.
    fn next(&mut self) -> Shell {
        let now = self.clock.next_if_eq(&&NOW).copied();
        let time = now.or_else(|| self.clock.peek().map(|time| **time)).unwrap_or(NOW);
        self.shell.at(time)
    }
}

/// Every later event has a later stamp and the next sequence, whatever the clock said.
#[track_caller]
fn assert_stamps_grow(shell: &Shell, what: &str) {
    let store = Store::at(&shell.store(), chrono::Utc::now, [0; 16]);
    let events = store.read(|view| view.events(1..)).unwrap();
    let stamps: Vec<_> = events.iter().map(|(_, event)| event.stamp).collect();
    assert!(stamps.len() > 5 && stamps.is_sorted_by(|one, next| one.hlc < next.hlc), "{what}: {stamps:?}");
    assert_views_equal_a_fresh_fold(shell);
}

#[test]
fn order_edits_claims_and_undo_follow_what_happened() {
    for (what, clock) in CLOCKS {
        let workspace = Workspace::empty();
        let mut odd = Odd::new(&workspace, clock);
        odd.next().ok(&["init"]);
        let mut added: Vec<String> = (0..5).map(|i| odd.next().add("task", &format!("task {i}"))).collect();
        added.reverse();
        assert_eq!(ids(&odd.next().json(&["list"])), added, "{what}: newest first");
        assert_eq!(ids(&odd.next().json(&["ready"])).len(), 5, "{what}");

        for title in ["edited once", "edited twice"] {
            odd.next().ok(&["edit", &added[4], "--title", title]);
        }
        assert_eq!(odd.next().field(&added[4], "title"), "edited twice", "{what}: the last edit wins");
        odd.next().ok(&["start", &added[3]]);
        assert_eq!(ids(&odd.next().json(&["list", "mine"])), [added[3].clone()], "{what}");
        odd.next().ok(&["done", &added[3], "-m", "it works"]);
        assert_eq!(odd.next().field(&added[3], "status"), "done", "{what}");
        odd.next().ok(&["undo"]);
        assert_eq!(odd.next().field(&added[3], "status"), "active", "{what}: undone is what was done last");

        let history = odd.next().ok(&["log", &added[3]]);
        assert!(history.lines().count() >= 4, "{what}: {history}");
        assert_stamps_grow(&workspace, what);
    }
}

#[test]
fn the_last_handoff_is_the_last_one_written() {
    for (what, clock) in CLOCKS {
        let workspace = Workspace::empty();
        let mut odd = Odd::new(&workspace, clock);
        odd.next().ok(&["init"]);
        for title in ["the first handoff", "the second handoff", "the third handoff"] {
            odd.next().add_with("handoff", title, &["--body", "Go on from here."]);
        }
        let screen = odd.next().session("another").ok(&["resume"]);
        assert!(screen.contains("the third handoff"), "{what}: {screen}");
        assert!(!screen.contains("the first handoff"), "{what}: {screen}");
    }
}

#[test]
fn search_finds_what_was_written_at_any_time() {
    for (what, clock) in CLOCKS {
        let workspace = Workspace::empty();
        let mut odd = Odd::new(&workspace, clock);
        odd.next().ok(&["init"]);
        let mut added: Vec<String> = (0..3).map(|i| odd.next().add("finding", &format!("needle {i}"))).collect();
        odd.next().ok(&["catch-up"]);
        added.push(odd.next().add("finding", "needle in the tail"));
        let mut found = odd.next().search(&["needle"]);
        found.sort_unstable();
        added.sort_unstable();
        assert_eq!(found, added, "{what}");
    }
}

/// A copy on a machine whose clock is an hour behind: each goes on in its own order, under a name of its own.
#[test]
fn two_stores_with_clocks_an_hour_apart() {
    let original = Workspace::empty();
    let ahead = original.at("2026-03-02T10:00:00Z");
    ahead.ok(&["init"]);
    let shared = ahead.add("task", "of both");
    let copy = Workspace::empty();
    let behind = copy.at(NOW);
    std::fs::create_dir(copy.dir().join(".state")).unwrap();
    std::fs::copy(original.store().join("state.redb"), copy.dir().join(".state/state.redb")).unwrap();
    for (shell, name) in [(&ahead, "ahead"), (&behind, "behind")] {
        (0..4).for_each(|i| drop(shell.add("task", &format!("{name} {i}"))));
        shell.ok(&["edit", &shared, "--title", name]);
        let titles = texts(&shell.json(&["list"]), "title");
        let expected = [3, 2, 1, 0].map(|i| format!("{name} {i}"));
        assert_eq!(titles, [&[name.to_owned()], &expected[..]].concat(), "what was touched last comes first");
        assert_stamps_grow(shell, name);
    }
    let replica = |shell: &Shell| {
        let store = Store::at(&shell.store(), chrono::Utc::now, [0; 16]);
        store.read(|view| Ok(view.meta().replica)).unwrap()
    };
    assert_ne!(replica(&ahead), replica(&behind));
}
