package engine

import (
	"sync/atomic"

	"kvorum/command"
	"kvorum/ds/wheel"
	"kvorum/keyspace"
	"kvorum/mem"
)

// Background work is done in slices between the batches of the executing
// goroutines, each short enough not to show in the latency of requests, with
// pauses so that the share of the processor stays small until there is a
// backlog.
const (
	sliceNs     = 50_000  // length of a slice
	restNs      = 500_000 // from slice to slice: a tenth of the processor
	restBusyNs  = 150_000 // with a backlog: a third
	idleNs      = 100_000_000
	expireNs    = 50_000_000 // between looks at the wheels
	lagBusyMs   = 500        // lag of expiry that counts as backlog
	dueMax      = 32         // tickets taken at a time
	fieldsMax   = 64         // fields of a hash removed at a time: its ticket comes again
	clearBudget = 32         // buckets freed between looks at the clock
	sweepBudget = 64         // tickets swept between looks at the clock

	compactEveryNs  = 1_000_000_000
	compactMinBytes = 1 << 20
	compactBudget   = 64 // buckets
)

// background is the state of background work that workers share.
type background struct {
	expireLagMs  atomic.Int64 // age of the oldest due ticket at the last look
	activeExpire atomic.Bool
	paused       atomic.Bool
	compacting   atomic.Bool
	compactFrom  atomic.Int64 // ticks at its beginning
	nextCompact  atomic.Int64 // ns on the tick clock
	nextTight    atomic.Int64 // ticks: when a tight pass is worth looking for again
	expired      atomic.Uint64
}

func (b *background) init() { b.activeExpire.Store(true) }

// SetActiveExpire turns background expiry on or off, as DEBUG
// SET-ACTIVE-EXPIRE does.
func (e *Engine) SetActiveExpire(on bool) { e.activity.activeExpire.Store(on) }

// PauseBackground stops all background work, or lets it go on, as DEBUG PAUSE-CRON
// does.
func (e *Engine) PauseBackground(on bool) { e.activity.paused.Store(on) }

// Compacting reports whether records are being moved together, and for how many
// milliseconds already.
func (e *Engine) Compacting() (on bool, ms int64) {
	if !e.activity.compacting.Load() {
		return false, 0
	}
	return true, max(e.clock.TicksToNs(e.clock.Ticks()-e.activity.compactFrom.Load())/usPerMs/nsPerUs, 0)
}

// ExpireLagMs returns the age of the oldest key that was waiting to be expired
// at the last look, in milliseconds.
func (e *Engine) ExpireLagMs() int64 { return e.activity.expireLagMs.Load() }

// slices is a worker's place in its background work.
type slices struct {
	nextNs   int64 // when the next slice may begin
	expireNs int64 // when the wheels are looked at next
	db       int
	group    int
	busy     bool   // the last look left due tickets behind
	walks    bool   // a snapshot was under way at the last look
	served   uint64 // calls of Serve at the last walk
	tickets  [dueMax]wheel.Ticket
}

// Tick does one slice of background work if one is due at nowNs, a monotonic
// time, and returns how long until the next may be. Called by the worker's
// goroutine between batches.
func (w *Worker) Tick(nowNs int64) (waitNs int64) {
	sl := &w.slices
	walks := w.e.snapshots.Load() != nil
	if nowNs < sl.nextNs && (sl.walks || !walks) {
		return sl.nextNs - nowNs
	}
	sl.walks = walks // one that has just begun does not wait for the next slice
	if w.e.activity.paused.Load() {
		sl.nextNs = nowNs + idleNs
		return idleNs
	}
	w.nextMs = 0
	w.begin()
	w.e.KS.AdvanceClock(w.nowMs)
	end := w.lastTicks + w.e.clock.NsToTicks(sliceNs)
	if w.unusual&tracked != 0 {
		w.trimTracked()
	}
	busy := w.reclaim(end)
	if w.evictor.limit.Max > 0 && w.relieve(end) {
		busy = true
	}
	if w.compact(nowNs, end) {
		busy = true
	}
	lag := w.expire(nowNs, end)
	if w.unusual&ownWrites != 0 {
		w.expireOwn()
	}
	walk := w.walk(end)
	waits := sl.expireNs > nowNs && w.volatile()
	w.sliceTicks += uint64(max(w.e.clock.Ticks()-w.lastTicks, 0))
	w.end()
	rest := int64(idleNs)
	switch {
	case lag >= lagBusyMs || busy && w.tight():
		rest = restBusyNs
	case busy || sl.busy:
		rest = restNs
	case waits:
		rest = sl.expireNs - nowNs
	}
	if walk >= 0 {
		rest = min(rest, walk)
	}
	sl.nextNs = nowNs + rest
	return rest
}

// BackgroundNs returns the time that the worker has spent in slices of background
// work. Called by its goroutine.
func (w *Worker) BackgroundNs() int64 { return w.e.clock.TicksToNs(int64(w.sliceTicks)) }

func (w *Worker) volatile() bool {
	for i := range w.e.KS.DBCount() {
		if db := w.e.KS.DB(i); db.VolatileLen() > 0 || db.TimedLen() > 0 {
			return true
		}
	}
	return false
}

// reclaim frees flushed data until the slice ends and reports whether more is
// left.
func (w *Worker) reclaim(end int64) (more bool) {
	for w.e.KS.Reclaim(clearBudget) {
		if w.e.clock.Ticks() >= end {
			return true
		}
	}
	return false
}

// compact moves records out of sparse spans until the slice ends. One worker
// at a time does it.
func (w *Worker) compact(nowNs, end int64) (more bool) {
	b := &w.e.activity
	if b.expireLagMs.Load() >= lagBusyMs || w.e.KS.PendingObjects() > 0 {
		return false // memory is being freed anyway: what moves now may go in a moment
	}
	if !b.compacting.Load() {
		next := b.nextCompact.Load()
		tight := w.tight()
		if !tight && nowNs < next || !b.nextCompact.CompareAndSwap(next, nowNs+compactEveryNs) {
			return false
		}
		if tight {
			if !w.e.KS.CompactTight(w.tightBudget()) {
				return false
			}
		} else if !w.e.KS.CompactBegin(compactMinBytes) {
			return false
		}
		b.compactFrom.Store(w.e.clock.Ticks())
		b.compacting.Store(true)
	}
	start := w.e.clock.Ticks()
	now := start
	for more = w.e.KS.CompactStep(compactBudget); more; more = w.e.KS.CompactStep(compactBudget) {
		if now = w.e.clock.Ticks(); now >= end {
			break
		}
	}
	w.totals.CompactTicks += uint64(max(now-start, 0))
	w.Sample(EventCompaction, now-start)
	if !more {
		b.compacting.Store(false)
	}
	return more
}

// expire does expireDue if it is time, measures it, and returns its lag.
func (w *Worker) expire(nowNs, end int64) (lagMs int64) {
	sl := &w.slices
	if !w.e.activity.activeExpire.Load() || w.ctx.KeepExpired || (nowNs < sl.expireNs && !sl.busy) {
		return 0
	}
	start := w.e.clock.Ticks()
	lagMs = w.expireDue(nowNs, end)
	spent := max(w.e.clock.Ticks()-start, 0)
	w.totals.ExpireTicks += uint64(spent)
	if sl.busy {
		w.totals.ExpireCapped++
	}
	w.Sample(EventExpireCycle, spent)
	return lagMs
}

// expireDue removes keys that are due in the worker's share of the wheels until
// the slice ends, and returns the lag in milliseconds.
func (w *Worker) expireDue(nowNs, end int64) (lagMs int64) {
	sl := &w.slices
	sl.busy = false
	w.beginInternal()
	ks := w.e.KS
	workers := int(w.e.tickers.Load())
	for looked := 0; looked < ks.DBCount(); looked++ {
		for sl.group < keyspace.GroupCount {
			lag, more := w.expireGroup(ks.DB(sl.db), sl.group, end)
			lagMs = max(lagMs, lag)
			if more {
				sl.busy = true
				w.e.activity.expireLagMs.Store(lagMs)
				return lagMs
			}
			sl.group += workers
		}
		sl.group = w.id % workers
		sl.db = (sl.db + 1) % ks.DBCount()
	}
	w.e.activity.expireLagMs.Store(lagMs)
	sl.expireNs = nowNs + expireNs
	return lagMs
}

// expireGroup works on one wheel and reports whether the slice ended before it
// was done.
func (w *Worker) expireGroup(db *keyspace.DB, group int, end int64) (lagMs int64, more bool) {
	for {
		n, lag := db.Due(group, w.nowMs, w.slices.tickets[:])
		lagMs = max(lagMs, lag)
		if n == 0 && lag == 0 {
			break // 0 tickets with a lag: the wheel is still sorting, ask again
		}
		w.hintTickets(db, n)
		for _, t := range w.slices.tickets[:n] {
			w.fire(db, t)
		}
		if w.e.clock.Ticks() >= end {
			return lagMs, true
		}
	}
	for db.Sweep(group, sweepBudget) {
		if w.e.clock.Ticks() >= end {
			return lagMs, true
		}
	}
	return lagMs, false
}

func (w *Worker) fire(db *keyspace.DB, t wheel.Ticket) {
	shard := keyspace.TicketShard(t)
	w.lockShard(shard)
	switch e, k, due := db.Fire(t, w.nowMs); due {
	case keyspace.KeyDue:
		w.ctx.Expire(db, k, e)
	case keyspace.FieldsDue:
		w.ctx.ExpireFields(db, k, e, fieldsMax)
	}
	w.unlockShard(shard)
}

// hintTickets prefetches the buckets and records of due tickets.
func (w *Worker) hintTickets(db *keyspace.DB, n int) {
	var addrs [batchMax]uintptr
	for from := 0; from < n; from += batchMax {
		part := w.slices.tickets[from:min(n, from+batchMax)]
		for i, t := range part {
			w.hint[i] = db.Hint(keyspace.TicketHash(t))
			addrs[i] = w.hint[i].Bucket()
		}
		mem.Prefetch16(&addrs, len(part))
		for i := range part {
			addrs[i], _ = w.hint[i].Record()
		}
		mem.Prefetch16(&addrs, len(part))
	}
}

// beginInternal makes the context fit for work of no client.
func (w *Worker) beginInternal() {
	w.ctx.Sess = &w.internal
	w.internal.Flags = command.Internal | command.NoTouch | command.Authenticated
}
