//! A store that cannot be written: every look answers, every change is refused with a cure.

use crate::support::{Workspace, transcript};
use std::process::{Command, Output, Stdio};

#[test]
fn every_look_answers_and_every_change_is_refused_on_a_read_only_mount() {
    let Some(mount) = ReadOnly::find() else {
        eprintln!("skipped: no mount namespaces here");
        return;
    };
    let workspace = Workspace::new();
    let (one, two) = (workspace.add("task", "written before"), workspace.add("task", "second"));
    workspace.ok(&["checkpoint", "build", "install", "--of", "install,test"]);
    workspace.write("notes/a.md", "# A note\n\ntext\n");
    for litter in ["lock", "gate"] {
        // Neither must be made anew: there is no place for it.
        let _ = std::fs::remove_file(workspace.store().join(litter));
    }

    let looks: [&[&str]; 13] = [
        &["resume"],
        &["search", "written"],
        &["search", "kind:decision written"],
        &["show", &one],
        &["show", &one, "--at", "@2"],
        &["list"],
        &["list", "sessions"],
        &["ready"],
        &["log"],
        &["log", &one],
        &["checkpoint", "build", "install", "--check"],
        &["completions", "bash"],
        &["checkpoint", "build"],
    ];
    for args in looks {
        let output = mount.run(&workspace, args);
        assert!(output.status.success() && output.stderr.is_empty(), "state {args:?}\n{}", transcript(&output));
        assert_eq!(
            output.stdout,
            workspace.run(args, b"").stdout,
            "state {args:?} says something else on a read-only mount"
        );
    }

    let before = std::fs::read(workspace.store().join("state.redb")).unwrap();
    let changes: [&[&str]; 11] = [
        &["add", "task", "too late"],
        &["edit", &one, "--title", "too late"],
        &["link", &one, "needs", &two],
        &["start", &one],
        &["start", "--next"],
        &["done", &one],
        &["block", &one, "the disk"],
        &["drop", &one],
        &["undo"],
        &["checkpoint", "build", "test"],
        &["import", "notes"],
    ];
    for args in changes {
        let output = mount.run(&workspace, args);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "state {args:?}\n{}", transcript(&output));
        assert!(message.contains("sandbox") || message.contains("writable"), "no cure: {message}");
    }
    assert_eq!(std::fs::read(workspace.store().join("state.redb")).unwrap(), before);
}

#[test]
fn search_finds_what_the_index_has_and_has_not_on_a_read_only_mount() {
    let Some(mount) = ReadOnly::find() else { return };
    let workspace = Workspace::new();
    let indexed = workspace.add("finding", "the lock is per process");
    workspace.ok(&["catch-up"]);
    let fresh = workspace.add("finding", "the lock is per user");
    let output = mount.run(&workspace, &["search", "lock", "--json"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", transcript(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(&indexed) && text.contains(&fresh), "{text}");
}

#[test]
fn init_in_a_read_only_directory_says_why_and_what_else() {
    let Some(mount) = ReadOnly::find() else { return };
    let workspace = Workspace::empty();
    workspace.write("file", "");
    let output = mount.run(&workspace, &["init"]);
    assert_eq!(output.status.code(), Some(3), "{}", transcript(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint:"), "{}", transcript(&output));
}

#[test]
fn a_full_disk_refuses_and_keeps_what_was_there() {
    let Some(mount) = ReadOnly::find() else { return };
    let workspace = Workspace::empty();
    let script = format!(
        "mount -t tmpfs -o size=3m tmpfs . && cd \"$PWD\" && S='{}'
         filler() {{ head -c 60000 /dev/urandom | base64 -w0 | $S add note filler --body - >/dev/null 2>../error; }}
         $S init >/dev/null && $S add task 'the first' >/dev/null || exit 90
         i=0; while filler; do i=$((i+1)); [ $i -lt 200 ] || exit 91; done
         filler; echo \"code $?\"
         $S list tasks && $S search first && $S show session/tester",
        env!("CARGO_BIN_EXE_state")
    );
    let output = mount.script(&workspace, &script);
    let (text, error) =
        (transcript(&output), std::fs::read_to_string(workspace.root().join("error")).unwrap_or_default());
    assert!(output.status.success(), "{text}\n{error}");
    assert!(text.contains("code 3") && text.matches("the first").count() >= 2, "{text}\n{error}");
    assert!(error.contains("space") && !error.contains("panick"), "{error}");
}

/// A way to run a command in a mount namespace of its own.
pub struct ReadOnly {
    unshare: Vec<&'static str>,
}

impl ReadOnly {
    /// As root, or else as root of a user namespace, where the kernel lets people have one.
    pub fn find() -> Option<Self> {
        let ways = [vec!["-m"], vec!["-r", "-m"]];
        ways.into_iter().map(|unshare| Self { unshare }).find(|way| {
            let mut tried = Command::new("unshare");
            tried.args(&way.unshare).args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"]);
            tried.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        })
    }

    /// Runs `state` with the workspace's directory mounted read-only.
    fn run(&self, workspace: &Workspace, args: &[&str]) -> Output {
        self.command(workspace, args).output().unwrap()
    }

    /// `state` there, not yet run.
    pub fn command(&self, workspace: &Workspace, args: &[&str]) -> Command {
        let mut command = self
            .shell(workspace, "mount --bind . . && mount -o remount,bind,ro . && cd \"$PWD\" && exec \"$0\" \"$@\"");
        command.arg(env!("CARGO_BIN_EXE_state")).args(args);
        command
    }

    /// Runs a shell script in a mount namespace.
    pub fn script(&self, workspace: &Workspace, script: &str) -> Output {
        self.shell(workspace, script).output().unwrap()
    }

    fn shell(&self, workspace: &Workspace, script: &str) -> Command {
        let mut command = workspace.program("unshare");
        command.args(&self.unshare).args(["sh", "-c", script]);
        command
    }
}
