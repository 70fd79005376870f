package rdb

import (
	"strconv"
	"testing"

	"kvorum/test/peer"
)

// TestDumpToReal restores our payloads on a real server, and its payloads here.
func TestDumpToReal(t *testing.T) {
	ours, theirs := dial(t, peer.StartKvorum(t)), dial(t, peer.StartOracle(t))
	t.Run("ours", func(t *testing.T) { carry(t, ours, theirs) })
	t.Run("theirs", func(t *testing.T) { carry(t, theirs, ours) })
}

// carry moves all values by DUMP and RESTORE, and back again.
func carry(t *testing.T, from, to *client) {
	from.t, to.t = t, t
	from.do("FLUSHALL")
	to.do("FLUSHALL")
	from.values(7)
	for _, k := range from.keys() {
		payload := from.text("DUMP", k)
		due := from.do("PEXPIRETIME", k).Int
		if due > 0 {
			to.do("RESTORE", k, itoa(due), payload, "ABSTTL")
		} else {
			to.do("RESTORE", k, "0", payload)
		}
		want := from.describe(k)
		if got := to.describe(k); got != want {
			t.Errorf("%q of %s\n%s: %s\n%s: %s", k, from.s, from.s, want, to.s, got)
		}
		from.do("RESTORE", k, "0", to.text("DUMP", k), "REPLACE")
		if due > 0 {
			from.do("PEXPIREAT", k, itoa(due))
		}
		if got := from.describe(k); got != want {
			t.Errorf("%q back at %s\nwas %s\nis %s", k, from.s, want, got)
		}
	}
}
func itoa(n int64) string { return strconv.FormatInt(n, 10) }
