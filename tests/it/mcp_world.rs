//! `state mcp` among others: whose calls they are, many writers at once, a store that cannot be written, git worktrees.

use crate::mcp_client::{Client, ERAS, Era};
use crate::readonly::ReadOnly;
use crate::support::{Shell, Workspace, ids, records, texts, wait_until};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const LEGACY: Era = Era::Handshake("2025-06-18");

/// Nobody has named the session.
fn nameless(workspace: &Workspace) -> Shell {
    workspace.with_var("STATE_SESSION", "")
}

/// The session and the actor that a call acted as.
fn acted_as(workspace: &Workspace, client: &mut Client, title: &str) -> (String, String) {
    let id = client.add(json!({"kind": "note", "title": title}));
    let note = records(&workspace.json(&["show", &id]))[0].clone();
    let session = note["session"].as_str().expect("a session").to_owned();
    let name = workspace.field(&session, "title");
    (name.as_str().unwrap().to_owned(), note["actor"].as_str().unwrap().to_owned())
}

#[test]
fn mcp_calls_belong_to_the_session_of_their_host() {
    let workspace = Workspace::new();
    let pair = |session: &str, actor: &str| (session.to_owned(), actor.to_owned());
    for era in ERAS {
        let claude = nameless(&workspace).with_var("CLAUDE_CODE_SESSION_ID", "6d1e").with_var("CLAUDECODE", "1");
        let mut client = Client::named(&claude, era, "claude-code");
        assert_eq!(acted_as(&workspace, &mut client, "of claude"), pair("claude:6d1e", "claude"));
        // The shell of that agent is the same session.
        let same = claude.json(&["add", "note", "by its shell"]);
        assert_eq!(
            claude.field(&ids(&same)[0], "session"),
            workspace.field(&search(&workspace, "of claude"), "session")
        );

        let mut client = Client::named(&nameless(&workspace), era, "codex-mcp-client");
        client.meta = json!({"threadId": "t1", "x-codex-turn-metadata": {"session_id": "01a1", "thread_id": "t1"}});
        assert_eq!(acted_as(&workspace, &mut client, "of codex"), pair("codex:01a1", "codex"));
        client.meta = json!({"threadId": "t2", "callId": "c"});
        assert_eq!(acted_as(&workspace, &mut client, "of another thread"), pair("codex:t2", "codex"));
        client.meta = json!({"x-codex-turn-metadata": "{\"session_id\":\"01a3\"}"});
        assert_eq!(acted_as(&workspace, &mut client, "as text"), pair("codex:01a3", "codex"));
        for odd in [json!({"threadId": 7}), json!({"threadId": " "}), json!({"x-codex-turn-metadata": [1]})] {
            client.meta = odd;
            assert!(acted_as(&workspace, &mut client, "odd").0.starts_with("codex:mcp-"));
        }

        let named = workspace.with_var("STATE_SESSION", "mine").with_var("STATE_ACTOR", "ada");
        let mut client = Client::named(&named, era, "gemini-cli-mcp-client");
        assert_eq!(acted_as(&workspace, &mut client, "by name"), pair("mine", "ada"));
        let mut flags = nameless(&workspace).command(&["--session", "flag", "mcp", "--actor", "eve"]);
        flags.env("CLAUDE_CODE_SESSION_ID", "6d1e");
        assert_eq!(acted_as(&workspace, &mut Client::started(flags, era, "x"), "by flag"), pair("flag", "eve"));
    }
}

fn search(workspace: &Workspace, words: &str) -> String {
    workspace.search(&[words])[0].clone()
}

/// Where its hooks told of none; `one_session` has the rest.
#[test]
fn mcp_a_host_without_an_id_and_hooks_is_one_session_as_long_as_the_server_lives() {
    let workspace = Workspace::new();
    for era in ERAS {
        for (name, actor) in [("gemini-cli-mcp-client", "gemini"), ("opencode", "opencode"), ("My IDE 2", "my-ide-2")] {
            let mut client = Client::named(&nameless(&workspace).with_var("GEMINI_CLI", "1"), era, name);
            let first = acted_as(&workspace, &mut client, "first");
            assert!(first.0.starts_with(&format!("{actor}:mcp-")) && first.1 == actor, "{first:?}");
            assert_eq!(acted_as(&workspace, &mut client, "second"), first);
        }
    }
}

#[test]
fn mcp_two_servers_and_ten_processes_write_at_once() {
    const SERVERS: usize = 2;
    const PROCESSES: usize = 10;
    const EACH: usize = 12;
    let workspace = Workspace::new();
    let shell = &*workspace;
    let added: Vec<String> = std::thread::scope(|scope| {
        let servers: Vec<_> = (0..SERVERS).map(|at| scope.spawn(move || serving(shell, at, EACH))).collect();
        let processes: Vec<_> = (0..PROCESSES).map(|at| scope.spawn(move || typing(shell, at, EACH))).collect();
        servers.into_iter().chain(processes).flat_map(|writer| writer.join().unwrap()).collect()
    });
    let unique: BTreeSet<&String> = added.iter().collect();
    assert_eq!(unique.len(), (SERVERS + PROCESSES) * EACH, "an id was given twice");
    let all = workspace.json(&["list", "tasks", "--limit", "1000"]);
    assert_eq!(
        ids(&all).iter().collect::<BTreeSet<_>>(),
        unique,
        "nothing is lost, nothing is there that nobody added"
    );
    assert_eq!(texts(&all, "title").into_iter().collect::<BTreeSet<_>>().len(), unique.len());
    assert!(workspace.ok(&["doctor"]).contains("sound") || workspace.run(&["doctor"], b"").status.success());
}

fn serving(shell: &Shell, at: usize, each: usize) -> Vec<String> {
    let mut client = Client::open(&shell.session(&format!("server{at}")), ERAS[at % ERAS.len()]);
    (0..each)
        .map(|number| {
            client.ok("search", json!({"query": "written by"}));
            client.add(json!({"kind": "task", "title": format!("written by server {at}, number {number}")}))
        })
        .collect()
}

fn typing(shell: &Shell, at: usize, each: usize) -> Vec<String> {
    let shell = shell.session(&format!("shell{at}"));
    (0..each).map(|number| shell.add("task", &format!("written by shell {at}, number {number}"))).collect()
}

#[test]
fn mcp_reads_a_store_that_cannot_be_written_and_refuses_to_write_it() {
    let Some(mount) = ReadOnly::find() else {
        eprintln!("skipped: no mount namespaces here");
        return;
    };
    let workspace = Workspace::new();
    let id = workspace.add("task", "written before");
    for era in ERAS {
        let mut client = Client::started(mount.command(&workspace, &["mcp"]), era, "test-client");
        assert!(client.ok("resume", json!({})).contains("written before"));
        assert!(client.ok("search", json!({"query": "written"})).contains(&id));
        assert!(client.ok("show", json!({"ids": [id]})).contains("written before"));
        assert!(client.ok("list", json!({"word": "ready"})).contains(&id));
        for (tool, arguments) in [
            ("add", json!({"kind": "note", "title": "too late"})),
            ("add", json!({"text": "# too late\n## Next\n- x\n"})),
            ("update", json!({"do": "start", "ids": [id]})),
            ("update", json!({"do": "edit", "ids": [id], "title": "too late"})),
        ] {
            let text = client.fails(tool, arguments);
            assert!(text.contains("sandbox") || text.contains("writable"), "no cure: {text}");
        }
        assert!(client.ok("list", json!({})).contains(&id), "and it goes on");
    }
}

#[test]
fn mcp_says_who_keeps_the_store_busy_and_goes_on() {
    let workspace = Workspace::new();
    let id = workspace.add("task", "written before");
    let mut client = Client::open(&workspace, LEGACY);
    let store = workspace.store();
    let mut holder = workspace.program("flock");
    holder.arg("--no-fork").arg(store.join("lock")).args(["sleep", "600"]);
    let Ok(mut holder) = holder.spawn() else { return };
    let mut busy = String::new();
    wait_until("the store is busy", Duration::from_secs(60), || {
        let (failed, text) = client.call("show", json!({"ids": [id]}));
        busy = text;
        failed
    });
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(busy.contains("busy") || busy.contains("held"), "{busy}");
    wait_until("the store is free", Duration::from_secs(90), || !client.call("show", json!({"ids": [id]})).0);
}

#[test]
fn mcp_sees_the_worktree_and_the_branch_of_its_place() {
    let workspace = Workspace::git();
    let worktree = workspace.worktree("fix/refresh");
    let mut client = Client::open(&worktree, LEGACY);
    let id = client.add(json!({"kind": "finding", "title": "seen on a branch"}));
    assert_eq!(workspace.field(&id, "branch"), "fix/refresh");
    worktree.git_run(&["checkout", "-q", "-b", "other"]);
    let id = client.add(json!({"kind": "finding", "title": "seen on another"}));
    assert_eq!(workspace.field(&id, "branch"), "other", "nothing is remembered between calls");
}

#[test]
fn mcp_keeps_the_index_up_and_leaves_no_dead_children() {
    let workspace = Workspace::new();
    let mut client = Client::open(&workspace, LEGACY);
    let lines: Vec<String> =
        (0..400).map(|n| format!("{{\"kind\":\"finding\",\"title\":\"walrus number {n}\"}}")).collect();
    client.ok("add", json!({"text": lines.join("\n")}));
    // A search on the command line would start the catch-up itself.
    let index = workspace.store().join("index/meta.json");
    wait_until("the index is made", Duration::from_secs(120), || index.exists());
    let pid = client.pid();
    wait_until("no child is left, dead or alive", Duration::from_secs(120), || children(pid) == 0);
    assert!(client.ok("search", json!({"query": "walrus number 77"})).contains("number 77"));
}

/// How many processes have this parent, those that ended and were not waited for too.
fn children(parent: u32) -> usize {
    let parent_of = |path: &Path| -> Option<u32> {
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    entries.filter_map(Result::ok).filter(|entry| parent_of(&entry.path()) == Some(parent)).count()
}

#[test]
fn mcp_a_damaged_store_is_an_answer_and_no_end() {
    let workspace = Workspace::new();
    let id = workspace.add("task", "written before");
    let path = workspace.store().join("state.redb");
    let sound = std::fs::read(&path).unwrap();
    let mut client = Client::open(&workspace, Era::Stateless);
    let broken = [Vec::new(), b"garbage".repeat(5_000), sound[..sound.len() / 2].to_vec(), {
        let mut bytes = sound.clone();
        bytes[4_096..].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x5a);
        bytes
    }];
    for bytes in broken {
        std::fs::write(&path, bytes).unwrap();
        for (tool, arguments) in [
            ("show", json!({"ids": [id]})),
            ("resume", json!({"detail": "detailed"})),
            ("search", json!({"query": "written"})),
            ("add", json!({"kind": "note", "title": "too late"})),
        ] {
            let text = client.fails(tool, arguments);
            assert!(text.contains("hint: "), "{tool}: {text}");
        }
        let read = client.request("resources/read", json!({"uri": "state://resume"}));
        assert!(read["error"]["code"].is_i64(), "{read}");
    }
    std::fs::write(&path, sound).unwrap();
    assert!(client.ok("show", json!({"ids": [id]})).contains("written before"), "nothing is remembered");
}
