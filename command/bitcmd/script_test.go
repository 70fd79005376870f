package bitcmd_test

import (
	"testing"

	"kvorum/command/all"
	"kvorum/command/bitcmd"
	"kvorum/command/servercmd"
	"kvorum/engine/enginetest"
	"kvorum/internal/datadriven"
)

// TestScript runs testdata/*.txt. A reply that differs from the real server's is
// a bug here; a server that differs shows with -oracle.
func TestScript(t *testing.T) {
	datadriven.Dir(t, "testdata", func(t *testing.T) datadriven.Exec {
		return enginetest.New(t, all.Families()...).Exec
	})
}

// TestRows compares what COMMAND INFO and COMMAND DOCS say about each row with
// the real server's. Only the summaries are ours.
func TestRows(t *testing.T) {
	datadriven.Dir(t, "testdata/rows", func(t *testing.T) datadriven.Exec {
		return enginetest.New(t, bitcmd.Specs(), servercmd.Specs()).Exec
	})
}

// TestTrace holds what the commands feed to replicas and logs, the events they
// cause and the changes they count against a real server's.
func TestTrace(t *testing.T) {
	enginetest.Trace(t, "testdata/trace/bitmaps.txt", all.Families()...)
}
