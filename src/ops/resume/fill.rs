//! Filling the budget: every section gets its floor in one-line form, then whatever is worth most for its tokens.
//!
//! The budget is a ceiling. What is left is spent step by step, on one more item or on a longer form of one that is there,
//! whichever is worth more per token, until the best step is not worth its price. Nothing is rendered twice: each form is
//! counted once, and a line break is a border of tokens, so that the sum of the lines is the count of the text.

use super::{Item, Section};
use crate::domain::text::{estimate_tokens, truncate_tokens};
use std::fmt::Write as _;

/// What a token must bring: at this price a line of 25 tokens is said if one reader in 40 needs it.
const PRICE: f64 = 0.001;
/// What each longer form adds to the worth of an item.
const LONGER: f64 = 0.25;
/// Some hosts show only so much of a briefing; what is vital stands there.
const VITAL_BYTES: usize = 2000;
/// Tokens of the line about sections of which nothing is shown, without their names.
const UNSHOWN_TOKENS: usize = 6;

/// What fits of the sections into `budget` tokens, and the text that it makes; with `why`, reasons behind the items.
pub(super) fn fill(sections: Vec<Section>, budget: usize, why: bool) -> (Vec<Section>, String) {
    let mut plan = Plan::new(&sections, budget, why);
    plan.fill();
    let mut choice: Choice = plan.parts.into_iter().map(|part| part.choice).collect();
    loop {
        let text = render(&sections, &choice, why);
        if estimate_tokens(&text) <= budget {
            return (chosen(sections, &choice), text);
        }
        // Only when the very first lines alone are too long.
        let Some(last) = choice.iter_mut().skip(1).rfind(|forms| !forms.is_empty()) else {
            let text = truncate_tokens(&text, budget);
            return (chosen(sections, &choice), text);
        };
        last.pop();
    }
}

/// Of each section, for each item that is shown, which of its forms.
type Choice = Vec<Vec<usize>>;

/// What a piece of text takes.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    tokens: usize,
    bytes: usize,
}

impl Size {
    fn of(text: &str) -> Self {
        Self { tokens: estimate_tokens(text), bytes: text.len() }
    }
}

/// One section with everything counted.
struct Part {
    heading: Size,
    more: Size,
    /// Tokens of the word about it if none of it is shown; no word is said about what has no title.
    none: usize,
    forms: Vec<Vec<Size>>,
    worth: Vec<f64>,
    left_out: usize,
    floor: usize,
    vital: bool,
    choice: Vec<usize>,
    /// The sum of the forms that are shown.
    shown: Size,
}

impl Part {
    fn new(section: &Section, why: bool) -> Self {
        let hidden = section.left_out + section.items.len();
        let forms = |item: &Item| (0..item.forms.len()).map(|form| Size::of(&line(section, item, form, why))).collect();
        Self {
            heading: Size::of(&heading(section)),
            more: Size::of(&more(section, hidden)),
            none: if section.title.is_empty() { 0 } else { estimate_tokens(&format!("{}, ", count(section, hidden))) },
            forms: section.items.iter().map(forms).collect(),
            worth: section.items.iter().map(|item| item.worth).collect(),
            left_out: section.left_out,
            floor: section.floor,
            vital: section.vital,
            choice: Vec::new(),
            shown: Size::default(),
        }
    }

    fn hidden(&self) -> usize {
        self.left_out + self.forms.len() - self.choice.len()
    }

    fn size(&self) -> Size {
        if self.choice.is_empty() {
            return Size::default();
        }
        let more = if self.hidden() > 0 { self.more } else { Size::default() };
        let parts = [self.heading, self.shown, more];
        let (tokens, bytes) = parts.iter().fold((0, 0), |sum, part| (sum.0 + part.tokens, sum.1 + part.bytes));
        Size { tokens, bytes }
    }

    fn set(&mut self, step: Step, back: bool) {
        let forms = &self.forms[step.item];
        let (new, old) = match step.form {
            Some(form) => (forms[form], forms[form + 1]),
            None => (forms[forms.len() - 1], Size::default()),
        };
        let (add, take) = if back { (old, new) } else { (new, old) };
        self.shown.tokens = self.shown.tokens + add.tokens - take.tokens;
        self.shown.bytes = self.shown.bytes + add.bytes - take.bytes;
        match (step.form, back) {
            (Some(form), false) => self.choice[step.item] = form,
            (Some(form), true) => self.choice[step.item] = form + 1,
            (None, false) => self.choice.push(forms.len() - 1),
            (None, true) => drop(self.choice.pop()),
        }
    }
}

/// One more item, or the next longer form of one that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    part: usize,
    item: usize,
    form: Option<usize>,
}

struct Plan {
    parts: Vec<Part>,
    budget: usize,
    last_vital: usize,
    /// Steps that did not fit.
    refused: Vec<Step>,
}

impl Plan {
    fn new(sections: &[Section], budget: usize, why: bool) -> Self {
        let parts: Vec<Part> = sections.iter().map(|section| Part::new(section, why)).collect();
        let last_vital = parts.iter().rposition(|part| part.vital && !part.forms.is_empty()).unwrap_or(0);
        Self { parts, budget, last_vital, refused: Vec::new() }
    }

    fn fill(&mut self) {
        let opening = self.parts.first().map_or(0, |part| part.forms.len().min(part.floor));
        for item in 0..opening {
            self.take(Step { part: 0, item, form: None });
        }
        self.floors();
        while let Some(step) = self.best() {
            self.take(step);
        }
    }

    /// The floors, one item a section in turn.
    fn floors(&mut self) {
        let deepest = self.parts.iter().map(|part| part.floor).max().unwrap_or(0);
        for item in 0..deepest {
            for part in 1..self.parts.len() {
                let at = &self.parts[part];
                if item < at.floor.min(at.forms.len()) && at.choice.len() == item {
                    self.take(Step { part, item, form: None });
                }
            }
        }
    }

    /// The step that is worth most for its tokens, if any is worth its price.
    fn best(&self) -> Option<Step> {
        let mut best: Option<(f64, Step)> = None;
        for (step, worth, tokens) in self.steps() {
            #[expect(clippy::cast_precision_loss, reason = "tokens are few")]
            let rate = worth / tokens.max(1) as f64;
            let better = rate >= PRICE && best.is_none_or(|(highest, _)| rate > highest);
            if better && !self.refused.contains(&step) {
                best = Some((rate, step));
            }
        }
        best.map(|(_, step)| step)
    }

    fn steps(&self) -> impl Iterator<Item = (Step, f64, usize)> {
        let parts = self.parts.iter().enumerate();
        parts.flat_map(|(part, at)| {
            let longer = at.choice.iter().enumerate().filter(|(_, form)| **form > 0).map(move |(item, form)| {
                let added = at.forms[item][form - 1].tokens.saturating_sub(at.forms[item][*form].tokens);
                (Step { part, item, form: Some(form - 1) }, at.worth[item] * LONGER, added)
            });
            let next = at.choice.len();
            let another = at
                .forms
                .get(next)
                .and_then(|forms| forms.last())
                .map(|size| (Step { part, item: next, form: None }, at.worth[next], size.tokens));
            another.into_iter().chain(longer)
        })
    }

    /// Takes a step if that fits.
    fn take(&mut self, step: Step) {
        self.parts[step.part].set(step, false);
        let beyond_floor = step.form.is_some() || step.item >= self.parts[step.part].floor;
        let pushes = beyond_floor && step.part < self.last_vital && self.vital_bytes() > VITAL_BYTES;
        if self.tokens() > self.budget || pushes {
            self.parts[step.part].set(step, true);
            self.refused.push(step);
        }
    }

    fn tokens(&self) -> usize {
        let unshown = self.parts.iter().filter(|part| part.choice.is_empty() && part.hidden() > 0);
        let unshown: usize = unshown.map(|part| part.none).sum();
        let line = if unshown > 0 { UNSHOWN_TOKENS } else { 0 };
        line + unshown + self.parts.iter().map(|part| part.size().tokens).sum::<usize>()
    }

    /// The bytes up to the floor of the last vital section.
    fn vital_bytes(&self) -> usize {
        let before: usize = self.parts[..self.last_vital].iter().map(|part| part.size().bytes).sum();
        let last = &self.parts[self.last_vital];
        let floor = last.forms.iter().take(last.floor).filter_map(|forms| forms.last());
        before + last.heading.bytes + floor.map(|size| size.bytes).sum::<usize>()
    }
}

fn chosen(sections: Vec<Section>, choice: &Choice) -> Vec<Section> {
    let shown = sections.into_iter().zip(choice).map(|(mut section, forms)| {
        section.left_out += section.items.len() - forms.len();
        section.items.truncate(forms.len());
        for (item, form) in section.items.iter_mut().zip(forms) {
            item.text.clone_from(&item.forms[*form]);
        }
        section
    });
    // What has no title, the footer, goes without a word when it does not fit.
    shown.filter(|section| !section.items.is_empty() || section.left_out > 0 && !section.title.is_empty()).collect()
}

fn render(sections: &[Section], choice: &Choice, why: bool) -> String {
    let mut text = String::new();
    for (section, forms) in sections.iter().zip(choice).filter(|(_, forms)| !forms.is_empty()) {
        text.push_str(&heading(section));
        for (item, form) in section.items.iter().zip(forms) {
            text.push_str(&line(section, item, *form, why));
        }
        let hidden = section.left_out + section.items.len() - forms.len();
        if hidden > 0 {
            text.push_str(&more(section, hidden));
        }
    }
    text + &unshown(sections, choice)
}

/// One line about the sections of which nothing is shown.
fn unshown(sections: &[Section], choice: &Choice) -> String {
    let none = sections.iter().zip(choice).filter(|(section, forms)| forms.is_empty() && !section.title.is_empty());
    let counts = none.map(|(section, _)| (section, section.left_out + section.items.len()));
    let counts = counts.filter(|(_, hidden)| *hidden > 0).map(|(section, hidden)| count(section, hidden));
    let counts = counts.collect::<Vec<_>>().join(", ");
    if counts.is_empty() { counts } else { format!("Not shown: {counts}\n") }
}

/// What is hidden of a section, and the command that shows it.
fn count(section: &Section, hidden: usize) -> String {
    format!("{} {hidden} ({})", section.title, section.more)
}

fn heading(section: &Section) -> String {
    if section.title.is_empty() { String::new() } else { format!("{}:\n", section.title) }
}

fn more(section: &Section, hidden: usize) -> String {
    format!("{}{hidden} more: {}\n", indent(section), section.more)
}

fn indent(section: &Section) -> &'static str {
    if section.title.is_empty() { "" } else { "  " }
}

/// An item in one of its forms, its reason behind the first line.
fn line(section: &Section, item: &Item, form: usize, why: bool) -> String {
    let indent = indent(section);
    let mut lines = item.forms[form].lines();
    let mut text = format!("{indent}{}", lines.next().unwrap_or_default());
    if let Some(why) = item.why.as_ref().filter(|_| why) {
        let _ = write!(text, " [{why}]");
    }
    for line in lines {
        let _ = write!(text, "\n{indent}{line}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(at: usize) -> Item {
        Item::forms(None, vec![format!("item {at} in its long form ").repeat(10), format!("item {at}")])
    }

    fn section(title: &str, items: usize) -> Section {
        Section {
            title: title.into(),
            items: (0..items).map(item).collect(),
            floor: 1,
            more: "state list".into(),
            ..Section::default()
        }
    }

    #[test]
    fn never_over_the_budget_and_every_section_keeps_its_floor() {
        for budget in [50, 60, 80, 120, 400, 5000] {
            let (chosen, text) = fill(vec![section("One", 30), section("Two", 30)], budget, false);
            assert!(estimate_tokens(&text) <= budget, "{budget}: {text}");
            assert!(chosen.iter().all(|section| !section.items.is_empty()), "{budget}: {text}");
            let shown: usize = chosen.iter().map(|section| section.items.len()).sum();
            let left: usize = chosen.iter().map(|section| section.left_out).sum();
            assert_eq!(shown + left, 60);
        }
    }

    #[test]
    fn what_is_not_worth_its_tokens_is_left_out_however_much_room_there_is() {
        let mut dull = section("Dull", 30);
        dull.items.iter_mut().for_each(|item| item.worth = 0.001);
        let (chosen, text) = fill(vec![section("", 1), dull, section("Good", 3)], 100_000, false);
        assert_eq!((chosen[1].items.len(), chosen[1].left_out, chosen[2].items.len()), (1, 29, 3), "{text}");
        assert!(text.contains("29 more: state list"), "{text}");
    }

    #[test]
    fn the_last_vital_section_begins_early() {
        let mut sections = vec![section("", 1), section("Many", 200), section("Next", 50), section("Rest", 50)];
        sections.iter_mut().take(3).for_each(|section| section.vital = true);
        let (_, text) = fill(sections, 100_000, false);
        let next = text.find("Next:\n  item 0").unwrap();
        assert!((VITAL_BYTES / 2..VITAL_BYTES).contains(&next), "{next}");
        assert!(text.contains("item 199") || text.contains("more: state list"), "{text}");
    }

    #[test]
    fn the_sum_of_the_lines_is_the_count_of_the_text() {
        let sections = vec![section("One", 30), section("Two", 30)];
        let mut plan = Plan::new(&sections, 700, false);
        plan.fill();
        let choice: Choice = plan.parts.iter().map(|part| part.choice.clone()).collect();
        let whole = estimate_tokens(&render(&sections, &choice, false));
        assert!((whole..=whole * 11 / 10).contains(&plan.tokens()), "{whole} {}", plan.tokens());
    }

    #[test]
    fn reasons_are_said_when_asked_for() {
        let items = vec![Item::line(None, "t-1 Task".into()).why("touched last".into())];
        let sections = vec![section("", 1), Section { items, ..section("Next", 0) }];
        assert!(fill(sections.clone(), 500, true).1.contains("  t-1 Task [touched last]\n"));
        assert!(!fill(sections, 500, false).1.contains("touched"));
    }
}
