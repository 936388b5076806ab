//! Everything that is measured at one size, in order: first what changes nothing, last what changes most.

use crate::bulk::{self, Bulk};
use crate::measure::{Measured, find, measure};
use crate::world::World;
use crate::{Result, agents, crowd, rows};
use serde::Serialize;

/// What was measured at one size.
#[derive(Clone, Debug, Serialize)]
pub struct Day {
    /// The number of records.
    pub size: usize,
    pub rows: Vec<Measured>,
    pub bulk: Vec<Bulk>,
}

/// Measures everything that is wanted.
pub fn live(world: &World, built: Vec<Bulk>) -> Result<Day> {
    let mut day = Day { size: world.size, rows: Vec::new(), bulk: built };
    for row in rows::reads(world).iter().chain(&rows::writes(world)) {
        day.rows.extend(measure(world, row)?);
    }
    added_is_found(world)?;
    for contender in world.both() {
        contender.settle()?;
        bulk::add_batch(world, contender)?;
    }
    day.rows.extend(measure(world, &rows::behind(world))?);
    day.rows.extend(crowd::after_kill(world)?);
    let (measured, made) = crowd::writers(world)?;
    day.rows.extend(measured);
    day.rows.extend(crowd::beside_readers(world)?);
    world.state.settle()?;
    for row in &rows::cold(world) {
        day.rows.extend(measure(world, row)?);
    }
    day.bulk.extend(made);
    day.bulk.extend(agents::measure(world)?);
    day.bulk.extend(bulk::measure(world)?);
    Ok(day)
}

/// What was added a moment ago is found, indexed or not.
fn added_is_found(world: &World) -> Result<()> {
    let note = world.note();
    for contender in world.both() {
        contender.run(&["add", "task", &note.title, "--body", &note.body])?;
        find(contender, &note.word, &note.title)?;
    }
    Ok(())
}
