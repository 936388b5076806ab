//! Who acts: the session, the actor's name and the process whose end is the session's end.
//!
//! A session is named by the first that speaks: the command line, `STATE_SESSION`, the agent's host, the terminal.
//! Only the chosen names leave this file; the environment also carries secrets and is never kept.

use super::process_id::{self, ProcessId};

/// Characters; longer names are cut.
const NAME_LEN_MAX: usize = 128;

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the command line says about the one who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explicit {
    /// `--session`.
    pub session: Option<String>,
    /// `--actor`.
    pub actor: Option<String>,
}

/// Who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `HOST:ID`, `term:PID-START`, or what the caller chose. Without control characters, 128 characters at most.
    pub session: String,
    /// The agent or person, `claude` or `ada`; the same limits.
    pub actor: String,
    /// The process that the session lives in; `None` if it is not known.
    pub process: Option<ProcessId>,
}

/// A program that runs agents, and how it shows in the environment of what it starts.
pub(super) struct Host {
    pub(super) name: &'static str,
    /// Holds the session's id. Some hosts pass it to hooks and tools only in the message.
    session: Option<&'static str>,
    /// Holds the pid of the host itself.
    pid: Option<&'static str>,
    /// Set by this host alone, whatever the value.
    signs: &'static [&'static str],
}

const HOSTS: [Host; 5] = [
    Host {
        name: "claude",
        session: Some("CLAUDE_CODE_SESSION_ID"),
        pid: Some("CLAUDE_PID"),
        signs: &["CLAUDE_CODE_SESSION_ID", "CLAUDECODE"],
    },
    Host { name: "gemini", session: Some("GEMINI_SESSION_ID"), pid: None, signs: &["GEMINI_SESSION_ID", "GEMINI_CLI"] },
    Host { name: "codex", session: None, pid: None, signs: &["CODEX_THREAD_ID", "CODEX_SANDBOX"] },
    Host { name: "opencode", session: None, pid: None, signs: &["OPENCODE"] },
    Host { name: "cursor", session: None, pid: None, signs: &["CURSOR_VERSION"] },
];

impl Identity {
    /// Who acts, by the command line, the environment and the terminal, in this order.
    #[must_use]
    pub fn find(explicit: &Explicit, environment: Environment) -> Self {
        Self::resolve(explicit, environment, &terminal_leader)
    }

    /// Who acts as far as a hook's environment tells; [`Identity::named`] adds what its message says. The process is the
    /// host's: the nearest ancestor that is no shell.
    #[must_use]
    pub fn of_host(environment: Environment) -> Self {
        let variable = |name: &str| environment(name).and_then(|value| clean(&value));
        let process = HOSTS.iter().find_map(|host| host_process(host, &variable)).or_else(process_id::host_ancestor);
        let name = |name: &str| variable(name).unwrap_or_default();
        Self { session: name("STATE_SESSION"), actor: name("STATE_ACTOR"), process }
    }

    /// With the names that a host gives, where the environment gave none.
    #[must_use]
    pub fn named(self, host: &str, session: Option<&str>) -> Self {
        let host = clean(host).unwrap_or_default();
        let given = session.and_then(|id| clean(&format!("{host}:{id}"))).unwrap_or_else(|| format!("{host}:0"));
        let session = Some(self.session).filter(|session| !session.is_empty()).unwrap_or(given);
        let actor = Some(self.actor).filter(|actor| !actor.is_empty()).unwrap_or(host);
        Self { session, actor, process: self.process }
    }

    fn resolve(explicit: &Explicit, environment: Environment, leader: &dyn Fn() -> Option<Leader>) -> Self {
        let variable = |name: &str| environment(name).and_then(|value| clean(&value));
        let given = |argument: &Option<String>| argument.as_deref().and_then(clean);

        let named = given(&explicit.session).or_else(|| variable("STATE_SESSION")).or_else(|| host_session(&variable));
        let host = named.as_deref().and_then(host_of_session);
        let actor = given(&explicit.actor)
            .or_else(|| variable("STATE_ACTOR"))
            .or_else(|| host.or_else(|| host_by_sign(&variable)).map(|host| host.name.to_owned()))
            .or_else(|| variable("USER"))
            .or_else(|| variable("LOGNAME"))
            .unwrap_or_else(|| "unknown".to_owned());
        let (session, process) = match named {
            Some(session) => (session, host.and_then(|host| host_process(host, &variable))),
            None => terminal_session(leader()),
        };
        Self { session, actor, process }
    }
}

pub(super) fn host_session(variable: Environment) -> Option<String> {
    let session = HOSTS.iter().find_map(|host| Some(format!("{}:{}", host.name, variable(host.session?)?)))?;
    clean(&session)
}

pub(super) fn host_of_session(session: &str) -> Option<&'static Host> {
    let (name, _) = session.split_once(':')?;
    HOSTS.iter().find(|host| host.name == name)
}

fn host_by_sign(variable: Environment) -> Option<&'static Host> {
    HOSTS.iter().find(|host| host.signs.iter().any(|sign| variable(sign).is_some()))
}

fn host_process(host: &Host, variable: Environment) -> Option<ProcessId> {
    ProcessId::of(variable(host.pid?)?.parse().ok()?)
}

/// The name that is left of `text`; `None` if nothing is.
pub(super) fn clean(text: &str) -> Option<String> {
    let name: String = crate::domain::text::clean_line(text).chars().take(NAME_LEN_MAX).collect();
    Some(name).filter(|name| !name.is_empty())
}

/// The leader of the terminal session: a shell, as a rule.
struct Leader {
    pid: u32,
    /// `None` if it has ended, or if this system does not tell.
    process: Option<ProcessId>,
}

fn terminal_session(leader: Option<Leader>) -> (String, Option<ProcessId>) {
    match leader {
        Some(Leader { pid, process: Some(process) }) => (format!("term:{pid}-{}", process.start), Some(process)),
        Some(Leader { pid, process: None }) => (format!("term:{pid}"), None),
        None => ("term:0".to_owned(), None),
    }
}

fn terminal_leader() -> Option<Leader> {
    let pid = session_leader()?;
    Some(Leader { pid, process: ProcessId::of(pid) })
}

/// Not `getsid`: in a container it is 0 if the leader is outside, which rustix's `Pid` cannot hold (and asserts).
#[cfg(target_os = "linux")]
fn session_leader() -> Option<u32> {
    process_id::session_leader()
}

#[cfg(not(target_os = "linux"))]
fn session_leader() -> Option<u32> {
    let pid = rustix::process::getsid(None).ok()?;
    u32::try_from(pid.as_raw_nonzero().get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESS: &str = "4242:99:d2c9f9fd-4b0d-4e3e-84c3-7ba3b71ce98a";

    fn identity(session: Option<&str>, actor: Option<&str>, environment: &[(&str, &str)]) -> Identity {
        let explicit = Explicit { session: session.map(str::to_owned), actor: actor.map(str::to_owned) };
        let look_up =
            |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Identity::resolve(&explicit, &look_up, &|| Some(Leader { pid: 4242, process: ProcessId::parse(PROCESS) }))
    }

    #[test]
    fn the_first_that_speaks_names_session_and_actor() {
        let all = [
            ("STATE_SESSION", "mine"),
            ("STATE_ACTOR", "ada"),
            ("CLAUDE_CODE_SESSION_ID", "6d1e"),
            ("GEMINI_SESSION_ID", "77"),
            ("USER", "eve"),
        ];
        let check = |from: usize, session: &str, actor: &str| {
            let found = identity(None, None, &all[from..]);
            assert_eq!((found.session.as_str(), found.actor.as_str()), (session, actor));
        };
        let found = identity(Some("s"), Some("a"), &all);
        assert_eq!((found.session.as_str(), found.actor.as_str()), ("s", "a"));
        check(0, "mine", "ada");
        check(1, "claude:6d1e", "ada");
        check(2, "claude:6d1e", "claude");
        check(3, "gemini:77", "gemini");
        check(4, "term:4242-99", "eve");
        check(5, "term:4242-99", "unknown");
    }

    #[test]
    fn hosts_without_a_session_id_still_name_the_actor() {
        for (sign, actor) in
            [("CLAUDECODE", "claude"), ("OPENCODE", "opencode"), ("CURSOR_VERSION", "cursor"), ("GEMINI_CLI", "gemini")]
        {
            let found = identity(None, None, &[(sign, "1"), ("USER", "eve")]);
            assert_eq!((found.session.as_str(), found.actor.as_str()), ("term:4242-99", actor));
            assert_eq!(found.process, ProcessId::parse(PROCESS));
        }
        assert_eq!(identity(Some("codex:t1"), None, &[("USER", "eve")]).actor, "codex");
        assert_eq!(identity(None, None, &[("CODEX_HOME", "/x"), ("LOGNAME", "eve")]).actor, "eve");
    }

    #[test]
    fn blank_and_unprintable_names_do_not_count() {
        let found = identity(Some(" \n"), Some(""), &[("STATE_SESSION", "a\x1b[31m\nb"), ("STATE_ACTOR", "\t")]);
        assert_eq!((found.session.as_str(), found.actor.as_str()), ("a b", "unknown"));
        assert_eq!(identity(Some(&"ä".repeat(1000)), None, &[]).session.chars().count(), NAME_LEN_MAX);
    }

    #[test]
    fn a_terminal_without_facts_has_a_shorter_name() {
        assert_eq!(terminal_session(Some(Leader { pid: 7, process: None })), ("term:7".to_owned(), None));
        assert_eq!(terminal_session(None), ("term:0".to_owned(), None));
    }

    #[cfg(target_os = "linux")]
    mod on_linux {
        use super::*;

        #[test]
        fn claude_names_its_process() {
            let own = std::process::id().to_string();
            let found = identity(None, None, &[("CLAUDE_CODE_SESSION_ID", "6d1e"), ("CLAUDE_PID", &own)]);
            assert_eq!(found.process, ProcessId::of(std::process::id()));
            let other = identity(Some("mine"), None, &[("CLAUDE_PID", &own)]);
            assert_eq!(other.process, None);
            assert_eq!(identity(None, None, &[("CLAUDE_CODE_SESSION_ID", "6"), ("CLAUDE_PID", "x")]).process, None);
        }

        #[test]
        fn the_real_terminal_has_a_leader() {
            let leader = terminal_leader().map_or(0, |leader| leader.pid);
            let (session, _) = terminal_session(terminal_leader());
            assert!(session.starts_with(&format!("term:{leader}")), "{session}");
        }
    }
}
