//! The walk down the lines: which section they are in, which item they belong to.

use super::Parsed;
use super::heading::{self, Meaning};
use super::item::{self, Item};
use super::line::{LINE_HEADING, Line};
use crate::domain::kind;
use crate::error::{Error, Result};

/// More items are a ledger, not a handoff.
const ITEMS_MAX: usize = 10_000;
/// A line of prose below a heading of tasks is a task only if it is not longer, in bytes.
const SENTENCE_MAX: usize = 100;
/// What is in more lines without a blank one between them is a listing; the rest of it stays in the body only.
const PARAGRAPH_MAX: usize = 200;
/// The level of a heading that is a plain line.
const PLAIN: usize = LINE_HEADING + 1;

/// Reads lines into the items of a [`Parsed`].
pub(super) struct Outline<'a> {
    parsed: &'a mut Parsed,
    /// Lines above the first one that is read.
    above: usize,
    section: Option<Section>,
    item: Option<Item>,
    paragraphs: Vec<Vec<String>>,
    after_blank: bool,
    seen_heading: bool,
}

struct Section {
    meaning: Meaning,
    level: usize,
    priority: Option<u8>,
    has_list: bool,
    /// The heading itself is the item, and all that is below its body.
    is_item: bool,
}

impl<'a> Outline<'a> {
    pub(super) fn new(parsed: &'a mut Parsed, above: usize) -> Self {
        let (section, item, paragraphs) = (None, None, Vec::new());
        Self { parsed, above, section, item, paragraphs, after_blank: true, seen_heading: false }
    }

    /// Reads `text`, whose `lines` these are.
    pub(super) fn read(mut self, text: &str, lines: &[Line<'_>]) -> Result<()> {
        for (at, (line, raw)) in lines.iter().zip(text.lines()).enumerate() {
            let list_follows = || lines[at + 1..].iter().find(|next| **next != Line::Blank);
            self.read_line(*line, raw, || matches!(list_follows(), Some(Line::Item { .. })));
            self.after_blank = *line == Line::Blank || matches!(line, Line::Heading { .. });
            self.check_size(at + 1)?;
        }
        self.end_section();
        self.check_size(lines.len())
    }

    fn check_size(&self, line: usize) -> Result<()> {
        if self.parsed.items.len() + self.paragraphs.len() <= ITEMS_MAX {
            return Ok(());
        }
        let line = self.above + line;
        Err(Error::usage(format!("line {line}: more than {ITEMS_MAX} items in one handoff"))
            .hint("split the text, or give the items as JSON lines"))
    }

    fn read_line(&mut self, line: Line<'_>, raw: &str, list_follows: impl Fn() -> bool) {
        if let Line::Heading { level, text } = line {
            return self.read_heading(level, text, raw);
        }
        if self.section.as_ref().is_some_and(|section| section.is_item) {
            return self.append(raw);
        }
        match line {
            Line::Item { indent, mark, text } => {
                self.read_item(Item { mark, indent, head: text.to_owned(), ..Item::default() }, raw);
            }
            Line::Text { indent, text } if !self.read_plain_heading(indent, text, list_follows) => {
                self.read_text(indent, text, raw);
            }
            Line::Code(_) if self.item.is_some() => self.append(raw),
            Line::Blank => self.append(""),
            _ => {}
        }
    }

    fn read_heading(&mut self, level: usize, text: &str, raw: &str) {
        let is_title = !std::mem::replace(&mut self.seen_heading, true) && level == 1;
        let deeper = self.section.as_ref().is_some_and(|section| level > section.level);
        if deeper && self.section.as_ref().is_some_and(|section| section.is_item) {
            return self.append(raw);
        }
        if let Some((label, rest)) = labelled(text).filter(|_| !is_title) {
            self.start_section(label, level);
            return self.start_heading_item(rest);
        }
        let meaning = if is_title { heading::exact(text) } else { heading::meaning(text) };
        match meaning {
            Some(meaning) => self.start_section(meaning, level),
            None if deeper => self.end_item(),
            None if level == LINE_HEADING && self.section.is_some() => self.end_item(),
            None => self.end_section(),
        }
        if let Some(section) = &mut self.section {
            // What stands below a title of the whole is about the whole.
            section.has_list |= is_title;
            section.priority = item::priority(text).or(section.priority.filter(|_| deeper && level == LINE_HEADING));
        }
    }

    fn start_section(&mut self, meaning: Meaning, level: usize) {
        self.end_section();
        self.section = Some(Section { meaning, level, priority: None, has_list: false, is_item: false });
    }

    fn start_heading_item(&mut self, head: &str) {
        self.item = Some(Item { head: head.to_owned(), ..Item::default() });
        if let Some(section) = &mut self.section {
            (section.is_item, section.has_list) = (true, true);
        }
    }

    /// `Done:` or `DONE` on a line of its own. One that means nothing ends only a section that began the same way.
    fn read_plain_heading(&mut self, indent: usize, text: &str, list_follows: impl Fn() -> bool) -> bool {
        let colon = text.ends_with(':');
        let alone = self.after_blank || self.item.is_none() || colon && indent == 0;
        if indent > 3 || !alone || text.len() > 80 || !text.starts_with(|c: char| c.is_uppercase() || !c.is_ascii()) {
            return false;
        }
        let few = text.split_whitespace().count() <= heading::SHORT_WORDS;
        let title = text.trim_end_matches(':');
        let exact = heading::exact(title).filter(|_| colon || self.after_blank);
        let meaning =
            exact.or_else(|| heading::leading(title).filter(|_| colon || self.after_blank && few && list_follows()));
        match meaning {
            Some(meaning) => self.start_section(meaning, PLAIN),
            None if self.section.as_ref().is_some_and(|section| section.level >= PLAIN)
                && self.after_blank
                && few
                && (colon || list_follows()) =>
            {
                self.end_section();
            }
            None => return false,
        }
        true
    }

    fn read_item(&mut self, item: Item, raw: &str) {
        let nested = self.item.as_ref().is_some_and(|open| item.indent > open.indent + 1);
        if !nested && self.read_label_item(&item) {
            return;
        }
        match self.section.as_mut() {
            None => {}
            Some(section) if section.meaning.is_files() => {
                let meaning = section.meaning;
                self.add_references(&item.head, meaning);
            }
            Some(_) if nested => self.append(raw),
            Some(section) => {
                section.has_list = true;
                self.end_item();
                self.item = Some(item);
            }
        }
    }

    /// `- Done:` above items, `- **High:**` above items of that priority, `- **Next:** one thing`.
    fn read_label_item(&mut self, item: &Item) -> bool {
        let plain = item.head.trim_matches('*');
        if let Some(title) = plain.strip_suffix(':').or_else(|| item.head.strip_suffix(":**")) {
            let title = title.trim_end_matches('*');
            let priority = item::priority(title);
            if let Some(meaning) = heading::exact(title) {
                self.start_section(meaning, PLAIN + 1);
                return true;
            }
            if let (Some(priority), Some(section)) = (priority, &mut self.section) {
                section.priority = Some(priority);
                self.end_item();
                return true;
            }
        }
        let bold = item.head.starts_with("**") || self.section.is_none();
        let Some((meaning, rest)) = labelled(&item.head).filter(|_| bold) else { return false };
        if self.section.as_ref().is_some_and(|section| section.meaning == meaning) {
            return false;
        }
        self.end_item();
        self.add(&Item { head: rest.to_owned(), mark: item.mark, ..Item::default() }, meaning, None);
        true
    }

    fn read_text(&mut self, indent: usize, text: &str, raw: &str) {
        if let Some((meaning, rest)) = labelled(text).filter(|_| indent <= 3 && self.starts_something(indent)) {
            self.end_item();
            return self.add(&Item { head: rest.to_owned(), ..Item::default() }, meaning, None);
        }
        let after_blank = self.after_blank;
        match (&mut self.item, &mut self.section) {
            (Some(item), _) if !after_blank && item.body.is_empty() => {
                item.head.push(' ');
                item.head.push_str(text);
            }
            (Some(item), _) if !after_blank || indent > item.indent => self.append(raw),
            (_, Some(section)) if text.starts_with('|') => {
                section.has_list = true;
                self.end_item();
            }
            (_, Some(section)) if !section.meaning.is_files() => {
                self.end_item();
                match self.paragraphs.last_mut() {
                    Some(paragraph) if !after_blank && paragraph.len() < PARAGRAPH_MAX => {
                        paragraph.push(text.to_owned());
                    }
                    Some(_) if !after_blank => {}
                    _ => self.paragraphs.push(vec![text.to_owned()]),
                }
            }
            _ => self.end_item(),
        }
    }

    fn starts_something(&self, indent: usize) -> bool {
        self.after_blank || self.item.as_ref().is_none_or(|item| indent <= item.indent && item.indent == 0)
    }

    /// Adds a line to the body of the open item.
    fn append(&mut self, raw: &str) {
        let Some(item) = &mut self.item else { return };
        item.body.push_str(raw);
        item.body.push('\n');
    }

    fn end_item(&mut self) {
        let (Some(item), Some(section)) = (self.item.take(), &self.section) else { return };
        let (meaning, priority) = (section.meaning, section.priority);
        self.add(&item, meaning, priority);
    }

    fn add(&mut self, item: &Item, meaning: Meaning, priority: Option<u8>) {
        if meaning.is_files() {
            self.add_references(&item.head, meaning);
        }
        if self.parsed.items.len() <= ITEMS_MAX {
            self.parsed.items.extend(item::draft(item, meaning, priority));
        }
    }

    fn add_references(&mut self, entry: &str, meaning: Meaning) {
        let first = meaning == Meaning::Entries;
        let known = if first { &mut self.parsed.entries } else { &mut self.parsed.references };
        for path in item::listed_paths(entry) {
            // The last ones are enough: a list that repeats itself does so soon.
            if !known.iter().rev().take(200).any(|known| *known == path) {
                known.push(path);
            }
        }
    }

    fn end_section(&mut self) {
        self.end_item();
        let paragraphs = std::mem::take(&mut self.paragraphs);
        let Some(section) = self.section.take().filter(|section| !section.has_list) else { return };
        let Meaning::Items(kind, _) = section.meaning else { return };
        for paragraph in paragraphs {
            let heads = if kind.name == kind::TASK { short_sentences(paragraph) } else { vec![paragraph.join(" ")] };
            for head in heads {
                self.add(&Item { head, ..Item::default() }, section.meaning, section.priority);
            }
        }
    }
}

/// The lines of a paragraph if each is a short sentence of its own, and not one text broken into lines.
fn short_sentences(paragraph: Vec<String>) -> Vec<String> {
    let own =
        |line: &String| line.len() <= SENTENCE_MAX && !line.ends_with(':') && !line.starts_with(char::is_lowercase);
    let broken = paragraph.len() > 1 && paragraph.iter().any(|line| line.len() > 72);
    if broken || !paragraph.iter().all(own) { Vec::new() } else { paragraph }
}

/// `Next: one thing`, `**Done**: one thing`: what the label means, and the rest. What is quoted says nothing of its own.
fn labelled(text: &str) -> Option<(Meaning, &str)> {
    if text.starts_with('>') {
        return None;
    }
    let at = text.find(':').filter(|at| *at <= 40)?;
    let rest = text[at + 1..].trim_start_matches('*');
    if !rest.starts_with(char::is_whitespace) || rest.trim().is_empty() || text.starts_with(char::is_lowercase) {
        return None;
    }
    let meaning = heading::exact(&text[..at])?;
    Some((meaning, rest.trim()))
}
