//! Speculative work: on *no* the tree is what it was, on *yes* the result is there at once.

use crate::support::{Shell, Workspace, wait_until};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(120);

/// A repository with a few files, some of them changed or new since the commit.
fn project() -> Workspace {
    let workspace = Workspace::git();
    workspace.write("a.txt", "one\ntwo\nthree\n");
    workspace.write("src/b.txt", "b\n");
    workspace.write(".gitignore", "out/\n");
    workspace.git_run(&["add", "."]);
    workspace.git_run(&["commit", "-q", "-m", "files"]);
    workspace.write("a.txt", "one\ntwo\nthree\nuncommitted\n");
    workspace.write("new.txt", "untracked\n");
    workspace
}

fn start(shell: &Shell, args: &[&str]) -> String {
    let report = shell.json(&[&["run", "--speculative", "--reversible"], args].concat());
    report["job"]["id"].as_str().unwrap().to_owned()
}

/// As [`start`], and waits for the end, however it is.
fn tried(shell: &Shell, args: &[&str]) -> String {
    let id = start(shell, args);
    shell.run(&["wait", &id, "--timeout", "2m"], b"");
    id
}

/// The hash of the tree of all that git does not ignore.
fn tree(shell: &Shell) -> String {
    let index = shell.dir().parent().unwrap().join("test-index");
    let git = |args: &[&str]| {
        let output = shell.program("git").env("GIT_INDEX_FILE", &index).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["add", "-A"]);
    let hash = git(&["write-tree"]);
    std::fs::remove_file(&index).unwrap();
    hash
}

fn text(shell: &Shell, path: &str) -> String {
    std::fs::read_to_string(shell.dir().join(path)).unwrap_or_else(|_| "(none)".to_owned())
}

fn scratch(shell: &Shell, id: &str) -> PathBuf {
    PathBuf::from(shell.field(id, "job")["scratch"].as_str().expect("a scratch worktree"))
}

/// Nothing is left of any copy, neither files nor what git keeps of them.
#[track_caller]
fn assert_no_copies(shell: &Shell) {
    let left = std::fs::read_dir(shell.store().join("scratch")).map(Iterator::count).unwrap_or(0);
    assert_eq!(left, 0, "copies are left");
    assert_eq!(shell.git_run(&["worktree", "list"]).lines().count(), 1);
}

/// The scenario: a build is tried while a person still thinks; no, and then yes.
#[test]
fn speculative_build() {
    let workspace = project();
    let before = tree(&workspace);
    let status = workspace.git_run(&["status", "--porcelain"]);
    let build = "cat a.txt new.txt > built.txt && mkdir -p out && echo binary > out/app && rm b.txt 2>/dev/null; true";
    let args = ["--label", "build", "--result", "out/app", "--", "sh", "-c", build];

    let no = tried(&workspace, &args);
    assert_eq!(workspace.field(&no, "status"), "ok");
    assert_eq!(tree(&workspace), before, "it runs in a copy");
    for told in [workspace.ok(&["list", "jobs"]), workspace.ok(&["show", &no]), workspace.ok(&["resume"])] {
        assert!(told.contains(&format!("ended ok: state accept {no}, or state drop {no}")), "{told}");
    }
    workspace.ok(&["drop", &no]);
    assert_eq!(tree(&workspace), before);
    assert_eq!(text(&workspace, "out/app"), "(none)");
    assert_eq!(workspace.json(&["list", "artifacts"])["total"], 0, "its results are not wanted either");
    assert_no_copies(&workspace);
    assert!(!workspace.ok(&["list", "jobs"]).contains("state accept"));
    assert_eq!(workspace.field(&no, "job")["speculative"], "dropped");

    let yes = tried(&workspace, &args);
    let report = workspace.json(&["accept", &yes]);
    assert_eq!(report["changed"], serde_json::json!(["built.txt", "out/app"]));
    assert_eq!(text(&workspace, "built.txt"), "one\ntwo\nthree\nuncommitted\nuntracked\n");
    assert_eq!(text(&workspace, "out/app"), "binary\n", "a declared result comes though git ignores it");
    assert_no_copies(&workspace);
    let now = workspace.git_run(&["status", "--porcelain"]);
    assert_eq!(now.replace("?? built.txt\n", ""), status, "the index is the user's");
    assert_eq!(workspace.field(&yes, "job")["speculative"], "accepted");
    assert!(workspace.fails(1, &["accept", &yes]).contains("accepted before"));
    assert!(workspace.fails(1, &["accept", &no]).contains("dropped"));
    assert!(workspace.fails(1, &["drop", &yes]).contains("accepted"));
}

#[test]
fn every_kind_of_change_is_taken_over() {
    let workspace = project();
    workspace.write("gone.txt", "goes\n");
    workspace.write("with space/ü.bin", [0u8, 255, 1, 10, 13]);
    let change = "rm gone.txt; chmod +x a.txt; ln -s a.txt link; mv 'with space/ü.bin' moved.bin; \
                  printf '\\000\\001\\377' > raw.bin; mkdir -p deep/er; echo d > deep/er/d.txt; printf 'no end' > src/b.txt";
    let id = tried(&workspace, &["--", "sh", "-c", change]);
    let wanted = {
        let copy = scratch(&workspace, &id);
        tree(&workspace.within(copy))
    };
    workspace.ok(&["accept", &id]);
    assert_eq!(tree(&workspace), wanted);
    assert_eq!(std::fs::read(workspace.dir().join("raw.bin")).unwrap(), [0, 1, 255]);
    assert_eq!(std::fs::read_link(workspace.dir().join("link")).unwrap().to_str(), Some("a.txt"));
}

#[test]
fn a_tree_that_moved_on_is_left_alone() {
    let workspace = project();
    let id = tried(&workspace, &["--", "sh", "-c", "echo mine > a.txt; echo other >> src/b.txt"]);
    workspace.write("a.txt", "somebody else's\n");
    let before = tree(&workspace);
    let refused = workspace.fails(1, &["accept", &id]);
    assert!(refused.contains("a.txt") && !refused.contains("b.txt"), "{refused}");
    assert!(refused.contains("nothing was changed"), "{refused}");
    assert_eq!(tree(&workspace), before);
    assert!(scratch(&workspace, &id).join("a.txt").is_file());
    // Elsewhere it may have moved on.
    workspace.write("a.txt", "one\ntwo\nthree\nuncommitted\n");
    workspace.write("new.txt", "changed since\n");
    workspace.ok(&["accept", &id]);
    assert_eq!([text(&workspace, "a.txt"), text(&workspace, "new.txt")], ["mine\n", "changed since\n"]);
}

#[test]
fn an_accept_that_was_cut_short_is_finished_by_the_next() {
    let workspace = project();
    let id = tried(&workspace, &["--", "sh", "-c", "echo mine > a.txt; echo other >> src/b.txt; rm new.txt"]);
    workspace.write("a.txt", "mine\n");
    std::fs::remove_file(workspace.dir().join("new.txt")).unwrap();
    workspace.ok(&["accept", &id]);
    assert_eq!([text(&workspace, "a.txt"), text(&workspace, "src/b.txt")], ["mine\n", "b\nother\n"]);
    assert_no_copies(&workspace);
}

#[test]
fn a_no_while_it_runs_kills_it_and_cleans_up() {
    let workspace = project();
    let before = tree(&workspace);
    let marker = workspace.dir().parent().unwrap().join("cleaned");
    let cleanup = format!("echo x >> '{}'", marker.display());
    let args = ["--scratch", "--cleanup", &cleanup, "--", "sh", "-c", "echo mine > a.txt; sleep 600"];
    let id = start(&workspace, &args);
    let copy = scratch(&workspace, &id);
    wait_until("it runs", LONG, || std::fs::read_to_string(copy.join("a.txt")).is_ok_and(|text| text == "mine\n"));
    let refused = workspace.fails(1, &["accept", &id]);
    assert!(refused.contains("running") && refused.contains("state wait"), "{refused}");
    workspace.ok(&["drop", &id]);
    assert_eq!(workspace.field(&id, "status"), "killed");
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), "x\n", "once");
    assert_eq!(tree(&workspace), before);
    assert_no_copies(&workspace);
    let ended = tried(&workspace, &["--scratch", "--cleanup", &cleanup, "--", "true"]);
    workspace.ok(&["drop", &ended]);
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), "x\nx\n", "also of one that has ended");
}

#[test]
fn of_a_yes_and_a_no_at_once_one_counts() {
    let workspace = project();
    let outside = workspace.dir().parent().unwrap().to_owned();
    let [go, cleans] = ["go", "cleans"].map(|name| outside.join(name));
    assert!(workspace.program("mkfifo").arg(&go).status().unwrap().success());
    let cleanup = format!("touch '{}'; read x < '{}'; rm made.txt", cleans.display(), go.display());
    let id = tried(&workspace, &["--cleanup", &cleanup, "--", "sh", "-c", "echo made > made.txt"]);
    let refused = workspace.fails(1, &["erase", &id, "--confirm", &id]);
    assert!(refused.contains(&format!("state accept {id}, or state drop {id}")), "{refused}");
    let mut no = workspace.spawn(&["drop", &id]);
    wait_until("its cleanup runs", LONG, || cleans.exists());
    let mut yes = workspace.spawn(&["accept", &id]);
    let waits = format!(" {} ", yes.id());
    let is_blocked = || {
        std::fs::read_to_string("/proc/locks").unwrap().lines().any(|line| line.contains("->") && line.contains(&waits))
    };
    wait_until("the yes waits for the no", LONG, || is_blocked() || yes.try_wait().unwrap().is_some());
    std::fs::write(&go, "go\n").unwrap();
    assert!(no.wait().unwrap().success());
    let yes = yes.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&yes.stderr);
    assert!(yes.status.code() == Some(1) && said.contains("was dropped"), "{said}");
    assert_eq!(workspace.field(&id, "job")["speculative"], "dropped");
    assert_eq!(text(&workspace, "made.txt"), "(none)");
    workspace.ok(&["erase", &id, "--confirm", &id]);
}

#[test]
fn what_did_not_end_well_is_not_accepted() {
    let workspace = project();
    let id = tried(&workspace, &["--", "false"]);
    assert!(workspace.ok(&["list", "jobs"]).contains(&format!("state drop {id} takes back what it did")));
    assert!(workspace.fails(1, &["accept", &id]).contains("failed"));
    workspace.ok(&["drop", &id]);
    let plain = workspace.json(&["run", "--wait=120", "--", "true"])["job"]["id"].as_str().unwrap().to_owned();
    assert!(workspace.fails(2, &["accept", &plain]).contains("not speculative"));
    let task = workspace.add("task", "no job");
    workspace.fails(2, &["accept", &task]);
    workspace.fails(1, &["accept", "j-00000"]);
}

#[test]
fn in_place_a_no_compares_the_tree() {
    let workspace = project();
    let before = tree(&workspace);
    let good = ["--cleanup", "rm made.txt", "--", "sh", "-c", "echo made > made.txt"];
    let id = tried(&workspace, &good);
    assert_eq!(text(&workspace, "made.txt"), "made\n", "in place");
    workspace.ok(&["drop", &id]);
    assert_eq!(tree(&workspace), before);

    let kept = tried(&workspace, &good);
    assert_eq!(workspace.json(&["accept", &kept])["changed"], serde_json::json!(["made.txt"]));
    assert_eq!(text(&workspace, "made.txt"), "made\n");
    std::fs::remove_file(workspace.dir().join("made.txt")).unwrap();

    let careless = tried(&workspace, &["--cleanup", "true", "--", "sh", "-c", "echo made > made.txt; echo x >> a.txt"]);
    let refused = workspace.fails(1, &["drop", &careless]);
    assert!(refused.contains("a.txt, made.txt") && !refused.contains("new.txt"), "{refused}");
    assert!(refused.contains("git diff"), "{refused}");
    assert_eq!(workspace.field(&careless, "job")["speculative"], "dropped");
    assert!(workspace.ok(&["log", "-n", "1"]).contains("not as before it: a.txt, made.txt"));
    assert!(workspace.fails(1, &["drop", &careless]).contains("dropped"));

    let broken = tried(&workspace, &["--cleanup", "echo no power >&2; exit 3", "--", "true"]);
    let refused = workspace.fails(1, &["drop", &broken]);
    assert!(refused.contains("exit code 3: no power"), "{refused}");
    assert_eq!(workspace.field(&broken, "job")["speculative"], "undecided", "to be tried again");
}

#[test]
fn without_its_conditions_it_is_refused() {
    let workspace = project();
    let jobs = || std::fs::read_dir(workspace.store().join("jobs")).map(Iterator::count).unwrap_or(0);
    let refused = |args: &[&str]| workspace.fails(2, &[&["run", "--speculative"], args].concat());
    assert!(refused(&["--", "true"]).contains("--reversible"));
    assert!(refused(&["--reversible", "--external"]).contains("elsewhere"));
    assert!(refused(&["--reversible", "--service", "--", "true"]).contains("service"));
    refused(&["--reversible", "--cwd", "nowhere", "--", "true"]);
    workspace.fails(2, &["run", "--scratch", "--", "true"]);
    refused(&["--reversible", "--on", "job build ok", "--", "true"]);
    assert_eq!(jobs(), 0);
    assert_no_copies(&workspace);

    let plain = Workspace::new();
    let said = plain.fails(2, &["run", "--speculative", "--reversible", "--", "true"]);
    assert!(said.contains("no git repository") && said.contains("--cleanup"), "{said}");
    let fresh = Workspace::empty();
    fresh.git_run(&["init", "-q"]);
    fresh.ok(&["init"]);
    let said = fresh.fails(2, &["run", "--speculative", "--reversible", "--", "true"]);
    assert!(said.contains("commit"), "{said}");
    let id = tried(&fresh, &["--cleanup", "rm x", "--", "touch", "x"]);
    fresh.ok(&["drop", &id]);
}

#[test]
fn repositories_that_cannot_be_copied_are_refused() {
    let workspace = project();
    let try_it = |workspace: &Shell| workspace.fails(2, &["run", "--speculative", "--reversible", "--", "true"]);
    workspace.git_run(&["sparse-checkout", "set", "src"]);
    assert!(try_it(&workspace).contains("sparse"));
    let with_submodule = project();
    let head = with_submodule.git_run(&["rev-parse", "HEAD"]);
    let entry = format!("160000,{},module", head.trim());
    with_submodule.git_run(&["update-index", "--add", "--cacheinfo", &entry]);
    assert!(try_it(&with_submodule).contains("submodules"));
    let bare = Workspace::empty();
    bare.git_run(&["init", "-q", "--bare", "."]);
    bare.ok(&["init"]);
    assert!(try_it(&bare).contains("bare"));
    let without = project();
    let empty = without.within("empty-path");
    let path = empty.dir().to_str().unwrap().to_owned();
    let said = without.with_var("PATH", &path).fails(3, &["run", "--speculative", "--reversible", "--", "/bin/true"]);
    assert!(said.contains("git is not installed"), "{said}");
}

#[test]
fn no_hook_of_the_repository_runs() {
    let workspace = project();
    for hook in ["post-checkout", "post-index-change", "pre-commit", "post-merge", "reference-transaction"] {
        let path = workspace.write(&format!(".git/hooks/{hook}"), "#!/bin/sh\necho ran >> \"$HOME/hooked\"\n");
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let id = tried(&workspace, &["--", "sh", "-c", "echo x > x"]);
    workspace.ok(&["accept", &id]);
    let home = workspace.dir().parent().unwrap().join("home/hooked");
    assert!(!home.exists(), "{}", std::fs::read_to_string(home).unwrap());
}

#[test]
fn it_runs_in_the_same_folder_and_again_in_a_new_copy() {
    let workspace = project();
    let inner = workspace.within("src/empty");
    let first = tried(&inner, &["--", "sh", "-c", "echo here > here.txt"]);
    let copy = scratch(&workspace, &first);
    assert_eq!(std::fs::read_to_string(copy.join("src/empty/here.txt")).unwrap(), "here\n");
    workspace.ok(&["drop", &first]);
    let second = workspace.json(&["run", "--again", &first])["job"]["id"].as_str().unwrap().to_owned();
    workspace.ok(&["wait", &second, "--timeout", "2m"]);
    assert_eq!(text(&workspace, "src/empty/here.txt"), "(none)");
    workspace.ok(&["accept", &second]);
    assert_eq!(text(&workspace, "src/empty/here.txt"), "here\n");
}

#[test]
fn a_store_within_the_tree_is_no_part_of_it() {
    let workspace = project();
    let store = workspace.dir().join("memory");
    let shell = workspace.with_var("STATE_DIR", store.to_str().unwrap());
    shell.ok(&["init"]);
    let id = tried(&shell, &["--cleanup", "rm x", "--", "touch", "x"]);
    shell.ok(&["drop", &id]);
    let id = tried(&shell, &["--", "touch", "y"]);
    assert!(!scratch(&shell, &id).join("memory").exists());
    shell.ok(&["accept", &id]);
    assert!(workspace.dir().join("y").exists());
}

#[test]
fn one_that_lost_its_supervisor_is_taken_back_with_what_still_runs() {
    let workspace = project();
    let id = start(&workspace, &["--", "sh", "-c", "echo mine > a.txt; exec sleep 600"]);
    let copy = scratch(&workspace, &id);
    wait_until("it runs", LONG, || std::fs::read_to_string(copy.join("a.txt")).is_ok_and(|text| text == "mine\n"));
    let status = std::fs::read(workspace.store().join("jobs").join(&id).join("status.json")).unwrap();
    let status: Value = serde_json::from_slice(&status).unwrap();
    let supervisor = status["supervisor"].as_str().unwrap().split(':').next().unwrap();
    assert!(std::process::Command::new("kill").args(["-9", supervisor]).status().unwrap().success());
    wait_until("it is lost", LONG, || workspace.field(&id, "status") == "lost");
    workspace.ok(&["drop", &id]);
    let leader = format!("/proc/{}/stat", status["pid"]);
    wait_until("nothing of it runs", LONG, || {
        std::fs::read_to_string(&leader).map_or(true, |stat| stat.contains(") Z "))
    });
    assert_no_copies(&workspace);
    assert!(text(&workspace, "a.txt").ends_with("uncommitted\n"));
}

/// The checks of doctor with this name.
fn checks(shell: &Shell, name: &str) -> Vec<Value> {
    let report: Value = serde_json::from_slice(&shell.run(&["--json", "doctor"], b"").stdout).unwrap();
    report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name).cloned().collect()
}

#[test]
fn what_a_crash_leaves_of_a_copy_is_tidied() {
    let workspace = project();
    let kept = tried(&workspace, &["--", "touch", "kept"]);
    assert_eq!(checks(&workspace, "scratch")[0]["state"], "ok");
    // Made by a process that was killed before there was a job; one whose files, and one whose entry is gone.
    let folder = workspace.store().join("scratch");
    for name in ["try-999999999-0", "try-999999999-1"] {
        let path = folder.join(name);
        workspace.git_run(&["worktree", "add", "-q", "--detach", path.to_str().unwrap()]);
    }
    std::fs::remove_dir_all(folder.join("try-999999999-1")).unwrap();
    std::fs::create_dir(folder.join("try-999999999-2")).unwrap();
    let told = checks(&workspace, "scratch");
    assert!(told[0]["text"].as_str().unwrap().contains("try-999999999-0"), "{told:?}");
    workspace.ok(&["doctor", "--fix"]);
    assert_eq!(checks(&workspace, "scratch")[0]["state"], "ok");
    assert_eq!(workspace.git_run(&["worktree", "list"]).lines().count(), 2, "the one of the job stays");
    workspace.ok(&["accept", &kept]);
    assert_no_copies(&workspace);

    let lost = tried(&workspace, &["--", "touch", "lost"]);
    std::fs::remove_dir_all(scratch(&workspace, &lost)).unwrap();
    assert!(checks(&workspace, "scratch")[0]["text"].as_str().unwrap().contains(&lost));
    assert!(workspace.fails(1, &["accept", &lost]).contains("gone"));
    workspace.ok(&["drop", &lost]);
    assert_no_copies(&workspace);
}
