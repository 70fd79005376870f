package hllcmd_test

import (
	"testing"

	"kvorum/command/all"
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

// TestScriptSlow runs testdata/slow/*.txt: a second each, half a minute under the
// race detector.
func TestScriptSlow(t *testing.T) {
	if testing.Short() {
		t.Skip("PFSELFTEST takes half a minute under the race detector, which runs with -short")
	}
	datadriven.Dir(t, "testdata/slow", func(t *testing.T) datadriven.Exec {
		return enginetest.New(t, all.Families()...).Exec
	})
}

// TestTrace holds what the commands feed to replicas and logs, the events they
// cause and the changes they count against a real server's.
func TestTrace(t *testing.T) {
	enginetest.Trace(t, "testdata/trace/hll.txt", all.Families()...)
}
