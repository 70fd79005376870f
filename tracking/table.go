package tracking

import (
	"sync/atomic"

	"kvorum/ds/table"
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/rng"
)

// The keys that clients may have in their caches. They live off the Go heap: there
// may be a million of them, and the collector would look at each.
//
//	shard ► table of handles ► block: | size of key 4 | ids 4 | id 8 ... room | key |
//
// The key stands at the end of its block: ids are added as long as there is room in
// front of it. Databases are not told apart, since messages do not either.

const (
	offKeySize = 0
	offCount   = 4
	offIDs     = 8
	idSize     = 8
)

// cacheTable is the keys of all shards; what belongs to a shard is guarded by its
// lock.
type cacheTable struct {
	ks     *keyspace.Keyspace
	shards [keyspace.ShardCount]table.Table
	arena  atomic.Pointer[mem.Arena] // replaced exclusively
	keys   atomic.Int64
	items  atomic.Int64
}

func (t *cacheTable) init(ks *keyspace.Keyspace) {
	t.ks = ks
	t.arena.Store(mem.NewArena())
}

// clear forgets all keys at once. Exclusive.
func (t *cacheTable) clear() {
	if t.keys.Load() == 0 {
		return
	}
	old := t.arena.Swap(mem.NewArena())
	clear(t.shards[:])
	t.keys.Store(0)
	t.items.Store(0)
	old.Close()
}

// HashOf makes the table the Hasher of its tables.
func (t *cacheTable) HashOf(h mem.Handle) uint64 { return t.ks.Hash(keyOf(h)) }

// keyOf returns the key of a block: borrowed.
func keyOf(h mem.Handle) []byte {
	size := int(mem.Load32(h, offKeySize))
	all := mem.BlockSize(h)
	return mem.View(h, all)[all-size:]
}

// room returns the number of ids that fit into a block.
func room(h mem.Handle) int {
	return (mem.BlockSize(h) - offIDs - int(mem.Load32(h, offKeySize))) / idSize
}

// find returns the place of a key, !OK if it is not remembered.
func (t *cacheTable) find(k keyspace.Key) table.Slot {
	for p := t.shards[keyspace.ShardOf(k.Hash)].Probe(k.Hash); p.Next(); {
		if string(keyOf(p.Handle())) == string(k.Bytes) {
			return p.Slot()
		}
	}
	return table.Slot{}
}

// newBlock returns a block for a key with room for at least n ids, none of them set.
func (t *cacheTable) newBlock(key []byte, n int) mem.Handle {
	h := t.arena.Load().Alloc(offIDs+n*idSize+len(key), mem.KindOther)
	mem.Store32(h, offKeySize, uint32(len(key)))
	mem.Store32(h, offCount, 0)
	copy(keyOf(h), key)
	return h
}

// add remembers that a client may have a key.
func (t *cacheTable) add(k keyspace.Key, id uint64) {
	slot := t.find(k)
	if !slot.OK() {
		h := t.newBlock(k.Bytes, 1)
		insertID(h, 0, id)
		t.shards[keyspace.ShardOf(k.Hash)].Insert(t.arena.Load(), k.Hash, h, t)
		t.keys.Add(1)
		t.items.Add(1)
		return
	}
	h := slot.Handle()
	n := int(mem.Load32(h, offCount))
	at := n
	for at > 0 && idAt(h, at-1) >= id {
		if at--; idAt(h, at) == id {
			return
		}
	}
	if n == room(h) {
		h = t.grow(h, n)
		slot.Replace(h)
	}
	insertID(h, at, id)
	t.items.Add(1)
}

// grow moves the n ids and the key of a block that is full to a larger one.
func (t *cacheTable) grow(old mem.Handle, n int) mem.Handle {
	h := t.newBlock(keyOf(old), n+max(n/2, 1))
	for i := range n {
		mem.Store64(h, offIDs+i*idSize, idAt(old, i))
	}
	mem.Store32(h, offCount, uint32(n))
	mem.Free(old, mem.KindOther)
	return h
}

func idAt(h mem.Handle, i int) uint64 { return mem.Load64(h, offIDs+i*idSize) }

// insertID puts an id in front of id number i of a block that has room.
func insertID(h mem.Handle, i int, id uint64) {
	n := int(mem.Load32(h, offCount))
	for ; n > i; n-- {
		mem.Store64(h, offIDs+n*idSize, idAt(h, n-1))
	}
	mem.Store64(h, offIDs+i*idSize, id)
	mem.Store32(h, offCount, mem.Load32(h, offCount)+1)
}

// remove takes a key out and returns its block, which the caller frees.
func (t *cacheTable) remove(k keyspace.Key, slot table.Slot) mem.Handle {
	h := slot.Handle()
	t.shards[keyspace.ShardOf(k.Hash)].Delete(t.arena.Load(), k.Hash, slot, t)
	t.keys.Add(-1)
	t.items.Add(-int64(mem.Load32(h, offCount)))
	return h
}

// sample returns the block of a random key of a shard, 0 if the shard has none.
func (t *cacheTable) sample(shard int, r *rng.Rand) mem.Handle {
	tab := &t.shards[shard]
	if tab.Len() == 0 {
		return 0
	}
	slot, ok := tab.Sample(r.Uint32(), r.Uint32())
	for !ok {
		slot, ok = tab.Sample(r.Uint32(), r.Uint32())
	}
	return slot.Handle()
}
