//! Who calls a server of tools: what the environment said when it was started, and what each call says of itself.
//!
//! Hooks and tools of one session must act under one name, so a host's own id always makes the same name, `HOST:ID`. A host
//! that tells its servers no id gets one from the process that started the server, which is the host itself.

use super::identity::{Environment, Explicit, Identity, clean, host_of_session, host_session};
use super::process_id::ProcessId;

/// What one call says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// `HOST:ID`, from the host's own part of the message.
    pub session: Option<String>,
    /// What the client calls itself, in its own words.
    pub client: Option<String>,
}

/// What is known of all callers of this process, before they call.
#[derive(Clone, Debug)]
pub struct Callers {
    /// `--session` or `STATE_SESSION`, `--actor` or `STATE_ACTOR`.
    given: Explicit,
    /// `HOST:ID` of a host that tells it in the environment.
    host_session: Option<String>,
    /// Who acts if no call says anything.
    otherwise: Identity,
    /// The process that started this one; this one if that is gone or hidden.
    process: Option<ProcessId>,
}

/// What clients of known hosts have in their names, and how sessions and actors of the host are called.
const CLIENTS: [&str; 6] = ["claude", "codex", "gemini", "opencode", "cursor", "copilot"];
/// Characters of the name of a client that is not known.
const CLIENT_LEN_MAX: usize = 40;

impl Callers {
    /// What the command line and the environment say, and who started this process.
    #[must_use]
    pub fn find(explicit: &Explicit, environment: Environment) -> Self {
        let variable = |name: &str| environment(name).and_then(|value| clean(&value));
        let given = Explicit {
            session: explicit.session.as_deref().and_then(clean).or_else(|| variable("STATE_SESSION")),
            actor: explicit.actor.as_deref().and_then(clean).or_else(|| variable("STATE_ACTOR")),
        };
        Self {
            given,
            host_session: host_session(&variable),
            otherwise: Identity::find(explicit, environment),
            process: starter(),
        }
    }

    /// Who makes this call. What was given by name comes first, then what the message says, then the environment.
    #[must_use]
    pub fn identity(&self, caller: &Caller) -> Identity {
        let client = caller.client.as_deref().and_then(client_name);
        if let Some(session) = &self.given.session {
            let process = self.otherwise.process.clone();
            return self.named(session.clone(), client, process);
        }
        let told = caller.session.as_deref().and_then(clean);
        // A host that was started by another one has the other's variables around it.
        let foreign = |session: &String| {
            client.as_deref().is_some_and(|client| CLIENTS.contains(&client) && host_of(session) != Some(client))
        };
        let session = told.or_else(|| self.host_session.clone().filter(|session| !foreign(session)));
        match (session, client) {
            (Some(session), client) => self.named(session, client, self.process.clone()),
            (None, Some(client)) => {
                let own = self.process.as_ref().map(|process| format!("{}-{}", process.pid, process.start));
                let session = format!("{client}:mcp-{}", own.unwrap_or_else(|| std::process::id().to_string()));
                self.named(session, Some(client), self.process.clone())
            }
            (None, None) => self.otherwise.clone(),
        }
    }

    fn named(&self, session: String, client: Option<String>, process: Option<ProcessId>) -> Identity {
        let host = host_of(&session).filter(|host| CLIENTS.contains(host)).map(str::to_owned);
        let actor = self.given.actor.clone().or(host).or(client).unwrap_or_else(|| self.otherwise.actor.clone());
        Identity { session, actor, process }
    }
}

/// The host whose session has such a name.
fn host_of(session: &str) -> Option<&str> {
    host_of_session(session).map(|host| host.name).or_else(|| session.split_once(':').map(|(host, _)| host))
}

/// The known host that a client belongs to, else its own name as one word.
fn client_name(client: &str) -> Option<String> {
    let name = clean(client)?.to_lowercase();
    if let Some(known) = CLIENTS.iter().find(|known| name.contains(**known)) {
        return Some((*known).to_owned());
    }
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").chars().take(CLIENT_LEN_MAX).collect();
    Some(slug).filter(|slug| !slug.is_empty())
}

/// The process that started this one, while it is known; this one if its starter is gone or outside of the container.
fn starter() -> Option<ProcessId> {
    let parent = rustix::process::getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    parent.filter(|pid| *pid > 1).and_then(ProcessId::of).or_else(|| ProcessId::of(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers(variables: &'static [(&'static str, &'static str)]) -> Callers {
        let look_up = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Callers::find(&Explicit::default(), &look_up)
    }

    fn who(callers: &Callers, session: Option<&str>, client: Option<&str>) -> (String, String) {
        let caller = Caller { session: session.map(str::to_owned), client: client.map(str::to_owned) };
        let identity = callers.identity(&caller);
        (identity.session, identity.actor)
    }

    fn pair(session: &str, actor: &str) -> (String, String) {
        (session.to_owned(), actor.to_owned())
    }

    #[test]
    fn names_that_were_given_beat_what_calls_say() {
        let named = callers(&[("STATE_SESSION", "mine"), ("STATE_ACTOR", "ada"), ("CLAUDE_CODE_SESSION_ID", "6d1e")]);
        assert_eq!(who(&named, Some("codex:t1"), Some("codex-mcp-client")), pair("mine", "ada"));
        let host = callers(&[("STATE_SESSION", "codex:t9"), ("USER", "eve")]);
        assert_eq!(who(&host, None, Some("claude-code")), pair("codex:t9", "codex"));
    }

    #[test]
    fn a_host_has_one_name_for_hooks_and_tools() {
        let claude = callers(&[("CLAUDE_CODE_SESSION_ID", "6d1e"), ("USER", "eve")]);
        assert_eq!(who(&claude, None, Some("claude-code")), pair("claude:6d1e", "claude"));
        assert_eq!(who(&claude, None, Some("mcp-inspector")), pair("claude:6d1e", "claude"));
        assert_eq!(who(&claude, Some("codex:t1"), Some("codex-mcp-client")), pair("codex:t1", "codex"));
        let (session, actor) = who(&claude, None, Some("gemini-cli-mcp-client"));
        assert!(session.starts_with("gemini:mcp-") && actor == "gemini", "{session} {actor}");
    }

    #[test]
    fn a_host_without_an_id_is_named_by_who_started_the_server() {
        let plain = callers(&[("USER", "eve"), ("STATE_ACTOR", "ada")]);
        let (session, actor) = who(&plain, None, Some("My Editor (beta)\u{1b}[1m"));
        assert!(session.starts_with("my-editor-beta:mcp-") && actor == "ada", "{session} {actor}");
        assert_eq!(who(&plain, None, Some("My Editor (beta)")).0, session);
        assert!(who(&callers(&[("USER", "eve")]), None, None).0.starts_with("term:"));
        assert_eq!(who(&callers(&[("USER", "eve")]), None, Some(" \n")).1, "eve");
    }
}
