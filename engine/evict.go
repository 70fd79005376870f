package engine

import (
	"math"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/object"
)

// Eviction. Before a batch, and before each command that may need memory once the
// room that was found then is used up, the worker evicts keys until there is room
// again or its time is over; what is left to do is done by the next requests and
// by background slices. It holds no locks when it begins, and one shard's at a time
// while it looks for candidates and removes one.
//
// Each worker has a pool of the best candidates it has met, as Redis has. Unlike
// there, a candidate that was used after it was drawn is dropped when its turn
// comes, as its rank is no longer what it was drawn for.
//
// COMPAT: eviction-order: what was used since stays, what is due goes first.
//
// E1: no lock is held across two steps; a candidate is looked up again by hash and
// handle under the lock of its shard before it goes. E2: one call works at most
// limit.Usec plus one step, whatever there is to evict.

const errOOM = "-OOM command not allowed when used memory > 'maxmemory'."

const (
	poolSize = 16
	// roomMax bounds what a worker counts on between two looks at the memory in use:
	// others take of it at the same time.
	roomMax = 64 << 10
	// roomShare is the part of the limit that is freed beyond what is missing, so
	// that not every write has to evict; roomMost bounds it.
	roomShare = 1024
	roomMost  = 16 << 10
	// keyCost is what a new key may cost beyond the bytes of its request.
	keyCost = 64
	// stepKeys are evicted between looks at the clock.
	stepKeys = 16
	// drawsMax bounds the draws in search of volatile keys between looks at the
	// clock.
	drawsMax = 64
	// Each step looks at the tickets of sweepGroups groups and sweeps those with more
	// than staleTickets stale ones: evicted keys leave theirs behind.
	sweepGroups  = 4
	staleTickets = 64
	// helpBuckets is the work on compaction that a batch does when holes in spans
	// have taken the room.
	helpBuckets = 64
	// tightAgainNs is the pause after a search that found no span to empty.
	tightAgainNs = 5_000_000
)

// candidate is a key that may be evicted.
type candidate struct {
	rank   int64  // the smaller, the sooner it goes
	hash   uint64 // of the key
	rec    mem.Handle
	access uint64 // what the rank was computed from
	db     int
}

// expiredRank is the rank of a key that is due.
const expiredRank = math.MinInt64 / 2

// evictor is a worker's part of eviction.
type evictor struct {
	limit MemoryLimit
	room  int64 // bytes that requests may bring before the next look
	idle  bool  // nothing may be evicted, and nothing is refused for want of memory
	tired bool  // this batch has worked on eviction for as long as it may
	full  bool  // nothing could be evicted at the last look and memory is short

	pool [poolSize]candidate // by rank, the best last
	n    int
	draw keyspace.Draw

	total  int64   // keys to choose from, at the last count
	counts []int64 // the same by database, summed up
	swept  int     // group of a database whose tickets were looked at last
}

// adopt takes over the limit.
func (ev *evictor) adopt(limit *MemoryLimit) {
	if ev.limit.Policy != limit.Policy {
		ev.n = 0 // ranks of another kind
	}
	ev.limit = *limit
	ev.room = 0
	ev.full = false
}

// checkMemory looks at the memory in use at the start of a batch and evicts if it
// must.
func (w *Worker) checkMemory() {
	w.evictor.tired = false
	w.makeRoom()
}

// outOfMemory reports whether a command that may need memory is to be refused,
// after having evicted what it may.
func (w *Worker) outOfMemory(s *command.Session, args [][]byte) bool {
	if s.Flags&command.Internal != 0 {
		return false // a log or a master decides for itself
	}
	ev := &w.evictor
	cost := int64(keyCost)
	for _, a := range args {
		cost += int64(len(a))
	}
	if ev.room -= cost; ev.room < 0 {
		w.makeRoom()
	}
	return ev.full
}

// makeRoom evicts keys while memory is short, if it may, and sets the room that
// there is.
func (w *Worker) makeRoom() {
	ev := &w.evictor
	if ev.idle {
		ev.full, ev.room = false, roomMax
		return
	}
	missing, holes := w.e.over(&ev.limit)
	if holes > 0 && !ev.tired {
		w.helpCompact()
	}
	if missing <= 0 {
		ev.full = false
		ev.room = min(-missing, roomMax)
		w.e.noteExceeded(false, w.lastTicks)
		return
	}
	ev.room = 0
	if ev.tired {
		return
	}
	ev.tired = true
	end := int64(math.MaxInt64)
	if ev.limit.Usec >= 0 {
		end = w.e.clock.Ticks() + w.e.clock.NsToTicks(ev.limit.Usec*1000)
	}
	start := w.e.clock.Ticks()
	w.evict(missing, end)
	w.lastTicks = w.e.clock.Ticks()
	w.Sample(EventEviction, w.lastTicks-start)
	if w.lastTicks >= w.nextMs {
		w.readTime() // the time of the next command begins here
	}
}

// relieve evicts in a background slice and reports whether there is more to do.
func (w *Worker) relieve(end int64) (more bool) {
	if w.evictor.idle {
		return false
	}
	missing, _ := w.e.over(&w.evictor.limit)
	if missing <= 0 {
		w.e.noteExceeded(false, w.lastTicks)
		return false
	}
	start := w.e.clock.Ticks()
	w.evict(missing, end)
	w.Sample(EventEviction, w.e.clock.Ticks()-start)
	return !w.evictor.full && w.evictor.room <= 0
}

// evict removes keys until missing bytes and some room are freed, nothing is left
// to remove, or the clock shows end.
func (w *Worker) evict(missing, end int64) {
	ev := &w.evictor
	w.beginInternal()
	target := -min(ev.limit.Max/roomShare, roomMost)
	for done := false; !done && missing > target; {
		done = w.evictStep(missing - target)
		// Looked at again each time: other workers do the same at the same time.
		missing, _ = w.e.over(&ev.limit)
		done = done || w.e.clock.Ticks() >= end
	}
	ev.full = ev.full && missing > 0
	ev.room = min(max(-missing, 0), roomMax)
	w.e.noteExceeded(missing > 0, w.e.clock.Ticks())
}

// evictStep removes up to stepKeys keys, until want bytes are freed. done tells that
// there is nothing to remove, and sets full.
func (w *Worker) evictStep(want int64) (done bool) {
	ev := &w.evictor
	if w.e.KS.Reclaim(clearBudget) {
		ev.full = false // flushed data go first
		return false
	}
	if ev.full = ev.limit.Policy == NoEviction || !w.countKeys(); ev.full {
		// The last to go are tickets of keys that are gone.
		ev.full = !w.sweep(w.e.KS.DBCount()*keyspace.GroupCount, 0)
		return ev.full
	}
	w.sweep(sweepGroups, staleTickets)
	freed := int64(0)
	for range stepKeys {
		if ev.limit.Policy.random() {
			freed += w.evictRandom()
		} else {
			w.fillPool()
			freed += w.evictBest()
		}
		if freed >= want {
			break
		}
	}
	return false
}

// countKeys counts the keys to choose from by database and reports whether there
// are any.
func (w *Worker) countKeys() bool {
	ev, ks := &w.evictor, w.e.KS
	ev.counts = ev.counts[:0]
	ev.total = 0
	volatile := ev.limit.Policy.volatile()
	for i := range ks.DBCount() {
		db := ks.DB(i)
		for g := range keyspace.GroupCount {
			ev.total += max(db.GroupLen(g, volatile), 0)
		}
		ev.counts = append(ev.counts, ev.total)
	}
	return ev.total > 0
}

// place draws a database and a group, each in proportion to the keys to choose
// from.
func (w *Worker) place() (db *keyspace.DB, group int) {
	ev, ks := &w.evictor, w.e.KS
	n := int64(w.rng.Uint64n(uint64(ev.total)))
	i := 0
	for i < len(ev.counts)-1 && n >= ev.counts[i] {
		i++
	}
	if i > 0 {
		n -= ev.counts[i-1]
	}
	db = ks.DB(i)
	return db, w.group(db, n)
}

// group returns the group that key number n of a database, in the order of groups,
// is in, or another if that has more keys: keys of one size then go evenly, and come
// to where others have left holes.
func (w *Worker) group(db *keyspace.DB, n int64) (group int) {
	volatile := w.evictor.limit.Policy.volatile()
	for group < keyspace.GroupCount-1 {
		have := db.GroupLen(group, volatile)
		if n < have {
			break
		}
		n -= have
		group++
	}
	if other := w.rng.Intn(keyspace.GroupCount); db.GroupLen(other, volatile) > db.GroupLen(group, volatile) {
		return other
	}
	return group
}

// fillPool draws as many keys as maxmemory-samples says and puts those that are
// better than others into the pool.
func (w *Worker) fillPool() {
	ev := &w.evictor
	for found, draws := 0, 0; found < ev.limit.Samples && draws < drawsMax; draws++ {
		db, group := w.place()
		found += w.drawFrom(db, group, ev.limit.Samples-found)
	}
}

// drawFrom draws about want keys of a group of a database and returns how many of
// them the policy may choose.
func (w *Worker) drawFrom(db *keyspace.DB, group, want int) (found int) {
	ev, ks := &w.evictor, w.e.KS
	volatile := ev.limit.Policy.volatile()
	first := w.rng.Intn(keyspace.GroupShards)
	for i := 0; i < keyspace.GroupShards && found == 0; i++ {
		shard := group + (first+i)%keyspace.GroupShards*keyspace.GroupCount
		ks.Lock(shard)
		db.Gather(shard, w.rng.Uint32(), want, &ev.draw)
		for n, rec := range ev.draw.Records() {
			if volatile && object.Load(rec)&object.FlagVolatile == 0 {
				continue
			}
			found++ // more than wanted, perhaps: their memory is on its way already
			w.offer(db, rec, ev.draw.Visited(n))
		}
		ks.Unlock(shard)
		if volatile && i >= drawsMax/4 {
			break // let the caller draw another place
		}
	}
	return found
}

// offer puts a record into the pool if it is better than the worst there. Its shard
// is locked.
func (w *Worker) offer(db *keyspace.DB, rec mem.Handle, visited bool) {
	ev := &w.evictor
	rank, access := w.rank(rec)
	if rank *= 2; visited {
		rank++ // of those with the same rank, one that was used again is the last to go
	}
	if ev.n == poolSize && rank >= ev.pool[0].rank {
		return
	}
	at := ev.n
	for at > 0 && ev.pool[at-1].rank < rank {
		at--
	}
	for i := at - 1; i >= 0 && ev.pool[i].rank == rank; i-- {
		if ev.pool[i].rec == rec {
			return // drawn before
		}
	}
	c := candidate{rank: rank, rec: rec, access: access, db: db.Index(), hash: w.e.KS.HashOf(rec)}
	if ev.n < poolSize {
		copy(ev.pool[at+1:ev.n+1], ev.pool[at:ev.n])
		ev.pool[at] = c
		ev.n++
		return
	}
	copy(ev.pool[:at-1], ev.pool[1:at])
	ev.pool[at-1] = c
}

// rank returns the rank of a record under the policy and what it was made from: it
// is good as long as that stays the same.
func (w *Worker) rank(rec mem.Handle) (rank int64, access uint64) {
	d := object.Load(rec)
	if d&object.FlagVolatile != 0 {
		due := object.Due(rec)
		if w.nowMs > due {
			return expiredRank, uint64(due)
		}
		if w.evictor.limit.Policy == VolatileTTL {
			return due, uint64(due)
		}
	}
	if lfu := w.ctx.LFU; lfu != nil {
		return lfu.Rank(d.Access(), w.nowMs), uint64(d.Access())
	}
	return command.LRURank(d.Access(), w.nowMs), uint64(d.Access())
}

// evictBest removes the best of the pool that is still what it was, and returns the
// bytes freed, 0 if there is none.
func (w *Worker) evictBest() (freed int64) {
	ev, ks := &w.evictor, w.e.KS
	for ev.n > 0 && freed == 0 {
		ev.n--
		c := &ev.pool[ev.n]
		db, shard := ks.DB(c.db), keyspace.ShardOf(c.hash)
		w.lockShard(shard)
		if e, k, ok := db.FindRecord(c.hash, c.rec); ok && w.stillMeant(c, e) {
			freed = w.remove(db, k, e)
		}
		w.unlockShard(shard)
	}
	return freed
}

// stillMeant reports whether the record of a candidate may be evicted for the rank
// that it was drawn with.
func (w *Worker) stillMeant(c *candidate, e keyspace.Entry) bool {
	if w.evictor.limit.Policy.volatile() && object.Load(c.rec)&object.FlagVolatile == 0 {
		return false
	}
	rank, access := w.rank(c.rec)
	return access == c.access && !e.Visited() || rank == expiredRank
}

// evictRandom removes a random key and returns the bytes
// freed, 0 if it found none.
func (w *Worker) evictRandom() (freed int64) {
	ev, ks := &w.evictor, w.e.KS
	db, group := w.place()
	volatile := ev.limit.Policy.volatile()
	first := w.rng.Intn(keyspace.GroupShards)
	for i := 0; i < keyspace.GroupShards && freed == 0; i++ {
		shard := group + (first+i)%keyspace.GroupShards*keyspace.GroupCount
		w.lockShard(shard)
		db.Gather(shard, w.rng.Uint32(), 1, &ev.draw)
		recs := ev.draw.Records()
		for n, from := 0, w.rng.Intn(max(len(recs), 1)); n < len(recs); n++ {
			rec := recs[(from+n)%len(recs)]
			if volatile && object.Load(rec)&object.FlagVolatile == 0 {
				continue
			}
			if e, k, ok := db.FindRecord(ks.HashOf(rec), rec); ok {
				freed = w.remove(db, k, e)
				break
			}
		}
		w.unlockShard(shard)
	}
	return freed
}

// remove evicts a key whose shard is locked, or expires it if it is due and nobody else
// says when keys have expired, and returns the bytes freed.
func (w *Worker) remove(db *keyspace.DB, k keyspace.Key, e keyspace.Entry) (freed int64) {
	if w.e.KS.Pinned(k) {
		return 0
	}
	freed = int64(object.Footprint(e.Rec))
	if e.Expired(w.nowMs) && !w.ctx.KeepExpired {
		w.ctx.Expire(db, k, e)
	} else {
		w.ctx.Evict(db, k, e, w.evictor.limit.Lazy)
	}
	db.DropEmpty(keyspace.ShardOf(k.Hash))
	return freed
}

// sweep drops tickets of keys that went, of one group after the other, when there
// are more than minded. It reports whether it found any to drop.
func (w *Worker) sweep(groups int, minded int64) (found bool) {
	ev, ks := &w.evictor, w.e.KS
	for range groups {
		ev.swept = (ev.swept + 1) % (ks.DBCount() * keyspace.GroupCount)
		db := ks.DB(ev.swept / keyspace.GroupCount)
		if db.SweepBeyond(ev.swept%keyspace.GroupCount, sweepBudget, minded) {
			found = true
		}
	}
	return found
}

// tight reports whether holes in spans take so much memory that compaction must not
// wait.
func (w *Worker) tight() bool {
	limit := w.evictor.limit.Max
	return limit >= boundMin && w.e.KS.SpanBytes()+w.e.pressure.resident.Load() > limit+slack(limit)/2
}

// helpCompact does a step of compaction, and begins a pass if there is none.
func (w *Worker) helpCompact() {
	b := &w.e.activity
	if !b.compacting.Load() {
		if w.lastTicks < b.nextTight.Load() {
			return
		}
		if !w.e.KS.CompactTight(w.tightBudget()) {
			b.nextTight.Store(w.lastTicks + w.e.clock.NsToTicks(tightAgainNs))
			return
		}
		b.compacting.Store(true)
	}
	if !w.e.KS.CompactStep(helpBuckets) {
		b.compacting.Store(false)
	}
}

// tightBudget returns how many bytes one pass of compaction may move then.
func (w *Worker) tightBudget() int {
	return int(max(w.evictor.limit.Max/tightShare, tightMin))
}
