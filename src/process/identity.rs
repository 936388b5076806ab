//! Who acts: the session, the actor's name and the process whose end is the session's end.
//!
//! A session is named by the first that speaks: the command line, `STATE_SESSION`, the agent's host, the terminal.
//! Only the chosen names leave this file; the environment also carries secrets and is never kept.

use std::fmt;

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
        let process = HOSTS.iter().find_map(|host| host_process(host, &variable)).or_else(host_ancestor);
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
    read_stat("self").map(|stat| stat.session).filter(|pid| *pid > 0)
}

#[cfg(not(target_os = "linux"))]
fn session_leader() -> Option<u32> {
    let pid = rustix::process::getsid(None).ok()?;
    u32::try_from(pid.as_raw_nonzero().get()).ok()
}

/// A process for all time: pids are reused, a pid with its start and its boot is not. Written `PID:START:BOOT`.
///
/// It has a meaning only on the machine that it was made on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// The process id.
    pub pid: u32,
    /// When the kernel started it, in clock ticks since boot.
    pub start: u64,
    /// The kernel's boot id; inside a container followed by `.` and the number of its pid namespace.
    pub boot: String,
}

impl ProcessId {
    /// The process that has `pid` now; `None` if there is none or the system has no `/proc`.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let start = read_stat(&pid.to_string())?.start;
        Some(Self { pid, start, boot: current_boot()? })
    }

    /// From its written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (pid, rest) = text.split_once(':')?;
        let (start, boot) = rest.split_once(':')?;
        let pid = pid.parse().ok().filter(|pid| *pid > 0)?;
        let plain = !boot.is_empty() && boot.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        plain.then_some(Self { pid, start: start.parse().ok()?, boot: boot.to_owned() })
    }

    /// Whether it still runs; one that has ended but was not waited for does not. `None`: cannot tell, because the
    /// system has no `/proc`, hides it, or because the process lives in another container.
    #[must_use]
    pub fn is_alive(&self) -> Option<bool> {
        self.is_alive_in(&current_boot()?)
    }

    fn is_alive_in(&self, current: &str) -> Option<bool> {
        if self.boot != current {
            return if boot_id(&self.boot) == boot_id(current) { None } else { Some(false) };
        }
        match read_stat(&self.pid.to_string()) {
            Some(stat) => Some(stat.start == self.start && !stat.ended),
            None => exists(self.pid).filter(|exists| !exists),
        }
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.pid, self.start, self.boot)
    }
}

/// Whether the kernel knows `pid`, even if `/proc` hides it (mounted with `hidepid`). `None`: it is no process number.
#[must_use]
pub fn exists(pid: u32) -> Option<bool> {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
    Some(rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// The boot without the pid namespace.
fn boot_id(boot: &str) -> &str {
    boot.split('.').next().unwrap_or_default()
}

/// The kernel gives the first pid namespace this number; in it, pids need no further name.
const FIRST_PID_NAMESPACE: &str = "4026531836";

fn current_boot() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok();
    let namespace = namespace.as_deref().and_then(|link| link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']'));
    let boot = boot.trim();
    Some(match namespace {
        Some(number) if number != FIRST_PID_NAMESPACE => format!("{boot}.{number}"),
        _ => boot.to_owned(),
    })
}

/// Hosts start hooks through a shell, or two.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "fish", "ksh"];
const SHELLS_MAX: usize = 3;

/// The process that started this one, leaving out the shells between.
fn host_ancestor() -> Option<ProcessId> {
    let mut pid = read_stat("self")?.parent;
    for _ in 0..SHELLS_MAX {
        let stat = read_stat(&pid.to_string())?;
        if !SHELLS.contains(&stat.command.as_str()) {
            break;
        }
        pid = stat.parent;
    }
    // What the first process of the system started was left by its host.
    ProcessId::of(pid).filter(|process| process.pid > 1)
}

/// The part of `/proc/PID/stat` that is needed.
struct Stat {
    /// The first 15 bytes of the program's name.
    command: String,
    parent: u32,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "read on Linux only"))]
    session: u32,
    start: u64,
    ended: bool,
}

fn read_stat(process: &str) -> Option<Stat> {
    parse_stat(&std::fs::read(format!("/proc/{process}/stat")).ok()?)
}

/// The second field, the command in parentheses, may hold spaces, parentheses and bytes that are not UTF-8.
fn parse_stat(stat: &[u8]) -> Option<Stat> {
    let after_command = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(&stat[after_command..]).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // `rest` begins with field 3.
    let field = |number: usize| fields.get(number - 3);
    let before_command = stat.iter().position(|byte| *byte == b'(')? + 1;
    let command = stat.get(before_command..after_command - 1)?;
    Some(Stat {
        command: String::from_utf8_lossy(command).into_owned(),
        parent: field(4)?.parse().ok()?,
        session: field(6)?.parse().ok()?,
        start: field(22)?.parse().ok()?,
        ended: matches!(*field(3)?, "Z" | "X" | "x"),
    })
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

    #[test]
    fn stat_survives_a_hostile_command_name() {
        let rest = ") S 1 13 12 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4229 31";
        let stat = parse_stat(&[b"7 (a) Z 9 (\xff", rest.as_bytes()].concat()).unwrap();
        assert_eq!((stat.session, stat.start, stat.ended), (12, 4229, false));
        assert!(parse_stat(rest.replace(") S", ") Z").as_bytes()).unwrap().ended);
        for broken in ["", "7 (a", "7 (a) S", "7 (a) S 1 2 x"] {
            assert!(parse_stat(broken.as_bytes()).is_none(), "{broken}");
        }
    }

    #[test]
    fn the_written_form_reads_back() {
        assert_eq!(ProcessId::parse(PROCESS).unwrap().to_string(), PROCESS);
        for broken in ["", "1", "1:2", "1:2:", "0:2:b", "-1:2:b", "1:x:b", "1:2:b\n", "99999999999:1:b"] {
            assert_eq!(ProcessId::parse(broken), None, "{broken}");
        }
    }

    #[cfg(target_os = "linux")]
    mod on_linux {
        use super::*;
        use std::process::{Command, Stdio};

        #[test]
        fn a_process_is_alive_until_it_ends_even_if_nobody_waits() {
            let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            let process = ProcessId::of(child.id()).unwrap();
            assert_eq!(process.is_alive(), Some(true));
            let reused = ProcessId { start: process.start + 1, ..process.clone() };
            assert_eq!(reused.is_alive(), Some(false));

            drop(child.stdin.take());
            let ended = (0..500).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                process.is_alive() == Some(false)
            });
            assert!(ended, "not waited for, yet told as alive");
            child.wait().unwrap();
            assert_eq!(process.is_alive(), Some(false));
        }

        #[test]
        fn another_boot_is_over_and_another_container_cannot_be_seen() {
            let own = ProcessId::of(std::process::id()).unwrap();
            assert_eq!(own.is_alive_in(&own.boot), Some(true));
            assert_eq!(own.is_alive_in("f00d-1"), Some(false));
            assert_eq!(own.is_alive_in(&format!("{}.4026532999", boot_id(&own.boot))), None);
        }

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
