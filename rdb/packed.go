package rdb

import (
	"encoding/binary"

	"kvorum/ds/intset"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/zset"
)

// packedMax bounds a packed value, and an element of a list.
const packedMax = 1<<32 - 64

// packed is a listpack that is being made, or was read.
type packed struct {
	b       []byte
	n       int
	longest int // bytes of the longest element as a string
}

func (p *packed) reset() {
	p.b, p.n, p.longest = append(p.b[:0], make([]byte, listpack.HeaderSize)...), 0, 0
}

func (p *packed) add(v listpack.Value) {
	p.b = listpack.AppendEntry(p.b, v)
	p.n++
	p.longest = max(p.longest, v.Len())
}

// done returns the listpack: borrowed until the next reset.
func (p *packed) done() []byte {
	const endMark, countUnknown = 0xff, 1<<16 - 1
	p.b = append(p.b, endMark)
	binary.LittleEndian.PutUint32(p.b, uint32(len(p.b)))
	binary.LittleEndian.PutUint16(p.b[4:], uint16(min(p.n, countUnknown)))
	return p.b
}

// fromListpack takes the entries of a listpack that was read, each in its shortest
// form, and reports whether it is one.
func (p *packed) fromListpack(lp []byte) bool {
	p.reset()
	if _, ok := listpack.Validate(lp, false); !ok {
		return false
	}
	canonical := true
	for at := listpack.HeaderSize; at < listpack.End(lp); {
		v, next := listpack.At(lp, at)
		if v.Str != nil {
			v = listpack.Of(v.Str)
		}
		canonical = canonical && listpack.EntrySize(v) == next-at
		p.n++
		p.longest = max(p.longest, v.Len())
		at = next
	}
	if canonical {
		p.b = append(p.b, lp[listpack.HeaderSize:listpack.End(lp)]...)
		return true
	}
	p.reset()
	for at := listpack.HeaderSize; at < listpack.End(lp); {
		v, next := listpack.At(lp, at)
		if v.Str != nil {
			v = listpack.Of(v.Str)
		}
		p.add(v)
		at = next
	}
	return true
}

// buildPacked makes a hash, a set or a sorted set of a packed value of any kind.
func (b *Builder) buildPacked(in *input, to target, t byte) mem.Handle {
	s := in.element()
	if in.err != nil {
		return 0
	}
	form := &packedForms[t]
	if !form.read(&b.pack, s) || b.pack.n%form.step != 0 {
		in.corrupt("%s", form.failure)
		return 0
	}
	if b.pack.n == 0 {
		in.err = ErrEmpty
		return 0
	}
	lp := b.pack.done()
	switch {
	case len(lp) <= packedMax && b.names.distinct(lp, form.step):
	case form.of == object.Hash && b.pack.n/2 > b.Limits.Hash.Entries:
		in.corrupt("Hash listpack with dup elements")
		return 0
	default:
		in.corrupt("%s", form.failure)
		return 0
	}
	switch {
	case form.step == object.TimedStride:
		return b.packedTimed(in, lp, to)
	case form.of == object.Hash:
		return b.packedHash(lp, to, t)
	case form.of == object.Set:
		return b.packedSet(lp, to)
	}
	return b.packedZSet(in, lp, to)
}

// packedForms are the kinds of packed values, by type.
var packedForms = [...]struct {
	of      object.Type
	step    int // elements that belong together
	read    func(*packed, []byte) bool
	failure string
}{
	typeZipmap:       {object.Hash, 2, (*packed).fromZipmap, "Zipmap integrity check failed."},
	typeHashZiplist:  {object.Hash, 2, (*packed).fromZiplist, "Hash ziplist integrity check failed."},
	typeHashListpack: {object.Hash, 2, (*packed).fromListpack, "Hash listpack integrity check failed."},
	typeZSetZiplist:  {object.ZSet, 2, (*packed).fromZiplist, "Zset ziplist integrity check failed."},
	typeZSetListpack: {object.ZSet, 2, (*packed).fromListpack, "Zset listpack integrity check failed."},
	typeSetListpack:  {object.Set, 1, (*packed).fromListpack, "Set listpack integrity check failed."},

	typeHashPackDueOld: {object.Hash, object.TimedStride, (*packed).fromListpack, "Hash listpack integrity check failed."},
	typeHashPackDue:    {object.Hash, object.TimedStride, (*packed).fromListpack, "Hash listpack integrity check failed."},
}

func (b *Builder) packedHash(lp []byte, to target, t byte) mem.Handle {
	rec := object.NewPacked(to.arena, object.Hash, object.EncListpack, to.key, lp, to.access)
	lim := b.Limits.Hash
	if b.pack.n/2 > lim.Entries || t == typeZipmap && b.pack.longest > lim.Value {
		h := hash.Open(rec)
		h.Unpack()
	}
	return rec
}

func (b *Builder) packedSet(lp []byte, to target) mem.Handle {
	rec := object.NewPacked(to.arena, object.Set, object.EncListpack, to.key, lp, to.access)
	if b.pack.n > b.Limits.Set.Entries {
		b.views.set.Open(rec)
		b.views.set.Spread()
	}
	return rec
}

// packedZSet takes the listpack as it is if its scores are right and in order, else
// puts its members in one by one.
func (b *Builder) packedZSet(in *input, lp []byte, to target) mem.Handle {
	ordered := true
	var before float64
	var last, name []byte
	var digits [2][24]byte
	for p, i := listpack.HeaderSize, 0; p < listpack.End(lp); i++ {
		v, at := listpack.At(lp, p)
		score, next, ok := scoreAt(lp, at)
		if !ok {
			in.corrupt("Zset with NAN score detected")
			return 0
		}
		name = v.Bytes(digits[i&1][:])
		if i > 0 && (score < before || score == before && string(name) <= string(last)) {
			ordered = false
		}
		before, last, p = score, name, next
	}
	if !ordered {
		return b.sortedZSet(lp, to)
	}
	rec := object.NewPacked(to.arena, object.ZSet, object.EncListpack, to.key, lp, to.access)
	if b.pack.n/2 > b.Limits.ZSet.Entries {
		b.views.zset.Open(rec)
		b.views.zset.Unpack()
	}
	return rec
}

func scoreAt(lp []byte, p int) (score float64, next int, ok bool) {
	v, next := listpack.At(lp, p)
	if v.Str == nil {
		return float64(v.Int), next, true
	}
	score, ok = num.ParseFloat(v.Str)
	return score, next, ok
}

func (b *Builder) sortedZSet(lp []byte, to target) mem.Handle {
	rec := zset.New(to.arena, to.key, to.access)
	s := &b.views.zset
	s.Open(rec)
	var digits [24]byte
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		v, at := listpack.At(lp, p)
		score, next, _ := scoreAt(lp, at)
		s.Put(v.Bytes(digits[:]), score, b.Limits.ZSet, &b.buf)
		p = next
	}
	return rec
}

func (b *Builder) buildIntset(in *input, to target) mem.Handle {
	s := in.element()
	if in.err != nil {
		return 0
	}
	if !intset.Validate(s, false) {
		in.corrupt("Intset integrity check failed.")
		return 0
	}
	rec := object.NewPacked(to.arena, object.Set, object.EncIntset, to.key, s, to.access)
	if intset.Len(s) > b.Limits.Set.Integers {
		b.views.set.Open(rec)
		b.views.set.Spread()
	}
	return rec
}

// names finds elements of a listpack that are equal.
type names struct {
	slots []uint32 // positions, 0 if empty, by open addressing
}

// pairsMax is the number of elements up to which all are compared with each other.
const pairsMax = 8

// distinct reports whether no two of each step'th element of a listpack in its
// shortest form are equal.
func (ns *names) distinct(lp []byte, step int) bool {
	n := listpack.Count(lp) / step
	if n <= pairsMax {
		return distinctFew(lp, step)
	}
	size := 1
	for size < 2*n {
		size *= 2
	}
	if cap(ns.slots) < size {
		ns.slots = make([]uint32, size)
	}
	ns.slots = ns.slots[:size]
	clear(ns.slots)
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		next := listpack.Next(lp, p)
		entry := lp[p:next]
		for i := object.NameHash(entry) & uint64(size-1); ; i = (i + 1) & uint64(size-1) {
			at := ns.slots[i]
			if at == 0 {
				ns.slots[i] = uint32(p)
				break
			}
			if string(lp[at:listpack.Next(lp, int(at))]) == string(entry) {
				return false
			}
		}
		p = skipEntries(lp, next, step-1)
	}
	return true
}

// skipEntries returns the place n entries behind p.
func skipEntries(lp []byte, p, n int) int {
	for range n {
		p = listpack.Next(lp, p)
	}
	return p
}

func distinctFew(lp []byte, step int) bool {
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		v, _ := listpack.At(lp, p)
		p = skipEntries(lp, p, step)
		if _, found := listpack.Find(lp, p, v, step); found {
			return false
		}
	}
	return true
}
