//! Layers: how much of a found record is shown, and what each costs a reader who pays by the token.

use super::SearchReport;
use super::found::Found;
use crate::domain::text::{self, estimate_tokens};
use crate::domain::when;
use crate::ops::report::Line;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// How much of each hit is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// What it is: id, age, kind, title.
    Line,
    /// And the piece that matched.
    #[default]
    Snippet,
    /// And the passage that matched, about 60 tokens.
    Paragraph,
    /// And its whole text.
    Full,
}

impl Layer {
    /// The next smaller one.
    #[must_use]
    pub fn smaller(self) -> Self {
        match self {
            Self::Full => Self::Paragraph,
            Self::Paragraph => Self::Snippet,
            Self::Snippet | Self::Line => Self::Line,
        }
    }
}

/// Estimated tokens of a record in each layer, the line counted in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Id, age, kind and title.
    pub line: usize,
    /// The line and the passage that matched.
    pub paragraph: usize,
    /// The line and the whole text.
    pub full: usize,
}

/// The texts of a hit that layers choose from.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub snippet: String,
    pub paragraph: String,
    /// Empty unless full texts are wanted.
    pub body: String,
}

impl Texts {
    pub(super) fn new(
        line: &Line,
        (snippet, body): (String, String),
        (layer, now): (Layer, DateTime<Utc>),
    ) -> (Self, Tokens) {
        let paragraph = paragraph(&body, &snippet);
        let shown =
            format!("{} {} {} {} {}", line.id, when::age(line.updated, now), line.kind, line.status, line.title);
        let line = estimate_tokens(&shown);
        let with_paragraph = line + estimate_tokens(&paragraph);
        let tokens = Tokens { line, paragraph: with_paragraph, full: with_paragraph.max(line + roughly(&body)) };
        let body = if layer == Layer::Full { body } else { String::new() };
        (Self { snippet, paragraph, body }, tokens)
    }
}

/// Bytes of a text of which the tokens are counted; of a longer one they are extrapolated.
const COUNTED_MAX: usize = 64 << 10;

fn roughly(text: &str) -> usize {
    let head = &text[..text.floor_char_boundary(COUNTED_MAX)];
    match estimate_tokens(head) {
        counted if head.len() == text.len() => counted,
        counted => counted.saturating_mul(text.len().div_ceil(head.len().max(1))),
    }
}

/// Tokens of a paragraph.
const PARAGRAPH_TOKENS: usize = 60;

/// Bytes of a body in which a paragraph is looked for.
const LOOKED_AT_MAX: usize = 32 << 10;

/// Bytes before the match with which a long paragraph may begin.
const LEAD_MAX: usize = 120;

/// The passage that a snippet was taken from, or the first that says something, as one line.
fn paragraph(body: &str, snippet: &str) -> String {
    let body = &body[..body.floor_char_boundary(LOOKED_AT_MAX)];
    let passages: Vec<String> = passages(body);
    let anchor = anchor(snippet);
    let at = anchors(&anchor)
        .find_map(|part| passages.iter().enumerate().find_map(|(number, passage)| Some((number, passage.find(part)?))));
    let (number, at) = at.unwrap_or((0, 0));
    let Some(passage) = passages.get(number) else { return String::new() };
    text::truncate_tokens(&from_sentence(passage, at), PARAGRAPH_TOKENS)
}

/// What stands between blank lines, each as one line; headings, rules and fence marks say nothing by themselves.
fn passages(body: &str) -> Vec<String> {
    let says = |line: &&str| {
        let line = line.trim();
        !line.starts_with('#') && !line.starts_with("```") && line.chars().any(char::is_alphanumeric)
    };
    let mut passages = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in body.lines().chain([""]) {
        if !line.trim().is_empty() {
            lines.push(line);
        } else if !lines.is_empty() {
            let kept: Vec<&str> = lines.drain(..).filter(says).collect();
            passages.push(plain(&kept.join(" ")));
        }
    }
    passages.retain(|passage| !passage.is_empty());
    passages
}

/// Without the brackets that mark matches, and with single spaces.
pub(super) fn plain(text: &str) -> String {
    let text = text::display(text);
    let words: Vec<&str> = text.split(['[', ']']).collect();
    words.concat().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of a snippet from its first match on.
fn anchor(snippet: &str) -> String {
    let from = snippet.find('[').map_or("", |at| &snippet[at..]);
    plain(from.trim_end_matches('…'))
}

/// The anchor, and shorter beginnings of it: a snippet can reach over the end of a passage.
fn anchors(anchor: &str) -> impl Iterator<Item = &str> {
    let cut = |len: usize| &anchor[..anchor.floor_char_boundary(len)];
    [cut(40), cut(16), cut(6)].into_iter().filter(|part| !part.is_empty())
}

/// The passage from the sentence on that holds byte `at`, if that is far from its beginning.
fn from_sentence(passage: &str, at: usize) -> String {
    let fits = text::estimate_tokens(passage) <= PARAGRAPH_TOKENS;
    if fits || at <= LEAD_MAX {
        return passage.to_owned();
    }
    let before = &passage[passage.ceil_char_boundary(at - LEAD_MAX)..at];
    let lead = [". ", "; ", " "].iter().find_map(|end| Some(before.find(end)? + end.len())).unwrap_or(before.len());
    format!("… {}{}", &before[lead..], &passage[at..])
}

impl SearchReport {
    /// Makes the hits cost no more than `budget`, by what `cost` says of each: first all as lines, as many as fit, then
    /// the best of them with as much of their text as there is room for.
    pub fn fit(&mut self, budget: usize, cost: &dyn Fn(&Found) -> usize) {
        let wanted: Vec<Layer> = self.hits.iter().map(|found| found.layer).collect();
        let (mut spent, mut kept) = (0_usize, 0);
        for found in &mut self.hits {
            found.show(Layer::Line);
            spent = spent.saturating_add(cost(found));
            if spent > budget {
                spent = spent.saturating_sub(cost(found));
                break;
            }
            kept += 1;
        }
        for (found, wanted) in self.hits.iter_mut().zip(wanted).take(kept) {
            let rest = spent - cost(found);
            found.show(wanted);
            while found.layer > Layer::Line && rest.saturating_add(cost(found)) > budget {
                found.show(found.layer.smaller());
            }
            spent = rest + cost(found);
        }
        self.leave_out(self.hits.len() - kept);
    }

    /// Leaves out the last `count` hits, so that the next page begins with them.
    pub fn leave_out(&mut self, count: usize) {
        let count = count.min(self.hits.len());
        if count > 0 {
            self.hits.truncate(self.hits.len() - count);
            self.cut += count;
            self.next = Some(self.end.saturating_sub(self.cut));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &str =
        "# Lock\n\nThe first passage\nof two lines.\n\n---\n\n```\ncode [0] walrus\n```\n\nThe last one.\n";

    #[test]
    fn the_passage_that_matched_is_shown_or_the_first() {
        assert_eq!(paragraph(BODY, "… code [0] [walrus] The last …"), "code 0 walrus");
        assert_eq!(paragraph(BODY, "The [last] one."), "The last one.");
        assert_eq!(paragraph(BODY, "The title of [something] else"), "The first passage of two lines.");
        assert_eq!((paragraph("", "[x]"), paragraph("# only\n\n---", "")), (String::new(), String::new()));
    }

    #[test]
    fn a_long_passage_begins_near_the_match() {
        let long = format!("{}. Here a walrus rests. {}", "seals swim ".repeat(100), "and sleep ".repeat(100));
        let shown = paragraph(&long, "… Here a [walrus] rests. and sleep …");
        assert!(shown.starts_with("… Here a walrus rests. and sleep") && shown.ends_with('…'), "{shown}");
        assert!(estimate_tokens(&shown) <= PARAGRAPH_TOKENS);
    }

    #[test]
    fn a_very_long_text_is_not_counted_whole() {
        let text = "walrus ".repeat(100_000);
        let (rough, exact) = (roughly(&text), estimate_tokens(&text));
        assert!(rough >= exact && rough <= exact + exact / 5, "{rough} of {exact}");
    }

    proptest! {
        #[test]
        fn any_passage_is_a_short_line(body in any::<String>(), near in "[ab \\n.\\[\\]\u{e9}数]{0,600}", snippet in "[ab \\[\\]…数]{0,50}") {
            for body in [body, near] {
                let shown = paragraph(&body, &snippet);
                prop_assert!(estimate_tokens(&shown) <= PARAGRAPH_TOKENS && !shown.contains('\n'));
            }
        }
    }
}
