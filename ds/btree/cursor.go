package btree

import (
	"bytes"
	"math/bits"

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
	n := t.seekLeaf(&c, k)
	if t.height >= warmHeight {
		warm(n)
	}
	c.enter(n, t.lower(n, k, leafShift, headerSize))
	return c
}

// seekLeaf goes down to the leaf where Seek looks for k, and returns it.
func (t *Tree) seekLeaf(c *Cursor, k Key) node {
	n := node(t.root)
	for d := range t.height {
		// The last child whose first entry comes before k may hold others that do
		// not, and so may the one after it begin with such.
		i := max(t.lower(n, k, innerShift, headerSize+innerFirst)-1, 0)
		c.path[d] = step{n, i}
		n = n.child(i)
	}
	return n
}

// enter ends a search at entry i of its leaf, or at the leaf's end.
func (c *Cursor) enter(n node, i int) {
	c.path[c.t.height] = step{n, i}
	if i == n.len() && c.t.height > 0 {
		c.leaf().i--
		c.Next()
	}
}

// lower returns the number of the first entry of n that does not come before k; entry
// i is at from + i<<shift.
func (t *Tree) lower(n node, k Key, shift uint, from int) int {
	count := n.len()
	low := lowerWord(n, k.A, shift, from, count)
	if k.Name == nil || low == count || mem.Load64(mem.Handle(n), from+low<<shift) != k.A {
		return low
	}
	return t.lowerName(n, k, shift, from, low, count)
}

// lowerWord returns the number of the first of count entries whose first word is not
// less than word; entry i is at from + i<<shift. In which half that is is as good as
// random, so the step is arithmetic instead of a branch.
func lowerWord(n node, word uint64, shift uint, from, count int) int {
	if count == 0 {
		return 0
	}
	low := 0
	for rest := count; rest > 1; {
		half := rest >> 1
		_, less := bits.Sub64(mem.Load64(mem.Handle(n), from+(low+half-1)<<(shift&63)), word, 0)
		low += half & -int(less)
		rest -= half
	}
	_, less := bits.Sub64(mem.Load64(mem.Handle(n), from+low<<(shift&63)), word, 0)
	return low + int(less)
}

// lowerName is lower among the entries from low on whose first word is k's: there is
// one.
func (t *Tree) lowerName(n node, k Key, shift uint, from, low, count int) int {
	high := count
	if k.A+1 != 0 {
		high = lowerWord(n, k.A+1, shift, from, count)
	}
	for low < high {
		mid := int(uint(low+high) >> 1)
		item := mem.Handle(mem.Load64(mem.Handle(n), from+mid<<shift+8))
		if bytes.Compare(t.names(item), k.Name) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
