//! Rules: `run --on EVENT -- CMD` makes one; when the event happens here, its job is started, once.
//!
//! What a rule runs is kept in this machine's own table (`kept`), its record only says so: a rule that came by import or
//! from another machine never runs anything. Every change of the store goes through [`Workspace::change`](super::Workspace::change), which calls
//! [`note`] before the commit: for each event that a rule waits for, a row is put into the outbox in the event's own
//! transaction. After the commit [`follow`] makes a job of each row, in one transaction that also removes the row. Whoever
//! was killed in between, the next process goes on; of two at once, one finds the row gone. While the process that put a row
//! there lives, others leave it alone for a moment, so that what is started is told where it was brought about.
//!
//! | file | what it does |
//! |---|---|
//! | `kept` | what rules run, what has become of them, and the outbox: local rows |
//! | `make` | makes a rule |
//! | `note` | which rules an event concerns, and the trail that holds loops back |
//! | `fire` | outbox to jobs |
//! | `report` | a rule as the doors show it |
//! | `watch` | changes of files |
//!
//! Does not know: how jobs run.

mod fire;
mod kept;
mod make;
mod note;
mod report;
mod watch;

pub use fire::{follow, is_due, settle};
pub use kept::forget;
pub use make::{RuleInput, RuleMade, make};
pub(super) use note::trail;
pub use note::{Noted, inherited, note};
pub use report::RuleReport;
pub use watch::{WATCH_LOCK, Watcher};

use serde::Serialize;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether changes start what rules wait for, and what they have started. Clones share what they tell.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Nothing is started, now or later.
    pub off: bool,
    /// The id of the job that this process is a part of: its trail goes on in what is started from here.
    pub job: Option<String>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Rules {
    /// Of a process that is a part of a job, if it is one.
    #[must_use]
    pub fn within(job: Option<String>) -> Self {
        Self { job, ..Self::default() }
    }

    /// What was started and held back, in order; told once.
    #[must_use]
    pub fn take_told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, told: impl IntoIterator<Item = Told>) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
    }
}

/// What came of an event that a rule waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The id of the rule.
    pub rule: String,
    /// The id of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Label or command of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The event: `task t-1 done`.
    pub because: String,
    /// Why nothing was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

/// As a line: `r-1 fired: j-9 deploy (task t-1 done)`, `r-1 held back (task t-1 done): why`.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, job, name, because, held } = self;
        if let Some(why) = held {
            return write!(f, "{rule} held back ({because}): {why}");
        }
        let (job, name) = (job.as_deref().unwrap_or("?"), name.as_deref().unwrap_or_default());
        write!(f, "{rule} fired: {job} {name} ({because})")
    }
}
