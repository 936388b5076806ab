//! A client of `state mcp` that writes and reads lines, in either era of the protocol, and can be as rude as it likes.

use crate::support::Shell;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A slow machine takes its time; only a server that never answers is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a conversation is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// By `initialize`, asking for this revision.
    Handshake(&'static str),
    /// By nothing: each request says who asks.
    Stateless,
}

pub const ERAS: [Era; 3] = [Era::Handshake("2025-06-18"), Era::Handshake("2025-11-25"), Era::Stateless];

pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    era: Era,
    name: String,
    next: u64,
    /// What requests say beside their arguments, as hosts do.
    pub meta: Value,
}

impl Client {
    /// A server in this shell, and the first words said to it.
    pub fn open(shell: &Shell, era: Era) -> Self {
        Self::named(shell, era, "test-client")
    }

    pub fn named(shell: &Shell, era: Era, name: &str) -> Self {
        Self::started(shell.command(&["mcp"]), era, name)
    }

    /// The server that a command starts, and the first words said to it.
    pub fn started(command: Command, era: Era, name: &str) -> Self {
        let mut client = Self::spawned(command, era, name);
        match era {
            Era::Handshake(version) => {
                let info = json!({"name": name, "version": "1"});
                let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": info});
                let answer = client.request("initialize", params);
                assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
                client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
            }
            Era::Stateless => {
                let answer = client.request("server/discover", json!({}));
                assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
            }
        }
        client
    }

    /// A server to which nothing was said yet.
    pub fn silent(shell: &Shell, era: Era, name: &str) -> Self {
        Self::spawned(shell.command(&["mcp"]), era, name)
    }

    fn spawned(mut command: Command, era: Era, name: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (told, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, lines, era, name: name.to_owned(), next: 0, meta: json!({}) }
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    pub fn say(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes());
    }

    /// Sends a request and does not wait; returns its id.
    pub fn send(&mut self, method: &str, mut params: Value) -> u64 {
        self.next += 1;
        let mut meta = self.meta.clone();
        if self.era == Era::Stateless {
            meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": self.name, "version": "1"});
        }
        if meta != json!({}) {
            params["_meta"] = meta;
        }
        self.say(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}));
        self.next
    }

    /// The next line that the server says.
    #[track_caller]
    pub fn hear(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("the server says something");
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in: {line:.300}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line:.300}");
        message
    }

    /// Sends a request and waits for its answer.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        let answer = self.hear();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Calls a tool; returns whether it failed, and what it says.
    #[track_caller]
    pub fn call(&mut self, tool: &str, arguments: Value) -> (bool, String) {
        let answer = self.request("tools/call", json!({"name": tool, "arguments": arguments}));
        let result = &answer["result"];
        let content = result["content"].as_array().unwrap_or_else(|| panic!("no content in {answer}"));
        assert_eq!((content.len(), &content[0]["type"]), (1, &json!("text")), "{answer}");
        (result["isError"] == json!(true), content[0]["text"].as_str().unwrap().to_owned())
    }

    /// Calls a tool, which must succeed.
    #[track_caller]
    pub fn ok(&mut self, tool: &str, arguments: Value) -> String {
        let (failed, text) = self.call(tool, arguments.clone());
        assert!(!failed, "{tool} {arguments}: {text}");
        text
    }

    /// Calls a tool, which must fail and say so decently.
    #[track_caller]
    pub fn fails(&mut self, tool: &str, arguments: Value) -> String {
        let (failed, text) = self.call(tool, arguments.clone());
        assert!(failed, "{tool} {arguments} did not fail: {text}");
        crate::support::assert_is_decent(&text);
        text
    }

    /// Adds a record and returns its id.
    #[track_caller]
    pub fn add(&mut self, arguments: Value) -> String {
        let text = self.ok("add", arguments);
        text.split_whitespace().next().expect("an id").trim_end_matches(':').to_owned()
    }

    /// Closes stdin and hears what is still said; returns that, how the server ended, and its stderr.
    pub fn end(mut self) -> (Vec<String>, ExitStatus, String) {
        drop(self.stdin.take());
        let mut rest = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            rest.push(line);
        }
        let mut stderr = String::new();
        let _ = std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut stderr);
        (rest, self.child.wait().unwrap(), stderr)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}
