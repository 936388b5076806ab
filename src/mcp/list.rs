//! `list` and `ready`, as a tool.

use super::call::Call;
use super::tools::{Detail, Harm, Verb};
use super::{cut, job, print, schema};
use crate::domain::text;
use crate::error::Result;
use crate::ops::job as jobs;
use crate::ops::list::{self, COUNT_MAX, ListInput, ListLine};
use crate::ops::ready;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

const LIMIT: usize = 30;
const LIMIT_MAX: usize = 500;
/// The list that is not one of `list`'s.
const READY: &str = "ready";
/// The list that says what runs now.
const JOBS: &str = "jobs";

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct List {
    /// ready (what to do next, why), tasks, blockers, findings, decisions, notes, handoffs, summaries, artifacts, jobs, sessions,
    /// mine, active, blocked, deferred, conflicts, kinds (all)
    word: Option<String>,
    #[serde(deserialize_with = "schema::words")]
    #[schemars(with = "Vec<String>")]
    tags: Vec<String>,
    status: Option<String>,
    #[schemars(skip)]
    branch: Option<String>,
    #[schemars(skip)]
    path: Option<String>,
    /// Ended too
    all: Option<bool>,
    limit: Option<usize>,
    offset: Option<usize>,
    #[schemars(skip)]
    budget: Option<usize>,
    #[schemars(skip)]
    detail: Option<Detail>,
}

/// Lines of a list and what is said below them.
struct Page {
    lines: Vec<String>,
    total: usize,
    below: String,
}

impl Verb for List {
    const NAME: &'static str = "list";
    const ABOUT: &'static str = "List records, one line each: ready, tasks, jobs ...";
    const HARM: Harm = Harm::None;

    fn run(self, call: &Call) -> Result<String> {
        let page = match self.word() {
            READY => self.ready(call)?,
            JOBS if self.is_plain() => self.jobs(call)?,
            _ => self.list(call)?,
        };
        Ok(self.print(&page))
    }
}

impl List {
    fn word(&self) -> &str {
        self.word.as_deref().unwrap_or("tasks")
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT).min(LIMIT_MAX)
    }

    fn offset(&self) -> usize {
        self.offset.unwrap_or(0).min(1_000_000)
    }

    fn list(&self, call: &Call) -> Result<Page> {
        let input = ListInput {
            word: self.word.clone(),
            tags: self.tags.clone(),
            status: self.status.clone(),
            branch: self.branch.clone(),
            path: self.path.clone(),
            all: self.all.unwrap_or(false),
            limit: self.limit(),
            offset: self.offset(),
        };
        let report = list::list(&call.workspace()?, &input)?;
        let manner = (call.now(), self.detail.unwrap_or_default());
        let line = |listed: &ListLine| {
            let mut line = print::line(&listed.told(), manner);
            for remark in listed.remarks() {
                let _ = write!(line, " ({remark})");
            }
            line
        };
        let lines: Vec<String> = report.records.iter().map(line).collect();
        let below = match report.total {
            0 => format!("{} Everything there is: list {{\"word\":\"kinds\"}}\n", report.nothing()),
            _ => String::new(),
        };
        Ok(Page { lines, total: report.total, below })
    }

    fn ready(&self, call: &Call) -> Result<Page> {
        let report = ready::ready(&call.workspace()?, self.offset().saturating_add(self.limit()))?;
        let manner = (call.now(), self.detail.unwrap_or_default());
        let tasks = report.records.iter().skip(self.offset());
        let lines =
            tasks.map(|task| format!("{}  {}", print::line(&task.record, manner), text::clean_line(&task.reason)));
        let blocked = match report.blocked {
            0 => String::new(),
            count => format!(" {count} held up: list {{\"word\":\"blocked\"}}."),
        };
        let below = match report.total {
            0 => format!("Nothing is ready.{blocked}\n"),
            _ => format!("Take the first: update {{\"do\":\"start\"}}.{blocked}\n"),
        };
        Ok(Page { lines: lines.collect(), total: report.total, below })
    }

    /// With filters jobs are records like others.
    fn is_plain(&self) -> bool {
        let texts = [&self.status, &self.branch, &self.path];
        texts.iter().all(|text| text.is_none()) && self.tags.is_empty() && self.offset() == 0
    }

    fn jobs(&self, call: &Call) -> Result<Page> {
        let report = jobs::list(&call.workspace()?, false, self.limit())?;
        let lines: Vec<String> =
            report.jobs.iter().map(|held| job::print(held, call.now()).trim_end().to_owned()).collect();
        let below =
            if lines.is_empty() { "No jobs: run {\"command\":\"make test\"}\n".to_owned() } else { String::new() };
        Ok(Page { lines, total: report.total, below })
    }

    fn print(&self, page: &Page) -> String {
        let count = cut::fitting(page.lines.iter().map(String::as_str), cut::budget(self.budget));
        let mut out = String::new();
        for line in &page.lines[..count] {
            let _ = writeln!(out, "{line}");
        }
        let shown = self.offset() + count;
        if count == 0 && page.total > 0 {
            let _ = writeln!(out, "{} in all, none of them from {} on", page.total, self.offset());
        } else if page.total > shown {
            let plus = if page.total >= COUNT_MAX { "+" } else { "" };
            let _ = writeln!(out, "{shown} of {}{plus}; more: {}", page.total, cut::call("list", &self.rest(shown)));
        }
        out.push_str(&page.below);
        out
    }

    /// The arguments for the records from `offset` on.
    fn rest(&self, offset: usize) -> Value {
        let mut rest = json!({"word": self.word(), "offset": offset});
        let told = [
            ("tags", json!(self.tags)),
            ("status", json!(self.status)),
            ("branch", json!(self.branch)),
            ("path", json!(self.path)),
            ("all", json!(self.all)),
            ("limit", json!(self.limit)),
            ("detail", json!(self.detail)),
        ];
        for (name, value) in told {
            if !value.is_null() && value != json!([]) {
                rest[name] = value;
            }
        }
        rest
    }
}
