#!/usr/bin/env python3
"""A stand-in for the model APIs that coding agents talk to, for tests on 127.0.0.1 only.

    model.py PORT SCRIPT.json LOGDIR

Speaks the streaming Anthropic Messages API (Claude Code, OpenCode), the OpenAI Responses API (Codex) and
Gemini's streamGenerateContent. It has no memory: a script is picked by the last user text that contains its `when`,
and the step by counting what the model has said since. Every request body is kept as LOGDIR/NNN-api.json.

SCRIPT.json = [{"when": "words of the prompt", "steps": [STEP, ...]}, ...]; a STEP has `say` and at most one of
    read PATH | write [PATH, TEXT] | edit [PATH, OLD, NEW] | sh CMD | background CMD | agent PROMPT | todo [TEXT, ...]
    | done N | find NAMES (load deferred tools) | mcp [TOOL, ARGUMENTS]; also stall SECONDS, tokens N (what the usage claims, to force a compaction)
each turned into the tool of that name in the dialect of the host that asks. The last step is the final answer.
"""
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SCRIPTS, LOGS = int(sys.argv[1]), json.load(open(sys.argv[2])), sys.argv[3]
SUMMARY = open(os.path.splitext(sys.argv[2])[0] + ".summary.txt").read().strip()
COUNT, LOCK = [0], threading.Lock()


def log(api, body):
    with LOCK:
        COUNT[0] += 1
        with open(f"{LOGS}/{COUNT[0]:03}-{api}.json", "w") as out:
            json.dump(body, out, indent=1)
        return COUNT[0]


def pick(texts):
    """The script of the latest user text that names one: (script, index of that text), or (None, -1).

    A hook's text may stand before the user's in one message and quote an earlier prompt: the last one named counts."""
    for index, text in reversed(list(enumerate(texts))):
        at, script = max(((text.rfind(s["when"]), -i) for i, s in enumerate(SCRIPTS)), default=(-1, 0))
        if at >= 0:
            return SCRIPTS[-script], index
    return None, -1


def step_of(script, said, offered):
    """The step after `said` answers; steps whose tool this host does not offer are left out."""
    steps = [s for s in script["steps"][:-1] if calls_of(s, offered, "/")] + script["steps"][-1:]
    return steps[min(said, len(steps) - 1)]


def wants_summary(text):
    return bool(re.search(r"(detailed|structured|handoff) summary|CONTEXT CHECKPOINT|state_snapshot", text or ""))


# ---- tools in the host's own names -------------------------------------------------------------------------------
def first(names, offered):
    return next((name for name in names if name in offered), None)


def tool_call(step, offered, cwd):
    """(tool, arguments) in the dialect of the host, or None when the step only speaks."""
    here = lambda path: path if path.startswith("/") else os.path.join(cwd, path)
    if "sh" in step or "background" in step:
        command = step.get("sh") or step["background"]
        if "Bash" in offered:
            extra = {"run_in_background": True} if "background" in step else {}
            return "Bash", {"command": command, "description": step.get("say", "")[:60], **extra}
        if "exec_command" in offered:
            return "exec_command", {"cmd": command}
        if "shell_command" in offered:
            return "shell_command", {"command": command}
        if "shell" in offered:
            return "shell", {"command": ["bash", "-lc", command]}
        if "run_shell_command" in offered:
            return "run_shell_command", {"command": command, "description": step.get("say", "")[:60]}
        return "bash", {"command": command, "description": step.get("say", "")[:60]}
    if "read" in step:
        name = first(["Read", "read_file", "read"], offered)
        if not name:
            return tool_call({"sh": "cat " + step["read"], "say": step.get("say", "")}, offered, cwd)
        return name, {{"read": "filePath"}.get(name, "file_path"): here(step["read"])}
    if "write" in step:
        path, text = step["write"]
        name = first(["Write", "write_file", "write"], offered)
        if not name:
            return patch(offered, f"*** Add File: {path}\n" + "".join(f"+{line}\n" for line in text.splitlines()))
        return name, {{"write": "filePath"}.get(name, "file_path"): here(path), "content": text}
    if "edit" in step:
        path, old, new = step["edit"]
        name = first(["Edit", "replace", "edit"], offered)
        if not name:
            lines = [f"-{line}" for line in old.splitlines()] + [f"+{line}" for line in new.splitlines()]
            return patch(offered, f"*** Update File: {path}\n@@\n" + "\n".join(lines) + "\n")
        if name == "edit":
            return name, {"filePath": here(path), "oldString": old, "newString": new}
        extra = {"instruction": step.get("say", "")} if name == "replace" else {}
        return name, {"file_path": here(path), "old_string": old, "new_string": new, **extra}
    if "agent" in step:
        name = first(["Agent", "Task", "task"], offered)
        fields = {"description": "Review the README", "prompt": step["agent"], "subagent_type": "general-purpose"}
        return (name, fields) if name else None
    return plan_call(step, offered)


def plan_call(step, offered):
    if "find" in step:
        return ("ToolSearch", {"query": "select:" + step["find"], "max_results": 5}) if "ToolSearch" in offered else None
    if "done" in step and "TaskUpdate" in offered:
        return "TaskUpdate", {"taskId": str(step["done"]), "status": "completed"}
    if "todo" in step:
        items = [{"content": text, "activeForm": text, "status": "pending"} for text in step["todo"]]
        if "TodoWrite" in offered:
            return "TodoWrite", {"todos": items}
        if "TaskCreate" in offered:
            return [("TaskCreate", {"subject": text, "description": text, "activeForm": text}) for text in step["todo"]]
        if "update_plan" in offered:
            states = step.get("states", ["pending"] * len(step["todo"]))
            return "update_plan", {"plan": [{"step": text, "status": at} for text, at in zip(step["todo"], states)]}
        if "todowrite" in offered:
            return "todowrite", {"todos": [{"content": t, "status": "pending", "priority": "high"} for t in step["todo"]]}
        if "write_todos" in offered:
            return "write_todos", {"todos": [{"description": t, "status": "pending"} for t in step["todo"]]}
    if "mcp" in step:
        tool, arguments = step["mcp"]
        names = [f"mcp__state__{tool}", f"mcp_state_{tool}", f"state_{tool}"]
        return first(names, offered) or names[0], arguments
    return None


def patch(offered, body):
    text = f"*** Begin Patch\n{body}*** End Patch\n"
    if offered.get("apply_patch") == "custom":
        return "apply_patch", text
    if "apply_patch" in offered:
        return "apply_patch", {"input": text}
    return tool_call({"sh": f"apply_patch <<'PATCH'\n{text}PATCH"}, offered, "")


def calls_of(step, offered, cwd):
    call = tool_call(step, offered, cwd)
    return call if isinstance(call, list) else [call] if call else []


def flat(content):
    """The text of a message in any of the dialects."""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [] if isinstance(part, dict))


def cwd_in(text):
    found = re.search(r"(?:[Ww]orking directory|<cwd>|Workspace Directories:\*\*\n)[^/\n]*(/[^\s<`'\"]+)", text)
    return found.group(1).rstrip(".,") if found else os.getcwd()


# ---- the three APIs ----------------------------------------------------------------------------------------------
def anthropic(body, number):
    messages = body["messages"]
    texts = [flat(m["content"]) if m["role"] == "user" else "" for m in messages]
    offered = {tool["name"]: "json" for tool in body.get("tools", [])}
    script, at = pick(texts)
    if wants_summary(texts[-1] if texts else ""):
        step, offered = {"say": f"<analysis>As asked.</analysis>\n<summary>\n{SUMMARY}\n</summary>"}, {}
    elif not script or not offered:
        step = {"say": "Fix parse_duration" if not offered else "Nothing to do."}
    else:
        step = step_of(script, sum(m["role"] == "assistant" for m in messages[at:]), offered)
    time.sleep(step.get("stall", 0))
    usage = {"input_tokens": step.get("tokens", 12000) + 100 * number, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    shell = {"id": f"msg_{number:06}", "type": "message", "role": "assistant", "model": body.get("model"),
             "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}
    yield "message_start", {"message": shell}
    calls, index = calls_of(step, offered, cwd_in(flat(body.get("system")) + "\n".join(map(lambda m: flat(m["content"]), messages)))), 0
    if step.get("say"):
        yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
        yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": step["say"]}}
        yield "content_block_stop", {"index": 0}
        index = 1
    for name, arguments in calls:
        block = {"type": "tool_use", "id": f"toolu_{number:04}{index:02}", "name": name, "input": {}}
        yield "content_block_start", {"index": index, "content_block": block}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
        yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
        index += 1
    stop = "tool_use" if calls else "end_turn"
    yield "message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 50}}
    yield "message_stop", {}


def codex_tools(tools):
    """Name -> type of every tool, also of those in namespaces and of those only reachable from JavaScript (`exec`)."""
    offered = {}
    for tool in tools:
        if tool.get("type") != "namespace":
            offered[tool.get("name", tool["type"])] = tool["type"]
            continue
        prefix = "" if tool["name"] == "functions" else tool["name"] + "__"
        offered.update({prefix + inner["name"]: inner["type"] for inner in tool["tools"]})
    text = next((t["description"] for n in tools for t in n.get("tools", [n]) if t.get("name") == "exec"), "")
    nested = re.findall(r"^### `(\w+)`", text, re.M)
    return {**offered, **{name: "custom" if name == "apply_patch" else "function" for name in nested}}


def responses(body, number):
    items = body["input"] if isinstance(body["input"], list) else [{"type": "message", "role": "user", "content": body["input"]}]
    texts = [flat(i.get("content")) if i.get("role") == "user" else "" for i in items]
    offered = codex_tools(body.get("tools", []) + [t for i in items if i.get("type") == "additional_tools" for t in i["tools"]])
    code = offered.get("exec") == "custom"  # newer models write JavaScript that calls the tools
    script, at = pick(texts)
    said = ("function_call", "custom_tool_call", "local_shell_call")
    if wants_summary(texts[-1] if texts else ""):
        step = {"say": SUMMARY}
    elif not script:
        step = {"say": "Nothing to do."}
    else:
        step = step_of(script, sum(i.get("type") in said for i in items[at:]), offered)
    time.sleep(step.get("stall", 0))
    reply, out = f"resp_{number:06}", []
    yield "response.created", {"response": {"id": reply, "object": "response", "status": "in_progress", "output": []}}
    if step.get("say"):
        out.append({"type": "message", "id": f"msg_{number:06}", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": step["say"], "annotations": []}]})
    for name, arguments in calls_of(step, offered, cwd_in("\n".join(texts)))[:1]:
        ids = {"id": f"fc_{number:06}", "call_id": f"call_{number:06}", "status": "completed"}
        if code:
            script = f"const r = await tools.{name}({json.dumps(arguments)});\ntext(r);"
            out.append({"type": "custom_tool_call", **ids, "name": "exec", "input": script})
        elif isinstance(arguments, str):
            out.append({"type": "custom_tool_call", **ids, "name": name, "input": arguments})
        else:
            space, _, short = name.rpartition("__") if name.startswith("mcp__") else ("", "", name)
            extra = {"namespace": space} if space else {}
            out.append({"type": "function_call", **ids, "name": short, "arguments": json.dumps(arguments), **extra})
    for index, item in enumerate(out):
        yield "response.output_item.added", {"output_index": index, "item": item}
        yield "response.output_item.done", {"output_index": index, "item": item}
    usage = {"input_tokens": step.get("tokens", 9000) + 100 * number, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 50,
             "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": step.get("tokens", 9000) + 50 + 100 * number}
    yield "response.completed", {"response": {"id": reply, "object": "response", "status": "completed", "output": out, "usage": usage}}


def gemini(body, number):
    contents = body["contents"]
    texts = [flat(c.get("parts")) if c.get("role") == "user" else "" for c in contents]
    offered = {f["name"]: "json" for t in body.get("tools", []) for f in t.get("functionDeclarations", [])}
    script, at = pick(texts)
    system = flat((body.get("systemInstruction") or {}).get("parts"))
    if wants_summary(system) and not offered:
        step = {"say": f"<state_snapshot>{SUMMARY}</state_snapshot>"}
    elif not script or not offered:
        step = {"say": "Nothing to do."}
    else:
        step = step_of(script, sum("functionCall" in p for c in contents[at:] for p in c.get("parts", [])), offered)
    time.sleep(step.get("stall", 0))
    parts = [{"text": step["say"]}] if step.get("say") else []
    parts += [{"functionCall": {"name": n, "args": a}} for n, a in calls_of(step, offered, cwd_in(system + "\n".join(texts)))[:1]]
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 9000, "candidatesTokenCount": 50, "totalTokenCount": 9050},
            "modelVersion": "gemini-2.5-pro"}


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, kind, data, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            return self.reply("application/json", b'{"error":{"message":"not JSON"}}', 400)
        if path.endswith("/count_tokens"):
            return self.reply("application/json", b'{"input_tokens":9000}')
        if path.endswith(":countTokens"):
            return self.reply("application/json", b'{"totalTokens":9000}')
        if path.endswith("/messages"):
            return self.stream(anthropic(body, log("anthropic", body)), body)
        if path.endswith("/responses"):
            return self.stream(responses(body, log("openai", body)), body)
        if "enerateContent" in path:
            answer = json.dumps(gemini(body, log("gemini", body))).encode()
            sse = "stream" in path
            return self.reply("text/event-stream" if sse else "application/json", b"data: " + answer + b"\n\n" if sse else answer)
        log("other" + path.replace("/", "_"), body)
        self.reply("application/json", b"{}", 404)

    def stream(self, events, body):
        events = [(name, {"type": name, **data}) for name, data in events]
        if body.get("stream"):
            text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
            return self.reply("text/event-stream", text.encode())
        last = events[-1][1].get("response") or folded(events)
        self.reply("application/json", json.dumps(last).encode())

    def do_GET(self):
        self.reply("application/json", b'{"data":[],"models":[]}')

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def folded(events):
    """A streamed Anthropic answer as the one object of the non-streaming form."""
    message = dict(events[0][1]["message"])
    message["content"] = [{"type": "text", "text": e["delta"]["text"]} for n, e in events if n == "content_block_delta" and "text" in e["delta"]]
    message["stop_reason"] = "end_turn"
    return message


os.makedirs(LOGS, exist_ok=True)
ThreadingHTTPServer(("127.0.0.1", PORT), Api).serve_forever()
