package keyspace

import (
	"sync/atomic"

	"kvorum/internal/invariants"
	"kvorum/mem"
	"kvorum/object"
)

// Large collections in a walk. Whoever meets one first, the walk or a writer, cuts it
// (object/cut.go) and puts it into the queue of the walk, which reads it in parts, one
// collection after the other, before it goes on in the tables. What was cut is found by
// its cut: the record may move, be renamed, and go. One that is deleted, or replaced,
// goes over to the walks that read it, and is freed behind them.
//
// P1: a part is guarded by the lock of its shard, the one of the key, or the last that
// the key was in. P2: parts of one walk are read one after the other, in the order in
// which they were cut.

// part is a collection that a walk reads in parts.
type part struct {
	walk  *Walk
	shard atomic.Int32
	db    int // at the cut
	typ   object.Type
	timed bool // when it was cut
	cut   mem.Handle
	left  int // elements to come
	head  []byte
	tail  []byte
	begun bool
	owner *legacy // of its value, if its key is gone
}

// legacy is a value without a key, which is freed when no part needs it any more.
type legacy struct {
	rec  mem.Handle
	uses int
}

func (p *part) sequence() bool { return p.typ == object.List || p.typ == object.Stream }

// cut cuts the collection of a record for the walk. The lock of its shard is held.
func (w *Walk) cut(db, shard int, rec mem.Handle) (bytes int) {
	d := object.Load(rec)
	p := &part{walk: w, db: db, typ: d.Type(), timed: d.Timed(), cut: object.BeginCut(rec, w.index)}
	p.shard.Store(int32(shard))
	if p.sequence() {
		p.left = object.CutNodes(p.cut)
	} else {
		p.left = object.Items(rec)
	}
	p.head, p.tail = w.keeper.Head(db, rec, p.left)
	w.ks.partMu.Lock()
	if w.ks.parts == nil {
		w.ks.parts = make(map[mem.Handle]*part)
	}
	w.ks.parts[p.cut] = p
	w.parts = append(w.parts, p)
	w.ks.partMu.Unlock()
	return len(p.head) + len(p.tail)
}

// nextPart returns the part that the walk is to read now, nil if there is none.
func (w *Walk) nextPart() *part {
	w.ks.partMu.Lock()
	defer w.ks.partMu.Unlock()
	if len(w.parts) == 0 {
		return nil
	}
	return w.parts[0]
}

// lock locks the shard of the part, which may be moving from one to another.
func (p *part) lock() (shard int) {
	for {
		shard = int(p.shard.Load())
		p.walk.ks.Lock(shard)
		if int(p.shard.Load()) == shard {
			return shard
		}
		p.walk.ks.Unlock(shard)
	}
}

// stepPart reads some of a part and returns the bytes kept, and something for the work.
func (w *Walk) stepPart(p *part, budget int) (bytes int) {
	if !p.begun && !w.cancelled.Load() {
		w.keeper.Open(p.db, p.head)
		p.begun = true
	}
	shard := p.lock()
	more := false
	switch {
	case w.cancelled.Load():
		more = p.drop(&bytes, budget)
	case p.sequence():
		more = object.ReadNodes(p.cut, func(node mem.Handle, kept bool) bool {
			p.left--
			size := w.keeper.Node(p.typ, node)
			if bytes += size + stepCost; kept {
				w.preserved.Add(int64(size))
			}
			return bytes < budget
		})
	default:
		for n := 0; n < stepBuckets && bytes < budget; n++ {
			bytes += stepCost
			more = object.ReadCut(p.cut, w.index, func(e mem.Handle, kept bool) bool {
				p.left--
				size := w.keeper.Element(p.typ, p.timed, e)
				if bytes += size; kept {
					w.preserved.Add(int64(size))
				}
				return bytes < budget
			})
			if !more {
				break
			}
		}
	}
	if !more {
		w.endPart(p)
	}
	w.ks.Unlock(shard)
	return bytes
}

// dropBuckets is how many buckets a step of a walk that was given up looks at.
const dropBuckets = 256

// drop does a step of a part that will not be read.
func (p *part) drop(bytes *int, budget int) (more bool) {
	*bytes += budget
	if p.sequence() {
		n := 0
		return object.ReadNodes(p.cut, func(mem.Handle, bool) bool { n++; return n < dropBuckets })
	}
	return object.DropCut(p.cut, p.walk.index, dropBuckets)
}

// endPart ends a part that has been read or dropped. The lock of its shard is held.
func (w *Walk) endPart(p *part) {
	if p.begun {
		if p.left != 0 && !w.cancelled.Load() {
			invariants.Fail("keyspace: %d elements of a collection are missing in a walk", p.left)
		}
		w.keeper.Close(p.tail)
	}
	object.EndCut(p.cut, p.sequence())
	ks := w.ks
	ks.partMu.Lock()
	delete(ks.parts, p.cut)
	w.parts = w.parts[1:]
	ks.partMu.Unlock()
	if o := p.owner; o != nil {
		if o.uses--; o.uses == 0 {
			ks.release(o.rec)
		}
	}
}

// partsOf calls fn for the parts that read the value of a record.
func (ks *Keyspace) partsOf(rec mem.Handle, fn func(*part)) {
	c := object.CutOf(rec)
	if !c.On() {
		return
	}
	ks.partMu.Lock()
	defer ks.partMu.Unlock()
	for i := range WalksMax {
		if cut := c.Of(i); cut != 0 {
			fn(ks.parts[cut])
		}
	}
}

// moveParts tells the walks that read the value of a record that it is in another
// shard now. The locks of both shards are held.
func (ks *Keyspace) moveParts(rec mem.Handle, shard int) {
	ks.partsOf(rec, func(p *part) { p.shard.Store(int32(shard)) })
}

// bequeath leaves a record whose key is gone to the walks that have still to read its
// value, and reports whether there are any. The lock of its shard is held.
func (ks *Keyspace) bequeath(rec mem.Handle) bool {
	o := &legacy{rec: rec}
	ks.partsOf(rec, func(p *part) {
		p.owner = o
		o.uses++
	})
	return o.uses > 0
}

// partBlocks calls fn for the blocks that walks own.
func (ks *Keyspace) partBlocks(fn func(mem.Handle)) {
	ks.partMu.Lock()
	defer ks.partMu.Unlock()
	seen := make(map[*legacy]bool)
	for _, p := range ks.parts {
		object.CutBlocks(p.cut, p.sequence(), fn)
		if o := p.owner; o != nil && !seen[o] {
			seen[o] = true
			object.Blocks(o.rec, fn)
		}
	}
}
