package stream

import (
	"encoding/binary"

	"kvorum/ds/btree"
	"kvorum/mem"
	"kvorum/object"
)

// Pending is an entry given to a consumer that has not confirmed it. It is valid
// until it is removed. The zero one is none.
type Pending struct {
	ms uint64
	h  mem.Handle
}

func pendingOf(e btree.Entry) Pending { return Pending{e.A, mem.Handle(e.B)} }

func (p Pending) entry() btree.Entry { return btree.Entry{A: p.ms, B: uint64(p.h)} }

// ID returns the id of the entry.
func (p Pending) ID() ID { return ID{p.ms, binary.BigEndian.Uint64(object.PendingSeq(p.h))} }

// Time returns when the entry was last given to somebody, in Unix milliseconds.
func (p Pending) Time() int64 { return int64(mem.Load64(p.h, object.PendingTimeAt)) }

// Count returns how often the entry was given to somebody.
func (p Pending) Count() int64 { return int64(mem.Load64(p.h, object.PendingCountAt)) }

// Set changes Time and Count.
func (p Pending) Set(ms, count int64) {
	mem.Store64(p.h, object.PendingTimeAt, uint64(ms))
	mem.Store64(p.h, object.PendingCountAt, uint64(count))
}

// Consumer returns the consumer whom the entry is with, none only between Hold and
// Assign.
func (p Pending) Consumer() Consumer {
	return Consumer{mem.Handle(mem.Load64(p.h, object.PendingConsumerAt))}
}

// Unassigned reports whether the entry is with nobody: between Hold and Assign.
func (p Pending) Unassigned() bool { return p.Consumer().h == 0 }

// insert adds the entry to the tree at an offset of a group or a consumer.
func (p Pending) insert(a *mem.Arena, h mem.Handle, at int) {
	t := btree.Load(h, at, object.PendingSeq)
	c := t.Seek(btree.Key{A: p.ms, Name: object.PendingSeq(p.h)})
	c.Insert(a, p.entry())
	t.Save(h, at)
}

// remove takes the entry out of the tree at an offset of a group or a consumer.
func (p Pending) remove(a *mem.Arena, h mem.Handle, at int) {
	t := btree.Load(h, at, object.PendingSeq)
	drop(a, &t, p.entry())
	t.Save(h, at)
}

// Pending returns the pending entry of an id; ok is false if there is none. O(log
// n).
func (g Group) Pending(id ID) (p Pending, ok bool) {
	t := g.pending()
	return findPending(&t, id)
}

// Pending returns the entry of an id that is pending with the consumer; ok is false
// if there is none. O(log n).
func (c Consumer) Pending(id ID) (p Pending, ok bool) {
	t := c.pending()
	return findPending(&t, id)
}

func findPending(t *btree.Tree, id ID) (p Pending, ok bool) {
	var seq [8]byte
	c := t.Seek(idKey(id, &seq))
	if !c.Valid() {
		return Pending{}, false
	}
	if p = pendingOf(c.Entry()); p.ID() != id {
		return Pending{}, false
	}
	return p, true
}

// Give makes an entry pending with a consumer of the group, whoever had it, as
// given to it at a time in Unix milliseconds for the count-th time. O(log n).
func (g Group) Give(id ID, c Consumer, ms, count int64) Pending {
	p, _ := g.Hold(id, ms, count)
	g.Assign(p, c)
	p.Set(ms, count)
	return p
}

// Hold makes an entry pending with nobody yet: RDB files tell what is pending before
// they tell with whom, and the caller goes on with Assign. ok is false, and nothing
// changes, if the entry is pending already. O(log n).
func (g Group) Hold(id ID, ms, count int64) (p Pending, ok bool) {
	var seq [8]byte
	t := g.pending()
	at := t.Seek(idKey(id, &seq))
	if at.Valid() {
		if p = pendingOf(at.Entry()); p.ID() == id {
			return p, false
		}
	}
	p = Pending{id.Ms, g.arena.Alloc(object.PendingSize, mem.KindNode)}
	copy(object.PendingSeq(p.h), seq[:])
	mem.Store64(p.h, object.PendingConsumerAt, 0)
	p.Set(ms, count)
	at.Insert(g.arena, p.entry())
	t.Save(g.h, object.GroupPendingAt)
	return p, true
}

// Assign moves a pending entry to a consumer of the same group. O(log n).
func (g Group) Assign(p Pending, c Consumer) {
	old := p.Consumer()
	if old == c {
		return
	}
	if old.h != 0 {
		p.remove(g.arena, old.h, object.ConsumerPendingAt)
	}
	p.insert(g.arena, c.h, object.ConsumerPendingAt)
	mem.Store64(p.h, object.PendingConsumerAt, uint64(c.h))
}

// Ack removes the pending entry of an id and reports whether there was one. O(log
// n).
func (g Group) Ack(id ID) bool {
	p, ok := g.Pending(id)
	if !ok {
		return false
	}
	p.remove(g.arena, p.Consumer().h, object.ConsumerPendingAt)
	p.remove(g.arena, g.h, object.GroupPendingAt)
	mem.Free(p.h, mem.KindNode)
	return true
}

// PendingSet are the entries pending in a group or with a consumer, until the next
// change of them.
type PendingSet struct{ t btree.Tree }

// AllPending returns the entries pending in the group.
func (g Group) AllPending() PendingSet { return PendingSet{g.pending()} }

// AllPending returns the entries pending with the consumer.
func (c Consumer) AllPending() PendingSet { return PendingSet{c.pending()} }

// PendingCursor walks pending entries in the order of their ids.
type PendingCursor struct{ c btree.Cursor }

// Seek returns the cursor on the first entry that is not before from. O(log n).
func (s *PendingSet) Seek(from ID) PendingCursor {
	var seq [8]byte
	return PendingCursor{s.t.Seek(idKey(from, &seq))}
}

// Last returns the entry with the greatest id; ok is false if there is none.
func (s *PendingSet) Last() (p Pending, ok bool) {
	c := s.t.Last()
	if !c.Valid() {
		return Pending{}, false
	}
	return pendingOf(c.Entry()), true
}

// Valid reports whether the cursor is on an entry.
func (c *PendingCursor) Valid() bool { return c.c.Valid() }

// Next goes to the next entry, or after the last; false there.
func (c *PendingCursor) Next() bool { return c.c.Next() }

// Pending returns the entry that the cursor is on.
func (c *PendingCursor) Pending() Pending { return pendingOf(c.c.Entry()) }
