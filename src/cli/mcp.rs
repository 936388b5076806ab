//! `state mcp`

use super::door::Door;
use crate::error::Result;

/// Serve agents over the model context protocol, on stdin and stdout.
#[derive(clap::Args)]
pub(super) struct McpArgs {}

impl McpArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        (door.doors.mcp)(&door.process, door.store())
    }
}
