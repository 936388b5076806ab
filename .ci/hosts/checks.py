#!/usr/bin/env python3
"""checks.py STATE [HOST...]: a day with `state` in real coding agents. Started by run.sh, which says what for.

Per host: set up, remove (byte for byte), set up again; a day with edits, a failing and a passing test and a commit;
a session that is killed at work; the next one, which must be told of it; a compaction; the tools over MCP; a job that ends while the agent works; remove.
What the agent's model was told is read from the requests that the stand-in (model.py) keeps.
"""
import json
import os
import re
import statistics
import sys

from hosts import BASE, HOSTS, STATE, tree

NAMES = sys.argv[2:] or list(HOSTS)
BRIEFING = re.compile(r"proj, branch main\..*?(?=\n\n|</hook_context>|\Z)", re.S)
KNOWN = "Durations are whole seconds, never floats"
FIX = "parse_duration drops the minutes of '1h30m': fix it, with a test, and commit."
GO_ON, LEFT, RECORD = "Please go on with the negative durations.", "what is left to do?", "Please record the decision in state."
BACKGROUND = "Please check it in the background."
LAST_LINE = re.compile(r"(?:>|&gt;) 3 of 40 failed")  # of the job, as it is told
FAILED = []


def check(host, name, ok, detail=""):
    print(f"{'PASS' if ok else 'FAIL'}  {host.name:8} {name}" + (f": {detail}" if detail and not ok else ""), flush=True)
    if not ok:
        FAILED.append((host.name, name))
    return bool(ok)


def note(host, text):
    print(f"NOTE  {host.name:8} {text}", flush=True)


def differences(before, after):
    changed = [f"changed {p}" for p in before if p in after and before[p] != after[p]]
    return [f"gone {p}" for p in before if p not in after] + [f"left {p}" for p in after if p not in before] + changed


def ours(files):
    """What `setup` may keep about itself: its backups and the record of what it did."""
    return {path: value for path, value in files.items() if "share/state/" not in path and ".state" not in path}


def briefings(host, request):
    """[(index of the message, role, text)] of all briefings in a request; the newest is the last."""
    text = [(i, role, found) for i, (role, told) in enumerate(host.texts(request)) for found in BRIEFING.findall(told)]
    return [entry for entry in text if entry[1] != "assistant"]


def briefing(host, title, requests, fresh=1):
    """The newest briefing in the first request of a session; it must be at least the `fresh`-th in its context.

    Tells where it stands, and keeps it to be read."""
    mine = host.main_requests(requests)
    found = briefings(host, mine[0]) if mine else []
    with open(f"{host.dir}/{title.replace(' ', '-')}.txt", "w") as out:
        out.write("\n---\n".join(text for _, _, text in found))
    if not check(host, title, len(found) >= fresh, f"{len(mine)} requests, {len(found)} briefings; exit {host.code}; {host.err[-300:]}"):
        return ""
    index, role, text = found[-1]
    told = [r for r, _ in host.texts(mine[0])]
    last = len(told) - 1 - told[::-1].index("user") if "user" in told else None
    note(host, f"{title}: {len(text)} characters in message {index} of {len(told)}, role {role}; the last of the user is {last}")
    return text


def setting_up(host):
    before = tree(host.home)
    code, out = host.state("setup", host.name, "--user", "--dry-run")
    check(host, "setup --dry-run writes nothing", code == 0 and not differences(before, tree(host.home)), out[-300:])
    code, out = host.state("setup", host.name, "--user")
    check(host, "setup", code == 0, out[-600:])
    once = tree(host.home)
    check(host, "setup changes something", differences(before, once))
    code, out = host.state("setup", host.name, "--user")
    check(host, "setup again changes nothing", code == 0 and not differences(once, tree(host.home)), str(differences(once, tree(host.home)))[:300])
    code, out = host.state("setup", host.name, "--user", "--remove")
    left = differences(before, tree(host.home))
    check(host, "remove restores every byte", code == 0 and not differences(ours(before), ours(tree(host.home))), f"exit {code}; {left}")
    if left:
        note(host, f"after remove, anywhere in HOME: {left}")
    code, out = host.state("setup", host.name, "--user")
    check(host, "setup after remove is as the first", code == 0 and ours(tree(host.home)) == ours(once), str(differences(once, tree(host.home)))[:300])
    code, out = host.state("setup", host.name, "--user", "--check")
    check(host, "setup --check is content", code == 0, out[-400:])


def first_day(host):
    first = host.ask(FIX)
    check(host, "the agent did the work", "Count every unit" in host.git("log", "--oneline"), host.out[-300:] + host.err[-300:])
    text = briefing(host, "briefing in a new session", first)
    check(host, "it tells what is known", KNOWN in text, text[-600:])
    told = json.dumps(host.main_requests(first)[:1])
    check(host, "tools are offered to the model", any(n in told for n in ("mcp__state", "mcp_state_", "state_search")))
    host.day = host.session()
    code, out = host.state("list", "sessions", "--json")
    check(host, "the session is recorded", host.day[:8] in out or '"total": 1' in out or '"total":1' in out, out[-300:])
    code, out = host.state("log")
    code, briefed = host.state("resume", "--full", "--session", "someone-else")
    with open(f"{host.dir}/after-the-day.txt", "w") as file:
        file.write(briefed + "\n--- log\n" + out)
    check(host, "resume names what the day left", "negative durations" in briefed, briefed[-600:])
    check(host, "resume names the edited file or the commit", "durations.py" in briefed or "Count every unit" in briefed, briefed[-600:])


def killed_and_next(host):
    check(host, "the session was killed at work", host.killed(GO_ON))
    check(host, "its edit is uncommitted", "test_durations.py" in host.git("status", "--short"))
    text = briefing(host, "briefing after a killed session", host.ask(LEFT))
    check(host, "it names the unfinished request", "go on with the negative durations" in text, text[-900:])
    check(host, "it names the next step that was announced", "strip the sign" in text, text[-900:])
    check(host, "it names the failing test or the edited file", "test_negative" in text or "test_durations" in text, text[-900:])


def resumed(host):
    text = briefing(host, "briefing when resumed", host.ask(LEFT, resume=host.day), fresh=2 if host.replays else 1)
    if host.replays:
        check(host, "it tells of the session that was killed meanwhile", "go on with the negative durations" in text, text[-600:])
    else:
        check(host, "it is whole, since the first one is no more in the context", KNOWN in text, text[-600:])


def compacted(host):
    turns = host.compact()
    if turns is None:
        return note(host, "compaction cannot be had without a terminal")
    before, after = turns
    asked = flat_last(host, before).partition("Additional Instructions:")[2].strip()
    note(host, f"the summariser is also told: {asked[:600]!r}")
    text = briefing(host, "briefing after compaction", after)
    everything = "\n".join(t for _, _, t in briefings(host, after[0])) if after else ""
    check(host, "it tells again what is known", KNOWN in everything, everything[-600:])
    check(host, "it tells what this session did", "parse_duration drops the minutes" in everything, everything[-600:])


def cleared(host):
    requests = host.clear()
    if requests is not None:
        text = briefing(host, "briefing after clear", requests)
        check(host, "after clear: what is known", KNOWN in text, text[-600:])
        check(host, "after clear: the unfinished work of the killed session", "go on with the negative durations" in text, text[-600:])


def flat_last(host, requests):
    texts = host.texts(requests[-1]) if requests else []
    return texts[-1][1] if texts else ""


def tools(host):
    requests = host.ask(RECORD)
    last = "\n".join(text for _, text in host.texts(requests[-1])) if requests else ""
    code, out = host.state("search", "fullmatch trailing junk", "--json")
    check(host, "a record added over MCP is in the store", "Trailing junk is refused" in out, last[-700:])
    check(host, "search over MCP answers with it", last.count("Trailing junk is refused") >= 2, last[-700:])


def background(host):
    requests = host.main_requests(host.ask(BACKGROUND))
    texts = [text for _, text in host.texts(requests[-1])] if requests else []
    code, jobs = host.state("list", "jobs")
    check(host, "a job runs that was started over MCP", "soak" in jobs, jobs[-300:])
    told = LAST_LINE.findall("\n".join(texts))
    check(host, "its end is told in the middle of the turn, once", len(told) == 1, "\n".join(texts[-4:])[-900:])
    asked = "\n".join(text for request in host.ask(LEFT) for _, text in host.texts(request))
    check(host, "the next session is not told again", not LAST_LINE.search(asked), asked[-600:])


def leave(host):
    before = tree(host.home)
    code, out = host.state("setup", host.name, "--user", "--remove")
    left = [p for p, (_, data) in ours(tree(host.home)).items() if p in host.config and STATE.encode() in data]
    check(host, "remove after use leaves nothing of ours in the configuration", code == 0 and not left, f"{left} {out[-300:]}")
    files = ours(tree(host.home))
    for path, (_, data) in host.mine.items():
        now = files.get(path, (0, None))[1]
        if path in host.config and not path.endswith(".claude.json"):  # Claude itself writes that one
            check(host, f"{path} is byte for byte as before", now == data, f"{now!r:.200}")
    quiet = host.ask(LEFT)
    mine = host.main_requests(quiet)
    check(host, "after remove the briefing is gone", mine and not briefings(host, mine[0]))


def day(host):
    host.mine = tree(host.home)
    code, out = host.state("init")
    check(host, "init", code == 0, out)
    host.state("add", "decision", KNOWN)
    setting_up(host)
    for part in (first_day, killed_and_next, resumed, compacted, cleared, tools, background, leave):
        try:
            part(host)
        except Exception as error:  # one broken part must not hide the others
            check(host, part.__name__, False, f"{type(error).__name__}: {error}")
    for event, times in sorted(host.hook_times().items()):
        note(host, f"hook {event}: {len(times)} runs, median {statistics.median(times):.0f} ms, longest {max(times):.0f} ms as the host counts")
    code, out = host.state("doctor")
    note(host, "doctor: " + " | ".join(out.split("\n"))[:600])


if __name__ == "__main__":
    print(f"{STATE} in {', '.join(NAMES)}; files in {BASE}", flush=True)
    for number, name in enumerate(NAMES):
        host = HOSTS[name](8720 + number)
        try:
            day(host)
        finally:
            host.model.kill()
    print(f"{len(FAILED)} failed" if FAILED else "all passed")
    sys.exit(bool(FAILED))
