package set

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"kvorum/mem"
	"kvorum/object"
	"kvorum/rng"
)

func word(r *rand.Rand, integers bool) string {
	if integers || r.IntN(3) == 0 {
		return fmt.Sprint(int64(r.Uint64N(300)) << r.IntN(3) * 11)
	}
	if r.IntN(20) == 0 {
		return strings.Repeat("x", r.IntN(400))
	}
	return fmt.Sprintf("w%d", r.IntN(300))
}

// Random commands under random limits must do what they do to a map, and give all
// memory back.
func TestSetEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for round := range 60 {
		lim := Limits{Integers: r.IntN(100), Entries: r.IntN(60), Value: r.IntN(80)}
		integers := round%3 == 0
		rec := New(a, []byte("key"), []byte(word(r, integers)), 1+r.IntN(50), lim, 0)
		model := map[string]bool{}
		var buf []byte
		var s Set
		for step := range 500 {
			s.Open(rec)
			m := word(r, integers && step < 400)
			if r.IntN(3) == 0 {
				if s.Delete([]byte(m)) != model[m] {
					t.Fatalf("deleting %q", m)
				}
				delete(model, m)
			} else {
				if s.Add([]byte(m), lim, &buf) == model[m] {
					t.Fatalf("adding %q", m)
				}
				model[m] = true
			}
			s.Open(rec)
			if m = word(r, false); s.Has([]byte(m)) != model[m] || s.Len() != len(model) {
				t.Fatalf("%q: %v, %d members, want %d", m, s.Has([]byte(m)), s.Len(), len(model))
			}
		}
		compare(t, &s, model)
		twin := object.Clone(a, rec, []byte("twin"), false, false)
		object.Free(rec)
		s.Open(twin)
		compare(t, &s, model)
		for !object.FreeSome(twin, 1) {
		}
		if n := a.UsedBytes(); n != 0 {
			t.Fatalf("%d bytes left", n)
		}
	}
}

func compare(t *testing.T, s *Set, model map[string]bool) {
	t.Helper()
	var it Iter
	seen := 0
	for it.Start(s); it.Next(); seen++ {
		if !model[string(it.Member())] {
			t.Fatalf("%q is no member", it.Member())
		}
	}
	if seen != len(model) {
		t.Fatalf("%d members, want %d", seen, len(model))
	}
}

// Every member must be drawn about as often as any other, in each encoding.
func TestRandomIsFair(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	const members, draws = 60, 60_000
	for _, lim := range []Limits{{1000, 1000, 64}, {0, 1000, 64}, {0, 0, 0}} {
		rec := New(a, []byte("k"), []byte("1"), 1, lim, 0)
		var buf []byte
		var s Set
		s.Open(rec)
		for i := range members {
			s.Add(fmt.Append(nil, i), lim, &buf)
		}
		random := rng.New(1)
		count := map[string]int{}
		var scratch [20]byte
		for range draws {
			count[string(s.Random(random, scratch[:]))]++
		}
		for m, n := range count {
			if n < draws/members*4/5 || n > draws/members*6/5 {
				t.Errorf("%v: %q was drawn %d times of %d", s.enc.Name(), m, n, draws)
			}
		}
		if len(count) != members {
			t.Errorf("%d members were drawn", len(count))
		}
		object.Free(rec)
	}
}
