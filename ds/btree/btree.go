// Package btree is the counted B+tree of the store: ordered entries of 16 bytes in
// off-heap nodes of 1 KB, with the position of each in O(log n).
//
//	node: | kind 1 | room of a leaf 1 | entries 2 | spare 12 | entries |
//	leaf:  63 x | order 8 | item 8 |
//	inner: 31 x | child 8 | weight of the child's subtree 8 | first entry of it 16 |
//
// A leaf that is the root begins with room for 3 entries and doubles, so that a
// small tree takes little memory.
//
// A tree is one of two kinds. A keyed tree (sorted sets, streams) is ordered by
// the entries' first word and, where that is equal, by the bytes that its owner
// calls the item's name; each entry weighs 1. A sequence (lists) is ordered by the places at which
// entries were put; the second word is the weight, as of a node that holds many
// values, and positions count weights.
//
//	keyed:    | order | handle of the item |
//	sequence: | handle of the item | weight |
//
// The tree does not own its items: Clear hands them back. A [Cursor] names a place
// and is valid until the next change that was not made through it.
//
// I1: all leaves have the same depth. I2: a node other than the root has at least
// one entry; nodes that together fit in one are merged when one of them shrinks
// below a third. I3: an inner entry's weight is the sum of its subtree, its first
// entry that of the leftmost leaf. I4: Len is the sum of all weights.
//
// Not safe for concurrent use: the caller holds the lock of the shard.
package btree

import (
	"kvorum/internal/invariants"
	"kvorum/mem"
)

const (
	nodeSize   = 1 << 10
	headerSize = 16
	leafShift  = 4
	innerShift = 5
	leafEntry  = 1 << leafShift
	innerEntry = 1 << innerShift
	innerFirst = 16 // offset of the first entry in an inner one
	leafMax    = (nodeSize - headerSize) / leafEntry
	innerMax   = (nodeSize - headerSize) / innerEntry
	leafMin    = 3 // room of the first leaf of a tree
	mergeShare = 3 // a node below a third of its room looks for a neighbour
	heightMax  = 12

	kindOffset  = 0
	roomOffset  = 1
	countOffset = 2
	kindLeaf    = 1
	kindInner   = 2

	// StateSize is the size of a tree's state in the memory of its owner.
	StateSize = 24
)

// Entry is one entry of a leaf.
type Entry struct{ A, B uint64 }

// Namer returns the name of an item of a keyed tree: borrowed.
type Namer func(item mem.Handle) []byte

// Key is what is sought in a keyed tree. A nil Name comes before all items with
// the same first word.
type Key struct {
	A    uint64
	Name []byte
}

// Tree is one tree.
type Tree struct {
	names  Namer // nil in a sequence
	root   mem.Handle
	weight uint64
	height int // levels of inner nodes
}

// New returns an empty tree without memory: keyed if it has names, else a sequence.
func New(names Namer) Tree { return Tree{names: names} }

// Load returns the tree whose state Save wrote to the block at h from offset at.
func Load(h mem.Handle, at int, names Namer) Tree {
	return Tree{
		names:  names,
		root:   mem.Handle(mem.Load64(h, at)),
		weight: mem.Load64(h, at+8),
		height: int(mem.Load64(h, at+16)),
	}
}

// Save writes the state of the tree to the block at h from offset at.
func (t *Tree) Save(h mem.Handle, at int) {
	mem.Store64(h, at, uint64(t.root))
	mem.Store64(h, at+8, t.weight)
	mem.Store64(h, at+16, uint64(t.height))
}

// Len returns the sum of the weights: in a keyed tree the number of entries.
func (t *Tree) Len() uint64 { return t.weight }

func (t *Tree) weightOf(e Entry) uint64 {
	if t.names == nil {
		return e.B
	}
	return 1
}

// node is the handle of a node.
type node mem.Handle

func newNode(a *mem.Arena, kind uint8) node {
	if kind == kindLeaf {
		return newLeaf(a, leafMax)
	}
	h := a.Alloc(nodeSize, mem.KindNode)
	mem.Store64(h, 0, uint64(kind))
	return node(h)
}

func newLeaf(a *mem.Arena, room int) node {
	h := a.Alloc(headerSize+room*leafEntry, mem.KindNode)
	mem.Store64(h, 0, kindLeaf)
	mem.Store8(h, roomOffset, uint8(room))
	return node(h)
}

func (n node) len() int         { return int(mem.Load16(mem.Handle(n), countOffset)) }
func (n node) setLen(count int) { mem.Store16(mem.Handle(n), countOffset, uint16(count)) }
func (n node) leaf() bool       { return mem.Load8(mem.Handle(n), kindOffset) == kindLeaf }

// stride returns the size of the node's entries and how many it has room for.
func (n node) stride() (size, room int) {
	if n.leaf() {
		return leafEntry, int(mem.Load8(mem.Handle(n), roomOffset))
	}
	return innerEntry, innerMax
}

func (n node) entry(i int) Entry {
	at := headerSize + i*leafEntry
	return Entry{mem.Load64(mem.Handle(n), at), mem.Load64(mem.Handle(n), at+8)}
}

func (n node) setEntry(i int, e Entry) {
	at := headerSize + i*leafEntry
	mem.Store64(mem.Handle(n), at, e.A)
	mem.Store64(mem.Handle(n), at+8, e.B)
}

// branch is an entry of an inner node.
type branch struct {
	child  node
	weight uint64
	first  Entry
}

func (n node) child(i int) node { return node(mem.Load64(mem.Handle(n), headerSize+i*innerEntry)) }

func (n node) childWeight(i int) uint64 {
	return mem.Load64(mem.Handle(n), headerSize+i*innerEntry+8)
}

func (n node) setChildWeight(i int, w uint64) {
	mem.Store64(mem.Handle(n), headerSize+i*innerEntry+8, w)
}

func (n node) childFirst(i int) Entry {
	at := headerSize + i*innerEntry + 16
	return Entry{mem.Load64(mem.Handle(n), at), mem.Load64(mem.Handle(n), at+8)}
}

func (n node) setChildFirst(i int, e Entry) {
	at := headerSize + i*innerEntry + 16
	mem.Store64(mem.Handle(n), at, e.A)
	mem.Store64(mem.Handle(n), at+8, e.B)
}

func (n node) setBranch(i int, b branch) {
	mem.Store64(mem.Handle(n), headerSize+i*innerEntry, uint64(b.child))
	n.setChildWeight(i, b.weight)
	n.setChildFirst(i, b.first)
}

// open makes room for an entry at i, which the caller writes.
func (n node) open(i int) {
	size, room := n.stride()
	count := n.len()
	if count >= room {
		invariants.Fail("btree: node with %d entries is full", count)
	}
	b := mem.View(mem.Handle(n), headerSize+(count+1)*size)
	at := headerSize + i*size
	copy(b[at+size:], b[at:headerSize+count*size])
	n.setLen(count + 1)
}

// close removes the entry at i.
func (n node) close(i int) {
	size, _ := n.stride()
	count := n.len()
	b := mem.View(mem.Handle(n), headerSize+count*size)
	at := headerSize + i*size
	copy(b[at:], b[at+size:])
	n.setLen(count - 1)
}

// moveTail moves the entries from i on behind those of to.
func (n node) moveTail(i int, to node) {
	size, _ := n.stride()
	count, have := n.len(), to.len()
	moved := count - i
	src := mem.View(mem.Handle(n), headerSize+count*size)
	dst := mem.View(mem.Handle(to), headerSize+(have+moved)*size)
	copy(dst[headerSize+have*size:], src[headerSize+i*size:])
	n.setLen(i)
	to.setLen(have + moved)
}

// weigh returns the sum of the weights in a node.
func (t *Tree) weigh(n node) (sum uint64) {
	count := n.len()
	if !n.leaf() {
		for i := range count {
			sum += n.childWeight(i)
		}
		return sum
	}
	if t.names != nil {
		return uint64(count)
	}
	for i := range count {
		sum += n.entry(i).B
	}
	return sum
}

// first returns the first entry under a node that has entries.
func first(n node) Entry {
	if n.leaf() {
		return n.entry(0)
	}
	return n.childFirst(0)
}

// Blocks calls fn for every block of the tree, and items for every entry.
func (t *Tree) Blocks(fn func(mem.Handle), items func(Entry)) {
	if t.root != 0 {
		blocks(node(t.root), fn, items)
	}
}

func blocks(n node, fn func(mem.Handle), items func(Entry)) {
	fn(mem.Handle(n))
	for i := range n.len() {
		if n.leaf() {
			items(n.entry(i))
		} else {
			blocks(n.child(i), fn, items)
		}
	}
}

// Clear frees the tree's nodes from the last on, at most budget leaves at a time,
// and reports whether all is gone. free gets every entry before its leaf goes. The
// tree must not be used for anything else once clearing has begun.
func (t *Tree) Clear(a *mem.Arena, budget int, free func(Entry)) (done bool) {
	if t.root == 0 {
		return true
	}
	if !t.clear(a, node(t.root), &budget, free) {
		return false
	}
	*t = New(t.names)
	return true
}

func (t *Tree) clear(a *mem.Arena, n node, budget *int, free func(Entry)) (done bool) {
	if n.leaf() {
		if *budget <= 0 {
			return false
		}
		*budget--
		for i := range n.len() {
			free(n.entry(i))
		}
	} else {
		for i := n.len() - 1; i >= 0; i-- {
			if !t.clear(a, n.child(i), budget, free) {
				return false
			}
			n.setLen(i)
		}
	}
	a.Free(mem.Handle(n), mem.KindNode)
	return true
}
