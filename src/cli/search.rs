//! `state search`

mod print;
mod shell;

use super::door::Door;
use super::paint::Paint;
use crate::domain::text::estimate_tokens;
use crate::error::Result;
use crate::ops::search::{self, Found, Layer, SearchInput, SearchReport};
use clap::ValueEnum;
use print::Printer;

/// Find records by words, phrases and filters.
///
/// Any word may match, rank decides; nothing that you type is an error. Without words: newest first.
///
/// Filters: kind:finding status:open tag:auth path:src/auth branch:main by:claude key:how/test since:7d before:2026-01-31,
/// -without, sort:new. A "phrase" must occur; beside other words it only comes first. Status also takes live and ended.
///
/// A hit is a line (id, age, kind, title) and the piece that matched; when nothing matches, the answer says why and what is
/// near. `tokens` is what a hit costs in each layer.
///
/// JSON: {"hits": [{"record": RECORD, "snippet", "paragraph"?, "body"?, "layer", "tokens": {"line", "paragraph", "full"},
/// "score", "parts": {NAME: NUMBER}, "stale", "stale_refs"?: [{"path", "state", "commit"?}], "superseded_by"?, "private"?}],
/// "total", "capped", "next"?: OFFSET, "cut"?, "notes"?, "taken"?: {"words", "phrases", "without", "filters", "excluded",
/// "since"?, "before"?}, "nothing"?: {"why": [{"cause", "part", "found", "capped", "query"?, "near"?}], "near"?: [RECORD],
/// "instead"?}, "behind"}; cause is empty, filter, value, time, without, phrase, together, word or undone
#[derive(clap::Args)]
pub(super) struct SearchArgs {
    /// What to look for.
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    /// At most so many hits.
    #[arg(long, short = 'n', default_value_t = LIMIT)]
    limit: usize,
    /// Skip so many hits: the next page.
    #[arg(long, default_value_t = 0)]
    offset: usize,
    /// How much of each hit: line, snippet, paragraph (about 60 tokens) or full.
    #[arg(long, value_name = "LAYER", default_value = "snippet", hide_default_value = true)]
    layer: LayerArg,
    /// Whole texts, as --layer full.
    #[arg(long, conflicts_with = "layer")]
    full: bool,
    /// At most so many tokens for the whole answer.
    #[arg(long, value_name = "TOKENS")]
    budget: Option<usize>,
    /// What the query was taken as, and the parts of each score.
    #[arg(long)]
    explain: bool,
}

/// Hits on a page.
const LIMIT: usize = 10;

#[derive(Clone, Copy, ValueEnum)]
enum LayerArg {
    Line,
    Snippet,
    Paragraph,
    Full,
}

impl SearchArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.workspace()?;
        let input = SearchInput {
            text: self.words.join(" "),
            limit: self.limit,
            offset: self.offset,
            layer: self.layer(),
            explain: self.explain,
        };
        let mut report = search::search(&workspace, &input)?;
        door.keep_up_if(&workspace, report.behind > search::TAIL_MAX);
        let store = shell::store_option(&door.process.args);
        let (options, budget, now) = (self.options(), self.budget, door.now());
        let printer = Printer { input: &input, store, options, budget, now };
        if let Some(budget) = self.budget {
            let is_json = door.is_json();
            let cost = |report: &SearchReport| match serde_json::to_string(report) {
                // With the end of its line.
                Ok(json) if is_json => estimate_tokens(&(json + "\n")),
                _ => estimate_tokens(&printer.answer(Paint { on: false }, report)),
            };
            fit(&mut report, budget, &cost);
        }
        door.report(&report, |out, paint, report| out.push_str(&printer.answer(paint, report)))
    }

    fn layer(&self) -> Layer {
        match self.layer {
            _ if self.full => Layer::Full,
            LayerArg::Line => Layer::Line,
            LayerArg::Snippet => Layer::Snippet,
            LayerArg::Paragraph => Layer::Paragraph,
            LayerArg::Full => Layer::Full,
        }
    }

    /// The options to repeat for another page.
    fn options(&self) -> Vec<String> {
        let layer = match self.layer() {
            Layer::Snippet => None,
            Layer::Line => Some("--layer line".to_owned()),
            Layer::Paragraph => Some("--layer paragraph".to_owned()),
            Layer::Full => Some("--full".to_owned()),
        };
        let limit = (self.limit != LIMIT).then(|| format!("-n {}", self.limit));
        let explain = self.explain.then(|| "--explain".to_owned());
        let budget = self.budget.map(|budget| format!("--budget {budget}"));
        [limit, layer, budget, explain].into_iter().flatten().collect()
    }
}

/// Makes the whole answer cost no more than `budget`, if it can: hits shrink, then go, then reasons why there are none.
fn fit(report: &mut SearchReport, budget: usize, cost: &dyn Fn(&SearchReport) -> usize) {
    if cost(report) <= budget {
        return;
    }
    // What stands around the hits is known when there are none, but that some were cut.
    let mut around = report.clone();
    around.leave_out(around.hits.len());
    let rest = budget.saturating_sub(cost(&around));
    let one = |found: &Found| {
        let mut alone = around.clone();
        alone.hits = vec![found.clone()];
        cost(&alone).saturating_sub(cost(&around)) + 1
    };
    report.fit(rest, &one);
    while cost(report) > budget && !report.hits.is_empty() {
        report.leave_out(1);
    }
    while cost(report) > budget && report.nothing.as_mut().is_some_and(search::Nothing::shorten) {}
}
