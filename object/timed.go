package object

import (
	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
)

// A timed hash is one that some field of had a TTL. What it has more than another
// one is in its root block and in the elements of fields with a due time; a hash
// that never had a TTL on a field has none of it.
//
//	packed:  | ticket 8 | listpack of (field, value, due) |
//	table:   | table | tree | ticket 8 |
//
// The triples are ordered by due time, those without one (due 0) at the end, as
// Redis packs and saves them. The tree has the elements with a due time, ordered by
// it and then by field, in the layout that sorted sets have; so what is due is found
// without a look at the rest. The ticket tells of the hash's place in the expiry
// wheel of the keyspace:
//
//	bits 0-55 the due time that it was made for or later extended to, 0: no ticket,
//	56-63 low bits of its tick
//
// A hash stays timed when its last TTL is gone, as in Redis.

// The encodings of timed hashes.
const (
	EncListpackEx  Encoding = 12
	EncHashtableEx Encoding = 13
)

const (
	timedHead  = 8 // the ticket before a timed listpack
	timedAt    = OrderedSize
	timedFirst = timedHead + packedFirst

	// TimedSize is the size of the root block of a timed hash that is a table.
	TimedSize = OrderedSize + 8
	// TimedStride is the number of listpack entries for each field of a timed hash.
	TimedStride = 3
)

// Timed reports whether the record is a timed hash.
func (d Header) Timed() bool { return d.Encoding() >= EncListpackEx }

// PackedTimed is Packed for a timed hash.
func PackedTimed(h mem.Handle) []byte {
	root := Root(h)
	return listpack.Open(mem.View(root, mem.BlockSize(root))[timedHead:])
}

// SpliceTimed is SplicePacked for a timed hash.
func SpliceTimed(a *mem.Arena, h mem.Handle, lp []byte, from, to int, entries []byte, change int) []byte {
	return splice(a, h, lp, from, to, entries, change, timedHead)
}

// NewTimedPack makes the root block of a timed hash without fields, with room for
// a listpack of size bytes, and returns it with the empty listpack.
func NewTimedPack(a *mem.Arena, size int) (root mem.Handle, lp []byte) {
	root = a.Alloc(max(timedHead+size, timedFirst), mem.KindNode)
	mem.Store64(root, 0, 0)
	return root, listpack.New(mem.View(root, mem.BlockSize(root))[timedHead:])
}

// NewPackedTimed is NewPacked for a timed hash, which no ticket tells of yet: lp has
// its triples in their order.
func NewPackedTimed(a *mem.Arena, key, lp []byte, access uint32) mem.Handle {
	root, _ := NewTimedPack(a, len(lp))
	copy(mem.View(root, timedHead+len(lp))[timedHead:], lp)
	h := a.Alloc(Size(len(key), rootSize, false), mem.KindRecord)
	at := Begin(h, key, Header(Hash)|Header(EncListpackEx)<<4|Header(access)<<accessShift, false)
	mem.Store64(h, at, uint64(root))
	return h
}

// ticketAt returns the offset of the ticket in the root block of a timed hash.
func ticketAt(enc Encoding) int {
	if enc == EncListpackEx {
		return 0
	}
	return timedAt
}

// FieldTicket returns the due time that the ticket for the fields of a timed hash
// was made for or later extended to, 0 without one, and the low 8 bits of its tick.
func FieldTicket(h mem.Handle) (due int64, tick uint8) {
	w := mem.Load64(Root(h), ticketAt(Load(h).Encoding()))
	return int64(w & DueMax), uint8(w >> dueBits)
}

// SetFieldTicket writes down the ticket of a timed hash; due 0: there is none.
func SetFieldTicket(h mem.Handle, due int64, tick uint8) {
	mem.Store64(Root(h), ticketAt(Load(h).Encoding()), uint64(due)|uint64(tick)<<dueBits)
}

// NextFieldDue returns when the next field of a timed hash is due, in Unix
// milliseconds, -1 if none has a TTL. O(log n).
func NextFieldDue(h mem.Handle) int64 {
	if Load(h).Encoding() == EncListpackEx {
		lp := PackedTimed(h)
		p := listpack.HeaderSize
		if p == listpack.End(lp) {
			return -1
		}
		v, _ := listpack.At(lp, listpack.Next(lp, listpack.Next(lp, p)))
		if v.Int == 0 {
			return -1
		}
		return v.Int
	}
	order := LoadOrder(Root(h))
	c := order.First()
	if !c.Valid() {
		return -1
	}
	return int64(c.Entry().A)
}

// NewTimedField makes an element of a hash with a due time, in Unix milliseconds.
func NewTimedField(a *mem.Arena, name, value []byte, due int64) mem.Handle {
	h := newField(a, elemDue, name, value)
	mem.Store64(h, elemHead, uint64(due))
	return h
}

// ElementDue returns the due time of an element of a hash, 0 without one.
func ElementDue(h mem.Handle) int64 {
	if mem.Load8(h, 0)&elemDue == 0 {
		return 0
	}
	return int64(mem.Load64(h, elemHead))
}

// SetElementDue changes the due time of an element that has one.
func SetElementDue(h mem.Handle, due int64) { mem.Store64(h, elemHead, uint64(due)) }

// orderWord returns the word that a tree orders an element by; ok is false for an
// element that is in no tree.
func orderWord(h mem.Handle) (word uint64, ok bool) {
	switch head := mem.Load8(h, 0); {
	case head&elemScore != 0:
		return ScoreWord(ElementScore(h)), true
	case head&elemDue != 0:
		return mem.Load64(h, elemHead), true
	}
	return 0, false
}

// copyTimedPack returns a copy of the root block of a packed timed hash: a hash of
// its own, which no ticket tells of yet.
func copyTimedPack(a *mem.Arena, root mem.Handle) mem.Handle {
	to := copyBlock(a, root)
	mem.Store64(to, 0, 0)
	return to
}

// copyTimedTable is copyTimedPack for a table.
func copyTimedTable(a *mem.Arena, root mem.Handle) mem.Handle {
	var t table.Table
	add := func(old mem.Handle) mem.Handle {
		e := copyElement(a, old)
		t.Insert(a, ByName.HashOf(e), e, ByName)
		return e
	}
	old, order := LoadOrder(root), btree.New(ElementName)
	for c := old.First(); c.Valid(); c.Next() {
		e := c.Entry()
		end := order.End()
		end.Insert(a, btree.Entry{A: e.A, B: uint64(add(mem.Handle(e.B)))})
	}
	all := table.Load(root)
	for i := range all.Buckets() {
		all.Walk(i, func(s table.Slot) {
			if e := s.Handle(); ElementDue(e) == 0 {
				add(e)
			}
		})
	}
	to := NewRoot(a, EncHashtableEx)
	t.Save(to)
	order.Save(to, orderAt)
	mem.Store64(to, timedAt, 0)
	return to
}
