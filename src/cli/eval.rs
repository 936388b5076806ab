//! `state eval`

use super::door::Door;
use super::paint::Paint;
use super::progress::{advance, bar};
use crate::error::Result;
use crate::ops::eval::Folder;
use crate::ops::eval::resume::{EvalResumeInput, EvalResumeReport, FIRST, eval_resume};
use crate::ops::eval::search::{self, Score, SearchEvalReport};
use clap::Subcommand;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Measure search and briefing on judged data.
#[derive(clap::Args)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    what: Eval,
}

#[derive(Subcommand)]
enum Eval {
    Search(EvalSearchArgs),
    Resume(EvalResumeArgs),
}

/// How high the records that answer judged queries stand among the hits.
///
/// DIR holds docs.jsonl {"id", "text", "scope"?, "date"?, "paths"?}, queries.jsonl {"id", "text", "scope"?, "bucket"?} and
/// qrels.jsonl {"query", "doc"}; each may be packed (.xz). Each scope is a store of its own. Shares are from 0 to 1.
///
/// JSON: {"documents", "rejected", "unjudged", "scopes", "overall": SCORE, "buckets": {BUCKET: SCORE}, "places": {QUERY: PLACE,
/// 0 beyond 100}, "seconds": [making stores, searching]}, SCORE = {"queries", "hit": [at 1, 5, 10, 20], "recall_20",
/// "recall_100", "mrr"}
#[derive(clap::Args)]
struct EvalSearchArgs {
    /// The folder with docs.jsonl, queries.jsonl and qrels.jsonl.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Of the issues that sessions turned to, the share that their briefings name, by budget.
///
/// DIR holds cases.jsonl, a case a line: {"case", "t", "snapshot", "gold_open": [ID]}, and the snapshots, beads ledgers as
/// they stood at "t". Each file may be packed (.xz). Shares are means over the cases, from 0 to 1.
///
/// JSON: {"cases", "skipped", "gold", "budgets": [{"budget", "share", "tokens"}], "orders": [{"name", "first": [5, 10, 20]}],
/// "by_case": [{"case", "ledger", "rejected", "open", "gold", "budgets", "orders", "missed": [ID]}], "seconds"}
#[derive(clap::Args)]
struct EvalResumeArgs {
    /// The folder with cases.jsonl.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl EvalArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        match self.what {
            Eval::Search(args) => args.run(door),
            Eval::Resume(args) => args.run(door),
        }
    }
}

impl EvalSearchArgs {
    fn run(self, door: &mut Door) -> Result<()> {
        let scopes = bar(door, "scopes");
        let data = door.process.cwd.join(self.folder);
        let scratch = scratch(door);
        door.process.cwd.clone_from(&scratch);
        let report = {
            let open = |store: &Path| door.new_workspace(Some(store.to_owned()));
            let folder = Folder::create(scratch, &open)?;
            search::search(&folder, &data, &|done, total| advance(&scopes, done as u64, total as u64))?
        };
        scopes.finish_and_clear();
        door.report(&report, print_search)
    }
}

/// A folder of this process's own in the temporary folder.
fn scratch(door: &Door) -> PathBuf {
    let name = crate::domain::digest::sha256_hex(&door.process.seed);
    door.process.temp.join(format!("state-eval-{}", &name[..16]))
}

impl EvalResumeArgs {
    fn run(self, door: &mut Door) -> Result<()> {
        let scratch = scratch(door);
        let folder = door.process.cwd.join(self.folder);
        // What the own branch and project are called must not be in the briefings.
        door.process.cwd = scratch.join("project");
        let place = door.new_workspace(Some(scratch.join("store")));
        let cases = bar(door, "cases");
        let progress = |done: usize, total: usize| advance(&cases, done as u64, total as u64);
        let report = eval_resume(&place, &EvalResumeInput { folder, scratch }, &progress)?;
        cases.finish_and_clear();
        door.report(&report, print_resume)
    }
}

fn print_resume(out: &mut String, _: Paint, report: &EvalResumeReport) {
    let _ = writeln!(out, "{} cases, {} issues turned to, {:.1} s", report.cases, report.gold, report.seconds);
    let _ = writeln!(out, "{:>16} {:>8} {:>8}", "budget", "named %", "tokens");
    for at in &report.budgets {
        let _ = writeln!(out, "{:>16} {:>8.1} {:>8.0}", at.budget, 100.0 * at.share, at.tokens);
    }
    let heads = FIRST.map(|count| format!("first {count}"));
    let _ = writeln!(out, "{:>16} {:>8} {:>8} {:>8}", "order, %", heads[0], heads[1], heads[2]);
    for order in &report.orders {
        let [five, ten, twenty] = order.first.map(|share| 100.0 * share);
        let _ = writeln!(out, "{:>16} {five:>8.1} {ten:>8.1} {twenty:>8.1}", order.name);
    }
}

fn print_search(out: &mut String, paint: Paint, report: &SearchEvalReport) {
    let [stores, searches] = report.seconds;
    let head = format!(
        "{} documents in {} stores ({} refused), {} queries without an answer left out; {stores:.1} s to index, {searches:.1} s to search",
        report.documents, report.scopes, report.rejected, report.unjudged
    );
    let _ = writeln!(out, "{}", paint.dim(&head));
    let _ = writeln!(out, "{:<12} {:>7}   hit@1     5    10    20   recall@20   @100    MRR", "bucket", "queries");
    for (bucket, score) in &report.buckets {
        let _ = writeln!(out, "{}", row(bucket, score));
    }
    let _ = writeln!(out, "{}", paint.bold(&row("all", &report.overall)));
}

fn row(name: &str, score: &Score) -> String {
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let hit: Vec<String> = score.hit.iter().map(|share| format!("{:>5}", percent(*share))).collect();
    format!(
        "{:<12} {:>7}   {}       {:>5}  {:>5}   {:.3}",
        crate::domain::text::display(name),
        score.queries,
        hit.join(" "),
        percent(score.recall_20),
        percent(score.recall_100),
        score.mrr
    )
}
