package set

import (
	"kvorum/ds/intset"
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
	"kvorum/rng"
)

// Random returns a member, each with the same chance: borrowed, or formatted into
// scratch (20 bytes). The set is not empty.
func (s *Set) Random(r *rng.Rand, scratch []byte) []byte {
	switch s.enc {
	case object.EncIntset:
		set := s.ints()
		return num.AppendInt(scratch[:0], intset.At(set, r.Intn(intset.Len(set))))
	case object.EncListpack:
		lp := object.Packed(s.rec)
		p, _ := listpack.Seek(lp, r.Intn(listpack.Count(lp)))
		v, _ := listpack.At(lp, p)
		return v.Bytes(scratch)
	}
	return object.ElementName(s.sample(r).Handle())
}

// drawMany is how many draws are made at once from a large table: most often one of them
// hits a member, and all their buckets come from memory together.
const (
	drawMany = 8
	drawFar  = 1 << 12 // buckets of a table that the nearer caches do not hold
)

// draws are random numbers for Sample: the upper halves choose the bucket.
type draws [drawMany]uint64

func (d *draws) make(r *rng.Rand) {
	for i := range d {
		d[i] = r.Uint64()
	}
}

// touch begins to fetch the buckets.
func (d *draws) touch(t *table.Table) {
	for _, r := range d {
		t.TouchSample(uint32(r >> 32))
	}
}

// hit returns the slot of the first draw that hits a member.
func (d *draws) hit(t *table.Table) (slot table.Slot, ok bool) {
	for _, r := range d {
		if slot, ok = t.Sample(uint32(r>>32), uint32(r)); ok {
			return slot, true
		}
	}
	return slot, false
}

// sample returns the slot of a random element of the table.
func (s *Set) sample(r *rng.Rand) table.Slot {
	if s.table.Buckets() >= drawFar {
		var d draws
		for {
			d.make(r)
			d.touch(&s.table)
			if slot, ok := d.hit(&s.table); ok {
				return slot
			}
		}
	}
	for {
		if slot, ok := s.table.Sample(r.Uint32(), r.Uint32()); ok {
			return slot
		}
	}
}

// Approach begins to fetch what the next two calls of Pop will read, if nobody else
// draws from r meanwhile.
func (s *Set) Approach(r *rng.Rand) {
	if s.enc != object.EncHashtable || s.table.Buckets() < drawFar {
		return
	}
	ahead := *r
	var d draws
	d.make(&ahead) // the last call has touched their buckets, but for the first of a batch
	if slot, ok := d.hit(&s.table); ok {
		mem.Prefetch(mem.Ptr(slot.Handle()))
	}
	d.make(&ahead)
	d.touch(&s.table)
}

// Pop removes a random member, each with the same chance, and appends it to dst.
// The set is not empty.
func (s *Set) Pop(r *rng.Rand, dst []byte) []byte {
	switch s.enc {
	case object.EncIntset:
		set := s.ints()
		i := r.Intn(intset.Len(set))
		dst = num.AppendInt(dst, intset.At(set, i))
		s.fitInts(intset.Delete(set, i))
		return dst
	case object.EncListpack:
		lp := object.Packed(s.rec)
		p, _ := listpack.Seek(lp, r.Intn(listpack.Count(lp)))
		v, next := listpack.At(lp, p)
		var digits [digitsMax]byte
		dst = append(dst, v.Bytes(digits[:])...)
		object.SplicePacked(s.arena, s.rec, lp, p, next, nil, -1)
		return dst
	}
	slot := s.sample(r)
	name := object.ElementName(slot.Handle())
	dst = append(dst, name...)
	s.deleteSlot(object.NameHash(name), slot)
	return dst
}

// Picker draws members of a set again and again, at the same cost each.
type Picker struct {
	s      *Set
	lp     []byte
	at     []int32 // positions in lp
	digits [digitsMax]byte
}

// Start begins to draw. The set is not empty and must not change. O(n) for a
// listpack.
func (p *Picker) Start(s *Set) {
	p.s = s
	if s.enc == object.EncListpack {
		p.lp = object.Packed(s.rec)
		p.at = listpack.AppendPositions(nil, p.lp, 1)
	}
}

// Pick returns a member, each with the same chance: borrowed until the next call.
func (p *Picker) Pick(r *rng.Rand) []byte {
	if p.at == nil {
		return p.s.Random(r, p.digits[:])
	}
	v, _ := listpack.At(p.lp, int(p.at[r.Intn(len(p.at))]))
	return v.Bytes(p.digits[:])
}

// fewOf is how many times larger a set must be than the number of distinct members
// wanted for drawing and throwing away what came before to be the shorter way.
const fewOf = 3

// Choose calls take for count distinct members, 0 <= count <= Len, each set of them
// with the same chance. Members are borrowed. O(n), or O(count) if that is much less.
func (s *Set) Choose(r *rng.Rand, count int, take func(member []byte)) {
	n := s.Len()
	if s.enc == object.EncListpack || count > n/fewOf {
		var it Iter
		for it.Start(s); count > 0 && it.Next(); n-- {
			if r.Intn(n) < count {
				take(it.Member())
				count--
			}
		}
		return
	}
	drawn := object.NewDrawn(count)
	var digits [digitsMax]byte
	for count > 0 {
		if s.enc == object.EncIntset {
			if i := r.Intn(n); drawn.Add(uint64(i)) {
				take(num.AppendInt(digits[:0], intset.At(s.ints(), i)))
				count--
			}
		} else if e := s.sample(r).Handle(); drawn.Add(uint64(e)) {
			take(object.ElementName(e))
			count--
		}
	}
}

// Scan calls fn for some members, borrowed, beginning at a cursor, and returns the
// cursor to go on with: 0 at the end. The guarantee is that of table.Scan; a packed
// set is walked as a whole.
func (s *Set) Scan(cursor uint64, fn func(member []byte)) (next uint64) {
	if s.enc == object.EncHashtable {
		return s.table.Scan(cursor, func(slot table.Slot) { fn(object.ElementName(slot.Handle())) })
	}
	var it Iter
	for it.Start(s); it.Next(); {
		fn(it.Member())
	}
	return 0
}
