//! `state` under strace: which system calls it makes, and what becomes of it when one of them fails or is its last.

use crate::support::{Shell, installed};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::Output;

/// Calls that read, change or lock files. A question mark admits that this machine does not have it.
const CALLS: &str = "trace=openat,?mkdir,?mkdirat,read,pread64,write,?writev,pwrite64,ftruncate,fallocate,fsync,fdatasync,\
?rename,?renameat,?renameat2,?unlink,unlinkat,?rmdir,flock,mmap,fchmod,getdents64,execve";

/// How a call may fail; a call that is not named here is only a place to be killed at.
fn errors(call: &str) -> &'static [&'static str] {
    match call {
        "openat" => &["ENOSPC", "EACCES", "EIO"],
        "mkdir" | "mkdirat" => &["ENOSPC", "EACCES"],
        "read" | "pread64" | "getdents64" => &["EIO"],
        "write" | "writev" | "pwrite64" | "ftruncate" | "fallocate" => &["ENOSPC", "EIO"],
        "fsync" | "fdatasync" => &["EIO", "ENOSPC"],
        "rename" | "renameat" | "renameat2" => &["ENOSPC", "EIO"],
        "unlink" | "unlinkat" | "rmdir" => &["EIO"],
        "flock" => &["ENOLCK"],
        "mmap" => &["ENOMEM"],
        "fchmod" => &["EPERM"],
        _ => &[],
    }
}

/// One line of a trace.
pub struct Call {
    pub thread: u32,
    pub name: String,
    /// From the name on, with arguments and result.
    pub text: String,
}

/// Whether strace is there and allowed to trace; says so if not.
pub fn may_trace(shell: &Shell) -> bool {
    let allowed =
        || shell.program("strace").args(["-qq", "-o", "/dev/null", "true"]).status().is_ok_and(|s| s.success());
    let may = installed("strace") && allowed();
    if !may {
        eprintln!("skipped: strace is not installed or may not trace here");
    }
    may
}

/// Runs `state` under strace with further options. The trace is written to a file outside the working directory.
pub fn run(shell: &Shell, options: &[&str], args: &[&str]) -> (Output, Vec<Call>) {
    let trace = shell.dir().with_file_name("trace");
    let mut command = shell.program("strace");
    command.args(["-f", "-qq", "-e", CALLS, "-o"]).arg(&trace).args(options);
    let output = command.arg(env!("CARGO_BIN_EXE_state")).args(args).output().unwrap();
    (output, calls(&std::fs::read_to_string(&trace).unwrap_or_default()))
}

fn calls(trace: &str) -> Vec<Call> {
    let call = |line: &str| {
        let (thread, text) = line.split_once(' ')?;
        let text = text.trim_start();
        let name = text.split_once('(').map(|(name, _)| name).filter(|name| !name.contains(['<', ' ', '+', '-']))?;
        Some(Call { thread: thread.parse().ok()?, name: name.to_owned(), text: text.to_owned() })
    };
    trace.lines().filter_map(call).collect()
}

/// A call that fails or kills.
pub struct Fault {
    call: String,
    /// Which of its kind, from 1, in each thread.
    at: usize,
    how: How,
}

enum How {
    Once(&'static str),
    Always(&'static str),
    Kill,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, at, how } = self;
        match how {
            How::Once(errno) => write!(f, "inject={call}:error={errno}:when={at}"),
            How::Always(errno) => write!(f, "inject={call}:error={errno}:when={at}+"),
            How::Kill => write!(f, "inject={call}:signal=KILL:when={at}"),
        }
    }
}

impl Fault {
    /// Whether the program may not be able to say that it failed, because saying it failed too.
    pub fn silences(&self) -> bool {
        self.call.starts_with("write")
    }

    /// Whether a lock is refused. tantivy takes that for a lock that somebody holds.
    pub fn locks(&self) -> bool {
        self.call == "flock"
    }

    /// Whether it is a kill.
    pub fn kills(&self) -> bool {
        matches!(self.how, How::Kill)
    }
}

/// Every fault that this run could have met, in a repeatable order that mixes them.
///
/// The loader's calls are left out: what starts the program is not ours. strace counts in each thread anew, so that where
/// the loader has made n calls of a kind, the first n of another thread are not reached.
pub fn faults(calls: &[Call]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = places(calls).into_iter().flat_map(|(call, at)| faults_at(&call, at)).collect();
    faults.sort_by_cached_key(|fault| mixed(&fault.to_string()));
    faults
}

/// FNV-1a, with the bits of its end mixed.
fn mixed(text: &str) -> u64 {
    let hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31)
}

fn faults_at(call: &str, at: usize) -> Vec<Fault> {
    let fault = |how| Fault { call: call.to_owned(), at, how };
    let mut faults = vec![fault(How::Kill)];
    for errno in errors(call) {
        faults.push(fault(How::Once(errno)));
        if call != "mmap" {
            // Without any memory nobody gets anywhere.
            faults.push(fault(How::Always(errno)));
        }
    }
    faults
}

/// Calls and their numbers, the loader's and those of other programs left out.
fn places(calls: &[Call]) -> BTreeSet<(String, usize)> {
    let main = calls[0].thread;
    let others: BTreeSet<u32> =
        calls[1..].iter().filter(|call| call.name == "execve").map(|call| call.thread).collect();
    // The runtime looks for its stack here, after the loader and before `main`.
    let start = calls.iter().position(|call| call.text.contains("/proc/self/maps")).unwrap_or(0);
    let (mut counts, mut loaders) = (BTreeMap::new(), BTreeMap::new());
    let mut places = BTreeSet::new();
    for (number, call) in calls.iter().enumerate().filter(|(_, call)| call.name != "execve") {
        let count = counts.entry((call.thread, call.name.clone())).or_insert(0_usize);
        *count += 1;
        if number < start {
            loaders.insert(call.name.clone(), *count);
            continue;
        }
        let maps_no_file = call.name == "mmap" && call.text.contains(", -1, 0)");
        let is_loaders = loaders.get(&call.name).is_some_and(|loaders: &usize| *count <= *loaders);
        let is_others = others.contains(&call.thread) && call.thread != main;
        if !(is_loaders || maps_no_file || is_others) {
            places.insert((call.name.clone(), *count));
        }
    }
    places
}
