//! `state checkpoint`

use super::door::Door;
use super::paint::Paint;
use crate::domain::text;
use crate::error::Result;
use crate::ops::checkpoint::{self, CheckpointInput, CheckpointReport};
use std::fmt::Write as _;

/// Mark a step of a procedure as done, or ask which are.
///
/// One procedure a name and worktree, so that what was interrupted goes on and nothing is done twice.
///
/// In a script: state checkpoint build install --check || (npm ci && state checkpoint build install)
///
/// JSON: {"id", "name", "worktree", "steps": [{"name", "done", "data"?}], "next"?, "complete", "data"?}
#[derive(clap::Args)]
pub(super) struct CheckpointArgs {
    /// The procedure.
    name: String,
    /// The step that is done now, or with --check the one that is asked about.
    step: Option<String>,
    /// All steps, in order.
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    of: Vec<String>,
    /// JSON to keep with the step, or with the whole.
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    /// Change nothing; exit 0 if the step, or everything, is done, else 1.
    #[arg(long, conflicts_with_all = ["of", "data"])]
    check: bool,
}

impl CheckpointArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = if self.check { door.workspace()? } else { door.writing()? };
        let input =
            CheckpointInput { name: self.name, step: self.step, of: self.of, data: self.data, check: self.check };
        let report = checkpoint::checkpoint(&workspace, &input)?;
        door.report(&report, print)
    }
}

fn print(out: &mut String, paint: Paint, report: &CheckpointReport) {
    let steps: Vec<String> = report
        .steps
        .iter()
        .map(|step| {
            let mark = if step.done { "x" } else { " " };
            let data = if step.data.is_null() { String::new() } else { paint.dim(&format!(" {}", step.data)) };
            format!("[{mark}] {}{}", text::display(&step.name), text::display(&data))
        })
        .collect();
    let _ = writeln!(
        out,
        "{} {} ({}/{})",
        paint.id(&report.id),
        text::display(&report.name),
        report.steps.iter().filter(|step| step.done).count(),
        report.steps.len()
    );
    for step in steps {
        let _ = writeln!(out, "  {step}");
    }
    if !report.data.is_null() {
        let _ = writeln!(out, "  data {}", text::display(&report.data.to_string()));
    }
    match &report.next {
        Some(next) => {
            let _ = writeln!(out, "next: {}", text::display(next));
        }
        None if report.complete => {
            let _ = writeln!(out, "{}", paint.dim(&format!("all done; to begin anew: state start {}", report.id)));
        }
        None => {}
    }
}
