package server

import (
	"runtime/metrics"
	"sync/atomic"
	"time"

	"kvorum/hist"
	"kvorum/mem"
	"kvorum/netloop"
	"kvorum/repl"
)

// loopCounts are what one loop has done: plain counters of its goroutine, and what
// it has published of them.
type loopCounts struct {
	turns       uint64
	busyNs      int64 // without waiting and without background work
	busyNsMax   int64 // longest turn
	commands    uint64
	commandsWas uint64 // before this turn
	commandsMax uint64 // of one turn
	netIn       uint64 // bytes of requests
	netOut      uint64 // bytes of replies
	publishNs   int64  // Mono at which they are published next

	_   [64]byte // what others read is on lines of its own
	pub published
}

// add counts what a call of Serve did.
func (c *loopCounts) add(commands, in, out uint64) {
	c.commands += commands
	c.netIn += in
	c.netOut += out
}

// publishEveryNs is how old figures that are read off the loop may be.
const publishEveryNs = 20_000_000

// published are figures of a loop that anybody may read at any time; they are as
// old as publishEveryNs, or as the last turn of an idle loop.
type published struct {
	cycles, busyNs, busyNsMax, commandsMax atomic.Uint64
	sliceNs                                atomic.Uint64
	reads, writes                          atomic.Uint64
	commands, netIn, netOut                atomic.Uint64
}

// cycle ends a turn of the loop, but for the background work that follows.
func (st *loopState) cycle(l *netloop.Loop, nowMono int64) {
	c := &st.counts
	c.turns++
	busy := nowMono - l.Now
	c.busyNs += busy
	c.busyNsMax = max(c.busyNsMax, busy)
	c.commandsMax = max(c.commandsMax, c.commands-c.commandsWas)
	c.commandsWas = c.commands
	if nowMono >= c.publishNs {
		c.publishNs = nowMono + publishEveryNs
		st.publish(l)
	}
}

func (st *loopState) publish(l *netloop.Loop) {
	c, p := &st.counts, &st.counts.pub
	p.cycles.Store(c.turns)
	p.busyNs.Store(uint64(c.busyNs))
	p.sliceNs.Store(uint64(st.worker.BackgroundNs()))
	p.busyNsMax.Store(uint64(c.busyNsMax))
	p.commandsMax.Store(c.commandsMax)
	p.reads.Store(l.Reads)
	p.writes.Store(l.Writes)
	p.commands.Store(c.commands)
	p.netIn.Store(c.netIn)
	p.netOut.Store(c.netOut)
}

// loopSums are the published figures of all loops, since the start.
type loopSums struct {
	cycles, busyNs, busyNsMax, commandsMax uint64
	sliceNs                                uint64
	reads, writes                          uint64
	commands, netIn, netOut                uint64
}

func (s *Server) sumLoops() (sum loopSums) {
	for _, l := range s.loops {
		p := &l.counts.pub
		sum.cycles += p.cycles.Load()
		sum.busyNs += p.busyNs.Load()
		sum.sliceNs += p.sliceNs.Load()
		sum.busyNsMax = max(sum.busyNsMax, p.busyNsMax.Load())
		sum.commandsMax = max(sum.commandsMax, p.commandsMax.Load())
		sum.reads += p.reads.Load()
		sum.writes += p.writes.Load()
		sum.commands += p.commands.Load()
		sum.netIn += p.netIn.Load()
		sum.netOut += p.netOut.Load()
	}
	return sum
}

// stats are the counters of the server around the engine. Any goroutine may use
// them.
type stats struct {
	accepted atomic.Uint64
	rejected atomic.Uint64

	evictedClients atomic.Uint64

	ops, inBytes, outBytes rate
	replIn, replOut        rate // of these, between masters and replicas
	peakBytes              atomic.Int64
	startBytes             int64 // used memory at the start

	badLogins     atomic.Uint64
	turns, turnNs rate
	resetAt       atomic.Pointer[loopSums] // at the last CONFIG RESETSTAT
	forgetRates   atomic.Bool              // at the next sample
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
	if value < r.last { // CONFIG RESETSTAT
		r.last = 0
	}
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
	metricLive     = "/gc/heap/live:bytes"
	metricGCTotal  = "/cpu/classes/gc/total:cpu-seconds"
	metricGCIdle   = "/cpu/classes/gc/mark/idle:cpu-seconds"
	metricGCCycles = "/gc/cycles/total:gc-cycles"
)

// goFigures are figures of the Go runtime, without pages of package mem.
type goFigures struct {
	heapBytes int64 // with garbage that is not yet swept
	liveBytes int64 // alive at the last collection
	gcCPUNs   int64 // without marking in idle time, which costs nobody anything
	gcCycles  uint64
}

func readGo() (f goFigures) {
	list := []metrics.Sample{{Name: metricHeapLive}, {Name: metricGCTotal}, {Name: metricGCIdle}, {Name: metricGCCycles}, {Name: metricLive}}
	metrics.Read(list)
	pages := mem.GoHeapBytes()
	f.heapBytes = max(int64(list[0].Value.Uint64())-pages, 0)
	f.gcCPUNs = int64((list[1].Value.Float64() - list[2].Value.Float64()) * 1e9)
	f.gcCycles = list[3].Value.Uint64()
	f.liveBytes = max(int64(list[4].Value.Uint64())-pages, 0)
	return f
}

// notePeak remembers the largest used_memory seen.
func (st *stats) notePeak(used int64) {
	if used > st.peakBytes.Load() {
		st.peakBytes.Store(used) // a lost race costs one sample
	}
}

// ResetStats implements command.Host.
func (s *Server) ResetStats() {
	s.eng.ResetTotals()
	s.ks.ResetFreed()
	s.aof.resetStats()
	sum := s.sumLoops()
	s.stats.resetAt.Store(&sum)
	s.stats.accepted.Store(0)
	s.stats.rejected.Store(0)
	s.stats.evictedClients.Store(0)
	s.stats.badLogins.Store(0)
	s.repl.sentOut.Store(0)
	s.repl.received.all.Store(0)
	s.repl.driver.Prepare((*repl.Machine).ResetSyncs)
	s.stats.forgetRates.Store(true)
}

// publishAll makes all loops publish what they have done by now. In a Task only.
func (s *Server) publishAll() {
	for _, l := range s.net.Loops() {
		onLoop(l, func() { l.User.(*loopState).publish(l) })
	}
}

// sinceReset returns turns, reads and writes since the last CONFIG RESETSTAT, the
// rest since the start.
func (s *Server) sinceReset() loopSums {
	sum := s.sumLoops()
	if at := s.stats.resetAt.Load(); at != nil {
		sum.cycles -= at.cycles
		sum.busyNs -= at.busyNs
		sum.sliceNs -= at.sliceNs
		sum.reads -= at.reads
		sum.writes -= at.writes
	}
	return sum
}

// Latencies implements command.Host.
func (s *Server) Latencies() []*hist.Histogram { return s.eng.Latencies() }

// sampleRates takes a sample of everything that INFO tells per second.
func (s *Server) sampleRates(elapsed time.Duration) {
	sum := s.sumLoops()
	st := &s.stats
	if st.forgetRates.Swap(false) {
		for _, r := range []*rate{&st.ops, &st.inBytes, &st.outBytes, &st.replIn, &st.replOut, &st.turns, &st.turnNs} {
			r.ring = [samples]uint64{}
		}
	}
	st.ops.note(sum.commands, elapsed)
	replIn, replOut := s.repl.received.all.Load(), s.repl.sentOut.Load()
	st.inBytes.note(sum.netIn+replIn, elapsed)
	st.outBytes.note(sum.netOut+replOut, elapsed)
	st.replIn.note(replIn, elapsed)
	st.replOut.note(replOut, elapsed)
	st.turns.note(sum.cycles, elapsed)
	st.turnNs.note(sum.busyNs+sum.sliceNs, elapsed)
}
