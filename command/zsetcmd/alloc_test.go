package zsetcmd_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/zsetcmd"
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
	table, err := command.NewTable(zsetcmd.Specs())
	if err != nil {
		tb.Fatal(err)
	}
	e := engine.New(keyspace.New(1), table, clock.New(), engine.Hooks{Feed: feed})
	b := &bench{worker: e.NewWorker(), session: e.NewSession(nil), out: make([]byte, 0, 1<<22)}
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
	"ZADD":              "ZADD board # member:#",
	"ZADD moves":        "ZADD board 1 mover\nZADD board 100 mover",
	"ZADD and ZREM":     "ZADD board 7 new:#\nZREM board new:#",
	"ZADD packed":       "ZADD small:# 1 a\nZADD small:# 2 a",
	"ZADD new, ZPOPMIN": "ZADD new:# 1 a\nZPOPMIN new:#",
	"ZADD GT CH":        "ZADD board GT CH # member:#",
	"ZINCRBY":           "ZINCRBY board 0.5 member:#",
	"ZSCORE":            "ZSCORE board member:#",
	"ZSCORE packed":     "ZSCORE small:# b",
	"ZRANK":             "ZRANK board member:# WITHSCORE",
	"ZPOPMIN":           "ZADD board -5 first\nZPOPMIN board",
	"ZPOPMAX":           "ZADD board 1000 last\nZPOPMAX board 1",
	"ZMPOP":             "ZADD board -5 first\nZMPOP 1 board MIN",
	"ZRANGE":            "ZRANGE board 10 30 WITHSCORES",
	"ZRANGEBYSCORE":     "ZRANGEBYSCORE board 10 20 LIMIT 0 10",
	"ZREVRANGEBYSCORE":  "ZREVRANGEBYSCORE board 20 10",
	"ZCOUNT":            "ZCOUNT board 10 (20",
	"ZRANGEBYLEX":       "ZRANGEBYLEX small:# [a [b",
	"ZRANDMEMBER":       "ZRANDMEMBER board",
	"ZREMRANGEBYRANK":   "ZADD board -5 first\nZREMRANGEBYRANK board 0 0",
	"ZREMRANGEBYSCORE":  "ZADD board -5 first\nZREMRANGEBYSCORE board -5 -5",
	"ZCARD":             "ZCARD board",
	"ZSCAN":             "ZSCAN board 0 COUNT 5",
	"ZSCAN packed":      "ZSCAN small:# 0",
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
		b.serve(requests("ZADD small:# 1 a 1 b"))
		for i := range 10 {
			b.serve(requests("ZADD board # other:" + strconv.Itoa(i) + "#"))
		}
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
// included, one line of requests per iteration.
func BenchmarkServe(b *testing.B) {
	for _, name := range []string{"ZADD", "ZADD moves", "ZSCORE", "ZPOPMIN", "ZRANGEBYSCORE", "ZRANGE", "ZRANK"} {
		b.Run(name, func(b *testing.B) {
			w := newBench(b, nil)
			for i := range 1000 {
				w.serve(requests("ZADD board # other:" + strconv.Itoa(i) + "#"))
			}
			in := requests(hot[name])
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += keyCount {
				w.serve(in)
			}
		})
	}
}
