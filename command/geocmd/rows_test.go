package geocmd_test

import (
	"testing"

	"kvorum/command/geocmd"
	"kvorum/command/servercmd"
	"kvorum/engine/enginetest"
	"kvorum/internal/datadriven"
)

// TestRows compares what COMMAND INFO and COMMAND DOCS say about each row with
// the real server's. Only the summaries are ours.
func TestRows(t *testing.T) {
	datadriven.Dir(t, "testdata/rows", func(t *testing.T) datadriven.Exec {
		return enginetest.New(t, geocmd.Specs(), servercmd.Specs()).Exec
	})
}
