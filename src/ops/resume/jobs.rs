//! Jobs in a briefing: ends that nobody was told of, with the last lines of their output, and what runs.

use super::gather::{Gatherer, section};
use super::{Item, Section};
use crate::domain::job::measure::coarse_span;
use crate::domain::record::Record;
use crate::domain::{kind, terms, when};
use crate::error::Result;
use crate::ops::job::told::{self, Seen};
use crate::ops::job::{JobReport, first_of_here, speculative};

/// Lines of output of a job that did not end well, in its longer form.
const LINES: usize = 5;
/// So many ends are told at once; the others come with the next briefing.
const NEWS_MAX: usize = 20;
/// So many open jobs are named.
const OPEN_MAX: usize = 10;

impl Gatherer<'_> {
    /// The ends of jobs that this session was not told of, bad ones first, and which they are.
    pub(super) fn job_news(&self) -> Result<(Section, Vec<(Seen, String)>)> {
        let mut news = told::news(self.view, self.workspace, false)?;
        news.sort_by_key(|job| job.status() == "ok");
        let told = news.iter().map(|job| (Seen::from(job), job.id().to_owned())).collect();
        let left_out = news.len().saturating_sub(NEWS_MAX);
        news.truncate(NEWS_MAX);
        let mut items = Vec::new();
        let is_ok = |job: &Record| job.status() == "ok";
        let lines = |job: &Record| if is_ok(job) { 0 } else { LINES };
        for (job, report) in news.iter().zip(JobReport::all(self.view, self.workspace, &news, lines)?) {
            let worth = if is_ok(job) { 1.0 } else { 2.0 };
            let why = "a job that ended, not told before".to_owned();
            items.push(Item::forms(Some(job.id()), self.forms(&report)).worth(worth).why(why));
        }
        let floor = items.len();
        Ok((section("Jobs", items, left_out, "state list jobs --new").floor(floor).vital(), told))
    }

    fn forms(&self, job: &JobReport) -> Vec<String> {
        if job.status == "running" {
            let line = self.open_line(job);
            let said = job.matched.iter().skip(job.matched.len().saturating_sub(LINES));
            return vec![said.fold(line.clone(), |text, said| format!("{text}\n> {said}")), line];
        }
        let facts = job.ending().join("; ");
        let facts = if facts.is_empty() { facts } else { format!(" ({facts})") };
        let line =
            format!("{} {} {} {}{facts}", job.id, Self::short(&job.name()), job.status, when::ago(job.since, self.now));
        let told = |count: usize| {
            let last = job.tail.iter().skip(job.tail.len().saturating_sub(count));
            last.fold(line.clone(), |text, line| format!("{text}\n> {line}"))
        };
        let mut forms = vec![told(LINES), told(1), line.clone()];
        forms.dedup();
        forms
    }

    fn short(name: &str) -> String {
        crate::domain::text::truncate_tokens(name, 20)
    }

    /// What runs or waits, what is odd about it first.
    pub(super) fn open_jobs(&self) -> Result<Section> {
        let mut items = Vec::new();
        let mut left_out = 0;
        for status in ["running", "waiting"] {
            let term = terms::status_term(kind::JOB, status);
            let open = first_of_here(self.view, &term, OPEN_MAX)?;
            if open.len() == OPEN_MAX {
                left_out += self.view.count(&term, 1000)?.saturating_sub(open.len());
            }
            for (job, report) in open.iter().zip(JobReport::all(self.view, self.workspace, &open, |_| 0)?) {
                let worth = if report.remarks.is_empty() { 0.8 } else { 1.5 };
                items.push(Item::line(Some(job.id()), self.open_line(&report)).worth(worth).why(status.to_owned()));
            }
        }
        let undecided = speculative::undecided(self.view, OPEN_MAX)?;
        for (job, report) in undecided.iter().zip(JobReport::all(self.view, self.workspace, &undecided, |_| 0)?) {
            let line = format!("{} {} {}", report.id, Self::short(&report.name()), report.remarks.join(", "));
            items.push(Item::line(Some(job.id()), line).worth(1.0).why("waits for a yes or no".to_owned()));
        }
        items.sort_by(|a, b| b.worth.total_cmp(&a.worth));
        Ok(section("In the background", items, left_out, "state list jobs"))
    }

    fn open_line(&self, job: &JobReport) -> String {
        let name = Self::short(&job.name());
        if job.status == "waiting" {
            return format!("{} {name} waits for {}", job.id, job.waits_for.join(", "));
        }
        let runs_for = coarse_span((self.now - job.since).to_std().unwrap_or_default());
        let mut facts = vec![format!("{} {name} runs for {runs_for}", job.id)];
        facts.extend(job.usual.as_ref().map(|usual| format!("usually {usual}")));
        facts.extend(job.remarks.iter().cloned());
        facts.join(", ")
    }
}
