package keyspace

import (
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
)

// shardBits is the width of the shard number in a cursor.
const shardBits = 10

// Scan visits one step of the database: the records of the buckets that cursor
// names, under the lock of their shard, which Scan takes itself unless locked.
// It returns the next cursor, 0 at the end, and the number of records visited.
// Empty shards are skipped at once. The guarantee is that of table.Scan: a key
// present from the first call to the last is visited at least once. fn gets
// borrowed entries and must not write to the database.
//
// A cursor is the table's cursor above the shard's number.
func (db *DB) Scan(cursor uint64, locked bool, fn func(Entry)) (next uint64, visited int) {
	shard, at := int(cursor&shardMask), cursor>>shardBits
	for ; shard < ShardCount; shard++ {
		if !locked {
			db.ks.Lock(shard)
		}
		t := &db.tables[shard]
		if t.Len() > 0 {
			at = t.Scan(at, func(s table.Slot) {
				fn(Entry{s.Handle(), s})
				visited++
			})
		} else {
			at = 0
		}
		if !locked {
			db.ks.Unlock(shard)
		}
		if at != 0 {
			return at<<shardBits | uint64(shard), visited
		}
		if visited > 0 {
			shard++
			break
		}
	}
	if shard == ShardCount {
		return 0, visited
	}
	return uint64(shard), visited
}

// ScanShard visits all records of one shard, whose lock the caller holds. fn
// must not write to the database.
func (db *DB) ScanShard(shard int, fn func(Entry)) {
	t := &db.tables[shard]
	for i := range t.Buckets() {
		t.Walk(i, func(s table.Slot) { fn(Entry{s.Handle(), s}) })
	}
}

// ShardLen returns the number of keys of one shard, whose lock the caller holds.
func (db *DB) ShardLen(shard int) int { return db.tables[shard].Len() }

// ShardAt returns the shard of key number n, counted shard by shard, or -1 when
// there are not so many: for n drawn from [0, Len) each shard comes in
// proportion to its keys. It locks the shards that it looks at, one at a time.
func (db *DB) ShardAt(n int64) int {
	for group := range db.groups {
		have := db.groups[group].keys.Load()
		if n >= have {
			n -= have
			continue
		}
		for shard := group; shard < ShardCount; shard += GroupCount {
			db.ks.Lock(shard)
			have := int64(db.tables[shard].Len())
			db.ks.Unlock(shard)
			if n < have {
				return shard
			}
			n -= have
		}
		return -1 // some of the group's keys have gone meanwhile
	}
	return -1
}

// Sample draws one record of a shard, whose lock the caller holds, with two
// random numbers. All records of the shard are equally likely. ok is false when
// the draw must be repeated.
func (db *DB) Sample(shard int, r1, r2 uint32) (e Entry, ok bool) {
	s, ok := db.tables[shard].Sample(r1, r2)
	if !ok {
		return Entry{}, false
	}
	return Entry{s.Handle(), s}, true
}

// Hint returns the place of a hash.
func (db *DB) Hint(hash uint64) table.Hint { return db.tables[ShardOf(hash)].Hint(hash) }

// tableBlocks calls fn for every block of the database's tables and records.
func (db *DB) tableBlocks(fn func(mem.Handle)) {
	for i := range db.tables {
		t := &db.tables[i]
		t.Blocks(fn)
		for b := range t.Buckets() {
			t.Walk(b, func(s table.Slot) { object.Blocks(s.Handle(), fn) })
		}
	}
}
