//! `setup` puts state into the files of a host and takes it out again: what a person sees, and what stays on the disk.

use crate::support::{Shell, Workspace};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

pub const HOSTS: [&str; 6] = ["claude", "codex", "gemini", "opencode", "cursor", "copilot"];

pub fn home(workspace: &Workspace) -> PathBuf {
    workspace.root().join("home")
}

pub fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Everything below a folder: path, and content or target, or that it is a folder; with its mode.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, (u32, String)> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let what = if metadata.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if metadata.is_symlink() {
                format!("-> {}", std::fs::read_link(&path).unwrap().display())
            } else {
                String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()
            };
            found.insert(path, (metadata.mode(), what));
        }
    }
    found
}

/// Rich and odd files of all hosts: comments, byte order mark, CRLF, tabs, no line end, links, foreign hooks.
fn furnish(home: &Path) {
    let files = [
        (
            ".claude/settings.json",
            "{\r\n\t\"model\": \"opus\",\r\n\t\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"say done\"}]}]}\r\n}",
        ),
        (".claude.json", "{\"numStartups\":3,\"projects\":{\"/x\":{\"mcpServers\":{}}},\"mcpServers\":{}}"),
        (".claude/CLAUDE.md", "# Me\nno line end"),
        (
            ".codex/hooks.json",
            "{\n    \"hooks\": {\n        \"SessionStart\": [\n            {\"hooks\": [{\"type\": \"command\", \"command\": \"a\"}]}\n        ]\n    }\n}\n",
        ),
        (
            ".codex/config.toml",
            "model = \"x\" # mine\n\n[hooks.state.\"/h/.codex/hooks.json:session_start:0:0\"]\ntrusted_hash = \"sha256:1\"\n\n[mcp_servers.other]\ncommand = \"o\"",
        ),
        (
            ".gemini/settings.json",
            "\u{feff}{\n  // theme\n  \"theme\": \"x\", /* and */ \"hooks\": {\"SessionStart\": [],},\n}\n",
        ),
        (
            ".config/opencode/opencode.jsonc",
            "{\n  \"$schema\": \"https://opencode.ai/config.json\", // comments\n  \"mcp\": {\n    // none yet\n  }\n}\n",
        ),
        (".config/opencode/AGENTS.md", "\r\n# Rules\r\n"),
        (".cursor/hooks.json", "{\"version\": 1, \"hooks\": {\"stop\": [{\"command\": \"x\"}]}}"),
        (".cursor/mcp.json", "{}"),
        (".copilot/mcp-config.json", "{ \"mcpServers\": { } }\n"),
    ];
    files.iter().for_each(|(name, text)| put(&home.join(name), text));
    std::fs::set_permissions(home.join(".codex/config.toml"), std::fs::Permissions::from_mode(0o640)).unwrap();
    put(&home.join("dotfiles/GEMINI.md"), "dotted\n");
    symlink("../dotfiles/GEMINI.md", home.join(".gemini/GEMINI.md")).unwrap();
    symlink("nowhere-yet/AGENTS.md", home.join(".codex/AGENTS.md")).unwrap();
}

/// How often this program is named below a folder.
fn ours(folder: &Path) -> usize {
    tree(folder).values().map(|(_, text)| text.matches(env!("CARGO_BIN_EXE_state")).count()).sum()
}

#[test]
fn every_host_goes_in_and_out_without_a_trace() {
    for furnished in [false, true] {
        let workspace = Workspace::empty();
        let home = home(&workspace);
        if furnished {
            furnish(&home);
        }
        let before = tree(workspace.root());
        for scope in ["--user", "--project"] {
            for host in HOSTS {
                let dry = workspace.ok(&["setup", host, scope, "--dry-run"]);
                assert!(dry.contains("nothing written"), "{dry}");
            }
            assert_eq!(tree(workspace.root()), before, "a dry run writes nothing");
            for host in HOSTS {
                workspace.fails(1, &["setup", host, scope, "--check"]);
                let report = workspace.json(&["setup", host, scope]);
                assert!(report["applied"].as_bool().unwrap() && !report["next"].as_array().unwrap().is_empty());
                workspace.ok(&["setup", host, scope, "--check"]);
                let once = tree(workspace.root());
                assert!(workspace.ok(&["setup", host, scope]).contains("nothing to change"));
                assert_eq!(tree(workspace.root()), once, "twice is once");
            }
            for host in HOSTS {
                workspace.ok(&["setup", host, scope, "--remove"]);
                workspace.fails(1, &["setup", host, scope, "--check"]);
            }
            assert_eq!(tree(workspace.root()), before, "{scope} {furnished}");
            assert!(workspace.ok(&["setup", "codex", scope, "--remove"]).contains("nothing"));
            assert_eq!(tree(workspace.root()), before);
        }
    }
}

#[test]
fn an_edited_file_loses_our_parts_and_keeps_the_rest() {
    let workspace = Workspace::empty();
    let home = home(&workspace);
    furnish(&home);
    let before = tree(&home);
    for host in HOSTS {
        workspace.ok(&["setup", host]);
    }
    let mut expected = before.clone();
    for (path, (_, old)) in &before {
        let follows = path
            .extension()
            .is_some_and(|extension| ["json", "jsonc", "toml", "md"].contains(&extension.to_str().unwrap()));
        if !follows || old.starts_with("->") {
            continue;
        }
        // Somebody writes above what is there.
        let above = match path.extension().unwrap().to_str().unwrap() {
            "md" => "above\n",
            "toml" => "above = 1\n",
            _ => "// above\n",
        };
        let edit = |text: &str| match text.strip_prefix('\u{feff}') {
            Some(rest) => format!("\u{feff}{above}{rest}"),
            None => format!("{above}{text}"),
        };
        put(path, &edit(&text(path)));
        expected.get_mut(path).unwrap().1 = edit(old);
    }
    for host in HOSTS {
        workspace.ok(&["setup", host, "--remove"]);
    }
    let mut after = tree(&home);
    after.retain(|path, _| !path.starts_with(home.join(".local")));
    assert_eq!(after, expected);
}

#[test]
fn what_was_edited_by_hand_and_goes_is_kept_and_told() {
    let workspace = Workspace::empty();
    let skill = home(&workspace).join(".claude/skills/state/SKILL.md");
    workspace.ok(&["setup", "claude"]);
    let edited = text(&skill) + "mine\n";
    put(&skill, &edited);
    let dry = workspace.ok(&["setup", "claude", "--remove", "--dry-run"]);
    assert!(dry.contains(&format!("delete: {}", skill.display())) && dry.contains("dry run, nothing written"), "{dry}");
    let said = workspace.ok(&["setup", "claude", "--remove"]);
    let backup =
        said.lines().find_map(|line| line.split_once("SKILL.md was edited by hand; as it was: ")).map(|(_, path)| path);
    assert_eq!(text(backup.unwrap_or_else(|| panic!("{said}"))), edited);
    assert!(!skill.exists());
}

#[test]
fn the_manifest_may_be_lost() {
    let workspace = Workspace::empty();
    let home = home(&workspace);
    furnish(&home);
    let before = tree(&home);
    HOSTS.iter().for_each(|host| drop(workspace.ok(&["setup", host])));
    std::fs::remove_dir_all(home.join(".local")).unwrap();
    HOSTS.iter().for_each(|host| drop(workspace.ok(&["setup", host, "--remove"])));
    let after = tree(&home);
    for (path, content) in &before {
        assert_eq!(after.get(path), Some(content), "{}", path.display());
    }
    let left = after.iter().filter(|(path, _)| !path.starts_with(home.join(".local")));
    assert_eq!(left.map(|(_, (_, text))| text.matches(env!("CARGO_BIN_EXE_state")).count()).sum::<usize>(), 0);
}

#[test]
fn a_moved_binary_is_told_and_updated_in_place() {
    let workspace = Workspace::empty();
    let home = home(&workspace);
    furnish(&home);
    HOSTS.iter().for_each(|host| drop(workspace.ok(&["setup", host])));
    let (here, count) = (tree(&home), ours(&home));
    let bin = workspace.root().join("other bin");
    std::fs::create_dir(&bin).unwrap();
    // By another process: a file that this one had open for writing may be busy in a child of another test.
    let copied = workspace.program("cp").arg(env!("CARGO_BIN_EXE_state")).arg(bin.join("state")).status().unwrap();
    assert!(copied.success());
    let other = |args: &[&str]| workspace.program(bin.join("state").to_str().unwrap()).args(args).output().unwrap();
    for host in HOSTS {
        let check = other(&["setup", host, "--check"]);
        let said = String::from_utf8(check.stderr).unwrap();
        assert!(check.status.code() == Some(1) && said.contains("installed for"), "{host}: {said}");
        assert!(other(&["setup", host]).status.success());
        assert!(other(&["setup", host, "--check"]).status.success(), "{host}");
    }
    assert_eq!(ours(&home.join(".claude")) + ours(&home.join(".codex")), 0);
    let there: usize = tree(&home)
        .iter()
        .filter(|(path, _)| !path.starts_with(home.join(".local")))
        .map(|(_, (_, text))| text.matches("other bin/state").count())
        .sum();
    assert!(there > 30 && count > there, "{there} of {count}, of which some in the manifest");
    HOSTS.iter().for_each(|host| drop(workspace.ok(&["setup", host])));
    let mut again = tree(&home);
    again.retain(|path, _| here.contains_key(path) && !path.ends_with("manifest.json"));
    assert!(again.iter().all(|(path, content)| here[path] == *content));
}

#[test]
fn one_bad_file_stops_everything() {
    let bad = [
        (".claude/settings.json", "{\"hooks\": ", "not valid JSON"),
        (".claude.json", "{\"mcpServers\": {\"state\": {\"command\": \"/other/tool\"}}}", "another server"),
        (".claude/CLAUDE.md", "<!-- state:start v1 -->\nno end\n", "damaged markers"),
        (
            ".claude/CLAUDE.md",
            "<!-- state:start v1 -->\n<!-- state:start v1 -->\n<!-- state:end -->\n",
            "damaged markers",
        ),
        (".claude/skills/state/SKILL.md", "my own skill\n", "not written by"),
        (".claude/settings.json/x", "", "cannot read"),
    ];
    for (name, content, reason) in bad {
        let workspace = Workspace::empty();
        put(&home(&workspace).join(name), content);
        let before = tree(workspace.root());
        let code = if reason == "cannot read" { 3 } else { 1 };
        let said = workspace.fails(code, &["setup", "claude"]);
        assert!(said.contains(reason) && said.contains("nothing was changed"), "{said}");
        assert_eq!(tree(workspace.root()), before);
        let list = workspace.ok(&["setup", "--list"]);
        assert!(list.contains("codex") && list.contains(reason), "{list}");
    }
    let workspace = Workspace::empty();
    put(&home(&workspace).join(".codex/config.toml"), "= broken");
    std::fs::write(home(&workspace).join(".codex/AGENTS.md"), b"\xff\xfe").unwrap();
    let before = std::fs::read_dir(home(&workspace)).unwrap().count();
    assert!(workspace.fails(1, &["setup", "codex"]).contains("not valid TOML"));
    put(&home(&workspace).join(".codex/config.toml"), "");
    assert!(workspace.fails(1, &["setup", "codex"]).contains("not UTF-8"));
    assert_eq!(std::fs::read_dir(home(&workspace)).unwrap().count(), before);
}

#[test]
fn what_is_read_only_is_refused_before_anything_is_written() {
    for name in [".claude/settings.json", ".claude/CLAUDE.md", ".claude.json"] {
        let workspace = Workspace::empty();
        let path = home(&workspace).join(name);
        put(&path, if name.ends_with("md") { "# Me\n" } else { "{}" });
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
        let before = tree(workspace.root());
        let said = workspace.fails(3, &["setup", "claude"]);
        assert!(said.contains("read-only") && said.contains(name), "{said}");
        assert_eq!(tree(workspace.root()), before);
    }
}

#[test]
fn a_file_that_two_hosts_share_stays_until_both_are_out() {
    let workspace = Workspace::empty();
    workspace.write("AGENTS.md", "# Ours\n");
    let before = tree(workspace.root());
    for host in ["codex", "opencode", "claude"] {
        workspace.ok(&["setup", host, "--project"]);
    }
    assert!(!workspace.dir().join("CLAUDE.md").exists(), "a new CLAUDE.md would silence AGENTS.md");
    for host in ["codex", "claude"] {
        let said = workspace.ok(&["setup", host, "--project", "--remove"]);
        assert!(said.contains("AGENTS.md stays: it serves"), "{said}");
        workspace.ok(&["setup", "opencode", "--project", "--check"]);
    }
    workspace.ok(&["setup", "opencode", "--project", "--remove"]);
    assert_eq!(tree(workspace.root()), before);
}

#[test]
fn what_an_earlier_run_wrote_elsewhere_goes_too() {
    let workspace = Workspace::empty();
    workspace.write("AGENTS.md", "# Ours\n");
    std::fs::create_dir_all(workspace.root().join("elsewhere")).unwrap();
    let before = tree(workspace.root());
    let elsewhere = workspace.with_var("CODEX_HOME", workspace.root().join("elsewhere").to_str().unwrap());
    elsewhere.ok(&["setup", "codex"]);
    workspace.within("other").ok(&["setup", "claude", "--project"]);
    workspace.ok(&["setup", "claude", "--project"]);
    workspace.write("CLAUDE.md", "# New\n");
    workspace.ok(&["setup", "codex", "--remove"]);
    workspace.ok(&["setup", "claude", "--project", "--remove"]);
    workspace.within("other").ok(&["setup", "claude", "--project", "--check"]);
    workspace.within("other").ok(&["setup", "claude", "--project", "--remove"]);
    std::fs::remove_dir(workspace.dir().join("other")).unwrap();
    std::fs::remove_file(workspace.dir().join("CLAUDE.md")).unwrap();
    assert_eq!(tree(workspace.root()), before);
}

#[test]
fn unasked_nothing_is_written_into_the_repository() {
    let workspace = Workspace::git();
    let before = tree(workspace.dir());
    HOSTS.iter().for_each(|host| drop(workspace.ok(&["setup", host])));
    assert_eq!(tree(workspace.dir()), before);
    let within = workspace.within("deep/er");
    within.ok(&["setup", "gemini", "--project"]);
    assert!(workspace.dir().join("GEMINI.md").exists(), "the root of the worktree is meant");
}

#[test]
fn the_environment_says_where() {
    let workspace = Workspace::empty();
    let root = workspace.root();
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let shell: Shell = [
        ("CLAUDE_CONFIG_DIR", "cl"),
        ("CODEX_HOME", "co"),
        ("COPILOT_HOME", "cp"),
        ("XDG_CONFIG_HOME", "cfg"),
        ("XDG_STATE_HOME", "st"),
        ("STATE_DIR", "store"),
    ]
    .iter()
    .fold(workspace.session("x"), |shell, (name, folder)| shell.with_var(name, &at(folder)));
    HOSTS.iter().for_each(|host| drop(shell.ok(&["setup", host])));
    for path in [
        "cl/settings.json",
        "cl/.claude.json",
        "cl/CLAUDE.md",
        "cl/skills/state/SKILL.md",
        "co/hooks.json",
        "co/config.toml",
        "co/AGENTS.md",
        "cp/hooks/state.json",
        "cp/mcp-config.json",
        "cfg/opencode/plugins/state.js",
        "cfg/opencode/opencode.json",
        "st/state/setup/manifest.json",
    ] {
        assert!(root.join(path).is_file(), "{path}");
    }
    assert!(text(at("co/config.toml")).contains("env_vars = [\"STATE_DIR\"]"), "Codex passes only what it is told to");
    assert!(!home(&workspace).join(".local").exists());
    let said =
        workspace.program(env!("CARGO_BIN_EXE_state")).env_remove("HOME").args(["setup", "claude"]).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    workspace.fails(2, &["setup", "emacs"]);
    workspace.fails(2, &["setup"]);
}

#[test]
fn a_list_tells_what_is_here_and_how_it_is_known() {
    let workspace = Workspace::empty();
    std::fs::create_dir(home(&workspace).join(".codex")).unwrap();
    workspace.ok(&["setup", "claude"]);
    let hosts = workspace.json(&["setup", "--list"])["hosts"].clone();
    let of = |name: &str| hosts.as_array().unwrap().iter().find(|host| host["name"] == name).unwrap().clone();
    assert_eq!((&of("claude")["user"], &of("claude")["project"]), (&json!("installed"), &json!("missing")));
    assert!(of("codex")["found"].is_string() && of("codex")["user"] == "missing");
    let basis: Vec<Value> = HOSTS.iter().map(|name| of(name)["basis"].clone()).collect();
    let (run, read) = (json!("verified by running"), json!("from documents"));
    assert_eq!(basis, [&run, &run, &run, &run, &read, &read].map(Clone::clone));
}
