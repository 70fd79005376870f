package list

import (
	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// Grow makes the list ready for count more entries of together size bytes: a packed
// one that would exceed its limits becomes a sequence. Redis takes the bytes of the
// strings, not those of the entries, and does this before it knows whether the
// entries get in.
func (l *List) Grow(count, size int) {
	if !l.pack {
		return
	}
	lp := object.Packed(l.rec)
	if !l.lim.fits(listpack.Count(lp)+count, len(lp)+size) {
		l.Spread()
	}
}

// Append puts a value in at the end of a list that is being built, of which Redis
// makes a sequence when it would not put the value into the one node that it builds.
func (l *List) Append(value []byte) {
	if l.pack {
		lp := object.Packed(l.rec)
		if count := listpack.Count(lp); count > 0 {
			l.Grow(1, len(value)+entryOverhead)
		} else if size := len(lp) + listpack.EntrySize(listpack.Of(value)); l.lim.Bytes > 0 && size > l.lim.Bytes {
			l.Spread()
		}
	}
	var c Cursor
	l.At(l.Len(), &c)
	c.Insert(value)
}

// entryOverhead is what Redis reckons that an entry takes besides its bytes.
const entryOverhead = 8

// shrinkShare is the share of its limits below which a sequence is packed again.
const shrinkShare = 2

// entryMin is the size of the smallest entry.
const entryMin = 2

// Shrink packs a sequence that has become small: not above half of the limits.
//
// COMPAT: list-encoding: Redis looks at the only node, and leaves a small list in
// two nodes as it is.
func (l *List) Shrink() {
	if l.pack {
		return
	}
	count, sizeMax := int(l.nodes.Len()), l.lim.Bytes/shrinkShare
	if l.lim.Bytes == 0 {
		if count > l.lim.Entries/shrinkShare {
			return
		}
		sizeMax = entriesBytes
	}
	if count*entryMin > sizeMax {
		return
	}
	size := listpack.EmptySize
	for c := l.nodes.First(); c.Valid(); c.Next() {
		if size += NodeSize(blockOf(c.Entry())) - listpack.EmptySize; size > sizeMax {
			return
		}
	}
	l.gather(size)
}

// gather joins the nodes of a sequence to one listpack of size bytes.
func (l *List) gather(size int) {
	h := l.arena.Alloc(size, mem.KindNode)
	buf := mem.View(h, mem.BlockSize(h))
	lp := listpack.New(buf)
	for c := l.nodes.First(); c.Valid(); c.Next() {
		e := c.Entry()
		from, end := l.open(e), listpack.End(lp)
		lp = listpack.Splice(buf, lp, end, end, from[listpack.HeaderSize:listpack.End(from)], int(e.B))
	}
	old := l.root
	for !l.nodes.Clear(l.arena, int(l.nodes.Len())+1, l.freeNode) {
	}
	l.cut.Detach()
	mem.Free(old, mem.KindNode)
	l.root, l.pack = h, true
	object.SetRoot(l.rec, h, object.EncListpack)
}

// freeNode frees a node that has left the sequence, unless a walk has still to read it.
func (l *List) freeNode(e btree.Entry) {
	if l.cut.On() {
		l.cut.FreeNode(mem.Handle(e.A))
		return
	}
	mem.Free(mem.Handle(e.A), mem.KindNode)
}

// DeleteRange removes count entries from entry i on; there are as many. If they are many
// at an end, most of their nodes go to a record without a key, rest, which the caller has
// freed in slices: else that is 0.
func (l *List) DeleteRange(i, count int) (rest mem.Handle) {
	if count == 0 {
		return 0
	}
	var c Cursor
	if count >= severMin && !l.pack && !l.cut.On() {
		rest, count = l.sever(i, count)
		c.moved, c.dirty = true, l.lim.Depth > 0
	}
	l.At(i, &c)
	if l.pack {
		end := c.after(count)
		object.SplicePacked(l.arena, l.rec, c.lp, c.p, end, nil, -count)
		return 0
	}
	for count > 0 {
		have := int(c.c.Entry().B) - c.step
		if c.step == 0 && have <= count {
			for ; have > 0 && have <= count; have = int(c.c.Entry().B) {
				l.freeNode(c.c.Delete(l.arena))
				if count -= have; !c.c.Valid() {
					break
				}
			}
			c.shifted(0)
			c.reopen()
			continue
		}
		n := min(have, count)
		c.spliceNode(c.p, c.after(n), nil, -n)
		count -= n
		if n == have && count > 0 {
			c.enter()
		}
	}
	if c.lp != nil {
		c.merge()
	}
	c.done()
	return rest
}

// severMin is the number of entries from which a range at an end is cut off: below it,
// that is more work than to free their nodes.
const severMin = 512

// sever cuts the nodes off that have only entries of a range, which begins at entry i, if
// it is at an end of the sequence. It returns a record with them, 0 if there are none, and
// the number of entries of the range that are left, from entry i on. O(log n).
func (l *List) sever(i, count int) (rest mem.Handle, left int) {
	var off btree.Tree
	switch {
	case i+count == l.Len():
		c, into := l.nodes.At(uint64(i))
		if into > 0 {
			c.Next()
		}
		off = c.Cut(l.arena)
	case i == 0:
		c, _ := l.nodes.At(uint64(count))
		off = c.Cut(l.arena)
		off, l.nodes = l.nodes, off
	}
	if off.Len() == 0 {
		return 0, count
	}
	root := object.NewRoot(l.arena, object.EncQuicklist)
	off.Save(root, 0)
	l.nodes.Save(l.root, 0)
	return object.NewNameless(object.List, object.EncQuicklist, root), count - int(off.Len())
}

// after returns the position behind the next n entries of the node.
func (c *Cursor) after(n int) int {
	p := c.p
	for range n {
		p = listpack.Next(c.lp, p)
	}
	return p
}

// Is reports whether the entry that the cursor is on has the value v (see
// [listpack.Of]).
func (c *Cursor) Is(v listpack.Value) bool { return listpack.Equal(c.lp, c.p, v) }

// Find goes to the next entry with the value v, the present one included, or after
// the last; false there.
func (c *Cursor) Find(v listpack.Value) bool {
	for ok := c.Valid(); ok; ok = c.Next() {
		if c.Is(v) {
			return true
		}
	}
	return false
}

// Nodes calls fn for the listpack of each node, borrowed until fn returns, or for the
// only one of a packed list.
func (l *List) Nodes(fn func(packed []byte)) {
	if l.pack {
		fn(object.Packed(l.rec))
		return
	}
	for c := l.nodes.First(); c.Valid(); c.Next() {
		fn(l.open(c.Entry()))
	}
}

// Blocks calls fn for the block of each node, borrowed: see [NodeSize] and [ReadNode].
func (l *List) Blocks(fn func(block []byte)) {
	if l.pack {
		fn(object.Packed(l.rec))
		return
	}
	for c := l.nodes.First(); c.Valid(); c.Next() {
		fn(blockOf(c.Entry()))
	}
}

// Size returns the value of list-max-listpack-size that the limits mean.
func (l Limits) Size() int {
	if l.Bytes == 0 {
		return l.Entries
	}
	size := 0
	for b := l.Bytes; b > 2<<10; b >>= 1 {
		size--
	}
	return size
}

// NodeCount returns how often Nodes calls its function. O(n) of the nodes.
func (l *List) NodeCount() (n int) {
	l.Blocks(func([]byte) { n++ })
	return n
}
