package streamcmd_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/streamcmd"
	"kvorum/engine"
	"kvorum/internal/invariants"
	"kvorum/keyspace"
	"kvorum/object/stream"
	"kvorum/resp"
)

// bench is an engine with a session, and nothing that records.
type bench struct {
	worker  *engine.Worker
	session *command.Session
	out     []byte
}

func newBench(tb testing.TB, feed command.Effects) *bench {
	table, err := command.NewTable(streamcmd.Specs())
	if err != nil {
		tb.Fatal(err)
	}
	e := engine.New(keyspace.New(1), table, clock.New(), engine.Hooks{Feed: feed})
	settings := *e.Settings()
	settings.Packing.Stream = stream.Limits{Bytes: 4096, Entries: 100}
	e.Apply(settings)
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
	"XADD":               "XADD s:# * field1 value field2 #",
	"XADD MAXLEN":        "XADD t:# MAXLEN 50 * field value",
	"XADD MAXLEN ~":      "XADD t:# MAXLEN ~ 50 * field value",
	"XADD seq":           "XADD a:# 5-* field value",
	"XLEN":               "XLEN s:#",
	"XRANGE":             "XRANGE s:# - + COUNT 10",
	"XREVRANGE":          "XREVRANGE s:# + - COUNT 1",
	"XREAD":              "XREAD COUNT 10 STREAMS s:# 0",
	"XREAD id":           "XREAD COUNT 10 STREAMS s:# 0-1",
	"XREAD nothing":      "XREAD STREAMS s:# $",
	"XREADGROUP and ack": "XADD p:# 7-* f v\nXREADGROUP GROUP g c STREAMS p:# >\nXACK p:# g 7-1 7-2\nXDEL p:# 7-1",
	"XREADGROUP history": "XREADGROUP GROUP g c COUNT 2 STREAMS p:# 0",
	"XREADGROUP NOACK":   "XADD q:# * f v\nXREADGROUP GROUP g c NOACK STREAMS q:# >",
	"XCLAIM":             "XCLAIM p:# g d 0 7-5\nXCLAIM p:# g c 0 7-5",
	"XAUTOCLAIM":         "XAUTOCLAIM p:# g d 0 0 COUNT 2",
	"XPENDING":           "XPENDING p:# g",
	"XPENDING range":     "XPENDING p:# g - + 2 c",
	"XTRIM":              "XADD t:# * f v\nXTRIM t:# MAXLEN 5",
	"XINFO STREAM":       "XINFO STREAM s:#",
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

// TestHotCommandsDoNotAllocate would show a cursor, a view, an effect or a scratch
// buffer that escapes.
func TestHotCommandsDoNotAllocate(t *testing.T) {
	if invariants.Enabled {
		t.Skip("checked builds allocate")
	}
	for _, feed := range []command.Effects{nil, &sink{}} {
		b := newBench(t, feed)
		b.serve(requests("XADD s:# 1-1 f v\nXADD a:# 5-1 f v\nXADD p:# 6-1 f v\nXADD q:# 6-1 f v"))
		b.serve(requests("XGROUP CREATE p:# g 0\nXGROUP CREATE q:# g 0\nXADD p:# 7-1 f v\nXADD p:# 7-2 f v\nXADD p:# 7-3 f v"))
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
// included.
func BenchmarkServe(b *testing.B) {
	for _, name := range []string{"XADD", "XADD MAXLEN ~", "XRANGE", "XREADGROUP and ack"} {
		b.Run(name, func(b *testing.B) {
			w := newBench(b, nil)
			w.serve(requests("XADD s:# 1-1 f v\nXADD p:# 6-1 f v\nXGROUP CREATE p:# g 0"))
			in := requests(hot[name])
			b.ReportAllocs()
			for i := 0; i < b.N; i += keyCount {
				w.serve(in)
			}
		})
	}
}
