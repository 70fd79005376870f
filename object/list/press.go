package list

import (
	"encoding/binary"

	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/ds/lzf"
	"kvorum/internal/invariants"
	"kvorum/mem"
)

// Pressed nodes. With a depth (list-compress-depth) the nodes that are further from both
// ends of the sequence are kept as packed strings, if that makes their blocks smaller:
//
//	| 0, which is no size of a listpack, 4 | size of the listpack 4 | of the string 4 | string |
//
// So a block says itself what it is, and whoever moves, copies or keeps blocks need not
// know. Readers look at the word that they need anyway.
//
// Any node may be pressed or not at any time: what the depth says is brought about by
// those who change the list ([Cursor.press]), around the place of the change and, when
// the number of nodes has changed, at the borders of the two windows. So a list is as
// another depth wants it as far as it was changed since, and nothing walks a long list
// for it.
//
// A reader unpacks the node that it is on into scratch of the view. Who changes a pressed
// node gives it a block of its own first, and presses it again when the cursor leaves it.

const (
	pressedHead = 12
	pressedSize = 4 // offset of the size of the listpack
	pressedLen  = 8 // offset of that of the string

	pressMin   = 48      // bytes of a listpack that is tried
	pressMax   = 1 << 20 // COMPAT: list-compress: a change or a read of a larger one would take long
	pressGain  = 8       // bytes that the string is shorter, at least
	keepMax    = 64 << 10
	readBeyond = 128 // bytes of room that lets readers copy in whole words
)

// press is the scratch of a view that has met a pressed node, or has to press one.
type press struct {
	lp     [2][]byte // the listpacks of the node that was opened last and of the one before, in turn
	last   int       // which of them was
	out    []byte
	packer *lzf.Packer
}

func (l *List) scratch() *press {
	if l.press == nil {
		l.press = new(press)
	}
	return l.press
}

// room returns room for n bytes: buf if it is large enough; it becomes so unless n is
// unusual.
func (p *press) room(buf *[]byte, n int) []byte {
	if n > cap(*buf) {
		b := make([]byte, n)
		if n > keepMax {
			return b
		}
		*buf = b
	}
	return (*buf)[:n]
}

// pressed reports whether a block holds a pressed node.
func pressed(block []byte) bool { return listpack.Size(block) == 0 }

func blockOf(e btree.Entry) []byte {
	h := mem.Handle(e.A)
	return mem.View(h, mem.BlockSize(h))
}

// NodeSize returns the size of the listpack of a node, given as its block.
func NodeSize(block []byte) int {
	if pressed(block) {
		return int(binary.LittleEndian.Uint32(block[pressedSize:]))
	}
	return listpack.Size(block)
}

// ReadNode copies the listpack of a node, given as its block, to dst, which is
// [NodeSize] bytes long.
func ReadNode(dst, block []byte) {
	if !pressed(block) {
		copy(dst, listpack.Open(block))
		return
	}
	n := int(binary.LittleEndian.Uint32(block[pressedLen:]))
	if !lzf.Unpack(dst, block[pressedHead:pressedHead+n]) || listpack.Size(dst) != len(dst) {
		invariants.Fail("list: a pressed node of %d bytes in %d is damaged", len(dst), n)
	}
}

// open returns the listpack of a node: borrowed until the next but one is opened.
func (l *List) open(e btree.Entry) []byte {
	block := blockOf(e)
	if n := listpack.Size(block); n != 0 {
		return block[:n]
	}
	return l.unpacked(block)
}

// unpacked is open for the block of a pressed node.
func (l *List) unpacked(block []byte) []byte {
	p := l.scratch()
	n := NodeSize(block)
	p.last ^= 1 // what was read last may be looked at still: see Take
	lp := p.room(&p.lp[p.last], n+readBeyond)[:n]
	ReadNode(lp, block)
	return lp
}

// ease gives the node that c is on a block with its listpack, if it is pressed.
func (l *List) ease(c *btree.Cursor) {
	e := c.Entry()
	block := blockOf(e)
	if !pressed(block) {
		return
	}
	n := NodeSize(block)
	h := l.arena.Alloc(n, mem.KindNode)
	ReadNode(mem.View(h, n), block)
	l.swap(c, e, h)
}

// squeeze presses the node that c is on, if that pays.
func (l *List) squeeze(c *btree.Cursor) {
	e := c.Entry()
	block := blockOf(e)
	n := listpack.Size(block)
	if n < pressMin || n > pressMax {
		return
	}
	p := l.scratch()
	if p.packer == nil {
		p.packer = new(lzf.Packer)
	}
	// The packer stops behind the item with which it has become too long.
	room := p.room(&p.out, n+n/8+readBeyond)
	out, ok := p.packer.Append(room[:0], block[:n], n-pressGain)
	if !ok || mem.RoundSize(pressedHead+len(out)) >= mem.RoundSize(n) {
		return
	}
	h := l.arena.Alloc(pressedHead+len(out), mem.KindNode)
	to := mem.View(h, pressedHead+len(out))
	binary.LittleEndian.PutUint32(to, 0)
	binary.LittleEndian.PutUint32(to[pressedSize:], uint32(n))
	binary.LittleEndian.PutUint32(to[pressedLen:], uint32(len(out)))
	copy(to[pressedHead:], out)
	l.swap(c, e, h)
}

// swap puts a node into another block.
func (l *List) swap(c *btree.Cursor, e btree.Entry, h mem.Handle) {
	l.freeNode(e)
	e.A = uint64(h)
	c.Replace(e)
}

// changed tells that the node that the cursor is on was changed.
func (c *Cursor) changed() { c.dirty = c.l.lim.Depth > 0 }

// shifted tells that the number of nodes has grown by added, or that some are gone.
func (c *Cursor) shifted(added int) {
	c.dirty, c.moved = c.l.lim.Depth > 0, true
	c.added += added
}

// done ends a change: it saves the tree, and has nodes pressed.
func (c *Cursor) done() {
	if c.dirty && !c.hold {
		c.press()
	}
	c.l.nodes.Save(c.l.root, 0)
}

// Hold has the cursor press nodes that are changed only when it leaves them, until
// [Cursor.Release]: for many changes in one go.
func (c *Cursor) Hold() { c.hold = true }

// Release ends Hold.
func (c *Cursor) Release() {
	c.hold = false
	if c.dirty {
		c.done()
	}
}

// press brings about what the depth says around the cursor, which keeps its place.
func (c *Cursor) press() {
	added, moved := c.added, c.moved
	c.dirty, c.moved, c.added = false, false, 0
	l := c.l
	if l.nodes.Len() == 0 || !moved && c.atEdge() {
		return
	}
	var w window
	if l.span(&w, mem.Handle(c.node().A)) {
		switch {
		case w.inHead || w.inTail:
			if w.inHead {
				w.press(l, &w.head, mem.Handle(w.tail.Entry().A), added, false)
			}
			if w.inTail {
				w.press(l, &w.tail, mem.Handle(w.head.Entry().A), added, true)
			}
		default:
			c.pressAround(&w, added > 0)
		}
	}
	if c.lp != nil {
		c.open()
	}
}

// node returns the node that the cursor is on, or the last one.
func (c *Cursor) node() btree.Entry {
	if c.c.Valid() {
		return c.c.Entry()
	}
	e, _ := c.l.nodes.Edge(true)
	return e
}

// atEdge reports whether the cursor is on the first node or on the last.
func (c *Cursor) atEdge() bool {
	first, _ := c.l.nodes.Edge(false)
	last, _ := c.l.nodes.Edge(true)
	e := c.node()
	return e.A == first.A || e.A == last.A
}

// window is what lies between the two parts of a sequence whose nodes are not pressed.
type window struct {
	head, tail     btree.Cursor // its first node and its last
	before, behind mem.Handle   // the nodes next to it
	inHead, inTail bool         // where a node is that was asked for
}

// span eases the nodes at both ends, as many as the depth says, and finds those between;
// false if there are none. It tells which end node is at. O(depth).
func (l *List) span(w *window, node mem.Handle) (inner bool) {
	w.head, w.tail = l.nodes.First(), l.nodes.Last()
	for range l.lim.Depth {
		head, tail := w.head.Entry(), w.tail.Entry()
		w.inHead = w.inHead || mem.Handle(head.A) == node
		w.inTail = w.inTail || mem.Handle(tail.A) == node
		l.ease(&w.head)
		if head.A == tail.A {
			return false
		}
		l.ease(&w.tail)
		w.before, w.behind = mem.Handle(w.head.Entry().A), mem.Handle(w.tail.Entry().A)
		w.head.Next()
		if mem.Handle(w.head.Entry().A) == w.behind {
			return false
		}
		w.tail.Prev()
	}
	return true
}

// press presses count nodes from c on, or backwards, not beyond last.
func (w *window) press(l *List, c *btree.Cursor, last mem.Handle, count int, back bool) {
	for ; count > 0; count-- {
		end := mem.Handle(c.Entry().A) == last
		l.squeeze(c)
		if end {
			return
		}
		if back {
			c.Prev()
		} else {
			c.Next()
		}
	}
}

// pressAround presses the node that the cursor is on, which is in the window, and with
// both the nodes beside it that are.
func (c *Cursor) pressAround(w *window, both bool) {
	l := c.l
	if !c.c.Valid() {
		return
	}
	l.squeeze(&c.c)
	if !both {
		return
	}
	if beside := c.c; beside.Prev() && mem.Handle(beside.Entry().A) != w.before {
		l.squeeze(&beside)
	}
	if beside := c.c; beside.Next() && mem.Handle(beside.Entry().A) != w.behind {
		l.squeeze(&beside)
	}
}

// pressAll brings about what the depth says everywhere.
func (l *List) pressAll() {
	var w window
	if l.lim.Depth <= 0 || l.nodes.Len() == 0 || !l.span(&w, 0) {
		return
	}
	for last := mem.Handle(w.tail.Entry().A); ; w.head.Next() {
		end := mem.Handle(w.head.Entry().A) == last
		l.squeeze(&w.head)
		if end {
			return
		}
	}
}

// Pressed reports whether any node of the list is pressed. O(n) of the nodes.
func (l *List) Pressed() (any bool) {
	l.Blocks(func(block []byte) { any = any || pressed(block) })
	return any
}
