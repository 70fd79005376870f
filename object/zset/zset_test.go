package zset

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kvorum/mem"
	"kvorum/object"
)

type pair struct {
	member string
	score  float64
}

func order(a, b pair) int {
	return cmp.Or(cmp.Compare(a.score, b.score), strings.Compare(a.member, b.member))
}

func randomScore(r *rand.Rand) float64 {
	switch r.IntN(8) {
	case 0:
		return math.Inf(1)
	case 1:
		return math.Inf(-1)
	case 2:
		return 0
	case 3:
		return r.NormFloat64()
	}
	return float64(r.IntN(20) - 10)
}

// Random commands under random limits must do what they do to a sorted slice, and
// give all memory back.
func TestSetEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for range 40 {
		lim := Limits{Entries: r.IntN(60), Value: r.IntN(80)}
		rec := New(a, []byte("key"), 0)
		var model []pair
		var buf []byte
		var s Set
		for step := range 600 {
			s.Open(rec)
			m, score := fmt.Sprintf("m%d", r.IntN(200)), randomScore(r)
			if r.IntN(10) == 0 {
				m = strings.Repeat("long", r.IntN(100))
			}
			at := slices.IndexFunc(model, func(p pair) bool { return p.member == m })
			switch op := r.IntN(8); {
			case op < 5:
				if (s.Put([]byte(m), score, lim, &buf) == Added) != (at < 0) {
					t.Fatalf("putting %q", m)
				}
				if at >= 0 {
					model[at].score = score
				} else {
					model = append(model, pair{m, score})
				}
			case op < 7:
				if s.Delete([]byte(m)) != (at >= 0) {
					t.Fatalf("deleting %q", m)
				}
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
				}
			case len(model) > 0:
				at = r.IntN(len(model))
				var c Cursor
				s.At(at, &c)
				for n := r.IntN(3); n > 0 && at < len(model); n-- {
					c.Delete()
					model = slices.Delete(model, at, at+1)
				}
			}
			slices.SortFunc(model, order)
			s.Open(rec)
			if step%20 == 0 {
				compare(t, &s, model)
			}
			probe(t, &s, model, r)
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

// probe looks for a place by rank, score and member.
func probe(t *testing.T, s *Set, model []pair, r *rand.Rand) {
	t.Helper()
	var c Cursor
	score, beyond := randomScore(r), r.IntN(2) == 0
	s.SeekScore(score, beyond, &c)
	want := slices.IndexFunc(model, func(p pair) bool { return p.score > score || p.score == score && !beyond })
	if want < 0 {
		want = len(model)
	}
	if c.Rank() != want || c.Valid() != (want < len(model)) {
		t.Fatalf("score %g beyond %v: rank %d, want %d", score, beyond, c.Rank(), want)
	}
	m := fmt.Sprintf("m%d", r.IntN(200))
	at := slices.IndexFunc(model, func(p pair) bool { return p.member == m })
	rank, score, ok := s.Rank([]byte(m), &c)
	have, found := s.Score([]byte(m))
	if ok != (at >= 0) || ok != found || ok && (rank != at || score != model[at].score || have != score) {
		t.Fatalf("%q: rank %d score %g, want rank %d", m, rank, score, at)
	}
}

func compare(t *testing.T, s *Set, model []pair) {
	t.Helper()
	if s.Len() != len(model) {
		t.Fatalf("%d members, want %d", s.Len(), len(model))
	}
	if !s.pack {
		if err := s.order.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	var c Cursor
	i := 0
	for s.At(0, &c); c.Valid(); c.Next() {
		if got := (pair{string(c.Member()), c.Score()}); got != model[i] {
			t.Fatalf("rank %d is %v, want %v", i, got, model[i])
		}
		i++
	}
	for i = len(model); c.Prev(); {
		if i--; string(c.Member()) != model[i].member {
			t.Fatalf("backwards: rank %d is %q, want %q", i, c.Member(), model[i].member)
		}
	}
	if i != 0 {
		t.Fatalf("backwards ends at %d", i)
	}
}

func TestMembersOfOneScoreAreFoundByName(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	for _, entries := range []int{0, 1000} {
		rec := New(a, []byte("k"), 0)
		var buf []byte
		var s Set
		s.Open(rec)
		for i := range 300 {
			s.Put(fmt.Appendf(nil, "%03d", 2*i), 1, Limits{entries, 64}, &buf)
		}
		for _, c := range []struct {
			member string
			beyond bool
			want   int
		}{{"", false, 0}, {"000", true, 1}, {"001", false, 1}, {"100", false, 50}, {"100", true, 51}, {"101", true, 51}, {"598", true, 300}, {"x", false, 300}} {
			var at Cursor
			if s.SeekMember([]byte(c.member), c.beyond, &at); at.Rank() != c.want {
				t.Errorf("%q beyond %v: rank %d, want %d", c.member, c.beyond, at.Rank(), c.want)
			}
		}
		object.Free(rec)
	}
}
