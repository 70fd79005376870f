package stream

import (
	"kvorum/ds/btree"
	"kvorum/ds/listpack"
)

// Cursor is a place in a stream: on an entry that is not deleted, or beyond the
// first or last of them. It is valid until the next change.
type Cursor struct {
	c    btree.Cursor
	node node
	on   bool

	p     int // position of the entry
	id    ID
	flags int
	count int // its fields
	data  int // position of its first field, or value
	field int // positions of the next pair
	value int
	left  int // pairs not read
}

// Seek returns the cursor on the first entry that is not before from. O(log n).
func (s *Stream) Seek(from ID) Cursor {
	c := s.seekNode(from)
	if c.on {
		for c.forward(); c.on && (c.id.Less(from) || c.flags&flagDeleted != 0); c.forward() {
		}
	}
	c.rewind()
	return c
}

// SeekBack returns the cursor on the last entry that is not after to. O(log n).
func (s *Stream) SeekBack(to ID) Cursor {
	c := s.seekNode(to)
	if !c.on {
		return c
	}
	// Entries up to `to` are in this node, or in those before.
	for c.p < listpack.End(c.node.lp) {
		if c.read(); to.Less(c.id) {
			break
		}
		c.p = c.end()
	}
	for c.back(); c.on && c.flags&flagDeleted != 0; c.back() {
	}
	c.rewind()
	return c
}

// seekNode goes before the first entry of the last node that begins at id or
// before it, else of the first node.
func (s *Stream) seekNode(id ID) (c Cursor) {
	var seq [8]byte
	c.c = s.nodes.Seek(idKey(id, &seq))
	if !c.c.Valid() || !c.startsAt(id) {
		c.c.Prev()
	}
	if c.on = c.c.Valid(); c.on {
		c.open()
	}
	return c
}

// startsAt reports whether the node where the tree's cursor is begins with id.
func (c *Cursor) startsAt(id ID) bool {
	base, _ := openNode(c.c.Entry())
	return base == id
}

// open reads the node that the tree's cursor is on, and goes before its first
// entry.
func (c *Cursor) open() {
	c.node = nodeAt(c.c.Entry())
	c.node.findFirst()
	c.p, c.data = c.node.first, 0
}

// read decodes the entry at p.
func (c *Cursor) read() {
	lp := c.node.lp
	var ms, seq int
	c.flags, c.data = intAt(lp, c.p)
	ms, c.data = intAt(lp, c.data)
	seq, c.data = intAt(lp, c.data)
	c.id = ID{c.node.base.Ms + uint64(ms), c.node.base.Seq + uint64(seq)}
	c.count = c.node.fields
	if c.flags&flagSame == 0 {
		c.count, c.data = intAt(lp, c.data)
	}
}

// end returns the position after the entry.
func (c *Cursor) end() int {
	n := 1 + c.count
	if c.flags&flagSame == 0 {
		n += c.count
	}
	return skip(c.node.lp, c.data, n)
}

// forward goes to the next entry, deleted or not.
func (c *Cursor) forward() {
	if c.data != 0 {
		c.p = c.end()
	}
	if c.p >= listpack.End(c.node.lp) {
		if c.on = c.c.Next(); !c.on {
			return
		}
		c.open()
	}
	c.read()
}

// back goes to the entry before, deleted or not.
func (c *Cursor) back() {
	if c.p <= c.node.first {
		if c.on = c.c.Prev(); !c.on {
			return
		}
		c.open()
		c.p = listpack.End(c.node.lp)
	}
	lp := c.node.lp
	c.p = listpack.Prev(lp, c.p)
	n, _ := intAt(lp, c.p)
	for range n {
		c.p = listpack.Prev(lp, c.p)
	}
	c.read()
}

// Valid reports whether the cursor is on an entry.
func (c *Cursor) Valid() bool { return c.on }

// Next goes to the next entry; false, and invalid, after the last.
func (c *Cursor) Next() bool {
	for c.forward(); c.on && c.flags&flagDeleted != 0; c.forward() {
	}
	c.rewind()
	return c.on
}

// Prev goes to the entry before; false, and invalid, before the first.
func (c *Cursor) Prev() bool {
	for c.back(); c.on && c.flags&flagDeleted != 0; c.back() {
	}
	c.rewind()
	return c.on
}

// ID returns the id of the entry.
func (c *Cursor) ID() ID { return c.id }

// Fields returns the number of fields of the entry.
func (c *Cursor) Fields() int { return c.count }

// rewind prepares Pair for the first pair of the entry.
func (c *Cursor) rewind() {
	c.left, c.field, c.value = c.count, c.node.fieldsAt, c.data
}

// Pair returns the next field of the entry and its value, which must be there:
// Fields times after a move of the cursor. Borrowed.
func (c *Cursor) Pair() (field, value listpack.Value) {
	lp := c.node.lp
	c.left--
	if c.flags&flagSame != 0 {
		field, c.field = listpack.At(lp, c.field)
	} else {
		field, c.value = listpack.At(lp, c.value)
	}
	value, c.value = listpack.At(lp, c.value)
	return field, value
}
