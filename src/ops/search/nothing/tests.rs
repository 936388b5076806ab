//! Reasons, with a fake for similar words.

use super::*;
use crate::ops::Workspace;
use crate::ops::search::{SearchInput, search};
use crate::ops::workspace::Environment;
use crate::process::identity::Identity;
use crate::store::Registers;

/// A store with a few records.
struct Told {
    workspace: Workspace,
    _folder: tempfile::TempDir,
}

impl Told {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let environment = || Environment {
            store: Some(folder.path().join("store")),
            state_dir: None,
            cwd: folder.path().to_owned(),
            identity: Identity { session: "example".into(), actor: "me".into(), process: None },
            clock: || "2026-11-21T14:30:00Z".parse().unwrap(),
            seed: [7; 16],
            command: "example".into(),
            program: None,
        };
        Workspace::place(environment()).store.init().unwrap();
        Self { workspace: Workspace::open(environment()).unwrap(), _folder: folder }
    }

    fn add(&self, kind: &str, title: &str, tag: &str) {
        let registers = [("title".to_owned(), title.into()), (field::tag(tag), true.into())];
        self.workspace.write(|writer| writer.create(kind, Registers::from(registers)).map(|_| ())).unwrap();
    }

    fn full() -> Self {
        let told = Self::new();
        told.add("finding", "refresh the lock of the token", "auth");
        told.add("task", "refresh tokens", "auth");
        told.add("task", "paint the shed", "house");
        told
    }

    /// What is said of a query, with `refresh` as the only similar word there is.
    fn explain(&self, text: &str) -> Nothing {
        let index = self.workspace.index();
        let similar = |word: &str| Ok(if word == "refersh" { vec!["refresh".to_owned()] } else { Vec::new() });
        self.workspace
            .read(|view| Look::new((view, &index), (self.workspace.now(), 0), &similar).explain(text))
            .unwrap()
    }

    fn causes(&self, text: &str) -> Vec<(Cause, String, usize)> {
        self.explain(text).why.into_iter().map(|why| (why.cause, why.part, why.found)).collect()
    }
}

fn cause(cause: Cause, part: &str, found: usize) -> (Cause, String, usize) {
    (cause, part.to_owned(), found)
}

#[test]
fn each_narrow_part_is_named_with_what_is_found_without_it() {
    let told = Told::full();
    assert_eq!(told.causes("kind:finding shed"), [cause(Cause::Filter, "kind:finding", 1)]);
    assert_eq!(told.causes("refresh before:2026-01-01"), [cause(Cause::Time, "before:2026-01-01", 2)]);
    assert_eq!(told.causes("lock -token"), [cause(Cause::Without, "-token", 1)]);
    assert_eq!(told.causes("lock -kind:finding"), [cause(Cause::Without, "-kind:finding", 1)]);
    assert_eq!(told.causes("\"lock refresh\""), [cause(Cause::Phrase, "\"lock refresh\"", 2)]);
    let both = told.causes("lock kind:task status:done");
    let together = cause(Cause::Together, "kind:task status:done", 1);
    assert_eq!(both, [together, cause(Cause::Value, "status:done", 0)]);
    let near = told.explain("kind:finding shed");
    assert_eq!(near.why[0].query.as_deref(), Some("shed"));
    assert_eq!(near.near[0].title, "paint the shed");
}

#[test]
fn the_query_stays_as_it_was_typed() {
    let why = told_query("kind:finding \"paint the\" shed since:7d kind:decision");
    assert_eq!(why.as_deref(), Some("\"paint the\" shed since:7d"));
}

fn told_query(text: &str) -> Option<String> {
    Told::full().explain(text).why[0].query.clone()
}

#[test]
fn a_similar_word_is_taken_only_where_it_finds_something() {
    let told = Told::full();
    let nothing = told.explain("refersh");
    assert_eq!(nothing.instead.as_deref(), Some("refresh"));
    assert_eq!((nothing.why[0].cause, nothing.why[0].near.as_slice()), (Cause::Word, &["refresh".to_owned()][..]));
    assert_eq!(told.explain("refersh tag:house").instead, None);
    assert_eq!(told.explain("\"refersh the\" lock").instead.as_deref(), Some("\"refresh the\" lock"));
    assert_eq!(told.explain("walrus").instead, None);
    assert_eq!(told.causes("walrus"), [cause(Cause::Word, "walrus", 0)]);
}

#[test]
fn a_misspelt_value_is_corrected() {
    let told = Told::full();
    assert_eq!(told.explain("tag:atuh").instead.as_deref(), Some("tag:auth"));
    assert_eq!(told.explain("kind:findngs lock").instead.as_deref(), Some("kind:findings lock"));
    assert_eq!(told.explain("status:opne shed").instead.as_deref(), Some("status:open shed"));
    let unknown = told.explain("tag:zebra lock");
    assert_eq!((unknown.why[0].cause, unknown.why[0].found), (Cause::Value, 1));
    assert!(unknown.why[0].near.is_empty() && unknown.instead.is_none());
    assert!(told.explain("kind:note shed").why[0].near.is_empty());
}

#[test]
fn an_empty_store_says_so() {
    assert_eq!(Told::new().causes("anything kind:task"), [cause(Cause::Empty, "", 0)]);
}

#[test]
fn the_number_of_searches_is_bounded() {
    let told = Told::full();
    let filters: Vec<String> = (0..40).map(|number| format!("-x{number} \"a b{number}\" tag:t{number}")).collect();
    let filters = filters.join(" ");
    let index = told.workspace.index();
    let look = |view: &View| {
        let similar = |_: &str| Ok(vec!["lock".to_owned()]);
        let look = Look::new((view, &index), (told.workspace.now(), BEHIND_SLOW + 1), &similar);
        look.explain(&filters)?;
        Ok(look.tries.get())
    };
    assert_eq!(told.workspace.read(look).unwrap(), 0);
}

#[test]
fn ten_megabytes_are_a_query_too() {
    let told = Told::full();
    for text in ["zebra \"a b\" kind:x ".repeat(550_000), "y".repeat(10 << 20), "\"quoted".repeat(1_200_000)] {
        let input = SearchInput { text, limit: 10, ..SearchInput::default() };
        let report = search(&told.workspace, &input).unwrap();
        assert!(report.hits.is_empty() && report.nothing.is_some_and(|nothing| nothing.why.is_empty()));
    }
}
