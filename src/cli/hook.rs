//! `state hook`

use super::door::Door;

/// Answer one event of an agent's host: its JSON comes on stdin, the answer is in the host's dialect. Never fails: what
/// goes wrong is noted beside the store, and doctor shows it.
#[derive(clap::Args)]
pub(super) struct HookArgs {
    /// The host: claude, codex, gemini, opencode, cursor, copilot.
    host: String,
}

impl HookArgs {
    pub(super) fn run(self, door: &mut Door) {
        // What went wrong has been noted where doctor finds it; the host must not learn of it.
        let _ = (door.doors.hook)(&door.process, &self.host, door.store());
    }
}
