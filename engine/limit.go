package engine

import "sync/atomic"

// The limit of memory. Two figures are held against it:
//
//	used      bytes of live blocks + what the server told of the rest: the live Go
//	          heap with the buffers of clients. This is used_memory, and it must
//	          not exceed the limit.
//	resident  bytes of the spans that blocks lie in + what is resident besides,
//	          as far as more than free pages. It may exceed the limit by slack.
//
// Evicting a key lowers the first figure at once, the second only when a span
// becomes empty. So while the second is too large compaction works harder, and
// used is held a little lower (trim) to leave holes that pay for its copying; if it
// were kept as high as the limit, spans of another size of values could only be had
// by copying the same blocks again and again.
//
// COMPAT: maxmemory-resident: resident memory is bounded too.
//
// Reading both costs two loads per arena. A worker does so once per batch and
// counts on with what the requests bring (evictor.room).

// Policy says which keys go when memory is short.
type Policy uint8

// The policies.
const (
	NoEviction Policy = iota
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	VolatileLRU
	VolatileLFU
	VolatileRandom
	VolatileTTL
)

var policyNames = map[string]Policy{
	"noeviction": NoEviction, "allkeys-lru": AllKeysLRU, "allkeys-lfu": AllKeysLFU, "allkeys-random": AllKeysRandom,
	"volatile-lru": VolatileLRU, "volatile-lfu": VolatileLFU, "volatile-random": VolatileRandom, "volatile-ttl": VolatileTTL,
}

// ParsePolicy returns the policy that maxmemory-policy names.
func ParsePolicy(name string) (p Policy, ok bool) {
	p, ok = policyNames[name]
	return p, ok
}

func (p Policy) volatile() bool { return p >= VolatileLRU }
func (p Policy) random() bool   { return p == AllKeysRandom || p == VolatileRandom }

// LFU reports whether the policy goes by how often keys are used.
func (p Policy) LFU() bool { return p == AllKeysLFU || p == VolatileLFU }

// LRU reports whether the policy goes by when keys were used.
func (p Policy) LRU() bool { return p == AllKeysLRU || p == VolatileLRU }

// tracksAccess reports whether the policy goes by when or how often keys are used.
func (p Policy) tracksAccess() bool { return p.LFU() || p.LRU() }

// MemoryLimit is the configuration of the limit.
type MemoryLimit struct {
	Max     int64 // bytes, 0: none
	Policy  Policy
	Samples int   // keys looked at for each one that goes
	Usec    int64 // the longest that one request works on eviction, negative: no limit
	Lazy    bool  // evicted keys are fed as UNLINK, not DEL
}

// Parts of the limit.
const (
	slackShare = 40       // resident may exceed it by a 40th ...
	slackMin   = 5 << 20  // ... or, if that is more, by about what an empty process takes
	boundMin   = 64 << 20 // a smaller limit holds for what is used only
	trimShare  = 16       // used is held lower by at most a 16th
	// tightShare is the part of the limit that one pass of compaction may take for
	// its copies.
	tightShare = 128
	tightMin   = 256 << 10
)

func slack(limit int64) int64 { return max(limit/slackShare, slackMin) }

// pressure is what the workers share about memory.
type pressure struct {
	outside  atomic.Int64 // bytes in use outside the keyspace
	resident atomic.Int64 // bytes resident besides the keyspace's spans; may be negative
	apart    atomic.Int64 // bytes of outside for which no key is to go

	exceededAt atomic.Int64 // tick since which the limit is exceeded, 0: it is not
	exceededNs atomic.Int64 // time in which it was, until then
}

// NoteMemory tells the engine what the process takes besides the keyspace: bytes in
// use (the live Go heap without what Hooks.ClientBytes counts), and bytes resident in neither the keyspace's spans nor
// free pages. The latter corrects for pages of spans that were never touched, and
// may be negative. apart is what the limit is not about: the stream that waits for
// replicas, for evictions would only make it longer. Any goroutine may call it; a few
// times per second will do.
func (e *Engine) NoteMemory(outside, resident, apart int64) {
	e.pressure.outside.Store(outside)
	e.pressure.resident.Store(resident)
	e.pressure.apart.Store(apart)
}

// Apart returns the bytes in use that the limit is not about, as last told.
func (e *Engine) Apart() int64 { return e.pressure.apart.Load() }

// UsedMemory returns used_memory: bytes of live blocks, those of clients, and those in
// use besides as last told. Cost: a load per arena. Any goroutine may call it.
func (e *Engine) UsedMemory() int64 {
	tracked, _ := e.Tracking.Bytes()
	used := e.KS.UsedBytes() + tracked + e.pressure.outside.Load()
	if e.hooks.ClientBytes != nil {
		used += e.hooks.ClientBytes()
	}
	return used
}

// over returns by how much memory is short, negative when it is not, and how much
// of that is for holes in spans rather than for use.
//
// Without eviction holes do not count: a write is refused for what is in use only.
// Nor do they under a small limit, where what an empty process takes is more.
func (e *Engine) over(l *MemoryLimit) (missing, holes int64) {
	limit := l.Max + e.pressure.apart.Load()
	missing = e.UsedMemory() - limit
	if missing > 0 && e.hooks.ClientExcess != nil {
		missing -= e.hooks.ClientExcess() // no key goes for what is on its way
	}
	if l.Policy == NoEviction || l.Max < boundMin {
		return missing, 0
	}
	holes = e.KS.SpanBytes() + e.pressure.resident.Load() - limit - slack(l.Max)
	holes -= max(missing, 0) // what is to be evicted anyway
	if holes <= 0 {
		return missing, 0
	}
	holes = min(holes, l.Max/trimShare)
	return missing + holes, holes
}

// noteExceeded keeps the time in which the limit was exceeded.
func (e *Engine) noteExceeded(over bool, ticks int64) {
	p := &e.pressure
	since := p.exceededAt.Load()
	switch {
	case over && since == 0:
		p.exceededAt.CompareAndSwap(0, max(ticks, 1))
	case !over && since != 0 && p.exceededAt.CompareAndSwap(since, 0):
		p.exceededNs.Add(e.clock.TicksToNs(max(ticks-since, 0)))
	}
}

// Exceeded returns for how long memory has been over the limit, in milliseconds: in
// all, and since it last went over, 0 if it is not.
func (e *Engine) Exceeded() (totalMs, currentMs int64) {
	const nsPerMs = 1_000_000
	p := &e.pressure
	current := int64(0)
	if since := p.exceededAt.Load(); since != 0 {
		current = e.clock.TicksToNs(max(e.clock.Ticks()-since, 0))
	}
	return (p.exceededNs.Load() + current) / nsPerMs, current / nsPerMs
}

// resetExceeded zeroes the time for CONFIG RESETSTAT.
func (e *Engine) resetExceeded() {
	e.pressure.exceededNs.Store(0)
	if e.pressure.exceededAt.Load() != 0 {
		e.pressure.exceededAt.Store(max(e.clock.Ticks(), 1))
	}
}
