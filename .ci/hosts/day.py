#!/usr/bin/env python3
"""day.py [FILE.json]: writes the scripted answers of the model (see model.py), and FILE.summary.txt for compactions."""
import json
import sys
OLD = '''    match = re.match(r"(\\d+)([smh])", text)
    if not match:
        raise ValueError(f"not a duration: {text!r}")
    return int(match.group(1)) * UNITS[match.group(2)]'''
NEW = '''    if not re.fullmatch(r"(\\d+[smh])+", text):
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\\d+)([smh])", text))'''
TEST = '''        self.assertEqual(parse_duration("15m"), 900)'''
TEST2 = TEST + '''

    def test_two_units(self):
        self.assertEqual(parse_duration("1h30m"), 5400)'''
TEST3 = '''        self.assertEqual(parse_duration("1h30m"), 5400)

    def test_negative(self):
        self.assertEqual(parse_duration("-5m"), -300)'''
RUN = "python3 -m unittest -q test_durations"
PLAN = ["Add a failing test for '1h30m'", "Fix parse_duration", "Reject negative durations with a clear message", "Document the unit list in README.md"]
AT = lambda n: ["completed"] * n + ["in_progress"] + ["pending"] * (len(PLAN) - n - 1)
DAY = [
    {"when": "parse_duration drops the minutes", "steps": [
        {"say": "I'll read the parser first.", "read": "durations.py"},
        {"find": "TaskCreate,TaskUpdate"},
        {"say": "The pattern stops after the first unit. A plan:", "todo": PLAN, "states": AT(0)},
        {"say": "First a test that fails.", "read": "test_durations.py"},
        {"edit": ["test_durations.py", TEST, TEST2]},
        {"say": "Run it.", "sh": RUN},
        {"say": "It fails as expected: 3600 instead of 5400. Decision: findall over all units, and fullmatch so that trailing junk such as '5mx' is refused.",
         "edit": ["durations.py", OLD, NEW]},
        {"say": "Run the tests again.", "sh": RUN},
        {"done": 1, "todo": PLAN, "states": AT(2)},
        {"done": 2, "todo": PLAN, "states": AT(2)},
        {"sh": "git add -A && git commit -qm 'Count every unit of a duration' && git log --oneline -1"},
        {"say": "Fixed and committed: parse_duration now sums every unit, and refuses trailing junk (fullmatch). Both tests pass.\n\nLeft to do:\n- reject negative durations with a clear message\n- document the unit list in README.md"},
    ]},
    {"when": "go on with the negative durations", "steps": [
        {"say": "I'll see where we are.", "read": "durations.py"},
        {"say": "Negative durations: decided to accept a leading '-' after all, since the log importer writes them. First the test.", "read": "test_durations.py"},
        {"edit": ["test_durations.py", TEST3.split("\n\n")[0], TEST3]},
        {"say": "Run it.", "sh": RUN},
        {"say": "test_negative fails, as it should. Next I will strip the sign before the fullmatch in durations.py. First I check how the importer writes them.", "sh": "python3 -c 'import time; time.sleep(61)'; echo importer checked"},
        {"say": "Done."},
    ]},
    {"when": "review the README with a helper", "steps": [
        {"say": "I'll hand that to a helper.", "agent": "Read README.md as a newcomer [helper task] and name what is missing."},
        {"say": "The helper found that README.md does not say that units can be combined, nor what happens to junk. Both still have to be written."},
    ]},
    {"when": "[helper task]", "steps": [
        {"read": "README.md"},
        {"sh": "git log --oneline | head -5"},
        {"say": "README.md names the units s, m, h, but not that they can be combined ('1h30m'), and not that junk raises ValueError."},
    ]},
    {"when": "start the soak test", "steps": [
        {"say": "I'll start it in the background.", "background": "sleep 20; echo soak: 0 failures"},
        {"say": "The soak test runs in the background; its result is still to be read."},
    ]},
    {"when": "what is left to do", "steps": [
        {"say": "Two things are left: the negative durations (test_negative is written and fails) and the unit list in README.md."},
    ]},
    {"when": "read it all again", "steps": [
        {"say": "Reading.", "read": "durations.py", "tokens": 190000},
        {"say": "And the tests.", "read": "test_durations.py", "tokens": 20000},
        {"say": "Read; nothing new. The unit list in README.md is still to be written.", "tokens": 20000},
    ]},
    {"when": "Primary request: parse_duration dropped", "steps": [
        {"say": "Carried on from the summary. The unit list in README.md is still to be written."},
    ]},
    {"when": "record the decision in state", "steps": [
        {"find": "mcp__state__add,mcp__state__search"},
        {"say": "I'll record it.", "mcp": ["add", {"kind": "decision", "title": "Trailing junk is refused with fullmatch", "body": "So that 5mx is an error."}]},
        {"say": "And look it up.", "mcp": ["search", {"query": "fullmatch trailing junk"}]},
        {"say": "Recorded and found."},
    ]},
    {"when": "check it in the background", "steps": [
        {"find": "mcp__state__run"},
        {"say": "In the background.", "mcp": ["run", {"command": "echo 3 of 40 failed; exit 1", "label": "soak"}]},
        {"say": "Meanwhile something else.", "sh": "sleep 3; echo slept"},
        {"say": "And the parser.", "read": "durations.py"},
        {"say": "The soak test failed."},
    ]},
]
OUT = sys.argv[1] if len(sys.argv) > 1 else "day.json"
json.dump(DAY, open(OUT, "w"), indent=1)
open(OUT[:-5] + ".summary.txt", "w").write("""1. Primary request: parse_duration dropped the minutes of '1h30m'; fix it, with a test, and commit.
2. Decisions: findall over all units; fullmatch so that trailing junk is refused.
3. Files: durations.py, test_durations.py (both committed).
4. Pending: reject negative durations with a clear message; document the unit list in README.md.
5. Current work: none begun after the commit.
""")
