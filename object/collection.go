package object

import (
	"kvorum/ds/btree"
	"kvorum/ds/intset"
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/internal/invariants"
	"kvorum/mem"
)

// The encodings of collections.
const (
	EncHashtable Encoding = 2
	EncIntset    Encoding = 6
	EncSkiplist  Encoding = 7 // a table and a tree
	EncQuicklist Encoding = 9 // a tree of listpacks
	EncListpack  Encoding = 11
)

// NewCollection makes the record of an empty collection in an encoding.
func NewCollection(a *mem.Arena, t Type, enc Encoding, key []byte, access uint32) mem.Handle {
	h := a.Alloc(Size(len(key), rootSize, false), mem.KindRecord)
	at := Begin(h, key, Header(t)|Header(enc)<<4|Header(access)<<accessShift, false)
	mem.Store64(h, at, uint64(newRoot(a, enc)))
	return h
}

// NewPacked makes the record of a collection that is one listpack or intset, whose
// bytes are copied. They are valid, and the collection is within its limits.
func NewPacked(a *mem.Arena, t Type, enc Encoding, key, packed []byte, access uint32) mem.Handle {
	root := a.Alloc(max(len(packed), packedFirst), mem.KindNode)
	copy(mem.View(root, len(packed)), packed)
	h := a.Alloc(Size(len(key), rootSize, false), mem.KindRecord)
	at := Begin(h, key, Header(t)|Header(enc)<<4|Header(access)<<accessShift, false)
	mem.Store64(h, at, uint64(root))
	return h
}

// NewNameless makes a record without a key that owns what a root of a collection refers
// to, so that it can be freed in slices.
func NewNameless(t Type, enc Encoding, root mem.Handle) mem.Handle {
	h := mem.ArenaOf(root).Alloc(Size(0, rootSize, false), mem.KindRecord)
	at := Begin(h, nil, Header(t)|Header(enc)<<4, false)
	mem.Store64(h, at, uint64(root))
	return h
}

// packedFirst is the room of the first block of a packed collection.
const packedFirst = 32

// newRoot makes the root block of an empty collection.
func newRoot(a *mem.Arena, enc Encoding) mem.Handle {
	switch enc {
	case EncListpack:
		root := a.Alloc(packedFirst, mem.KindNode)
		listpack.New(mem.View(root, packedFirst))
		return root
	case EncIntset:
		root := a.Alloc(packedFirst, mem.KindNode)
		intset.New(mem.View(root, packedFirst))
		return root
	case EncHashtable:
		root := NewRoot(a, enc)
		var t table.Table
		t.Save(root)
		return root
	case EncStream:
		return newStreamRoot(a)
	}
	invariants.Fail("object: no empty collection of encoding %d", enc)
	return 0
}

// Root returns the handle that the record of a collection has as its payload.
func Root(h mem.Handle) mem.Handle { return mem.Handle(mem.Load64(h, Load(h).payload(h))) }

// SetRoot changes the root and the encoding of a collection, which is not cut.
func SetRoot(h, root mem.Handle, enc Encoding) {
	d := Load(h)
	mem.Store64(h, d.payload(h), uint64(root))
	(d &^ FlagCut).WithEncoding(enc).Store(h)
}

// Packed returns the listpack of a packed collection: borrowed, with the capacity
// of its block.
func Packed(h mem.Handle) []byte {
	root := Root(h)
	return listpack.Open(mem.View(root, mem.BlockSize(root)))
}

// PackedBytes returns the listpack or intset that a collection is, as RDB files have
// it: borrowed; nil if the collection is neither.
func PackedBytes(h mem.Handle) []byte {
	switch Load(h).Encoding() {
	case EncListpack:
		return Packed(h)
	case EncListpackEx:
		return PackedTimed(h)
	case EncIntset:
		root := Root(h)
		return intset.Open(mem.View(root, mem.BlockSize(root)))
	}
	return nil
}

// SplicePacked is listpack.Splice for the listpack of a packed collection, which
// moves to another block when it has to. It returns the new listpack.
func SplicePacked(a *mem.Arena, h mem.Handle, lp []byte, from, to int, entries []byte, change int) []byte {
	return splice(a, h, lp, from, to, entries, change, 0)
}

// splice is SplicePacked for a listpack that has head bytes before it in its block.
func splice(a *mem.Arena, h mem.Handle, lp []byte, from, to int, entries []byte, change, head int) []byte {
	need := len(lp) + len(entries) - (to - from)
	if need <= cap(lp) && mem.RoundSize(need+head)*packedSlack >= cap(lp)+head {
		return listpack.Splice(lp[:cap(lp)], lp, from, to, entries, change)
	}
	root := Root(h)
	b := a.Alloc(need+head, mem.KindNode)
	room := mem.View(b, mem.BlockSize(b))
	out := listpack.Splice(room[head:], lp, from, to, entries, change)
	enc := EncListpack
	if head > 0 {
		enc = EncListpackEx
		copy(room, mem.View(root, head))
	}
	mem.Free(root, mem.KindNode)
	SetRoot(h, b, enc)
	return out
}

// packedSlack is how many times its size the block of a listpack may have before
// it moves to a smaller one.
const packedSlack = 2

// freeStep is the number of buckets between two looks at a budget.
const freeStep = 1 << 20

// freeCollection gives back what hangs on the record of a collection, about budget
// buckets or nodes of it, and reports whether all is gone.
func freeCollection(h mem.Handle, budget int) (done bool) {
	root := Root(h)
	a := mem.ArenaOf(root)
	switch enc := Load(h).Encoding(); enc {
	case EncStream:
		if !freeStream(a, root, budget) {
			return false
		}
	case EncQuicklist:
		nodes := btree.Load(root, 0, nil)
		done := nodes.Clear(a, budget, func(e btree.Entry) { mem.Free(mem.Handle(e.A), mem.KindNode) })
		nodes.Save(root, 0)
		if !done {
			return false
		}
	case EncHashtable, EncSkiplist, EncHashtableEx:
		t := table.Load(root)
		done := t.Clear(a, budget, FreeElement)
		t.Save(root)
		if !done {
			return false
		}
		if enc != EncHashtable {
			order := LoadOrder(root)
			done = order.Clear(a, budget, func(btree.Entry) {})
			order.Save(root, orderAt)
			if !done {
				return false
			}
		}
	}
	mem.Free(root, mem.KindNode)
	return true
}

// collectionBlocks calls fn for every block of a collection but its record.
func collectionBlocks(h mem.Handle, fn func(mem.Handle)) {
	root := Root(h)
	fn(root)
	switch enc := Load(h).Encoding(); enc {
	case EncStream:
		streamBlocks(root, fn)
	case EncQuicklist:
		nodes := btree.Load(root, 0, nil)
		nodes.Blocks(fn, func(e btree.Entry) { fn(mem.Handle(e.A)) })
	case EncHashtable, EncSkiplist, EncHashtableEx:
		t := table.Load(root)
		t.Blocks(fn)
		for i := range t.Buckets() {
			t.Walk(i, func(s table.Slot) { elementBlocks(s.Handle(), fn) })
		}
		if enc != EncHashtable {
			order := LoadOrder(root)
			order.Blocks(fn, func(btree.Entry) {})
		}
	}
}

// copyCollection returns the root of a copy of the value of the record h, in an
// arena.
func copyCollection(a *mem.Arena, h mem.Handle) mem.Handle {
	root := Root(h)
	enc := Load(h).Encoding()
	switch enc {
	case EncHashtable, EncSkiplist:
	case EncQuicklist:
		return copySequence(a, root)
	case EncStream:
		return copyStream(a, root)
	case EncListpackEx:
		return copyTimedPack(a, root)
	case EncHashtableEx:
		return copyTimedTable(a, root)
	default:
		return copyBlock(a, root)
	}
	var t table.Table
	add := func(old mem.Handle) mem.Handle {
		e := copyElement(a, old)
		t.Insert(a, ByName.HashOf(e), e, ByName)
		return e
	}
	if enc == EncSkiplist {
		old, order := LoadOrder(root), btree.New(ElementName)
		for c := old.First(); c.Valid(); c.Next() {
			e := c.Entry()
			end := order.End()
			end.Insert(a, btree.Entry{A: e.A, B: uint64(add(mem.Handle(e.B)))})
		}
		to := NewRoot(a, EncSkiplist)
		t.Save(to)
		order.Save(to, orderAt)
		return to
	}
	old := table.Load(root)
	for i := range old.Buckets() {
		old.Walk(i, func(s table.Slot) { add(s.Handle()) })
	}
	to := NewRoot(a, EncHashtable)
	t.Save(to)
	return to
}

func copyBlock(a *mem.Arena, h mem.Handle) mem.Handle {
	n := mem.BlockSize(h)
	to := a.Alloc(n, mem.KindNode)
	copy(mem.View(to, n), mem.View(h, n))
	return to
}

func copySequence(a *mem.Arena, root mem.Handle) mem.Handle {
	old, nodes := btree.Load(root, 0, nil), btree.New(nil)
	for c := old.First(); c.Valid(); c.Next() {
		e := c.Entry()
		end := nodes.End()
		end.Insert(a, btree.Entry{A: uint64(copyBlock(a, mem.Handle(e.A))), B: e.B})
	}
	to := NewRoot(a, EncQuicklist)
	nodes.Save(to, 0)
	return to
}

// orderAt is the offset of a sorted set's tree behind its table in the root block.
const orderAt = table.StateSize

// OrderedSize is the size of the root block of a table with a tree.
const OrderedSize = orderAt + btree.StateSize

// LoadOrder returns the tree of a sorted set from its root block.
func LoadOrder(root mem.Handle) btree.Tree { return btree.Load(root, orderAt, ElementName) }

// SaveOrder writes the tree of a sorted set to its root block.
func SaveOrder(t *btree.Tree, root mem.Handle) { t.Save(root, orderAt) }

// FreeCost estimates the work of freeing the value of a record: the number of
// blocks that hang on it.
func FreeCost(h mem.Handle) int {
	d := Load(h)
	if d.Type() == String {
		return 1
	}
	switch d.Encoding() {
	case EncHashtable, EncSkiplist, EncHashtableEx:
		t := table.Load(Root(h))
		return t.Len()
	case EncQuicklist:
		nodes := btree.Load(Root(h), 0, nil)
		return int(nodes.Len())
	case EncStream:
		return streamCost(Root(h))
	}
	return 1
}

// Items returns the number of elements of a hash, a set, a sorted set or a list that is
// not packed.
func Items(h mem.Handle) int {
	if Load(h).Encoding() == EncQuicklist {
		nodes := btree.Load(Root(h), 0, nil)
		return int(nodes.Len())
	}
	t := table.Load(Root(h))
	return t.Len()
}

// FreeSome works on freeing a record, about budget buckets or nodes of it, and
// reports whether all of it is gone. Once begun, nothing else may be done with the
// record.
func FreeSome(h mem.Handle, budget int) (done bool) {
	if Load(h).Type() == String {
		Free(h)
		return true
	}
	if !freeCollection(h, budget) {
		return false
	}
	mem.Free(h, mem.KindRecord)
	return true
}

// DropRoot frees what hangs on the record of a collection, which then needs
// another root.
func DropRoot(h mem.Handle) {
	for !freeCollection(h, freeStep) {
	}
}
