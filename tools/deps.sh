#!/usr/bin/env bash
# Installs what the tests need beside Go: a real redis-server and its tools to
# compare with, tcl for the Tcl suite, a C compiler for the race detector.
# Does nothing when all is there. The redis-server service is not started: tests
# start their own servers on free ports.
set -u -o pipefail

need=()
want() { # want PROGRAM PACKAGE...
	command -v "$1" >/dev/null 2>&1 || { shift; need+=("$@"); }
}
want redis-server redis-server
want redis-cli redis-tools
want redis-benchmark redis-tools
want tclsh tcl
want gcc gcc libc6-dev

if ! command -v go >/dev/null 2>&1; then
	echo "Go is missing: install Go 1.26 or later from https://go.dev/dl/ and put it in PATH." >&2
	exit 1
fi
[ "${#need[@]}" -eq 0 ] && exit 0

packages=$(printf '%s\n' "${need[@]}" | sort -u | tr '\n' ' ')
give_up() {
	echo "The tests need these Debian packages: $packages" >&2
	echo "$1" >&2
	echo "Install them by hand, for instance: sudo apt-get install $packages" >&2
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
