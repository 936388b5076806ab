#!/bin/sh
# repo.sh DIR: a tiny git repository with a bug: parse_duration drops the minutes.
mkdir -p "$1" && cd "$1" && git init -q -b main .
git config user.name u && git config user.email u@example.com
cat > durations.py <<'PY'
"""Durations as people write them: '90s', '15m', '2h'."""
import re

UNITS = {"s": 1, "m": 60, "h": 3600}


def parse_duration(text):
    """Seconds in a duration such as '15m' or '1h30m'."""
    match = re.match(r"(\d+)([smh])", text)
    if not match:
        raise ValueError(f"not a duration: {text!r}")
    return int(match.group(1)) * UNITS[match.group(2)]
PY
cat > test_durations.py <<'PY'
import unittest

from durations import parse_duration


class Durations(unittest.TestCase):
    def test_one_unit(self):
        self.assertEqual(parse_duration("15m"), 900)


if __name__ == "__main__":
    unittest.main()
PY
printf '# durations\n\nReads durations as people write them. Units: s, m, h.\n' > README.md
printf '__pycache__/\n' > .gitignore
git add -A && git commit -qm "A parser of durations"
