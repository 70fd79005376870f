package keycmd_test

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
	engine  *engine.Engine
	worker  *engine.Worker
	session *command.Session
	out     []byte
}

func newBench(tb testing.TB, feed command.Effects) *bench {
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		tb.Fatal(err)
	}
	e := engine.New(keyspace.New(2), table, clock.New(), engine.Hooks{Feed: feed})
	b := &bench{engine: e, worker: e.NewWorker(), session: e.NewSession(nil), out: make([]byte, 0, 1<<20)}
	tb.Cleanup(func() {
		b.worker.Close()
		e.KS.Close()
	})
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

// keyCount is the number of keys that a request's number runs over.
const keyCount = 64

// requests repeats lines for each number that # stands for.
func requests(lines string) []byte {
	var in []byte
	for n := range keyCount {
		for _, line := range strings.Split(strings.ReplaceAll(lines, "#", strconv.Itoa(n)), "\n") {
			in = resp.AppendCommand(in, bytes.Fields([]byte(line))...)
		}
	}
	return in
}

// hot are the requests whose handlers must not allocate.
var hot = []struct{ name, lines string }{
	{"DEL absent", "DEL absent:#"},
	{"DEL and back", "DEL key:#\nSET key:# value"},
	{"UNLINK and back", "UNLINK key:#\nSET key:# value"},
	{"DEL three", "DEL a:# b:# c:#\nMSET a:# 1 b:# 2 c:# 3"},
	{"EXISTS", "EXISTS key:#"},
	{"EXISTS three", "EXISTS key:# absent:# ttl:#"},
	{"TYPE", "TYPE key:#"},
	{"TOUCH", "TOUCH key:# absent:#"},
	{"EXPIRE", "EXPIRE ttl:# 1000"},
	{"EXPIRE GT", "EXPIRE ttl:# 100000 XX GT"},
	{"EXPIRE deletes", "EXPIRE key:# -1\nSET key:# value"},
	{"PEXPIREAT", "PEXPIREAT ttl:# 33177117420123"},
	{"EXPIRE and PERSIST", "EXPIRE key:# 1000\nPERSIST key:#"},
	{"PERSIST", "PERSIST key:#"},
	{"TTL", "TTL ttl:#"},
	{"PTTL", "PTTL ttl:#"},
	{"EXPIRETIME", "EXPIRETIME ttl:#"},
	{"PEXPIRETIME", "PEXPIRETIME ttl:#"},
	{"RENAME and back", "RENAME key:# other:#\nRENAME other:# key:#"},
	{"MOVE refused", "MOVE absent:# 1"},
	{"COPY", "COPY key:# copy:# REPLACE"},
	{"OBJECT ENCODING", "OBJECT ENCODING key:#"},
	{"RANDOMKEY", "RANDOMKEY"},
	{"SCAN", "SCAN 0 COUNT 10"},
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
		b.serve(requests("SET key:# value\nSETEX ttl:# 1000 value"))
		for _, h := range hot {
			in := requests(h.lines)
			b.serve(in)
			if n := testing.AllocsPerRun(20, func() { b.serve(in) }); n >= 1 {
				t.Errorf("%s allocates %v times in %d requests (feed: %v)", h.name, n, keyCount, feed != nil)
			}
		}
	}
}

// BenchmarkServe measures requests in pipelines of 64, parsing and locking
// included, one request per iteration.
func BenchmarkServe(b *testing.B) {
	for _, h := range hot {
		b.Run(h.name, func(b *testing.B) {
			w := newBench(b, nil)
			w.serve(requests("SET key:# value\nSETEX ttl:# 1000 value"))
			in := requests(h.lines)
			n := strings.Count(h.lines, "\n") + 1
			b.ReportAllocs()
			for i := 0; i < b.N; i += keyCount * n {
				w.serve(in)
			}
		})
	}
}
