//! The programs that agents live in, and how each shows in the environment of what it starts, in messages and in names.
//!
//! One table for those who ask whose a call is; where a host keeps its files is the business of `ops/setup`.

/// A program that runs agents.
#[derive(Debug, PartialEq, Eq)]
pub struct Host {
    /// The word for it, and the first part of its sessions' names.
    pub name: &'static str,
    /// The variables with the session's id, in the agent's shell or around hooks; the first that is there counts.
    pub session: &'static [&'static str],
    /// The variable with the pid of the host itself.
    pub pid: Option<&'static str>,
    /// Variables that this host alone sets, whatever the value.
    pub signs: &'static [&'static str],
    /// What its client of tools has in its name.
    pub clients: &'static [&'static str],
    /// Whether a resumed session still holds what hooks told it. The others keep the words of user and model only.
    pub replays: bool,
    /// Whether its hooks and those of others are run by one session: some hosts read the settings of Claude Code too.
    pub shares: bool,
}

/// All of them. Where one runs within another and processes cannot be seen, the first is taken to be the inner one: it is
/// Claude Code that starts others as a rule, and Codex that locks its shell away from the sight of processes. Of those
/// that share a session, the first that noted it has it.
pub static HOSTS: [Host; 6] = [
    Host {
        name: "codex",
        // A thread of a subagent has an id of its own, and the session of its parent.
        session: &["CODEX_SESSION_ID", "CODEX_THREAD_ID"],
        pid: None,
        signs: &["CODEX_SESSION_ID", "CODEX_THREAD_ID", "CODEX_SANDBOX"],
        clients: &["codex"],
        replays: true,
        shares: false,
    },
    Host {
        name: "gemini",
        session: &["GEMINI_SESSION_ID"],
        pid: None,
        signs: &["GEMINI_SESSION_ID", "GEMINI_CLI"],
        clients: &["gemini"],
        replays: false,
        shares: false,
    },
    Host {
        name: "opencode",
        session: &[],
        pid: None,
        signs: &["OPENCODE"],
        clients: &["opencode"],
        replays: false,
        shares: false,
    },
    Host {
        name: "cursor",
        session: &[],
        pid: None,
        signs: &["CURSOR_VERSION", "CURSOR_AGENT"],
        clients: &["cursor"],
        replays: false,
        shares: true,
    },
    Host {
        name: "copilot",
        session: &[],
        pid: None,
        signs: &[],
        clients: &["copilot", "visual studio code"],
        replays: false,
        shares: true,
    },
    Host {
        name: "claude",
        session: &["CLAUDE_CODE_SESSION_ID"],
        pid: Some("CLAUDE_PID"),
        signs: &["CLAUDE_CODE_SESSION_ID", "CLAUDECODE"],
        clients: &["claude"],
        replays: true,
        shares: true,
    },
];

/// The host with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| host.name == name)
}

/// The host whose sessions have such names, `claude:6d1e…`.
#[must_use]
pub fn of_session(session: &str) -> Option<&'static Host> {
    named(session.split_once(':')?.0)
}

/// The host that a client of this name belongs to.
#[must_use]
pub fn of_client(client: &str) -> Option<&'static Host> {
    let client = client.to_lowercase();
    HOSTS.iter().find(|host| host.clients.iter().any(|word| client.contains(word)))
}

/// The names of all hosts, for messages.
#[must_use]
pub fn names() -> String {
    HOSTS.iter().map(|host| host.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_their_words() {
        let client = |name: &str| of_client(name).map(|host| host.name);
        for (name, host) in [
            ("claude-code", "claude"),
            ("codex-mcp-client", "codex"),
            ("gemini-cli-mcp-client", "gemini"),
            ("opencode", "opencode"),
            ("cursor-vscode", "cursor"),
            ("github-copilot-cli", "copilot"),
            ("Visual Studio Code", "copilot"),
        ] {
            assert_eq!(client(name), Some(host));
        }
        assert_eq!(client("My IDE 2"), None);
        assert_eq!(of_session("gemini:77").map(|host| host.name), Some("gemini"));
        assert_eq!((of_session("gemini"), of_session("term:7")), (None, None));
    }
}
