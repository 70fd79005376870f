// Package stream is the Redis type stream: entries of fields and values in the
// order of their ids, and groups of consumers that share the reading of them.
//
// Entries lie in nodes, listpacks of the form that RDB files carry (node.go), in a
// tree ordered by the id of each node's first entry. A group has a tree of what is
// pending, and one of consumers, each with a tree of what is pending with it;
// package object describes the blocks.
//
// A Stream is a view of a record, good for one command: the caller holds the lock of
// the key's shard, and no other view of the record is in use. Returned bytes are
// borrowed until the next change. Unlike other values a stream may be empty.
//
// I1: ids of entries only grow, and are not greater than LastID. I2: a node has at
// least one entry, deleted or not, and only the first node may have none that is not
// deleted (trimming by id leaves it so). I3: all of a node but its last entry is
// within NodeBytes and the limits. I4: what is pending in a group is pending with
// exactly one of its consumers, but for what a loader has not assigned yet (Hold).
//
// The package does not read a clock, and keeps counters as it is told: which
// commands touch them is the caller's knowledge.
package stream

import (
	"encoding/binary"

	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// NodeBytes bounds a node, whatever the limits say: what is copied for a snapshot
// in one step.
const NodeBytes = 4 << 10

// Limits say when an entry begins a new node; 0 is no limit.
type Limits struct {
	Bytes   int // stream-node-max-bytes
	Entries int // stream-node-max-entries, deleted ones included
}

// Stream is a view of the record of a stream.
type Stream struct {
	arena *mem.Arena // of the value's blocks
	root  mem.Handle
	nodes btree.Tree
	cut   object.Cut // of the nodes
	buf   *[]byte    // scratch that grows
}

// New makes the record of an empty stream.
func New(a *mem.Arena, key []byte, access uint32) mem.Handle {
	return object.NewCollection(a, object.Stream, object.EncStream, key, access)
}

// Open makes s the view of the record of a stream. buf is scratch that grows.
func (s *Stream) Open(rec mem.Handle, buf *[]byte) {
	s.root, s.buf = object.Root(rec), buf
	s.arena = mem.ArenaOf(s.root)
	s.nodes = btree.Load(s.root, object.StreamNodesAt, object.StreamNodeSeq)
	s.cut = object.CutOf(rec)
}

// changing keeps the node where the cursor is, which is about to change where it is,
// for walks that have still to read it.
func (s *Stream) changing(c *btree.Cursor) {
	if s.cut.On() {
		s.cut.KeepNode(s.arena, mem.Handle(c.Entry().B))
	}
}

// freeNode frees a node that has left the stream, unless a walk has still to read it.
func (s *Stream) freeNode(h mem.Handle) {
	if s.cut.On() {
		s.cut.FreeNode(h)
		return
	}
	mem.Free(h, mem.KindNode)
}

func (s *Stream) saveNodes() { s.nodes.Save(s.root, object.StreamNodesAt) }

func loadID(h mem.Handle, at int) ID { return ID{mem.Load64(h, at), mem.Load64(h, at+8)} }

func storeID(h mem.Handle, at int, id ID) {
	mem.Store64(h, at, id.Ms)
	mem.Store64(h, at+8, id.Seq)
}

// Len returns the number of entries. O(1).
func (s *Stream) Len() uint64 { return mem.Load64(s.root, object.StreamLenAt) }

// grow changes the number of entries.
func (s *Stream) grow(by int) { mem.Store64(s.root, object.StreamLenAt, s.Len()+uint64(by)) }

// LastID returns the greatest id that an entry ever had, or that SetLastID told.
func (s *Stream) LastID() ID { return loadID(s.root, object.StreamLastAt) }

// SetLastID changes LastID, which is not less than that of any entry.
func (s *Stream) SetLastID(id ID) { storeID(s.root, object.StreamLastAt, id) }

// MaxDeleted returns what SetMaxDeleted told: 0-0 if nothing.
func (s *Stream) MaxDeleted() ID { return loadID(s.root, object.StreamDeletedAt) }

// SetMaxDeleted notes the greatest id of an entry that was deleted by its id.
func (s *Stream) SetMaxDeleted(id ID) { storeID(s.root, object.StreamDeletedAt, id) }

// Added returns how many entries were ever added.
func (s *Stream) Added() uint64 { return mem.Load64(s.root, object.StreamAddedAt) }

// SetAdded changes Added.
func (s *Stream) SetAdded(n uint64) { mem.Store64(s.root, object.StreamAddedAt, n) }

// NodeCount returns the number of nodes. O(1).
func (s *Stream) NodeCount() int { return int(s.nodes.Len()) }

// FirstID returns the id of the first entry, 0-0 if there is none.
func (s *Stream) FirstID() ID {
	if c := s.Seek(ID{}); c.Valid() {
		return c.ID()
	}
	return ID{}
}

// Counters returns the history of the stream.
func (s *Stream) Counters() Counters {
	return Counters{
		Length: s.Len(), Added: s.Added(),
		First: s.FirstID(), Last: s.LastID(), MaxDeleted: s.MaxDeleted(),
	}
}

// Append adds an entry, whose id is greater than LastID, and counts it. pairs are
// fields and values in turn, of at most 1 GB in all; they do not lie in the stream.
// O(log n).
func (s *Stream) Append(id ID, pairs [][]byte, lim Limits) {
	c := s.nodes.Last()
	if !c.Valid() {
		s.newNode(c, id, pairs)
	} else if n := nodeAt(c.Entry()); n.full(pairs, lim) {
		s.trimRoom(&c, n)
		s.newNode(s.nodes.End(), id, pairs)
	} else {
		s.extend(&c, n, id, pairs)
	}
	s.saveNodes()
	s.grow(1)
	s.SetAdded(s.Added() + 1)
	s.SetLastID(id)
}

// newNode puts a node with one entry at the end, where the cursor is.
func (s *Stream) newNode(end btree.Cursor, id ID, pairs [][]byte) {
	b, entries := appendMaster((*s.buf)[:0], pairs)
	b, n := appendRest(b, ID{}, true, pairs)
	*s.buf = b
	h := s.arena.Alloc(object.StreamNodeHead+listpack.EmptySize+len(b), mem.KindNode)
	block := mem.View(h, mem.BlockSize(h))
	binary.BigEndian.PutUint64(block, id.Ms)
	binary.BigEndian.PutUint64(block[8:], id.Seq)
	block = block[object.StreamNodeHead:]
	listpack.Splice(block, listpack.New(block), listpack.HeaderSize, listpack.HeaderSize, b, entries+n)
	end.Insert(s.arena, btree.Entry{A: id.Ms, B: uint64(h)})
}

// extend adds an entry to the last node, where the cursor is.
func (s *Stream) extend(c *btree.Cursor, n node, id ID, pairs [][]byte) {
	b, entries := appendRest((*s.buf)[:0], ID{id.Ms - n.base.Ms, id.Seq - n.base.Seq}, n.sameFields(pairs), pairs)
	*s.buf = b
	s.reserve(c, &n, len(b)+countRoom)
	s.changing(c)
	lp := n.lp
	lp = listpack.Splice(lp[:cap(lp)], lp, listpack.End(lp), listpack.End(lp), b, entries)
	setCount(lp, n.live+1, n.dead)
}

// reserve moves the node where the cursor is to a larger block, unless the one that
// it has is large enough for more bytes.
func (s *Stream) reserve(c *btree.Cursor, n *node, more int) {
	need := len(n.lp) + more
	if need <= cap(n.lp) {
		return
	}
	size := object.StreamNodeHead + need
	if size < NodeBytes {
		size = min(size+size/2, NodeBytes)
	}
	s.move(c, n, size)
}

// trimRoom gives back the room for more of a node that gets no more.
func (s *Stream) trimRoom(c *btree.Cursor, n node) {
	size := object.StreamNodeHead + len(n.lp)
	if mem.RoundSize(size) < mem.BlockSize(mem.Handle(c.Entry().B)) {
		s.move(c, &n, size)
	}
}

// move moves a node to a block of another size.
func (s *Stream) move(c *btree.Cursor, n *node, size int) {
	e := c.Entry()
	old := mem.Handle(e.B)
	used := object.StreamNodeHead + len(n.lp)
	h := s.arena.Alloc(size, mem.KindNode)
	block := mem.View(h, mem.BlockSize(h))
	copy(block, mem.View(old, used))
	c.Replace(btree.Entry{A: e.A, B: uint64(h)})
	s.freeNode(old)
	n.lp = block[object.StreamNodeHead:used]
}

// Delete removes an entry and reports whether it was there. MaxDeleted stays. O(log
// n).
func (s *Stream) Delete(id ID) bool {
	c := s.Seek(id)
	if !c.Valid() || c.ID() != id {
		return false
	}
	s.grow(-1)
	if c.node.live == 1 {
		s.dropNode(&c.c)
		return true
	}
	s.changing(&c.c)
	markDeleted(c.node.lp, c.p)
	s.recount(&c.c, &c.node, c.node.live-1, c.node.dead+1)
	return true
}

// recount writes the numbers of entries of a node, for which it may need more
// room.
func (s *Stream) recount(c *btree.Cursor, n *node, live, dead int) {
	if need := countsSize(live, dead) - countsSize(n.live, n.dead); need > 0 {
		s.reserve(c, n, need)
		s.saveNodes()
	}
	setCount(n.lp, live, dead)
}

// dropNode removes the node where the cursor is, which is then on the next.
func (s *Stream) dropNode(c *btree.Cursor) {
	s.freeNode(mem.Handle(c.Delete(s.arena).B))
	s.saveNodes()
}

// Has reports whether there is an entry of this id. O(log n).
func (s *Stream) Has(id ID) bool {
	c := s.Seek(id)
	return c.Valid() && c.ID() == id
}

// AddNode puts a node behind the others as it stands in an RDB file: base is its
// key, lp a valid listpack of valid entries (see ValidNode), which is copied. base
// is greater than all ids there are. Of the counters only Len follows.
func (s *Stream) AddNode(base ID, lp []byte) {
	h := s.arena.Alloc(object.StreamNodeHead+len(lp), mem.KindNode)
	block := mem.View(h, object.StreamNodeHead+len(lp))
	binary.BigEndian.PutUint64(block, base.Ms)
	binary.BigEndian.PutUint64(block[8:], base.Seq)
	copy(block[object.StreamNodeHead:], lp)
	c := s.nodes.End()
	c.Insert(s.arena, btree.Entry{A: base.Ms, B: uint64(h)})
	s.saveNodes()
	n := nodeAt(btree.Entry{A: base.Ms, B: uint64(h)})
	s.grow(n.live)
}

// NodeCursor is a place among the nodes.
type NodeCursor struct{ c btree.Cursor }

// Nodes returns the cursor on the first node that begins at from or later.
func (s *Stream) Nodes(from ID) NodeCursor {
	var seq [8]byte
	return NodeCursor{s.nodes.Seek(idKey(from, &seq))}
}

// Valid reports whether the cursor is on a node.
func (c *NodeCursor) Valid() bool { return c.c.Valid() }

// Next goes to the next node, or after the last; false there.
func (c *NodeCursor) Next() bool { return c.c.Next() }

// Node returns the id and the listpack of the node, as RDB files carry them:
// borrowed.
func (c *NodeCursor) Node() (base ID, lp []byte) {
	e := c.c.Entry()
	base, lp = openNode(e)
	return base, lp[:len(lp):len(lp)]
}

// idKey is what is sought for an id in a tree ordered by ids. seq is scratch.
func idKey(id ID, seq *[8]byte) btree.Key {
	binary.BigEndian.PutUint64(seq[:], id.Seq)
	return btree.Key{A: id.Ms, Name: seq[:]}
}

// RadixNodes returns how many nodes Redis's radix tree of the stream would have:
// one for each key, one for each place where keys part, and one for each run of
// bytes between. O(NodeCount).
func (s *Stream) RadixNodes() int {
	if s.NodeCount() == 0 {
		return 1
	}
	var r radix
	for c := s.nodes.First(); c.Valid(); c.Next() {
		var key radixKey
		copy(key[:], mem.View(mem.Handle(c.Entry().B), len(key)))
		r.add(key)
	}
	r.leaf(-1)
	for r.depth > 0 {
		r.pop(-1)
	}
	return r.nodes
}

type radixKey [16]byte

// radix counts the nodes of a radix tree whose keys come in order.
type radix struct {
	nodes int
	last  radixKey
	begun bool
	split int                  // where the last key parts from the one before, -1 if it is the first
	stack [len(radixKey{})]int // where keys part on the way to the last one
	depth int
}

func (r *radix) add(key radixKey) {
	if !r.begun {
		r.begun, r.last, r.split = true, key, -1
		return
	}
	at := 0
	for r.last[at] == key[at] {
		at++
	}
	r.leaf(at)
	for r.depth > 0 && r.stack[r.depth-1] > at {
		r.pop(at)
	}
	if r.depth == 0 || r.stack[r.depth-1] < at {
		r.stack[r.depth] = at
		r.depth++
	}
	r.last, r.split = key, at
}

// leaf counts the last key, which parts from the next one at a place.
func (r *radix) leaf(next int) {
	r.nodes++
	if len(r.last)-max(r.split, next) > 1 {
		r.nodes++
	}
}

// pop counts the deepest place where keys part; above is the place that the next
// key needs.
func (r *radix) pop(above int) {
	r.depth--
	at := r.stack[r.depth]
	if r.depth > 0 {
		above = max(above, r.stack[r.depth-1])
	}
	r.nodes++
	if at-above > 1 {
		r.nodes++
	}
}
