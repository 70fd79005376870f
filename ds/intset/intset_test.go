package intset

import (
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBytesAreThoseOfRedis has what redis-server 7.0.15 dumps after SADD of these.
func TestBytesAreThoseOfRedis(t *testing.T) {
	for _, c := range []struct {
		add  []int64
		want string
	}{
		{[]int64{3, -1, 2}, "0200000003000000ffff02000300"},
		{[]int64{3, 70000, -1}, "0400000003000000ffffffff0300000070110100"},
		{[]int64{1, -5000000000}, "0800000002000000000efad5feffffff0100000000000000"},
	} {
		s := New(make([]byte, HeaderSize))
		for _, v := range c.add {
			i, _ := Search(s, v)
			s = Insert(make([]byte, Grown(s, v)), s, i, v)
		}
		if got := hex.EncodeToString(s); got != c.want {
			t.Errorf("%v: %s, want %s", c.add, got, c.want)
		}
	}
}

func TestIntsetEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		s := New(make([]byte, HeaderSize))
		var model []int64
		for range 150 {
			v := int64(r.Uint64()) >> r.IntN(64)
			at, found := slices.BinarySearch(model, v)
			i, ok := Search(s, v)
			if i != at || ok != found {
				t.Fatalf("%d is at %d %v, want %d %v", v, i, ok, at, found)
			}
			switch {
			case !found:
				buf := make([]byte, Grown(s, v))
				if r.IntN(2) == 0 {
					copy(buf, s)
					s = Open(buf)
				}
				s = Insert(buf, s, i, v)
				model = slices.Insert(model, at, v)
			default:
				s = Delete(s, i)
				model = slices.Delete(model, at, at+1)
			}
			if len(model) > 0 && r.IntN(4) == 0 {
				at = r.IntN(len(model))
				s = Delete(s, at)
				model = slices.Delete(model, at, at+1)
			}
			if Len(s) != len(model) || len(model) > 0 && !Validate(s, false) {
				t.Fatalf("%d integers, want %d", Len(s), len(model))
			}
			for i, v := range model {
				if At(s, i) != v {
					t.Fatalf("integer %d is %d, want %d", i, At(s, i), v)
				}
			}
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 1, 0, 0, 0, 7, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if !Validate(b, false) {
			return
		}
		for i := range Len(b) {
			if at, ok := Search(b, At(b, i)); !ok || at != i {
				t.Fatalf("integer %d found at %d %v", i, at, ok)
			}
		}
	})
}

// Retain keeps what it is told to, and Narrow gives the width of a fresh intset.
func TestRetainAndNarrow(t *testing.T) {
	buf := make([]byte, 1000)
	s := New(buf)
	for _, v := range []int64{-70_000, 1, 2, 3, 400, 1 << 40} {
		i, _ := Search(s, v)
		s = Insert(buf, s, i, v)
	}
	if s = Retain(s, func(v int64) bool { return v > 1 && v < 1000 }); !Validate(s, false) || Len(s) != 3 || len(s) != HeaderSize+3*8 {
		t.Fatalf("%d integers in %d bytes", Len(s), len(s))
	}
	s = Narrow(s)
	if !Validate(s, false) || len(s) != HeaderSize+3*2 || At(s, 0) != 2 || At(s, 1) != 3 || At(s, 2) != 400 {
		t.Fatalf("%d integers in %d bytes: %d %d %d", Len(s), len(s), At(s, 0), At(s, 1), At(s, 2))
	}
}
