package keyspace

import (
	"errors"
	"sync"
	"sync/atomic"

	"kvorum/ds/table"
	"kvorum/internal/invariants"
	"kvorum/mem"
	"kvorum/object"
)

// Walks: all keys as they were at one instant, while writers go on.
//
// A walk begins at a cut, when the world stands still, and goes through the tables
// bucket by bucket in the order of places (ds/table/visit.go). Whoever is about to
// change, replace, move or remove a key that a walk has still to come to first gives
// it to the walk (preserve); a flag of the slot then says so. Keys that have come since
// the cut have the flag from the start. So every key of the cut is taken exactly once,
// as it was: by the walk or, out of turn, by the first who changes it.
//
// There are two walks at most, each with its own flag. What a walk goes through are
// the tables that there were at the cut, wherever they have got to: SWAPDB moves them
// with their sections, and flushed ones are freed behind the walk.
//
// W1: under the lock of a shard, a key is still to be taken by a walk if and only if
// its table has a section of the walk, its place is not before passed, and its flag is
// clear. W2: behind the walk, and where there is none, flags are clear. W3: what a
// Keeper is given under the lock of a key's shard is the key as of the cut.

// WalksMax is the number of walks that can be under way at a time.
const WalksMax = object.WalksMax

// ErrWalks is the error of BeginWalk when WalksMax walks are under way.
var ErrWalks = errors.New("keyspace: too many walks")

// Keeper takes what a walk finds, and what is about to change before it gets there.
// Records are borrowed: the lock of the key's shard is held, by whatever goroutine, and
// nothing else may be locked but leaves. db is the number of the database at the cut.
type Keeper interface {
	// Key takes a whole key and returns how many bytes it has kept. inTurn tells that
	// the one who steps calls, of whom there is one at a time.
	Key(shard, db int, rec mem.Handle, inTurn bool) (bytes int)

	// Head takes what comes before the parts of a large collection, and what follows
	// them, of a stream. left is the number of elements or nodes that will be given.
	Head(db int, rec mem.Handle, left int) (head, tail []byte)
	// Open begins the parts of a collection, Close ends them; nothing of another one
	// comes between, but Key and Head may. Element and Node return the bytes kept. They
	// are called by the one who steps. timed tells that the element is of a timed hash.
	Open(db int, head []byte)
	Element(t object.Type, timed bool, elem mem.Handle) (bytes int)
	Node(t object.Type, node mem.Handle) (bytes int)
	Close(tail []byte)
}

// Walk is one walk. Any goroutine that is in a batch or holds a pass may call its
// methods.
type Walk struct {
	ks       *Keyspace
	keeper   Keeper
	flag     table.Flag
	index    int
	sections []*section

	mu      sync.Mutex // held by the one who steps
	section int        // the one that the walk is in
	shard   int        // of it
	inTurn  tally      // in this step, not counted below yet
	parts   []*part    // collections to read, the present one first; guarded by ks.partMu

	ended     atomic.Bool
	cancelled atomic.Bool
	keys      atomic.Int64 // taken
	total     int64        // at the cut
	preserved atomic.Int64 // bytes of keys taken out of turn
	bytes     atomic.Int64 // of all keys taken
}

// tally is a number of keys that were taken, and of their bytes.
type tally struct{ keys, bytes int64 }

// section is the part of a walk that is one database.
type section struct {
	walk   *Walk
	db     int // at the cut
	tables []table.Table
	passed []uint64     // by shard, guarded by its lock: the place that the walk has come to
	done   atomic.Int32 // the shards before it have been passed
}

// stepBuckets and stepBytes bound what a walk does under one lock.
const (
	stepBuckets = 16
	stepBytes   = 32 << 10
)

// BeginWalk makes the cut of a walk that gives the keys of all databases to k. The
// caller is exclusive. Cost: a look at each database. Error: ErrWalks.
func (ks *Keyspace) BeginWalk(k Keeper) (*Walk, error) {
	i := 0
	for ks.walks[i].Load() != nil {
		if i++; i == WalksMax {
			return nil, ErrWalks
		}
	}
	w := &Walk{ks: ks, keeper: k, index: i, flag: table.SavedA + table.Flag(i)}
	for _, db := range ks.dbs {
		if n := db.Len(); n > 0 {
			s := &section{walk: w, db: db.index, tables: db.tables, passed: make([]uint64, ShardCount)}
			w.sections = append(w.sections, s)
			w.total += n
			db.sections[i].Store(s)
			db.walks.Or(1 << i)
		}
	}
	ks.walks[i].Store(w)
	return w, nil
}

// Total returns the number of keys at the cut.
func (w *Walk) Total() int64 { return w.total }

// Keys returns how many of them have been taken.
func (w *Walk) Keys() int64 { return w.keys.Load() }

// Preserved returns the bytes kept of keys that were taken out of turn, because they
// were about to change.
func (w *Walk) Preserved() int64 { return w.preserved.Load() }

// Bytes returns the bytes kept of all keys so far.
func (w *Walk) Bytes() int64 { return w.bytes.Load() }

// Ended reports whether the walk has come to its end, or has been given up and has
// left no trace.
func (w *Walk) Ended() bool { return w.ended.Load() }

// Cancel gives the walk up: from now on the Keeper is given nothing but what is being
// given at this moment. The walk must still be stepped to its end, which is cheap.
func (w *Walk) Cancel() { w.cancelled.Store(true) }

// Cancelled reports whether the walk was given up.
func (w *Walk) Cancelled() bool { return w.cancelled.Load() }

// Step goes on with the walk until the Keeper has kept about budget bytes, and reports
// whether more is left. Others may be at it: then it returns true at once, with 0.
func (w *Walk) Step(budget int) (bytes int, more bool) {
	if !w.mu.TryLock() {
		return 0, true
	}
	defer w.mu.Unlock()
	defer w.count()
	for bytes < budget && !w.ended.Load() {
		if p := w.nextPart(); p != nil {
			bytes += w.stepPart(p, min(budget-bytes, stepBytes))
			continue
		}
		if w.section == len(w.sections) {
			w.end()
			break
		}
		bytes += w.stepTable(min(budget-bytes, stepBytes))
	}
	return bytes, !w.ended.Load()
}

// count counts the keys that a step has taken, before others may step.
func (w *Walk) count() {
	w.keys.Add(w.inTurn.keys)
	w.bytes.Add(w.inTurn.bytes)
	w.inTurn = tally{}
}

// stepCost is what a step counts beside what it keeps, so that a walk over what is
// not kept has an end.
const stepCost = 64

// stepTable goes on in the present table, and to the next one at its end. It returns
// the bytes kept, and something for the work.
func (w *Walk) stepTable(budget int) (bytes int) {
	s := w.sections[w.section]
	t := &s.tables[w.shard]
	w.ks.Lock(w.shard)
	at := s.passed[w.shard]
	for n := 0; n < stepBuckets && bytes < budget && at < table.PlaceEnd; n++ {
		bytes += stepCost
		if w.cancelled.Load() {
			at = t.ClearFlags(at, w.flag)
		} else {
			at = w.visit(s, t, at, budget, &bytes)
		}
		s.passed[w.shard] = at
	}
	w.ks.Unlock(w.shard)
	if at >= table.PlaceEnd {
		w.shard++
		s.done.Store(int32(w.shard))
		if w.shard == ShardCount {
			w.section++
			w.shard = 0
		}
	}
	return bytes
}

// visit takes the keys around place at until the bytes exceed the budget, and returns
// the place to go on with.
func (w *Walk) visit(s *section, t *table.Table, at uint64, budget int, bytes *int) uint64 {
	next := t.Visit(at, w.flag, w.ks, func(slot table.Slot) bool {
		n := w.take(s.db, w.shard, slot.Handle(), true)
		w.inTurn.keys++
		w.inTurn.bytes += int64(n)
		*bytes += n
		return *bytes < budget
	})
	if next != at {
		t.Approach(next)
	}
	return next
}

// take gives a key to the Keeper and returns how many bytes it has kept.
func (w *Walk) take(db, shard int, rec mem.Handle, inTurn bool) int {
	if object.Big(rec) {
		return w.cut(db, shard, rec)
	}
	return w.keeper.Key(shard, db, rec, inTurn)
}

// end ends the walk: there is no flag and no section of it any more.
func (w *Walk) end() {
	for _, db := range w.ks.dbs {
		if s := db.sections[w.index].Load(); s != nil {
			if s.walk != w {
				invariants.Fail("keyspace: walk %d ends, its sections are another's", w.index)
			}
			db.sections[w.index].Store(nil)
			db.walks.And(^uint32(1 << w.index))
		}
	}
	w.ks.walks[w.index].Store(nil)
	w.ended.Store(true)
}

// Walks reports whether any walk is under way. Safe from any goroutine.
func (ks *Keyspace) Walks() bool {
	for i := range ks.walks {
		if ks.walks[i].Load() != nil {
			return true
		}
	}
	return false
}

// Preserve gives the key of e, which is about to change where it is, to the walks that
// have still to take it. The functions here that change a key do that themselves; who
// opens a record for writing calls this first. The lock of the key's shard is held.
//
//kvorum:inline
func (db *DB) Preserve(k Key, e Entry) {
	if db.walks.Load() != 0 {
		db.preserve(k, e)
	}
}

func (db *DB) preserve(k Key, e Entry) {
	for i := range db.sections {
		s := db.sections[i].Load()
		if s == nil || s.walk.cancelled.Load() {
			continue
		}
		w, shard := s.walk, ShardOf(k.Hash)
		if table.Place(k.Hash) < s.passed[shard] || e.slot.Flag(w.flag) {
			continue
		}
		e.slot.SetFlag(w.flag, true)
		n := int64(w.take(s.db, shard, e.Rec, false))
		w.keys.Add(1)
		w.bytes.Add(n)
		w.preserved.Add(n)
	}
}

// born marks a key that has just been put into its table as one that running walks
// have no need of.
func (db *DB) born(hash uint64, slot table.Slot) {
	for i := range db.sections {
		s := db.sections[i].Load()
		if s == nil || s.walk.cancelled.Load() || table.Place(hash) < s.passed[ShardOf(hash)] {
			continue
		}
		slot.SetFlag(s.walk.flag, true)
	}
}

// sections are those that a database's tables have, one for each walk.
type sections [WalksMax]atomic.Pointer[section]

// swap exchanges the sections of two databases whose tables are exchanged. The caller
// is exclusive.
func (a *DB) swapSections(b *DB) {
	for i := range a.sections {
		s := a.sections[i].Load()
		a.sections[i].Store(b.sections[i].Load())
		b.sections[i].Store(s)
	}
	m := a.walks.Load()
	a.walks.Store(b.walks.Load())
	b.walks.Store(m)
}

// takeSections moves the sections of a database to its data, which leave it. The
// caller is exclusive.
func (db *DB) takeSections() (out [WalksMax]*section) {
	for i := range db.sections {
		out[i] = db.sections[i].Swap(nil)
	}
	db.walks.Store(0)
	return out
}
