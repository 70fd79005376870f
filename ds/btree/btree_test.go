package btree

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"kvorum/mem"
)

// number is the name of an item that stands for itself.
func number(item mem.Handle) []byte { return binary.BigEndian.AppendUint64(nil, uint64(item)) }

func compare(a, b Entry) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) }

func all(t *Tree) (list []Entry) {
	for c := t.First(); c.Valid(); c.Next() {
		list = append(list, c.Entry())
	}
	return list
}

func check(t *testing.T, tree *Tree, model []Entry) {
	t.Helper()
	if err := tree.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := all(tree); !slices.Equal(got, model) {
		t.Fatalf("%d entries differ from the model's %d", len(got), len(model))
	}
	i := len(model)
	c := tree.End()
	for c.Prev() {
		i--
		if c.Entry() != model[i] {
			t.Fatalf("backwards at %d: %v, want %v", i, c.Entry(), model[i])
		}
	}
	if i != 0 {
		t.Fatalf("backwards ends at %d", i)
	}
}

// Random insertions and deletions in a keyed tree, in several orders of arrival,
// must do what they do to a sorted slice.
func TestKeyedEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for round := range 30 {
		tree := New(number)
		var model []Entry
		few := uint64(1) << r.IntN(30)
		for step := range 3000 {
			e := Entry{r.Uint64N(few), r.Uint64N(1 << 20)}
			switch round % 5 {
			case 1:
				e.A = uint64(step)
			case 2:
				e.A = uint64(5000 - step)
			}
			at, found := slices.BinarySearchFunc(model, e, compare)
			c := tree.Seek(Key{e.A, number(mem.Handle(e.B))})
			if got := c.Position(); got != uint64(at) {
				t.Fatalf("%v is at %d, want %d", e, got, at)
			}
			if found != (c.Valid() && c.Entry() == e) {
				t.Fatalf("%v found %v", e, !found)
			}
			// Long phases of growth and of shrinking.
			if grow := step/700%2 == 0; !found && (grow || r.IntN(3) == 0) {
				c.Insert(a, e)
				model = slices.Insert(model, at, e)
				if c.Entry() != e || c.Position() != uint64(at) {
					t.Fatalf("after insertion of %v the cursor is at %d on %v", e, c.Position(), c.Entry())
				}
			} else if len(model) > 0 {
				at = r.IntN(len(model))
				c, into := tree.At(uint64(at))
				if into != 0 || c.Entry() != model[at] {
					t.Fatalf("at %d: %v, want %v", at, c.Entry(), model[at])
				}
				c.Delete(a)
				model = slices.Delete(model, at, at+1)
				if at < len(model) != c.Valid() || c.Valid() && (c.Entry() != model[at] || c.Position() != uint64(at)) {
					t.Fatalf("after deletion at %d of %d the cursor is off", at, len(model))
				}
			}
			if step%97 == 0 {
				check(t, &tree, model)
			}
		}
		check(t, &tree, model)
		state := a.Alloc(StateSize, mem.KindNode)
		tree.Save(state, 0)
		tree = Load(state, 0, number)
		mem.Free(state, mem.KindNode)
		check(t, &tree, model)
		n := 0
		for !tree.Clear(a, 2, func(Entry) { n++ }) {
		}
		if n != len(model) || a.UsedBytes() != 0 || tree.Len() != 0 {
			t.Fatalf("cleared %d of %d entries, %d bytes left", n, len(model), a.UsedBytes())
		}
	}
}

// A cursor that deletes a range one entry after the other must stay on the tree.
func TestDeletingRangesKeepsTheCursor(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for range 40 {
		tree := New(number)
		var model []Entry
		for i := range uint64(1 + r.IntN(4000)) {
			e := Entry{i, i}
			c := tree.End()
			c.Insert(a, e)
			model = append(model, e)
		}
		for len(model) > 0 {
			from := r.IntN(len(model))
			n := min(1+r.IntN(1+len(model)/2), len(model)-from)
			c, _ := tree.At(uint64(from))
			for i := range n {
				if got := c.Delete(a); got != model[from+i] {
					t.Fatalf("deleted %v, want %v", got, model[from+i])
				}
			}
			model = slices.Delete(model, from, from+n)
			check(t, &tree, model)
		}
		if a.UsedBytes() != 0 {
			t.Fatalf("%d bytes left", a.UsedBytes())
		}
	}
}

// Entries of a sequence weigh what they say, and positions count weights.
func TestSequenceEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	tree := New(nil)
	var model []Entry
	for step := range 6000 {
		pos := uint64(0)
		if tree.Len() > 0 {
			pos = r.Uint64N(tree.Len() + 1)
		}
		c, into := tree.At(pos)
		i, sum := 0, uint64(0)
		for i < len(model) && sum+model[i].B <= pos {
			sum += model[i].B
			i++
		}
		if into != pos-sum || c.Position() != sum || c.Valid() != (i < len(model)) || c.Valid() && c.Entry() != model[i] {
			t.Fatalf("position %d: entry of %d and %d into it", pos, c.Position(), into)
		}
		e := Entry{uint64(step), 1 + r.Uint64N(50)}
		switch {
		case step/1000%2 == 0 && r.IntN(4) > 0 || len(model) == 0:
			c.Insert(a, e)
			model = slices.Insert(model, i, e)
		case i < len(model) && r.IntN(2) == 0:
			c.Replace(e)
			model[i] = e
		case i < len(model):
			c.Delete(a)
			model = slices.Delete(model, i, i+1)
		}
		if step%113 == 0 {
			check(t, &tree, model)
		}
	}
	check(t, &tree, model)
	tree.Clear(a, 1<<30, func(Entry) {})
	if a.UsedBytes() != 0 {
		t.Fatalf("%d bytes left", a.UsedBytes())
	}
}

// A tree that is cut is two trees with the entries before and behind, which can be
// changed and cut further.
func TestCutTrees(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for round := range 200 {
		keyed := round%2 == 0
		names := Namer(nil)
		if keyed {
			names = number
		}
		tree := New(names)
		var model []Entry
		for i := range uint64(r.IntN(1 << r.IntN(14))) {
			e := Entry{i, 1 + r.Uint64N(9)}
			c := tree.End()
			c.Insert(a, e)
			model = append(model, e)
		}
		for len(model) > 0 {
			at := r.IntN(len(model) + 1)
			if r.IntN(4) == 0 {
				at = [...]int{0, len(model), 1, len(model) - 1}[r.IntN(4)]
			}
			c := tree.First()
			for range at {
				c.Next()
			}
			tail := c.Cut(a)
			check(t, &tree, model[:at])
			check(t, &tail, model[at:])
			if r.IntN(2) == 0 {
				model = slices.Clone(model[:at])
			} else {
				tree, tail = tail, tree
				model = slices.Clone(model[at:])
			}
			tail.Clear(a, 1<<30, func(Entry) {})
			for range r.IntN(200) {
				if len(model) == 0 {
					break
				}
				i := r.IntN(len(model))
				c := tree.First()
				for range i {
					c.Next()
				}
				c.Delete(a)
				model = slices.Delete(model, i, i+1)
			}
			check(t, &tree, model)
			if len(model) > 0 {
				e := Entry{model[len(model)-1].A + 1, 3}
				c := tree.End()
				c.Insert(a, e)
				if model = append(model, e); r.IntN(3) == 0 {
					break
				}
			}
		}
		tree.Clear(a, 1<<30, func(Entry) {})
		if a.UsedBytes() != 0 {
			t.Fatalf("%d bytes left", a.UsedBytes())
		}
	}
}

func TestOrderedArrivalFillsNodes(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	const n = 100_000
	for _, back := range []bool{false, true} {
		tree := New(number)
		for i := range uint64(n) {
			if back {
				i = n - i
			}
			c := tree.Seek(Key{A: i})
			c.Insert(a, Entry{i, i})
		}
		if per := float64(a.UsedBytes()) / n; per > leafEntry*1.15 {
			t.Errorf("backwards %v: %.1f bytes per entry", back, per)
		}
		tree.Clear(a, 1<<30, func(Entry) {})
	}
}

func TestSmallTreesAreSmall(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	tree := New(number)
	for i := range uint64(leafMax) {
		c := tree.End()
		c.Insert(a, Entry{i, i})
		room := leafMin
		for room < int(i)+1 {
			room = 2*room + 1
		}
		if want := int64(mem.RoundSize(headerSize + room*leafEntry)); a.UsedBytes() != want {
			t.Fatalf("%d entries take %d bytes, want %d", i+1, a.UsedBytes(), want)
		}
	}
	tree.Clear(a, 1, func(Entry) {})
}

func BenchmarkInsertDelete(b *testing.B) {
	a := mem.NewArena()
	defer a.Close()
	tree := New(number)
	r := rand.New(rand.NewPCG(1, 1))
	keys := make([]uint64, 1<<20)
	for i := range keys {
		keys[i] = r.Uint64()
		c := tree.Seek(Key{A: keys[i]})
		c.Insert(a, Entry{keys[i], 1})
	}
	b.ReportMetric(float64(a.UsedBytes())/float64(len(keys)), "B/entry")
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		k := &keys[i&(len(keys)-1)]
		c := tree.Seek(Key{A: *k})
		c.Delete(a)
		*k = r.Uint64()
		c = tree.Seek(Key{A: *k})
		c.Insert(a, Entry{*k, 1})
		i++
	}
}

// When the only entry of the first of two leaves goes, the root goes too, and the
// cursor must be on the first entry of the leaf that is left.
func TestDroppingALeafBelowTheRootKeepsTheCursor(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	tree := New(nil)
	for i := range uint64(leafMax + 1) {
		c := tree.First()
		c.Insert(a, Entry{i, 1})
	}
	for n := tree.Len(); n > 1; n-- {
		c := tree.First()
		c.Delete(a)
		if !c.Valid() || c.Position() != 0 || c.Entry() != tree.At0() {
			t.Fatalf("%d entries left: the cursor is at %d", n-1, c.Position())
		}
	}
}

// At0 returns the first entry.
func (t *Tree) At0() Entry { c := t.First(); return c.Entry() }
