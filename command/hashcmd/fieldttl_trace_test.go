package hashcmd_test

import (
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// TestFieldTTLTrace is TestTrace for commands that meet fields with a TTL.
func TestFieldTTLTrace(t *testing.T) {
	enginetest.Trace(t, "testdata/trace/fieldttl.txt", all.Families()...)
}
