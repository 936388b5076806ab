//! One issue of a ledger as a draft.

use crate::domain::draft::{Draft, DraftLink};
use crate::domain::field::link;
use crate::domain::kind;
use crate::domain::text::{clean_body, clean_line, quoted};
use crate::domain::when;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

/// The status of an issue that was deleted but must not come back by a merge.
const TOMBSTONE: &str = "tombstone";

/// The least urgent priority of both.
const PRIORITY_MAX: u8 = 4;

/// The fields that are sections of the body, with their headings.
const SECTIONS: [(&str, &str); 3] =
    [("design", "Design"), ("acceptance_criteria", "Acceptance criteria"), ("notes", "Notes")];

/// The fields of a dependency and of a comment that are taken over, or say what their place says.
const DEPENDENCY: [&str; 5] = ["issue_id", "depends_on_id", "type", "created_at", "created_by"];
const COMMENT: [&str; 4] = ["id", "issue_id", "author", "created_at"];

/// The draft of an issue; what has no field of its own stays in `source`.
pub(super) fn read(mut issue: Map<String, Value>) -> Result<Draft, String> {
    let id = take_line(&mut issue, "id").ok_or("an issue without an id")?;
    let Some(title) = take_line(&mut issue, "title") else { return Err(format!("issue {} has no title", quoted(&id))) };
    let mut draft = Draft {
        kind: kind::TASK.to_owned(),
        title,
        body: take_body(&mut issue),
        status: Some(take_status(&mut issue)),
        priority: take_priority(&mut issue),
        tags: take_tags(&mut issue),
        key: Some(id.clone()),
        label: Some(id.clone()),
        origin: Some(format!("beads:{id}")),
        created_at: take_time(&mut issue, "created_at"),
        updated_at: take_time(&mut issue, "updated_at"),
        actor: take_line(&mut issue, "created_by"),
        reason: take_line(&mut issue, "close_reason").or_else(|| take_line(&mut issue, "delete_reason")),
        defer: take_time(&mut issue, "defer_until").map(|time| time.to_rfc3339()),
        parent: take_line(&mut issue, "parent"),
        ..Draft::default()
    };
    take_dependencies(&mut issue, &id, &mut draft);
    draft.source = issue.into_iter().filter(|(_, value)| !is_nothing(value)).collect();
    Ok(draft)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// One line of text; a number is taken as its digits, anything else stays where it is.
fn take_line(issue: &mut Map<String, Value>, name: &str) -> Option<String> {
    let line = line_of(issue.get(name)?)?;
    issue.remove(name);
    Some(line)
}

fn line_of(value: &Value) -> Option<String> {
    let line = match value {
        Value::String(text) => clean_line(text),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!line.is_empty()).then_some(line)
}

fn take_text(issue: &mut Map<String, Value>, name: &str) -> Option<String> {
    let text = clean_body(issue.get(name)?.as_str()?);
    issue.remove(name);
    (!text.is_empty()).then_some(text)
}

/// A time that cannot be read stays in the source.
fn take_time(issue: &mut Map<String, Value>, name: &str) -> Option<DateTime<Utc>> {
    let text = issue.get(name)?.as_str()?.trim();
    let naive = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").map(|time| time.and_utc());
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).or_else(|_| naive()).ok()?;
    if !when::is_writable(time) {
        return None;
    }
    issue.remove(name);
    Some(time)
}

/// Our word for the status; theirs stays in the source wherever ours says less.
fn take_status(issue: &mut Map<String, Value>) -> String {
    let Some(theirs) = issue.get("status").and_then(Value::as_str) else { return "open".to_owned() };
    let (ours, same) = match theirs {
        "open" => ("open", true),
        "in_progress" => ("active", true),
        "closed" => ("done", true),
        "hooked" => ("active", false),
        TOMBSTONE => ("dropped", false),
        _ => ("open", false),
    };
    if same {
        issue.remove("status");
    }
    ours.to_owned()
}

fn take_priority(issue: &mut Map<String, Value>) -> Option<u8> {
    let priority: i64 = match issue.get("priority")? {
        Value::String(text) => text.trim().trim_start_matches(['p', 'P']).parse().ok()?,
        value => value.as_i64()?,
    };
    issue.remove("priority");
    u8::try_from(priority.max(0)).map_or(Some(PRIORITY_MAX), |priority| Some(priority.min(PRIORITY_MAX)))
}

/// The type, unless it is the plain one, and the labels.
fn take_tags(issue: &mut Map<String, Value>) -> Vec<String> {
    let kind = take_line(issue, "issue_type").filter(|kind| kind != "task");
    let (labels, odd): (Vec<Value>, Vec<Value>) = match issue.remove("labels") {
        Some(Value::Array(labels)) => labels.into_iter().partition(|label| line_of(label).is_some()),
        Some(Value::String(labels)) => (labels.split(',').map(Value::from).collect(), Vec::new()),
        other => (Vec::new(), other.into_iter().collect()),
    };
    keep(issue, "labels", odd);
    let mut tags: Vec<String> = Vec::new();
    for tag in kind.into_iter().chain(labels.iter().filter_map(line_of)) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// Leaves in the source what could not be taken from the list of this name.
fn keep(issue: &mut Map<String, Value>, name: &str, rest: Vec<Value>) {
    if rest.iter().any(|value| !is_nothing(value)) {
        issue.insert(name.to_owned(), Value::Array(rest));
    }
}

fn take_body(issue: &mut Map<String, Value>) -> String {
    let mut parts: Vec<String> = take_text(issue, "description").into_iter().collect();
    for (name, heading) in SECTIONS {
        parts.extend(take_text(issue, name).map(|text| format!("## {heading}\n\n{text}")));
    }
    let comments = take_comments(issue);
    if !comments.is_empty() {
        parts.push(format!("## Comments\n\n{}", comments.join("\n\n")));
    }
    parts.join("\n\n")
}

/// The comments as paragraphs; those that say more than these hold also stay in the source.
fn take_comments(issue: &mut Map<String, Value>) -> Vec<String> {
    if !issue.get("comments").is_some_and(Value::is_array) {
        return Vec::new();
    }
    let Some(Value::Array(comments)) = issue.remove("comments") else { return Vec::new() };
    let taken = comments.iter().filter_map(comment).collect();
    let known = |value: &Value| [&COMMENT[..], &[text_name(value)]].concat();
    let more = |value: &Value| comment(value).is_none() || says_more(value, &known(value));
    keep(issue, "comments", comments.into_iter().filter(more).collect());
    taken
}

/// The field that holds what a comment says.
fn text_name(comment: &Value) -> &'static str {
    if comment.get("text").is_some_and(Value::is_string) { "text" } else { "body" }
}

fn comment(value: &Value) -> Option<String> {
    let text_of = |name: &str| value.get(name).and_then(Value::as_str);
    let text = text_of(text_name(value)).or_else(|| value.as_str()).map(clean_body).filter(|text| !text.is_empty())?;
    if value.is_string() {
        return Some(text);
    }
    let author = clean_line(text_of("author").unwrap_or("?"));
    let time = text_of("created_at").map(|time| format!(", {}", clean_line(time))).unwrap_or_default();
    Some(format!("**{author}**{time}:\n\n{text}"))
}

/// Files each dependency under its meaning; those with more to tell than that also stay in the source.
fn take_dependencies(issue: &mut Map<String, Value>, id: &str, draft: &mut Draft) {
    if !issue.get("dependencies").is_some_and(Value::is_array) {
        return;
    }
    let Some(Value::Array(dependencies)) = issue.remove("dependencies") else { return };
    let mut rest = Vec::new();
    for dependency in dependencies {
        let known = target_of(&dependency).is_some_and(|(target, kind)| {
            if target != id {
                add_link(draft, &kind, target);
            }
            true
        });
        // An issue as the target has a line of its own in the ledger.
        let is_issue = dependency.get("dependency_type").is_some() && dependency.get("depends_on_id").is_none();
        if !known || !is_issue && says_more(&dependency, &DEPENDENCY) {
            rest.push(dependency);
        }
    }
    keep(issue, "dependencies", rest);
}

/// What a dependency points to and its type: `{depends_on_id, type}`, an issue with `dependency_type`, or an id.
fn target_of(dependency: &Value) -> Option<(String, String)> {
    let get = |names: [&str; 2]| names.iter().find_map(|name| line_of(dependency.get(name)?));
    match dependency {
        Value::String(_) => Some((line_of(dependency)?, "blocks".to_owned())),
        _ => Some((get(["depends_on_id", "id"])?, get(["type", "dependency_type"]).unwrap_or("blocks".to_owned()))),
    }
}

/// Whether an object has a field that is not `known`, or that is none of a line.
fn says_more(object: &Value, known: &[&str]) -> bool {
    let Value::Object(fields) = object else { return false };
    fields.iter().any(|(name, value)| {
        let taken = known.contains(&name.as_str()) && !value.is_array() && !value.is_object();
        !taken && !is_nothing(value) && value.as_str().is_none_or(|text| text != "{}")
    })
}

fn add_link(draft: &mut Draft, theirs: &str, target: String) {
    let kind = match theirs {
        "blocks" if draft.needs.contains(&target) => return,
        "blocks" => return draft.needs.push(target),
        "parent-child" | "parent" if draft.parent.is_none() => return draft.parent = Some(target),
        "parent-child" | "parent" => link::PARENT,
        "discovered-from" => link::FOUND_IN,
        "related" | "relates-to" | "relates_to" | "duplicates" => link::RELATES,
        other => other,
    };
    let wanted = DraftLink { kind: kind.to_owned(), to: target };
    if !draft.links.contains(&wanted) && (kind != link::PARENT || draft.parent.as_ref() != Some(&wanted.to)) {
        draft.links.push(wanted);
    }
}
