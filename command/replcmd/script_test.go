package replcmd_test

import (
	"testing"

	"kvorum/internal/datadriven"
	"kvorum/server/servertest"
)

// TestScript runs testdata/*.txt against a whole server. A reply that differs
// from the real server's is a bug here; a server that differs shows with -oracle.
func TestScript(t *testing.T) {
	datadriven.Dir(t, "testdata", func(t *testing.T) datadriven.Exec {
		return servertest.Start(t).Exec
	})
}

// TestRows compares what COMMAND INFO and COMMAND DOCS say about each row with
// the real server's. Only the summaries are ours.
func TestRows(t *testing.T) {
	datadriven.Dir(t, "testdata/rows", func(t *testing.T) datadriven.Exec {
		return servertest.Start(t).Exec
	})
}
