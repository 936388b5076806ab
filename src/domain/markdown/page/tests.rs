//! Pages survive whatever their titles and bodies hold.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn page(title: &str, body: &str) -> Page {
    let at = DateTime::from_timestamp_millis(1_800_000_000_123);
    let front = Front {
        state: "record".to_owned(),
        id: "t-4kq1a".to_owned(),
        uid: Uid::parse("019b3c2e5d7a7c0f8e1d2c3b4a596877"),
        kind: "task".to_owned(),
        status: Some("open".to_owned()),
        created: at,
        updated: at,
        ..Front::default()
    };
    Page { front, title: clean_line(title), body: clean_body(body), is_edited: false }
}

fn link(title: &str) -> PageLink {
    PageLink { kind: "needs".into(), id: "t-1".into(), title: title.into(), path: "tasks/t-1.md".into() }
}

#[track_caller]
fn check(page: &Page) {
    let text = page.render();
    let mut read = Page::parse(&text).unwrap().unwrap();
    read.front.links.iter_mut().for_each(|link| link.path = "tasks/t-1.md".to_owned());
    assert_eq!(&read, page, "{text}");
}

#[test]
fn it_reads_well() {
    let mut page = page("Rotate [refresh] tokens", "Why\n\n- because");
    page.front.tags = vec!["auth".to_owned()];
    page.front.links = vec![link("Write [it]")];
    let text = page.render();
    let expected = "---\nstate: record\nid: t-4kq1a\nuid: 019b3c2e5d7a7c0f8e1d2c3b4a596877\nkind: task\nstatus: open\n\
        tags: [\"auth\"]\ncreated: 2027-01-15T08:00:00.123Z\nupdated: 2027-01-15T08:00:00.123Z\nlinks:\n  - \
        {\"id\":\"t-1\",\"kind\":\"needs\",\"title\":\"Write [it]\"}\ndigest: ";
    assert_eq!(&text[..expected.len()], expected, "{text}");
    let rest = "---\n\n# Rotate [refresh] tokens\n\nWhy\n\n- because\n\n<!-- state: links -->\n\n\
        - needs [Write \\[it\\]](../tasks/t-1.md)\n";
    assert!(text.ends_with(rest), "{text}");
    check(&page);
}

#[test]
fn bodies_that_look_like_the_file_itself_survive() {
    let bodies = [
        "",
        "---",
        "---\nstate: record\n---\n# x",
        "# A heading",
        "    indented code",
        "<!-- state: links -->",
        "a\n<!-- state: links -->\n\n- needs [x](y)",
        "digest: 1",
        "ends with spaces\n\n\nand more",
        "\u{feff}x",
        "| a |\n|---|",
    ];
    for body in bodies {
        for links in [vec![], vec![link("# ---")]] {
            let mut page = page("t", body);
            page.front.links = links;
            check(&page);
        }
    }
    check(&page(&"x ".repeat(150), ""));
    check(&page("# --- \"quoted\" 'x' {a: b} [c] \\ 漢字", "b"));
    check(&page("", "no title"));
}

#[test]
fn an_edit_is_seen_and_a_checkout_with_other_line_ends_is_the_same_page() {
    let text = page("Title", "line one\n\nline two").render();
    assert!(Page::parse(&text.replace("line one", "line 1")).unwrap().unwrap().is_edited);
    let windows = Page::parse(&text.replace('\n', "\r\n")).unwrap().unwrap();
    assert_eq!(Page { is_edited: false, ..windows }, page("Title", "line one\n\nline two"));
}

#[test]
fn a_digest_of_decimal_digits_is_one_too() {
    let texts = (0..100_000).map(|n| page("a title", &format!("body {n}")).render());
    let numeric =
        |text: &String| text.lines().any(|l| l.strip_prefix("digest: ").is_some_and(|d| d.parse::<f64>().is_ok()));
    for text in texts.filter(numeric).take(5) {
        assert!(!Page::parse(&text).unwrap().unwrap().is_edited, "{text}");
    }
}

#[test]
fn other_files_are_none_of_ours() {
    for text in ["", "# x", "---\ntitle: x\n---\n", "---\nstate: recorder\n---\n", "---\nstate: record\n"] {
        assert_eq!(Page::parse(text), Ok(None), "{text}");
    }
    assert!(is_index(&index("# All")) && !is_record(&index("# All")));
    for broken in [
        "---\nstate: record\nnonsense\n---\n# x",
        "---\nstate: record\npriority: high\n---\n# x",
        "---\nstate: record\n---\nx",
    ] {
        assert!(Page::parse(broken).is_err(), "{broken}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(title in any::<String>(), body in any::<String>(), words in proptest::collection::vec("\\PC{1,9}", 0..4)) {
        let mut page = page(&title, &body);
        page.front.key = words.first().cloned();
        page.front.reason = words.last().cloned();
        page.front.refs = words.iter().map(|path| PageReference { path: path.clone(), ..Default::default() }).collect();
        page.front.more = words.iter().map(|word| (word.clone(), json!([word, {"a": body}]))).collect();
        page.front.links = words.iter().map(|word| link(word)).collect();
        page.front.tags = words;
        check(&page);
    }

    #[test]
    fn any_text_is_read(text in any::<String>(), rest in "[-\\na-z:# ]{0,60}") {
        let _ = Page::parse(&text);
        let _ = Page::parse(&format!("---\nstate: record\n{rest}\n---\n{text}"));
    }
}
