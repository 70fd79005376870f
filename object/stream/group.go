package stream

import (
	"kvorum/ds/btree"
	"kvorum/mem"
	"kvorum/object"
)

// Group is a group of consumers of a stream, valid until the next change of groups.
// The zero one is no group.
type Group struct {
	arena *mem.Arena
	h     mem.Handle
}

// Consumer is a consumer of a group, valid until the next change of consumers. The
// zero one is no consumer.
type Consumer struct{ h mem.Handle }

// partyKey is what is sought for a name in a tree of groups or consumers.
func partyKey(name []byte) btree.Key {
	if name == nil {
		name = []byte{}
	}
	return btree.Key{A: object.PartyWord(name), Name: name}
}

// find returns the item of a name, and the place where it is or belongs.
func find(t *btree.Tree, name []byte) (c btree.Cursor, h mem.Handle) {
	c = t.Seek(partyKey(name))
	if c.Valid() {
		if h = mem.Handle(c.Entry().B); string(object.PartyName(h)) == string(name) {
			return c, h
		}
	}
	return c, 0
}

func (s *Stream) groups() btree.Tree {
	return btree.Load(s.root, object.StreamGroupsAt, object.PartyName)
}

// GroupCount returns the number of groups. O(1).
func (s *Stream) GroupCount() int { t := s.groups(); return int(t.Len()) }

// Group returns the group of a name; ok is false if there is none. O(log n).
func (s *Stream) Group(name []byte) (g Group, ok bool) {
	t := s.groups()
	_, h := find(&t, name)
	return Group{s.arena, h}, h != 0
}

// CreateGroup makes a group whose next entry is the one after last. read is the
// number of entries up to there, or ReadUnknown. ok is false, and nothing changes,
// if there is one of this name.
func (s *Stream) CreateGroup(name []byte, last ID, read int64) (g Group, ok bool) {
	t := s.groups()
	c, h := find(&t, name)
	if h != 0 {
		return Group{s.arena, h}, false
	}
	g = Group{s.arena, object.NewGroup(s.arena, name)}
	g.SetLast(last, read)
	c.Insert(s.arena, btree.Entry{A: object.PartyWord(name), B: uint64(g.h)})
	t.Save(s.root, object.StreamGroupsAt)
	return g, true
}

// DestroyGroup removes a group with its consumers and all that is pending. It returns
// a record that holds them, for the caller to free, perhaps in slices: 0 if there was
// no group of this name. O(log groups).
func (s *Stream) DestroyGroup(name []byte) (rest mem.Handle) {
	t := s.groups()
	c, h := find(&t, name)
	if h == 0 {
		return 0
	}
	c.Delete(s.arena)
	t.Save(s.root, object.StreamGroupsAt)
	rest = New(s.arena, nil, 0)
	alone := Stream{root: object.Root(rest), arena: s.arena}
	t = alone.groups()
	c, _ = find(&t, name)
	c.Insert(s.arena, btree.Entry{A: object.PartyWord(name), B: uint64(h)})
	t.Save(alone.root, object.StreamGroupsAt)
	return rest
}

// Groups are the groups of a stream until the next change of them.
type Groups struct {
	arena *mem.Arena
	t     btree.Tree
}

// Groups returns the groups of the stream.
func (s *Stream) Groups() Groups { return Groups{s.arena, s.groups()} }

// GroupCursor walks groups in the order of their names.
type GroupCursor struct {
	arena *mem.Arena
	c     btree.Cursor
}

// First returns the cursor on the first group.
func (g *Groups) First() GroupCursor { return GroupCursor{g.arena, g.t.First()} }

// Valid reports whether the cursor is on a group.
func (c *GroupCursor) Valid() bool { return c.c.Valid() }

// Next goes to the next group, or after the last; false there.
func (c *GroupCursor) Next() bool { return c.c.Next() }

// Group returns the group that the cursor is on.
func (c *GroupCursor) Group() Group { return Group{c.arena, mem.Handle(c.c.Entry().B)} }

// Name returns the name of the group: borrowed.
func (g Group) Name() []byte { return object.PartyName(g.h) }

// Last returns the id of the last entry given to a consumer.
func (g Group) Last() ID { return loadID(g.h, object.GroupLastAt) }

// Read returns how many entries the group has read, or ReadUnknown.
func (g Group) Read() int64 { return int64(mem.Load64(g.h, object.GroupReadAt)) }

// SetLast changes Last and Read.
func (g Group) SetLast(last ID, read int64) {
	storeID(g.h, object.GroupLastAt, last)
	mem.Store64(g.h, object.GroupReadAt, uint64(read))
}

// PendingCount returns the number of pending entries. O(1).
func (g Group) PendingCount() int { t := g.pending(); return int(t.Len()) }

// ConsumerCount returns the number of consumers. O(1).
func (g Group) ConsumerCount() int { t := g.consumers(); return int(t.Len()) }

func (g Group) consumers() btree.Tree {
	return btree.Load(g.h, object.GroupConsumersAt, object.PartyName)
}

func (g Group) pending() btree.Tree {
	return btree.Load(g.h, object.GroupPendingAt, object.PendingSeq)
}

// Consumer returns the consumer of a name; ok is false if there is none. O(log n).
func (g Group) Consumer(name []byte) (c Consumer, ok bool) {
	t := g.consumers()
	_, h := find(&t, name)
	return Consumer{h}, h != 0
}

// CreateConsumer makes a consumer that was seen now, in Unix milliseconds, and
// never active. ok is false, and nothing changes, if there is one of this name.
func (g Group) CreateConsumer(name []byte, now int64) (c Consumer, ok bool) {
	t := g.consumers()
	at, h := find(&t, name)
	if h != 0 {
		return Consumer{h}, false
	}
	c = Consumer{object.NewConsumer(g.arena, name)}
	c.SetSeen(now)
	c.SetActive(NeverActive)
	at.Insert(g.arena, btree.Entry{A: object.PartyWord(name), B: uint64(c.h)})
	t.Save(g.h, object.GroupConsumersAt)
	return c, true
}

// DeleteConsumer removes a consumer with what is pending with it, and returns how
// many entries that were. ok is false if there is none of this name. O(k log n).
func (g Group) DeleteConsumer(name []byte) (pending int, ok bool) {
	t := g.consumers()
	at, h := find(&t, name)
	if h == 0 {
		return 0, false
	}
	c := Consumer{h}
	own, all := c.pending(), g.pending()
	for p := own.First(); p.Valid(); p.Next() {
		e := p.Entry()
		drop(g.arena, &all, e)
		pending++
	}
	all.Save(g.h, object.GroupPendingAt)
	// The names of the tree's entries are read no more: their blocks can go.
	own.Clear(g.arena, pending+1, func(e btree.Entry) { mem.Free(mem.Handle(e.B), mem.KindNode) })
	at.Delete(g.arena)
	t.Save(g.h, object.GroupConsumersAt)
	mem.Free(h, mem.KindNode)
	return pending, true
}

// drop removes an entry from a tree of pending ones that has it.
func drop(a *mem.Arena, t *btree.Tree, e btree.Entry) {
	c := t.Seek(btree.Key{A: e.A, Name: object.PendingSeq(mem.Handle(e.B))})
	c.Delete(a)
}

// Consumers are the consumers of a group until the next change of them.
type Consumers struct{ t btree.Tree }

// Consumers returns the consumers of the group.
func (g Group) Consumers() Consumers { return Consumers{g.consumers()} }

// ConsumerCursor walks consumers in the order of their names.
type ConsumerCursor struct{ c btree.Cursor }

// First returns the cursor on the first consumer.
func (c *Consumers) First() ConsumerCursor { return ConsumerCursor{c.t.First()} }

// Valid reports whether the cursor is on a consumer.
func (c *ConsumerCursor) Valid() bool { return c.c.Valid() }

// Next goes to the next consumer, or after the last; false there.
func (c *ConsumerCursor) Next() bool { return c.c.Next() }

// Consumer returns the consumer that the cursor is on.
func (c *ConsumerCursor) Consumer() Consumer { return Consumer{mem.Handle(c.c.Entry().B)} }

// NeverActive is the active time of a consumer that was never given an entry.
const NeverActive = -1

// Name returns the name of the consumer: borrowed.
func (c Consumer) Name() []byte { return object.PartyName(c.h) }

// Seen returns when the consumer last tried something, in Unix milliseconds.
func (c Consumer) Seen() int64 { return int64(mem.Load64(c.h, object.ConsumerSeenAt)) }

// SetSeen changes Seen.
func (c Consumer) SetSeen(ms int64) { mem.Store64(c.h, object.ConsumerSeenAt, uint64(ms)) }

// Active returns when the consumer last got something, in Unix milliseconds, or
// NeverActive.
func (c Consumer) Active() int64 { return int64(mem.Load64(c.h, object.ConsumerActiveAt)) }

// SetActive changes Active.
func (c Consumer) SetActive(ms int64) { mem.Store64(c.h, object.ConsumerActiveAt, uint64(ms)) }

// PendingCount returns the number of entries pending with the consumer. O(1).
func (c Consumer) PendingCount() int { t := c.pending(); return int(t.Len()) }

func (c Consumer) pending() btree.Tree {
	return btree.Load(c.h, object.ConsumerPendingAt, object.PendingSeq)
}
