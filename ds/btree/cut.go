package btree

import "kvorum/mem"

// Cut moves the entry that the cursor is on, and all behind it, to a tree of their own.
// Neither this cursor nor another is good afterwards. O(log n): only the nodes on the
// cursor's way are taken apart, so some of both trees may be left with few entries.
func (c *Cursor) Cut(a *mem.Arena) (tail Tree) {
	t := c.t
	tail = New(t.names)
	if t.root == 0 {
		return tail
	}
	right, left := c.cutLeaf(a)
	for d := t.height - 1; d >= 0; d-- {
		right, left = c.cutInner(a, d, right, left)
	}
	if right != 0 {
		tail.root, tail.height, tail.weight = mem.Handle(right), t.height, t.weigh(right)
	}
	if t.weight -= tail.weight; !left {
		t.root, t.height = 0, 0
	}
	t.flatten(a)
	tail.flatten(a)
	return tail
}

// cutLeaf cuts the cursor's leaf: right is the node with what goes, 0 if nothing does;
// left tells that something stays, in the leaf that was there.
func (c *Cursor) cutLeaf(a *mem.Arena) (right node, left bool) {
	l := c.leaf()
	switch l.i {
	case 0:
		return l.n, false
	case l.n.len():
		return 0, true
	}
	right = newLeaf(a, leafMax)
	l.n.moveTail(l.i, right)
	return right, true
}

// cutInner cuts the node at level d of the cursor's way, given what cutting the one below
// gave, and returns the same of its own.
func (c *Cursor) cutInner(a *mem.Arena, d int, below node, kept bool) (right node, left bool) {
	s := c.path[d]
	switch {
	case !kept && s.i == 0:
		return s.n, false // it goes as it is
	case below == 0 && s.i == s.n.len()-1:
		return 0, true
	}
	right = newNode(a, kindInner)
	if !kept { // below is the child as it was
		s.n.moveTail(s.i, right)
		return right, true
	}
	s.n.moveTail(s.i+1, right)
	if below != 0 {
		right.open(0)
		right.setBranch(0, branch{below, c.t.weigh(below), first(below)})
		s.n.setChildWeight(s.i, c.t.weigh(s.n.child(s.i)))
	}
	return right, true
}

// flatten takes roots with one child away.
func (t *Tree) flatten(a *mem.Arena) {
	for t.height > 0 && node(t.root).len() == 1 {
		n := node(t.root)
		t.root = mem.Handle(n.child(0))
		t.height--
		a.Free(mem.Handle(n), mem.KindNode)
	}
}
