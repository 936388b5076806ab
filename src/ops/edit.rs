//! `edit`: other values for the parts of a record.

use super::report::Line;
use super::{Workspace, parts, resolve, stale};
use crate::domain::record::Record;
use crate::domain::{field, kind, when};
use crate::error::{Error, Result};
use crate::store::{Registers, Writer};
use serde::Serialize;
use serde_json::{Value, json};

/// What to change; what is `None` or empty stays.
#[derive(Clone, Debug, Default)]
pub struct EditInput {
    /// Id or key.
    pub id: String,
    /// Another title.
    pub title: Option<String>,
    /// Another body.
    pub body: Option<String>,
    /// Text to add at the end of the body, as a new paragraph.
    pub append: Option<String>,
    /// Another status.
    pub status: Option<String>,
    /// Another priority.
    pub priority: Option<u8>,
    /// Another key; empty removes it.
    pub key: Option<String>,
    /// Another defer-until time; empty removes it.
    pub defer: Option<String>,
    /// Tags to add.
    pub tags: Vec<String>,
    /// Tags to remove.
    pub untag: Vec<String>,
    /// References to add; one that is there is taken anew.
    pub refs: Vec<String>,
    /// References to add as files to be read first; one that is there becomes one.
    pub entries: Vec<String>,
    /// References to remove.
    pub unref: Vec<String>,
    /// Whether it may leave the machine.
    pub private: Option<bool>,
}

/// The report of `edit`.
#[derive(Clone, Debug, Serialize)]
pub struct EditReport {
    /// The record as it is now.
    pub record: Line,
    /// The names of the parts that changed.
    pub changed: Vec<&'static str>,
    /// What is odd about the references given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// Changes a record.
///
/// # Errors
/// `NotFound`, `Usage` for a bad value or nothing to change.
pub fn edit(workspace: &Workspace, input: &EditInput) -> Result<EditReport> {
    workspace.write(|writer| {
        let record = resolve::record(writer, &input.id)?;
        let mut set = Registers::new();
        scalars(writer, &record, input, &mut set)?;
        elements(workspace, &record, input, &mut set)?;
        if set.is_empty() {
            return Err(Error::usage("nothing to change").hint("state edit --help lists what can be changed"));
        }
        // What the record holds was kept on purpose: only what is new is masked, also of a body that grows.
        set.retain(|name, value| !is_held(&record, name, value));
        let is_masked = |name: &String, value: &Value| value.is_null() || name == field::BODY && input.append.is_some();
        let (kept, new): (Registers, Registers) = set.into_iter().partition(|(name, value)| is_masked(name, value));
        set = writer.masked(new);
        set.retain(|name, value| !is_held(&record, name, value));
        set.extend(kept);
        let names: Vec<&str> = set.keys().map(String::as_str).collect();
        let (names, mut changed) = (names.join(", "), names.iter().map(|name| part(name)).collect::<Vec<_>>());
        changed.dedup();
        let record = if set.is_empty() { record } else { writer.put_as_is(record.uid, set)? };
        writer.because(format!("edit {}: {names}", record.id()));
        let remarks = stale::remarks(input.refs.iter().chain(&input.entries), &workspace.place);
        Ok(EditReport { record: Line::of(writer, &record, writer.now())?, changed, remarks })
    })
}

/// What people call the part of a record that a register belongs to.
fn part(register: &str) -> &'static str {
    let sets = [(field::TAG, "tags"), (field::REF, "refs"), (field::CLAIM, "claim")];
    let of_set = sets.into_iter().find(|(prefix, _)| register.starts_with(prefix)).map(|(_, part)| part);
    let scalars = [field::TITLE, field::BODY, field::STATUS, field::PRIORITY, field::KEY, field::DEFER, field::PRIVATE];
    of_set.or_else(|| scalars.into_iter().find(|name| *name == register)).unwrap_or("more")
}

fn is_held(record: &Record, name: &str, value: &Value) -> bool {
    match record.get(name) {
        Some(held) => held == value,
        None => value.is_null(),
    }
}

fn scalars(writer: &Writer, record: &Record, input: &EditInput, set: &mut Registers) -> Result<()> {
    let mut put = |name: &str, value: Value| set.insert(name.to_owned(), value);
    if let Some(title) = &input.title {
        put(field::TITLE, json!(parts::title(title)?));
    }
    if let Some(body) = new_body(writer, record, input)? {
        put(field::BODY, json!(body));
    }
    if let Some(level) = input.priority {
        put(field::PRIORITY, json!(parts::priority(u64::from(level))?));
    }
    if let Some(key) = &input.key {
        put(field::KEY, if key.is_empty() { Value::Null } else { json!(parts::key(key)?) });
    }
    if let Some(until) = &input.defer {
        let until = if until.is_empty() { None } else { Some(when::parse_future(until, writer.now())?) };
        put(field::DEFER, json!(until.map(|until| until.timestamp_millis())));
    }
    if let Some(private) = input.private {
        put(field::PRIVATE, json!(private));
    }
    if let Some(name) = &input.status {
        if record.kind() == kind::JOB {
            return Err(Error::conflict(format!("what became of {} is not a matter of opinion", record.id()))
                .hint(format!("state drop {0} ends it, state run --again {0} runs it again", record.id())));
        }
        let row = kind::find(record.kind()).ok_or_else(|| {
            Error::conflict(format!("{} is of a newer state's kind '{}'", record.id(), record.kind()))
        })?;
        set.extend(into_status(record, parts::status(row, name)?));
    }
    Ok(())
}

/// The registers that bring a record into a status.
pub fn into_status(record: &Record, status: &str) -> Registers {
    let mut set = Registers::from([(field::STATUS.to_owned(), json!(status))]);
    if status != "active" {
        release(record, &mut set);
    }
    set
}

/// A task that is not worked on is claimed by nobody.
///
/// Adds to `set` what takes the claims away.
pub fn release(record: &Record, set: &mut Registers) {
    set.extend(record.elements(field::CLAIM).map(|(session, _)| (format!("{}{session}", field::CLAIM), Value::Null)));
}

fn new_body(writer: &Writer, record: &Record, input: &EditInput) -> Result<Option<String>> {
    let base = match &input.body {
        Some(body) => Some(parts::body(body)?),
        None if input.append.is_some() => Some(writer.body(record)?),
        None => None,
    };
    let Some(extra) = &input.append else { return Ok(base) };
    let base = base.unwrap_or_default();
    let extra = writer.masked_text(parts::body(extra)?);
    let whole = if base.trim().is_empty() { extra } else { format!("{}\n\n{extra}", base.trim_end()) };
    parts::body(&whole).map(Some)
}

fn elements(workspace: &Workspace, record: &Record, input: &EditInput, set: &mut Registers) -> Result<()> {
    for tag in &input.tags {
        set.insert(field::tag(&parts::tag(tag)?), json!(true));
    }
    for tag in &input.untag {
        let name = field::tag(&parts::tag(tag)?);
        present(record, &name, tag)?;
        set.insert(name, Value::Null);
    }
    for reference in &input.refs {
        let (name, mut value) = stale::register(reference, &workspace.place)?;
        if record.get(&name).is_some_and(stale::is_entry) {
            value[stale::ENTRY] = json!(true);
        }
        set.insert(name, value);
    }
    for reference in &input.entries {
        set.extend([stale::entry_register(reference, &workspace.place)?]);
    }
    for reference in &input.unref {
        let (name, _) = stale::register(reference, &workspace.place)?;
        present(record, &name, reference)?;
        set.insert(name, Value::Null);
    }
    Ok(())
}

fn present(record: &Record, name: &str, word: &str) -> Result<()> {
    match record.get(name) {
        Some(_) => Ok(()),
        None => Err(Error::new(crate::error::Kind::NotFound, format!("{} has no '{word}'", record.id()))
            .hint(format!("state show {}", record.id()))),
    }
}
