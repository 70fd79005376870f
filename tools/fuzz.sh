#!/usr/bin/env bash
# usage: tools/fuzz.sh TIME [go test flags] PACKAGES
#
# Runs every fuzz target of the packages for TIME each. A failing input is kept
# by Go under the package's testdata/fuzz and becomes a test once committed.
set -u -o pipefail # and bash 3.2, as on macOS: empty arrays need the + form
cd "$(dirname "$0")/.."

fuzztime=$1
shift
flags=()
while [ $# -gt 0 ] && [[ $1 == -* ]]; do
	flags+=("$1" "$2")
	shift 2
done

log=$(mktemp)
trap 'rm -f "$log"' EXIT

run_one() { # run_one PACKAGE TARGET
	if go test ${flags[@]+"${flags[@]}"} -run '^$' -fuzz "^$2\$" -fuzztime "$fuzztime" "$1" >"$log" 2>&1; then
		printf 'ok    %-32s %s\n' "$1" "$2"
		return 0
	fi
	# A worker that is late at the very end of its time is reported as this error
	# without an input: nothing was found.
	if grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; then
		printf 'ok    %-32s %s (a worker ended late)\n' "$1" "$2"
		return 0
	fi
	printf 'FAIL  %-32s %s\n' "$1" "$2"
	cat "$log"
	return 1
}

# Only packages with fuzz targets are compiled for the listing.
packages=$(go list ${flags[@]+"${flags[@]}"} -f '{{.Dir}} {{.ImportPath}}' "$@") || exit 1
failed=0
count=0
while read -r dir package; do
	grep -qs '^func Fuzz' "$dir"/*_test.go || continue
	targets=$(go test ${flags[@]+"${flags[@]}"} -list '^Fuzz' "$package") || { echo "$targets"; exit 1; }
	for target in $(grep '^Fuzz' <<<"$targets"); do
		run_one "$package" "$target" || failed=1
		count=$((count + 1))
	done
done <<<"$packages"
echo "$count fuzz targets, $fuzztime each"
exit "$failed"
