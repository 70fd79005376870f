package keycmd_test

import (
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
	"kvorum/internal/datadriven"
)

// TestScript runs testdata/*.txt: replies byte for byte, written by a real
// server.
func TestScript(t *testing.T) { scripts(t, "testdata") }

// TestRows compares what COMMAND INFO and COMMAND DOCS say about each row with
// the real server's. Only the summaries are ours.
func TestRows(t *testing.T) { scripts(t, "testdata/rows") }

func scripts(t *testing.T, dir string) {
	datadriven.Dir(t, dir, func(t *testing.T) datadriven.Exec {
		return enginetest.New(t, all.Families()...).Exec
	})
}

// TestTrace holds what the commands feed to replicas and logs, the events they
// cause and the changes they count against a real server's.
func TestTrace(t *testing.T) {
	enginetest.Trace(t, "testdata/trace/keys.txt", all.Families()...)
}

// TestTraceSort is TestTrace for SORT.
func TestTraceSort(t *testing.T) {
	enginetest.Trace(t, "testdata/trace/sort.txt", all.Families()...)
}
