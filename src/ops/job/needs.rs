//! What a new job waits for: the ends of other jobs, as far as they are known already.

use super::{dir_of, elsewhere, find, is_of_here};
use crate::domain::job::{After, Verdict, Want};
use crate::domain::text::quoted;
use crate::error::{Error, Result};
use crate::ops::Workspace;
use crate::store::View;

/// A job that is waited for; one whose end can never come is refused now rather than skipped later.
/// `None` if it came and its files are gone, so that there is nothing to wait for.
fn needed(view: &View, workspace: &Workspace, word: &str) -> Result<Option<After>> {
    let (name, want) = match word.rsplit_once(':') {
        Some((name, want)) if ["ok", "fail", "any"].contains(&want) => (name, want),
        _ => (word, "ok"),
    };
    let job = find(view, name).map_err(|error| match word.rsplit_once(':') {
        Some((name, want)) if want != "ok" && find(view, name).is_ok() => {
            Error::usage(format!("{} is nothing to wait for", quoted(want)))
                .hint(format!("{name}:ok, {name}:fail or {name}:any"))
        }
        _ => error,
    })?;
    let after = After::parse(&format!("{}:{want}", super::name(&job)))?;
    let dir = dir_of(view, workspace, &job);
    let exit = dir.exit()?;
    if exit.is_none() && job.is_live() {
        let is_here = is_of_here(view, &job) || dir.path().is_dir();
        return if is_here { Ok(Some(after)) } else { Err(elsewhere(&job)) };
    }
    let is_met =
        exit.as_ref().map_or_else(|| is_met_by(&after, job.status()), |exit| after.verdict(exit) == Verdict::Met);
    if !is_met {
        return Err(Error::conflict(format!(
            "{} ended {}, so what waits for its {want} could never start",
            job.id(),
            job.status()
        ))
        .hint(format!("state run --again {}, or --after {}:any", job.id(), job.id())));
    }
    Ok(exit.map(|_| after))
}

/// The jobs that are waited for.
///
/// # Errors
/// `NotFound` for an unknown one; `Conflict` if the end of one can never come, or would never be seen here.
pub(in crate::ops) fn needed_all(view: &View, workspace: &Workspace, words: &[String]) -> Result<Vec<After>> {
    let needs = words.iter().map(|word| needed(view, workspace, word));
    needs.filter_map(Result::transpose).collect()
}

/// Of a job whose files are gone the record tells how it ended.
pub(super) fn is_met_by(need: &After, status: &str) -> bool {
    match need.want {
        Want::Any => true,
        Want::Ok => status == "ok",
        Want::Fail => ["failed", "timeout", "idle", "missing", "lost"].contains(&status),
    }
}
