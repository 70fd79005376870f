package keyspace

import (
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
)

// detached is the data of a flushed database: no client can reach it.
type detached struct {
	tables []table.Table
	groups []dbGroup
	keys   int64
	shard  int // next to free
	group  int

	sections [WalksMax]*section // of walks that have still to go through the tables
}

// held reports whether a walk has still to go through the next table to be freed.
func (d *detached) held() bool {
	for _, s := range d.sections {
		if s != nil && int(s.done.Load()) <= d.shard {
			return true
		}
	}
	return false
}

func (ks *Keyspace) detach(d *detached) {
	ks.pending.Add(d.keys)
	ks.reclaimMu.Lock()
	ks.reclaim = append(ks.reclaim, d)
	ks.reclaimMu.Unlock()
}

// Reclaim frees flushed data, about budget buckets of it, and reports whether
// more is left. Any goroutine may call it; at most one works at a time, the
// others return false at once.
func (ks *Keyspace) Reclaim(budget int) (more bool) {
	if ks.pending.Load() == 0 && !ks.hasDetached() {
		return false
	}
	if !ks.reclaimMu.TryLock() {
		return false
	}
	defer ks.reclaimMu.Unlock()
	if ks.freeOrphans(budget) {
		return true
	}
	i := ks.nextDetached()
	if i < 0 {
		return false
	}
	if ks.free(ks.reclaim[i], budget) {
		ks.reclaim = append(ks.reclaim[:i], ks.reclaim[i+1:]...)
	}
	return ks.nextDetached() >= 0 || ks.hasOrphans()
}

// nextDetached returns the number of the flushed data to work on, -1 if there are none
// but what walks hold. The caller holds reclaimMu.
func (ks *Keyspace) nextDetached() int {
	for i, d := range ks.reclaim {
		if d.shard == ShardCount || !d.held() {
			return i
		}
	}
	return -1
}

func (ks *Keyspace) hasOrphans() bool {
	ks.orphanMu.Lock()
	defer ks.orphanMu.Unlock()
	return len(ks.orphans) > 0
}

func (ks *Keyspace) hasDetached() bool {
	if !ks.reclaimMu.TryLock() {
		return false
	}
	defer ks.reclaimMu.Unlock()
	return ks.nextDetached() >= 0
}

// free works on d and reports whether all of it is gone.
func (ks *Keyspace) free(d *detached, budget int) bool {
	n := int64(0)
	drop := func(h mem.Handle) {
		if object.Load(h)&object.FlagCut != 0 {
			ks.Lock(d.shard)
			left := ks.bequeath(h)
			ks.Unlock(d.shard)
			if left {
				n++
				return
			}
		}
		if object.FreeCost(h) >= lazyBlocks {
			ks.putAside(h)
			return
		}
		object.Free(h)
		n++
	}
	defer func() {
		ks.pending.Add(-n)
		ks.freed.Add(n)
	}()
	for ; d.shard < ShardCount; d.shard++ {
		if d.held() {
			return false
		}
		t := &d.tables[d.shard]
		b := t.Buckets()
		if !t.Clear(ks.arenaOf(d.shard), budget, drop) {
			return false
		}
		if budget -= b; budget <= 0 {
			d.shard++
			return false
		}
	}
	for ; d.group < GroupCount; d.group++ {
		if w := d.groups[d.group].wheel; w != nil && !w.Free(budget) {
			return false
		}
	}
	return true
}

// Held reports whether flushed data that are not yet freed all wait for walks to go
// through them.
func (ks *Keyspace) Held() bool {
	ks.reclaimMu.Lock()
	defer ks.reclaimMu.Unlock()
	return len(ks.reclaim) > 0 && ks.nextDetached() < 0 && !ks.hasOrphans()
}

// PendingObjects returns the number of flushed keys not yet freed.
func (ks *Keyspace) PendingObjects() int64 { return ks.pending.Load() }

// ResetFreed makes FreedObjects count from 0 again.
func (ks *Keyspace) ResetFreed() { ks.freed.Store(0) }

// FreedObjects returns the number of flushed keys freed so far.
func (ks *Keyspace) FreedObjects() int64 { return ks.freed.Load() }
