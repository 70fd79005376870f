package btree

import "kvorum/mem"

// Evacuate moves the nodes on the cursor's way out of spans that are being evacuated
// and returns the bytes moved. The cursor keeps its place.
func (c *Cursor) Evacuate(a *mem.Arena) (bytes int) {
	if c.t.root == 0 {
		return 0
	}
	for d := range c.t.height + 1 {
		s := &c.path[d]
		old := mem.Handle(s.n)
		if !mem.Evacuating(old) {
			continue
		}
		size := mem.BlockSize(old)
		to := a.Alloc(size, mem.KindNode)
		copy(mem.View(to, size), mem.View(old, size))
		if d == 0 {
			c.t.root = to
		} else {
			up := c.path[d-1]
			mem.Store64(mem.Handle(up.n), headerSize+up.i*innerEntry, uint64(to))
		}
		mem.Free(old, mem.KindNode)
		s.n = node(to)
		bytes += size
	}
	return bytes
}

// NextLeaf goes to the first entry of the next leaf, or after the last entry of all,
// and returns how many entries it passed, the one that it was on included.
func (c *Cursor) NextLeaf() (passed int) {
	l := c.leaf()
	passed = l.n.len() - l.i
	l.i = l.n.len() - 1
	c.Next()
	return passed
}
