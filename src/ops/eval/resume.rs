//! `eval resume`: of the tasks that a session turned to in fact, how many its briefing would have named.
//!
//! A folder holds `cases.jsonl`, a case a line: `case` (a name), `t` (when the session began), `snapshot` (a path in the
//! folder: the beads ledger as it stood then, plain or `.xz`) and `gold_open` (the open issues that it turned to). For each
//! case a store is made of the ledger by the code of `import`, and read by the code of `resume` at the time `t`. An issue
//! counts as named if the text holds its key or its short id as a word.

use super::{lines, open};
use crate::domain::kind;
use crate::domain::record::Record;
use crate::domain::terms;
use crate::error::{Error, Result};
use crate::ops::resume::{self, ResumeInput};
use crate::ops::{Workspace, import, init};
use crate::store::{Store, View, files};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The budgets at which briefings are measured, in tokens.
pub const BUDGETS: [usize; 5] = [300, 500, 1000, 1500, 3000];
/// How far orders of tasks are measured.
pub const FIRST: [usize; 3] = [5, 10, 20];

/// With a clock that stands still the same measurement again makes the same ids, some of which take a token more than others.
const SEED: [u8; 16] = [4; 16];

/// What to measure.
#[derive(Clone, Debug)]
pub struct EvalResumeInput {
    /// The folder with `cases.jsonl`.
    pub folder: PathBuf,
    /// A folder that does not exist yet; it is made, and gone afterwards.
    pub scratch: PathBuf,
}

/// The report of `eval resume`. Shares are means over the cases, from 0 to 1.
#[derive(Clone, Debug, Serialize)]
pub struct EvalResumeReport {
    /// How many cases were measured.
    pub cases: usize,
    /// How many cases name no open issue and were left out.
    pub skipped: usize,
    /// How many issues the sessions turned to, in all.
    pub gold: usize,
    /// What briefings name, by budget.
    pub budgets: Vec<AtBudget>,
    /// What orders of the open tasks have in front, for comparison.
    pub orders: Vec<Order>,
    /// Case by case.
    pub by_case: Vec<CaseReport>,
    /// How long it took.
    pub seconds: f64,
}

/// What briefings of one budget name.
#[derive(Clone, Debug, Serialize)]
pub struct AtBudget {
    /// The most tokens that the text might have.
    pub budget: usize,
    /// The share of the issues that is named.
    pub share: f64,
    /// The tokens that the text has, by estimate.
    pub tokens: f64,
}

/// How much of what the sessions turned to stands in front of an order of the open tasks.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// What the order is.
    pub name: &'static str,
    /// The share in the first 5, 10 and 20.
    pub first: [f64; 3],
}

/// One case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub case: String,
    /// How many issues are in its ledger.
    pub ledger: usize,
    /// How many lines of its ledger are broken and were left out.
    pub rejected: usize,
    /// How many of them are open.
    pub open: usize,
    /// How many the session turned to.
    pub gold: usize,
    /// What its briefings name, by budget.
    pub budgets: Vec<AtBudget>,
    /// What orders of its open tasks have in front.
    pub orders: Vec<Order>,
    /// The issues that the largest briefing does not name.
    pub missed: Vec<String>,
}

/// A line of `cases.jsonl`; what else it says is not needed here.
#[derive(Deserialize)]
struct Case {
    #[serde(rename = "case")]
    name: String,
    t: DateTime<Utc>,
    snapshot: PathBuf,
    gold_open: BTreeSet<String>,
}

/// Measures every case of the folder. `place` gives clock and identity, nothing random; its own store is not touched. `progress` is told how
/// many of how many cases are done.
///
/// # Errors
/// `Usage` for a folder that is not as described, with the file and the line; `Refused` if the scratch folder cannot be made.
pub fn eval_resume(
    place: &Workspace,
    input: &EvalResumeInput,
    progress: &dyn Fn(usize, usize),
) -> Result<EvalResumeReport> {
    let begun = place.now();
    let cases: Vec<Case> = lines(&input.folder.join("cases.jsonl"))?;
    let total = cases.len();
    let scratch = Scratch::make(&input.scratch)?;
    let mut by_case = Vec::new();
    for (at, case) in cases.iter().enumerate().filter(|(_, case)| !case.gold_open.is_empty()) {
        let workspace = workspace_of(place, &scratch.0.join(at.to_string()));
        let ledger = take_ledger(&workspace, &input.folder, case, &scratch.0)?;
        by_case.push(measure(&workspace, case, &ledger)?);
        progress(at + 1, total);
    }
    let took = place.now() - begun;
    Ok(EvalResumeReport {
        cases: by_case.len(),
        skipped: total - by_case.len(),
        gold: by_case.iter().map(|case| case.gold).sum(),
        budgets: mean_budgets(&by_case),
        orders: mean_orders(&by_case),
        by_case,
        seconds: took.as_seconds_f64(),
    })
}

/// A folder that goes when this does.
struct Scratch(PathBuf);

impl Scratch {
    fn make(path: &Path) -> Result<Self> {
        if path.exists() {
            return Err(Error::conflict(format!("{} is there already", path.display())));
        }
        files::create_private_dir(path)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder of temporary things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The same somebody with a store of its own.
fn workspace_of(place: &Workspace, dir: &Path) -> Workspace {
    let store = Store::at(&dir.join("store"), || DateTime::UNIX_EPOCH, SEED);
    Workspace { store, ..place.clone() }
}

/// How much of a ledger came in, and how many of its lines are broken: it is taken as `import` takes it.
struct Ledger {
    issues: usize,
    rejected: usize,
}

/// Makes the store of a case.
fn take_ledger(workspace: &Workspace, folder: &Path, case: &Case, scratch: &Path) -> Result<Ledger> {
    init::init(workspace)?;
    let path = folder.join(&case.snapshot);
    let mut text = Vec::new();
    let cannot = |e| Error::io(format!("cannot read {} of case {}", path.display(), case.name), e);
    open(&path)?.read_to_end(&mut text).map_err(cannot)?;
    let ledger = scratch.join("ledger.jsonl");
    files::write_whole(&ledger, &text)?;
    let report = import::import(workspace, &ledger, false, &|_, _| {})?;
    if !report.kinds.contains_key(kind::TASK) {
        let hint = report.rejected.first().map_or("it should be a beads ledger, an issue a line", |first| &first.why);
        return Err(
            Error::usage(format!("{} of case {} holds no issue", path.display(), case.name)).hint(hint.to_owned())
        );
    }
    Ok(Ledger { issues: report.added, rejected: report.rejected.len() })
}

fn measure(workspace: &Workspace, case: &Case, ledger: &Ledger) -> Result<CaseReport> {
    let (open, names) = workspace.read(|view| Ok((open_tasks(view)?, names(view, &case.gold_open)?)))?;
    let mut budgets = Vec::new();
    let mut missed = Vec::new();
    for budget in BUDGETS {
        let input = ResumeInput { budget, ..ResumeInput::default() };
        let report = resume::brief(workspace, &input, case.t)?;
        let lacking = names.iter().filter(|names| !names.iter().any(|name| is_named(&report.text, name)));
        missed = lacking.filter_map(|names| names.first().cloned()).collect();
        let share = ratio(names.len() - missed.len(), names.len());
        budgets.push(AtBudget { budget, share, tokens: ratio(report.tokens, 1) });
    }
    let likely = workspace.read(|view| resume::order(view, workspace, case.t))?;
    let order = |name, tasks: &[Record]| Order { name, first: first(tasks, &case.gold_open) };
    let orders = vec![order("last update", &open), order("likely", &likely)];
    Ok(CaseReport {
        case: case.name.clone(),
        ledger: ledger.issues,
        rejected: ledger.rejected,
        open: open.len(),
        gold: names.len(),
        budgets,
        orders,
        missed,
    })
}

/// Every open task, what was touched last first. Only a measurement may read so many.
fn open_tasks(view: &View) -> Result<Vec<Record>> {
    let mut tasks = Vec::new();
    for status in ["open", "active"] {
        view.each(&terms::status_term(kind::TASK, status), |task| {
            tasks.push(task);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    tasks.sort_by_key(|task| std::cmp::Reverse(task.updated));
    Ok(tasks)
}

/// By what names each issue may be called: its key and the short id that it got.
fn names(view: &View, gold: &BTreeSet<String>) -> Result<Vec<Vec<String>>> {
    gold.iter()
        .map(|key| {
            let record = view.first(&terms::key_term(key), 1)?;
            Ok(std::iter::once(key.clone()).chain(record.iter().map(|record| record.id().to_owned())).collect())
        })
        .collect()
}

/// Whether a text holds a name that is not a part of a longer one: `bd-1` is not named by `bd-1.4` nor by `abd-1`.
fn is_named(text: &str, name: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, mut after) = (&text[..at], text[at + name.len()..].chars());
        let ends = match after.next() {
            Some('.') => !after.next().is_some_and(joins),
            Some(c) => !joins(c),
            None => true,
        };
        ends && !before.ends_with(joins)
    })
}

/// The share of `gold` in the first few of an order.
fn first(order: &[Record], gold: &BTreeSet<String>) -> [f64; 3] {
    FIRST.map(|count| {
        let keys = order.iter().take(count).filter_map(|task| task.text(crate::domain::field::KEY));
        ratio(keys.filter(|key| gold.contains(*key)).count(), gold.len())
    })
}

fn mean_budgets(cases: &[CaseReport]) -> Vec<AtBudget> {
    let at = |at: usize, budget| AtBudget {
        budget,
        share: mean(cases.iter().map(|case| case.budgets[at].share)),
        tokens: mean(cases.iter().map(|case| case.budgets[at].tokens)),
    };
    BUDGETS.into_iter().enumerate().map(|(number, budget)| at(number, budget)).collect()
}

fn mean_orders(cases: &[CaseReport]) -> Vec<Order> {
    let Some(one) = cases.first() else { return Vec::new() };
    let share = |order: usize, at: usize| mean(cases.iter().map(|case| case.orders[order].first[at]));
    let orders = one.orders.iter().enumerate();
    orders.map(|(order, Order { name, .. })| Order { name, first: [0, 1, 2].map(|at| share(order, at)) }).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of issues and tokens are small")]
fn ratio(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    values.sum::<f64>() / ratio(count, 1).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_longer_name_does_not_count() {
        for (text, named) in [
            ("t-1 bd-1 Title", true),
            ("(bd-1)", true),
            ("ends with bd-1.", true),
            ("bd-1.4 is another", false),
            ("bd-12", false),
            ("abd-1", false),
            ("bd-1-x, then bd-1", true),
            ("", false),
        ] {
            assert_eq!(is_named(text, "bd-1"), named, "{text}");
        }
    }
}
