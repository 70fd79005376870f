package strcmd_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/strcmd"
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
	table, err := command.NewTable(strcmd.Specs())
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
	"GET":             "GET key:#",
	"GET int":         "GET int:#",
	"GET absent":      "GET absent:#",
	"SET":             "SET key:# value:#",
	"SET int":         "SET int:# #",
	"SET grows":       "SET grow:# #xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	"SET shrinks":     "SET grow:# x",
	"SET EX":          "SET ttl:# value EX 1000",
	"SET NX":          "SET key:# value NX",
	"SET GET":         "SET key:# value GET",
	"SETNX":           "SETNX key:# value",
	"SETEX":           "SETEX ttl:# 1000 value",
	"GETSET":          "GETSET key:# value",
	"GETEX":           "GETEX ttl:# EX 1000",
	"INCR":            "INCR int:#",
	"INCRBY":          "INCRBY int:# 5",
	"DECR":            "DECR int:#",
	"INCRBYFLOAT":     "INCRBYFLOAT float:# 0.1",
	"APPEND":          "APPEND app:# x",
	"SETRANGE":        "SETRANGE range:# 10 x",
	"GETRANGE":        "GETRANGE key:# 1 3",
	"STRLEN":          "STRLEN key:#",
	"MGET":            "MGET key:# int:# absent:#",
	"MSET":            "MSET key:# value int:# 7",
	"MSETNX":          "MSETNX key:# value int:# 7",
	"SET 4 KiB":       "SET large:# " + strings.Repeat("x", 4096),
	"GETDEL and back": "GETDEL key:#\nSET key:# value",
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
		b.serve(requests("MSET key:# value int:# 1 float:# 1.5 range:# abc app:# x grow:# x"))
		b.serve(requests("SETEX ttl:# 1000 value"))
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
	for _, name := range []string{"GET", "SET", "SET 4 KiB", "SET int", "SET EX", "SETEX", "SETNX", "INCR", "INCRBYFLOAT", "APPEND", "GETRANGE", "STRLEN", "MGET", "MSET"} {
		b.Run(name, func(b *testing.B) {
			w := newBench(b, nil)
			w.serve(requests("MSET key:# value int:# 1 float:# 1.5"))
			in := requests(hot[name])
			b.ReportAllocs()
			for i := 0; i < b.N; i += keyCount {
				w.serve(in)
			}
		})
	}
}
