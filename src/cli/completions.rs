//! `state completions`

use super::{Args, door::Door};
use crate::error::Result;
use clap::CommandFactory;

/// Print the completion script of a shell.
///
/// As: state completions bash > ~/.local/share/bash-completion/completions/state
#[derive(clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    pub(super) fn run(self, door: &mut Door) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Args::command(), "state", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        door.report(&serde_json::json!({"shell": self.shell.to_string(), "script": script}), |out, _, _| {
            out.push_str(&script);
        })
    }
}
