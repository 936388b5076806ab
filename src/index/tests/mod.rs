//! The promises of the index as a whole.

mod damage;

use super::*;
use crate::error::{Error, Kind};
use chrono::TimeDelta;
use proptest::prelude::*;
use std::fs;
use tempfile::TempDir;

const WORDS: [&str; 24] = [
    "refresh",
    "token",
    "lock",
    "session",
    "flushTokenMap",
    "src/auth/token.rs:42",
    "E0308",
    "deadlock",
    "retry",
    "the",
    "cache",
    "expires",
    "parser",
    "migration",
    "schema",
    "race",
    "timeout",
    "CVE-2024-1234",
    "数据库",
    "--no-verify",
    "writer",
    "index",
    "panic",
    "1.2.3",
];

fn now() -> DateTime<Utc> {
    "2026-11-21T14:30:00Z".parse().unwrap()
}

fn document(number: usize) -> Document {
    let words = |count: usize, seed: usize| -> String {
        let next = |state: &usize| Some((state * 1_103_515_245 + 12_345) % (1 << 31));
        let states = std::iter::successors(Some(number * 31 + seed), next).skip(3);
        states.take(count).map(|state| WORDS[(state >> 16) % WORDS.len()]).collect::<Vec<_>>().join(" ")
    };
    let at = now() - TimeDelta::hours(i64::try_from(number).unwrap() * 7);
    Document {
        uid: Uid::from_u128(u128::try_from(number).unwrap() << 70 | 5),
        id: format!("t-{number:05}"),
        kind: ["task", "finding", "note"][number % 3].to_owned(),
        status: ["open", "live", "dropped"][number % 3].to_owned(),
        live: !number.is_multiple_of(3),
        title: words(3 + number % 4, 5),
        body: words(5 + number * 3 % 90, 11),
        key: number.is_multiple_of(5).then(|| format!("auth/key-{number}")),
        tags: vec![["Auth", "ci", "db"][number % 3].to_owned()],
        paths: vec![format!("src/{}/file{number}.rs", ["auth", "authn", "store"][number % 3])],
        session: Some(format!("s-{}", number % 4)),
        actor: ["Ann", "claude code"][number % 2].to_owned(),
        branch: (number % 2 == 1).then(|| "feature/x".to_owned()),
        created: at,
        updated: at,
        place: number as u64 * 3,
    }
}

fn documents(count: usize) -> Vec<Document> {
    (0..count).map(document).collect()
}

fn to(position: u64) -> Coverage {
    Coverage { log: "log".to_owned(), position, hash: position * 3 }
}

fn put(documents: &[Document]) -> impl Iterator<Item = Result<Change>> {
    documents.iter().map(|document| Ok(Change { uid: document.uid, document: Some(document.clone()) }))
}

fn built(documents: &[Document]) -> (TempDir, Index) {
    let dir = TempDir::new().unwrap();
    let index = Index::at(&dir.path().join("index"));
    index.rebuild(&to(1), &mut put(documents)).unwrap();
    (dir, index)
}

fn parse(text: &str) -> Query {
    Query::parse(text, now())
}

fn page(limit: usize) -> Page<'static> {
    Page { limit, offset: 0, now: now(), related: &[] }
}

/// Searches `index` from its coverage on, with a tail.
fn search(index: &Index, text: &str, tail: &[Document]) -> Result<Hits> {
    let base = index.coverage();
    index.search(&parse(text), &Tail { base: base.as_ref(), documents: tail, changed: &BTreeSet::new() }, page(1000))
}

fn brute(text: &str, documents: &[Document]) -> Hits {
    let nowhere = Index::at(Path::new("/nonexistent/index"));
    let tail = Tail { base: None, documents, changed: &BTreeSet::new() };
    nowhere.search(&parse(text), &tail, page(1000)).unwrap()
}

fn found(hits: &Hits) -> Vec<Uid> {
    hits.hits.iter().map(|hit| hit.uid).collect()
}

const QUERIES: [&str; 22] = [
    "token",
    "refresh token lock",
    "sessions expiring",
    "flush_token_map",
    "token.rs",
    "src/auth/token.rs",
    "E0308 deadlock the",
    "数据",
    "\"refresh token\"",
    "\"flush token map\" retry",
    "\"lock\"",
    "cache -token",
    "panic -\"race timeout\" -kind:note",
    "kind:findings lock",
    "status:open lock",
    "status:ended lock tag:AUTH tag:ci",
    "path:src/auth/ retry",
    "by:ann by:s-1 branch:feature/x index",
    "since:7d before:2d writer",
    "key:auth/key-10",
    "tag:db -status:ended",
    "auth/key-10 1.2.3",
];

#[test]
fn index_and_tail_find_the_same_in_the_same_order() {
    let all = documents(150);
    let (_a, whole) = built(&all);
    let (_b, half) = built(&all[..75]);
    for text in QUERIES {
        let tail = brute(text, &all);
        assert!(!tail.hits.is_empty(), "{text} finds nothing");
        for other in [search(&whole, text, &[]).unwrap(), search(&half, text, &all[75..]).unwrap()] {
            assert_eq!(found(&tail), found(&other), "{text}");
            assert_eq!((tail.total, tail.capped), (other.total, other.capped), "{text}");
            for (a, b) in tail.hits.iter().zip(&other.hits) {
                assert!((a.score - b.score).abs() <= a.score * 0.01, "{text}: {} {}", a.score, b.score);
            }
        }
    }
}

#[test]
fn a_changed_record_is_found_by_its_new_text_only() {
    let all = documents(60);
    let (_dir, index) = built(&all);
    let (changed, gone) = (Document { title: "zebra".to_owned(), body: String::new(), ..all[3].clone() }, all[4].uid);
    let base = index.coverage();
    let tail = Tail {
        base: base.as_ref(),
        documents: std::slice::from_ref(&changed),
        changed: &BTreeSet::from([changed.uid, gone]),
    };
    let find = |text: &str| index.search(&parse(text), &tail, page(100)).unwrap();
    assert_eq!(found(&find("zebra")), [changed.uid]);
    let expected: BTreeSet<Uid> =
        found(&brute("token", &all)).into_iter().filter(|uid| ![changed.uid, gone].contains(uid)).collect();
    assert_eq!(found(&find("token")).into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(find("token").total, expected.len());
    // Without a word all are found, but for the one that is gone.
    assert_eq!(find("since:5w").total, 59);
}

#[test]
fn updates_replace_and_delete_and_do_not_pile_up_segments() {
    let all = documents(80);
    let (dir, index) = built(&all[..40]);
    for (position, chunk) in (2..).zip(all[40..].chunks(2)) {
        index.update(&to(position), &mut put(chunk)).unwrap();
    }
    let zebra = Document { title: "zebra".to_owned(), ..all[0].clone() };
    let mut changes = [
        Change { uid: zebra.uid, document: Some(zebra.clone()) },
        Change { uid: all[1].uid, document: None },
        Change { uid: all[79].uid, document: None },
    ]
    .map(Ok)
    .into_iter();
    index.update(&to(99), &mut changes).unwrap();
    assert_eq!(index.coverage(), Some(to(99)));
    assert_eq!(found(&search(&index, "zebra", &[]).unwrap()), [zebra.uid]);
    assert_eq!(search(&index, "since:9w", &[]).unwrap().total, 78);
    let store_files = fs::read_dir(dir.path().join("index")).unwrap().flatten();
    let segments = store_files.filter(|file| file.path().extension().is_some_and(|end| end == "store")).count();
    assert!(segments <= writer::SEGMENTS_MAX, "{segments} segments");
    index.verify().unwrap();
}

#[test]
fn an_index_may_lose_most_and_then_all_of_its_records() {
    let all = documents(10);
    let (_dir, index) = built(&all);
    let gone = |document: &Document| Ok(Change { uid: document.uid, document: None });
    index.update(&to(2), &mut all[..8].iter().map(gone)).unwrap();
    assert_eq!(search(&index, "since:9w", &[]).unwrap().total, 2);
    index.update(&to(3), &mut all[8..].iter().map(gone)).unwrap();
    assert_eq!((search(&index, "token", &[]).unwrap().total, index.coverage()), (0, Some(to(3))));
    assert_eq!(found(&search(&index, "src", &all).unwrap()), found(&brute("src", &all)));
    index.rebuild(&to(4), &mut put(&[])).unwrap();
    index.update(&to(5), &mut put(&all)).unwrap();
    assert_eq!(search(&index, "since:9w", &[]).unwrap().total, 10);
}

#[test]
fn a_failed_update_leaves_what_was_there() {
    let all = documents(10);
    let (_dir, index) = built(&all);
    let mut failing = put(&all[..2]).chain([Err(Error::usage("no more"))]);
    assert_eq!(index.update(&to(2), &mut failing).unwrap_err().to_string(), "no more");
    assert_eq!(index.coverage(), Some(to(1)));
    let mut failing = put(&all[..2]).chain([Err(Error::usage("no more"))]);
    assert_eq!(index.rebuild(&to(3), &mut failing).unwrap_err().to_string(), "no more");
    assert_eq!(index.coverage(), Some(to(1)));
    assert_eq!(search(&index, "since:9w", &[]).unwrap().total, 10);
    index.update(&to(2), &mut put(&all[..2])).unwrap();
    assert_eq!(search(&index, "since:9w", &[]).unwrap().total, 10);
}

#[test]
fn a_rebuild_does_not_hurt_who_reads_the_old_one() {
    let all = documents(50);
    let (dir, index) = built(&all);
    let query = parse("token");
    let plan = Plan::new(&query);
    let open = Opened::open(&dir.path().join("index"), &to(1)).unwrap();
    fs::create_dir(dir.path().join("index.new")).unwrap();
    fs::write(dir.path().join("index.new/left.idx"), "over").unwrap();
    fs::create_dir(dir.path().join("index.old")).unwrap();
    fs::write(dir.path().join("index/.tmpABC"), "over").unwrap();
    index.rebuild(&to(2), &mut put(&all[..10])).unwrap();
    assert_eq!(index.coverage(), Some(to(2)));
    let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    left.sort();
    assert_eq!(left, ["index", "index.lock"]);
    let tail = Tail { base: Some(&to(1)), documents: &[], changed: &BTreeSet::new() };
    let hits = Search { plan: &plan, tail: &tail, page: page(1000) }.run(Some(&open)).unwrap();
    assert_eq!(found(&hits), found(&brute("token", &all)));
}

#[test]
fn an_index_that_is_not_the_one_meant_is_unreadable() {
    let (_dir, index) = built(&documents(5));
    let other = [Coverage { log: "other".to_owned(), ..to(1) }, Coverage { hash: 0, ..to(1) }, to(2)];
    for base in other {
        let tail = Tail { base: Some(&base), documents: &[], changed: &BTreeSet::new() };
        let error = index.search(&parse("token"), &tail, page(10)).unwrap_err();
        assert!(is_unreadable(&error), "{base:?}: {error}");
    }
    let elsewhere = Coverage { log: "other".to_owned(), ..to(1) };
    assert!(is_unreadable(&index.update(&elsewhere, &mut put(&[])).unwrap_err()));
}

#[test]
fn reading_writes_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, index) = built(&documents(20));
    let path = dir.path().join("index");
    let _ = fs::remove_file(path.join(".tantivy-meta.lock"));
    let state = || -> BTreeSet<_> {
        let files = fs::read_dir(&path).unwrap().flatten();
        files.map(|file| (file.file_name(), file.metadata().unwrap().modified().unwrap())).collect()
    };
    let before = state();
    // The superuser writes all the same, so the files are compared as well.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
    let hits = search(&index, "token", &[]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!hits.hits.is_empty());
    assert_eq!(before, state());
}

#[test]
fn one_writes_at_a_time_and_a_stale_lock_file_is_no_lock() {
    let all = documents(4);
    let (dir, index) = built(&all);
    assert!(dir.path().join("index.lock").exists());
    fs::write(dir.path().join("index/.tantivy-writer.lock"), "").unwrap();
    index.update(&to(2), &mut put(&all)).unwrap();
    let held = fs::File::open(dir.path().join("index.lock")).unwrap();
    held.lock().unwrap();
    assert_eq!(index.update(&to(3), &mut put(&all)).unwrap_err().kind, Kind::Busy);
    assert_eq!(index.rebuild(&to(3), &mut put(&all)).unwrap_err().kind, Kind::Busy);
    assert!(search(&index, "token", &[]).is_ok());
}

#[test]
fn totals_are_capped_and_pages_follow_each_other() {
    let all = documents(1200);
    let (_dir, index) = built(&all[..600]);
    let base = index.coverage();
    let tail = Tail { base: base.as_ref(), documents: &all[600..], changed: &BTreeSet::new() };
    let take = |text: &str, limit, offset| {
        index.search(&parse(text), &tail, Page { limit, offset, now: now(), related: &[] }).unwrap()
    };
    let (whole, second) = (take("src token", 1000, 0), take("src token", 10, 245));
    assert_eq!((whole.total, whole.capped), (TOTAL_MAX, true));
    assert_eq!(whole.hits[245..255], second.hits);
    let newest = take("before:2026-12-01", 5, 590);
    let expected: Vec<Uid> = all[590..595].iter().map(|document| document.uid).collect();
    assert_eq!((found(&newest), newest.capped), (expected, true));
    assert!(take("token", 0, usize::MAX).hits.is_empty());
}

#[test]
fn what_is_asked_for_comes_first() {
    let of = |number, title: &str, body: &str| Document {
        title: title.to_owned(),
        body: body.to_owned(),
        ..document(number)
    };
    let all = [
        of(1, "Token refresh deadlocks", "flushTokenMap holds the lock while src/auth/token.rs:42 waits"),
        of(2, "Upgrade to 1.2.3", "fixes CVE-2024-1234, error E0308 is gone; run with --no-verify"),
        of(3, "Parser notes", "tokens are split; the map of tokens is flushed at the end of the source"),
    ];
    let table = [
        ("how does the deadlock in token refreshing happen?", 0),
        ("flush_token_map", 0),
        ("src/auth/token.rs", 0),
        ("token.rs:42", 0),
        ("e0308", 1),
        ("cve-2024-1234", 1),
        ("--no-verify", 1),
        ("1.2.3", 1),
        ("parsers", 2),
        ("\"map of tokens\"", 2),
    ];
    for (text, first) in table {
        let hits = brute(text, &all);
        assert_eq!(found(&hits).first(), Some(&all[first].uid), "{text}: {hits:?}");
        let product: f32 = hits.hits[0].parts.iter().map(|(_, factor)| factor).product();
        assert!((product - hits.hits[0].score).abs() < 1e-4);
    }
    assert!(brute("!!! ???", &all).hits.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn no_query_fails(text in any::<String>(), near in r#"[-":a-e数 /._]{0,40}"#) {
        thread_local! { static BUILT: (TempDir, Index) = built(&documents(12)); }
        let all = documents(14);
        for text in [text, near.clone(), format!("path:{near}"), format!("\"{near}\" -{near} kind:{near}")] {
            let hits = BUILT.with(|(_, index)| search(index, &text, &all[12..]).unwrap());
            prop_assert_eq!(found(&hits), found(&brute(&text, &all)), "{}", text);
        }
    }
}
