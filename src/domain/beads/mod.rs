//! Ledgers of beads, one JSON object a line, as drafts.
//!
//! Beads is the ledger that most agents' projects have today, so that its files are read as they are found: with conflict
//! markers of a merge in them, lines cut off by a crash, fields of any version. A line that cannot be taken is told by
//! number and never stops the others. What has no field here is kept in [`Draft::source`], so that nothing is lost.
//!
//! Does not know: files, the store, whether a dependency's target exists.

mod issue;

use super::draft::{Draft, Rejected};
use super::event::{NESTING_MAX, is_too_deep};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// How many lines are looked at to tell a ledger from other text.
const SNIFFED_LINES: usize = 20;

/// What a ledger holds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// One task an issue, in the order of the file.
    pub drafts: Vec<Draft>,
    /// The lines that were not taken.
    pub rejected: Vec<Rejected>,
}

/// Reads a ledger. Of several versions of an issue, as a merge conflict leaves them, the one changed last is taken.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let mut rejected = Vec::new();
    let mut versions: Vec<(usize, Draft)> = Vec::new();
    let mut place: HashMap<String, usize> = HashMap::new();
    for (line, content) in lines(text) {
        match read_line(content) {
            Err(why) => rejected.push(Rejected { line, why }),
            Ok(draft) => match place.get(draft.key.as_deref().unwrap_or_default()) {
                Some(&at) if draft.updated_at > versions[at].1.updated_at => versions[at] = (line, draft),
                Some(_) => {}
                None => {
                    place.insert(draft.key.clone().unwrap_or_default(), versions.len());
                    versions.push((line, draft));
                }
            },
        }
    }
    Parsed { drafts: versions.into_iter().map(|(_, draft)| draft).collect(), rejected }
}

/// Whether the beginning of `text` looks like a ledger of beads.
#[must_use]
pub fn looks_like_beads(text: &str) -> bool {
    lines(text).take(SNIFFED_LINES).any(|(_, line)| {
        let Ok(Value::Object(object)) = serde_json::from_str(line) else { return false };
        let has = |name: &str| object.contains_key(name);
        has("id") && has("title") && !has("kind") && (has("issue_type") || has("status") || has("created_at"))
    })
}

/// The lines with something on them, counted from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().map(str::trim).enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.is_empty())
}

fn read_line(line: &str) -> Result<Draft, String> {
    if let Some(marker) = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().find(|marker| line.starts_with(**marker))
    {
        return Err(format!("git conflict marker {marker}"));
    }
    let object: Map<String, Value> = match serde_json::from_str(line) {
        Ok(value) if is_too_deep(&value) => return Err(format!("nested more than {NESTING_MAX} levels deep")),
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("not a JSON object".to_owned()),
        Err(error) if error.is_eof() => return Err("JSON that is cut off".to_owned()),
        Err(error) => return Err(format!("not valid JSON at column {}", error.column())),
    };
    issue::read(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draft::DraftLink;
    use proptest::prelude::*;

    const CONFLICT: &str = include_str!("../../../fixtures/beads/conflict.jsonl");
    const LEDGER: &str = include_str!("../../../fixtures/demo/ledger.jsonl");

    fn one(line: &str) -> Draft {
        let Parsed { mut drafts, rejected } = parse(line);
        assert_eq!((drafts.len(), &rejected[..]), (1, &[][..]), "{line}");
        drafts.remove(0)
    }

    #[test]
    fn a_real_ledger_is_taken_whole() {
        let parsed = parse(LEDGER);
        assert_eq!((parsed.drafts.len(), parsed.rejected.len()), (170, 0));
        let first = &parsed.drafts[0];
        assert_eq!(first.title, "Make auto-flush debounce duration configurable");
        assert_eq!((first.key.as_deref(), first.origin.as_deref()), (Some("bd-1"), Some("beads:bd-1")));
        assert_eq!((first.status.as_deref(), first.priority), (Some("done"), Some(3)));
        assert_eq!(first.tags, ["feature"]);
        assert_eq!(first.created_at.unwrap().to_rfc3339(), "2025-10-22T06:53:44.313620+00:00");
        assert!(first.source.contains_key("closed_at"), "{:?}", first.source);
        assert!(parsed.drafts.iter().any(|draft| !draft.needs.is_empty()));
        assert!(looks_like_beads(LEDGER) && looks_like_beads(CONFLICT));
    }

    #[test]
    fn of_conflicting_versions_the_newer_is_taken_once() {
        let parsed = parse(CONFLICT);
        let whys: Vec<&str> = parsed.rejected.iter().map(|rejected| rejected.why.as_str()).collect();
        assert_eq!(whys, ["git conflict marker <<<<<<<", "git conflict marker =======", "git conflict marker >>>>>>>"]);
        assert_eq!(parsed.rejected[0].line, 1);
        let of_bd_1: Vec<_> = parsed.drafts.iter().filter(|draft| draft.key.as_deref() == Some("bd-1")).collect();
        assert_eq!(of_bd_1.len(), 1);
        assert_eq!(of_bd_1[0].updated_at.unwrap().to_rfc3339(), "2025-10-24T00:49:15.193091+00:00");
    }

    #[test]
    fn every_part_of_an_issue_has_its_place() {
        let draft = one(
            r##"{"id":"ui-0kw","title":"Fix\tthe\u001b[31m lock","description":"Why","design":"How","acceptance_criteria":"When",
            "notes":"Also","status":"in_progress","priority":9,"issue_type":"bug","labels":["#ux","bug"],"assignee":"max",
            "created_by":"mayor","close_reason":"merged","estimated_minutes":480,"created_at":"2026-02-13T12:00:00Z",
            "comments":[{"id":13,"author":"Ann","text":"Seen again","created_at":"2026-02-14T08:00:00Z"}],
            "dependencies":[{"issue_id":"ui-0kw","depends_on_id":"ui-1","type":"blocks"},
            {"issue_id":"ui-0kw","depends_on_id":"ui-2","type":"parent-child"},
            {"issue_id":"ui-0kw","depends_on_id":"ui-3","type":"discovered-from"},
            {"issue_id":"ui-0kw","depends_on_id":"ui-4","type":"related"},
            {"issue_id":"ui-0kw","depends_on_id":"ui-5","type":"supersedes"},
            {"issue_id":"ui-0kw","depends_on_id":"ui-6","type":"replies-to"},"ui-7"]}"##
                .replace('\n', " ")
                .as_str(),
        );
        assert_eq!(draft.title, "Fix the lock");
        assert_eq!(draft.status.as_deref(), Some("active"));
        assert_eq!((draft.priority, draft.tags), (Some(4), vec!["bug".to_owned(), "#ux".to_owned()]));
        assert_eq!((draft.actor.as_deref(), draft.reason.as_deref()), (Some("mayor"), Some("merged")));
        assert_eq!((draft.needs, draft.parent.as_deref()), (vec!["ui-1".to_owned(), "ui-7".to_owned()], Some("ui-2")));
        let link = |kind: &str, to: &str| DraftLink { kind: kind.to_owned(), to: to.to_owned() };
        let links =
            [link("found-in", "ui-3"), link("relates", "ui-4"), link("supersedes", "ui-5"), link("replies-to", "ui-6")];
        assert_eq!(draft.links, links);
        let body = "Why\n\n## Design\n\nHow\n\n## Acceptance criteria\n\nWhen\n\n## Notes\n\nAlso\n\n## Comments\n\n**Ann**, 2026-02-14T08:00:00Z:\n\nSeen again";
        assert_eq!(draft.body, body);
        assert_eq!(draft.source.keys().collect::<Vec<_>>(), ["assignee", "estimated_minutes"]);
    }

    #[test]
    fn statuses_are_mapped_and_the_odd_ones_kept() {
        let cases = [
            ("open", "open", false),
            ("in_progress", "active", false),
            ("closed", "done", false),
            ("blocked", "open", true),
            ("deferred", "open", true),
            ("hooked", "active", true),
            ("pinned", "open", true),
            ("simmering", "open", true),
        ];
        for (theirs, ours, kept) in cases {
            let draft = one(&format!(r#"{{"id":"a-1","title":"t","status":"{theirs}"}}"#));
            assert_eq!((draft.status.as_deref(), draft.source.contains_key("status")), (Some(ours), kept), "{theirs}");
        }
    }

    #[test]
    fn what_has_an_odd_shape_stays_in_the_source() {
        for field in [
            r#""labels":{"a":"b"}"#,
            r#""labels":["ux",null,{"a":1}]"#,
            r#""dependencies":"bd-1""#,
            r#""dependencies":[{"depends_on_id":"bd-1","note":"first this"}]"#,
            r#""comments":[{"text":"a","reactions":["+1"]}]"#,
            r#""comments":["a",{"by":"me"}]"#,
            r#""status":{"a":"b"}"#,
            r#""defer_until":"0000-01-01T00:00:00+01:00""#,
        ] {
            let draft = one(&format!(r#"{{"id":"a-1","title":"t",{field}}}"#));
            assert_eq!(draft.source.len(), 1, "{field}: {:?}", draft.source);
        }
        let taken = one(r#"{"id":"a-1","title":"t","labels":["ux",""],"comments":["a",{"id":1,"body":"b"}]}"#);
        assert_eq!((taken.source.len(), &taken.tags[..]), (0, &["ux".to_owned()][..]));
        assert_eq!(taken.body, "## Comments\n\na\n\n**?**:\n\nb");
    }

    #[test]
    fn what_no_line_of_an_export_could_hold_is_refused() {
        let line = format!(r#"{{"id":"a-1","title":"t","x":{}{}}}"#, "[".repeat(110), "]".repeat(110));
        let parsed = parse(&format!("{line}\n{{\"id\":\"{}\"}}", "long ".repeat(1000)));
        assert_eq!(parsed.rejected[0].why, "nested more than 100 levels deep");
        assert!(parsed.drafts.is_empty() && parsed.rejected[1].why.len() < 100);
    }

    #[test]
    fn broken_lines_are_told_and_stop_nothing() {
        let text = "\u{feff}{\"id\":\"a-1\",\"title\":\"first\"}\r\n\r\n[1]\n{\"id\":\"a-2\"\n{\"id\":\"a-3\"}\n{\"title\":\"x\"}\nhello\n\
            {\"id\":\"a-4\",\"title\":\"gone\",\"status\":\"tombstone\",\"delete_reason\":\"batch delete\"}\n{\"id\":\"a-5\",\"title\":\"last\"}";
        let parsed = parse(text);
        assert_eq!(parsed.drafts.iter().map(|draft| &draft.title[..]).collect::<Vec<_>>(), ["first", "gone", "last"]);
        let gone = &parsed.drafts[1];
        assert_eq!((gone.status.as_deref(), gone.reason.as_deref()), (Some("dropped"), Some("batch delete")));
        let told: Vec<(usize, &str)> = parsed.rejected.iter().map(|r| (r.line, r.why.as_str())).collect();
        let expected = [
            (3, "not a JSON object"),
            (4, "JSON that is cut off"),
            (5, "issue `a-3` has no title"),
            (6, "an issue without an id"),
            (7, "not valid JSON at column 1"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn other_text_is_no_ledger() {
        for text in ["", "# Handoff", r#"{"kind":"task","title":"x","id":"1","status":"open"}"#, r#"{"id":"x"}"#] {
            assert!(!looks_like_beads(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>(), value in "[\\[\\]{}\":,a-z0-9 ]{0,80}") {
            let line = format!(r#"{{"id":"a","title":"t","dependencies":[{value}],"comments":{value}}}"#);
            let text = format!("{text}\n{value}\n{line}\n{{\"id\":\"b\",\"title\":\"t\",\"status\":{text:?}}}");
            let parsed = parse(&text);
            prop_assert!(parsed.drafts.len() + parsed.rejected.len() <= text.lines().count());
            let _ = looks_like_beads(&text);
        }
    }
}
