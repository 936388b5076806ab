//! What an agent's host waits for: hooks, the first answer of the MCP server and its tools, the handoff of a long transcript.
//!
//! Nothing of SQLite stands beside it. What is not the program's own fault is in the row of the process start.

use crate::bulk::Bulk;
use crate::timing::{Times, since};
use crate::world::World;
use crate::{Result, timing};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// Runs before those that count.
const WARM_UP: usize = 3;
/// Bytes of a long transcript.
const TRANSCRIPT: usize = 500 << 20;
/// Sessions that end without a word at once, and the bytes of the transcript of each.
const CRASHED: usize = 10;
const CRASHED_TRANSCRIPT: usize = 4 << 20;

/// Everything that is wanted of it.
pub fn measure(world: &World) -> Result<Vec<Bulk>> {
    let mut rows = Vec::new();
    if world.options.wants("hook") {
        rows.extend(hooks(world)?);
        rows.push(crash(world)?);
    }
    if world.options.wants("mcp") {
        rows.extend(mcp(world)?);
    }
    if world.options.wants("transcript") {
        rows.push(transcript(world)?);
    }
    for Bulk { name, state, .. } in &rows {
        world.say(&format!("{name:<38} {:>7.2}", state.unwrap_or_default()));
    }
    Ok(rows)
}

fn command(world: &World, words: &[&str]) -> Command {
    let mut command = world.state.command("bench", words);
    command.env_remove("STATE_SESSION");
    command
}

/// Milliseconds from the start of a hook to its end, and what it answered.
fn hook(world: &World, event: &Value) -> Result<(f64, String)> {
    hook_of(world, event, &[])
}

fn hook_of(world: &World, event: &Value, env: &[(&str, String)]) -> Result<(f64, String)> {
    let mut command = command(world, &["hook", "claude"]);
    command.envs(env.iter().cloned());
    let start = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    child.stdin.take().ok_or("no stdin")?.write_all(event.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    Ok((since(start), String::from_utf8(output.stdout)?))
}

fn event(world: &World, session: &str, name: &str, fields: Value) -> Value {
    let mut event = json!({"session_id": session, "cwd": world.path(""), "hook_event_name": name});
    for (field, value) in fields.as_object().into_iter().flatten() {
        event[field] = value.clone();
    }
    event
}

/// The median of a hook; `make` says what the host tells at each run.
fn timed(world: &World, make: impl Fn(usize) -> Value) -> Result<Option<f64>> {
    let mut ms = Vec::new();
    for at in 0..WARM_UP + world.options.samples {
        ms.push(hook(world, &make(at))?.0);
    }
    Ok(Some(Times::of(ms.split_off(WARM_UP)).median))
}

fn hooks(world: &World) -> Result<Vec<Bulk>> {
    let (_, briefing) = hook(world, &event(world, "first", "SessionStart", json!({"source": "startup"})))?;
    if briefing.len() < 200 {
        return Err(format!("the briefing of a session start is wrong: {briefing}").into());
    }
    let start = |at: usize| event(world, &format!("s{at}"), "SessionStart", json!({"source": "startup"}));
    let prompt = |at: usize| event(world, "s0", "UserPromptSubmit", json!({"prompt": format!("do the {at}th thing")}));
    let edit = |path: String| {
        event(world, "s0", "PostToolUse", json!({"tool_name": "Edit", "tool_input": {"file_path": path}}))
    };
    let stop = |at: usize| event(world, "s0", "Stop", json!({"last_assistant_message": format!("did the {at}th")}));
    let end = |at: usize| {
        let session = format!("e{at}");
        hook(world, &event(world, &session, "UserPromptSubmit", json!({"prompt": "do one thing"})))?;
        Ok::<_, crate::Failure>(hook(world, &event(world, &session, "SessionEnd", json!({"reason": "other"})))?.0)
    };
    let ends = (0..WARM_UP + world.options.samples).map(end).collect::<Result<Vec<f64>>>()?;
    let rows = vec![
        Bulk::new("hook: session start, ms", (timed(world, start)?, None)).most(8.0, 0),
        Bulk::new("hook: prompt, ms", (timed(world, prompt)?, None)).most(5.0, 0),
        Bulk::new("hook: edit of a new file, ms", (timed(world, |at| edit(format!("src/{at}.rs")))?, None))
            .most(5.0, 0),
        Bulk::new("hook: edit of the same file, ms", (timed(world, |_| edit("src/1.rs".to_owned()))?, None))
            .most(5.0, 0),
        Bulk::new("hook: stop, ms", (timed(world, stop)?, None)).most(5.0, 0),
        Bulk::new("hook: session end with handoff, ms", (Some(Times::of(ends).median), None)),
    ];
    world.state.settle()?;
    Ok(rows)
}

/// A server and the ends of its pipes.
struct Server {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    calls: u64,
}

impl Server {
    fn start(world: &World) -> Result<Self> {
        let mut child =
            command(world, &["mcp"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (to, from) = (child.stdin.take().ok_or("no stdin")?, child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, to, from: BufReader::new(from), calls: 0 })
    }

    /// Milliseconds of one request, and its result.
    fn ask(&mut self, method: &str, mut params: Value) -> Result<(f64, Value)> {
        self.calls += 1;
        params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}});
        let request = json!({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params});
        let start = Instant::now();
        writeln!(self.to, "{request}")?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        let ms = since(start);
        let answer: Value = serde_json::from_str(&line)?;
        match answer.get("result") {
            Some(result) if result["isError"] != true => Ok((ms, result.clone())),
            _ => Err(format!("mcp {method}: {line}").into()),
        }
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Result<f64> {
        Ok(self.ask("tools/call", json!({"name": tool, "arguments": arguments}))?.0)
    }

    /// The resident megabytes, where the system tells.
    fn resident(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
    }

    fn end(self) -> Result<()> {
        let Self { mut child, to, .. } = self;
        drop(to);
        child.wait()?;
        Ok(())
    }
}

fn mcp(world: &World) -> Result<Vec<Bulk>> {
    let samples = WARM_UP + world.options.samples;
    let (mut first, mut idle) = (Vec::new(), None);
    for _ in 0..samples {
        let start = Instant::now();
        let mut server = Server::start(world)?;
        server.ask("server/discover", json!({}))?;
        first.push(since(start));
        idle = server.resident();
        server.end()?;
    }
    let mut server = Server::start(world)?;
    let (mut add, mut search) = (Vec::new(), Vec::new());
    for _ in 0..samples {
        let note = world.note();
        add.push(server.call("add", json!({"kind": "note", "title": note.title, "body": note.body}))?);
    }
    world.state.settle()?;
    for _ in 0..samples {
        search.push(server.call("search", json!({"query": "update docs test"}))?);
    }
    server.end()?;
    let median = |mut ms: Vec<f64>| Some(Times::of(ms.split_off(WARM_UP)).median);
    Ok(vec![
        Bulk::new("mcp: start to first answer, ms", (median(first), None)).most(15.0, 0),
        Bulk::new("mcp: idle, resident MB", (idle, None)).most(15.0, 0),
        Bulk::new("mcp: add, ms", (median(add), None)).most(3.0, 0),
        Bulk::new("mcp: search, three words, ms", (median(search), None)).most(5.0, 100_000),
    ])
}

/// The first start after a reboot or the end of a terminal that took many sessions with it.
fn crash(world: &World) -> Result<Bulk> {
    let path = world.path("crashed.jsonl");
    write_transcript(&path, CRASHED_TRANSCRIPT)?;
    let mut ms = Vec::new();
    for round in 0..WARM_UP {
        let mut host = Command::new("sleep").arg("600").spawn()?;
        for at in 0..CRASHED {
            let session = format!("crash{round}-{at}");
            let told = json!({"prompt": "count them", "transcript_path": path});
            let event = event(world, &session, "UserPromptSubmit", told);
            hook_of(world, &event, &[("CLAUDE_PID", host.id().to_string())])?;
        }
        host.kill()?;
        host.wait()?;
        let start = event(world, &format!("after{round}"), "SessionStart", json!({"source": "startup"}));
        let (taken, briefing) = hook(world, &start)?;
        if !briefing.contains("count them") {
            return Err(format!("a start after a crash does not say what was under way: {briefing}").into());
        }
        ms.push(taken);
    }
    std::fs::remove_file(&path)?;
    Ok(Bulk::new("hook: session start after 10 crashed, ms", (Some(Times::of(ms).median), None)).most(500.0, 0))
}

/// The end of a session with a long transcript, which its handoff is made of.
fn transcript(world: &World) -> Result<Bulk> {
    let path = world.path("transcript.jsonl");
    write_transcript(&path, TRANSCRIPT)?;
    let mut ms = Vec::new();
    for at in 0..WARM_UP {
        let session = format!("long{at}");
        let told = |name: &str| event(world, &session, name, json!({"prompt": "measure it", "transcript_path": path}));
        hook(world, &told("UserPromptSubmit"))?;
        ms.push(hook(world, &told("SessionEnd"))?.0);
        let found = timing::run(&mut world.state.command("bench", &["search", "kind:handoff", "measure", "widgets"]))?;
        if !found.text.contains("auto") && !found.text.contains("handoff") {
            return Err(format!("no handoff was made of a long transcript:\n{}", found.text).into());
        }
    }
    std::fs::remove_file(&path)?;
    Ok(Bulk::new("hook: end, 500 MB transcript, ms", (Some(Times::of(ms).median), None)).most(200.0, 0))
}

fn write_transcript(path: &Path, bytes: usize) -> Result<()> {
    let base = json!({"sessionId": "long", "cwd": "/nowhere", "timestamp": "2026-11-21T10:00:00Z"});
    let line = |kind: &str, content: Value| {
        let mut line = base.clone();
        line["type"] = json!(kind);
        line["message"] = json!({"role": kind, "content": content});
        line.to_string()
    };
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "{}", line("user", json!("count the widgets")))?;
    let said = line("assistant", json!([{"type": "text", "text": "a widget and another widget. ".repeat(300)}]));
    for _ in 0..bytes / said.len() {
        writeln!(file, "{said}")?;
    }
    writeln!(file, "{}", line("assistant", json!([{"type": "text", "text": "Next: measure the widgets."}])))?;
    file.flush()?;
    Ok(())
}
