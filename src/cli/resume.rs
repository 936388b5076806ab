//! `state resume`

use super::door::Door;
use crate::domain::text;
use crate::error::Result;
use crate::ops::resume::{self, BUDGET_DEFAULT, Form, ResumeInput};

/// Brief the next session, within a budget of tokens; again in the same session, say what changed.
///
/// state resume; state resume ID for all about one record, ready to be handed to a fresh agent.
///
/// JSON: {"project", "branch"?, "worktree", "focus"?, "since"?: POSITION, "position", "sections": [{"title", "items":
/// [{"id"?, "text", "why"?}], "left_out", "more"}], "text", "tokens", "budget"}
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(clap::Args)]
pub(super) struct ResumeArgs {
    /// Id, unique prefix or key of a record.
    id: Option<String>,
    /// The most tokens that the text may have; it stops earlier when there is nothing worth saying.
    #[arg(long, default_value_t = BUDGET_DEFAULT, value_name = "TOKENS")]
    budget: usize,
    /// Handoffs, checkpoints and work of other branches too.
    #[arg(long)]
    all_branches: bool,
    /// The whole briefing, also if this session had it.
    #[arg(long, conflicts_with_all = ["id", "since", "compacted"])]
    full: bool,
    /// Only what changed since: 2h, yesterday, or a log position as @142.
    #[arg(long, value_name = "TIME|@POSITION", conflicts_with_all = ["id", "compacted"])]
    since: Option<String>,
    /// What must be told again after the context was compacted, and what this session did.
    #[arg(long, conflicts_with = "id")]
    compacted: bool,
    /// Behind each item, why it is there; the whole briefing, unless another one is asked for.
    #[arg(long)]
    why: bool,
}

impl ResumeArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = door.workspace()?;
        let form = match (self.id, self.since) {
            (Some(id), _) => Form::About(id),
            (_, Some(since)) => Form::Since(since),
            _ if self.compacted => Form::Compacted,
            _ if self.full || self.why => Form::Whole,
            _ => Form::Due,
        };
        let input = ResumeInput { budget: self.budget, all_branches: self.all_branches, form, why: self.why };
        let report = resume::resume(&workspace, &input)?;
        door.report(&report, |out, paint, report| {
            for line in report.text.lines() {
                let line = text::display(line);
                let heading = line.ends_with(':') && !line.starts_with(' ');
                let line = if heading { paint.bold(&line) } else { line.into_owned() };
                out.push_str(&line);
                out.push('\n');
            }
        })
    }
}
