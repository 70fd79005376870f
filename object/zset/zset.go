// Package zset is the Redis type sorted set: members with scores, ordered by score
// and then by their bytes. Few and short ones are packed into one listpack, in
// order; else each member is an element, in a table by its name and in a counted
// tree by its place.
//
// A Set is a view of a record, good for one command: the caller holds the lock of
// the key's shard, and no other view of the record is in use. Returned bytes are
// borrowed until the next change. A sorted set is never empty between commands: the
// caller deletes the key when Len has become 0.
//
// I1: members are distinct; scores are not NaN. I2: the encoding goes from listpack
// to skiplist and back only where Redis converts it back (results of set
// operations). I3: table and tree refer to the same elements; the tree's word of an
// element is that of its score.
package zset

import (
	"math"

	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
)

// Limits say how long a sorted set stays packed.
type Limits struct {
	Entries int // zset-max-listpack-entries: members
	Value   int // zset-max-listpack-value: bytes of the longest member
}

// Set is a view of the record of a sorted set.
type Set struct {
	arena *mem.Arena // of the value's blocks
	rec   mem.Handle
	root  mem.Handle // of table and order
	table table.Table
	order btree.Tree
	cut   object.Cut // of the table
	pack  bool
}

// New makes the record of an empty sorted set. It is the caller's, who adds a
// member before anybody sees it.
func New(a *mem.Arena, key []byte, access uint32) mem.Handle {
	return object.NewCollection(a, object.ZSet, object.EncListpack, key, access)
}

// Open makes s the view of the record of a sorted set.
func (s *Set) Open(rec mem.Handle) {
	s.rec, s.root = rec, object.Root(rec)
	s.arena = mem.ArenaOf(s.root)
	s.pack, s.cut = object.Load(rec).Encoding() == object.EncListpack, object.CutOf(rec)
	if !s.pack {
		s.table, s.order = table.Load(s.root), object.LoadOrder(s.root)
	}
}

func (s *Set) save() {
	s.table.Save(s.root)
	object.SaveOrder(&s.order, s.root)
}

// Len returns the number of members. O(1).
func (s *Set) Len() int {
	if s.pack {
		return listpack.Count(object.Packed(s.rec)) / 2
	}
	return s.table.Len()
}

// word returns the score as the tree orders it.
func word(score float64) uint64 { return object.ScoreWord(score) }

// scoreOf reads the score at p in a listpack.
func scoreOf(lp []byte, p int) (score float64, next int) {
	v, next := listpack.At(lp, p)
	if v.Str == nil {
		return float64(v.Int), next
	}
	score, ok := num.ParseFloat(v.Str)
	if !ok {
		score = math.NaN()
	}
	return score, next
}

// Score returns the score of a member. O(1), O(n) while packed.
func (s *Set) Score(member []byte) (score float64, ok bool) {
	if s.pack {
		lp := object.Packed(s.rec)
		p, ok := listpack.Find(lp, listpack.HeaderSize, listpack.Of(member), 2)
		if !ok {
			return 0, false
		}
		score, _ = scoreOf(lp, listpack.Next(lp, p))
		return score, true
	}
	slot := s.find(member, object.NameHash(member))
	if !slot.OK() {
		return 0, false
	}
	return object.ElementScore(slot.Handle()), true
}

func (s *Set) find(member []byte, hash uint64) table.Slot {
	for p := s.table.Probe(hash); p.Next(); {
		if string(object.ElementName(p.Handle())) == string(member) {
			return p.Slot()
		}
	}
	return table.Slot{}
}

// Touch begins to fetch where the table has a member that is soon looked for, and
// returns what Approach wants to go on.
func (s *Set) Touch(member []byte) (hash uint64) {
	hash = object.NameHash(member)
	if !s.pack {
		s.table.Touch(hash)
	}
	return hash
}

// Approach begins to fetch the element that a search for the member of a hash will look
// at first.
func (s *Set) Approach(hash uint64) {
	if s.pack {
		return
	}
	if p := s.table.Probe(hash); p.Next() {
		mem.Prefetch(mem.Ptr(p.Handle()))
	}
}

// Change says what Put did.
type Change uint8

// The changes.
const (
	Same    Change = iota // the member had the score
	Updated               // the member had another score
	Added                 // the member is new
)

// Put gives a member a score, which is not NaN, and says what that changed. member
// does not lie in the set. buf is scratch that grows.
func (s *Set) Put(member []byte, score float64, lim Limits, buf *[]byte) Change {
	if s.pack {
		lp := object.Packed(s.rec)
		if p, ok := listpack.Find(lp, listpack.HeaderSize, listpack.Of(member), 2); ok {
			if old, _ := scoreOf(lp, listpack.Next(lp, p)); old == score {
				return Same
			}
			s.removePacked(lp, p)
			s.insertPacked(member, score, buf)
			return Updated
		}
		if len(member) <= lim.Value && s.Len() < lim.Entries {
			s.insertPacked(member, score, buf)
			return Added
		}
		s.Unpack()
	}
	hash := object.NameHash(member)
	if slot := s.find(member, hash); slot.OK() {
		return s.move(slot, hash, score)
	}
	e := object.NewMember(s.arena, member, score)
	slot := s.table.Insert(s.arena, hash, e, object.ByName)
	if s.cut.On() {
		s.cut.Born(slot, hash)
	}
	c := s.order.Seek(btree.Key{A: word(score), Name: member})
	c.Insert(s.arena, btree.Entry{A: word(score), B: uint64(e)})
	s.save()
	return Added
}

// move changes the score of the element of a slot.
func (s *Set) move(slot table.Slot, hash uint64, score float64) Change {
	e := slot.Handle()
	old := object.ElementScore(e)
	if old == score {
		return Same
	}
	if s.cut.On() {
		s.cut.Keep(s.arena, slot, hash)
	}
	name := object.ElementName(e)
	s.order.Rekey(s.arena, btree.Key{A: word(old), Name: name}, btree.Key{A: word(score), Name: name}, e)
	object.SetElementScore(e, score)
	s.save()
	return Updated
}

func (s *Set) removePacked(lp []byte, p int) {
	object.SplicePacked(s.arena, s.rec, lp, p, listpack.Next(lp, listpack.Next(lp, p)), nil, -2)
}

// insertPacked puts a member that is not there at its place in the listpack.
func (s *Set) insertPacked(member []byte, score float64, buf *[]byte) {
	if score == 0 {
		score = 0 // without a sign, as Redis packs it
	}
	lp := object.Packed(s.rec)
	p := listpack.HeaderSize
	for p < listpack.End(lp) {
		after := listpack.Next(lp, p)
		have, next := scoreOf(lp, after)
		if have > score || have == score && compareAt(lp, p, member) > 0 {
			break
		}
		p = next
	}
	var digits [32]byte
	*buf = listpack.AppendEntry((*buf)[:0], listpack.Of(member))
	*buf = listpack.AppendEntry(*buf, listpack.Of(num.AppendFloat(digits[:0], score)))
	object.SplicePacked(s.arena, s.rec, lp, p, p, *buf, 2)
}

// compareAt compares the member at p in a listpack with another.
func compareAt(lp []byte, p int, member []byte) int {
	var digits [20]byte
	v, _ := listpack.At(lp, p)
	have := v.Bytes(digits[:])
	switch {
	case string(have) < string(member):
		return -1
	case string(have) > string(member):
		return 1
	}
	return 0
}

// Unpack turns the listpack into table and tree.
func (s *Set) Unpack() {
	lp := object.Packed(s.rec)
	old := object.Root(s.rec)
	var digits [20]byte
	s.table, s.order = table.Table{}, btree.New(object.ElementName)
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		v, after := listpack.At(lp, p)
		score, next := scoreOf(lp, after)
		name := v.Bytes(digits[:])
		e := object.NewMember(s.arena, name, score)
		s.table.Insert(s.arena, object.NameHash(name), e, object.ByName)
		c := s.order.End()
		c.Insert(s.arena, btree.Entry{A: word(score), B: uint64(e)})
		p = next
	}
	s.root = object.NewRoot(s.arena, object.EncSkiplist)
	s.save()
	object.SetRoot(s.rec, s.root, object.EncSkiplist)
	s.pack = false
	mem.Free(old, mem.KindNode)
}

// Delete removes a member and reports whether it was there.
func (s *Set) Delete(member []byte) bool {
	if s.pack {
		lp := object.Packed(s.rec)
		p, ok := listpack.Find(lp, listpack.HeaderSize, listpack.Of(member), 2)
		if ok {
			s.removePacked(lp, p)
		}
		return ok
	}
	hash := object.NameHash(member)
	slot := s.find(member, hash)
	if !slot.OK() {
		return false
	}
	if s.cut.On() {
		s.cut.Keep(s.arena, slot, hash)
	}
	e := slot.Handle()
	c := s.order.SeekItem(btree.Key{A: word(object.ElementScore(e)), Name: member}, e)
	c.Delete(s.arena)
	s.table.Delete(s.arena, hash, slot, object.ByName)
	object.FreeElement(e)
	s.save()
	return true
}
