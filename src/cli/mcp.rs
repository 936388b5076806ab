//! `state mcp`

use super::door::Door;
use crate::error::Result;

/// Serve agents over the model context protocol, on stdin and stdout.
///
/// Tools: resume, search, show, list, add, update. A host starts it; state setup HOST tells the host how.
#[derive(clap::Args)]
pub(super) struct McpArgs {}

impl McpArgs {
    #[expect(clippy::unused_self, reason = "as all verbs run")]
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        (door.doors.mcp)(&door.process, door.store(), &door.explicit)
    }
}
