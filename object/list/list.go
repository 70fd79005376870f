// Package list is the Redis type list: one listpack while it is short, else a
// sequence of listpacks of at most NodeBytes in a counted tree.
//
// A List is a view of a record, good for one command: the caller holds the lock of
// the key's shard, and no other view of the record is in use. Returned bytes are
// borrowed until the next change. A list is never empty between commands: the
// caller deletes the key when Len has become 0.
//
// I1: no node of the sequence is empty. I2: a node is larger than its limits only
// if it has one entry. I3: the weight of a node is the number of its entries. I4: a
// pressed node (press.go) is in a smaller block than its listpack would be.
package list

import (
	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// NodeBytes bounds a node of a sequence, whatever the limits say: what is copied
// for a snapshot in one step.
const NodeBytes = 4 << 10

// Limits say how long a list, or a node of it, may be: one of both is 0.
type Limits struct {
	Entries int // list-max-listpack-size as a number of entries
	Bytes   int // or as a size

	// Depth is list-compress-depth: how many nodes at each end are not pressed; 0: none
	// is.
	Depth int
}

// LimitsOf returns the limits that a value of list-max-listpack-size means:
// entries, or -1 to -5 for 4 to 64 KB.
func LimitsOf(size int) Limits {
	if size >= 0 {
		return Limits{Entries: max(size, 1)}
	}
	return Limits{Bytes: 2 << 10 << min(-size, 5)}
}

// fits reports whether a listpack of count entries and size bytes is within the
// limits.
func (l Limits) fits(count, size int) bool {
	if l.Bytes > 0 {
		return size <= l.Bytes
	}
	return count <= l.Entries && size <= entriesBytes
}

// entriesBytes bounds a listpack that is limited by the number of its entries, as
// in Redis.
const entriesBytes = 8 << 10

// nodeFits is fits for a node of a sequence.
func (l Limits) nodeFits(count, size int) bool { return size <= NodeBytes && l.fits(count, size) }

// List is a view of the record of a list.
type List struct {
	arena *mem.Arena // of the value's blocks
	rec   mem.Handle
	root  mem.Handle // of the sequence
	nodes btree.Tree
	cut   object.Cut // of the sequence
	pack  bool
	lim   Limits
	buf   *[]byte // scratch that grows
	press *press  // of pressed nodes; stays when another record is opened
}

// New makes the record of an empty list. It is the caller's, who adds an entry
// before anybody sees it.
func New(a *mem.Arena, key []byte, access uint32) mem.Handle {
	return object.NewCollection(a, object.List, object.EncListpack, key, access)
}

// Open makes l the view of the record of a list. buf is scratch that grows.
func (l *List) Open(rec mem.Handle, lim Limits, buf *[]byte) {
	l.rec, l.root, l.lim, l.buf = rec, object.Root(rec), lim, buf
	l.arena = mem.ArenaOf(l.root)
	l.pack, l.cut = object.Load(rec).Encoding() == object.EncListpack, object.CutOf(rec)
	if !l.pack {
		l.nodes = btree.Load(l.root, 0, nil)
	}
}

// Len returns the number of entries. O(1).
func (l *List) Len() int {
	if l.pack {
		return listpack.Count(object.Packed(l.rec))
	}
	return int(l.nodes.Len())
}

// Cursor is a place in a list: on an entry, or after the last one. It is valid
// until the next change that was not made through it.
type Cursor struct {
	l    *List
	c    btree.Cursor // of a sequence
	lp   []byte       // the listpack of the node
	p    int
	step int // entries before p in lp

	loose bool // lp is not in the node's block, which is pressed
	hold  bool // see Hold
	dirty bool // there are changes that the depth has not been applied to
	moved bool // and among them of the number of nodes
	added int  // by so many it has grown
}

// At makes c the cursor on entry i, 0 the first; after the last if there are not as
// many. O(log n).
func (l *List) At(i int, c *Cursor) {
	c.l = l
	if l.pack {
		c.lp = object.Packed(l.rec)
		c.seek(i)
		return
	}
	into := uint64(0)
	c.c, into = l.nodes.At(uint64(i))
	if !c.c.Valid() {
		if !c.c.Prev() {
			c.lp = nil
			return
		}
		into = c.c.Entry().B
	}
	c.open()
	c.seek(int(into))
}

// open reads the node that the tree's cursor is on.
func (c *Cursor) open() {
	block := blockOf(c.c.Entry())
	if n := listpack.Size(block); n != 0 {
		c.lp, c.loose = block[:n], false
		return
	}
	c.lp, c.loose = c.l.unpacked(block), true
}

func (c *Cursor) seek(i int) {
	c.step = i
	var ok bool
	if c.p, ok = listpack.Seek(c.lp, i); !ok {
		c.p, c.step = listpack.End(c.lp), listpack.Count(c.lp)
	}
}

// Valid reports whether the cursor is on an entry.
func (c *Cursor) Valid() bool { return c.lp != nil && c.p < listpack.End(c.lp) }

// Value returns the entry that the cursor is on, borrowed until it goes on.
func (c *Cursor) Value() listpack.Value {
	v, _ := listpack.At(c.lp, c.p)
	return v
}

// Next goes to the next entry, or after the last; false there.
func (c *Cursor) Next() bool {
	if !c.Valid() {
		return false
	}
	c.p = listpack.Next(c.lp, c.p)
	c.step++
	return c.enter()
}

// enter goes from behind the last entry of a node to the next node.
func (c *Cursor) enter() bool {
	if c.p < listpack.End(c.lp) {
		return true
	}
	if c.dirty {
		c.press()
	}
	if c.l.pack || !c.c.Next() {
		if !c.l.pack {
			c.c.Prev()
		}
		return false
	}
	c.open()
	c.p, c.step = listpack.HeaderSize, 0
	return true
}

// Prev goes to the entry before; false, and no move, on the first.
func (c *Cursor) Prev() bool {
	if c.lp == nil {
		return false
	}
	if c.step == 0 {
		if c.dirty {
			c.press()
		}
		if c.l.pack || !c.c.Prev() {
			return false
		}
		c.open()
		c.p, c.step = listpack.End(c.lp), int(c.c.Entry().B)
	}
	c.p = listpack.Prev(c.lp, c.p)
	c.step--
	return true
}

// Take returns the entry that the cursor is on, as Value does, and goes to the next. The
// bytes are borrowed until the cursor goes on.
func (c *Cursor) Take() (v listpack.Value) {
	v, c.p = listpack.At(c.lp, c.p)
	c.step++
	if c.p == listpack.End(c.lp) {
		c.enter()
	}
	return v
}

// Run returns the entries of the cursor's node from the cursor on: n from position p of
// a listpack, borrowed.
func (c *Cursor) Run() (lp []byte, p, n int) { return c.lp, c.p, listpack.Count(c.lp) - c.step }

// Skip goes over n entries of [Cursor.Run], behind which is position p, to the entry
// after them.
func (c *Cursor) Skip(p, n int) {
	c.p = p
	c.step += n
	c.enter()
}

// Insert puts a value before the cursor, which is then on it. value does not lie in
// the list. [List.Grow] comes first: the encoding stays.
func (c *Cursor) Insert(value []byte) {
	l := c.l
	*l.buf = listpack.AppendEntry((*l.buf)[:0], listpack.Of(value))
	if l.pack {
		c.lp = object.SplicePacked(l.arena, l.rec, c.lp, c.p, c.p, *l.buf, 1)
		return
	}
	c.insertNode(*l.buf)
	c.done()
}

// insertNode puts an encoded entry before the cursor of a sequence.
func (c *Cursor) insertNode(entry []byte) {
	l := c.l
	if c.lp == nil { // the sequence is empty
		c.newNode(entry, false)
		return
	}
	count := listpack.Count(c.lp)
	if l.lim.nodeFits(count+1, len(c.lp)+len(entry)) {
		c.spliceNode(c.p, c.p, entry, 1)
		return
	}
	switch c.step {
	case count:
		c.newNode(entry, true)
	case 0:
		if c.c.Prev() { // the node before may have room at its end
			c.open()
			c.p, c.step = listpack.End(c.lp), listpack.Count(c.lp)
			if l.lim.nodeFits(c.step+1, len(c.lp)+len(entry)) {
				c.spliceNode(c.p, c.p, entry, 1)
				return
			}
			c.newNode(entry, true)
			return
		}
		c.newNode(entry, false)
	default:
		c.divide()
		c.insertNode(entry)
	}
}

// newNode puts a node with one entry before the present node, or behind it.
func (c *Cursor) newNode(entry []byte, behind bool) {
	l := c.l
	h := l.arena.Alloc(listpack.EmptySize+len(entry), mem.KindNode)
	buf := mem.View(h, mem.BlockSize(h))
	empty := listpack.New(buf)
	c.lp = listpack.Splice(buf, empty, listpack.HeaderSize, listpack.HeaderSize, entry, 1)
	c.p, c.step, c.loose = listpack.HeaderSize, 0, false
	if behind {
		if !c.c.Next() {
			c.c = l.nodes.End()
		}
	} else if !c.c.Valid() {
		c.c = l.nodes.First()
	}
	c.c.Insert(l.arena, btree.Entry{A: uint64(h), B: 1})
	c.shifted(1)
}

// divide splits the present node before the cursor, which then is after the last
// entry of the first half.
func (c *Cursor) divide() {
	l := c.l
	tail := c.lp[c.p:listpack.End(c.lp)]
	moved := listpack.Count(c.lp) - c.step
	h := l.arena.Alloc(listpack.EmptySize+len(tail), mem.KindNode)
	buf := mem.View(h, mem.BlockSize(h))
	listpack.Splice(buf, listpack.New(buf), listpack.HeaderSize, listpack.HeaderSize, tail, moved)
	c.spliceNode(c.p, listpack.End(c.lp), nil, -moved)
	if !c.c.Next() {
		c.c = l.nodes.End()
	}
	c.c.Insert(l.arena, btree.Entry{A: uint64(h), B: uint64(moved)})
	c.c.Prev()
	c.shifted(1)
}

// spliceNode is listpack.Splice for the present node, which moves to another block
// when it has to.
func (c *Cursor) spliceNode(from, to int, entries []byte, change int) {
	l := c.l
	e := c.c.Entry()
	need := len(c.lp) + len(entries) - (to - from)
	if !c.loose && need <= cap(c.lp) && mem.RoundSize(need)*2 >= cap(c.lp) {
		if l.cut.On() {
			l.cut.KeepNode(l.arena, mem.Handle(e.A))
		}
		c.lp = listpack.Splice(c.lp[:cap(c.lp)], c.lp, from, to, entries, change)
	} else {
		h := l.arena.Alloc(l.room(need, cap(c.lp)), mem.KindNode)
		c.lp = listpack.Splice(mem.View(h, mem.BlockSize(h)), c.lp, from, to, entries, change)
		l.freeNode(e)
		e.A, c.loose = uint64(h), false
	}
	e.B = uint64(int(e.B) + change)
	c.c.Replace(e)
	c.changed()
}

// room returns the size of the block for a node that wants need bytes: one that
// grows gets a half more, as it will likely grow to NodeBytes.
func (l *List) room(need, have int) int {
	if need > have && need < NodeBytes {
		return min(need+need/2, NodeBytes)
	}
	return need
}

// Delete removes the entry that the cursor is on; the cursor is then on the next.
func (c *Cursor) Delete() {
	l := c.l
	next := listpack.Next(c.lp, c.p)
	if l.pack {
		c.lp = object.SplicePacked(l.arena, l.rec, c.lp, c.p, next, nil, -1)
		return
	}
	if c.c.Entry().B > 1 {
		c.spliceNode(c.p, next, nil, -1)
		c.merge()
		c.enter()
	} else {
		l.freeNode(c.c.Delete(l.arena))
		c.shifted(0)
		c.reopen()
	}
	c.done()
}

// reopen reads the node that the tree's cursor is on after a deletion, from its
// first entry; after the last entry of all if it is on none.
func (c *Cursor) reopen() {
	if c.c.Valid() {
		c.open()
		c.p, c.step = listpack.HeaderSize, 0
		return
	}
	if !c.c.Prev() {
		c.lp = nil
		return
	}
	c.open()
	c.p, c.step = listpack.End(c.lp), int(c.c.Entry().B)
}

// mergeShare is the share of a node's limit below which it looks for a neighbour.
const mergeShare = 4

// merge appends the next node to the present one if both are small.
func (c *Cursor) merge() {
	if len(c.lp) > NodeBytes/mergeShare {
		return
	}
	l := c.l
	after := c.c
	if !after.Next() {
		return
	}
	e := after.Entry()
	count := listpack.Count(c.lp) + int(e.B)
	if size := len(c.lp) + NodeSize(blockOf(e)) - listpack.EmptySize; size > NodeBytes/2 || !l.lim.nodeFits(count, size) {
		return
	}
	lp := l.open(e)
	end := listpack.End(c.lp)
	c.spliceNode(end, end, lp[listpack.HeaderSize:listpack.End(lp)], int(e.B))
	l.freeNode(e)
	here := c.c
	if here.Next() {
		here.Delete(l.arena)
	}
	c.shifted(0)
	at, p, step := c.lp, c.p, c.step
	c.c = here
	if !c.c.Prev() {
		c.c = l.nodes.First()
	}
	c.lp, c.p, c.step = at, p, step
}

// Replace writes another value in place of the entry that the cursor is on. As for
// Insert, the encoding stays.
func (c *Cursor) Replace(value []byte) {
	l := c.l
	*l.buf = listpack.AppendEntry((*l.buf)[:0], listpack.Of(value))
	next := listpack.Next(c.lp, c.p)
	size := len(c.lp) + len(*l.buf) - (next - c.p)
	switch {
	case l.pack:
		c.lp = object.SplicePacked(l.arena, l.rec, c.lp, c.p, next, *l.buf, 0)
	case c.c.Entry().B == 1 || l.lim.nodeFits(listpack.Count(c.lp), size):
		c.spliceNode(c.p, next, *l.buf, 0)
		c.done()
	default:
		c.Insert(value)
		c.Next()
		c.Delete()
		c.Prev()
	}
}

// Spread turns the one listpack into a sequence.
func (l *List) Spread() {
	lp := object.Packed(l.rec)
	old := object.Root(l.rec)
	l.nodes, l.pack = btree.New(nil), false
	l.root = object.NewRoot(l.arena, object.EncQuicklist)
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		from, n := p, 0
		for p < listpack.End(lp) {
			next := listpack.Next(lp, p)
			if n > 0 && !l.lim.nodeFits(n+1, listpack.EmptySize+next-from) {
				break
			}
			p = next
			n++
		}
		h := l.arena.Alloc(listpack.EmptySize+p-from, mem.KindNode)
		buf := mem.View(h, mem.BlockSize(h))
		listpack.Splice(buf, listpack.New(buf), listpack.HeaderSize, listpack.HeaderSize, lp[from:p], n)
		c := l.nodes.End()
		c.Insert(l.arena, btree.Entry{A: uint64(h), B: uint64(n)})
	}
	l.pressAll()
	l.nodes.Save(l.root, 0)
	object.SetRoot(l.rec, l.root, object.EncQuicklist)
	mem.Free(old, mem.KindNode)
}
