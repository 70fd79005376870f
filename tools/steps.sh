#!/usr/bin/env bash
# usage: tools/steps.sh TARGET...
#
# Runs make targets one after the other, stops at the first that fails, and ends
# with a table of their times, so that a slow step is seen before it hurts.
set -u -o pipefail
cd "$(dirname "$0")/.."

times=()
status=0
for step in "$@"; do
	echo "== $step"
	start=$SECONDS
	make --no-print-directory "$step" || status=$?
	times+=("$(printf '%-12s %4d s' "$step" $((SECONDS - start)))")
	if [ "$status" -ne 0 ]; then
		break
	fi
done

echo "== times"
printf '%s\n' "${times[@]}" "$(printf '%-12s %4d s' all "$SECONDS")"
if [ "$status" -ne 0 ]; then
	echo "FAILED: $step"
	exit 1
fi
echo "all passed"
