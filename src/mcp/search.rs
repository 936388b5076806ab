//! `search`, as a tool.

use super::call::Call;
use super::cut;
use super::tools::{Detail, Harm, Verb};
use crate::domain::text::{self, estimate_tokens};
use crate::domain::when;
use crate::error::Result;
use crate::ops::report::Line;
use crate::ops::search::{self, Cause, Found, Layer, Nothing, SearchInput, SearchReport, Why};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

const LIMIT: usize = 10;
const LIMIT_MAX: usize = 100;
/// Notes on a query, reasons for no hit and stale references that are told.
const TOLD_MAX: usize = 5;
/// A record of more tokens is long: what it costs is said beforehand.
const LONG_TOKENS: usize = 400;
/// Columns of what is quoted of a query.
const QUERY_COLUMNS: usize = 200;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Words, symbols, errors, "phrases"; filters kind:finding status:open tag:auth path:src/auth since:7d -without
    query: String,
    limit: Option<usize>,
    offset: Option<usize>,
    budget: Option<usize>,
    /// detailed: whole passages
    detail: Option<Detail>,
}

impl Verb for Search {
    const NAME: &'static str = "search";
    const ABOUT: &'static str = "Search what earlier sessions learned, decided and did, best first. Call before \
        investigating.";
    const HARM: Harm = Harm::None;

    fn run(self, call: &Call) -> Result<String> {
        let workspace = call.workspace()?;
        let layer = if self.detail == Some(Detail::Detailed) { Layer::Paragraph } else { Layer::Snippet };
        let limit = self.limit.unwrap_or(LIMIT).min(LIMIT_MAX);
        let offset = self.offset.unwrap_or(0);
        let input = SearchInput { text: self.query.clone(), limit, offset, layer, explain: false };
        let mut report = search::search(&workspace, &input)?;
        call.keep_up_if(&workspace, report.behind > search::TAIL_MAX);
        let (now, budget) = (call.now(), cut::budget(self.budget));
        self.fit(&mut report, (budget, now));
        Ok(self.print(&report, now))
    }
}

impl Search {
    /// Hits shrink, then go, until the answer costs no more than `budget`; at last reasons why there are none.
    fn fit(&self, report: &mut SearchReport, (budget, now): (usize, DateTime<Utc>)) {
        let cost = |report: &SearchReport| estimate_tokens(&self.print(report, now));
        if cost(report) <= budget {
            return;
        }
        let mut around = report.clone();
        around.leave_out(around.hits.len());
        let rest = budget.saturating_sub(cost(&around));
        report.fit(rest, &|found: &Found| estimate_tokens(&hit(found, now)) + 1);
        while cost(report) > budget && report.hits.len() > 1 {
            report.leave_out(1);
        }
        while cost(report) > budget && report.nothing.as_mut().is_some_and(Nothing::shorten) {}
    }

    fn print(&self, report: &SearchReport, now: DateTime<Utc>) -> String {
        let mut out = String::new();
        for note in report.notes.iter().take(TOLD_MAX) {
            let _ = writeln!(out, "{}", told(note));
        }
        if let Some(nothing) = &report.nothing {
            self.nothing(&mut out, nothing, now);
        }
        for found in &report.hits {
            out.push_str(&hit(found, now));
        }
        self.more(&mut out, report);
        out
    }

    fn more(&self, out: &mut String, report: &SearchReport) {
        let total = format!("{}{}", report.total, if report.capped { "+" } else { "" });
        let corrected = report.nothing.as_ref().and_then(|nothing| nothing.instead.as_ref());
        let query = corrected.unwrap_or(&self.query);
        if let Some(next) = report.next.filter(|_| !report.hits.is_empty()) {
            let _ = writeln!(out, "{next} of {total}; more: {}", cut::call("search", &self.page(query, next)));
        } else if report.hits.is_empty() && report.total > 0 {
            let _ = writeln!(out, "{total} in all, none shown: {}", cut::call("search", &json!({"query": query})));
        }
    }

    /// The arguments for another page.
    fn page(&self, query: &str, offset: usize) -> Value {
        let mut page = json!({"query": query, "offset": offset});
        for (name, value) in [("limit", json!(self.limit)), ("detail", json!(self.detail))] {
            if !value.is_null() {
                page[name] = value;
            }
        }
        page
    }

    fn nothing(&self, out: &mut String, nothing: &Nothing, now: DateTime<Utc>) {
        let asked = told(&self.query);
        if let Some(instead) = &nothing.instead {
            let _ = writeln!(out, "Nothing found for '{asked}'; showing '{}':", told(instead));
            return;
        }
        let _ = writeln!(out, "Nothing found for '{asked}'.");
        for why in nothing.why.iter().take(TOLD_MAX) {
            let _ = writeln!(out, "  {}", text::display(&reason(why)));
        }
        for near in &nothing.near {
            let _ = writeln!(out, "near: {}", line(near, "", now));
        }
    }
}

/// A reason why nothing matches, and the call that leads on.
fn reason(why: &Why) -> String {
    let part = told(&why.part);
    let found = format!("{}{}", why.found, if why.capped { "+" } else { "" });
    let rest = why.query.as_ref().map(|query| format!(": {}", cut::call("search", &json!({"query": query}))));
    let rest = rest.unwrap_or_default();
    why.told(&part, &found, &rest).unwrap_or_else(|| match why.cause {
        Cause::Undone => format!("{part} was undone: {}", cut::call("show", &json!({"ids": [why.part]}))),
        _ => "nothing is recorded yet; begin with add".to_owned(),
    })
}

/// What was typed, on one line.
fn told(text: &str) -> String {
    text::truncate_width(&text::clean_line(text), QUERY_COLUMNS)
}

fn line(record: &Line, standing: &str, now: DateTime<Utc>) -> String {
    let age = when::age(record.updated, now);
    text::clean_line(&format!("{} {age}  {}{standing}  {}", record.id, record.kind, record.title))
}

/// A hit: its line, which of its files changed, and the piece that matched.
fn hit(found: &Found, now: DateTime<Utc>) -> String {
    let record = &found.record;
    let usual = ["open", "live"].contains(&record.status.as_str());
    let status = if usual { String::new() } else { format!(" {}", record.status) };
    let by = found.superseded_by.as_ref().map(|id| format!(" by {id}")).unwrap_or_default();
    let private = if found.private { " private" } else { "" };
    let mut out = line(record, &format!("{status}{by}{private}"), now);
    out.push('\n');
    for reference in found.stale_refs.iter().take(TOLD_MAX) {
        let _ = writeln!(out, "  stale: {}{}", text::clean_line(&reference.path), reference.state.remark());
    }
    let matched = found.paragraph.as_deref().unwrap_or_else(|| snippet(found));
    let cost = match found.tokens.full {
        tokens if tokens > LONG_TOKENS && found.layer > Layer::Line => format!("({tokens} tokens in full)"),
        _ => String::new(),
    };
    let below = text::clean_line(&format!("{matched}  {cost}"));
    if !below.is_empty() {
        let _ = writeln!(out, "  {below}");
    }
    out
}

/// The snippet, if it says more than the title.
fn snippet(found: &Found) -> &str {
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    if plain(&found.record.title).contains(&plain(&found.snippet)) { "" } else { &found.snippet }
}
