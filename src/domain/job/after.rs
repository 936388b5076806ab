//! What a job waits for: the end of another one, and which end.

use super::{Exit, Outcome};
use crate::domain::id::looks_like_id;
use crate::domain::text::quoted;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A job that must have ended. Written `ID`, `ID:ok`, `ID:fail` or `ID:any`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// The short id of the job.
    pub id: String,
    /// Which end is wanted.
    #[serde(default)]
    pub want: Want,
}

/// Which end of another job is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Want {
    /// It ended well.
    #[default]
    Ok,
    /// It ran and did not end well.
    Fail,
    /// It ended.
    Any,
}

/// What the end of a job means for one that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The wait is over.
    Met,
    /// It can never be met.
    Never,
}

impl After {
    /// From its written form.
    ///
    /// # Errors
    /// `Usage` if `text` is no id of a job, or the word after it is not known.
    pub fn parse(text: &str) -> Result<Self> {
        let (id, want) = text.trim().split_once(':').unwrap_or((text.trim(), "ok"));
        let want = match want {
            "ok" => Want::Ok,
            "fail" => Want::Fail,
            "any" => Want::Any,
            _ => return Err(Error::usage(format!("not an end to wait for: {}", quoted(want))).hint(HINT)),
        };
        if !looks_like_id(id) || !id.starts_with('j') {
            return Err(Error::usage(format!("not a job: {}", quoted(id))).hint(HINT));
        }
        Ok(Self { id: id.to_owned(), want })
    }

    /// What this end of the job means. One that never ran gave neither success nor failure: what waits for either can
    /// never start.
    #[must_use]
    pub fn verdict(&self, exit: &Exit) -> Verdict {
        let never_ran = exit.attempts.is_empty() && matches!(exit.outcome, Outcome::Killed | Outcome::Skipped);
        let met = match self.want {
            Want::Any => true,
            Want::Ok => exit.outcome == Outcome::Ok,
            Want::Fail => exit.outcome != Outcome::Ok && !never_ran,
        };
        if met { Verdict::Met } else { Verdict::Never }
    }
}

const HINT: &str = "write an id and which end is wanted: j-4kq2m, j-4kq2m:fail or j-4kq2m:any";

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let want = match self.want {
            Want::Ok => "",
            Want::Fail => ":fail",
            Want::Any => ":any",
        };
        write!(f, "{}{want}", self.id)
    }
}
