//! A process that is known again: whether it still runs, who started it.
//!
//! Facts from `/proc`; where the system has none, the answer is that it is not known.

use std::fmt;

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

    /// Whether it runs and holds its files and their locks: the kernel takes them from a process that ends a moment before it
    /// is gone.
    #[must_use]
    pub fn holds_its_files(&self) -> bool {
        self.is_alive() == Some(true)
            && read_stat(&self.pid.to_string()).is_some_and(|stat| stat.start == self.start && !stat.ends)
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
pub(super) fn boot_id(boot: &str) -> &str {
    boot.split('.').next().unwrap_or_default()
}

/// The kernel gives the first pid namespace this number; in it, pids need no further name.
const FIRST_PID_NAMESPACE: &str = "4026531836";

/// The boot of this machine, as [`ProcessId::boot`] has it.
pub(super) fn current_boot() -> Option<String> {
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
/// So many ancestors are looked at.
pub(super) const ANCESTORS_MAX: usize = 12;

/// The processes that started this one, `max` at most, the nearest first, leaving out the shells between it and the first.
/// None where that one is gone: what the first process of the system started was left by its host.
pub(super) fn ancestors(max: usize) -> Vec<ProcessId> {
    let (Some(boot), Some(own)) = (current_boot(), read_stat("self")) else { return Vec::new() };
    let (mut found, mut pid, mut shells) = (Vec::new(), own.parent, 0);
    while pid > 1 && found.len() < max {
        let Some(stat) = read_stat(&pid.to_string()) else { break };
        if found.is_empty() && shells < SHELLS_MAX && SHELLS.contains(&stat.command.as_str()) {
            shells += 1;
        } else {
            found.push(ProcessId { pid, start: stat.start, boot: boot.clone() });
        }
        pid = stat.parent;
    }
    found
}

/// The leader of the terminal session of this process.
#[cfg(target_os = "linux")]
pub(super) fn session_leader() -> Option<u32> {
    read_stat("self").map(|stat| stat.session).filter(|pid| *pid > 0)
}

/// The part of `/proc/PID/stat` that is needed.
pub(super) struct Stat {
    /// The first 15 bytes of the program's name.
    pub(super) command: String,
    parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    pub(super) start: u64,
    /// It is gone, but nobody has waited for it.
    pub(super) ended: bool,
    /// It has ended or is about to: it does nothing any more.
    ends: bool,
}

/// `PF_EXITING` of the kernel's `sched.h`.
const EXITING: u64 = 4;

/// What the system tells of all processes that it shows; nothing where it has no `/proc`.
pub(super) fn all() -> impl Iterator<Item = (u32, Stat)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let name = entry.file_name();
        let pid = name.to_str()?.parse().ok()?;
        Some((pid, read_stat(name.to_str()?)?))
    })
}

pub(super) fn read_stat(process: &str) -> Option<Stat> {
    parse_stat(&std::fs::read(format!("/proc/{process}/stat")).ok()?)
}

/// The second field, the command in parentheses, may hold spaces, parentheses and bytes that are not UTF-8.
fn parse_stat(stat: &[u8]) -> Option<Stat> {
    let after_command = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(&stat[after_command..]).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // `rest` begins with field 3.
    let field = |number: usize| fields.get(number - 3);
    let before_command = stat.iter().position(|byte| *byte == b'(').map_or(0, |at| at + 1);
    let command = stat.get(before_command..after_command - 1).unwrap_or_default();
    let ended = matches!(*field(3)?, "Z" | "X" | "x");
    Some(Stat {
        command: String::from_utf8_lossy(command).into_owned(),
        parent: field(4)?.parse().ok()?,
        group: field(5)?.parse().ok()?,
        session: field(6)?.parse().ok()?,
        start: field(22)?.parse().ok()?,
        ended,
        ends: ended || field(9)?.parse::<u64>().ok()? & EXITING != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESS: &str = "4242:99:d2c9f9fd-4b0d-4e3e-84c3-7ba3b71ce98a";

    #[test]
    fn stat_survives_a_hostile_command_name() {
        let rest = ") S 1 13 12 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4229 31";
        let stat = parse_stat(&[b"7 (a) Z 9 (\xff", rest.as_bytes()].concat()).unwrap();
        assert_eq!((stat.parent, stat.session, stat.start, stat.ended), (1, 12, 4229, false));
        assert!(parse_stat(rest.replace(") S", ") Z").as_bytes()).unwrap().ended);
        for (flags, ends) in [("4194304", false), ("4194308", true)] {
            let stat = parse_stat(rest.replace("-1 0", &format!("-1 {flags}")).as_bytes()).unwrap();
            assert_eq!((stat.ended, stat.ends), (false, ends), "{flags}");
        }
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
    }
}
