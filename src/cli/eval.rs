//! `state eval`

use super::door::Door;
use super::paint::Paint;
use super::progress::{advance, bar};
use crate::error::Result;
use crate::ops::eval::Folder;
use crate::ops::eval::search::{self, Score, SearchEvalReport};
use clap::Subcommand;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Measure search or briefing on judged data.
///
/// JSON of search: {"documents", "rejected", "unjudged", "scopes", "overall": SCORE, "buckets": {BUCKET: SCORE}, "places":
/// {QUERY: PLACE, 0 beyond 100}, "seconds": [stores, searches]}, SCORE = {"queries", "hit": [at 1, 5, 10, 20], "recall_20",
/// "recall_100", "mrr"}
#[derive(clap::Args)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    what: Eval,
}

#[derive(Subcommand)]
enum Eval {
    /// How high the right records stand: docs.jsonl {"id", "text", "scope"?, "date"?, "paths"?}, queries.jsonl {"id", "text",
    /// "scope"?, "bucket"?} and qrels.jsonl {"query", "doc"}, plain or .xz.
    Search {
        /// The folder of the data.
        dir: PathBuf,
    },
}

impl EvalArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        match self.what {
            Eval::Search { dir } => {
                let shown = bar(door, "scopes");
                let report = {
                    let open = |store: &std::path::Path| door.new_workspace(Some(store.to_owned()));
                    let folder = Folder::create(scratch(door), &open)?;
                    search::search(&folder, &dir, &|done, total| advance(&shown, done as u64, total as u64))?
                };
                shown.finish_and_clear();
                door.report(&report, print_search)
            }
        }
    }
}

/// A folder of this process's own in the temporary folder.
fn scratch(door: &Door) -> PathBuf {
    let name = crate::domain::digest::sha256_hex(&door.process.seed);
    door.process.temp.join(format!("state-eval-{}", &name[..16]))
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
