//! Who calls a server of tools: what the environment said when it was started, and what each call says of itself.
//!
//! Hooks and tools of one session must act under one name. An id that comes with a call names it, `HOST:ID`. An id from the
//! environment is as old as the server, and some hosts give none at all: then the session is the one that hooks of the same
//! process were heard of last for, and only if there is none, the id from the environment, or a name made of the process
//! that started the server, which is the host itself.

use super::identity::{Environment, Explicit, Identity, Known, Within, chosen_session, clean, host_sessions};
use super::process_id::{self, ProcessId};
use crate::domain::host::{self, Host};

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
    /// `--session` or a `STATE_SESSION` that no host gave, `--actor` or `STATE_ACTOR`.
    given: Explicit,
    /// `HOST:ID` of hosts that tell it in the environment.
    told: Vec<String>,
    /// Who acts if no call says anything.
    otherwise: Known,
    /// The process that started this one and what started that; this one if they are gone or hidden.
    ancestors: Vec<ProcessId>,
}

/// Characters of the name of a client that is not known.
const CLIENT_LEN_MAX: usize = 40;

impl Callers {
    /// What the command line and the environment say, and who started this process.
    #[must_use]
    pub fn find(explicit: &Explicit, environment: Environment) -> Self {
        let variable = |name: &str| environment(name).and_then(|value| clean(&value));
        let given = Explicit {
            session: explicit.session.as_deref().and_then(clean).or_else(|| chosen_session(&variable)),
            actor: explicit.actor.as_deref().and_then(clean).or_else(|| variable("STATE_ACTOR")),
        };
        let mut ancestors = process_id::ancestors(process_id::ANCESTORS_MAX);
        if ancestors.is_empty() {
            ancestors.extend(ProcessId::of(std::process::id()));
        }
        let otherwise = Identity::find(explicit, environment);
        Self { given, told: host_sessions(&variable), otherwise, ancestors }
    }

    /// Who makes this call. What was given by name comes first, then what the message says, then the process and the
    /// environment.
    #[must_use]
    pub fn known(&self, caller: &Caller) -> Known {
        let client = caller.client.as_deref().and_then(client_name);
        if let Some(session) = &self.given.session {
            return sure(self.named(session.clone(), client, self.otherwise.identity.process.clone()));
        }
        let process = self.ancestors.first().cloned();
        if let Some(session) = caller.session.as_deref().and_then(clean) {
            return sure(self.named(session, client, process));
        }
        let host = caller.client.as_deref().and_then(host::of_client);
        // A host that was started by another one has the other's variables around it.
        let told = self.told.iter().find(|session| host.is_none_or(|host| host::of_session(session) == Some(host)));
        match (told, client) {
            // One further away is another session, whose id would be another.
            (Some(session), client) => {
                let near = &self.ancestors[..self.ancestors.len().min(1)];
                let within = self.within(host::of_session(session), near);
                Known { identity: self.named(session.clone(), client, process), within: Some(within) }
            }
            (None, Some(client)) => {
                let own = process.as_ref().map(|process| format!("{}-{}", process.pid, process.start));
                let session = format!("{client}:mcp-{}", own.unwrap_or_else(|| std::process::id().to_string()));
                let within = self.within(host, &self.ancestors);
                Known { identity: self.named(session, Some(client), process), within: Some(within) }
            }
            (None, None) => self.otherwise.clone(),
        }
    }

    fn within(&self, host: Option<&'static Host>, ancestors: &[ProcessId]) -> Within {
        Within { host, ancestors: ancestors.to_vec(), has_actor: self.given.actor.is_some() }
    }

    fn named(&self, session: String, client: Option<String>, process: Option<ProcessId>) -> Identity {
        let host = host::of_session(&session).map(|host| host.name.to_owned());
        let actor = self.given.actor.clone().or(host).or(client);
        let actor = actor.unwrap_or_else(|| self.otherwise.identity.actor.clone());
        Identity { session, actor, process }
    }
}

fn sure(identity: Identity) -> Known {
    Known { identity, within: None }
}

/// The known host that a client belongs to, else its own name as one word.
fn client_name(client: &str) -> Option<String> {
    let name = clean(client)?.to_lowercase();
    if let Some(known) = host::of_client(&name) {
        return Some(known.name.to_owned());
    }
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").chars().take(CLIENT_LEN_MAX).collect();
    Some(slug).filter(|slug| !slug.is_empty())
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
        let identity = callers.known(&caller).identity;
        (identity.session, identity.actor)
    }

    fn pair(session: &str, actor: &str) -> (String, String) {
        (session.to_owned(), actor.to_owned())
    }

    #[test]
    fn names_that_were_given_beat_what_calls_say() {
        let named = callers(&[("STATE_SESSION", "mine"), ("STATE_ACTOR", "ada"), ("CLAUDE_CODE_SESSION_ID", "6d1e")]);
        assert_eq!(who(&named, Some("codex:t1"), Some("codex-mcp-client")), pair("mine", "ada"));
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
    fn what_a_host_gave_is_only_for_its_own_calls() {
        let nested = callers(&[("STATE_SESSION", "opencode:o1"), ("CLAUDE_CODE_SESSION_ID", "6d1e"), ("USER", "eve")]);
        assert_eq!(who(&nested, None, Some("claude-code")), pair("claude:6d1e", "claude"));
        assert_eq!(who(&nested, None, Some("opencode")), pair("opencode:o1", "opencode"));
        assert_eq!(who(&nested, Some("codex:t1"), Some("codex-mcp-client")), pair("codex:t1", "codex"));
        assert!(who(&nested, None, Some("gemini-cli-mcp-client")).0.starts_with("gemini:mcp-"));
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
