package listcmd_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/listcmd"
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
	table, err := command.NewTable(listcmd.Specs())
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
	"LPUSH":                  "LPUSH long value:#",
	"RPUSH":                  "RPUSH long value:#",
	"LPUSH and LPOP":         "LPUSH list:# value\nLPOP list:#",
	"RPUSH of a new, RPOP":   "RPUSH new:# value\nRPOP new:#",
	"RPUSH and LPOP":         "RPUSH queue value:#\nLPOP queue",
	"LPOP count":             "RPUSH list:# a b c\nLPOP list:# 3",
	"LMOVE":                  "RPUSH list:# value\nLMOVE list:# list:# LEFT RIGHT\nRPOP list:#",
	"LMPOP":                  "RPUSH list:# value\nLMPOP 1 list:# LEFT",
	"LINDEX":                 "LINDEX queue 500",
	"LSET":                   "LSET queue 500 value",
	"LLEN":                   "LLEN queue",
	"LINSERT and LREM":       "LINSERT list:# BEFORE a #\nLREM list:# 1 #",
	"LPOS":                   "LPOS list:# a",
	"LRANGE 100":             "LRANGE queue 0 99",
	"LRANGE 600":             "LRANGE queue 0 599",
	"RPUSH and LTRIM":        "RPUSH list:# b\nLTRIM list:# 0 1",
	"LRANGE from the middle": "LRANGE queue 300 310",
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
		b.serve(requests("RPUSH list:# a b"))
		for range 20 {
			b.serve(requests("RPUSH queue twenty-bytes-or-so:#"))
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
	for _, name := range []string{"LPUSH", "RPUSH", "RPUSH and LPOP", "LRANGE 100", "LRANGE 600", "LINDEX"} {
		b.Run(name, func(b *testing.B) {
			w := newBench(b, nil)
			for range 20 {
				w.serve(requests("RPUSH queue twenty-bytes-or-so:#"))
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
