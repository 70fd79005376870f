package object

import (
	"kvorum/ds/btree"
	"kvorum/ds/table"
	"kvorum/internal/invariants"
	"kvorum/mem"
)

// What a walk over all keys (package keyspace) has still to read of a large collection.
//
// A large collection is not copied at once when a writer is about to change it, or when
// the walk comes to it: it is cut. From then on the walk reads it in parts, and whoever
// changes a part that was not read yet first keeps it for the walk. There are two walks
// at most, and each has a cut of its own.
//
//	root:  | state | cut 8 | cut 8 |    FlagCut in the record: there was one
//	cut:   | passed 8 | root 8 | place in the root 8 | kept 8 | fill 8 |            of a table
//	       | next 8 | root 8 | place in the root 8 | nodes 8 | count 8 | index 8 |  of a sequence
//	kept:  | block before 8 | elements 63 x 8 |
//	nodes: | handle, and whether the walk owns it, 8 | ...
//	index: | number of the node + 1, 4 | ...                    by handle, open addressing
//
// In a table the place (ds/table) that the walk has passed and a flag of each slot say
// what was read; what must be kept is a copy of the element. In a sequence of nodes the
// order matters: the nodes are listed at the cut. A node that leaves the sequence goes
// over to the walk, one that is changed is copied for it.
//
// I1: the root of a cut collection stays where it is: the value is left out of
// compaction, and what replaces the root first ends the need for it (KeepRest, Detach).
// I2: flags of the elements' slots are clear behind the walk and where there is no cut.

// FlagCut says that the collection was cut since it has its root: there may be cuts.
const FlagCut Header = 1 << 12

// WalksMax is the number of walks that there may be at a time.
const WalksMax = 2

const (
	cutSlots = WalksMax * 8 // behind the state in a root

	cutPassed = 0 // or the number of the next node
	cutRoot   = 8 // 0 when the collection has lost its root
	cutAt     = 16
	cutKept   = 24
	cutFill   = 32
	cutNodes  = 24
	cutCount  = 32
	cutIndex  = 40

	cutTableSize = 40
	cutNodesSize = 48

	keptRoom  = 63
	keptSize  = 8 + keptRoom*8
	ownedNode = 1 << 63
)

// bigBytes is the size from which a collection is cut rather than copied; one with
// bigItems elements or bigNodes nodes is not even looked at.
const (
	bigBytes = 16 << 10
	bigItems = 256
	bigNodes = 4
)

// Big reports whether the record is of a collection that a walk reads in parts. Cost:
// a look at each element of a collection that is not.
func Big(h mem.Handle) bool {
	d := Load(h)
	if d.Type() == String {
		return false
	}
	switch d.Encoding() {
	case EncHashtable, EncHashtableEx, EncSkiplist:
		t := table.Load(Root(h))
		if t.Len() > bigItems {
			return true
		}
		size := 0
		var w table.Walker
		for e, ok := t.Next(&w); ok && size < bigBytes; e, ok = t.Next(&w) {
			size += mem.BlockSize(e)
			if l := layoutOf(e); l.blob {
				size += int(mem.Load64(e, l.value+elemWord))
			}
		}
		return size >= bigBytes
	case EncQuicklist:
		nodes := btree.Load(Root(h), 0, nil)
		n := 0
		for c := nodes.First(); c.Valid() && n <= bigNodes; c.Next() {
			n++
		}
		return n > bigNodes
	case EncStream:
		nodes := btree.Load(Root(h), StreamNodesAt, StreamNodeSeq)
		return nodes.Len() > bigNodes
	}
	return false
}

// NewRoot makes a root block of a collection that is not packed, with room for the
// cuts that there may be: a root that is read by somebody may not move.
func NewRoot(a *mem.Arena, enc Encoding) mem.Handle {
	at := stateSize(enc)
	root := a.Alloc(at+cutSlots, mem.KindNode)
	clear(mem.View(root, at+cutSlots)[at:])
	return root
}

// stateSize returns the size of a root without room for cuts.
func stateSize(enc Encoding) int {
	switch enc {
	case EncHashtable:
		return table.StateSize
	case EncSkiplist:
		return OrderedSize
	case EncQuicklist:
		return btree.StateSize
	case EncStream:
		return streamRootSize
	case EncHashtableEx:
		return TimedSize
	}
	invariants.Fail("object: a root of encoding %d is not cut", enc)
	return 0
}

// BeginCut cuts the collection of the record for a walk (0 or 1) and returns the cut.
// O(1) for a table, O(nodes) for a sequence.
func BeginCut(h mem.Handle, walk int) (cut mem.Handle) {
	root, d := Root(h), Load(h)
	enc := d.Encoding()
	at := stateSize(enc)
	a := mem.ArenaOf(root)
	(d | FlagCut).Store(h)
	if mem.Load64(root, at+walk*8) != 0 {
		invariants.Fail("object: %#x is cut twice for walk %d", uint64(h), walk)
	}
	if enc == EncHashtable || enc == EncHashtableEx || enc == EncSkiplist {
		cut = a.Alloc(cutTableSize, mem.KindNode)
		clear(mem.View(cut, cutTableSize))
	} else {
		cut = listNodes(a, root, enc)
	}
	mem.Store64(cut, cutRoot, uint64(root))
	mem.Store64(cut, cutAt, uint64(at+walk*8))
	mem.Store64(root, at+walk*8, uint64(cut))
	return cut
}

// Cut is what a view of a collection knows of its cuts: handles of them, 0 for none.
type Cut struct{ of [WalksMax]mem.Handle }

// CutOf returns the cuts of a record.
func CutOf(h mem.Handle) (c Cut) {
	if Load(h)&FlagCut != 0 {
		c = cutOf(h)
	}
	return c
}

func cutOf(h mem.Handle) (c Cut) {
	at := stateSize(Load(h).Encoding())
	for i := range c.of {
		c.of[i] = mem.Handle(mem.Load64(Root(h), at+i*8))
	}
	return c
}

// On reports whether there is any cut.
func (c *Cut) On() bool { return c.of[0]|c.of[1] != 0 }

// Of returns the cut for a walk, 0 if there is none.
func (c *Cut) Of(walk int) mem.Handle { return c.of[walk] }

// MoveTo takes the cuts along to another root of the record.
func (c *Cut) MoveTo(h mem.Handle) {
	root, at := Root(h), stateSize(Load(h).Encoding())
	for i, cut := range c.of {
		mem.Store64(root, at+i*8, uint64(cut))
		if cut != 0 {
			mem.Store64(cut, cutRoot, uint64(root))
			mem.Store64(cut, cutAt, uint64(at+i*8))
		}
	}
	(Load(h) | FlagCut).Store(h)
}

// Keep keeps a copy of the element of a slot, which is about to change or to go, for
// the walks that have still to read it. hash is that of its name.
func (c *Cut) Keep(a *mem.Arena, s table.Slot, hash uint64) {
	for i, cut := range c.of {
		flag := table.SavedA + table.Flag(i)
		if cut == 0 || table.Place(hash) < mem.Load64(cut, cutPassed) || s.Flag(flag) {
			continue
		}
		s.SetFlag(flag, true)
		keep(a, cut, s.Handle())
	}
}

// Born marks the slot of an element that is new as one that no walk has to read.
func (c *Cut) Born(s table.Slot, hash uint64) {
	for i, cut := range c.of {
		if cut != 0 && table.Place(hash) >= mem.Load64(cut, cutPassed) {
			s.SetFlag(table.SavedA+table.Flag(i), true)
		}
	}
}

// keep adds a copy of an element to what is kept for a walk.
func keep(a *mem.Arena, cut, e mem.Handle) {
	b := mem.Handle(mem.Load64(cut, cutKept))
	n := mem.Load64(cut, cutFill)
	if b == 0 || n == keptRoom {
		next := a.Alloc(keptSize, mem.KindNode)
		mem.Store64(next, 0, uint64(b))
		mem.Store64(cut, cutKept, uint64(next))
		b, n = next, 0
	}
	mem.Store64(b, int(n+1)*8, uint64(copyElement(a, e)))
	mem.Store64(cut, cutFill, n+1)
}

// KeepRest keeps all that walks have still to read of the table of a record, which
// then has no cut any more: it is about to lose its root. O(n).
func KeepRest(h mem.Handle) {
	c := CutOf(h)
	root := Root(h)
	t := table.Load(root)
	for i, cut := range c.of {
		if cut == 0 {
			continue
		}
		for at := mem.Load64(cut, cutPassed); at < table.PlaceEnd; {
			at = t.Visit(at, table.SavedA+table.Flag(i), ByName, func(s table.Slot) bool {
				keep(mem.ArenaOf(root), cut, s.Handle())
				return true
			})
		}
		mem.Store64(cut, cutPassed, table.PlaceEnd)
		detach(cut)
	}
}

// ReadCut gives a walk elements of a table that it has still to read: fn gets those of a
// bucket, until it returns false; before these the kept ones, which are freed then. It
// reports whether more is left.
func ReadCut(cut mem.Handle, walk int, fn func(e mem.Handle, kept bool) bool) (more bool) {
	for b := mem.Handle(mem.Load64(cut, cutKept)); b != 0; b = mem.Handle(mem.Load64(cut, cutKept)) {
		n := mem.Load64(cut, cutFill)
		if n == 0 {
			dropKept(cut, b)
			continue
		}
		e := mem.Handle(mem.Load64(b, int(n)*8))
		mem.Store64(cut, cutFill, n-1)
		again := fn(e, true)
		FreeElement(e)
		if !again {
			return true
		}
	}
	root := mem.Handle(mem.Load64(cut, cutRoot))
	at := mem.Load64(cut, cutPassed)
	if root == 0 || at >= table.PlaceEnd {
		return false
	}
	t := table.Load(root)
	at = t.Visit(at, table.SavedA+table.Flag(walk), ByName, func(s table.Slot) bool { return fn(s.Handle(), false) })
	mem.Store64(cut, cutPassed, at)
	return at < table.PlaceEnd
}

// dropKept frees the empty block at the head of what is kept.
func dropKept(cut, b mem.Handle) {
	before := mem.Load64(b, 0)
	mem.Store64(cut, cutKept, before)
	mem.Store64(cut, cutFill, 0)
	if before != 0 {
		mem.Store64(cut, cutFill, keptRoom)
	}
	mem.Free(b, mem.KindNode)
}

// DropCut does some of what is left to do with the cut of a table that will not be
// read: it frees what is kept, and clears flags. It reports whether more is left.
func DropCut(cut mem.Handle, walk, budget int) (more bool) {
	root := mem.Handle(mem.Load64(cut, cutRoot))
	if root != 0 {
		t := table.Load(root)
		at := mem.Load64(cut, cutPassed)
		for ; at < table.PlaceEnd; budget-- {
			if budget <= 0 {
				mem.Store64(cut, cutPassed, at)
				return true
			}
			at = t.ClearFlags(at, table.SavedA+table.Flag(walk))
		}
		mem.Store64(cut, cutPassed, table.PlaceEnd)
	}
	return ReadCut(cut, walk, func(mem.Handle, bool) bool { budget--; return budget > 0 })
}

// EndCut frees a cut that has been read or dropped to its end.
func EndCut(cut mem.Handle, sequence bool) {
	detach(cut)
	if sequence {
		mem.Free(mem.Handle(mem.Load64(cut, cutNodes)), mem.KindNode)
		mem.Free(mem.Handle(mem.Load64(cut, cutIndex)), mem.KindNode)
	}
	mem.Free(cut, mem.KindNode)
}

// detach makes the root of a cut collection forget the cut.
func detach(cut mem.Handle) {
	if root := mem.Handle(mem.Load64(cut, cutRoot)); root != 0 {
		mem.Store64(root, int(mem.Load64(cut, cutAt)), 0)
		mem.Store64(cut, cutRoot, 0)
	}
}

// CutBlocks calls fn for every block that a cut owns.
func CutBlocks(cut mem.Handle, sequence bool, fn func(mem.Handle)) {
	fn(cut)
	if sequence {
		nodeBlocks(cut, fn)
		return
	}
	n := mem.Load64(cut, cutFill)
	for b := mem.Handle(mem.Load64(cut, cutKept)); b != 0; b = mem.Handle(mem.Load64(b, 0)) {
		fn(b)
		for ; n > 0; n-- {
			elementBlocks(mem.Handle(mem.Load64(b, int(n)*8)), fn)
		}
		n = keptRoom
	}
}

// StrayFlag reports whether an element of the collection has the flag of a walk that it
// has no cut for. For checks. O(n).
func StrayFlag(h mem.Handle) (stray bool) {
	d := Load(h)
	if d.Type() == String || d.Encoding() != EncHashtable && d.Encoding() != EncSkiplist && d.Encoding() != EncHashtableEx {
		return false
	}
	c := CutOf(h)
	t := table.Load(Root(h))
	for i := range t.Buckets() {
		t.Walk(i, func(s table.Slot) {
			for n, cut := range c.of {
				stray = stray || cut == 0 && s.Flag(table.SavedA+table.Flag(n))
			}
		})
	}
	return stray
}
