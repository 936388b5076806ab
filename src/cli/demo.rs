//! `state demo`

use super::door::Door;
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::demo;
use clap::Parser;
use std::fmt::Write as _;

/// What the tour types.
const TOUR: [&[&str]; 5] = [
    &["resume", "--budget", "700"],
    &["search", "flushed hash race"],
    &["show", "bd-52"],
    &["ready", "-n", "5"],
    &["log", "-n", "3"],
];

/// Try everything on a real project's ledger: a store of its own in a temporary folder, and a short tour.
///
/// JSON: {"store", "added", "handoff"}
#[derive(clap::Args)]
pub(super) struct DemoArgs {}

impl DemoArgs {
    pub(super) fn run(door: &mut Door) -> Result<()> {
        let name: String = door.process.seed.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let folder = door.process.temp.join(format!("state-demo-{name}"));
        door.process.cwd = folder.join("beads");
        let report = demo::demo(&door.new_workspace(Some(folder.join("store"))))?;
        let told = format!("{} records of a real ledger are in {}", report.added, report.store.display());
        door.report(&report, |out, paint, _| {
            let _ = writeln!(out, "{}", paint.dim(&told));
        })?;
        if !door.is_json() {
            let store = text::display(&report.store.display().to_string()).into_owned();
            door.use_store(report.store);
            tour(door)?;
            door.say(&format!("\nGo on with it: state --store {store} search WORDS\n"));
        }
        Ok(())
    }
}

fn tour(door: &mut Door) -> Result<()> {
    for words in TOUR {
        door.say(&format!("\n{}\n", door.paint.bold(&format!("$ state {}", words.join(" ")))));
        let words = std::iter::once("state").chain(words.iter().copied());
        let args =
            super::Args::try_parse_from(words).map_err(|e| Error::usage("the tour is out of date").because(e))?;
        super::dispatch(door, args.verb)?;
    }
    Ok(())
}
