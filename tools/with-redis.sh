#!/usr/bin/env bash
# usage: tools/with-redis.sh COMMAND [ARGS]
#
# Starts a private redis-server without persistence on a unix socket, runs the
# command with each argument @ORACLE@ replaced by the socket's path, and stops
# the server. REDIS_SERVER names another binary (a newer Redis, Valkey).
set -u -o pipefail

server=${REDIS_SERVER:-redis-server}
dir=$(mktemp -d)
socket=$dir/s
"$server" --port 0 --unixsocket "$socket" --enable-debug-command local --save "" --dir "$dir" --logfile "$dir/log" </dev/null >/dev/null 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -rf "$dir"' EXIT

for _ in $(seq 200); do
	[ "$(redis-cli -s "$socket" ping 2>/dev/null)" = PONG ] && break
	if ! kill -0 "$pid" 2>/dev/null; then
		echo "$server did not start:" >&2
		cat "$dir/log" >&2
		exit 1
	fi
	sleep 0.05
done

args=()
for a in "$@"; do
	args+=("${a//@ORACLE@/$socket}")
done
"${args[@]}"
