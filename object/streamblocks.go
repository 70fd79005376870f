package object

import (
	"encoding/binary"

	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/mem"
)

// The blocks of a stream. Package stream works on them; what is here is what
// freeing, copying and walking a value must know.
//
//	root:     | nodes 24 | groups 24 | length 8 | last id 16 | deleted id 16 | added 8 |
//	node:     | id 16, big endian | listpack |
//	group:    | name length 4 | name's offset 4 | last id 16 | read 8 | pending 24 | consumers 24 | name |
//	consumer: | name length 4 | name's offset 4 | seen 8 | active 8 | pending 24 | name |
//	pending:  | seq of the id, big endian 8 | delivery time 8 | deliveries 8 | consumer 8 |
//
// Nodes, groups, consumers and pending are trees; an id in them is ordered by ms
// as the entry's word and by seq as the name. A pending block is referenced from
// the tree of its group, which owns it, and from the one of its consumer.

// EncStream is the encoding of streams.
const EncStream Encoding = 10

// Offsets in the root of a stream.
const (
	StreamNodesAt   = 0
	StreamGroupsAt  = StreamNodesAt + btree.StateSize
	StreamLenAt     = StreamGroupsAt + btree.StateSize
	StreamLastAt    = StreamLenAt + 8
	StreamDeletedAt = StreamLastAt + 16
	StreamAddedAt   = StreamDeletedAt + 16
	streamRootSize  = StreamAddedAt + 8
)

// StreamNodeHead is the offset of the listpack in a node, behind its id.
const StreamNodeHead = 16

// Offsets in groups and consumers.
const (
	GroupLastAt      = 8
	GroupReadAt      = GroupLastAt + 16
	GroupPendingAt   = GroupReadAt + 8
	GroupConsumersAt = GroupPendingAt + btree.StateSize
	groupNameAt      = GroupConsumersAt + btree.StateSize

	ConsumerSeenAt    = 8
	ConsumerActiveAt  = ConsumerSeenAt + 8
	ConsumerPendingAt = ConsumerActiveAt + 8
	consumerNameAt    = ConsumerPendingAt + btree.StateSize
)

// Offsets in a pending block, and its size.
const (
	PendingTimeAt     = 8
	PendingCountAt    = PendingTimeAt + 8
	PendingConsumerAt = PendingCountAt + 8
	PendingSize       = PendingConsumerAt + 8
)

// StreamNodeSeq returns the name of a node in the tree of nodes: borrowed.
func StreamNodeSeq(h mem.Handle) []byte { return mem.View(h, StreamNodeHead)[8:] }

// PendingSeq returns the name of a pending block: borrowed.
func PendingSeq(h mem.Handle) []byte { return mem.View(h, 8) }

// PartyName returns the name of a group or of a consumer: borrowed.
func PartyName(h mem.Handle) []byte {
	n, at := int(mem.Load32(h, 0)), int(mem.Load32(h, 4))
	return mem.View(h, at+n)[at:]
}

// PartyWord returns the word that orders groups and consumers before their names
// do: the first bytes of the name.
func PartyWord(name []byte) uint64 {
	var b [8]byte
	copy(b[:], name)
	return binary.BigEndian.Uint64(b[:])
}

// NewGroup makes the block of a group without consumers; last id and read counter
// are the caller's to write.
func NewGroup(a *mem.Arena, name []byte) mem.Handle {
	h := newParty(a, name, groupNameAt)
	pending, consumers := btree.New(PendingSeq), btree.New(PartyName)
	pending.Save(h, GroupPendingAt)
	consumers.Save(h, GroupConsumersAt)
	return h
}

// NewConsumer makes the block of a consumer with nothing pending; its times are the
// caller's to write.
func NewConsumer(a *mem.Arena, name []byte) mem.Handle {
	h := newParty(a, name, consumerNameAt)
	pending := btree.New(PendingSeq)
	pending.Save(h, ConsumerPendingAt)
	return h
}

func newParty(a *mem.Arena, name []byte, at int) mem.Handle {
	h := a.Alloc(at+len(name), mem.KindNode)
	mem.Store32(h, 0, uint32(len(name)))
	mem.Store32(h, 4, uint32(at))
	copy(mem.View(h, at+len(name))[at:], name)
	return h
}

func newStreamRoot(a *mem.Arena) mem.Handle {
	root := NewRoot(a, EncStream)
	clear(mem.View(root, streamRootSize))
	return root
}

// leafCost estimates the leaves of a tree, in which the budget of freeing counts:
// none of an empty one, so that every call gets further.
func leafCost(t *btree.Tree) int { return (int(t.Len()) + leafEntries - 1) / leafEntries }

// leafEntries is about how many entries a leaf has.
const leafEntries = 48

// freeStream gives back what hangs on the root of a stream, about budget leaves of
// its trees, and reports whether all is gone.
func freeStream(a *mem.Arena, root mem.Handle, budget int) (done bool) {
	nodes := btree.Load(root, StreamNodesAt, StreamNodeSeq)
	left := budget - leafCost(&nodes)
	done = nodes.Clear(a, budget, func(e btree.Entry) { mem.Free(mem.Handle(e.B), mem.KindNode) })
	nodes.Save(root, StreamNodesAt)
	if !done {
		return false
	}
	groups := btree.Load(root, StreamGroupsAt, PartyName)
	for c := groups.Last(); c.Valid(); c = groups.Last() {
		if left <= 0 {
			return false
		}
		g := mem.Handle(c.Entry().B)
		if !freeGroup(a, g, &left) {
			return false
		}
		c.Delete(a)
		groups.Save(root, StreamGroupsAt)
		mem.Free(g, mem.KindNode)
	}
	return true
}

// freeGroup gives back what hangs on a group, and reports whether all is gone.
func freeGroup(a *mem.Arena, g mem.Handle, budget *int) (done bool) {
	consumers := btree.Load(g, GroupConsumersAt, PartyName)
	for c := consumers.Last(); c.Valid(); c = consumers.Last() {
		if *budget <= 0 {
			return false
		}
		h := mem.Handle(c.Entry().B)
		if !clearPending(a, h, ConsumerPendingAt, budget, func(btree.Entry) {}) {
			return false
		}
		c.Delete(a)
		consumers.Save(g, GroupConsumersAt)
		mem.Free(h, mem.KindNode)
		*budget--
	}
	return clearPending(a, g, GroupPendingAt, budget, func(e btree.Entry) { mem.Free(mem.Handle(e.B), mem.KindNode) })
}

// clearPending clears the pending tree at an offset of h.
func clearPending(a *mem.Arena, h mem.Handle, at int, budget *int, free func(btree.Entry)) (done bool) {
	t := btree.Load(h, at, PendingSeq)
	cost := leafCost(&t)
	done = t.Clear(a, max(*budget, 1), free)
	t.Save(h, at)
	*budget -= cost
	return done
}

// streamBlocks calls fn for every block of a stream but its root.
func streamBlocks(root mem.Handle, fn func(mem.Handle)) {
	item := func(e btree.Entry) { fn(mem.Handle(e.B)) }
	nodes := btree.Load(root, StreamNodesAt, StreamNodeSeq)
	nodes.Blocks(fn, item)
	groups := btree.Load(root, StreamGroupsAt, PartyName)
	groups.Blocks(fn, func(e btree.Entry) {
		g := mem.Handle(e.B)
		fn(g)
		consumers := btree.Load(g, GroupConsumersAt, PartyName)
		consumers.Blocks(fn, func(e btree.Entry) {
			item(e)
			pending := btree.Load(mem.Handle(e.B), ConsumerPendingAt, PendingSeq)
			pending.Blocks(fn, func(btree.Entry) {})
		})
		pending := btree.Load(g, GroupPendingAt, PendingSeq)
		pending.Blocks(fn, item)
	})
}

// copyStream returns the root of a copy of a stream.
func copyStream(a *mem.Arena, root mem.Handle) mem.Handle {
	to := NewRoot(a, EncStream)
	copy(mem.View(to, streamRootSize), mem.View(root, streamRootSize))
	old, nodes := btree.Load(root, StreamNodesAt, StreamNodeSeq), btree.New(StreamNodeSeq)
	for c := old.First(); c.Valid(); c.Next() {
		e := c.Entry()
		appendEntry(a, &nodes, e.A, copyNode(a, mem.Handle(e.B)))
	}
	nodes.Save(to, StreamNodesAt)
	old, groups := btree.Load(root, StreamGroupsAt, PartyName), btree.New(PartyName)
	for c := old.First(); c.Valid(); c.Next() {
		e := c.Entry()
		appendEntry(a, &groups, e.A, copyGroup(a, mem.Handle(e.B)))
	}
	groups.Save(to, StreamGroupsAt)
	return to
}

func appendEntry(a *mem.Arena, t *btree.Tree, word uint64, item mem.Handle) {
	end := t.End()
	end.Insert(a, btree.Entry{A: word, B: uint64(item)})
}

// copyNode copies a node without the room for more that it may have.
func copyNode(a *mem.Arena, h mem.Handle) mem.Handle {
	n := StreamNodeHead + listpack.Size(mem.View(h, mem.BlockSize(h))[StreamNodeHead:])
	to := a.Alloc(n, mem.KindNode)
	copy(mem.View(to, n), mem.View(h, n))
	return to
}

// copyGroup copies a group. Its pending blocks are copied consumer by consumer, for
// each belongs to one.
func copyGroup(a *mem.Arena, old mem.Handle) mem.Handle {
	g := NewGroup(a, PartyName(old))
	copy(mem.View(g, GroupPendingAt)[GroupLastAt:], mem.View(old, GroupPendingAt)[GroupLastAt:])
	from, consumers := btree.Load(old, GroupConsumersAt, PartyName), btree.New(PartyName)
	all := btree.New(PendingSeq)
	for c := from.First(); c.Valid(); c.Next() {
		e := c.Entry()
		appendEntry(a, &consumers, e.A, copyConsumer(a, mem.Handle(e.B), &all))
	}
	consumers.Save(g, GroupConsumersAt)
	all.Save(g, GroupPendingAt)
	return g
}

// copyConsumer copies a consumer with its pending blocks, which it adds to all.
func copyConsumer(a *mem.Arena, old mem.Handle, all *btree.Tree) mem.Handle {
	h := NewConsumer(a, PartyName(old))
	copy(mem.View(h, ConsumerPendingAt)[ConsumerSeenAt:], mem.View(old, ConsumerPendingAt)[ConsumerSeenAt:])
	from, own := btree.Load(old, ConsumerPendingAt, PendingSeq), btree.New(PendingSeq)
	for c := from.First(); c.Valid(); c.Next() {
		e := c.Entry()
		p := a.Alloc(PendingSize, mem.KindNode)
		copy(mem.View(p, PendingSize), mem.View(mem.Handle(e.B), PendingSize))
		mem.Store64(p, PendingConsumerAt, uint64(h))
		appendEntry(a, &own, e.A, p)
		at := all.Seek(btree.Key{A: e.A, Name: PendingSeq(p)})
		at.Insert(a, btree.Entry{A: e.A, B: uint64(p)})
	}
	own.Save(h, ConsumerPendingAt)
	return h
}

// streamCost estimates the blocks of a stream.
func streamCost(root mem.Handle) int {
	nodes := btree.Load(root, StreamNodesAt, StreamNodeSeq)
	groups := btree.Load(root, StreamGroupsAt, PartyName)
	cost := int(nodes.Len())
	for c := groups.First(); c.Valid(); c.Next() {
		pending := btree.Load(mem.Handle(c.Entry().B), GroupPendingAt, PendingSeq)
		cost += 1 + int(pending.Len())
	}
	return cost
}
