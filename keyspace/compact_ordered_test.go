package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvorum/object/list"
	"kvorum/object/zset"
)

// TestCompactionMovesOrdered: lists and sorted sets stay what they are while their
// nodes, elements and trees move, also if commands come in between.
func TestCompactionMovesOrdered(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	ks := New(1)
	defer ks.Close()
	db := ks.DB(0)
	const count, kept = 60, 4
	var buf []byte
	lim := list.Limits{Bytes: 256}
	for i := range count {
		k := ks.Key(fmt.Appendf(nil, "list%d", i))
		var l list.List
		l.Open(db.Add(k, list.New(db.ArenaOf(k), k.Bytes, 0)).Rec, lim, &buf)
		k = ks.Key(fmt.Appendf(nil, "zset%d", i))
		var s zset.Set
		s.Open(db.Add(k, zset.New(db.ArenaOf(k), k.Bytes, 0)).Rec)
		for n := range (20 + i*20) * kept {
			var at list.Cursor
			l.Grow(1, 20)
			l.At(l.Len(), &at)
			at.Insert(name(i, n))
			s.Put(name(i, n), float64(n%50), zset.Limits{Entries: 10, Value: 64}, &buf)
		}
	}
	open := func(i int) (l list.List, s zset.Set) {
		l.Open(db.Find(ks.Key(fmt.Appendf(nil, "list%d", i))).Rec, lim, &buf)
		s.Open(db.Find(ks.Key(fmt.Appendf(nil, "zset%d", i))).Rec)
		return l, s
	}
	for i := range count { // three of four go
		l, s := open(i)
		size := 20 + i*20
		l.DeleteRange(size, size*(kept-1))
		for n := size; n < size*kept; n++ {
			s.Delete(name(i, n))
		}
	}
	check := func() {
		t.Helper()
		if err := ks.MemCheck(); err != nil {
			t.Fatal(err)
		}
		for i := range count {
			l, s := open(i)
			size := 20 + i*20
			var digits [20]byte
			var at list.Cursor
			n := 0
			for l.At(0, &at); at.Valid(); at.Next() {
				if got := at.Value().Bytes(digits[:]); string(got) != string(name(i, n)) {
					t.Fatalf("list %d: element %d is %q", i, n, got)
				}
				n++
			}
			if n != size || s.Len() != size {
				t.Fatalf("%d: %d elements, %d members, want %d", i, n, s.Len(), size)
			}
			var c zset.Cursor
			for n := range size {
				if rank, score, ok := s.Rank(name(i, n), &c); !ok || score != float64(n%50) || rank >= size {
					t.Fatalf("zset %d: member %d has score %g and rank %d", i, n, score, rank)
				}
			}
		}
	}
	check()
	for range GroupCount {
		if !ks.CompactBegin(1) {
			break
		}
		for more := true; more; {
			more = ks.CompactStep(4)
			i := r.IntN(count)
			l, s := open(i)
			var at list.Cursor // grows and shrinks what is being moved
			l.At(0, &at)
			at.Insert([]byte("x"))
			at.Delete()
			s.Put([]byte("another"), 25, zset.Limits{}, &buf)
			s.Delete([]byte("another"))
		}
	}
	if ks.CompactedBytes() == 0 {
		t.Error("nothing was moved")
	}
	check()
}
