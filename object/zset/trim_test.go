package zset

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvorum/mem"
	"kvorum/object"
)

// A set that loses nearly all its members, or some, is the set of the others.
func TestDeleteRange(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	var buf []byte
	trimmed := 0
	for round := range 24 {
		rec := New(a, []byte("key"), 0)
		var s Set
		n := 1 + r.IntN([...]int{100, 1500, 6000}[round%3])
		for i := range n {
			s.Open(rec)
			s.Put(fmt.Appendf(nil, "member %05d", i), float64(i/3), Limits{Entries: 50, Value: 64}, &buf)
		}
		count := 1 + r.IntN(n)
		if round%2 == 0 {
			count = n - r.IntN(n/10+1)
		}
		from := r.IntN(n - count + 1)
		s.Open(rec)
		rest := s.DeleteRange(from, count)
		if rest != 0 {
			trimmed++
			for !object.FreeSome(rest, 5) {
			}
		}
		s.Open(rec)
		if s.Len() != n-count {
			t.Fatalf("%d members of %d are left after %d are gone", s.Len(), n, count)
		}
		var at Cursor
		rank := 0
		for s.At(0, &at); at.Valid(); at.Next() {
			i := rank
			if i >= from {
				i += count
			}
			want := fmt.Sprintf("member %05d", i)
			if string(at.Member()) != want || at.Score() != float64(i/3) {
				t.Fatalf("member %d is %s with %v, want %s", rank, at.Member(), at.Score(), want)
			}
			if score, ok := s.Score([]byte(want)); !ok || score != float64(i/3) {
				t.Fatalf("%s has score %v", want, score)
			}
			rank++
		}
		s.Put([]byte("member x"), 1, Limits{}, &buf)
		if !s.Delete([]byte("member x")) {
			t.Fatal("a member that was added is not there")
		}
		object.Free(rec)
		if used := a.UsedBytes(); used != 0 {
			t.Fatalf("%d bytes left", used)
		}
	}
	if trimmed == 0 {
		t.Error("no set was trimmed by copying")
	}
}
