//! Files of an exported folder become the records that they were.
//!
//! A record that is here already is changed only by a file that somebody has edited, and only if the record has not changed
//! here since the export. One that is not here is made with its identity, session and times, so that a folder in an empty
//! store makes the same records.

use super::drafts::{BATCH, Graph};
use super::{ImportReport, Refusal};
use crate::domain::field;
use crate::domain::id::Uid;
use crate::domain::markdown::page::Page;
use crate::domain::record::Record;
use crate::error::{Error, Result};
use crate::ops::export::pages;
use crate::ops::{Workspace, link, resolve};
use crate::store::{Registers, View, Writer};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file that is the page of a record.
pub(super) struct PageFile {
    /// Where it is.
    pub(super) file: PathBuf,
    /// What it says.
    pub(super) page: Page,
}

/// A page whose words have become identities.
struct Wanted {
    file: PathBuf,
    page: Page,
    uid: Uid,
    created: DateTime<Utc>,
    updated: DateTime<Utc>,
    session: Option<Uid>,
    set: Registers,
}

/// What a page asks for.
enum Decision {
    Nothing,
    Create,
    Change(Registers),
    /// An import that was killed, or an older copy of the record: it gets what it had come to when the page was written.
    Complete(Registers),
    Refuse(String),
}

/// Whether a page is one that can be kept; if not, it is reported.
pub(super) fn is_takable(file: &PageFile, report: &mut ImportReport) -> bool {
    let parts = pages::birth(&file.page).and_then(|_| pages::registers(&file.page));
    let refusal = parts.err().map(|why| Refusal { file: file.file.clone(), line: 0, why: why.to_string() });
    let is_takable = refusal.is_none();
    report.rejected.extend(refusal);
    is_takable
}

/// Takes all pages in, a batch a transaction.
pub(super) fn take(
    workspace: &Workspace,
    files: Vec<PageFile>,
    report: &mut ImportReport,
    progress: &dyn Fn(usize, usize),
) -> Result<()> {
    let mut wanted = workspace.read(|view| plan(view, files, report))?;
    for page in &mut wanted {
        page.set = workspace.store.masking.registers(std::mem::take(&mut page.set));
    }
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for chunk in wanted.chunks(BATCH) {
        let decisions =
            workspace.read(|view| chunk.iter().map(|page| decide(view, page)).collect::<Result<Vec<_>>>())?;
        for (page, decision) in chunk.iter().zip(decisions) {
            match decision {
                Decision::Nothing => report.unchanged += 1,
                Decision::Create => new.push(page),
                Decision::Change(_) | Decision::Complete(_) => changed.push(page),
                Decision::Refuse(why) => report.rejected.push(Refusal { file: page.file.clone(), line: 0, why }),
            }
        }
    }
    create(workspace, new, report, progress)?;
    for chunk in changed.chunks(BATCH) {
        workspace.write(|writer| {
            for page in chunk {
                change(writer, page, report)?;
            }
            writer.because(format!("import {} edited files", chunk.len()));
            Ok(())
        })?;
    }
    Ok(())
}

/// Oldest first, so that who had a short id first has it again.
fn plan(view: &View, files: Vec<PageFile>, report: &mut ImportReport) -> Result<Vec<Wanted>> {
    let ids: BTreeMap<String, Uid> =
        files.iter().filter_map(|file| Some((file.page.front.id.clone(), file.page.front.uid?))).collect();
    let find = |id: &str| match ids.get(id) {
        Some(uid) => Some(*uid),
        None => resolve::record(view, id).ok().map(|record| record.uid),
    };
    let (mut wanted, mut graph) = (Vec::new(), Graph::default());
    for PageFile { file, page } in files {
        let ((uid, created), mut set) = (pages::birth(&page)?, pages::registers(&page)?);
        for wish in &page.front.links {
            let why = match find(&wish.id) {
                None => "no such record",
                Some(target) if !graph.take(uid, &wish.kind, target) => "would close a cycle",
                Some(target) => {
                    set.insert(field::link_to(&wish.kind, target), json!(true));
                    continue;
                }
            };
            report.links_left_out.push(format!("{} {} {}: {why}", page.front.id, wish.kind, wish.id));
        }
        let (session, updated) = (page.front.session.as_deref().and_then(find), page.front.updated.unwrap_or(created));
        wanted.push(Wanted { file, page, uid, created, updated, session, set });
    }
    wanted.sort_by_key(|wanted| (wanted.created, wanted.uid));
    wanted.dedup_by_key(|wanted| wanted.uid);
    Ok(wanted)
}

fn decide(view: &View, wanted: &Wanted) -> Result<Decision> {
    let Some(held) = view.record(wanted.uid)?.filter(|held| held.birth.is_some()) else { return Ok(Decision::Create) };
    if held.kind() != wanted.page.front.kind {
        return Ok(Decision::Refuse(format!("{} is a {} here", held.id(), held.kind())));
    }
    let is_older = held.updated_at > wanted.updated;
    if is_older && held.is_visible() && !wanted.page.is_edited {
        return Ok(Decision::Nothing);
    }
    let difference = difference(view, &held, &wanted.set)?;
    if held.updated_at < wanted.updated && !wanted.page.is_edited {
        return Ok(Decision::Complete(difference));
    }
    Ok(match difference.is_empty() {
        true => Decision::Nothing,
        false if is_older && held.is_visible() => {
            Decision::Refuse(format!("{} was changed here after the export, and in the file too", held.id()))
        }
        false => Decision::Change(difference),
    })
}

/// The registers that a page sets otherwise than the store has them.
fn difference(view: &View, held: &Record, wanted: &Registers) -> Result<Registers> {
    let page = pages::page(view, held, true)?;
    let mut now = pages::registers(&page).unwrap_or_default();
    for (kind, to) in held.links() {
        if view.record(to)?.is_some_and(|to| to.is_visible() && !to.flag(field::PRIVATE)) {
            now.insert(field::link_to(kind, to), json!(true));
        }
    }
    let gone = now.keys().filter(|name| !wanted.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    let set = wanted.iter().filter(|(name, value)| {
        now.get(*name) != Some(*value) && !(name.starts_with(field::LINK) && held.get(name).is_some())
    });
    let back = (!held.is_visible()).then(|| (field::GONE.to_owned(), Value::Null));
    Ok(set.map(|(name, value)| (name.clone(), value.clone())).chain(gone).chain(back).collect())
}

/// Makes the records, then brings them, oldest change first, into the state that they had come to.
fn create(
    workspace: &Workspace,
    mut new: Vec<&Wanted>,
    report: &mut ImportReport,
    progress: &dyn Fn(usize, usize),
) -> Result<()> {
    let total = new.len();
    for (at, chunk) in new.chunks(BATCH).enumerate() {
        workspace.store.write(|writer| {
            for page in chunk {
                writer.act_as(page.session, &page.page.front.actor);
                let mut set = page.set.clone();
                if page.updated > page.created {
                    later(&mut set);
                }
                writer.create_as(page.uid, &page.page.front.kind, set, page.created)?;
            }
            writer.because(format!("import {} records from Markdown", chunk.len()));
            Ok(())
        })?;
        progress(at * BATCH + chunk.len(), total);
    }
    report.added += total;
    for page in &new {
        *report.kinds.entry(page.page.front.kind.clone()).or_default() += 1;
    }
    new.retain(|page| page.updated > page.created);
    new.sort_by_key(|page| page.updated);
    for chunk in new.chunks(BATCH) {
        workspace.store.write(|writer| {
            for page in chunk {
                writer.act_as(page.session, &page.page.front.actor);
                writer.put_at(page.uid, later(&mut page.set.clone()), page.updated)?;
            }
            writer.because(format!("import the state of {} records from Markdown", chunk.len()));
            Ok(())
        })?;
    }
    Ok(())
}

/// Takes out of the registers what a record got after its birth.
fn later(set: &mut Registers) -> Registers {
    let names = [field::STATUS, field::REASON];
    names.iter().filter_map(|name| Some(((*name).to_owned(), set.remove(*name)?))).collect()
}

/// Changes a record as the edited file says; links are made by the rules of links.
fn change(writer: &mut Writer, wanted: &Wanted, report: &mut ImportReport) -> Result<()> {
    let mut set = match decide(writer, wanted)? {
        Decision::Change(set) => set,
        Decision::Complete(set) => {
            let (session, actor) = (writer.session(), writer.actor().to_owned());
            writer.act_as(wanted.session, &wanted.page.front.actor);
            writer.put_at(wanted.uid, set, wanted.updated)?;
            writer.act_as(session, &actor);
            report.updated += 1;
            return Ok(());
        }
        _ => {
            report.unchanged += 1;
            return Ok(());
        }
    };
    let is_link = |name: &String, value: &Value| name.starts_with(field::LINK) && !value.is_null();
    let links: Vec<String> =
        set.iter().filter(|(name, value)| is_link(name, value)).map(|(name, _)| name.clone()).collect();
    set.retain(|name, value| !is_link(name, value));
    if !set.is_empty() {
        writer.put(wanted.uid, set)?;
    }
    for name in links {
        if let Err(error) = connect(writer, wanted.uid, &name) {
            report.links_left_out.push(format!("{} {name}: {error}", wanted.page.front.id));
        }
    }
    report.updated += 1;
    Ok(())
}

fn connect(writer: &mut Writer, from: Uid, register: &str) -> Result<()> {
    let (kind, to) = register[field::LINK.len()..].rsplit_once('/').unwrap_or_default();
    let to = Uid::parse(to).ok_or_else(|| Error::usage("no such record"))?;
    link::connect(writer, from, kind, to)
}
