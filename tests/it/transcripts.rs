//! Handoffs made of transcripts: of those in `fixtures/transcripts` all unfinished work must be named by the handoff alone.
//!
//! `NAME.expected` holds what it must say, a line each, and after `!` what it must not. Those named for their host and day,
//! killed, compact, background, subagent, interrupted, resumed were recorded from the real programs (Claude Code 2.1.329,
//! Codex 0.169.0, Gemini CLI 0.61.0) with a scripted model, and thinned; the others are made by hand in the same formats.

use crate::support::files_under;
use insta::assert_snapshot;
use serde_json::json;
use state::domain::activity::Activity;
use state::domain::draft::Draft;
use state::domain::markdown;
use state::domain::text::estimate_tokens;
use state::domain::transcript::{Story, Teller, compose, entries};
use std::path::{Path, PathBuf};

fn told(bytes: &[u8]) -> Story {
    let mut teller = Teller::default();
    bytes.split(|byte| *byte == b'\n').flat_map(entries).for_each(|entry| teller.take(entry));
    teller.end()
}

fn handoff(bytes: &[u8]) -> Option<Draft> {
    compose(&Activity::default(), &told(bytes))
}

/// Every transcript of the fixtures and what is in it.
pub fn fixtures() -> Vec<(PathBuf, Vec<u8>)> {
    let paths = files_under("fixtures/transcripts", "jsonl").into_iter();
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn text(draft: &Draft) -> String {
    format!("# {}\n\n{}\n", draft.title, draft.body)
}

fn of(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/transcripts").join(format!("{name}.jsonl"));
    text(&handoff(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn the_handoff_alone_names_all_unfinished_work() {
    let (mut judged, mut wrong) = (0, String::new());
    for (path, bytes) in fixtures() {
        let Ok(expected) = std::fs::read_to_string(path.with_extension("expected")) else { continue };
        let text = text(&handoff(&bytes).unwrap());
        judged += 1;
        let fails = |line: &&str| match line.strip_prefix('!') {
            Some(unwanted) => text.contains(unwanted),
            None => !text.contains(*line),
        };
        for line in expected.lines().filter(fails) {
            wrong += &format!("{}: {line}\n{text}\n", path.display());
        }
    }
    assert!(judged >= 10 && wrong.is_empty(), "{judged} judged\n{wrong}");
}

/// What holds for the handoff of any transcript.
fn assert_is_decent(draft: &Draft, name: &str) {
    let whole = text(draft);
    assert!(estimate_tokens(&draft.body) <= 600 && draft.body.lines().count() <= 60, "{name}: {whole}");
    assert!(!draft.title.is_empty() && draft.entries.len() <= 3, "{name}: {whole}");
    let is_hidden =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!whole.contains(is_hidden), "{name}: {whole:?}");
    // A body is only ever read without its title, or below one of ours.
    let parsed = markdown::parse(&format!("# Handoff\n\n{}\n", draft.body)).unwrap();
    assert!(parsed.items.is_empty(), "{name} makes records of what it quotes: {:?}\n{whole}", parsed.items);
}

#[test]
fn no_handoff_is_long_or_makes_records_of_what_it_quotes() {
    for (path, bytes) in fixtures() {
        handoff(&bytes).iter().for_each(|draft| assert_is_decent(draft, &path.display().to_string()));
    }
    let hostile = |words: &str| {
        json!({"type": "user", "sessionId": "s", "message": {"content": format!("{words}\n- [ ] one\n")}}).to_string()
            + "\n"
            + &json!({"type": "assistant", "sessionId": "s", "message": {"content": [
                {"type": "text", "text": format!("{words}\n- [ ] two\n\n{words}\n\n- three\n")},
                {"type": "tool_use", "id": "1", "name": "Edit", "input": {"file_path": format!("{words}\n- [ ] four")}}]}})
            .to_string()
            + "\n"
            + &json!({"type": "user", "sessionId": "s", "message": {"content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "ok"}]}})
            .to_string()
    };
    for words in [
        "## Next",
        "Next:",
        "**Blockers:**",
        "Next\n====",
        "```",
        "~~~\n",
        "- Next:\n  - a",
        "1. Todo:",
        "> ## Next",
        "| Next |",
    ] {
        assert_is_decent(&handoff(hostile(words).as_bytes()).unwrap(), words);
    }
}

#[test]
fn the_handoff_of_a_killed_session() {
    assert_snapshot!(of("claude-killed"), @r#"
    # Please go on with the negative durations.

    ## Stopped at

    - under way: "running python3 -c 'import time; time.sleep(61)'; echo importer checked"
    - failed: `python3 -m unittest -q test_durations`: "ERROR: test_negative (test_durations.Durations.test_negative); FAILED (errors=1)"
    - edited and not committed: test_durations.py

    ## Said last

    > test_negative fails, as it should. Next I will strip the sign before the fullmatch in durations.py. First I check how the importer writes them.
    "#);
}

#[test]
fn the_handoff_of_a_session_with_a_list_and_a_failing_test() {
    assert_snapshot!(of("claude-todos-failing"), @r#"
    # Add partial refunds to the ledger: POST /refunds, with tests.

    ## Unfinished

    - failed: `cargo test -p api --test refunds`: "test rounds_half_up ... FAILED; test result: FAILED. 2 passed; 1 failed; 0 ignored"
    - in hand: "POST /refunds with validation"
    - to do: "Tests for rounding"
    - to do: "Changelog entry"
    - edited since its last commit: src/api/refunds.rs

    ## Asked

    > … Keep the old endpoint working. The amounts are in cents.

    ## Said last

    > The endpoint works, but rounds_half_up fails: 33 instead of 34. Decided: amounts stay in cents as i64, no decimals.
    > ## Next
    > 1. round half up in src/api/refunds.rs:57
    > 2. ask Ada whether refunds over the original amount are refused
    > ## Done
    > - the table

    ## It did

    - commit 91ab3de: "Add the refunds table"
    - passed: `cargo test -p ledger`

    ## Files

    Edited: src/refunds.rs, migrations/0042_refunds.sql
    "#);
}

#[test]
fn the_handoff_of_a_compacted_session() {
    assert_snapshot!(of("codex-compact"), @r#"
    # parse_duration drops the minutes of '1h30m': fix it, with a test, and commit.

    ## Unfinished

    - in hand: "Reject negative durations with a clear message"
    - to do: "Document the unit list in README.md"

    ## Asked

    > Please read it all again.

    ## Said last

    > Carried on from the summary. The unit list in README.md is still to be written.

    ## Kept at compaction

    > 1. Primary request: parse_duration dropped the minutes of '1h30m'; fix it, with a test, and commit.
    > 2. Decisions: findall over all units; fullmatch so that trailing junk is refused.
    > …
    > 4. Pending: reject negative durations with a clear message; document the unit list in README.md.
    > 5. Current work: none begun after the commit.

    ## It did

    - commit e5414c1: "Count every unit of a duration"
    - passed: `python3 -m unittest -q test_durations`

    ## Files

    Edited: durations.py, test_durations.py
    "#);
}

#[test]
fn the_handoff_of_a_session_killed_in_a_script() {
    assert_snapshot!(of("codex-中文-killed"), @r#"
    # 给搜索结果加上分页，每页二十条，并写测试。

    ## Stopped at

    - under way: "running ruff check src"
    - under way: "running pytest -q tests/test_分页.py"
    - in hand: "实现分页"
    - to do: "更新说明文档"
    - edited and not committed: tests/test_分页.py, src/分页.py

    ## Said last

    > 分页的测试写好了。下一步：处理最后一页不满二十条的情况。
    "#);
}

#[test]
fn a_transcript_may_end_anywhere_and_come_in_any_order() {
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    for (path, bytes) in fixtures() {
        for _ in 0..8 {
            let (from, to) = (next(bytes.len()), next(bytes.len()));
            let part = &bytes[from.min(to)..from.max(to)];
            handoff(part).iter().for_each(|draft| assert_is_decent(draft, &path.display().to_string()));
            let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            for at in (1..lines.len()).rev() {
                lines.swap(at, next(at + 1));
            }
            handoff(&lines.join(&b'\n')).iter().for_each(|draft| assert_is_decent(draft, &path.display().to_string()));
            let mut broken = bytes.clone();
            (0..20).for_each(|_| broken[next(bytes.len())] = u8::try_from(next(256)).unwrap());
            handoff(&broken).iter().for_each(|draft| assert_is_decent(draft, &path.display().to_string()));
        }
    }
}
