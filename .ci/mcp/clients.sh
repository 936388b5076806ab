#!/usr/bin/env bash
# Drives `state mcp` with clients that other people wrote: the Python package `mcp` in its three modes, and the MCP Inspector.
# Usage: .ci/mcp/clients.sh BINARY. Prints PASS or FAIL for each; fails if one fails, skips what cannot be installed here.
set -uo pipefail
binary=$(realpath "${1:?usage: clients.sh BINARY}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

note() { echo "note: $*" >&2; }

verdict() { # NAME CODE
    if [ "$2" -eq 0 ]; then echo "PASS $1"; else echo "FAIL $1"; failed=1; fi
}

python_clients() {
    command -v python3 >/dev/null || { note "no python3: its client is skipped"; return; }
    if ! { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q --disable-pip-version-check 'mcp>=2.3,<3'; } \
        >"$work/pip.log" 2>&1; then
        note "the Python package mcp cannot be installed here: skipped"
        return
    fi
    local mode place
    for mode in legacy auto 2026-07-28; do
        place="$work/python-$mode"
        mkdir "$place"
        (cd "$place" && timeout 120 "$work/venv/bin/python" "$here/client.py" "$binary" "$mode")
        verdict "python mcp, mode $mode" $?
    done
}

inspector() { # OPTIONS...: its standard output
    MCP_INSPECTOR_SECRET_STORE=memory timeout 120 mcp-inspector --cli "$binary" mcp --cwd "$work/inspector" \
        -e STATE_SESSION=inspector --format json "$@" 2>"$work/inspector.err"
}

# A command, what its output must hold, and the exit code.
inspect() { # NAME CODE TEXT OPTIONS...
    local name=$1 code=$2 text=$3 out seen
    shift 3
    out=$(inspector "$@")
    seen=$?
    if [ "$seen" -eq "$code" ] && grep -qF -- "$text" <<<"$out$(cat "$work/inspector.err")"; then
        verdict "inspector $name" 0
    else
        printf '%s\n' "exit $seen, wanted $code and '$text':" "$out" >&2
        head -c 2000 "$work/inspector.err" >&2
        verdict "inspector $name" 1
    fi
}

inspector_client() {
    command -v npm >/dev/null || { note "no npm: the Inspector is skipped"; return; }
    mkdir "$work/npm" "$work/inspector"
    if ! (cd "$work/npm" && npm i --silent --no-audit --no-fund node@22 @modelcontextprotocol/inspector@2.12.0) \
        >"$work/npm.log" 2>&1; then
        note "the MCP Inspector cannot be installed here: skipped"
        return
    fi
    PATH="$work/npm/node_modules/node/bin:$work/npm/node_modules/.bin:$PATH"
    local era id
    for era in legacy modern; do
        rm -rf "$work/inspector/.state"
        local with=(--protocol-era "$era")
        inspect "$era: missing store" 5 'state init' "${with[@]}" --method tools/call --tool-name resume --tool-args-json '{}'
        (cd "$work/inspector" && "$binary" init >/dev/null)
        inspect "$era: tools/list" 0 '"resume"' "${with[@]}" --strict --method tools/list
        inspect "$era: add" 0 ' added: ' "${with[@]}" --method tools/call --tool-name add \
            --tool-args-json '{"kind":"finding","title":"walrus","body":"It swims."}'
        id=$(cd "$work/inspector" && "$binary" list findings | awk '{print $1; exit}')
        inspect "$era: search" 0 "$id" "${with[@]}" --method tools/call --tool-name search --tool-args-json '{"query":"walrus"}'
        inspect "$era: bad arguments" 5 'missing field' "${with[@]}" --method tools/call --tool-name show --tool-args-json '{}'
        inspect "$era: resources/list" 0 'state://resume' "${with[@]}" --method resources/list
        inspect "$era: resources/templates/list" 0 'state://record/{id}' "${with[@]}" --method resources/templates/list
        inspect "$era: resources/read" 0 'It swims.' "${with[@]}" --method resources/read --uri "state://record/$id"
        inspect "$era: prompts/list" 0 'handoff' "${with[@]}" --method prompts/list
        inspect "$era: prompts/get" 0 'Read first' "${with[@]}" --method prompts/get --prompt-name handoff
    done
    inspect "auto: tools/list" 0 '"resume"' --protocol-era auto --strict --method tools/list
}

python_clients
inspector_client
exit "$failed"
