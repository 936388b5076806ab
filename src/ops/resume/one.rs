//! The briefing for one record, ready to be handed to a fresh agent: what it says, what it hangs on, what is known.

use super::gather::{DATA, Gatherer, lines, section, with_body};
use super::{Item, Section};
use crate::domain::record::Record;
use crate::domain::{field, kind, terms, text, when};
use crate::error::Result;
use crate::ops::{session, stale};
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Tokens of its body in the longer forms.
const BODY_TOKENS: [usize; 3] = [700, 350, 120];
/// How many records around it are offered to the budget.
const AROUND_MAX: usize = 20;
/// How many references are compared with the files.
const FILES_MAX: usize = 15;
/// How many transactions of its history are told.
const HISTORY_MAX: usize = 6;
/// What holds it up is named up to so many.
const BLOCKERS_MAX: usize = 10;

impl Gatherer<'_> {
    /// Everything about one record.
    pub(super) fn one(&self, record: &Record) -> Result<Vec<Section>> {
        let opening = lines(vec![self.headline(record)?, DATA.to_owned()]);
        let mut sections = vec![opening, self.against(record)?.vital(), self.text_of(record)?, self.files(record)];
        sections.push(section("Around it", self.around(record)?, 0, &format!("state show {}", record.id())));
        let mut known = self.known(Some(record))?;
        known.retain(|known| known.is_about_focus && known.record.uid != record.uid);
        let items = known.iter().map(|known| self.known_item(known)).collect::<Result<_>>()?;
        sections.push(section("Known", items, 0, "state search WORDS"));
        sections.push(self.instructions(Some(record))?);
        sections.push(section("History", self.history(record)?, 0, &format!("state log {}", record.id())));
        if record.kind() == kind::TASK && record.is_live() {
            let id = record.id();
            let line = format!("Begin: state start {id}; at the end: state done {id} -m WHAT-CAME-OF-IT");
            sections.push(Section { vital: false, ..lines(vec![line]) });
        }
        Ok(sections)
    }

    fn headline(&self, record: &Record) -> Result<String> {
        let mut line = format!("{}. {} {}", self.place_name(), record.id(), record.kind());
        let priority = if record.kind() == kind::TASK { format!(" p{}", record.priority()) } else { String::new() };
        let _ = write!(line, " {}{priority}", text::clean_line(record.status()));
        let me = self.me()?.map(|me| me.uid);
        match session::holder(self.view, record, self.now)? {
            Some(holder) if Some(holder.uid) == me => line.push_str(", yours"),
            Some(holder) => {
                let _ = write!(line, ", {} is on it", holder.id());
            }
            None => {}
        }
        let title = text::truncate_tokens(&text::clean_line(record.title()), 120);
        let _ = write!(line, ", changed {}: {title}", self.age(record));
        Ok(line)
    }

    /// What contradicts it, what it waits for, and which of its references no longer hold.
    fn against(&self, record: &Record) -> Result<Section> {
        let mut items = Vec::new();
        for other in self.view.contradicting(record, BLOCKERS_MAX)? {
            let line = format!("! {} says otherwise: {}", other.id(), Self::title(&other));
            items.push(Item::line(Some(other.id()), line).worth(0.95).why("the same key, something else".to_owned()));
        }
        for other in self.view.blockers(record, BLOCKERS_MAX)? {
            let status = text::clean_line(other.status());
            let line = format!("! waits for {} ({status}): {}", other.id(), Self::title(&other));
            items.push(Item::line(Some(other.id()), line).worth(0.95).why("it holds the record up".to_owned()));
        }
        Ok(section("Attention", items, 0, &format!("state show {}", record.id())).floor(5))
    }

    /// Its body.
    pub(super) fn text_of(&self, record: &Record) -> Result<Section> {
        let body = self.view.body(record)?;
        let id = record.id();
        let line = format!("{id} has {} lines: state show {id}", body.lines().count());
        let items = if body.trim().is_empty() { Vec::new() } else { vec![with_body(&line, &body, &BODY_TOKENS)] };
        // The quotation alone: who reads it need not be told how long it is.
        let bare = |form: String| form.split_once('\n').map_or(form.clone(), |(_, quote)| quote.to_owned());
        let items = items.into_iter().map(|forms| {
            let forms = forms.into_iter().map(bare).collect();
            Item::forms(Some(id), forms).worth(2.0).why("its text".to_owned())
        });
        Ok(section("Text", items.collect(), 0, &format!("state show {id}")))
    }

    fn files(&self, record: &Record) -> Section {
        let mut references: Vec<_> = record.elements(field::REF).collect();
        references.sort_by_key(|(_, value)| !stale::is_entry(value));
        let left_out = references.len().saturating_sub(FILES_MAX);
        let items = references.into_iter().take(FILES_MAX).map(|(path, value)| {
            let first = if stale::is_entry(value) { " (read first)" } else { "" };
            let state = stale::state(path, value, &self.workspace.place).remark();
            let line = format!("{}{first}{state}", text::clean_line(path));
            Item::line(None, line).worth(0.7).why("it refers to it".to_owned())
        });
        section("Files", items.collect(), left_out, &format!("state show {}", record.id()))
    }

    /// Its parent, parts, needs and whatever else hangs together with it, but for what is known: that comes later.
    fn around(&self, record: &Record) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let is_known = |other: &Record| [kind::FINDING, kind::DECISION].contains(&other.kind());
        for (word, uid) in record.links().take(AROUND_MAX) {
            let other = self.view.record(uid)?.filter(|other| !is_known(other));
            items.extend(other.map(|other| Self::neighbour(&text::clean_line(word), &other)));
        }
        self.view.scan_terms(&terms::incoming_of(record.uid), |uid| {
            if let Some(other) = self.view.record(uid)?.filter(|other| other.is_visible() && !is_known(other)) {
                let words = other.links().filter(|(_, to)| *to == record.uid).map(|(word, _)| incoming(word));
                items.push(Self::neighbour(&words.collect::<Vec<_>>().join(", "), &other));
            }
            Ok(if items.len() < AROUND_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(items)
    }

    fn neighbour(word: &str, other: &Record) -> Item {
        let status = text::clean_line(other.status());
        let line = format!("{word} {} ({status}): {}", other.id(), Self::title(other));
        let worth = if other.is_live() { 0.7 } else { 0.4 };
        Item::line(Some(other.id()), line).worth(worth).why("linked".to_owned())
    }

    /// Its last transactions, newest first.
    fn history(&self, record: &Record) -> Result<Vec<Item>> {
        let (mut items, mut told) = (Vec::new(), 0);
        for position in self.view.history(record.uid)?.into_iter().rev() {
            let first = self.view.commits_before(position + 1, 1)?.first().map_or(position, |(first, _)| *first);
            if first == told || items.len() >= HISTORY_MAX {
                continue;
            }
            told = first;
            let Some(event) = self.view.event(first)? else { continue };
            let by = event.session.map(|uid| crate::ops::list::id_of(self.view, uid)).transpose()?.unwrap_or_default();
            let what = text::truncate_tokens(&text::clean_line(event.why.as_deref().unwrap_or("changed")), 40);
            let line = format!("{} {by}: {what}", when::ago(event.at, self.now));
            items.push(Item::line(None, line).worth(0.4).why("its history".to_owned()));
        }
        Ok(items)
    }
}

/// A link as it reads from its other end.
fn incoming(word: &str) -> String {
    match word {
        field::link::NEEDS => "needed by".to_owned(),
        field::link::PARENT => "part".to_owned(),
        field::link::BLOCKS => "held up by".to_owned(),
        field::link::SUPERSEDES => "superseded by".to_owned(),
        field::link::FOUND_IN => "found here".to_owned(),
        field::link::RESULT_OF => "result".to_owned(),
        other => text::clean_line(other),
    }
}
