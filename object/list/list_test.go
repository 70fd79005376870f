package list

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

func word(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return fmt.Sprint(r.IntN(1000))
	case 1:
		return strings.Repeat("x", r.IntN(900))
	case 2:
		if r.IntN(10) == 0 {
			return strings.Repeat("y", r.IntN(10_000))
		}
	}
	return fmt.Sprintf("word-%d", r.IntN(200))
}

// Random commands under random limits must do what they do to a slice, and give all
// memory back.
func TestListEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for range 60 {
		lim := Limits{Bytes: 1 << (6 + r.IntN(8))}
		if r.IntN(2) == 0 {
			lim = Limits{Entries: 1 + r.IntN(40)}
		}
		lim.Depth = r.IntN(5)
		depths := r.IntN(2) == 0
		rec := New(a, []byte("key"), 0)
		var model []string
		var buf []byte
		var l List
		for step := range 700 {
			if depths && step%20 == 0 {
				lim.Depth = r.IntN(5)
			}
			l.Open(rec, lim, &buf)
			var c Cursor
			if r.IntN(2) == 0 {
				c.Hold()
			}
			at := [...]int{0, len(model), r.IntN(len(model) + 1)}[r.IntN(3)]
			l.At(at, &c)
			isAt(t, &c, model, at, "sought")
			w := word(r)
			grow := step/150%2 == 0
			switch {
			case at == len(model) || grow && r.IntN(4) > 0 || r.IntN(4) == 0:
				l.Grow(1, len(w))
				insertAt(&l, at, &c, w, r.IntN(2) == 0)
				model = slices.Insert(model, at, w)
			case r.IntN(6) == 0:
				n := r.IntN(len(model) - at + 1)
				if rest := l.DeleteRange(at, n); rest != 0 {
					object.Free(rest)
				}
				model = slices.Delete(model, at, at+n)
				l.Shrink()
				l.At(at, &c)
			case r.IntN(4) == 0:
				l.Grow(1, len(w))
				l.At(at, &c)
				c.Replace([]byte(w))
				model[at] = w
			default:
				for n := r.IntN(4); n >= 0 && at < len(model); n-- {
					c.Delete()
					model = slices.Delete(model, at, at+1)
				}
			}
			isAt(t, &c, model, at, "changed")
			c.Release()
			isAt(t, &c, model, at, "released")
			if step%30 == 0 {
				l.Open(rec, lim, &buf)
				compare(t, &l, model)
			}
		}
		l.Open(rec, lim, &buf)
		compare(t, &l, model)
		twin := object.Clone(a, rec, []byte("twin"), false, false)
		object.Free(rec)
		l.Open(twin, lim, &buf)
		compare(t, &l, model)
		for !object.FreeSome(twin, 1) {
		}
		if n := a.UsedBytes(); n != 0 {
			t.Fatalf("%d bytes left", n)
		}
	}
}

// isAt fails unless the cursor is on entry at.
func isAt(t *testing.T, c *Cursor, model []string, at int, done string) {
	t.Helper()
	if c.Valid() != (at < len(model)) || c.Valid() && text(c) != model[at] {
		t.Fatalf("the cursor that was %s is not on entry %d of %d", done, at, len(model))
	}
}

// insertAt puts a value before entry at, where c is put; at an end, with push, by Push.
func insertAt(l *List, at int, c *Cursor, value string, push bool) {
	switch n := l.Len(); {
	case push && (at == 0 || at == n):
		l.Push([]byte(value), at < n)
		l.Open(l.rec, l.lim, l.buf)
		l.At(at, c)
	default:
		l.At(at, c)
		c.Insert([]byte(value))
	}
}

func text(c *Cursor) string {
	var digits [20]byte
	return string(c.Value().Bytes(digits[:]))
}

func compare(t *testing.T, l *List, model []string) {
	t.Helper()
	if l.Len() != len(model) {
		t.Fatalf("%d entries, want %d", l.Len(), len(model))
	}
	var c Cursor
	i := 0
	for l.At(0, &c); c.Valid(); c.Next() {
		if text(&c) != model[i] {
			t.Fatalf("entry %d is %q, want %q", i, text(&c), model[i])
		}
		i++
	}
	if i != len(model) {
		t.Fatalf("%d entries, want %d", i, len(model))
	}
	l.At(len(model), &c)
	for c.Prev() {
		if i--; text(&c) != model[i] {
			t.Fatalf("backwards: entry %d is %q, want %q", i, text(&c), model[i])
		}
	}
	if i != 0 {
		t.Fatalf("backwards ends at %d", i)
	}
	if l.pack {
		return
	}
	if err := l.nodes.Validate(); err != nil {
		t.Fatal(err)
	}
	for c := l.nodes.First(); c.Valid(); c.Next() {
		lp := l.open(c.Entry())
		n := listpack.Count(lp)
		if n == 0 || uint64(n) != c.Entry().B || n > 1 && !l.lim.nodeFits(n, len(lp)) {
			t.Fatalf("node of %d entries and %d bytes weighs %d under %v", n, len(lp), c.Entry().B, l.lim)
		}
	}
}

func BenchmarkPushPop(b *testing.B) {
	a := mem.NewArena()
	defer a.Close()
	rec := New(a, []byte("k"), 0)
	var buf []byte
	var l List
	value := []byte("twenty bytes long...")
	const n = 1_000_000
	var c Cursor
	for range n {
		l.Open(rec, Limits{Bytes: 8192}, &buf)
		l.Grow(1, len(value))
		l.At(l.Len(), &c)
		c.Insert(value)
	}
	b.ReportMetric(float64(a.UsedBytes())/n, "B/entry")
	b.ReportAllocs()
	for b.Loop() {
		l.Open(rec, Limits{Bytes: 8192}, &buf)
		l.At(l.Len(), &c)
		c.Insert(value)
		l.Open(rec, Limits{Bytes: 8192}, &buf)
		l.At(0, &c)
		c.Delete()
	}
}
