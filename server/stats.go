package server

import (
	"runtime/metrics"
	"sync/atomic"
	"time"

	"kvorum/hist"
	"kvorum/mem"
)

// loopCounts are what one loop has done. Only the loop writes, so a plain load
// and store do; anybody reads.
type loopCounts struct {
	commands atomic.Uint64
	netIn    atomic.Uint64 // bytes of requests
	netOut   atomic.Uint64 // bytes of replies
	_        [40]byte      // a cache line of its own
}

func (c *loopCounts) add(commands, in, out uint64) {
	c.commands.Store(c.commands.Load() + commands)
	c.netIn.Store(c.netIn.Load() + in)
	c.netOut.Store(c.netOut.Load() + out)
}

// counts is a sum of loopCounts.
type counts struct{ commands, netIn, netOut uint64 }

func (s *Server) sumCounts() (sum counts) {
	for _, l := range s.loops {
		sum.commands += l.counts.commands.Load()
		sum.netIn += l.counts.netIn.Load()
		sum.netOut += l.counts.netOut.Load()
	}
	return sum
}

// stats are the counters of the server around the engine. Any goroutine may use
// them.
type stats struct {
	accepted atomic.Uint64
	rejected atomic.Uint64

	evictedClients atomic.Uint64
	netInAt        atomic.Uint64 // sums at the last CONFIG RESETSTAT
	netOutAt       atomic.Uint64

	ops, inBytes, outBytes rate
	peakBytes              atomic.Int64
	startBytes             int64 // used memory at the start
}

// samples is the number of measurements that a rate is the average of.
const samples = 16

// rate is a speed per second, averaged over the last samples. note is called by
// one goroutine, get by any.
type rate struct {
	last   uint64
	ring   [samples]uint64
	next   int
	perSec atomic.Uint64
}

// note takes the value of a counter, elapsed after the value before.
func (r *rate) note(value uint64, elapsed time.Duration) {
	r.ring[r.next] = uint64(float64(value-r.last) / elapsed.Seconds())
	r.next = (r.next + 1) % samples
	r.last = value
	sum := uint64(0)
	for _, v := range r.ring {
		sum += v
	}
	r.perSec.Store(sum / samples)
}

func (r *rate) get() uint64 { return r.perSec.Load() }

// Names of figures of the Go runtime.
const (
	metricHeapLive = "/memory/classes/heap/objects:bytes"
	metricGCTotal  = "/cpu/classes/gc/total:cpu-seconds"
	metricGCIdle   = "/cpu/classes/gc/mark/idle:cpu-seconds"
	metricGCCycles = "/gc/cycles/total:gc-cycles"
)

// goFigures reads figures of the Go runtime.
type goFigures struct {
	heapBytes int64
	gcCPUNs   int64 // without marking in idle time, which costs nobody anything
	gcCycles  uint64
}

func readGo() (f goFigures) {
	list := []metrics.Sample{{Name: metricHeapLive}, {Name: metricGCTotal}, {Name: metricGCIdle}, {Name: metricGCCycles}}
	metrics.Read(list)
	f.heapBytes = int64(list[0].Value.Uint64())
	f.gcCPUNs = int64((list[1].Value.Float64() - list[2].Value.Float64()) * 1e9)
	f.gcCycles = list[3].Value.Uint64()
	return f
}

// usedBytes is used_memory: the blocks of the data and the live Go heap.
func usedBytes() int64 { return mem.UsedBytes() + readGo().heapBytes }

// notePeak remembers the largest used_memory seen.
func (st *stats) notePeak(used int64) {
	if used > st.peakBytes.Load() {
		st.peakBytes.Store(used) // a lost race costs one sample
	}
}

// ResetStats implements command.Host.
func (s *Server) ResetStats() {
	s.eng.ResetTotals()
	sum := s.sumCounts()
	s.stats.netInAt.Store(sum.netIn)
	s.stats.netOutAt.Store(sum.netOut)
	s.stats.accepted.Store(0)
	s.stats.rejected.Store(0)
	s.stats.evictedClients.Store(0)
}

// Latencies implements command.Host.
func (s *Server) Latencies() []*hist.Histogram {
	t := s.eng.Totals()
	list := make([]*hist.Histogram, len(t.PerCommand))
	for i := range t.PerCommand {
		list[i] = t.PerCommand[i].Latency
	}
	return list
}
