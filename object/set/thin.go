package set

import (
	"math"

	"kvorum/ds/intset"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
	"kvorum/rng"
)

// thinOf: when more than thinOf times as many members go as stay, Redis makes a new
// set of those that stay.
const thinOf = 5

// Thin removes count random members, 0 < count < Len, and calls take for each before
// it goes: borrowed. If it leaves few, the set gets the encoding that those that stay
// have under the limits, as if they were added to an empty set. old is then a record
// without a key that holds what is to be freed, else 0. buf is scratch that grows.
// O(n), or O(count) in a table of which more stay.
func (s *Set) Thin(r *rng.Rand, count int, lim Limits, buf *[]byte, take func(member []byte)) (old mem.Handle) {
	few := (s.Len()-count)*thinOf <= count
	switch {
	case s.enc == object.EncHashtable && few:
		return s.thinTable(r, count, lim, buf, take)
	case s.enc == object.EncHashtable:
		for ; count > 0; count-- {
			*buf = s.Pop(r, (*buf)[:0])
			take(*buf)
		}
		return 0
	case s.enc == object.EncIntset:
		s.thinIntset(r, count, few, take)
	default:
		s.thinListpack(r, count, buf, take)
	}
	if few {
		s.refit(lim)
	}
	return 0
}

func (s *Set) thinTable(r *rng.Rand, count int, lim Limits, buf *[]byte, take func(member []byte)) (old mem.Handle) {
	old = NewAs(s.arena, nil, object.EncListpack, 0)
	var stay Set
	stay.Open(old)
	left := s.Len()
	var it Iter
	for it.Start(s); it.Next(); left-- {
		if r.Intn(left) < count {
			take(it.Member())
			count--
		} else {
			stay.Add(it.Member(), lim, buf)
		}
	}
	s.exchange(old)
	return old
}

// exchange swaps the values of the set and of another record.
func (s *Set) exchange(other mem.Handle) {
	if s.cut.On() {
		object.KeepRest(s.rec)
	}
	root, enc := object.Root(s.rec), s.enc
	object.SetRoot(s.rec, object.Root(other), object.Load(other).Encoding())
	object.SetRoot(other, root, enc)
	s.Open(s.rec)
}

// thinIntset keeps the width of the integers, as Redis does, unless it makes a new
// intset.
func (s *Set) thinIntset(r *rng.Rand, count int, fresh bool, take func(member []byte)) {
	left := intset.Len(s.ints())
	var digits [digitsMax]byte
	set := intset.Retain(s.ints(), func(v int64) bool {
		goes := r.Intn(left) < count
		if goes {
			take(num.AppendInt(digits[:0], v))
			count--
		}
		left--
		return !goes
	})
	if fresh {
		set = intset.Narrow(set)
	}
	s.fitInts(set)
}

func (s *Set) thinListpack(r *rng.Rand, count int, buf *[]byte, take func(member []byte)) {
	lp := object.Packed(s.rec)
	left, gone := listpack.Count(lp), count
	stay := (*buf)[:0]
	var digits [digitsMax]byte
	for p := listpack.HeaderSize; p < listpack.End(lp); left-- {
		v, next := listpack.At(lp, p)
		if r.Intn(left) < count {
			take(v.Bytes(digits[:]))
			count--
		} else {
			stay = append(stay, lp[p:next]...)
		}
		p = next
	}
	*buf = stay
	object.SplicePacked(s.arena, s.rec, lp, listpack.HeaderSize, listpack.End(lp), stay, -gone)
}

// refit spreads a packed set that is beyond the limits.
func (s *Set) refit(lim Limits) {
	switch s.enc {
	case object.EncIntset:
		if intset.Len(s.ints()) > min(lim.Integers, integersMax) {
			s.Spread()
		}
	case object.EncListpack:
		lp := object.Packed(s.rec)
		fits := listpack.Count(lp) <= lim.Entries
		for p := listpack.HeaderSize; fits && p < listpack.End(lp); {
			v, next := listpack.At(lp, p)
			fits = v.Len() <= lim.Value
			p = next
		}
		if !fits {
			s.Spread()
		}
	}
}

// PackIntegers makes the set, whose members are all integers, an intset if it may be
// one.
func (s *Set) PackIntegers(lim Limits) {
	if s.enc == object.EncIntset || s.Len() > min(lim.Integers, integersMax) {
		return
	}
	other := NewAs(s.arena, nil, object.EncIntset, 0)
	var ints Set
	ints.Open(other)
	var it Iter
	for it.Start(s); it.Next(); {
		n, _ := parse(it.Member())
		ints.addInt(n, Limits{Integers: math.MaxInt})
	}
	s.exchange(other)
	object.Free(other)
}
