package keyspace

import (
	"fmt"

	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
)

// MemCheck compares, both ways, the blocks reachable from the databases with
// those that the arenas count as allocated, and checks the counters and the
// place of every record. The caller is exclusive. Cost: the whole data set.
func (ks *Keyspace) MemCheck() error {
	reach := make(map[mem.Handle]bool)
	var err error
	add := func(h mem.Handle) {
		if reach[h] && err == nil {
			err = fmt.Errorf("keyspace: block %#x is reachable twice", uint64(h))
		}
		reach[h] = true
	}
	for _, db := range ks.dbs {
		db.tableBlocks(add)
		db.ticketBlocks(add)
		if e := db.check(); e != nil && err == nil {
			err = e
		}
	}
	ks.detachedBlocks(add)
	ks.orphanBlocks(add)
	ks.partBlocks(add)
	if err != nil {
		return err
	}
	return ks.compareArenas(reach)
}

func (db *DB) ticketBlocks(fn func(mem.Handle)) {
	for i := range db.groups {
		if w := db.groups[i].wheel; w != nil {
			w.Blocks(fn)
		}
	}
}

func (ks *Keyspace) detachedBlocks(fn func(mem.Handle)) {
	ks.reclaimMu.Lock()
	defer ks.reclaimMu.Unlock()
	for _, d := range ks.reclaim {
		db := &DB{ks: ks, tables: d.tables, groups: d.groups}
		db.tableBlocks(fn)
		db.ticketBlocks(fn)
	}
}

// compareArenas checks that exactly the reachable blocks are allocated.
func (ks *Keyspace) compareArenas(reach map[mem.Handle]bool) error {
	leaked, first := 0, mem.Handle(0)
	seen := 0
	visit := func(h mem.Handle, size int) {
		if reach[h] {
			seen++
			return
		}
		if leaked == 0 {
			first = h
		}
		leaked++
	}
	for i := range ks.groups {
		ks.groups[i].arena.Walk(visit)
	}
	ks.tickets.Walk(visit)
	if leaked > 0 {
		return fmt.Errorf("keyspace: %d blocks allocated but not reachable, the first at %#x, %d bytes", leaked, uint64(first), mem.BlockSize(first))
	}
	if seen != len(reach) {
		return fmt.Errorf("keyspace: %d of %d reachable blocks are not allocated", len(reach)-seen, len(reach))
	}
	return nil
}

// Blocks returns the number of allocated blocks of all arenas, the table's and
// the wheels' included. Cost: the whole data set.
func (ks *Keyspace) Blocks() int {
	n := 0
	count := func(mem.Handle, int) { n++ }
	for i := range ks.groups {
		ks.groups[i].arena.Walk(count)
	}
	ks.tickets.Walk(count)
	return n
}

// check compares the counters of a database with its tables, and the place of
// every record with its hash.
func (db *DB) check() error {
	keys := make([]int64, GroupCount)
	volatile := make([]int64, GroupCount)
	timed := make([]int64, GroupCount)
	var err error
	for i := range db.tables {
		t := &db.tables[i]
		keys[i&groupMask] += int64(t.Len())
		if e := t.Validate(db.ks); e != nil {
			return fmt.Errorf("keyspace: database %d shard %d: %w", db.index, i, e)
		}
		for b := range t.Buckets() {
			t.Walk(b, func(s table.Slot) {
				h := s.Handle()
				if at := ShardOf(db.ks.HashOf(h)); at != i {
					err = fmt.Errorf("keyspace: key %q of shard %d is in shard %d", object.Key(h), at, i)
				}
				for n := range db.sections {
					if db.sections[n].Load() == nil && s.Flag(table.SavedA+table.Flag(n)) {
						err = fmt.Errorf("keyspace: key %q has the flag of walk %d, which there is not", object.Key(h), n)
					}
				}
				if object.StrayFlag(h) {
					err = fmt.Errorf("keyspace: an element of %q has the flag of a walk, which there is not", object.Key(h))
				}
				if object.Due(h) >= 0 {
					volatile[i&groupMask]++
				}
				n, e := checkFields(h)
				timed[i&groupMask] += n
				if e != nil {
					err = e
				}
			})
		}
	}
	for i := range db.groups {
		g := &db.groups[i]
		if g.keys.Load() != keys[i] || g.volatile.Load() != volatile[i] || g.timed.Load() != timed[i] {
			return fmt.Errorf("keyspace: database %d group %d counts %d keys, %d volatile, %d timed; it has %d, %d, %d",
				db.index, i, g.keys.Load(), g.volatile.Load(), g.timed.Load(), keys[i], volatile[i], timed[i])
		}
	}
	return err
}
