package keyspace

import (
	"kvorum/mem"
	"kvorum/object"
)

// lazyBlocks is the number of blocks of a value from which it is freed in slices.
const lazyBlocks = 64

// ArenaOf returns the arena for the value of a key that is new.
func (db *DB) ArenaOf(k Key) *mem.Arena { return db.ks.arenaOf(ShardOf(k.Hash)) }

// Add stores a record, made in the key's arena, under the absent key k.
func (db *DB) Add(k Key, rec mem.Handle) Entry {
	slot := db.insert(k, rec)
	db.ScheduleFields(k, rec)
	db.modified(k)
	return Entry{rec, slot}
}

// release frees a record that is in no table any more: at once, or in slices by
// Reclaim if that takes long.
func (ks *Keyspace) release(h mem.Handle) {
	if object.Load(h)&object.FlagCut != 0 && ks.bequeath(h) {
		return
	}
	if object.FreeCost(h) < lazyBlocks {
		object.Free(h)
		return
	}
	ks.pending.Add(1)
	ks.putAside(h)
}

// putAside leaves a record to freeOrphans. It counts as pending already.
func (ks *Keyspace) putAside(h mem.Handle) {
	ks.orphanMu.Lock()
	ks.orphans = append(ks.orphans, h)
	ks.orphanMu.Unlock()
}

// freeOrphans frees values that release put aside, about budget nodes of them, and
// reports whether more is left. The caller holds reclaimMu.
func (ks *Keyspace) freeOrphans(budget int) (more bool) {
	ks.orphanMu.Lock()
	n := len(ks.orphans)
	if n == 0 {
		ks.orphanMu.Unlock()
		return false
	}
	h := ks.orphans[n-1]
	ks.orphans = ks.orphans[:n-1]
	ks.orphanMu.Unlock()
	if object.FreeSome(h, budget) {
		ks.pending.Add(-1)
		ks.freed.Add(1)
		return n > 1
	}
	ks.putAside(h)
	return true
}

func (ks *Keyspace) orphanBlocks(fn func(mem.Handle)) {
	ks.orphanMu.Lock()
	defer ks.orphanMu.Unlock()
	for _, h := range ks.orphans {
		object.Blocks(h, fn)
	}
}

// Discard frees a record that is in no table: at once, or in slices by Reclaim.
func (ks *Keyspace) Discard(rec mem.Handle) { ks.release(rec) }

// Free is Discard for who has only the database at hand.
func (db *DB) Free(rec mem.Handle) { db.ks.release(rec) }
