//! `state mcp`, driven by lines as a host does: its start, its calls while it lives, and the memory that it keeps.

use crate::Result;
use crate::bulk::Bulk;
use crate::timing::{self, Times};
use crate::world::World;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Instant;

/// So many calls follow each other, as an agent's do not: each opens the store anew.
const CALLS: usize = 50;

/// Measures a server on the store of `state`; the peer has none.
pub fn measure(world: &World) -> Result<Vec<Bulk>> {
    let starts = (0..CALLS).map(|_| start(world).map(|(_, ms)| ms)).collect::<Result<Vec<_>>>()?;
    let (mut server, _) = start(world)?;
    let resident = server.resident();
    let queries = &world.queries.three;
    let search = server.times("search", |at| json!({"query": queries[at % queries.len()]}))?;
    let resume = server.times("resume", |_| json!({"detail": "detailed"}))?;
    world.state.settle()?;
    let add =
        server.times("add", |at| json!({"kind": "note", "title": format!("note {at}"), "body": world.note().body}))?;
    let row = |name, value, most| Bulk::new(name, (Some(value), None)).most(most, 100_000);
    let mut rows = vec![
        row("mcp: start to first answer, ms", Times::of(starts).median, 15.0),
        row("mcp: search, ms", search.median, 5.0),
        row("mcp: resume, ms", resume.median, 8.0),
        row("mcp: add, ms", add.median, 3.0),
    ];
    rows.extend(resident.map(|mb| row("mcp: resident and idle, MB", mb, 15.0)));
    Ok(rows.into_iter().filter(|row| world.options.wants(row.name)).collect())
}

/// A running server.
struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    next: usize,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that has said what it is, and after how many milliseconds.
fn start(world: &World) -> Result<(Server, f64)> {
    let mut command = world.state.command("bench", &["mcp"]);
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take().ok_or("no stdin")?;
    let stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?);
    let mut server = Server { child, stdin, stdout, next: 0 };
    server.request("server/discover", json!({}))?;
    Ok((server, timing::since(begun)))
}

impl Server {
    fn request(&mut self, method: &str, mut params: Value) -> Result<Value> {
        self.next += 1;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        });
        let request = json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.stdin.write_all(format!("{request}\n").as_bytes())?;
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)?;
        if answer["id"] != self.next || answer["result"]["isError"] == true || answer["error"].is_object() {
            return Err(format!("{method}: {line}").into());
        }
        Ok(answer)
    }

    /// The milliseconds of calls of a tool, after some that do not count.
    fn times(&mut self, tool: &str, arguments: impl Fn(usize) -> Value) -> Result<Times> {
        let mut ms = Vec::new();
        for at in 0..CALLS + 3 {
            let params = json!({"name": tool, "arguments": arguments(at)});
            let begun = Instant::now();
            self.request("tools/call", params)?;
            ms.push(timing::since(begun));
        }
        Ok(Times::of(ms.split_off(3)))
    }

    /// The resident megabytes; `None` where the system does not tell.
    fn resident(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
    }
}
