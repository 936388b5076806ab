//! `state mcp` as a peer of the protocol: both eras, rude clients, ends in the middle, sizes.

use crate::mcp_client::{Client, ERAS, Era};
use crate::support::Workspace;
use serde_json::{Value, json};

#[test]
fn mcp_says_what_it_is_in_both_eras() {
    let workspace = Workspace::new();
    for era in ERAS {
        let mut client = Client::silent(&workspace, era, "test-client");
        let info = json!({"name": "test-client", "version": "1"});
        let answer = match era {
            Era::Handshake(version) => client
                .request("initialize", json!({"protocolVersion": version, "capabilities": {}, "clientInfo": info})),
            Era::Stateless => client.request("server/discover", json!({})),
        };
        let result = &answer["result"];
        let instructions = result["instructions"].as_str().unwrap();
        assert!(instructions.len() < 2_048 && instructions.starts_with("Durable memory"), "{}", instructions.len());
        for capability in ["tools", "resources", "prompts", "completions"] {
            assert!(result["capabilities"][capability].is_object(), "{capability} in {result}");
        }
        let server = match era {
            Era::Handshake(_) => &result["serverInfo"],
            Era::Stateless => &result["_meta"]["io.modelcontextprotocol/serverInfo"],
        };
        assert_eq!(server["name"], "state", "{result}");
        assert_eq!(server["version"], env!("CARGO_PKG_VERSION"));
        if era == Era::Stateless {
            assert!(result["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{result}");
        }
        let (rest, status, stderr) = client.end();
        assert!(rest.is_empty() && status.success() && stderr.is_empty(), "{rest:?} {status} {stderr}");
    }
}

/// Ranges are in words, roots are plain objects: what other schemas may hold, some hosts drop a tool for.
fn assert_is_plain(schema: &Value) {
    let noise =
        ["title", "$schema", "format", "default", "minimum", "maximum", "anyOf", "oneOf", "allOf", "$ref", "$defs"];
    assert_eq!(schema["type"], "object");
    for (name, property) in schema["properties"].as_object().unwrap() {
        assert!(property["type"].is_string(), "{name}: {property}");
        assert!(noise.iter().all(|noise| property.get(noise).is_none()), "{name}: {property}");
    }
    assert!(noise.iter().all(|noise| schema.get(noise).is_none()), "{schema}");
}

#[test]
fn mcp_definitions_are_short_and_plain() {
    let workspace = Workspace::empty();
    for era in ERAS {
        let mut client = Client::open(&workspace, era);
        let answer = client.request("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap();
        let length = serde_json::to_string(tools).unwrap().chars().count();
        assert!(length < 4_500, "{length} characters");
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["resume", "search", "show", "list", "add", "update", "run"]);
        for tool in tools {
            assert!(tool["description"].as_str().unwrap().len() < 2_048);
            assert_is_plain(&tool["inputSchema"]);
            // What a tool may do that runs commands is not promised.
            let hints = match tool["name"].as_str().unwrap() {
                "add" | "update" => json!({"destructiveHint": false}),
                "run" => Value::Null,
                _ => json!({"readOnlyHint": true}),
            };
            assert_eq!(tool["annotations"], hints, "{tool}");
        }
        assert_eq!(client.request("tools/list", json!({}))["result"], answer["result"], "the order never changes");
        let cached = era == Era::Stateless;
        assert_eq!(answer["result"]["ttlMs"].is_u64() && answer["result"]["cacheScope"].is_string(), cached, "{era:?}");
    }
}

#[test]
fn mcp_unknown_tools_and_methods_are_errors_of_the_protocol() {
    let workspace = Workspace::new();
    for era in ERAS {
        let mut client = Client::open(&workspace, era);
        let code = |client: &mut Client, method: &str, params: Value| {
            let answer = client.request(method, params);
            crate::support::assert_is_decent(answer["error"]["message"].as_str().unwrap_or_default());
            answer["error"]["code"].as_i64().unwrap()
        };
        assert_eq!(code(&mut client, "tools/call", json!({"name": "sea\u{1b}rch\u{202e}", "arguments": {}})), -32602);
        assert_eq!(code(&mut client, "tools/call", json!({"name": "search", "arguments": [1]})), -32602);
        assert_eq!(code(&mut client, "prompts/get", json!({"name": "nope"})), -32602);
        assert_eq!(code(&mut client, "state/nope", json!({})), -32601);
        let missing = if era == Era::Stateless { -32602 } else { -32002 };
        for uri in ["state://record/f-zzzzz", "state://nope", "state://record/", "file:///etc/passwd"] {
            assert_eq!(code(&mut client, "resources/read", json!({"uri": uri})), missing, "{uri}");
        }
        assert!(client.ok("list", json!({})).starts_with("No tasks"), "and it goes on");
    }
}

#[test]
fn mcp_survives_rude_clients() {
    let workspace = Workspace::new();
    for era in ERAS {
        let mut client = Client::silent(&workspace, era, "rude");
        client.write(b"\n\r\n   \ngarbage\n{\"jsonrpc\":\n\x00\xff\xfe\x80binary\n\"text\"\n");
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client.say(&json!({"jsonrpc": "2.0", "id": 99, "result": {}}));
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/unheard-of", "params": {"a": [1]}}));
        if let Era::Handshake(version) = era {
            let info = json!({"name": "rude", "version": "1"});
            let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": info});
            let id = client.send("initialize", params);
            // What was no message is answered without an id, or not at all.
            while client.hear()["id"] != id {}
        }
        client.write(b"more garbage\n[{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"}]\n{\"a\":1}\nnull\n[]\n");
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 12345}}));
        let id =
            client.send("tools/call", json!({"name": "add", "arguments": {"kind": "note", "title": "still here"}}));
        let answer = loop {
            let heard = client.hear();
            if heard["id"] == id {
                break heard;
            }
            assert!(heard["id"].is_null() && heard["error"]["code"] == -32600, "{heard}");
        };
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        let (_, status, stderr) = client.end();
        assert!(status.success() && stderr.is_empty(), "{status} {stderr}");
    }
}

#[test]
fn mcp_requests_without_an_opening_are_answered() {
    let workspace = Workspace::new();
    let mut client = Client::silent(&workspace, Era::Handshake("2025-11-25"), "hasty");
    let answer = client.request("tools/list", json!({}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let mut client = Client::silent(&workspace, Era::Stateless, "hasty");
    assert!(client.ok("list", json!({})).starts_with("No tasks"), "a first request may be any");
    client.meta = json!({});
    let mut other = Client::silent(&workspace, Era::Stateless, "hasty");
    other.say(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2031-01-01", "io.modelcontextprotocol/clientCapabilities": {}}}}));
    let refused = other.hear();
    assert_eq!(refused["error"]["code"], -32022, "{refused}");
    assert!(refused["error"]["data"]["supported"].as_array().is_some_and(|known| !known.is_empty()), "{refused}");
    assert!(other.ok("list", json!({})).starts_with("No tasks"), "and it goes on");
}

#[test]
fn mcp_long_lines_are_taken_or_passed_over() {
    let workspace = Workspace::new();
    let mut client = Client::open(&workspace, Era::Handshake("2025-11-25"));
    let body = "ten bytes ".repeat(1 << 20);
    let (_, text) = client.call("add", json!({"kind": "note", "title": "long", "body": body}));
    assert!(text.starts_with("n-") || text.contains("MiB are the limit"), "{text:.300}");
    client.write(b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"x\":\"");
    client.write(&vec![b'x'; 17 << 20]);
    client.write(b"\"}\n");
    assert!(client.ok("list", json!({"word": "tasks"})).starts_with("No tasks"));
}

#[test]
fn mcp_ends_with_its_client() {
    let workspace = Workspace::new();
    for era in ERAS {
        let (rest, status, stderr) = Client::silent(&workspace, era, "nobody").end();
        assert!(rest.is_empty() && status.success() && stderr.is_empty(), "{rest:?} {status} {stderr}");

        let mut client = Client::open(&workspace, era);
        let count = 20;
        for number in 0..count {
            let title = format!("{era:?} {number}");
            client.send("tools/call", json!({"name": "add", "arguments": {"kind": "note", "title": title}}));
        }
        client.write(b"{\"jsonrpc\":\"2.0\",\"id\":77,\"meth");
        let (rest, status, stderr) = client.end();
        assert!(status.success() && stderr.is_empty(), "{status} {stderr}");
        assert_eq!(rest.len(), count, "what was asked before the end is answered: {rest:?}");
        let added = rest.iter().filter(|line| line.contains(" added: ")).count();
        assert_eq!(added, count);
    }
    assert_eq!(workspace.json(&["list", "notes", "-n", "100"])["total"], 60);
}

#[test]
fn mcp_a_client_that_no_longer_reads_is_gone() {
    let workspace = Workspace::new();
    let mut client = Client::open(&workspace, Era::Handshake("2025-06-18"));
    client.ok("list", json!({}));
    // Its reader thread keeps the pipe open; a client of its own has none.
    drop(client);
    let mut child = workspace
        .command(&["mcp"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}});
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
    std::io::Write::write_all(&mut stdin, format!("{request}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", crate::support::transcript(&output));
}
