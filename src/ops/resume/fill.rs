//! Filling the budget: every section gets its floor in one-line form, then more items, then longer forms.

use super::{Item, Section};
use crate::domain::text::{estimate_tokens, truncate_tokens};
use std::fmt::Write as _;

/// What fits of the sections into `budget` tokens, and the text that it makes.
pub(super) fn fill(sections: Vec<Section>, budget: usize) -> (Vec<Section>, String) {
    let mut plan = Plan::new(&sections);
    plan.add_items(&sections, budget, |section| section.floor);
    plan.add_items(&sections, budget, |_| usize::MAX);
    plan.lengthen(&sections, budget);
    let chosen = plan.apply(sections);
    let text = render(&chosen);
    if estimate_tokens(&text) <= budget {
        return (chosen, text);
    }
    // Only when the very first line alone is too long.
    let text = truncate_tokens(&text, budget);
    (chosen, text)
}

/// For each section how many items it shows, and which form each of them takes.
struct Plan {
    forms: Vec<Vec<usize>>,
}

impl Plan {
    fn new(sections: &[Section]) -> Self {
        Self { forms: vec![Vec::new(); sections.len()] }
    }

    /// Adds items in their shortest form, one a section in turn, as long as they fit.
    fn add_items(&mut self, sections: &[Section], budget: usize, cap: impl Fn(&Section) -> usize) {
        let mut full = vec![false; sections.len()];
        while full.contains(&false) {
            for (at, section) in sections.iter().enumerate() {
                let shown = self.forms[at].len();
                if full[at] || shown >= section.items.len().min(cap(section)) {
                    full[at] = true;
                    continue;
                }
                self.forms[at].push(section.items[shown].forms.len() - 1);
                if self.tokens(sections) > budget {
                    self.forms[at].pop();
                    full[at] = true;
                }
            }
        }
    }

    /// Gives items, in order, the longest form that still fits.
    fn lengthen(&mut self, sections: &[Section], budget: usize) {
        for at in 0..sections.len() {
            for item in 0..self.forms[at].len() {
                let shortest = self.forms[at][item];
                for form in 0..shortest {
                    self.forms[at][item] = form;
                    if self.tokens(sections) <= budget {
                        break;
                    }
                    self.forms[at][item] = shortest;
                }
            }
        }
    }

    fn tokens(&self, sections: &[Section]) -> usize {
        estimate_tokens(&render(&self.apply(sections.to_vec())))
    }

    fn apply(&self, sections: Vec<Section>) -> Vec<Section> {
        let chosen = sections.into_iter().zip(&self.forms).map(|(mut section, forms)| {
            section.left_out += section.items.len() - forms.len();
            section.items.truncate(forms.len());
            for (item, form) in section.items.iter_mut().zip(forms) {
                item.text = item.forms[*form].clone();
            }
            section
        });
        // What has no title, the footer, goes without a word when it does not fit.
        chosen
            .filter(|section| !section.items.is_empty() || section.left_out > 0 && !section.title.is_empty())
            .collect()
    }
}

fn render(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        if section.items.is_empty() {
            let _ = writeln!(text, "{}: {} not shown: {}", section.title, section.left_out, section.more);
            continue;
        }
        let indent = if section.title.is_empty() { "" } else { "  " };
        if !section.title.is_empty() {
            let _ = writeln!(text, "{}:", section.title);
        }
        for Item { text: item, .. } in &section.items {
            let _ = writeln!(text, "{indent}{}", item.replace('\n', &format!("\n{indent}")));
        }
        if section.left_out > 0 {
            let _ = writeln!(text, "{indent}{} more: {}", section.left_out, section.more);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(title: &str, items: usize) -> Section {
        let item =
            |at| Item::forms(None, vec![format!("item {at} in its long form ").repeat(10), format!("item {at}")]);
        Section {
            title: title.into(),
            items: (0..items).map(item).collect(),
            floor: 1,
            more: "state list".into(),
            left_out: 0,
        }
    }

    #[test]
    fn never_over_the_budget_and_every_section_keeps_its_floor() {
        for budget in [50, 60, 80, 120, 400, 5000] {
            let (chosen, text) = fill(vec![section("One", 30), section("Two", 30)], budget);
            assert!(estimate_tokens(&text) <= budget, "{budget}: {text}");
            assert!(chosen.iter().all(|section| !section.items.is_empty()), "{budget}: {text}");
            let shown: usize = chosen.iter().map(|section| section.items.len()).sum();
            let left: usize = chosen.iter().map(|section| section.left_out).sum();
            assert_eq!(shown + left, 60);
        }
    }
}
