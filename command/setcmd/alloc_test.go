package setcmd_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/internal/invariants"
	"kvorum/keyspace"
	"kvorum/resp"
)

// bench is an engine with a session, and nothing that records.
type bench struct {
	worker  *engine.Worker
	session *command.Session
	out     []byte
}

func newBench(tb testing.TB, feed command.Effects) *bench {
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		tb.Fatal(err)
	}
	e := engine.New(keyspace.New(1), table, clock.New(), engine.Hooks{Feed: feed})
	b := &bench{worker: e.NewWorker(), session: e.NewSession(nil), out: make([]byte, 0, 1<<20)}
	tb.Cleanup(b.worker.Close)
	return b
}

// serve has all requests of in served.
func (b *bench) serve(in []byte) {
	for at := 0; at < len(in); {
		var used int
		used, _, b.out = b.worker.Serve(b.session, in[at:], b.out[:0])
		at += used
	}
}

// hot are the requests whose handlers must not allocate; # stands for a number
// that grows with each.
var hot = map[string]string{
	"SADD":                "SADD s:# a",
	"SADD int":            "SADD i:# 1",
	"SADD large":          "SADD t m#",
	"SADD and SREM":       "SADD s:# new\nSREM s:# new",
	"SADD and SREM int":   "SADD i:# 99\nSREM i:# 99",
	"SADD and SREM large": "SADD t new:#\nSREM t new:#",
	"SADD of a new key":   "SADD n:# a b\nSREM n:# a b",
	"SISMEMBER":           "SISMEMBER s:# a\nSISMEMBER i:# 7\nSISMEMBER t m#",
	"SMISMEMBER":          "SMISMEMBER t m# nosuch",
	"SCARD":               "SCARD t",
	"SPOP":                "SADD p:# a b c\nSPOP p:#",
	"SPOP int":            "SADD q:# 1 2 3\nSPOP q:#",
	"SPOP large":          "SPOP t\nSADD t m#",
	"SRANDMEMBER":         "SRANDMEMBER t\nSRANDMEMBER s:#\nSRANDMEMBER i:#",
	"SMEMBERS":            "SMEMBERS t\nSMEMBERS i:#",
	"SMOVE":               "SMOVE s:# d:# a\nSMOVE d:# s:# a",
}

// keyCount is the number of keys that a request's number runs over.
const keyCount = 64

func requests(lines string) []byte {
	var in []byte
	for n := range keyCount {
		for _, line := range strings.Split(strings.ReplaceAll(lines, "#", strconv.Itoa(n)), "\n") {
			in = resp.AppendCommand(in, bytes.Fields([]byte(line))...)
		}
	}
	return in
}

// sink takes effects as a feed does: it keeps nothing.
type sink struct{ size int }

func (s *sink) Append(_ int, args ...[]byte) {
	for _, arg := range args {
		s.size += len(arg)
	}
}

// TestHotCommandsDoNotAllocate would show an argument, an effect or a scratch
// buffer that escapes.
func TestHotCommandsDoNotAllocate(t *testing.T) {
	if invariants.Enabled {
		t.Skip("checked builds allocate")
	}
	for _, feed := range []command.Effects{nil, &sink{}} {
		b := newBench(t, feed)
		b.serve(requests("SADD s:# a b c\nSADD i:# 1 2 3\nSADD t m# n# o# p#"))
		for name, line := range hot {
			in := requests(line)
			b.serve(in)
			if n := testing.AllocsPerRun(20, func() { b.serve(in) }); n >= 1 {
				t.Errorf("%s allocates %v times in %d requests (feed: %v)", name, n, keyCount, feed != nil)
			}
		}
	}
}

// BenchmarkServe measures requests in pipelines of 64, parsing and locking
// included, one request per iteration.
func BenchmarkServe(b *testing.B) {
	for name := range hot {
		b.Run(name, func(b *testing.B) {
			w := newBench(b, nil)
			w.serve(requests("SADD s:# a b c\nSADD i:# 1 2 3\nSADD t m# n# o# p#"))
			in := requests(hot[name])
			b.ReportAllocs()
			for i := 0; i < b.N; i += keyCount {
				w.serve(in)
			}
		})
	}
}
