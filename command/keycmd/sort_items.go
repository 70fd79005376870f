package keycmd

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/zset"
	"kvorum/resp"
)

// sorter is one SORT. It copies the elements of the source and what they are
// compared by into one buffer, where items without pointers refer to them, so that
// neither the lock of the source is needed to sort nor the collector has work:
//
//	text  | elem 0 | elem 1 | ... | weight 0 | weight 1 | ...
//	items { elem, weight: offset and length; score }
//
// I1: offsets of elements ascend in the order of the source. Among equals they
// decide, so that the order is the same on every server with the same data.
type sorter struct {
	sortOptions
	ks  *keyspace.Keyspace
	db  *keyspace.DB
	now int64

	kind  object.Type
	text  []byte
	items []sortItem
	from  int // result: items[from:to]
	to    int
	nul   bool // an element or a weight has a zero byte
	view  sortView
}

type sortItem struct {
	elem      int64 // offsets in text
	weight    int64
	elemLen   int32
	weightLen int32 // -1: the key that BY names holds nothing to compare
	score     float64
}

// forget drops the elements.
func (s *sorter) forget() { s.text, s.items = s.text[:0], s.items[:0] }

func (s *sorter) element(i int) []byte { return s.elementOf(&s.items[i]) }

func (s *sorter) elementOf(it *sortItem) []byte { return s.text[it.elem:][:it.elemLen:it.elemLen] }

func (s *sorter) weightOf(it *sortItem) []byte { return s.text[it.weight:][:it.weightLen:it.weightLen] }

func (s *sorter) add(elem []byte) {
	s.nul = s.nul || bytes.IndexByte(elem, 0) >= 0
	s.items = append(s.items, sortItem{elem: int64(len(s.text)), elemLen: int32(len(elem)), weightLen: -1})
	s.text = append(s.text, elem...)
}

// sortView is the view of a source, good while its shard is locked.
type sortView struct {
	kind object.Type
	list list.List
	set  set.Set
	zset zset.Set
	buf  []byte
}

func (v *sortView) open(e keyspace.Entry) {
	v.kind = e.Type()
	switch v.kind {
	case object.List:
		v.list.Open(e.Rec, list.Limits{}, &v.buf)
	case object.Set:
		v.set.Open(e.Rec)
	default:
		v.zset.Open(e.Rec)
	}
}

func (v *sortView) len() int {
	switch v.kind {
	case object.List:
		return v.list.Len()
	case object.Set:
		return v.set.Len()
	}
	return v.zset.Len()
}

// loadAll copies the elements of the source.
func (s *sorter) loadAll(e keyspace.Entry) {
	s.begin(e)
	for at := 0; at >= 0; {
		at = s.loadSome(e, at, math.MaxInt)
	}
}

// begin prepares for the elements of a source: it decides which are wanted, and what
// of the result LIMIT leaves.
func (s *sorter) begin(e keyspace.Entry) {
	s.forget()
	s.view.open(e)
	s.kind = s.view.kind
	if s.unsorted && s.kind == object.Set && s.store > 0 {
		// What is stored must not depend on the order that a table happens to have.
		s.unsorted, s.alpha, s.by = false, true, nil
	}
	s.from, s.to = s.window(s.view.len())
	n := s.view.len()
	if s.unsorted && s.kind != object.Set {
		n = s.to - s.from
	}
	s.items = slices.Grow(s.items, n)
}

// loadSome copies some of the elements from place at on, about count, and returns
// the place to go on at, -1 at the end. The source has not changed since begin.
func (s *sorter) loadSome(e keyspace.Entry, at, count int) (next int) {
	v := &s.view
	v.open(e)
	if v.kind == object.Set {
		for parts := v.set.Parts(); at < parts; at++ {
			if count <= 0 {
				return at
			}
			before := len(s.items)
			v.set.Part(at, s.add)
			count -= len(s.items) - before + 1
		}
		return -1
	}
	end := v.len()
	if s.unsorted {
		at, end = max(at, s.from), s.to
	}
	n := min(count, end-at)
	if n <= 0 {
		return -1
	}
	if v.kind == object.List {
		s.loadList(at, n)
	} else {
		s.loadZSet(at, n)
	}
	if at+n < end {
		return at + n
	}
	return -1
}

// loadList copies n elements from place at on, counted from the end if DESC asks for
// the native order backwards.
func (s *sorter) loadList(at, n int) {
	var c list.Cursor
	var digits [20]byte
	l := &s.view.list
	if s.unsorted && s.desc {
		for l.At(l.Len()-at, &c); n > 0; n-- {
			c.Prev()
			s.add(c.Value().Bytes(digits[:]))
		}
		return
	}
	for l.At(at, &c); n > 0; n-- {
		s.add(c.Take().Bytes(digits[:]))
	}
}

func (s *sorter) loadZSet(at, n int) {
	var c zset.Cursor
	z := &s.view.zset
	back := s.unsorted && s.desc
	if back {
		at = z.Len() - 1 - at
	}
	for z.At(at, &c); n > 0; n-- {
		s.add(c.Member())
		c.Step(back)
	}
}

// lookup finds what a pattern means for an element: borrowed until the next call.
type lookup interface {
	find(p *sortPattern, elem []byte) (value []byte, ok bool)
	// pause is called when something else will be done for a while.
	pause()
}

// arrange brings the result into items[from:to], in its order. It returns false if
// something that must be a number is none.
func (s *sorter) arrange(l lookup) (ok bool) {
	if s.unsorted {
		if s.kind != object.Set { // only the range was loaded
			s.from, s.to = 0, len(s.items)
		}
		return true
	}
	ok = true
	for i := range s.items {
		ok = s.weigh(&s.items[i], l) && ok
	}
	l.pause()
	if ok {
		slices.SortFunc(s.items, s.order())
	}
	return ok
}

// weigh finds what an element is compared by.
func (s *sorter) weigh(it *sortItem, l lookup) (ok bool) {
	value := s.elementOf(it)
	if s.by != nil {
		if value, ok = l.find(s.by, value); !ok {
			return true // as if 0, before all texts
		}
	}
	if !s.alpha {
		it.score, ok = scoreOf(value)
		return ok
	}
	if s.by != nil {
		s.nul = s.nul || bytes.IndexByte(value, 0) >= 0
		it.weight, it.weightLen = int64(len(s.text)), int32(len(value))
		s.text = append(s.text, value...)
	}
	return true
}

// smallestNormal is the smallest number that strtod reads without complaint.
const smallestNormal = 0x1p-1022

// scoreOf reads a number as strtod does: what follows a zero byte does not matter,
// and nothing at all is 0.
//
// COMPAT: sort-errno: what was out of range earlier does not count.
func scoreOf(text []byte) (score float64, ok bool) {
	if n, ok := num.ParseInt64(text); ok {
		return float64(n), true
	}
	text = cutNul(text)
	if len(text) == 0 {
		return 0, true
	}
	for len(text) > 0 && (text[0] == ' ' || text[0] >= '\t' && text[0] <= '\r') {
		text = text[1:]
	}
	score, ok = num.ParseFloat(text)
	if score != 0 && math.Abs(score) < smallestNormal {
		return 0, false
	}
	return score, ok
}

// order returns how two items compare. They go by value: references to them would
// have to be allocated for each comparison.
//
// COMPAT: sort-ties: with LIMIT, too, equal weights leave the order of the source.
func (s *sorter) order() func(a, b sortItem) int {
	compare := s.compareScores
	switch {
	case s.alpha && s.by != nil:
		compare = s.compareWeights
	case s.alpha:
		compare = s.compareElements
	}
	return func(a, b sortItem) int {
		c := compare(a, b)
		if s.desc {
			c = -c
		}
		if c == 0 {
			c = cmp.Compare(a.elem, b.elem)
		}
		return c
	}
}

func (s *sorter) compareScores(a, b sortItem) int {
	switch {
	case a.score < b.score:
		return -1
	case a.score > b.score:
		return 1
	}
	return bytes.Compare(s.elementOf(&a), s.elementOf(&b))
}

func (s *sorter) compareElements(a, b sortItem) int {
	return s.compareTexts(s.elementOf(&a), s.elementOf(&b))
}

func (s *sorter) compareWeights(a, b sortItem) int {
	if a.weightLen < 0 || b.weightLen < 0 {
		return cmp.Compare(min(a.weightLen, 0), min(b.weightLen, 0))
	}
	return s.compareTexts(s.weightOf(&a), s.weightOf(&b))
}

// compareTexts compares as the locale C does, which ends at a zero byte; but not
// what is to be stored, for which all bytes count.
//
// COMPAT: locale-collate: texts are compared by their bytes in every locale.
func (s *sorter) compareTexts(a, b []byte) int {
	if s.nul && s.store == 0 {
		a, b = cutNul(a), cutNul(b)
	}
	return bytes.Compare(a, b)
}

// size returns the number of elements of the result.
func (s *sorter) size() int { return (s.to - s.from) * max(len(s.gets), 1) }

// each calls fn for the elements of the result in order; found is false where GET has
// found nothing.
func (s *sorter) each(l lookup, fn func(value []byte, found bool)) {
	for i := s.from; i < s.to; i++ {
		elem := s.element(i)
		if len(s.gets) == 0 {
			fn(elem, true)
		}
		for n := range s.gets {
			if p := &s.gets[n]; p.self {
				fn(elem, true)
			} else {
				fn(l.find(p, elem))
			}
		}
	}
	l.pause()
}

// reply replies the result.
func (s *sorter) reply(w *resp.Writer, l lookup) {
	w.Array(s.size())
	s.each(l, func(value []byte, found bool) {
		if found {
			w.Bulk(value)
		} else {
			w.Null()
		}
	})
}

// storeResult puts the result as a list in place of what is under the key of STORE,
// and replies its length.
func (s *sorter) storeResult(c *command.Ctx, l lookup) {
	k := c.Keys[1]
	n := s.size()
	if n == 0 {
		c.RemoveStored(k)
		c.W.Int(0)
		return
	}
	rec := list.New(c.DB.ArenaOf(k), k.Bytes, c.Access)
	built := &c.List
	built.Open(rec, c.Packing.List, &c.Buf)
	s.each(l, func(value []byte, _ bool) { built.Append(value) })
	c.Store(k, rec)
	c.Notify(command.NotifyList, "sortstore", k.Bytes)
	c.Dirty += n - 1 // one is counted
	c.W.Int(int64(n))
	if s.kind == object.Set && s.alpha && s.by != nil {
		// Equal weights: the order is that of the set, which others may have in another.
		s.feed(c, k)
	}
}

// feed feeds the list that was stored as what it is.
func (s *sorter) feed(c *command.Ctx, k keyspace.Key) {
	c.Effect(delName, k.Bytes)
	if c.Feed == nil {
		return
	}
	var words [][]byte
	var text []byte // of words: what a cursor returns is borrowed until it goes on
	var at list.Cursor
	c.List.At(0, &at)
	for left := c.List.Len(); left > 0; {
		words, text = append(words[:0], rpushName, k.Bytes), text[:0]
		for ; left > 0 && len(words) < feedMax; left-- {
			start := len(text)
			text = append(text, at.Take().Bytes(c.Scratch[:])...)
			words = append(words, text[start:])
		}
		c.Effect(words...)
	}
}

// feedMax is the number of words of an effect that stores a part of a list.
const feedMax = 1024
