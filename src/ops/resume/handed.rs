//! What earlier sessions left for later ones: handoffs, summaries, files to read first, standing instructions.

use super::gather::{Gatherer, proceed, section, with_body};
use super::{Item, Section};
use crate::domain::record::Record;
use crate::domain::reference::Reference;
use crate::domain::{field, kind, terms, text};
use crate::error::Result;
use crate::ops::hook::SUBAGENT;
use crate::ops::{list, stale};
use std::cmp::Reverse;
use std::ops::ControlFlow;

/// Tokens of a handoff in its longer forms.
const HANDOFF_TOKENS: [usize; 3] = [400, 200, 80];
/// Tokens of a summary in its longer forms.
const SUMMARY_TOKENS: [usize; 2] = [200, 80];
/// Tokens of a standing instruction that fits.
const INSTRUCTION_TOKENS: [usize; 1] = [300];
/// How many summaries are offered to the budget.
const SUMMARIES_MAX: usize = 3;
/// How many results of subagents are named.
const SUBAGENTS_MAX: usize = 3;
/// How many sessions that were cut off are named, how many handoffs are looked at for them, and for how long they count.
const INTERRUPTED_MAX: usize = 2;
const INTERRUPTED_READ_MAX: usize = 10;
const INTERRUPTED_HOURS_MAX: i64 = 24;
/// How many files to read first are named.
const ENTRIES_MAX: usize = 5;
/// Standing instructions are notes whose keys begin so.
const HOW: &str = "how/";
/// Shorter words say nothing about what a text is about.
const WORD_CHARS_MIN: usize = 4;
/// Longer words are the same if only their last letter differs.
const STEM_CHARS: usize = 6;

/// Where a handoff stands in the order in which handoffs were left. Clocks may jump, and the log does not; only what is
/// written for a session that is over is dated back, to when it was heard of last.
fn left(handoff: &Record) -> (u64, u64) {
    let written = handoff.updated.hlc;
    let heard = u64::try_from(handoff.updated_at.timestamp_millis()).unwrap_or(0) << 16;
    (if handoff.flag(field::AUTO) { heard.min(written) } else { written }, written)
}

impl Gatherer<'_> {
    /// The last handoff; with all branches, the last of each.
    pub(super) fn handoff(&self) -> Result<Section> {
        let (last, since) = self.last_handoffs()?;
        let mut items: Vec<Item> = last.iter().map(|handoff| self.handoff_item(handoff)).collect::<Result<_>>()?;
        items.extend(self.since_item(since)?);
        items.extend(self.interrupted(last)?);
        Ok(section("Handoff", items, 0, "state list handoffs"))
    }

    /// The last handoff of this branch.
    pub(super) fn last_handoff(&self) -> Result<Option<Record>> {
        Ok(self.last_handoffs()?.0.first().cloned())
    }

    /// The last handoffs that tell of work, and the trivial ones that were left after them. The last is the one that was left
    /// last, which is not always the one that was written last.
    fn last_handoffs(&self) -> Result<&(Vec<Record>, Vec<Record>)> {
        if let Some(handed) = self.handed.get() {
            return Ok(handed);
        }
        let handed = self.read_last_handoffs()?;
        Ok(self.handed.get_or_init(|| handed))
    }

    fn read_last_handoffs(&self) -> Result<(Vec<Record>, Vec<Record>)> {
        let is_trivial = |handoff: &Record| handoff.flag(field::TRIVIAL);
        let (trivial, telling): (Vec<Record>, Vec<Record>) = self.handoffs_by_time()?.into_iter().partition(is_trivial);
        let (mut last, mut since): (Vec<Record>, Vec<Record>) = (Vec::new(), Vec::new());
        for handoff in telling.into_iter().chain(trivial) {
            let is_of =
                |other: &&Record| !self.all_branches || other.text(field::BRANCH) == handoff.text(field::BRANCH);
            match last.iter().find(is_of) {
                None => last.push(handoff),
                Some(held) if is_trivial(&handoff) && !is_trivial(held) && left(&handoff) > left(held) => {
                    since.push(handoff);
                }
                Some(_) => {}
            }
        }
        last.sort_by_key(|handoff| Reverse(left(handoff)));
        Ok((last, since))
    }

    /// The handoffs that hold here, the one that was left last first, as far as they can be the last.
    fn handoffs_by_time(&self) -> Result<Vec<Record>> {
        let mut found: Vec<Record> = Vec::new();
        let mut read = 0;
        self.view.each(&terms::kind_term(kind::HANDOFF), |handoff| {
            read += 1;
            let written = handoff.updated.hlc;
            if handoff.is_live() && self.is_here(&handoff) {
                found.push(handoff);
            }
            // Nothing is left later than it is written, so that no older one is the last.
            let is_last = |held: &Record| !held.flag(field::TRIVIAL) && left(held).0 > written;
            let is_enough = !self.all_branches && found.iter().any(is_last);
            Ok(if is_enough { ControlFlow::Break(()) } else { proceed(read) })
        })?;
        found.sort_by_key(|handoff| Reverse(left(handoff)));
        Ok(found)
    }

    /// The sessions that were cut off lately and have left something, besides those told already: others have worked here
    /// since, and perhaps on something else.
    fn interrupted(&self, told: &[Record]) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for handoff in self.view.first(&terms::kind_term(kind::HANDOFF), INTERRUPTED_READ_MAX)? {
            let is_told = told.iter().any(|known| known.uid == handoff.uid);
            let is_recent = (self.now - handoff.updated_at).num_hours() < INTERRUPTED_HOURS_MAX;
            let is_open = handoff.is_live() && handoff.flag(field::AUTO) && !handoff.flag(field::TRIVIAL);
            if is_told || !is_recent || !is_open || !self.is_here(&handoff) || items.len() >= INTERRUPTED_MAX {
                continue;
            }
            let session = handoff.birth.as_ref().and_then(|birth| birth.session).map(|uid| self.view.record(uid));
            let Some(session) = session.transpose()?.flatten() else { continue };
            if self.is_gone(&session)? {
                let line = format!("{} {} interrupted: {}", handoff.id(), self.age(&handoff), Self::title(&handoff));
                items.push(Item::line(Some(handoff.id()), line).worth(0.9).why(format!("{} crashed", session.id())));
            }
        }
        Ok(items)
    }

    /// What was asked since the last handoff that tells of work, in one line.
    fn since_item(&self, since: &[Record]) -> Result<Option<Item>> {
        let Some(last) = since.first() else { return Ok(None) };
        let session = last.birth.as_ref().and_then(|birth| birth.session);
        let session = session.map(|uid| list::id_of(self.view, uid)).transpose()?.unwrap_or_default();
        let more = if since.len() > 1 { format!(" (and {} more)", since.len() - 1) } else { String::new() };
        let line = format!("Since then: {session} asked \"{}\"{more}", Self::title(last));
        Ok(Some(Item::line(Some(last.id()), line).worth(0.3).why("asked since, and nothing came of it".to_owned())))
    }

    fn handoff_item(&self, handoff: &Record) -> Result<Item> {
        let item = self.handed_item(handoff, &HANDOFF_TOKENS)?;
        Ok(item.worth(1.0).why("the last handoff here".to_owned()))
    }

    pub(super) fn handed_item(&self, record: &Record, lengths: &[usize]) -> Result<Item> {
        let auto = if record.flag(field::AUTO) { " (auto)" } else { "" };
        let line = format!("{} {}{auto}: {}", record.id(), self.age(record), Self::title(record));
        let body = self.view.body(record)?;
        let rest = body.strip_prefix("# ").and_then(|body| body.split_once('\n'));
        let body = rest.map_or(body.as_str(), |(_, rest)| rest);
        Ok(Item::forms(Some(record.id()), with_body(&line, body, lengths)))
    }

    /// The last summaries, those that share words with the focus at greater length.
    pub(super) fn summaries(&self, focus: Option<&Record>) -> Result<Section> {
        let mut found = Vec::new();
        for summary in self.last_summaries()? {
            let fits = focus.is_some_and(|focus| share_words(focus, &summary));
            let (worth, why) = if fits { (0.8, "about the focus") } else { (0.4, "recent") };
            found.push(self.handed_item(&summary, &SUMMARY_TOKENS)?.worth(worth).why(why.to_owned()));
        }
        found.extend(self.subagents()?);
        let left_out = self.view.count(&terms::status_term(kind::SUMMARY, "live"), 1000)?;
        let subagents = self.view.count(&terms::tag_term(SUBAGENT), 1000)?;
        let left_out = left_out.saturating_sub(subagents + SUMMARIES_MAX);
        Ok(section("Summaries", found, left_out, "state list summaries"))
    }

    fn last_summaries(&self) -> Result<Vec<Record>> {
        let mut found = Vec::new();
        let mut read = 0;
        self.view.each(&terms::status_term(kind::SUMMARY, "live"), |summary| {
            read += 1;
            if !is_of_subagent(&summary) {
                found.push(summary);
            }
            Ok(if found.len() < SUMMARIES_MAX { proceed(read) } else { ControlFlow::Break(()) })
        })?;
        Ok(found)
    }

    /// What subagents found last, in one line.
    fn subagents(&self) -> Result<Option<Item>> {
        let last = self.view.first(&terms::tag_term(SUBAGENT), SUBAGENTS_MAX)?;
        let last = last.iter().filter(|summary| summary.is_live() && is_of_subagent(summary) && self.is_here(summary));
        let told: Vec<String> = last.map(|summary| format!("{} {}", summary.id(), Self::title(summary))).collect();
        let line = format!("subagents found: {}", told.join("; "));
        Ok((!told.is_empty()).then(|| Item::line(None, line).worth(0.3).why("what subagents said last".to_owned())))
    }

    /// The files that a focus, handoff or summary says to read first, a line each.
    pub(super) fn read_first(&self, focus: Option<&Record>) -> Result<Section> {
        let handed = self.last_handoffs()?.0.iter().cloned().chain(self.last_summaries()?);
        let records: Vec<Record> = focus.cloned().into_iter().chain(handed).collect();
        Ok(self.entries_of(&records))
    }

    /// The entries of some records, at most five paths.
    pub(super) fn entries_of(&self, records: &[Record]) -> Section {
        let (mut items, mut told): (Vec<Item>, Vec<String>) = (Vec::new(), Vec::new());
        for record in records {
            for (path, value) in record.elements(field::REF).filter(|(_, value)| stale::is_entry(value)) {
                if items.len() >= ENTRIES_MAX || told.iter().any(|known| known == path) {
                    continue;
                }
                told.push(path.to_owned());
                let state = stale::state(path, value, &self.workspace.place);
                let line = format!("{}{} {}", text::clean_line(path), state.remark(), record.id());
                let why = format!("{} says to read it first", record.id());
                items.push(Item::line(Some(record.id()), line).worth(0.9).why(why));
            }
        }
        section("Read first", items, 0, "state show ID").floor(ENTRIES_MAX)
    }

    /// Notes keyed `how/…`: named, and in full where they fit the focus.
    pub(super) fn instructions(&self, focus: Option<&Record>) -> Result<Section> {
        let mut items = Vec::new();
        let mut read = 0;
        self.view.scan_terms(&terms::key_term(HOW), |uid| {
            read += 1;
            if let Some(note) = self.view.record(uid)?.filter(|note| note.kind() == kind::NOTE && note.is_live()) {
                items.push(self.instruction(&note, focus)?);
            }
            Ok(proceed(read))
        })?;
        items.sort_by(|one, other| other.worth.total_cmp(&one.worth));
        Ok(section("How to", items, 0, "state list notes"))
    }

    fn instruction(&self, note: &Record, focus: Option<&Record>) -> Result<Item> {
        let key = text::clean_line(note.text(field::KEY).unwrap_or_default());
        let line = format!("{} {key}: {}", note.id(), Self::title(note));
        if focus.is_some_and(|focus| share_words(focus, note)) {
            let forms = with_body(&line, &self.view.body(note)?, &INSTRUCTION_TOKENS);
            // In full whenever there is room: it says how the focus is to be done.
            return Ok(Item::forms(Some(note.id()), forms).worth(2.0).why("fits the focus".to_owned()));
        }
        Ok(Item::line(Some(note.id()), line).worth(0.3).why("a standing instruction".to_owned()))
    }
}

fn is_of_subagent(summary: &Record) -> bool {
    summary.kind() == kind::SUMMARY && summary.tags().any(|tag| tag == SUBAGENT)
}

/// Whether two records have a word in common, or refer to the same path.
fn share_words(one: &Record, other: &Record) -> bool {
    let (ones, others) = (words(one), words(other));
    ones.iter().any(|word| others.iter().any(|other| is_same(word, other)))
}

/// The words that a record goes by: title, key, tags, and the names in its paths.
fn words(record: &Record) -> Vec<String> {
    let paths = record.elements(field::REF).filter_map(|(path, _)| Some(path.parse::<Reference>().ok()?.path));
    let key = record.text(field::KEY).unwrap_or_default();
    let texts = [record.title().to_owned(), key.strip_prefix(HOW).unwrap_or(key).to_owned()];
    let all: Vec<String> = texts.into_iter().chain(record.tags().map(str::to_owned)).chain(paths).collect();
    let words = all.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.filter(|word| word.chars().count() >= WORD_CHARS_MIN).map(str::to_lowercase).collect()
}

/// `release` is the same as `releases` and `releasing`.
fn is_same(one: &str, other: &str) -> bool {
    let shared = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let shorter = one.chars().count().min(other.chars().count());
    shared == shorter || shared >= STEM_CHARS && shared + 1 == shorter
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn forms_of_a_word_are_the_same_word() {
        for (one, other) in [("release", "releases"), ("release", "releasing"), ("test", "tests"), ("token", "tokens")]
        {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in [("contract", "contest"), ("part", "past"), ("state", "static")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
