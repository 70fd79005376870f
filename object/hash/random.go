package hash

import (
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/rng"
)

// Picker draws fields of a hash again and again, at the same cost each.
type Picker struct {
	h      *Hash
	lp     []byte
	at     []int32      // positions of the fields in lp
	live   []mem.Handle // elements to draw from, if most of the table are gone
	digits [2][20]byte

	Field, Value []byte // of the field drawn last: borrowed until the next is
}

// Start begins to draw. Len is not 0, and the hash must not change. O(n) while
// packed.
func (p *Picker) Start(h *Hash) {
	p.h = h
	switch {
	case h.timed && h.pack:
		p.lp = h.packed()
		p.at = listpack.AppendPositions(nil, p.lp, object.TimedStride)[h.gone():]
	case h.pack:
		p.lp = h.packed()
		p.at = listpack.AppendPositions(nil, p.lp, 2)
	case h.timed && h.mostGone():
		var it Iter
		for it.Start(h); it.Next(); {
			p.live = append(p.live, it.elem)
		}
	}
}

// Pick draws a field, each with the same chance.
func (p *Picker) Pick(r *rng.Rand) {
	if p.at == nil {
		var e mem.Handle
		if p.live != nil {
			e = p.live[r.Intn(len(p.live))]
		} else {
			e = p.h.sample(r)
		}
		p.Field, p.Value = object.ElementName(e), object.ElementValue(e)
		return
	}
	f, next := listpack.At(p.lp, int(p.at[r.Intn(len(p.at))]))
	v, _ := listpack.At(p.lp, next)
	p.Field, p.Value = f.Bytes(p.digits[0][:]), v.Bytes(p.digits[1][:])
}

// sample returns a random element of the table that is not gone.
func (h *Hash) sample(r *rng.Rand) mem.Handle {
	for {
		if s, ok := h.table.Sample(r.Uint32(), r.Uint32()); ok {
			if e := s.Handle(); !h.timed || !h.isGone(object.ElementDue(e)) {
				return e
			}
		}
	}
}

// mostGone reports whether so few fields of a timed table are left that trying until
// one is met would take long.
func (h *Hash) mostGone() bool { return h.Len() < h.Stored()/fewOf }

// Random returns a field, each with the same chance: borrowed, or formatted into
// scratch (20 bytes). Len is not 0. O(1), O(n) while packed.
func (h *Hash) Random(r *rng.Rand, scratch []byte) []byte {
	if h.timed {
		return h.randomTimed(r, scratch)
	}
	if !h.pack {
		return object.ElementName(h.sample(r))
	}
	lp := object.Packed(h.rec)
	p, _ := listpack.Seek(lp, 2*r.Intn(listpack.Count(lp)/2))
	f, _ := listpack.At(lp, p)
	return f.Bytes(scratch)
}

// fewOf is how many times larger a hash must be than the number of distinct fields
// wanted for drawing and throwing away what came before to be the shorter way.
const fewOf = 3

// Choose calls take for count distinct fields, 0 <= count <= Len, each set of them
// with the same chance. Bytes are borrowed. O(n), or O(count) if that is much less.
func (h *Hash) Choose(r *rng.Rand, count int, take func(field, value []byte)) {
	n := h.Len()
	if h.pack || count > n/fewOf || h.timed && h.mostGone() {
		var it Iter
		for it.Start(h); count > 0 && it.Next(); n-- {
			if r.Intn(n) < count {
				take(it.Field(), it.Value())
				count--
			}
		}
		return
	}
	for drawn := object.NewDrawn(count); count > 0; {
		if e := h.sample(r); drawn.Add(uint64(e)) {
			take(object.ElementName(e), object.ElementValue(e))
			count--
		}
	}
}

// Scan calls fn for some fields, borrowed, beginning at a cursor, and returns the
// cursor to go on with: 0 at the end. The guarantee is that of table.Scan; a packed
// hash is walked as a whole.
func (h *Hash) Scan(cursor uint64, fn func(field, value []byte)) (next uint64) {
	if !h.pack {
		return h.table.Scan(cursor, func(s table.Slot) {
			e := s.Handle()
			if h.timed && h.isGone(object.ElementDue(e)) {
				return
			}
			fn(object.ElementName(e), object.ElementValue(e))
		})
	}
	var it Iter
	for it.Start(h); it.Next(); {
		fn(it.Field(), it.Value())
	}
	return 0
}
