package btree

import (
	"kvorum/internal/invariants"
	"kvorum/mem"
)

// Insert puts an entry before the cursor, which is then on it. In a keyed tree the
// cursor comes from Seek for the entry's key.
func (c *Cursor) Insert(a *mem.Arena, e Entry) {
	t := c.t
	if t.root == 0 {
		n := newLeaf(a, leafMin)
		t.root = mem.Handle(n)
		c.path[0] = step{n, 0}
	}
	c.makeRoom(a, t.height)
	l := c.leaf()
	l.n.open(l.i)
	l.n.setEntry(l.i, e)
	w := t.weightOf(e)
	t.weight += w
	for d := t.height - 1; d >= 0; d-- {
		s := c.path[d]
		s.n.setChildWeight(s.i, s.n.childWeight(s.i)+w)
	}
	if l.i == 0 {
		c.firstChanged()
	}
}

// firstChanged brings the first entry of the cursor's leaf to the inner nodes.
func (c *Cursor) firstChanged() {
	for d := c.t.height - 1; d >= 0; d-- {
		s := c.path[d]
		s.n.setChildFirst(s.i, first(c.path[d+1].n))
		if s.i > 0 {
			return
		}
	}
}

// makeRoom splits the node at level d of the path, and those above as needed, if
// it is full. The cursor keeps its place.
func (c *Cursor) makeRoom(a *mem.Arena, d int) {
	n := c.path[d].n
	_, room := n.stride()
	count := n.len()
	if count < room {
		return
	}
	if n.leaf() && room < leafMax {
		c.growLeaf(a)
		return
	}
	if d == 0 {
		c.newRoot(a)
	} else {
		c.makeRoom(a, d-1)
	}
	if c.path[d].n != n {
		d++ // there is a new root
	}
	s := &c.path[d]
	last := count // the place of an entry to come, or in an inner node of the child
	if !s.n.leaf() {
		last--
	}
	at := count / 2
	switch {
	case s.i == last && c.rightmost(d):
		at = count - 1 // entries come in order: leave the left node full
	case s.i == 0 && c.leftmost(d):
		at = 1
	}
	c.split(a, d, at)
}

// growLeaf moves a root that is a leaf to a block with twice the room.
func (c *Cursor) growLeaf(a *mem.Arena) {
	old := c.path[0].n
	_, room := old.stride()
	n := newLeaf(a, 2*room+1)
	old.moveTail(0, n)
	a.Free(mem.Handle(old), mem.KindNode)
	c.path[0].n, c.t.root = n, mem.Handle(n)
}

func (c *Cursor) rightmost(d int) bool {
	for i := range d {
		if c.path[i].i != c.path[i].n.len()-1 {
			return false
		}
	}
	return true
}

func (c *Cursor) leftmost(d int) bool {
	for i := range d {
		if c.path[i].i != 0 {
			return false
		}
	}
	return true
}

// newRoot puts an inner node above the root.
func (c *Cursor) newRoot(a *mem.Arena) {
	t := c.t
	if t.height+2 > heightMax {
		invariants.Fail("btree: height %d", t.height)
	}
	n := newNode(a, kindInner)
	n.setLen(1)
	n.setBranch(0, branch{node(t.root), t.weight, first(node(t.root))})
	t.root = mem.Handle(n)
	t.height++
	copy(c.path[1:], c.path[:heightMax-1])
	c.path[0] = step{n, 0}
}

// split moves the entries from at on of the node at level d, which has a parent
// with room, to a new node behind it.
func (c *Cursor) split(a *mem.Arena, d, at int) {
	s, up := &c.path[d], &c.path[d-1]
	kind := uint8(kindInner)
	if s.n.leaf() {
		kind = kindLeaf
	}
	right := newNode(a, kind)
	s.n.moveTail(at, right)
	w := c.t.weigh(right)
	up.n.open(up.i + 1)
	up.n.setBranch(up.i+1, branch{right, w, first(right)})
	up.n.setChildWeight(up.i, up.n.childWeight(up.i)-w)
	if s.i >= at {
		s.n, s.i = right, s.i-at
		up.i++
	}
}

// Delete removes the entry that the cursor is on; the cursor is then on the next
// one. It returns what it removed.
func (c *Cursor) Delete(a *mem.Arena) Entry {
	t := c.t
	l := c.leaf()
	e := l.n.entry(l.i)
	l.n.close(l.i)
	w := t.weightOf(e)
	t.weight -= w
	for d := t.height - 1; d >= 0; d-- {
		s := c.path[d]
		s.n.setChildWeight(s.i, s.n.childWeight(s.i)-w)
	}
	if l.i == 0 && l.n.len() > 0 {
		c.firstChanged()
	}
	c.shrink(a, t.height)
	return e
}

// shrink merges the node at level d with a neighbour if both together fit in
// one, drops it if it is empty, and leaves the cursor on the entry it was on, or on
// the one after.
func (c *Cursor) shrink(a *mem.Arena, d int) {
	s := &c.path[d]
	count := s.n.len()
	_, room := s.n.stride()
	switch {
	case d == 0:
		c.shrinkRoot(a)
		return
	case count == 0:
		c.drop(a, d)
		c.shrink(a, d-1)
	case count < room/mergeShare && c.merge(a, d):
		c.shrink(a, d-1)
	}
	c.settle()
}

// shrinkRoot removes a root with one child, or an empty one.
func (c *Cursor) shrinkRoot(a *mem.Arena) {
	t := c.t
	if node(t.root).len() > 0 {
		c.settle()
	}
	for t.height > 0 && node(t.root).len() == 1 {
		n := node(t.root)
		t.root = mem.Handle(n.child(0))
		t.height--
		copy(c.path[:], c.path[1:])
		a.Free(mem.Handle(n), mem.KindNode)
	}
	if node(t.root).len() == 0 {
		a.Free(t.root, mem.KindNode)
		t.root, t.weight, t.height = 0, 0, 0
		c.path[0] = step{}
	}
}

// drop removes the empty node at level d from its parent.
func (c *Cursor) drop(a *mem.Arena, d int) {
	s, up := &c.path[d], &c.path[d-1]
	a.Free(mem.Handle(s.n), mem.KindNode)
	up.n.close(up.i)
	s.n = 0
	if up.i == 0 && up.n.len() > 0 {
		for above := d - 2; above >= 0; above-- {
			p := c.path[above]
			p.n.setChildFirst(p.i, first(c.path[above+1].n))
			if p.i > 0 {
				break
			}
		}
	}
}

// merge joins the node at level d with a neighbour that has room for both and
// reports whether there was one.
func (c *Cursor) merge(a *mem.Arena, d int) bool {
	s, up := &c.path[d], &c.path[d-1]
	_, room := s.n.stride()
	if up.i > 0 {
		left := up.n.child(up.i - 1)
		if have := left.len(); have+s.n.len() <= room {
			s.n.moveTail(0, left)
			a.Free(mem.Handle(s.n), mem.KindNode)
			up.n.setChildWeight(up.i-1, up.n.childWeight(up.i-1)+up.n.childWeight(up.i))
			up.n.close(up.i)
			up.i--
			s.n, s.i = left, s.i+have
			return true
		}
	}
	if up.i+1 < up.n.len() {
		right := up.n.child(up.i + 1)
		if right.len()+s.n.len() <= room {
			right.moveTail(0, s.n)
			a.Free(mem.Handle(right), mem.KindNode)
			up.n.setChildWeight(up.i, up.n.childWeight(up.i)+up.n.childWeight(up.i+1))
			up.n.close(up.i + 1)
			return true
		}
	}
	return false
}

// settle makes the path whole again, after nodes below some level of it were
// dropped, and moves a cursor behind the last entry of a leaf to the next leaf.
func (c *Cursor) settle() {
	t := c.t
	if t.root == 0 {
		return
	}
	for d := 0; d < t.height; d++ {
		s := &c.path[d]
		if s.i >= s.n.len() {
			c.climb(d)
			return
		}
		if s.n.child(s.i) != c.path[d+1].n {
			c.descend(d+1, false)
			return
		}
	}
	if l := c.leaf(); l.i >= l.n.len() {
		c.climb(t.height)
	}
}

// climb goes from behind the last entry of the node at level d to the first entry
// that follows, or after the last of all.
func (c *Cursor) climb(d int) {
	for d--; d >= 0; d-- {
		if s := &c.path[d]; s.i+1 < s.n.len() {
			s.i++
			c.descend(d+1, false)
			return
		}
	}
	c.descend(0, true) // not c.t.End(): writing a pointer to *c moves trees to the heap
	c.leaf().i++
}

// Replace writes another entry, of the same place in the order, where the cursor
// is. It is for items that moved, and for a sequence's entries that changed their
// weight.
func (c *Cursor) Replace(e Entry) {
	t := c.t
	l := c.leaf()
	change := t.weightOf(e) - t.weightOf(l.n.entry(l.i))
	l.n.setEntry(l.i, e)
	if change != 0 {
		t.weight += change
		for d := t.height - 1; d >= 0; d-- {
			s := c.path[d]
			s.n.setChildWeight(s.i, s.n.childWeight(s.i)+change)
		}
	}
	if l.i == 0 {
		c.firstChanged()
	}
}
