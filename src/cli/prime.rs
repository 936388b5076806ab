//! `state prime`

use super::door::Door;
use crate::error::Result;
use crate::ops::prime;

/// Print what an agent should know of state: when to resume, what to record, how to hand off. Hosts read the same as a skill.
///
/// JSON: {"text"}
#[derive(clap::Args)]
pub(super) struct PrimeArgs {}

impl PrimeArgs {
    pub(super) fn run(door: &mut Door) -> Result<()> {
        door.report(&prime::prime(), |out, _, report| out.push_str(&report.text))
    }
}
