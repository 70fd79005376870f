package strcmd_test

import (
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// TestTrace holds what the commands feed to replicas and logs, the events they
// cause and the changes they count against a real server's.
func TestTrace(t *testing.T) {
	enginetest.Trace(t, "testdata/trace/strings.txt", all.Families()...)
}
