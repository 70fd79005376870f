package keyspace

import (
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
)

// Eviction, as far as it concerns the data: places to draw candidates from, and
// finding a candidate again. Which of them goes, and when, is the caller's.
//
// A draw is a random bucket and those that follow it. Keys lie in buckets by their
// hash, so neighbours have nothing in common and ten keys of one line are as good a
// sample as ten lines would be. What is remembered of a candidate is its hash and
// the handle of its record; whether that is still the record of that key, and
// whether it was used meanwhile, is looked at again when it is its turn.

// UsedBytes returns the bytes of all live blocks of the keyspace, flushed ones that
// are not yet freed included. No lock; a cache line per arena. With writers at work
// the sum is not of one instant.
func (ks *Keyspace) UsedBytes() int64 {
	sum := ks.tickets.UsedBytes()
	for i := range ks.groups {
		sum += ks.groups[i].arena.UsedBytes()
	}
	return sum
}

// SpanBytes returns the bytes of memory that the keyspace's blocks lie in, free
// blocks among them included. As UsedBytes.
func (ks *Keyspace) SpanBytes() int64 {
	sum := ks.tickets.SpanBytes()
	for i := range ks.groups {
		sum += ks.groups[i].arena.SpanBytes()
	}
	return sum
}

// gatherMax is the largest number of records that a draw can be asked for.
const gatherMax = 16

// Draw is a set of records that Gather has found: up to gatherMax that were wanted
// and the rest of the last one's bucket.
type Draw struct {
	handles [gatherMax + table.SlotCount]mem.Handle
	n       int
	visits  uint32 // bit by bit: the record was visited since it was last drawn
}

// Records returns the records drawn: borrowed, good while the shard is locked.
func (d *Draw) Records() []mem.Handle { return d.handles[:d.n] }

// Visited reports whether record n of the draw was visited between the draw before,
// or its insertion, and this one.
func (d *Draw) Visited(n int) bool { return d.visits>>n&1 != 0 }

// Visit marks the record as used: see Draw. The mark tells what an access field that
// counts eighths of a second cannot, which of the keys used in one were used again.
func (e Entry) Visit() {
	if !e.slot.Flag(table.Visited) {
		e.slot.SetFlag(table.Visited, true)
	}
}

// Visited reports whether the record is marked as used.
func (e Entry) Visited() bool { return e.slot.Flag(table.Visited) }

// Gather draws about want records (at most 16) of one shard, whose lock the caller
// holds, from the buckets that follow the random number r on, and starts fetching
// them. It finds fewer only when the shard has fewer. Their marks are cleared.
func (db *DB) Gather(shard int, r uint32, want int, d *Draw) {
	d.n, d.visits = 0, 0
	t := &db.tables[shard]
	buckets := t.Buckets()
	if buckets == 0 {
		return
	}
	want = min(want, gatherMax)
	at := int(uint64(r) * uint64(buckets) >> 32)
	for range buckets {
		var recs []mem.Handle
		recs, d.visits = t.GatherVisits(at, d.handles[:d.n], d.visits)
		d.n = len(recs)
		if d.n >= want {
			break
		}
		if at++; at == buckets {
			at = 0
		}
	}
	d.prefetch()
}

// prefetch starts fetching the records drawn.
func (d *Draw) prefetch() {
	var addrs [gatherMax]uintptr
	n := min(d.n, gatherMax)
	for i, h := range d.handles[:n] {
		addrs[i] = uintptr(mem.Ptr(h))
	}
	mem.Prefetch16(&addrs, n)
}

// fetch starts fetching the records of bucket i of a table.
func (d *Draw) fetch(t *table.Table, i int) {
	d.n = len(t.Gather(i, d.handles[:0]))
	d.prefetch()
}

// GroupLen returns the number of keys of group i (0 .. GroupCount-1) of the
// database, or of its volatile ones. No lock.
func (db *DB) GroupLen(i int, volatile bool) int64 {
	if volatile {
		return db.groups[i].volatile.Load()
	}
	return db.groups[i].keys.Load()
}

// GroupShards is the number of shards of a group; number n of group i is shard
// i + n*GroupCount.
const GroupShards = ShardCount / GroupCount

// DropEmpty gives back the memory of a shard's table if it has no key left. The
// caller holds the shard's lock. Tables keep a bucket or two otherwise, for a key
// that comes and goes.
func (db *DB) DropEmpty(shard int) {
	if t := &db.tables[shard]; t.Len() == 0 {
		t.Clear(db.ks.arenaOf(shard), t.Buckets()+1, nil)
	}
}

// TableBytes returns the memory of the tables of count shards of the database, from
// first on. It locks one after the other; the caller is in a batch, or holds a pass.
func (db *DB) TableBytes(first, count int) (n int64) {
	for i := first; i < first+count; i++ {
		db.ks.Lock(i)
		n += int64(db.tables[i].Bytes())
		db.ks.Unlock(i)
	}
	return n
}

// ticketBytes is the size of a ticket.
const ticketBytes = 8

// TicketBytes returns the memory of the database's expiry tickets, without the
// places in their blocks that are free.
func (db *DB) TicketBytes() int64 { return ticketBytes * db.Tickets() }

// FindRecord returns the entry and the key of the record rec if it is still one of
// the database under a key with this hash. The caller holds the lock of the hash's
// shard; the handle may be stale.
func (db *DB) FindRecord(hash uint64, rec mem.Handle) (e Entry, k Key, ok bool) {
	t := &db.tables[ShardOf(hash)]
	for p := t.Probe(hash); p.Next(); {
		if p.Handle() != rec {
			continue
		}
		key := object.Key(rec)
		if db.ks.Hash(key) != hash {
			return Entry{}, Key{}, false // the block is another key's by now
		}
		return Entry{rec, p.Slot()}, Key{key, hash}, true
	}
	return Entry{}, Key{}, false
}
