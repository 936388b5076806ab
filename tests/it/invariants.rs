//! What must hold of the pure rules whatever bytes they get: not only that they return, but what they then return.
//!
//! One function a target, which panics if something does not hold. `fuzz.rs` runs them over the corpus and mutations of
//! it; the coverage-guided fuzzer includes this file as it is. Size stands for work: no output outgrows its input.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use state::domain::draft::Draft;
use state::domain::event::{Event, decode, encode};
use state::domain::fold::apply;
use state::domain::id::looks_like_id;
use state::domain::kind;
use state::domain::query::{Facet, PARTS_MAX, Query};
use state::domain::record::Record;
use state::domain::reference::Reference;
use state::domain::text::{self, clean_body, clean_line, is_blank};
use state::domain::{beads, markdown, when};
use state::error::{Error, Kind};
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr;

/// Panics if something does not hold of these bytes.
pub type Check = fn(&[u8]);

/// The name of a target, which is its folder in `fixtures/fuzz/`, and what is run on its inputs.
pub const TARGETS: [(&str, Check); 7] = [
    ("event", event),
    ("query", query),
    ("markdown", markdown),
    ("beads", beads),
    ("when", when),
    ("reference", reference),
    ("text", text),
];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_795_271_400_000).unwrap()
}

/// A message is for a person at a terminal: short, one line.
#[track_caller]
fn assert_decent(error: &Error) {
    let shown = error.to_string();
    assert_eq!(error.kind, Kind::Usage, "{shown}");
    assert!(shown.len() < 600, "{} bytes of error: {shown:.200}", shown.len());
    assert!(!shown.contains(char::is_control), "{shown:?}");
}

#[track_caller]
fn assert_line(line: &str) {
    assert_eq!(clean_line(line), line);
    assert!(!line.is_empty(), "an empty line");
}

#[track_caller]
fn assert_distinct<T: Ord + std::fmt::Debug>(items: impl IntoIterator<Item = T>) {
    let mut seen = BTreeSet::new();
    for item in items {
        assert!(!seen.contains(&item), "{item:?} twice");
        seen.insert(item);
    }
}

fn event(bytes: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<Event>(bytes) {
        assert_encodes(&event);
    }
    let Ok(event) = decode(bytes) else { return };
    let again = assert_encodes(&event);
    assert!(again.len() <= 2 * bytes.len() + 300, "{} bytes became {}", bytes.len(), again.len());
    if let (Ok(Value::Object(before)), Ok(after)) = (rmp_serde::from_slice(bytes), rmp_serde::from_slice(&again)) {
        assert_unknown_is_kept(&before, &after);
    }
    assert!(decode(&[&again[..], b"\xc0"].concat()).is_err(), "what follows an event is no part of it");
}

/// The same event comes back from the log and from a line of JSON.
fn assert_encodes(event: &Event) -> Vec<u8> {
    let bytes = encode(event).unwrap();
    let decoded = decode(&bytes).unwrap();
    assert_eq!(&decoded, event);
    assert_eq!(encode(&decoded).unwrap(), bytes);
    let line = serde_json::to_string(event).unwrap();
    assert!(!line.contains('\n'));
    match serde_json::from_str::<Event>(&line) {
        Ok(read) => assert_eq!((encode(&read).unwrap(), &read), (bytes.clone(), event), "{line}"),
        Err(error) => assert!(error.to_string().starts_with("recursion limit"), "{error}: {line}"),
    }
    assert_folds(event);
    bytes
}

fn assert_folds(event: &Event) {
    for uid in event.touches.iter().chain(event.put().map(|put| &put.uid)).take(3) {
        let mut record = Record::unborn(*uid);
        apply(&mut record, event, 1);
        let once = record.clone();
        assert!(!apply(&mut record, event, 1));
        assert_eq!(record, once);
        let bytes = rmp_serde::to_vec_named(&record).unwrap();
        assert_eq!(rmp_serde::from_slice::<Record>(&bytes).unwrap(), record);
        let _ = (record.title(), record.status(), record.priority(), record.is_live(), record.deferred_until());
        let _ = (record.tags().count(), record.links().count(), record.claims(), record.body_position());
    }
}

/// Fields without a name here are the same before and after.
fn assert_unknown_is_kept(before: &Map<String, Value>, after: &Value) {
    const EVENT: [&str; 10] =
        ["stamp", "seq", "at", "commit", "session", "actor", "why", "undoes", "touches", "change"];
    let unknown = |known: &[&str], before: &Value, after: &Value| {
        let Value::Object(before) = before else { return };
        for (name, value) in before.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            assert_eq!(after.get(name), Some(value), "the field {name}");
        }
    };
    unknown(&EVENT, &Value::Object(before.clone()), after);
    let (before, after) = (&before["change"], &after["change"]);
    unknown(&["put"], before, after);
    unknown(&["uid", "create", "set"], &before["put"], &after["put"]);
    unknown(&["kind", "id"], &before["put"]["create"], &after["put"]["create"]);
}

fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let query = Query::parse(&text, now());
    let parts = [&query.words, &query.phrases, &query.without];
    let texts: Vec<&String> = parts.into_iter().flatten().collect();
    let filters: Vec<_> = query.filters.iter().chain(&query.excluded).collect();
    let times = usize::from(query.since.is_some()) + usize::from(query.before.is_some());
    assert!(texts.len() + filters.len() + times <= PARTS_MAX);
    assert!(texts.iter().all(|part| text.contains(*part) && part.contains(char::is_alphanumeric)));
    assert!(texts.iter().map(|part| part.len()).sum::<usize>() <= text.len());
    assert!(filters.iter().map(|filter| filter.value.len()).sum::<usize>() <= 3 * text.len());
    for filter in &filters {
        assert!(filter.facet == Facet::Path || !filter.value.is_empty());
        assert!(filter.facet.normalize(&filter.value) == filter.value, "{filter:?}");
    }
    assert!(query.is_nothing() <= !query.notes.is_empty());
    assert!(query.is_nothing() == (texts.is_empty() && filters.is_empty() && times == 0));
    for note in &query.notes {
        assert!(note.len() < 400 && !note.contains(char::is_control), "{note:?}");
    }
    assert_reads_the_same(&query);
    assert!(Query::of_words(&text).words.len() <= PARTS_MAX);
    assert!(!looks_like_id(&text) || text.is_ascii() && text.len() <= 14);
    assert!(Facet::ALL.iter().all(|facet| facet.normalize(&facet.normalize(&text)) == facet.normalize(&text)));
}

/// Written out again, a query means what it meant.
fn assert_reads_the_same(query: &Query) {
    let words = Query::parse(&query.words.join(" "), now());
    assert_eq!((&words.words, words.len_of_others()), (&query.words, 0));
    let phrases: Vec<String> = query.phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
    assert_eq!(Query::parse(&phrases.join(" "), now()).phrases, query.phrases);
}

trait Others {
    fn len_of_others(&self) -> usize;
}

impl Others for Query {
    fn len_of_others(&self) -> usize {
        self.phrases.len() + self.without.len() + self.filters.len() + self.excluded.len()
    }
}

fn markdown(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let parsed = match markdown::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => return assert_decent(&error),
    };
    assert!([kind::HANDOFF, kind::SUMMARY].contains(&parsed.kind.as_str()));
    assert_line(&parsed.title);
    assert!(parsed.title.width() <= 120 && !is_blank(&parsed.title), "{:?}", parsed.title);
    parsed.tags.iter().chain(&parsed.key).for_each(|word| assert_line(word));
    assert_eq!(clean_body(&parsed.body), parsed.body);
    parsed.items.iter().for_each(assert_item);
    parsed.references.iter().for_each(|reference| assert_canonical(reference));
    let items: usize = parsed.items.iter().map(size).sum();
    let references: usize = parsed.references.iter().map(String::len).sum();
    assert!(parsed.body.len() <= text.len() && references <= 2 * text.len());
    assert!(items <= 6 * text.len() + 100, "{} bytes became {items}", text.len());
    assert_eq!(markdown::parse(&parsed.body).unwrap(), parsed);
}

/// What an importer makes up of a text is what `add` would take.
fn assert_item(item: &Draft) {
    let kind = kind::find(&item.kind).expect("a kind of ours");
    assert!(kind.addable && kind.statuses.contains(&item.status.as_deref().unwrap()));
    assert_line(&item.title);
    assert!(item.title.width() <= 160 && !is_blank(&item.title), "{:?}", item.title);
    assert_eq!(clean_body(&item.body), item.body);
    assert!(item.priority.is_none_or(|priority| priority <= 4));
    assert!(item.about.as_deref().is_none_or(looks_like_id), "{:?}", item.about);
    assert!(item.refs.len() <= 20);
    assert_distinct(&item.refs);
    item.refs.iter().for_each(|reference| assert_canonical(reference));
}

#[track_caller]
fn assert_canonical(text: &str) {
    assert_eq!(Reference::parse(text).unwrap().to_string(), text);
}

fn size(draft: &Draft) -> usize {
    draft.title.len() + draft.body.len() + draft.refs.iter().map(String::len).sum::<usize>()
}

fn beads(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let parsed = beads::parse(&text);
    let lines = text.lines().count();
    assert!(parsed.drafts.len() + parsed.rejected.len() <= lines);
    assert!(parsed.rejected.is_sorted_by(|a, b| a.line < b.line));
    for rejected in &parsed.rejected {
        assert!((1..=lines).contains(&rejected.line) && rejected.why.len() < 400, "{}", rejected.why);
        assert_line(&rejected.why);
    }
    assert_distinct(parsed.drafts.iter().map(|draft| &draft.key));
    parsed.drafts.iter().for_each(assert_issue);
    assert!(parsed.drafts.iter().map(size).sum::<usize>() <= 6 * text.len());
    let _ = beads::looks_like_beads(&text);
    for line in text.lines().take(50) {
        let alone = beads::parse(line);
        if let (Ok(Value::Object(issue)), [draft]) = (serde_json::from_str(line.trim()), &alone.drafts[..]) {
            assert_nothing_is_lost(&issue, draft);
        }
    }
}

fn assert_issue(draft: &Draft) {
    assert_line(&draft.title);
    let key = draft.key.as_deref().unwrap();
    assert_line(key);
    assert_eq!((draft.label.as_deref(), draft.origin.as_deref()), (Some(key), Some(format!("beads:{key}").as_str())));
    let task = kind::find(kind::TASK).unwrap();
    assert!(draft.kind == task.name && task.statuses.contains(&draft.status.as_deref().unwrap()));
    assert!(draft.priority.is_none_or(|priority| priority <= 4));
    assert_eq!(clean_body(&draft.body), draft.body);
    let links = draft.links.iter().flat_map(|link| [&link.kind, &link.to]);
    let lines = draft.tags.iter().chain(&draft.needs).chain(&draft.parent).chain(&draft.actor).chain(&draft.reason);
    lines.chain(links).for_each(|line| assert_line(line));
    assert_distinct(&draft.tags);
    assert_distinct(&draft.needs);
    assert_distinct(draft.links.iter().map(|link| (&link.kind, &link.to)));
    if let Some(defer) = &draft.defer {
        assert!(when::parse_future(defer, now()).is_ok(), "{defer}");
    }
    serde_json::from_str::<Value>(&format!("[[[[[{}]]]]]", serde_json::to_string(&draft.source).unwrap()))
        .expect("what an issue has beyond our fields fits into a line of an export");
}

/// Every text of an issue is somewhere in its draft, but for the words that our fields say in their own way.
fn assert_nothing_is_lost(issue: &Map<String, Value>, draft: &Draft) {
    const SAID_OTHERWISE: [&str; 9] = [
        "status",
        "issue_type",
        "priority",
        "created_at",
        "updated_at",
        "defer_until",
        "type",
        "dependency_type",
        "issue_id",
    ];
    let Draft { title, body, tags, key, needs, parent, actor, reason, source, .. } = draft;
    let links: Vec<&String> = draft.links.iter().map(|link| &link.to).collect();
    let kept = [title, body].into_iter().chain(tags).chain(key).chain(needs).chain(parent).chain(actor).chain(reason);
    let mut kept: Vec<String> = kept.chain(links).map(|text| clean_line(text)).collect();
    source.values().for_each(|value| texts(value, &[], &mut kept));
    for (name, value) in issue.iter().filter(|(name, _)| !SAID_OTHERWISE.contains(&name.as_str())) {
        let mut wanted = Vec::new();
        match (name.as_str(), value) {
            ("labels", Value::String(labels)) => wanted.extend(labels.split(',').map(clean_line)),
            // Who made a dependency is not taken over, and an issue as the target has a line of its own.
            ("dependencies", Value::Array(items)) => items.iter().for_each(|item| {
                let is_issue = item.get("dependency_type").is_some() && item.get("depends_on_id").is_none();
                let item = item.get("id").filter(|_| is_issue).unwrap_or(item);
                texts(item, &[&SAID_OTHERWISE[..], &["created_by"]].concat(), &mut wanted);
            }),
            _ => texts(value, &SAID_OTHERWISE, &mut wanted),
        }
        for text in wanted.iter().filter(|text| !["", "{}"].contains(&text.as_str())) {
            assert!(kept.iter().any(|kept| kept.contains(text)), "{text:?} of {issue:?} is lost in {draft:?}");
        }
    }
}

/// The texts within a value, each as one line.
fn texts(value: &Value, without: &[&str], found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(clean_line(text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, without, found)),
        Value::Object(fields) => {
            let wanted = fields.iter().filter(|(name, _)| !without.contains(&name.as_str()));
            wanted.for_each(|(_, value)| texts(value, without, found));
        }
        _ => {}
    }
}

fn when(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (past, future) = (when::parse_time(&text, now()), when::parse_future(&text, now()));
    let duration = when::parse_duration(&text);
    if let (Ok(length), Ok(past), Ok(future)) = (&duration, &past, &future) {
        assert!(*past <= now() && now() <= *future && now() - *past == *length && *future - now() == *length);
    } else if let (Ok(past), Ok(future)) = (&past, &future) {
        assert_eq!(past, future);
    }
    for time in [&past, &future].into_iter().flatten() {
        let (before, after) = (when::age(*time, now()), when::ago(now(), *time));
        assert!(before.len() <= 9 && after.len() <= 13, "{before} {after}");
        let written = time.to_rfc3339();
        assert!(!text.contains('-') || when::parse_time(&written, now()).is_ok_and(|read| read == *time), "{written}");
    }
    [past.err(), future.err(), duration.err()].iter().flatten().for_each(assert_decent);
}

fn reference(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Reference::parse(&text) {
        Err(error) => assert_decent(&error),
        Ok(reference) => {
            let shown = reference.to_string();
            assert_canonical(&shown);
            assert!(shown.len() <= text.len() && !reference.path.contains(['\\', '\n']));
            assert!(!reference.path.split('/').skip(1).any(|part| ["", ".", ".."].contains(&part)), "{shown}");
            assert!(reference.lines.is_none_or(|(from, to)| 1 <= from && from <= to));
            assert_eq!(Reference::of_register(&reference.register()), Some(reference));
        }
    }
}

fn text(bytes: &[u8]) {
    let dirty = String::from_utf8_lossy(bytes);
    let (line, body, shown) = (clean_line(&dirty), clean_body(&dirty), text::display(&dirty));
    assert!(line.len() <= dirty.len() && body.len() <= dirty.len() && shown.len() <= dirty.len());
    assert!(!line.contains(char::is_control));
    assert!(!body.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
    assert_eq!((&clean_line(&line), &clean_body(&body)), (&line, &body));
    assert_eq!(clean_line(&body), line, "a line of the body");
    for harmless in [&line, &body, &*shown] {
        assert!(matches!(text::display(harmless), std::borrow::Cow::Borrowed(_)));
    }
    assert!(text::estimate_tokens(&dirty) <= 4 * dirty.len());
    for max in [0, 1, 7, bytes.len() % 64] {
        // What heaps marks on each other is cut even if they take no columns.
        let fits = line.width() <= max && line.len() <= 32 * max + 64;
        assert_cut(&line, &text::truncate_width(&line, max), fits, "…");
        assert!(text::truncate_width(&line, max).width() <= max, "{line:?} in {max} columns");
        let cut = text::truncate_tokens(&body, max);
        assert!(text::estimate_tokens(&cut) <= max);
        assert_cut(&body, &cut, text::estimate_tokens(&body) <= max, " …");
    }
    let near = text::nearest(&line, ["resume", "search", "naïve", ""], bytes.len() % 4);
    assert!(near.is_none_or(|near| near.chars().count().abs_diff(line.to_lowercase().chars().count()) <= 3));
}

/// What fits is left alone, anything else is a beginning of it and the mark.
#[track_caller]
fn assert_cut(whole: &str, cut: &str, fits: bool, mark: &str) {
    assert!(
        cut == whole || !fits && (cut.is_empty() || cut.strip_suffix(mark).is_some_and(|cut| whole.starts_with(cut)))
    );
}
