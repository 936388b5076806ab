//! `state erase`

use super::door::Door;
use super::paint::Paint;
use super::progress::Steps;
use crate::domain::text;
use crate::error::Result;
use crate::ops::erase::{self, EraseInput, EraseReport};
use std::fmt::Write as _;

/// Remove the text of a record for good: from log, views, index and blobs. Nothing brings it back.
///
/// Without --confirm it only says what it would do. The record stays, as (erased), with its status and links, so that
/// history counts. What it cannot reach is listed.
///
/// JSON: {"id", "erased", "events", "blobs", "quoted_in": [ID], "elsewhere": [TEXT]}
#[derive(clap::Args)]
pub(super) struct EraseArgs {
    /// The record: id, unique prefix or key.
    id: String,
    /// Its id once more, typed in full: only then it is done.
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
}

impl EraseArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let workspace = if self.confirm.is_some() { door.writing()? } else { door.workspace()? };
        let steps = Steps::of(door);
        let input = EraseInput { id: self.id, confirm: self.confirm };
        let report = erase::erase(&workspace, &input, &|what, done, total| steps.tell(what, done, total))?;
        steps.finish();
        door.report(&report, print)
    }
}

fn print(out: &mut String, paint: Paint, report: &EraseReport) {
    let verb = if report.erased { "erased" } else { "would be erased" };
    let held = format!("its text in {} events and {} blobs, and in the index", report.events, report.blobs);
    let _ = writeln!(out, "{} {verb}: {held}", paint.id(&report.id));
    if !report.quoted_in.is_empty() {
        let quoting = report.quoted_in.join(", ");
        let _ = writeln!(out, "{}", paint.warn(&text::display(&format!("its title also stands in {quoting}"))));
    }
    let _ = writeln!(out, "The text may still be in:");
    for place in &report.elsewhere {
        let _ = writeln!(out, "  {place}");
    }
    if !report.erased {
        let _ = writeln!(out, "Nothing brings it back. To do it: state erase {0} --confirm {0}", report.id);
    }
}
