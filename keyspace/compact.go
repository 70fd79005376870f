package keyspace

import (
	"sync"

	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
)

// sparseFill is the share of live blocks, in percent, below which a span is
// worth emptying.
const sparseFill = 50

// sparseBudget bounds the live bytes that one pass sets out to move.
const sparseBudget = 64 << 20

// compactor is the position of the pass that moves records out of sparse spans.
// One pass covers one group: its sparse spans are marked, its shards' tables are
// walked in every database, and each record found in a marked span moves. A
// record is referenced from one slot, so a move is a copy and a rewritten slot. What
// hangs on a record moves with it, but a large value in parts, between which the lock
// is let go: if records of the bucket come or go meanwhile, a value may be left out
// of this pass.
type compactor struct {
	mu     sync.Mutex
	active bool
	group  int
	db     int
	shard  int // steps by GroupCount
	bucket int
	record int // records of the bucket before it are done
	part   int // of that record's value, as object.MoveValue counts
	moved  int64
}

// CompactBegin starts a pass over the next group that has at least minBytes to
// give back and reports whether there is one.
func (ks *Keyspace) CompactBegin(minBytes int) bool {
	return ks.compactBegin(minBytes, func(*mem.Arena) (int, int) { return sparseFill, sparseBudget })
}

// The limits of CompactTight: it leaves groups alone that are fuller than tightFull
// percent, and empties spans that are less full than the mean of their group, which
// it takes for at most tightFill.
const (
	tightFull = 94
	tightFill = 92
)

// CompactTight is CompactBegin for when memory is short: it empties spans that are
// less full than most, at whatever cost in copying. The copies of a pass exist
// beside the originals until a span is empty, so a pass takes on no more than fits
// into half of the holes that there are, and budget bytes.
func (ks *Keyspace) CompactTight(budget int) bool {
	return ks.compactBegin(1, func(a *mem.Arena) (fill, bytes int) {
		held, used := a.SpanBytes(), a.UsedBytes()
		if held == 0 || 100*used > tightFull*held {
			return 0, 0
		}
		return min(max(int(100*used/held), sparseFill), tightFill), budget + int(held-used)/2
	})
}

// compactBegin starts a pass over the next group whose sparse spans have at least
// minBytes to give back. aim gives the percentage below which a span of a group
// is sparse, and the live bytes that a pass over it may move; 0 leaves it out.
func (ks *Keyspace) compactBegin(minBytes int, aim func(*mem.Arena) (fill, bytes int)) bool {
	c := &ks.compactor
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active {
		return true
	}
	for range GroupCount {
		c.group = (c.group + 1) & groupMask
		a := ks.groups[c.group].arena
		fill, bytes := aim(a)
		if fill == 0 {
			continue
		}
		if a.MarkSparse(fill, bytes) >= minBytes {
			c.active, c.db, c.shard = true, 0, c.group
			c.bucket, c.record, c.part = 0, 0, 0
			return true
		}
		a.UnmarkSparse()
	}
	return false
}

// CompactStep does about budget buckets of the pass, those of large values counted
// too, and reports whether more is left. It takes the shard's lock itself.
func (ks *Keyspace) CompactStep(budget int) (more bool) {
	c := &ks.compactor
	if !c.mu.TryLock() {
		return true
	}
	defer c.mu.Unlock()
	var draw Draw
	for c.active && budget > 0 {
		db := ks.dbs[c.db]
		ks.Lock(c.shard)
		t := &db.tables[c.shard]
		for ; c.bucket < t.Buckets() && budget > 0; budget-- {
			if c.bucket+1 < t.Buckets() {
				draw.fetch(t, c.bucket+1)
			}
			budget = c.moveBucket(ks, t, budget)
		}
		done := c.bucket >= t.Buckets()
		ks.Unlock(c.shard)
		if done {
			budget--
			c.advance(ks)
		}
	}
	return c.active
}

// moveBucket moves the records of a bucket, from where it stopped on, and goes to the
// next bucket if it gets to the end. It returns what is left of the budget.
func (c *compactor) moveBucket(ks *Keyspace, t *table.Table, budget int) int {
	a := ks.groups[c.group].arena
	n, stopped := 0, false
	t.Walk(c.bucket, func(s table.Slot) {
		if n++; n <= c.record || stopped {
			return
		}
		h := s.Handle()
		if ks.AnyPinned() && ks.shards[c.shard].pins != nil && ks.Pinned(ks.Key(object.Key(h))) {
			c.part = 0
			return // a long command has a view of it
		}
		if c.part == 0 && mem.Evacuating(h) {
			c.moved += int64(mem.BlockSize(h))
			h = object.Move(a, h)
			s.Replace(h)
		}
		moved, looked, next := object.MoveValue(a, h, c.part, budget)
		c.moved += int64(moved)
		budget -= looked
		if c.part = next; next != 0 {
			c.record, stopped = n-1, true
		}
	})
	if !stopped {
		c.bucket++
		c.record, c.part = 0, 0
	}
	return budget
}

// advance goes to the next shard, database, or the end of the pass.
func (c *compactor) advance(ks *Keyspace) {
	c.bucket, c.record, c.part = 0, 0, 0
	if c.shard += GroupCount; c.shard < ShardCount {
		return
	}
	c.shard = c.group
	if c.db++; c.db < len(ks.dbs) {
		return
	}
	c.active = false
	ks.groups[c.group].arena.UnmarkSparse()
}

// CompactedBytes returns the bytes moved by compaction since the start.
func (ks *Keyspace) CompactedBytes() int64 {
	ks.compactor.mu.Lock()
	defer ks.compactor.mu.Unlock()
	return ks.compactor.moved
}
