// Package set is the Redis type set: an intset while all members are integers and
// few, a listpack while they are few and short, else elements in a table.
//
// A Set is a view of a record, good for one command: the caller holds the lock of
// the key's shard, and no other view of the record is in use. Returned bytes are
// borrowed until the next change. A set is never empty between commands: the caller
// deletes the key when Len has become 0.
//
// I1: members are distinct. I2: the encoding goes from intset to listpack to
// hashtable, or straight to it, as in Redis. It never goes back but in Thin, and for
// the result of an intersection in PackIntegers.
package set

import (
	"kvorum/ds/intset"
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
)

// Limits say how long a set stays packed.
type Limits struct {
	Integers int // set-max-intset-entries: members of an intset
	Entries  int // set-max-listpack-entries: members of a listpack
	Value    int // set-max-listpack-value: bytes of the longest member of a listpack
}

const (
	// packedMax is the size of a listpack beyond which nothing is added to it, and
	// integersMax the most members of an intset, as in Redis.
	packedMax   = 1 << 30
	integersMax = 1 << 30
)

// digitsMax is the length of the longest integer as a string.
const digitsMax = 20

// Set is a view of the record of a set.
type Set struct {
	arena *mem.Arena // of the value's blocks
	rec   mem.Handle
	root  mem.Handle // of the table
	table table.Table
	cut   object.Cut // of the table
	enc   object.Encoding
}

// New makes the record of an empty set that is about to get count members, the
// first of which is given, in the encoding that Redis chooses. It is the caller's,
// who adds a member before anybody sees it.
func New(a *mem.Arena, key, member []byte, count int, lim Limits, access uint32) mem.Handle {
	_, integer := parse(member)
	enc := object.EncHashtable
	switch {
	case integer && count <= lim.Integers:
		enc = object.EncIntset
	case count <= lim.Entries:
		enc = object.EncListpack
	}
	return object.NewCollection(a, object.Set, enc, key, access)
}

// NewAs makes the record of an empty set in an encoding, as New does.
func NewAs(a *mem.Arena, key []byte, enc object.Encoding, access uint32) mem.Handle {
	return object.NewCollection(a, object.Set, enc, key, access)
}

// Open makes s the view of the record of a set.
func (s *Set) Open(rec mem.Handle) {
	s.rec, s.root = rec, object.Root(rec)
	s.arena = mem.ArenaOf(s.root)
	s.enc, s.cut = object.Load(rec).Encoding(), object.CutOf(rec)
	if s.enc == object.EncHashtable {
		s.table = table.Load(s.root)
	}
}

// parse returns the integer that a member is stored as.
func parse(member []byte) (n int64, ok bool) {
	if len(member) > digitsMax {
		return 0, false
	}
	return num.ParseInt64(member)
}

func (s *Set) ints() []byte {
	root := object.Root(s.rec)
	return intset.Open(mem.View(root, mem.BlockSize(root)))
}

// Len returns the number of members. O(1).
func (s *Set) Len() int {
	switch s.enc {
	case object.EncIntset:
		return intset.Len(s.ints())
	case object.EncListpack:
		return listpack.Count(object.Packed(s.rec))
	}
	return s.table.Len()
}

// Has reports whether the set has a member. O(1), O(n) in a listpack.
func (s *Set) Has(member []byte) bool {
	switch s.enc {
	case object.EncIntset:
		n, ok := parse(member)
		if ok {
			_, ok = intset.Search(s.ints(), n)
		}
		return ok
	case object.EncListpack:
		_, ok := listpack.Find(object.Packed(s.rec), listpack.HeaderSize, listpack.Of(member), 1)
		return ok
	}
	return s.find(member, object.NameHash(member)).OK()
}

// HasMemberOf is Has for the present member of a walk over another set.
func (s *Set) HasMemberOf(it *Iter) bool {
	if s.enc == object.EncIntset && it.s.enc == object.EncIntset {
		_, ok := intset.Search(s.ints(), it.value.Int)
		return ok
	}
	return s.Has(it.Member())
}

func (s *Set) find(member []byte, hash uint64) table.Slot {
	for p := s.table.Probe(hash); p.Next(); {
		if string(object.ElementName(p.Handle())) == string(member) {
			return p.Slot()
		}
	}
	return table.Slot{}
}

// Prepare spreads the set if Redis would before it adds count members, though some of
// them may be equal or in it already.
func (s *Set) Prepare(count int, lim Limits) {
	if s.enc == object.EncListpack && count > lim.Entries || s.enc == object.EncIntset && count > lim.Integers {
		s.Spread()
	}
}

// Encoding returns the encoding of the set.
func (s *Set) Encoding() object.Encoding { return s.enc }

// Same reports whether s and t are views of the same record.
func (s *Set) Same(t *Set) bool { return s.rec == t.rec }

// Add puts a member in and reports whether it is new. member does not lie in the
// set. buf is scratch that grows.
func (s *Set) Add(member []byte, lim Limits, buf *[]byte) bool {
	if s.enc == object.EncIntset {
		n, ok := parse(member)
		if ok {
			return s.addInt(n, lim)
		}
		s.leaveIntset(member, lim)
	}
	if s.enc == object.EncListpack {
		lp, v := object.Packed(s.rec), listpack.Of(member)
		if _, ok := listpack.Find(lp, listpack.HeaderSize, v, 1); ok {
			return false
		}
		if listpack.Count(lp) < lim.Entries && len(member) <= lim.Value && len(lp)+len(member) <= packedMax {
			*buf = listpack.AppendEntry((*buf)[:0], v)
			end := listpack.End(lp)
			object.SplicePacked(s.arena, s.rec, lp, end, end, *buf, 1)
			return true
		}
		s.Spread()
	}
	hash := object.NameHash(member)
	if s.find(member, hash).OK() {
		return false
	}
	slot := s.table.Insert(s.arena, hash, object.NewElement(s.arena, member), object.ByName)
	if s.cut.On() {
		s.cut.Born(slot, hash)
	}
	s.table.Save(s.root)
	return true
}

func (s *Set) addInt(n int64, lim Limits) bool {
	set := s.ints()
	i, ok := intset.Search(set, n)
	if ok {
		return false
	}
	if need := intset.Grown(set, n); need <= cap(set) {
		intset.Insert(set[:cap(set)], set, i, n)
	} else {
		old := object.Root(s.rec)
		b := s.arena.Alloc(need, mem.KindNode)
		intset.Insert(mem.View(b, mem.BlockSize(b)), set, i, n)
		object.SetRoot(s.rec, b, object.EncIntset)
		mem.Free(old, mem.KindNode)
	}
	if intset.Len(s.ints()) > min(lim.Integers, integersMax) {
		s.Spread()
	}
	return true
}

// leaveIntset turns the intset into what Redis makes of it when a member comes
// that is not an integer: a listpack if all fit in one.
func (s *Set) leaveIntset(member []byte, lim Limits) {
	set := s.ints()
	n := intset.Len(set)
	longest := len(member)
	var digits [digitsMax]byte
	if n > 0 {
		longest = max(longest, len(num.AppendInt(digits[:0], intset.At(set, 0))),
			len(num.AppendInt(digits[:0], intset.At(set, n-1))))
	}
	if n >= lim.Entries || longest > lim.Value {
		s.Spread()
		return
	}
	size := listpack.EmptySize
	for i := range n {
		size += listpack.EntrySize(listpack.Value{Int: intset.At(set, i)})
	}
	if size+len(member) > packedMax {
		s.Spread()
		return
	}
	old := object.Root(s.rec)
	b := s.arena.Alloc(size, mem.KindNode)
	buf := mem.View(b, mem.BlockSize(b))
	lp := listpack.New(buf)
	var entry [digitsMax]byte
	for i := range n {
		e := listpack.AppendEntry(entry[:0], listpack.Value{Int: intset.At(set, i)})
		lp = listpack.Splice(buf, lp, listpack.End(lp), listpack.End(lp), e, 1)
	}
	object.SetRoot(s.rec, b, object.EncListpack)
	s.enc = object.EncListpack
	mem.Free(old, mem.KindNode)
}

// Spread turns a packed set into a table.
func (s *Set) Spread() {
	if s.enc == object.EncHashtable {
		return
	}
	var t table.Table
	var it Iter
	for it.Start(s); it.Next(); {
		t.Insert(s.arena, object.NameHash(it.Member()), object.NewElement(s.arena, it.Member()), object.ByName)
	}
	old := object.Root(s.rec)
	s.root = object.NewRoot(s.arena, object.EncHashtable)
	s.table, s.enc = t, object.EncHashtable
	s.table.Save(s.root)
	object.SetRoot(s.rec, s.root, object.EncHashtable)
	mem.Free(old, mem.KindNode)
}

// Delete removes a member and reports whether it was there.
func (s *Set) Delete(member []byte) bool {
	switch s.enc {
	case object.EncIntset:
		n, ok := parse(member)
		if !ok {
			return false
		}
		i, ok := intset.Search(s.ints(), n)
		if ok {
			s.fitInts(intset.Delete(s.ints(), i))
		}
		return ok
	case object.EncListpack:
		lp := object.Packed(s.rec)
		p, ok := listpack.Find(lp, listpack.HeaderSize, listpack.Of(member), 1)
		if ok {
			object.SplicePacked(s.arena, s.rec, lp, p, listpack.Next(lp, p), nil, -1)
		}
		return ok
	}
	hash := object.NameHash(member)
	slot := s.find(member, hash)
	if !slot.OK() {
		return false
	}
	s.deleteSlot(hash, slot)
	return true
}

func (s *Set) deleteSlot(hash uint64, slot table.Slot) {
	if s.cut.On() {
		s.cut.Keep(s.arena, slot, hash)
	}
	e := slot.Handle()
	s.table.Delete(s.arena, hash, slot, object.ByName)
	object.FreeElement(e)
	s.table.Save(s.root)
}

// intsSlack is how many times its size the block of an intset may have before it
// moves to a smaller one.
const intsSlack = 2

// fitInts moves the intset to a smaller block if it has become much too small for
// its own.
func (s *Set) fitInts(set []byte) {
	if mem.RoundSize(len(set))*intsSlack >= cap(set) {
		return
	}
	old := object.Root(s.rec)
	b := s.arena.Alloc(len(set), mem.KindNode)
	copy(mem.View(b, len(set)), set)
	object.SetRoot(s.rec, b, object.EncIntset)
	mem.Free(old, mem.KindNode)
}

// Parts returns the number of parts that Part walks over: 1 while the set is packed.
func (s *Set) Parts() int {
	if s.enc == object.EncHashtable {
		return s.table.Buckets()
	}
	return 1
}

// Part calls fn for the members of part i, borrowed. A set that does not change
// between the calls has each member in one part; views of it may.
func (s *Set) Part(i int, fn func(member []byte)) {
	if s.enc == object.EncHashtable {
		s.table.Walk(i, func(slot table.Slot) { fn(object.ElementName(slot.Handle())) })
		return
	}
	var it Iter
	for it.Start(s); it.Next(); {
		fn(it.Member())
	}
}

// Iter walks the members of a set, ascending in an intset, else in no order. The set
// must not change.
type Iter struct {
	s      Set
	lp     []byte
	p      int // in lp, or the number in the intset
	place  table.Walker
	elem   mem.Handle
	value  listpack.Value // unless in a table
	digits [digitsMax]byte
}

// Start begins a walk.
func (it *Iter) Start(s *Set) {
	it.s, it.place, it.p, it.elem = *s, table.Walker{}, 0, 0
	switch s.enc {
	case object.EncIntset:
		it.lp = s.ints()
	case object.EncListpack:
		it.lp, it.p = object.Packed(s.rec), listpack.HeaderSize
	}
}

// IsInteger reports whether the present member may be in an intset.
func (it *Iter) IsInteger() bool {
	if it.elem == 0 {
		return it.value.Str == nil
	}
	_, ok := parse(it.Member())
	return ok
}

// Next goes to the next member and reports whether there is one.
func (it *Iter) Next() bool {
	switch it.s.enc {
	case object.EncIntset:
		if it.p >= intset.Len(it.lp) {
			return false
		}
		it.value = listpack.Value{Int: intset.At(it.lp, it.p)}
		it.p++
		return true
	case object.EncListpack:
		if it.p >= listpack.End(it.lp) {
			return false
		}
		it.value, it.p = listpack.At(it.lp, it.p)
		return true
	}
	e, ok := it.s.table.Next(&it.place)
	if !ok {
		return false
	}
	it.elem = e
	return true
}

// Member returns the present member: borrowed until Next.
func (it *Iter) Member() []byte {
	if it.elem != 0 {
		return object.ElementName(it.elem)
	}
	return it.value.Bytes(it.digits[:])
}
