package zset

import (
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
	"kvorum/rng"
)

// Packed reports whether the set is one listpack.
func (s *Set) Packed() bool { return s.pack }

// Pack turns table and tree into a listpack if the set is within its limits, as
// Redis does with results of set operations. The set is not empty.
func (s *Set) Pack(lim Limits, buf *[]byte) {
	if s.pack || s.table.Len() > lim.Entries {
		return
	}
	c := s.order.First()
	for ; c.Valid(); c.Next() {
		if len(object.ElementName(mem.Handle(c.Entry().B))) > lim.Value {
			return
		}
	}
	var digits [32]byte
	*buf = (*buf)[:0]
	for c = s.order.First(); c.Valid(); c.Next() {
		e := mem.Handle(c.Entry().B)
		score := object.ElementScore(e)
		if score == 0 {
			score = 0
		}
		*buf = listpack.AppendEntry(*buf, listpack.Of(object.ElementName(e)))
		*buf = listpack.AppendEntry(*buf, listpack.Of(num.AppendFloat(digits[:0], score)))
	}
	count := 2 * s.table.Len()
	h := s.arena.Alloc(listpack.EmptySize+len(*buf), mem.KindNode)
	room := mem.View(h, mem.BlockSize(h))
	listpack.Splice(room, listpack.New(room), listpack.HeaderSize, listpack.HeaderSize, *buf, count)
	object.DropRoot(s.rec)
	object.SetRoot(s.rec, h, object.EncListpack)
	s.root, s.pack = h, true
}

// Random makes c the cursor on a member, each with the same chance. The set is not
// empty. O(log n), O(n) while packed.
func (s *Set) Random(r *rng.Rand, c *Cursor) { s.At(r.Intn(s.Len()), c) }

// Scan calls fn for some members of a set that is not packed and returns the cursor
// that follows, as [table.Table.Scan] does.
func (s *Set) Scan(cursor uint64, fn func(member []byte, score float64)) (next uint64) {
	return s.table.Scan(cursor, func(slot table.Slot) {
		e := slot.Handle()
		fn(object.ElementName(e), object.ElementScore(e))
	})
}
