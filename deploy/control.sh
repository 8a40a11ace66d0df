#!/bin/sh
# Start, stop and look at the picture service: control.sh image start|stop|restart|status|logs
#
# Where Docker Compose is at hand it starts the container `image-service`; otherwise, or with
# CONTROL=plain, the command `limner serve` on this machine. Says what it runs. Exit codes: 0 done or
# running, 1 failed, 2 wrong words, 3 not running.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
state=${CONTROL_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/limner}
pidfile=$state/image.pid
log=$state/image.log
port=${IMAGE_GEN_PORT:-${LIMNER_PORT:-8034}}

usage() {
    echo "usage: $0 image start|stop|restart|status|logs" >&2
    exit 2
}

say() {
    echo "+ $*" >&2
}

compose() {
    say docker compose --profile image-gen "$@"
    docker compose --file "$here/compose.yaml" --profile image-gen "$@"
}

has_compose() {
    [ "${CONTROL:-}" != plain ] && command -v docker >/dev/null && docker compose version >/dev/null 2>&1
}

# The process of ours, if it still is one: a number alone may by now belong to somebody else.
running() {
    [ -s "$pidfile" ] || return 1
    pid=$(cat "$pidfile")
    kill -0 "$pid" 2>/dev/null && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q limner
}

start() {
    if has_compose; then
        compose up -d image-service
        return
    fi
    if running; then
        echo "already running (process $pid)"
        return
    fi
    command -v limner >/dev/null || {
        echo "neither docker compose nor the command limner is here: pip install 'limner[engine]'" >&2
        exit 1
    }
    if alive; then
        echo "another server answers on port $port; choose one with IMAGE_GEN_PORT" >&2
        exit 1
    fi
    mkdir -p "$state"
    chmod 700 "$state"
    say limner serve --port "$port"
    nohup limner serve --port "$port" >>"$log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$pidfile"
    await
}

# Wait until it answers at all; the model may load for minutes more, which `status` tells.
await() {
    for _ in $(seq 1 60); do
        kill -0 "$pid" 2>/dev/null || {
            echo "it ended at once; its last words:" >&2
            tail -n 5 "$log" >&2
            exit 1
        }
        if alive; then
            echo "listening on http://127.0.0.1:$port/"
            return
        fi
        sleep 0.5
    done
    echo "it does not answer on port $port after 30 s; see: $0 image logs" >&2
    exit 1
}

alive() {
    python3 - "$port" <<'PY'
import sys, urllib.request
try:
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/livez", timeout=2)
except OSError:
    sys.exit(1)
PY
}

stop() {
    if has_compose; then
        compose stop image-service
        return
    fi
    if ! running; then
        echo "not running"
        return
    fi
    say kill -TERM "$pid"
    kill -TERM "$pid"
    for _ in $(seq 1 80); do
        running || break
        sleep 0.5
    done
    if running; then
        say kill -KILL "$pid"
        kill -KILL "$pid"
    fi
    rm -f "$pidfile"
    echo "stopped"
}

status() {
    if has_compose; then
        compose ps image-service
        return
    fi
    running || {
        echo "not running"
        exit 3
    }
    echo "running (process $pid)"
    python3 - "$port" <<'PY'
import json, sys, urllib.error, urllib.request
try:
    reply = urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/readyz", timeout=5)
except urllib.error.HTTPError as error:
    reply = error
except OSError as error:
    sys.exit(f"it does not answer: {error}")
print(json.dumps(json.load(reply), indent=2))
PY
}

logs() {
    if has_compose; then
        compose logs --tail 100 --follow image-service
    elif [ -f "$log" ]; then
        tail -n 100 "$log"
    else
        echo "there is no log yet: $log"
    fi
}

[ "$#" -eq 2 ] || usage
[ "$1" = image ] || usage
case $2 in
    start | stop | status | logs) "$2" ;;
    restart)
        stop
        start
        ;;
    *) usage ;;
esac
