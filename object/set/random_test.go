package set

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"kvorum/mem"
	"kvorum/object"
	"kvorum/rng"
)

// cases are sets of each encoding.
var cases = []struct {
	enc     object.Encoding
	size    int
	integer bool
}{
	{object.EncIntset, 1, true}, {object.EncIntset, 30, true}, {object.EncListpack, 1, false}, {object.EncListpack, 30, false},
	{object.EncHashtable, 1, false}, {object.EncHashtable, 30, false}, {object.EncHashtable, 700, true},
}

func memberOf(i int, integer bool) []byte {
	if integer {
		return fmt.Append(nil, i*i*i-500)
	}
	return fmt.Appendf(nil, "member %d", i)
}

func fill(a *mem.Arena, enc object.Encoding, size int, integer bool) Set {
	lim := Limits{Integers: math.MaxInt, Entries: math.MaxInt, Value: math.MaxInt}
	var s Set
	var buf []byte
	s.Open(NewAs(a, nil, enc, 0))
	for i := range size {
		s.Add(memberOf(i, integer), lim, &buf)
	}
	if s.enc != enc {
		panic("another encoding than the one wanted")
	}
	return s
}

func names(s *Set) []string {
	var list []string
	var it Iter
	for it.Start(s); it.Next(); {
		list = append(list, string(it.Member()))
	}
	slices.Sort(list)
	return list
}

// even fails unless counts are about equal: within 6 standard deviations.
func even(t *testing.T, what string, counts map[string]int, of, draws int) {
	t.Helper()
	mean := float64(draws) / float64(of)
	if mean < 30 {
		return
	}
	for m, n := range counts {
		if math.Abs(float64(n)-mean) > 6*math.Sqrt(mean) {
			t.Errorf("%s: %q came %d times of %d, want about %.0f", what, m, n, draws, mean)
		}
	}
	if len(counts) != of {
		t.Errorf("%s: %d members came, want %d", what, len(counts), of)
	}
}

// Each member must be drawn, picked and chosen as often as the others.
func TestRandomMembersAreEven(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	r := rng.New(1)
	var scratch [digitsMax]byte
	for _, c := range cases {
		s := fill(a, c.enc, c.size, c.integer)
		draws := 200 * c.size
		random, picked, chosen := map[string]int{}, map[string]int{}, map[string]int{}
		var p Picker
		p.Start(&s)
		for range draws {
			random[string(s.Random(r, scratch[:]))]++
			picked[string(p.Pick(r))]++
		}
		what := fmt.Sprintf("%d members of encoding %d", c.size, c.enc)
		even(t, what+", Random", random, c.size, draws)
		even(t, what+", Pick", picked, c.size, draws)
		for _, count := range []int{0, 1, c.size / 10, c.size / 2, c.size} {
			clear(chosen)
			for range 200 {
				seen := map[string]bool{}
				s.Choose(r, count, func(m []byte) {
					seen[string(m)] = true
					chosen[string(m)]++
				})
				if len(seen) != count {
					t.Fatalf("%s: %d distinct members of %d", what, len(seen), count)
				}
			}
			if count > 0 {
				even(t, fmt.Sprintf("%s, Choose %d", what, count), chosen, c.size, 200*count)
			}
		}
		object.Free(s.rec)
	}
}

// Pop and Thin must take what they tell and leave the rest.
func TestThinLeavesTheRest(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	choose := rand.New(rand.NewPCG(seed, 2))
	a := mem.NewArena()
	defer a.Close()
	r := rng.New(seed)
	var buf []byte
	for range 40 {
		for _, c := range cases {
			s := fill(a, c.enc, c.size, c.integer)
			all := names(&s)
			var gone []string
			if choose.IntN(2) == 0 {
				gone = append(gone, string(s.Pop(r, nil)))
			}
			lim := Limits{Integers: choose.IntN(40), Entries: choose.IntN(40), Value: choose.IntN(12)}
			was := s.enc
			count := 0
			if s.Len() > 1 {
				count = 1 + choose.IntN(s.Len()-1)
				if old := s.Thin(r, count, lim, &buf, func(m []byte) { gone = append(gone, string(m)) }); old != 0 {
					object.Free(old)
				}
			}
			rest := names(&s)
			both := slices.Concat(rest, gone)
			if slices.Sort(both); !slices.Equal(both, all) || s.Len() != len(rest) {
				t.Fatalf("%d of %d members of encoding %d went, %d are left: %q", count, c.size, c.enc, s.Len(), both)
			}
			if count > 0 {
				checkThinned(t, &s, was, count, lim)
			}
			object.Free(s.rec)
		}
	}
	if n := blocks(a); n != 0 {
		t.Errorf("%d blocks left", n)
	}
}

func blocks(a *mem.Arena) (n int) {
	a.Walk(func(mem.Handle, int) { n++ })
	return n
}

// checkThinned compares the encoding with the rule.
func checkThinned(t *testing.T, s *Set, was object.Encoding, count int, lim Limits) {
	t.Helper()
	want := was
	if few := s.Len()*5 <= count; few {
		longest := 0
		for _, m := range names(s) {
			longest = max(longest, len(m))
		}
		switch {
		case was == object.EncIntset && s.Len() > lim.Integers:
			want = object.EncHashtable
		case was != object.EncIntset && (s.Len() > lim.Entries || longest > lim.Value):
			want = object.EncHashtable
		case was != object.EncIntset:
			want = object.EncListpack
		}
	}
	if s.enc != want {
		t.Fatalf("encoding %d after %d of %d went from %d under %+v, want %d", s.enc, count, count+s.Len(), was, lim, want)
	}
}

// PackIntegers makes an intset of the same members, if the limit lets it.
func TestPackIntegers(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	for _, enc := range []object.Encoding{object.EncListpack, object.EncHashtable} {
		for _, limit := range []int{29, 30} {
			s := fill(a, enc, 30, true)
			before := names(&s)
			want := enc
			if limit == 30 {
				want = object.EncIntset
			}
			if s.PackIntegers(Limits{Integers: limit}); s.enc != want || !slices.Equal(names(&s), before) {
				t.Errorf("encoding %d, limit %d: %d %q", enc, limit, s.enc, names(&s))
			}
			object.Free(s.rec)
		}
	}
}

// Scan must report each member that is there all the time.
func TestScanFindsWhatStays(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	s := fill(a, object.EncHashtable, 500, false)
	var buf []byte
	seen := map[string]bool{}
	cursor, more := uint64(0), 500
	for {
		cursor = s.Scan(cursor, func(m []byte) { seen[string(m)] = true })
		for range 20 { // the table grows meanwhile
			s.Add(memberOf(more, false), Limits{}, &buf)
			more++
		}
		if cursor == 0 {
			break
		}
	}
	for i := range 500 {
		if m := memberOf(i, false); !seen[string(bytes.Clone(m))] {
			t.Errorf("%q was not reported", m)
		}
	}
	object.Free(s.rec)
}
