package zset

import (
	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// Cursor is a place in a sorted set: on a member, or after the last one. It is
// valid until the next change that was not made through it.
type Cursor struct {
	s      *Set
	lp     []byte
	p      int // in lp
	c      btree.Cursor
	digits [20]byte
}

// Valid reports whether the cursor is on a member.
func (c *Cursor) Valid() bool {
	if c.s.pack {
		return c.p < listpack.End(c.lp)
	}
	return c.c.Valid()
}

// Member returns the member that the cursor is on: borrowed until it moves.
func (c *Cursor) Member() []byte {
	if c.s.pack {
		v, _ := listpack.At(c.lp, c.p)
		return v.Bytes(c.digits[:])
	}
	return object.ElementName(mem.Handle(c.c.Entry().B))
}

// Score returns the score of the member that the cursor is on.
func (c *Cursor) Score() float64 {
	if c.s.pack {
		score, _ := scoreOf(c.lp, listpack.Next(c.lp, c.p))
		return score
	}
	return object.ElementScore(mem.Handle(c.c.Entry().B))
}

// Next goes to the next member, or after the last; false there.
func (c *Cursor) Next() bool {
	if c.s.pack {
		if c.p < listpack.End(c.lp) {
			c.p = listpack.Next(c.lp, listpack.Next(c.lp, c.p))
		}
		return c.p < listpack.End(c.lp)
	}
	return c.c.Next()
}

// Prev goes to the member before; false, and no move, on the first.
func (c *Cursor) Prev() bool {
	if c.s.pack {
		if c.p <= listpack.HeaderSize {
			return false
		}
		c.p = listpack.Prev(c.lp, listpack.Prev(c.lp, c.p))
		return true
	}
	return c.c.Prev()
}

// Rank returns the number of members before the cursor. O(log n), O(n) while
// packed.
func (c *Cursor) Rank() int {
	if !c.s.pack {
		return int(c.c.Position())
	}
	n := 0
	for p := listpack.HeaderSize; p < c.p; n++ {
		p = listpack.Next(c.lp, listpack.Next(c.lp, p))
	}
	return n
}

// Delete removes the member that the cursor is on; the cursor is then on the next.
func (c *Cursor) Delete() {
	s := c.s
	if s.pack {
		s.removePacked(c.lp, c.p)
		c.lp = object.Packed(s.rec)
		return
	}
	e := mem.Handle(c.c.Entry().B)
	name := object.ElementName(e)
	hash := object.NameHash(name)
	slot := s.find(name, hash)
	if s.cut.On() {
		s.cut.Keep(s.arena, slot, hash)
	}
	s.table.Delete(s.arena, hash, slot, object.ByName)
	c.c.Delete(s.arena)
	object.FreeElement(e)
	s.save()
}

// At makes c the cursor on the member of a rank, 0 the lowest; after the last if
// there are not as many. O(log n), O(n) while packed.
func (s *Set) At(rank int, c *Cursor) {
	c.s = s
	if !s.pack {
		c.c, _ = s.order.At(uint64(rank))
		return
	}
	c.lp = object.Packed(s.rec)
	var ok bool
	if c.p, ok = listpack.Seek(c.lp, 2*rank); !ok {
		c.p = listpack.End(c.lp)
	}
}

// SeekScore makes c the cursor on the first member whose score is not less than
// score, or with beyond greater than it.
func (s *Set) SeekScore(score float64, beyond bool, c *Cursor) {
	c.s = s
	if !s.pack {
		w := word(score)
		if beyond {
			w++
		}
		c.c = s.order.Seek(btree.Key{A: w})
		return
	}
	for s.At(0, c); c.Valid(); c.Next() {
		if have := c.Score(); have > score || have == score && !beyond {
			return
		}
	}
}

// SeekMember makes c the cursor on the first member that is not less than member,
// or with beyond greater than it, in a set whose members all have one score.
func (s *Set) SeekMember(member []byte, beyond bool, c *Cursor) {
	c.s = s
	if !s.pack {
		c.c = s.order.First()
		if c.c.Valid() {
			c.c = s.order.Seek(btree.Key{A: c.c.Entry().A, Name: member})
		}
		if beyond && c.c.Valid() && string(c.Member()) == string(member) {
			c.c.Next()
		}
		return
	}
	for s.At(0, c); c.Valid(); c.Next() {
		if have := string(c.Member()); have > string(member) || have == string(member) && !beyond {
			return
		}
	}
}

// Rank returns how many members come before one, and its score.
func (s *Set) Rank(member []byte, c *Cursor) (rank int, score float64, ok bool) {
	if s.pack {
		for s.At(0, c); c.Valid(); c.Next() {
			if string(c.Member()) == string(member) {
				return rank, c.Score(), true
			}
			rank++
		}
		return 0, 0, false
	}
	score, ok = s.Score(member)
	if !ok {
		return 0, 0, false
	}
	c.s = s
	c.c = s.order.Seek(btree.Key{A: word(score), Name: member})
	return c.Rank(), score, true
}

// Step goes to the next member, or back to the one before; false at the end.
func (c *Cursor) Step(back bool) bool {
	if back {
		return c.Prev()
	}
	return c.Next()
}
