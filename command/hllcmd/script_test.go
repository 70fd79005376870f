package hllcmd_test

import (
	"testing"

	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine/enginetest"
	"kvorum/internal/datadriven"
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/object"
)

// TestScript runs testdata/*.txt. A reply that differs from the real server's is
// a bug here; a server that differs shows with -oracle.
func TestScript(t *testing.T) {
	datadriven.Dir(t, "testdata", func(t *testing.T) datadriven.Exec {
		return enginetest.New(t, families()...).Exec
	})
}

// TestScriptSlow runs testdata/slow/*.txt: a second each, half a minute under the
// race detector.
func TestScriptSlow(t *testing.T) {
	if testing.Short() {
		t.Skip("PFSELFTEST takes half a minute under the race detector, which runs with -short")
	}
	datadriven.Dir(t, "testdata/slow", func(t *testing.T) datadriven.Exec {
		return enginetest.New(t, families()...).Exec
	})
}

// TestTrace holds what the commands feed to replicas and logs, the events they
// cause and the changes they count against a real server's.
func TestTrace(t *testing.T) {
	enginetest.Trace(t, "testdata/trace/hll.txt", families()...)
}

// families returns all families, with a stand-in for RPUSH as long as none has
// it: the scripts about wrong types need a key that is no string.
func families() [][]*command.Spec {
	list := all.Families()
	table, err := command.NewTable(list...)
	if err == nil && table.Lookup([]byte("rpush")) != nil {
		return list
	}
	return append(list, []*command.Spec{{
		Name: "rpush", Arity: 3, Flags: command.Write,
		Keys: []command.KeySpec{{Flags: command.RW, Index: 1, Step: 1}},
		Handler: func(c *command.Ctx) {
			// An integer's record is as large as one with a root.
			e := c.DB.SetInt(c.Keys[0], c.Write(0), 0, keyspace.NoTTL, c.Access)
			d := object.Load(e.Rec).WithEncoding(0)
			mem.Store64(e.Rec, 0, uint64(d)|uint64(object.List))
			c.W.Int(1)
		},
	}})
}
