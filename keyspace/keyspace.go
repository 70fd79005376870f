// Package keyspace holds the data: databases of shards, each a table of
// records, with expiry, watched keys, lazy freeing and compaction.
//
// A key belongs to one shard by its hash, the same in every database. Whoever
// looks at or changes a key holds the lock of its shard; the engine takes the
// locks of all keys of a command, ascending, before the first effect. Lock
// order: gate < shard i < shard j>i < group < arena.
//
// Shards are dealt to groups. A group owns the arena that its shards' records
// live in, and, per database, the wheel with the tickets of its volatile keys.
//
// I1: a record is in the table of the shard that its key hashes to, and nowhere
// else; its block comes from the arena of that shard's group.
// I2: every volatile key has at least one ticket in its group's wheel, due not
// later than the key, and exactly one that its record calls valid; so has every
// hash with TTLs on fields, for the field that is due next.
// I3: the counters of keys and volatile keys of a group are exact whenever none
// of its shards is locked.
// I4: byte views and Entries die with the shard lock, and with the next write to
// the same shard.
//
// The package must not reply, log, look at a clock or at configuration files:
// time is an argument.
package keyspace

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"kvorum/ds/table"
	"kvorum/ds/wheel"
	"kvorum/mem"
	"kvorum/object"
)

const (
	// ShardCount is the number of shards: more than the pairs of loops that
	// could meet, few enough to walk (docs/design/0002).
	ShardCount = 1024
	// GroupCount is the number of arenas and, per database, of wheels.
	GroupCount = 16

	shardShift = 32
	shardMask  = ShardCount - 1
	groupMask  = GroupCount - 1
	cacheLine  = 64
)

// Shard is the unit of locking.
type Shard struct {
	mu       sync.Mutex
	watchers map[watchKey][]watch // nil while nothing in the shard is watched
	waited   *waited              // nil while nobody waits for a key of the shard
	ready    []*queue             // of keys that have changed
	teller   *Teller              // told of every change; nil while nobody wants to know
	pins     *pin                 // of keys that long commands read
}

// group is what a sixteenth of the shards share.
type group struct {
	arena *mem.Arena
	_     [cacheLine - 8]byte
}

// dbGroup is a group's part of one database.
type dbGroup struct {
	mu       sync.Mutex
	wheel    *wheel.Wheel // guarded by mu; nil before the first TTL
	keys     atomic.Int64
	volatile atomic.Int64
	timed    atomic.Int64 // hashes with a ticket for their fields
	_        [cacheLine - 40]byte
}

// Keyspace is all databases of a server.
type Keyspace struct {
	seed   maphash.Seed
	shards []Shard
	// filters are the shards' waitFilters, guarded by their locks.
	filters []waitFilter
	groups  []group
	dbs     []*DB

	tickets *mem.Arena    // blocks of all wheels
	tick    atomic.Uint64 // the present, for new wheels

	waits  atomic.Int64 // clients that wait for keys
	greedy atomic.Int64 // those of them that will need other keys, too, and pins
	teller *Teller      // of all shards that are not locked; changed exclusively
	pins   pins

	reclaimMu sync.Mutex
	reclaim   []*detached  // flushed data that waits to be freed
	pending   atomic.Int64 // records and tickets in reclaim, for lazyfree_pending_objects
	freed     atomic.Int64 // records freed from reclaim since the start
	orphanMu  sync.Mutex
	orphans   []mem.Handle // large values that wait to be freed; guarded by orphanMu
	compactor compactor
	walks     [WalksMax]atomic.Pointer[Walk]
	partMu    sync.Mutex
	parts     map[mem.Handle]*part // by cut; guarded by partMu
}

// DB is one database. Its data move to another DB with SwapDB.
type DB struct {
	ks       *Keyspace
	tables   []table.Table // by shard; guarded by the shard's lock
	walks    atomic.Uint32 // bit i: walk i goes through the tables
	index    int
	groups   []dbGroup
	sections sections
}

// Key is a key with its hash. Bytes are borrowed.
type Key struct {
	Bytes []byte
	Hash  uint64
}

// New returns an empty keyspace of the given number of databases (at least 1).
func New(databases int) *Keyspace {
	ks := &Keyspace{
		seed:    maphash.MakeSeed(),
		shards:  make([]Shard, ShardCount),
		filters: make([]waitFilter, ShardCount),
		groups:  make([]group, GroupCount),
		tickets: mem.NewArena(),
	}
	ks.pins.changed = sync.NewCond(&ks.pins.mu)
	for i := range ks.groups {
		ks.groups[i].arena = mem.NewArena()
	}
	for i := range databases {
		db := &DB{ks: ks, index: i}
		db.reset()
		ks.dbs = append(ks.dbs, db)
	}
	return ks
}

func (db *DB) reset() {
	db.tables = make([]table.Table, ShardCount)
	db.groups = make([]dbGroup, GroupCount)
}

// DB returns database i, or nil when there is none.
func (ks *Keyspace) DB(i int) *DB {
	if uint(i) >= uint(len(ks.dbs)) {
		return nil
	}
	return ks.dbs[i]
}

// DBCount returns the number of databases.
func (ks *Keyspace) DBCount() int { return len(ks.dbs) }

// Index returns the number of the database.
func (db *DB) Index() int { return db.index }

// Hash returns the hash of a key: bits 0-31 choose the bucket, 32-41 the shard,
// 56-63 are the tag.
func (ks *Keyspace) Hash(key []byte) uint64 { return maphash.Bytes(ks.seed, key) }

// Key returns key with its hash.
func (ks *Keyspace) Key(key []byte) Key { return Key{key, maphash.Bytes(ks.seed, key)} }

// ShardOf returns the number of the shard of a hash.
func ShardOf(hash uint64) int { return int(hash>>shardShift) & shardMask }

// Lock locks shard i (0 .. ShardCount-1).
func (ks *Keyspace) Lock(i int) { ks.shards[i].mu.Lock() }

// Unlock unlocks shard i.
func (ks *Keyspace) Unlock(i int) { ks.shards[i].mu.Unlock() }

// arenaOf returns the arena of a shard's records.
func (ks *Keyspace) arenaOf(shard int) *mem.Arena { return ks.groups[shard&groupMask].arena }

// Entry is a key found in a database: borrowed, see I4.
type Entry struct {
	Rec  mem.Handle
	slot table.Slot
}

// OK reports whether the key exists (it may have expired).
func (e Entry) OK() bool { return e.Rec != 0 }

// Type returns the type of the value.
func (e Entry) Type() object.Type { return object.Load(e.Rec).Type() }

// Due returns when the key expires in Unix milliseconds, -1 without TTL.
func (e Entry) Due() int64 { return object.Due(e.Rec) }

// Expired reports whether the key is past its due time.
func (e Entry) Expired(nowMs int64) bool {
	if object.Load(e.Rec)&object.FlagVolatile == 0 {
		return false
	}
	return nowMs > object.Due(e.Rec)
}

// Find returns the entry of a key, expired or not. O(1).
func (db *DB) Find(k Key) Entry {
	t := &db.tables[ShardOf(k.Hash)]
	for p := t.Probe(k.Hash); p.Next(); {
		if h := p.Handle(); object.KeyEqual(h, k.Bytes) {
			return Entry{h, p.Slot()}
		}
	}
	return Entry{}
}

// Len returns the number of keys, expired ones that nobody has met included.
func (db *DB) Len() int64 {
	n := int64(0)
	for i := range db.groups {
		n += db.groups[i].keys.Load()
	}
	return n
}

// VolatileLen returns the number of keys with a TTL.
func (db *DB) VolatileLen() int64 {
	n := int64(0)
	for i := range db.groups {
		n += db.groups[i].volatile.Load()
	}
	return n
}

// HashOf returns the hash of a record's key: it makes the keyspace the Hasher of
// its tables.
func (ks *Keyspace) HashOf(h mem.Handle) uint64 { return maphash.Bytes(ks.seed, object.Key(h)) }

// insert adds a record under a key that is not in the database.
func (db *DB) insert(k Key, h mem.Handle) table.Slot {
	shard := ShardOf(k.Hash)
	db.groups[shard&groupMask].keys.Add(1)
	slot := db.tables[shard].Insert(db.ks.arenaOf(shard), k.Hash, h, db.ks)
	if db.walks.Load() != 0 {
		db.born(k.Hash, slot)
	}
	return slot
}

// Delete removes a key and frees its value. e is the key's entry; the bytes of k
// may be those of its record.
func (db *DB) Delete(k Key, e Entry) {
	db.unlink(k, e)
	db.modified(k)
	db.ks.release(e.Rec)
}

// Drop is Delete for a key that gets another value at once, under the same lock: that
// it has changed is told then.
func (db *DB) Drop(k Key, e Entry) {
	db.unlink(k, e)
	db.ks.release(e.Rec)
}

// unlink takes a record out of its table without freeing it.
func (db *DB) unlink(k Key, e Entry) {
	db.Preserve(k, e)
	shard := ShardOf(k.Hash)
	g := &db.groups[shard&groupMask]
	d := object.Load(e.Rec)
	if d&object.FlagVolatile != 0 {
		g.volatile.Add(-1)
	}
	if d.Timed() {
		g.forgetFields(e.Rec)
	}
	db.tables[shard].Delete(db.ks.arenaOf(shard), k.Hash, e.slot, db.ks)
	g.keys.Add(-1)
}

// Touch records an access in the header of the record: value is what Clock
// made of the time and the policy.
func Touch(h mem.Handle, value uint32) {
	d := object.Load(h)
	if d.Access() != value {
		d.WithAccess(value).Store(h)
	}
}

// SwapDB exchanges the data of two databases. The caller is exclusive.
func (ks *Keyspace) SwapDB(i, j int, nowMs int64) {
	a, b := ks.dbs[i], ks.dbs[j]
	if a == b {
		return
	}
	ks.touchWatched(a, b, nowMs)
	ks.touchWatched(b, a, nowMs)
	a.tables, b.tables = b.tables, a.tables
	a.groups, b.groups = b.groups, a.groups
	a.swapSections(b)
	ks.signalAll(a)
	ks.signalAll(b)
}

// Flush empties a database in constant time; its data are freed by later calls
// of Reclaim. The caller is exclusive. Returns the number of keys it had.
func (db *DB) Flush() int64 {
	if !db.used() {
		return 0
	}
	d := db.content()
	db.ks.touchWatched(db, nil, 0)
	d.sections = db.takeSections()
	db.reset()
	db.ks.signalAll(db)
	db.ks.detach(d)
	return d.keys
}

// content returns the data of a database for Reclaim.
func (db *DB) content() *detached {
	return &detached{tables: db.tables, groups: db.groups, keys: db.Len()}
}

// used reports whether a database has keys, or memory of those with a due time.
func (db *DB) used() bool {
	used := db.Len() > 0
	for i := range db.groups {
		used = used || db.groups[i].wheel != nil
	}
	return used
}

// Close gives all memory back at once. Nothing may use the keyspace afterwards.
func (ks *Keyspace) Close() {
	for i := range ks.groups {
		ks.groups[i].arena.Close()
	}
	ks.tickets.Close()
}

// KeyIn returns the key without a name of shard i, to lock the shard by.
func KeyIn(shard int) Key { return Key{Hash: uint64(shard) << shardShift} }
