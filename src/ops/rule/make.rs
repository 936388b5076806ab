//! `run --on`: a record that says it, and what is to be run, kept here.

use super::kept::{self, Kept, RULES_MAX};
use super::report::RuleReport;
use crate::domain::record::Record;
use crate::domain::rule::On;
use crate::domain::{field, kind, text};
use crate::error::{Error, Result};
use crate::ops::job::{Name, Plan, RunInput, Trial, needed_all};
use crate::ops::{Workspace, resolve};
use crate::store::{View, Writer};
use serde::Serialize;
use serde_json::json;

/// What to run, and when.
#[derive(Clone, Debug, Default)]
pub struct RuleInput {
    /// The event, see [`crate::domain::rule`].
    pub on: String,
    /// What to run then. Without values of variables, without a key.
    pub run: RunInput,
}

/// The report of `run --on`.
#[derive(Clone, Debug, Serialize)]
pub struct RuleMade {
    /// The rule.
    pub rule: RuleReport,
    /// Whether it was there already: the same event and the same to run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub same: bool,
}

/// Makes a rule.
///
/// # Errors
/// `Usage` for an event that is none or what cannot be run by a rule, `NotFound` for an unknown job or task, `Conflict` if
/// there are too many rules.
pub fn make(workspace: &Workspace, input: RuleInput) -> Result<RuleMade> {
    let on = On::parse(&input.on)?;
    refuse(&input.run)?;
    let name = Plan::of(workspace, input.run.clone())?.name();
    let mut run = input.run;
    let here = &workspace.place.cwd;
    run.cwd = Some(run.cwd.as_ref().map_or_else(|| here.clone(), |cwd| here.join(cwd)));
    let (record, same) = workspace.write(|writer| {
        settle_ids(writer, workspace, &mut run)?;
        if let Some(same) = same(writer, &on, &run)? {
            return Ok((same, true));
        }
        let record = create(writer, workspace, (&on, &name))?;
        keep(writer, workspace, (&record, &on, &run))?;
        Ok((record, false))
    })?;
    workspace.read(|view| Ok(RuleMade { rule: RuleReport::of(view, &record)?, same }))
}

fn refuse(run: &RunInput) -> Result<()> {
    if let Some((name, _)) = run.values.first() {
        return Err(Error::usage(format!("the value of {} cannot be kept for a rule", text::clean_line(name)))
            .hint("put it into the command, or into a script that the command runs"));
    }
    if run.trial != Trial::default() || run.again.is_some() {
        return Err(Error::usage("what is speculative, or done again, is no rule").hint("state run --on EVENT -- CMD"));
    }
    if run.once.is_some() {
        return Err(Error::usage("--once and --on do not go together").hint("a rule runs once for each event"));
    }
    if run.spec.session.is_some() {
        return Err(Error::usage("--with-session and --on do not go together: a rule outlives the session"));
    }
    Ok(())
}

/// What was named is checked now, and goes by its own id from now on.
fn settle_ids(writer: &Writer, workspace: &Workspace, run: &mut RunInput) -> Result<()> {
    run.after = needed_all(writer, workspace, &run.after)?.iter().map(ToString::to_string).collect();
    if let Some(task) = &mut run.task {
        let found = resolve::record(writer, task)?;
        found.id().clone_into(task);
    }
    Ok(())
}

fn same(view: &View, on: &On, run: &RunInput) -> Result<Option<Record>> {
    for kept in kept::rules(view)? {
        if kept.on == on.to_string()
            && kept.run == *run
            && let Some(record) = kept.standing(view)?
        {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

fn create(writer: &mut Writer, workspace: &Workspace, (on, name): (&On, &Name)) -> Result<Record> {
    let mut set = name.registers(workspace, &format!("on {on}: "));
    set.insert(field::ON.to_owned(), json!(on.to_string()));
    let record = writer.create(kind::RULE, set)?;
    writer.because(format!("{} {}", record.id(), record.title()));
    Ok(record)
}

fn keep(writer: &mut Writer, workspace: &Workspace, (record, on, run): (&Record, &On, &RunInput)) -> Result<()> {
    let mut rules = kept::rules(writer)?;
    if rules.len() >= RULES_MAX {
        let mut standing = Vec::new();
        for kept in rules {
            if kept.standing(writer)?.is_some() {
                standing.push(kept);
            }
        }
        rules = standing;
    }
    if rules.len() >= RULES_MAX {
        return Err(Error::conflict(format!("there are {RULES_MAX} rules already"))
            .hint("state list rules; state drop r-… ends one that is not needed"));
    }
    rules.push(Kept {
        uid: record.uid,
        id: record.id().to_owned(),
        on: on.to_string(),
        replica: writer.meta().replica,
        root: workspace.place.root.clone(),
        run: run.clone(),
        fired: 0,
        last: None,
        held: None,
    });
    kept::keep_rules(writer, &rules)
}
