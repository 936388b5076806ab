//! `state eval`

use super::door::Door;
use super::paint::Paint;
use super::progress::{advance, bar};
use crate::error::Result;
use crate::ops::eval::resume::{EvalResumeInput, EvalResumeReport, FIRST, eval_resume};
use clap::Subcommand;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Measure search and briefing on judged data.
#[derive(clap::Args)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    what: Eval,
}

#[derive(Subcommand)]
enum Eval {
    Resume(EvalResumeArgs),
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
            Eval::Resume(args) => args.run(door),
        }
    }
}

impl EvalResumeArgs {
    fn run(self, door: &mut Door) -> Result<()> {
        let name = crate::domain::digest::sha256_hex(&door.process.seed);
        let scratch = door.process.temp.join(format!("state-eval-{}", &name[..8]));
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
