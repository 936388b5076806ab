//! `setup` where others are at work too: hosts and people that write the files anew, a second setup, a kill, a link, a pipe.

use crate::setup::{HOSTS, home, put, text, tree};
use crate::support::{Workspace, transcript};
use serde_json::{Value, json};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;

#[test]
fn lines_of_the_user_are_never_joined() {
    let workspace = Workspace::empty();
    let [toml, memory] = [".codex/config.toml", ".claude/CLAUDE.md"].map(|name| home(&workspace).join(name));
    put(&toml, "model=\"x\"\n");
    put(&memory, "# Mine\n");
    for (host, path, more) in [("codex", &toml, "[other]\nx=1\n"), ("claude", &memory, "- rule one\n")] {
        workspace.ok(&["setup", host]);
        let squeezed: String = text(path).split_inclusive('\n').filter(|line| *line != "\n").collect();
        put(path, &format!("{squeezed}{more}"));
        workspace.ok(&["setup", host, "--remove"]);
    }
    assert_eq!(text(&toml), "model=\"x\"\n[other]\nx=1\n");
    assert_eq!(text(&memory), "# Mine\n- rule one\n");
}

#[test]
fn a_table_of_the_user_amid_ours_is_not_cut() {
    let workspace = Workspace::empty();
    let toml = home(&workspace).join(".codex/config.toml");
    workspace.ok(&["setup", "codex"]);
    let more = format!("{}[other]\nx = 1\n[mcp_servers.state.env]\nY = \"1\"\n", text(&toml));
    put(&toml, &more);
    assert!(workspace.fails(1, &["setup", "codex", "--remove"]).contains("only its writer"));
    assert_eq!(text(&toml), more);
}

#[test]
fn an_example_in_the_users_own_words_stays() {
    let workspace = Workspace::empty();
    let memory = home(&workspace).join(".claude/CLAUDE.md");
    let example = "# Notes\n```md\n<!-- state:start v1 -->\nold\n<!-- state:end -->\n```\nend\n";
    put(&memory, example);
    workspace.ok(&["setup", "claude"]);
    assert!(text(&memory).starts_with(example));
    put(&memory, &format!("top\n{}", text(&memory)));
    workspace.ok(&["setup", "claude", "--remove"]);
    assert_eq!(text(&memory), format!("top\n{example}"));
}

#[test]
fn many_setups_at_once_leave_what_one_after_the_other_leaves() {
    let workspace = Workspace::empty();
    let home = home(&workspace);
    put(&home.join(".claude/settings.json"), "{\"model\":\"x\"}\n");
    put(&home.join(".codex/config.toml"), "a = 1");
    let before = tree(workspace.root());
    for hosts in [HOSTS, ["claude"; 6], HOSTS, ["codex"; 6]] {
        for action in ["--user", "--remove"] {
            let runs: Vec<_> = hosts.iter().map(|host| workspace.spawn(&["setup", host, action])).collect();
            for run in runs {
                let output = run.wait_with_output().unwrap();
                assert!(output.status.success(), "{action} {}", transcript(&output));
            }
            if action == "--user" {
                hosts.iter().for_each(|host| drop(workspace.ok(&["setup", host, "--check"])));
            }
        }
        // Who makes the folders of the lock need not be the last who goes: empty ones may stay.
        let mut after = tree(workspace.root());
        after.retain(|path, (_, what)| what != "folder" || !path.to_string_lossy().contains("/.local"));
        assert_eq!(after, before, "{hosts:?}");
    }
}

#[test]
fn a_home_has_two_names() {
    let workspace = Workspace::empty();
    let before = tree(workspace.root());
    let link = workspace.root().join("alias");
    symlink(home(&workspace), &link).unwrap();
    let alias = workspace.with_var("HOME", link.to_str().unwrap());
    for (first, second) in [(&*workspace, &alias), (&alias, &*workspace)] {
        for host in HOSTS {
            first.ok(&["setup", host]);
            second.ok(&["setup", host, "--check"]);
            assert!(second.ok(&["setup", host]).contains("nothing to change"), "{host}");
        }
        for host in HOSTS {
            second.ok(&["setup", host, "--remove"]);
        }
        let mut after = tree(workspace.root());
        after.remove(&link);
        assert_eq!(after, before);
    }
}

#[test]
fn what_a_killed_setup_left_goes() {
    let workspace = Workspace::empty();
    let home = home(&workspace);
    let before = tree(&home);
    workspace.ok(&["setup", "claude"]);
    let at = |folder: &str, pid: u32| home.join(folder).join(format!(".state-setup-{pid}-0"));
    // No system counts processes that far.
    let dead = 999_999_999;
    let folders =
        ["", ".claude", ".claude/skills/state", ".local/state/state/setup", ".local/state/state/setup/backups"];
    let leave = || folders.iter().for_each(|folder| put(&at(folder, dead), "half of a file"));
    let left = || folders.iter().filter(|folder| at(folder, dead).exists()).count();
    let foreign = [at("", std::process::id()), home.join(".state-setup-mine")];
    foreign.iter().for_each(|path| put(path, "kept"));
    leave();
    workspace.ok(&["setup", "claude", "--check"]);
    assert_eq!(left(), folders.len(), "a check writes nothing");
    workspace.ok(&["setup", "claude"]);
    assert_eq!(left(), 0);
    leave();
    workspace.ok(&["setup", "claude", "--remove"]);
    foreign.iter().for_each(|path| std::fs::remove_file(path).expect("it is another's"));
    assert_eq!(tree(&home), before);
}

#[test]
fn a_pipe_is_refused() {
    let workspace = Workspace::empty();
    let path = home(&workspace).join(".claude/settings.json");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    assert!(workspace.program("mkfifo").arg(&path).status().unwrap().success());
    for action in ["--user", "--check", "--remove"] {
        let said = workspace.fails(3, &["setup", "claude", action]);
        assert!(said.contains("settings.json: it is not a regular file"), "{said}");
    }
    let list = workspace.ok(&["setup", "--list"]);
    assert!(list.contains("not a regular file") && list.contains("codex"), "{list}");
}

/// A host parses its file, changes a member and writes all of it in its own layout.
fn rewrite(path: &Path, change: (&str, Value), pretty: bool) {
    let mut value: Value = serde_json::from_str(&text(path)).unwrap();
    value[change.0] = change.1;
    let written = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
    put(path, &written.unwrap());
}

#[test]
fn containers_made_for_us_go_from_a_file_that_its_host_wrote_anew() {
    let files = [
        ("claude", ".claude/settings.json"),
        ("claude", ".claude.json"),
        ("codex", ".codex/hooks.json"),
        ("gemini", ".gemini/settings.json"),
        ("cursor", ".cursor/mcp.json"),
    ];
    for (host, name) in files {
        for (before, again, pretty) in [("{\"a\": 1}\n", 1, false), ("{\"a\": 1}\n", 2, true), ("{}", 2, false)] {
            let workspace = Workspace::empty();
            let path = home(&workspace).join(name);
            put(&path, before);
            for _ in 0..again {
                workspace.ok(&["setup", host]);
                rewrite(&path, ("model", json!("x")), pretty);
            }
            workspace.ok(&["setup", host, "--remove"]);
            let mut expected: Value = serde_json::from_str(before).unwrap();
            expected["model"] = json!("x");
            assert_eq!(serde_json::from_str::<Value>(&text(&path)).unwrap(), expected, "{host} {name} {}", text(&path));
        }
    }
    let workspace = Workspace::empty();
    let path = home(&workspace).join(".claude/settings.json");
    put(&path, "{\"hooks\": {\"Stop\": [], \"Other\": []}}");
    workspace.ok(&["setup", "claude"]);
    rewrite(&path, ("model", json!("x")), false);
    workspace.ok(&["setup", "claude", "--remove"]);
    assert_eq!(text(&path), "{\"hooks\":{\"Other\":[],\"Stop\":[]},\"model\":\"x\"}");
}

#[test]
fn a_file_of_ours_alone_goes_however_its_host_wrote_it() {
    for pretty in [false, true] {
        for before in [None, Some("{}"), Some("{ }\n")] {
            let workspace = Workspace::empty();
            let path = home(&workspace).join(".claude/settings.json");
            if let Some(before) = before {
                put(&path, before);
            }
            workspace.ok(&["setup", "claude"]);
            let ours: Value = serde_json::from_str(&text(&path)).unwrap();
            rewrite(&path, ("hooks", ours["hooks"].clone()), pretty);
            workspace.ok(&["setup", "claude", "--remove"]);
            assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), before);
        }
    }
}

#[test]
fn a_hook_exits_zero_whatever_stands_before_it() {
    let workspace = Workspace::empty();
    for args in [
        &["--store", "", "hook", "claude"][..],
        &["--store=", "hook", "claude"],
        &["--store", "hook", "claude"],
        &["--bogus", "hook", "claude"],
        &["--bogus", "x", "hook", "codex"],
        &["--json", "--session", "s", "hook", "claude", "--bogus"],
        &["--json", "--session", "hook", "hook"],
        &["hook"],
        &["hook", "emacs"],
    ] {
        let output = workspace.run(args, b"{}");
        assert!(output.status.success() && output.stdout.is_empty(), "{args:?} {}", transcript(&output));
    }
    for args in [&["search", "--bogus=", "hook", "claude", "--limit", "x"][..], &["--bogus", "hook"], &["--", "hook"]] {
        assert_eq!(workspace.run(args, b"{}").status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_file_keeps_its_owner() {
    let workspace = Workspace::empty();
    let path = home(&workspace).join(".claude.json");
    put(&path, "{}");
    if chown(&path, Some(12_345), Some(23_456)).is_err() {
        eprintln!("only root can give files away: not tested");
        return;
    }
    for action in ["--user", "--remove"] {
        workspace.ok(&["setup", "claude", action]);
        let metadata = path.metadata().unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (12_345, 23_456), "{action}");
    }
}
