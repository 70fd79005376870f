package server

import (
	"math"
	"runtime"
	"runtime/debug"
	"slices"

	"kvorum/command"
	"kvorum/engine"
	"kvorum/mem"
)

// The memory limit, as far as the server around the engine is concerned: telling
// the engine what the process takes besides the data, giving free pages back
// faster while the process is too large, and keeping the Go heap small.

// tenacity is how long a request works on eviction, by maxmemory-eviction-tenacity:
// 50 µs for each step up to ten, then 15 % more for each, and at 100 as long as it
// takes.
func tenacityUsec(tenacity int64) int64 {
	const (
		linear    = 10
		stepUsec  = 50
		growth    = 1.15
		unlimited = 100
	)
	switch {
	case tenacity <= linear:
		return stepUsec * tenacity
	case tenacity < unlimited:
		return int64(linear * stepUsec * math.Pow(growth, float64(tenacity-linear)))
	}
	return -1
}

// memoryLimit reads the limit from the configuration, whose lock the caller holds.
func (s *Server) memoryLimit() engine.MemoryLimit {
	policy, _ := engine.ParsePolicy(s.cfg.Enum("maxmemory-policy")) // the table has no other words
	return engine.MemoryLimit{
		Max:     int64(min(s.cfg.Memory("maxmemory"), math.MaxInt64)),
		Policy:  policy,
		Samples: int(s.cfg.Int("maxmemory-samples")),
		Usec:    tenacityUsec(s.cfg.Int("maxmemory-eviction-tenacity")),
		Lazy:    s.cfg.Bool("lazyfree-lazy-eviction"),
	}
}

// applyMaxMemory warns when the limit is below what is in use already.
func (s *Server) applyMaxMemory() error {
	if limit := int64(min(s.cfg.Memory("maxmemory"), math.MaxInt64)); limit > 0 && s.started() {
		if used := s.eng.UsedMemory(); limit < used {
			s.log.Warningf("WARNING: the new maxmemory value set via CONFIG SET (%d) is smaller than the current memory usage (%d). "+
				"This will result in key eviction and/or the inability to accept new write commands depending on the maxmemory-policy.", limit, used)
		}
	}
	return s.applyEngine()
}

// started reports whether clients are served.
func (s *Server) started() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// goMemory is the part of used_memory that lies in the Go heap: what was alive at
// the last collection, with the buffers of clients as they are now. The rest of the
// heap is garbage, which used_memory does not have in Redis either.
//
// COMPAT: used-memory: what was alive at the last collection, in steps.
type goMemory struct {
	cycles uint64
	live   int64                // at the last collection, without the buffers of clients
	before int64                // at the one before
	told   int64                // the same, without the small changes from one collection to the next
	recent [recentBuffers]int64 // the sums of buffers noted last
	next   int

	collectedMs int64 // when a collection was last asked for
}

// recentBuffers is the number of sums of which the largest counts as alive at a
// collection: a sum is up to two rounds old.
const recentBuffers = 4

// toldStep is the change of the live heap that is not worth telling: used_memory
// should follow the data, also where they are small, and what is alive varies from
// one collection to the next. The limit of what is resident sees it all the same.
const toldStep = 16 << 20

// note takes the figures of the Go runtime and the sum of the clients' buffers, by
// one goroutine, and returns the bytes in use without those.
func (g *goMemory) note(f goFigures, buffers int64) int64 {
	g.recent[g.next] = buffers
	g.next = (g.next + 1) % recentBuffers
	if f.gcCycles != g.cycles || g.told == 0 {
		g.cycles = f.gcCycles
		g.before = g.live
		g.live = max(f.liveBytes-slices.Max(g.recent[:]), 0)
		if g.told == 0 {
			g.before = g.live
		}
	}
	switch lasting := min(g.live, g.before); {
	case g.live < g.told-toldStep:
		g.told = g.live
	case lasting > g.told+toldStep || g.told == 0:
		g.told = lasting // alive at two collections: not only replies on their way
	}
	return g.told
}

const (
	// purgeMax is what one round of housekeeping returns to the system while the
	// process is larger than its limit.
	purgeMax = 64 << 20
	// A collection is asked for when the limit is exceeded by collectOver, at most
	// every collectEveryMs.
	collectOver    = 1 << 20
	collectEveryMs = 500
	// heapShare is the part of the limit that garbage and the runtime itself may
	// take; heapShareMin what they always may.
	heapShare    = 64
	heapShareMin = 12 << 20
)

// noteMemory tells the engine about the memory of the process and, when it is
// larger than its limit, gives free pages back at once.
func (s *Server) noteMemory(f goFigures) {
	limit := s.eng.Settings().Memory.Max
	stream, backlog, conns := s.repl.memory()
	told := s.goMem.note(f, s.clientBytes()+stream+conns) + stream + conns
	st := mem.ReadStats()
	rss := residentBytes()
	s.eng.NoteMemory(told, rss-st.Resident, stream-backlog+conns)
	used := s.eng.UsedMemory()
	s.stats.notePeak(used)
	if now := s.clock.NowMs(); limit > 0 && used-s.eng.Apart() > limit+collectOver && now-s.goMem.collectedMs > collectEveryMs {
		s.goMem.collectedMs = now
		runtime.GC() // what clients have left behind is not to be paid for with keys
	}
	if limit > 0 && rss > limit {
		mem.Purge(min(rss-limit, purgeMax))
	}
}

// settleHeap makes the first collection, so that the live heap is known, and counts
// it as what the server takes when it is empty.
func (s *Server) settleHeap() {
	runtime.GC()
	s.noteMemory(readGo())
	s.stats.startBytes = s.eng.UsedMemory()
}

// heapCeiling returns the most that the Go heap should take when live bytes of it
// are in use.
func (s *Server) heapCeiling(live int64) int64 {
	want := max(live*heapLimitTimes, heapLimitMin)
	if limit := s.eng.Settings().Memory.Max; limit > 0 {
		want = min(want, live+live/2+max(limit/heapShare, heapShareMin))
	}
	return want
}

// Memory implements command.Host.
func (s *Server) Memory() command.Memory {
	st := mem.ReadStats()
	m := command.Memory{
		Used: s.eng.UsedMemory(), Startup: s.stats.startBytes, ClientCount: s.clients.Load(),
		Allocated: st.Total, Active: st.Spans, Resident: st.Resident, Process: residentBytes(),
	}
	s.stats.notePeak(m.Used)
	m.Peak = s.stats.peakBytes.Load()
	stream, backlog, conns := s.repl.memory()
	m.Clients, m.Replicas, m.Backlog = s.clientBytes(), stream-backlog+conns, backlog
	m.AOFBuffer = s.aof.lag()
	return m
}

// PurgeMemory implements command.Host.
func (s *Server) PurgeMemory() {
	debug.FreeOSMemory()
	mem.Purge(math.MaxInt64)
	mem.Purge(math.MaxInt64) // current spans that the first call saw empty
}
