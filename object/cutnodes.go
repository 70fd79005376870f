package object

import (
	"kvorum/ds/btree"
	"kvorum/mem"
)

// Cuts of sequences of nodes: lists and streams. See cut.go.

// listNodes makes the cut of a sequence: the list of its nodes, and where each is in
// it. O(nodes).
func listNodes(a *mem.Arena, root mem.Handle, enc Encoding) (cut mem.Handle) {
	var tree btree.Tree
	if enc == EncQuicklist {
		tree = btree.Load(root, 0, nil)
	} else {
		tree = btree.Load(root, StreamNodesAt, StreamNodeSeq)
	}
	count := 0
	for c := tree.First(); c.Valid(); c.Next() {
		count++
	}
	slots := 1
	for slots < 2*count {
		slots *= 2
	}
	nodes, index := a.Alloc(max(8*count, 8), mem.KindNode), a.Alloc(4*slots, mem.KindNode)
	clear(mem.View(index, 4*slots))
	i := 0
	for c := tree.First(); c.Valid(); c.Next() {
		h := nodeOf(c.Entry(), enc)
		mem.Store64(nodes, 8*i, uint64(h))
		i++
		at := indexOf(h, slots)
		for mem.Load32(index, 4*at) != 0 {
			at = (at + 1) & (slots - 1)
		}
		mem.Store32(index, 4*at, uint32(i))
	}
	cut = a.Alloc(cutNodesSize, mem.KindNode)
	clear(mem.View(cut, cutNodesSize))
	mem.Store64(cut, cutNodes, uint64(nodes))
	mem.Store64(cut, cutCount, uint64(count))
	mem.Store64(cut, cutIndex, uint64(index))
	return cut
}

// nodeOf returns the handle of a node from its place in the tree.
func nodeOf(e btree.Entry, enc Encoding) mem.Handle {
	if enc == EncQuicklist {
		return mem.Handle(e.A)
	}
	return mem.Handle(e.B)
}

// indexOf returns where a handle is looked for among slots, a power of two.
func indexOf(h mem.Handle, slots int) int {
	return int(uint64(h)*0x9e3779b97f4a7c15>>32) & (slots - 1)
}

// CutNodes returns the number of nodes of a sequence that was cut.
func CutNodes(cut mem.Handle) int { return int(mem.Load64(cut, cutCount)) }

// pending returns the offset in the list of nodes where h is, if a walk has still to
// read it and does not own it; else -1.
func pending(cut, h mem.Handle) int {
	nodes, index := mem.Handle(mem.Load64(cut, cutNodes)), mem.Handle(mem.Load64(cut, cutIndex))
	slots := 1
	for count := int(mem.Load64(cut, cutCount)); slots < 2*count; {
		slots *= 2
	}
	next := mem.Load64(cut, cutPassed)
	for at := indexOf(h, slots); ; at = (at + 1) & (slots - 1) {
		i := mem.Load32(index, 4*at)
		if i == 0 {
			return -1
		}
		// What has been read may have been freed, and be another node by now; a node that
		// the walk owns is not that of the sequence.
		if off := 8 * int(i-1); uint64(i-1) >= next && mem.Load64(nodes, off) == uint64(h) {
			return off
		}
	}
}

// KeepNode copies a node, which is about to change where it is, for the walks that
// have still to read it.
func (c *Cut) KeepNode(a *mem.Arena, h mem.Handle) {
	for _, cut := range c.of {
		if cut == 0 {
			continue
		}
		if off := pending(cut, h); off >= 0 {
			own(cut, off, copyBlock(a, h))
		}
	}
}

// FreeNode frees a node that has left its sequence, or leaves it to the walk that has
// still to read it.
func (c *Cut) FreeNode(h mem.Handle) {
	given := false
	for _, cut := range c.of {
		if cut == 0 {
			continue
		}
		switch off := pending(cut, h); {
		case off < 0:
		case given: // it has gone to the other walk
			own(cut, off, copyBlock(mem.ArenaOf(h), h))
		default:
			own(cut, off, h)
			given = true
		}
	}
	if !given {
		mem.Free(h, mem.KindNode)
	}
}

// own gives a walk a node in place of the one of the sequence.
func own(cut mem.Handle, off int, h mem.Handle) {
	mem.Store64(mem.Handle(mem.Load64(cut, cutNodes)), off, uint64(h)|ownedNode)
}

// Detach makes the cuts independent of the root, which is about to go, and whose nodes
// have all been freed by FreeNode. The view has no cut afterwards.
func (c *Cut) Detach() {
	for i, cut := range c.of {
		if cut != 0 {
			detach(cut)
			c.of[i] = 0
		}
	}
}

// ReadNodes gives a walk the nodes that it has still to read, in order, until fn returns
// false, and reports whether more is left. Nodes that the walk owns are freed then.
func ReadNodes(cut mem.Handle, fn func(node mem.Handle, kept bool) bool) (more bool) {
	nodes := mem.Handle(mem.Load64(cut, cutNodes))
	count := mem.Load64(cut, cutCount)
	for next := mem.Load64(cut, cutPassed); next < count; {
		word := mem.Load64(nodes, 8*int(next))
		h := mem.Handle(word &^ ownedNode)
		again := fn(h, word&ownedNode != 0)
		next++
		mem.Store64(cut, cutPassed, next)
		if word&ownedNode != 0 {
			mem.Free(h, mem.KindNode)
		}
		if !again {
			break
		}
	}
	return mem.Load64(cut, cutPassed) < count
}

// nodeBlocks calls fn for the blocks that the cut of a sequence owns besides itself.
func nodeBlocks(cut mem.Handle, fn func(mem.Handle)) {
	nodes := mem.Handle(mem.Load64(cut, cutNodes))
	fn(nodes)
	fn(mem.Handle(mem.Load64(cut, cutIndex)))
	for i := mem.Load64(cut, cutPassed); i < mem.Load64(cut, cutCount); i++ {
		if word := mem.Load64(nodes, 8*int(i)); word&ownedNode != 0 {
			fn(mem.Handle(word &^ ownedNode))
		}
	}
}
