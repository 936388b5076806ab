//! Who acts: the session, the actor's name and the process whose end is the session's end.
//!
//! A session is named by the first that speaks: the command line, `STATE_SESSION`, the agent's host, the terminal. A host
//! that shows without an id, or within another one, is asked for by its process: its hooks noted the session's name.
//! Only the chosen names leave this file; the environment also carries secrets and is never kept.

use super::process_id::{self, ProcessId};
use crate::domain::activity::Activity;
use crate::domain::host::{self, HOSTS, Host};

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

/// Who acts, as far as it is known before a store is open.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The best guess.
    pub identity: Identity,
    /// Whom to ask for better.
    pub within: Option<Within>,
}

/// The processes around a call: one of them may be a host whose hooks told of a session.
#[derive(Clone, Debug)]
pub struct Within {
    /// The host, where it is known.
    pub host: Option<&'static Host>,
    /// The nearest first.
    pub ancestors: Vec<ProcessId>,
    /// Whether the actor was given by name.
    pub has_actor: bool,
}

impl Known {
    /// The session that was heard of last in the nearest process that any was heard of in; the guess if there is none. Hooks
    /// of a host and what else it starts are one session by this, also where only the hooks are told its id.
    #[must_use]
    pub fn among(&self, activities: impl FnOnce() -> Vec<Activity>) -> Identity {
        let Some(within) = &self.within else { return self.identity.clone() };
        let mut live = activities();
        live.retain(|activity| {
            activity.end.is_none() && within.host.is_none_or(|host| host::of_session(&activity.session) == Some(host))
        });
        let of = |process: &ProcessId| {
            let written = process.to_string();
            let here = live.iter().filter(|activity| activity.process.as_ref() == Some(&written));
            here.max_by_key(|activity| activity.seen_at).map(|activity| (activity, process.clone()))
        };
        let Some((heard, process)) = within.ancestors.iter().find_map(of) else { return self.identity.clone() };
        let actor = if within.has_actor { &self.identity.actor } else { &heard.host };
        Identity { session: heard.session.clone(), actor: actor.clone(), process: Some(process) }
    }
}

impl Identity {
    /// Who acts, by the command line, the environment and the terminal, in this order.
    #[must_use]
    pub fn find(explicit: &Explicit, environment: Environment) -> Known {
        Self::resolve(explicit, environment, &terminal_leader)
    }

    fn resolve(explicit: &Explicit, environment: Environment, leader: &dyn Fn() -> Option<Leader>) -> Known {
        let variable = |name: &str| environment(name).and_then(|value| clean(&value));
        let given = |argument: &Option<String>| argument.as_deref().and_then(clean);

        let chosen = given(&explicit.session).or_else(|| chosen_session(&variable));
        let told = if chosen.is_some() { Vec::new() } else { host_sessions(&variable) };
        let around = hosts_around(&variable, &told);
        let is_sure = chosen.is_some() || around.is_empty() || around.len() == 1 && !told.is_empty();

        let named = chosen.or_else(|| told.into_iter().next());
        let host = named.as_deref().and_then(host::of_session);
        let given_actor = given(&explicit.actor).or_else(|| variable("STATE_ACTOR"));
        let has_actor = given_actor.is_some();
        let actor = given_actor
            .or_else(|| host.or(around.first().copied()).map(|host| host.name.to_owned()))
            .or_else(|| variable("USER"))
            .or_else(|| variable("LOGNAME"))
            .unwrap_or_else(|| "unknown".to_owned());
        let (session, process) = match named {
            Some(session) => (session, host.and_then(|host| host_process(host, &variable))),
            None => terminal_session(leader()),
        };
        let host = Some(&around).filter(|around| around.len() == 1).map(|around| around[0]);
        let within = || Within { host, ancestors: process_id::ancestors(process_id::ANCESTORS_MAX), has_actor };
        Known { identity: Self { session, actor, process }, within: (!is_sure).then(within) }
    }
}

/// Who acts as far as a hook's environment tells, before its message says which host it is.
#[derive(Clone, Debug)]
pub struct Hooked {
    session: Option<String>,
    actor: Option<String>,
    /// What hosts say of their own processes.
    hosts: Vec<(&'static Host, ProcessId)>,
    /// The nearest ancestor that is no shell.
    ancestor: Option<ProcessId>,
}

impl Hooked {
    /// Reads the environment and looks for the process that started this one.
    #[must_use]
    pub fn find(environment: Environment) -> Self {
        let variable = |name: &str| environment(name).and_then(|value| clean(&value));
        Self {
            session: chosen_session(&variable),
            actor: variable("STATE_ACTOR"),
            hosts: HOSTS.iter().filter_map(|host| Some((host, host_process(host, &variable)?))).collect(),
            ancestor: process_id::ancestors(1).pop(),
        }
    }

    /// With the names that a host gives, where the environment gave none. The session is empty if nobody named it.
    #[must_use]
    pub fn named(self, host: &str, session: Option<&str>) -> Identity {
        let host = clean(host).unwrap_or_default();
        // A host within another has the other's variables around it.
        let own = self.hosts.into_iter().find(|(known, _)| known.name == host).map(|(_, process)| process);
        let given = || session.and_then(|id| clean(&format!("{host}:{id}")));
        Identity {
            session: self.session.or_else(given).unwrap_or_default(),
            actor: self.actor.unwrap_or(host),
            process: own.or(self.ancestor),
        }
    }
}

/// `STATE_SESSION`, where somebody chose it: a name like that of a host's session was given by a host.
pub(super) fn chosen_session(variable: Environment) -> Option<String> {
    variable("STATE_SESSION").filter(|session| host::of_session(session).is_none())
}

/// What hosts say of their sessions, `HOST:ID` each.
pub(super) fn host_sessions(variable: Environment) -> Vec<String> {
    let passed = variable("STATE_SESSION").filter(|session| host::of_session(session).is_some());
    let own = |host: &Host| {
        let id = host.session.iter().find_map(|name| variable(name))?;
        clean(&format!("{}:{id}", host.name))
    };
    passed.into_iter().chain(HOSTS.iter().filter_map(own)).collect()
}

/// The hosts that show in the environment, by a sign or by the name of a session.
fn hosts_around(variable: Environment, told: &[String]) -> Vec<&'static Host> {
    let of_told = |host: &Host| told.iter().any(|session| host::of_session(session) == Some(host));
    let shows = |host: &&Host| host.signs.iter().any(|sign| variable(sign).is_some()) || of_told(host);
    HOSTS.iter().filter(shows).collect()
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
        known(session, actor, environment).identity
    }

    fn known(session: Option<&str>, actor: Option<&str>, environment: &[(&str, &str)]) -> Known {
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
            ("GEMINI_SESSION_ID", "77"),
            ("CLAUDE_CODE_SESSION_ID", "6d1e"),
            ("USER", "eve"),
        ];
        let check = |from: usize, session: &str, actor: &str| {
            let found = identity(None, None, &all[from..]);
            assert_eq!((found.session.as_str(), found.actor.as_str()), (session, actor));
        };
        let found = identity(Some("s"), Some("a"), &all);
        assert_eq!((found.session.as_str(), found.actor.as_str()), ("s", "a"));
        check(0, "mine", "ada");
        check(1, "gemini:77", "ada");
        check(2, "gemini:77", "gemini");
        check(3, "claude:6d1e", "claude");
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

    fn heard(session: &str, process: &str, seconds: i64) -> Activity {
        let host = session.split(':').next().unwrap_or_default().to_owned();
        let seen_at = chrono::DateTime::from_timestamp(seconds, 0);
        Activity {
            session: session.to_owned(),
            host,
            process: Some(process.to_owned()),
            seen_at,
            ..Activity::default()
        }
    }

    #[test]
    fn a_host_without_an_id_is_asked_for_by_its_processes() {
        let (near, far) = (PROCESS, "7:1:boot");
        let ancestors = [near, far].map(|process| ProcessId::parse(process).unwrap()).to_vec();
        let among = |variables: &[(&str, &str)], activities: &[Activity]| {
            let mut known = known(None, None, variables);
            let within = known.within.as_mut().expect("it is not sure");
            within.ancestors.clone_from(&ancestors);
            let found = known.among(|| activities.to_vec());
            (found.session, found.actor, found.process.map(|process| process.to_string()))
        };
        let pair = |session: &str, actor: &str, process: &str| (session.into(), actor.into(), Some(process.into()));
        let gemini = [("GEMINI_CLI", "1")];
        let elsewhere = [heard("gemini:other", "9:9:boot", 9), heard("claude:outer", near, 9)];
        assert_eq!(among(&gemini, &elsewhere), pair("term:4242-99", "gemini", PROCESS));
        let two = [heard("gemini:old", far, 1), heard("gemini:new", far, 2), heard("claude:outer", near, 9)];
        assert_eq!(among(&gemini, &two), pair("gemini:new", "gemini", far));
        let ended = Activity { end: Some("exit".into()), ..heard("gemini:ended", near, 3) };
        assert_eq!(among(&gemini, &[ended, two[0].clone()]), pair("gemini:old", "gemini", far));
        let named = [("GEMINI_CLI", "1"), ("STATE_ACTOR", "ada")];
        assert_eq!(among(&named, &two), pair("gemini:new", "ada", far));
        let nested = [("CODEX_THREAD_ID", "t1"), ("CLAUDE_CODE_SESSION_ID", "6d1e")];
        assert_eq!(
            among(&nested, &[heard("claude:6d1e", near, 1), two[0].clone()]),
            pair("claude:6d1e", "claude", near)
        );
        assert_eq!(among(&nested, &[]), ("codex:t1".into(), "codex".into(), None));
    }

    #[test]
    fn an_id_of_the_only_host_is_enough() {
        for variables in [
            [("CLAUDE_CODE_SESSION_ID", "6d1e"), ("CLAUDECODE", "1")],
            [("CODEX_THREAD_ID", "t1"), ("CODEX_SANDBOX", "x")],
            [("STATE_SESSION", "opencode:o1"), ("OPENCODE", "1")],
            [("STATE_SESSION", "mine"), ("GEMINI_CLI", "1")],
            [("USER", "eve"), ("TERM", "x")],
        ] {
            assert!(known(None, None, &variables).within.is_none(), "{variables:?}");
        }
        assert_eq!(identity(None, None, &[("CODEX_THREAD_ID", "t1")]).session, "codex:t1");
        let subagent = [("CODEX_THREAD_ID", "t2"), ("CODEX_SESSION_ID", "t1")];
        assert_eq!(identity(None, None, &subagent).session, "codex:t1");
    }

    fn hooked(host: &str, session: Option<&str>, environment: &[(&str, &str)]) -> Identity {
        let look_up =
            |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Hooked::find(&look_up).named(host, session)
    }

    #[test]
    fn a_hook_acts_for_the_host_that_sent_the_event() {
        let named = |variables: &[(&str, &str)]| hooked("codex", Some("t1"), variables).session;
        assert_eq!(named(&[("STATE_SESSION", "mine")]), "mine");
        assert_eq!(named(&[("STATE_SESSION", "claude:6d1e"), ("CLAUDE_CODE_SESSION_ID", "6d1e")]), "codex:t1");
        assert_eq!(named(&[("STATE_SESSION", "codex:outer")]), "codex:t1");
        assert_eq!(hooked("claude", None, &[]).session, "");
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
        fn a_host_within_another_is_not_the_process_of_the_other() {
            let own = std::process::id().to_string();
            let variables = [("CLAUDE_PID", own.as_str())];
            assert_eq!(hooked("claude", Some("6d1e"), &variables).process, ProcessId::of(std::process::id()));
            let parent = hooked("codex", Some("t1"), &variables).process;
            assert_ne!(parent, ProcessId::of(std::process::id()));
            assert_eq!(parent, process_id::ancestors(1).pop());
        }

        #[test]
        fn the_real_terminal_has_a_leader() {
            let leader = terminal_leader().map_or(0, |leader| leader.pid);
            let (session, _) = terminal_session(terminal_leader());
            assert!(session.starts_with(&format!("term:{leader}")), "{session}");
        }
    }
}
