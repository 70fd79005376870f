package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"kvorum/clock"
	"kvorum/keyspace"
	"kvorum/rng"
)

const (
	ttlSamples = 32  // volatile keys that an average TTL is made of
	ttlDraws   = 512 // tries to find them
)

// dbFigures are the numbers of one database.
type dbFigures struct {
	keys, volatile, tickets int64
	averageTTL              int64 // ms
	looked, stale           int64 // volatile keys looked at, and those past their due time
}

// databases reads the figures of all databases. The world stands still for some
// microseconds, and again for each database that has volatile keys.
func (r *report) databases() []dbFigures {
	if r.dbs != nil {
		return r.dbs
	}
	ks := r.s.ks
	r.dbs = make([]dbFigures, ks.DBCount())
	random := rng.New(uint64(r.nowMs))
	r.s.eng.Exclusive(func() {
		for i := range r.dbs {
			db := ks.DB(i)
			r.dbs[i] = dbFigures{keys: db.Len(), volatile: db.VolatileLen(), tickets: db.Tickets()}
		}
	})
	for i := range r.dbs {
		if r.dbs[i].volatile > 0 {
			r.s.eng.Exclusive(func() { r.dbs[i].sample(ks.DB(i), r.nowMs, random) })
		}
	}
	return r.dbs
}

// sample estimates the mean time to live of a database's volatile keys, and counts
// those past their due time among the keys it looks at: none when volatile keys
// are too rare among many to be drawn. The world stands still.
func (f *dbFigures) sample(db *keyspace.DB, nowMs int64, random *rng.Rand) {
	sum, n := int64(0), int64(0)
	add := func(e keyspace.Entry) {
		if e.Due() >= 0 && n < ttlSamples {
			sum += max(e.Due()-nowMs, 0)
			n++
			if e.Due() <= nowMs {
				f.stale++
			}
		}
	}
	if db.Len() < ttlDraws*keyspace.ShardCount/100 {
		// Few keys: most draws would hit an empty place, a walk is short.
		first := random.Intn(keyspace.ShardCount)
		for i := 0; i < keyspace.ShardCount && n < ttlSamples; i++ {
			db.ScanShard((first+i)%keyspace.ShardCount, add)
		}
	} else {
		for i := 0; i < ttlDraws && n < ttlSamples; i++ {
			if e, ok := db.Sample(random.Intn(keyspace.ShardCount), random.Uint32(), random.Uint32()); ok {
				add(e)
			}
		}
	}
	if f.looked = n; n > 0 {
		f.averageTTL = sum / n
	}
}

// blockingKeys returns the number of keys that clients wait for.
func (r *report) blockingKeys() (n int) {
	if r.s.ks.Waits() {
		r.s.eng.Exclusive(func() { n = r.s.ks.WaitedKeys() })
	}
	return n
}

// blockingKeysGone returns the number of keys that clients wait for to go, too.
func (r *report) blockingKeysGone() (n int) {
	if r.s.ks.Waits() {
		r.s.eng.Exclusive(func() { n = r.s.ks.WaitedKeysGone() })
	}
	return n
}

func (r *report) tickets() (n int64) {
	for _, db := range r.databases() {
		n += db.tickets
	}
	return n
}

// sums are the figures that the loops publish.
func (r *report) sums() *loopSums {
	if !r.loopsRead {
		if !r.crashed {
			r.s.publishAll()
		}
		r.loops, r.loopsRead = r.s.sinceReset(), true
	}
	return &r.loops
}

func (r *report) ticksUs(ticks uint64) int64 { return r.s.clock.TicksToNs(int64(ticks)) / nsPerUs }

func (r *report) ticksMs(ticks uint64) int64 { return r.ticksUs(ticks) / usPerMs }

// commandUs returns the time that commands took, in microseconds.
func (r *report) commandUs() int64 {
	ticks := uint64(0)
	for i := range r.counts().PerCommand {
		ticks += r.counts().PerCommand[i].Ticks
	}
	return r.ticksUs(ticks)
}

// ifThreaded returns n if there are several loops, as if all but one thread of
// Redis had done it.
func (r *report) ifThreaded(n uint64) uint64 {
	if len(r.s.loops) > 1 {
		return n
	}
	return 0
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// stalePercent returns the share of the volatile keys, of those looked at, that
// are past their due time.
func (r *report) stalePercent() float64 {
	looked, stale := int64(0), int64(0)
	for _, db := range r.databases() {
		looked += db.looked
		stale += db.stale
	}
	if looked == 0 {
		return 0
	}
	return float64(stale) / float64(looked) * 100
}

// usPerTurn returns the mean length of a turn of the loops in the last samples,
// in microseconds.
func (st *stats) usPerTurn() uint64 {
	turns := st.turns.get()
	if turns == 0 {
		return 0
	}
	return st.turnNs.get() / turns / nsPerUs
}

// clockName describes where ticks come from.
func clockName(c *clock.Clock) string {
	perUs := c.TicksPerMs() / usPerMs
	switch {
	case perUs == nsPerUs:
		return "POSIX clock_gettime"
	case runtime.GOARCH == "arm64":
		return fmt.Sprintf("ARM CNTVCT @ %d ticks/us", perUs)
	}
	return fmt.Sprintf("X86 TSC @ %d ticks/us", perUs)
}

// build is what identifies the program.
type build struct {
	revision string // first 8 digits of the commit, zeros when unknown
	dirty    int
	id       string // 16 digits
}

// buildFigures reads what the compiler noted of the source.
var buildFigures = sync.OnceValue(func() build {
	b := build{revision: "00000000"}
	hash := sha256.New()
	hash.Write([]byte(Version + runtime.Version() + runtime.GOOS + runtime.GOARCH))
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, set := range info.Settings {
			switch {
			case set.Key == "vcs.revision" && len(set.Value) >= len(b.revision):
				b.revision = set.Value[:len(b.revision)]
			case set.Key == "vcs.modified" && set.Value == "true":
				b.dirty = 1
			}
			hash.Write([]byte(set.Key + "=" + set.Value))
		}
	}
	const idBytes = 8
	b.id = hex.EncodeToString(hash.Sum(nil)[:idBytes])
	return b
})
