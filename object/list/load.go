package list

import (
	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// AppendPacked appends the entries of a valid listpack that does not lie in the list.
// The list becomes a sequence when it exceeds its limits; a node of a sequence takes
// what it has room for, so that many small listpacks make few nodes.
func (l *List) AppendPacked(lp []byte) {
	count := listpack.Count(lp)
	if l.pack {
		own := object.Packed(l.rec)
		size := len(own) + len(lp) - listpack.EmptySize
		if l.lim.fits(listpack.Count(own)+count, size) {
			end := listpack.End(own)
			object.SplicePacked(l.arena, l.rec, own, end, end, lp[listpack.HeaderSize:listpack.End(lp)], count)
			return
		}
		l.Spread()
	}
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		p = l.appendRun(lp, p)
	}
	l.nodes.Save(l.root, 0)
}

// appendRun appends entries of lp from p on to the last node, or makes a node of
// them if that has no room even for one. It returns the position behind them.
func (l *List) appendRun(lp []byte, p int) (next int) {
	var c Cursor
	c.l, c.c = l, l.nodes.Last()
	size, have := listpack.EmptySize, 0
	if c.c.Valid() {
		c.open()
		size, have = len(c.lp), int(c.c.Entry().B)
	}
	from, n := p, 0
	run := func() {
		for p < listpack.End(lp) {
			next := listpack.Next(lp, p)
			if have+n > 0 && !l.lim.nodeFits(have+n+1, size+next-from) {
				break
			}
			p = next
			n++
		}
	}
	run()
	if c.c.Valid() && n > 0 {
		end := listpack.End(c.lp)
		c.spliceNode(end, end, lp[from:p], n)
		return p
	}
	size, have = listpack.EmptySize, 0
	run()
	h := l.arena.Alloc(listpack.EmptySize+p-from, mem.KindNode)
	buf := mem.View(h, mem.BlockSize(h))
	listpack.Splice(buf, listpack.New(buf), listpack.HeaderSize, listpack.HeaderSize, lp[from:p], n)
	c.c = l.nodes.End()
	c.c.Insert(l.arena, btree.Entry{A: uint64(h), B: uint64(n)})
	c.lp = nil // the node is not read
	if c.shifted(1); c.dirty {
		c.press()
	}
	return p
}
