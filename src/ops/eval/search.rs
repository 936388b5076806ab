//! `eval search`: how high the records that answer judged queries stand among the hits.

use super::{Folder, lines};
use crate::domain::draft::Draft;
use crate::domain::id::Uid;
use crate::domain::kind;
use crate::domain::query::Query;
use crate::domain::reference::Reference;
use crate::domain::text;
use crate::error::Result;
use crate::index::Page;
use crate::ops::{Workspace, import, init, parts, search};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// Hits looked at for each query.
const DEPTH: usize = 100;

/// The depths at which a hit counts.
pub const DEPTHS: [usize; 4] = [1, 5, 10, 20];

/// A line of `docs.jsonl`.
#[derive(Deserialize)]
struct Document {
    id: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    date: Option<String>,
    text: String,
    #[serde(default)]
    paths: Vec<String>,
}

/// A line of `queries.jsonl`.
#[derive(Deserialize)]
struct Question {
    id: String,
    scope: Option<String>,
    text: String,
    #[serde(default)]
    bucket: Option<String>,
}

/// A line of `qrels.jsonl`: this document answers that query.
#[derive(Deserialize)]
struct Answer {
    query: String,
    doc: String,
}

/// How a group of queries fared.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Score {
    /// How many queries.
    pub queries: usize,
    /// The share with a right document among the first 1, 5, 10, 20 hits ([`DEPTHS`]).
    pub hit: [f64; DEPTHS.len()],
    /// The mean share of right documents among the first 20 hits.
    pub recall_20: f64,
    /// The mean share of right documents among the first 100 hits.
    pub recall_100: f64,
    /// The mean of one through the place of the first right document, 0 beyond 100.
    pub mrr: f64,
}

impl Score {
    fn add(&mut self, places: &[usize], right: usize) {
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let share = |depth: usize| places.iter().filter(|place| **place <= depth).count() as f64 / right as f64;
        self.queries += 1;
        for (hit, depth) in self.hit.iter_mut().zip(DEPTHS) {
            *hit += f64::from(u8::from(places.iter().any(|place| *place <= depth)));
        }
        self.recall_20 += share(20);
        self.recall_100 += share(DEPTH);
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let reciprocal = places.first().map_or(0.0, |place| 1.0 / *place as f64);
        self.mrr += reciprocal;
    }

    fn mean(mut self) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let queries = self.queries.max(1) as f64;
        for sum in self.hit.iter_mut().chain([&mut self.recall_20, &mut self.recall_100, &mut self.mrr]) {
            *sum /= queries;
        }
        self
    }
}

/// The report of `eval search`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SearchEvalReport {
    /// Documents that were made records.
    pub documents: usize,
    /// Those that could not be.
    pub rejected: usize,
    /// Queries without a right document; they are left out.
    pub unjudged: usize,
    /// Stores: one a scope.
    pub scopes: usize,
    /// All queries.
    pub overall: Score,
    /// By the queries' `bucket`.
    pub buckets: BTreeMap<String, Score>,
    /// The place of the first right document of each query, 0 if it is not among the first 100.
    pub places: BTreeMap<String, usize>,
    /// Seconds for making the stores and their indexes, and for all searches.
    pub seconds: [f64; 2],
}

/// Measures search on `docs.jsonl`, `queries.jsonl` and `qrels.jsonl` of a folder. Each scope is a store of its own, as each
/// project is; if any query has none, everything is in one store.
///
/// # Errors
/// As reading any other file of records: `Input` if a file is missing or has a bad line; `Refused` if the temporary folder cannot be written.
pub fn search(folder: &Folder<'_>, data: &Path, progress: &dyn Fn(usize, usize)) -> Result<SearchEvalReport> {
    let questions: Vec<Question> = lines(&data.join("queries.jsonl"))?;
    let mut right: HashMap<String, BTreeSet<String>> = HashMap::new();
    for Answer { query, doc } in lines(&data.join("qrels.jsonl"))? {
        right.entry(query).or_default().insert(doc);
    }
    let is_scoped = questions.iter().all(|question| question.scope.is_some());
    let mut scopes: BTreeMap<String, (Vec<Document>, Vec<&Question>)> = BTreeMap::new();
    for document in lines::<Document>(&data.join("docs.jsonl"))? {
        let scope = if is_scoped { document.scope.clone() } else { String::new() };
        scopes.entry(scope).or_default().0.push(document);
    }
    for question in &questions {
        let scope = question.scope.clone().filter(|_| is_scoped).unwrap_or_default();
        scopes.entry(scope).or_default().1.push(question);
    }
    let mut report = SearchEvalReport { scopes: scopes.len(), ..SearchEvalReport::default() };
    for (number, (documents, asked)) in scopes.into_values().enumerate() {
        let scope = Scope::fill(folder, number, documents, &mut report)?;
        scope.ask(&asked, &right, &mut report)?;
        progress(number + 1, report.scopes);
    }
    report.overall = report.overall.mean();
    report.buckets =
        std::mem::take(&mut report.buckets).into_iter().map(|(name, score)| (name, score.mean())).collect();
    Ok(report)
}

/// The store of one scope.
struct Scope {
    workspace: Workspace,
    names: HashMap<Uid, String>,
}

impl Scope {
    fn fill(
        folder: &Folder<'_>,
        number: usize,
        documents: Vec<Document>,
        report: &mut SearchEvalReport,
    ) -> Result<Self> {
        let workspace = folder.workspace(&number.to_string());
        let begun = workspace.now();
        init::init(&workspace)?;
        let ids: Vec<String> = documents.iter().map(|document| document.id.clone()).collect();
        let drafts: Vec<Draft> = documents.into_iter().map(draft).collect();
        let (uids, imported) = import::drafts(&workspace, drafts)?;
        report.documents += imported.added;
        report.rejected += imported.rejected.len();
        search::catch_up(&workspace, &|_, _| {})?;
        report.seconds[0] += seconds(workspace.now() - begun);
        Ok(Self { workspace, names: uids.into_iter().zip(ids).collect() })
    }

    fn ask(
        &self,
        questions: &[&Question],
        right: &HashMap<String, BTreeSet<String>>,
        report: &mut SearchEvalReport,
    ) -> Result<()> {
        for question in questions {
            let Some(right) = right.get(&question.id) else {
                report.unjudged += 1;
                continue;
            };
            let begun = self.workspace.now();
            let found = self.search(&question.text)?;
            report.seconds[1] += seconds(self.workspace.now() - begun);
            let places = found.iter().enumerate().filter(|(_, name)| right.contains(**name)).map(|(at, _)| at + 1);
            let places: Vec<usize> = places.collect();
            report.places.insert(question.id.clone(), places.first().copied().unwrap_or(0));
            report.overall.add(&places, right.len());
            if let Some(bucket) = &question.bucket {
                report.buckets.entry(bucket.clone()).or_default().add(&places, right.len());
            }
        }
        Ok(())
    }

    /// The names of the documents that a query finds, as the command `search` finds them.
    fn search(&self, text: &str) -> Result<Vec<&str>> {
        let now = self.workspace.now();
        let query = Query::parse(text, now);
        let page = Page { limit: DEPTH, offset: 0, now, related: &[] };
        let (hits, _) = self.workspace.read(|view| search::hits(view, &self.workspace.index(), &query, page))?;
        Ok(hits.hits.iter().filter_map(|hit| self.names.get(&hit.uid)).map(String::as_str).collect())
    }
}

fn seconds(time: TimeDelta) -> f64 {
    time.as_seconds_f64()
}

/// A document as a note: its first line is the title, its paths are references, or text where they cannot be.
fn draft(document: Document) -> Draft {
    let text = document.text.trim();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let end = first.char_indices().nth(parts::TITLE_CHARS_MAX).map_or(first.len(), |(at, _)| at);
    let end = if end == first.len() { end } else { first[..end].rfind(' ').unwrap_or(end) };
    let (title, more) = first.split_at(end);
    let (refs, odd): (Vec<String>, Vec<String>) =
        document.paths.into_iter().partition(|path| Reference::parse(path).is_ok());
    let title = if text::is_blank(title) { "(nothing)" } else { title };
    let made = document.date.as_deref().and_then(time_of);
    Draft {
        kind: kind::NOTE.to_owned(),
        title: title.to_owned(),
        body: format!("{}\n{rest}\n{}", more.trim(), odd.join("\n")).trim().to_owned(),
        refs,
        origin: Some(format!("eval:{}", document.id)),
        created_at: made,
        updated_at: made,
        ..Draft::default()
    }
}

/// A date or a time; what is neither says nothing.
fn time_of(text: &str) -> Option<DateTime<Utc>> {
    let day = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc());
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok().or_else(day)
}
