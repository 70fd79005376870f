package hashcmd_test

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
	"HGET":                 "HGET h:# f1",
	"HGET large":           "HGET t f#",
	"HGET absent":          "HGET h:# nosuch\nHGET none f",
	"HMGET":                "HMGET h:# f1 f2 nosuch",
	"HSET overwrite":       "HSET h:# f1 value#",
	"HSET large overwrite": "HSET t f# value#",
	"HSET and HDEL":        "HSET h:# new value\nHDEL h:# new",
	"HSET and HDEL large":  "HSET t new:# value\nHDEL t new:#",
	"HSET of a new key":    "HSET n:# f v g w\nHDEL n:# f g",
	"HSETNX":               "HSETNX h:# f1 v",
	"HEXISTS":              "HEXISTS t f#",
	"HLEN":                 "HLEN h:#",
	"HSTRLEN":              "HSTRLEN t f#",
	"HGETALL":              "HGETALL h:#",
	"HKEYS":                "HKEYS t",
	"HINCRBY":              "HINCRBY h:# n 1",
	"HINCRBY large":        "HINCRBY t n 1",
	"HINCRBYFLOAT":         "HINCRBYFLOAT h:# x 0.5",
	"HRANDFIELD":           "HRANDFIELD t\nHRANDFIELD h:#",
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
		b.serve(requests("HSET h:# f1 v f2 w n 1 x 0.5\nHSET t f# value"))
		b.serve(requests("HSET t g# value h# value i# value n 1"))
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
			w.serve(requests("HSET h:# f1 v f2 w n 1 x 0.5\nHSET t f# value"))
			w.serve(requests("HSET t g# value h# value i# value n 1"))
			in := requests(hot[name])
			b.ReportAllocs()
			for i := 0; i < b.N; i += keyCount {
				w.serve(in)
			}
		})
	}
}
