//! Front matter of our own files, both ways: a small part of YAML that any reader of YAML understands.
//!
//! A value is a plain word or JSON, which YAML contains; a list has an item a line, a map an entry a line. So a person can
//! read and edit it, and nothing of any text is lost.

use crate::domain::text;
use serde_json::{Map, Value};

/// The line before and after it.
pub(super) const FENCE: &str = "---";

/// The entries as lines, those named in `order` first, in that order; empty ones are left out.
pub(super) fn render(entries: &Map<String, Value>, order: &[&str]) -> String {
    let rest = entries.keys().map(String::as_str).filter(|name| !order.contains(name));
    let mut text = String::new();
    for name in order.iter().copied().chain(rest) {
        if let Some(value) = entries.get(name) {
            push_entry(&mut text, name, value);
        }
    }
    text
}

fn push_entry(text: &mut String, name: &str, value: &Value) {
    let name = word(name);
    match value {
        Value::Null => {}
        Value::Array(items) if items.iter().any(Value::is_object) => {
            text.extend([&name, ":\n"]);
            for item in items {
                text.extend(["  - ", &json(item), "\n"]);
            }
        }
        Value::Object(entries) => {
            text.extend([&name, ":\n"]);
            for (name, value) in entries {
                text.extend(["  ", &word(name), ": ", &scalar(value), "\n"]);
            }
        }
        value => text.extend([&name, ": ", &scalar(value), "\n"]),
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| json(value), word)
}

/// A text as it is if no reader of YAML could take it for anything else, and as a JSON string otherwise.
fn word(text: &str) -> String {
    const TAKEN: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@+:".contains(c))
        && !text.ends_with(':')
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str());
    let is_number = text.chars().all(|c| c.is_ascii_digit() || "eE.+-_:xXoO".contains(c));
    let is_time = text.len() >= 20 && text.ends_with('Z');
    if is_plain && (!is_number || is_time) { text.to_owned() } else { json(&Value::from(text)) }
}

/// The value as JSON in which what would not be seen, or would move a cursor, is written as an escape.
fn json(value: &Value) -> String {
    let mut escaped = String::new();
    for c in value.to_string().chars() {
        if text::is_harmless(c) {
            escaped.push(c);
        } else {
            escaped.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    escaped
}

/// The entries in these lines, which are those between the fences; `Err` has the number of the line, from 1.
pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Map<String, Value>, usize> {
    let mut entries: Map<String, Value> = Map::new();
    let mut open = None::<String>;
    for (at, line) in lines.enumerate() {
        let (indented, line) = (line.starts_with([' ', '\t']) || line.starts_with("- "), line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let held = open.as_ref().filter(|_| indented).and_then(|name| entries.get_mut(name));
        if let Some(held) = held {
            add(held, line).ok_or(at + 1)?;
        } else {
            let (name, value) = entry(line).ok_or(at + 1)?;
            open = value.is_null().then(|| name.clone());
            entries.insert(name, value);
        }
    }
    Ok(entries)
}

/// Adds an indented line to the entry that it belongs to.
fn add(held: &mut Value, line: &str) -> Option<()> {
    if let Some(item) = line.strip_prefix('-') {
        if held.is_null() {
            *held = Value::Array(Vec::new());
        }
        held.as_array_mut()?.push(read(item));
    } else {
        if held.is_null() {
            *held = Value::Object(Map::new());
        }
        let (name, value) = entry(line)?;
        held.as_object_mut()?.insert(name, value);
    }
    Some(())
}

/// `name: value`, the name plain or quoted.
fn entry(line: &str) -> Option<(String, Value)> {
    if !line.starts_with('"') {
        let (name, value) = line.split_once(": ").or_else(|| Some((line.strip_suffix(':')?, "")))?;
        return Some((name.trim().to_owned(), read(value)));
    }
    let mut parts = serde_json::Deserializer::from_str(line).into_iter::<String>();
    let name = parts.next()?.ok()?;
    Some((name, read(line[parts.byte_offset()..].strip_prefix(':')?)))
}

/// A value as JSON, else as a list of words in brackets, else as the text that it is.
fn read(text: &str) -> Value {
    let text = text.trim();
    if text.is_empty() {
        return Value::Null;
    }
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    match text.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        Some(list) => list.split(',').map(unquoted).filter(|word| !word.is_empty()).collect(),
        None => unquoted(text).into(),
    }
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn again(entries: &Value) -> Value {
        let text = render(entries.as_object().unwrap(), &["id", "tags"]);
        Value::Object(parse(text.lines()).unwrap_or_else(|line| panic!("line {line} of\n{text}")))
    }

    #[test]
    fn it_reads_well() {
        let entries = json!({"tags": ["a", "b c"], "id": "t-4kq", "title": "x: y # z", "count": 3, "when": "2026-03-02T09:00:00Z",
            "links": [{"kind": "needs", "id": "t-1"}], "more": {"step/a b": {"done": true}, "origin": "beads:bd-1"}, "no": null});
        let text = "id: t-4kq\ntags: [\"a\",\"b c\"]\ncount: 3\nlinks:\n  - {\"id\":\"t-1\",\"kind\":\"needs\"}\nmore:\n  \
            origin: beads:bd-1\n  \"step/a b\": {\"done\":true}\ntitle: \"x: y # z\"\nwhen: 2026-03-02T09:00:00Z\n";
        assert_eq!(render(entries.as_object().unwrap(), &["id", "tags"]), text);
    }

    #[test]
    fn what_a_person_writes_is_read() {
        let text =
            "# mine\ntags: [auth, 'two']\nkey: a/b\nrefs:\n- src/a.rs:1\n  - src/b.rs\n\nname:   Some words: here\n";
        let expected = json!({"tags": ["auth", "two"], "key": "a/b", "refs": ["src/a.rs:1", "src/b.rs"],
            "name": "Some words: here"});
        assert_eq!(Value::Object(parse(text.lines()).unwrap()), expected);
        assert_eq!(parse("a: b\nwhat is this\n".lines()), Err(2));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(name in "\\PC{1,8}", text in any::<String>(), texts in proptest::collection::vec("\\PC{0,9}", 1..4)) {
            let entries = json!({"id": text, name.clone(): {name: text, "b": [1, {"c": text}]}, "tags": texts,
                "links": [{"kind": text}], "é": text});
            prop_assert_eq!(again(&entries), entries);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = parse(text.lines());
        }
    }
}
