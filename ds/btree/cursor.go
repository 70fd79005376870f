package btree

import (
	"bytes"

	"kvorum/mem"
)

// Cursor is a place in a tree: on an entry, or after the last one. It is made by
// Seek, At, First and End.
type Cursor struct {
	t    *Tree
	path [heightMax]step // from the root to the leaf
}

// step is a node on the way and the entry taken there.
type step struct {
	n node
	i int
}

func (c *Cursor) leaf() *step { return &c.path[c.t.height] }

// Valid reports whether the cursor is on an entry.
func (c *Cursor) Valid() bool {
	l := c.leaf()
	return l.n != 0 && l.i < l.n.len()
}

// Entry returns the entry that the cursor is on.
func (c *Cursor) Entry() Entry { l := c.leaf(); return l.n.entry(l.i) }

// descend goes to the first or the last entry below level d.
func (c *Cursor) descend(d int, last bool) {
	for ; d <= c.t.height; d++ {
		s := &c.path[d]
		if d > 0 {
			up := c.path[d-1]
			s.n = up.n.child(up.i)
		} else {
			s.n = node(c.t.root)
		}
		s.i = 0
		if last {
			s.i = s.n.len() - 1
		}
	}
}

// First returns a cursor on the first entry.
func (t *Tree) First() (c Cursor) {
	c.t = t
	if t.root != 0 {
		c.descend(0, false)
	}
	return c
}

// Last returns a cursor on the last entry.
func (t *Tree) Last() (c Cursor) {
	c.t = t
	if t.root != 0 {
		c.descend(0, true)
	}
	return c
}

// End returns the cursor after the last entry.
func (t *Tree) End() (c Cursor) {
	c = t.Last()
	if t.root != 0 {
		c.leaf().i++
	}
	return c
}

// Next goes to the next entry, or after the last; false there.
func (c *Cursor) Next() bool {
	l := c.leaf()
	if l.n == 0 {
		return false
	}
	if l.i++; l.i < l.n.len() {
		return true
	}
	for d := c.t.height - 1; d >= 0; d-- {
		if s := &c.path[d]; s.i+1 < s.n.len() {
			s.i++
			c.descend(d+1, false)
			return true
		}
	}
	l.i = l.n.len()
	return false
}

// Prev goes to the entry before; false, and no move, on the first.
func (c *Cursor) Prev() bool {
	l := c.leaf()
	if l.n == 0 {
		return false
	}
	if l.i > 0 {
		l.i--
		return true
	}
	for d := c.t.height - 1; d >= 0; d-- {
		if s := &c.path[d]; s.i > 0 {
			s.i--
			c.descend(d+1, true)
			return true
		}
	}
	return false
}

// Position returns the sum of the weights before the cursor. O(log n) nodes.
func (c *Cursor) Position() (pos uint64) {
	for d := range c.t.height {
		s := c.path[d]
		for i := range s.i {
			pos += s.n.childWeight(i)
		}
	}
	l := c.leaf()
	if l.n == 0 {
		return 0
	}
	if c.t.names != nil {
		return pos + uint64(l.i)
	}
	for i := range l.i {
		pos += l.n.entry(i).B
	}
	return pos
}

// At returns a cursor on the entry that covers position pos, and how far into the
// entry that is (0 in a keyed tree); after the last entry if pos is Len or more.
func (t *Tree) At(pos uint64) (c Cursor, into uint64) {
	if pos >= t.weight {
		return t.End(), 0
	}
	c.t = t
	n := node(t.root)
	for d := range t.height {
		i := 0
		for w := n.childWeight(i); pos >= w; w = n.childWeight(i) {
			pos -= w
			i++
		}
		c.path[d] = step{n, i}
		n = n.child(i)
	}
	if t.names != nil {
		c.path[t.height] = step{n, int(pos)}
		return c, 0
	}
	i := 0
	for w := n.entry(i).B; pos >= w; w = n.entry(i).B {
		pos -= w
		i++
	}
	c.path[t.height] = step{n, i}
	return c, pos
}

// Seek returns a cursor on the first entry of a keyed tree that does not come
// before k. O(log n).
func (t *Tree) Seek(k Key) (c Cursor) {
	c.t = t
	if t.root == 0 {
		return c
	}
	n := node(t.root)
	for d := range t.height {
		// The last child whose first entry comes before k may hold others that do
		// not, and so may the one after it begin with such.
		i := max(t.lower(n, k, innerEntry, innerFirst)-1, 0)
		c.path[d] = step{n, i}
		n = n.child(i)
	}
	if t.height >= warmHeight {
		warm(n)
	}
	i := t.lower(n, k, leafEntry, 0)
	c.path[t.height] = step{n, i}
	if i == n.len() && t.height > 0 {
		c.leaf().i--
		c.Next()
	}
	return c
}

// lower returns the number of the first entry of n that does not come before k. The
// entries are size bytes apart, the first one at offset from.
func (t *Tree) lower(n node, k Key, size, from int) int {
	low, high := 0, n.len()
	for low < high {
		mid := int(uint(low+high) >> 1)
		at := headerSize + from + mid*size
		word := mem.Load64(mem.Handle(n), at)
		before := word < k.A
		if word == k.A && k.Name != nil {
			before = bytes.Compare(t.names(mem.Handle(mem.Load64(mem.Handle(n), at+8))), k.Name) < 0
		}
		if before {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
