//! What each section of a briefing has to say.

use super::{Item, ResumeInput, Section};
use crate::domain::id::Uid;
use crate::domain::kind::{self, KINDS};
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::{field, terms, text, when};
use crate::error::Result;
use crate::index::Page;
use crate::ops::{Workspace, ready, search, session, stale};
use crate::store::View;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// How many records a section reads at most: a briefing costs the same at any size of the store.
const READ_MAX: usize = 60;
/// How many known records are offered to the budget.
const KNOWN_MAX: usize = 12;
/// Tokens of a handoff in its longest form.
const HANDOFF_TOKENS: usize = 500;

pub(super) struct Gathered {
    pub(super) focus: Option<String>,
    pub(super) sections: Vec<Section>,
}

pub(super) struct Gatherer<'a> {
    pub(super) view: &'a View,
    pub(super) workspace: &'a Workspace,
    pub(super) all_branches: bool,
    pub(super) now: DateTime<Utc>,
}

pub(super) fn gather(view: &View, workspace: &Workspace, input: &ResumeInput, now: DateTime<Utc>) -> Result<Gathered> {
    let gatherer = Gatherer { view, workspace, all_branches: input.all_branches, now };
    if view.next_position() == 1 {
        return Ok(Gathered { focus: None, sections: vec![gatherer.beginning()] });
    }
    let last = gatherer.last_session()?;
    let focus = gatherer.focus(last.as_ref())?;
    let mut sections = vec![gatherer.opening(last.as_ref(), focus.as_ref())?];
    sections.push(gatherer.conflicts()?);
    sections.push(gatherer.handoff()?);
    let [active, next] = gatherer.tasks()?;
    sections.push(active);
    sections.push(gatherer.blockers()?);
    sections.push(next);
    sections.extend(gatherer.known(focus.as_ref())?);
    sections.push(footer());
    Ok(Gathered { focus: focus.map(|focus| focus.id().to_owned()), sections })
}

fn footer() -> Section {
    let line = "More: state show ID, state search WORDS, state ready, state log";
    Section { items: vec![Item::line(None, line.to_owned())], floor: 1, ..Section::default() }
}

pub(super) fn section(title: &str, items: Vec<Item>, left_out: usize, more: &str) -> Section {
    Section { title: title.to_owned(), items, left_out, more: more.to_owned(), floor: 3 }
}

impl Gatherer<'_> {
    /// An empty store: how to begin.
    fn beginning(&self) -> Section {
        let lines = [
            format!("{}: nothing recorded yet.", self.place_name()),
            "Begin: state start \"WHAT YOU DO\"; keep what you learn: state add finding \"…\"".to_owned(),
            "Bring history along: state import FILE-OR-FOLDER; before you stop: state add - < HANDOFF.md".to_owned(),
        ];
        Section {
            items: lines.into_iter().map(|line| Item::line(None, line)).collect(),
            floor: 3,
            ..Section::default()
        }
    }

    fn place_name(&self) -> String {
        let place = &self.workspace.place;
        let branch = place.branch.as_ref().map(|branch| format!(", branch {branch}")).unwrap_or_default();
        let worktree = if place.worktree == place.project || place.worktree.is_empty() {
            String::new()
        } else {
            format!(", worktree {}", place.worktree)
        };
        text::clean_line(&format!("{}{branch}{worktree}", place.project))
    }

    /// Focus, handoff and interruptions are the branch's; what has no branch is everybody's.
    pub(super) fn is_here(&self, record: &Record) -> bool {
        let branch = record.text(field::BRANCH);
        self.all_branches
            || branch.is_none()
            || self.workspace.place.branch.is_none()
            || branch == self.workspace.place.branch.as_deref()
    }

    fn opening(&self, last: Option<&Record>, focus: Option<&Record>) -> Result<Section> {
        let mut line = format!("{}.", self.place_name());
        if let Some(session) = last {
            let age = when::ago(session::last_seen(self.view, session)?, self.now);
            let standing = session::standing(self.view, session, self.now)?.word();
            let _ = write!(line, " Last session {} ({}) {age}, {standing}.", session.id(), Self::title(session));
        }
        if let Some(focus) = focus {
            let _ = write!(line, " Focus: {} ({}).", Self::title(focus), focus.id());
        }
        Ok(Section { items: vec![Item::line(None, line)], floor: 1, ..Section::default() })
    }

    pub(super) fn title(record: &Record) -> String {
        text::truncate_tokens(&text::clean_line(record.title()), 30)
    }

    pub(super) fn age(&self, record: &Record) -> String {
        when::ago(record.updated_at, self.now)
    }

    /// The session that acted last on this branch, other than the one that asks.
    fn last_session(&self) -> Result<Option<Record>> {
        let me = session::current(self.view, self.workspace)?.map(|session| session.uid);
        let mut found: Option<(DateTime<Utc>, Record)> = None;
        let mut read = 0;
        self.view.each(&terms::kind_term(kind::SESSION), |session| {
            read += 1;
            if Some(session.uid) != me && self.is_here(&session) {
                let seen = session::last_seen(self.view, &session)?;
                if found.as_ref().is_none_or(|(newest, _)| seen > *newest) {
                    found = Some((seen, session));
                }
            }
            Ok(proceed(read))
        })?;
        Ok(found.map(|(_, session)| session))
    }

    /// What this session started last, else what the last one did, if it is still to be done.
    fn focus(&self, last: Option<&Record>) -> Result<Option<Record>> {
        let me = session::current(self.view, self.workspace)?;
        for session in me.iter().chain(last) {
            if let Some(uid) = session.text(field::FOCUS).and_then(Uid::parse)
                && let Some(task) = self.view.record(uid)?
                && task.is_live()
            {
                return Ok(Some(task));
            }
        }
        Ok(None)
    }

    fn conflicts(&self) -> Result<Section> {
        let mut items: Vec<Item> = Vec::new();
        let mut told: Vec<Uid> = Vec::new();
        self.view.each(terms::CONFLICTS, |record| {
            if told.contains(&record.uid) {
                return Ok(ControlFlow::Continue(()));
            }
            told.push(record.uid);
            for other in self.view.contradicting(&record, 5)? {
                if !told.contains(&other.uid) {
                    told.push(other.uid);
                    let key = record.text(field::KEY).unwrap_or("");
                    let line =
                        format!("! {} contradicts {} on {key}: {}", record.id(), other.id(), Self::title(&record));
                    items.push(Item::line(Some(record.id()), line));
                }
            }
            Ok(proceed(items.len()))
        })?;
        Ok(section("Conflicts", items, 0, "state list conflicts"))
    }

    /// The last handoff of this branch.
    pub(super) fn last_handoff(&self) -> Result<Option<Record>> {
        let (mut found, mut read) = (None, 0);
        self.view.each(&terms::kind_term(kind::HANDOFF), |handoff| {
            read += 1;
            found = Some(handoff).filter(|handoff| handoff.is_live() && self.is_here(handoff));
            Ok(if found.is_some() { ControlFlow::Break(()) } else { proceed(read) })
        })?;
        Ok(found)
    }

    /// The last handoff; with all branches, the last of each.
    fn handoff(&self) -> Result<Section> {
        let mut found: Vec<Record> = Vec::new();
        let mut read = 0;
        self.view.each(&terms::kind_term(kind::HANDOFF), |handoff| {
            read += 1;
            let is_told = found.iter().any(|newer| newer.text(field::BRANCH) == handoff.text(field::BRANCH));
            if handoff.is_live() && self.is_here(&handoff) && !is_told {
                found.push(handoff);
            }
            let is_enough = !self.all_branches && !found.is_empty();
            Ok(if is_enough { ControlFlow::Break(()) } else { proceed(read) })
        })?;
        let items = found.iter().map(|handoff| self.handoff_item(handoff)).collect::<Result<_>>()?;
        Ok(section("Handoff", items, 0, "state list handoffs"))
    }

    fn handoff_item(&self, handoff: &Record) -> Result<Item> {
        let line = format!("{} {}: {}", handoff.id(), self.age(handoff), Self::title(handoff));
        let body = self.view.body(handoff)?;
        let rest = body.strip_prefix("# ").and_then(|body| body.split_once('\n'));
        let body = rest.map_or(body.as_str(), |(_, rest)| rest);
        let forms = [HANDOFF_TOKENS, HANDOFF_TOKENS / 2, HANDOFF_TOKENS / 5]
            .map(|tokens| format!("{line}\n{}", quoted(body, tokens)));
        Ok(Item::forms(Some(handoff.id()), forms.into_iter().chain([line.clone()]).collect()))
    }

    fn blockers(&self) -> Result<Section> {
        let mut items = Vec::new();
        self.view.each(&terms::status_term(kind::BLOCKER, "open"), |blocker| {
            let mut held = Vec::new();
            for uid in blocker.linked(field::link::BLOCKS) {
                held.extend(self.view.record(uid)?.filter(Record::is_live).map(|task| task.id().to_owned()));
            }
            let holds = if held.is_empty() { String::new() } else { format!(" holds up {}", held.join(", ")) };
            let line = format!("{} {}: {}{holds}", blocker.id(), self.age(&blocker), Self::title(&blocker));
            items.push(Item::line(Some(blocker.id()), line));
            Ok(proceed(items.len()))
        })?;
        let waiting = self.view.count(terms::BLOCKED, ready::COUNT_MAX)?;
        if items.is_empty() && waiting > 0 {
            let tasks = if waiting == 1 { "1 task waits".to_owned() } else { format!("{waiting} tasks wait") };
            let line = format!("{tasks} for others: state list blocked");
            items.push(Item::line(None, line));
        }
        Ok(section("Blocked", items, 0, "state list blockers"))
    }

    /// Every other kind that the table gives a place here: what is known, under the titles of the table.
    fn known(&self, focus: Option<&Record>) -> Result<Vec<Section>> {
        let mut by_title: BTreeMap<&str, Vec<&kind::Kind>> = BTreeMap::new();
        for row in KINDS.iter().filter(|row| row.name != kind::TASK && row.name != kind::BLOCKER) {
            if let Some(title) = row.briefing {
                by_title.entry(title).or_default().push(row);
            }
        }
        by_title.into_iter().map(|(title, rows)| self.known_of(title, &rows, focus)).collect()
    }

    fn known_of(&self, title: &str, rows: &[&kind::Kind], focus: Option<&Record>) -> Result<Section> {
        let mut records = Vec::new();
        if let Some(focus) = focus {
            records = self.about(focus, rows)?;
        }
        let mut total = 0;
        let mut recent = Vec::new();
        for row in rows {
            let live = terms::status_term(row.name, row.statuses[0]);
            total += self.view.count(&live, ready::COUNT_MAX)?;
            recent.extend(self.view.first(&live, KNOWN_MAX)?);
        }
        recent.sort_by_key(|record| std::cmp::Reverse(record.updated));
        for record in recent {
            if records.len() < KNOWN_MAX && !records.iter().any(|known: &Record| known.uid == record.uid) {
                records.push(record);
            }
        }
        let left_out = total.saturating_sub(records.len());
        let items = records.iter().map(|record| self.known_item(record)).collect::<Result<_>>()?;
        let more = rows.iter().map(|row| format!("state list {}", row.plural)).collect::<Vec<_>>().join(", ");
        Ok(section(title, items, left_out, &more))
    }

    /// Live records of these kinds that a search for the focus finds.
    fn about(&self, focus: &Record, rows: &[&kind::Kind]) -> Result<Vec<Record>> {
        let kinds: Vec<String> = rows.iter().map(|row| format!("kind:{}", row.name)).collect();
        let mut query = Query::of_words(focus.title());
        query.filters = Query::parse(&kinds.join(" "), self.now).filters;
        let page = Page { limit: KNOWN_MAX / 2, offset: 0, now: self.now };
        let (hits, _) = search::hits(self.view, &self.workspace.index(), &query, page)?;
        let mut found = Vec::new();
        for hit in hits.hits {
            found.extend(self.view.record(hit.uid)?.filter(Record::is_live));
        }
        Ok(found)
    }

    fn known_item(&self, record: &Record) -> Result<Item> {
        let branch =
            record.text(field::BRANCH).filter(|branch| Some(*branch) != self.workspace.place.branch.as_deref());
        let branch = branch.map(|branch| format!(" [{}]", text::clean_line(branch))).unwrap_or_default();
        let stale =
            stale::references(record, &self.workspace.place).into_iter().find(|reference| reference.state.is_stale());
        let stale =
            stale.map(|reference| format!(" ({}{})", reference.path, reference.state.remark())).unwrap_or_default();
        let line = format!("{} {}{branch}{stale}", record.id(), Self::title(record));
        let body = self.view.body(record)?;
        let forms =
            if body.trim().is_empty() { vec![line] } else { vec![format!("{line}\n{}", quoted(&body, 60)), line] };
        Ok(Item::forms(Some(record.id()), forms))
    }
}

/// Recorded text, marked as such: data to read, not orders to follow.
fn quoted(body: &str, tokens: usize) -> String {
    let body = text::clean_body(body);
    let lines: Vec<&str> = body.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    text::truncate_tokens(&lines.join("\n"), tokens)
        .lines()
        .map(|line| format!("> {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn proceed(read: usize) -> ControlFlow<()> {
    if read < READ_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}
