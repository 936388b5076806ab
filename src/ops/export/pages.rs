//! Records as pages and pages as registers, the two ways between the store and Markdown files.

use crate::domain::id::Uid;
use crate::domain::kind;
use crate::domain::markdown::page::{Front, Page, PageLink, PageReference};
use crate::domain::record::Record;
use crate::domain::reference::Reference;
use crate::domain::{field, text};
use crate::error::{Error, Result};
use crate::ops::parts;
use crate::ops::stale;
use crate::store::{Registers, View};
use chrono::DateTime;
use serde_json::{Value, json};

/// Bytes of a title in a file name.
const SLUG_BYTES_MAX: usize = 60;
/// What the index says of a record.
pub(super) struct Shown {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) remark: String,
    pub(super) is_live: bool,
    /// Its file, from the folder that holds all.
    pub(super) path: String,
}

/// The files of some records, without those that do not leave the machine.
pub(super) fn pages(view: &View, uids: &[Uid], private: bool) -> Result<Vec<(Shown, String)>> {
    let mut pages = Vec::new();
    for uid in uids {
        let Some(record) = view.record(*uid)?.filter(|record| goes_out(record, private)) else { continue };
        let page = page(view, &record, private)?;
        let priority = record.get(field::PRIORITY).map(|_| format!(", p{}", record.priority())).unwrap_or_default();
        let shown = Shown {
            kind: record.kind().to_owned(),
            id: record.id().to_owned(),
            title: page.title.clone(),
            remark: format!("{}{priority}", record.status()),
            is_live: record.is_live(),
            path: path(&record),
        };
        pages.push((shown, page.render()));
    }
    Ok(pages)
}

fn goes_out(record: &Record, private: bool) -> bool {
    record.is_visible() && (private || !record.flag(field::PRIVATE))
}

/// `tasks/t-4kq1a-rotate-refresh-tokens.md`
fn path(record: &Record) -> String {
    let folder = kind::find(record.kind()).map_or_else(|| slug(record.kind()), |kind| kind.plural.to_owned());
    let name = slug(&format!("{} {}", record.id(), record.title()));
    format!("{}/{name}.md", if folder.is_empty() { "others" } else { &folder })
}

/// Lower case words with dashes, letters of every script kept.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= SLUG_BYTES_MAX {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// A record as a page.
///
/// # Errors
/// `Corrupt` if the store cannot be read.
pub fn page(view: &View, record: &Record, private: bool) -> Result<Page> {
    let birth = record.birth.as_ref();
    let session = birth.and_then(|birth| birth.session).map(|uid| view.record(uid)).transpose()?.flatten();
    let line = |name: &str| record.text(name).map(text::clean_line);
    let front = Front {
        state: String::new(),
        id: record.id().to_owned(),
        uid: Some(record.uid),
        kind: record.kind().to_owned(),
        status: Some(record.status().to_owned()),
        priority: record.get(field::PRIORITY).map(|_| record.priority()),
        tags: record.tags().map(str::to_owned).collect(),
        key: line(field::KEY),
        created: birth.map(|birth| birth.at),
        updated: Some(record.updated_at),
        actor: birth.map(|birth| birth.actor.clone()).unwrap_or_default(),
        session: session.map(|session| session.id().to_owned()),
        branch: line(field::BRANCH),
        worktree: line(field::WORKTREE),
        private: record.flag(field::PRIVATE),
        defer: record.deferred_until(),
        reason: line(field::REASON),
        links: links(view, record, private)?,
        refs: references(record),
        more: record
            .registers
            .iter()
            .filter(|(name, register)| is_more(name) && !register.value.is_null())
            .map(|(name, register)| (name.clone(), register.value.clone()))
            .collect(),
    };
    let title = text::clean_line(record.title());
    Ok(Page { front, title, body: text::clean_body(&view.body(record)?), is_edited: false })
}

fn is_more(name: &str) -> bool {
    let elements = [field::TAG, field::LINK, field::REF];
    !field::NAMED.contains(&name) && !elements.iter().any(|prefix| name.starts_with(prefix))
}

/// Its links to records that go out too.
fn links(view: &View, record: &Record, private: bool) -> Result<Vec<PageLink>> {
    let mut links = Vec::new();
    for (kind, uid) in record.links() {
        if let Some(to) = view.record(uid)?.filter(|to| goes_out(to, private)) {
            let (id, title) = (to.id().to_owned(), text::clean_line(to.title()));
            links.push(PageLink { kind: kind.to_owned(), id, title, path: path(&to) });
        }
    }
    Ok(links)
}

fn references(record: &Record) -> Vec<PageReference> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    record
        .elements(field::REF)
        .map(|(path, value)| PageReference {
            path: path.to_owned(),
            hash: text(value, "hash"),
            commit: text(value, "commit"),
            entry: stale::is_entry(value),
        })
        .collect()
}

/// The registers that a page stands for, but for its links.
///
/// # Errors
/// `Usage` for a part that cannot be kept.
pub fn registers(page: &Page) -> Result<Registers> {
    let front = &page.front;
    let mut set: Registers =
        front.more.iter().filter(|(name, _)| is_more(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    let mut put = |name: &str, value: Value| set.insert(name.to_owned(), value);
    put(field::TITLE, json!(parts::title(&page.title)?));
    let body = parts::body(&page.body)?;
    if !body.is_empty() {
        put(field::BODY, json!(body));
    }
    if let Some(status) = &front.status {
        match kind::find(&front.kind) {
            Some(row) => put(field::STATUS, json!(parts::status(row, status)?)),
            None => put(field::STATUS, json!(text::clean_line(status))),
        };
    }
    if let Some(level) = front.priority {
        put(field::PRIORITY, json!(parts::priority(level)?));
    }
    if front.private {
        put(field::PRIVATE, json!(true));
    }
    if let Some(until) = front.defer {
        put(field::DEFER, json!(until.timestamp_millis()));
    }
    let lines = [
        (field::KEY, &front.key),
        (field::BRANCH, &front.branch),
        (field::WORKTREE, &front.worktree),
        (field::REASON, &front.reason),
    ];
    for (name, line) in lines {
        if let Some(line) = line {
            put(name, json!(text::clean_line(line)));
        }
    }
    for tag in &front.tags {
        put(&field::tag(&parts::tag(tag)?), json!(true));
    }
    for reference in &front.refs {
        let parsed: Reference = reference.path.parse()?;
        let mut value = json!({"hash": reference.hash, "commit": reference.commit});
        if reference.entry {
            value[stale::ENTRY] = json!(true);
        }
        put(&parsed.register(), value);
    }
    Ok(set)
}

/// The identity and the birth that a page tells.
///
/// # Errors
/// `Usage` if it does not.
pub fn birth(page: &Page) -> Result<(Uid, chrono::DateTime<chrono::Utc>)> {
    let is_word = |c: char| c.is_alphanumeric() || "-_".contains(c);
    let kind = &page.front.kind;
    if kind.is_empty() || kind.len() > 64 || !kind.chars().all(is_word) {
        return Err(Error::usage(format!("'{}' is no kind", text::clean_line(kind))));
    }
    let uid = page.front.uid.ok_or_else(|| {
        Error::usage("it has no uid").hint("a new record is made by state add; this front matter is that of an export")
    })?;
    Ok((uid, page.front.created.unwrap_or(DateTime::UNIX_EPOCH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_short_and_say_what_it_is() {
        assert_eq!(slug("t-4kq Rotate (refresh) tokens!"), "t-4kq-rotate-refresh-tokens");
        assert_eq!(slug("n-1 漢字 Übung/../x"), "n-1-漢字-übung-x");
        assert!(slug(&"long ".repeat(100)).len() < 70 && slug(&"漢".repeat(300)).len() < 70);
        assert_eq!(slug("../.."), "");
    }
}
