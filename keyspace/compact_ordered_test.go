package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvorum/object/list"
	"kvorum/object/zset"
)

// ordered is a keyspace of lists and sorted sets that have shrunk.
type ordered struct {
	ks  *Keyspace
	buf []byte
}

const (
	orderedCount = 24
	orderedScore = 50 // different scores
)

var orderedLimits = list.Limits{Bytes: 256, Depth: 1}

func orderedSize(i int) int { return 20 + 30*i }

// open makes l and s the views of list and sorted set number i.
func (o *ordered) open(i int, l *list.List, s *zset.Set) {
	db := o.ks.DB(0)
	k := o.ks.Key(fmt.Appendf(nil, "list%d", i))
	e := db.Find(k)
	if !e.OK() {
		e = db.Add(k, list.New(db.ArenaOf(k), k.Bytes, 0))
	}
	l.Open(e.Rec, orderedLimits, &o.buf)
	k = o.ks.Key(fmt.Appendf(nil, "zset%d", i))
	if e = db.Find(k); !e.OK() {
		e = db.Add(k, zset.New(db.ArenaOf(k), k.Bytes, 0))
	}
	s.Open(e.Rec)
}

// fill makes all of them grownSize times too large, and then shrinks them.
func (o *ordered) fill() {
	var l list.List
	var s zset.Set
	for i := range orderedCount {
		o.open(i, &l, &s)
		for n := range orderedSize(i) * grownSize {
			var at list.Cursor
			l.Grow(1, len(name(i, n)))
			l.At(l.Len(), &at)
			at.Insert(name(i, n))
			s.Put(name(i, n), float64(n%orderedScore), zset.Limits{Entries: 10, Value: 64}, &o.buf)
		}
	}
	for i := range orderedCount {
		o.open(i, &l, &s)
		size := orderedSize(i)
		if rest := l.DeleteRange(size, size*(grownSize-1)); rest != 0 {
			o.ks.Discard(rest)
		}
		for n := size; n < size*grownSize; n++ {
			s.Delete(name(i, n))
		}
	}
}

func (o *ordered) check(t *testing.T) {
	t.Helper()
	if err := o.ks.MemCheck(); err != nil {
		t.Fatal(err)
	}
	var l list.List
	var s zset.Set
	for i := range orderedCount {
		o.open(i, &l, &s)
		size := orderedSize(i)
		if l.Len() != size || s.Len() != size {
			t.Fatalf("%d: %d elements, %d members, want %d", i, l.Len(), s.Len(), size)
		}
		var digits [20]byte
		var at list.Cursor
		l.At(0, &at)
		for n := range size {
			if got := at.Take().Bytes(digits[:]); string(got) != string(name(i, n)) {
				t.Fatalf("list %d: element %d is %q", i, n, got)
			}
			var c zset.Cursor
			if rank, score, ok := s.Rank(name(i, n), &c); !ok || score != float64(n%orderedScore) || rank >= size {
				t.Fatalf("zset %d: member %d has score %g and rank %d", i, n, score, rank)
			}
		}
	}
}

// TestCompactionMovesOrdered: lists and sorted sets stay what they are while their
// nodes, elements and trees move, also if commands come in between.
func TestCompactionMovesOrdered(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	o := &ordered{ks: New(1)}
	defer o.ks.Close()
	o.fill()
	o.check(t)
	for range GroupCount {
		for more := o.ks.CompactBegin(1); more; {
			more = o.ks.CompactStep(4)
			var l list.List
			var s zset.Set
			o.open(r.IntN(orderedCount), &l, &s)
			var at list.Cursor // grows and shrinks what is being moved
			l.At(0, &at)
			at.Insert([]byte("x"))
			at.Delete()
			s.Put([]byte("another"), orderedScore/2, zset.Limits{}, &o.buf)
			s.Delete([]byte("another"))
		}
	}
	if o.ks.CompactedBytes() == 0 {
		t.Error("nothing was moved")
	}
	o.check(t)
}
