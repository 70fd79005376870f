#!/usr/bin/env bash
# Installs what the tests need beside Go: a real redis-server and its tools to
# compare with, tcl for the Tcl suite, a C compiler for the race detector, ip for
# tests in network namespaces, node with npm and the client libraries of
# test/interop/node. KVORUM_NO_NODE=1 leaves the last two out, and their tests then
# say that they are skipped.
# Does nothing when all is there. The redis-server service is not started: tests
# start their own servers on free ports.
set -u -o pipefail
cd "$(dirname "$0")/.."

need=()
want() { # want PROGRAM PACKAGE...
	command -v "$1" >/dev/null 2>&1 || { shift; need+=("$@"); }
}
want redis-server redis-server
want redis-cli redis-tools
want redis-benchmark redis-tools
want tclsh tcl
want gcc gcc libc6-dev
[ "$(uname -s)" != Linux ] || want ip iproute2
if [ -z "${KVORUM_NO_NODE:-}" ]; then
	want node nodejs
	want npm npm
fi

if ! command -v go >/dev/null 2>&1; then
	echo "Go is missing: install Go 1.26 or later from https://go.dev/dl/ and put it in PATH." >&2
	exit 1
fi

# client_libraries installs what the lock file says, unless that is in place.
client_libraries() {
	local dir=test/interop/node
	[ -z "${KVORUM_NO_NODE:-}" ] || return 0
	[ "$dir/node_modules/.package-lock.json" -nt "$dir/package-lock.json" ] && return
	echo "installing the client libraries of $dir"
	npm --prefix "$dir" ci --loglevel=error --fetch-timeout=30000 </dev/null && return
	echo "npm could not install the client libraries that test/interop runs." >&2
	echo "Install them by hand:  npm --prefix $dir ci" >&2
	echo "or test without them:  KVORUM_NO_NODE=1 make test" >&2
	return 1
}
if [ "${#need[@]}" -eq 0 ]; then
	client_libraries
	exit
fi

packages=$(printf '%s\n' "${need[@]}" | sort -u | tr '\n' ' ')
give_up() {
	echo "The tests need these Debian packages: $packages" >&2
	echo "$1" >&2
	echo "Install them by hand, for instance: sudo apt-get install $packages" >&2
	case " $packages" in *" nodejs "* | *" npm "*) echo "KVORUM_NO_NODE=1 leaves node and npm out." >&2 ;; esac
	exit 1
}

command -v apt-get >/dev/null 2>&1 || give_up "This system has no apt-get."
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	sudo -n true >/dev/null 2>&1 || give_up "Installing needs root, and sudo would ask for a password."
	as_root=(sudo -n)
fi

# Debian asks policy-rc.d before it starts a service; 101 forbids it. One that
# exists already is the administrator's and stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
	"${as_root[@]}" chmod 755 "$policy"
	trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
install() {
	# shellcheck disable=SC2086 # a list of words
	"${as_root[@]}" apt-get install -y -q --no-install-recommends $packages </dev/null
}
echo "installing $packages"
install || { "${as_root[@]}" apt-get update -q </dev/null && install; } || give_up "apt-get could not install them."
client_libraries
