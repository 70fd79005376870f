package strcmd_test

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
