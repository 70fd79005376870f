// Package hash is the Redis type hash: fields with values, packed into one
// listpack while they are few and short, else elements in a table.
//
// A Hash is a view of a record, good for one command: the caller holds the lock
// of the key's shard, and no other view of the record is in use. Returned bytes
// are borrowed until the next change. A hash is never empty between commands: the
// caller deletes the key when Stored has become 0.
//
// Fields may have a TTL: see object/timed.go for how such a timed hash is kept. A
// view that OpenAt made takes fields that are due for gone, though they are still
// stored: it neither shows nor counts them, and puts another one in the place of
// one. Expire removes them.
//
// I1: fields are distinct. I2: the encoding goes from listpack to hashtable, and from
// either to its timed form, and never back, as in Redis. I3: the tree of a timed
// table has exactly the elements with a due time; a timed listpack is in their order.
package hash

import (
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
)

// Limits say how long a hash stays packed.
type Limits struct {
	Entries int // hash-max-listpack-entries: fields
	Value   int // hash-max-listpack-value: bytes of the longest field or value
}

// packedMax is the size of a listpack beyond which nothing is added to it, as in
// Redis.
const packedMax = 1 << 30

// Hash is a view of the record of a hash.
type Hash struct {
	arena *mem.Arena // of the value's blocks
	rec   mem.Handle
	table table.Table // valid unless packed
	root  mem.Handle  // of the table
	cut   object.Cut  // of the table
	pack  bool
	timed bool  // some field has, or had, a TTL
	now   int64 // fields of a timed hash that are due before it are gone
}

// New makes the record of an empty hash. It is the caller's, who adds a field
// before anybody sees it.
func New(a *mem.Arena, key []byte, access uint32) mem.Handle {
	return object.NewCollection(a, object.Hash, object.EncListpack, key, access)
}

// Open returns the view of the record of a hash, in which no field is gone.
func Open(rec mem.Handle) Hash { return OpenAt(rec, 0) }

// OpenAt returns the view of the record of a hash at a time in Unix milliseconds:
// fields that were due before it are gone.
func OpenAt(rec mem.Handle, nowMs int64) (h Hash) {
	h.Open(rec, nowMs)
	return h
}

// Open makes h, a zero Hash, the view that OpenAt returns.
func (h *Hash) Open(rec mem.Handle, nowMs int64) {
	h.rec, h.root = rec, object.Root(rec)
	h.arena = mem.ArenaOf(h.root)
	switch d := object.Load(rec); {
	case d.Encoding() == object.EncListpack:
		h.pack = true
		return
	case d.Timed():
		h.timed, h.now = true, nowMs
		if h.pack = d.Encoding() == object.EncListpackEx; h.pack {
			return
		}
	}
	h.table, h.cut = table.Load(h.root), object.CutOf(rec)
}

// Len returns the number of fields that are not gone. O(1); O(log n) if the hash is
// timed, O(gone ones) while packed.
func (h *Hash) Len() int {
	if h.timed {
		return h.Stored() - h.gone()
	}
	return h.Stored()
}

// Stored returns the number of fields, those that are gone too. O(1).
func (h *Hash) Stored() int {
	if h.timed && h.pack {
		return listpack.Count(object.PackedTimed(h.rec)) / object.TimedStride
	}
	if h.pack {
		return listpack.Count(object.Packed(h.rec)) / 2
	}
	return h.table.Len()
}

// Get returns the value of a field: borrowed, or formatted into scratch (20 bytes).
// O(1), O(n) while packed.
func (h *Hash) Get(field, scratch []byte) (value []byte, ok bool) {
	if h.timed {
		return h.getTimed(field, scratch)
	}
	if h.pack {
		lp := object.Packed(h.rec)
		p, ok := listpack.Find(lp, listpack.HeaderSize, listpack.Of(field), 2)
		if !ok {
			return nil, false
		}
		v, _ := listpack.At(lp, listpack.Next(lp, p))
		return v.Bytes(scratch), true
	}
	s := h.find(field, object.NameHash(field))
	if !s.OK() {
		return nil, false
	}
	return object.ElementValue(s.Handle()), true
}

// Has reports whether the hash has a field. O(1), O(n) while packed.
func (h *Hash) Has(field []byte) bool {
	if h.timed {
		_, ok := h.Due(field)
		return ok
	}
	if h.pack {
		_, ok := listpack.Find(object.Packed(h.rec), listpack.HeaderSize, listpack.Of(field), 2)
		return ok
	}
	return h.find(field, object.NameHash(field)).OK()
}

// find returns the slot of a field's element.
func (h *Hash) find(field []byte, hash uint64) table.Slot {
	for p := h.table.Probe(hash); p.Next(); {
		if string(object.ElementName(p.Handle())) == string(field) {
			return p.Slot()
		}
	}
	return table.Slot{}
}

// Prepare unpacks the hash if Redis would before it gives fields their values: when
// pairs, fields and values in turn, are more than fields may be, though some of them
// may be equal, when one is too long, or all together are.
func (h *Hash) Prepare(pairs [][]byte, lim Limits) {
	if !h.pack {
		return
	}
	size := 0
	fits := len(pairs)/2 <= lim.Entries
	for i := 0; fits && i < len(pairs); i++ {
		size += len(pairs[i])
		fits = len(pairs[i]) <= lim.Value
	}
	if !fits || len(h.packed())+size > packedMax {
		h.Unpack()
	}
}

// packed returns the listpack of a packed hash: borrowed.
func (h *Hash) packed() []byte {
	if h.timed {
		return object.PackedTimed(h.rec)
	}
	return object.Packed(h.rec)
}

// Set gives a field a value and reports whether the field is new. It takes the TTL of
// the field. field and value do not lie in the hash. buf is scratch that grows.
func (h *Hash) Set(field, value []byte, lim Limits, buf *[]byte) (created bool) {
	return h.set(field, value, false, lim, buf)
}

// Update is Set, but the field keeps its TTL.
func (h *Hash) Update(field, value []byte, lim Limits, buf *[]byte) (created bool) {
	return h.set(field, value, true, lim, buf)
}

func (h *Hash) set(field, value []byte, keepTTL bool, lim Limits, buf *[]byte) (created bool) {
	if h.pack && (len(field) > lim.Value || len(value) > lim.Value) {
		h.Unpack()
	}
	if h.pack {
		if h.timed {
			created = h.setTimedPacked(field, value, keepTTL, buf)
		} else {
			created = h.setPacked(field, value, buf)
		}
		if h.Stored() > lim.Entries { // also when the limit has been lowered since
			h.Unpack()
		}
		return created
	}
	if h.timed {
		return h.setTimedTable(field, value, keepTTL)
	}
	return h.setTable(field, value)
}

func (h *Hash) setPacked(field, value []byte, buf *[]byte) (created bool) {
	lp := object.Packed(h.rec)
	f, v := listpack.Of(field), listpack.Of(value)
	if p, ok := listpack.Find(lp, listpack.HeaderSize, f, 2); ok {
		from := listpack.Next(lp, p)
		*buf = listpack.AppendEntry((*buf)[:0], v)
		object.SplicePacked(h.arena, h.rec, lp, from, listpack.Next(lp, from), *buf, 0)
		return false
	}
	*buf = listpack.AppendEntry((*buf)[:0], f)
	*buf = listpack.AppendEntry(*buf, v)
	end := listpack.End(lp)
	object.SplicePacked(h.arena, h.rec, lp, end, end, *buf, 2)
	return true
}

func (h *Hash) setTable(field, value []byte) (created bool) {
	hash := object.NameHash(field)
	if s := h.find(field, hash); s.OK() {
		if h.cut.On() {
			h.cut.Keep(h.arena, s, hash)
		}
		old := s.Handle()
		if !object.SetFieldInPlace(old, value) {
			s.Replace(object.NewField(h.arena, field, value))
			object.FreeElement(old)
		}
		return false
	}
	s := h.table.Insert(h.arena, hash, object.NewField(h.arena, field, value), object.ByName)
	if h.cut.On() {
		h.cut.Born(s, hash)
	}
	h.table.Save(h.root)
	return true
}

// Unpack turns the listpack into a table.
func (h *Hash) Unpack() {
	if h.timed {
		h.unpackTimed()
		return
	}
	lp := object.Packed(h.rec)
	old := object.Root(h.rec)
	var f, v [20]byte
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		field, next := listpack.At(lp, p)
		value, after := listpack.At(lp, next)
		name := field.Bytes(f[:])
		h.table.Insert(h.arena, object.NameHash(name), object.NewField(h.arena, name, value.Bytes(v[:])), object.ByName)
		p = after
	}
	h.root = object.NewRoot(h.arena, object.EncHashtable)
	h.table.Save(h.root)
	object.SetRoot(h.rec, h.root, object.EncHashtable)
	h.pack = false
	mem.Free(old, mem.KindNode)
}

// Delete removes a field and reports whether it was there.
func (h *Hash) Delete(field []byte) bool {
	if h.timed {
		return h.deleteTimed(field)
	}
	if h.pack {
		lp := object.Packed(h.rec)
		p, ok := listpack.Find(lp, listpack.HeaderSize, listpack.Of(field), 2)
		if ok {
			object.SplicePacked(h.arena, h.rec, lp, p, listpack.Next(lp, listpack.Next(lp, p)), nil, -2)
		}
		return ok
	}
	hash := object.NameHash(field)
	s := h.find(field, hash)
	if !s.OK() {
		return false
	}
	if h.cut.On() {
		h.cut.Keep(h.arena, s, hash)
	}
	e := s.Handle()
	h.table.Delete(h.arena, hash, s, object.ByName)
	object.FreeElement(e)
	h.table.Save(h.root)
	return true
}

// Iter walks the fields of a hash that are not gone, in no order. The hash must not
// change.
type Iter struct {
	h      Hash
	lp     []byte
	p      int
	place  table.Walker
	elem   mem.Handle
	packed [2]listpack.Value // field and value, unless in a table
	due    int64             // of a packed field
	digits [2][20]byte
}

// Start begins a walk.
func (it *Iter) Start(h *Hash) {
	it.h, it.place, it.elem = *h, table.Walker{}, 0
	if h.pack {
		it.lp, it.p = h.packed(), listpack.HeaderSize
	}
}

// Next goes to the next field and reports whether there is one.
func (it *Iter) Next() bool {
	if it.h.timed {
		return it.nextTimed()
	}
	if it.h.pack {
		if it.p >= listpack.End(it.lp) {
			return false
		}
		it.packed[0], it.p = listpack.At(it.lp, it.p)
		it.packed[1], it.p = listpack.At(it.lp, it.p)
		return true
	}
	e, ok := it.h.table.Next(&it.place)
	if !ok {
		return false
	}
	it.elem = e
	return true
}

// Field returns the present field: borrowed until Next.
func (it *Iter) Field() []byte {
	if it.elem != 0 {
		return object.ElementName(it.elem)
	}
	return it.packed[0].Bytes(it.digits[0][:])
}

// Pair returns the present field and its value: borrowed until Next.
func (it *Iter) Pair() (field, value []byte) {
	if it.elem != 0 {
		return object.ElementPair(it.elem)
	}
	return it.Field(), it.Value()
}

// Value returns the value of the present field: borrowed until Next.
func (it *Iter) Value() []byte {
	if it.elem != 0 {
		return object.ElementValue(it.elem)
	}
	return it.packed[1].Bytes(it.digits[1][:])
}
