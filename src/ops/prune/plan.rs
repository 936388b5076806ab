//! What goes: the plan, made from short reads.

use super::{Fate, Fates, PruneInput, PruneReport, PrunedJobs, Workspace, digest_of};
use crate::domain::event::{Change, CommitId, Event};
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::snapshot::{self, Stands};
use crate::domain::{field, kind, terms};
use crate::error::Result;
use crate::ops::doctor::Progress;
use crate::ops::session;
use crate::store::View;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Records looked at in one read.
const RECORDS_CHUNK: usize = 200;
/// Events counted in one read.
const EVENTS_CHUNK: u64 = 1_000;
/// Records that the report names.
const EXAMPLES_MAX: usize = 10;

/// What is known before any record is looked at closely.
#[derive(Default)]
struct Survey {
    all: Vec<Uid>,
    /// What something live links to, or is linked from, claims or has in focus, or is claimed by.
    tied: BTreeSet<Uid>,
    /// What a briefing shows although it has ended: the last handoff and the last session of each branch.
    shown: BTreeSet<Uid>,
}

pub(super) fn plan(workspace: &Workspace, input: PruneInput, progress: Progress<'_>) -> Result<(Fates, PruneReport)> {
    let survey = survey(workspace)?;
    let mut planner = Planner { input, fates: Fates::new(), reasons: BTreeMap::new(), report: empty(input) };
    for (done, chunk) in survey.all.chunks(RECORDS_CHUNK).enumerate() {
        progress("plan", done * RECORDS_CHUNK, survey.all.len());
        workspace.read(|view| chunk.iter().try_for_each(|uid| planner.record(view, *uid, &survey)))?;
    }
    workspace.read(|view| planner.hand_on_reasons(view))?;
    planner.count(workspace)?;
    Ok((planner.fates, planner.report))
}

fn empty(input: PruneInput) -> PruneReport {
    PruneReport {
        before: input.before,
        applied: false,
        events: (0, 0),
        bytes: (0, 0),
        records: 0,
        repeats: 0,
        examples: Vec::new(),
        jobs: PrunedJobs::default(),
    }
}

fn survey(workspace: &Workspace) -> Result<Survey> {
    let mut survey = Survey::default();
    workspace.read(|view| {
        view.scan_terms(&terms::kind_term(""), |uid| {
            survey.all.push(uid);
            Ok(ControlFlow::Continue(()))
        })
    })?;
    let all = std::mem::take(&mut survey.all);
    let mut newest: BTreeMap<(String, Option<String>), Record> = BTreeMap::new();
    for chunk in all.chunks(RECORDS_CHUNK) {
        for record in workspace.read(|view| chunk.iter().map(|uid| view.record(*uid)).collect::<Result<Vec<_>>>())? {
            let Some(record) = record else { continue };
            if record.is_live() {
                survey.tied.extend(ties(&record));
            }
            if [kind::HANDOFF, kind::SESSION].contains(&record.kind()) {
                let place = (record.kind().to_owned(), record.text(field::BRANCH).map(str::to_owned));
                let is_newer = newest.get(&place).is_none_or(|held| held.updated < record.updated);
                if is_newer {
                    newest.insert(place, record);
                }
            }
        }
    }
    survey.shown = newest.into_values().map(|record| record.uid).collect();
    survey.all = all;
    Ok(survey)
}

/// The records that a record points to.
fn ties(record: &Record) -> Vec<Uid> {
    let focus = session::focus(record);
    record.links().map(|(_, uid)| uid).chain(record.claims()).chain(focus).collect()
}

struct Planner {
    input: PruneInput,
    fates: Fates,
    /// Reasons of transactions whose first event goes, to be handed on to the next one that stays.
    reasons: BTreeMap<u64, (Option<String>, Option<CommitId>)>,
    report: PruneReport,
}

impl Planner {
    fn record(&mut self, view: &View, uid: Uid, survey: &Survey) -> Result<()> {
        let Some(record) = view.record(uid)? else { return Ok(()) };
        let mut events = Vec::new();
        for position in view.history(uid)? {
            events.extend(view.event(position)?.map(|event| (position, event)));
        }
        if events.len() < 2 || !events.iter().all(|(_, event)| snapshot::is_plain(event, &record)) {
            return Ok(());
        }
        if self.is_over(view, &record, survey)? { self.fold(&record, &events) } else { self.collapse(&record, &events) }
    }

    /// Ended long ago, tied to nothing live, and not shown all the same.
    fn is_over(&self, view: &View, record: &Record, survey: &Survey) -> Result<bool> {
        let is_old = record.updated_at < self.input.before;
        if record.is_live() || !is_old || survey.tied.contains(&record.uid) || survey.shown.contains(&record.uid) {
            return Ok(false);
        }
        for uid in ties(record) {
            if view.record(uid)?.is_some_and(|other| other.is_live()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All events become one.
    fn fold(&mut self, record: &Record, events: &[(u64, Event)]) -> Result<()> {
        let plain: Vec<Event> = events.iter().map(|(_, event)| event.clone()).collect();
        let body = record.body_position().and_then(|at| events.iter().find(|(position, _)| *position == at));
        let body = body.and_then(|(_, event)| event.put()?.set.get(field::BODY));
        let Some(snapshot) = snapshot::fold(record, &plain, body) else { return Ok(()) };
        for (position, event) in events {
            let becomes = (event.stamp == snapshot.stamp).then(|| snapshot.clone());
            self.decide(*position, event, becomes)?;
        }
        self.report.records += 1;
        if self.report.examples.len() < EXAMPLES_MAX {
            self.report.examples.push(record.id().to_owned());
        }
        Ok(())
    }

    /// Of changes in a row of the same registers by the same session the last one stays.
    fn collapse(&mut self, record: &Record, events: &[(u64, Event)]) -> Result<()> {
        let mut from = 0;
        while from < events.len() {
            let run = events[from..].iter().zip(&events[from + 1..]).take_while(|(one, next)| self.repeats(one, next));
            let last = from + run.count();
            if last > from {
                let mut stands = Stands::of(&events[last].1).unwrap_or_default();
                for (position, event) in &events[from..last] {
                    stands.take_in(event);
                    self.decide(*position, event, None)?;
                }
                let (position, event) = &events[last];
                let mut becomes = event.clone();
                stands.tidy().put_into(&mut becomes);
                self.decide(*position, event, Some(becomes))?;
                self.report.repeats += last - from;
                if self.report.examples.len() < EXAMPLES_MAX {
                    self.report.examples.push(record.id().to_owned());
                }
            }
            from = last + 1;
        }
        Ok(())
    }

    fn repeats(&self, (_, one): &(u64, Event), (_, next): &(u64, Event)) -> bool {
        let names = |event: &Event| match &event.change {
            Change::Put(put) if put.create.is_none() => Some(put.set.keys().cloned().collect::<Vec<_>>()),
            _ => None,
        };
        let is_old = one.at < self.input.before && next.at < self.input.before;
        is_old
            && one.session == next.session
            && one.stamp < next.stamp
            && names(one).is_some()
            && names(one) == names(next)
    }

    fn decide(&mut self, position: u64, event: &Event, becomes: Option<Event>) -> Result<()> {
        let (digest, before) = digest_of(event)?;
        let after = becomes.as_ref().map(digest_of).transpose()?.map_or(0, |(_, size)| size);
        self.report.bytes.1 += after;
        // What is not decided about is counted as it is, once, at the end.
        self.report.bytes.0 += before;
        if becomes.is_none() && (event.why.is_some() || event.undoes.is_some()) {
            self.reasons.insert(position, (event.why.clone(), event.undoes));
        }
        self.fates.insert(position, Fate { digest, becomes });
        Ok(())
    }

    /// The reason of a transaction is on its first event; if that goes, the next one that stays gets it.
    fn hand_on_reasons(&mut self, view: &View) -> Result<()> {
        for (position, (why, undoes)) in std::mem::take(&mut self.reasons) {
            let Some((first, span)) = view.commits_before(position + 1, 1)?.into_iter().next() else { continue };
            for (at, event) in view.events(position + 1..first + span)? {
                let mut heir = match self.fates.get(&at) {
                    Some(Fate { becomes: None, .. }) => continue,
                    Some(Fate { becomes: Some(becomes), .. }) => becomes.clone(),
                    None => event.clone(),
                };
                (heir.why, heir.undoes) = (why, undoes);
                let digest = digest_of(&event)?.0;
                self.fates.insert(at, Fate { digest, becomes: Some(heir) });
                break;
            }
        }
        Ok(())
    }

    /// Events and bytes of the whole log, before and after.
    fn count(&mut self, workspace: &Workspace) -> Result<()> {
        let saved = self.report.bytes.0 - self.report.bytes.1.min(self.report.bytes.0);
        let (mut events, mut bytes, mut from) = (0, 0, 1);
        let end = workspace.read(|view| Ok(view.next_position()))?;
        while from < end {
            let to = (from + EVENTS_CHUNK).min(end);
            for (_, event) in workspace.read(|view| view.events(from..to))? {
                (events, bytes) = (events + 1, bytes + digest_of(&event)?.1);
            }
            from = to;
        }
        let gone = self.fates.values().filter(|fate| fate.becomes.is_none()).count() as u64;
        self.report.events = (events, events - gone);
        self.report.bytes = (bytes, bytes - saved.min(bytes));
        Ok(())
    }
}
