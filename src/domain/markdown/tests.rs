//! Real handoffs, and every form that a heading or an item comes in.

use super::*;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

const RELEASE: &str = include_str!("../../../fixtures/demo/handoff.md");
const ROUTING: &str = include_str!("../../../fixtures/handoffs/001_continuity_0xSachinK_takopi-slack_1667f2f.md");
const RUSSIAN: &str = include_str!("../../../fixtures/handoffs/072_continuity_EgorKurito_apple-mail-mcp_8e2443b.md");
const MOLECULES: &str = include_str!("../../../fixtures/handoffs/131_handoff_beads_bd-fa2h.md");

fn read(text: &str) -> Parsed {
    parse(text).unwrap()
}

/// `kind/status title` of each item.
fn items(parsed: &Parsed) -> Vec<String> {
    let line = |item: &Draft| format!("{}/{} {}", item.kind, item.status.as_deref().unwrap_or("?"), item.title);
    parsed.items.iter().map(line).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(items(&read(text)), expected, "{text}");
}

#[test]
fn a_real_handoff_becomes_its_tasks() {
    let parsed = read(RELEASE);
    assert_eq!((parsed.kind.as_str(), parsed.title.as_str()), ("handoff", "Version 0.30.7 release in progress"));
    assert_eq!(parsed.body, RELEASE.trim());
    assert_eq!(
        items(&parsed),
        [
            "task/done Fixed #657: bd graph nil pointer crash (graph.go:102)",
            "task/done Fixed #652: Windows npm installer file lock (postinstall.js)",
            "task/done Updated CHANGELOG.md and info.go",
            "task/done Pushed to main, CI running (run 20390861825)",
            "task/done Created version-bump molecule template (bd-6s61) and instantiated for 0.30.7 (bd-8pyn)",
            "task/active bd-dxo7: Wait for CI to pass",
            "task/active bd-7l70: Verify release artifacts",
            "task/active bd-5c91: Update local installation",
        ]
    );
}

#[test]
fn a_text_with_colons_for_headings_is_read_alike() {
    let parsed = read(ROUTING);
    let count = |start: &str| items(&parsed).iter().filter(|item| item.starts_with(start)).count();
    assert_eq!([count("decision/live"), count("task/done"), count("task/active"), count("task/open")], [3, 5, 1, 2]);
    assert_eq!(parsed.items.len(), 11, "{:#?}", items(&parsed));
    assert_eq!(parsed.references.len(), 6, "{:?}", parsed.references);
    assert!(parsed.title.starts_with("Configure command output routing"), "{}", parsed.title);
}

#[test]
fn other_languages_and_short_lines_below_headings() {
    let parsed = read(RUSSIAN);
    let found = items(&parsed);
    assert!(found.contains(&"task/active Готово к публикации.".to_owned()), "{found:#?}");
    assert!(found.contains(&"task/open Коммит изменений".to_owned()), "{found:#?}");
    assert!(!found.iter().any(|item| item.contains("Нет")), "{found:#?}");
    assert_eq!(parsed.items.iter().filter(|item| item.kind == "decision").count(), 4);
    assert!(parsed.references.contains(&"src/bridge/swift.ts".to_owned()));
}

#[test]
fn an_insight_is_a_paragraph_and_priorities_are_read() {
    let parsed = read(MOLECULES);
    assert_eq!(parsed.title, "v0.31.0 released, molecules discussion");
    let finding = parsed.items.iter().find(|item| item.kind == "finding").unwrap();
    assert!(finding.title.starts_with("Molecules are the future") && finding.body.contains("codesigning"));
    let urgent = parsed.items.iter().find(|item| item.priority == Some(1)).unwrap();
    assert!(urgent.title.starts_with("bd-y8bj: Auto-detect identity for bd mail"), "{}", urgent.title);
}

#[test]
fn every_form_of_heading_opens_its_section() {
    for heading in [
        "## Done",
        "##Done",
        "**Done:**",
        "**Done**",
        "Done:",
        "DONE\n",
        "Done\n----",
        "Done\n====",
        "## ✅ Completed",
        "### 1. What's done",
        "## What was accomplished",
        "== Done ==",
        "- Done:",
        "- **Done:**",
    ] {
        check(&format!("# Handoff: x\n\nsome words\n\n{heading}\n- one\n- two\n"), &["task/done one", "task/done two"]);
    }
}

#[test]
fn headings_without_a_meaning_make_no_items() {
    check("# Next steps for the team\n\n## Context\n- a\n\n## Done\n- b\n\n## Background\n- c\n", &["task/done b"]);
    check("Done:\n- a\n\nPlan summary:\n- b\n\nNext:\n- c\n", &["task/done a", "task/open c"]);
    check("## Next\n### Backend\n- a\n### Web\n- b\n## Impact\n- c\n", &["task/open a", "task/open b"]);
}

#[test]
fn an_item_of_marks_only_keeps_them_as_its_title() {
    check("## Next\n- [P1] (a)\n- (p1)\n", &["task/open (a)", "task/open (p1)"]);
}

#[test]
fn check_boxes_beat_the_heading() {
    let text = "## Next\n- [ ] a\n- [x] b\n- [~] c\n- ✅ d\n## Findings\n- [x] e\n";
    check(text, &["task/open a", "task/done b", "task/active c", "task/done d", "finding/live e"]);
}

#[test]
fn what_is_below_an_item_is_its_body() {
    let text = "## Next\n1. **First** thing\n   goes on\n   - detail `src/a.rs:10-40`\n     more\n\n   ```sh\n   # Done\n   ```\n2. Second:\n\t- x\n\nPlain words.\n";
    let parsed = read(text);
    assert_eq!(items(&parsed), ["task/open First thing goes on", "task/open Second"]);
    assert_eq!(parsed.items[0].body, "- detail `src/a.rs:10-40`\n  more\n\n```sh\n# Done\n```");
    assert_eq!(parsed.items[0].refs, ["src/a.rs:10-40"]);
    assert_eq!(parsed.items[1].body, "- x");
}

#[test]
fn an_item_about_a_record_names_it() {
    let text = "## Done\n- t-4kq12: fixed the lock\n- **t-4kq12** — fixed\n- [x] `x-9ab2` gone\n- Fixed the lock (t-4kq12)\n- t-4kq12\n- x-ray of it\n- q-12345 no kind\n";
    let parsed = read(text);
    let about: Vec<Option<&str>> = parsed.items.iter().map(|item| item.about.as_deref()).collect();
    assert_eq!(about, [Some("t-4kq12"), Some("t-4kq12"), Some("x-9ab2"), Some("t-4kq12"), Some("t-4kq12"), None, None]);
    let titles: Vec<&str> = parsed.items.iter().map(|item| item.title.as_str()).collect();
    assert_eq!(
        titles,
        ["fixed the lock", "fixed", "gone", "Fixed the lock", "t-4kq12", "x-ray of it", "q-12345 no kind"]
    );
}

#[test]
fn paragraphs_are_items_only_where_prose_is_usual() {
    let text = "## Root cause\nThe cache was\nnever cleared.\n\nNobody looked.\n\n## In progress\nThe long story of how we came to this is told in many words, over more than a line, and it is no task.\n\n## Next\nWait for CI.\n";
    check(
        text,
        &["finding/live The cache was never cleared.", "finding/live Nobody looked.", "task/open Wait for CI."],
    );
    check("## Blockers\nNone.\n\n## Next\n- n/a\n- Nothing (yet)\n", &[]);
}

#[test]
fn labels_with_their_item_on_the_same_line() {
    check(
        "# Handoff\n\nStatus: fine\nDone: the parser\nNext: the store\n",
        &["task/done the parser", "task/open the store"],
    );
    check("## State\n- **Done**: a\n- **Next:** b\n", &["task/done a", "task/open b"]);
    let parsed = read("# x\n\n## Next task: the banner\n\n### Requirements\n- one\n\n## Done\n- c\n");
    assert_eq!(items(&parsed), ["task/open the banner", "task/done c"]);
    assert_eq!(parsed.items[0].body, "### Requirements\n- one");
}

#[test]
fn a_summary_is_told_from_a_handoff() {
    let text = "# Summary: auth analysis\n\n## Findings\n- Tokens leak\n\n## Issues by priority\n### P0\n- Rotate keys\n### High\n- Lock file race\n### Later\n- [low] Rename\n- P2: Tidy\n- Plain\n\n## Action items\n- Tell ops (p1)\n\n## References\n- `src/auth.rs:12-40`: the check\n- [doc](docs/auth.md#L3)\n- tests/auth.rs\n- https://example.org/a.md\n";
    let parsed = read(text);
    assert_eq!((parsed.kind.as_str(), parsed.title.as_str()), ("summary", "Summary: auth analysis"));
    let priorities: Vec<(&str, Option<u8>)> =
        parsed.items.iter().map(|item| (item.title.as_str(), item.priority)).collect();
    let expected = [
        ("Tokens leak", None),
        ("Rotate keys", Some(0)),
        ("Lock file race", Some(1)),
        ("Rename", Some(3)),
        ("Tidy", Some(2)),
        ("Plain", None),
        ("Tell ops", Some(1)),
    ];
    assert_eq!(priorities, expected);
    assert_eq!(parsed.references, ["src/auth.rs:12-40", "docs/auth.md:3", "tests/auth.rs"]);
    assert_eq!(read("kind: summary\n\nText").kind, "summary");
    assert_eq!(read("## Done\n- a\n## Issues\n- b\n## References\n- c.rs\n").kind, "handoff");
}

#[test]
fn front_matter_is_read_and_its_errors_have_a_line() {
    let parsed = read(
        "\u{feff}---\r\ntitle: \"Auth work\"\r\nkind: summary\r\nkey: auth/sum\r\ntags: [auth, 'web']\r\nauthor: me\r\n---\r\n\r\n# Other\r\n\r\n## Done\r\n- a\r\n",
    );
    assert_eq!(
        (parsed.title.as_str(), parsed.kind.as_str(), parsed.key.as_deref()),
        ("Auth work", "summary", Some("auth/sum"))
    );
    assert_eq!(parsed.tags, ["auth", "web"]);
    assert_eq!(items(&parsed), ["task/done a"]);
    assert_eq!(read("---\ntags:\n  - x\n  - y\n---\nHello\n").tags, ["x", "y"]);
    let error = parse("\n---\ntitle: x\nkind: poem\n---\nHello\n").unwrap_err();
    assert_eq!(error.to_string(), "line 4: kind `poem` is neither handoff nor summary");
    assert_eq!(read("---\n\nHello\n").title, "Hello");
}

#[test]
fn titles_lose_their_decoration() {
    for (text, title) in [
        ("# 🤝 HANDOFF: Review PRs", "Review PRs"),
        ("# Handoff - 2026-01-02", "2026-01-02"),
        ("Session Handoff: x\n\nDone:\n- a", "x"),
        ("# Handoff\n\n## Done\n- the parser", "the parser"),
        ("## Done\n- the parser", "the parser"),
        ("just words\n\nmore", "just words"),
        ("## Working on auth\n\n## Done\n- a", "Working on auth"),
        ("***", "Handoff"),
    ] {
        assert_eq!(read(text).title, title, "{text}");
    }
}

#[test]
fn nothing_and_far_too_much_are_refused() {
    for text in ["", " \n\t\n", "\u{feff}\r\n\u{200f}"] {
        assert!(parse(text).unwrap_err().to_string().contains("empty"));
    }
    let error = parse(&format!("\n# x\n## Done\n{}", "- a\n".repeat(10_002))).unwrap_err();
    assert_eq!(error.to_string(), "line 10005: more than 10000 items in one handoff");
}

#[test]
fn a_title_can_be_seen_and_fits() {
    let front = read(&format!("---\ntitle: {}\n---\ntext", "long ".repeat(100)));
    assert!(front.title.ends_with('…') && front.title.width() <= TITLE_COLUMNS);
    let blank = "\u{1160}\u{200b}";
    assert_eq!(read(&format!("---\ntitle: {blank}\n---\n# {blank}\n\ntext")).title, "text");
    let items = read(&format!("# H\n## Next\n- {blank}\n- (high) {blank}\n- **Content** :\n  - a\n")).items;
    assert!(items.iter().all(|item| !is_blank(&item.title)));
    assert_eq!(items.last().unwrap().title, "Content");
}

#[test]
fn a_refused_kind_is_quoted_harmlessly() {
    let error = parse(&format!("---\nkind: {}\n---\ntext", "x".repeat(5000))).unwrap_err();
    assert!(error.message.len() < 200, "{}", error.message);
}

#[test]
fn junk_takes_linear_time() {
    for piece in
        ["# a\n", "- a\n  ", "a:\n", "**", "[", "`", "(", "|", "---\n", "a\n", "\u{1b}[", "> ", "```\n", "- [x](a.rs)"]
    {
        let junk = format!("## References\n{}", piece.repeat(50_000));
        let _ = parse(&junk);
        let _ = parse(&junk.replace("References", "Context"));
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn any_mixture_of_marks_is_read(parts in prop::collection::vec(
        prop::sample::select(vec!["## Done", "Next:", "- ", "* [x] ", "1. ", "\n", "\n\n", "  ", "\t", "t-4kq12", "`", "**", "(", ")",
            "[P1]", "---", "```", "===", ":", "é漢🤝", "|", "src/a.rs:1-2", "None", "a", "[x](", "\u{feff}", "#"]), 0..60,
    )) {
        if let Ok(parsed) = parse(&parts.concat()) {
            prop_assert!(parsed.items.iter().all(|item| !item.title.is_empty() && !item.title.contains('\n')));
        }
    }
}
