package hash

import (
	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/rng"
)

// What is different in a hash with TTLs on fields: see object/timed.go.

// DueMax is the latest due time that a field can have, in Unix milliseconds.
// Source: errors of HPEXPIREAT, checked on 7.4.1.
const DueMax = 1<<46 - 1

// isGone reports whether a field with this due time, 0 for none, is gone.
func (h *Hash) isGone(due int64) bool { return due != 0 && due < h.now }

// gone returns the number of fields that are stored and gone. O(log n), O(gone ones)
// while packed.
func (h *Hash) gone() (n int) {
	if h.now == 0 {
		return 0
	}
	if !h.pack {
		order := object.LoadOrder(h.root)
		c := order.Seek(btree.Key{A: uint64(h.now)})
		return int(c.Position())
	}
	lp := h.packed()
	for p := listpack.HeaderSize; p < listpack.End(lp); n++ {
		t := tripleAt(lp, p)
		if !h.isGone(t.due) {
			break
		}
		p = t.end
	}
	return n
}

// triple is the place of a field in a timed listpack.
type triple struct {
	at, value, ttl, end int
	due                 int64
}

func tripleAt(lp []byte, p int) (t triple) {
	t.at, t.value = p, listpack.Next(lp, p)
	t.ttl = listpack.Next(lp, t.value)
	v, end := listpack.At(lp, t.ttl)
	t.due, t.end = v.Int, end
	return t
}

// findTriple finds a field, gone or not, in a timed listpack.
func findTriple(lp []byte, field []byte) (t triple, ok bool) {
	p, ok := listpack.Find(lp, listpack.HeaderSize, listpack.Of(field), object.TimedStride)
	if !ok {
		return triple{}, false
	}
	return tripleAt(lp, p), true
}

func (h *Hash) getTimed(field, scratch []byte) (value []byte, ok bool) {
	if h.pack {
		lp := h.packed()
		t, ok := findTriple(lp, field)
		if !ok || h.isGone(t.due) {
			return nil, false
		}
		v, _ := listpack.At(lp, t.value)
		return v.Bytes(scratch), true
	}
	s := h.find(field, object.NameHash(field))
	if !s.OK() || h.isGone(object.ElementDue(s.Handle())) {
		return nil, false
	}
	return object.ElementValue(s.Handle()), true
}

// Due returns when a field is due, in Unix milliseconds, 0 if it has no TTL. ok is
// false if the hash does not have it, or no more. O(1), O(n) while packed.
func (h *Hash) Due(field []byte) (due int64, ok bool) {
	switch {
	case !h.timed:
		return 0, h.Has(field)
	case h.pack:
		t, ok := findTriple(h.packed(), field)
		return t.due, ok && !h.isGone(t.due)
	}
	s := h.find(field, object.NameHash(field))
	if !s.OK() {
		return 0, false
	}
	due = object.ElementDue(s.Handle())
	return due, !h.isGone(due)
}

// SetDue gives a field, which the hash has, a due time (1 .. DueMax), or with 0 takes
// its TTL. The caller sees to it that the keyspace looks for the hash in time. buf is
// scratch that grows. O(log n), O(n) while packed.
func (h *Hash) SetDue(field []byte, due int64, buf *[]byte) {
	if !h.timed {
		if due == 0 {
			return
		}
		h.MakeTimed()
	}
	if h.pack {
		lp := h.packed()
		if t, ok := findTriple(lp, field); ok && t.due != due {
			*buf = append((*buf)[:0], lp[t.at:t.ttl]...)
			h.moveTriple(lp, t, due, buf)
		}
		return
	}
	hash := object.NameHash(field)
	s := h.find(field, hash)
	if !s.OK() {
		return
	}
	e := s.Handle()
	old := object.ElementDue(e)
	if old == due {
		return
	}
	if h.cut.On() {
		h.cut.Keep(h.arena, s, hash)
	}
	order := object.LoadOrder(h.root)
	if old != 0 {
		h.disorder(&order, e)
	}
	if old == 0 || due == 0 {
		fresh := h.newElement(object.ElementName(e), object.ElementValue(e), due)
		s.Replace(fresh)
		object.FreeElement(e)
		e = fresh
	}
	if due != 0 {
		object.SetElementDue(e, due)
		h.order(&order, e)
	}
	object.SaveOrder(&order, h.root)
}

// newElement makes the element of a field with or without (0) a due time.
func (h *Hash) newElement(field, value []byte, due int64) mem.Handle {
	if due == 0 {
		return object.NewField(h.arena, field, value)
	}
	return object.NewTimedField(h.arena, field, value, due)
}

// order puts an element with a due time into the tree.
func (h *Hash) order(t *btree.Tree, e mem.Handle) {
	due := uint64(object.ElementDue(e))
	c := t.Seek(btree.Key{A: due, Name: object.ElementName(e)})
	c.Insert(h.arena, btree.Entry{A: due, B: uint64(e)})
}

// disorder takes an element with a due time out of the tree.
func (h *Hash) disorder(t *btree.Tree, e mem.Handle) {
	c := t.Seek(btree.Key{A: uint64(object.ElementDue(e)), Name: object.ElementName(e)})
	c.Delete(h.arena)
}

// moveTriple takes the triple t out of the listpack and puts field and value, encoded
// in buf, to their place by due. Two splices of a block, of which the second needs no
// other block than the first left unless the triple has grown.
func (h *Hash) moveTriple(lp []byte, t triple, due int64, buf *[]byte) {
	*buf = listpack.AppendEntry(*buf, listpack.Value{Int: due})
	lp = object.SpliceTimed(h.arena, h.rec, lp, t.at, t.end, nil, -object.TimedStride)
	p := listpack.End(lp)
	if due != 0 {
		for p = listpack.HeaderSize; p < listpack.End(lp); {
			next := tripleAt(lp, p)
			if next.due == 0 || next.due >= due {
				break
			}
			p = next.end
		}
	}
	object.SpliceTimed(h.arena, h.rec, lp, p, p, *buf, object.TimedStride)
	h.root = object.Root(h.rec)
}

// setTimedPacked is setPacked for a timed hash.
func (h *Hash) setTimedPacked(field, value []byte, keepTTL bool, buf *[]byte) (created bool) {
	lp := h.packed()
	f, v := listpack.Of(field), listpack.Of(value)
	t, ok := findTriple(lp, field)
	switch {
	case !ok:
		*buf = listpack.AppendEntry((*buf)[:0], f)
		*buf = listpack.AppendEntry(*buf, v)
		*buf = listpack.AppendEntry(*buf, listpack.Value{})
		end := listpack.End(lp)
		object.SpliceTimed(h.arena, h.rec, lp, end, end, *buf, object.TimedStride)
	case t.due == 0 || keepTTL && !h.isGone(t.due):
		*buf = listpack.AppendEntry((*buf)[:0], v)
		object.SpliceTimed(h.arena, h.rec, lp, t.value, t.ttl, *buf, 0)
	default:
		*buf = append((*buf)[:0], lp[t.at:t.value]...)
		*buf = listpack.AppendEntry(*buf, v)
		h.moveTriple(lp, t, 0, buf)
	}
	h.root = object.Root(h.rec)
	return !ok || h.isGone(t.due)
}

// setTimedTable is setTable for a timed hash.
func (h *Hash) setTimedTable(field, value []byte, keepTTL bool) (created bool) {
	hash := object.NameHash(field)
	s := h.find(field, hash)
	if !s.OK() {
		s = h.table.Insert(h.arena, hash, object.NewField(h.arena, field, value), object.ByName)
		if h.cut.On() {
			h.cut.Born(s, hash)
		}
		h.table.Save(h.root)
		return true
	}
	if h.cut.On() {
		h.cut.Keep(h.arena, s, hash)
	}
	old := s.Handle()
	due := object.ElementDue(old)
	gone := h.isGone(due)
	keep := due == 0 || keepTTL && !gone
	if keep && object.SetFieldInPlace(old, value) {
		return false
	}
	if !keep {
		order := object.LoadOrder(h.root)
		h.disorder(&order, old)
		object.SaveOrder(&order, h.root)
		due = 0
	}
	e := h.newElement(field, value, due)
	s.Replace(e)
	if due != 0 {
		order := object.LoadOrder(h.root)
		c := order.Seek(btree.Key{A: uint64(due), Name: field})
		c.Replace(btree.Entry{A: uint64(due), B: uint64(e)})
	}
	object.FreeElement(old)
	return gone
}

func (h *Hash) deleteTimed(field []byte) bool {
	if h.pack {
		lp := h.packed()
		t, ok := findTriple(lp, field)
		if !ok || h.isGone(t.due) {
			return false
		}
		object.SpliceTimed(h.arena, h.rec, lp, t.at, t.end, nil, -object.TimedStride)
		h.root = object.Root(h.rec)
		return true
	}
	hash := object.NameHash(field)
	s := h.find(field, hash)
	if !s.OK() || h.isGone(object.ElementDue(s.Handle())) {
		return false
	}
	if h.cut.On() {
		h.cut.Keep(h.arena, s, hash)
	}
	e := s.Handle()
	if object.ElementDue(e) != 0 {
		order := object.LoadOrder(h.root)
		h.disorder(&order, e)
		object.SaveOrder(&order, h.root)
	}
	h.table.Delete(h.arena, hash, s, object.ByName)
	object.FreeElement(e)
	h.table.Save(h.root)
	return true
}

// Expire removes up to limit fields that were due before nowMs and calls gone for
// each, borrowed, before it goes. It returns their number. O(n log n) of those.
func (h *Hash) Expire(nowMs int64, limit int, gone func(field []byte)) (n int) {
	if !h.timed {
		return 0
	}
	if h.pack {
		return h.expirePacked(nowMs, limit, gone)
	}
	order := object.LoadOrder(h.root)
	for ; n < limit; n++ {
		c := order.First()
		if !c.Valid() || int64(c.Entry().A) >= nowMs {
			break
		}
		e := mem.Handle(c.Entry().B)
		name := object.ElementName(e)
		gone(name)
		c.Delete(h.arena)
		hash := object.NameHash(name)
		s := h.find(name, hash)
		if h.cut.On() {
			h.cut.Keep(h.arena, s, hash)
		}
		h.table.Delete(h.arena, hash, s, object.ByName)
		object.FreeElement(e)
	}
	object.SaveOrder(&order, h.root)
	h.table.Save(h.root)
	return n
}

// expirePacked is Expire for a listpack: what is due is at its start.
func (h *Hash) expirePacked(nowMs int64, limit int, gone func(field []byte)) (n int) {
	lp := h.packed()
	var digits [20]byte
	p := listpack.HeaderSize
	for ; n < limit && p < listpack.End(lp); n++ {
		t := tripleAt(lp, p)
		if t.due == 0 || t.due >= nowMs {
			break
		}
		f, _ := listpack.At(lp, p)
		gone(f.Bytes(digits[:]))
		p = t.end
	}
	if n > 0 {
		object.SpliceTimed(h.arena, h.rec, lp, listpack.HeaderSize, p, nil, -n*object.TimedStride)
		h.root = object.Root(h.rec)
	}
	return n
}

// MakeTimed gives a hash that is not timed the form in which fields can have a TTL, as
// SetDue does when it has to. O(1), O(n) while packed.
func (h *Hash) MakeTimed() {
	if h.timed {
		return
	}
	old := object.Root(h.rec)
	if !h.pack {
		h.root = object.NewRoot(h.arena, object.EncHashtableEx)
		h.table.Save(h.root)
		order := btree.New(object.ElementName)
		object.SaveOrder(&order, h.root)
		object.SetRoot(h.rec, h.root, object.EncHashtableEx)
		if h.cut.On() {
			h.cut.MoveTo(h.rec)
		}
	} else {
		lp := object.Packed(h.rec)
		h.root = timedPack(h.arena, lp)
		object.SetRoot(h.rec, h.root, object.EncListpackEx)
	}
	h.timed = true
	if !h.pack {
		object.SetFieldTicket(h.rec, 0, 0)
	}
	mem.Free(old, mem.KindNode)
}

// noTTL is the entry of the due time of a field that has none, and its size.
var noTTL = listpack.AppendEntry(nil, listpack.Value{})

// timedPack returns the root block of a timed hash with the fields of a listpack.
func timedPack(a *mem.Arena, lp []byte) mem.Handle {
	size := len(lp) + listpack.Count(lp)/2*len(noTTL)
	root, out := object.NewTimedPack(a, size)
	buf := out[:cap(out)]
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		end := listpack.Next(lp, listpack.Next(lp, p))
		out = listpack.Splice(buf, out, listpack.End(out), listpack.End(out), lp[p:end], 2)
		out = listpack.Splice(buf, out, listpack.End(out), listpack.End(out), noTTL, 1)
		p = end
	}
	return root
}

// unpackTimed turns the listpack of a timed hash into a table.
func (h *Hash) unpackTimed() {
	lp := h.packed()
	old := object.Root(h.rec)
	due, tick := object.FieldTicket(h.rec)
	var f, v [20]byte
	order := btree.New(object.ElementName)
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		t := tripleAt(lp, p)
		field, _ := listpack.At(lp, t.at)
		value, _ := listpack.At(lp, t.value)
		name := field.Bytes(f[:])
		e := h.newElement(name, value.Bytes(v[:]), t.due)
		h.table.Insert(h.arena, object.NameHash(name), e, object.ByName)
		if t.due != 0 {
			h.order(&order, e)
		}
		p = t.end
	}
	h.root = object.NewRoot(h.arena, object.EncHashtableEx)
	h.table.Save(h.root)
	object.SaveOrder(&order, h.root)
	object.SetRoot(h.rec, h.root, object.EncHashtableEx)
	object.SetFieldTicket(h.rec, due, tick)
	h.pack = false
	mem.Free(old, mem.KindNode)
}

// nextTimed is Next for a timed hash.
func (it *Iter) nextTimed() bool {
	if it.h.pack {
		for it.p < listpack.End(it.lp) {
			it.packed[0], it.p = listpack.At(it.lp, it.p)
			it.packed[1], it.p = listpack.At(it.lp, it.p)
			var due listpack.Value
			due, it.p = listpack.At(it.lp, it.p)
			if it.due = due.Int; !it.h.isGone(it.due) {
				return true
			}
		}
		return false
	}
	for {
		e, ok := it.h.table.Next(&it.place)
		if !ok {
			return false
		}
		if !it.h.isGone(object.ElementDue(e)) {
			it.elem = e
			return true
		}
	}
}

// Due returns when the present field is due, in Unix milliseconds, 0 without a TTL.
func (it *Iter) Due() int64 {
	if it.elem != 0 {
		return object.ElementDue(it.elem)
	}
	return it.due
}

// randomTimed is Random for a timed hash.
func (h *Hash) randomTimed(r *rng.Rand, scratch []byte) []byte {
	if !h.pack && !h.mostGone() {
		return object.ElementName(h.sample(r))
	}
	var it Iter
	n := r.Intn(h.Len())
	for it.Start(h); it.Next() && n > 0; n-- {
	}
	if it.elem != 0 {
		return object.ElementName(it.elem)
	}
	return it.packed[0].Bytes(scratch)
}
