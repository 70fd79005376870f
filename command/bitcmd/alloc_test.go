package bitcmd_test

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
	"SETBIT":            "SETBIT key:# 5 1\nSETBIT key:# 5 0",
	"SETBIT same":       "SETBIT key:# 100 0",
	"SETBIT blob":       "SETBIT large:# 100000 1\nSETBIT large:# 100000 0",
	"SETBIT grows":      "SETBIT grow:# 800 1\nDEL grow:#",
	"SETBIT error":      "SETBIT key:# -1 1",
	"GETBIT":            "GETBIT key:# 5",
	"GETBIT int":        "GETBIT int:# 5",
	"GETBIT absent":     "GETBIT absent:# 5",
	"BITCOUNT":          "BITCOUNT key:#",
	"BITCOUNT blob":     "BITCOUNT large:# 3 -3",
	"BITCOUNT int":      "BITCOUNT int:# 0 -1 BIT",
	"BITPOS":            "BITPOS large:# 1",
	"BITPOS range":      "BITPOS key:# 0 1 100 BIT",
	"BITOP":             "BITOP AND dest:# key:# large:#",
	"BITOP NOT":         "BITOP NOT dest:# key:#",
	"BITFIELD":          "BITFIELD key:# INCRBY u5 #3 1 GET i7 9 OVERFLOW SAT SET u8 3 999",
	"BITFIELD_RO":       "BITFIELD_RO key:# GET u5 0 GET i7 9",
	"BITFIELD 16 reads": "BITFIELD key:#" + strings.Repeat(" GET u8 1", 16),
}

// keyCount is the number of keys that a request's number runs over.
const keyCount = 64

func requests(lines string) []byte {
	var in []byte
	for n := range keyCount {
		for _, line := range strings.Split(strings.ReplaceAll(lines, ":#", ":"+strconv.Itoa(n)), "\n") {
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

// TestHotCommandsDoNotAllocate would show an argument, an operation of BITFIELD
// or a view of a string that escapes.
func TestHotCommandsDoNotAllocate(t *testing.T) {
	if invariants.Enabled {
		t.Skip("checked builds allocate")
	}
	for _, feed := range []command.Effects{nil, &sink{}} {
		b := newBench(t, feed)
		b.serve(requests("MSET key:# abcdefghijklmnop int:# 12345"))
		b.serve(requests("SETBIT large:# 159999 1"))
		for name, line := range hot {
			in := requests(line)
			b.serve(in)
			if n := testing.AllocsPerRun(20, func() { b.serve(in) }); n >= 1 {
				t.Errorf("%s allocates %v times in %d requests (feed: %v)", name, n, keyCount, feed != nil)
			}
		}
	}
}

// BenchmarkServe measures requests in pipelines, parsing and locking included,
// one request per iteration.
func BenchmarkServe(b *testing.B) {
	for _, name := range []string{"SETBIT", "SETBIT blob", "GETBIT", "BITCOUNT", "BITFIELD", "BITOP"} {
		b.Run(name, func(b *testing.B) {
			w := newBench(b, nil)
			w.serve(requests("MSET key:# abcdefghijklmnop int:# 12345"))
			w.serve(requests("SETBIT large:# 159999 1"))
			in := requests(hot[name])
			b.ReportAllocs()
			for i := 0; i < b.N; i += keyCount * (1 + strings.Count(hot[name], "\n")) {
				w.serve(in)
			}
		})
	}
}
