//! `state resume`

use super::door::Door;
use crate::error::Result;
use crate::ops::resume::{self, BUDGET_DEFAULT, ResumeInput};

/// Brief the next session, within a budget of tokens.
///
/// JSON: {"project", "branch"?, "worktree", "focus"?, "sections": [{"title", "items": [{"id"?, "text"}], "left_out",
/// "more"}], "text", "tokens", "budget"}
#[derive(clap::Args)]
pub(super) struct ResumeArgs {
    /// The most tokens that the text may have; it stops earlier when there is nothing worth saying.
    #[arg(long, default_value_t = BUDGET_DEFAULT, value_name = "TOKENS")]
    budget: usize,
    /// Handoffs, checkpoints and work of other branches too.
    #[arg(long)]
    all_branches: bool,
}

impl ResumeArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.workspace()?;
        let report = resume::resume(&workspace, &ResumeInput { budget: self.budget, all_branches: self.all_branches })?;
        door.report(&report, |out, paint, report| {
            for line in report.text.lines() {
                let line = crate::domain::text::display(line);
                let heading = line.ends_with(':') && !line.starts_with(' ');
                let line = if heading { paint.bold(&line) } else { line.into_owned() };
                out.push_str(&line);
                out.push('\n');
            }
        })
    }
}
