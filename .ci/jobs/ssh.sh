#!/usr/bin/env bash
# Work on another machine, with a real ssh and sshd: started there, the connection dropped in the middle, the machine out of
# reach for a while, picked up by --poll, and only its result fetched. sshd runs on localhost, on a port and with keys of its own.
# Usage: .ci/jobs/ssh.sh BINARY. Prints PASS or FAIL for each step; fails if one fails, skips what cannot be installed here.
set -uo pipefail
binary=$(realpath "${1:?usage: ssh.sh BINARY}")
work=$(mktemp -d)
failed=0
sshd_pid=

note() { echo "note: $*" >&2; }

verdict() { # NAME CODE
    if [ "$2" -eq 0 ]; then echo "PASS $1"; else echo "FAIL $1"; failed=1; fi
}

children() { ps -o pid= --ppid "$1" 2>/dev/null; }

# Only what this script started: the listener, and what it forked for each connection.
drop_connections() {
    local child
    for child in $(children "$sshd_pid"); do
        # shellcheck disable=SC2046
        kill -9 "$child" $(children "$child") 2>/dev/null
    done
}

close_port() {
    [ -n "$sshd_pid" ] || return 0
    drop_connections
    kill "$sshd_pid" 2>/dev/null
    wait "$sshd_pid" 2>/dev/null
    sshd_pid=
}

finish() {
    touch "$work/far/go" 2>/dev/null
    (cd "$work/near" 2>/dev/null && "$binary" --json list jobs 2>/dev/null |
        grep -o '"id":"j-[^"]*"' | cut -d'"' -f4 | xargs -r -n1 "$binary" drop >/dev/null 2>&1)
    close_port
    rm -rf "$work"
}
trap finish EXIT

install_missing() {
    sshd=$(command -v sshd || ls /usr/sbin/sshd 2>/dev/null)
    [ -n "$sshd" ] && command -v ssh >/dev/null && return 0
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    { apt-get update -qq || true
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server openssh-client
    } >"$work/apt.log" 2>&1
    sshd=$(command -v sshd || ls /usr/sbin/sshd 2>/dev/null)
    [ -n "$sshd" ] && command -v ssh >/dev/null
}

# A port that nobody listens on.
free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

configure() {
    mkdir "$work/near" "$work/far" "$work/keys"
    chmod 700 "$work/keys"
    [ "$(id -u)" -ne 0 ] || mkdir -p -m 0755 /run/sshd
    port=$(free_port)
    local key
    for key in host user; do ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$work/keys/$key"; done
    cp "$work/keys/user.pub" "$work/keys/authorized"
    echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$work/keys/host.pub")" >"$work/keys/known"
    cat >"$work/sshd_config" <<CONFIG
Port $port
ListenAddress 127.0.0.1
HostKey $work/keys/host
AuthorizedKeysFile $work/keys/authorized
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
CONFIG
    cat >"$work/ssh_config" <<CONFIG
Host far
    HostName 127.0.0.1
    Port $port
    User $(id -un)
    IdentityFile $work/keys/user
    IdentitiesOnly yes
    UserKnownHostsFile $work/keys/known
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
    ConnectTimeout 10
    LogLevel ERROR
CONFIG
}

open_port() {
    "$sshd" -D -e -f "$work/sshd_config" 2>>"$work/sshd.log" &
    sshd_pid=$!
    for _ in $(seq 100); do
        ssh -F "$work/ssh_config" far true 2>>"$work/ssh.log" && return 0
        kill -0 "$sshd_pid" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# What a job says of itself, one field of its status.
field() { # ID NAME
    "$binary" show "$1" --json | grep -o "\"job\":{.*" | grep -o "\"$2\":[^,}]*" | head -1 | cut -d: -f2- | tr -d '"'
}

await() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

first_word() { head -n 1 | cut -d' ' -f1 | cut -d. -f1; }

story() {
    cd "$work/near" || return 1
    "$binary" init >/dev/null || return 1
    # It must outlive the connection: a session of its own, no streams of the connection, its exit code last and whole.
    cat >"$work/far/work.sh" <<'WORK'
while [ ! -e go ]; do sleep 0.1; done
head -c 5000000 /dev/zero >big.tmp
wc -c <big.tmp | tr -d ' ' >answer.txt
WORK
    local begin id far="$work/far" ssh="ssh -F $work/ssh_config far" scp="scp -q -F $work/ssh_config"
    begin=$("$binary" run --label begin -- ssh -F "$work/ssh_config" far \
        "cd '$far' && { setsid nohup sh -c 'sh work.sh; echo \$? >code.new; mv code.new code' >log 2>&1 </dev/null & } && echo started >begun && exec sleep 300" | first_word)
    await 60 test -e "$far/begun"
    verdict 'the work is started over ssh' $?

    id=$("$binary" run --external --label download --every 1s --result answer.txt \
        --poll "$ssh cat '$far/code' >code && $scp far:'$far/answer.txt' answer.txt && cat code" | first_word)
    drop_connections
    "$binary" wait "$begin" --timeout 60s >"$work/begin.out" 2>&1
    [ $? -eq 1 ] && [ "$(field "$begin" code)" = 255 ]
    verdict 'the dropped connection is told, and what ran in it' $?

    # Out of reach, the work ends.
    close_port
    touch "$far/go"
    await 60 test -e "$far/code"
    verdict 'the work goes on without its connection' $?
    sleep 2.5 # a poll or two in vain
    [ "$(field "$id" status)" = running ]
    verdict 'what cannot be asked is not over' $?

    open_port || return 1
    "$binary" wait "$id" --timeout 60s >"$work/wait.out" 2>&1
    verdict 'it is picked up when it can be asked again' $?
    [ "$(cat answer.txt 2>/dev/null)" = 5000000 ] && [ ! -e big.tmp ] && [ "$(find . -size +1000k -not -path './.state/*' | wc -l)" -eq 0 ]
    verdict 'only the result was fetched' $?
    "$binary" show "$id" | grep -q 'result answer.txt'
    verdict 'the result is kept with the job' $?
}

if ! install_missing; then
    note 'no sshd, and it cannot be installed here: skipped'
    exit 0
fi
configure
if ! open_port; then
    note "sshd does not run here: skipped; $(tail -2 "$work/sshd.log" "$work/ssh.log" 2>/dev/null | tr '\n' ' ')"
    exit 0
fi
story || failed=1
if [ "$failed" -ne 0 ]; then
    tail -n 5 "$work"/*.out "$work"/*.log >&2 2>/dev/null
fi
exit "$failed"
