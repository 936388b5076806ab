//! Against real repositories, made by the `git` program.

use super::*;
use std::os::unix::fs::symlink;
use std::process::Command;
use tempfile::TempDir;

/// A temporary directory by its canonical name, which is what the repository answers with.
fn temporary() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    (dir, path)
}

/// Runs git without the user's configuration; its output without the line end.
fn git(dir: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    for name in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command.env(format!("{name}_NAME"), "Ada").env(format!("{name}_EMAIL"), "ada@example.org");
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.arg("-C").arg(dir).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A repository with one commit on `main`; its commit.
fn repository(dir: &Path) -> String {
    fs::create_dir_all(dir).unwrap();
    git(dir, &["init", "-q", "-b", "main"]);
    git(dir, &["commit", "-q", "--allow-empty", "-m", "first"]);
    git(dir, &["rev-parse", "HEAD"])
}

fn around(dir: &Path) -> Repository {
    Repository::around(dir).unwrap()
}

#[test]
fn the_main_worktree_is_found_from_below_and_through_a_link() {
    let (_guard, root) = temporary();
    let top = root.join("my app");
    let commit = repository(&top);
    fs::create_dir_all(top.join("src/deep")).unwrap();
    symlink(top.join("src/deep"), root.join("link")).unwrap();
    let expected = Repository {
        common_dir: top.join(".git"),
        worktree_root: Some(top.clone()),
        worktree_name: "my app".to_owned(),
        git_dir: top.join(".git"),
    };
    for dir in ["my app", "my app/src/deep", "link", "my app/.git/hooks", "my app/not/there/yet"] {
        assert_eq!(Repository::around(&root.join(dir)).as_ref(), Some(&expected), "{dir}");
    }
    assert_eq!(expected.branch().as_deref(), Some("main"));
    assert_eq!(expected.head_commit(), Some(commit));
}

#[test]
fn a_linked_worktree_shares_the_common_directory_only() {
    let (_guard, root) = temporary();
    let top = root.join("app");
    let first = repository(&top);
    let linked = root.join("elsewhere/try one");
    git(&top, &["worktree", "add", "-q", "-b", "feat/x", linked.to_str().unwrap()]);
    fs::create_dir(linked.join("src")).unwrap();
    git(&linked, &["commit", "-q", "--allow-empty", "-m", "second"]);

    let found = around(&linked.join("src"));
    assert_eq!((&found.common_dir, &found.worktree_root), (&top.join(".git"), &Some(linked.clone())));
    assert_eq!(found.git_dir, PathBuf::from(git(&linked, &["rev-parse", "--absolute-git-dir"])));
    assert_eq!(Some(found.worktree_name.as_str()), found.git_dir.file_name().unwrap().to_str());
    assert_eq!(found.branch().as_deref(), Some("feat/x"));
    assert_eq!(found.head_commit(), Some(git(&linked, &["rev-parse", "HEAD"])));
    assert_eq!(around(&found.git_dir), found);
    assert_eq!(around(&top).head_commit(), Some(first));
}

#[test]
fn a_relative_pointer_is_followed() {
    let (_guard, root) = temporary();
    let top = root.join("app");
    repository(&top);
    git(&top, &["worktree", "add", "-q", "../wt"]);
    fs::write(root.join("wt/.git"), "gitdir: ../app/.git/worktrees/wt\r\n").unwrap();
    let found = around(&root.join("wt"));
    assert_eq!((found.common_dir, found.worktree_name.as_str()), (top.join(".git"), "wt"));
}

#[test]
fn a_bare_repository_has_no_worktree_but_its_linked_ones_do() {
    let (_guard, root) = temporary();
    repository(&root.join("seed"));
    for (bare, name) in [("plain.git", "plain"), ("project/.bare", "project"), ("folder", "folder")] {
        git(&root, &["clone", "-q", "--bare", "seed", bare]);
        let found = around(&root.join(bare).join("refs"));
        assert_eq!((found.worktree_root.as_ref(), found.worktree_name.as_str()), (None, name));
        assert_eq!((&found.common_dir, &found.git_dir), (&root.join(bare), &root.join(bare)));
        assert_eq!(found.branch().as_deref(), Some("main"));
        assert_eq!(found.head_commit(), Some(git(&root.join(bare), &["rev-parse", "HEAD"])));
    }
    fs::write(root.join("project/.git"), "gitdir: ./.bare\n").unwrap();
    git(&root.join("project"), &["worktree", "add", "-q", "wt"]);
    let (bare, linked) = (around(&root.join("project")), around(&root.join("project/wt")));
    assert_eq!((bare.worktree_root, bare.worktree_name.as_str()), (None, "project"));
    assert_eq!(linked.worktree_root, Some(root.join("project/wt")));
    assert_eq!(bare.common_dir, linked.common_dir);
}

#[test]
fn a_submodule_is_its_own_repository() {
    let (_guard, root) = temporary();
    let (library, top) = (root.join("library"), root.join("app"));
    let commit = repository(&library);
    repository(&top);
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "vendor/lib"];
    git(&top, &["config", "remote.origin.url", top.to_str().unwrap()]);
    git(&top, &add);
    let found = around(&top.join("vendor/lib"));
    assert_eq!(found.common_dir, top.join(".git/modules/vendor/lib"));
    assert_eq!((found.worktree_root.clone(), found.worktree_name.as_str()), (Some(top.join("vendor/lib")), "lib"));
    assert_eq!(found.head_commit(), Some(commit));
    assert_eq!(around(&top.join("vendor")).common_dir, top.join(".git"));
}

#[test]
fn unborn_detached_and_packed_heads() {
    let (_guard, root) = temporary();
    let top = root.join("app");
    fs::create_dir(&top).unwrap();
    git(&top, &["init", "-q", "-b", "größe/1"]);
    let found = around(&top);
    assert_eq!((found.branch().as_deref(), found.head_commit()), (Some("größe/1"), None));

    git(&top, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let first = git(&top, &["rev-parse", "HEAD"]);
    git(&top, &["tag", "-a", "-m", "annotated", "v1"]);
    git(&top, &["pack-refs", "--all"]);
    assert!(!top.join(".git/refs/heads/größe/1").exists());
    assert_eq!(found.head_commit().as_ref(), Some(&first));

    git(&top, &["commit", "-q", "--allow-empty", "-m", "second"]);
    let second = git(&top, &["rev-parse", "HEAD"]);
    assert_eq!(found.head_commit().as_ref(), Some(&second));

    git(&top, &["checkout", "-q", "--detach", &first]);
    assert_eq!((found.branch(), found.head_commit()), (None, Some(first)));
    git(&top, &["symbolic-ref", "refs/heads/alias", "refs/heads/größe/1"]);
    git(&top, &["symbolic-ref", "HEAD", "refs/heads/alias"]);
    assert_eq!((found.branch().as_deref(), found.head_commit()), (Some("alias"), Some(second)));
}

#[test]
fn sha256_and_reftable() {
    let (_guard, root) = temporary();
    let (sha256, reftable) = (root.join("sha256"), root.join("reftable"));
    for (dir, format) in [(&sha256, "--object-format=sha256"), (&reftable, "--ref-format=reftable")] {
        fs::create_dir(dir).unwrap();
        git(dir, &["init", "-q", format]);
        git(dir, &["commit", "-q", "--allow-empty", "-m", "first"]);
    }
    assert_eq!(around(&sha256).head_commit(), Some(git(&sha256, &["rev-parse", "HEAD"])));
    let found = around(&reftable);
    assert_eq!((found.worktree_root.as_ref(), found.branch(), found.head_commit()), (Some(&reftable), None, None));
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_utf8() {
    let (_guard, root) = temporary();
    let top = root.join(OsStr::from_bytes(b"caf\xe9 "));
    repository(&top);
    let linked = root.join(OsStr::from_bytes(b"w\xff"));
    git(&top, &["worktree", "add", "-q", "../linked"]);
    fs::rename(root.join("linked"), &linked).unwrap();
    let found = around(&linked);
    assert_eq!((found.common_dir, found.worktree_root), (top.join(".git"), Some(linked)));
    assert_eq!(around(&top).worktree_name, "caf\u{fffd} ");
}

#[test]
fn broken_repositories_have_no_facts() {
    let (_guard, root) = temporary();
    let outer = root.join("outer");
    repository(&outer);
    let inner = outer.join("inner");
    fs::create_dir_all(inner.join(".git")).unwrap();
    assert_eq!(around(&inner).common_dir, outer.join(".git"), "an empty .git is none");

    fs::remove_dir(inner.join(".git")).unwrap();
    for pointer in ["", "gitdir:", "gitdir: \n", "gitdir: /not/there\n", "gitdir: .\n", "nonsense"] {
        fs::write(inner.join(".git"), pointer).unwrap();
        assert_eq!(Repository::around(&inner), None, "{pointer}");
    }

    let found = around(&outer);
    let refs = "ref: refs/heads/../../../secret";
    fs::write(outer.join("secret"), "a".repeat(40)).unwrap();
    for head in ["", "ref:", refs, "ref: /etc/passwd", "ref: refs/heads/\0", "abc", "ref: refs/heads"] {
        fs::write(outer.join(".git/HEAD"), head).unwrap();
        assert_eq!(found.head_commit(), None, "{head}");
    }
    fs::write(outer.join(".git/HEAD"), "ref: refs/heads/circle").unwrap();
    fs::write(outer.join(".git/refs/heads/circle"), "ref: refs/heads/circle").unwrap();
    assert_eq!((found.branch().as_deref(), found.head_commit()), (Some("circle"), None));
    fs::remove_dir_all(outer.join(".git")).unwrap();
    assert_eq!((found.branch(), found.head_commit()), (None, None));
}

#[test]
fn a_named_pipe_does_not_block() {
    let (_guard, root) = temporary();
    fs::create_dir_all(root.join(".git/objects")).unwrap();
    fs::create_dir(root.join(".git/refs")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join(".git/HEAD")).status().unwrap().success());
    assert!(!is_git_dir(&root.join(".git")));
}

#[test]
fn an_unreadable_parent_hides_the_repository_or_not_but_never_fails() {
    use std::os::unix::fs::PermissionsExt;
    let (_guard, root) = temporary();
    let top = root.join("locked/app");
    repository(&top);
    fs::set_permissions(root.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything.
    let readable = fs::metadata(&top).is_ok();
    let found = Repository::around(&top);
    fs::set_permissions(root.join("locked"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(found.is_some(), readable);
}

#[test]
fn the_last_core_bare_counts() {
    for (config, bare) in [
        ("[core]\n\tbare = true\n", Some(true)),
        ("[core] bare\n", Some(true)),
        ("[Core]\nBare = false ; no\n[core]\nbare=yes # really\n", Some(true)),
        ("[core]\nbare = true\n[other]\nbare = false\n", Some(true)),
        ("[core \"sub\"]\nbare = true\n", None),
        ("bare = true\n[[\n=\n", None),
    ] {
        assert_eq!(bare_setting(config.as_bytes()), bare, "{config}");
    }
}
