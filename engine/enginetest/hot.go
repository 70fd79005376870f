package enginetest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kvorum/command"
	"kvorum/engine"
	"kvorum/internal/invariants"
	"kvorum/keyspace"
	"kvorum/object/hash"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/stream"
	"kvorum/object/zset"
	"kvorum/resp"
)

// Hot are requests whose handlers must not allocate, and what they run on.
type Hot struct {
	Families [][]*command.Spec
	// Depth is list-compress-depth.
	Depth int
	// Fill are the requests that make the data. Requests are those that are tested,
	// by name. Each is one or more lines, which are repeated with the numbers from 0
	// to hotCount-1 in the place of #; ## stands for a # itself.
	Fill     []string
	Requests map[string]string
}

// hotCount is the number of keys, or of members, that the number of a line runs
// over.
const hotCount = 64

// hotPacking lets few elements be packed, so that both encodings are met.
var hotPacking = command.Packing{
	Hash:   hash.Limits{Entries: 8, Value: 64},
	List:   list.LimitsOf(-2),
	Set:    set.Limits{Integers: 8, Entries: 8, Value: 64},
	Stream: stream.Limits{Bytes: 4096, Entries: 100},
	ZSet:   zset.Limits{Entries: 8, Value: 64},
}

// hotServer is an engine with a session, and nothing that records but a feed.
type hotServer struct {
	engine  *engine.Engine
	worker  *engine.Worker
	session *command.Session
	out     []byte
}

func (h *Hot) start(tb testing.TB, feed command.Effects) *hotServer {
	table, err := command.NewTable(h.Families...)
	if err != nil {
		tb.Fatal(err)
	}
	e := engine.New(keyspace.New(2), table, systemClock(), engine.Hooks{Feed: feed})
	settings := *e.Settings()
	settings.Packing = hotPacking
	settings.Packing.List.Depth = h.Depth
	settings.HLLSparseMax = hotSparse
	e.Apply(settings)
	s := &hotServer{engine: e, worker: e.NewWorker(), session: e.NewSession(nil), out: make([]byte, 0, 4<<20)}
	for _, lines := range h.Fill {
		s.serve(repeat(lines))
	}
	return s
}

func (s *hotServer) close() {
	s.worker.Close()
	s.engine.KS.Close()
}

// hotSparse is hll-sparse-max-bytes.
const hotSparse = 3000

// serve has all requests of in served.
func (s *hotServer) serve(in []byte) {
	for at := 0; at < len(in); {
		var used int
		used, _, s.out = s.worker.Serve(s.session, in[at:], s.out[:0])
		at += used
	}
}

// repeat returns the requests of lines.
func repeat(lines string) (in []byte) {
	for n := range hotCount {
		numbered := strings.ReplaceAll(strings.ReplaceAll(lines, "##", "\x00"), "#", strconv.Itoa(n))
		for line := range strings.SplitSeq(strings.ReplaceAll(numbered, "\x00", "#"), "\n") {
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

// AppendControl implements command.Effects.
func (s *sink) AppendControl(db int, args ...[]byte) { s.Append(db, args...) }

// Gate tests that the requests allocate nothing, with a feed and without: an
// argument, a view, an effect or a scratch buffer that escapes would show.
func (h *Hot) Gate(t *testing.T) {
	if invariants.Enabled {
		t.Skip("under race and memdebug package mem takes its memory from Go's heap: what handlers allocate does not show")
	}
	for name, lines := range h.Requests {
		in := repeat(lines)
		for _, feed := range []command.Effects{nil, &sink{}} {
			s := h.start(t, feed)
			s.serve(in)
			if n := testing.AllocsPerRun(20, func() { s.serve(in) }); n >= 1 {
				t.Errorf("%s allocates %v times in %d requests (feed: %v)", name, n, hotCount, feed != nil)
			}
			s.close()
		}
	}
}

// Bench measures the requests in pipelines, parsing and locking included, one line
// with all its parts per iteration.
func (h *Hot) Bench(b *testing.B) {
	names := make([]string, 0, len(h.Requests))
	for name := range h.Requests {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			s := h.start(b, nil)
			defer s.close()
			in := repeat(h.Requests[name])
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += hotCount {
				s.serve(in)
			}
		})
	}
}
