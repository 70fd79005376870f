package listcmd_test

import (
	"testing"

	"kvorum/internal/datadriven"
	"kvorum/server/servertest"
)

// TestScriptWire runs scripts against a whole server: requests that wait for keys
// want one.
func TestScriptWire(t *testing.T) {
	datadriven.DirServer(t, "testdata/wire", func(t *testing.T) string {
		return servertest.Start(t).Socket
	})
}
