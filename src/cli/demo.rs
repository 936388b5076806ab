//! `state demo`

use super::door::Door;
use crate::domain::text;
use crate::error::{Error, Result};
use crate::ops::{batch, import, init, search};
use clap::Parser;
use std::fmt::Write as _;

/// The ledger of a public project as its agents kept it, see fixtures/demo.
const LEDGER: &str = include_str!("../../fixtures/demo/ledger.jsonl");
/// The handoff that one of its sessions left.
const HANDOFF: &str = include_str!("../../fixtures/demo/handoff.md");

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
/// JSON: {"store", "added"}
#[derive(clap::Args)]
pub(super) struct DemoArgs {}

impl DemoArgs {
    pub(super) fn run(door: &mut Door) -> Result<()> {
        let folder = door.process.temp.join(format!("state-demo-{}", std::process::id()));
        let store = folder.join("store");
        crate::store::files::create_private_dir(&folder)?;
        let workspace = door.new_workspace(Some(store.clone()));
        init::init(&workspace)?;
        let ledger = folder.join("ledger.jsonl");
        crate::store::files::write_atomic(&ledger, LEDGER.as_bytes())?;
        let report = import::import(&workspace, &ledger, false, &|_, _| {})?;
        batch::add_text(&workspace, HANDOFF)?;
        search::catch_up(&workspace, &|_, _| {})?;
        door.report(&serde_json::json!({"store": store, "added": report.added}), |out, paint, _| {
            let _ = writeln!(
                out,
                "{}",
                paint.dim(&format!("{} records of a real ledger are in {}", report.added, store.display()))
            );
        })?;
        if !door.is_json() {
            door.use_store(store.clone());
            tour(door)?;
            door.say(&format!(
                "\nGo on with it: state --store {} search WORDS\n",
                text::display(&store.display().to_string())
            ));
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
